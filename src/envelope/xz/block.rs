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
    header: BlockHeader,
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

impl Block {
    /// `None` where the library does not take the filters.
    pub(super) fn new(header: BlockHeader, number: u64, at: u64, check: Check) -> Option<Self> {
        let decoder = Lzma2Stream::new(header.dictionary);
        let filters = if header.filters.is_empty() { None } else { Some(Filters::new(&header.filters)?) };
        Some(Self { number, at, header, decoder, filters, decoded: false, check, given: 0 })
    }

    /// Decodes some of the data into `output`.
    pub(super) fn data(mut self: Box<Self>, desk: &mut Desk, output: &mut Buffer) -> io::Result<State> {
        if let Some(filters) = self.filters.as_mut().filter(|filters| !filters.is_empty()) {
            let given = filters.give(output.free());
            self.give(given, output);
            return Ok(State::Data(self));
        }
        if self.decoded {
            return Ok(State::Check(self));
        }
        let left = self.header.stored.map(|stored| stored.saturating_sub(self.decoder.total_in()));
        let window = desk.window(0)?;
        let ended = window.is_empty();
        let most = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
        let window = window.get(..most).unwrap_or(window);
        let before = (self.decoder.total_in(), self.decoder.total_out());
        let target = self.filters.as_mut().map_or_else(|| output.free(), Filters::room);
        let action = if ended { Action::Finish } else { Action::Run };
        let status = self.decoder.process(window, target, action).map(|result| result.status);
        let delta = |now: u64, before: u64| usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX);
        let taken = delta(self.decoder.total_in(), before.0);
        let given = delta(self.decoder.total_out(), before.1);
        let total = self.decoder.total_out();
        desk.skip(taken)?;
        let failed = match &status {
            Ok(Status::StreamEnd) => {
                self.decoded = true;
                false
            }
            Ok(Status::Ok) => taken == 0 && given == 0,
            Err(_) => true,
        };
        match &mut self.filters {
            Some(filters) => filters.filter(given, self.decoded),
            None => self.give(given, output),
        }
        if !failed {
            return Ok(State::Data(self));
        }
        let is_cut = status.as_ref().err().is_none_or(|error| error.kind() == io::ErrorKind::UnexpectedEof);
        if ended && is_cut {
            desk.truncated(&format!("block {} after {total} decompressed bytes", self.number))?;
        } else {
            let message = format!("block {} cannot be decoded after {total} decompressed bytes", self.number);
            desk.fail(&code::COMPRESSED_CORRUPT, desk.position(), message);
        }
        Ok(State::Between)
    }

    /// Takes what was put into `output` into the check, and counts it.
    fn give(&mut self, bytes: usize, output: &mut Buffer) {
        if let Some(fresh) = output.free().get(..bytes) {
            self.check.update(fresh);
        }
        output.advance(bytes);
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
