//! zstd: every frame, its header, its blocks and its checksum; frames to skip; and what stands behind the last one.
//!
//! The framing is read here, so that a report can say what the frame claims and a limit is held before any window exists;
//! the library decodes one block at a time.
//!
//! Promises: verified only when every frame that has content has a checksum that holds. Refuses to know: what is compressed,
//! dictionaries, the formats before 0.8. Source of the format: RFC 8878.

use std::io;

use structured_zstd::decoding::errors::FrameDecoderError;
use structured_zstd::decoding::{ContentChecksum, FrameDecoder};

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
    let mut decoder = FrameDecoder::new();
    decoder.set_content_checksum(ContentChecksum::Verify);
    let zstd = Zstd {
        memory: limits.decoder_memory,
        decoder,
        state: State::Between,
        spill: Vec::new(),
        spilled: 0,
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
    Block(Frame),
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

struct Zstd {
    memory: u64,
    decoder: FrameDecoder,
    state: State,
    /// A block for which there was not enough room, and how much of it was given.
    spill: Vec<u8>,
    spilled: usize,
    /// The largest window asked for, the first content size stored, and how many frames are of which kind.
    window: u64,
    content: Option<u64>,
    skippable: u64,
    checked: u64,
    unchecked: u64,
}

impl Codec for Zstd {
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        if let Some(rest) = self.spill.get(self.spilled..).filter(|rest| !rest.is_empty()) {
            let free = output.free();
            let length = rest.len().min(free.len());
            if let (Some(free), Some(rest)) = (free.get_mut(..length), rest.get(..length)) {
                free.copy_from_slice(rest);
            }
            self.spilled = self.spilled.saturating_add(length);
            output.advance(length);
            return Ok(());
        }
        self.state = match self.state {
            State::Between => self.between(desk)?,
            State::Block(frame) => self.block(frame, desk, output)?,
            State::Checksum(frame) => self.checksum(frame, desk)?,
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
        if desk.is_too_much(frame.window, self.memory) {
            return Ok(State::Between);
        }
        // The library has a ceiling of its own, and takes none below its least window.
        let raised = self.decoder.set_max_window_size(frame.window.max(1 << 20));
        if raised.is_err() || self.decoder.reset(desk.peek(frame.bytes)?).is_err() {
            let message = format!("a window of {} bytes, which the decoder does not take", frame.window);
            desk.stop(&code::WRAPPER_UNSUPPORTED, at, message);
            return Ok(State::Between);
        }
        desk.skip(frame.bytes)?;
        Ok(State::Block(frame))
    }

    fn block(&mut self, mut frame: Frame, desk: &mut Desk, output: &mut Buffer) -> io::Result<State> {
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
        let content = block.get(3..).unwrap_or_default();
        let direct = output.free().len() >= BLOCK_BYTES;
        if !direct {
            self.spill.resize(BLOCK_BYTES, 0);
            self.spilled = 0;
        }
        let target = if direct { output.free() } else { self.spill.as_mut_slice() };
        match self.decoder.decode_block([low, middle, high], content, target) {
            Ok(given) => {
                frame.given = frame.given.saturating_add(count(given));
                if direct {
                    output.advance(given);
                } else {
                    self.spill.truncate(given);
                }
            }
            Err(error) => {
                self.spill.clear();
                self.refuse(&error, &frame, at, desk);
                return Ok(State::Between);
            }
        }
        desk.skip(bytes)?;
        Ok(match header & 1 {
            0 => State::Block(frame),
            _ => self.last(frame, at, desk),
        })
    }

    /// Says why a block could not be decoded.
    fn refuse(&self, error: &FrameDecoderError, frame: &Frame, at: u64, desk: &mut Desk) {
        let number = desk.members();
        if let FrameDecoderError::FrameContentSizeMismatch { declared, .. } = error {
            let message = format!("zstd frame {number} says that {declared} bytes come out of it, and they do not");
            desk.fail(&code::COMPRESSED_LENGTH, at, message);
        } else {
            let message = format!("zstd frame {number} cannot be decoded after {} decompressed bytes", frame.given);
            desk.fail(&code::COMPRESSED_CORRUPT, at, message);
        }
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

    fn checksum(&mut self, frame: Frame, desk: &mut Desk) -> io::Result<State> {
        let at = desk.position();
        let Some(stored) = desk.peek(4)?.first_chunk().copied() else {
            desk.truncated("the checksum of a zstd frame")?;
            return Ok(State::Between);
        };
        desk.skip(4)?;
        if self.decoder.read_content_checksum(stored).is_err() {
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
        let window = if single { None } else { Some(number(1)?) };
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
        let window = match window {
            None => content.unwrap_or_default(),
            Some(byte) => {
                let base = 1_u64.checked_shl(u32::try_from(byte >> 3).ok()?.checked_add(10)?)?;
                base.checked_add((base >> 3).checked_mul(byte & 7)?)?
            }
        };
        let dictionary = u32::try_from(dictionary).ok()?;
        let checksum = descriptor & 4 != 0;
        Some(Ok(Self { bytes: at, window, content, checksum, dictionary, given: 0 }))
    }
}
