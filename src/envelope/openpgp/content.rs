//! A message from its first packet to its last: which packets may follow which (RFC 9580, section 10.3).
//!
//! ```text
//! message   = [session keys] encrypted | compressed | signed | literal        (markers and padding anywhere)
//! encrypted = SEIPD, packet 20 or SED around a message that is not encrypted
//! signed    = one-pass signature, message, signature | signature, message
//! ```
//!
//! [`Message::begin`] goes down to the literal packet, [`Message::next`] gives its content, and the end of the content
//! brings the way back up: what follows on every level, the check value, what follows the message.
//!
//! Promises: exactly one literal packet, to the byte; every packet before and behind it is accounted for. Refuses to know:
//! how packets are framed, decrypted or decompressed, and what the findings together mean.

use std::io;

use bytes::Bytes;

use super::armor::Dearmor;
use super::inflate::{self, Inflate};
use super::level::{End, Origin};
use super::locks::Locks;
use super::packet::{Header, Length, tag};
use super::signed::Signed;
use super::stack::Stack;
use super::verdict::{Ledger, Seal};
use crate::code;
use crate::envelope::{Layer, Proof, Trust, mangled};
use crate::limits::Limits;
use crate::place::Depth;
use crate::secret::Unlock;
use crate::source::Feed;

/// The least first partial chunk of RFC 9580, section 4.2.1.4.
const FIRST_CHUNK_BYTES: u32 = 512;

/// Bytes of the date, which stands behind a literal packet's name.
const DATE_BYTES: usize = 4;

/// A message, read from front to back.
pub(super) struct Message {
    pub(super) stack: Stack,
    pub(super) limits: Limits,
    pub(super) trust: Trust,
    pub(super) threads: usize,
    pub(super) ledger: Ledger,
    signed: Signed,
    /// Whether the literal packet was reached.
    reached: bool,
    over: bool,
}

impl Message {
    pub(super) fn new(
        layer: Box<dyn Layer>,
        armored: bool,
        depth: Depth,
        limits: &Limits,
        trust: &Trust,
        threads: usize,
    ) -> Self {
        let origin = if armored { Origin::Armored(Box::new(Dearmor::new(layer))) } else { Origin::Binary(layer) };
        Self {
            stack: Stack::new(origin, threads),
            limits: limits.clone(),
            trust: trust.clone(),
            threads,
            ledger: Ledger::new(depth, armored, trust.allow_unauthenticated),
            signed: Signed::new(&trust.certificates),
            reached: false,
            over: false,
        }
    }

    /// Goes down to the content; false where there is none to be had, and then the message has been read to its end.
    pub(super) fn begin(&mut self, unlock: &mut dyn Unlock) -> io::Result<bool> {
        self.reached = self.descend(unlock)?;
        if !self.reached {
            self.finish()?;
        }
        Ok(self.reached)
    }

    /// Reads what is left and hands over the proofs.
    pub(super) fn close(mut self) -> io::Result<Vec<Proof>> {
        while self.next()?.is_some() {}
        let Self { stack, ledger, .. } = self;
        let (outer, inner, origin) = stack.into_parts();
        let (mut layer, armor) = match origin {
            Some(Origin::Armored(armor)) => {
                let remarks = armor.remarks();
                (armor.into_layer(), Some(remarks))
            }
            Some(Origin::Binary(layer)) => (layer, None),
            _ => return Ok(Vec::new()),
        };
        layer.skip(u64::MAX)?;
        let proof = ledger.proof(layer.position(), outer, inner, armor);
        let mut proofs = layer.close()?;
        proofs.push(proof);
        Ok(proofs)
    }

    fn descend(&mut self, unlock: &mut dyn Unlock) -> io::Result<bool> {
        let mut locks = Locks::default();
        loop {
            let Some(header) = self.stack.header()? else {
                self.no_content(&locks);
                return Ok(false);
            };
            let outermost = self.stack.height() == 1 && self.ledger.signatures == 0;
            self.short_partial(header);
            let go_on = match header.tag {
                tag::PKESK | tag::SKESK if outermost => self.lock(header, &mut locks)?,
                tag::SEIPD | tag::SED | tag::GNUPG_AEAD if outermost => self.unseal(header, &mut locks, unlock)?,
                tag::PKESK | tag::SKESK | tag::SEIPD | tag::SED | tag::GNUPG_AEAD => {
                    self.stack.mishap(&code::OPENPGP_UNSUPPORTED, "an encrypted message stands inside the message");
                    false
                }
                tag if tag::is_ignorable(tag) => {
                    self.skipped(header);
                    self.stack.skip()?;
                    self.stack.packet_end() == Some(End::Whole)
                }
                tag if self.stack.height() == 1 && !locks.is_empty() => {
                    self.stack.malformed(format!("packet {tag} stands where the encrypted data must"));
                    false
                }
                tag::ONE_PASS_SIGNATURE | tag::SIGNATURE => self.signature(header)?,
                tag::COMPRESSED => self.compressed()?,
                tag::LITERAL => return self.literal(header),
                tag => {
                    self.stack.malformed(format!("packet {tag} does not belong into a message"));
                    false
                }
            };
            if !go_on {
                return Ok(false);
            }
        }
    }

    /// Says why a level ends before any content, where it is not known already.
    fn no_content(&mut self, locks: &Locks) {
        if self.stack.level_end() != Some(End::Whole) {
            return;
        }
        if self.stack.height() > 1 {
            self.stack.malformed("there is no literal packet");
        } else if locks.is_empty() {
            self.stack.mishap(&code::OPENPGP_TRUNCATED, "the input ends before any content");
        } else {
            let message =
                format!("the input ends behind {} session-key packets, before the encrypted data", locks.count);
            self.stack.mishap(&code::OPENPGP_TRUNCATED, message);
        }
    }

    fn short_partial(&mut self, header: Header) {
        if let Length::Partial(bytes) = header.length
            && bytes < FIRST_CHUNK_BYTES
        {
            let message =
                format!("the first chunk of packet {} has {bytes} bytes{}", header.tag, self.stack.whereabouts());
            let inside = self.stack.height() > 1;
            self.ledger.note_once(&code::OPENPGP_SHORT_PARTIAL, self.stack.place(), message, inside);
        }
    }

    /// Notes a packet that is to be ignored, unless it is one that says nothing by design: padding, or a marker of 3 bytes.
    fn skipped(&mut self, header: Header) {
        let tag = header.tag;
        if tag == tag::PADDING || (tag == tag::MARKER && header.length == Length::Definite(3)) {
            return;
        }
        let message = format!("packet {tag} was skipped{}", self.stack.whereabouts());
        let inside = self.stack.height() > 1;
        self.ledger.note_once(&code::OPENPGP_SKIPPED, self.stack.place(), message, inside);
    }

    /// Reads a packet that must be short and in one piece; `None` where it is not, which is a mishap.
    pub(super) fn whole(&mut self, header: Header) -> io::Result<Option<Vec<u8>>> {
        let tag = header.tag;
        let Length::Definite(bytes) = header.length else {
            self.stack.malformed(format!("packet {tag} has no definite length"));
            return Ok(None);
        };
        let limit = self.limits.openpgp_packet_bytes;
        if u64::from(bytes) > limit {
            let message = format!("packet {tag} has {bytes} bytes (--limit openpgp-packet-bytes={limit})");
            self.stack.mishap(&code::LIMIT_REACHED, message);
            return Ok(None);
        }
        self.stack.whole(limit)
    }

    fn signature(&mut self, header: Header) -> io::Result<bool> {
        let place = self.stack.place();
        let Some(body) = self.whole(header)? else { return Ok(false) };
        if header.tag == tag::ONE_PASS_SIGNATURE
            && let Some(top) = self.stack.top()
        {
            top.signatures_due = top.signatures_due.saturating_add(1);
        }
        let issuer = self.signed.before(header.tag, self.stack.height(), &body);
        self.ledger.signed_by(place, issuer);
        Ok(true)
    }

    fn compressed(&mut self) -> io::Result<bool> {
        let limit = self.limits.openpgp_nesting;
        if u64::try_from(self.stack.height()).unwrap_or(u64::MAX) > limit {
            let message =
                format!("more than {limit} packets stand one inside the other (--limit openpgp-nesting={limit})");
            self.stack.mishap(&code::LIMIT_REACHED, message);
            return Ok(false);
        }
        let Some(algorithm) = self.stack.take(1)?.first().copied() else {
            if self.stack.packet_end() == Some(End::Whole) {
                self.stack.malformed("a compressed packet is empty");
            }
            return Ok(false);
        };
        let origin = match (algorithm, Inflate::new(algorithm, &self.limits)) {
            (0, _) => Origin::Stored,
            (_, Some(inflate)) => Origin::Inflated(Box::new(inflate)),
            (_, None) => {
                self.stack.mishap(&code::OPENPGP_UNSUPPORTED, format!("compression algorithm {algorithm}"));
                return Ok(false);
            }
        };
        self.ledger.compression.extend(inflate::name(algorithm));
        self.stack.push(origin);
        Ok(true)
    }

    fn literal(&mut self, header: Header) -> io::Result<bool> {
        let place = self.stack.place();
        let start = self.stack.take(2)?;
        let (mode, name_bytes) = match *start {
            [mode, name_bytes] => (mode, usize::from(name_bytes)),
            _ => (0, 0),
        };
        let rest = self.stack.take(name_bytes.saturating_add(DATE_BYTES))?;
        let Some((name, &[a, b, c, d])) = rest.split_at_checked(name_bytes) else {
            if self.stack.packet_end() == Some(End::Whole) {
                self.stack.malformed("a literal packet is shorter than its header");
            }
            return Ok(false);
        };
        self.ledger.framed(header.length);
        self.ledger.literal(place, mode, name, u32::from_be_bytes([a, b, c, d]));
        Ok(true)
    }

    /// The way back up, once the content is over or could not be had.
    fn finish(&mut self) -> io::Result<()> {
        self.over = true;
        let mut sound = self.reached && self.stack.packet_end() == Some(End::Whole);
        while sound {
            sound = self.after_content()?;
            if self.stack.height() == 1 {
                break;
            }
            sound = sound && self.leave()?;
        }
        if sound && self.signed.checks() {
            let signed = std::mem::replace(&mut self.signed, Signed::new(&[]));
            self.ledger.signed(signed.judge());
        }
        if !sound {
            self.abandon()?;
        }
        self.stack.skip()?;
        self.after_message()
    }

    /// Reads what follows the content on this level; false where it is not what may.
    fn after_content(&mut self) -> io::Result<bool> {
        let outermost = self.stack.height() == 1;
        loop {
            let due = self.stack.top().map_or(0, |top| top.signatures_due);
            if outermost && due == 0 {
                return Ok(true);
            }
            let header = self.stack.header()?;
            match header.map(|header| header.tag) {
                None if self.stack.level_end() != Some(End::Whole) => return Ok(false),
                None if due == 0 => return Ok(true),
                None => {
                    let code = if outermost { &code::OPENPGP_TRUNCATED } else { &code::OPENPGP_MALFORMED };
                    self.stack.mishap(code, format!("{due} signatures announced before the content do not follow it"));
                    return Ok(false);
                }
                Some(tag::SIGNATURE) if due > 0 => {
                    if let Some(top) = self.stack.top() {
                        top.signatures_due = due.saturating_sub(1);
                    }
                    if self.signed.checks() {
                        let Some(body) = header.map(|header| self.whole(header)).transpose()?.flatten() else {
                            return Ok(false);
                        };
                        self.signed.behind(self.stack.height(), &body);
                    }
                }
                Some(tag) if tag::is_ignorable(tag) => {}
                Some(tag) => {
                    self.stack.malformed(format!("packet {tag} follows the content"));
                    return Ok(false);
                }
            }
            self.stack.skip()?;
            if self.stack.packet_end() != Some(End::Whole) {
                return Ok(false);
            }
        }
    }

    /// Takes off a level that was read to its end; false where its packet goes on.
    fn leave(&mut self) -> io::Result<bool> {
        if let Some(Origin::Clear(clear)) = self.stack.pop() {
            self.ledger.seal = Seal::Opened(clear.check());
        }
        let rest = self.stack.skip()?;
        if rest > 0 {
            self.stack.malformed(format!("{rest} bytes follow the end of the compressed data"));
        }
        Ok(rest == 0 && self.stack.packet_end() == Some(End::Whole))
    }

    /// Takes off all levels, but reads what is encrypted to its end: only the check value tells whether to believe what
    /// was wrong inside.
    fn abandon(&mut self) -> io::Result<()> {
        while let Some(top) = self.stack.top() {
            if top.is_clear() {
                self.stack.drain()?;
            }
            match self.stack.pop() {
                Some(Origin::Clear(clear)) => self.ledger.seal = Seal::Opened(clear.check()),
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    /// Reads the input to its end and tells what follows the message.
    fn after_message(&mut self) -> io::Result<()> {
        if !self.stack.input_is_broken() && self.stack.has_more()? {
            let at = self.stack.input_position();
            let behind = self.stack.peek(512)?;
            let guess = super::guess(behind);
            let line =
                mangled::quoted_log(behind).map_or_else(String::new, |line| format!(" of a log, beginning {line}"));
            self.stack.drain()?;
            let bytes = self.stack.input_position().saturating_sub(at);
            self.ledger.trailing(at, format!("{bytes} bytes follow the message: {guess}{line}"));
        }
        self.stack.drain()
    }
}

impl Feed for Message {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.over {
            return Ok(None);
        }
        if let Some(piece) = self.stack.piece()? {
            self.signed.content(&piece);
            self.ledger.output_bytes =
                self.ledger.output_bytes.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            return Ok(Some(piece));
        }
        self.finish()?;
        Ok(None)
    }
}
