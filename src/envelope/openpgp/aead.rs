//! Content sealed chunk by chunk: SEIPD v2 (RFC 9580, section 5.13.2), and the packet 20 that GnuPG had before it.
//!
//! ```text
//! SEIPD v2   2 │ cipher │ mode │ chunk size │ salt (32) │ chunks │ final tag
//! packet 20  1 │ cipher │ mode │ chunk size │ nonce     │ chunks │ final tag
//! ```
//!
//! The two differ in how key, nonce and the data that is sealed along come about, and in nothing else.
//!
//! Promises: no chunk larger than the limit; modes and ciphers that the backend does not combine are named. The primitives
//! are sequoia-openpgp's. Refuses to know: how chunks are cut out of the stream.

use sequoia_openpgp::Result;
use sequoia_openpgp::crypto::SessionKey;
use sequoia_openpgp::crypto::aead::{SEIPv2Schedule, Schedule as _};
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};

use super::chunks::{Chunks, TAG_BYTES, last};
use super::cipher::Cipher;
use super::decrypt::{Decrypt, Esk, Scheme};
use super::key::{Candidate, Fit};
use crate::limits::Limits;

/// The largest chunk that RFC 9580 lets a writer make, as the exponent that stands in the packet: 4 MiB.
const STANDARD_EXPONENT: u8 = 16;

/// Bytes of the salt of SEIPD v2.
const SALT_BYTES: usize = 32;

/// Octets between version and salt or nonce: cipher, mode, chunk size.
pub(super) const FIELD_BYTES: usize = 3;

/// A sealed packet's parameters.
pub(super) struct Aead {
    form: Form,
    cipher: Cipher,
    algorithm: SymmetricAlgorithm,
    mode: AEADAlgorithm,
    exponent: u8,
    chunk_bytes: usize,
    /// The salt of SEIPD v2, the nonce of packet 20.
    seed: Vec<u8>,
    /// Threads that may open chunks at once.
    threads: usize,
}

/// The two packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Seipd2,
    Packet20,
}

/// Why a packet is not read.
pub(super) enum Refusal {
    Unsupported(String),
    Malformed(String),
    Limit(String),
}

impl Form {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Seipd2 => "SEIPD v2",
            Self::Packet20 => "GnuPG OCB (packet 20)",
        }
    }

    /// Bytes of salt or nonce behind `fields`, the octets for cipher, mode and chunk size.
    pub(super) fn seed_bytes(self, fields: &[u8]) -> usize {
        match (self, fields.get(1)) {
            (Self::Seipd2, _) => SALT_BYTES,
            (Self::Packet20, Some(mode)) => AEADAlgorithm::from(*mode).nonce_size().unwrap_or(0),
            (Self::Packet20, None) => 0,
        }
    }
}

impl Aead {
    /// Reads the parameters.
    ///
    /// # Errors
    /// They are not supported, cannot be, or ask for too much.
    pub(super) fn new(
        form: Form,
        fields: &[u8],
        seed: Vec<u8>,
        limits: &Limits,
        threads: usize,
    ) -> std::result::Result<Self, Refusal> {
        let &[cipher, mode, exponent] = fields else {
            return Err(Refusal::Malformed("the encrypted packet ends in its parameters".into()));
        };
        let algorithm = SymmetricAlgorithm::from(cipher);
        let known = Cipher::find(cipher);
        let cipher = known.ok_or_else(|| Refusal::Unsupported(format!("cipher algorithm {cipher}")))?;
        let mode = AEADAlgorithm::from(mode);
        let nonce_bytes = mode.nonce_size().map_err(|_| Refusal::Unsupported(format!("AEAD mode {mode}")))?;
        if !supports(algorithm, mode, cipher, nonce_bytes) {
            return Err(Refusal::Unsupported(format!("{} in {mode} mode", cipher.name)));
        }
        if seed.len() != form.seed_bytes(fields) {
            return Err(Refusal::Malformed("the encrypted packet ends in its parameters".into()));
        }
        if form == Form::Seipd2 && exponent > STANDARD_EXPONENT {
            let message = format!("the chunk size is 2^{}, at most 2^22 may be", u32::from(exponent).saturating_add(6));
            return Err(Refusal::Malformed(message));
        }
        let bytes = 2_u64.saturating_pow(u32::from(exponent).saturating_add(6));
        let limit = limits.openpgp_chunk_bytes;
        let chunk_bytes = usize::try_from(bytes).ok().filter(|_| bytes <= limit).ok_or_else(|| {
            let exponent = u32::from(exponent).saturating_add(6);
            Refusal::Limit(format!(
                "a chunk of 2^{exponent} bytes must be read whole before it can be checked (--limit openpgp-chunk-bytes={limit})"
            ))
        })?;
        Ok(Self { form, cipher, algorithm, mode, exponent, chunk_bytes, seed, threads })
    }

    fn schedule(&self, key: &[u8]) -> Option<Schedule> {
        if key.len() != self.cipher.key_bytes {
            return None;
        }
        let key = SessionKey::from(key);
        let seed = match self.form {
            Form::Seipd2 => {
                Seed::Derived(SEIPv2Schedule::new(&key, self.algorithm, self.mode, self.chunk_bytes, &self.seed).ok()?)
            }
            Form::Packet20 => {
                // The header octet, then the first four of the body.
                let associated = [0xd4, 1, self.algorithm.into(), self.mode.into(), self.exponent];
                Seed::Direct { key, nonce: self.seed.clone(), associated }
            }
        };
        Some(Schedule { algorithm: self.algorithm, mode: self.mode, seed })
    }
}

impl Scheme for Aead {
    fn name(&self) -> &'static str {
        self.form.name()
    }

    fn cipher(&self) -> Option<Cipher> {
        Some(self.cipher)
    }

    fn mode(&self) -> Option<String> {
        Some(format!("{}, chunks of {} bytes", self.mode, self.chunk_bytes))
    }

    fn takes(&self, kind: Esk) -> bool {
        match self.form {
            Form::Seipd2 => matches!(kind, Esk::Public(6) | Esk::Passphrase(6)),
            Form::Packet20 => matches!(kind, Esk::Public(3) | Esk::Passphrase(4 | 5)),
        }
    }

    fn head_bytes(&self) -> usize {
        // A chunk and its tag, and what tells whether it is the last one.
        self.chunk_bytes.saturating_add(2 * TAG_BYTES)
    }

    fn least_bytes(&self) -> usize {
        TAG_BYTES
    }

    fn fit(&self, candidate: &Candidate, head: &[u8]) -> Fit {
        let named = candidate.cipher.is_none_or(|cipher| cipher.name == self.cipher.name);
        let Some(schedule) = self.schedule(&candidate.key).filter(|_| named) else { return Fit::Not };
        let chunk = if head.len() >= self.head_bytes() {
            head.get(..self.chunk_bytes.saturating_add(TAG_BYTES))
        } else {
            last(head)
        };
        let holds = match chunk {
            None => schedule.open(0, Some(0), head, &mut []),
            Some(chunk) => {
                let mut clear = zeroize::Zeroizing::new(vec![0; chunk.len().saturating_sub(TAG_BYTES)]);
                schedule.open(0, None, chunk, &mut clear)
            }
        };
        if holds { Fit::Sure } else { Fit::Not }
    }

    fn start(&self, candidate: &Candidate, head: Vec<u8>) -> Option<Box<dyn Decrypt>> {
        Some(Box::new(Chunks::new(self.schedule(&candidate.key)?, self.chunk_bytes, head, self.threads)))
    }
}

/// Whether the backend has this cipher in this mode.
fn supports(algorithm: SymmetricAlgorithm, mode: AEADAlgorithm, cipher: Cipher, nonce_bytes: usize) -> bool {
    let (key, nonce) = (SessionKey::from(vec![0; cipher.key_bytes]), vec![0; nonce_bytes]);
    cipher.block_bytes == 16
        && mode.context(algorithm, &key, &[], &nonce).and_then(|builder| builder.for_decryption()).is_ok()
}

/// Key, nonce and associated data of every chunk.
pub(super) struct Schedule {
    algorithm: SymmetricAlgorithm,
    mode: AEADAlgorithm,
    seed: Seed,
}

enum Seed {
    Derived(SEIPv2Schedule),
    Direct { key: SessionKey, nonce: Vec<u8>, associated: [u8; 5] },
}

impl Schedule {
    /// Opens the chunk `index`, which is `sealed` with its tag, into `clear`; false where the tag does not hold. The final
    /// tag is a chunk of nothing for which `length`, the bytes of all chunks, is given.
    pub(super) fn open(&self, index: u64, length: Option<u64>, sealed: &[u8], clear: &mut [u8]) -> bool {
        let mut open = |key: &SessionKey, nonce: &[u8], associated: &[u8]| -> Result<()> {
            self.mode.context(self.algorithm, key, associated, nonce)?.for_decryption()?.decrypt_verify(clear, sealed)
        };
        match &self.seed {
            Seed::Derived(schedule) => match length {
                None => schedule.chunk(index, &mut open),
                Some(length) => schedule.finalizer(index, length, &mut open),
            },
            Seed::Direct { key, nonce, associated } => {
                let index = index.to_be_bytes();
                let mut nonce = nonce.clone();
                for (octet, index) in nonce.iter_mut().rev().zip(index.iter().rev()) {
                    *octet ^= index;
                }
                let length = length.map(u64::to_be_bytes);
                let associated = [&associated[..], &index, length.as_ref().map_or(&[], |length| &length[..])].concat();
                open(key, &nonce, &associated)
            }
        }
        .is_ok()
    }
}
