//! Files of other kinds, by their magic: archives in formats that are not read here, and what is no archive.
//!
//! Promises: a magic of at least five bytes, and for shorter ones more that must fit: bytes without any order are taken for
//! one of these less than once in 10^10 times. Refuses to know: what is in them.

use super::Cause;
use crate::code::{self, Code};

/// Where the magic stands, the magic, and what it says.
type Kind = (usize, &'static [u8], &'static str);

/// Archives and images a backup may be packed in.
const ARCHIVES: &[Kind] = &[
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"PK\x05\x06", "an empty zip archive"),
    (0, b"7z\xBC\xAF\x27\x1C", "a 7z archive"),
    (0, b"Rar!\x1A\x07", "a rar archive"),
    (0, b"070701", "a cpio archive (newc)"),
    (0, b"070702", "a cpio archive (newc with checksums)"),
    (0, b"070707", "a cpio archive (odc)"),
    (0, b"!<arch>\n", "an ar archive or a Debian package"),
    (0, b"\xED\xAB\xEE\xDB", "an rpm package"),
    (0, b"hsqs", "a squashfs image"),
    (0, b"QFI\xFB", "a qcow2 disk image"),
    (0, b"KDMV", "a VMDK disk image"),
    (0, b"vhdxfile", "a VHDX disk image"),
    (0x8001, b"CD001", "an ISO 9660 image"),
    (0, b"BORG_SEG", "a segment of a Borg repository"),
    (0, b"age-encryption.org/v1", "a file encrypted by age"),
    (0, b"LUKS\xBA\xBE", "a volume encrypted by LUKS"),
    (0, b"\x04\x22\x4D\x18", "an lz4 frame"),
];

/// What no backup is.
const OTHERS: &[Kind] = &[
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"\x7FELF", "an ELF program"),
    (0, b"%PDF-", "a PDF document"),
    (0, b"\x89PNG\r\n\x1A\n", "a PNG picture"),
    (0, b"-----BEGIN CERTIFICATE", "a certificate in PEM form"),
    (0, b"-----BEGIN OPENSSH PRIVATE KEY-----", "an OpenSSH secret key"),
    (0, b"-----BEGIN RSA PRIVATE KEY-----", "an RSA secret key"),
    (0, b"-----BEGIN EC PRIVATE KEY-----", "an elliptic-curve secret key"),
    (0, b"-----BEGIN PRIVATE KEY-----", "a secret key in PEM form"),
    (0, b"-----BEGIN ENCRYPTED PRIVATE KEY-----", "an encrypted secret key in PEM form"),
    (0, b"-----BEGIN PUBLIC KEY-----", "a public key in PEM form"),
];

/// The kind of file that `head` begins.
pub(super) fn recognise(head: &[u8]) -> Option<Cause> {
    let found = |kinds: &[Kind], code: &'static Code| {
        let begins = |(at, magic, _): &&Kind| {
            let short = magic.len() == 4;
            head.get(*at..).is_some_and(|rest| rest.starts_with(magic)) && (!short || goes_on(head))
        };
        kinds.iter().find(begins).map(|(_, _, what)| Cause::new(code, format!("the content is {what}")))
    };
    found(ARCHIVES, &code::SOURCE_OTHER_ARCHIVE)
        .or_else(|| old_cpio(head))
        .or_else(|| found(OTHERS, &code::SOURCE_NO_ARCHIVE))
}

/// Whether a byte behind a magic of four bytes is one that may stand there.
fn goes_on(head: &[u8]) -> bool {
    let (at, allowed): (usize, &[u8]) = match head {
        // The upper byte of the version that is needed, or of the disk's number.
        [b'P', b'K', ..] => (5, &[0]),
        // The major version.
        [0xED, ..] => (4, &[3, 4]),
        [b'h', ..] => (28, &[4]),
        [b'Q', ..] => (7, &[1, 2, 3]),
        [b'K', ..] => (4, &[1, 2, 3]),
        // The flags begin with a version of two bits.
        [0x04, ..] => (4, &[0x40, 0x44, 0x60, 0x64, 0x68, 0x6C, 0x70, 0x74]),
        // 32 or 64 bits.
        [0x7F, ..] => (4, &[1, 2]),
        _ => return true,
    };
    head.get(at).is_some_and(|byte| allowed.contains(byte))
}

/// A binary cpio archive: its magic has two bytes only, so the length of the first name must fit, too.
fn old_cpio(head: &[u8]) -> Option<Cause> {
    let number = |at: usize| -> Option<u16> {
        let two = *head.get(at..)?.first_chunk::<2>()?;
        Some(if head.starts_with(b"\xC7\x71") { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    };
    if !head.starts_with(b"\xC7\x71") && !head.starts_with(b"\x71\xC7") {
        return None;
    }
    let name_bytes = usize::from(number(20)?);
    let name = head.get(26..)?.get(..name_bytes)?;
    let (end, path) = name.split_last()?;
    // Two of the 2^16 beginnings, one end of 256, eight letters of the 95 that can be shown: by chance 4 times in 10^11.
    let fits = *end == 0 && path.len() >= 8 && path.iter().all(|byte| matches!(byte, b' '..=b'~'));
    fits.then(|| Cause::new(&code::SOURCE_OTHER_ARCHIVE, "the content is a cpio archive (old binary form)"))
}
