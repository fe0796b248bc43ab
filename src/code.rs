//! The catalogue of everything veritar can find: one entry a code, with what it means, why it matters and what to do.
//!
//! Promises: identifiers never change their meaning; every code has a text that stands without the source; the table in
//! `docs/findings.md` and `veritar explain` are printed from here. Refuses to know: when a code is raised.

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Does not fail the archive, but somebody should look.
    Warning,
    /// The archive does not pass.
    Error,
}

impl Severity {
    /// Every severity, the gravest first.
    pub const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Info];

    /// The severity that has this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == word)
    }

    /// The word used in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What an error of this code decides about the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decides {
    /// The archive is not good.
    Fail,
    /// Nobody can tell yet: a key, a format or a rule set is missing.
    Inconclusive,
}

/// One kind of finding.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// `area/name`, as in reports.
    pub id: &'static str,
    /// How grave it is unless a rule judges otherwise.
    pub severity: Severity,
    /// What it decides while its severity is error.
    pub decides: Decides,
    /// What it means, in one sentence.
    pub title: &'static str,
    /// Why it matters to someone who wants to restore.
    pub why: &'static str,
    /// What to do about it.
    pub fix: &'static str,
}

/// Areas whose errors say that bytes are damaged or were not read, or that nothing was judged.
const FIXED_AREAS: &[&str] =
    &["compressed", "gzip", "limit", "mangled", "openpgp", "rules", "source", "tar", "wrapper"];

impl Code {
    /// The part of the identifier before the slash.
    #[must_use]
    pub fn area(&self) -> &'static str {
        self.id.split_once('/').map_or(self.id, |(area, _)| area)
    }

    /// Whether its errors stay errors whatever anybody sets: nobody may turn damage, or an archive that was not read or
    /// not judged, into a pass. What rules ask for and what members hold is for people to weigh.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        FIXED_AREAS.contains(&self.area())
    }
}

/// The code with this identifier.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter().copied().find(|code| code.id == id)
}

macro_rules! codes {
    ($($name:ident = $id:literal, $severity:ident, $decides:ident, $title:literal, $why:literal, $fix:literal;)+) => {
        $(
            #[doc = $title]
            pub static $name: Code = Code {
                id: $id,
                severity: Severity::$severity,
                decides: Decides::$decides,
                title: $title,
                why: $why,
                fix: $fix,
            };
        )+

        /// Every code, in the order of the catalogue.
        pub static ALL: &[&Code] = &[$(&$name,)+];
    };
}

codes! {
    // --- the bytes as they came ---
    SOURCE_EMPTY = "source/empty", Error, Fail,
        "there are no bytes at all",
        "a shell creates the file before the backup command runs; when the command then fails, an empty file is left under the right name",
        "look at the exit status and the error output of the backup command, and run it again";
    SOURCE_UNRECOGNISED = "source/unrecognised", Error, Inconclusive,
        "the bytes are no format that is known here",
        "an archive that cannot be opened by its first bytes cannot be judged; a passphrase does not help, because encrypted messages have a readable beginning",
        "check which command wrote the file and whether it is the whole file; `file` or a hex dump of the first 512 bytes may tell more";
    SOURCE_OTHER_ARCHIVE = "source/other-archive", Error, Inconclusive,
        "the file is an archive or image of another format, which is not read here",
        "what is in it could not be looked at; the products write tar, so somebody packed it again or named the wrong file",
        "if the backup is inside, unpack it with its own tool and verify what comes out";
    SOURCE_NO_ARCHIVE = "source/no-archive", Error, Fail,
        "the file is something else than an archive",
        "it was stored under the backup's name, or the wrong file was named: no backup is in it",
        "find the file that the backup command wrote; if there is none, run the backup again";
    MANGLED_PAGE = "mangled/error-page", Error, Fail,
        "a web page or an error message in XML was saved in place of a backup",
        "a proxy, server or object store answered the download with an error, and the answer was stored under the backup's name",
        "read the page for its reason, then download again with a client that fails on an HTTP error (`curl --fail`)";
    MANGLED_JSON = "mangled/json-message", Error, Fail,
        "a JSON message was saved in place of a backup",
        "the API answered with a message, and the answer was stored under the backup's name",
        "read the message for its reason, then run the backup again and check the HTTP status";
    MANGLED_LOG = "mangled/log-text", Error, Fail,
        "log lines or a shell's message stand where a part of the archive must",
        "the error stream was redirected into the archive (`2>&1`), or the log driver was read instead of the output: headers no longer stand where readers look for them",
        "run the backup again with the error stream kept apart and with `--log-driver none`; where the message says that an archive stands right behind the text, cutting the text out gives it back";
    MANGLED_DOCKER_STREAM = "mangled/docker-stream", Error, Fail,
        "the raw stream of Docker's attach or log API was saved",
        "every piece has an 8-byte frame header in front, so no tar reader finds its headers; the bytes of the archive are all there in between",
        "run the backup with the docker client, or take the frame headers out, which gives back every byte: each is a stream number (keep the pieces of 1, leave out those of 2), three zeros and a big-endian length";
    MANGLED_NEWLINES = "mangled/newlines", Error, Fail,
        "line feeds were turned into carriage return and line feed",
        "a terminal was between the backup and the file (`docker run -t`), or a transfer in text mode: every byte 0x0A became two, so headers are moved and binary members are broken",
        "run the backup again without `-t`, or transfer it in binary mode; taking out every carriage return before a line feed gives the archive back only if it had none of its own there, which its members' checksums must show";
    MANGLED_RETURNS = "mangled/carriage-returns", Error, Fail,
        "carriage returns were taken out of the file",
        "a transfer in text mode (FTP ASCII, `dos2unix`, `tr`) took it for text; which bytes are gone cannot be told",
        "transfer the file again in binary mode";
    MANGLED_ENCODING = "mangled/text-encoding", Error, Fail,
        "the bytes were turned into text of another encoding",
        "Windows PowerShell's `>` writes what a program gives as UTF-16, and programs that take bytes for UTF-8 replace those that are none: the archive's own bytes are gone",
        "run the backup again and let the program write the file itself (`--output FILE`), or redirect in cmd.exe or with PowerShell 7.4 or later";
    MANGLED_BASE64 = "mangled/base64", Error, Inconclusive,
        "the file is an archive in base64",
        "no restore reads it as it is; an API or a secret store handed it out as text",
        "decode it and pipe the result into `veritar verify -`";
    MANGLED_HTTP = "mangled/http-response", Error, Fail,
        "an HTTP response was saved with its header fields",
        "the fields stand before the archive (`curl --include`), so no reader finds its first header",
        "download again without the fields; where the message names the archive's first byte, everything before it can be cut away";
    MANGLED_POINTER = "mangled/git-lfs-pointer", Error, Fail,
        "the file is a pointer of Git LFS, and not what it points at",
        "the repository was cloned without its large files: the backup is on the LFS server, if it still is",
        "fetch it with `git lfs pull` and verify the file again";
    MANGLED_ZEROS = "mangled/zeros", Error, Fail,
        "zeros stand where data must be",
        "the file was made at its full size and not filled, or the system lost pages of it: a full disk, a crash before the data was written, a sparse copy, a failing disk",
        "get another copy; look at the system's log of the time when the file was written, and check the disk";
    MANGLED_OPENSSL = "mangled/openssl-enc", Error, Inconclusive,
        "the file was written by `openssl enc`",
        "that format says neither which cipher nor which key derivation was used, and has no integrity check: veritar does not read it",
        "decrypt it with the command that belongs to the site (`openssl enc -d ...`) and pipe the result into `veritar verify -`";
    WRAPPER_UNSUPPORTED = "wrapper/unsupported", Error, Inconclusive,
        "the archive is wrapped in a format, or a variant of one, that is recognised but not read here",
        "what is inside could not be looked at",
        "unwrap it with its own tool and pipe the result into `veritar verify -`";
    WRAPPER_SUFFIX = "wrapper/suffix", Warning, Fail,
        "the file's name promises another format than its bytes are",
        "scripts that trust the suffix will call the wrong tool when it is time to restore",
        "rename the file, or call tools that look at the content";

    // --- limits ---
    LIMIT_REACHED = "limit/reached", Error, Inconclusive,
        "a limit on what the input may ask for was reached",
        "reading stopped there, so nothing after it was looked at; a hostile archive looks like this, a few honest ones do too",
        "if the archive is trusted, raise the limit named in the message with `--limit NAME=VALUE`";
    LIMIT_FINDINGS = "limit/findings", Info, Fail,
        "further findings of one code were counted, not kept",
        "a damaged archive can repeat one complaint a million times",
        "raise `--limit findings-per-code=N` to see them all";

    // --- archives inside archives ---
    NESTED_CONTAINER = "nested/container", Info, Fail,
        "the archive was read for another one that is inside it",
        "its own form and integrity were checked to its end; no rule set judged what else it holds",
        "verify it without `--inside`, too, if it is a backup itself";
    NESTED_MISSING = "nested/member-missing", Error, Fail,
        "there is no archive to go into under the name given with `--inside`",
        "nothing was looked at in place of it",
        "`veritar list` shows the names; in a damaged archive the member may stand behind the damage";
    NESTED_TWICE = "nested/member-twice", Warning, Fail,
        "the member that was gone into stands several times in the archive",
        "the first one was read, as `veritar cat` does; a restore leaves the last one on the disk",
        "find out which one is meant, and why there are several";
    NESTED_INCOMPLETE = "nested/incomplete", Error, Fail,
        "an archive inside the archive holds less than it must",
        "it is whole, but what its program should have packed is not there; the restore unpacks it and misses data",
        "go into it with `veritar list --inside MEMBER`, compare with a good one, and run the backup again";

    // --- gzip ---
    GZIP_TRUNCATED = "gzip/truncated", Error, Fail,
        "the gzip stream ends before its end",
        "the file was cut: the disk was full, the transfer broke, or the writer was killed; what comes after is lost",
        "get the file again from where it was written, or run the backup again";
    GZIP_CORRUPT = "gzip/corrupt", Error, Fail,
        "the compressed data cannot be decoded",
        "bytes changed after the archive was written; everything from here on is lost",
        "get another copy; if all copies are alike, the storage it was written to is suspect";
    GZIP_CHECKSUM = "gzip/checksum", Error, Fail,
        "the decompressed data does not match its CRC-32",
        "bytes changed after the archive was written, in a way that still decodes: members look whole and are not",
        "get another copy; if all copies are alike, the storage it was written to is suspect";
    GZIP_LENGTH = "gzip/length", Error, Fail,
        "the decompressed data has another length than the trailer says",
        "data is missing or was added inside the gzip member",
        "get another copy, or run the backup again";
    GZIP_HEADER = "gzip/header", Error, Fail,
        "a gzip member header is invalid",
        "reserved flags are set or the header's own CRC does not match: the header was changed",
        "get another copy, or run the backup again";
    GZIP_MEMBERS = "gzip/members", Info, Fail,
        "the file holds several gzip members",
        "appending to a .gz file and some parallel compressors write that; a few readers stop after the first",
        "nothing, unless it was meant to hold one backup only";
    GZIP_TRAILING = "gzip/trailing-data", Error, Fail,
        "bytes that are not gzip follow the last gzip member",
        "something was appended or a transfer overran; readers disagree whether such a file is good",
        "find out what wrote the bytes; if they are garbage, cut the file at the offset given";
    GZIP_PADDING = "gzip/padding", Info, Fail,
        "zeros follow the last gzip member",
        "tapes and block devices pad to their block size; gzip ignores it",
        "nothing";

    // --- zstd, xz, bzip2, lzip, compress ---
    COMPRESSED_TRUNCATED = "compressed/truncated", Error, Fail,
        "the compressed data ends before its end",
        "the file was cut: the disk was full, the transfer broke, or the writer was killed; what comes after is lost",
        "get the file again from where it was written, or run the backup again";
    COMPRESSED_CORRUPT = "compressed/corrupt", Error, Fail,
        "the compressed data cannot be decoded",
        "bytes changed after the archive was written; everything from here on is lost",
        "get another copy; if all copies are alike, the storage it was written to is suspect";
    COMPRESSED_CHECKSUM = "compressed/checksum", Error, Fail,
        "the decompressed data does not match the checksum stored with it",
        "bytes changed after the archive was written, in a way that still decodes: members look whole and are not",
        "get another copy; if all copies are alike, the storage it was written to is suspect";
    COMPRESSED_LENGTH = "compressed/length", Error, Fail,
        "a length stored with the compressed data is not the one that was found",
        "data is missing or was added, or the stored length was changed",
        "get another copy, or run the backup again";
    COMPRESSED_TRAILING = "compressed/trailing-data", Error, Fail,
        "bytes of something else follow the compressed data",
        "something was appended or a transfer overran; some readers ignore it, others refuse the whole file",
        "find out what wrote the bytes; if they are garbage, cut the file at the offset given";
    COMPRESSED_PADDING = "compressed/padding", Info, Fail,
        "zeros follow the compressed data",
        "tapes and block devices pad to their block size, and xz allows it; where the format's own program refuses the zeros, this is a warning: it writes everything out and then exits with an error",
        "nothing; where it is a warning, cut the file at the offset given before a script trusts the exit code";
    COMPRESSED_MEMBERS = "compressed/members", Info, Fail,
        "the file holds several compressed streams, one after the other",
        "appending to a compressed file and most parallel compressors write that; a few readers stop after the first",
        "nothing, unless it was meant to hold one backup only";
    COMPRESSED_SKIPPED = "compressed/skippable-frame", Info, Fail,
        "a frame that readers are told to skip stands between the compressed data",
        "parallel compressors and seekable files keep their own tables there; nobody looks at what else it may hold",
        "nothing";
    COMPRESSED_NO_CHECK = "compressed/no-check", Warning, Fail,
        "nothing stored with the compressed data checks it",
        "a changed byte may decompress to something else without anybody noticing, and a file of such a format may be cut unnoticed",
        "compress with a check (`zstd --check`, `xz --check=crc64`; compress has none), or keep a digest of the file apart from it";
    COMPRESSED_CHECK_UNKNOWN = "compressed/unknown-check", Error, Inconclusive,
        "the content is protected by a check of a kind that is not known here",
        "everything could be read, and nothing proves that it is what was compressed",
        "test the file with the program that wrote it";

    // --- OpenPGP ---
    OPENPGP_PASSPHRASE_MISSING = "openpgp/passphrase-missing", Error, Inconclusive,
        "the message is encrypted to a passphrase, and none was given",
        "nothing inside could be looked at",
        "give it with --passphrase-file, --passphrase-fd or --passphrase-command";
    OPENPGP_PASSPHRASE_WRONG = "openpgp/passphrase-wrong", Error, Inconclusive,
        "no passphrase that was given opens the message",
        "nothing inside could be looked at; if this is the passphrase kept for the restore, the backup cannot be restored with it",
        "check which passphrase was in use when the backup ran, and that its file ends in at most one newline";
    OPENPGP_KEY_MISSING = "openpgp/key-missing", Error, Inconclusive,
        "the message is encrypted to keys of which none was given",
        "nothing inside could be looked at",
        "give the secret key with --secret-key; the recipients are named in the message";
    OPENPGP_TRUNCATED = "openpgp/truncated", Error, Fail,
        "the OpenPGP message ends before its end",
        "the file was cut; what was decrypted before cannot be trusted, because the check value stands at the very end",
        "get the file again from where it was written, or run the backup again";
    OPENPGP_INTEGRITY = "openpgp/integrity", Error, Fail,
        "the message does not match its own check value: it is not what was encrypted",
        "a changed or tampered message still decrypts to something that looks like a tar; nothing read from it can be trusted",
        "get another copy; if all copies are alike, run the backup again and find out who could write to the storage";
    OPENPGP_NO_INTEGRITY = "openpgp/no-integrity", Error, Fail,
        "the message has no integrity protection",
        "anyone who can write to the storage can change such a message without knowing the passphrase",
        "encrypt again with a program that writes integrity-protected messages (any since 2003, without --rfc2440 or --disable-mdc); --allow-unauthenticated reads it as it is";
    OPENPGP_MALFORMED = "openpgp/malformed", Error, Fail,
        "the packets do not form an OpenPGP message",
        "no writer produces this: the file is damaged or was put together by hand",
        "get another copy, or run the backup again";
    OPENPGP_TRAILING = "openpgp/trailing-data", Error, Fail,
        "something follows the encrypted message",
        "a second run appended to the file, or something else was added; other programs read the first message only",
        "split the file at the offset given and verify each part by itself";
    OPENPGP_UNSUPPORTED = "openpgp/unsupported", Error, Inconclusive,
        "the message uses something of OpenPGP that is not read here",
        "nothing inside could be looked at",
        "decrypt it with the program that wrote it and pipe the result into `veritar verify -`";
    OPENPGP_NO_MESSAGE = "openpgp/no-message", Error, Fail,
        "the file is OpenPGP data, but no message that could hold an archive",
        "a key, a signature or a signed text lies where the backup should be: a wrong file was copied, or `--clearsign` was used in place of `--sign`",
        "look for the file it belongs to; for a signature, that is the one without `.sig` or `.asc`";
    OPENPGP_SHORT_PARTIAL = "openpgp/short-partial", Info, Fail,
        "the first partial chunk is shorter than the 512 bytes the standard asks for",
        "backups written by Go programs before March 2020 look like this; gpg reads them, some libraries refuse",
        "nothing; restore with gpg or the product itself";
    OPENPGP_WEAK_S2K = "openpgp/weak-s2k", Warning, Fail,
        "the passphrase is turned into a key with little effort",
        "who holds the file can try many passphrases a second; a short passphrase does not protect it",
        "use a long random passphrase, or encrypt the backup again with gpg's defaults";
    OPENPGP_TEXT_MODE = "openpgp/text-mode", Info, Fail,
        "the message says that its content is text",
        "gpg drops every carriage return from such a message when it decrypts, and exits 0; the product's own restore does not",
        "restore with the product itself, or decrypt with a program that keeps the bytes";
    OPENPGP_SIGNATURE = "openpgp/signature", Info, Fail,
        "the message is signed; the signature was not checked",
        "who can decrypt a message is not who wrote it; only a checked signature tells that",
        "give the signer's certificate with --certificate";
    OPENPGP_SIGNATURE_GOOD = "openpgp/signature-good", Info, Fail,
        "the content is signed by a certificate that was given",
        "this content is what the holder of that key signed",
        "nothing";
    OPENPGP_SIGNATURE_BAD = "openpgp/signature-bad", Error, Fail,
        "a signature is not over this content",
        "the content was changed after it was signed, or the signature was taken from another message",
        "get another copy; if all copies are alike, find out who could write to the storage";
    OPENPGP_SIGNATURE_DOUBTFUL = "openpgp/signature-doubtful", Error, Fail,
        "a signature matches, but its key may not be relied on",
        "the key or its certificate was expired or revoked when the signature was made, or uses an algorithm that can be forged",
        "ask the signer; where the certificate given is old, get the present one";
    OPENPGP_SIGNATURE_UNKNOWN = "openpgp/signature-unknown", Warning, Fail,
        "a signature is by none of the certificates that were given",
        "somebody signed the content, but not who was expected to",
        "give that signer's certificate with --certificate too, or find out who it is";
    OPENPGP_UNSIGNED = "openpgp/unsigned", Warning, Fail,
        "there is no signature, and certificates were given to check one against",
        "whoever can encrypt to the same key or knows the passphrase could have made it; a signature may have been taken off",
        "find out whether this backup is signed; if it should be, do not trust this copy";
    OPENPGP_ARMOR_CHECKSUM = "openpgp/armor-checksum", Warning, Fail,
        "the checksum of the ASCII armor does not match",
        "the text form was changed on the way; whether the content was, the message's own check value tells",
        "get another copy";

    OPENPGP_LEADING = "openpgp/leading-text", Warning, Fail,
        "text stands before the armored message",
        "gpg skips it silently; it may be the error output of the backup command, which nobody read",
        "read the text quoted in the message; run the backup again with the error stream kept apart";
    OPENPGP_SKIPPED = "openpgp/skipped-packet", Warning, Fail,
        "a packet that has no meaning in a message was skipped",
        "readers are told to ignore such packets, so nobody looks at what they hold",
        "find out which program wrote it";

    // --- tar ---
    TAR_TRUNCATED = "tar/truncated", Error, Fail,
        "the archive ends in the middle of a member",
        "the file was cut; this member is incomplete and all after it are lost",
        "get the file again from where it was written, or run the backup again";
    TAR_HEADER = "tar/header", Error, Fail,
        "there is no valid member header where one must stand",
        "the checksum of the header does not match, so it was changed or something moved it; where the next member begins is no longer known",
        "get another copy, or run the backup again";
    TAR_END_MISSING = "tar/end-marker-missing", Warning, Fail,
        "the archive ends without an end-of-archive marker",
        "an archive cut exactly between two members looks like this, and every reader lists it without complaint",
        "compare with the list of what should be in it; if in doubt, run the backup again";
    TAR_END_SHORT = "tar/end-marker-short", Warning, Fail,
        "the end-of-archive marker is one block of zeros instead of two",
        "an archive cut inside its end marker looks like this; no member is lost by that alone",
        "compare the file's size with the original's";
    TAR_LONE_ZERO_BLOCK = "tar/lone-zero-block", Error, Fail,
        "a single block of zeros stands between members",
        "readers disagree: GNU tar, bsdtar and Python stop there, others go on; which members are restored depends on the program",
        "list the archive with the program that will restore it, or write it again";
    TAR_SECOND_ARCHIVE = "tar/second-archive", Error, Fail,
        "another archive follows the end-of-archive marker",
        "a second run appended to the file; readers stop at the first marker and restore the older backup",
        "split the file at the offset given and verify each part by itself; the last is the newest";
    TAR_TRAILING = "tar/trailing-data", Warning, Fail,
        "bytes follow the end-of-archive marker",
        "no reader looks at them, so nobody knows what they are",
        "find out what wrote them; cut the file at the offset given if they are garbage";
    TAR_PARTIAL_BLOCK = "tar/partial-block", Warning, Fail,
        "the zeros after the end-of-archive marker make no whole blocks",
        "every program writes whole blocks, so bytes were lost or added after the archive was written, perhaps in a member as well; \
         readers do not notice, and a wrapper without a checksum does not either",
        "compare the file's size and checksum with the original's; copy it again in binary mode";
    TAR_PADDING = "tar/padding", Warning, Fail,
        "the padding after a member is not zeros",
        "no reader looks at it; some old writers leave memory there, a covert channel would look the same",
        "nothing, if the writer is known to do so";
    TAR_PAX_MALFORMED = "tar/pax-malformed", Error, Fail,
        "a pax extended header is malformed",
        "readers disagree about what such a header means, down to which member comes next",
        "write the archive again with another program";
    TAR_PAX_DUPLICATE = "tar/pax-duplicate", Warning, Fail,
        "a pax extended header gives the same key twice",
        "the last one counts by the standard; some readers take the first",
        "write the archive again with another program";
    TAR_PAX_DELETES = "tar/pax-empty-value", Warning, Fail,
        "a pax extended header has a key without value",
        "that removes an earlier value by the standard; readers disagree about it",
        "write the archive again with another program";
    TAR_PAX_GLOBAL_NAMES = "tar/pax-global-names", Error, Fail,
        "a global pax header gives a path, a link target, a size or a sparse map for all members",
        "some readers rename or rebuild every member, others ignore it",
        "write the archive again with another program";
    TAR_PAX_SIZE = "tar/pax-size", Warning, Fail,
        "the pax header and the member header give different sizes",
        "a reader that believes the wrong one takes payload for headers; archives are smuggled inside archives like this",
        "write the archive again with another program, unless the writer is known to do so for members over 8 GiB";
    TAR_EXTENSION_REPEATED = "tar/extension-repeated", Error, Fail,
        "several extension headers stand before one member and contradict each other",
        "readers disagree about which one counts",
        "write the archive again with another program";
    TAR_EXTENSION_ORPHAN = "tar/extension-orphan", Error, Fail,
        "an extension header has no member after it",
        "the member it belongs to is missing: the archive was cut and closed again, or made by hand",
        "get another copy, or run the backup again";
    TAR_NUMBER = "tar/number", Error, Fail,
        "a number in a header cannot be read",
        "readers take such a field for zero, for something else, or stop",
        "get another copy, or write the archive again";
    TAR_NUMBER_FORM = "tar/number-form", Info, Fail,
        "a number in a header is written in an unusual way",
        "old writers pad with spaces or NULs; readers cope",
        "nothing";
    TAR_SIGNED_CHECKSUM = "tar/signed-checksum", Info, Fail,
        "the header checksum was computed with signed bytes",
        "old HP-UX and Sun writers did that; readers accept both",
        "nothing";
    TAR_UNKNOWN_TYPE = "tar/unknown-type", Warning, Fail,
        "the member has a typeflag that is not known",
        "its payload is skipped as that of a regular file would be; other readers drop the member or stop",
        "find out which program wrote the archive";
    TAR_UNSUPPORTED_TYPE = "tar/unsupported-type", Error, Fail,
        "the member is the continuation of a file from another volume",
        "this is a part of a multi-volume archive and cannot be restored by itself",
        "verify all volumes together with the program that wrote them";
    TAR_LINK_WITH_SIZE = "tar/link-with-size", Error, Fail,
        "a link, device or pipe has a size",
        "readers disagree whether payload follows, and so where the next member begins",
        "write the archive again with another program";
    TAR_DIRECTORY_WITH_SIZE = "tar/directory-with-size", Warning, Fail,
        "a directory has a size",
        "old writers store the size of the directory file there; readers disagree whether payload follows",
        "nothing, if the listing looks right; otherwise write the archive again";
    TAR_SLASH_FILE = "tar/slash-file", Warning, Fail,
        "a regular file's name ends in a slash",
        "before POSIX that meant a directory; readers disagree",
        "write the archive again with another program";
    TAR_NUL_IN_NAME = "tar/nul-in-name", Error, Fail,
        "a name in an extension header holds a NUL byte",
        "some readers cut the name there, others keep it: the same member gets two names",
        "write the archive again with another program";
    TAR_NO_NAME = "tar/no-name", Error, Fail,
        "a member has no name",
        "readers skip it, stop, or invent a name",
        "write the archive again with another program";
    TAR_PREFIX = "tar/prefix", Warning, Fail,
        "the member's name depends on whether the reader honours the ustar prefix field",
        "the magic is not that of ustar and yet the prefix field is filled: the same member gets two names",
        "write the archive again with another program";
    TAR_LONG_PATH = "tar/long-path", Warning, Fail,
        "a path is longer than systems allow",
        "it cannot be restored as it stands",
        "extract that member by itself under another name";
    TAR_SPARSE = "tar/sparse", Info, Fail,
        "a member is stored sparse",
        "its holes are not in the archive; size and digests are those of the whole file, with zeros in its holes",
        "nothing; extract it with a program that knows sparse files (GNU tar, bsdtar)";
    TAR_SPARSE_MAP = "tar/sparse-map", Error, Fail,
        "the map of a sparse member cannot be right",
        "the map tells where the stored bytes belong in the file; with a wrong one readers stop, or restore the bytes to the wrong places",
        "get another copy, or run the backup again without --sparse";
    TAR_TWO_READINGS = "tar/two-readings", Error, Fail,
        "readers see different members in this archive, or call one by another name",
        "what was verified is then not what is restored: this is how members are hidden from one program and shown to another",
        "find out which program wrote it; write it again with another one, and do not restore it as it is";
    TAR_CHARSET = "tar/charset", Warning, Fail,
        "a name in a pax header is not UTF-8",
        "the standard asks for UTF-8 there; some readers refuse the member, others restore it under another name",
        "check the member's name after the restore";
    TAR_LABEL = "tar/volume-label", Info, Fail,
        "the archive begins with a volume label",
        "GNU tar writes it with --label; it is no file",
        "nothing";
    TAR_VENDOR_TYPE = "tar/vendor-type", Info, Fail,
        "a member has a typeflag that a single vendor gave out",
        "other readers skip it or extract its payload as a file; what it says about a member is lost then",
        "restore on the vendor's system if the details matter";
    TAR_INCREMENTAL = "tar/incremental", Warning, Fail,
        "the archive is a part of an incremental backup",
        "files that had not changed since are not in this archive but in an earlier one: alone it restores only a part",
        "verify and keep all archives back to the last full backup";
    TAR_RECOVERED = "tar/recovered", Warning, Fail,
        "members were found again behind damage",
        "their headers are whole; whether they are the members that should stand there, and whether all are found, nobody can tell",
        "take out what is needed, and do not count the archive as a backup";
    TAR_PARTIAL = "tar/partial", Error, Fail,
        "a member before damage may have lost bytes or gained some",
        "where its content ends no header follows, so something was lost or put in before that place",
        "compare its digest with another copy of the file";
    TAR_NO_MEMBERS = "tar/no-members", Error, Fail,
        "the archive holds no member",
        "an end marker alone is a valid tar, and restores nothing",
        "run the backup again and look at its error output";

    // --- members ---
    ENTRY_UNSAFE_PATH = "entry/unsafe-path", Error, Fail,
        "a member's path leads out of the folder it is restored into",
        "absolute paths and `..` let an archive overwrite files anywhere",
        "do not extract it as root; write the archive again with relative paths";
    ENTRY_DUPLICATE = "entry/duplicate", Warning, Fail,
        "a member stands twice in the archive",
        "extraction keeps the last, programs that stop at the first match read the first",
        "find out which of the two is wanted, or run the backup again";
    ENTRY_WRITTEN_OUTSIDE = "entry/written-outside", Error, Fail,
        "a member is written through a link of the archive to a place outside the folder it is restored into",
        "its own path looks harmless; a program that follows links as the system does overwrites a file elsewhere, or sets its mode and owner",
        "do not extract it with anything that follows links, least of all as root; find out who made the link, and take the backup again";
    ENTRY_THROUGH_LINK = "entry/through-link", Warning, Fail,
        "a member is written through a symbolic link of the archive, to a place inside the folder",
        "some programs follow the link, others replace it by a directory or refuse: the same archive restores to different trees",
        "compare the place named with where the files belong; after a restore, look whether the link is still one";
    ENTRY_LINK_OUTSIDE = "entry/link-outside", Warning, Fail,
        "a symbolic link points out of the folder the archive is restored into",
        "what it points to is not in the archive; a second archive that is unpacked into the same folder may be written through it",
        "nothing, if the archive is restored to where it was taken from; otherwise unpack it into an empty folder, and no other archive after it";
    ENTRY_LINK_LOOP = "entry/link-loop", Warning, Fail,
        "symbolic links lead in a circle, or through more links than systems follow",
        "nothing can be opened or written through them; a program that checks paths and gives up there may take them for safe",
        "find out how the links came to be; an error means that a member is written through them, and where it ends up is not known";
    ENTRY_HARDLINK = "entry/hardlink-target", Error, Fail,
        "a hard link is made to something that is no file before it",
        "a hard link has no content of its own: without the member it names, this one cannot be restored",
        "run the backup again, with the whole tree in one archive; look for what left the target out";
    ENTRY_KIND_CHANGED = "entry/kind-changed", Error, Fail,
        "two members contend for one path, and are of different kinds",
        "a file and a directory cannot both be there: programs stop, or drop one of the two with all that is in it",
        "find out which of the two is wanted, or run the backup again";
    ENTRY_COLLISION = "entry/collision", Warning, Fail,
        "two paths differ only in capitals, in how letters are composed, or in dots and spaces at the end of a name",
        "macOS and Windows take them for one: the later overwrites the earlier, or is written through it where that is a link",
        "restore it on a system that tells them apart, as Linux does, and count the files afterwards";
    ENTRY_RESERVED_NAME = "entry/reserved-name", Info, Fail,
        "a name that Windows keeps for a device, or whose end it drops",
        "`con`, `aux`, `nul` and their like cannot be made there, and a dot or a space at the end is lost",
        "nothing, unless it is restored on Windows";
    ENTRY_SPECIAL = "entry/special-file", Warning, Fail,
        "the archive holds devices",
        "a restore as root makes them: who may open a block device reads and writes the disk behind it",
        "nothing in the backup of a whole system; otherwise find out where they come from. Pipes and whiteouts (devices 0/0 of overlay file systems) are only noted";
    ENTRY_SET_ID = "entry/set-id", Warning, Fail,
        "files run with the rights of their owner or group, whoever starts them",
        "a restore as root makes such a file root's own: who added it to the archive is root when anybody runs it",
        "nothing in the backup of a whole system; otherwise take the bits away, or extract without permissions";
    ENTRY_OPEN = "entry/world-writable", Warning, Fail,
        "everybody may write to files or directories of the archive",
        "after the restore any user of the machine can change them; directories that only their owners can delete in are not meant",
        "tighten the modes after the restore, and find out who opened them";
    ENTRY_ODD_NAME = "entry/odd-name", Warning, Fail,
        "a name can be mistaken: it has control characters, line feeds, escape sequences, or marks that turn the writing",
        "a terminal that prints it shows something else, and a script that reads names by lines sees two",
        "look at the names with a program that escapes them, as veritar does. Names that begin with `-` or `~` are only noted: write ./ before them in commands";
    ENTRY_TIME = "entry/time", Warning, Fail,
        "members were modified more than a day in the future",
        "the clock of the machine was wrong, or is now; programs that copy what is newer will keep these files for good",
        "compare the clocks. Times before 1970 are only noted: some file systems cannot keep them";

    // --- rules ---
    RULES_NONE = "rules/none-fit", Error, Inconclusive,
        "no rule set recognises the layout",
        "the archive is readable, but whether it is complete cannot be said",
        "name the rule set with --rules ID (see `veritar rules list`), or write one";
    RULES_SEVERAL = "rules/several-fit", Info, Fail,
        "several rule sets recognise the layout; the most specific was taken",
        "the verdict depends on the choice",
        "name the rule set with --rules ID to be sure";
    RULES_IDLE = "rules/nothing-applied", Error, Inconclusive,
        "no rule of the set applied to anything in the archive",
        "a set whose rules are all optional and match nothing has checked nothing",
        "check that the rule set is meant for this kind of archive; `veritar rules show` prints it";
    RULES_NOT_JUDGED = "rules/not-judged", Warning, Fail,
        "the archive could not be read to its end, so what it must hold was not judged",
        "a list of missing members would only repeat that the archive is cut",
        "mend the damage named by the other findings first";
    RULE_MISSING = "rule/missing", Error, Fail,
        "a member that must be there is not",
        "the restore needs it",
        "run the backup again; the rule names what the member is for";
    RULE_TOO_MANY = "rule/too-many", Error, Fail,
        "more members match than the rule allows",
        "the archive holds something it should not, or two backups in one",
        "list the archive and compare";
    RULE_FORBIDDEN = "rule/forbidden", Error, Fail,
        "a member that must not be there is",
        "the archive was taken from the wrong place or in the wrong state",
        "see the rule for what the member means";
    RULE_KIND = "rule/kind", Error, Fail,
        "a member is of another kind than the rule asks for",
        "a link or a directory in the place of a file restores nothing",
        "list the member, and run the backup again";
    RULE_SIZE = "rule/size", Error, Fail,
        "a member's size is outside what the rule allows",
        "an empty or cut file in the place of a needed one restores nothing",
        "list the member, and run the backup again";
    RULE_MODE = "rule/mode", Warning, Fail,
        "a member's mode is more open than the rule allows",
        "a private key that everyone may read after the restore",
        "tighten the mode after the restore, and find out who opened it";
    RULE_ENTRIES = "rule/entries", Error, Fail,
        "the archive holds fewer entries than the product's own check asks for",
        "the backup ended early: a crash between members leaves a well-formed, short archive",
        "run the backup again and look at its log";
    RULE_NOT_ENCRYPTED = "rule/not-encrypted", Warning, Fail,
        "the archive is not encrypted",
        "it holds private keys or password hashes; who reads the file owns the cluster",
        "encrypt it, and treat what lay open as disclosed";
    RULE_UNMATCHED = "rule/unmatched", Info, Fail,
        "an optional rule matched nothing",
        "nothing failed, and nothing was checked by this rule either",
        "nothing, if the archive is not expected to hold it";
    RULE_CAPTURE_CONFLICT = "rule/capture-conflict", Error, Fail,
        "members disagree about something that one archive has once",
        "two versions or two clusters in one archive: two backups were put together, or one was changed by hand",
        "list the members named, find out where each comes from, and run the backup again";
    // what the content of members proves
    PROBE_HARD_LINK = "probe/hard-link", Error, Inconclusive,
        "a hard link stands where a probe should look",
        "its content is that of the member it links to, which is looked at under that name only, and perhaps for other things: nothing is wrong as far as can be seen, and nothing is proved of this name",
        "take the backup with `tar --hard-dereference`, which stores the content under each name; or, where the links are known and right, say --severity probe/hard-link=warning";
    PROBE_TOO_LARGE = "probe/too-large", Error, Inconclusive,
        "a member is larger than what a probe may hold",
        "what it holds was not looked at, so nobody can tell whether it is good",
        "raise --limit probe-bytes for archives you trust";
    RAFT_LOG_DAMAGED = "raft/log-damaged", Error, Fail,
        "a file of the Raft log is damaged",
        "the log holds what the cluster decided; the engine reads it record by record when it starts, and refuses to start, or drops everything from the damage on",
        "take the backup again with the engine stopped; if this is the only one, another manager's backup holds the same log";
    RAFT_LOG_CUT = "raft/log-cut", Error, Fail,
        "a file of the Raft log ends inside a record",
        "the file was cut: what the cluster decided after that point is missing, and nobody can tell how much it was",
        "take the backup again with the engine stopped, and look whether the disk was full when this one was taken";
    RAFT_LOG_TORN = "raft/log-torn", Warning, Fail,
        "the last record of the Raft log was written in part only",
        "the machine stopped, or the copy was made, in the middle of a write; the engine drops that record when it starts and goes on without it",
        "stop the engine before the backup is taken; this one can be restored, without the last change";
    RAFT_LOG_SHORT = "raft/log-short", Warning, Fail,
        "the last file of the Raft log has no room made ready behind its last record",
        "the file is made at its full size and filled; it is shorter only after the engine mended a torn record, or where it was cut between two records, and then the last changes are missing",
        "compare its size with the file on the manager; if the manager is gone, look in its log for the word `repaired`";
    RAFT_LOG_MISSING = "raft/log-missing", Error, Fail,
        "a file of the Raft log is missing",
        "the engine reads the files in the order of their numbers and refuses a gap; what the missing file held is lost",
        "look for the file where the backup was taken from, and take the backup again";
    RAFT_LOG_MIXED = "raft/log-mixed", Error, Fail,
        "files of the Raft log do not belong together",
        "each file carries on the checksum of the one before; where it does not, one was cut, exchanged, or is from another node or time, and the engine refuses to start",
        "take the backup again with the engine stopped; never put files of two managers or two days into one folder";
    RAFT_STRAY_BYTES = "raft/stray-bytes", Warning, Fail,
        "a file of the Raft log has bytes that are not zero where nothing stands",
        "the engine writes zeros there; it reads the file as if the bytes were not there, so if they are records behind a damaged length, they are lost without a word",
        "find out what changed the file: a copy made while the engine ran, a disk, or a hand; take the backup again";
    RAFT_ENTRIES_MISSING = "raft/entries-missing", Error, Fail,
        "the Raft log lacks entries that were committed",
        "the log says itself that the cluster had decided more than it holds; its end is missing, and the engine refuses to start",
        "take the backup again with the engine stopped";
    RAFT_WRONG_NAME = "raft/wrong-name", Error, Fail,
        "a file of the Raft log is called something else than it is",
        "the engine finds the newest snapshot and the order of the log by the names alone, so it reads the wrong file or none",
        "give the file its name back where the message tells it, and find out who renamed it";
    RAFT_SNAPSHOT_DAMAGED = "raft/snapshot-damaged", Error, Fail,
        "a snapshot of the Raft log is damaged",
        "the snapshot holds everything that the cluster decided up to its day, and what of the log came before it was deleted: without it nothing can be restored",
        "take the backup again; if this is the only one, another manager's backup holds the same state";
    RAFT_SNAPSHOT_BROKEN = "raft/snapshot-broken", Warning, Fail,
        "the engine has put a damaged snapshot aside",
        "it found the snapshot unreadable at an earlier start and went on from an older one, so the disk or the memory of that machine is not to be trusted",
        "look into the health of the machine, and see that the newest snapshot and log are sound";
    RAFT_SNAPSHOT_MISSING = "raft/snapshot-missing", Error, Fail,
        "the Raft log goes on from a snapshot that is missing",
        "what came before the snapshot was deleted from the log, so without it the cluster's state cannot be put together again",
        "look for the folder `snap-v3-encrypted` where the backup was taken from, and take the backup again";
    RAFT_SNAPSHOT_UNKNOWN = "raft/snapshot-unknown", Error, Fail,
        "the Raft log does not go on from the newest snapshot",
        "every snapshot is told of in the log before it is written; where it is not, the snapshot and the log are from two times or two nodes, and the engine refuses to start",
        "take the backup again with the engine stopped: a copy of a running engine is of many moments";
    RAFT_NOT_AUTHENTIC = "raft/not-authentic", Error, Fail,
        "what the Raft log holds does not open with the node's key",
        "the key file and the log are from two nodes or two times, or somebody changed what is encrypted: the engine refuses to start",
        "take the backup again with the engine stopped; do not restore this one on machines that matter";
    SWARM_KEY_DAMAGED = "swarm/key-damaged", Error, Fail,
        "the node's key file cannot be read",
        "it holds the node's identity and the key to everything in the Raft log; without it nothing in the backup can be opened",
        "take the backup again; there is no other copy of the key to the log of this node";
    SWARM_RAFT_KEY_MISSING = "swarm/raft-key-missing", Error, Fail,
        "the node's key file holds no key to the Raft log",
        "the log is encrypted, and the key is kept in a header of `swarm-node.key` on managers only: the file is of a worker, or the header was lost when somebody rewrote the file",
        "take the backup again, on a manager, and copy the file as it is";
    SWARM_KEY_IN_CLEAR = "swarm/key-in-clear", Info, Fail,
        "the key to the Raft log is in clear",
        "autolock is off, so whoever has the backup has every secret of the Swarm: passwords, certificates, the keys of the root authority",
        "encrypt the backup, or turn on autolock (`docker swarm update --autolock=true`) and keep the unlock key elsewhere";
    SWARM_UNLOCK_KEY_NEEDED = "swarm/unlock-key-needed", Error, Inconclusive,
        "the Swarm is locked, and no unlock key was given",
        "without the unlock key the backup cannot be restored, and nobody can tell here whether what is encrypted is whole; the key is in no backup",
        "give it with `--unlock-key-file`; `docker swarm unlock-key` prints it on a manager that still runs";
    SWARM_UNLOCK_KEY_WRONG = "swarm/unlock-key-wrong", Error, Inconclusive,
        "the unlock key that was given does not open the node's key",
        "the key was changed since the backup was taken, or before it; the right one is needed to restore",
        "look for the key of the day of the backup: `docker swarm unlock-key --rotate` makes a new one and forgets the old";
    SWARM_CIPHER_UNKNOWN = "swarm/cipher-unknown", Error, Inconclusive,
        "the Swarm's keys or log are encrypted with a cipher that is not known here",
        "nobody can tell here whether the key is right and what is encrypted is whole; an engine newer than this program may have written it",
        "see whether there is a newer version of this program";
    SWARM_STATE_DAMAGED = "swarm/state-damaged", Error, Fail,
        "a file that says what the Swarm node is cannot be read",
        "the engine reads its addresses and the managers it knows from it when it starts",
        "take the backup again with the engine stopped; the file is short, and can be written by hand from another node's";
    SWARM_JOIN_IN_PROGRESS = "swarm/join-in-progress", Warning, Fail,
        "the backup was taken while the node was joining a Swarm",
        "the node was no full member yet, so what it knows of the cluster may be little or nothing",
        "take the backup on a manager that has been a member for a while";
    TEXT_NOT_TEXT = "text/not-text", Error, Fail,
        "a member that must be text holds something that no text holds",
        "a block of a disk, a piece of another file or a wrong encoding stands where a program expects settings: it will not read them",
        "look at the bytes around the offset; take the file from another backup, or save it as UTF-8 at its source";
    TEXT_EMPTY = "text/empty", Error, Fail,
        "a member that must hold text is empty",
        "the file was created and never written, or its content was lost; the restore puts an empty file in place of the settings",
        "look at the file on the machine it came from, and run the backup again";
    JSON_MALFORMED = "json/malformed", Error, Fail,
        "a member that must be a JSON document is none",
        "it was cut or overwritten, or something else was written in its place: the program that restores it cannot read it",
        "look at the member with `veritar cat`, and run the backup again";
    JSON_BEYOND = "json/beyond-reader", Error, Inconclusive,
        "a JSON document goes past what is read here: more than 127 levels, a number too large for a float, half a surrogate pair",
        "the grammar allows it, so it may be good, but programs differ in what they make of it; what is in it was not looked at",
        "look at the place named in the message with the program that wrote it";
    JSON_DUPLICATE_KEY = "json/duplicate-key", Warning, Fail,
        "an object in a JSON document has a member of one name twice",
        "some programs take the first and some the last, so what is restored depends on who reads it; no product writes this",
        "compare with the original; if it is not so there, the backup was changed";
    JSON_MEMBER_MISSING = "json/member-missing", Error, Fail,
        "a JSON document lacks a value that the restore needs",
        "it is well-formed, but not the document it should be: the row or file was emptied, or another stands in its place",
        "look at the member with `veritar cat`, compare with the original, and run the backup again";
    JSON_UNFIT = "json/unfit-value", Warning, Fail,
        "a value in a JSON document is not of the kind that is looked for",
        "what hangs on it, a reference or a fact for other rules, was not judged",
        "look at the member; if it is right as it is, the rule names the wrong value";
    INSPECT_MALFORMED = "inspect/malformed", Error, Fail,
        "what must be the inspect dump of a container is none",
        "it was cut or overwritten, or the inspection failed while the backup was written; the restore reads there how its container was set up",
        "look at the member with `veritar cat`, and run the backup again";
    INSPECT_WRONG_CONTAINER = "inspect/wrong-container", Error, Fail,
        "an inspect dump describes another container than its file is named after",
        "members were mixed up or renamed: a restore would set a container up like another one",
        "compare the dumps with each other, and run the backup again";
    REGISTRY_BLOB_DIGEST = "registry/blob-digest", Error, Fail,
        "a blob's SHA-256 is not the one that it is named after",
        "its content was changed or cut, on the registry's disk or on the way into the archive: every image that uses it fails to be pulled",
        "verify the blob where the registry keeps it; if it is broken there too, push an image that holds it again from a machine that still has it";
    REGISTRY_BLOB_MISPLACED = "registry/blob-misplaced", Error, Fail,
        "a blob lies where no registry looks for it",
        "a blob is found by its path alone: in the wrong folder or under another name it is as good as not there",
        "compare the path with the registry's own storage; the files were moved or renamed on the way into the archive";
    REGISTRY_BLOB_EMPTY = "registry/blob-empty", Warning, Fail,
        "a blob is empty",
        "no layer and no manifest is: the disk was full, or the copy failed",
        "compare with the registry's own storage, and run the backup again";
    REGISTRY_LINK_MALFORMED = "registry/link-malformed", Error, Fail,
        "a registry's link holds no digest, or something besides",
        "the registry reads nothing but `sha256:` and 64 lower-case digits, so the tag, manifest or layer behind it cannot be pulled; empty links are what a crash or a full disk leaves",
        "compare with the registry's own storage; if it is so there too, push the image again";
    REGISTRY_LINK_ELSEWHERE = "registry/link-elsewhere", Error, Fail,
        "a registry's link leads to another digest than its own path names",
        "who asks for the one gets the other, and refuses it: links were mixed up or changed by hand",
        "compare with the registry's own storage; if it is so there too, push the image again";
    REGISTRY_MANIFEST_MALFORMED = "registry/manifest-malformed", Warning, Fail,
        "a blob has the shape of a manifest, but not all that a manifest must have",
        "where it is one, its image cannot be pulled; what is missing in it was not looked for among the blobs",
        "look at the blob with `veritar cat`; if its digest holds, it was pushed like this";
    BBOLT_META = "bbolt/meta", Error, Fail,
        "a bbolt database has no meta page that can be read",
        "the meta pages say where everything else is, and there are two so that one is always whole: without either, the file cannot be opened; or it is no bbolt database at all",
        "look at the first bytes of the file; take another backup, for the pages behind cannot be told apart without a meta page";
    BBOLT_META_COPY = "bbolt/meta-copy", Warning, Fail,
        "one of the two meta pages of a bbolt database is damaged",
        "bbolt opens the file by the other one; where the damaged one was the newer, the last transaction is not in what is restored",
        "run the backup again if its source still exists; find out whether the file was copied while a program wrote to it";
    BBOLT_TREE = "bbolt/tree", Error, Fail,
        "pages that a bbolt database uses are broken",
        "keys behind such a page are not found, or a program that opens the file stops; a flipped bit looks like this, and so does a file that was copied while a program wrote to it",
        "take another backup; of this one, `bbolt check` and `bbolt surgery` may tell and save what is left, on a copy";
    BBOLT_FREELIST = "bbolt/freelist", Error, Fail,
        "the freelist of a bbolt database is broken",
        "a program that opens the file to write stops there, or overwrites pages that are in use",
        "take another backup; on a copy, `bbolt surgery freelist abandon` drops the list, after which bbolt makes a new one from the tree";
    BBOLT_LOST = "bbolt/lost-pages", Warning, Fail,
        "pages of a bbolt database are neither in use nor free",
        "nothing is wrong with what can be reached, but bbolt never leaves pages behind: a reference to them may be gone",
        "compare the number of keys with the source; `bbolt compact` writes a copy without such pages";
    BBOLT_TRUNCATED = "bbolt/truncated", Error, Fail,
        "a bbolt database ends before its last page",
        "the pages cut off hold keys, or the way to them: a program that reads them stops with an error, or is killed by SIGBUS",
        "take another backup; look for a full disk or a transfer that was broken off";
    ETCD_DIGEST = "etcd/digest", Error, Fail,
        "the SHA-256 at the end of an etcd snapshot does not hold",
        "some byte is not what etcd wrote, and `etcdctl snapshot restore` refuses the file",
        "take another snapshot. `--skip-hash-check` restores it unseen: whatever is damaged comes back as data, so do it only where nothing else is left";
    ETCD_NO_DIGEST = "etcd/no-digest", Warning, Inconclusive,
        "an etcd database has no SHA-256 at its end",
        "`etcdctl snapshot save` always writes one: the file was copied from a data directory (member/snap/db), perhaps while etcd wrote to it, and nothing proves its values. A restore refuses it without `--skip-hash-check`",
        "take a snapshot with `etcdctl snapshot save`; restore this file with `--skip-hash-check` only where there is no other";
    ETCD_NO_KEYS = "etcd/no-keys", Error, Fail,
        "a bbolt database has no place for etcd's keys",
        "etcd makes the bucket when it starts for the first time: this file is another program's database",
        "find out what was stored under the snapshot's name";
    REFERENCE_MISSING = "reference/missing", Error, Fail,
        "a member refers to something that is nowhere in the archive",
        "what is referred to cannot be restored: an image without one of its layers cannot be pulled, a tag without its manifest leads nowhere",
        "look whether the original is still whole at the source, and run the backup again; where it is gone there too, push the image again or delete what refers to it";
    REFERENCE_UNLINKED = "reference/unlinked", Error, Fail,
        "something that is referred to is there, but not linked where it is needed",
        "a registry gives out of a repository only what the repository has a link to: without the link, the blob that lies right there cannot be pulled",
        "compare the repository's folder with the registry's own storage; if the link is missing there too, push the image again";
    REFERENCE_SIZE = "reference/size", Warning, Fail,
        "something has another size than what refers to it says",
        "it was cut or changed after it was written, or was described wrongly from the start: some clients refuse to load what is not as long as they were told",
        "compare with the original; where its digest holds, it is whole, and only the description is wrong";
    RULE_GAP = "rule/gap", Error, Fail,
        "members that are numbered in a row have gaps",
        "a row of a table is missing: what it describes is gone after the restore, and nothing else would tell",
        "run the backup again; if the gap is there again, ask the vendor before you rely on it";
    RULE_CONDITION_UNKNOWN = "rule/condition-unknown", Info, Fail,
        "whether a rule is in force could not be told",
        "it holds for some versions only, and nothing in the archive tells the version: nothing was checked by this rule",
        "nothing, if other rules pass; the finding names what would have to be known";
    RULE_DECLINED = "rules/declined", Error, Inconclusive,
        "the archive is of a product or version that veritar recognises and does not judge",
        "its backups are made, and restored, by other means: a pass would mean nothing",
        "use the product's own tool, as the finding says; or write rules of your own and give them with --rules";
    RULE_TOO_OLD = "rule/too-old", Error, Fail,
        "the backup is older than the rule allows",
        "what was changed since is lost with a restore; a backup job that stopped is seldom noticed otherwise",
        "find out why there is no younger one, and run the backup";
    RULE_AGE_UNKNOWN = "rule/age-unknown", Warning, Fail,
        "the age of the backup could not be told",
        "a rule limits the age, and no member has a time: nothing was checked by it",
        "name a group in `max-age.time` that is captured from a name, or take the key out of the rule file";
    RULE_SHRUNK = "rule/shrunk", Error, Fail,
        "the archive is much smaller than the one before",
        "data do not shrink much between two backups: a part of them is likely to be missing",
        "compare the two with `veritar list`; if it is right so, give another archive with --previous, or make the backup once with \
         --severity rule/shrunk=warning";
    // private keys
    KEY_EMPTY = "key/empty", Error, Fail,
        "a private key's file is empty",
        "the product cannot start with it, and nothing else in the archive can bring the key back",
        "take the key from another backup or from the node itself, and look for what emptied the file: a full disk does";
    KEY_NONE = "key/none", Error, Fail,
        "no private key is in the file that should hold one",
        "something else stands under the key's name: a certificate, a request, a public key, an error message",
        "look at what the message says it holds; the key may stand in a file beside it whose name was mixed up with this one";
    KEY_DAMAGED = "key/damaged", Error, Fail,
        "a private key cannot be read",
        "programs refuse the file at the place that is named, so that what needs the key will not start after the restore",
        "take the key from an older backup or from the node itself; where only a BEGIN or END line is damaged, it can be mended in a text editor and verified again";
    KEY_INCONSISTENT = "key/inconsistent", Error, Fail,
        "the parts of a private key do not fit each other",
        "the file reads well, and yet bits of it have changed or two keys were mixed: what is signed with it will not be accepted by anybody, and some programs refuse it",
        "take the key from an older backup or from the node itself; compare its public half with the one in the certificate";
    KEY_WEAK = "key/weak", Warning, Fail,
        "a private key is so short that it can be broken",
        "RSA below 2048 bits and curves below 224 are refused by current programs, and those who record the traffic can read it",
        "after the restore, replace the key and the certificates that were issued for it";
    KEY_ENCRYPTED = "key/encrypted", Info, Fail,
        "a private key is encrypted by itself",
        "without its passphrase the key is lost, and nobody can tell from here whether what is encrypted is whole",
        "make sure that the passphrase is kept where it can be found on the day of the restore";
    KEY_UNKNOWN_ALGORITHM = "key/unknown-algorithm", Info, Fail,
        "a private key is of a kind that is only named, and not reckoned with",
        "the file reads well, but whether its parts fit each other and whether it is the key of a certificate could not be computed",
        "check it with `openssl pkey -in FILE -check -noout`, or with `ssh-keygen -y -f FILE` if it is OpenSSH's";
    KEY_SEVERAL = "key/several", Warning, Fail,
        "several private keys stand in one file",
        "programs take one of them and say nothing about the others; it may be the wrong one",
        "find out which one belongs to the certificate beside it, and keep only that one in the file";
    KEY_IRREGULAR = "key/irregular", Warning, Fail,
        "a private key's file holds what no program writes there",
        "programs overlook it and read the key, but somebody or something changed the file after it was written: a bit that flipped, bytes that were added",
        "compare the file with another copy; the key itself was read, and its parts were held against each other";
    // certificates
    CERTIFICATE_EMPTY = "certificate/empty", Error, Fail,
        "a certificate's file is empty",
        "what needs the certificate will not start after the restore",
        "take the file from another backup or from the node; where the product writes it empty, the rule can say so with `empty = \"allowed\"`";
    CERTIFICATE_NONE = "certificate/none", Error, Fail,
        "no certificate is in the file that should hold one",
        "something else stands under its name: a key, a signing request that was never answered, an error message",
        "look at what the message says it holds; a signing request must be sent to the CA, and its answer stored in this place";
    CERTIFICATE_DAMAGED = "certificate/damaged", Error, Fail,
        "a certificate cannot be read",
        "programs refuse the file at the place that is named, or pass over the certificate in silence and miss it later",
        "take the certificate from another copy: it is no secret, and every client that connected has seen it (`openssl s_client -showcerts`)";
    CERTIFICATE_SIGNATURE = "certificate/signature", Error, Fail,
        "a certificate's signature does not hold",
        "a bit of the certificate has changed since it was signed, or it was changed by somebody who has not the issuer's key: nobody will trust it. Where it is a warning, it may also have been signed by an earlier key of a CA of the same name",
        "take the certificate from another copy and compare the two";
    CERTIFICATE_EXPIRED = "certificate/expired", Error, Fail,
        "a certificate is no longer valid on the day of the restore",
        "connections that rest on it are refused after the restore. Where it is a warning, others in the same file are still valid",
        "renew it before or right after the restore; the node certificates of a Swarm last 90 days and are renewed by `swarm init --force-new-cluster`. Ask about another day with --at";
    CERTIFICATE_NOT_YET_VALID = "certificate/not-yet-valid", Error, Fail,
        "a certificate is not yet valid on the day of the restore",
        "connections that rest on it are refused until then; mostly the clock of the machine that issued it was wrong, or the day asked about is",
        "compare the clocks, and the day given with --at; issue the certificate again if it is wrong";
    CERTIFICATE_EXPIRES_SOON = "certificate/expires-soon", Warning, Fail,
        "a certificate expires soon after the day of the restore",
        "what was restored will work, and stop working within the days that the rule asks for",
        "renew it now, and back up again";
    CERTIFICATE_WEAK = "certificate/weak", Warning, Fail,
        "a certificate rests on a key or a signature that can be broken",
        "RSA below 2048 bits and signatures with SHA-1 or MD5 are refused by current programs: the restored system may not accept its own certificate",
        "issue it again with a current key and SHA-256";
    CERTIFICATE_UNKNOWN_ALGORITHM = "certificate/unknown-algorithm", Info, Fail,
        "a certificate's signature is of a kind that is not computed here",
        "the certificate reads well, but a flipped bit in it would not have been noticed",
        "check it with `openssl verify -CAfile CA FILE`";
    CERTIFICATE_TOO_MANY = "certificate/too-many", Error, Inconclusive,
        "a file holds more certificates than may be held",
        "those past the limit were not looked at",
        "raise --limit certificates for archives you trust";
    CERTIFICATE_IRREGULAR = "certificate/irregular", Warning, Fail,
        "a certificate's file holds what should not stand there",
        "programs overlook it and read the certificate, but it was not written so: a bit that flipped, bytes that were added, a private key in a file that everybody may read",
        "compare the file with another copy; where a private key stands in it, treat the key as disclosed to all who could read the file";
    CERTIFICATE_KEY_MISMATCH = "certificate/key-mismatch", Error, Fail,
        "a private key and the certificate beside it do not belong together",
        "the service that is started with the two refuses them, or every connection to it fails",
        "find the pair: renewed certificates come with a new key, and one of the two files was not backed up with the other. Compare with the files on the node, and take the backup again";
    CERTIFICATE_NOT_ISSUED = "certificate/not-issued", Error, Fail,
        "a certificate was not issued by the CA beside it",
        "those who trust this CA refuse the certificate, so that the parts of the restored system do not talk to each other",
        "see in the message what broke the chain: a CA of the same name with another key comes from another cluster or from before a rotation. Compare with the files on the node, and take the backup again";
    CERTIFICATE_NOT_COMPARED = "certificate/not-compared", Info, Fail,
        "whether a key, a certificate and a CA belong together could not be computed",
        "an encrypted key hides its public half, and some algorithms are only named here: nothing is wrong as far as can be seen, and nothing is proved",
        "compare them with openssl: `openssl pkey -pubout` and `openssl x509 -pubkey` give the same key, `openssl verify -CAfile CA FILE` holds the chain together";
    RULE_TAR_POLICY = "rule/archive-form", Error, Fail,
        "the archive's form breaks the rule set's policy",
        "the product's own writer never leaves an archive like this",
        "see the finding it names; run the backup again";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn identifiers_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for code in ALL {
            assert!(seen.insert(code.id), "{} stands twice", code.id);
            let (area, name) = code.id.split_once('/').expect("area/name");
            for part in [area, name] {
                assert!(
                    !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'),
                    "{}",
                    code.id
                );
            }
            for text in [code.title, code.why, code.fix] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{}: {text:?}", code.id);
            }
        }
    }

    #[test]
    fn find_knows_every_code_and_nothing_else() {
        for code in ALL {
            assert_eq!(find(code.id), Some(*code));
        }
        assert_eq!(find("tar/nonsense"), None);
    }
}
