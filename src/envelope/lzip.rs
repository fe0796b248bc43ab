//! lzip: every member with its CRC-32, data size and member size, and what stands behind the last one.
//!
//! Promises: verified only when the trailer of every member holds. Refuses to know: what is compressed. Source of the format:
//! the lzip manual, chapter "File format"; version 0 has no member size in its trailer.

use std::io;

use flate2::Crc;
use lzma_rust2::{Action, LzmaStream, Status};

use super::codec::{self, Codec, Desk, Members, count};
use super::{Format, Integrity, Layer};
use crate::code;
use crate::finding::Severity;
use crate::limits::Limits;
use crate::place::Depth;
use crate::source::Buffer;

/// The lzip program ignores what follows unless it looks like a damaged header.
const MEMBERS: Members = Members {
    one: "lzip member",
    padding: &code::COMPRESSED_PADDING,
    padding_severity: Severity::Info,
    trailing: &code::COMPRESSED_TRAILING,
};

const HEADER_BYTES: usize = 6;

/// The properties byte of LZMA that every lzip member has: lc 3, lp 0, pb 2.
const PROPERTIES: u8 = 93;

/// Bytes the decoder may have looked at behind the end of its data (it says at most 40): they stay unread beneath until it
/// has ended and says how many.
const AHEAD_BYTES: usize = 64;

/// Puts an lzip layer on `inner`, which stands at `depth`.
#[must_use]
pub fn open(inner: Box<dyn Layer>, depth: Depth, limits: &Limits) -> Box<dyn Layer> {
    let lzip = Lzip { memory: limits.decoder_memory, state: State::Between, window: 0 };
    codec::open(lzip, Format::Lzip, inner, depth, limits)
}

enum State {
    Between,
    Data(Box<Member>),
    Trailer(Box<Member>),
}

struct Lzip {
    memory: u64,
    state: State,
    /// The largest dictionary met.
    window: u64,
}

struct Member {
    version: u8,
    decoder: LzmaStream,
    crc: Crc,
    begin: u64,
    /// Bytes the decoder has looked at that are not consumed beneath.
    ahead: usize,
}

impl Codec for Lzip {
    fn step(&mut self, desk: &mut Desk, output: &mut Buffer) -> io::Result<()> {
        self.state = match std::mem::replace(&mut self.state, State::Between) {
            State::Between => self.between(desk)?,
            State::Data(member) => data(member, desk, output)?,
            State::Trailer(member) => trailer(&member, desk)?,
        };
        Ok(())
    }

    fn details(&self, desk: &Desk) -> Vec<(&'static str, String)> {
        vec![("members", desk.members().to_string()), ("window", self.window.to_string())]
    }
}

impl Lzip {
    fn between(&mut self, desk: &mut Desk) -> io::Result<State> {
        let at = desk.position();
        match *desk.peek(HEADER_BYTES)? {
            [] => desk.end(Integrity::Verified),
            [b'L', b'Z', b'I', b'P', version @ (0 | 1), size] => {
                let Some(size) = dictionary(size) else {
                    desk.fail(&code::COMPRESSED_CORRUPT, at, format!("{size:#04x} is no dictionary size"));
                    return Ok(State::Between);
                };
                desk.member(&code::COMPRESSED_MEMBERS, at, MEMBERS.one);
                self.window = self.window.max(size.into());
                if desk.is_too_much(size.into(), self.memory) {
                    return Ok(State::Between);
                }
                let Ok(decoder) = LzmaStream::new_with_props(u64::MAX, PROPERTIES, size, None) else {
                    desk.fail(&code::COMPRESSED_CORRUPT, at, "the dictionary size is not possible".to_owned());
                    return Ok(State::Between);
                };
                desk.skip(HEADER_BYTES)?;
                return Ok(State::Data(Box::new(Member { version, decoder, crc: Crc::new(), begin: at, ahead: 0 })));
            }
            [b'L', b'Z', b'I', b'P', version, _] => {
                let message = format!("an lzip member of version {version}; versions 0 and 1 are known");
                desk.stop(&code::WRAPPER_UNSUPPORTED, at, message);
            }
            [b'L', b'Z', b'I', b'P'] | [b'L', b'Z', b'I', b'P', _] => desk.truncated("the header of an lzip member")?,
            _ => desk.trailing(&MEMBERS, Integrity::Verified)?,
        }
        Ok(State::Between)
    }
}

/// The dictionary size a header's byte means: a power of two less some sixteenths of it.
fn dictionary(byte: u8) -> Option<u32> {
    let base = 1_u32.checked_shl((byte & 0x1F).into())?;
    let size = base.checked_sub((base >> 4).checked_mul((byte >> 5).into())?)?;
    (4 << 10..=512 << 20).contains(&size).then_some(size)
}

fn data(mut member: Box<Member>, desk: &mut Desk, output: &mut Buffer) -> io::Result<State> {
    let window = desk.window(member.ahead)?;
    let ended = window.is_empty();
    let before = (member.decoder.total_in(), member.decoder.total_out());
    // At the end the decoder must not wait for more to look ahead at.
    let action = if ended { Action::Finish } else { Action::Run };
    let status = member.decoder.process(window, output.free(), action).map(|result| result.status);
    let delta = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
    let taken = delta(member.decoder.total_in(), before.0);
    let given = delta(member.decoder.total_out(), before.1);
    if let Some(fresh) = output.free().get(..given) {
        member.crc.update(fresh);
    }
    output.advance(given);
    member.ahead = member.ahead.saturating_add(taken);
    let (number, total) = (desk.members(), member.decoder.total_out());
    let error = match status {
        Ok(Status::StreamEnd) => {
            desk.skip(member.ahead.saturating_sub(member.decoder.unused_input().len()))?;
            return Ok(State::Trailer(member));
        }
        Ok(Status::Ok) if taken == 0 && given == 0 => None,
        Ok(Status::Ok) => {
            desk.skip(member.ahead.saturating_sub(AHEAD_BYTES))?;
            member.ahead = member.ahead.min(AHEAD_BYTES);
            return Ok(State::Data(member));
        }
        Err(error) => Some(error),
    };
    if ended && error.is_none_or(|error| error.kind() == io::ErrorKind::UnexpectedEof) {
        desk.truncated(&format!("lzip member {number}, after {total} decompressed bytes"))?;
    } else {
        desk.skip(member.ahead)?;
        let message = format!("lzip member {number} cannot be decoded after {total} decompressed bytes");
        desk.fail(&code::COMPRESSED_CORRUPT, desk.position(), message);
    }
    Ok(State::Between)
}

fn trailer(member: &Member, desk: &mut Desk) -> io::Result<State> {
    let at = desk.position();
    let wanted = if member.version == 0 { 12 } else { 20 };
    let trailer = desk.peek(wanted)?;
    let crc = number_at(trailer, 0) & 0xFFFF_FFFF;
    let (data, size) = (number_at(trailer, 4), number_at(trailer, 12));
    if trailer.len() < wanted {
        desk.truncated("the trailer of an lzip member")?;
        return Ok(State::Between);
    }
    desk.skip(wanted)?;
    let (sum, given) = (u64::from(member.crc.sum()), member.decoder.total_out());
    let end = at.saturating_add(count(wanted)).saturating_sub(member.begin);
    if crc != sum {
        let message = format!("CRC-32 is {sum:08x}, the trailer of lzip member {} says {crc:08x}", desk.members());
        desk.damage(&code::COMPRESSED_CHECKSUM, at, message);
    } else if data != given {
        let message = format!("{given} decompressed bytes, the trailer of lzip member {} says {data}", desk.members());
        desk.damage(&code::COMPRESSED_LENGTH, at.saturating_add(4), message);
    } else if member.version > 0 && size != end {
        let message = format!("lzip member {} has {end} bytes, its trailer says {size}", desk.members());
        desk.damage(&code::COMPRESSED_LENGTH, at.saturating_add(12), message);
    }
    Ok(State::Between)
}

/// The number of eight bytes at `at`, or of those that are there.
fn number_at(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}
