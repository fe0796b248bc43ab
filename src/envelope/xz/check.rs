//! The checks an xz block can have.
//!
//! Promises: carried out here over every byte that was given. Refuses to know: where the stored value came from.

use std::fmt;
use std::sync::LazyLock;

use flate2::Crc;
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
    Crc64(u64),
    Sha256(Box<Sha256>),
}

impl Check {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::None | Kind::Unknown(_) => Self::Nothing,
            Kind::Crc32 => Self::Crc32(Crc::new()),
            Kind::Crc64 => Self::Crc64(u64::MAX),
            Kind::Sha256 => Self::Sha256(Box::default()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Nothing => {}
            Self::Crc32(crc) => crc.update(bytes),
            Self::Crc64(crc) => *crc = crc64(*crc, bytes),
            Self::Sha256(digest) => digest.update(bytes),
        }
    }

    /// Whether this is the value that was stored.
    pub(super) fn holds(&self, stored: &[u8]) -> bool {
        match self {
            Self::Nothing => true,
            Self::Crc32(crc) => stored == crc.sum().to_le_bytes(),
            Self::Crc64(crc) => stored == (!crc).to_le_bytes(),
            Self::Sha256(digest) => stored == digest.clone().finalize().as_slice(),
        }
    }
}

/// The polynomial of CRC-64 as in ECMA-182, its bits reversed.
const POLYNOMIAL: u64 = 0xC96C_5795_D787_0F42;

/// What a byte does to the remainder, with none to seven bytes behind it.
static TABLES: LazyLock<[[u64; 256]; 8]> = LazyLock::new(|| {
    let mut row: [u64; 256] = std::array::from_fn(|byte| {
        let byte = u64::try_from(byte).unwrap_or_default();
        (0..8).fold(byte, |rest, _| rest >> 1 ^ if rest & 1 == 1 { POLYNOMIAL } else { 0 })
    });
    let first = row;
    std::array::from_fn(|index| {
        if index > 0 {
            row = row.map(|rest| rest >> 8 ^ at(&first, rest));
        }
        row
    })
});

/// The entry for the lowest byte of `rest`.
fn at(row: &[u64; 256], rest: u64) -> u64 {
    let [byte, ..] = rest.to_le_bytes();
    row.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Carries the remainder over more bytes, eight at a time.
fn crc64(mut crc: u64, bytes: &[u8]) -> u64 {
    let tables = &*TABLES;
    let [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        let word = crc ^ u64::from_le_bytes(*eight);
        crc = at(t7, word)
            ^ at(t6, word >> 8)
            ^ at(t5, word >> 16)
            ^ at(t4, word >> 24)
            ^ at(t3, word >> 32)
            ^ at(t2, word >> 40)
            ^ at(t1, word >> 48)
            ^ at(t0, word >> 56);
    }
    rest.iter().fold(crc, |crc, byte| crc >> 8 ^ at(t0, crc ^ u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc64_has_the_value_its_catalogue_gives() {
        // CRC-64/XZ of "123456789" in the catalogue of parametrised CRC algorithms.
        assert_eq!(!crc64(u64::MAX, b"123456789"), 0x995D_C9BB_DF19_39FA);
    }

    #[test]
    fn crc64_is_the_same_in_pieces() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        for cut in 0..40 {
            let (first, second) = bytes.split_at(cut);
            assert_eq!(crc64(crc64(u64::MAX, first), second), crc64(u64::MAX, &bytes), "{cut}");
        }
    }
}
