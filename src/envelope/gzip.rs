//! gzip: every member, its header, CRC-32 and length, and what stands behind the last one.
//!
//! Promises: verified only when every member's check holds and nothing that is not gzip follows. Refuses to know: what is
//! compressed. Source of the format: RFC 1952.

use std::io;

use bytes::Bytes;
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::mangled;
use super::meter::Meter;
use super::{Decoder, Format, Integrity, Layer, Proof};
use crate::code::{self, Code};
use crate::finding::{Finding, Severity};
use crate::limits::Limits;
use crate::place::{Depth, Place};
use crate::source::{Buffer, Buffered, CHUNK_BYTES, Feed, Pool, Source};

/// Bytes of the file name in a header that are shown: NAME_MAX on Linux.
const NAME_BYTES: usize = 255;

/// Bytes in which the line stands that is quoted where log text follows the last member.
const LINE_BYTES: usize = 256;

/// Bytes shown of anything else that follows it.
const SHOWN_BYTES: usize = 16;

/// Puts a gzip layer on `inner`, which stands at `depth`.
#[must_use]
pub fn open(inner: Box<dyn Layer>, depth: Depth, limits: &Limits) -> Box<dyn Layer> {
    Box::new(Buffered::new(Inflate {
        inner,
        depth,
        meter: Meter::new(limits),
        header_limit: usize::try_from(limits.extension_bytes).unwrap_or(usize::MAX),
        findings_limit: limits.findings_per_code.max(1),
        dropped: 0,
        state: State::AwaitingHeader,
        inflate: Decompress::new(false),
        crc: Crc::new(),
        pool: Pool::new(CHUNK_BYTES),
        members: 0,
        output_bytes: 0,
        proof: Proof::new(Format::Gzip, depth),
    }))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AwaitingHeader,
    InData,
    AwaitingTrailer,
    AfterMember,
    Ended,
}

struct Inflate {
    inner: Box<dyn Layer>,
    depth: Depth,
    meter: Meter,
    header_limit: usize,
    findings_limit: u64,
    /// Findings past that limit.
    dropped: u64,
    state: State,
    inflate: Decompress,
    crc: Crc,
    pool: Pool,
    members: u64,
    output_bytes: u64,
    proof: Proof,
}

impl Feed for Inflate {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let mut buffer = self.pool.buffer();
        let before = self.inner.position();
        loop {
            match self.state {
                State::AwaitingHeader => self.header()?,
                State::InData => self.data(&mut buffer)?,
                State::AwaitingTrailer => self.trailer()?,
                State::AfterMember => self.after_member()?,
                State::Ended => break,
            }
            if buffer.free().is_empty() {
                break;
            }
        }
        self.output_bytes = self.output_bytes.saturating_add(count(buffer.used()));
        // A whole buffer at a time, so that where a limit is met does not depend on how the input was cut.
        let at = self.inner.position();
        if let Err(message) = self.meter.spend(at.saturating_sub(before), count(buffer.used())) {
            self.stop(at, message);
        }
        Ok((buffer.used() > 0).then(|| buffer.freeze()))
    }
}

impl Decoder for Inflate {
    fn conclude(mut self) -> io::Result<Vec<Proof>> {
        self.proof.input_bytes = self.inner.position();
        self.proof.output_bytes = self.output_bytes;
        if self.dropped > 0 {
            let message = format!("{} further findings about gzip members were dropped", self.dropped);
            let finding = Finding::new(&code::LIMIT_FINDINGS, Place::whole(), message);
            self.proof.findings.push(finding.with_severity(Severity::Info));
        }
        if self.members > 1 {
            self.proof.details.push(("members", self.members.to_string()));
        }
        let mut proofs = self.inner.close()?;
        proofs.push(self.proof);
        Ok(proofs)
    }
}

impl Inflate {
    fn header(&mut self) -> io::Result<()> {
        let mut wanted = 64;
        loop {
            let head = self.inner.peek(wanted)?;
            let all = head.len() < wanted;
            // No more than was asked for, so that the limit does not depend on how much lies ready.
            let head = head.get(..wanted).unwrap_or(head);
            match Header::parse(head) {
                Parsed::Header(header) => {
                    self.begin(&header);
                    self.inner.skip(count(header.bytes))?;
                    return Ok(());
                }
                Parsed::Invalid(what) => {
                    let at = self.inner.position();
                    self.fail(&code::GZIP_HEADER, at, what.to_owned());
                    return Ok(());
                }
                Parsed::Incomplete if all => {
                    let got = count(head.len());
                    let at = self.inner.position().saturating_add(got);
                    self.fail(&code::GZIP_TRUNCATED, at, "cut short inside a gzip header".to_owned());
                    return Ok(());
                }
                Parsed::Incomplete if wanted >= self.header_limit => {
                    let at = self.inner.position();
                    let message = format!("a gzip header of more than {wanted} bytes (--limit extension-bytes=N)");
                    self.stop(at, message);
                    return Ok(());
                }
                Parsed::Incomplete => wanted = wanted.saturating_mul(2),
            }
        }
    }

    fn begin(&mut self, header: &Header) {
        self.members = self.members.saturating_add(1);
        if self.members == 1 {
            if let Some(name) = &header.name {
                let shown = name.get(..NAME_BYTES).unwrap_or(name);
                self.proof.details.push(("name", shown.escape_ascii().to_string()));
            }
            if header.mtime != 0 {
                self.proof.details.push(("mtime", header.mtime.to_string()));
            }
        } else if self.members == 2 {
            let at = self.inner.position();
            self.note(&code::GZIP_MEMBERS, at, "a second gzip member begins here".to_owned());
        }
        self.inflate.reset(false);
        self.crc.reset();
        self.state = State::InData;
    }

    fn data(&mut self, buffer: &mut Buffer) -> io::Result<()> {
        let input = self.inner.peek(1)?;
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, buffer.free(), FlushDecompress::None);
        let ended = input.is_empty();
        let taken = self.inflate.total_in().saturating_sub(before.0);
        let given = usize::try_from(self.inflate.total_out().saturating_sub(before.1)).unwrap_or(usize::MAX);
        if let Some(fresh) = buffer.free().get(..given) {
            self.crc.update(fresh);
        }
        buffer.advance(given);
        self.inner.skip(taken)?;
        let at = self.inner.position();
        match status {
            Ok(Status::StreamEnd) => self.state = State::AwaitingTrailer,
            Ok(_) if ended && given == 0 => {
                let message = format!(
                    "cut short: the compressed data of member {} stops after {} decompressed bytes",
                    self.members,
                    self.inflate.total_out()
                );
                self.fail(&code::GZIP_TRUNCATED, at, message);
            }
            Ok(_) => {}
            Err(_) => {
                let message = format!(
                    "compressed data cannot be decoded after {} decompressed bytes of member {}",
                    self.inflate.total_out(),
                    self.members
                );
                self.fail(&code::GZIP_CORRUPT, at, message);
            }
        }
        Ok(())
    }

    fn trailer(&mut self) -> io::Result<()> {
        let at = self.inner.position();
        let trailer = self.inner.peek(8)?;
        let Some([c0, c1, c2, c3, l0, l1, l2, l3]) = trailer.first_chunk().copied() else {
            let message = format!("cut short inside a gzip trailer: 8 bytes needed, {} there", trailer.len());
            self.fail(&code::GZIP_TRUNCATED, at, message);
            return Ok(());
        };
        let (crc, length) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([l0, l1, l2, l3]));
        let (sum, total) = (self.crc.sum(), self.inflate.total_out());
        self.state = State::AfterMember;
        if crc != sum {
            let message = format!("CRC-32 is {sum:08x}, the trailer says {crc:08x}");
            self.fail(&code::GZIP_CHECKSUM, at, message);
        } else if u64::from(length) != total & 0xFFFF_FFFF {
            let message = format!("{total} decompressed bytes, the trailer says {length} (modulo 2^32)");
            self.fail(&code::GZIP_LENGTH, at.saturating_add(4), message);
        }
        // The rest of the members is read all the same: what can be seen is worth seeing.
        self.state = State::AfterMember;
        self.inner.skip(8)?;
        Ok(())
    }

    fn after_member(&mut self) -> io::Result<()> {
        let at = self.inner.position();
        let head = self.inner.peek(4)?;
        match head {
            [] => {
                self.state = State::Ended;
                if self.proof.integrity == Integrity::Unchecked {
                    self.proof.integrity = Integrity::Verified;
                }
            }
            [0x1F, 0x8B, ..] => self.state = State::AwaitingHeader,
            _ => self.trailing(at)?,
        }
        Ok(())
    }

    /// Reads what is no gzip member to the end and says what it is.
    fn trailing(&mut self, at: u64) -> io::Result<()> {
        loop {
            let rest = self.inner.peek(1)?;
            let zeros = rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len());
            if zeros == 0 {
                break;
            }
            self.inner.skip(count(zeros))?;
        }
        let offset = self.inner.position();
        let head: Vec<u8> = self.inner.peek(LINE_BYTES)?.iter().take(LINE_BYTES).copied().collect();
        self.inner.skip(u64::MAX)?;
        let end = self.inner.position();
        self.state = State::Ended;
        if head.is_empty() {
            let message = format!("{} zeros follow the last member", end.saturating_sub(at));
            self.note(&code::GZIP_PADDING, at, message);
        } else {
            let message = format!(
                "{} bytes that are not gzip follow the last member, {}",
                end.saturating_sub(offset),
                mangled::quoted_log(&head).map_or_else(
                    || format!("beginning \"{}\"", head.get(..SHOWN_BYTES).unwrap_or(&head).escape_ascii()),
                    |line| format!("log text beginning {line}")
                )
            );
            self.note(&code::GZIP_TRAILING, offset, message);
        }
        if self.proof.integrity == Integrity::Unchecked {
            self.proof.integrity = Integrity::Verified;
        }
        Ok(())
    }

    /// Gives up on a limit: what follows may be good, but nobody looks.
    fn stop(&mut self, at: u64, message: String) {
        self.note(&code::LIMIT_REACHED, at, message);
        if self.proof.integrity != Integrity::Failed {
            self.proof.integrity = Integrity::Unchecked;
        }
        self.state = State::Ended;
    }

    /// Keeps a finding, unless there are enough of its like: each of a million members may have a wrong checksum.
    fn note(&mut self, code: &'static Code, at: u64, message: String) {
        let alike = self.proof.findings.iter().filter(|finding| std::ptr::eq(finding.code, code)).count();
        if count(alike) >= self.findings_limit {
            self.dropped = self.dropped.saturating_add(1);
            return;
        }
        self.proof.findings.push(Finding::new(code, Place::at(self.depth, at), message));
    }

    fn fail(&mut self, code: &'static Code, at: u64, message: String) {
        self.note(code, at, message);
        self.proof.integrity = Integrity::Failed;
        self.state = State::Ended;
    }
}

struct Header {
    bytes: usize,
    mtime: u32,
    name: Option<Vec<u8>>,
}

enum Parsed {
    Header(Header),
    Incomplete,
    Invalid(&'static str),
}

impl Header {
    fn parse(head: &[u8]) -> Parsed {
        Self::fields(head).map_or(Parsed::Incomplete, |parsed| parsed)
    }

    /// `None` where the header goes on past `head`.
    fn fields(head: &[u8]) -> Option<Parsed> {
        const FHCRC: u8 = 0x02;
        const FEXTRA: u8 = 0x04;
        const FNAME: u8 = 0x08;
        const FCOMMENT: u8 = 0x10;
        const RESERVED: u8 = 0xE0;
        let [0x1F, 0x8B, method, flags, t0, t1, t2, t3, _, _] = *head.first_chunk::<10>()? else {
            return Some(Parsed::Invalid("a gzip member does not begin with its magic"));
        };
        if method != 8 {
            return Some(Parsed::Invalid("compression method is not deflate"));
        }
        if flags & RESERVED != 0 {
            return Some(Parsed::Invalid("reserved flags are set"));
        }
        let mut at: usize = 10;
        if flags & FEXTRA != 0 {
            let length = u16::from_le_bytes(*head.get(at..)?.first_chunk()?);
            at = at.checked_add(2)?.checked_add(usize::from(length))?;
        }
        let mut text = |present: bool| -> Option<Option<Vec<u8>>> {
            if !present {
                return Some(None);
            }
            let rest = head.get(at..)?;
            let length = rest.iter().position(|byte| *byte == 0)?;
            at = at.checked_add(length)?.checked_add(1)?;
            Some(rest.get(..length).map(<[u8]>::to_vec))
        };
        let name = text(flags & FNAME != 0)?;
        text(flags & FCOMMENT != 0)?;
        if flags & FHCRC != 0 {
            let stored = u16::from_le_bytes(*head.get(at..)?.first_chunk()?);
            let mut crc = Crc::new();
            crc.update(head.get(..at)?);
            if u32::from(stored) != crc.sum() & 0xFFFF {
                return Some(Parsed::Invalid("the header's own CRC-16 does not match"));
            }
            at = at.checked_add(2)?;
        }
        head.get(..at)?;
        Some(Parsed::Header(Header { bytes: at, mtime: u32::from_le_bytes([t0, t1, t2, t3]), name }))
    }
}

fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "gzip_tests.rs"]
mod tests;
