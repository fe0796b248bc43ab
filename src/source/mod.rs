//! Where bytes come from: regular files (mapped), pipes and standard input (one pass), memory.
//!
//! Promises: a [`Source`] lends headers without copying where it can, hands payload on as shared [`Chunk`]s, and reports
//! real input errors only; a short read is an end, not an error. Refuses to know: what the bytes mean.

mod ahead;
mod beside;
mod chunk;
mod file;
mod guard;
mod memory;
mod relay;
mod stream;

pub use beside::Beside;
pub use chunk::{Buffer, Buffered, Chunk, Feed, Pool, zeros};
pub use file::{MappedFile, Opened, open};
pub use guard::prefetch;
pub use memory::{MemorySource, SplitSource};
pub use relay::Relay;
pub use stream::ReadFeed;

use std::io;

/// Bytes in a chunk where nothing else decides: large enough to make hand-over free, small enough to stay in cache.
pub const CHUNK_BYTES: usize = 256 << 10;

/// A stream of bytes read once, from front to back.
pub trait Source: Send {
    /// Bytes consumed so far: the offset of the next byte.
    fn position(&self) -> u64;

    /// Lends at least `wanted` contiguous bytes from here without consuming them; fewer only at the end of the stream.
    ///
    /// # Errors
    /// The input could not be read.
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]>;

    /// Hands over the next bytes, at least one and at most `at_most`; `None` at the end of the stream.
    ///
    /// # Errors
    /// The input could not be read.
    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>>;

    /// Passes over `count` bytes and says how many there were; fewer only at the end of the stream.
    ///
    /// # Errors
    /// The input could not be read.
    fn skip(&mut self, count: u64) -> io::Result<u64>;

    /// Bytes from here to the end, where that is known beforehand.
    fn remaining(&self) -> Option<u64> {
        None
    }

    /// Whether all of the stream's bytes lie in memory or in a map.
    fn lies_ready(&self) -> bool {
        self.whole().is_some()
    }

    /// All of the stream's bytes, whatever was consumed, where they lie in memory or in a map: for who reads them at a pace
    /// of his own.
    fn whole(&self) -> Option<bytes::Bytes> {
        None
    }

    /// Says that the reader will go on as it did, from page to page: a source that has something to do for each of them may do
    /// so beforehand, on a thread of its own.
    fn read_on(&mut self) {}

    /// Says, after the last byte was used, whether all that was lent really was the input.
    ///
    /// # Errors
    /// The input changed while it was read.
    fn settle(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn position(&self) -> u64 {
        (**self).position()
    }
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        (**self).peek(wanted)
    }
    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        (**self).take(at_most)
    }
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        (**self).skip(count)
    }
    fn remaining(&self) -> Option<u64> {
        (**self).remaining()
    }
    fn lies_ready(&self) -> bool {
        (**self).lies_ready()
    }
    fn whole(&self) -> Option<bytes::Bytes> {
        (**self).whole()
    }
    fn read_on(&mut self) {
        (**self).read_on();
    }
    fn settle(&mut self) -> io::Result<()> {
        (**self).settle()
    }
}
