//! The encrypted part of a message: its session-key packets, and the packet they open (RFC 9580, sections 5.1, 5.3, 5.7
//! and 5.13).
//!
//! Promises: where no key opens it, the framing is walked to its end all the same, so that a cut is seen; a wrong key is
//! told from a damaged beginning where that can be told; what nothing authenticates is opened only where the reader said
//! so. Refuses to know: how keys are made and bodies decrypted.

use std::io;

use super::aead::{Aead, FIELD_BYTES, Form, Refusal};
use super::bare::Bare;
use super::content::Message;
use super::decrypt::{Check, Scheme};
use super::key::Candidate;
use super::level::{End, Origin};
use super::locks::Locks;
use super::mdc::{Mdc, TAIL_BYTES};
use super::packet::{Header, tag};
use super::session::{Search, Why};
use super::verdict::Seal;
use crate::code;
use crate::secret::Unlock;

/// A SKESK as it is to be understood where none stands before packet 9: IDEA under the MD5 of the passphrase.
const BEFORE_SKESK: &[u8] = &[4, 1, 0, 1];

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
    pub(super) fn unseal(&mut self, header: Header, locks: &mut Locks, unlock: &mut dyn Unlock) -> io::Result<bool> {
        self.ledger.sealed_at = self.stack.place();
        self.ledger.seal = if header.tag == tag::SED { Seal::Bare } else { Seal::Locked };
        self.ledger.framed(header.length);
        let scheme = self.scheme(header.tag)?;
        if let Some(scheme) = &scheme {
            self.ledger.scheme(&**scheme);
        }
        self.ledger.locks(locks);
        let Some(scheme) = scheme else { return Ok(false) };
        if header.tag == tag::SED {
            self.ledger.unauthenticated("symmetrically encrypted data without a check value (packet 9)");
            if !self.trust.allow_unauthenticated {
                return Ok(false);
            }
            if locks.is_empty() {
                locks.add_skesk(BEFORE_SKESK);
            }
        }
        locks.keep(&*scheme);
        self.open(&*scheme, locks, unlock)
    }

    /// What kind of packet it is; `None` where it is not read, and why is noted.
    fn scheme(&mut self, tag: u8) -> io::Result<Option<Box<dyn Scheme>>> {
        if tag == tag::SED {
            return Ok(Some(Box::new(Bare)));
        }
        let at = self.ledger.sealed_at;
        let Some(version) = self.stack.take(1)?.first().copied() else {
            self.ledger.packet = Some(if tag == tag::SEIPD { "SEIPD" } else { Form::Packet20.name() });
            self.ends_early();
            return Ok(None);
        };
        let form = match (tag, version) {
            (tag::SEIPD, 1) => return Ok(Some(Box::new(Mdc { may_miss: self.trust.allow_unauthenticated }))),
            (tag::SEIPD, 2) => Form::Seipd2,
            (tag::GNUPG_AEAD, 1) => Form::Packet20,
            _ => {
                let packet = if tag == tag::SEIPD { "SEIPD" } else { "GnuPG's packet 20" };
                self.ledger.packet = Some(if tag == tag::SEIPD { "SEIPD of unknown version" } else { packet });
                let message = format!("the data is encrypted as {packet} of version {version}");
                self.ledger.note(&code::OPENPGP_UNSUPPORTED, at, message);
                return Ok(None);
            }
        };
        self.ledger.packet = Some(form.name());
        let fields = self.stack.take(FIELD_BYTES)?;
        let seed = self.stack.take(form.seed_bytes(&fields))?;
        match Aead::new(form, &fields, seed, &self.limits, self.threads) {
            Ok(aead) => return Ok(Some(Box::new(aead))),
            Err(Refusal::Unsupported(what)) => {
                let message = format!("the data is encrypted as {} with {what}", form.name());
                self.ledger.note(&code::OPENPGP_UNSUPPORTED, at, message);
            }
            // A packet that is cut says so itself.
            Err(Refusal::Malformed(what)) if self.stack.packet_end() != Some(End::Broken) => self.stack.malformed(what),
            Err(Refusal::Malformed(_)) => {}
            Err(Refusal::Limit(what)) => self.ledger.note(&code::LIMIT_REACHED, at, what),
        }
        Ok(None)
    }

    fn ends_early(&mut self) {
        if self.stack.packet_end() == Some(End::Whole) {
            self.stack.malformed("the encrypted packet is empty");
        }
    }

    fn open(&mut self, scheme: &dyn Scheme, locks: &Locks, unlock: &mut dyn Unlock) -> io::Result<bool> {
        let head = self.stack.take(scheme.head_bytes())?;
        if head.len() < scheme.least_bytes() {
            // Too short for any check, under whatever key.
            if self.stack.packet_end() == Some(End::Whole) {
                match self.ledger.seal {
                    Seal::Bare => self.stack.malformed("the encrypted packet is too short for any content"),
                    _ => self.ledger.seal = Seal::Opened(Some(Check::Fails)),
                }
            }
            return Ok(false);
        }
        if head.len() < scheme.head_bytes() && self.stack.packet_end() == Some(End::Broken) {
            return Ok(false);
        }
        match locks.search(scheme, &head, unlock, &self.limits)? {
            Search::Found(found) => {
                self.ledger.opened_by(&found);
                let Some(clear) = scheme.start(&found, head) else { return Ok(false) };
                self.stack.push(Origin::Clear(clear));
                self.ledger.seal = Seal::Opened(None);
                Ok(true)
            }
            Search::Nothing { why, candidates } => {
                self.stay_shut(scheme, head, why, &candidates)?;
                Ok(false)
            }
        }
    }

    /// Walks the body that no key opens, and tells a wrong key from a damaged beginning by its end.
    fn stay_shut(
        &mut self,
        scheme: &dyn Scheme,
        mut tail: Vec<u8>,
        why: Why,
        candidates: &[Candidate],
    ) -> io::Result<()> {
        let before_head = self.stack.packet_passed().saturating_sub(u64::try_from(tail.len()).unwrap_or(u64::MAX));
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
        // What stands before the head is no part of what is encrypted.
        let body_bytes = self.stack.packet_passed().saturating_sub(before_head);
        let ours = |candidate: &&Candidate| candidate.certain || scheme.fits_end(candidate, &tail, body_bytes);
        match candidates.iter().find(ours).filter(|_| self.stack.packet_end() == Some(End::Whole)) {
            Some(_) if self.ledger.seal == Seal::Bare => {
                self.stack.malformed("the encrypted data does not begin as it must");
            }
            Some(candidate) => {
                self.ledger.opened_by(candidate);
                self.ledger.seal = Seal::Opened(Some(Check::Fails));
            }
            None => self.ledger.shut(why),
        }
        Ok(())
    }
}
