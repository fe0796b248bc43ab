//! The levels of a message, driven from the top: packet by packet, body by body.
//!
//! Promises: every call answers for the top level alone; what it reads beneath is that level's business. Small pieces are
//! gathered, large ones shared. Refuses to know: which packets may follow which.

use std::io;

use bytes::Bytes;

use super::level::{Desk, End, Level, Mishap, Origin, Packet, available, cut, ensure, place, refill, whereabouts};
use super::packet::{Body, Boundary, Header, boundary};
use crate::code::{self, Code};
use crate::source::{CHUNK_BYTES, Pool};

/// Bytes from which on a piece is shared instead of gathered: below, its hand-over costs more than its copy.
const SHARED_BYTES: usize = 64 << 10;

/// The levels of a message.
pub(super) struct Stack {
    levels: Vec<Level>,
    desk: Desk,
}

impl Stack {
    pub(super) fn new(input: Origin, threads: usize) -> Self {
        let desk = Desk { pool: Pool::new(CHUNK_BYTES), threads, outer: None, inner: None };
        Self { levels: vec![Level::new(input)], desk }
    }

    /// Levels there are.
    pub(super) fn height(&self) -> usize {
        self.levels.len()
    }

    /// The first mishap of the input and of what is inside it, and what fills the input level.
    pub(super) fn into_parts(self) -> (Option<Mishap>, Option<Mishap>, Option<Origin>) {
        let Self { levels, desk } = self;
        (desk.outer, desk.inner, levels.into_iter().next().map(|level| level.origin))
    }

    /// Puts a level on the packet that the top stands in.
    pub(super) fn push(&mut self, origin: Origin) {
        self.levels.push(Level::new(origin));
    }

    /// Takes the top level off, but never the input.
    pub(super) fn pop(&mut self) -> Option<Origin> {
        if self.levels.len() > 1 { self.levels.pop().map(|level| level.origin) } else { None }
    }

    pub(super) fn top(&mut self) -> Option<&mut Level> {
        self.levels.last_mut()
    }

    /// Whether the input itself met with a mishap.
    pub(super) fn input_is_broken(&self) -> bool {
        self.desk.outer.is_some()
    }

    /// Bytes of the input used.
    pub(super) fn input_position(&self) -> u64 {
        self.levels.first().map_or(0, |level| level.position)
    }

    /// Where in the input the packet begins that holds all this.
    pub(super) fn place(&self) -> u64 {
        place(&self.levels)
    }

    /// Where the top's packet is, in words; empty in the input, where the offset says it.
    pub(super) fn whereabouts(&self) -> String {
        whereabouts(&self.levels)
    }

    /// The header of the next packet at the top, which becomes the packet that stands open; `None` at the end of the
    /// level, or where no packet is: that is a mishap.
    pub(super) fn header(&mut self) -> io::Result<Option<Header>> {
        let mut wanted = 1;
        loop {
            let enough = ensure(&mut self.levels, wanted, &mut self.desk)?;
            let Some(top) = self.levels.last_mut() else { return Ok(None) };
            top.packet = None;
            if top.front.is_empty() {
                return Ok(None);
            }
            match boundary(&top.front) {
                Boundary::Header { header, used } => {
                    let packet = Packet { at: top.position, header, body: Body::new(header.length), end: None };
                    top.pass(used);
                    top.packet = Some(packet);
                    return Ok(Some(header));
                }
                Boundary::Need(needed) if enough => wanted = needed,
                Boundary::Need(needed) => {
                    let got = top.front.len();
                    let message = format!("a packet header of {needed} bytes ends after {got}");
                    cut(&mut self.levels, &mut self.desk, message);
                    return Ok(None);
                }
                Boundary::Garbage(byte) => {
                    let message = format!("byte {byte:#04x} begins no packet");
                    self.malformed(message);
                    return Ok(None);
                }
            }
        }
    }

    /// Bytes of the open packet's body that lie in front: at least one, or none at its end.
    pub(super) fn available(&mut self) -> io::Result<usize> {
        available(&mut self.levels, &mut self.desk)
    }

    /// The bytes in front; no more than [`Self::available`] of them belong to the packet.
    pub(super) fn front(&self) -> &[u8] {
        self.levels.last().map_or(&[], |level| &level.front)
    }

    /// Uses `bytes` of the open packet's body.
    pub(super) fn pass(&mut self, bytes: usize) {
        if let Some(top) = self.levels.last_mut() {
            top.pass_body(bytes);
        }
    }

    /// The next piece of the open packet's body, at least one byte, shared where it is large and gathered where not.
    pub(super) fn piece(&mut self) -> io::Result<Option<Bytes>> {
        let mut gathered = self.desk.pool.buffer();
        loop {
            let run = self.available()?;
            let free = gathered.free();
            if run == 0 || free.is_empty() {
                return Ok((gathered.used() > 0).then(|| gathered.freeze()));
            }
            let Some(top) = self.levels.last_mut() else { return Ok(None) };
            if run >= SHARED_BYTES {
                if gathered.used() > 0 {
                    return Ok(Some(gathered.freeze()));
                }
                let piece = top.front.slice(..run.min(top.front.len()));
                top.pass_body(run);
                return Ok(Some(piece));
            }
            let count = run.min(free.len());
            if let (Some(to), Some(from)) = (free.get_mut(..count), top.front.get(..count)) {
                to.copy_from_slice(from);
            }
            gathered.advance(count);
            top.pass_body(count);
        }
    }

    /// The open packet's body, whole; `None` where it ends too early or is longer than `limit`.
    pub(super) fn whole(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let mut body = Vec::new();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        loop {
            let run = self.available()?;
            if run == 0 {
                return Ok((self.packet_end() == Some(End::Whole)).then_some(body));
            }
            if run > limit.saturating_sub(body.len()) {
                return Ok(None);
            }
            body.extend_from_slice(self.front().get(..run).unwrap_or_default());
            self.pass(run);
        }
    }

    /// The next `count` bytes of the open packet's body; fewer at its end.
    pub(super) fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut taken = Vec::new();
        while taken.len() < count {
            let run = self.available()?.min(count.saturating_sub(taken.len()));
            if run == 0 {
                break;
            }
            taken.extend_from_slice(self.front().get(..run).unwrap_or_default());
            self.pass(run);
        }
        Ok(taken)
    }

    /// Passes over what is left of the open packet; says how many bytes that was.
    pub(super) fn skip(&mut self) -> io::Result<u64> {
        let before = self.packet_passed();
        loop {
            let run = self.available()?;
            if run == 0 {
                return Ok(self.packet_passed().saturating_sub(before));
            }
            self.pass(run);
        }
    }

    /// How the open packet ended, once nothing of it is left.
    pub(super) fn packet_end(&self) -> Option<End> {
        self.levels.last()?.packet.as_ref()?.end
    }

    /// Bytes of the open packet's body that were used.
    pub(super) fn packet_passed(&self) -> u64 {
        self.levels.last().map_or(0, Level::body_passed)
    }

    /// How the top level ended, once it has.
    pub(super) fn level_end(&self) -> Option<End> {
        self.levels.last()?.end
    }

    /// Reads the top level to its end, whatever is in it.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        loop {
            if let Some(top) = self.levels.last_mut() {
                top.packet = None;
                let left = top.front.len();
                top.pass(left);
            }
            if !refill(&mut self.levels, &mut self.desk)? {
                return Ok(());
            }
        }
    }

    /// Whether the top level has at least one more byte.
    pub(super) fn has_more(&mut self) -> io::Result<bool> {
        ensure(&mut self.levels, 1, &mut self.desk)
    }

    /// The next bytes at the top, whatever they belong to: `wanted` of them, fewer at the end.
    pub(super) fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        ensure(&mut self.levels, wanted, &mut self.desk)?;
        let front = self.front();
        Ok(front.get(..wanted).unwrap_or(front))
    }

    /// Keeps a mishap at the top: what the packets say cannot be.
    pub(super) fn malformed(&mut self, message: impl Into<String>) {
        self.mishap(&code::OPENPGP_MALFORMED, message);
    }

    /// Keeps a mishap at the top.
    pub(super) fn mishap(&mut self, code: &'static Code, message: impl Into<String>) {
        let message = message.into() + &whereabouts(&self.levels);
        self.desk.keep(self.levels.len(), code, place(&self.levels), message);
    }
}
