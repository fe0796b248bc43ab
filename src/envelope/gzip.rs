//! gzip: every member, its header, CRC-32 and length, and what stands behind the last one.
//!
//! Promises: verified only when every member's check holds and nothing that is not gzip follows. Refuses to know: what is
//! compressed. Source of the format: RFC 1952.

use std::io;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::codec::{self, Codec, Desk, Members, count};
use super::{Format, Integrity, Layer};
use crate::code;
use crate::finding::Severity;
use crate::limits::Limits;
use crate::place::Depth;
use crate::source::Buffer;

/// Bytes of the file name in a header that are shown: NAME_MAX on Linux.
const NAME_BYTES: usize = 255;

/// The gzip program itself passes over zeros.
const MEMBERS: Members = Members {
    one: "gzip member",
    padding: &code::GZIP_PADDING,
    padding_severity: Severity::Info,
    trailing: &code::GZIP_TRAILING,
};

/// Puts a gzip layer on `inner`, which stands at `depth`.
#[must_use]
pub fn open(inner: Box<dyn Layer>, depth: Depth, limits: &Limits) -> Box<dyn Layer> {
    let gzip = Gzip {
        header_limit: usize::try_from(limits.extension_bytes).unwrap_or(usize::MAX),
        state: State::AwaitingHeader,
        inflate: Decompress::new(false),
        crc: Crc::new(),
        details: Vec::new(),
    };
    codec::open(gzip, Format::Gzip, inner, depth, limits)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AwaitingHeader,
    InData,
    AwaitingTrailer,
    AfterMember,
}

struct Gzip {
    header_limit: usize,
    state: State,
    inflate: Decompress,
    crc: Crc,
    /// What the first header says.
    details: Vec<(&'static str, String)>,
}

impl Codec for Gzip {
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        match self.state {
            State::AwaitingHeader => self.header(desk),
            State::InData => self.data(desk, output),
            State::AwaitingTrailer => self.trailer(desk),
            State::AfterMember => self.after_member(desk),
        }
    }

    fn details(&self, desk: &Desk) -> Vec<(&'static str, String)> {
        let mut details = self.details.clone();
        if desk.members() > 1 {
            details.push(("members", desk.members().to_string()));
        }
        details
    }
}

impl Gzip {
    fn header(&mut self, desk: &mut Desk) -> io::Result<()> {
        let mut wanted = 64;
        loop {
            let at = desk.position();
            let head = desk.peek(wanted)?;
            let got = head.len();
            match Header::parse(head) {
                Parsed::Header(header) => {
                    self.begin(desk, &header);
                    desk.skip(header.bytes)?;
                    return Ok(());
                }
                Parsed::Invalid(what) => {
                    desk.fail(&code::GZIP_HEADER, at, what.to_owned());
                    return Ok(());
                }
                Parsed::Incomplete if got < wanted => {
                    let end = at.saturating_add(count(got));
                    desk.fail(&code::GZIP_TRUNCATED, end, "cut short inside a gzip header".to_owned());
                    return Ok(());
                }
                Parsed::Incomplete if wanted >= self.header_limit => {
                    let message = format!("a gzip header of more than {wanted} bytes (--limit extension-bytes=N)");
                    desk.stop(&code::LIMIT_REACHED, at, message);
                    return Ok(());
                }
                Parsed::Incomplete => wanted = wanted.saturating_mul(2),
            }
        }
    }

    fn begin(&mut self, desk: &mut Desk, header: &Header) {
        desk.member(&code::GZIP_MEMBERS, desk.position(), MEMBERS.one);
        if desk.members() == 1 {
            if let Some(name) = &header.name {
                let shown = name.get(..NAME_BYTES).unwrap_or(name);
                self.details.push(("name", shown.escape_ascii().to_string()));
            }
            if header.mtime != 0 {
                self.details.push(("mtime", header.mtime.to_string()));
            }
        }
        self.inflate.reset(false);
        self.crc.reset();
        self.state = State::InData;
    }

    fn data(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        let input = desk.ready()?;
        let before = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(input, output.free(), FlushDecompress::None);
        let ended = input.is_empty();
        let taken = self.inflate.total_in().saturating_sub(before.0);
        let given = usize::try_from(self.inflate.total_out().saturating_sub(before.1)).unwrap_or(usize::MAX);
        if let Some(fresh) = output.free().get(..given) {
            self.crc.update(fresh);
        }
        output.advance(given);
        desk.skip_far(taken)?;
        let (at, member, total) = (desk.position(), desk.members(), self.inflate.total_out());
        match status {
            Ok(Status::StreamEnd) => self.state = State::AwaitingTrailer,
            Ok(_) if ended && given == 0 => {
                let message =
                    format!("cut short: the compressed data of member {member} stops after {total} decompressed bytes");
                desk.fail(&code::GZIP_TRUNCATED, at, message);
            }
            Ok(_) => {}
            Err(_) => {
                let message =
                    format!("compressed data cannot be decoded after {total} decompressed bytes of member {member}");
                desk.fail(&code::GZIP_CORRUPT, at, message);
            }
        }
        Ok(())
    }

    fn trailer(&mut self, desk: &mut Desk) -> io::Result<()> {
        let at = desk.position();
        let trailer = desk.peek(8)?;
        let Some([c0, c1, c2, c3, l0, l1, l2, l3]) = trailer.first_chunk().copied() else {
            let message = format!("cut short inside a gzip trailer: 8 bytes needed, {} there", trailer.len());
            desk.fail(&code::GZIP_TRUNCATED, at, message);
            return Ok(());
        };
        let (crc, length) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([l0, l1, l2, l3]));
        let (sum, total) = (self.crc.sum(), self.inflate.total_out());
        if crc != sum {
            let message = format!("CRC-32 is {sum:08x}, the trailer says {crc:08x}");
            desk.damage(&code::GZIP_CHECKSUM, at, message);
        } else if u64::from(length) != total & 0xFFFF_FFFF {
            let message = format!("{total} decompressed bytes, the trailer says {length} (modulo 2^32)");
            desk.damage(&code::GZIP_LENGTH, at.saturating_add(4), message);
        }
        self.state = State::AfterMember;
        desk.skip(8)?;
        Ok(())
    }

    fn after_member(&mut self, desk: &mut Desk) -> io::Result<()> {
        match desk.peek(2)? {
            [] => desk.end(Integrity::Verified),
            [0x1F, 0x8B] => self.state = State::AwaitingHeader,
            _ => desk.trailing(&MEMBERS, Integrity::Verified)?,
        }
        Ok(())
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

#[cfg(test)]
#[path = "gzip_tests.rs"]
mod tests;
