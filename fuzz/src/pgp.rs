//! OpenPGP: arbitrary packets, sealed ones and armored ones, in every cut.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use cfb_mode::BufEncryptor;
use cfb_mode::cipher::KeyIvInit as _;
use sha1::Digest as _;
use veritar::code;
use veritar::envelope::openpgp::{Form, open, recognise};
use veritar::envelope::{Format, Integrity, Opening, Proof, Raw};
use veritar::place::Depth;
use veritar::secret::{Known, Secret};
use veritar::source::Source;

use crate::cut::{Draw, pieces, whole};
use crate::limits;
use crate::wrapped::drain;

/// What opens the sealed messages made here. Arbitrary ones are read without: each try could be an S2K of 65 MB.
const PASSPHRASE: &[u8] = b"passphrase";

/// SKESK version 4, AES-128, simple S2K with SHA-256.
const SKESK: &[u8] = &[0xC3, 4, 4, 7, 0, 8];

/// Reads a message in every cut: the same bytes and the same proof. Half of the inputs are packets as they stand, the
/// others are put into an encrypted packet; where its check value holds the message is verified, and where it does not,
/// nothing is told of what is inside.
pub fn openpgp(data: &[u8]) {
    let Some((mode, rest)) = data.split_last() else { return };
    if *mode & 1 == 0 {
        let (_, proof) = agree(&Bytes::copy_from_slice(data));
        assert_eq!(proof.input_bytes, data.len() as u64);
        return;
    }
    let forged = *mode & 6 == 6;
    let (_, proof) = agree(&Bytes::from(sealed(rest, *mode, forged)));
    let integrity = if forged { Integrity::Failed } else { Integrity::Verified };
    assert_eq!(proof.integrity, integrity, "{:?}", proof.findings);
    if forged {
        let outside = [&code::OPENPGP_WEAK_S2K, &code::OPENPGP_INTEGRITY, &code::OPENPGP_SHORT_PARTIAL];
        assert!(proof.findings.iter().all(|finding| outside.contains(&finding.code)), "{:?}", proof.findings);
        assert!(proof.details.iter().all(|(name, _)| matches!(*name, "cipher" | "s2k" | "packet")));
    }
}

/// `packets` in SEIPD v1 under AES-128, the session key being the hash of the passphrase; in partial lengths where `mode`
/// says so, and with a byte changed where it is forged.
fn sealed(packets: &[u8], mode: u8, forged: bool) -> Vec<u8> {
    let mut body: Vec<u8> = (0..16).map(|index| index * 11 + 5).collect();
    body.extend_from_within(14..);
    body.extend_from_slice(packets);
    body.extend_from_slice(&[0xD3, 0x14]);
    body.extend_from_slice(&sha1::Sha1::digest(&body));
    let key = sha2::Sha256::digest(PASSPHRASE);
    BufEncryptor::<aes::Aes128>::new_from_slices(&key[..16], &[0; 16]).expect("16 bytes each").encrypt(&mut body);
    if forged {
        let at = 18 + Draw::from(packets).below(body.len() - 18);
        body[at] ^= 1;
    }
    body.insert(0, 1);
    let mut message = [SKESK, &[0xD2]].concat();
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

/// Reads text around, in and behind armor: the same in every cut; and a whole message in armor as the message itself.
pub fn armor(data: &[u8]) {
    let Some((mode, rest)) = data.split_last() else { return };
    if *mode & 1 == 0 {
        let text = [b"-----BEGIN PGP MESSAGE-----\n".as_slice(), rest].concat();
        agree(&Bytes::from(if *mode & 2 == 0 { text } else { data.to_vec() }));
        return;
    }
    if recognise(rest) != Some(Form::Binary) {
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
    let (given, mut proofs) = read(whole(bytes));
    for (cut, source) in pieces(bytes) {
        let (again, other) = read(source);
        assert_eq!(proofs, other, "{cut}");
        assert!(given == again, "{cut}: {} and {} bytes differ", given.len(), again.len());
    }
    let proof = proofs.pop().expect("the layer's own proof");
    assert!(proofs.is_empty());
    assert_eq!(proof.format, Format::OpenPgp);
    assert_eq!(proof.output_bytes, given.len() as u64);
    (given, proof)
}

fn read(mut source: Box<dyn Source>) -> (Vec<u8>, Vec<Proof>) {
    let head = source.peek(SKESK.len()).expect("memory can be read");
    let is_sealed_here = head.starts_with(SKESK);
    let layer = Box::new(Raw::new(source));
    // Only messages that are sealed here have a session-key packet this cheap.
    let mut secrets = Known::default();
    if is_sealed_here {
        secrets.passphrases.push(Secret::new(PASSPHRASE.to_vec()));
    }
    match open(layer, Depth::default(), &limits(), &mut secrets).expect("memory can be read") {
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
