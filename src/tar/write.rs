//! Writing: the blocks in front of a member's payload, out of its description, and those that close an archive.
//!
//! ```text
//! head(draft)                                            payload    padding(bytes)    closing(total)
//! [pax header + records] member header [sparse map] ──► the caller's ──► zeros ──► … ──► zeros up to a record
//! ```
//!
//! ustar where everything fits, a pax header before it where not, and GNU's sparse format 1.0 for files with holes. Readers
//! agree on these three; the same description always gives the same bytes.
//!
//! Promises: what [`Parser`](super::Parser) reads back is what was described, without an anomaly but the note that a file is
//! sparse; what cannot be said that way is an [`Unsayable`], never shortened. Refuses to know: where descriptions come
//! from, and the payload.

use std::fmt;

use crate::entry::{Attribute, EntryKind, Timestamp};
use crate::limits::Limits;

use super::count;
use super::extension::is_own_key;
use super::header::BLOCK_BYTES;
use super::sparse::Region;

/// Bytes an archive is filled up to: twenty blocks, as every tar of the last forty years does.
pub const RECORD_BYTES: u64 = 10_240;

/// What a member is to say. Numbers that no field holds go to the pax header.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Path; that of a directory may end in a slash, no other may.
    pub path: &'a [u8],
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content, holes included; 0 for what is no file.
    pub size: u64,
    /// Permission bits: 12.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Owner's name; empty for none.
    pub uname: &'a [u8],
    /// Group's name; empty for none.
    pub gname: &'a [u8],
    /// Last modification.
    pub mtime: Timestamp,
    /// Where a link points; empty for everything else.
    pub link: &'a [u8],
    /// Major and minor number of a device.
    pub device: Option<(u64, u64)>,
    /// Extended attributes and access control lists, named as [`Attribute`] has them.
    pub attributes: &'a [Attribute],
    /// What is stored of a [`EntryKind::Sparse`] file, in order; empty for everything else.
    pub regions: &'a [Region],
}

impl<'a> Draft<'a> {
    /// A member of root's, of 1970, without content.
    #[must_use]
    pub fn new(path: &'a [u8], kind: EntryKind) -> Self {
        Self {
            path,
            kind,
            size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            uname: &[],
            gname: &[],
            mtime: Timestamp::default(),
            link: &[],
            device: None,
            attributes: &[],
            regions: &[],
        }
    }
}

/// Why a description cannot be written so that every reader reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsayable {
    /// It has no path.
    NoName,
    /// The path of something other than a directory ends in a slash.
    Slash,
    /// A link without a target, or a target without a link.
    Target,
    /// A NUL in a text, where many readers end it: which.
    Nul(&'static str),
    /// A text that is neither UTF-8, as a pax header must be, nor short enough for its field: which.
    Charset(&'static str),
    /// A number that readers do not read: which.
    Number(&'static str),
    /// Content of something that is no file, or a map of a file without holes.
    Content,
    /// A kind that only readers know.
    Kind(EntryKind),
    /// A device without numbers, or numbers without a device.
    Device,
    /// Regions that overlap, are out of order, or reach beyond the file.
    Map,
    /// An attribute with a name that is empty, holds `=` or NUL, or stands there twice, or with an empty value, which in pax
    /// deletes: its name.
    Attribute(Vec<u8>),
    /// More than our own reader takes without being asked to: the limit, what it allows, what is there.
    Limit(&'static str, u64, u64),
}

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName => f.write_str("it has no name"),
            Self::Slash => f.write_str("its name ends in a slash, and it is no directory"),
            Self::Target => f.write_str("a link needs a target, and nothing else may have one"),
            Self::Nul(what) => write!(f, "its {what} holds a NUL"),
            Self::Charset(what) => {
                write!(f, "its {what} is not UTF-8, and too long for the field that takes any bytes")
            }
            Self::Number(what) => write!(f, "its {what} is a number that tar readers do not read"),
            Self::Content => f.write_str("it has content or a map of holes, and is nothing that can have them"),
            Self::Kind(kind) => write!(f, "nothing of the kind {:?} can be written", kind.as_str()),
            Self::Device => f.write_str("a device needs its two numbers, and nothing else may have them"),
            Self::Map => f.write_str("its stored parts overlap, are out of order, or reach beyond its end"),
            Self::Attribute(name) => {
                write!(f, "the attribute {} cannot stand in a pax header", name.escape_ascii())
            }
            Self::Limit(name, limit, wanted) => write!(f, "{wanted} is more than the {limit} that {name} allows"),
        }
    }
}

impl std::error::Error for Unsayable {}

/// The end marker and the zeros behind it for an archive of so many bytes: at least two blocks, up to a whole record.
#[must_use]
pub fn closing(bytes: u64) -> u64 {
    let end = bytes.saturating_add(count(2_usize.saturating_mul(BLOCK_BYTES)));
    end.checked_next_multiple_of(RECORD_BYTES).unwrap_or(end).saturating_sub(bytes)
}

/// The zeros behind a payload of so many bytes, up to a whole block.
#[must_use]
pub fn padding(bytes: u64) -> usize {
    let over = bytes.checked_rem(count(BLOCK_BYTES)).and_then(|over| usize::try_from(over).ok()).unwrap_or(0);
    if over == 0 { 0 } else { BLOCK_BYTES.saturating_sub(over) }
}

/// Appends everything that stands before the payload, and says how many bytes of payload are to follow; for a sparse file
/// these are its regions, one after the other. The caller writes them, and then [`padding`] for as many.
///
/// # Errors
/// It cannot be said; nothing was appended.
pub fn head(draft: &Draft<'_>, out: &mut Vec<u8>) -> Result<u64, Unsayable> {
    let typeflag = check(draft)?;
    let map = (draft.kind == EntryKind::Sparse).then(|| Map::of(draft)).transpose()?;
    let payload = map.as_ref().map_or(draft.size, |map| map.stored);
    let size = map.as_ref().map_or(Some(payload), |map| payload.checked_add(count(map.text.len())));
    let size = size.filter(|size| *size <= SIZE_LIMIT).ok_or(Unsayable::Number("size"))?;
    let mut block = Block::new(typeflag, draft.mode);
    let mut records = Vec::new();
    if map.is_some() {
        record(&mut records, b"GNU.sparse.major", b"1");
        record(&mut records, b"GNU.sparse.minor", b"0");
        record(&mut records, b"GNU.sparse.realsize", draft.size.to_string().as_bytes());
    }
    let hollow = map.is_some().then(|| beside(draft.path, b"GNUSparseFile.0"));
    block.path(draft.path, hollow.as_deref(), &mut records)?;
    block.text((157, 100), ("linkpath", "link target"), draft.link, &mut records)?;
    block.number((124, 11), "size", size, &mut records);
    block.number((108, 7), "uid", draft.uid, &mut records);
    block.number((116, 7), "gid", draft.gid, &mut records);
    block.time(draft.mtime, &mut records)?;
    // The last byte of these two is a NUL by the standard; a name in a path field may do without.
    block.text((265, 31), ("uname", "owner's name"), draft.uname, &mut records)?;
    block.text((297, 31), ("gname", "group's name"), draft.gname, &mut records)?;
    let (major, minor) = draft.device.unwrap_or_default();
    if !block.octal(329, 7, major) || !block.octal(337, 7, minor) {
        return Err(Unsayable::Number("device number"));
    }
    attributes(draft.attributes, &mut records)?;
    extension(draft, &records, out)?;
    out.extend_from_slice(&block.sealed());
    if let Some(map) = map {
        out.extend_from_slice(&map.text);
    }
    Ok(payload)
}

/// The largest size that leaves room for padding in 63 bits.
const SIZE_LIMIT: u64 = i64::MAX.cast_unsigned().saturating_sub(512);

/// Holds the description against itself and the reader's limits, and gives the typeflag.
fn check(draft: &Draft<'_>) -> Result<u8, Unsayable> {
    let typeflag = match draft.kind {
        EntryKind::File | EntryKind::Sparse => b'0',
        EntryKind::Hardlink => b'1',
        EntryKind::Symlink => b'2',
        EntryKind::Character => b'3',
        EntryKind::Block => b'4',
        EntryKind::Directory => b'5',
        EntryKind::Fifo => b'6',
        EntryKind::Contiguous => b'7',
        EntryKind::Other => return Err(Unsayable::Kind(draft.kind)),
    };
    if draft.path.is_empty() {
        return Err(Unsayable::NoName);
    }
    let texts = [
        ("name", draft.path),
        ("link target", draft.link),
        ("owner's name", draft.uname),
        ("group's name", draft.gname),
    ];
    if let Some((what, _)) = texts.iter().find(|(_, text)| text.contains(&0)) {
        return Err(Unsayable::Nul(what));
    }
    if draft.path.ends_with(b"/") && draft.kind != EntryKind::Directory {
        return Err(Unsayable::Slash);
    }
    if matches!(draft.kind, EntryKind::Hardlink | EntryKind::Symlink) == draft.link.is_empty() {
        return Err(Unsayable::Target);
    }
    if matches!(draft.kind, EntryKind::Character | EntryKind::Block) != draft.device.is_some() {
        return Err(Unsayable::Device);
    }
    if draft.size > 0 && !draft.kind.is_file() || !draft.regions.is_empty() && draft.kind != EntryKind::Sparse {
        return Err(Unsayable::Content);
    }
    if draft.mode > 0o7777 {
        return Err(Unsayable::Number("mode"));
    }
    let limits = Limits::default();
    let depth = count(draft.path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count());
    for (name, limit, wanted) in [
        ("path-bytes-warn", limits.path_bytes_warn, count(draft.path.len())),
        ("path-depth", limits.path_depth, depth),
        // One more may be needed to close the map.
        ("sparse-regions", limits.sparse_regions, count(draft.regions.len()).saturating_add(1)),
    ] {
        if wanted > limit {
            return Err(Unsayable::Limit(name, limit, wanted));
        }
    }
    Ok(typeflag)
}

/// The map of a sparse file as format 1.0 has it: decimal numbers, a line each, filled up to a block.
struct Map {
    text: Vec<u8>,
    stored: u64,
}

impl Map {
    fn of(draft: &Draft<'_>) -> Result<Self, Unsayable> {
        let (mut end, mut stored) = (0_u64, 0_u64);
        for region in draft.regions {
            if region.offset < end {
                return Err(Unsayable::Map);
            }
            end = region.offset.checked_add(region.bytes).ok_or(Unsayable::Map)?;
            stored = stored.saturating_add(region.bytes);
        }
        if end > draft.size {
            return Err(Unsayable::Map);
        }
        // GNU tar goes by the map alone: without a region at the end it restores the file without its last hole.
        let close = (end < draft.size || draft.regions.is_empty()).then_some(Region { offset: draft.size, bytes: 0 });
        let regions = draft.regions.len().saturating_add(usize::from(close.is_some()));
        let mut text = format!("{regions}\n").into_bytes();
        for region in draft.regions.iter().chain(&close) {
            text.extend_from_slice(format!("{}\n{}\n", region.offset, region.bytes).as_bytes());
        }
        fill(&mut text);
        Ok(Self { text, stored })
    }
}

/// Zeros up to a whole block.
fn fill(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().checked_next_multiple_of(BLOCK_BYTES).unwrap_or(bytes.len()), 0);
}

/// The name that stands in a header beside the true one, in its folder: what readers without pax would call the file.
fn beside(path: &[u8], folder: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let split = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash.saturating_add(1));
    let (parents, name) = path.split_at_checked(split).unwrap_or((&[], path));
    [parents, folder, b"/", name].concat()
}

fn attributes(attributes: &[Attribute], records: &mut Vec<u8>) -> Result<(), Unsayable> {
    let mut before: Vec<Vec<u8>> = Vec::new();
    for Attribute { name, value } in attributes {
        // Access control lists have keys of their own.
        let prefix: &[u8] = if is_own_key(name) { b"" } else { b"SCHILY.xattr." };
        let key = [prefix, name].concat();
        let is_bad = name.is_empty() || value.is_empty() || name.iter().any(|byte| matches!(byte, 0 | b'='));
        if is_bad || before.contains(&key) {
            return Err(Unsayable::Attribute(name.clone()));
        }
        record(records, &key, value);
        before.push(key);
    }
    Ok(())
}

/// The pax header, where there are records.
fn extension(draft: &Draft<'_>, records: &[u8], out: &mut Vec<u8>) -> Result<(), Unsayable> {
    if records.is_empty() {
        return Ok(());
    }
    let (limit, wanted) = (Limits::default().extension_bytes, count(records.len()));
    if wanted > limit {
        return Err(Unsayable::Limit("extension-bytes", limit, wanted));
    }
    let mut block = Block::new(b'x', 0o644);
    let name = beside(draft.path, b"PaxHeaders");
    block.put(0, name.get(..100).unwrap_or(&name));
    block.octal(124, 11, wanted);
    // Readers that take it for a file give it the member's time.
    let seconds = u64::try_from(draft.mtime.seconds).unwrap_or(0);
    if !block.octal(136, 11, seconds) {
        block.octal(136, 11, 0);
    }
    block.octal(108, 7, 0);
    block.octal(116, 7, 0);
    out.extend_from_slice(&block.sealed());
    out.extend_from_slice(records);
    fill(out);
    Ok(())
}

/// `length key=value\n`, where the length counts itself.
fn record(records: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let rest = key.len().saturating_add(value.len()).saturating_add(3);
    let digits = |number: usize| usize::try_from(number.checked_ilog10().unwrap_or(0)).unwrap_or(0).saturating_add(1);
    let length = rest.saturating_add(digits(rest));
    // One digit more may make one digit more.
    let length = rest.saturating_add(digits(length));
    records.extend_from_slice(length.to_string().as_bytes());
    for part in [b" ", key, b"=", value, b"\n"] {
        records.extend_from_slice(part);
    }
}

/// A header block being filled.
struct Block([u8; BLOCK_BYTES]);

impl Block {
    fn new(typeflag: u8, mode: u32) -> Self {
        let mut block = Self([0; BLOCK_BYTES]);
        block.octal(100, 7, u64::from(mode));
        block.put(156, &[typeflag]);
        block.put(257, b"ustar\x0000");
        block
    }

    fn put(&mut self, at: usize, field: &[u8]) {
        if let Some(place) = at.checked_add(field.len()).and_then(|end| self.0.get_mut(at..end)) {
            place.copy_from_slice(field);
        }
    }

    /// So many octal digits; false, and nothing written, where they are too few.
    fn octal(&mut self, at: usize, digits: usize, value: u64) -> bool {
        let mut left = value;
        let mut text = [0; 12];
        let Some(field) = text.get_mut(..digits) else { return false };
        for digit in field.iter_mut().rev() {
            *digit = b'0' | u8::try_from(left & 7).unwrap_or(0);
            left >>= 3;
        }
        if left == 0 {
            self.put(at, text.get(..digits).unwrap_or_default());
        }
        left == 0
    }

    /// A number in its field, or in the record of that name with the most that the field takes in its place: where a reader
    /// knows no pax, an owner that does not exist is better than root.
    fn number(&mut self, (at, digits): (usize, usize), key: &str, value: u64, records: &mut Vec<u8>) {
        if !self.octal(at, digits, value) {
            record(records, key.as_bytes(), value.to_string().as_bytes());
            self.octal(at, digits, if key == "size" { 0 } else { 0o7_777_777 });
        }
    }

    fn time(&mut self, time: Timestamp, records: &mut Vec<u8>) -> Result<(), Unsayable> {
        const SECOND: u32 = 1_000_000_000;
        // Before 1970 the fraction counts backwards in decimal.
        let (seconds, fraction, sign) = match (time.seconds < 0, time.nanoseconds) {
            (true, 0) => (time.seconds.unsigned_abs(), 0, "-"),
            (true, part) => (time.seconds.unsigned_abs().saturating_sub(1), SECOND.saturating_sub(part), "-"),
            (false, part) => (time.seconds.unsigned_abs(), part, ""),
        };
        if time.nanoseconds >= SECOND || i64::try_from(seconds).is_err() {
            return Err(Unsayable::Number("time"));
        }
        let fits = sign.is_empty() && self.octal(136, 11, seconds);
        if !fits {
            self.octal(136, 11, 0);
        }
        if fraction > 0 {
            let text = format!("{sign}{seconds}.{fraction:09}");
            record(records, b"mtime", text.trim_end_matches('0').as_bytes());
        } else if !fits {
            record(records, b"mtime", format!("{sign}{seconds}").as_bytes());
        }
        Ok(())
    }

    /// A text in its field, in the record `key` where it is not ASCII, and there alone where it is too long.
    fn text(
        &mut self,
        (at, bytes): (usize, usize),
        (key, what): (&str, &'static str),
        text: &[u8],
        records: &mut Vec<u8>,
    ) -> Result<(), Unsayable> {
        self.put(at, text.get(..bytes).unwrap_or(text));
        if wants_record(text, text.len() <= bytes, what)? {
            record(records, key.as_bytes(), text);
        }
        Ok(())
    }

    /// The path in name and prefix, or in a record; a sparse file has its true name in one of its own, and `hollow` here.
    fn path(&mut self, path: &[u8], hollow: Option<&[u8]>, records: &mut Vec<u8>) -> Result<(), Unsayable> {
        let split = split(path);
        let mut wants_record = wants_record(path, split.is_some(), "name")?;
        // Bytes that are no text stand in the fields alone; every reader knows a sparse file by its other records.
        if hollow.is_some() && std::str::from_utf8(path).is_ok() {
            wants_record = true;
        }
        match (hollow.filter(|_| wants_record), split) {
            (Some(hollow), _) => self.put(0, hollow.get(..100).unwrap_or(hollow)),
            (None, Some((prefix, name))) => {
                self.put(0, name);
                self.put(345, prefix);
            }
            (None, None) => self.put(0, path.get(..100).unwrap_or(path)),
        }
        if wants_record {
            record(records, if hollow.is_some() { b"GNU.sparse.name" } else { b"path" }, path);
        }
        Ok(())
    }

    /// The block with its checksum.
    fn sealed(mut self) -> [u8; BLOCK_BYTES] {
        self.put(148, b"        ");
        let sum = self.0.iter().fold(0_u64, |sum, byte| sum.saturating_add(u64::from(*byte)));
        self.octal(148, 6, sum);
        self.put(154, b"\0 ");
        self.0
    }
}

/// Whether a text belongs in a pax record: what is not ASCII does, so that readers know its charset.
fn wants_record(text: &[u8], fits: bool, what: &'static str) -> Result<bool, Unsayable> {
    match (text.is_ascii(), std::str::from_utf8(text).is_ok()) {
        (true, _) => Ok(!fits),
        (false, true) => Ok(true),
        (false, false) if fits => Ok(false),
        (false, false) => Err(Unsayable::Charset(what)),
    }
}

/// Prefix and name, where the path fits these fields: cut at a slash, with something on both sides.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    const NAME: usize = 100;
    const PREFIX: usize = 155;
    let Some(longer) = path.len().checked_sub(NAME).filter(|longer| *longer > 0) else { return Some((&[], path)) };
    // The slash itself is in neither field.
    let from = longer.saturating_sub(1).max(1);
    let to = path.len().saturating_sub(1).min(PREFIX.saturating_add(1));
    let slash = path.get(from..to)?.iter().position(|byte| *byte == b'/')?.saturating_add(from);
    Some((path.get(..slash)?, path.get(slash.saturating_add(1)..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_its_own_length() {
        // "9 k=vvvv\n" has nine bytes; with one more, its length has two digits.
        for (value, length) in [(1, 6), (4, 9), (5, 11), (92, 98), (93, 99), (94, 101), (992, 999), (993, 1001)] {
            let mut records = Vec::new();
            record(&mut records, b"k", &vec![b'v'; value]);
            assert_eq!(records.len(), length, "{value}");
            assert!(records.starts_with(format!("{length} k=v").as_bytes()), "{value}");
        }
    }

    #[test]
    fn long_paths_are_cut_at_a_slash() {
        let part = |letter: char, bytes: usize| letter.to_string().repeat(bytes);
        let cases = [
            (part('a', 100), Some((String::new(), part('a', 100)))),
            (part('a', 101), None),
            (format!("{}/{}", part('p', 155), part('n', 100)), Some((part('p', 155), part('n', 100)))),
            (format!("{}/{}", part('p', 156), part('n', 99)), None),
            (format!("{}/{}", part('p', 1), part('n', 101)), None),
            (format!("/{}", part('n', 100)), None),
            (format!("{}/", part('n', 100)), None),
            (format!("p/{}/", part('n', 99)), Some(("p".to_owned(), format!("{}/", part('n', 99))))),
        ];
        for (path, expected) in cases {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let found = split(path.as_bytes()).map(|(prefix, name)| (text(prefix), text(name)));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn archives_are_filled_up_to_a_record() {
        for (bytes, zeros) in [(0, 10_240), (512, 9728), (9216, 1024), (9728, 10_752), (10_240, 10_240)] {
            assert_eq!(closing(bytes), zeros, "{bytes}");
        }
        assert_eq!([0, 1, 511, 512, 513].map(padding), [0, 511, 1, 0, 511]);
    }
}
