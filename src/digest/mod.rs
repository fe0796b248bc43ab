//! Digests: of every member and of the archive itself, computed while the bytes flow.
//!
//! Promises: the same digests and the same order for any number of threads; bytes are hashed where they lie. Refuses to
//! know: what a digest is held against.

mod archive;
mod members;

pub use archive::{ArchiveDigests, watch};
pub use members::{Content, MemberDigests};

use sha2::{Digest as _, Sha256};

/// Which digests are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hashes {
    /// FIPS 180-4.
    pub sha256: bool,
    /// BLAKE3, 32 bytes of output.
    pub blake3: bool,
}

impl Hashes {
    /// None at all.
    pub const NONE: Self = Self { sha256: false, blake3: false };
    /// SHA-256 alone.
    pub const SHA256: Self = Self { sha256: true, blake3: false };

    /// Whether there is anything to do.
    #[must_use]
    pub fn any(self) -> bool {
        self.sha256 || self.blake3
    }
}

/// The digests of some bytes; each present where it was wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Digests {
    /// SHA-256.
    pub sha256: Option<[u8; 32]>,
    /// BLAKE3.
    pub blake3: Option<[u8; 32]>,
    /// SHA-256 of the bytes before the last few, for content that ends in a digest of what stands before it.
    pub front: Option<[u8; 32]>,
}

impl Digests {
    /// Name and lower-case hexadecimal value of each.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, String)> {
        [("sha256", self.sha256), ("blake3", self.blake3)]
            .into_iter()
            .filter_map(|(name, digest)| Some((name, hex(&digest?))))
    }
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut text = Vec::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    // These digits are text.
    String::from_utf8(text).unwrap_or_default()
}

/// Computes digests of bytes as they come.
#[derive(Clone)]
pub struct Hasher {
    sha256: Option<Sha256>,
    blake3: Option<Box<blake3::Hasher>>,
    front: Front,
}

/// The part of the content that has a digest of its own.
#[derive(Clone, Copy)]
enum Front {
    /// None is wanted.
    Unasked,
    /// It ends after so many more bytes.
    Open(u64),
    /// Its digest.
    Known([u8; 32]),
}

impl Hasher {
    /// For the digests wanted.
    #[must_use]
    pub fn new(hashes: Hashes) -> Self {
        Self {
            sha256: hashes.sha256.then(Sha256::new),
            blake3: hashes.blake3.then(|| Box::new(blake3::Hasher::new())),
            front: Front::Unasked,
        }
    }

    /// For the digests wanted, and the SHA-256 of the first `bytes` bytes by the way.
    #[must_use]
    pub fn with_front(hashes: Hashes, bytes: u64) -> Self {
        Self { front: Front::Open(bytes), ..Self::new(Hashes { sha256: true, ..hashes }) }
    }

    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        if let Some(sha256) = &mut self.sha256 {
            let mut rest = bytes;
            if let Front::Open(left) = &mut self.front {
                match usize::try_from(*left).ok().and_then(|left| bytes.split_at_checked(left)) {
                    Some((front, after)) => {
                        sha256.update(front);
                        self.front = Front::Known(sha256.clone().finalize().into());
                        rest = after;
                    }
                    None => *left -= bytes.len() as u64,
                }
            }
            sha256.update(rest);
        }
        if let Some(blake3) = &mut self.blake3 {
            blake3.update(bytes);
        }
    }

    /// The digests of all bytes taken in.
    #[must_use]
    pub fn finish(mut self) -> Digests {
        // Nothing came of what has nothing in front.
        self.update(&[]);
        Digests {
            front: if let Front::Known(digest) = self.front { Some(digest) } else { None },
            sha256: self.sha256.map(|hasher| hasher.finalize().into()),
            blake3: self.blake3.map(|hasher| *hasher.finalize().as_bytes()),
        }
    }

    /// The digests of `bytes`.
    #[must_use]
    pub fn of(hashes: Hashes, bytes: &[u8]) -> Digests {
        let mut hasher = Self::new(hashes);
        hasher.update(bytes);
        hasher.finish()
    }
}
