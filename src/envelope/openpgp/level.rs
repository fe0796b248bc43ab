//! The streams of a message, one inside the other: the input, what was decrypted, what was decompressed.
//!
//! ```text
//! level 2   decompressed      packets: literal
//!    ▲ inflate the body of
//! level 1   decrypted         packets: compressed
//!    ▲ decrypt the body of
//! level 0   input, dearmored  packets: SKESK, SEIPD
//! ```
//!
//! Each level holds the bytes that came and were not used, and the packet it stands in. A level is filled by the one
//! beneath it, so whoever reads the top drives them all.
//!
//! Promises: packets and bodies do not depend on how the input was cut; the first mishap is kept, once for the input and
//! once for what is inside it, because the second must not be told where the message fails its check. Refuses to know:
//! which packets may follow which.

use std::io;

use bytes::Bytes;

use super::armor::Dearmor;
use super::decrypt::Decrypt;
use super::inflate::Inflate;
use super::packet::{Body, Cut, Header, Length, Step};
use crate::code::{self, Code};
use crate::envelope::Layer;
use crate::source::{CHUNK_BYTES, Pool};

/// One stream of packets.
pub(super) struct Level {
    pub(super) origin: Origin,
    /// Bytes that came and were not used.
    pub(super) front: Bytes,
    /// Bytes used.
    pub(super) position: u64,
    pub(super) end: Option<End>,
    pub(super) packet: Option<Packet>,
    /// One-pass signatures whose signature must still come.
    pub(super) signatures_due: u64,
}

/// What fills a level.
pub(super) enum Origin {
    /// The layer beneath.
    Binary(Box<dyn Layer>),
    /// The layer beneath, in ASCII armor.
    Armored(Box<Dearmor>),
    /// The body of an encrypted packet.
    Clear(Box<dyn Decrypt>),
    /// The body of a compressed packet.
    Inflated(Box<Inflate>),
    /// The body of a compressed packet that is not compressed.
    Stored,
}

/// How a stream or a packet ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Where it should.
    Whole,
    /// Too early; why stands with the mishaps.
    Broken,
}

/// The next bytes of a level, or how it ended.
pub(super) type Next = Result<Bytes, End>;

/// The packet a level stands in.
pub(super) struct Packet {
    pub(super) at: u64,
    pub(super) header: Header,
    pub(super) body: Body,
    pub(super) end: Option<End>,
}

/// Something that ends a stream too early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mishap {
    pub(super) code: &'static Code,
    /// Where, in the input.
    pub(super) offset: u64,
    pub(super) message: String,
}

/// What all levels share.
pub(super) struct Desk {
    pub(super) pool: Pool,
    /// Threads that may be used.
    pub(super) threads: usize,
    /// The first mishap of the input.
    pub(super) outer: Option<Mishap>,
    /// The first mishap of anything inside.
    pub(super) inner: Option<Mishap>,
}

impl Level {
    pub(super) fn new(origin: Origin) -> Self {
        Self { origin, front: Bytes::new(), position: 0, end: None, packet: None, signatures_due: 0 }
    }

    pub(super) fn pass(&mut self, bytes: usize) {
        let bytes = bytes.min(self.front.len());
        bytes::Buf::advance(&mut self.front, bytes);
        self.position = self.position.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Whether what fills this level is a decryption.
    pub(super) fn is_clear(&self) -> bool {
        matches!(self.origin, Origin::Clear(_))
    }

    /// The bytes in front, for the level above; no more than [`available`] of them belong to the packet.
    pub(super) fn front(&self) -> &[u8] {
        &self.front
    }

    /// Bytes of the open packet's body that were used.
    pub(super) fn body_passed(&self) -> u64 {
        self.packet.as_ref().map_or(0, |packet| packet.body.passed())
    }

    /// Uses `bytes` of the open packet's body.
    pub(super) fn pass_body(&mut self, bytes: usize) {
        self.pass(bytes);
        if let Some(packet) = &mut self.packet {
            packet.body.pass(bytes);
        }
    }
}

impl Desk {
    /// Keeps the first mishap of the input, or of what is inside it: `height` levels were there.
    pub(super) fn keep(&mut self, height: usize, code: &'static Code, offset: u64, message: String) {
        let slot = if height > 1 { &mut self.inner } else { &mut self.outer };
        slot.get_or_insert(Mishap { code, offset, message });
    }

    /// Keeps the first mishap of a level that is being filled from `beneath`.
    pub(super) fn keep_inside(&mut self, beneath: &[Level], code: &'static Code, message: String) {
        let message = message + &whereabouts(beneath);
        self.keep(beneath.len().saturating_add(1), code, place(beneath), message);
    }
}

/// Bytes of the body that lie in front of the top of `levels`: at least one, or none at its end.
pub(super) fn available(levels: &mut [Level], desk: &mut Desk) -> io::Result<usize> {
    loop {
        let Some(top) = levels.last_mut() else { return Ok(0) };
        let Some(packet) = &mut top.packet else { return Ok(0) };
        if packet.end.is_some() {
            return Ok(0);
        }
        match packet.body.step(&top.front) {
            Step::Run(count) => return Ok(count),
            Step::Skip(octets) => top.pass(octets),
            Step::End => packet.end = Some(End::Whole),
            Step::Need(count) => {
                if !ensure(levels, count, desk)? {
                    cut_in_body(levels, desk);
                }
            }
        }
    }
}

/// How the open packet of the top of `levels` ended, and whether the end of the stream was its end.
pub(super) fn body_end(levels: &[Level]) -> (Option<End>, bool) {
    let Some(packet) = levels.last().and_then(|level| level.packet.as_ref()) else { return (None, false) };
    (packet.end, packet.header.length == Length::Indeterminate)
}

/// Notes that the stream ended in the body of the open packet.
fn cut_in_body(levels: &mut [Level], desk: &mut Desk) {
    let message = {
        let Some(Level { packet: Some(packet), end, .. }) = levels.last_mut() else { return };
        let cut = packet.body.cut();
        let whole = cut == Cut::Not && *end == Some(End::Whole);
        packet.end = Some(if whole { End::Whole } else { End::Broken });
        let tag = packet.header.tag;
        match cut {
            Cut::Not => return,
            Cut::Definite { needed, got } => {
                format!("cut short inside the packet with tag {tag}: its body needs {needed} bytes, {got} are there")
            }
            Cut::Chunk { needed, got } => format!(
                "cut short inside a partial chunk of the packet with tag {tag}: {needed} bytes needed, {got} there, after {} bytes of its body in all",
                packet.body.passed()
            ),
            Cut::Length => format!(
                "cut short inside the packet with tag {tag}: it ends after {} bytes of its body, where the length of the next chunk must stand",
                packet.body.passed()
            ),
        }
    };
    cut(levels, desk, message);
}

/// Keeps the mishap that the top of `levels` ended too early, unless it has broken and that is known already.
pub(super) fn cut(levels: &mut [Level], desk: &mut Desk, message: String) {
    let Some(top) = levels.last_mut() else { return };
    if top.end.replace(End::Broken) == Some(End::Broken) {
        return;
    }
    let (code, offset) = match levels {
        [input] => {
            let end = input.position.saturating_add(u64::try_from(input.front.len()).unwrap_or(0));
            (&code::OPENPGP_TRUNCATED, end)
        }
        // Inside, the writer itself left the packet unfinished: what was cut on the way is known beneath.
        _ => (&code::OPENPGP_MALFORMED, place(levels)),
    };
    let message = message + &whereabouts(levels);
    desk.keep(levels.len(), code, offset, message);
}

/// Puts at least `wanted` bytes in front of the top; false where the level ends before.
pub(super) fn ensure(levels: &mut [Level], wanted: usize, desk: &mut Desk) -> io::Result<bool> {
    loop {
        let Some(top) = levels.last_mut() else { return Ok(false) };
        if top.front.len() >= wanted {
            return Ok(true);
        }
        let left = std::mem::take(&mut top.front);
        let more = refill(levels, desk)?;
        let Some(top) = levels.last_mut() else { return Ok(false) };
        if !left.is_empty() {
            // A header lies across two pieces: rare, and a copy of one piece at most.
            top.front = if more { [left, top.front.clone()].concat().into() } else { left };
        }
        if !more {
            return Ok(false);
        }
    }
}

/// Replaces what is in front of the top by the next bytes; false at the end of the level.
pub(super) fn refill(levels: &mut [Level], desk: &mut Desk) -> io::Result<bool> {
    let Some((top, beneath)) = levels.split_last_mut() else { return Ok(false) };
    if top.end.is_some() {
        return Ok(false);
    }
    let next = match &mut top.origin {
        Origin::Binary(layer) => Ok(layer.take(CHUNK_BYTES)?.map(|chunk| chunk.bytes).ok_or(End::Whole)),
        Origin::Armored(armor) => armor.next(desk),
        Origin::Clear(clear) => clear.next(beneath, desk),
        Origin::Inflated(inflate) => inflate.next(beneath, desk),
        Origin::Stored => stored(beneath, desk),
    }?;
    match next {
        Ok(bytes) => top.front = bytes,
        Err(end) => top.end = Some(end),
    }
    Ok(top.end.is_none())
}

/// The next bytes of a compressed packet that is not compressed.
fn stored(beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next> {
    let run = available(beneath, desk)?;
    let Some(level) = beneath.last_mut() else { return Ok(Err(End::Broken)) };
    if run == 0 {
        return Ok(Err(body_end(beneath).0.unwrap_or(End::Broken)));
    }
    let bytes = level.front.slice(..run.min(level.front.len()));
    level.pass_body(run);
    Ok(Ok(bytes))
}

pub(super) fn place(levels: &[Level]) -> u64 {
    match levels {
        [input] => input.packet.as_ref().map_or(input.position, |packet| packet.at),
        [input, ..] => input.packet.as_ref().map_or(0, |packet| packet.at),
        [] => 0,
    }
}

pub(super) fn whereabouts(levels: &[Level]) -> String {
    let [_, inside @ ..] = levels else { return String::new() };
    let Some(top) = inside.last() else { return String::new() };
    let at = top.packet.as_ref().map_or(top.position, |packet| packet.at);
    let what = match top.origin {
        Origin::Clear(_) => "decrypted",
        _ => "decompressed",
    };
    format!(", at byte {at} of what was {what}")
}
