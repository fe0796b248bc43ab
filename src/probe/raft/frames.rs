//! The framing of a log file: where each record begins and ends, whether its checksum holds, where the log ends.
//!
//! ```text
//! 8 bytes: length (56 bits), padding │ 08 type 10 checksum 1A length data │ padding to 8 │ … │ zeros
//! ```
//! The checksum of a record is CRC-32C over the data of all records up to it, those of earlier files too: the first record
//! of a file carries the value in. A length of zero is the end; what was made ready behind it is zeros.
//!
//! Promises: a length is believed only where the record's own one agrees with it; at most `probe-bytes` are held; reading
//! stops at the first damage. Refuses to know: what records mean.

use zeroize::Zeroizing;

use super::proto::{Fields, Value};
use super::{grow, size};
use crate::code::{self, Code};
use crate::probe::{Fault, Subject};

/// A write reaches the disk in whole sectors of this size; one that did not is zeros.
const SECTOR: u64 = 512;
/// A record's fields in front of its data are never longer.
const HEAD: usize = 28;
const LENGTH: u64 = 8;
/// The type of the records that carry the checksum over from file to file.
const CHECKSUM: u64 = 4;

/// One record that is whole.
pub(super) struct Record<'a> {
    pub(super) kind: u64,
    pub(super) data: &'a [u8],
}

/// Takes records as they are found whole; says what is wrong where one makes no sense.
pub(super) trait Records {
    fn record(&mut self, record: &Record<'_>) -> Result<(), String>;
}

/// How the file ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Behind a record, and whether zeros follow.
    Clean { has_spare: bool },
    /// In a record that begins here and of which some sectors were never written.
    Torn(u64),
    /// Nothing can be said of what follows.
    Broken,
}

/// A log file as it streams by.
pub(super) struct Frames {
    at: At,
    /// Bytes seen.
    offset: u64,
    limit: u64,
    running: u32,
    /// What the first record carries in.
    pub(super) carried: Option<u32>,
    /// What is wrong, in the order met.
    pub(super) faults: Vec<Fault>,
}

enum At {
    Length {
        bytes: [u8; 8],
        have: usize,
    },
    Record {
        start: u64,
        length: u64,
        padding: u64,
        held: Zeroizing<Vec<u8>>,
    },
    /// In the zeros behind the last record.
    Spare,
    /// In what may be a torn record: zeros must follow.
    Torn {
        start: u64,
        why: &'static str,
    },
    /// Behind what is not zero where zeros must be.
    Over,
    Stopped,
}

impl Frames {
    pub(super) fn new(subject: &Subject<'_>) -> Self {
        Self {
            at: At::Length { bytes: [0; 8], have: 0 },
            offset: 0,
            limit: subject.limits.probe_bytes,
            running: 0,
            carried: None,
            faults: Vec::new(),
        }
    }

    /// The checksum over all records so far, which the next file must carry in.
    pub(super) fn checksum(&self) -> u32 {
        self.running
    }

    /// More of the file.
    pub(super) fn feed(&mut self, mut bytes: &[u8], records: &mut impl Records) {
        while !bytes.is_empty() {
            let taken = match &mut self.at {
                At::Length { bytes: length, have } => {
                    let taken = copy(length, *have, bytes);
                    *have = have.saturating_add(taken);
                    taken
                }
                At::Record { length, padding, held, .. } => {
                    let wanted = length.saturating_add(*padding).saturating_sub(size(held.len()));
                    // Up to where the record's own length is known, before more of it is held.
                    let first = HEAD.saturating_sub(held.len());
                    let wanted = usize::try_from(wanted).unwrap_or(usize::MAX);
                    let taken = bytes.len().min(if first == 0 { wanted } else { wanted.min(first) });
                    grow(held, bytes.get(..taken).unwrap_or_default());
                    taken
                }
                At::Spare | At::Torn { .. } | At::Over | At::Stopped => bytes.len(),
            };
            let (now, later) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            self.rest(now);
            self.offset = self.offset.saturating_add(size(taken));
            self.advance(records);
            bytes = later;
        }
    }

    /// Holds what must be zeros against that.
    fn rest(&mut self, bytes: &[u8]) {
        let (At::Spare | At::Torn { .. }) = self.at else { return };
        let Some(index) = not_zero(bytes) else { return };
        let found = self.offset.saturating_add(size(index));
        if let At::Torn { start, why } = self.at {
            self.stop(&code::RAFT_LOG_DAMAGED, start, format!("{why}, and it is not the last record"));
        } else {
            let message = format!(
                "the log ends before byte {found}, and bytes that are not zero stand there: records behind a gap are lost to \
                 whoever reads the log"
            );
            self.faults.push(fault(&code::RAFT_STRAY_BYTES, found, message));
            self.at = At::Over;
        }
    }

    /// What follows from the bytes gathered, where they are enough.
    fn advance(&mut self, records: &mut impl Records) {
        match &self.at {
            At::Length { bytes, have: 8 } => self.length(u64::from_le_bytes(*bytes)),
            At::Record { start, length, padding, held } => {
                let (start, length, have) = (*start, *length, held.len());
                let is_whole = size(have) == length.saturating_add(*padding);
                if have == HEAD || (is_whole && have < HEAD) {
                    self.head(start, length);
                }
                if is_whole && let At::Record { held, .. } = &mut self.at {
                    let held = std::mem::take(held);
                    self.whole(start, length, &held, records);
                }
            }
            At::Length { .. } | At::Spare | At::Torn { .. } | At::Over | At::Stopped => {}
        }
    }

    fn length(&mut self, field: u64) {
        let start = self.offset.saturating_sub(LENGTH);
        if field == 0 {
            self.at = At::Spare;
            return;
        }
        let (length, top) = (field & 0x00FF_FFFF_FFFF_FFFF, field >> 56);
        let padding = length.wrapping_neg() & 7;
        let wanted = if padding == 0 { 0 } else { 0x80 | padding };
        let told = if top & 0x80 == 0 { 0 } else { 0x80 | (top & 7) };
        if told != wanted || length == 0 {
            let message = format!("the length of the record at byte {start} is {length}, padding {}", told & 7);
            self.stop(&code::RAFT_LOG_DAMAGED, start, message);
            return;
        }
        if top != wanted {
            let message = format!("the length field of the record at byte {start} has bits set that mean nothing");
            self.faults.push(fault(&code::RAFT_STRAY_BYTES, start, message));
        }
        self.at = At::Record { start, length, padding, held: Zeroizing::new(Vec::new()) };
    }

    /// Holds the record's own length against the one in front of it, before anything more is kept.
    fn head(&mut self, start: u64, length: u64) {
        let At::Record { held, .. } = &self.at else { return };
        let end = usize::try_from(length).unwrap_or(usize::MAX).min(held.len());
        let head = held.get(..end).unwrap_or_default();
        if parse(head).is_some_and(|parts| parts.length() == length) {
            if length > self.limit {
                let message =
                    format!("a record of {length} bytes at byte {start}, and it must be held whole to be checked");
                self.stop(&code::PROBE_TOO_LARGE, start, message);
            }
            return;
        }
        // A sector that was never written begins in the head, or with it.
        let edge = usize::try_from(start.saturating_add(LENGTH).wrapping_neg() & (SECTOR - 1)).unwrap_or(usize::MAX);
        if head.get(edge..).is_some_and(|rest| !rest.is_empty() && not_zero(rest).is_none()) {
            self.at = At::Torn { start, why: "the head of the record is partly zeros" };
            return;
        }
        let message =
            format!("the record at byte {start} says {length} bytes, and does not begin like one of that length");
        self.stop(&code::RAFT_LOG_DAMAGED, start, message);
    }

    fn whole(&mut self, start: u64, length: u64, held: &[u8], records: &mut impl Records) {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let (bytes, padding) = held.split_at_checked(length).unwrap_or((held, &[]));
        let Some(parts) = parse(bytes) else {
            self.stop(&code::RAFT_LOG_DAMAGED, start, format!("the record at byte {start} is none"));
            return;
        };
        let data = bytes.get(parts.data..).unwrap_or_default();
        let carries = parts.kind == CHECKSUM;
        let expected = match (carries, self.carried) {
            (true, None) => parts.checksum,
            (true, Some(_)) => self.running,
            (false, _) => crc32c::crc32c_append(self.running, data),
        };
        if expected != parts.checksum {
            let why = "the checksum of the record does not hold";
            if has_empty_sector(start.saturating_add(LENGTH), bytes) {
                self.at = At::Torn { start, why };
            } else {
                let message = format!("{why}: bytes from {start} to {} were changed", self.offset);
                self.stop(&code::RAFT_LOG_DAMAGED, start, message);
            }
            return;
        }
        self.running = expected;
        if carries && self.carried.is_none() {
            self.carried = Some(parts.checksum);
        } else if self.carried.is_none() {
            let message = "the file does not begin with the checksum that every log file begins with";
            self.stop(&code::RAFT_LOG_DAMAGED, start, message.to_owned());
            return;
        }
        if let Err(message) = records.record(&Record { kind: parts.kind, data }) {
            self.stop(&code::RAFT_LOG_DAMAGED, start, format!("the record at byte {start}: {message}"));
            return;
        }
        if let Some(index) = not_zero(padding) {
            let at = self.offset.saturating_sub(size(padding.len())).saturating_add(size(index));
            let message = format!("the padding of the record at byte {start} is not zeros");
            self.faults.push(fault(&code::RAFT_STRAY_BYTES, at, message));
        }
        self.at = At::Length { bytes: [0; 8], have: 0 };
    }

    /// The file is over.
    pub(super) fn end(&mut self) -> End {
        let cut = match &self.at {
            At::Length { bytes, have } if bytes.get(..*have).is_none_or(|begun| not_zero(begun).is_some()) => {
                self.offset.saturating_sub(size(*have))
            }
            At::Length { have, .. } => return End::Clean { has_spare: *have > 0 },
            At::Spare | At::Over => return End::Clean { has_spare: true },
            At::Torn { start, .. } => {
                let start = *start;
                let message =
                    format!("the last record, at byte {start}, was written in part only: the log ends before it");
                self.faults.push(fault(&code::RAFT_LOG_TORN, start, message));
                return End::Torn(start);
            }
            At::Record { start, .. } => *start,
            At::Stopped => return End::Broken,
        };
        let message = format!("the file ends inside the record that begins at byte {cut}");
        self.stop(&code::RAFT_LOG_CUT, cut, message);
        End::Broken
    }

    fn stop(&mut self, code: &'static Code, offset: u64, message: String) {
        self.faults.push(fault(code, offset, message));
        self.at = At::Stopped;
    }
}

fn fault(code: &'static Code, offset: u64, message: String) -> Fault {
    Fault { code, severity: None, message, offset: Some(offset) }
}

/// The fields in front of a record's data.
struct Parts {
    kind: u64,
    checksum: u32,
    /// Where the data begins, and how long it says it is.
    data: usize,
    data_bytes: u64,
}

impl Parts {
    fn length(&self) -> u64 {
        size(self.data).saturating_add(self.data_bytes)
    }
}

/// Reads the fields in front of the data, in the one order in which they are written; the data itself may be missing.
fn parse(bytes: &[u8]) -> Option<Parts> {
    let mut fields = Fields(bytes);
    let (1, Value::Number(kind)) = fields.next().ok()?? else { return None };
    let (2, Value::Number(checksum)) = fields.next().ok()?? else { return None };
    let checksum = u32::try_from(checksum).ok()?;
    let mut data_bytes = 0;
    if let Some((0x1A, rest)) = fields.0.split_first() {
        fields = Fields(rest);
        data_bytes = fields.number().ok()?;
    } else if !fields.0.is_empty() {
        return None;
    }
    Some(Parts { kind, checksum, data: bytes.len().saturating_sub(fields.0.len()), data_bytes })
}

/// Whether one of the pieces that `bytes`, which begin at `offset`, have in each sector is all zeros.
fn has_empty_sector(offset: u64, bytes: &[u8]) -> bool {
    let first = usize::try_from(SECTOR.saturating_sub(offset & (SECTOR - 1))).unwrap_or(usize::MAX).min(bytes.len());
    let (head, rest) = bytes.split_at_checked(first).unwrap_or((bytes, &[]));
    let sector = usize::try_from(SECTOR).unwrap_or(usize::MAX);
    std::iter::once(head).chain(rest.chunks(sector)).any(|piece| !piece.is_empty() && not_zero(piece).is_none())
}

/// Where the first byte stands that is not zero; made so that a compiler takes many at once.
fn not_zero(bytes: &[u8]) -> Option<usize> {
    let (chunks, _) = bytes.as_chunks::<64>();
    let zeros = chunks.iter().take_while(|chunk| chunk.iter().fold(0, |all, byte| all | byte) == 0).count();
    let from = zeros.saturating_mul(64);
    bytes.get(from..)?.iter().position(|byte| *byte != 0).map(|index| from.saturating_add(index))
}

fn copy(into: &mut [u8; 8], have: usize, bytes: &[u8]) -> usize {
    let room = into.get_mut(have..).unwrap_or_default();
    let taken = room.len().min(bytes.len());
    room.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    taken
}
