//! What a stream is by its first bytes: a message or not, and what follows one.
//!
//! Promises: strict, because one byte with its highest bit set is all that makes a packet header: the first packet must be
//! one that begins a message, and its own first fields must be plausible. Refuses to know: anything past them.

use super::armor;
use super::cipher::Cipher;
use super::packet::{Boundary, Length, boundary, tag};

/// The two forms of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Packets.
    Binary,
    /// Packets in ASCII armor.
    Armored,
}

/// Whether `head`, the first bytes of a stream (64 or more, or all there are), begins an OpenPGP message.
#[must_use]
pub fn recognise(head: &[u8]) -> Option<Form> {
    if begins_message(head) {
        return Some(Form::Binary);
    }
    armor::recognise(head).then_some(Form::Armored)
}

/// What OpenPGP other than a message `head` begins, in words: nothing that could hold an archive.
#[must_use]
pub fn misplaced(head: &[u8]) -> Option<&'static str> {
    if let Some(label) = armor::label(head) {
        return match label {
            b"SIGNED MESSAGE" => Some("a text with its signature below (cleartext signature)"),
            b"SIGNATURE" => Some("a detached signature in armor"),
            b"PUBLIC KEY BLOCK" => Some("a public key in armor"),
            b"PRIVATE KEY BLOCK" => Some("a secret key in armor"),
            _ => None,
        };
    }
    let Boundary::Header { header, used } = boundary(head) else { return None };
    let Length::Definite(bytes) = header.length else { return None };
    let version = head.get(used).copied();
    // The date of a key's creation lies behind the version: in 1991 at the earliest.
    let is_dated = head.get(used.saturating_add(1)).is_some_and(|octet| *octet >= 0x27);
    match (header.tag, version) {
        (tag::SIGNATURE, Some(3..=6)) if (16..=8_192).contains(&bytes) && !is_signed(head) => {
            matches!(head.get(used.saturating_add(1)), Some(0..=2 | 5)).then_some("a detached signature")
        }
        (tag::SECRET_KEY, Some(3..=6)) if bytes >= 12 && is_dated => Some("a secret key"),
        (tag::PUBLIC_KEY, Some(3..=6)) if bytes >= 12 && is_dated => Some("a public key"),
        _ => None,
    }
}

/// Whether a signature stands in front and behind it, as far as that shows, content.
fn is_signed(head: &[u8]) -> bool {
    let Boundary::Header { header, used } = boundary(head) else { return false };
    let Length::Definite(bytes) = header.length else { return false };
    let plausible = (16..=8_192).contains(&bytes) && matches!(head.get(used), Some(3 | 4 | 6));
    let behind = usize::try_from(bytes).ok().and_then(|bytes| head.get(used.checked_add(bytes)?..)).unwrap_or_default();
    plausible
        && match boundary(behind) {
            Boundary::Header { header, .. } if header.tag == tag::SIGNATURE => is_signed(behind),
            Boundary::Header { .. } => begins_message(behind),
            _ => false,
        }
}

/// What bytes behind a message look like.
pub(super) fn guess(head: &[u8]) -> &'static str {
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 27 | 32..=126);
    match head {
        _ if recognise(head).is_some() => "another OpenPGP message",
        [0x1f, 0x8b, ..] => "gzip data",
        _ if head.get(257..262) == Some(b"ustar") => "a tar archive",
        _ if head.iter().all(|byte| *byte == 0) => "zeros",
        _ if head.iter().all(is_text) => "text",
        _ => "bytes of no known kind",
    }
}

fn begins_message(head: &[u8]) -> bool {
    let Boundary::Header { header, used } = boundary(head) else { return false };
    let body = head.get(used..).unwrap_or_default();
    // The standard asks for a first chunk of 512 bytes; Go wrote 1, so this alone is no reason.
    let at_least = |least: u32| match header.length {
        Length::Definite(bytes) => bytes >= least,
        Length::Partial(_) | Length::Indeterminate => true,
    };
    let exactly = |range: std::ops::RangeInclusive<u32>| matches!(header.length, Length::Definite(bytes) if range.contains(&bytes));
    // In a partial body the second field may stand behind the next length.
    let second = match header.length {
        Length::Partial(1) => None,
        _ => body.get(1).copied(),
    };
    match (header.tag, body.first().copied()) {
        (tag::SKESK, Some(4)) => exactly(4..=512) && cipher(second) && matches!(body.get(2), Some(0 | 1 | 3 | 4)),
        (tag::SKESK, Some(5)) => exactly(20..=512) && cipher(second),
        (tag::SKESK, Some(6)) => exactly(20..=512),
        (tag::PKESK, Some(2 | 3)) => {
            exactly(12..=8_192) && matches!(body.get(9), Some(1 | 2 | 16 | 18 | 20 | 25 | 26 | 35 | 36))
        }
        (tag::PKESK, Some(6)) => exactly(12..=8_192) && matches!(second, Some(0 | 21 | 33)),
        // Version, prefix of the smallest block, check value.
        (tag::SEIPD, Some(1)) => at_least(33),
        (tag::SEIPD, Some(2)) => at_least(36) && cipher(second) && matches!(body.get(2), Some(1..=3)),
        (tag::GNUPG_AEAD, Some(1)) => at_least(20) && cipher(second) && matches!(body.get(2), Some(1 | 2)),
        // The body is nothing but ciphertext: only a chain as writers make it is told from chance.
        (tag::SED, Some(_)) => matches!(header.length, Length::Partial(512..)),
        (tag::COMPRESSED, Some(0)) => at_least(3) && second.is_none_or(|byte| byte & 0x80 != 0),
        // The third kind of deflate block does not exist.
        (tag::COMPRESSED, Some(1)) => at_least(3) && second.is_none_or(|byte| byte & 0x06 != 0x06),
        (tag::COMPRESSED, Some(2)) => at_least(8) && second.is_none_or(|byte| byte & 0x8f == 0x08),
        (tag::COMPRESSED, Some(3)) => at_least(14) && second.is_none_or(|byte| byte == b'B'),
        (tag::LITERAL, Some(b'b' | b't' | b'u' | b'l' | b'm')) => {
            at_least(u32::from(second.unwrap_or(0)).saturating_add(6))
        }
        (tag::ONE_PASS_SIGNATURE, Some(3)) => exactly(13..=13) && matches!(body.get(12), Some(0 | 1)),
        (tag::ONE_PASS_SIGNATURE, Some(6)) => exactly(38..=128),
        // Only what stands behind it tells a signed message from a signature alone.
        (tag::SIGNATURE, _) => is_signed(head),
        (tag::MARKER, Some(b'P')) => exactly(3..=3) && body.get(1..3) == Some(b"GP"),
        _ => false,
    }
}

/// Whether this octet names a cipher that is known, or is not there.
fn cipher(number: Option<u8>) -> bool {
    number.is_none_or(|number| Cipher::find(number).is_some())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "test data is made, not read")]
    use super::*;

    #[test]
    fn other_formats_are_not_claimed() {
        let mut tar = vec![0; 512];
        tar[..4].copy_from_slice(b"file");
        tar[257..262].copy_from_slice(b"ustar");
        let others: [&[u8]; 12] = [
            b"",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03",
            b"\xfd7zXZ\x00",
            b"\x28\xb5\x2f\xfd",
            b"BZh91AY&SY",
            b"\x1f\x9d\x90",
            b"LZIP\x01",
            b"Salted__12345678",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xe0",
            b"-----BEGIN PGP SIGNATURE-----\n\n",
            &tar,
        ];
        for other in others {
            assert_eq!(recognise(other), None, "{other:02x?}");
        }
    }

    #[test]
    fn random_bytes_are_hardly_ever_claimed() {
        // A linear congruential generator: the test must not depend on luck.
        let mut state: u64 = 1;
        let mut claimed = 0;
        for _ in 0..100_000 {
            let mut head = [0; 64];
            for byte in &mut head {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = (state >> 56) as u8;
            }
            claimed += usize::from(recognise(&head).is_some());
        }
        assert!(claimed < 600, "{claimed} of 100,000");
    }

    #[test]
    fn armor_may_stand_behind_a_little_text() {
        let begin = "-----BEGIN PGP MESSAGE-----";
        for text in [
            format!("{begin}\n\n"),
            format!("{begin}\r\n"),
            format!("\u{feff}{begin}\n"),
            format!("hello\r\n\r\n {begin} \n"),
        ] {
            assert_eq!(recognise(text.as_bytes()), Some(Form::Armored), "{text:?}");
        }
        assert_eq!(recognise(format!("a\0b\n{begin}\n").as_bytes()), None);
        assert_eq!(recognise(format!("quoted {begin}\n").as_bytes()), None);
    }

    #[test]
    fn a_signature_begins_a_message_only_before_content() {
        let signature = [&[0xc2, 20, 4, 0, 1, 8][..], &[0; 16]].concat();
        let literal = b"\xcb\x08b\0\0\0\0\0hi";
        let message = [&signature[..], &signature, literal].concat();
        assert_eq!((recognise(&message), misplaced(&message)), (Some(Form::Binary), None));
        for alone in [&signature[..], &[&signature[..], &signature].concat(), &[&signature[..], b"text"].concat()] {
            assert_eq!((recognise(alone), misplaced(alone)), (None, Some("a detached signature")));
        }
    }

    #[test]
    fn what_is_no_message_is_named() {
        for (label, what) in [
            ("SIGNED MESSAGE", Some("a text with its signature below (cleartext signature)")),
            ("SIGNATURE", Some("a detached signature in armor")),
            ("PUBLIC KEY BLOCK", Some("a public key in armor")),
            ("PRIVATE KEY BLOCK", Some("a secret key in armor")),
            ("ARMORED FILE", None),
            ("MESSAGE", None),
        ] {
            let text = format!("some text\r\n-----BEGIN PGP {label}-----\r\nHash: SHA512\r\n\r\n");
            assert_eq!(misplaced(text.as_bytes()), what, "{label}");
            // What stands behind is part of it.
            let both = format!("{text}-----BEGIN PGP MESSAGE-----\n");
            assert_eq!(recognise(both.as_bytes()).is_some(), label == "MESSAGE", "{label}");
        }
        let key = |tag: u8, date: u8| [&[tag, 40, 4, date, 0, 0, 0, 1][..], &[0; 34]].concat();
        assert_eq!(misplaced(&key(0x98, 0x5f)), Some("a public key"));
        assert_eq!(misplaced(&key(0xc5, 0x5f)), Some("a secret key"));
        assert_eq!(misplaced(&key(0x98, 0x01)), None);
        assert_eq!(misplaced(b""), None);
    }

    #[test]
    fn what_follows_is_guessed() {
        let mut tar = vec![b'x'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(guess(&tar), "a tar archive");
        assert_eq!(guess(b"\n"), "text");
        assert_eq!(guess(&[0; 100]), "zeros");
        assert_eq!(guess(b"\x1f\x8b\x08"), "gzip data");
        assert_eq!(guess(b"\x8c\x0d\x04\x09\x03\x02abcdefgh\xff"), "another OpenPGP message");
    }
}
