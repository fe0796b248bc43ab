//! The bottom of every stack: the source itself as a layer that proves nothing.
//!
//! Promises: closing reads to the end and asks the source whether it was what it seemed. Refuses to know: formats.

use std::io;

use bytes::Bytes;

use super::{Layer, Proof};
use crate::source::{CHUNK_BYTES, Chunk, Source};

/// A source as the outermost layer.
pub struct Raw(Box<dyn Source>);

impl Raw {
    /// The layer at depth 0 reads from it.
    #[must_use]
    pub fn new(source: Box<dyn Source>) -> Self {
        Self(source)
    }
}

impl Source for Raw {
    fn position(&self) -> u64 {
        self.0.position()
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.0.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.0.take(at_most)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.0.skip(count)
    }

    fn remaining(&self) -> Option<u64> {
        self.0.remaining()
    }

    fn lies_ready(&self) -> bool {
        self.0.lies_ready()
    }

    fn whole(&self) -> Option<Bytes> {
        self.0.whole()
    }

    fn read_on(&mut self) {
        self.0.read_on();
    }

    fn settle(&mut self) -> io::Result<()> {
        self.0.settle()
    }
}

impl Layer for Raw {
    fn close(mut self: Box<Self>) -> io::Result<Vec<Proof>> {
        while self.skip(u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX))? > 0 {}
        self.settle()?;
        Ok(Vec::new())
    }
}
