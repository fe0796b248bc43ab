//! The state machine between a member header and the next: sparse map, payload, holes, padding.
//!
//! Promises: payload is never looked at, but where another reading of the archive has a header in it; a sparse map that
//! cannot be right is said so, and the member then counts as stored without holes. Refuses to know: what the payload is.

use super::anomaly::AnomalyKind;
use super::count;
use super::header::{BLOCK_BYTES, RawHeader};
use super::member::Framing;
use super::parser::{Frame, Parser, State, Step};
use super::sparse::{Part, TextMap, block_slots, header_slots};

impl Parser {
    pub(super) fn begin_payload(&mut self, header: RawHeader<'_>, framed: &Framing) {
        self.payload = framed.stored_size;
        self.member_whole = true;
        self.sparse = framed.sparse;
        if !framed.sparse {
            self.state = self.payload_ahead();
            return;
        }
        self.real_size = framed.real_size;
        self.map.clear(self.limits.sparse_regions);
        let records = &self.extensions.local.sparse;
        if header.typeflag() == b'S' {
            let (slots, continues) = header_slots(header);
            self.map.slots(slots);
            if continues {
                self.map.goes_on();
                self.state = State::AwaitingSparseMap;
                return;
            }
        } else {
            records.fill(&mut self.map);
            if records.is_in_payload() {
                self.text_map = TextMap::default();
                self.state = State::AwaitingTextMap { left: self.payload };
                return;
            }
        }
        self.settle_map(self.payload);
    }

    /// The map is read: `left` bytes of the payload are the regions'.
    fn settle_map(&mut self, left: u64) {
        let (met, limit) = (self.map.met(), self.limits.sparse_regions);
        if met > limit {
            self.odd(self.offset, AnomalyKind::Limit { name: "sparse-regions", limit, wanted: met });
            self.map.give_up(left);
            self.member_whole = false;
        } else if let Err(fault) = self.map.settle(left, self.real_size) {
            self.odd(self.offset, AnomalyKind::SparseMap(fault));
            self.member_whole = false;
        } else if let Some(fault) = self.map.short() {
            self.odd(self.offset, AnomalyKind::SparseMap(fault));
        }
        self.state = match left {
            0 if self.map.is_over() => self.after_payload(),
            left => State::InPayload { left },
        };
    }

    fn payload_ahead(&self) -> State {
        match self.payload {
            0 => State::AwaitingHeader,
            left => State::InPayload { left },
        }
    }

    fn after_payload(&mut self) -> State {
        let block = count(BLOCK_BYTES);
        let over = self.payload.checked_rem(block).unwrap_or(0);
        match usize::try_from(block.saturating_sub(over)) {
            Ok(bytes) if over != 0 => State::AwaitingPadding { bytes },
            _ => State::AwaitingHeader,
        }
    }

    pub(super) fn sparse_map<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        let Some(header) = RawHeader::first(input) else {
            return if at_end {
                self.truncated_frame(input, "a sparse map", BLOCK_BYTES)
            } else {
                Step::Need(BLOCK_BYTES)
            };
        };
        let (slots, continues) = block_slots(header.block());
        self.map.slots(slots);
        self.book_header(BLOCK_BYTES);
        if continues {
            self.map.goes_on();
        } else {
            self.settle_map(self.payload);
        }
        Step::Frame { consumed: BLOCK_BYTES, frame: Frame::SparseMap }
    }

    pub(super) fn text_map<'p>(&'p mut self, input: &'p [u8], at_end: bool, left: u64) -> Step<'p> {
        let bytes = usize::try_from(left).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
        let Some(block) = input.get(..bytes) else {
            return if at_end { self.truncated_frame(input, "a sparse map", bytes) } else { Step::Need(bytes) };
        };
        let used = self.text_map.read(block, &mut self.map);
        let left = left.saturating_sub(count(bytes));
        if let Some(used) = used {
            if block.get(used..).unwrap_or_default().iter().any(|byte| *byte != 0) {
                self.odd(self.offset.saturating_add(count(used)), AnomalyKind::Padding);
            }
            self.book_header(bytes);
            self.settle_map(left);
        } else {
            self.book_header(bytes);
            self.state = State::AwaitingTextMap { left };
            if left == 0 {
                self.map.fail(super::sparse::MapFault::Cut);
                self.settle_map(0);
            }
        }
        Step::Frame { consumed: bytes, frame: Frame::SparseMap }
    }

    pub(super) fn in_payload<'p>(&'p mut self, input: &'p [u8], at_end: bool, left: u64) -> Step<'p> {
        let mut run = left;
        if self.sparse {
            match self.map.part() {
                Some(Part::Hole(bytes)) => {
                    if left == 0 && self.map.is_over() {
                        self.state = self.after_payload();
                    }
                    return Step::Frame { consumed: 0, frame: Frame::Hole(bytes) };
                }
                Some(Part::Stored(bytes)) => run = run.min(bytes),
                None => {}
            }
        }
        // Where other readers have a header, we look at what we take for payload.
        while let Some(at) = self.fork.as_ref().map(|fork| fork.at) {
            let ahead = at.saturating_sub(self.offset);
            if ahead > 0 || at < self.offset {
                if at > self.offset {
                    run = run.min(ahead);
                }
                break;
            }
            let block = RawHeader::first(input);
            if block.is_none() && !at_end {
                return Step::Need(BLOCK_BYTES);
            }
            let Some(over) = self.fork.as_mut().and_then(|fork| fork.looks_at(block)) else { continue };
            self.close_fork(over);
        }
        Step::Frame { consumed: 0, frame: Frame::Payload(run) }
    }

    /// Books `bytes` of the current payload as taken or passed over.
    pub fn advance(&mut self, bytes: u64) {
        if let State::InPayload { left } = self.state {
            let bytes = bytes.min(left);
            self.offset = self.offset.saturating_add(bytes);
            self.accounts.payload_bytes = self.accounts.payload_bytes.saturating_add(bytes);
            if self.sparse {
                self.map.advance(bytes);
            }
            self.state = match left.saturating_sub(bytes) {
                0 if !self.sparse || self.map.is_over() => self.after_payload(),
                left => State::InPayload { left },
            };
        }
    }

    /// Whether the next bytes are a header, if they are what they should be.
    #[must_use]
    pub fn awaits_header(&self) -> bool {
        self.state == State::AwaitingHeader
    }

    /// The input ended inside the current payload.
    pub fn cut(&mut self) {
        if let State::InPayload { left } = self.state {
            let got = self.payload.saturating_sub(left);
            self.truncated("a member's payload", self.payload, got);
        }
    }

    pub(super) fn padding<'p>(&'p mut self, input: &'p [u8], at_end: bool, bytes: usize) -> Step<'p> {
        let Some(padding) = input.get(..bytes) else {
            return if at_end {
                self.truncated_frame(input, "the padding of a member", bytes)
            } else {
                Step::Need(bytes)
            };
        };
        // All bytes at once first: nearly always there is nothing to find, and comparing is what libraries do best.
        let is_zero = Some(padding) == const { &[0; BLOCK_BYTES] }.get(..bytes);
        if !is_zero && let Some(at) = padding.iter().position(|byte| *byte != 0) {
            self.odd(self.offset.saturating_add(count(at)), AnomalyKind::Padding);
        }
        self.offset = self.offset.saturating_add(count(bytes));
        self.accounts.padding_bytes = self.accounts.padding_bytes.saturating_add(count(bytes));
        self.state = State::AwaitingHeader;
        Step::Frame { consumed: bytes, frame: Frame::Padding }
    }
}
