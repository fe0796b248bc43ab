//! Records that Swarm may have encrypted: its data keys, log entries and snapshots.
//!
//! Promises: what opens was authenticated by the key; what was in clear, and what comes out, is zeroed and never shown.
//! Refuses to know: whose key it is.

use aes::Aes128;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use crypto_secretbox::XSalsa20Poly1305;
use crypto_secretbox::aead::{Aead as _, KeyInit as OlderKeyInit};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::proto::{Fields, Value};
use crate::secret::Secret;

/// Bytes of every key: of the data key and of the one that locks it.
pub(super) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// A Fernet token's version, time and initial vector stand before its ciphertext.
const FERNET_HEAD: usize = 25;
const FERNET_TAG: usize = 32;

/// One record: which cipher, and what it needs.
#[derive(Clone)]
pub(super) enum Sealed {
    /// Not encrypted.
    Clear(Secret),
    /// XSalsa20 and Poly1305, as NaCl's secretbox has them.
    Secretbox { nonce: [u8; NONCE_BYTES], data: Vec<u8> },
    /// A Fernet token, in base64 as it stands: AES-128-CBC and HMAC-SHA256.
    Fernet(Vec<u8>),
    /// A cipher that is not known here, by its number.
    Unknown(u64),
}

impl Sealed {
    /// Takes a record apart; `None` where the bytes are none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (mut algorithm, mut data, mut nonce) = (0, &[][..], &[][..]);
        let mut fields = Fields(bytes);
        while let Some((field, value)) = fields.next().ok()? {
            match (field, value) {
                (1, Value::Number(number)) => algorithm = number,
                (2, Value::Bytes(bytes)) => data = bytes,
                (3, Value::Bytes(bytes)) => nonce = bytes,
                _ => return None,
            }
        }
        Some(match algorithm {
            0 => Self::Clear(Secret::new(data.to_vec())),
            1 => Self::Secretbox { nonce: nonce.try_into().ok()?, data: data.to_vec() },
            2 => Self::Fernet(data.to_vec()),
            other => Self::Unknown(other),
        })
    }

    /// The word for its cipher.
    pub(super) fn cipher(&self) -> &'static str {
        match self {
            Self::Clear(_) => "none",
            Self::Secretbox { .. } => "secretbox",
            Self::Fernet(_) => "fernet",
            Self::Unknown(_) => "unknown",
        }
    }

    /// Bytes that holding it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let data = match self {
            Self::Clear(secret) => secret.reveal().len(),
            Self::Secretbox { data, .. } | Self::Fernet(data) => data.len(),
            Self::Unknown(_) => 0,
        };
        data.saturating_add(128)
    }

    /// What is in it, where `key` is the right one and nothing was changed. What is in clear proves nothing: `None`.
    pub(super) fn open(&self, key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self {
            Self::Secretbox { nonce, data } => {
                let cipher = <XSalsa20Poly1305 as OlderKeyInit>::new_from_slice(key).ok()?;
                cipher.decrypt(nonce.into(), data.as_slice()).ok().map(Zeroizing::new)
            }
            Self::Fernet(token) => fernet(token, key),
            Self::Clear(_) | Self::Unknown(_) => None,
        }
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({}, ..)", self.cipher())
    }
}

/// Opens a Fernet token; its time says nothing here.
fn fernet(token: &[u8], key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (signing, encryption) = key.split_at_checked(KEY_BYTES / 2)?;
    let token = URL_SAFE.decode(token).ok()?;
    let (signed, tag) = token.split_at_checked(token.len().checked_sub(FERNET_TAG)?)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(signing).ok()?;
    mac.update(signed);
    mac.verify_slice(tag).ok()?;
    let (head, data) = signed.split_at_checked(FERNET_HEAD)?;
    let vector = head.strip_prefix(&[0x80])?.get(8..)?;
    let cipher = cbc::Decryptor::<Aes128>::new_from_slices(encryption, vector).ok()?;
    cipher.decrypt_padded_vec::<Pkcs7>(data).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector of the Fernet specification, `verify.json`.
    #[test]
    fn the_published_token_opens() {
        let key = URL_SAFE.decode("cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=").unwrap();
        let token =
            "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
        let sealed = Sealed::Fernet(token.as_bytes().to_vec());
        assert_eq!(sealed.open(&key).unwrap().as_slice(), b"hello");
        let mut other = key.clone();
        other[0] ^= 1;
        assert!(sealed.open(&other).is_none());
        assert!(Sealed::Fernet(token.replace("21cp", "22cp").into_bytes()).open(&key).is_none());
    }
}
