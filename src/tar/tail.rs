//! The state machine where members end: end markers, what follows them, truncation, lost sync and the way back.
//!
//! Promises: an archive behind the end marker is read like the first, and told apart from it; bytes that are neither are counted;
//! sync is looked for again only when asked. Refuses to know: why somebody appended something.

use super::anomaly::AnomalyKind;
use super::count;
use super::fork::Reading;
use super::header::{BLOCK_BYTES, RawHeader};
use super::parser::{EndMarker, Frame, Parser, State, Step};

/// Where the magic stands in a header.
const MAGIC_AT: usize = 257;
const MAGIC: &[u8] = b"ustar";

impl Parser {
    pub(super) fn second_zero<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        let first = self.accounts.further_archives == 0;
        match RawHeader::first(input) {
            None if !at_end => Step::Need(BLOCK_BYTES),
            Some(block) if block.is_zero() => {
                if first {
                    self.end_marker = EndMarker::Whole;
                }
                self.state = State::InTrailer { junk: None };
                self.book_end_marker()
            }
            block => {
                if first {
                    self.end_marker = EndMarker::Short;
                }
                if block.is_some_and(RawHeader::is_valid) {
                    self.odd(self.offset, AnomalyKind::LoneZeroBlock);
                    return self.further_archive(input, at_end);
                }
                self.odd(self.offset.saturating_sub(count(BLOCK_BYTES)), AnomalyKind::EndShort);
                self.state = State::InTrailer { junk: None };
                self.step(input, at_end)
            }
        }
    }

    /// Whole blocks only, so that a header is looked for where one may stand.
    pub(super) fn trailer<'p>(&'p mut self, input: &'p [u8], at_end: bool, junk: Option<u64>) -> Step<'p> {
        let mut junk = junk;
        let mut done: usize = 0;
        while let Some(rest) = input.get(done..).filter(|rest| !rest.is_empty()) {
            let header = RawHeader::first(rest);
            if header.is_none() && !at_end {
                break;
            }
            let block = rest.get(..BLOCK_BYTES).unwrap_or(rest);
            if let Some(at) = block.iter().position(|byte| *byte != 0) {
                let offset = self.offset.saturating_add(count(done));
                if header.is_some_and(RawHeader::is_valid) {
                    if done > 0 {
                        break;
                    }
                    self.end_junk(junk);
                    self.odd(offset, AnomalyKind::SecondArchive);
                    return self.further_archive(input, at_end);
                }
                junk = junk.or(Some(offset.saturating_add(count(at))));
            }
            done = done.saturating_add(block.len());
        }
        self.state = State::InTrailer { junk };
        if done == 0 && !at_end {
            return Step::Need(BLOCK_BYTES);
        }
        if done == 0 {
            self.end_junk(junk);
            if junk.is_none() {
                self.end_block();
            }
            self.end_fork();
            self.state = State::Ended;
            return Step::End;
        }
        self.book_trailer(done)
    }

    fn end_junk(&mut self, junk: Option<u64>) {
        if let Some(junk) = junk {
            self.odd(junk, AnomalyKind::Trailing { bytes: self.offset.saturating_sub(junk) });
        }
    }

    /// What ends within a block was not written that way; of a short end marker more is said already.
    fn end_block(&mut self) {
        let bytes = self.offset.checked_rem(count(BLOCK_BYTES)).unwrap_or(0);
        if bytes > 0 && self.end_marker == EndMarker::Whole {
            self.odd(self.offset.saturating_sub(bytes), AnomalyKind::PartialBlock { bytes });
        }
    }

    fn further_archive<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        self.accounts.further_archives = self.accounts.further_archives.saturating_add(1);
        self.extensions = Default::default();
        self.state = State::AwaitingHeader;
        self.step(input, at_end)
    }

    pub(super) fn lost<'p>(&'p mut self, input: &'p [u8], at_end: bool, since: u64, to_damage: bool) -> Step<'p> {
        if input.is_empty() && !at_end {
            return Step::Need(1);
        }
        if input.is_empty() {
            self.state = State::Ended;
            let bytes = self.offset.saturating_sub(since);
            if to_damage && bytes > 0 {
                self.odd(since, AnomalyKind::Lost { bytes });
            }
            return Step::End;
        }
        if !self.salvaging || !to_damage {
            return self.book_lost(input.len());
        }
        match self.next_header(input) {
            Some(0) => {
                let bytes = self.offset.saturating_sub(since);
                self.odd(self.offset, AnomalyKind::Recovered { bytes });
                self.salvaged = true;
                self.state = State::AwaitingHeader;
                self.step(input, at_end)
            }
            Some(bytes) => self.book_lost(bytes),
            None if at_end => self.book_lost(input.len()),
            // A header may begin in what is left.
            None => match input.len().checked_sub(BLOCK_BYTES) {
                Some(bytes) => self.book_lost(bytes.saturating_add(1)),
                None => Step::Need(BLOCK_BYTES),
            },
        }
    }

    /// Where the next header begins: at any byte with a magic, at a block without one. Looks no further than there: a map
    /// lends the whole file, and each piece of it must not be searched again after every piece of damage.
    fn next_header(&self, input: &[u8]) -> Option<usize> {
        let valid = |at: usize| RawHeader::first(input.get(at..).unwrap_or_default()).is_some_and(RawHeader::is_valid);
        let finder = memchr::memmem::Finder::new(MAGIC);
        let aligned = usize::try_from(self.offset.wrapping_neg().checked_rem(count(BLOCK_BYTES)).unwrap_or(0)).ok()?;
        let mut from: usize = 0;
        let mut to = aligned;
        while from < input.len() {
            // Headers that begin between two blocks have their magic here.
            let magics = from.saturating_add(MAGIC_AT)..to.saturating_add(MAGIC_AT).saturating_add(MAGIC.len());
            let reach = input.get(magics.start..magics.end.min(input.len())).unwrap_or_default();
            let between = finder.find_iter(reach).map(|at| from.saturating_add(at)).find(|at| *at < to && valid(*at));
            if let Some(at) = between.or_else(|| valid(to).then_some(to)) {
                return Some(at);
            }
            (from, to) = (to, to.saturating_add(BLOCK_BYTES));
        }
        None
    }

    /// Gives up on damage: from here on bytes are only counted, or searched.
    pub(super) fn lose<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        self.whole = false;
        self.fork = None;
        self.pending = None;
        let since = self.offset;
        self.state = State::Lost { since, to_damage: true };
        // A header that leads nowhere is not the one to go on with.
        if RawHeader::first(input).is_some_and(RawHeader::is_valid) {
            return self.book_lost(BLOCK_BYTES);
        }
        self.lost(input, at_end, since, true)
    }

    /// Gives up on a limit: what follows may be good, but nobody looks.
    pub(super) fn stop_at_limit<'p>(
        &'p mut self,
        input: &'p [u8],
        name: &'static str,
        limit: u64,
        wanted: u64,
    ) -> Step<'p> {
        self.odd(self.offset, AnomalyKind::Limit { name, limit, wanted });
        self.whole = false;
        self.fork = None;
        self.state = State::Lost { since: self.offset, to_damage: false };
        self.book_lost(input.len())
    }

    pub(super) fn end_without_marker<'p>(&'p mut self, input: &'p [u8]) -> Step<'p> {
        if !input.is_empty() {
            return self.truncated_frame(input, "a member header", BLOCK_BYTES);
        }
        self.meet_fork();
        self.fork = None;
        if let Some(pending) = self.pending.take() {
            self.odd(pending.offset, AnomalyKind::ExtensionOrphan);
        }
        self.odd(self.offset, AnomalyKind::EndMissing);
        self.state = State::Ended;
        Step::End
    }

    /// The input ends inside something that is looked at whole; what there is of it is booked as lost.
    pub(super) fn truncated_frame<'p>(&'p mut self, input: &'p [u8], inside: &'static str, needed: usize) -> Step<'p> {
        self.truncated(inside, count(needed), count(input.len()));
        self.book_lost(input.len())
    }

    pub(super) fn truncated(&mut self, inside: &'static str, needed: u64, got: u64) {
        self.odd(self.offset, AnomalyKind::Truncated { inside, needed, got });
        (self.whole, self.member_whole) = (false, false);
        self.fork = None;
        self.state = State::Ended;
    }

    /// We look for a header here: the other reading may do so too, or have passed.
    pub(super) fn meet_fork(&mut self) {
        let offset = self.offset;
        let over = match &mut self.fork {
            Some(fork) if fork.at == offset => fork.meets(),
            Some(fork) if fork.at < offset => fork.breaks(fork.at),
            _ => return,
        };
        self.close_fork(over);
    }

    /// The input is over, behind the end marker.
    fn end_fork(&mut self) {
        let offset = self.offset;
        let over = self.fork.as_mut().filter(|fork| fork.at <= offset).and_then(|fork| fork.ends());
        self.close_fork(over);
    }

    pub(super) fn close_fork(&mut self, over: Option<Reading>) {
        if let (Some(fork), Some(reading)) = (self.fork.take(), over) {
            self.odd(fork.from, AnomalyKind::TwoReadings(Box::new(reading)));
        }
    }

    pub(super) fn book_end_marker<'p>(&mut self) -> Step<'p> {
        self.offset = self.offset.saturating_add(count(BLOCK_BYTES));
        self.accounts.end_marker_bytes = self.accounts.end_marker_bytes.saturating_add(count(BLOCK_BYTES));
        Step::Frame { consumed: BLOCK_BYTES, frame: Frame::EndMarker }
    }

    fn book_trailer<'p>(&mut self, bytes: usize) -> Step<'p> {
        self.offset = self.offset.saturating_add(count(bytes));
        self.accounts.trailer_bytes = self.accounts.trailer_bytes.saturating_add(count(bytes));
        Step::Frame { consumed: bytes, frame: Frame::Trailer }
    }

    fn book_lost<'p>(&mut self, bytes: usize) -> Step<'p> {
        self.offset = self.offset.saturating_add(count(bytes));
        self.accounts.lost_bytes = self.accounts.lost_bytes.saturating_add(count(bytes));
        Step::Frame { consumed: bytes, frame: Frame::Lost }
    }
}
