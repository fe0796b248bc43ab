//! The data of an xz block: LZMA2, the filters behind it, and what its header says of its sizes.
//!
//! Promises: no more is read than the header says, where it does; every byte given goes through the check. Refuses to know:
//! what stands before and behind the block.

use std::io;

use lzma_rust2::{Action, Lzma2Stream, Status};

use super::State;
use super::check::Check;
use super::filters::Filters;
use super::header::BlockHeader;
use crate::code;
use crate::envelope::codec::{Desk, count};
use crate::source::Buffer;

/// A block being read.
pub(super) struct Block {
    pub(super) number: u64,
    /// Where its header begins.
    pub(super) at: u64,
    pub(super) header: BlockHeader,
    decoder: Lzma2Stream,
    filters: Option<Filters>,
    /// Whether the decoder has ended, and everything it gave stands in the filters at most.
    decoded: bool,
    check: Check,
    given: u64,
}

/// What a block turned out to be, once its data has ended.
pub(super) struct End<'a> {
    /// Bytes of header and data.
    pub(super) unpadded: u64,
    pub(super) given: u64,
    pub(super) check: &'a Check,
    /// Where the header says other sizes.
    pub(super) wrong_length: Option<String>,
}

/// What a step did.
pub(super) struct Moved {
    /// Bytes of the window that were used.
    pub(super) taken: usize,
    /// Bytes that were put into the output.
    pub(super) given: usize,
    pub(super) next: Next,
}

/// What follows a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one.
    More,
    /// What stands behind the data.
    Over,
    /// The input ends in the data.
    Cut,
    /// The data cannot be decoded.
    Corrupt,
}

impl Block {
    /// `None` where the library does not take the filters.
    pub(super) fn new(header: BlockHeader, number: u64, at: u64, check: Check) -> Option<Self> {
        let decoder = Lzma2Stream::new(header.dictionary);
        let filters = if header.filters.is_empty() { None } else { Some(Filters::new(&header.filters)?) };
        Some(Self { number, at, header, decoder, filters, decoded: false, check, given: 0 })
    }

    /// Decodes some of the data into `output`.
    pub(super) fn data(mut self: Box<Self>, desk: &mut Desk, output: &mut Buffer) -> io::Result<State> {
        let window = if self.is_hungry() { desk.window(0)? } else { &[] };
        let moved = self.step(window, output.free());
        desk.skip(moved.taken)?;
        output.advance(moved.given);
        self.then(moved.next, desk)
    }

    /// Where the block stands after a step.
    pub(super) fn then(self: Box<Self>, next: Next, desk: &mut Desk) -> io::Result<State> {
        let total = self.decoder.total_out();
        match next {
            Next::More => return Ok(State::Data(self)),
            Next::Over => return Ok(State::Check(self)),
            Next::Cut => desk.truncated(&format!("block {} after {total} decompressed bytes", self.number))?,
            Next::Corrupt => {
                let message = format!("block {} cannot be decoded after {total} decompressed bytes", self.number);
                desk.fail(&code::COMPRESSED_CORRUPT, desk.position(), message);
            }
        }
        Ok(State::Between)
    }

    /// Whether the next step takes input.
    pub(super) fn is_hungry(&self) -> bool {
        !self.decoded && self.filters.as_ref().is_none_or(Filters::is_empty)
    }

    /// Decodes from `window`, which is empty only at the end of the input, into `output`. All there is to decoding,
    /// wherever input and output are: what comes of it depends on nothing else.
    pub(super) fn step(&mut self, window: &[u8], output: &mut [u8]) -> Moved {
        if let Some(filters) = self.filters.as_mut().filter(|filters| !filters.is_empty()) {
            let given = filters.give(output);
            self.give(given, output);
            return Moved { taken: 0, given, next: Next::More };
        }
        if self.decoded {
            return Moved { taken: 0, given: 0, next: Next::Over };
        }
        let left = self.header.stored.map(|stored| stored.saturating_sub(self.decoder.total_in()));
        let ended = window.is_empty();
        let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let window = window.get(..most).unwrap_or(window);
        let before = (self.decoder.total_in(), self.decoder.total_out());
        let target = self.filters.as_mut().map_or(&mut *output, Filters::room);
        let action = if ended { Action::Finish } else { Action::Run };
        let status = self.decoder.process(window, target, action).map(|result| result.status);
        let delta = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
        let taken = delta(self.decoder.total_in(), before.0);
        let decoded = delta(self.decoder.total_out(), before.1);
        let failed = match &status {
            Ok(Status::StreamEnd) => {
                self.decoded = true;
                false
            }
            Ok(Status::Ok) => taken == 0 && decoded == 0,
            Err(_) => true,
        };
        let given = match &mut self.filters {
            Some(filters) => {
                filters.filter(decoded, self.decoded);
                0
            }
            None => {
                self.give(decoded, output);
                decoded
            }
        };
        let is_cut = status.as_ref().err().is_none_or(|error| error.kind() == io::ErrorKind::UnexpectedEof);
        let next = match (failed, ended && is_cut) {
            (false, _) => Next::More,
            (true, true) => Next::Cut,
            (true, false) => Next::Corrupt,
        };
        Moved { taken, given, next }
    }

    /// Takes what was put into `output` into the check, and counts it.
    fn give(&mut self, bytes: usize, output: &[u8]) {
        if let Some(fresh) = output.get(..bytes) {
            self.check.update(fresh);
        }
        self.given = self.given.saturating_add(count(bytes));
    }

    /// What the block turned out to be; `None` where a size is beyond all bounds.
    pub(super) fn end(&self) -> Option<End<'_>> {
        let stored = self.decoder.total_in();
        let wrong = |what: &str, said: Option<u64>, found: u64| {
            let said = said.filter(|said| *said != found)?;
            Some(format!("block {} has {found} {what} bytes, its header says {said}", self.number))
        };
        let wrong_length = wrong("compressed", self.header.stored, stored)
            .or_else(|| wrong("decompressed", self.header.given, self.given));
        let unpadded = stored.checked_add(count(self.header.bytes))?;
        Some(End { unpadded, given: self.given, check: &self.check, wrong_length })
    }
}
