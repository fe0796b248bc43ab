//! What all decompressors share: one loop that fills buffers, holds them against the limits and closes the proof, and one
//! desk with the input beneath, the findings and the end.
//!
//! A format says only what its next bytes mean ([`Codec::step`]). Most are a row of members (members, streams, frames) with
//! nothing, zeros or a surprise behind the last.
//!
//! Promises: what is lent to a decoder ends where the input's offset is a multiple of [`WINDOW_BYTES`], however the input was
//! cut, so that a decoder that keeps bytes back keeps back the same ones each time; findings are capped, a bomb is stopped.
//! Refuses to know: any format.

use std::io;

use bytes::Bytes;

use super::mangled;
use super::meter::Meter;
use super::{Decoder, Format, Integrity, Layer, Proof};
use crate::code::{self, Code};
use crate::finding::{Finding, Severity};
use crate::limits::Limits;
use crate::place::{Depth, Place};
use crate::source::{Buffer, Buffered, CHUNK_BYTES, Feed, Pool, Source};

/// Bytes a decoder is lent at most, and the offsets where they end.
pub(super) const WINDOW_BYTES: usize = 64 << 10;

/// Bytes in which the line stands that is quoted where log text follows the last member.
const LINE_BYTES: usize = 256;

/// Bytes shown of anything else that follows it.
const SHOWN_BYTES: usize = 16;

/// One compressed format.
pub(super) trait Codec: Send {
    /// Reads the next piece of the format, into `output` where that is content. It takes input, gives output, moves its own
    /// state on, or ends at the desk: a step that does none of these would be called for ever.
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()>;

    /// Parameters worth showing, in a fixed order.
    fn details(&self, desk: &Desk) -> Vec<(&'static str, String)>;
}

/// What the members of a format are called, and what its other readers make of zeros behind the last.
pub(super) struct Members {
    /// "gzip member", "xz stream".
    pub(super) one: &'static str,
    /// Zeros behind the last member.
    pub(super) padding: &'static Code,
    /// How grave those are.
    pub(super) padding_severity: Severity,
    /// Anything else behind it.
    pub(super) trailing: &'static Code,
}

/// Puts a layer of `format` on `inner`, which stands at `depth`.
pub(super) fn open<C: Codec + 'static>(
    codec: C,
    format: Format,
    inner: Box<dyn Layer>,
    depth: Depth,
    limits: &Limits,
) -> Box<dyn Layer> {
    let desk = Desk {
        inner,
        depth,
        findings_limit: limits.findings_per_code.max(1),
        dropped: 0,
        members: 0,
        ended: false,
        proof: Proof::new(format, depth),
    };
    let pool = Pool::new(CHUNK_BYTES);
    Box::new(Buffered::new(Decompression { codec, desk, meter: Meter::new(limits), pool, output_bytes: 0 }))
}

struct Decompression<C> {
    codec: C,
    desk: Desk,
    meter: Meter,
    pool: Pool,
    output_bytes: u64,
}

impl<C: Codec> Feed for Decompression<C> {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut buffer = self.pool.buffer();
        let before = self.desk.position();
        while !self.desk.ended && !buffer.free().is_empty() {
            self.codec.step(&mut self.desk, &mut buffer)?;
        }
        self.output_bytes = self.output_bytes.saturating_add(count(buffer.used()));
        // A whole buffer at a time, so that where a limit is met does not depend on how the input was cut.
        let at = self.desk.position();
        if let Err(message) = self.meter.spend(at.saturating_sub(before), count(buffer.used())) {
            self.desk.stop(&code::LIMIT_REACHED, at, message);
        }
        Ok((buffer.used() > 0).then(|| buffer.freeze()))
    }
}

impl<C: Codec> Decoder for Decompression<C> {
    fn conclude(self) -> io::Result<Vec<Proof>> {
        let details = self.codec.details(&self.desk);
        let Desk { inner, dropped, mut proof, .. } = self.desk;
        proof.input_bytes = inner.position();
        proof.output_bytes = self.output_bytes;
        proof.details = details;
        if dropped > 0 {
            let message = format!("{dropped} further findings about {} members were dropped", proof.format);
            let finding = Finding::new(&code::LIMIT_FINDINGS, Place::whole(), message);
            proof.findings.push(finding.with_severity(Severity::Info));
        }
        let mut proofs = inner.close()?;
        proofs.push(proof);
        Ok(proofs)
    }
}

/// The input beneath a decompressor, and what it has found so far.
pub(super) struct Desk {
    inner: Box<dyn Layer>,
    depth: Depth,
    findings_limit: u64,
    /// Findings past that limit.
    dropped: u64,
    members: u64,
    ended: bool,
    proof: Proof,
}

impl Desk {
    /// The offset of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.inner.position()
    }

    /// The next `wanted` bytes and not one more; fewer at the end of the input.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        let lent = self.inner.peek(wanted)?;
        Ok(lent.get(..wanted).unwrap_or(lent))
    }

    /// Whether all of the input lies in memory or in a map, so that looking far ahead takes no memory.
    pub(super) fn is_mapped(&self) -> bool {
        self.inner.lies_ready()
    }

    /// The next bytes, as many as lie ready: only for what takes no more than it needs.
    pub(super) fn ready(&mut self) -> io::Result<&[u8]> {
        self.inner.peek(1)
    }

    /// The bytes behind the next `ahead`, which were lent before, up to the end of the window; none at the end of the input.
    pub(super) fn window(&mut self, ahead: usize) -> io::Result<&[u8]> {
        let size = count(WINDOW_BYTES);
        let into = self.position().saturating_add(count(ahead)).checked_rem(size).unwrap_or(0);
        let wanted = usize::try_from(size.saturating_sub(into)).unwrap_or(WINDOW_BYTES).saturating_add(ahead);
        Ok(self.peek(wanted)?.get(ahead..).unwrap_or_default())
    }

    /// Passes over `bytes`; false where there are fewer.
    pub(super) fn skip(&mut self, bytes: usize) -> io::Result<bool> {
        self.skip_far(count(bytes))
    }

    /// Passes over `bytes`; false where there are fewer.
    pub(super) fn skip_far(&mut self, bytes: u64) -> io::Result<bool> {
        Ok(self.inner.skip(bytes)? == bytes)
    }

    /// Counts a member that begins at `at`, and says so of the second.
    pub(super) fn member(&mut self, code: &'static Code, at: u64, one: &str) {
        self.members = self.members.saturating_add(1);
        if self.members == 2 {
            self.note(code, at, format!("a second {one} begins here"));
        }
    }

    /// Members begun.
    pub(super) fn members(&self) -> u64 {
        self.members
    }

    /// Keeps a finding, unless there are enough of its like: each of a million members may have a wrong checksum.
    pub(super) fn note(&mut self, code: &'static Code, at: u64, message: String) {
        self.note_as(code, code.severity, at, message);
    }

    fn note_as(&mut self, code: &'static Code, severity: Severity, at: u64, message: String) {
        let alike = self.proof.findings.iter().filter(|finding| std::ptr::eq(finding.code, code)).count();
        if count(alike) >= self.findings_limit {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.proof.findings.push(Finding::new(code, Place::at(self.depth, at), message).with_severity(severity));
    }

    /// A check does not hold; what follows is read all the same: what can be seen is worth seeing.
    pub(super) fn damage(&mut self, code: &'static Code, at: u64, message: String) {
        self.note(code, at, message);
        self.proof.integrity = Integrity::Failed;
    }

    /// Nothing can be read from here on.
    pub(super) fn fail(&mut self, code: &'static Code, at: u64, message: String) {
        self.damage(code, at, message);
        self.ended = true;
    }

    /// The input ends inside `what`.
    pub(super) fn truncated(&mut self, what: &str) -> io::Result<()> {
        self.inner.skip(u64::MAX)?;
        let at = self.position();
        self.fail(&code::COMPRESSED_TRUNCATED, at, format!("cut short inside {what}"));
        Ok(())
    }

    /// Gives up: what follows may be good, but nobody looks.
    pub(super) fn stop(&mut self, code: &'static Code, at: u64, message: String) {
        self.note(code, at, message);
        if self.proof.integrity != Integrity::Failed {
            self.proof.integrity = Integrity::Unchecked;
        }
        self.ended = true;
    }

    /// Gives up on a decoder that would need more memory than it may have; true where it would.
    pub(super) fn is_too_much(&mut self, bytes: u64, limit: u64) -> bool {
        let at = self.position();
        if bytes > limit {
            let message = format!(
                "a decoder window of {bytes} bytes is needed, at most {limit} allowed (--limit decoder-memory={bytes})"
            );
            self.stop(&code::LIMIT_REACHED, at, message);
        }
        bytes > limit
    }

    /// Everything was read; `integrity` is what holds unless a check has failed.
    pub(super) fn end(&mut self, integrity: Integrity) {
        if self.proof.integrity == Integrity::Unchecked {
            self.proof.integrity = integrity;
        }
        self.ended = true;
    }

    /// Passes over zeros and says how many there were.
    pub(super) fn zeros(&mut self) -> io::Result<u64> {
        let from = self.position();
        loop {
            let rest = self.inner.peek(1)?;
            let zeros = rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len());
            if zeros == 0 {
                return Ok(self.position().saturating_sub(from));
            }
            self.inner.skip(count(zeros))?;
        }
    }

    /// Reads what is no member to the end, says what it is, and ends.
    pub(super) fn trailing(&mut self, members: &Members, integrity: Integrity) -> io::Result<()> {
        let at = self.position();
        let zeros = self.zeros()?;
        let offset = self.position();
        let head = self.peek(LINE_BYTES)?;
        let shown = mangled::quoted_log(head).map_or_else(
            || format!("beginning \"{}\"", head.get(..SHOWN_BYTES).unwrap_or(head).escape_ascii()),
            |line| format!("log text beginning {line}"),
        );
        self.inner.skip(u64::MAX)?;
        let rest = self.position().saturating_sub(offset);
        if rest == 0 {
            let message = format!("{zeros} zeros follow the last {}", members.one);
            self.note_as(members.padding, members.padding_severity, at, message);
        } else {
            let message = format!("{rest} bytes that are no {} follow the last, {shown}", members.one);
            self.note(members.trailing, offset, message);
        }
        self.end(integrity);
        Ok(())
    }
}

/// A length as a number of the input's kind.
pub(super) fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
