//! Files by name: regular ones are mapped, everything else that can be opened is read as a stream.
//!
//! Promises: a directory, a missing or an unreadable file is an error that says so; a file that is cut or written to while
//! it is read is an error at [`Source::settle`], never a crash and never believed. Refuses to know: what is in it.

use std::cell::Cell;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use bytes::Bytes;

use super::ahead::Ahead;
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
        let bytes = Some(metadata.len());
        let source: Box<dyn Source> = match MappedFile::new(&file, &metadata) {
            Some(mapped) => Box::new(mapped),
            None => Box::new(ReadFile::new(file, &metadata)?),
        };
        return Ok(Opened { source, bytes });
    }
    Ok(Opened { source: Box::new(Buffered::new(ReadFeed::new(file))), bytes: None })
}

/// A regular file, mapped.
pub struct MappedFile {
    file: File,
    bytes: Bytes,
    view: MemorySource,
    guard: std::sync::Arc<Guarded>,
    ahead: Option<Ahead>,
    /// Bytes from the start whose pages were let go of.
    gone: usize,
    /// Whether somebody reads all of it at a pace of his own.
    is_lent_whole: Cell<bool>,
    before: Stamp,
}

/// Bytes behind the reader whose pages stay: as much is on its way to whoever hashes or decrypts, and far more.
const KEPT_BYTES: usize = 32 << 20;

/// Bytes let go of at a time. Unmapped all at once at the end, the pages of a large file keep one thread busy while all
/// others have nothing left to do.
const GONE_BYTES: usize = 16 << 20;

/// Size and time of a file when it was opened.
#[derive(PartialEq, Eq, Debug)]
struct Stamp {
    bytes: u64,
    modified: Option<std::time::SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Whether the file is still what it was.
    fn check(&self, file: &File) -> io::Result<()> {
        let after = Self::of(&file.metadata()?);
        if after.bytes < self.bytes {
            let message = format!("the file was cut from {} to {} bytes while it was read", self.bytes, after.bytes);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
        }
        if after != *self {
            return Err(io::Error::other("the file was written to while it was read; wait for its writer to end"));
        }
        Ok(())
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
            ahead: None,
            gone: 0,
            is_lent_whole: Cell::new(false),
            before: Stamp::of(metadata),
        })
    }
}

impl MappedFile {
    /// Lets go of pages far behind the reader.
    fn let_go(&mut self) {
        let at = usize::try_from(self.view.position()).unwrap_or_default();
        let until = at.saturating_sub(KEPT_BYTES);
        if until.saturating_sub(self.gone) >= GONE_BYTES && !self.is_lent_whole.get() {
            self.guard.let_go(self.gone..until);
            self.gone = until;
        }
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
        self.let_go();
        self.view.take(at_most)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.let_go();
        self.view.skip(count)
    }

    fn remaining(&self) -> Option<u64> {
        self.view.remaining()
    }

    fn lies_ready(&self) -> bool {
        true
    }

    fn whole(&self) -> Option<Bytes> {
        self.is_lent_whole.set(true);
        Some(self.bytes.clone())
    }

    fn read_on(&mut self) {
        let at = usize::try_from(self.view.position()).unwrap_or(usize::MAX);
        if self.ahead.is_none() {
            self.ahead = Ahead::start(&self.guard, at);
        }
        if let Some(ahead) = &self.ahead {
            ahead.reached(at);
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        self.ahead = None;
        self.before.check(&self.file)?;
        if self.guard.was_cut() {
            return Err(io::Error::other(
                "a part of the file could not be read: the disk may be failing, see the system's log",
            ));
        }
        Ok(())
    }
}

/// A regular file that could not be mapped: read as a stream, and held against its size and time all the same.
struct ReadFile {
    file: File,
    stream: Buffered<ReadFeed<File>>,
    before: Stamp,
}

impl ReadFile {
    fn new(file: File, metadata: &Metadata) -> io::Result<Self> {
        let stream = Buffered::new(ReadFeed::new(file.try_clone()?));
        Ok(Self { file, stream, before: Stamp::of(metadata) })
    }
}

impl Source for ReadFile {
    fn position(&self) -> u64 {
        self.stream.position()
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.stream.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.stream.take(at_most)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.stream.skip(count)
    }

    fn settle(&mut self) -> io::Result<()> {
        self.before.check(&self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn scratch(bytes: usize) -> (tempfile::NamedTempFile, File, Metadata) {
        let mut kept = tempfile::NamedTempFile::new().unwrap();
        kept.write_all(&vec![7; bytes]).unwrap();
        let file = File::open(kept.path()).unwrap();
        let metadata = file.metadata().unwrap();
        (kept, file, metadata)
    }

    fn drain(source: &mut dyn Source) -> u64 {
        let mut bytes = 0;
        while let Some(chunk) = source.take(4096).unwrap() {
            // Every byte is touched, as a reader would.
            bytes += chunk.bytes.iter().map(|byte| u64::from(*byte != 1)).sum::<u64>();
        }
        bytes
    }

    #[test]
    fn a_file_that_is_cut_under_the_map_is_survived_and_told() {
        let (kept, file, metadata) = scratch(64 << 10);
        let mut mapped = MappedFile::new(&file, &metadata).unwrap();
        assert_eq!(mapped.take(4096).unwrap().unwrap().bytes[0], 7);
        kept.as_file().set_len(4096).unwrap();
        assert_eq!(drain(&mut mapped), 60 << 10);
        assert!(mapped.guard.was_cut());
        let error = mapped.settle().unwrap_err();
        assert!(error.to_string().contains("was cut from 65536 to 4096"), "{error}");
    }

    #[test]
    fn a_file_read_as_a_stream_is_held_against_its_size_too() {
        let (kept, file, metadata) = scratch(64 << 10);
        let mut read = ReadFile::new(file, &metadata).unwrap();
        assert_eq!(drain(&mut read), 64 << 10);
        read.settle().unwrap();
        kept.as_file().set_len(4096).unwrap();
        assert!(read.settle().unwrap_err().to_string().contains("was cut"));
    }

    #[test]
    fn pages_brought_in_and_let_go_of_are_the_file_all_the_same() {
        let (kept, file, metadata) = scratch(24 << 20);
        let mut mapped = MappedFile::new(&file, &metadata).unwrap();
        for _ in 0..16 {
            assert!(mapped.peek(1).unwrap().iter().step_by(512).take(2048).all(|byte| *byte == 7));
            mapped.skip(1 << 20).unwrap();
            mapped.read_on();
        }
        assert!(mapped.ahead.is_some());
        // What was passed comes back; where the file was cut, the thread finds nothing to bring in, and nobody is killed.
        assert!(mapped.whole().unwrap().iter().all(|byte| *byte == 7));
        mapped.settle().unwrap();
        kept.as_file().set_len(20 << 20).unwrap();
        mapped.read_on();
        mapped.skip(7 << 20).unwrap();
        assert!(mapped.peek(1).unwrap().iter().step_by(4096).all(|byte| *byte == 0));
        assert!(mapped.settle().unwrap_err().to_string().contains("was cut"));
    }

    #[test]
    fn slots_are_given_back() {
        let (_kept, file, metadata) = scratch(8192);
        for _ in 0..200 {
            assert!(MappedFile::new(&file, &metadata).is_some());
        }
    }
}
