//! Sealed chunks as they come: each is checked before a byte of it is given out.
//!
//! ```text
//! chunk ─ tag │ chunk ─ tag │ … │ last chunk ─ tag │ final tag over the length of it all
//! ```
//!
//! Where threads allow, and chunks are large enough, several are opened at once: each has a tag of its own.
//!
//! Promises: no more is held than one chunk, or [`TOGETHER_BYTES`]; the first that does not hold ends the stream, and
//! nothing behind it is given out; a stream that was cut between two chunks fails at the final tag; the same for any number
//! of threads. Refuses to know: keys and nonces.

use std::io;

use bytes::Bytes;
use rayon::prelude::*;

use super::aead::Schedule;
use super::decrypt::{Check, Decrypt};
use super::level::{Desk, End, Level, Next, available, body_end};
use crate::source::Pool;

/// Bytes of a tag, in every mode.
pub(super) const TAG_BYTES: usize = 16;

/// Bytes of the chunks that are opened at once: four of the largest that RFC 9580 lets a writer make.
const TOGETHER_BYTES: usize = 16 << 20;

/// Bytes for each thread at a time: about 0.1 ms.
const RUN_BYTES: usize = 128 << 10;

/// Bytes of a chunk below which they are opened one after the other.
const LEAST_BYTES: usize = 4 << 10;

/// How chunks are opened at once.
struct Batch {
    threads: usize,
    /// Chunks of a whole batch.
    chunks: usize,
    pool: Pool,
}

impl Batch {
    /// `None` where it is not worth it, or would take too much memory.
    fn new(threads: usize, chunk_bytes: usize) -> Option<Self> {
        if threads < 2 || chunk_bytes < LEAST_BYTES {
            return None;
        }
        let runs = threads.saturating_mul(RUN_BYTES).div_ceil(chunk_bytes).max(threads);
        let chunks = runs.min(TOGETHER_BYTES.checked_div(chunk_bytes)?);
        (chunks > 1).then(|| Self { threads, chunks, pool: Pool::new(chunks.saturating_mul(chunk_bytes)) })
    }
}

/// The decryption of one packet.
pub(super) struct Chunks {
    schedule: Schedule,
    chunk_bytes: usize,
    batch: Option<Batch>,
    /// Ciphertext of the next chunk, its tag, and what may be the final tag.
    held: Vec<u8>,
    /// The next chunk's number.
    index: u64,
    /// Bytes of all chunks before it.
    length: u64,
    check: Option<Check>,
}

/// The last chunk with its tag, where `rest` is all that is left of a body; `None` where that is the final tag alone.
pub(super) fn last(rest: &[u8]) -> Option<&[u8]> {
    let (chunk, _) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
    (!chunk.is_empty()).then_some(chunk)
}

impl Chunks {
    pub(super) fn new(schedule: Schedule, chunk_bytes: usize, head: Vec<u8>, threads: usize) -> Self {
        let batch = Batch::new(threads, chunk_bytes);
        Self { schedule, chunk_bytes, batch, held: head, index: 0, length: 0, check: None }
    }

    /// Reads ahead until so many whole chunks are held and a tag behind them; false where the packet ends before.
    fn gather(&mut self, chunks: usize, beneath: &mut [Level], desk: &mut Desk) -> io::Result<bool> {
        let sealed = self.chunk_bytes.saturating_add(TAG_BYTES);
        let wanted = sealed.saturating_mul(chunks).saturating_add(TAG_BYTES);
        loop {
            let missing = wanted.saturating_sub(self.held.len());
            if missing == 0 {
                return Ok(true);
            }
            let run = available(beneath, desk)?.min(missing);
            let Some(level) = beneath.last_mut() else { return Ok(false) };
            if run == 0 {
                return Ok(false);
            }
            self.held.extend_from_slice(level.front().get(..run).unwrap_or_default());
            level.pass_body(run);
        }
    }

    /// Bytes of the next chunk with its tag; `None` where there is none, and then the check is known.
    fn chunk(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Option<usize>> {
        if self.gather(1, beneath, desk)? {
            return Ok(Some(self.chunk_bytes.saturating_add(TAG_BYTES)));
        }
        if body_end(beneath).0 != Some(End::Whole) {
            self.check = Some(Check::Cut);
            return Ok(None);
        }
        if let Some(chunk) = last(&self.held) {
            if chunk.len() > TAG_BYTES {
                return Ok(Some(chunk.len()));
            }
            self.check = Some(Check::Fails);
            return Ok(None);
        }
        let holds = self.schedule.open(self.index, Some(self.length), &self.held, &mut []);
        self.check = Some(if holds { Check::Holds } else { Check::Fails });
        Ok(None)
    }

    /// Opens as many chunks as are there, up to a batch, and gives those that hold, up to the first that does not; `None`
    /// where they are better opened one after the other, or none of them holds.
    fn together(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Option<Bytes>> {
        let Some(most) = self.batch.as_ref().map(|batch| batch.chunks) else { return Ok(None) };
        self.gather(most, beneath, desk)?;
        let sealed = self.chunk_bytes.saturating_add(TAG_BYTES);
        let there = self.held.len().saturating_sub(TAG_BYTES).checked_div(sealed).unwrap_or(0).min(most);
        let Some(batch) = self.batch.as_ref().filter(|_| there > 1) else { return Ok(None) };
        let mut output = batch.pool.buffer();
        let run = there.div_ceil(batch.threads.max(1));
        let (schedule, chunk_bytes, index) = (&self.schedule, self.chunk_bytes, self.index);
        let chunks = self.held.get(..there.saturating_mul(sealed)).unwrap_or_default();
        let clear = output.free().get_mut(..there.saturating_mul(chunk_bytes)).unwrap_or_default();
        let runs =
            chunks.par_chunks(run.saturating_mul(sealed)).zip(clear.par_chunks_mut(run.saturating_mul(chunk_bytes)));
        let held: Vec<usize> = runs
            .enumerate()
            .map(|(number, (chunks, clear))| {
                let first = index.saturating_add(count(number.saturating_mul(run)));
                let pairs = chunks.chunks(sealed).zip(clear.chunks_mut(chunk_bytes));
                let opened =
                    (first..).zip(pairs).map(|(index, (chunk, clear))| schedule.open(index, None, chunk, clear));
                opened.take_while(|holds| *holds).count()
            })
            .collect();
        // Nothing behind the first that does not hold.
        let whole = held.iter().take_while(|held| **held == run).count();
        let good = whole.saturating_mul(run).saturating_add(held.get(whole).copied().unwrap_or(0));
        if good < there {
            self.check = Some(Check::Fails);
        }
        output.advance(good.saturating_mul(chunk_bytes));
        self.index = self.index.saturating_add(count(good));
        self.length = self.length.saturating_add(count(output.used()));
        self.held.drain(..good.saturating_mul(sealed).min(self.held.len()));
        Ok((output.used() > 0).then(|| output.freeze()))
    }

    /// Opens the chunk of `sealed` bytes into `clear`.
    fn open(&mut self, sealed: usize, clear: &mut [u8]) {
        let chunk = self.held.get(..sealed).unwrap_or_default();
        if self.schedule.open(self.index, None, chunk, clear) {
            self.index = self.index.saturating_add(1);
            self.length = self.length.saturating_add(count(clear.len()));
            self.held.drain(..sealed.min(self.held.len()));
        } else {
            self.check = Some(Check::Fails);
        }
    }
}

impl Decrypt for Chunks {
    fn next(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next> {
        if self.check.is_none()
            && let Some(clear) = self.together(beneath, desk)?
        {
            return Ok(Ok(clear));
        }
        let mut output = desk.pool.buffer();
        while self.check.is_none() {
            let Some(sealed) = self.chunk(beneath, desk)? else { break };
            let clear_bytes = sealed.saturating_sub(TAG_BYTES);
            if let Some(clear) = output.free().get_mut(..clear_bytes) {
                self.open(sealed, clear);
                output.advance(if self.check.is_none() { clear_bytes } else { 0 });
            } else if output.used() > 0 {
                break;
            } else {
                let mut clear = vec![0; clear_bytes];
                self.open(sealed, &mut clear);
                if self.check.is_none() {
                    return Ok(Ok(Bytes::from(clear)));
                }
            }
        }
        if output.used() > 0 {
            return Ok(Ok(output.freeze()));
        }
        Ok(Err(if self.check == Some(Check::Holds) { End::Whole } else { End::Broken }))
    }

    fn check(&self) -> Option<Check> {
        self.check
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_worth_it_and_bounded() {
        let chunks = |threads, chunk_bytes| Batch::new(threads, chunk_bytes).map(|batch| batch.chunks);
        for (threads, chunk_bytes, expected) in [
            (1, 4 << 20, None),
            (2, 2 << 10, None),
            (2, 4 << 10, Some(64)),
            (3, 1 << 20, Some(3)),
            (2, 4 << 20, Some(2)),
            (64, 4 << 20, Some(4)),
            (2, 8 << 20, Some(2)),
            (2, 16 << 20, None),
            (2, 64 << 20, None),
        ] {
            assert_eq!(chunks(threads, chunk_bytes), expected, "{threads} threads, chunks of {chunk_bytes}");
        }
    }
}
