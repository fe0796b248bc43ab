//! Bytes that lie in memory already, whole or, for tests and fuzzing, cut into pieces.
//!
//! Promises: [`MemorySource`] copies nothing; [`SplitSource`] gives the same stream in pieces of chosen sizes, so that
//! any reader can be tried against any cut. Refuses to know: where the bytes came from.

use std::io;

use bytes::Bytes;

use super::{Buffered, Chunk, Feed, Source};

/// A source over bytes in memory.
#[derive(Debug, Clone)]
pub struct MemorySource {
    bytes: Bytes,
    position: usize,
}

impl MemorySource {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), position: 0 }
    }
}

impl Source for MemorySource {
    fn position(&self) -> u64 {
        self.position as u64
    }

    fn peek(&mut self, _wanted: usize) -> io::Result<&[u8]> {
        Ok(self.bytes.get(self.position..).unwrap_or_default())
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        let end = self.bytes.len().min(self.position.saturating_add(at_most));
        if end == self.position {
            return Ok(None);
        }
        let chunk = Chunk { offset: self.position as u64, bytes: self.bytes.slice(self.position..end) };
        self.position = end;
        Ok(Some(chunk))
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let left = self.bytes.len().saturating_sub(self.position);
        let step = usize::try_from(count).unwrap_or(usize::MAX).min(left);
        self.position = self.position.saturating_add(step);
        Ok(step as u64)
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.bytes.len().saturating_sub(self.position) as u64)
    }

    fn whole(&self) -> Option<Bytes> {
        Some(self.bytes.clone())
    }
}

/// A feed that cuts bytes into pieces.
#[derive(Debug)]
pub struct Pieces {
    rest: Bytes,
    sizes: Box<[usize]>,
    turn: usize,
}

impl Feed for Pieces {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let size = self.sizes.get(self.turn).copied().unwrap_or(1).max(1);
        self.turn = if self.turn.saturating_add(1) >= self.sizes.len() { 0 } else { self.turn.saturating_add(1) };
        Ok(Some(self.rest.split_to(size.min(self.rest.len()))))
    }
}

/// The same bytes, handed over in pieces of the sizes given, over and over; one byte each where none is given.
pub type SplitSource = Buffered<Pieces>;

impl SplitSource {
    /// Cuts `bytes` by `sizes`.
    #[must_use]
    pub fn split(bytes: impl Into<Bytes>, sizes: &[usize]) -> Self {
        Self::new(Pieces { rest: bytes.into(), sizes: sizes.into(), turn: 0 })
    }
}
