//! The body of a SEIPD v1 packet: decrypted in bulk, its check value held back and verified (RFC 9580, section 5.13.1).
//!
//! ```text
//! prefix (block + 2) │ packets … │ D3 14 │ SHA-1 of all before it
//! ```
//!
//! Promises: one pass out of place, whole blocks at a time; the last 22 bytes are never given out; [`Mdc::Holds`] is said
//! only where the packet ended as it should and the check value stands there and matches. What was given before that is
//! provisional. Refuses to know: which packets are inside and who chose the key.

use std::io;

use sha1::{Digest as _, Sha1};

use super::cipher::{BLOCK_BYTES_MAX, Cfb, Cipher};
use super::level::{Desk, End, Level, Next, available, body_end};
use crate::source::Buffer;

/// Bytes of the check value: the header of its packet and a SHA-1.
pub(super) const MDC_BYTES: usize = 22;

/// The header of the check value's packet: tag 19, 20 bytes.
pub(super) const MDC_HEADER: [u8; 2] = [0xd3, 0x14];

/// Bytes decrypted and then hashed while they are in the first cache.
const TILE_BYTES: usize = 16 << 10;

/// What became of the check value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mdc {
    /// It is there, at the end, and matches.
    Holds,
    /// It is missing or does not match; nothing says which of the two.
    Fails,
    /// The packet ended too early to have one.
    Cut,
}

/// The decryption of one packet.
pub(super) struct Clear {
    cfb: Box<dyn Cfb>,
    block_bytes: usize,
    /// Ciphertext that was read to find the key, not decrypted yet.
    head: Vec<u8>,
    /// Ciphertext of a block that is not complete.
    carry: [u8; BLOCK_BYTES_MAX],
    carried: usize,
    /// Plaintext held back, because it may be the check value.
    held: Vec<u8>,
    /// Bytes of the prefix still to be taken away.
    prefix_left: usize,
    hash: Sha1,
    /// What became of the check value, once the packet has ended.
    pub(super) mdc: Option<Mdc>,
}

impl Clear {
    /// Starts with `head`, the first bytes of the body after its version; `None` where the key does not fit the cipher.
    pub(super) fn new(cipher: Cipher, key: &[u8], head: Vec<u8>) -> Option<Self> {
        Some(Self {
            cfb: cipher.cfb(key, &[0; BLOCK_BYTES_MAX])?,
            block_bytes: cipher.block_bytes,
            head,
            carry: [0; BLOCK_BYTES_MAX],
            carried: 0,
            held: Vec::with_capacity(MDC_BYTES),
            prefix_left: cipher.block_bytes.saturating_add(2),
            hash: Sha1::new(),
            mdc: None,
        })
    }

    /// The next plaintext; at the end, how it ended.
    pub(super) fn next(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next> {
        while self.mdc.is_none() {
            let mut output = desk.pool.buffer();
            copy_in(&mut output, &self.held);
            let ended = self.fill(beneath, desk, &mut output)?;
            let given = output.used().saturating_sub(MDC_BYTES);
            self.held.clear();
            self.held.extend_from_slice(output.as_ref().get(given..).unwrap_or_default());
            let prefix = self.prefix_left.min(given);
            self.prefix_left = self.prefix_left.saturating_sub(prefix);
            if ended {
                self.mdc = Some(self.judge(beneath));
            }
            if given > prefix {
                return Ok(Ok(output.freeze().slice(prefix..given)));
            }
        }
        Ok(Err(if self.mdc == Some(Mdc::Holds) { End::Whole } else { End::Broken }))
    }

    /// Decrypts until `output` is full or the packet ends, which is what it answers.
    fn fill(&mut self, beneath: &mut [Level], desk: &mut Desk, output: &mut Buffer) -> io::Result<bool> {
        let head = std::mem::take(&mut self.head);
        if !head.is_empty() {
            let from = output.used();
            self.decrypt(&head, output);
            self.hash_from(from, output);
        }
        loop {
            // A run may complete the carried block besides its own.
            let room = output.free().len().saturating_sub(BLOCK_BYTES_MAX);
            if room < BLOCK_BYTES_MAX {
                return Ok(false);
            }
            let from = output.used();
            let run = available(beneath, desk)?.min(room).min(TILE_BYTES);
            let Some(level) = beneath.last_mut() else { return Ok(true) };
            if run == 0 {
                self.decrypt_rest(output);
                self.hash_from(from, output);
                return Ok(true);
            }
            self.decrypt(level.front().get(..run).unwrap_or_default(), output);
            level.pass_body(run);
            self.hash_from(from, output);
        }
    }

    /// Decrypts `input`, all but a block that is not complete.
    fn decrypt(&mut self, mut input: &[u8], output: &mut Buffer) {
        if self.carried > 0 {
            let missing = self.block_bytes.saturating_sub(self.carried);
            let (first, rest) = input.split_at(missing.min(input.len()));
            self.carry_in(first);
            input = rest;
            if self.carried < self.block_bytes {
                return;
            }
            let carry = self.carry;
            self.carried = 0;
            self.blocks(carry.get(..self.block_bytes).unwrap_or_default(), output);
        }
        // Blocks are 8 or 16 bytes, so the rest by division is a mask.
        let whole = input.len() & !self.block_bytes.saturating_sub(1);
        let (whole, rest) = input.split_at(whole);
        self.blocks(whole, output);
        self.carry_in(rest);
    }

    /// Decrypts the block that is not complete: the message ends in it.
    fn decrypt_rest(&mut self, output: &mut Buffer) {
        let (carry, count) = (self.carry, std::mem::take(&mut self.carried));
        let mut block = [0; BLOCK_BYTES_MAX];
        if let (Some(from), Some(to)) = (carry.get(..self.block_bytes), block.get_mut(..self.block_bytes)) {
            self.cfb.blocks(from, to);
        }
        copy_in(output, block.get(..count).unwrap_or_default());
    }

    fn blocks(&mut self, input: &[u8], output: &mut Buffer) {
        if let Some(to) = output.free().get_mut(..input.len()) {
            self.cfb.blocks(input, to);
            output.advance(input.len());
        }
    }

    fn carry_in(&mut self, bytes: &[u8]) {
        let end = self.carried.saturating_add(bytes.len());
        if let Some(to) = self.carry.get_mut(self.carried..end) {
            to.copy_from_slice(bytes);
            self.carried = end;
        }
    }

    /// Hashes what cannot be the check value any more, now that `output` grew from `from` bytes.
    fn hash_from(&mut self, from: usize, output: &Buffer) {
        let (from, to) = (from.saturating_sub(MDC_BYTES), output.used().saturating_sub(MDC_BYTES));
        self.hash.update(output.as_ref().get(from..to).unwrap_or_default());
    }

    /// Judges the check value, which is what is held back now.
    fn judge(&self, beneath: &[Level]) -> Mdc {
        if body_end(beneath).0 != Some(End::Whole) {
            return Mdc::Cut;
        }
        // What is held back may be the prefix, or a part of it: then there is no check value.
        let Some((header, value)) = self.held.split_first_chunk::<2>().filter(|_| self.prefix_left == 0) else {
            return Mdc::Fails;
        };
        let hash = self.hash.clone().chain_update(header).finalize();
        let difference = hash.iter().zip(value).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
        let holds = *header == MDC_HEADER && value.len() == hash.len() && difference == 0;
        if holds { Mdc::Holds } else { Mdc::Fails }
    }
}

fn copy_in(output: &mut Buffer, bytes: &[u8]) {
    if let Some(to) = output.free().get_mut(..bytes.len()) {
        to.copy_from_slice(bytes);
        output.advance(bytes.len());
    }
}
