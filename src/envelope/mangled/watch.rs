//! What passes into a wrapper, watched from beneath, and told where the wrapper failed.
//!
//! ```text
//! Told      on close: did this wrapper fail? then what the trace shows
//!   ▲ gzip, OpenPGP, ..
//! Watched   counts line ends in the first bytes, remembers runs of zeros ──► Trace
//!   ▲ the layer beneath
//! ```
//! All of it is about bytes that everybody can see: nothing of what is encrypted is told.
//!
//! Promises: costs a look at one byte in 512, after the wrapper has used them all and while they lie in the cache; says
//! nothing of a wrapper that holds. Refuses to know: which wrapper it is, but for whether its bytes are encrypted.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::newlines::Count;
use bytes::Bytes;

use crate::code;
use crate::envelope::{Integrity, Layer, Proof};
use crate::finding::{Finding, Severity};
use crate::place::{Depth, Place};
use crate::source::{Chunk, Source};

/// Bytes at the beginning in which line ends are counted.
const HEAD_BYTES: u64 = 32 << 10;

/// What a run of zeros must have to be looked at: a sector of a disk.
const SECTOR_BYTES: u64 = 512;

/// What systems lose at a time.
const PAGE_BYTES: u64 = 4096;

/// Runs that are remembered: the first and the last ones.
const MOST_RUNS: usize = 8;

/// Zeros that may by chance stand before and behind a lost sector or page.
const SLACK_BYTES: u64 = 2;

/// What was seen of the bytes that went into a wrapper.
#[derive(Debug, Clone, Default)]
pub(in crate::envelope) struct Trace(Arc<Mutex<Seen>>);

impl Trace {
    fn add(&self, bytes: &[u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(bytes);
    }

    /// What would be told of zeros in encrypted data.
    #[cfg(test)]
    pub(in crate::envelope) fn runs(&self, depth: Depth) -> String {
        let findings = self.0.lock().unwrap_or_else(PoisonError::into_inner).causes(true, &[0], depth);
        findings.into_iter().map(|finding| finding.message).collect()
    }
}

#[derive(Debug, Default)]
struct Seen {
    head: Count,
    runs: Vec<Run>,
    /// The run that may go on.
    open: Option<Run>,
    /// Bytes seen.
    end: u64,
}

/// A run of zeros: the offset of the first, and that behind the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    start: u64,
    end: u64,
}

impl Seen {
    fn add(&mut self, bytes: &[u8]) {
        let left = usize::try_from(HEAD_BYTES.saturating_sub(self.head.bytes)).unwrap_or(usize::MAX);
        if left > 0 {
            self.head.add(bytes.get(..left).unwrap_or(bytes));
        }
        self.zeros(bytes);
        self.end = self.end.saturating_add(count(bytes.len()));
    }

    /// Looks for runs of zeros that hold a whole sector: such a run goes on over the end of one, so only there one is
    /// looked for, and from there both ways.
    fn zeros(&mut self, bytes: &[u8]) {
        let mut at: usize = 0;
        if let Some(open) = &mut self.open {
            let more = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
            open.end = open.end.saturating_add(count(more));
            if more == bytes.len() {
                return;
            }
            self.close_run();
            at = more;
        }
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            // The next zero that ends a sector, or ends these bytes and may go on.
            let offset = self.end.saturating_add(count(at));
            let to_end = SECTOR_BYTES.saturating_sub(1).saturating_sub(offset.checked_rem(SECTOR_BYTES).unwrap_or(0));
            let probe = usize::try_from(to_end).unwrap_or(0).min(rest.len().saturating_sub(1));
            if rest.get(probe) == Some(&0) {
                let before = rest.get(..probe).unwrap_or_default();
                let zeros_before = before.iter().rev().take_while(|byte| **byte == 0).count();
                let behind = rest.get(probe..).unwrap_or_default();
                let zeros_behind = behind.iter().position(|byte| *byte != 0).unwrap_or(behind.len());
                let start = offset.saturating_add(count(probe.saturating_sub(zeros_before)));
                let end = offset.saturating_add(count(probe.saturating_add(zeros_behind)));
                self.open = Some(Run { start, end });
                at = at.saturating_add(probe).saturating_add(zeros_behind);
                if at >= bytes.len() {
                    return;
                }
                self.close_run();
            } else {
                at = at.saturating_add(probe).saturating_add(1);
            }
        }
    }

    fn close_run(&mut self) {
        let Some(run) = self.open.take() else { return };
        if run.end.saturating_sub(run.start) >= SECTOR_BYTES {
            if self.runs.len() >= MOST_RUNS {
                self.runs.pop();
            }
            self.runs.push(run);
        }
    }

    /// What the bytes say about a wrapper that failed, at these offsets.
    fn causes(&mut self, encrypted: bool, failed_at: &[u64], depth: Depth) -> Vec<Finding> {
        self.close_run();
        let mut findings = Vec::new();
        if let Some(cause) = self.head.cause() {
            findings.push(Finding::new(cause.code, Place::at(depth, 0), cause.message));
        }
        let fits = |run: &Run, unit: u64| {
            let over = |at: u64| at.checked_rem(unit).unwrap_or(0);
            let starts = over(run.start) == 0 || unit.saturating_sub(over(run.start)) <= SLACK_BYTES;
            starts && (run.end == self.end || over(run.end) <= SLACK_BYTES)
        };
        let is_hit = |run: &Run| {
            let last = run.end.saturating_add(SECTOR_BYTES);
            failed_at.iter().any(|at| (run.start..=last).contains(at))
        };
        // Encrypted data holds no such run. Compressed data may, where files are full of zeros: there the decoder must have
        // failed in it, or whole pages be the only runs there are; some lost pages decode to something, and only the check
        // at the end tells.
        let only_pages = self.runs.len() < MOST_RUNS && self.runs.iter().all(|run| fits(run, PAGE_BYTES));
        let is_damage = |run: &Run| (fits(run, SECTOR_BYTES) && is_hit(run)) || (only_pages && !failed_at.is_empty());
        let named: Vec<&Run> = self.runs.iter().filter(|run| encrypted || is_damage(run)).collect();
        if let Some(run) = named.first() {
            let bytes = run.end.saturating_sub(run.start);
            let where_to = if run.end == self.end { ", up to the end of the file" } else { "" };
            let others = match named.len().saturating_sub(1) {
                0 => String::new(),
                others => format!("; {others} more such runs follow"),
            };
            let message = format!("{bytes} zeros stand here where data must be{where_to}{others}");
            findings.push(Finding::new(&code::MANGLED_ZEROS, Place::at(depth, run.start), message));
        }
        findings
    }
}

/// The layer beneath a wrapper, watched.
pub(in crate::envelope) struct Watched {
    inner: Box<dyn Layer>,
    trace: Trace,
    /// Taken last, and not looked at yet: to be the first to touch bytes is to wait for each of them.
    taken: Option<Bytes>,
}

impl Watched {
    pub(in crate::envelope) fn new(inner: Box<dyn Layer>, trace: &Trace) -> Self {
        Self { inner, trace: trace.clone(), taken: None }
    }

    /// Looks at what was taken before.
    fn look(&mut self) {
        if let Some(bytes) = self.taken.take() {
            self.trace.add(&bytes);
        }
    }
}

impl Source for Watched {
    fn position(&self) -> u64 {
        self.inner.position()
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.inner.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.look();
        let chunk = self.inner.take(at_most)?;
        self.taken = chunk.as_ref().map(|chunk| chunk.bytes.clone());
        Ok(chunk)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.look();
        let mut skipped: u64 = 0;
        while skipped < count {
            let left = usize::try_from(count.saturating_sub(skipped)).unwrap_or(usize::MAX);
            let lent = self.inner.peek(1)?;
            let step = lent.get(..left).unwrap_or(lent);
            if step.is_empty() {
                break;
            }
            self.trace.add(step);
            let step = u64::try_from(step.len()).unwrap_or(u64::MAX);
            skipped = skipped.saturating_add(self.inner.skip(step)?);
        }
        Ok(skipped)
    }

    fn remaining(&self) -> Option<u64> {
        self.inner.remaining()
    }

    fn lies_ready(&self) -> bool {
        self.inner.lies_ready()
    }

    fn whole(&self) -> Option<Bytes> {
        self.inner.whole()
    }

    fn settle(&mut self) -> io::Result<()> {
        self.inner.settle()
    }
}

impl Layer for Watched {
    fn close(self: Box<Self>) -> io::Result<Vec<Proof>> {
        // Zeros at the end must be seen to the end.
        let mut this = self;
        this.skip(u64::MAX)?;
        this.inner.close()
    }
}

/// A wrapper whose failure is told with what the trace shows.
pub(in crate::envelope) struct Told {
    inner: Box<dyn Layer>,
    trace: Trace,
}

impl Told {
    pub(in crate::envelope) fn new(inner: Box<dyn Layer>, trace: Trace) -> Self {
        Self { inner, trace }
    }

    /// Adds the causes to the last of `proofs`, which is the wrapper's own, where it failed.
    pub(in crate::envelope) fn tell(trace: &Trace, proofs: &mut [Proof]) {
        let Some(proof) = proofs.last_mut().filter(|proof| proof.integrity != Integrity::Verified) else { return };
        let errors = proof
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error && finding.code.decides == code::Decides::Fail);
        let mut errors = errors.peekable();
        if errors.peek().is_none() {
            return;
        }
        // A cut says nothing of the bytes before it.
        let damage = errors.filter(|finding| finding.code != &code::GZIP_TRUNCATED);
        let failed_at: Vec<u64> = damage.filter_map(|finding| finding.place.offset).collect();
        let mut seen = trace.0.lock().unwrap_or_else(PoisonError::into_inner);
        proof.findings.extend(seen.causes(proof.encrypted, &failed_at, proof.depth));
    }
}

impl Source for Told {
    fn position(&self) -> u64 {
        self.inner.position()
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.inner.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.inner.take(at_most)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.inner.skip(count)
    }

    fn remaining(&self) -> Option<u64> {
        self.inner.remaining()
    }
}

impl Layer for Told {
    fn close(self: Box<Self>) -> io::Result<Vec<Proof>> {
        let Self { inner, trace } = *self;
        let mut proofs = inner.close()?;
        Self::tell(&trace, &mut proofs);
        Ok(proofs)
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
