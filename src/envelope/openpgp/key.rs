//! A session key that may be the message's, and how to tell without reading the message.
//!
//! Promises: looks at the two repeated bytes of the prefix, the packet header behind them and the header of the check
//! value, at nothing else; the key is zeroed when dropped. Refuses to know: where the key comes from.

use zeroize::Zeroizing;

use super::cipher::{BLOCK_BYTES_MAX, Cipher};
use super::decrypt::{MDC_BYTES, MDC_HEADER};
use super::packet::{Boundary, boundary, tag};

/// Bytes of the body that the check of a key needs: the prefix of the largest block, and the header of a packet.
pub(super) const HEAD_BYTES: usize = BLOCK_BYTES_MAX + 2 + 6;

/// Bytes of the body's end that tell a wrong key from a damaged beginning: the check value, the block its first byte is
/// in and the block before that.
pub(super) const TAIL_BYTES: usize = MDC_BYTES + 2 * BLOCK_BYTES_MAX;

/// A key that may be the message's.
pub(super) struct Candidate {
    pub(super) cipher: Cipher,
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) s2k: Option<String>,
    /// Whether the packet it came from vouches for it: then it is the message's key, whatever the prefix says.
    pub(super) certain: bool,
}

/// How well a key fits.
pub(super) enum Fit {
    Not,
    /// It repeats the bytes, as one wrong key in 65,536 does.
    Prefix,
    /// It repeats them, and a packet header stands behind.
    PrefixAndHeader,
}

impl Candidate {
    /// Whether `head`, the first bytes of the body, decrypts to a prefix that repeats its last two bytes.
    pub(super) fn fit(&self, head: &[u8]) -> Fit {
        let block = self.cipher.block_bytes;
        let Some(clear) = self.cipher.cfb_short(&self.key, &[0; BLOCK_BYTES_MAX], head) else { return Fit::Not };
        let repeated = clear.get(block.saturating_sub(2)..block);
        if repeated.is_none() || repeated != clear.get(block..block.saturating_add(2)) {
            return Fit::Not;
        }
        match boundary(clear.get(block.saturating_add(2)..).unwrap_or_default()) {
            Boundary::Header { header, .. } if tag::begins_content(header.tag) => Fit::PrefixAndHeader,
            _ => Fit::Prefix,
        }
    }

    /// Whether, under this key, a body of `body_bytes` bytes that ends in `tail` has the header of a check value where it
    /// must stand: then the key is right, and it is the beginning that is damaged.
    pub(super) fn fits_tail(&self, tail: &[u8], body_bytes: u64) -> bool {
        let block = u64::try_from(self.cipher.block_bytes).unwrap_or(u64::MAX);
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
        let clear = self.cipher.cfb_short(&self.key, before, input);
        clear.is_some_and(|clear| clear.get(into..into.saturating_add(2)) == Some(&MDC_HEADER))
    }
}
