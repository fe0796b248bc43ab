//! Ciphertext in CFB, decrypted in bulk: whole blocks from wherever the packet's pieces begin and end.
//!
//! Promises: one pass out of place; the same segments, and the same plaintext, however the packet is cut. Refuses to know:
//! what the plaintext is and whether anything checks it.

use std::io;

use bytes::Bytes;

use super::cipher::{BLOCK_BYTES_MAX, Cfb, Cipher};
use super::level::{Desk, Level, available};
use crate::source::{Buffer, CHUNK_BYTES};

/// Bytes of a segment: its plaintext fits a buffer beside what was carried and held back.
const SEGMENT_BYTES: usize = CHUNK_BYTES - 512;

/// Bytes from which on a piece of a packet is shared; smaller ones are gathered.
const SHARED_BYTES: usize = 4 << 10;

/// Ciphertext on its way to be decrypted.
pub(super) struct Segment {
    pieces: Vec<Bytes>,
    /// Whether the packet ends with it.
    pub(super) ends: bool,
}

impl Segment {
    /// Reads the next segment of the packet; `head` is what was read of it to find the key.
    pub(super) fn read(beneath: &mut [Level], desk: &mut Desk, head: &mut Vec<u8>) -> io::Result<Self> {
        let mut small = std::mem::take(head);
        let mut bytes = small.len();
        let mut pieces = Vec::new();
        let mut ends = false;
        while bytes < SEGMENT_BYTES {
            let run = available(beneath, desk)?.min(SEGMENT_BYTES.saturating_sub(bytes));
            let Some(level) = beneath.last_mut().filter(|_| run > 0) else {
                ends = true;
                break;
            };
            if run < SHARED_BYTES {
                small.extend_from_slice(level.front().get(..run).unwrap_or_default());
            } else {
                if !small.is_empty() {
                    pieces.push(std::mem::take(&mut small).into());
                }
                pieces.push(level.front.slice(..run.min(level.front.len())));
            }
            level.pass_body(run);
            bytes = bytes.saturating_add(run);
        }
        if !small.is_empty() {
            pieces.push(small.into());
        }
        Ok(Self { pieces, ends })
    }
}

/// The decryption of one body.
pub(super) struct Bulk {
    cfb: Box<dyn Cfb>,
    block_bytes: usize,
    /// Ciphertext of a block that is not complete.
    carry: [u8; BLOCK_BYTES_MAX],
    carried: usize,
}

impl Bulk {
    /// Starts behind the block of ciphertext `before`; `None` where the key does not fit the cipher.
    pub(super) fn new(cipher: Cipher, key: &[u8], before: &[u8]) -> Option<Self> {
        Some(Self {
            cfb: cipher.cfb(key, before)?,
            block_bytes: cipher.block_bytes,
            carry: [0; BLOCK_BYTES_MAX],
            carried: 0,
        })
    }

    /// Puts the plaintext of a segment behind what `output` holds, up to the last whole block, or to the packet's end.
    pub(super) fn open(&mut self, segment: &Segment, output: &mut Buffer) {
        for piece in &segment.pieces {
            self.decrypt(piece, output);
        }
        if segment.ends {
            self.decrypt_rest(output);
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
