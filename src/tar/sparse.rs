//! Sparse maps: which parts of a file are stored, and where its holes are.
//!
//! Promises: every way of writing the map ends in the same list of [`Region`]s; a list that is used is in order, without
//! overlap, inside the file, and accounts for every stored byte. Refuses to know: the stored bytes. Source of the formats: "Storing
//! Sparse Files" in the GNU tar manual (old GNU, 0.0, 0.1, 1.0), `star(5)` of Schily's star.

use std::fmt;

use super::header::{BLOCK_BYTES, RawHeader};
use super::number::parse;
use super::pax::decimal;

/// A part of a sparse file that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes stored.
    pub bytes: u64,
}

/// What is wrong with a sparse map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapFault {
    /// A number that cannot be read.
    Number,
    /// An offset without a length, or the reverse.
    Partial,
    /// Something after the region that ended the map.
    AfterEnd,
    /// A region that begins before the one in front of it ends.
    Order,
    /// A region that reaches beyond the file.
    BeyondFile,
    /// The regions and the payload are not the same number of bytes.
    Stored {
        /// Bytes of all regions.
        mapped: u64,
        /// Bytes of payload.
        stored: u64,
    },
    /// The size of the whole file is not given.
    NoSize,
    /// The map is longer than the payload that holds it.
    Cut,
    /// No region reaches the end of the file: GNU tar restores such a file shorter.
    Short {
        /// Where the last region ends.
        end: u64,
        /// The size that is given.
        size: u64,
    },
    /// The number of regions is not the one that is announced.
    Count,
    /// The member is no file: a link, a directory. Readers differ in what they make of it, down to its name.
    NoFile,
    /// A version of the format that nobody knows, or maps of two versions at once.
    Version,
}

impl fmt::Display for MapFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number => f.write_str("holds a number that cannot be read"),
            Self::Partial => f.write_str("holds an offset without a length or a length without an offset"),
            Self::AfterEnd => f.write_str("goes on after the entry that ends it"),
            Self::Order => f.write_str("holds regions that overlap or are out of order"),
            Self::BeyondFile => f.write_str("holds a region beyond the end of the file"),
            Self::Stored { mapped, stored } => {
                write!(f, "accounts for {mapped} bytes, and {stored} are stored")
            }
            Self::NoSize => f.write_str("comes without the size of the file"),
            Self::Cut => f.write_str("is longer than the payload that holds it"),
            Self::NoFile => f.write_str("belongs to a member that is no file; readers call it by different names"),
            Self::Version => f.write_str("is of an unknown version, or of two"),
            Self::Short { end, size } => {
                write!(f, "ends at {end} of {size} bytes: GNU tar restores the file shorter, others do not")
            }
            Self::Count => f.write_str("does not hold as many regions as it announces"),
        }
    }
}

/// The regions of one member while its map is read, and then while its payload is. Keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Map {
    regions: Vec<Region>,
    /// Regions met, the ones that were not kept included.
    met: u64,
    limit: u64,
    /// Whether the entry that ends an old GNU map was met.
    ended: bool,
    fault: Option<MapFault>,
    /// The region being read, and bytes of the file before the next one wanted.
    next: usize,
    position: u64,
    real_size: u64,
}

impl Map {
    /// Forgets everything but the memory.
    pub(super) fn clear(&mut self, limit: u64) {
        self.regions.clear();
        (self.met, self.limit, self.ended, self.fault) = (0, limit, false, None);
        (self.next, self.position, self.real_size) = (0, 0, 0);
    }

    /// Regions met.
    pub(super) fn met(&self) -> u64 {
        self.met
    }

    /// Adds a region; past the limit it is counted only.
    pub(super) fn push(&mut self, region: Region) {
        self.met = self.met.saturating_add(1);
        if self.met <= self.limit {
            self.regions.push(region);
        }
    }

    /// Remembers the first thing that is wrong.
    pub(super) fn fail(&mut self, fault: MapFault) {
        self.fault.get_or_insert(fault);
    }

    /// Adds the slots of an old GNU or star map: pairs of 12-byte fields, the first blank length ends the map.
    pub(super) fn slots(&mut self, slots: &[u8]) {
        for slot in slots.chunks_exact(24) {
            let (offset, bytes) = slot.split_at_checked(12).unwrap_or_default();
            if is_blank(bytes) {
                self.ended = true;
                if !is_blank(offset) {
                    self.fail(MapFault::Partial);
                }
                continue;
            }
            if self.ended {
                self.fail(MapFault::AfterEnd);
            }
            if is_blank(offset) {
                self.fail(MapFault::Partial);
            }
            let number = |field: &[u8]| parse(field).ok().and_then(|number| number.unsigned());
            match (number(offset), number(bytes)) {
                (Some(offset), Some(bytes)) => self.push(Region { offset, bytes }),
                _ => self.fail(MapFault::Number),
            }
        }
    }

    /// Another block of slots follows. Behind the entry that ends a map, GNU tar takes it for payload, bsdtar, Python and Go
    /// for more of the map.
    pub(super) fn goes_on(&mut self) {
        if self.ended {
            self.fail(MapFault::AfterEnd);
        }
    }

    /// Closes the map against the bytes stored and the size of the file; from here on it is walked.
    ///
    /// # Errors
    /// What is wrong with it; the member then counts as one stored without holes.
    pub(super) fn settle(&mut self, stored: u64, real_size: Option<u64>) -> Result<(), MapFault> {
        let checked = self.check(stored, real_size);
        match checked {
            Ok(real_size) => self.real_size = real_size,
            Err(_) => self.give_up(stored),
        }
        checked.map(|_| ())
    }

    /// Whether the map ends before the file does, which readers take in two ways.
    pub(super) fn short(&self) -> Option<MapFault> {
        let end = self.regions.last().map_or(0, |region| region.offset.saturating_add(region.bytes));
        (end < self.real_size).then_some(MapFault::Short { end, size: self.real_size })
    }

    /// Forgets the map: what is stored counts as the whole file.
    pub(super) fn give_up(&mut self, stored: u64) {
        self.regions.clear();
        self.regions.push(Region { offset: 0, bytes: stored });
        self.real_size = stored;
    }

    fn check(&self, stored: u64, real_size: Option<u64>) -> Result<u64, MapFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let real_size = real_size.ok_or(MapFault::NoSize)?;
        let (mut end, mut mapped) = (0_u64, 0_u64);
        for region in &self.regions {
            if region.offset < end {
                return Err(MapFault::Order);
            }
            end = region.offset.checked_add(region.bytes).ok_or(MapFault::BeyondFile)?;
            mapped = mapped.saturating_add(region.bytes);
        }
        if end > real_size {
            return Err(MapFault::BeyondFile);
        }
        if mapped != stored {
            return Err(MapFault::Stored { mapped, stored });
        }
        Ok(real_size)
    }

    /// The next part: a hole, which then counts as passed, or stored bytes, which do so by [`Map::advance`].
    pub(super) fn part(&mut self) -> Option<Part> {
        while self.regions.get(self.next).is_some_and(|region| region.bytes == 0) {
            self.next = self.next.saturating_add(1);
        }
        let region = self.regions.get(self.next);
        let to = region.map_or(self.real_size, |region| region.offset);
        if to > self.position {
            let hole = to.saturating_sub(self.position);
            self.position = to;
            return Some(Part::Hole(hole));
        }
        region.map(|region| Part::Stored(region.offset.saturating_add(region.bytes).saturating_sub(self.position)))
    }

    /// Whether nothing more comes.
    pub(super) fn is_over(&self) -> bool {
        let stored = self.regions.iter().skip(self.next).any(|region| region.bytes > 0);
        !stored && self.position >= self.real_size
    }

    /// Passes over stored bytes of the part that was given last.
    pub(super) fn advance(&mut self, bytes: u64) {
        self.position = self.position.saturating_add(bytes);
        if self.regions.get(self.next).is_some_and(|region| region.offset.saturating_add(region.bytes) <= self.position)
        {
            self.next = self.next.saturating_add(1);
        }
    }
}

/// A part of a sparse file, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Hole(u64),
    Stored(u64),
}

fn is_blank(field: &[u8]) -> bool {
    field.iter().all(|byte| matches!(*byte, 0 | b' '))
}

/// Reads a map of format 1.0, which stands as text in the first blocks of the payload.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TextMap {
    digits: u64,
    any: bool,
    count: Option<u64>,
    offset: Option<u64>,
}

impl TextMap {
    /// Takes the next bytes of the payload in; `Some` says how many belonged to the map, which is then whole or given up.
    pub(super) fn read(&mut self, bytes: &[u8], map: &mut Map) -> Option<usize> {
        let mut used: usize = 0;
        for byte in bytes {
            used = used.saturating_add(1);
            match *byte {
                b'0'..=b'9' => {
                    let digit = u64::from(byte.wrapping_sub(b'0'));
                    let Some(value) = self.digits.checked_mul(10).and_then(|value| value.checked_add(digit)) else {
                        map.fail(MapFault::Number);
                        return Some(used);
                    };
                    (self.digits, self.any) = (value, true);
                }
                b'\n' if self.any => {
                    let value = std::mem::take(&mut self.digits);
                    self.any = false;
                    match (self.count, self.offset.take()) {
                        (None, _) => self.count = Some(value),
                        (Some(_), None) => self.offset = Some(value),
                        (Some(_), Some(offset)) => map.push(Region { offset, bytes: value }),
                    }
                    if self.offset.is_none() && self.count.is_some_and(|count| map.met() >= count) {
                        return Some(used);
                    }
                }
                _ => {
                    map.fail(MapFault::Number);
                    return Some(used);
                }
            }
        }
        None
    }
}

/// What pax records say of a sparse file.
#[derive(Debug, Default)]
pub(super) struct SparseRecords {
    /// `GNU.sparse.major` and `.minor`.
    pub(super) version: (Option<u64>, Option<u64>),
    /// `GNU.sparse.numblocks`.
    count: Option<u64>,
    /// Formats 0.0 and 0.1.
    regions: Vec<Region>,
    met: u64,
    /// Whether the map stands in one list.
    listed: bool,
    offset: Option<u64>,
    fault: Option<MapFault>,
}

/// Regions kept of pax records, whatever the limit: a pax header of the usual limit holds no more.
const RECORDS_KEPT: u64 = 1 << 20;

impl SparseRecords {
    pub(super) fn clear(&mut self) {
        self.regions.clear();
        (self.version, self.count, self.met, self.offset, self.fault) = ((None, None), None, 0, None, None);
        self.listed = false;
    }

    /// Takes a `GNU.sparse.` record in, its key without that; false where it is not one about the map.
    pub(super) fn record(&mut self, key: &[u8], value: &[u8]) -> bool {
        let number = decimal(value);
        if number.is_none() && matches!(key, b"major" | b"minor" | b"numblocks" | b"offset" | b"numbytes") {
            self.fault.get_or_insert(MapFault::Number);
            return true;
        }
        match key {
            b"major" => self.version.0 = number,
            b"minor" => self.version.1 = number,
            b"numblocks" => self.count = number,
            b"offset" => {
                if self.offset.is_some() {
                    self.fault.get_or_insert(MapFault::Partial);
                }
                self.offset = number;
            }
            b"numbytes" if self.listed => {
                self.fault.get_or_insert(MapFault::Version);
            }
            b"numbytes" => match (self.offset.take(), number) {
                (Some(offset), Some(bytes)) => self.push(Region { offset, bytes }),
                _ => {
                    self.fault.get_or_insert(MapFault::Partial);
                }
            },
            // A second map, or one beside pairs: some readers take the last alone, others all.
            b"map" if self.met > 0 => {
                self.fault.get_or_insert(MapFault::Version);
            }
            b"map" => {
                self.list(value);
                self.listed = true;
            }
            _ => return false,
        }
        true
    }

    fn push(&mut self, region: Region) {
        self.met = self.met.saturating_add(1);
        if self.met <= RECORDS_KEPT {
            self.regions.push(region);
        }
    }

    /// Format 0.1: `offset,bytes,offset,bytes`.
    fn list(&mut self, value: &[u8]) {
        if value.is_empty() {
            return;
        }
        let mut numbers = value.split(|byte| *byte == b',').map(decimal);
        while let Some(offset) = numbers.next() {
            match (offset, numbers.next()) {
                (Some(offset), Some(Some(bytes))) => self.push(Region { offset, bytes }),
                (_, None) => {
                    self.fault.get_or_insert(MapFault::Partial);
                }
                _ => {
                    self.fault.get_or_insert(MapFault::Number);
                }
            }
        }
    }

    /// Whether the map stands in the payload: format 1.0.
    pub(super) fn is_in_payload(&self) -> bool {
        self.version == (Some(1), Some(0))
    }

    /// Puts the map into `map`.
    pub(super) fn fill(&self, map: &mut Map) {
        let known = matches!(self.version, (None, None) | (Some(0), Some(0 | 1)) | (Some(1), Some(0)));
        if !known || self.is_in_payload() && self.met > 0 {
            map.fail(MapFault::Version);
        }
        if self.is_in_payload() {
            return;
        }
        for region in &self.regions {
            map.push(*region);
        }
        map.met = map.met.max(self.met);
        if let Some(fault) = self.fault {
            map.fail(fault);
        }
        if self.offset.is_some() {
            map.fail(MapFault::Partial);
        }
        if self.count.is_some_and(|count| count != self.met) {
            map.fail(MapFault::Count);
        }
    }
}

/// The slots of the map in a member header, and whether blocks with more of them follow: old GNU, or star.
pub(super) fn header_slots(header: RawHeader<'_>) -> (&[u8], bool) {
    let block = header.block();
    match header.is_star() {
        true => (block.get(356..452).unwrap_or_default(), block.get(355).is_some_and(|flag| *flag != 0)),
        false => (block.get(386..482).unwrap_or_default(), block.get(482).is_some_and(|flag| *flag != 0)),
    }
}

/// The slots of a block of the map, and whether another block follows; the same in old GNU and star.
pub(super) fn block_slots(block: &[u8; BLOCK_BYTES]) -> (&[u8], bool) {
    (block.get(..504).unwrap_or_default(), block.get(504).is_some_and(|flag| *flag != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(regions: &[(u64, u64)]) -> Map {
        let mut map = Map::default();
        map.clear(100);
        for (offset, bytes) in regions {
            map.push(Region { offset: *offset, bytes: *bytes });
        }
        map
    }

    #[test]
    fn a_map_must_account_for_everything() {
        for (regions, stored, size, expected) in [
            (&[(0, 5), (10, 5)][..], 10, Some(15), Ok(())),
            (&[(0, 5), (5, 5)], 10, Some(10), Ok(())),
            (&[(512, 1), (1024, 0)], 1, Some(1024), Ok(())),
            (&[], 0, Some(1 << 40), Ok(())),
            (&[(10, 5), (0, 5)], 10, Some(15), Err(MapFault::Order)),
            (&[(0, 5), (4, 5)], 10, Some(15), Err(MapFault::Order)),
            (&[(0, 5), (10, 6)], 11, Some(15), Err(MapFault::BeyondFile)),
            (&[(u64::MAX, 2)], 2, Some(15), Err(MapFault::BeyondFile)),
            (&[(0, 5)], 6, Some(15), Err(MapFault::Stored { mapped: 5, stored: 6 })),
            (&[(0, 5)], 5, None, Err(MapFault::NoSize)),
        ] {
            assert_eq!(map(regions).settle(stored, size), expected, "{regions:?} {stored} {size:?}");
        }
    }

    /// What a map makes of a payload that is taken in pieces of at most `step` bytes.
    fn walk(mut map: Map, step: u64) -> Vec<Part> {
        let mut seen = Vec::new();
        while let Some(part) = map.part() {
            seen.push(match part {
                Part::Hole(bytes) => Part::Hole(bytes),
                Part::Stored(bytes) => {
                    map.advance(bytes.min(step));
                    Part::Stored(bytes.min(step))
                }
            });
        }
        assert!(map.is_over());
        seen
    }

    #[test]
    fn holes_and_stored_bytes_alternate() {
        use Part::{Hole, Stored};
        let mut whole = map(&[(10, 5), (15, 2), (20, 0), (30, 3), (40, 0)]);
        whole.settle(10, Some(50)).expect("a good map");
        let expected = [Hole(10), Stored(5), Stored(2), Hole(13), Stored(3), Hole(17)];
        assert_eq!(walk(whole, 100), expected);
        let mut pieces = map(&[(1, 5)]);
        pieces.settle(5, Some(6)).expect("a good map");
        assert_eq!(walk(pieces, 2), [Hole(1), Stored(2), Stored(2), Stored(1)]);
        let mut empty = map(&[]);
        empty.settle(0, Some(7)).expect("a good map");
        assert_eq!(walk(empty, 100), [Hole(7)]);
    }

    #[test]
    fn text_maps_end_where_they_say() {
        for (text, used, fault) in [
            (&b"1\n0\n5\n"[..], Some(6), None),
            (b"0\nrest", Some(2), None),
            (b"2\n0\n5\n9\n", None, None),
            (b"1\nx", Some(3), Some(MapFault::Number)),
            (b"\n", Some(1), Some(MapFault::Number)),
            (b"99999999999999999999\n", Some(20), Some(MapFault::Number)),
        ] {
            let mut regions = map(&[]);
            assert_eq!(TextMap::default().read(text, &mut regions), used, "{}", text.escape_ascii());
            assert_eq!(regions.fault, fault, "{}", text.escape_ascii());
        }
    }
}
