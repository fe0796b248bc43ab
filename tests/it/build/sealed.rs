//! OpenPGP messages sealed chunk by chunk, and messages that nothing protects: SEIPD v2 with SKESK v6 (RFC 9580), packet 20
//! with SKESK v5 (RFC 4880bis, as GnuPG writes it), packet 9.
//!
//! Framing, nonces and key derivation are written here from the texts, with fixed salts and keys so that the same bytes
//! come out each time; only the AEAD modes themselves are sequoia-openpgp's.

use cfb_mode::cipher::{BlockCipherEncrypt, IvSizeUser, KeyInit, KeyIvInit};
use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};
use sha2::{Digest, Sha256};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Seipd2,
    Packet20,
}

/// A message in chunks.
#[derive(Clone, Copy)]
pub struct Sealed<'a> {
    pub passphrase: &'a [u8],
    pub form: Form,
    /// 1 EAX, 2 OCB, 3 GCM.
    pub mode: u8,
    /// The cipher, by its number; its key has 16 or 32 bytes.
    pub cipher: u8,
    /// The chunk size, less 6, as a power of two.
    pub exponent: u8,
}

const SALT: [u8; 32] = *b"thirty-two bytes of salt, always";

impl Sealed<'_> {
    /// Session-key packet and sealed packet.
    pub fn of(&self, packets: &[u8]) -> Vec<u8> {
        let key: Vec<u8> = (0..self.key_bytes()).map(|index| index * 7 + 3).collect();
        [self.session_key_packet(&key), self.sealed_packet(&key, packets)].concat()
    }

    fn key_bytes(&self) -> u8 {
        if matches!(self.cipher, 7 | 11) { 16 } else { 32 }
    }

    fn nonce_bytes(&self) -> usize {
        [16, 15, 12][usize::from(self.mode) - 1]
    }

    pub fn session_key_packet(&self, key: &[u8]) -> Vec<u8> {
        // Iterated and salted, SHA-256, the least count: 1,024 octets.
        let mut s2k = vec![3, 8];
        s2k.extend_from_slice(b"saltsalt");
        s2k.push(0);
        let mut octets = [b"saltsalt", self.passphrase].concat().repeat(1024 / (8 + self.passphrase.len()) + 1);
        octets.truncate(1024);
        let derived = &Sha256::digest(&octets)[..usize::from(self.key_bytes())];
        let nonce = &SALT[..self.nonce_bytes()];
        let version = if self.form == Form::Seipd2 { 6 } else { 5 };
        let associated = [0xC3, version, self.cipher, self.mode];
        let kek =
            if self.form == Form::Seipd2 { hkdf(derived, &[], &associated, derived.len()) } else { derived.to_vec() };
        let sealed = seal(self.cipher, self.mode, &kek, nonce, &associated, key);
        let mut body = vec![version];
        if self.form == Form::Seipd2 {
            body.push(u8::try_from(3 + s2k.len() + nonce.len()).unwrap());
        }
        body.extend_from_slice(&[self.cipher, self.mode]);
        if self.form == Form::Seipd2 {
            body.push(u8::try_from(s2k.len()).unwrap());
        }
        body.extend_from_slice(&s2k);
        body.extend_from_slice(nonce);
        body.extend_from_slice(&sealed);
        packet(3, &body)
    }

    pub fn sealed_packet(&self, key: &[u8], packets: &[u8]) -> Vec<u8> {
        let fields = [if self.form == Form::Seipd2 { 2 } else { 1 }, self.cipher, self.mode, self.exponent];
        let mut body = fields.to_vec();
        let tag = if self.form == Form::Seipd2 { 18 } else { 20 };
        let associated = [&[0xC0 | tag][..], &fields].concat();
        let (key, start) = match self.form {
            Form::Seipd2 => {
                body.extend_from_slice(&SALT);
                let made = hkdf(key, &SALT, &associated, key.len() + self.nonce_bytes() - 8);
                let (key, start) = made.split_at(key.len());
                (key.to_vec(), [start, &[0; 8]].concat())
            }
            Form::Packet20 => {
                body.extend_from_slice(&SALT[..self.nonce_bytes()]);
                (key.to_vec(), SALT[..self.nonce_bytes()].to_vec())
            }
        };
        let nonce = |index: u64| {
            let mut nonce = start.clone();
            let eight = nonce.len() - 8;
            nonce[eight..].iter_mut().zip(index.to_be_bytes()).for_each(|(octet, index)| *octet ^= index);
            nonce
        };
        let along = |index: u64, length: &[u8]| match self.form {
            Form::Seipd2 => [&associated, length].concat(),
            Form::Packet20 => [&associated, &index.to_be_bytes()[..], length].concat(),
        };
        let mut index = 0;
        for chunk in packets.chunks(64 << self.exponent) {
            body.extend(seal(self.cipher, self.mode, &key, &nonce(index), &along(index, &[]), chunk));
            index += 1;
        }
        let length = (packets.len() as u64).to_be_bytes();
        body.extend(seal(self.cipher, self.mode, &key, &nonce(index), &along(index, &length), &[]));
        packet(tag, &body)
    }
}

fn seal(cipher: u8, mode: u8, key: &[u8], nonce: &[u8], associated: &[u8], clear: &[u8]) -> Vec<u8> {
    let (cipher, mode) = (SymmetricAlgorithm::from(cipher), AEADAlgorithm::from(mode));
    let mut sealed = vec![0; clear.len() + 16];
    let key = SessionKey::from(key);
    let context = mode.context(cipher, &key, associated, nonce).unwrap();
    context.for_encryption().unwrap().encrypt_seal(&mut sealed, clear).unwrap();
    sealed
}

/// RFC 2104.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let pad = |with: u8| block.map(|byte| byte ^ with);
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5C)).chain_update(inner).finalize().to_vec()
}

/// RFC 5869, with SHA-256.
fn hkdf(key: &[u8], salt: &[u8], info: &[u8], bytes: usize) -> Vec<u8> {
    let extracted = hmac(salt, key);
    let (mut made, mut last) = (Vec::new(), Vec::new());
    for index in 1.. {
        if made.len() >= bytes {
            break;
        }
        last = hmac(&extracted, &[&last, info, &[index]].concat());
        made.extend_from_slice(&last);
    }
    made.truncate(bytes);
    made
}

/// A packet of the new format with a length of five octets.
pub fn packet(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[0xC0 | tag, 255][..], &length, body].concat()
}

/// A literal packet around `content`.
pub fn literal(content: &[u8]) -> Vec<u8> {
    packet(11, &[b"b\0\0\0\0\0", content].concat())
}

/// `packets` in packet 9 under AES-128, whose key is the SHA-256 of the passphrase.
pub fn bare(passphrase: &[u8], packets: &[u8]) -> Vec<u8> {
    let skesk = packet(3, &[4, 7, 0, 8]);
    let key = Sha256::digest(passphrase);
    [skesk, packet(9, &openpgp_cfb::<aes::Aes128>(&key[..16], packets))].concat()
}

/// The CFB of OpenPGP, which starts anew behind the prefix (RFC 9580, section 5.7).
pub fn openpgp_cfb<C>(key: &[u8], packets: &[u8]) -> Vec<u8>
where
    cfb_mode::BufEncryptor<C>: KeyIvInit + IvSizeUser,
    C: BlockCipherEncrypt + KeyInit,
{
    let block = cfb_mode::BufEncryptor::<C>::iv_size();
    let mut prefix: Vec<u8> = (0..u8::try_from(block).unwrap()).map(|index| index * 11 + 5).collect();
    prefix.extend_from_within(block - 2..);
    let start = |before: &[u8]| cfb_mode::BufEncryptor::<C>::new_from_slices(key, before).unwrap();
    start(&vec![0; block]).encrypt(&mut prefix);
    let mut rest = packets.to_vec();
    start(&prefix[2..]).encrypt(&mut rest);
    [prefix, rest].concat()
}
