//! The digests and the length of the archive file itself, computed beside everything else.
//!
//! Promises: every byte of the source goes in once, in order, whatever the reader takes, skips or leaves; a mapped file
//! is hashed by a thread of its own without waiting for the reader. Refuses to know: layers.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::{Digests, Hasher, Hashes};
use crate::source::{Beside, CHUNK_BYTES, Chunk, Source};

/// What is known of the archive file: complete once the source has settled.
#[derive(Debug, Clone, Default)]
pub struct ArchiveDigests {
    digests: Arc<OnceLock<Digests>>,
    position: Arc<AtomicU64>,
}

impl ArchiveDigests {
    /// The digests, once the source has settled.
    #[must_use]
    pub fn digests(&self) -> Option<Digests> {
        self.digests.get().copied()
    }

    /// Bytes of the file read so far; all of them once the source has settled.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }
}

/// Wraps `source` so that its bytes are counted and hashed as they pass.
#[must_use]
pub fn watch(source: Box<dyn Source>, hashes: Hashes, threads: usize) -> (Box<dyn Source>, ArchiveDigests) {
    let known = ArchiveDigests::default();
    // Whoever asks for the whole of it keeps its pages.
    let work = match hashes.any().then(|| source.whole()).flatten() {
        _ if !hashes.any() => Work::None,
        Some(bytes) if threads > 1 => match start_whole(bytes.clone(), hashes) {
            Ok(worker) => Work::Whole(worker),
            Err(_) => Work::Later(bytes, hashes),
        },
        Some(bytes) => Work::Later(bytes, hashes),
        None => Work::Passing(Beside::new(Hasher::new(hashes), Hasher::update, THREAD, threads)),
    };
    (Box::new(Watched { source, work: Some(work), known: known.clone(), threads }), known)
}

/// The name of the hashing thread.
const THREAD: &str = "archive-hash";

enum Work {
    /// Nothing is wanted.
    None,
    /// All bytes lie ready; a thread is at it.
    Whole(JoinHandle<Digests>),
    /// All bytes lie ready and are hashed at the end.
    Later(Bytes, Hashes),
    /// Hashed in passing.
    Passing(Beside<Hasher>),
}

fn start_whole(bytes: Bytes, hashes: Hashes) -> io::Result<JoinHandle<Digests>> {
    std::thread::Builder::new().name(THREAD.to_owned()).spawn(move || Hasher::of(hashes, &bytes))
}

struct Watched {
    source: Box<dyn Source>,
    /// Taken when the source settles.
    work: Option<Work>,
    known: ArchiveDigests,
    threads: usize,
}

impl Watched {
    /// Whether bytes must pass through here to be hashed.
    fn must_see(&self) -> bool {
        matches!(self.work, Some(Work::Passing(_)))
    }
}

impl Source for Watched {
    fn position(&self) -> u64 {
        self.source.position()
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.source.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        let chunk = self.source.take(at_most)?;
        if let Some(chunk) = &chunk {
            if let Some(Work::Passing(hasher)) = &mut self.work {
                hasher.push(chunk.bytes.clone());
            }
            self.known.position.store(self.source.position(), Ordering::Relaxed);
        }
        Ok(chunk)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        if !self.must_see() {
            let skipped = self.source.skip(count)?;
            self.known.position.store(self.source.position(), Ordering::Relaxed);
            return Ok(skipped);
        }
        let mut skipped = 0;
        while skipped < count {
            let at_most = usize::try_from(count - skipped).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            match self.take(at_most)? {
                Some(chunk) => skipped += chunk.bytes.len() as u64,
                None => break,
            }
        }
        Ok(skipped)
    }

    fn remaining(&self) -> Option<u64> {
        self.source.remaining()
    }

    fn lies_ready(&self) -> bool {
        self.source.lies_ready()
    }

    fn whole(&self) -> Option<Bytes> {
        self.source.whole()
    }

    fn read_on(&mut self) {
        // Hashing reads all pages anyway, and at its own pace.
        if self.threads > 1 && matches!(self.work, Some(Work::None)) {
            self.source.read_on();
        }
    }

    fn settle(&mut self) -> io::Result<()> {
        let gone = || io::Error::other("the hashing thread ended unexpectedly");
        let digests = match self.work.take() {
            None => None,
            Some(Work::None) => Some(Digests::default()),
            Some(Work::Whole(worker)) => Some(worker.join().map_err(|_| gone())?),
            Some(Work::Later(bytes, hashes)) => Some(Hasher::of(hashes, &bytes)),
            Some(Work::Passing(hasher)) => Some(hasher.finish()?.finish()),
        };
        if let Some(digests) = digests {
            // Settled once: the work was taken above.
            let _ = self.known.digests.set(digests);
        }
        // Last, because the hashing read the source as well.
        self.source.settle()
    }
}
