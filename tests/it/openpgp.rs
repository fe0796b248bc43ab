//! OpenPGP messages that other programs wrote: the corpora, and the `gpg` of this machine.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use veritar::code;
use veritar::envelope::openpgp::{Form, open, recognise};
use veritar::envelope::{Format, Integrity, Opening, Proof, Raw, Trust};
use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::secret::{Known, Secret, Unlock};
use veritar::source::{MemorySource, Source, SplitSource};

/// What a message came to: its content, where there was any, and its proof.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub content: Option<Vec<u8>>,
    pub proof: Proof,
}

impl Read {
    pub fn codes(&self) -> Vec<&'static str> {
        self.proof.findings.iter().map(|finding| finding.code.id).collect()
    }

    pub fn errors(&self) -> Vec<&'static str> {
        let errors = self.proof.findings.iter().filter(|finding| finding.severity == veritar::finding::Severity::Error);
        errors.map(|finding| finding.code.id).collect()
    }

    pub fn detail(&self, name: &str) -> Option<&str> {
        self.proof.details.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// What the first error says.
    pub fn message_of_error(&self) -> String {
        let error = self.proof.findings.iter().find(|finding| finding.severity == veritar::finding::Severity::Error);
        error.map(|finding| finding.message.clone()).unwrap_or_default()
    }

    pub fn message(&self, code: &'static code::Code) -> &str {
        self.proof.findings.iter().find(|finding| finding.code == code).map_or("", |finding| &finding.message)
    }
}

pub fn read_from(source: impl Source + 'static, unlock: &mut dyn Unlock, limits: &Limits) -> Read {
    read_trusting(source, unlock, limits, &Trust::default())
}

pub fn read_trusting(source: impl Source + 'static, unlock: &mut dyn Unlock, limits: &Limits, trust: &Trust) -> Read {
    // What is read whole is the twin of what is read in pieces in this, too.
    let threads = if source.whole().is_some() { 1 } else { 3 };
    let raw = Box::new(Raw::new(Box::new(source)));
    let opening = open(raw, Depth(1), limits, trust, unlock, threads).expect("memory can be read");
    let (content, proofs) = match opening {
        Opening::Closed(proofs) => (None, proofs),
        Opening::Layer(mut layer) => {
            let mut content = Vec::new();
            while let Some(chunk) = layer.take(usize::MAX).expect("memory can be read") {
                assert_eq!(chunk.offset, content.len() as u64);
                assert!(!chunk.bytes.is_empty());
                content.extend_from_slice(&chunk.bytes);
            }
            (Some(content), layer.close().expect("memory can be read"))
        }
    };
    let [proof] = <[Proof; 1]>::try_from(proofs).expect("one proof");
    assert_eq!((proof.format, proof.depth), (Format::OpenPgp, Depth(1)));
    if let Some(content) = &content {
        assert_eq!(proof.output_bytes, content.len() as u64);
    }
    Read { content, proof }
}

pub fn known(passphrases: &[&str], secret_keys: &[Vec<u8>]) -> Known {
    Known {
        passphrases: passphrases.iter().map(|text| Secret::new(text.as_bytes().to_vec())).collect(),
        secret_keys: secret_keys.iter().map(|bytes| Secret::new(bytes.clone())).collect(),
        ..Known::default()
    }
}

/// Reads `bytes` whole and, where it is not too large, in pieces; all must agree.
pub fn read(bytes: &[u8], unlock: &Known) -> Read {
    let limits = Limits::default();
    let whole = read_from(MemorySource::new(bytes.to_vec()), &mut unlock.clone(), &limits);
    assert_eq!(whole.proof.input_bytes, bytes.len() as u64, "every byte is read");
    let splits: &[&[usize]] = if bytes.len() < 200_000 { &[&[1], &[7, 1, 511, 3], &[4_093]] } else { &[&[65_537]] };
    for sizes in splits {
        let split = read_from(SplitSource::split(bytes.to_vec(), sizes), &mut unlock.clone(), &limits);
        assert_eq!(split.proof, whole.proof, "in pieces of {sizes:?}");
        assert!(split.content == whole.content, "in pieces of {sizes:?}");
    }
    whole
}

pub fn secret() -> Known {
    known(&["secret"], &[])
}

/// The corpora, unless nobody says where they are.
pub fn corpora() -> Option<PathBuf> {
    crate::support::corpora("a test of openpgp").map(|folder| folder.join("openpgp"))
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

pub fn bytes(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn assert_whole(read: &Read, plain: &[u8], name: &str) {
    assert!(read.content.as_deref() == Some(plain), "{name}: {:?}", read.proof);
    assert_eq!(read.errors(), [""; 0], "{name}: {:?}", read.proof);
}

// --- the corpora ---

#[test]
fn every_message_of_gpg_is_read_to_the_byte() {
    let Some(folder) = corpora().map(|folder| folder.join("gpg-2.2.40")) else { return };
    let plain = bytes(&folder.join("plain.tar"));
    let keys = known(&["secret"], &[bytes(&folder.join("secret-keys.asc"))]);
    let mut seen = 0;
    for line in String::from_utf8(bytes(&folder.join("EXPECTED.txt"))).expect("text").lines() {
        let name = line.split(' ').next().expect("a name");
        let message = bytes(&folder.join(name));
        assert!(recognise(&message[..64]).is_some(), "{name}");
        let read = read(&message, &keys);
        seen += 1;
        if name.contains("nomdc") {
            assert_eq!(read.codes(), ["openpgp/no-integrity"], "{name}");
            assert_eq!((read.content, read.proof.integrity), (None, Integrity::Absent), "{name}");
            assert!(read.proof.encrypted && !read.proof.authenticated);
            continue;
        }
        assert_whole(&read, &plain, name);
        let expected = if name.starts_with("signed-only") { Integrity::Absent } else { Integrity::Verified };
        assert_eq!(read.proof.integrity, expected, "{name}");
        assert_eq!(read.proof.encrypted, expected == Integrity::Verified, "{name}");
        assert_eq!(read.codes().contains(&"openpgp/signature"), name.contains("signed"), "{name}: {:?}", read.proof);
        let weak = ["sym-s2k0.gpg", "sym-s2k1.gpg"].contains(&name);
        assert_eq!(read.codes().contains(&"openpgp/weak-s2k"), weak, "{name}: {:?}", read.proof);
        let detail = |known: &str| read.detail(known).unwrap_or("").to_owned();
        match name {
            "sym-aes128.gpg" => assert_eq!(detail("cipher"), "AES-128"),
            "sym-3des.gpg" => assert_eq!(detail("cipher"), "3DES"),
            "sym-twofish.gpg" => assert_eq!(detail("cipher"), "Twofish"),
            "sym-bzip2.gpg" => assert_eq!(detail("compression"), "BZIP2"),
            "sym-zlib.gpg" => assert_eq!(detail("compression"), "ZLIB"),
            "sym-zip.gpg" => assert_eq!(detail("compression"), "ZIP"),
            "sym-armor.asc" => assert!(detail("armor").starts_with("yes")),
            "sym-default-file.gpg" => {
                let names: Vec<_> = read.proof.details.iter().map(|(name, _)| *name).collect();
                assert_eq!(
                    names,
                    ["cipher", "s2k", "session-keys", "packet", "framing", "compression", "name", "mode", "date"]
                );
                assert_eq!((detail("session-keys"), detail("framing")), ("SKESK v4".into(), "partial lengths".into()));
                assert_eq!(detail("s2k"), "iterated SHA-1, 65011712 octets");
                assert_eq!(
                    (detail("packet"), detail("name"), detail("mode")),
                    ("SEIPD v1".into(), "plain.tar".into(), "b".into())
                );
            }
            _ => {}
        }
    }
    assert_eq!(seen, 22);
}

#[test]
fn without_a_secret_the_message_says_what_it_wants() {
    let Some(folder) = corpora().map(|folder| folder.join("gpg-2.2.40")) else { return };
    let read_without = |name: &str| read(&bytes(&folder.join(name)), &Known::default());
    for (name, code) in [
        ("sym-default-file.gpg", "openpgp/passphrase-missing"),
        ("pk-A.gpg", "openpgp/key-missing"),
        ("hidden-recipient.gpg", "openpgp/key-missing"),
        ("pk-A-and-sym.gpg", "openpgp/passphrase-missing"),
    ] {
        let read = read_without(name);
        assert_eq!(
            (read.codes(), &read.content, read.proof.integrity),
            (vec![code], &None, Integrity::Unchecked),
            "{name}"
        );
        assert!(read.proof.encrypted && read.proof.authenticated, "{name}");
    }
    let named = read_without("pk-A.gpg");
    let recipient = named.detail("recipients").expect("a recipient");
    assert_eq!(recipient.len(), 16);
    assert!(named.message(&code::OPENPGP_KEY_MISSING).contains(recipient));
    assert_eq!(read_without("hidden-recipient.gpg").detail("recipients"), Some("hidden"));
}

#[test]
fn a_wrong_passphrase_is_not_damage() {
    let Some(folder) = corpora() else { return };
    for name in ["gpg-2.2.40/sym-default-file.gpg", "gpg-2.2.40/sym-3des.gpg", "go-writer/go-post2020.pgp"] {
        let read = read(&bytes(&folder.join(name)), &known(&["wrong", "Secret"], &[]));
        assert_eq!(read.codes().last(), Some(&"openpgp/passphrase-wrong"), "{name}");
        assert_eq!((read.content, read.proof.integrity), (None, Integrity::Unchecked), "{name}");
    }
}

#[test]
fn the_right_passphrase_among_wrong_ones_is_found() {
    let Some(folder) = corpora() else { return };
    let plain = bytes(&folder.join("go-writer/plain.tar"));
    let read = read(&bytes(&folder.join("go-writer/go-post2020.pgp")), &known(&["wrong", "", "secret", "x"], &[]));
    assert_whole(&read, &plain, "go-post2020.pgp");
}

#[test]
fn damage_in_the_first_blocks_is_not_a_wrong_passphrase() {
    let Some(folder) = corpora() else { return };
    for name in ["gpg-2.2.40/sym-s2k0.gpg", "go-writer/go-post2020.pgp"] {
        let message = bytes(&folder.join(name));
        let prefix = start_of_ciphertext(&message);
        let mut quick_check_hit = 0;
        for at in prefix..prefix + 34 {
            let mut damaged = message.clone();
            damaged[at] ^= 1;
            let read = read_from(MemorySource::new(damaged), &mut secret(), &Limits::default());
            assert_eq!(read.errors(), ["openpgp/integrity"], "{name}, byte {at}");
            assert_eq!(read.proof.integrity, Integrity::Failed, "{name}, byte {at}");
            quick_check_hit += usize::from(read.content.is_none());
        }
        assert!(quick_check_hit >= 4, "{name}");
    }
}

/// Where the prefix of the SEIPD packet begins, told by its version octet: right for messages with a SKESK before it.
fn start_of_ciphertext(message: &[u8]) -> usize {
    let skesk_end = 2 + usize::from(message[1]);
    assert_eq!(message[skesk_end], 0xd2, "a SEIPD packet of the new format");
    let length_octets = match message[skesk_end + 1] {
        192..=223 => 2,
        255 => 5,
        _ => 1,
    };
    let version = skesk_end + 1 + length_octets;
    assert_eq!(message[version], 1);
    version + 1
}

#[test]
fn what_go_wrote_is_read_with_notes() {
    let Some(folder) = corpora().map(|folder| folder.join("go-writer")) else { return };
    let plain = bytes(&folder.join("plain.tar"));
    let mut seen = 0;
    for path in files(&folder) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if !name.ends_with(".pgp") {
            continue;
        }
        seen += 1;
        let read = read(&bytes(&path), &secret());
        let (errors, integrity): (&[&str], _) = match name.as_str() {
            "go-post2020-bitflip.pgp" | "go-post2020-nomdc-in-tag18.pgp" => (&["openpgp/integrity"], Integrity::Failed),
            "go-post2020-trailing.pgp" | "go-post2020-twice.pgp" => (&["openpgp/trailing-data"], Integrity::Verified),
            "go-pre2020-truncated.pgp" => (&["openpgp/truncated"], Integrity::Failed),
            _ => (&[], Integrity::Verified),
        };
        assert_eq!((read.errors(), read.proof.integrity), (errors.to_vec(), integrity), "{name}: {:?}", read.proof);
        assert_eq!(
            read.codes().contains(&"openpgp/short-partial"),
            name.contains("pre2020"),
            "{name}: {:?}",
            read.proof
        );
        assert!(read.codes().contains(&"openpgp/weak-s2k"), "{name}");
        assert_eq!(read.detail("s2k"), Some("iterated SHA-256, 65536 octets"), "{name}");
        if integrity == Integrity::Verified {
            assert!(read.content.as_deref() == Some(&*plain), "{name}");
            assert_eq!(
                read.codes().contains(&"openpgp/text-mode"),
                !name.contains("binarymode"),
                "{name}: {:?}",
                read.proof
            );
        } else {
            // Nothing of the inside is told of a message that fails.
            assert_eq!((read.detail("name"), read.detail("mode")), (None, None), "{name}");
            assert!(!read.codes().contains(&"openpgp/text-mode"), "{name}");
        }
        match name.as_str() {
            "go-post2020-twice.pgp" => {
                let text = read.message(&code::OPENPGP_TRAILING);
                assert_eq!(text, "82024 bytes follow the message: another OpenPGP message");
                let at = read.proof.findings.iter().find(|finding| finding.code == &code::OPENPGP_TRAILING);
                assert_eq!(at.and_then(|finding| finding.place.offset), Some(82_024));
            }
            "go-post2020-trailing.pgp" => {
                assert!(read.message(&code::OPENPGP_TRAILING).starts_with("17 bytes follow the message"));
            }
            _ => {}
        }
    }
    assert_eq!(seen, 9);
}

#[test]
fn a_cut_is_seen_without_a_passphrase_too() {
    let Some(folder) = corpora().map(|folder| folder.join("go-writer")) else { return };
    for unlock in [Known::default(), known(&["wrong"], &[])] {
        let cut = read(&bytes(&folder.join("go-pre2020-truncated.pgp")), &unlock);
        assert_eq!(cut.errors().len(), 2, "{:?}", cut.proof);
        assert!(cut.errors().contains(&"openpgp/truncated"));
        assert_eq!(cut.proof.integrity, Integrity::Failed);
        let twice = read(&bytes(&folder.join("go-post2020-twice.pgp")), &unlock);
        assert!(twice.errors().contains(&"openpgp/trailing-data"), "{:?}", twice.proof);
    }
}

#[test]
fn a_cut_anywhere_is_never_verified() {
    let Some(folder) = corpora().map(|folder| folder.join("gpg-2.2.40")) else { return };
    let limits = Limits::default();
    for name in ["sym-s2k0.gpg", "signed-only.gpg"] {
        let message = bytes(&folder.join(name));
        for length in 0..message.len() {
            let cut = message[..length].to_vec();
            let read = read_from(MemorySource::new(cut.clone()), &mut secret(), &limits);
            let split = read_from(SplitSource::split(cut, &[1]), &mut secret(), &limits);
            assert_eq!(read, split, "{name} cut at {length}");
            assert_ne!(read.proof.integrity, Integrity::Verified, "{name} cut at {length}");
            assert!(!read.errors().is_empty(), "{name} cut at {length}");
            if name == "sym-s2k0.gpg" && length > 0 {
                assert_eq!(read.errors(), ["openpgp/truncated"], "{name} cut at {length}");
            }
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_never_passed() {
    let Some(folder) = corpora().map(|folder| folder.join("gpg-2.2.40")) else { return };
    let message = bytes(&folder.join("sym-s2k0.gpg"));
    let limits = Limits::default();
    for at in 0..message.len() {
        for bit in 0..8 {
            let mut damaged = message.clone();
            damaged[at] ^= 1 << bit;
            let read = read_from(MemorySource::new(damaged), &mut secret(), &limits);
            assert!(!read.errors().is_empty(), "byte {at}, bit {bit}: {:?}", read.proof);
            assert_ne!(read.proof.integrity, Integrity::Verified, "byte {at}, bit {bit}: {:?}", read.proof);
        }
    }
}

#[test]
fn damaged_messages_come_to_the_same_however_they_are_cut() {
    let Some(folder) = corpora() else { return };
    let rounds: usize = std::env::var("VERITAR_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let limits = Limits::default();
    let random = noise(rounds * 8);
    let names = [
        "gpg-2.2.40/sym-s2k0.gpg",
        "gpg-2.2.40/signed-only.gpg",
        "gpg-2.2.40/pk-A.gpg",
        "sequoia/messages/compressed-data-algo-1.pgp",
        "sequoia/messages/compressed-data-algo-2.pgp",
        "sequoia/messages/compressed-data-algo-3.pgp",
        "sequoia/messages/signed-2-partial-body.pgp",
        "sequoia/armor/literal-51.asc",
    ];
    for name in names {
        let message = bytes(&folder.join(name));
        for round in random.chunks(8) {
            let mut damaged = message.clone();
            let at = usize::from(u16::from_le_bytes([round[0], round[1]])) % damaged.len();
            match round[2] % 4 {
                0 => damaged[at] = round[3],
                1 => drop(damaged.remove(at)),
                2 => damaged.insert(at, round[3]),
                _ => damaged[at] ^= 1 << (round[3] % 8),
            }
            if round[4] % 2 == 0 {
                damaged.truncate(usize::from(u16::from_le_bytes([round[5], round[6]])) % (damaged.len() + 1));
            }
            let whole = read_from(MemorySource::new(damaged.clone()), &mut secret(), &limits);
            let sizes = [usize::from(round[7] % 9) + 1, 1, 30];
            let split = read_from(SplitSource::split(damaged.clone(), &sizes), &mut secret(), &limits);
            assert_eq!(whole, split, "{name} as {damaged:02x?} in pieces of {sizes:?}");
            assert!(damaged == message || whole.proof.integrity != Integrity::Verified, "{name} as {damaged:02x?}");
        }
    }
}

#[test]
fn messages_of_sequoia_are_read_by_the_passphrase_in_their_names() {
    let Some(folder) = corpora().map(|folder| folder.join("sequoia/messages")) else { return };
    let plain = bytes(&folder.join("a-cypherpunks-manifesto.txt"));
    let mut seen = 0;
    // The folder s2k holds session-key packets without a message.
    for path in files(&folder).into_iter().filter(|path| !path.starts_with(folder.join("s2k"))) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let Some((start, passphrase)) = name.split_once("password-") else { continue };
        let read = read(&bytes(&path), &known(&[passphrase, &passphrase.replace('-', " ")], &[]));
        seen += 1;
        if !start.starts_with("msg") {
            assert_whole(&read, &plain, &name);
        }
        assert_eq!(read.errors(), [""; 0], "{name}: {:?}", read.proof);
        assert_eq!(read.proof.integrity, Integrity::Verified, "{name}");
    }
    assert_eq!(seen, 11);
}

#[test]
fn messages_of_sequoia_are_read_by_their_keys() {
    let Some(folder) = corpora().map(|folder| folder.join("sequoia/messages")) else { return };
    let mut seen = 0;
    for path in files(&folder.join("encrypted")) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let Some(start) = name.strip_suffix(".msg.pgp") else { continue };
        let key = bytes(&folder.join("encrypted").join(format!("{start}.sec.pgp")));
        let read = read(&bytes(&path), &known(&[], &[key]));
        // What the pure Rust backend does not have.
        if ["brainpool", "secp256k1", "elg"].iter().any(|algorithm| start.starts_with(algorithm)) {
            assert_eq!(read.codes(), ["openpgp/unsupported"], "{name}: {:?}", read.proof);
            continue;
        }
        assert_eq!(read.errors(), [""; 0], "{name}: {:?}", read.proof);
        assert_eq!(read.proof.integrity, Integrity::Verified, "{name}");
        seen += 1;
    }
    assert!(seen >= 7, "{seen}");
}

#[test]
fn unencrypted_messages_are_read_and_prove_nothing() {
    let Some(folder) = corpora().map(|folder| folder.join("sequoia/messages")) else { return };
    let message = |name: &str| read(&bytes(&folder.join(name)), &Known::default());
    for (name, algorithm) in [("0", "uncompressed"), ("1", "ZIP"), ("2", "ZLIB"), ("3", "BZIP2")] {
        let read = message(&format!("compressed-data-algo-{name}.pgp"));
        assert_eq!((read.errors(), read.proof.integrity), (vec![], Integrity::Absent), "{algorithm}: {:?}", read.proof);
        assert_eq!(read.detail("compression"), Some(algorithm));
    }
    for name in [
        "signed-1.pgp",
        "signed.pgp",
        "signed-2-partial-body.pgp",
        "signed-3-partial-body-multiple-sigs.pgp",
        "signed-1-notarized-by-ed25519.pgp",
    ] {
        let read = message(name);
        assert!(read.content.is_some() && read.errors().is_empty(), "{name}: {:?}", read.proof);
        assert!(read.codes().contains(&"openpgp/signature"), "{name}");
    }
    let text = message("literal-mode-t-partial-body.pgp");
    assert!(text.codes().contains(&"openpgp/text-mode"), "{:?}", text.proof);
    assert_eq!(message("literal-mode-b.pgp").codes(), [""; 0]);
    let quine = message("compression-quine.pgp");
    assert_eq!(quine.codes(), ["limit/reached"]);
    assert!(quine.message(&code::LIMIT_REACHED).contains("--limit openpgp-nesting=4"));
}

#[test]
fn nothing_in_the_corpora_makes_it_panic_or_hang() {
    let Some(folder) = corpora() else { return };
    let unlock = known(&["123", "secret"], &[bytes(&folder.join("gpg-2.2.40/secret-keys.asc"))]);
    for path in files(&folder) {
        let message = bytes(&path);
        if message.len() < 200_000 {
            let limits = Limits::default();
            let read = read_from(MemorySource::new(message.clone()), &mut unlock.clone(), &limits);
            let split = read_from(SplitSource::split(message.clone(), &[5, 1, 100]), &mut unlock.clone(), &limits);
            assert_eq!(read, split, "{}", path.display());
            if read.content.is_none() && !message.is_empty() {
                assert!(!read.errors().is_empty(), "{}: {:?}", path.display(), read.proof);
            }
        }
    }
}

#[test]
fn armor_of_sequoia_gives_its_binary_twin() {
    let Some(folder) = corpora().map(|folder| folder.join("sequoia/armor")) else { return };
    for size in [0, 1, 2, 3, 47, 48, 49, 50, 51] {
        let armored = bytes(&folder.join(format!("literal-{size}.asc")));
        let plain = bytes(&folder.join(format!("literal-{size}.bin")));
        assert_eq!(recognise(&armored), Some(Form::Armored));
        let read_armored = read(&armored, &Known::default());
        let read_plain = read(&plain, &Known::default());
        assert_eq!(read_armored.content, read_plain.content, "{size}");
        assert_eq!(read_armored.content.as_ref().map(Vec::len), Some(size));
        assert_eq!(read_armored.codes(), [""; 0], "{size}");
        // The same with CR LF, behind text and a byte order mark, in one long line, without a checksum.
        let text = String::from_utf8(armored).expect("text");
        let sum = text.lines().find(|line| line.starts_with('=') && line.len() == 5).expect("a checksum").to_owned();
        let variants = [
            text.replace('\n', "\r\n"),
            format!("\u{feff}{text}"),
            format!("a mail says:\n\n{text}\n\n \t\r\n"),
            text.replace("-----\n\n", "-----\nComment: words\nVersion: 1\n \t\n"),
            text.replace(&format!("{sum}\n"), ""),
            text.trim_end().to_owned(),
        ];
        for variant in variants {
            let read = read(variant.as_bytes(), &Known::default());
            let noted = if variant.starts_with("a mail") { vec!["openpgp/leading-text"] } else { Vec::new() };
            assert_eq!((&read.content, read.codes()), (&read_plain.content, noted), "{variant:?}");
        }
        let changed = text.replace(&sum, "=AAAA");
        assert_eq!(read(changed.as_bytes(), &Known::default()).codes(), ["openpgp/armor-checksum"], "{size}");
        let cut = text.split("-----END").next().expect("a beginning");
        assert_eq!(read(cut.as_bytes(), &Known::default()).codes(), ["openpgp/truncated"], "{size}");
        let twice = format!("{text}{text}");
        let twice = read(twice.as_bytes(), &Known::default());
        assert_eq!(twice.codes(), ["openpgp/trailing-data"], "{size}");
        let broken = text.replacen("\n\n", "\n\n*", 1);
        assert!(read(broken.as_bytes(), &Known::default()).codes().contains(&"openpgp/malformed"), "{size}");
    }
}

#[test]
fn vectors_of_go_crypto_are_read() {
    let Some(folder) = corpora().map(|folder| folder.join("go-crypto")) else { return };
    let mut read_count = 0;
    for name in ["v1.json", "v2.json"] {
        let vectors: serde_json::Value = serde_json::from_slice(&bytes(&folder.join(name))).expect("JSON");
        for vector in vectors.as_array().expect("an array") {
            let text = |field: &str| vector[field].as_str().unwrap_or("").to_owned();
            let unlock = known(&[&text("password")], &[text("privateKey").into_bytes()]);
            let read = read(text("encryptedSignedMessage").as_bytes(), &unlock);
            let unsupported = ["dsa", "secp256k1", "brainpool"].iter().any(|start| text("name").starts_with(start));
            if unsupported {
                assert_eq!(read.codes(), ["openpgp/unsupported"], "{name} {}: {:?}", text("name"), read.proof);
                continue;
            }
            assert_eq!(
                read.content.as_deref(),
                Some(text("message").as_bytes()),
                "{name} {}: {:?}",
                text("name"),
                read.proof
            );
            assert_eq!((read.errors(), read.proof.integrity), (vec![], Integrity::Verified));
            read_count += 1;
        }
    }
    assert!(read_count >= 6, "{read_count}");
}

// --- the gpg of this machine ---

/// A home for gpg that goes away with it; `None` where there is no gpg.
pub struct Gpg {
    pub home: tempfile::TempDir,
}

impl Gpg {
    pub fn start() -> Option<Self> {
        if Command::new("gpg").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            println!("skipped: gpg is not on PATH");
            return None;
        }
        Some(Self { home: tempfile::tempdir().expect("a folder") })
    }

    pub fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("gpg")
            .arg("--homedir")
            .arg(self.home.path())
            .args([
                "--batch",
                "--yes",
                "--quiet",
                "--no-options",
                "--pinentry-mode",
                "loopback",
                "--passphrase",
                "secret",
            ])
            .args(arguments)
            .output()
            .expect("gpg runs");
        assert!(output.status.success(), "gpg {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    pub fn fingerprint(&self, user: &str) -> String {
        let listing = String::from_utf8(self.run(&["--with-colons", "--list-keys", user])).expect("text");
        let line = listing.lines().find(|line| line.starts_with("fpr:")).expect("a fingerprint");
        line.split(':').nth(9).expect("a field").to_owned()
    }

    /// Runs gpg on `input`, given in a file so that it may use definite lengths.
    pub fn on(&self, input: &[u8], arguments: &[&str]) -> Vec<u8> {
        let file = self.home.path().join("input");
        std::fs::write(&file, input).expect("a file");
        let file = file.to_str().expect("a path");
        self.run(&[&["--output", "-"], arguments, &[file]].concat())
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "gpg-agent"]).status();
    }
}

/// Bytes without pattern, the same in every run.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

#[test]
fn gpg_and_this_agree_on_every_size_cipher_and_compression() {
    let Some(gpg) = Gpg::start() else { return };
    for size in [0, 1, 511, 512, 513, 100_000, 3_000_000] {
        let plain = noise(size);
        for compression in ["none", "zip", "zlib", "bzip2"] {
            let message = gpg.on(&plain, &["--symmetric", "--s2k-mode", "0", "--compress-algo", compression]);
            let read = read(&message, &secret());
            assert_whole(&read, &plain, &format!("{size} bytes, {compression}"));
            assert_eq!(read.proof.integrity, Integrity::Verified);
        }
    }
    let plain = noise(10_000);
    for cipher in [
        "IDEA",
        "3DES",
        "CAST5",
        "BLOWFISH",
        "AES",
        "AES192",
        "AES256",
        "TWOFISH",
        "CAMELLIA128",
        "CAMELLIA192",
        "CAMELLIA256",
    ] {
        for armor in [&[][..], &["--armor"]] {
            let arguments = [&["--symmetric", "--s2k-count", "1024", "--cipher-algo", cipher], armor].concat();
            let read = read(&gpg.on(&plain, &arguments), &secret());
            assert_whole(&read, &plain, cipher);
            assert_eq!(read.proof.integrity, Integrity::Verified);
        }
    }
    for hash in ["MD5", "SHA1", "RIPEMD160", "SHA256", "SHA384", "SHA512", "SHA224"] {
        for mode in ["1", "3"] {
            let arguments = ["--symmetric", "--s2k-mode", mode, "--s2k-count", "2000", "--s2k-digest-algo", hash];
            assert_whole(&read(&gpg.on(&plain, &arguments), &secret()), &plain, hash);
        }
    }
}

#[test]
fn a_locked_secret_key_takes_the_passphrase() {
    let Some(gpg) = Gpg::start() else { return };
    let user = "somebody@example.org";
    gpg.run(&["--quick-generate-key", user, "ed25519", "default", "never"]);
    gpg.run(&["--quick-add-key", &gpg.fingerprint(user), "cv25519", "encr", "never"]);
    let plain = noise(5_000);
    let key = gpg.run(&["--export-secret-keys", user]);
    let message = gpg.on(&plain, &["--encrypt", "--sign", "--recipient", user, "--trust-model", "always"]);
    let read_with = |passphrases: &[&str]| read(&message, &known(passphrases, std::slice::from_ref(&key)));
    let opened = read_with(&["wrong", "secret"]);
    assert_whole(&opened, &plain, "the right passphrase");
    assert!(opened.codes().contains(&"openpgp/signature"));
    assert_eq!(read_with(&["wrong"]).codes(), ["openpgp/passphrase-wrong"]);
    assert_eq!(read_with(&[]).codes(), ["openpgp/passphrase-missing"]);
}

#[test]
fn a_bomb_ends_at_the_ratio() {
    let Some(gpg) = Gpg::start() else { return };
    let zeros = vec![0; 90 << 20];
    let bomb = gpg.on(&zeros, &["--symmetric", "--s2k-mode", "0", "--compress-algo", "bzip2"]);
    assert!(bomb.len() < 10_000);
    let read = read(&bomb, &secret());
    assert_eq!(read.errors(), ["limit/reached"], "{:?}", read.proof.findings);
    assert!(read.message(&code::LIMIT_REACHED).contains("--limit ratio=1000"));
    assert!(read.proof.output_bytes < 80 << 20);
    let mut lifted = Limits::default();
    lifted.set("ratio", 0).expect("a limit");
    let read = read_from(MemorySource::new(bomb), &mut secret(), &lifted);
    assert_whole(&read, &zeros, "with the limit lifted");
}

// --- who is asked, and how often ---

/// Counts how often it is asked.
#[derive(Default)]
struct Counting {
    passphrases: usize,
    secret_keys: usize,
}

impl Unlock for Counting {
    fn passphrases(&mut self) -> io::Result<Vec<Secret>> {
        self.passphrases += 1;
        Ok(vec![Secret::new(b"secret".to_vec())])
    }

    fn secret_keys(&mut self) -> io::Result<Vec<Secret>> {
        self.secret_keys += 1;
        Ok(Vec::new())
    }
}

#[test]
fn nobody_is_asked_for_what_the_message_does_not_take() {
    let Some(folder) = corpora().map(|folder| folder.join("gpg-2.2.40")) else { return };
    for (name, asked) in [
        ("sym-s2k0.gpg", (1, 0)),
        ("pk-A.gpg", (0, 1)),
        ("pk-A-and-sym.gpg", (1, 1)),
        ("signed-only.gpg", (0, 0)),
        ("sym-rfc2440-sed-nomdc.gpg", (0, 0)),
    ] {
        let mut counting = Counting::default();
        read_from(MemorySource::new(bytes(&folder.join(name))), &mut counting, &Limits::default());
        assert_eq!((counting.passphrases, counting.secret_keys), asked, "{name}");
    }
}

#[test]
fn session_key_packets_are_limited() {
    let Some(folder) = corpora() else { return };
    let message = bytes(&folder.join("go-writer/go-post2020.pgp"));
    let skesk = &message[..2 + usize::from(message[1])];
    let many = [skesk.repeat(64), message.clone()].concat();
    let read_many = read(&many, &secret());
    assert_eq!(read_many.codes(), ["limit/reached"], "{:?}", read_many.proof);
    assert!(read_many.message(&code::LIMIT_REACHED).contains("--limit openpgp-session-keys=64"));
    let passphrases: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let passphrases: Vec<&str> = passphrases.iter().map(String::as_str).collect();
    let read_tries = read(&message, &known(&passphrases, &[]));
    assert_eq!(read_tries.errors(), ["limit/reached"]);
}

#[test]
fn closing_early_verifies_all_the_same() {
    let Some(folder) = corpora().map(|folder| folder.join("go-writer")) else { return };
    for (name, integrity) in [("go-pre2020.pgp", Integrity::Verified), ("go-post2020-bitflip.pgp", Integrity::Failed)] {
        let source = Raw::new(Box::new(MemorySource::new(bytes(&folder.join(name)))));
        let opening = open(Box::new(source), Depth(0), &Limits::default(), &Trust::default(), &mut secret(), 1)
            .expect("memory can be read");
        let Opening::Layer(mut layer) = opening else { panic!("{name} opens") };
        assert!(layer.peek(512).expect("memory can be read").len() >= 512);
        let proofs = layer.close().expect("memory can be read");
        assert_eq!(proofs[0].integrity, integrity, "{name}");
        assert_eq!(proofs[0].output_bytes, 81_920, "{name}");
    }
}
