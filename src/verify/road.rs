//! The road from an archive's name to its entries, shared by everything that reads archives.
//!
//! Promises: opens, unwraps, recognises, walks, closes, and accounts for every byte; whatever stops it on the way is a
//! finding. Refuses to know: what the sink wants, and what the findings mean together.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::archive::Archive;
use super::findings::Findings;
use super::provisional::Journey;
use crate::code;
use crate::digest::{ArchiveDigests, Hashes, watch};
use crate::entry::Entry;
use crate::envelope::{self, Format, Proof, Stack, Trust, Unwrapped};
use crate::error::Error;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::place::{Depth, Place};
use crate::secret::{Secret, Unlock};
use crate::source::Chunk;
use crate::walk::{Piece, Sink, Walked, Want, Way, drive, empty, recognise};

/// How to read an archive.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What the input may ask for.
    pub limits: Limits,
    /// What is taken for granted, and by whom it may be signed.
    pub trust: Trust,
    /// Threads to use; 1 does everything in the caller's.
    pub threads: usize,
    /// Digests wanted of every member.
    pub hashes: Hashes,
    /// Digests wanted of the archive file.
    pub archive_hashes: Hashes,
    /// Whether to look for members behind damage.
    pub salvage: bool,
    /// The time in seconds since 1970, to hold that of members against; without it that is not done.
    pub now: Option<i64>,
    /// The day of the restore in seconds since 1970, to hold certificates and ages against; without it that is `now`.
    pub at: Option<i64>,
    /// How far it is, for who watches.
    pub progress: Arc<Progress>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            trust: Trust::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            hashes: Hashes::SHA256,
            archive_hashes: Hashes::SHA256,
            salvage: false,
            now: None,
            at: None,
            progress: Arc::default(),
        }
    }
}

/// How far a reading is: written by it, read by anyone.
#[derive(Debug, Default)]
pub struct Progress {
    archive: OnceLock<ArchiveDigests>,
    bytes: OnceLock<u64>,
    entries: AtomicU64,
    walking: AtomicBool,
    watched: AtomicBool,
    member: Mutex<Vec<u8>>,
}

impl Progress {
    /// Bytes of the archive file read so far.
    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.archive.get().map_or(0, ArchiveDigests::bytes)
    }

    /// Bytes of the archive file, where known.
    #[must_use]
    pub fn total_bytes(&self) -> Option<u64> {
        self.bytes.get().copied()
    }

    /// Whether the archive is open and its entries are being met; before that, somebody may be asked for a passphrase.
    #[must_use]
    pub fn is_walking(&self) -> bool {
        self.walking.load(Ordering::Relaxed)
    }

    /// Entries met so far.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Path of the entry that is being read, raw bytes; empty until somebody has asked for it once.
    #[must_use]
    pub fn member(&self) -> Vec<u8> {
        self.watched.store(true, Ordering::Relaxed);
        self.member.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Counts an entry.
    pub fn entry(&self, path: &[u8]) {
        self.entries.fetch_add(1, Ordering::Relaxed);
        // Nobody watches a pipeline: the path is kept only for those who look.
        if self.watched.load(Ordering::Relaxed) {
            let mut member = self.member.lock().unwrap_or_else(PoisonError::into_inner);
            member.clear();
            member.extend_from_slice(path);
        }
    }
}

/// What came of opening an archive.
pub enum Opened {
    /// It can be walked.
    Ready(Road),
    /// It cannot, and this is why.
    Refused(Journey),
}

/// An archive, unwrapped and recognised.
pub struct Road {
    name: String,
    stack: Stack,
    known: ArchiveDigests,
    limits: Limits,
    salvage: bool,
    /// Whether a signature is looked for.
    signed: bool,
    progress: Arc<Progress>,
}

impl Road {
    /// Opens `archive`, takes the wrappers off and looks at what is inside.
    ///
    /// # Errors
    /// The archive could not be read, or a secret not be fetched.
    pub fn open(archive: Archive, reading: &Reading, unlock: &mut dyn Unlock) -> Result<Opened, Error> {
        let name = archive.name().to_owned();
        let signed = !reading.trust.certificates.is_empty();
        let (source, bytes) = archive.open()?;
        let (source, known) = watch(source, reading.archive_hashes, reading.threads);
        // Whoever reuses a `Reading` sees the progress of the first archive only.
        let _ = reading.progress.archive.set(known.clone());
        if let Some(bytes) = bytes {
            let _ = reading.progress.bytes.set(bytes);
        }
        let mut asked = Asked { unlock, failed: None };
        let unwrapped = envelope::open(source, &reading.limits, &reading.trust, &mut asked, reading.threads);
        if let Some(error) = asked.failed {
            return Err(Error::Secret(error));
        }
        let mut stack = match unwrapped.map_err(|error| Error::Input { source: name.clone(), error })? {
            Unwrapped::Open(stack) => stack,
            Unwrapped::Closed(layers) => {
                let depth = layers.last().map_or_else(Depth::default, |proof| proof.depth);
                return Ok(Opened::Refused(journey(layers, depth, Vec::new(), None, &known)));
            }
        };
        let recognised = recognise(&mut *stack.layer).map_err(|error| Error::Input { source: name.clone(), error })?;
        match recognised {
            None => {
                reading.progress.walking.store(true, Ordering::Relaxed);
                Ok(Opened::Ready(Self {
                    name,
                    stack,
                    known,
                    limits: reading.limits.clone(),
                    salvage: reading.salvage,
                    signed,
                    progress: Arc::clone(&reading.progress),
                }))
            }
            Some((code, message)) => {
                let finding = Finding::new(code, Place::at(stack.depth, 0), message);
                let layers = stack.layer.close().map_err(|error| Error::Input { source: name, error })?;
                Ok(Opened::Refused(journey(layers, stack.depth, vec![finding], None, &known)))
            }
        }
    }

    /// The depth the archive format stands at.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.stack.depth
    }

    /// Walks the archive to its end, closes every layer, and says what came of it.
    ///
    /// # Errors
    /// The archive could not be read.
    pub fn walk(self, sink: &mut dyn Sink) -> Result<Journey, Error> {
        let Self { name, mut stack, known, limits, salvage, signed, progress } = self;
        let mut gather = Gather { progress: &progress, sink, findings: Findings::new(limits.findings_per_code) };
        let input = |error: io::Error| Error::Input { source: name.clone(), error };
        let way = Way { limits: &limits, depth: stack.depth, salvage };
        let walked = drive(&mut *stack.layer, way, &mut gather).map_err(input)?;
        if let Some(finding) = empty(&walked, stack.depth, gather.findings.is_empty()) {
            gather.finding(&finding);
        }
        let mut findings = gather.findings.finish();
        let read = stack.layer.position();
        let layers = stack.layer.close().map_err(input)?;
        // Every byte is booked as something, or nothing that was said above can be trusted.
        let booked = walked.accounts.total_bytes();
        if !walked.stopped && read != booked {
            return Err(Error::Unaccounted { source: name, read, booked });
        }
        // Who expects a signature must hear that there can be none: it may have been taken off with the whole message.
        if signed && !layers.iter().any(|layer| layer.format == Format::OpenPgp) {
            let message = "certificates were given, and the archive is in no OpenPGP message";
            findings.push(Finding::new(&code::OPENPGP_UNSIGNED, Place::whole(), message));
        }
        Ok(journey(layers, stack.depth, findings, Some(walked), &known))
    }
}

fn journey(
    layers: Vec<Proof>,
    depth: Depth,
    findings: Vec<Finding>,
    walked: Option<Walked>,
    known: &ArchiveDigests,
) -> Journey {
    Journey { layers, depth, findings, walked, bytes: known.bytes(), digests: known.digests().unwrap_or_default() }
}

/// Keeps the walk's findings, so that memory stays bounded, on their way to the sink.
struct Gather<'a> {
    progress: &'a Progress,
    sink: &'a mut dyn Sink,
    findings: Findings,
}

impl Sink for Gather<'_> {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.progress.entry(entry.path);
        self.sink.entry(entry)
    }

    fn data(&mut self, chunk: &Chunk) {
        self.sink.data(chunk);
    }

    fn hole(&mut self, bytes: u64) {
        self.sink.hole(bytes);
    }

    fn end(&mut self, whole: bool) {
        self.sink.end(whole);
    }

    fn piece(&mut self, piece: &Piece) {
        self.sink.piece(piece);
    }

    fn finding(&mut self, finding: &Finding) {
        self.sink.finding(finding);
        self.findings.add(finding.clone());
    }
}

/// Tells an error of the one who keeps the secrets from one of the input.
struct Asked<'a> {
    unlock: &'a mut dyn Unlock,
    failed: Option<io::Error>,
}

impl Asked<'_> {
    fn note<T>(&mut self, answer: io::Result<T>) -> io::Result<T> {
        answer.map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}

impl Unlock for Asked<'_> {
    fn passphrases(&mut self) -> io::Result<Vec<Secret>> {
        let answer = self.unlock.passphrases();
        self.note(answer)
    }

    fn secret_keys(&mut self) -> io::Result<Vec<Secret>> {
        let answer = self.unlock.secret_keys();
        self.note(answer)
    }
}
