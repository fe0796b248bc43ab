//! The checks an xz block can have.
//!
//! Promises: carried out here over every byte that was given. Refuses to know: where the stored value came from.

use std::fmt;

use crc_fast::{CrcAlgorithm, Digest as Crc};
use sha2::{Digest as _, Sha256};

/// The kind of check that a stream announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    None,
    Crc32,
    Crc64,
    Sha256,
    /// An identifier that the format keeps for later.
    Unknown(u8),
}

impl Kind {
    pub(super) fn of(id: u8) -> Self {
        match id {
            0 => Self::None,
            1 => Self::Crc32,
            4 => Self::Crc64,
            10 => Self::Sha256,
            id => Self::Unknown(id),
        }
    }

    /// Bytes of the stored value: the format fixes them for kinds that do not exist yet, too.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc32 | Self::Unknown(1..=3) => 4,
            Self::Crc64 | Self::Unknown(4..=6) => 8,
            Self::Unknown(7..=9) => 16,
            Self::Sha256 | Self::Unknown(10..=12) => 32,
            Self::Unknown(_) => 64,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Crc32 => f.write_str("CRC-32"),
            Self::Crc64 => f.write_str("CRC-64"),
            Self::Sha256 => f.write_str("SHA-256"),
            Self::Unknown(id) => write!(f, "{id}"),
        }
    }
}

/// A check being carried out.
pub(super) enum Check {
    /// There is nothing to compare with, or nobody knows how.
    Nothing,
    Crc32(Crc),
    Crc64(Crc),
    Sha256(Box<Sha256>),
}

impl Check {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::None | Kind::Unknown(_) => Self::Nothing,
            Kind::Crc32 => Self::Crc32(Crc::new(CrcAlgorithm::Crc32IsoHdlc)),
            Kind::Crc64 => Self::Crc64(Crc::new(CrcAlgorithm::Crc64Xz)),
            Kind::Sha256 => Self::Sha256(Box::default()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Nothing => {}
            Self::Crc32(crc) | Self::Crc64(crc) => crc.update(bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    /// Whether this is the value that was stored.
    pub(super) fn holds(&self, stored: &[u8]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Crc32(crc) => u32::try_from(crc.finalize()).is_ok_and(|sum| stored == sum.to_le_bytes()),
            Self::Crc64(crc) => stored == crc.finalize().to_le_bytes(),
            Self::Sha256(digest) => stored == digest.clone().finalize().as_slice(),
        }
    }
}
