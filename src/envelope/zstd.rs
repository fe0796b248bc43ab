//! zstd: every frame, its header, its blocks and its checksum; frames to skip; and what stands behind the last one.
//!
//! The framing is read here, so that a report can say what the frame claims and a limit is held before any window exists.
//! The reference library is told of each frame only how large a window it needs and whether a checksum ends it; then it is
//! lent one whole block at a time, and at last the checksum alone. So what it refuses is known by what it was lent, and what
//! it gives does not depend on how the input was cut.
//!
//! Promises: verified only when every frame that has content has a checksum that holds. Refuses to know: what is compressed,
//! dictionaries, the formats before 0.8. Source of the format: RFC 8878.

use std::io;

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::codec::{self, Codec, Desk, Members, count};
use super::{Format, Integrity, Layer};
use crate::code;
use crate::finding::Severity;
use crate::limits::Limits;
use crate::place::Depth;
use crate::source::Buffer;

/// The zstd program writes everything out and then fails on whatever is no frame, zeros included.
const MEMBERS: Members = Members {
    one: "zstd frame",
    padding: &code::COMPRESSED_PADDING,
    padding_severity: Severity::Warning,
    trailing: &code::COMPRESSED_TRAILING,
};

/// The longest frame header, its magic included.
const HEADER_BYTES: usize = 18;

/// What a block may hold at most, compressed or not.
const BLOCK_BYTES: usize = 128 << 10;

/// Puts a zstd layer on `inner`, which stands at `depth`.
#[must_use]
pub fn open(inner: Box<dyn Layer>, depth: Depth, limits: &Limits) -> Box<dyn Layer> {
    let zstd = Zstd {
        memory: limits.decoder_memory,
        engine: None,
        state: State::Between,
        window: 0,
        content: None,
        skippable: 0,
        checked: 0,
        unchecked: 0,
    };
    codec::open(zstd, Format::Zstd, inner, depth, limits)
}

#[derive(Clone, Copy)]
enum State {
    Between,
    /// A block, of which the library has taken so many bytes.
    Block(Frame, usize),
    Checksum(Frame),
}

/// A frame header (RFC 8878, section 3.1.1.1).
#[derive(Clone, Copy)]
struct Frame {
    bytes: usize,
    window: u64,
    content: Option<u64>,
    checksum: bool,
    dictionary: u32,
    /// Bytes that came out of it.
    given: u64,
}

/// What the library did with what it was lent.
struct Step {
    taken: usize,
    given: usize,
    /// The frame is whole, and its checksum holds.
    is_end: bool,
}

struct Zstd {
    memory: u64,
    /// The decoder of all frames; `None` before the first.
    engine: Option<DCtx<'static>>,
    state: State,
    /// The largest window asked for, the first content size stored, and how many frames are of which kind.
    window: u64,
    content: Option<u64>,
    skippable: u64,
    checked: u64,
    unchecked: u64,
}

impl Codec for Zstd {
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        self.state = match self.state {
            State::Between => self.between(desk)?,
            State::Block(frame, taken) => self.block(frame, taken, desk, output)?,
            State::Checksum(frame) => self.checksum(frame, desk, output)?,
        };
        Ok(())
    }

    fn details(&self, desk: &Desk) -> Vec<(&'static str, String)> {
        let mut details = vec![("frames", desk.members().to_string())];
        if self.skippable > 0 {
            details.push(("skippable", self.skippable.to_string()));
        }
        details.push(("window", self.window.to_string()));
        if let (Some(content), 1) = (self.content, desk.members()) {
            details.push(("content", content.to_string()));
        }
        let check = match (self.checked, self.unchecked) {
            (_, 0) => "xxh64",
            (0, _) => "none",
            _ => "some",
        };
        details.push(("check", check.to_owned()));
        details
    }
}

impl Zstd {
    fn between(&mut self, desk: &mut Desk) -> io::Result<State> {
        let at = desk.position();
        let head = desk.peek(HEADER_BYTES)?;
        match head {
            [] => desk.end(self.integrity()),
            [0x28, 0xB5, 0x2F, 0xFD, ..] => match Frame::parse(head) {
                Some(Ok(frame)) => return self.begin(frame, desk),
                Some(Err(what)) => desk.stop(&code::WRAPPER_UNSUPPORTED, at, what.to_owned()),
                None => desk.truncated("the header of a zstd frame")?,
            },
            [0x50..=0x5F, 0x2A, 0x4D, 0x18, rest @ ..] => {
                let Some(size) = rest.first_chunk().copied().map(u32::from_le_bytes) else {
                    desk.truncated("the header of a skippable frame")?;
                    return Ok(State::Between);
                };
                desk.note(&code::COMPRESSED_SKIPPED, at, format!("a skippable frame of {size} bytes"));
                self.skippable = self.skippable.saturating_add(1);
                if !desk.skip_far(u64::from(size).saturating_add(8))? {
                    desk.truncated("a skippable frame")?;
                }
            }
            _ => desk.trailing(&MEMBERS, self.integrity())?,
        }
        Ok(State::Between)
    }

    fn integrity(&self) -> Integrity {
        if self.unchecked > 0 { Integrity::Absent } else { Integrity::Verified }
    }

    fn begin(&mut self, frame: Frame, desk: &mut Desk) -> io::Result<State> {
        let at = desk.position();
        desk.member(&code::COMPRESSED_MEMBERS, at, MEMBERS.one);
        self.window = self.window.max(frame.window);
        self.content = self.content.or(frame.content);
        if frame.dictionary != 0 {
            let message = format!("compressed with dictionary {}, which is not in the file", frame.dictionary);
            desk.stop(&code::WRAPPER_UNSUPPORTED, at, message);
            return Ok(State::Between);
        }
        // The window of a single segment is as long as its content; the library is asked for the next that has a descriptor.
        let descriptor = (0..=u8::MAX).find(|descriptor| window(*descriptor) >= frame.window);
        let asked = descriptor.map_or(frame.window, window);
        if desk.is_too_much(asked, self.memory) {
            return Ok(State::Between);
        }
        let engine = match &mut self.engine {
            Some(engine) => engine,
            none => none.insert(DCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?),
        };
        let is_begun = descriptor.is_some_and(|descriptor| prepare(engine, descriptor, frame.checksum));
        if !is_begun {
            let message = format!("a window of {asked} bytes, which the decoder does not take");
            desk.stop(&code::WRAPPER_UNSUPPORTED, at, message);
            return Ok(State::Between);
        }
        desk.skip(frame.bytes)?;
        Ok(State::Block(frame, 0))
    }

    fn block(&mut self, mut frame: Frame, taken: usize, desk: &mut Desk, output: &mut Buffer) -> io::Result<State> {
        let at = desk.position();
        let &[low, middle, high] = desk.peek(3)? else {
            desk.truncated(&format!("zstd frame {}, after {} decompressed bytes", desk.members(), frame.given))?;
            return Ok(State::Between);
        };
        let header = u32::from_le_bytes([low, middle, high, 0]);
        let size = usize::try_from(header >> 3).unwrap_or(usize::MAX);
        // A run is stored as the one byte it repeats.
        let stored = if header >> 1 & 3 == 1 { 1 } else { size };
        let most = usize::try_from(frame.window).unwrap_or(usize::MAX).min(BLOCK_BYTES);
        if header >> 1 & 3 == 3 || size > most {
            let message = format!("zstd frame {} has a block that is not allowed in it", desk.members());
            desk.fail(&code::COMPRESSED_CORRUPT, at, message);
            return Ok(State::Between);
        }
        let bytes = stored.saturating_add(3);
        let block = desk.peek(bytes)?;
        if block.len() < bytes {
            desk.truncated(&format!("zstd frame {}, after {} decompressed bytes", desk.members(), frame.given))?;
            return Ok(State::Between);
        }
        let Some(step) = self.decode(block.get(taken..).unwrap_or_default(), output) else {
            let number = desk.members();
            let message = format!("zstd frame {number} cannot be decoded after {} decompressed bytes", frame.given);
            desk.fail(&code::COMPRESSED_CORRUPT, at, message);
            return Ok(State::Between);
        };
        frame.given = frame.given.saturating_add(count(step.given));
        let taken = taken.saturating_add(step.taken);
        // Where the room ends, the library may hold back content, and the last byte of the last block as long as it does.
        if taken < bytes || output.free().is_empty() {
            return Ok(State::Block(frame, taken));
        }
        desk.skip(bytes)?;
        Ok(match header & 1 {
            0 => State::Block(frame, 0),
            _ => self.last(frame, at, desk),
        })
    }

    /// Lends `input` to the library; `None` where it refuses it.
    fn decode(&mut self, input: &[u8], output: &mut Buffer) -> Option<Step> {
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output.free());
        let wanted = self.engine.as_mut()?.decompress_stream(&mut to, &mut from).ok()?;
        let step = Step { taken: from.pos(), given: to.pos(), is_end: wanted == 0 };
        output.advance(step.given);
        Some(step)
    }

    /// What follows the last block of a frame.
    fn last(&mut self, frame: Frame, at: u64, desk: &mut Desk) -> State {
        let number = desk.members();
        if let Some(content) = frame.content.filter(|content| *content != frame.given) {
            let message = format!("{} bytes came out of zstd frame {number}, which says {content}", frame.given);
            desk.damage(&code::COMPRESSED_LENGTH, at, message);
        }
        if frame.checksum {
            return State::Checksum(frame);
        }
        // A frame of nothing needs no check: parallel compressors end with one.
        if frame.given > 0 {
            if self.unchecked == 0 {
                let message = format!("zstd frame {number} has no checksum of its content");
                desk.note(&code::COMPRESSED_NO_CHECK, at, message);
            }
            self.unchecked = self.unchecked.saturating_add(1);
        }
        State::Between
    }

    fn checksum(&mut self, frame: Frame, desk: &mut Desk, output: &mut Buffer) -> io::Result<State> {
        let at = desk.position();
        let Some(stored) = desk.peek(4)?.first_chunk::<4>().copied() else {
            desk.truncated("the checksum of a zstd frame")?;
            return Ok(State::Between);
        };
        desk.skip(4)?;
        if !self.decode(&stored, output).is_some_and(|step| step.is_end) {
            let number = desk.members();
            let message = format!(
                "the {} bytes of zstd frame {number} do not have the checksum {:08x} stored behind them",
                frame.given,
                u32::from_le_bytes(stored)
            );
            desk.damage(&code::COMPRESSED_CHECKSUM, at, message);
        }
        self.checked = self.checked.saturating_add(1);
        Ok(State::Between)
    }
}

/// The window a descriptor asks for (section 3.1.1.1.2): 1 KiB at least, less than 4 TiB.
fn window(descriptor: u8) -> u64 {
    let eighth = 1_u64.checked_shl(u32::from(descriptor >> 3).saturating_add(7)).unwrap_or(u64::MAX);
    eighth.saturating_mul(u64::from(descriptor & 7).saturating_add(8))
}

/// Begins a frame that says nothing of its content but its window and whether a checksum follows; false where the library
/// does not take it.
fn prepare(engine: &mut DCtx<'_>, descriptor: u8, checksum: bool) -> bool {
    let log = window(descriptor).next_power_of_two().trailing_zeros();
    let header = [0x28, 0xB5, 0x2F, 0xFD, u8::from(checksum) << 2, descriptor];
    let mut from = InBuffer::around(&header);
    engine.reset(ResetDirective::SessionOnly).is_ok()
        && engine.set_parameter(DParameter::WindowLogMax(log)).is_ok()
        && engine.decompress_stream(&mut OutBuffer::around(&mut [][..]), &mut from).is_ok()
        && from.pos() == header.len()
}

impl Frame {
    /// Reads a header that begins with its magic; `None` where it goes on past `head`, `Err` where it cannot be read here.
    fn parse(head: &[u8]) -> Option<Result<Self, &'static str>> {
        let descriptor = *head.get(4)?;
        let single = descriptor & 0x20 != 0;
        let mut at: usize = 5;
        let mut number = |bytes: usize| -> Option<u64> {
            let field = head.get(at..)?.get(..bytes)?;
            at = at.checked_add(bytes)?;
            Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
        };
        let descriptor_byte = if single { None } else { Some(number(1)?) };
        let dictionary = number(match descriptor & 3 {
            0 => 0,
            1 => 1,
            2 => 2,
            _ => 4,
        })?;
        let content = match (descriptor >> 6, single) {
            (0, false) => None,
            (0, true) => Some(number(1)?),
            (1, _) => Some(number(2)?.saturating_add(256)),
            (2, _) => Some(number(4)?),
            _ => Some(number(8)?),
        };
        if descriptor & 8 != 0 {
            return Some(Err("a zstd frame header with the reserved bit set"));
        }
        let window = match descriptor_byte {
            None => content.unwrap_or_default(),
            Some(byte) => window(u8::try_from(byte).ok()?),
        };
        let dictionary = u32::try_from(dictionary).ok()?;
        let checksum = descriptor & 4 != 0;
        Some(Ok(Self { bytes: at, window, content, checksum, dictionary, given: 0 }))
    }
}
