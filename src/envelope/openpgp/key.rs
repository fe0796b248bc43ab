//! A session key that may be the message's, and how to tell in CFB without reading the message.
//!
//! Promises: looks at the two repeated bytes of the prefix and the packet header behind them, at nothing else; the key is
//! zeroed when dropped. Refuses to know: where the key comes from.

use zeroize::Zeroizing;

use super::cipher::{BLOCK_BYTES_MAX, Cipher};
use super::packet::{Boundary, boundary, tag};

/// Bytes of the body that the check of a key needs: the prefix of the largest block, and the header of a packet.
pub(super) const HEAD_BYTES: usize = BLOCK_BYTES_MAX + 2 + 6;

/// A key that may be the message's.
pub(super) struct Candidate {
    /// The cipher that the session-key packet names, where it names one.
    pub(super) cipher: Option<Cipher>,
    pub(super) key: Zeroizing<Vec<u8>>,
    pub(super) s2k: Option<String>,
    /// Whether the packet it came from vouches for it: then it is the message's key, whatever the body says.
    pub(super) certain: bool,
}

/// How well a key fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Not,
    /// As one wrong key in 65,536 does.
    Likely,
    /// As no wrong key does, but for a chance nobody meets.
    Sure,
}

impl Candidate {
    /// Whether `head`, the first bytes of a body in CFB, decrypts to a prefix that repeats its last two bytes, and to a
    /// packet header behind. `again` is where the block of ciphertext begins from which the cipher starts anew behind the
    /// prefix, where it does.
    pub(super) fn fit(&self, head: &[u8], again: Option<usize>) -> Fit {
        let Some(cipher) = self.cipher else { return Fit::Not };
        let block = cipher.block_bytes;
        let prefix = block.saturating_add(2);
        let Some(clear) = cipher.cfb_short(&self.key, &[0; BLOCK_BYTES_MAX], head) else { return Fit::Not };
        let repeated = clear.get(block.saturating_sub(2)..block);
        if repeated.is_none() || repeated != clear.get(block..prefix) {
            return Fit::Not;
        }
        let behind = match again {
            None => clear.get(prefix..).map(|clear| Zeroizing::new(clear.to_vec())),
            Some(from) => head
                .get(from..prefix)
                .zip(head.get(prefix..))
                .and_then(|(before, input)| cipher.cfb_short(&self.key, before, input)),
        };
        match boundary(behind.as_deref().map_or(&[][..], Vec::as_slice)) {
            Boundary::Header { header, .. } if tag::begins_content(header.tag) => Fit::Sure,
            _ => Fit::Likely,
        }
    }
}
