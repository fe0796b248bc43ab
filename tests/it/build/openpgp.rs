//! OpenPGP messages as Go's x/crypto/openpgp writes them, which is how UCP encrypts its backups: a session key encrypted
//! to an iterated SHA-256 of the passphrase with count 65,536, AES-128, SEIPD v1 in partial lengths, no compression.
//!
//! Written from RFC 4880 and with fixed salt, key and prefix, so that the same bytes come out each time.

use cfb_mode::cipher::KeyIvInit;
use sha1::Digest;

type Encryptor = cfb_mode::BufEncryptor<aes::Aes128>;

/// How the encrypted packet and the literal are cut.
#[derive(Clone, Copy)]
pub enum Chunks {
    /// Before March 2020: a first chunk of one byte, then chunks of at most 16 KiB.
    OneByteFirst,
    /// Since then: at least 512 bytes first.
    Since2020,
}

#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub passphrase: &'a [u8],
    pub chunks: Chunks,
    /// The literal's mode.
    pub mode: u8,
    /// Whether the check value is left out.
    pub without_check: bool,
    /// The tag of the encrypted packet.
    pub tag: u8,
    /// How many times the content stands in it.
    pub literals: usize,
}

impl Message<'_> {
    pub fn of(&self, content: &[u8]) -> Vec<u8> {
        let session_key: Vec<u8> = (0..16).map(|index| index * 7 + 3).collect();
        let mut message = self.session_key_packet(&session_key);
        let prefix: Vec<u8> = (0..16).map(|index| index * 11 + 5).collect();
        let mut plain = prefix.clone();
        plain.extend_from_slice(&prefix[14..]);
        let mut literal = vec![self.mode, 8];
        literal.extend_from_slice(b"_CONSOLE");
        literal.extend_from_slice(&[0; 4]);
        literal.extend_from_slice(content);
        for _ in 0..self.literals {
            plain.extend_from_slice(&packet(11, &literal, self.chunks));
        }
        if !self.without_check {
            plain.extend_from_slice(&[0xD3, 0x14]);
            let check = sha1::Sha1::digest(&plain);
            plain.extend_from_slice(&check);
        }
        encrypt(&session_key, &mut plain);
        let mut body = vec![1];
        body.extend_from_slice(&plain);
        message.extend_from_slice(&packet(self.tag, &body, self.chunks));
        message
    }

    fn session_key_packet(&self, session_key: &[u8]) -> Vec<u8> {
        let salt = *b"saltsalt";
        let mut octets = Vec::new();
        while octets.len() < 65_536 {
            octets.extend_from_slice(&salt);
            octets.extend_from_slice(self.passphrase);
        }
        octets.truncate(65_536);
        let derived = sha2::Sha256::digest(&octets);
        let mut encrypted = vec![7];
        encrypted.extend_from_slice(session_key);
        encrypt(&derived[..16], &mut encrypted);
        // Version 4, AES-128, iterated and salted S2K with SHA-256 and count 96: (16 + 0) << (6 + 6) octets.
        let mut body = vec![4, 7, 3, 8];
        body.extend_from_slice(&salt);
        body.push(96);
        body.extend_from_slice(&encrypted);
        let mut packet = vec![0xC0 | 3, u8::try_from(body.len()).unwrap()];
        packet.extend_from_slice(&body);
        packet
    }
}

fn encrypt(key: &[u8], bytes: &mut [u8]) {
    Encryptor::new_from_slices(key, &[0; 16]).unwrap().encrypt(bytes);
}

/// A packet in new format whose body is cut into partial lengths.
fn packet(tag: u8, body: &[u8], chunks: Chunks) -> Vec<u8> {
    let mut packet = vec![0xC0 | tag];
    let mut rest = body;
    let mut power = match chunks {
        Chunks::OneByteFirst => 0,
        Chunks::Since2020 => 9,
    };
    while rest.len() >= 1 << power && rest.len() > 191 {
        let (chunk, after) = rest.split_at(1 << power);
        packet.push(224 + u8::try_from(power).unwrap());
        packet.extend_from_slice(chunk);
        rest = after;
        power = rest.len().max(1).ilog2().min(14);
    }
    match rest.len() {
        length @ 0..192 => packet.push(u8::try_from(length).unwrap()),
        length @ 192..8384 => {
            let over = length - 192;
            packet.push(192 + u8::try_from(over >> 8).unwrap());
            packet.push(u8::try_from(over & 0xFF).unwrap());
        }
        length => {
            packet.push(255);
            packet.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        }
    }
    packet.extend_from_slice(rest);
    packet
}
