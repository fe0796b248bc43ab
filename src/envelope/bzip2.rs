//! bzip2: every stream with the CRC of each block and of the whole, and what stands behind the last one.
//!
//! Promises: verified only when every check holds. Refuses to know: what is compressed; which of the checks did not hold,
//! because the library does not tell a wrong CRC from data that cannot be decoded. Source of the format: the source of
//! bzip2 1.0.8, which is its only definition.

use std::io;

use bzip2::{Decompress, Status};

use super::codec::{self, Codec, Desk, Members};
use super::{Format, Integrity, Layer, sniff};
use crate::code;
use crate::finding::Severity;
use crate::limits::Limits;
use crate::place::Depth;
use crate::source::Buffer;

/// bzip2 itself warns of what follows and exits with success.
const MEMBERS: Members = Members {
    one: "bzip2 stream",
    padding: &code::COMPRESSED_PADDING,
    padding_severity: Severity::Info,
    trailing: &code::COMPRESSED_TRAILING,
};

/// `BZh`, the size of a block, the magic of a block or of the end.
const HEAD_BYTES: usize = 10;

/// A stream without a block: behind the header the magic of the end and a CRC of nothing.
const EMPTY_END: [u8; 10] = [0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0, 0, 0, 0];

/// Puts a bzip2 layer on `inner`, which stands at `depth`.
#[must_use]
pub fn open(inner: Box<dyn Layer>, depth: Depth, limits: &Limits) -> Box<dyn Layer> {
    codec::open(Bzip2 { engine: None, block: 0 }, Format::Bzip2, inner, depth, limits)
}

struct Bzip2 {
    /// The decoder of the stream being read; `None` between two.
    engine: Option<Decompress>,
    /// Hundreds of thousands of bytes in a block of the largest kind met.
    block: u8,
}

impl Codec for Bzip2 {
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        match self.engine.take() {
            Some(engine) => self.data(engine, desk, output),
            None => self.between(desk),
        }
    }

    fn details(&self, desk: &Desk) -> Vec<(&'static str, String)> {
        vec![("streams", desk.members().to_string()), ("block", format!("{}00k", self.block))]
    }
}

impl Bzip2 {
    fn between(&mut self, desk: &mut Desk) -> io::Result<()> {
        let at = desk.position();
        let head = desk.peek(HEAD_BYTES)?;
        if sniff(head) == Some(Format::Bzip2) {
            let level = head.get(3).copied().unwrap_or_default();
            self.block = self.block.max(level.saturating_sub(b'0'));
            desk.member(&code::COMPRESSED_MEMBERS, at, MEMBERS.one);
            if desk.peek(14)?.get(4..) == Some(&EMPTY_END) {
                // Without a decoder: each asks for megabytes, and a hostile file may hold a million of these.
                desk.skip(14)?;
            } else {
                self.engine = Some(Decompress::new(false));
            }
            return Ok(());
        }
        match head {
            [] => desk.end(Integrity::Verified),
            // Shorter than the magic, and nothing else so far.
            [b'B', b'Z', b'h', ..] if head.len() < HEAD_BYTES => desk.truncated("the header of a bzip2 stream")?,
            _ => desk.trailing(&MEMBERS, Integrity::Verified)?,
        }
        Ok(())
    }

    fn data(&mut self, mut engine: Decompress, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        let before = (engine.total_in(), engine.total_out());
        let window = desk.window(0)?;
        let ended = window.is_empty();
        let status = engine.decompress(window, output.free());
        let taken = engine.total_in().saturating_sub(before.0);
        let given = usize::try_from(engine.total_out().saturating_sub(before.1)).unwrap_or(usize::MAX);
        output.advance(given);
        desk.skip_far(taken)?;
        let stuck = taken == 0 && given == 0;
        let (at, stream, total) = (desk.position(), desk.members(), engine.total_out());
        match status {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(_) if stuck && ended => {
                let what = format!("bzip2 stream {stream}, after {total} decompressed bytes");
                return desk.truncated(&what);
            }
            Ok(Status::MemNeeded) | Err(_) => {}
            Ok(_) if stuck => {}
            Ok(_) => {
                self.engine = Some(engine);
                return Ok(());
            }
        }
        let message = format!(
            "bzip2 stream {stream} cannot be decoded, or does not match its CRC-32, after {total} decompressed bytes"
        );
        desk.fail(&code::COMPRESSED_CORRUPT, at, message);
        Ok(())
    }
}
