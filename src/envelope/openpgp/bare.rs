//! The body of a SED packet, which nothing protects (RFC 9580, section 5.7).
//!
//! ```text
//! prefix (block + 2) │ packets …
//! ```
//! Behind the prefix the cipher starts anew: the block of ciphertext before is the one that ends with the prefix.
//!
//! Promises: the packets byte for byte, and never a word that they are what was encrypted. Refuses to know: whether anyone
//! wants to read such a packet.

use std::io;

use super::bulk::{Bulk, Segment};
use super::decrypt::{Check, Decrypt, Esk, Scheme};
use super::key::{Candidate, Fit, HEAD_BYTES};
use super::level::{Desk, End, Level, Next, body_end};

/// SED.
pub(super) struct Bare;

impl Scheme for Bare {
    fn name(&self) -> &'static str {
        "SED"
    }

    fn takes(&self, kind: Esk) -> bool {
        matches!(kind, Esk::Public(3) | Esk::Passphrase(4))
    }

    fn head_bytes(&self) -> usize {
        HEAD_BYTES
    }

    fn least_bytes(&self) -> usize {
        // The prefix of the smallest block and the shortest packet.
        8 + 2 + 2
    }

    fn fit(&self, candidate: &Candidate, head: &[u8]) -> Fit {
        candidate.fit(head, Some(2))
    }

    fn start(&self, candidate: &Candidate, head: Vec<u8>) -> Option<Box<dyn Decrypt>> {
        let cipher = candidate.cipher?;
        let prefix = cipher.block_bytes.saturating_add(2);
        let before = head.get(2..prefix)?.to_vec();
        let head = head.get(prefix..)?.to_vec();
        Some(Box::new(Clear { bulk: Bulk::new(cipher, &candidate.key, &before)?, head, end: None }))
    }
}

/// The decryption of one packet.
struct Clear {
    bulk: Bulk,
    /// Ciphertext that was read to find the key, not decrypted yet.
    head: Vec<u8>,
    end: Option<End>,
}

impl Decrypt for Clear {
    fn next(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next> {
        if let Some(end) = self.end {
            return Ok(Err(end));
        }
        let segment = Segment::read(beneath, desk, &mut self.head)?;
        let mut output = desk.pool.buffer();
        self.bulk.open(&segment, &mut output);
        if segment.ends {
            let end = body_end(beneath).0.unwrap_or(End::Broken);
            self.end = Some(end);
            if output.used() == 0 {
                return Ok(Err(end));
            }
        }
        Ok(Ok(output.freeze()))
    }

    fn check(&self) -> Option<Check> {
        Some(if self.end == Some(End::Broken) { Check::Cut } else { Check::Absent })
    }
}
