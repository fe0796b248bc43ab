//! The same bytes, cut in different ways.
//!
//! Promises: whole, byte by byte, and in pieces whose sizes are drawn from the bytes themselves. Refuses to know: who reads.

use bytes::Bytes;
use veritar::source::{MemorySource, Source, SplitSource};

/// Bytes past which cutting into single ones costs more than it says.
const SINGLE_BYTES: usize = 64 << 10;

/// The bytes in every cut but the first, which is whole.
pub(crate) fn pieces(bytes: &Bytes) -> Vec<(String, Box<dyn Source>)> {
    let mut draw = Draw::from(bytes);
    let sizes: Vec<usize> = (0..32).map(|_| draw.size()).collect();
    let one = if bytes.len() <= SINGLE_BYTES { 1 } else { 509 };
    [vec![one], sizes]
        .into_iter()
        .map(|sizes| {
            let name = format!("in pieces of {sizes:?}");
            let source: Box<dyn Source> = Box::new(SplitSource::split(bytes.clone(), &sizes));
            (name, source)
        })
        .collect()
}

/// The bytes in one piece.
pub(crate) fn whole(bytes: &Bytes) -> Box<dyn Source> {
    Box::new(MemorySource::new(bytes.clone()))
}

/// Numbers that depend on the bytes alone.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn from(bytes: &[u8]) -> Self {
        let hash = bytes
            .iter()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
        Self(hash | 1)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.number() >> 8) as usize % bound.max(1)
    }

    /// A size that is likely to hurt: a few bytes, about a block, or some kilobytes.
    pub(crate) fn size(&mut self) -> usize {
        match self.below(4) {
            0 => 1 + self.below(16),
            1 => 500 + self.below(24),
            2 => 512 * (1 + self.below(4)),
            _ => 1 + self.below(8192),
        }
    }
}
