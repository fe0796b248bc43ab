//! The state machine: what the next bytes are, given what came before.
//!
//! Promises: one [`Step`] a call, the same for any cut of the input; no allocation per block; every consumed byte is booked
//! in [`Accounts`]. Refuses to know: who reads, and what happens to payloads: they are the caller's to take or pass over.

use crate::limits::Limits;

use super::anomaly::{Anomaly, AnomalyKind};
use super::count;
use super::extension::{ExtensionKind, Extensions};
use super::header::{BLOCK_BYTES, Checksum, RawHeader};
use super::member::{Framing, Member, Unframed, describe, framing, join_path};

/// What [`Parser::step`] answers.
#[derive(Debug)]
pub enum Step<'a> {
    /// It needs this many contiguous bytes to go on; the input holds fewer, and has not ended.
    Need(usize),
    /// The first `consumed` bytes of the input were this.
    Frame {
        /// Bytes of the input that are done with.
        consumed: usize,
        /// What they were.
        frame: Frame<'a>,
    },
    /// There is nothing more.
    End,
}

/// What a piece of a tar is.
#[derive(Debug)]
pub enum Frame<'a> {
    /// A member header: 512 bytes.
    Member(Member<'a>),
    /// An extension header and its payload.
    Extension,
    /// A block of an old GNU sparse map.
    SparseMap,
    /// The next so many bytes are payload. None is consumed: the caller takes or passes over them and says so with
    /// [`Parser::advance`], or [`Parser::cut`] where the input ends before.
    Payload(u64),
    /// Padding up to the next block.
    Padding,
    /// Blocks of zeros that close the archive.
    EndMarker,
    /// Bytes after the end marker.
    Trailer,
    /// Bytes after sync was lost.
    Lost,
}

/// How the archive is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndMarker {
    /// Two blocks of zeros.
    Whole,
    /// One.
    Short,
    /// None.
    Missing,
}

/// Where the bytes of the input went; the sum is the length of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accounts {
    /// Members met.
    pub members: u64,
    /// Headers, extension headers with their payloads, sparse maps.
    pub header_bytes: u64,
    /// Payloads.
    pub payload_bytes: u64,
    /// Padding.
    pub padding_bytes: u64,
    /// The end marker.
    pub end_marker_bytes: u64,
    /// Zeros and anything else after the end marker.
    pub trailer_bytes: u64,
    /// What followed after sync was lost.
    pub lost_bytes: u64,
}

impl Accounts {
    /// All bytes booked.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        [
            self.header_bytes,
            self.payload_bytes,
            self.padding_bytes,
            self.end_marker_bytes,
            self.trailer_bytes,
            self.lost_bytes,
        ]
        .iter()
        .fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    AwaitingHeader,
    AwaitingSparseMap { regions: u64, payload: u64 },
    InPayload { left: u64 },
    AwaitingPadding { bytes: usize },
    AwaitingSecondZero,
    InTrailer { classified: Option<Trailer> },
    Lost { to_damage: bool },
    Ended,
}

/// What the first bytes after the end marker that are not zero turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trailer {
    offset: u64,
    header: bool,
    after_lone_block: bool,
}

/// Reads one tar.
#[derive(Debug)]
pub struct Parser {
    limits: Limits,
    state: State,
    /// Bytes of the current payload in all, for the padding and for what is missing of it.
    payload: u64,
    offset: u64,
    /// Whether the size of the current payload is one of two that were given, and its beginning was not looked at yet.
    suspect: bool,
    /// Where the extension headers of the coming member begin.
    pending: Option<Pending>,
    extensions: Extensions,
    joined: Vec<u8>,
    accounts: Accounts,
    end_marker: EndMarker,
    whole: bool,
    anomalies: Vec<Anomaly>,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    offset: u64,
    headers: u64,
    bytes: u64,
}

impl Parser {
    /// At the first byte of a tar.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            state: State::AwaitingHeader,
            payload: 0,
            suspect: false,
            offset: 0,
            pending: None,
            extensions: Extensions::default(),
            joined: Vec::new(),
            accounts: Accounts::default(),
            end_marker: EndMarker::Missing,
            whole: true,
            anomalies: Vec::new(),
        }
    }

    /// Bytes from the start of the tar to the next one.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the bytes went so far.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// How the archive is closed; final after [`Step::End`].
    #[must_use]
    pub fn end_marker(&self) -> EndMarker {
        self.end_marker
    }

    /// Whether every member up to the end of the archive was read: false after truncation and loss of sync.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Whether more of the member met last follows: its sparse map or its payload.
    #[must_use]
    pub fn is_inside_member(&self) -> bool {
        matches!(self.state, State::AwaitingSparseMap { .. } | State::InPayload { .. })
    }

    /// What was odd since the last call.
    pub fn anomalies(&mut self) -> std::vec::Drain<'_, Anomaly> {
        self.anomalies.drain(..)
    }

    /// Whether anything was odd since the last call of [`Parser::anomalies`].
    #[must_use]
    pub fn has_anomalies(&self) -> bool {
        !self.anomalies.is_empty()
    }

    /// Looks at the bytes at [`Parser::offset`]. `at_end` says that nothing follows `input`; without it, an answer of
    /// [`Step::Need`] asks to be called again with more.
    pub fn step<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        match self.state {
            State::AwaitingHeader => self.header(input, at_end),
            State::AwaitingSparseMap { regions, payload } => self.sparse_map(input, at_end, regions, payload),
            State::InPayload { left } => self.in_payload(input, at_end, left),
            State::AwaitingPadding { bytes } => self.padding(input, at_end, bytes),
            State::AwaitingSecondZero => self.second_zero(input, at_end),
            State::InTrailer { classified: Some(trailer) } => self.trailer_rest(input, at_end, trailer),
            State::InTrailer { classified: None } => self.trailer(input, at_end),
            State::Lost { .. } if input.is_empty() && !at_end => Step::Need(1),
            State::Lost { to_damage } => self.lost(input, to_damage),
            State::Ended => Step::End,
        }
    }

    /// Books `bytes` of the current payload as taken or passed over.
    pub fn advance(&mut self, bytes: u64) {
        if let State::InPayload { left } = self.state {
            let bytes = bytes.min(left);
            self.offset = self.offset.saturating_add(bytes);
            self.accounts.payload_bytes = self.accounts.payload_bytes.saturating_add(bytes);
            self.state = match left.saturating_sub(bytes) {
                0 => self.after_payload(),
                left => State::InPayload { left },
            };
        }
    }

    /// The input ended inside the current payload.
    pub fn cut(&mut self) {
        if let State::InPayload { left } = self.state {
            let got = self.payload.saturating_sub(left);
            self.truncated("a member's payload", self.payload, got);
        }
    }

    fn header<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        if self.pending.is_none() {
            self.extensions.local.clear();
        }
        let Some(header) = RawHeader::first(input) else {
            if !at_end {
                return Step::Need(BLOCK_BYTES);
            }
            return self.end_without_marker(input);
        };
        if header.is_zero() {
            if let Some(pending) = self.pending.take() {
                self.odd(pending.offset, AnomalyKind::ExtensionOrphan);
            }
            self.state = State::AwaitingSecondZero;
            return self.book_end_marker();
        }
        match header.checksum() {
            Checksum::Unsigned => {}
            Checksum::Signed => self.odd(self.offset, AnomalyKind::SignedChecksum),
            Checksum::Wrong { stored, computed } => {
                self.odd(self.offset, AnomalyKind::BadHeader { stored, computed });
                return self.lose(input);
            }
        }
        match ExtensionKind::of(header.typeflag()) {
            Some(kind) => self.extension(input, at_end, header, kind),
            None => self.member(input, header),
        }
    }

    fn extension<'p>(
        &'p mut self,
        input: &'p [u8],
        at_end: bool,
        header: RawHeader<'_>,
        kind: ExtensionKind,
    ) -> Step<'p> {
        let size = match header.size() {
            Ok(number) => number.unsigned().ok_or(AnomalyKind::NegativeNumber("size")),
            Err(error) => Err(AnomalyKind::BadNumber("size", error)),
        };
        let size = match size {
            Ok(size) => size,
            Err(anomaly) => {
                self.odd(self.offset, anomaly);
                return self.lose(input);
            }
        };
        let pending = self.pending.unwrap_or(Pending { offset: self.offset, headers: 0, bytes: 0 });
        let pending = Pending {
            headers: pending.headers.saturating_add(1),
            bytes: pending.bytes.saturating_add(size),
            ..pending
        };
        for (name, limit, wanted) in [
            ("extension-headers", self.limits.extension_headers, pending.headers),
            ("extension-bytes", self.limits.extension_bytes, pending.bytes),
        ] {
            if wanted > limit {
                return self.stop_at_limit(input, name, limit, wanted);
            }
        }
        let payload_bytes = usize::try_from(size).unwrap_or(usize::MAX);
        let padded = payload_bytes.checked_next_multiple_of(BLOCK_BYTES).unwrap_or(usize::MAX);
        let whole = padded.saturating_add(BLOCK_BYTES);
        if input.len() < whole {
            if !at_end {
                return Step::Need(whole);
            }
            return self.truncated_frame(input, "an extension header", whole);
        }
        let (payload, padding) =
            input.get(BLOCK_BYTES..whole).and_then(|body| body.split_at_checked(payload_bytes)).unwrap_or_default();
        let at = self.offset.saturating_add(count(BLOCK_BYTES));
        if padding.iter().any(|byte| *byte != 0) {
            self.odd(at.saturating_add(size), AnomalyKind::Padding);
        }
        let Self { extensions, anomalies, .. } = self;
        let target = if kind == ExtensionKind::Global { &mut extensions.global } else { &mut extensions.local };
        target.absorb(kind, payload, &mut |offset, kind| {
            anomalies.push(Anomaly { offset: at.saturating_add(count(offset)), kind });
        });
        // A global header belongs to no member: it may well be the last thing in an archive.
        if kind != ExtensionKind::Global {
            self.pending = Some(pending);
        }
        self.book_header(whole);
        Step::Frame { consumed: whole, frame: Frame::Extension }
    }

    fn member<'p>(&'p mut self, input: &'p [u8], header: RawHeader<'p>) -> Step<'p> {
        let at = self.offset;
        let first = self.pending.take().map_or(at, |pending| pending.offset);
        let mut odd: Vec<AnomalyKind> = Vec::new();
        let is_joined = join_path(header, &mut self.joined, &mut |kind| odd.push(kind));
        let framed = {
            let own = if is_joined { &self.joined } else { header.name() };
            let path = self.extensions.local.path.value().unwrap_or(own);
            framing(header, path, &self.extensions.local, &mut |kind| odd.push(kind))
        };
        let framed = match framed {
            Ok(framed) => framed,
            Err(Unframed(kind)) => {
                odd.push(kind);
                self.anomalies.extend(odd.into_iter().map(|kind| Anomaly { offset: at, kind }));
                return self.lose(input);
            }
        };
        self.begin_payload(header, &framed);
        self.suspect = odd.iter().any(|kind| matches!(kind, AnomalyKind::PaxSize { .. }));
        self.book_header(BLOCK_BYTES);
        self.accounts.members = self.accounts.members.saturating_add(1);
        let Self { extensions, joined, limits, anomalies, .. } = self;
        let own = if is_joined { joined } else { header.name() };
        let path = extensions.local.path.value().unwrap_or(own);
        let member = describe(header, path, &framed, extensions, first, limits, &mut |kind| odd.push(kind));
        anomalies.extend(odd.into_iter().map(|kind| Anomaly { offset: at, kind }));
        Step::Frame { consumed: BLOCK_BYTES, frame: Frame::Member(member) }
    }

    fn begin_payload(&mut self, header: RawHeader<'_>, framed: &Framing) {
        self.payload = framed.stored_size;
        self.state = if header.typeflag() == b'S' && header.gnu_map_continues() {
            State::AwaitingSparseMap { regions: 4, payload: framed.stored_size }
        } else {
            self.payload_ahead()
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

    fn in_payload<'p>(&'p mut self, input: &'p [u8], at_end: bool, left: u64) -> Step<'p> {
        if self.suspect {
            let wanted = usize::try_from(left).unwrap_or(BLOCK_BYTES).min(BLOCK_BYTES);
            if input.len() < wanted && !at_end {
                return Step::Need(wanted);
            }
            self.suspect = false;
            if RawHeader::first(input).filter(|_| wanted == BLOCK_BYTES).is_some_and(RawHeader::is_valid) {
                self.odd(self.offset, AnomalyKind::Smuggled);
            }
        }
        Step::Frame { consumed: 0, frame: Frame::Payload(left) }
    }

    fn sparse_map<'p>(&'p mut self, input: &'p [u8], at_end: bool, regions: u64, payload: u64) -> Step<'p> {
        // A block of the map holds 21 regions.
        let regions = regions.saturating_add(21);
        let Some(block) = RawHeader::first(input) else {
            return if at_end {
                self.truncated_frame(input, "a sparse map", BLOCK_BYTES)
            } else {
                Step::Need(BLOCK_BYTES)
            };
        };
        if regions > self.limits.sparse_regions {
            return self.stop_at_limit(input, "sparse-regions", self.limits.sparse_regions, regions);
        }
        self.state = if block.gnu_map_block_continues() {
            State::AwaitingSparseMap { regions, payload }
        } else {
            self.payload_ahead()
        };
        self.book_header(BLOCK_BYTES);
        Step::Frame { consumed: BLOCK_BYTES, frame: Frame::SparseMap }
    }

    fn padding<'p>(&'p mut self, input: &'p [u8], at_end: bool, bytes: usize) -> Step<'p> {
        let Some(padding) = input.get(..bytes) else {
            return if at_end {
                self.truncated_frame(input, "the padding of a member", bytes)
            } else {
                Step::Need(bytes)
            };
        };
        if let Some(at) = padding.iter().position(|byte| *byte != 0) {
            self.odd(self.offset.saturating_add(count(at)), AnomalyKind::Padding);
        }
        self.offset = self.offset.saturating_add(count(bytes));
        self.accounts.padding_bytes = self.accounts.padding_bytes.saturating_add(count(bytes));
        self.state = State::AwaitingHeader;
        Step::Frame { consumed: bytes, frame: Frame::Padding }
    }

    fn second_zero<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        match RawHeader::first(input) {
            None if !at_end => Step::Need(BLOCK_BYTES),
            Some(block) if block.is_zero() => {
                self.end_marker = EndMarker::Whole;
                self.state = State::InTrailer { classified: None };
                self.book_end_marker()
            }
            block => {
                self.end_marker = EndMarker::Short;
                let header = block.is_some_and(RawHeader::is_valid);
                let only = self.offset.saturating_sub(count(BLOCK_BYTES));
                if !header {
                    self.odd(only, AnomalyKind::EndShort);
                }
                let data = input.iter().take(BLOCK_BYTES).any(|byte| *byte != 0);
                let classified = data.then_some(Trailer { offset: self.offset, header, after_lone_block: true });
                self.state = State::InTrailer { classified };
                self.step(input, at_end)
            }
        }
    }

    fn trailer<'p>(&'p mut self, input: &'p [u8], at_end: bool) -> Step<'p> {
        let Some(first) = input.iter().position(|byte| *byte != 0) else {
            if at_end {
                self.state = State::Ended;
            } else if input.is_empty() {
                return Step::Need(1);
            } else if input.len() < BLOCK_BYTES {
                return Step::Need(BLOCK_BYTES);
            }
            // Whole blocks only, so that a header is looked for where one may stand.
            let blocks = input.len().saturating_sub(input.len().checked_rem(BLOCK_BYTES).unwrap_or(0));
            return self.book_trailer(if at_end { input.len() } else { blocks });
        };
        let block = first.saturating_sub(first.checked_rem(BLOCK_BYTES).unwrap_or(0));
        let rest = input.get(block..).unwrap_or_default();
        if rest.len() < BLOCK_BYTES && !at_end {
            return Step::Need(block.saturating_add(BLOCK_BYTES));
        }
        let header = RawHeader::first(rest).is_some_and(RawHeader::is_valid);
        let offset = self.offset.saturating_add(count(if header { block } else { first }));
        self.state = State::InTrailer { classified: Some(Trailer { offset, header, after_lone_block: false }) };
        self.book_trailer(block)
    }

    fn trailer_rest<'p>(&'p mut self, input: &'p [u8], at_end: bool, trailer: Trailer) -> Step<'p> {
        if input.is_empty() && !at_end {
            return Step::Need(1);
        }
        if at_end {
            let end = self.offset.saturating_add(count(input.len()));
            let bytes = end.saturating_sub(trailer.offset);
            match trailer {
                Trailer { header: true, after_lone_block: false, .. } => {
                    self.odd(trailer.offset, AnomalyKind::SecondArchive { bytes });
                }
                Trailer { header: true, .. } => self.odd(trailer.offset, AnomalyKind::LoneZeroBlock { bytes }),
                Trailer { header: false, .. } => self.odd(trailer.offset, AnomalyKind::Trailing { bytes }),
            }
            self.state = State::Ended;
        }
        self.book_trailer(input.len())
    }

    fn lost<'p>(&'p mut self, input: &'p [u8], to_damage: bool) -> Step<'p> {
        if input.is_empty() {
            self.state = State::Ended;
            let bytes = self.accounts.lost_bytes;
            if to_damage && bytes > 0 {
                self.odd(self.offset.saturating_sub(bytes), AnomalyKind::Lost { bytes });
            }
            return Step::End;
        }
        self.offset = self.offset.saturating_add(count(input.len()));
        self.accounts.lost_bytes = self.accounts.lost_bytes.saturating_add(count(input.len()));
        Step::Frame { consumed: input.len(), frame: Frame::Lost }
    }

    /// Gives up on damage: from here on bytes are only counted.
    fn lose<'p>(&'p mut self, input: &'p [u8]) -> Step<'p> {
        self.whole = false;
        self.state = State::Lost { to_damage: true };
        self.lost(input, true)
    }

    /// Gives up on a limit: what follows may be good, but nobody looks.
    fn stop_at_limit<'p>(&'p mut self, input: &'p [u8], name: &'static str, limit: u64, wanted: u64) -> Step<'p> {
        self.odd(self.offset, AnomalyKind::Limit { name, limit, wanted });
        self.whole = false;
        self.state = State::Lost { to_damage: false };
        self.lost(input, false)
    }

    fn end_without_marker<'p>(&'p mut self, input: &'p [u8]) -> Step<'p> {
        if !input.is_empty() {
            return self.truncated_frame(input, "a member header", BLOCK_BYTES);
        }
        if let Some(pending) = self.pending.take() {
            self.odd(pending.offset, AnomalyKind::ExtensionOrphan);
        }
        self.odd(self.offset, AnomalyKind::EndMissing);
        self.state = State::Ended;
        Step::End
    }

    /// The input ends inside something that is looked at whole; what there is of it is booked as lost.
    fn truncated_frame<'p>(&'p mut self, input: &'p [u8], inside: &'static str, needed: usize) -> Step<'p> {
        self.truncated(inside, count(needed), count(input.len()));
        self.offset = self.offset.saturating_add(count(input.len()));
        self.accounts.lost_bytes = self.accounts.lost_bytes.saturating_add(count(input.len()));
        Step::Frame { consumed: input.len(), frame: Frame::Lost }
    }

    fn truncated(&mut self, inside: &'static str, needed: u64, got: u64) {
        self.odd(self.offset, AnomalyKind::Truncated { inside, needed, got });
        self.whole = false;
        self.state = State::Ended;
    }

    fn odd(&mut self, offset: u64, kind: AnomalyKind) {
        self.anomalies.push(Anomaly { offset, kind });
    }

    fn book_header(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(count(bytes));
        self.accounts.header_bytes = self.accounts.header_bytes.saturating_add(count(bytes));
    }

    fn book_end_marker<'p>(&mut self) -> Step<'p> {
        self.offset = self.offset.saturating_add(count(BLOCK_BYTES));
        self.accounts.end_marker_bytes = self.accounts.end_marker_bytes.saturating_add(count(BLOCK_BYTES));
        Step::Frame { consumed: BLOCK_BYTES, frame: Frame::EndMarker }
    }

    fn book_trailer<'p>(&mut self, bytes: usize) -> Step<'p> {
        self.offset = self.offset.saturating_add(count(bytes));
        self.accounts.trailer_bytes = self.accounts.trailer_bytes.saturating_add(count(bytes));
        Step::Frame { consumed: bytes, frame: Frame::Trailer }
    }
}
