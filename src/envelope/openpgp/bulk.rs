//! Ciphertext in CFB, decrypted in bulk: whole blocks from wherever the packet's pieces begin and end.
//!
//! Promises: one pass out of place; the same plaintext however the packet is cut. Refuses to know: what the plaintext is
//! and whether anything checks it.

use std::io;

use super::cipher::{BLOCK_BYTES_MAX, Cfb, Cipher};
use super::level::{Desk, Level, available};
use crate::source::Buffer;

/// The decryption of one body.
pub(super) struct Bulk {
    cfb: Box<dyn Cfb>,
    block_bytes: usize,
    /// Ciphertext that was read to find the key, not decrypted yet.
    head: Vec<u8>,
    /// Ciphertext of a block that is not complete.
    carry: [u8; BLOCK_BYTES_MAX],
    carried: usize,
}

impl Bulk {
    /// Starts with `head`, which stands behind the block of ciphertext `before`; `None` where the key does not fit the
    /// cipher.
    pub(super) fn new(cipher: Cipher, key: &[u8], before: &[u8], head: Vec<u8>) -> Option<Self> {
        Some(Self {
            cfb: cipher.cfb(key, before)?,
            block_bytes: cipher.block_bytes,
            head,
            carry: [0; BLOCK_BYTES_MAX],
            carried: 0,
        })
    }

    /// Decrypts until `output` is full or the packet ends, which is what it answers.
    pub(super) fn fill(&mut self, beneath: &mut [Level], desk: &mut Desk, output: &mut Buffer) -> io::Result<bool> {
        let head = std::mem::take(&mut self.head);
        self.decrypt(&head, output);
        loop {
            // A run may complete the carried block besides its own.
            let room = output.free().len().saturating_sub(BLOCK_BYTES_MAX);
            if room < BLOCK_BYTES_MAX {
                return Ok(false);
            }
            let run = available(beneath, desk)?.min(room);
            let Some(level) = beneath.last_mut() else { return Ok(true) };
            if run == 0 {
                self.decrypt_rest(output);
                return Ok(true);
            }
            self.decrypt(level.front().get(..run).unwrap_or_default(), output);
            level.pass_body(run);
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
}

/// Puts `bytes` behind what `output` holds.
pub(super) fn copy_in(output: &mut Buffer, bytes: &[u8]) {
    if let Some(to) = output.free().get_mut(..bytes.len()) {
        to.copy_from_slice(bytes);
        output.advance(bytes.len());
    }
}
