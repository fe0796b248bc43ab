//! Where the bytes of an archive go until it has a name.
//!
//! Promises: every byte is counted, and hashed where that is wanted; what was written is on its way to the disk while more
//! comes; after the first failure, of writing or of the disk, nothing more is written, and [`Writer::finish`] tells of it
//! even where whoever wrote through it did not. Refuses to know: what the bytes are.

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use super::Trouble;
use super::behind::Behind;
use crate::digest::{Digests, Hasher, Hashes};

/// Bytes that go to the system in one call.
const CHUNK_BYTES: usize = 256 << 10;

/// What can fail, as in "failed to *write*".
const WRITE: &str = "write";
const BEHIND: &str = "bring to the disk (fdatasync)";

/// Writes the file that may become an archive.
pub struct Writer {
    file: File,
    path: PathBuf,
    waiting: Vec<u8>,
    bytes: u64,
    hasher: Hasher,
    behind: Behind,
    /// What was being done, and what the system said.
    failed: Option<(&'static str, io::Error)>,
}

/// A file written to its end: what a [`Place`](super::Place) can publish.
#[derive(Debug)]
pub struct Written {
    pub(super) file: File,
    bytes: u64,
    digests: Digests,
}

impl Written {
    /// Bytes written.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The digests of these bytes that are known.
    #[must_use]
    pub fn digests(&self) -> Digests {
        self.digests
    }

    /// The same with the digests that somebody found who was given these very bytes while they were written.
    #[must_use]
    pub fn with_digests(self, digests: Digests) -> Self {
        Self { digests, ..self }
    }
}

impl Writer {
    pub(super) fn new(file: File, path: PathBuf, hashes: Hashes) -> Self {
        let waiting = Vec::with_capacity(CHUNK_BYTES);
        Self { file, path, waiting, bytes: 0, hasher: Hasher::new(hashes), behind: Behind::default(), failed: None }
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Hands the last bytes to the system. That all of them are on the disk is the business of publishing.
    ///
    /// # Errors
    /// This or an earlier write failed, or the disk did.
    pub fn finish(mut self) -> Result<Written, Trouble> {
        self.spill()?;
        self.behind.finish().map_err(Trouble::when(BEHIND, self.path.clone()))?;
        let file = self.file.try_clone().map_err(Trouble::when(WRITE, self.path.clone()))?;
        Ok(Written { file, bytes: self.bytes, digests: self.hasher.clone().finish() })
    }

    /// Takes all of `bytes`.
    fn accept(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.has_not_failed()?;
        if self.waiting.len() + bytes.len() > CHUNK_BYTES {
            self.spill()?;
        }
        if bytes.len() >= CHUNK_BYTES {
            return self.put(bytes);
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what waits.
    fn spill(&mut self) -> Result<(), Trouble> {
        let mut waiting = std::mem::take(&mut self.waiting);
        let written = self.put(&waiting);
        waiting.clear();
        self.waiting = waiting;
        written
    }

    /// Hands bytes to the system, unless that failed before.
    fn put(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        if self.failed.is_none() {
            let written = self.file.write_all(bytes).map_err(|error| (WRITE, error));
            let behind = written.and_then(|()| self.behind.wrote(&self.file, bytes.len()).map_err(|e| (BEHIND, e)));
            self.failed = behind.err();
        }
        self.has_not_failed()
    }

    fn has_not_failed(&self) -> Result<(), Trouble> {
        match &self.failed {
            None => Ok(()),
            Some((doing, error)) => Err(Trouble::when(doing, self.path.clone())(again(error))),
        }
    }
}

/// What waits belongs to the file, even where it never becomes an archive.
impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.spill();
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.accept(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.spill()?)
    }
}

/// The same error once more.
fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
