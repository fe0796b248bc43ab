//! xz: every stream, its blocks with their checks, its index and footer, and the padding between streams.
//!
//! The container is read here, so that each check, each size and each filter is looked at; the library decodes LZMA2.
//!
//! Promises: verified only when every block has a check that is known and holds, and header, blocks, index and footer agree.
//! Refuses to know: what is compressed. Source of the format: "The .xz File Format", version 1.2.1.

mod ahead;
mod block;
mod check;
mod filters;
mod header;

use std::io;

use flate2::Crc;

use self::ahead::{Ahead, Running};
use self::block::Block;
use self::check::{Check, Kind};
use self::header::{BlockHeader, Fault, StreamFlags, number, stream_flags};
use super::codec::{self, Codec, Desk, Members, count};
use super::{Format, Integrity, Layer};
use crate::code;
use crate::finding::Severity;
use crate::limits::Limits;
use crate::place::Depth;
use crate::source::Buffer;
use sha2::{Digest as _, Sha256};

/// Zeros behind a stream are part of the format, as long as they are a multiple of four.
const MEMBERS: Members = Members {
    one: "xz stream",
    padding: &code::COMPRESSED_PADDING,
    padding_severity: Severity::Info,
    trailing: &code::COMPRESSED_TRAILING,
};

const MAGIC: [u8; 6] = [0xFD, b'7', b'z', b'X', b'Z', 0];

/// Bytes of a stream header, and of a footer.
const FLAGS_BYTES: usize = 12;

/// Puts an xz layer on `inner`, which stands at `depth`. It decodes on no more than `threads` threads.
#[must_use]
pub fn open(inner: Box<dyn Layer>, depth: Depth, limits: &Limits, threads: usize) -> Box<dyn Layer> {
    let xz = Xz {
        memory: limits.decoder_memory,
        state: State::Between,
        stream: Stream::default(),
        ahead: Ahead::new(threads),
        kinds: Vec::new(),
        blocks: 0,
        window: 0,
        unchecked: false,
        unknown: false,
    };
    codec::open(xz, Format::Xz, inner, depth, limits)
}

enum State {
    Between,
    /// A block or the index.
    Next,
    Data(Box<Block>),
    /// The data of a block that another thread decodes.
    Ahead(Running),
    Check(Box<Block>),
    Footer {
        index_bytes: u64,
    },
}

struct Xz {
    memory: u64,
    state: State,
    stream: Stream,
    ahead: Ahead,
    /// The kinds of check that streams announced.
    kinds: Vec<Kind>,
    blocks: u64,
    /// The largest dictionary met.
    window: u64,
    /// Whether a block has no check, or one of a kind that is not known.
    unchecked: bool,
    unknown: bool,
}

/// What is known of the stream being read.
#[derive(Default)]
struct Stream {
    flags: StreamFlags,
    records: Records,
}

/// The sizes of blocks, as they were met or as the index says: their number and a digest, so that a million need no memory.
#[derive(Default, Clone)]
struct Records {
    number: u64,
    digest: Sha256,
}

impl Records {
    fn add(&mut self, unpadded: u64, given: u64) {
        self.number = self.number.saturating_add(1);
        self.digest.update(unpadded.to_le_bytes());
        self.digest.update(given.to_le_bytes());
    }
}

impl Codec for Xz {
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Between) {
            State::Between => self.between(desk)?,
            State::Next => self.next(desk, output.used())?,
            State::Data(block) => block.data(desk, output)?,
            State::Ahead(running) => running.data(desk, output)?,
            State::Check(block) => self.check(*block, desk)?,
            State::Footer { index_bytes } => self.footer(index_bytes, desk)?,
        };
        Ok(())
    }

    fn details(&self, desk: &Desk) -> Vec<(&'static str, String)> {
        let kinds: Vec<_> = self.kinds.iter().map(Kind::to_string).collect();
        vec![
            ("streams", desk.members().to_string()),
            ("blocks", self.blocks.to_string()),
            ("check", kinds.join(", ")),
            ("window", self.window.to_string()),
        ]
    }
}

impl Xz {
    /// A stream header, padding, or the end.
    fn between(&mut self, desk: &mut Desk) -> io::Result<State> {
        let at = desk.position();
        let head = desk.peek(FLAGS_BYTES)?;
        if head.starts_with(&MAGIC) {
            let Some(fields) = head.get(6..).and_then(|fields| fields.first_chunk::<6>()).copied() else {
                desk.truncated("the header of an xz stream")?;
                return Ok(State::Between);
            };
            return self.begin(fields, desk);
        }
        match head {
            [] => desk.end(self.integrity()),
            [0, ..] => self.padding(at, desk)?,
            _ => desk.trailing(&MEMBERS, self.integrity())?,
        }
        Ok(State::Between)
    }

    fn integrity(&self) -> Integrity {
        match (self.unknown, self.unchecked) {
            (true, _) => Integrity::Unchecked,
            (false, true) => Integrity::Absent,
            (false, false) => Integrity::Verified,
        }
    }

    /// Zeros behind a stream.
    fn padding(&self, at: u64, desk: &mut Desk) -> io::Result<()> {
        let zeros = desk.zeros()?;
        if zeros.checked_rem(4) != Some(0) {
            let message = format!("{zeros} zeros follow an xz stream; padding comes in fours");
            desk.damage(&code::COMPRESSED_TRAILING, at, message);
        } else if desk.peek(1)?.is_empty() {
            desk.note(&code::COMPRESSED_PADDING, at, format!("{zeros} zeros follow the last xz stream"));
            desk.end(self.integrity());
        }
        Ok(())
    }

    fn begin(&mut self, fields: [u8; 6], desk: &mut Desk) -> io::Result<State> {
        let at = desk.position();
        let [first, second, crc @ ..] = fields;
        let flags = match stream_flags([first, second], u32::from_le_bytes(crc)) {
            Ok(flags) => flags,
            Err(fault) => return Ok(refuse(fault, "header of an xz stream", at, desk)),
        };
        desk.member(&code::COMPRESSED_MEMBERS, at, MEMBERS.one);
        desk.skip(FLAGS_BYTES)?;
        if !self.kinds.contains(&flags.kind) {
            self.kinds.push(flags.kind);
        }
        self.stream = Stream { flags, records: Records::default() };
        Ok(State::Next)
    }

    /// A block header, or the index; `used` bytes stand in the buffer that the data goes into.
    fn next(&mut self, desk: &mut Desk, used: usize) -> io::Result<State> {
        let at = desk.position();
        let number = self.stream.records.number.saturating_add(1);
        let size = match desk.peek(1)? {
            [] => {
                desk.truncated(&format!("xz stream {}, before block {number} or the index", desk.members()))?;
                return Ok(State::Between);
            }
            [0, ..] => return self.index(desk),
            [size, ..] => usize::from(*size).saturating_add(1).saturating_mul(4),
        };
        let head = desk.peek(size)?;
        if head.len() < size {
            desk.truncated(&format!("the header of block {number}"))?;
            return Ok(State::Between);
        }
        let header = match BlockHeader::parse(head) {
            Ok(header) => header,
            Err(fault) => return Ok(refuse(fault, "block header", at, desk)),
        };
        self.blocks = self.blocks.saturating_add(1);
        self.window = self.window.max(header.dictionary.into());
        if desk.is_too_much(header.dictionary.into(), self.memory) {
            return Ok(State::Between);
        }
        self.announce(at, desk);
        desk.skip(size)?;
        if let Some(running) = self.ahead.take(at, used) {
            return Ok(State::Ahead(running));
        }
        let kind = self.stream.flags.kind;
        let Some(block) = Block::new(header, number, at, Check::new(kind)) else {
            return Ok(refuse(Fault::Unsupported("filters"), "block header", at, desk));
        };
        self.ahead.start(&block, kind, used, self.memory, desk)?;
        Ok(State::Data(Box::new(block)))
    }

    /// Says of the first block of its kind that nothing will be known of its content.
    fn announce(&mut self, at: u64, desk: &mut Desk) {
        match self.stream.flags.kind {
            Kind::None if !self.unchecked => {
                self.unchecked = true;
                let message = "the xz stream has no check of its content";
                desk.note(&code::COMPRESSED_NO_CHECK, at, message.to_owned());
            }
            Kind::Unknown(_) if !self.unknown => {
                self.unknown = true;
                let message = format!("the xz stream has a check of kind {}", self.stream.flags.kind);
                desk.note(&code::COMPRESSED_CHECK_UNKNOWN, at, message);
            }
            _ => {}
        }
    }

    /// What stands behind the data of a block: padding to a multiple of four, and the check.
    fn check(&mut self, block: Block, desk: &mut Desk) -> io::Result<State> {
        let Some(end) = block.end() else { return Ok(State::Between) };
        let check_bytes = self.stream.flags.kind.bytes();
        let padding = usize::try_from(end.unpadded.wrapping_neg() & 3).unwrap_or(0);
        let wanted = padding.saturating_add(check_bytes);
        let behind = desk.peek(wanted)?;
        if behind.len() < wanted {
            desk.truncated(&format!("the check of block {}", block.number))?;
            return Ok(State::Between);
        }
        let (zeros, stored) = behind.split_at_checked(padding).unwrap_or_default();
        let (is_padded, holds) = (zeros.iter().all(|byte| *byte == 0), end.check.holds(stored));
        let at = desk.position().saturating_add(count(padding));
        desk.skip(wanted)?;
        if !is_padded {
            let message = format!("the padding of block {} is not zero", block.number);
            desk.damage(&code::COMPRESSED_CORRUPT, at, message);
        }
        if !holds {
            let message = format!(
                "the {} bytes of block {} do not have the {} stored behind them",
                end.given, block.number, self.stream.flags.kind
            );
            desk.damage(&code::COMPRESSED_CHECKSUM, at, message);
        }
        if let Some(message) = end.wrong_length {
            self.ahead.stop();
            desk.damage(&code::COMPRESSED_LENGTH, block.at, message);
        }
        self.stream.records.add(end.unpadded.saturating_add(count(check_bytes)), end.given);
        Ok(State::Next)
    }

    /// The sizes of all blocks once more.
    fn index(&mut self, desk: &mut Desk) -> io::Result<State> {
        let begin = desk.position();
        let mut crc = Crc::new();
        let mut records = Records::default();
        pass(1, &mut crc, desk)?;
        let Some(number) = index_number(&mut crc, desk)? else { return Ok(State::Between) };
        if number != self.stream.records.number {
            let message = format!("the index counts {number} blocks, the stream has {}", self.stream.records.number);
            desk.fail(&code::COMPRESSED_CORRUPT, begin, message);
            return Ok(State::Between);
        }
        for _ in 0..number {
            let Some(unpadded) = index_number(&mut crc, desk)? else { return Ok(State::Between) };
            let Some(given) = index_number(&mut crc, desk)? else { return Ok(State::Between) };
            records.add(unpadded, given);
        }
        let length = desk.position().saturating_sub(begin);
        let padding = usize::try_from(length.wrapping_neg() & 3).unwrap_or(0);
        let is_padded = desk.peek(padding)?.iter().all(|byte| *byte == 0);
        pass(padding, &mut crc, desk)?;
        let at = desk.position();
        let Some(stored) = desk.peek(4)?.first_chunk().copied().map(u32::from_le_bytes) else {
            desk.truncated("the index")?;
            return Ok(State::Between);
        };
        desk.skip(4)?;
        if stored != crc.sum() || !is_padded {
            let message = "the index does not match its own CRC-32, or its padding is not zero";
            desk.fail(&code::COMPRESSED_CORRUPT, at, message.to_owned());
        } else if records.digest.finalize() != self.stream.records.digest.clone().finalize() {
            let message = "the index does not give the sizes of the blocks that are there";
            desk.fail(&code::COMPRESSED_CORRUPT, begin, message.to_owned());
        }
        Ok(State::Footer { index_bytes: desk.position().saturating_sub(begin) })
    }

    fn footer(&mut self, index_bytes: u64, desk: &mut Desk) -> io::Result<State> {
        let at = desk.position();
        let &[c0, c1, c2, c3, s0, s1, s2, s3, first, second, y, z] = desk.peek(FLAGS_BYTES)? else {
            desk.truncated("the footer of an xz stream")?;
            return Ok(State::Between);
        };
        let mut crc = Crc::new();
        crc.update(&[s0, s1, s2, s3, first, second]);
        let backward = u64::from(u32::from_le_bytes([s0, s1, s2, s3])).saturating_add(1).saturating_mul(4);
        let wrong = if [y, z] != *b"YZ" {
            "does not end in its magic"
        } else if crc.sum() != u32::from_le_bytes([c0, c1, c2, c3]) {
            "does not match its own CRC-32"
        } else if [first, second] != self.stream.flags.bytes {
            "has other flags than the header"
        } else if backward != index_bytes {
            "gives another size of the index than it has"
        } else {
            desk.skip(FLAGS_BYTES)?;
            return Ok(State::Between);
        };
        desk.fail(&code::COMPRESSED_CORRUPT, at, format!("the footer of xz stream {} {wrong}", desk.members()));
        Ok(State::Between)
    }
}

/// Takes `bytes` of the index into its check value.
fn pass(bytes: usize, crc: &mut Crc, desk: &mut Desk) -> io::Result<()> {
    crc.update(desk.peek(bytes)?);
    desk.skip(bytes)?;
    Ok(())
}

/// The next number of the index; without one, the desk has been told why.
fn index_number(crc: &mut Crc, desk: &mut Desk) -> io::Result<Option<u64>> {
    let at = desk.position();
    match number(desk.peek(9)?) {
        Ok(Some((value, bytes))) => {
            pass(bytes, crc, desk)?;
            return Ok(Some(value));
        }
        Ok(None) => desk.truncated("the index")?,
        Err(fault) => {
            refuse(fault, "index", at, desk);
        }
    }
    Ok(None)
}

/// Ends the reading over something in a header.
fn refuse(fault: Fault, where_in: &str, at: u64, desk: &mut Desk) -> State {
    match fault {
        Fault::Corrupt(what) => desk.fail(&code::COMPRESSED_CORRUPT, at, format!("{where_in}: {what}")),
        Fault::Unsupported(what) => {
            desk.stop(&code::WRAPPER_UNSUPPORTED, at, format!("{where_in}: {what} not known here"));
        }
    }
    State::Between
}
