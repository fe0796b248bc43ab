//! The body of a compressed packet, decompressed (RFC 9580, section 5.6): ZIP (raw deflate), ZLIB, BZIP2.
//!
//! Promises: the data ends at its own end marker or that is a mishap; what comes out is held against the limits; nothing
//! that the input says makes it allocate more than the decompressor's own window. Refuses to know: what is in it, and
//! what follows the end marker: whoever takes the level off looks at that.

use std::io;

use flate2::FlushDecompress;

use super::level::{Desk, End, Level, Next, available, body_end};
use crate::code;
use crate::envelope::meter::Meter;
use crate::limits::Limits;

/// The decompression of one packet.
pub(super) struct Inflate {
    engine: Engine,
    meter: Meter,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Running,
    /// The end marker was met.
    Ended,
    /// The input ended, the data did not.
    Unfinished,
    Corrupt,
}

enum Engine {
    Deflate(flate2::Decompress),
    Bzip2(bzip2::Decompress),
}

/// What one call of a decompressor did.
struct Turn {
    taken: usize,
    given: usize,
    state: State,
}

/// The name of a compression algorithm (RFC 9580, section 9.4), if it is one that is read here.
pub(super) fn name(algorithm: u8) -> Option<&'static str> {
    ["uncompressed", "ZIP", "ZLIB", "BZIP2"].get(usize::from(algorithm)).copied()
}

impl Inflate {
    /// A decompressor for this algorithm; `None` where it is not one, or not known.
    pub(super) fn new(algorithm: u8, limits: &Limits) -> Option<Self> {
        let engine = match algorithm {
            1 => Engine::Deflate(flate2::Decompress::new(false)),
            2 => Engine::Deflate(flate2::Decompress::new(true)),
            3 => Engine::Bzip2(bzip2::Decompress::new(false)),
            _ => return None,
        };
        Some(Self { engine, meter: Meter::new(limits), state: State::Running })
    }

    /// The next decompressed bytes; at the end, how it ended.
    pub(super) fn next(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next> {
        let mut output = desk.pool.buffer();
        let mut taken: u64 = 0;
        while self.state == State::Running && !output.free().is_empty() {
            let run = available(beneath, desk)?;
            let Some(level) = beneath.last_mut() else { break };
            let turn = self.engine.turn(level.front().get(..run).unwrap_or_default(), output.free());
            level.pass_body(turn.taken);
            taken = taken.saturating_add(u64::try_from(turn.taken).unwrap_or(u64::MAX));
            output.advance(turn.given);
            self.state = match turn.state {
                State::Running if turn.taken == 0 && turn.given == 0 && run == 0 => State::Unfinished,
                State::Running if turn.taken == 0 && turn.given == 0 => State::Corrupt,
                state => state,
            };
        }
        let given = u64::try_from(output.used()).unwrap_or(u64::MAX);
        if let Err(message) = self.meter.spend(taken, given) {
            return Ok(Err(broken(beneath, desk, &code::LIMIT_REACHED, &message)));
        }
        // What came out before the damage is given first, so that it does not depend on how the input was cut.
        if output.used() > 0 {
            return Ok(Ok(output.freeze()));
        }
        Ok(Err(match self.state {
            State::Running | State::Ended => End::Whole,
            State::Corrupt => broken(beneath, desk, &code::OPENPGP_MALFORMED, "the compressed data cannot be decoded"),
            State::Unfinished => {
                // A packet that ends where the file does: only the compressed data itself tells that the file was cut.
                let at_end_of_input = matches!((&*beneath, body_end(beneath)), ([_], (_, true)));
                let code = if at_end_of_input { &code::OPENPGP_TRUNCATED } else { &code::OPENPGP_MALFORMED };
                broken(beneath, desk, code, "the compressed data ends before its end marker")
            }
        }))
    }
}

impl Engine {
    /// Decompresses some of `input` into `output`.
    fn turn(&mut self, input: &[u8], output: &mut [u8]) -> Turn {
        let (before, state, after) = match self {
            Self::Deflate(engine) => {
                let before = (engine.total_in(), engine.total_out());
                let state = match engine.decompress(input, output, FlushDecompress::None) {
                    Ok(flate2::Status::StreamEnd) => State::Ended,
                    Ok(flate2::Status::Ok | flate2::Status::BufError) => State::Running,
                    Err(_) => State::Corrupt,
                };
                (before, state, (engine.total_in(), engine.total_out()))
            }
            Self::Bzip2(engine) => {
                let before = (engine.total_in(), engine.total_out());
                let state = match engine.decompress(input, output) {
                    Ok(bzip2::Status::StreamEnd) => State::Ended,
                    Ok(bzip2::Status::MemNeeded) | Err(_) => State::Corrupt,
                    Ok(_) => State::Running,
                };
                (before, state, (engine.total_in(), engine.total_out()))
            }
        };
        let delta = |before: u64, after: u64, most: usize| {
            usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX).min(most)
        };
        Turn { taken: delta(before.0, after.0, input.len()), given: delta(before.1, after.1, output.len()), state }
    }
}

/// Keeps a mishap of the level being filled, unless the one beneath has broken and that is known already.
fn broken(beneath: &[Level], desk: &mut Desk, code: &'static code::Code, message: &str) -> End {
    if body_end(beneath).0 != Some(End::Broken) {
        desk.keep_inside(beneath, code, message.to_owned());
    }
    End::Broken
}
