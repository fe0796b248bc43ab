//! Where the bytes go: one buffer, filled straight from files, emptied in large pieces.
//!
//! Promises: memory stays one buffer; every piece asks first whether to go on; the archive's end is whole. Refuses to know:
//! what is written.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};

use super::trouble::Trouble;
use crate::tar::write::closing;

/// Bytes written at a time: larger ones fall out of the cache before they are used.
pub(super) const PIECE_BYTES: usize = 256 << 10;

pub(super) struct Outlet<'o> {
    out: &'o mut dyn Write,
    stop: Option<&'o AtomicBool>,
    buffer: Vec<u8>,
    filled: usize,
    /// Bytes that left.
    written: u64,
}

/// Why a piece of a file did not come through.
pub(super) enum Stop {
    Read(io::Error),
    Here(Trouble),
}

impl<'o> Outlet<'o> {
    pub(super) fn new(out: &'o mut dyn Write, stop: Option<&'o AtomicBool>) -> Self {
        Self { out, stop, buffer: vec![0; PIECE_BYTES], filled: 0, written: 0 }
    }

    /// Says so where it was asked to stop.
    pub(super) fn may_go_on(&self) -> Result<(), Trouble> {
        match self.stop {
            Some(stop) if stop.load(Ordering::Relaxed) => Err(Trouble::Stopped),
            _ => Ok(()),
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let room = self.room()?;
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            room[..now.len()].copy_from_slice(now);
            self.filled += now.len();
            bytes = later;
        }
        Ok(())
    }

    pub(super) fn zeros(&mut self, count: usize) -> Result<(), Trouble> {
        let mut left = count;
        while left > 0 {
            let room = self.room()?;
            let now = left.min(room.len());
            room[..now].fill(0);
            self.filled += now;
            left -= now;
        }
        Ok(())
    }

    /// Takes at most `at_most` bytes of a file from `offset`, as many as come at once; 0 at its end.
    pub(super) fn fill(&mut self, file: &File, offset: u64, at_most: u64) -> Result<u64, Stop> {
        let room = self.room().map_err(Stop::Here)?;
        let wanted = usize::try_from(at_most).map_or(room.len(), |most| most.min(room.len()));
        loop {
            match file.read_at(&mut room[..wanted], offset) {
                Ok(bytes) => {
                    self.filled += bytes;
                    return Ok(bytes as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Stop::Read(error)),
            }
        }
    }

    /// Closes the archive, and says how many bytes it has.
    pub(super) fn close(mut self) -> Result<u64, Trouble> {
        let zeros = closing(self.written + self.filled as u64);
        self.zeros(usize::try_from(zeros).unwrap_or_default())?;
        self.empty()?;
        self.out.flush().map_err(Trouble::Write)?;
        Ok(self.written)
    }

    /// Room in the buffer: a byte at least.
    fn room(&mut self) -> Result<&mut [u8], Trouble> {
        if self.filled == self.buffer.len() {
            self.empty()?;
        }
        Ok(&mut self.buffer[self.filled..])
    }

    fn empty(&mut self) -> Result<(), Trouble> {
        self.may_go_on()?;
        self.out.write_all(&self.buffer[..self.filled]).map_err(Trouble::Write)?;
        self.written += self.filled as u64;
        self.filled = 0;
        Ok(())
    }
}
