//! The body of a SEIPD v1 packet, its check value held back and verified (RFC 9580, section 5.13.1).
//!
//! ```text
//! prefix (block + 2) │ packets … │ D3 14 │ SHA-1 of all before it
//! ```
//!
//! Promises: the last 22 bytes are never given out, unless the reader does without a check and there is none;
//! [`Check::Holds`] is said only where the packet ended as it should and the check value stands there and matches. What
//! was given before that is provisional. Refuses to know: which packets are inside and who chose the key.

use std::io;

use bytes::Bytes;
use sha1::{Digest as _, Sha1};

use super::bulk::{Bulk, Segment, copy_in};
use super::cipher::BLOCK_BYTES_MAX;
use super::decrypt::{Check, Decrypt, Esk, Scheme};
use super::key::{Candidate, Fit, HEAD_BYTES};
use super::level::{Desk, End, Level, Next, body_end};
use crate::source::{Beside, Pool, Relay};

/// Bytes of the check value: the header of its packet and a SHA-1.
const MDC_BYTES: usize = 22;

/// The header of the check value's packet: tag 19, 20 bytes.
const MDC_HEADER: [u8; 2] = [0xd3, 0x14];

/// Bytes of the body's end that tell a wrong key from a damaged beginning: the check value, the block its first byte is
/// in and the block before that.
pub(super) const TAIL_BYTES: usize = MDC_BYTES + 2 * BLOCK_BYTES_MAX;

/// SEIPD v1.
pub(super) struct Mdc {
    /// Whether content without a check value is given out to its end.
    pub(super) may_miss: bool,
}

impl Scheme for Mdc {
    fn name(&self) -> &'static str {
        "SEIPD v1"
    }

    fn takes(&self, kind: Esk) -> bool {
        matches!(kind, Esk::Public(3) | Esk::Passphrase(4))
    }

    fn head_bytes(&self) -> usize {
        HEAD_BYTES
    }

    fn least_bytes(&self) -> usize {
        // No prefix with a check value is that short.
        HEAD_BYTES
    }

    fn fit(&self, candidate: &Candidate, head: &[u8]) -> Fit {
        candidate.fit(head, None)
    }

    /// Whether the header of a check value stands where it must: then it is the beginning that is damaged.
    fn fits_end(&self, candidate: &Candidate, tail: &[u8], body_bytes: u64) -> bool {
        let Some(cipher) = candidate.cipher else { return false };
        let block = u64::try_from(cipher.block_bytes).unwrap_or(u64::MAX);
        let header_at = body_bytes.saturating_sub(u64::try_from(MDC_BYTES).unwrap_or(u64::MAX));
        if header_at < block.saturating_add(2) {
            return false;
        }
        let Some(block_at) = header_at.checked_rem(block).and_then(|into| header_at.checked_sub(into)) else {
            return false;
        };
        let tail_at = body_bytes.saturating_sub(u64::try_from(tail.len()).unwrap_or(u64::MAX));
        let at = |offset: u64| usize::try_from(offset.checked_sub(tail_at)?).ok();
        let before = at(block_at.saturating_sub(block)).and_then(|from| tail.get(from..));
        let input = at(block_at).and_then(|from| tail.get(from..));
        let (Some(before), Some(input), Some(header)) = (before, input, at(header_at)) else { return false };
        let Some(into) = at(block_at).and_then(|block_at| header.checked_sub(block_at)) else { return false };
        let clear = cipher.cfb_short(&candidate.key, before, input);
        clear.is_some_and(|clear| clear.get(into..into.saturating_add(2)) == Some(&MDC_HEADER))
    }

    fn start(&self, candidate: &Candidate, head: Vec<u8>) -> Option<Box<dyn Decrypt>> {
        let cipher = candidate.cipher?;
        let bulk = Bulk::new(cipher, &candidate.key, &[0; BLOCK_BYTES_MAX])?;
        let prefix_bytes = cipher.block_bytes.saturating_add(2);
        Some(Box::new(Clear { head, stage: Stage::Ahead(bulk, prefix_bytes), may_miss: self.may_miss }))
    }
}

/// Segments that are on their way at a time, where they are decrypted on another thread.
const SEGMENTS_AHEAD: usize = 4;

/// The decryption of one packet.
struct Clear {
    /// Ciphertext that was read to find the key, not decrypted yet.
    head: Vec<u8>,
    stage: Stage,
    may_miss: bool,
}

enum Stage {
    /// Nothing was asked for yet; with the bytes of the prefix.
    Ahead(Bulk, usize),
    /// At it; whether the whole packet is on its way.
    Running(Relay<Opener, Segment, Bytes>, bool),
    Over(Check),
    /// Reading failed.
    Lost,
}

/// What decrypts, wherever that is done.
struct Opener {
    bulk: Bulk,
    pool: Pool,
    /// Plaintext held back, because it may be the check value.
    held: Vec<u8>,
    /// Bytes of the prefix still to be taken away.
    prefix_left: usize,
    /// Of everything before the check value.
    hash: Beside<Sha1>,
}

impl Opener {
    fn new(bulk: Bulk, prefix_left: usize, desk: &Desk) -> Self {
        let hash = Beside::new(Sha1::new(), |hash, bytes| hash.update(bytes), "check-value", desk.threads);
        Self { bulk, pool: desk.pool.clone(), held: Vec::with_capacity(MDC_BYTES), prefix_left, hash }
    }

    /// The plaintext of a segment, but for what is held back.
    fn open(&mut self, segment: Segment) -> Bytes {
        let mut output = self.pool.buffer();
        copy_in(&mut output, &self.held);
        self.bulk.open(&segment, &mut output);
        let output = output.freeze();
        let given = output.len().saturating_sub(MDC_BYTES);
        self.held.clear();
        self.held.extend_from_slice(output.get(given..).unwrap_or_default());
        self.hash.push(output.slice(..given));
        let prefix = self.prefix_left.min(given);
        self.prefix_left = self.prefix_left.saturating_sub(prefix);
        output.slice(prefix..given)
    }

    /// Judges the check value, which is what is held back now; there is none where the prefix is not over before it.
    fn judge(self, beneath: &[Level], may_miss: bool) -> io::Result<Check> {
        if body_end(beneath).0 != Some(End::Whole) {
            return Ok(Check::Cut);
        }
        let is_there = |header: &[u8; 2]| self.prefix_left == 0 && *header == MDC_HEADER;
        let Some((header, value)) = self.held.split_first_chunk().filter(|(header, _)| is_there(header)) else {
            return Ok(if may_miss { Check::Absent } else { Check::Fails });
        };
        let hash = self.hash.finish()?.chain_update(header).finalize();
        let difference = hash.iter().zip(value).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        Ok(if value.len() == hash.len() && difference == 0 { Check::Holds } else { Check::Fails })
    }
}

impl Decrypt for Clear {
    fn next(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::Lost) {
                Stage::Ahead(bulk, prefix_bytes) => {
                    let opener = Opener::new(bulk, prefix_bytes, desk);
                    let relay = if desk.threads > 1 {
                        Relay::beside(opener, Opener::open, "decrypt")?
                    } else {
                        Relay::here(opener, Opener::open)
                    };
                    self.stage = Stage::Running(relay, false);
                }
                Stage::Running(mut relay, mut is_sent) => {
                    let ahead = if desk.threads > 1 { SEGMENTS_AHEAD } else { 1 };
                    while !is_sent && relay.waiting() < ahead {
                        let segment = Segment::read(beneath, desk, &mut self.head)?;
                        is_sent = segment.ends;
                        relay.push(segment);
                    }
                    let Some(bytes) = relay.pull()? else {
                        return self.end(relay.finish()?, beneath);
                    };
                    self.stage = Stage::Running(relay, is_sent);
                    if !bytes.is_empty() {
                        return Ok(Ok(bytes));
                    }
                }
                over => {
                    self.stage = over;
                    let is_whole = matches!(self.check(), Some(Check::Holds | Check::Absent));
                    return Ok(Err(if is_whole { End::Whole } else { End::Broken }));
                }
            }
        }
    }

    fn check(&self) -> Option<Check> {
        if let Stage::Over(check) = self.stage { Some(check) } else { None }
    }
}

impl Clear {
    /// All is decrypted: judges, and gives out what was held back for a check value that is not there.
    fn end(&mut self, opener: Opener, beneath: &mut [Level]) -> io::Result<Next> {
        let rest = Bytes::from(opener.held.get(opener.prefix_left..).unwrap_or_default().to_vec());
        let check = opener.judge(beneath, self.may_miss)?;
        self.stage = Stage::Over(check);
        Ok(match check {
            Check::Absent if !rest.is_empty() => Ok(rest),
            Check::Absent | Check::Holds => Err(End::Whole),
            Check::Fails | Check::Cut => Err(End::Broken),
        })
    }
}
