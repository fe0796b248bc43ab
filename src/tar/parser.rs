//! The state machine: what the next bytes are, given what came before.
//!
//! Promises: one [`Step`] a call, the same for any cut of the input; no allocation per block; every consumed byte is booked
//! in [`Accounts`]. Refuses to know: who reads, and what happens to payloads: they are the caller's to take or pass over.

use crate::limits::Limits;

use super::anomaly::{Anomaly, AnomalyKind};
use super::count;
use super::extension::{ExtensionKind, Extensions};
use super::fork::{Fork, after};
use super::header::{BLOCK_BYTES, Checksum, RawHeader};
use super::member::{Member, Unframed, describe, framing, join_path};
use super::sparse::{Map, TextMap};

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
    Extension(ExtensionKind),
    /// A block of a sparse map.
    SparseMap,
    /// So many bytes of the member come next that are not stored: zeros. Nothing is consumed.
    Hole(u64),
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
    /// Members met, in all archives of the input.
    pub members: u64,
    /// Archives that follow the first one's end marker.
    pub further_archives: u64,
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
pub(super) enum State {
    AwaitingHeader,
    /// Blocks of an old GNU or star map.
    AwaitingSparseMap,
    /// The map of format 1.0 stands at the start of the payload.
    AwaitingTextMap {
        left: u64,
    },
    InPayload {
        left: u64,
    },
    AwaitingPadding {
        bytes: usize,
    },
    AwaitingSecondZero,
    /// `junk` is where bytes began that are neither zeros nor an archive.
    InTrailer {
        junk: Option<u64>,
    },
    /// Since that offset.
    Lost {
        since: u64,
        to_damage: bool,
    },
    Ended,
}

/// Reads one tar.
#[derive(Debug)]
pub struct Parser {
    pub(super) limits: Limits,
    pub(super) salvaging: bool,
    pub(super) state: State,
    /// Bytes of the current payload in all, for the padding and for what is missing of it.
    pub(super) payload: u64,
    pub(super) offset: u64,
    /// The member being read: whether its holes are given, and whether its content can be told from what was there.
    pub(super) sparse: bool,
    pub(super) member_whole: bool,
    pub(super) map: Map,
    pub(super) text_map: TextMap,
    pub(super) real_size: Option<u64>,
    /// Another way to read on from a header before.
    pub(super) fork: Option<Fork>,
    /// Where the extension headers of the coming member begin.
    pub(super) pending: Option<Pending>,
    pub(super) extensions: Extensions,
    joined: Vec<u8>,
    pub(super) accounts: Accounts,
    pub(super) end_marker: EndMarker,
    pub(super) whole: bool,
    pub(super) salvaged: bool,
    pub(super) anomalies: Vec<Anomaly>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) offset: u64,
    headers: u64,
    bytes: u64,
}

impl Parser {
    /// At the first byte of a tar.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            salvaging: false,
            state: State::AwaitingHeader,
            payload: 0,
            offset: 0,
            sparse: false,
            member_whole: true,
            map: Map::default(),
            text_map: TextMap::default(),
            real_size: None,
            fork: None,
            pending: None,
            extensions: Extensions::default(),
            joined: Vec::new(),
            accounts: Accounts::default(),
            end_marker: EndMarker::Missing,
            whole: true,
            salvaged: false,
            anomalies: Vec::new(),
        }
    }

    /// Looks for the next header wherever sync is lost, at any byte, and reads on from there.
    #[must_use]
    pub fn salvaging(mut self) -> Self {
        self.salvaging = true;
        self
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

    /// Whether more of the member met last follows: its sparse map, its payload or a hole.
    #[must_use]
    pub fn is_inside_member(&self) -> bool {
        matches!(self.state, State::AwaitingSparseMap | State::AwaitingTextMap { .. } | State::InPayload { .. })
    }

    /// Whether the content of the member met last was given as it is: not cut, and not with a sparse map that cannot be
    /// right.
    #[must_use]
    pub fn is_member_whole(&self) -> bool {
        self.member_whole
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
            State::AwaitingSparseMap => self.sparse_map(input, at_end),
            State::AwaitingTextMap { left } => self.text_map(input, at_end, left),
            State::InPayload { left } => self.in_payload(input, at_end, left),
            State::AwaitingPadding { bytes } => self.padding(input, at_end, bytes),
            State::AwaitingSecondZero => self.second_zero(input, at_end),
            State::InTrailer { junk } => self.trailer(input, at_end, junk),
            State::Lost { since, to_damage } => self.lost(input, at_end, since, to_damage),
            State::Ended => Step::End,
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
        self.meet_fork();
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
                if self.salvaging && self.accounts.members > 0 {
                    self.odd(self.offset, AnomalyKind::Partial);
                }
                return self.lose(input, at_end);
            }
        }
        match ExtensionKind::of(header.typeflag()) {
            Some(kind) => self.extension(input, at_end, header, kind),
            None => self.member(input, at_end, header),
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
                return self.lose(input, at_end);
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
        Step::Frame { consumed: whole, frame: Frame::Extension(kind) }
    }

    fn member<'p>(&'p mut self, input: &'p [u8], at_end: bool, header: RawHeader<'p>) -> Step<'p> {
        let at = self.offset;
        let first = self.pending.take().map_or(at, |pending| pending.offset);
        let mut odd: Vec<AnomalyKind> = Vec::new();
        let name = header.name();
        let is_joined = join_path(header, name, &mut self.joined, &mut |kind| odd.push(kind));
        let framed = {
            let own = if is_joined { &self.joined } else { name };
            let path = self.extensions.local.path.value().unwrap_or(own);
            framing(header, path, &self.extensions.local, &mut |kind| odd.push(kind))
        };
        let framed = match framed {
            Ok(framed) => framed,
            Err(Unframed(kind)) => {
                odd.push(kind);
                self.anomalies.extend(odd.into_iter().map(|kind| Anomaly { offset: at, kind }));
                return self.lose(input, at_end);
            }
        };
        self.book_header(BLOCK_BYTES);
        self.accounts.members = self.accounts.members.saturating_add(1);
        self.begin_payload(header, &framed);
        let Self { extensions, joined, limits, anomalies, fork, .. } = self;
        let own = if is_joined { joined } else { name };
        let path = extensions.local.path.value().unwrap_or(own);
        match (&mut *fork, framed.other) {
            (Some(fork), _) => fork.misses(path),
            (None, Some(expects)) => {
                *fork = after(self.offset, expects.bytes)
                    .filter(|other| after(self.offset, framed.stored_size) != Some(*other))
                    .map(|other| Fork::new(at, other, expects));
            }
            (None, None) => {}
        }
        let member = Member {
            archive: self.accounts.further_archives,
            salvaged: self.salvaged,
            ..describe(header, path, &framed, extensions, first, limits, &mut |kind| odd.push(kind))
        };
        if !odd.is_empty() {
            anomalies.extend(odd.into_iter().map(|kind| Anomaly { offset: at, kind }));
        }
        Step::Frame { consumed: BLOCK_BYTES, frame: Frame::Member(member) }
    }

    pub(super) fn odd(&mut self, offset: u64, kind: AnomalyKind) {
        self.anomalies.push(Anomaly { offset, kind });
    }

    pub(super) fn book_header(&mut self, bytes: usize) {
        self.offset = self.offset.saturating_add(count(bytes));
        self.accounts.header_bytes = self.accounts.header_bytes.saturating_add(count(bytes));
    }
}
