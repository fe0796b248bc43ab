//! Sealed chunks as they come: each is checked before a byte of it is given out.
//!
//! ```text
//! chunk ─ tag │ chunk ─ tag │ … │ last chunk ─ tag │ final tag over the length of it all
//! ```
//!
//! Promises: no more than one chunk is held; the first that does not hold ends the stream; a stream that was cut between
//! two chunks fails at the final tag. Refuses to know: keys and nonces.

use std::io;

use bytes::Bytes;

use super::aead::Schedule;
use super::decrypt::{Check, Decrypt};
use super::level::{Desk, End, Level, Next, available, body_end};

/// Bytes of a tag, in every mode.
pub(super) const TAG_BYTES: usize = 16;

/// The decryption of one packet.
pub(super) struct Chunks {
    schedule: Schedule,
    chunk_bytes: usize,
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
    pub(super) fn new(schedule: Schedule, chunk_bytes: usize, head: Vec<u8>) -> Self {
        Self { schedule, chunk_bytes, held: head, index: 0, length: 0, check: None }
    }

    /// Reads ahead until a whole chunk is held and a tag behind it; false where the packet ends before.
    fn gather(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<bool> {
        let wanted = self.chunk_bytes.saturating_add(2 * TAG_BYTES);
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
        if self.gather(beneath, desk)? {
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

    /// Opens the chunk of `sealed` bytes into `clear`.
    fn open(&mut self, sealed: usize, clear: &mut [u8]) {
        let chunk = self.held.get(..sealed).unwrap_or_default();
        if self.schedule.open(self.index, None, chunk, clear) {
            self.index = self.index.saturating_add(1);
            self.length = self.length.saturating_add(u64::try_from(clear.len()).unwrap_or(u64::MAX));
            self.held.drain(..sealed.min(self.held.len()));
        } else {
            self.check = Some(Check::Fails);
        }
    }
}

impl Decrypt for Chunks {
    fn next(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next> {
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
