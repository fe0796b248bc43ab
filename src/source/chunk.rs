//! Chunks, the buffers behind them, and the adapter that makes a [`Source`] of anything that yields chunks.
//!
//! Promises: a chunk is shared, never copied; a buffer returns to its pool when the last chunk over it is dropped, so
//! memory stays at what is in flight. Refuses to know: who fills the buffers.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::Source;

/// A piece of a stream: shared bytes and where they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Bytes from the start of the stream to the first of these.
    pub offset: u64,
    /// The bytes; never empty.
    pub bytes: Bytes,
}

/// Anything that yields a stream piece by piece.
pub trait Feed: Send {
    /// The next piece, never empty; `None` at the end, and then for ever.
    ///
    /// # Errors
    /// The input could not be read.
    fn next(&mut self) -> io::Result<Option<Bytes>>;
}

/// A pool of buffers that come back by themselves.
#[derive(Debug, Clone)]
pub struct Pool {
    spare: Arc<Mutex<Vec<Vec<u8>>>>,
    buffer_bytes: usize,
}

/// Spare buffers kept; more are given back to the allocator. As many are in flight between a decoder and the hashing of
/// members when all queues are full: a buffer that is allocated anew costs more than filling it.
const SPARE_BUFFERS: usize = 64;

impl Pool {
    /// A pool whose buffers hold `buffer_bytes` each.
    #[must_use]
    pub fn new(buffer_bytes: usize) -> Self {
        Self { spare: Arc::default(), buffer_bytes }
    }

    /// A buffer of the pool's size. Its content is whatever it held before.
    #[must_use]
    pub fn buffer(&self) -> Buffer {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let bytes = spare.unwrap_or_else(|| vec![0; self.buffer_bytes]);
        Buffer { bytes, used: 0, pool: Arc::clone(&self.spare) }
    }
}

/// A buffer being filled; it goes back to its pool when dropped, or when the chunk made of it is.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    used: usize,
    pool: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Buffer {
    /// The part not filled yet.
    pub fn free(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.used..).unwrap_or_default()
    }

    /// Bytes filled.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Counts `count` more bytes as filled.
    pub fn advance(&mut self, count: usize) {
        self.used = self.used.saturating_add(count).min(self.bytes.len());
    }

    /// The filled part, shared from now on.
    #[must_use]
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or_default()
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut spare = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if spare.len() < SPARE_BUFFERS {
            spare.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// A [`Source`] over a [`Feed`].
#[derive(Debug)]
pub struct Buffered<F> {
    feed: F,
    /// What was fed and not consumed yet.
    front: Bytes,
    position: u64,
    ended: bool,
}

impl<F: Feed> Buffered<F> {
    /// Starts at offset 0.
    pub fn new(feed: F) -> Self {
        Self { feed, front: Bytes::new(), position: 0, ended: false }
    }

    /// The feed back, dropping what was buffered.
    pub fn into_feed(self) -> F {
        self.feed
    }

    /// Takes the next piece from the feed; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        if self.ended {
            return Ok(false);
        }
        match self.feed.next()? {
            Some(bytes) => {
                self.front = bytes;
                Ok(true)
            }
            None => {
                self.ended = true;
                Ok(false)
            }
        }
    }

    /// Joins pieces until `wanted` bytes are contiguous or the stream ends.
    fn gather(&mut self, wanted: usize) -> io::Result<()> {
        let mut joined = Vec::with_capacity(wanted.min(super::CHUNK_BYTES).max(self.front.len()));
        joined.extend_from_slice(&self.front);
        while joined.len() < wanted && self.refill()? {
            joined.extend_from_slice(&self.front);
        }
        self.front = Bytes::from(joined);
        Ok(())
    }
}

impl<F: Feed> Source for Buffered<F> {
    fn position(&self) -> u64 {
        self.position
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        if self.front.is_empty() {
            self.refill()?;
        }
        if self.front.len() < wanted && !self.ended {
            self.gather(wanted)?;
        }
        Ok(&self.front)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        if self.front.is_empty() && !self.refill()? {
            return Ok(None);
        }
        let bytes = self.front.split_to(at_most.min(self.front.len()));
        let offset = self.position;
        self.position = self.position.saturating_add(bytes.len() as u64);
        Ok(if bytes.is_empty() { None } else { Some(Chunk { offset, bytes }) })
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut skipped = 0;
        while skipped < count {
            let left = usize::try_from(count - skipped).unwrap_or(usize::MAX);
            match self.take(left)? {
                Some(chunk) => skipped += chunk.bytes.len() as u64,
                None => break,
            }
        }
        Ok(skipped)
    }
}

/// So many zeros, in pieces that all lie in the same memory: what an archive says and does not store.
pub fn zeros(bytes: u64) -> impl Iterator<Item = Bytes> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut left = bytes;
    std::iter::from_fn(move || {
        let piece = usize::try_from(left).unwrap_or(ZEROS.len()).min(ZEROS.len());
        left = left.saturating_sub(piece as u64);
        (piece > 0).then(|| Bytes::from_static(ZEROS.get(..piece).unwrap_or_default()))
    })
}
