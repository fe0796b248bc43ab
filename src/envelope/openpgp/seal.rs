//! The encrypted part of a message: its session-key packets, and the packet they open (RFC 9580, sections 5.1, 5.3, 5.7
//! and 5.13).
//!
//! Promises: where no key opens it, the framing is walked to its end all the same, so that a cut is seen; a wrong key is
//! told from a damaged beginning by the end of the ciphertext. Refuses to know: how keys are made and bodies decrypted.

use std::io;

use super::content::Message;
use super::decrypt::{Clear, Mdc};
use super::key::{Candidate, HEAD_BYTES, TAIL_BYTES};
use super::level::{End, Origin};
use super::packet::{Header, tag};
use super::session::{Locks, Search, Why};
use super::verdict::Seal;
use crate::code;
use crate::secret::Unlock;

impl Message {
    pub(super) fn lock(&mut self, header: Header, locks: &mut Locks) -> io::Result<bool> {
        self.ledger.seal = Seal::Locked;
        let limit = self.limits.openpgp_session_keys;
        if locks.count >= limit {
            let message = format!("more than {limit} session-key packets (--limit openpgp-session-keys={limit})");
            self.stack.mishap(&code::LIMIT_REACHED, message);
            return Ok(false);
        }
        let Some(body) = self.whole(header)? else { return Ok(false) };
        if header.tag == tag::SKESK {
            locks.add_skesk(&body)
        } else {
            locks.add_pkesk(&body)
        }
        Ok(true)
    }

    /// Puts the decryption on the encrypted packet; false where it cannot be decrypted.
    pub(super) fn unseal(&mut self, tag: u8, locks: &Locks, unlock: &mut dyn Unlock) -> io::Result<bool> {
        let at = self.stack.place();
        self.ledger.sealed_at = at;
        self.ledger.locks(locks);
        let version = if tag == tag::SED { Vec::new() } else { self.stack.take(1)? };
        let (packet, seal) = match (tag, version.first()) {
            (tag::SED, _) => ("SED", Seal::Bare),
            (tag::GNUPG_AEAD, _) => ("GnuPG OCB (packet 20)", Seal::Locked),
            (_, Some(1)) => ("SEIPD v1", Seal::Locked),
            (_, Some(2)) => ("SEIPD v2", Seal::Locked),
            (_, Some(_)) => ("SEIPD of unknown version", Seal::Locked),
            (_, None) => ("SEIPD", Seal::Locked),
        };
        self.ledger.packet = Some(packet);
        self.ledger.seal = seal;
        match (tag, version.first()) {
            (tag::SED, _) => {
                self.ledger.note(
                    &code::OPENPGP_NO_INTEGRITY,
                    at,
                    "symmetrically encrypted data without a check value (packet 9)",
                );
                Ok(false)
            }
            (tag::SEIPD, Some(1)) => self.unseal_v1(locks, unlock),
            (_, None) => {
                if self.stack.packet_end() == Some(End::Whole) {
                    self.stack.malformed("the encrypted packet is empty");
                }
                Ok(false)
            }
            // The place for AEAD: a level like `Clear`, one for SEIPD v2 (RFC 9580, section 5.13.2) and one for packet 20.
            _ => {
                self.ledger.note(&code::OPENPGP_UNSUPPORTED, at, format!("the data is encrypted as {packet}"));
                Ok(false)
            }
        }
    }

    fn unseal_v1(&mut self, locks: &Locks, unlock: &mut dyn Unlock) -> io::Result<bool> {
        let head = self.stack.take(HEAD_BYTES)?;
        if head.len() < HEAD_BYTES {
            // Too short for any check value, under whatever key.
            if self.stack.packet_end() == Some(End::Whole) {
                self.ledger.seal = Seal::Opened(Some(Mdc::Fails));
            }
            return Ok(false);
        }
        match locks.search(&head, unlock, &self.limits)? {
            Search::Found(found) => {
                self.ledger.opened_by(&found);
                let Some(clear) = Clear::new(found.cipher, &found.key, head) else { return Ok(false) };
                self.stack.push(Origin::Clear(Box::new(clear)));
                self.ledger.seal = Seal::Opened(None);
                Ok(true)
            }
            Search::Nothing { why, candidates } => {
                self.stay_shut(head, why, &candidates)?;
                Ok(false)
            }
        }
    }

    /// Walks the body that no key opens, and tells a wrong key from a damaged beginning by its end.
    fn stay_shut(&mut self, mut tail: Vec<u8>, why: Why, candidates: &[Candidate]) -> io::Result<()> {
        loop {
            let run = self.stack.available()?;
            if run == 0 {
                break;
            }
            let body = self.stack.front().get(..run).unwrap_or_default();
            tail.extend_from_slice(body.get(run.saturating_sub(TAIL_BYTES)..).unwrap_or_default());
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
            self.stack.pass(run);
        }
        // The version octet is no part of what is encrypted.
        let body_bytes = self.stack.packet_passed().saturating_sub(1);
        let ours = |candidate: &Candidate| candidate.certain || candidate.fits_tail(&tail, body_bytes);
        if self.stack.packet_end() == Some(End::Whole) && candidates.iter().any(ours) {
            self.ledger.seal = Seal::Opened(Some(Mdc::Fails));
        } else {
            self.ledger.shut(why);
        }
        Ok(())
    }
}
