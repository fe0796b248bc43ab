//! OpenPGP: arbitrary packets, sealed ones and armored ones, in every cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cfb_mode::BufEncryptor;
use cfb_mode::cipher::KeyIvInit as _;
use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::crypto::aead::{SEIPv2Schedule, Schedule as _};
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};
use sha1::Digest as _;
use veritar::code;
use veritar::envelope::openpgp::{Form, open, recognise};
use veritar::envelope::{Format, Integrity, Opening, Proof, Raw, Trust};
use veritar::place::Depth;
use veritar::secret::{Known, Secret};
use veritar::source::Source;

use crate::cut::{Draw, pieces, whole};
use crate::limits;
use crate::wrapped::drain;

/// What opens the sealed messages made here. Arbitrary ones are read without: each try could be an S2K of 65 MB.
const PASSPHRASE: &[u8] = b"passphrase";

/// The key of every message made here but those of SEIPD v1 and packet 9, whose key is the hash of the passphrase.
const SESSION_KEY: [u8; 16] = [3, 10, 17, 24, 31, 38, 45, 52, 59, 66, 73, 80, 87, 94, 101, 108];

/// SKESK version 4, AES-128, simple S2K with SHA-256.
const SKESK_4: &[u8] = &[0xC3, 4, 4, 7, 0, 8];

/// SKESK of version 5 and of version 6, AES-128 in OCB mode, 1,024 octets of SHA-256.
const SKESK_5: &[u8] = &[
    0xC3, 0x3D, 0x05, 0x07, 0x02, 0x03, 0x08, 0x73, 0x61, 0x6C, 0x74, 0x73, 0x61, 0x6C, 0x74, 0x00, 0x74, 0x68, 0x69,
    0x72, 0x74, 0x79, 0x2D, 0x74, 0x77, 0x6F, 0x20, 0x62, 0x79, 0x74, 0x65, 0xC9, 0xA6, 0xD7, 0xF3, 0x64, 0xB3, 0x96,
    0x5E, 0x8B, 0xD1, 0xE0, 0xF1, 0x26, 0xD8, 0xD1, 0x7A, 0x86, 0xEB, 0x98, 0x14, 0x2D, 0xA4, 0x52, 0xD6, 0xAC, 0x76,
    0xBF, 0x72, 0x6D, 0x9B, 0xED, 0x1F,
];
const SKESK_6: &[u8] = &[
    0xC3, 0x3F, 0x06, 0x1D, 0x07, 0x02, 0x0B, 0x03, 0x08, 0x73, 0x61, 0x6C, 0x74, 0x73, 0x61, 0x6C, 0x74, 0x00, 0x74,
    0x68, 0x69, 0x72, 0x74, 0x79, 0x2D, 0x74, 0x77, 0x6F, 0x20, 0x62, 0x79, 0x74, 0x65, 0x48, 0xCC, 0x4C, 0x79, 0xCA,
    0x26, 0x39, 0xFF, 0x43, 0x49, 0x92, 0x11, 0x64, 0x19, 0x42, 0x53, 0x28, 0x3E, 0x61, 0xA0, 0x07, 0x1D, 0xFB, 0x64,
    0x38, 0x38, 0x0C, 0x65, 0xEB, 0xBD, 0xE3, 0xA1,
];

/// How packets are put into an encrypted one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    CheckValue,
    Unprotected,
    GnupgChunks,
    Chunks,
}

/// Reads a message in every cut: the same bytes and the same proof. Half of the inputs are packets as they stand, the
/// others are put into an encrypted packet of one of the four kinds; where its check holds the message is verified, and
/// where it does not, nothing is told of what is inside.
pub fn openpgp(data: &[u8]) {
    let Some((mode, rest)) = data.split_last() else { return };
    if *mode & 1 == 0 {
        let (_, proof) = agree(&Bytes::copy_from_slice(data));
        assert_eq!(proof.input_bytes, data.len() as u64);
        return;
    }
    let kind = [Kind::CheckValue, Kind::Chunks, Kind::GnupgChunks, Kind::Unprotected][usize::from(*mode >> 4 & 3)];
    let forged = *mode & 6 == 6;
    let (_, proof) = agree(&Bytes::from(sealed(rest, *mode, kind, forged)));
    let integrity = match kind {
        Kind::Unprotected => Integrity::Absent,
        _ if forged => Integrity::Failed,
        _ => Integrity::Verified,
    };
    assert_eq!(proof.integrity, integrity, "{:?}", proof.findings);
    if kind == Kind::Unprotected {
        assert!(!proof.authenticated);
        assert!(proof.findings.iter().any(|finding| finding.code == &code::OPENPGP_NO_INTEGRITY));
    } else if forged {
        let outside = [&code::OPENPGP_WEAK_S2K, &code::OPENPGP_INTEGRITY, &code::OPENPGP_SHORT_PARTIAL];
        assert!(proof.findings.iter().all(|finding| outside.contains(&finding.code)), "{:?}", proof.findings);
        let known = ["cipher", "aead", "s2k", "session-keys", "packet", "framing"];
        assert!(proof.details.iter().all(|(name, _)| known.contains(name)), "{:?}", proof.details);
    }
}

/// `packets` in an encrypted packet under AES-128; in partial lengths where `mode` says so, and with a byte changed where
/// it is forged.
fn sealed(packets: &[u8], mode: u8, kind: Kind, forged: bool) -> Vec<u8> {
    let (skesk, tag, fixed, mut body) = match kind {
        Kind::CheckValue => (SKESK_4, 0xD2, 1, with_check_value(packets)),
        Kind::Unprotected => (SKESK_4, 0xC9, 0, unprotected(packets)),
        Kind::GnupgChunks => (SKESK_5, 0xD4, 4, in_chunks(packets, 0xD4)),
        Kind::Chunks => (SKESK_6, 0xD2, 4, in_chunks(packets, 0xD2)),
    };
    if forged {
        // Not the prefix, whose first bytes nothing reads but the check value.
        let from = if kind == Kind::CheckValue { 19 } else { fixed };
        let at = from + Draw::from(packets).below(body.len() - from);
        body[at] ^= 1;
    }
    let mut message = [skesk, &[tag]].concat();
    let mut rest = body.as_slice();
    while mode & 8 != 0 && rest.len() > 512 {
        let power = (9 + (mode >> 6)).min(rest.len().ilog2() as u8);
        let (chunk, after) = rest.split_at(1 << power);
        message.push(224 + power);
        message.extend_from_slice(chunk);
        rest = after;
    }
    message.push(255);
    message.extend_from_slice(&(rest.len() as u32).to_be_bytes());
    message.extend_from_slice(rest);
    message
}

fn prefix() -> Vec<u8> {
    let mut prefix: Vec<u8> = (0..16).map(|index| index * 11 + 5).collect();
    prefix.extend_from_within(14..);
    prefix
}

fn cfb(before: &[u8], bytes: &mut [u8]) {
    let key = sha2::Sha256::digest(PASSPHRASE);
    BufEncryptor::<aes::Aes128>::new_from_slices(&key[..16], before).expect("16 bytes each").encrypt(bytes);
}

/// The body of SEIPD v1.
fn with_check_value(packets: &[u8]) -> Vec<u8> {
    let mut body = [&prefix(), packets, &[0xD3, 0x14]].concat();
    body.extend_from_slice(&sha1::Sha1::digest(&body));
    cfb(&[0; 16], &mut body);
    body.insert(0, 1);
    body
}

/// The body of packet 9: the cipher starts anew behind the prefix.
fn unprotected(packets: &[u8]) -> Vec<u8> {
    let (mut prefix, mut packets) = (prefix(), packets.to_vec());
    cfb(&[0; 16], &mut prefix);
    cfb(&prefix[2..], &mut packets);
    [prefix, packets].concat()
}

/// The body of SEIPD v2 or of packet 20, in chunks of 64 bytes; the mode by the length of what is in it.
fn in_chunks(packets: &[u8], tag: u8) -> Vec<u8> {
    let aes = SymmetricAlgorithm::AES128;
    let mode = AEADAlgorithm::from(1 + (packets.len() % 3) as u8);
    let fields = [if tag == 0xD2 { 2 } else { 1 }, aes.into(), mode.into(), 0];
    let mut body = fields.to_vec();
    let key = SessionKey::from(&SESSION_KEY[..]);
    let seed = &b"thirty-two bytes of salt, always"[..if tag == 0xD2 { 32 } else { mode.nonce_size().expect("known") }];
    body.extend_from_slice(seed);
    let schedule = SEIPv2Schedule::new(&key, aes, mode, 64, seed).expect("known");
    let mut seal = |index: u64, length: Option<u64>, chunk: &[u8]| {
        let mut sealed = vec![0; chunk.len() + 16];
        let mut seal = |key: &SessionKey, nonce: &[u8], along: &[u8]| {
            mode.context(aes, key, along, nonce)?.for_encryption()?.encrypt_seal(&mut sealed, chunk)
        };
        match (tag, length) {
            (0xD2, None) => schedule.chunk(index, &mut seal),
            (0xD2, Some(length)) => schedule.finalizer(index, length, &mut seal),
            _ => {
                let mut nonce = seed.to_vec();
                let eight = nonce.len() - 8;
                nonce[eight..].iter_mut().zip(index.to_be_bytes()).for_each(|(octet, index)| *octet ^= index);
                let length = length.map(u64::to_be_bytes);
                let length = length.as_ref().map_or(&[][..], |length| length);
                seal(&key, &nonce, &[&[tag][..], &fields, &index.to_be_bytes(), length].concat())
            }
        }
        .expect("a mode and a cipher that go together");
        body.extend_from_slice(&sealed);
    };
    let chunks = packets.chunks(64);
    let count = chunks.len() as u64;
    for (index, chunk) in chunks.enumerate() {
        seal(index as u64, None, chunk);
    }
    seal(count, Some(packets.len() as u64), &[]);
    body
}

/// Reads text around, in and behind armor: the same in every cut; and a whole message in armor as the message itself.
pub fn armor(data: &[u8]) {
    let Some((mode, rest)) = data.split_last() else { return };
    if *mode & 1 == 0 {
        let text = [b"-----BEGIN PGP MESSAGE-----\n".as_slice(), rest].concat();
        agree(&Bytes::from(if *mode & 2 == 0 { text } else { data.to_vec() }));
        return;
    }
    // What is sealed here is opened by how it begins, which armor hides: those messages have a target of their own.
    let is_sealed_here = [SKESK_4, SKESK_5, SKESK_6].iter().any(|skesk| rest.starts_with(skesk));
    if is_sealed_here || recognise(rest) != Some(Form::Binary) {
        return;
    }
    let (given, mut proof) = agree(&Bytes::copy_from_slice(rest));
    let text = armored(rest, *mode);
    let (again, mut other) = agree(&Bytes::from(text));
    assert!(given == again, "{} bytes, in armor {}", given.len(), again.len());
    assert_eq!(other.details.pop().map(|(name, _)| name), Some("armor"));
    // The text that was put before the armor is told; nothing else may differ.
    other.findings.retain(|finding| finding.code != &veritar::code::OPENPGP_LEADING);
    (proof.input_bytes, other.input_bytes) = (0, 0);
    assert_eq!(proof, other);
}

/// Reads `bytes` in every cut and gives what came of it.
fn agree(bytes: &Bytes) -> (Vec<u8>, Proof) {
    let (given, mut proofs) = read(whole(bytes), 1);
    for (cut, source) in pieces(bytes) {
        let (again, other) = read(source, 3);
        assert_eq!(proofs, other, "{cut}");
        assert!(given == again, "{cut}: {} and {} bytes differ", given.len(), again.len());
    }
    let proof = proofs.pop().expect("the layer's own proof");
    assert!(proofs.is_empty());
    assert_eq!(proof.format, Format::OpenPgp);
    assert_eq!(proof.output_bytes, given.len() as u64);
    (given, proof)
}

fn read(mut source: Box<dyn Source>, threads: usize) -> (Vec<u8>, Vec<Proof>) {
    let head = source.peek(SKESK_6.len() + 1).expect("memory can be read");
    let is_sealed_here = [SKESK_4, SKESK_5, SKESK_6].iter().any(|skesk| head.starts_with(skesk));
    // What nothing authenticates is read where it was made so.
    let trust = Trust { allow_unauthenticated: head.get(SKESK_4.len()) == Some(&0xC9), ..Trust::default() };
    let layer = Box::new(Raw::new(source));
    // Only messages that are sealed here have a session-key packet this cheap.
    let mut secrets = Known::default();
    if is_sealed_here {
        secrets.passphrases.push(Secret::new(PASSPHRASE.to_vec()));
    }
    match open(layer, Depth::default(), &limits(), &trust, &mut secrets, threads).expect("memory can be read") {
        Opening::Layer(layer) => drain(layer),
        Opening::Closed(proofs) => (Vec::new(), proofs),
    }
}

/// `bytes` in armor, in one of the ways writers have.
fn armored(bytes: &[u8], mode: u8) -> Vec<u8> {
    let mut draw = Draw::from(bytes);
    let end = if mode & 2 == 0 { "\n" } else { "\r\n" };
    let mut text = String::new();
    if mode & 4 != 0 {
        text += &format!("some text{end}and more{end}");
    }
    text += &format!("-----BEGIN PGP MESSAGE-----{end}");
    if mode & 8 != 0 {
        text += &format!("Version: 1{end}Comment: a: b{end}");
    }
    text += end;
    let digits = STANDARD.encode(bytes);
    let width = if mode & 16 == 0 { 64 } else { 1 + draw.below(100) };
    for line in digits.as_bytes().chunks(width) {
        text += &String::from_utf8_lossy(line);
        text += end;
    }
    if mode & 32 != 0 {
        let crc = crc24(bytes).to_be_bytes();
        text += &format!("={}{end}", STANDARD.encode(&crc[1..]));
    }
    text += &format!("-----END PGP MESSAGE-----{end}");
    text.into_bytes()
}

/// One bit at a time, as RFC 9580, section 6.1.1, writes it.
fn crc24(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x00B7_04CE, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
            if crc & 0x80_0000 == 0 { crc << 1 } else { (crc << 1 ^ 0x0186_4CFB) & 0x00FF_FFFF }
        })
    })
}
