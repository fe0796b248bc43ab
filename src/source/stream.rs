//! Pipes, standard input, devices: anything that can only be read once, of unknown length.
//!
//! Promises: one pass, recycled buffers, interrupted reads tried again. Refuses to know: what it reads from.

use std::io::{self, Read};

use bytes::Bytes;

use super::{CHUNK_BYTES, Feed, Pool};

/// A feed over a reader.
#[derive(Debug)]
pub struct ReadFeed<R> {
    reader: R,
    pool: Pool,
    ended: bool,
}

impl<R: Read + Send> ReadFeed<R> {
    /// Reads in pieces of up to [`CHUNK_BYTES`].
    pub fn new(reader: R) -> Self {
        Self { reader, pool: Pool::new(CHUNK_BYTES), ended: false }
    }
}

/// Bytes below which a read is topped up: pipes give 4 to 64 KiB at a time, and every hand-over has a price.
const ENOUGH_BYTES: usize = CHUNK_BYTES / 2;

impl<R: Read + Send> Feed for ReadFeed<R> {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut buffer = self.pool.buffer();
        while !self.ended && buffer.used() < ENOUGH_BYTES {
            match self.reader.read(buffer.free()) {
                Ok(0) => self.ended = true,
                Ok(count) => buffer.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok((buffer.used() > 0).then(|| buffer.freeze()))
    }
}
