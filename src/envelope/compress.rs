//! compress (.Z): LZW with codes of 9 to 16 bits. The format has no length, no end marker and no check of any kind.
//!
//! Promises: what can be known is said: a code that no table has, a code that is cut, bits left over that are not zero. Never
//! more than "absent" for its integrity. Refuses to know: what is compressed, and whether the file was cut between two codes.
//! The format is defined by the programs that read it; this one is held against compress and gzip in the tests.

use std::io;

use super::codec::{self, Codec, Desk};
use super::{Format, Integrity, Layer};
use crate::code;
use crate::limits::Limits;
use crate::place::Depth;
use crate::source::Buffer;

/// The width of the first codes, in bits.
const LEAST_BITS: u32 = 9;

/// The width that codes may grow to. With 9 they could not grow, and no reader understands what `compress -b 9` writes.
const MOST_BITS: std::ops::RangeInclusive<u32> = 10..=16;

/// The code that empties the table, in block mode.
const CLEAR: u16 = 256;

/// Puts a compress layer on `inner`, which stands at `depth`.
#[must_use]
pub fn open(inner: Box<dyn Layer>, depth: Depth, limits: &Limits) -> Box<dyn Layer> {
    codec::open(Compress { lzw: None }, Format::Compress, inner, depth, limits)
}

struct Compress {
    lzw: Option<Lzw>,
}

impl Codec for Compress {
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        let Some(lzw) = &mut self.lzw else {
            self.lzw = header(desk)?;
            return Ok(());
        };
        let window = desk.window(0)?;
        let ended = window.is_empty();
        let turn = lzw.decode(window, output.free());
        output.advance(turn.given);
        desk.skip(turn.taken)?;
        if let Some(wrong) = turn.wrong {
            desk.fail(&code::COMPRESSED_CORRUPT, desk.position(), wrong);
        } else if ended && turn.given == 0 {
            match lzw.left_over() {
                LeftOver::Nothing => desk.end(Integrity::Absent),
                LeftOver::Cut => desk.truncated("a code")?,
            }
        }
        Ok(())
    }

    fn details(&self, _: &Desk) -> Vec<(&'static str, String)> {
        let of = |lzw: &Lzw| {
            let mode = if lzw.block_mode { "block" } else { "plain" };
            vec![("bits", lzw.most_bits.to_string()), ("mode", mode.to_owned())]
        };
        self.lzw.as_ref().map(of).unwrap_or_default()
    }
}

fn header(desk: &mut Desk) -> io::Result<Option<Lzw>> {
    let &[_, _, flags] = desk.peek(3)? else {
        desk.truncated("the header")?;
        return Ok(None);
    };
    let bits = u32::from(flags & 0x1F);
    if flags & 0x60 != 0 || !MOST_BITS.contains(&bits) {
        let message = format!("flags {flags:#04x}: codes of up to {bits} bits; 10 to 16 and no other flag are read");
        desk.stop(&code::WRAPPER_UNSUPPORTED, 2, message);
        return Ok(None);
    }
    desk.skip(3)?;
    let message = "compress stores no check: a changed byte, and a cut between two codes, cannot be seen here";
    desk.note(&code::COMPRESSED_NO_CHECK, 0, message.to_owned());
    Ok(Some(Lzw::new(bits, flags & 0x80 != 0)))
}

/// What one call of the decoder did.
struct Turn {
    taken: usize,
    given: usize,
    wrong: Option<String>,
}

/// What stands behind the last code.
enum LeftOver {
    Nothing,
    /// A part of another code.
    Cut,
}

/// A string that a code stands for: another one and a byte more.
#[derive(Clone, Copy, Default)]
struct Text {
    length: u32,
    prefix: u16,
    first: u8,
    last: u8,
}

struct Lzw {
    most_bits: u32,
    block_mode: bool,
    /// Bits of a code now.
    bits: u32,
    texts: Vec<Text>,
    /// Texts that have a code; in block mode with the one that means to clear.
    known: usize,
    /// Whether a code was read: the first one cannot clear.
    started: bool,
    previous: Option<Text>,
    previous_code: u16,
    /// Bits taken from the input and not used: the lowest are the next.
    held: u64,
    held_bits: u32,
    /// Bits used since the width of codes last changed.
    used_bits: u64,
    /// Bits to pass over: codes are written in groups of eight, and a group is filled up before the width changes.
    skip_bits: u64,
    /// What did not fit into the output, last byte first.
    waiting: Vec<u8>,
}

impl Lzw {
    fn new(most_bits: u32, block_mode: bool) -> Self {
        let mut texts = vec![Text::default(); 1 << 16];
        for (text, byte) in texts.iter_mut().zip(0..=u8::MAX) {
            *text = Text { length: 1, prefix: 0, first: byte, last: byte };
        }
        Self {
            most_bits,
            block_mode,
            bits: LEAST_BITS,
            texts,
            known: if block_mode { 257 } else { 256 },
            started: false,
            previous: None,
            previous_code: 0,
            held: 0,
            held_bits: 0,
            used_bits: 0,
            skip_bits: 0,
            waiting: Vec::new(),
        }
    }

    /// Decodes some of `input` into `output`.
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Turn {
        let mut rest = input.iter();
        let mut given: usize = 0;
        let mut wrong = None;
        while let Some(byte) = self.waiting.pop_if(|_| given < output.len()) {
            put(output, &mut given, byte);
        }
        while given < output.len() {
            self.widen();
            let Some(code) = self.code(&mut rest) else { break };
            if self.block_mode && code == CLEAR && self.started {
                self.known = 257;
                self.previous = None;
                self.align();
                self.bits = LEAST_BITS;
                continue;
            }
            let Some(text) = self.learn(code) else {
                wrong = Some(format!("code {code} is not in the table of {} codes", self.known));
                break;
            };
            self.give(text, output, &mut given);
        }
        Turn { taken: input.len().saturating_sub(rest.len()), given, wrong }
    }

    /// Makes codes wider once there are more texts than codes of this width.
    fn widen(&mut self) {
        let full = 1_usize.checked_shl(self.bits).unwrap_or(usize::MAX);
        if self.known >= full && self.bits < self.most_bits {
            self.align();
            self.bits = self.bits.saturating_add(1);
        }
    }

    /// Has the rest of the group of eight codes passed over.
    fn align(&mut self) {
        let group = u64::from(self.bits).saturating_mul(8);
        let over = self.used_bits.checked_rem(group).unwrap_or(0);
        self.skip_bits = if over == 0 { 0 } else { group.saturating_sub(over) };
        self.used_bits = 0;
    }

    /// The next code; `None` where the input does not hold all of it.
    fn code(&mut self, rest: &mut std::slice::Iter<'_, u8>) -> Option<u16> {
        loop {
            while self.held_bits <= 56
                && let Some(byte) = rest.next()
            {
                self.held |= u64::from(*byte) << self.held_bits;
                self.held_bits = self.held_bits.saturating_add(8);
            }
            if self.skip_bits == 0 {
                break;
            }
            let bits = self.held_bits.min(u32::try_from(self.skip_bits).unwrap_or(u32::MAX));
            if bits == 0 {
                return None;
            }
            self.held = self.held.checked_shr(bits).unwrap_or(0);
            self.held_bits = self.held_bits.saturating_sub(bits);
            self.skip_bits = self.skip_bits.saturating_sub(bits.into());
        }
        if self.held_bits < self.bits {
            return None;
        }
        let mask = 1_u64.checked_shl(self.bits)?.saturating_sub(1);
        let code = u16::try_from(self.held & mask).ok()?;
        self.held = self.held.checked_shr(self.bits)?;
        self.held_bits = self.held_bits.saturating_sub(self.bits);
        self.used_bits = self.used_bits.saturating_add(self.bits.into());
        Some(code)
    }

    /// What `code` stands for; with the one before it, it teaches a new text. `None` where it stands for nothing.
    fn learn(&mut self, code: u16) -> Option<Text> {
        let index = usize::from(code);
        if let Some(previous) = self.previous {
            let first = if index < self.known { self.texts.get(index)?.first } else { previous.first };
            if self.known < 1_usize.checked_shl(self.most_bits)? {
                let length = previous.length.saturating_add(1);
                let text = Text { length, prefix: self.previous_code, first: previous.first, last: first };
                *self.texts.get_mut(self.known)? = text;
                self.known = self.known.saturating_add(1);
            }
        } else if index >= 256 {
            return None;
        }
        if index >= self.known || (self.block_mode && code == CLEAR) {
            return None;
        }
        let text = *self.texts.get(index)?;
        self.started = true;
        self.previous = Some(text);
        self.previous_code = code;
        Some(text)
    }

    /// Writes the text, from its end to its beginning, or keeps what does not fit.
    fn give(&mut self, text: Text, output: &mut [u8], given: &mut usize) {
        let length = usize::try_from(text.length).unwrap_or(usize::MAX);
        let end = given.saturating_add(length);
        let mut text = text;
        if let Some(space) = output.get_mut(*given..end) {
            for slot in space.iter_mut().rev() {
                *slot = text.last;
                text = self.texts.get(usize::from(text.prefix)).copied().unwrap_or_default();
            }
            *given = end;
            return;
        }
        for _ in 0..length {
            self.waiting.push(text.last);
            text = self.texts.get(usize::from(text.prefix)).copied().unwrap_or_default();
        }
        while let Some(byte) = self.waiting.pop_if(|_| *given < output.len()) {
            put(output, given, byte);
        }
    }

    /// What is left when the input has ended: at most the zeros that fill the last byte, or a group that nobody used.
    fn left_over(&self) -> LeftOver {
        let nothing = self.skip_bits > 0 || (self.held_bits < 8 && self.held == 0);
        if nothing { LeftOver::Nothing } else { LeftOver::Cut }
    }
}

fn put(output: &mut [u8], given: &mut usize, byte: u8) {
    if let Some(slot) = output.get_mut(*given) {
        *slot = byte;
        *given = given.saturating_add(1);
    }
}
