//! ASCII armor taken off (RFC 9580, section 6.2), as the stream comes.
//!
//! ```text
//! text before ─ BEGIN line ─► headers ─ empty line ─► data ─ "=" ─► checksum ─► END line ─► blanks
//! ```
//!
//! Promises: CR LF, lines of any length, headers, a missing checksum are all fine; a wrong checksum, a missing end, bytes
//! that are not armor and anything after the end are told apart; the bytes do not depend on how the text was cut. Refuses
//! to know: what the bytes are. Offsets of what is found in the bytes count in the bytes, not in the text.

use std::io;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

use super::level::{Desk, End, Next};
use crate::code;
use crate::envelope::Layer;
use crate::source::CHUNK_BYTES;

const BEGIN: &[u8] = b"-----BEGIN PGP MESSAGE-----";
const END: &[u8] = b"-----END PGP MESSAGE-----";

/// How the first line of any armor begins.
const ANY_BEGIN: &[u8] = b"-----BEGIN PGP ";

/// Bytes at the front of a stream in which armor must begin.
pub(super) const PREAMBLE_BYTES: usize = 4 << 10;

/// Bytes of a line outside the data that are kept; the rest cannot matter.
const LINE_BYTES: usize = 256;

/// Padding is taken away before, and what a writer leaves in the unused bits does not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));

/// Bytes behind the armor that are kept, to say what they are.
const TRAILING_BYTES: usize = 512;

const CRC_START: u32 = 0x00b7_04ce;

/// Whether armor of a message begins in these first bytes, after nothing but text.
pub(super) fn recognise(head: &[u8]) -> bool {
    first_line(head) == Some(BEGIN)
}

/// What the armor that begins in these first bytes says it is: the words behind `BEGIN PGP`.
pub(super) fn label(head: &[u8]) -> Option<&[u8]> {
    first_line(head)?.strip_prefix(ANY_BEGIN)?.strip_suffix(b"-----")
}

/// The first line of the first armor in these bytes, after nothing but text. Armor further on is inside of it or behind.
fn first_line(head: &[u8]) -> Option<&[u8]> {
    let head = head.get(..PREAMBLE_BYTES).unwrap_or(head);
    let is_text = |byte: &u8| !matches!(byte, 0..=8 | 14..=31 | 127);
    let lines = head.split_inclusive(|byte| *byte == b'\n').take_while(|line| line.iter().all(is_text));
    let mut lines = lines.map(|line| trim(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)));
    lines.find(|line| line.starts_with(ANY_BEGIN))
}

/// What there is to say of armored text besides its bytes.
pub(super) struct Remarks {
    /// The checksum the text gives and the one of its bytes, where they differ.
    pub(super) wrong_checksum: Option<(u32, u32)>,
    /// Where in the text something other than blanks follows the end line, and how it begins.
    pub(super) trailing: Option<(u64, Vec<u8>)>,
    /// Where in the text a line other than blanks stands before the first line, and its beginning.
    pub(super) leading: Option<(u64, Vec<u8>)>,
}

/// The bytes in armored text.
pub(super) struct Dearmor {
    layer: Box<dyn Layer>,
    state: State,
    /// The line that is being read, outside the data.
    line: Vec<u8>,
    line_at: u64,
    /// Base64 digits of a group that is not complete.
    digits: Vec<u8>,
    at_line_start: bool,
    crc: u32,
    /// The checksum the text gives.
    given_crc: Option<u32>,
    trailing: Option<(u64, Vec<u8>)>,
    leading: Option<(u64, Vec<u8>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Headers,
    Data,
    /// The data is over; padding, checksum and end line are read as lines.
    Closing,
    After,
    Ended(End),
}

impl Dearmor {
    pub(super) fn new(layer: Box<dyn Layer>) -> Self {
        Self {
            layer,
            state: State::Before,
            line: Vec::new(),
            line_at: 0,
            digits: Vec::new(),
            at_line_start: true,
            crc: CRC_START,
            given_crc: None,
            trailing: None,
            leading: None,
        }
    }

    pub(super) fn into_layer(self) -> Box<dyn Layer> {
        self.layer
    }

    /// What there is to say of the text, once it was read to its end.
    pub(super) fn remarks(&self) -> Remarks {
        Remarks {
            wrong_checksum: self.given_crc.filter(|given| *given != self.crc).map(|given| (given, self.crc)),
            trailing: self.trailing.clone(),
            leading: self.leading.clone(),
        }
    }

    /// The next bytes; at the end, how the armor ended.
    pub(super) fn next(&mut self, desk: &mut Desk) -> io::Result<Next> {
        loop {
            if let State::Ended(end) = self.state {
                return Ok(Err(end));
            }
            let Some(chunk) = self.layer.take(CHUNK_BYTES)? else {
                let end = self.end_of_text(desk);
                self.state = State::Ended(end);
                continue;
            };
            let mut digits = std::mem::take(&mut self.digits);
            digits.reserve(chunk.bytes.len());
            let outcome = self.text(chunk.offset, &chunk.bytes, &mut digits);
            if outcome.is_err() || self.state == State::Data {
                self.digits = digits.split_off(digits.len() & !3);
            }
            let mut data = desk.pool.buffer();
            let decoded = BASE64.decode_slice(&digits, data.free());
            data.advance(*decoded.as_ref().unwrap_or(&0));
            self.crc = crc24(self.crc, data.as_ref());
            let lone = decoded.map_err(|_| (chunk.offset, "the armor ends in a lone base64 digit".to_owned()));
            if let Err((at, message)) = outcome.and(lone) {
                desk.keep(1, &code::OPENPGP_MALFORMED, at, message);
                self.state = State::Ended(End::Broken);
            }
            if data.used() > 0 {
                return Ok(Ok(data.freeze()));
            }
        }
    }

    /// Reads a piece of the text, which stands at `offset`.
    fn text(&mut self, offset: u64, text: &[u8], digits: &mut Vec<u8>) -> Result<(), (u64, String)> {
        let (mut at, mut rest) = (offset, text);
        while !rest.is_empty() {
            let used = match self.state {
                State::Data => self.data(at, rest, digits)?,
                _ => self.part_of_line(at, rest)?,
            };
            at = after(at, used);
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Gathers digits until the data is over or the text is; says how much of it was used.
    fn data(&mut self, offset: u64, text: &[u8], digits: &mut Vec<u8>) -> Result<usize, (u64, String)> {
        let mut rest = text;
        loop {
            let run = rest.iter().position(|byte| !is_digit(*byte)).unwrap_or(rest.len());
            let (run, other) = rest.split_at(run);
            digits.extend_from_slice(run);
            self.at_line_start = self.at_line_start && run.is_empty();
            let used = text.len().saturating_sub(other.len());
            match other.split_first() {
                None => return Ok(used),
                Some((b'=', _)) => {
                    self.state = State::Closing;
                    return Ok(used);
                }
                Some((b'-', _)) if self.at_line_start => {
                    self.state = State::Closing;
                    return Ok(used);
                }
                Some((byte @ (b' ' | b'\t' | b'\r' | b'\n'), next)) => {
                    self.at_line_start = self.at_line_start || *byte == b'\n';
                    rest = next;
                }
                Some((byte, _)) => {
                    return Err((after(offset, used), format!("byte {byte:#04x} does not belong into armor")));
                }
            }
        }
    }

    /// Reads a line outside the data or, where the text is cut there, a part of one; says how much that was.
    fn part_of_line(&mut self, at: u64, text: &[u8]) -> Result<usize, (u64, String)> {
        let part = text.split_inclusive(|byte| *byte == b'\n').next().unwrap_or_default();
        if self.state == State::After {
            let mut rest = part;
            if self.trailing.is_none()
                && let Some(first) = part.iter().position(|byte| !byte.is_ascii_whitespace())
            {
                self.trailing = Some((after(at, first), Vec::new()));
                rest = part.get(first..).unwrap_or_default();
            }
            if let Some((_, head)) = &mut self.trailing {
                head.extend(rest.iter().take(TRAILING_BYTES.saturating_sub(head.len())));
            }
            return Ok(part.len());
        }
        if self.line.is_empty() {
            self.line_at = at;
        }
        let room = LINE_BYTES.saturating_sub(self.line.len());
        self.line.extend(part.iter().take(room));
        if part.ends_with(b"\n") {
            self.line_ends()?;
        }
        Ok(part.len())
    }

    /// Judges a whole line outside the data.
    fn line_ends(&mut self) -> Result<(), (u64, String)> {
        let at = self.line_at;
        let whole = std::mem::take(&mut self.line);
        let whole = whole.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&whole);
        let line = trim(whole);
        match self.state {
            State::Before => {
                // Blanks before the dashes are told too: gpg does not find armor behind them.
                let is_begin = line == BEGIN;
                if self.leading.is_none() && !line.is_empty() && !(is_begin && whole.starts_with(BEGIN)) {
                    self.leading = Some((at, whole.trim_ascii_end().iter().take(60).copied().collect()));
                }
                if is_begin {
                    self.state = State::Headers;
                }
            }
            State::Headers if line.is_empty() => self.state = State::Data,
            // "Key: value"; a writer that leaves the empty line out goes on with the data at once.
            State::Headers if !line.contains(&b':') => {
                return Err((at, "the armor has no empty line between its headers and its data".into()));
            }
            State::Closing if is_end(line) => self.state = State::After,
            State::Closing => match line {
                [] | [b'='] | [b'=', b'='] => {}
                [b'=', checksum @ ..] if self.given_crc.is_none() => self.given_crc = Some(read_crc(checksum, at)?),
                _ => return Err((at, "the armor has something else where its end line must stand".into())),
            },
            _ => {}
        }
        Ok(())
    }

    /// The text is over.
    fn end_of_text(&mut self, desk: &mut Desk) -> End {
        if !self.line.is_empty() && self.line_ends().is_err() {
            self.line.clear();
        }
        if self.state == State::After {
            return End::Whole;
        }
        let message = "the armor ends without its end line".to_owned();
        desk.keep(1, &code::OPENPGP_TRUNCATED, self.layer.position(), message);
        End::Broken
    }
}

fn read_crc(checksum: &[u8], at: u64) -> Result<u32, (u64, String)> {
    match BASE64.decode(checksum).as_deref() {
        Ok([a, b, c]) => Ok(u32::from(*a) << 16 | u32::from(*b) << 8 | u32::from(*c)),
        _ => Err((at, "the armor's checksum is not four base64 digits".into())),
    }
}

/// Whether this is the end line; some writers left more dashes than there should be.
fn is_end(line: &[u8]) -> bool {
    line.strip_prefix(END).is_some_and(|dashes| dashes.iter().all(|byte| *byte == b'-'))
}

fn after(at: u64, bytes: usize) -> u64 {
    at.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
}

fn is_digit(byte: u8) -> bool {
    DIGITS.get(usize::from(byte)).copied().unwrap_or(false)
}

fn trim(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}

/// The checksum of RFC 9580, section 6.1.1, continued over `bytes`: eight at a time, then one.
fn crc24(crc: u32, bytes: &[u8]) -> u32 {
    let look = |table: usize, byte: u8| CRC24.get(table).and_then(|table| table.get(usize::from(byte))).unwrap_or(&0);
    // The register is kept at the top of 32 bits, as the tables are.
    let mut crc = crc << 8;
    let mut eights = bytes.chunks_exact(8);
    for eight in &mut eights {
        let [a, b, c, d, e, f, g, h] = *eight else { continue };
        let [w, x, y, z] = crc.to_be_bytes();
        crc = look(7, a ^ w) ^ look(6, b ^ x) ^ look(5, c ^ y) ^ look(4, d ^ z);
        crc ^= look(3, e) ^ look(2, f) ^ look(1, g) ^ look(0, h);
    }
    for byte in eights.remainder() {
        let [top, ..] = crc.to_be_bytes();
        crc = crc << 8 ^ look(0, top ^ byte);
    }
    crc >> 8
}

/// What a byte adds to the checksum when so many more follow it at once.
static CRC24: [[u32; 256]; 8] = crc24_tables();

static DIGITS: [bool; 256] = digits();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "evaluated by the compiler, which refuses a wrong index"
)]
const fn crc24_tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut table = 0;
        while table < 8 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000_0000 == 0 { crc << 1 } else { crc << 1 ^ 0x864c_fb00 };
                bit += 1;
            }
            tables[table][byte] = crc;
            table += 1;
        }
        byte += 1;
    }
    tables
}

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "evaluated by the compiler, which refuses a wrong index"
)]
const fn digits() -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'+' as usize || byte == b'/' as usize;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "test data is made, not read")]
    use super::*;

    /// The slow twin: one bit at a time, as the RFC writes it.
    fn slow_crc24(bytes: &[u8]) -> u32 {
        bytes.iter().fold(CRC_START, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte) << 16, |crc, _| {
                if crc & 0x80_0000 == 0 { crc << 1 } else { (crc << 1 ^ 0x0186_4cfb) & 0x00ff_ffff }
            })
        })
    }

    #[test]
    fn the_checksum_agrees_with_its_slow_twin_in_any_pieces() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| ((i * i) >> 3) as u8).collect();
        for length in [0, 1, 7, 8, 9, 64, 999, 1000] {
            let whole = crc24(CRC_START, &bytes[..length]);
            assert_eq!(whole, slow_crc24(&bytes[..length]), "{length} bytes");
            let (first, rest) = bytes[..length].split_at(length / 3);
            assert_eq!(crc24(crc24(CRC_START, first), rest), whole, "{length} bytes");
        }
    }
}
