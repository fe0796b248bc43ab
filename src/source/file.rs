//! Files by name: regular ones are mapped, everything else that can be opened is read as a stream.
//!
//! Promises: a directory, a missing or an unreadable file is an error that says so; a file that is cut or written to while
//! it is read is an error at [`Source::settle`], never a crash and never believed. Refuses to know: what is in it.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use bytes::Bytes;

use super::guard::Guarded;
use super::{Buffered, Chunk, MemorySource, ReadFeed, Source};

/// A file that was opened.
pub struct Opened {
    /// Its bytes.
    pub source: Box<dyn Source>,
    /// Bytes in all, where the system says so beforehand.
    pub bytes: Option<u64>,
}

/// Opens `path`: a regular file as a map, a pipe or device as a stream.
///
/// # Errors
/// It is a directory, does not exist, or may not be read.
pub fn open(path: &Path) -> io::Result<Opened> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory, not an archive"));
    }
    // Files under /proc are regular, say that they are empty, and are not: only reading tells.
    if metadata.is_file() && metadata.len() > 0 {
        if let Some(mapped) = MappedFile::new(&file, &metadata) {
            return Ok(Opened { source: Box::new(mapped), bytes: Some(metadata.len()) });
        }
        let bytes = metadata.len();
        return Ok(Opened { source: Box::new(Buffered::new(ReadFeed::new(file))), bytes: Some(bytes) });
    }
    Ok(Opened { source: Box::new(Buffered::new(ReadFeed::new(file))), bytes: None })
}

/// A regular file, mapped.
pub struct MappedFile {
    file: File,
    bytes: Bytes,
    view: MemorySource,
    guard: std::sync::Arc<Guarded>,
    before: Stamp,
}

#[derive(PartialEq, Eq, Debug)]
struct Stamp {
    bytes: u64,
    modified: Option<std::time::SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }
}

/// Keeps the map alive for as long as any chunk of it.
struct Shared(std::sync::Arc<Guarded>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

impl MappedFile {
    fn new(file: &File, metadata: &Metadata) -> Option<Self> {
        let guard = std::sync::Arc::new(Guarded::map(file, usize::try_from(metadata.len()).ok()?)?);
        let bytes = Bytes::from_owner(Shared(std::sync::Arc::clone(&guard)));
        Some(Self {
            file: file.try_clone().ok()?,
            view: MemorySource::new(bytes.clone()),
            bytes,
            guard,
            before: Stamp::of(metadata),
        })
    }
}

impl Source for MappedFile {
    fn position(&self) -> u64 {
        self.view.position()
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.view.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.view.take(at_most)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.view.skip(count)
    }

    fn remaining(&self) -> Option<u64> {
        self.view.remaining()
    }

    fn whole(&self) -> Option<Bytes> {
        Some(self.bytes.clone())
    }

    fn settle(&mut self) -> io::Result<()> {
        let after = Stamp::of(&self.file.metadata()?);
        if self.guard.was_cut() || after.bytes < self.before.bytes {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the file was cut from {} to {} bytes while it was read", self.before.bytes, after.bytes),
            ));
        }
        if after != self.before {
            return Err(io::Error::other("the file was written to while it was read; wait for its writer to end"));
        }
        Ok(())
    }
}
