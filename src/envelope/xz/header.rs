//! The headers of the xz format: stream flags, block headers, and numbers of variable length.
//!
//! Promises: sans-IO; what the format forbids is corrupt, what it leaves to later versions is unsupported, and a check value
//! that does not hold makes either of them corrupt. Refuses to know: what a block holds.

use flate2::Crc;
use lzma_rust2::FilterConfig;

use super::check::Kind;

/// Why a header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Corrupt(&'static str),
    /// Valid perhaps, but of a later version of the format.
    Unsupported(&'static str),
}

/// The flags that stand in the header and the footer of a stream.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StreamFlags {
    pub(super) bytes: [u8; 2],
    pub(super) kind: Kind,
}

/// Reads stream flags whose CRC-32 is `crc`.
pub(super) fn stream_flags(bytes: [u8; 2], crc: u32) -> Result<StreamFlags, Fault> {
    if crc_of(&bytes) != crc {
        return Err(Fault::Corrupt("its CRC-32 does not match"));
    }
    match bytes {
        [0, id @ 0..=0x0F] => Ok(StreamFlags { bytes, kind: Kind::of(id) }),
        _ => Err(Fault::Unsupported("flags")),
    }
}

fn crc_of(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A number of variable length at the beginning of `bytes` with the bytes it takes; `None` where it goes on past them.
pub(super) fn number(bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    let mut value: u64 = 0;
    for (index, (byte, shift)) in bytes.iter().zip((0..63_u32).step_by(7)).enumerate() {
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            if *byte == 0 && index > 0 {
                return Err(Fault::Corrupt("a number has bytes that it does not need"));
            }
            return Ok(Some((value, index.saturating_add(1))));
        }
    }
    if bytes.len() >= 9 { Err(Fault::Corrupt("a number has more than nine bytes")) } else { Ok(None) }
}

/// The header of a block.
#[derive(Debug)]
pub(super) struct BlockHeader {
    /// Bytes of the header itself.
    pub(super) bytes: usize,
    /// Bytes of compressed data, where the header says.
    pub(super) stored: Option<u64>,
    /// Bytes that come out, where the header says.
    pub(super) given: Option<u64>,
    /// Filters behind the decoder, the one next to it first.
    pub(super) filters: Vec<FilterConfig>,
    pub(super) dictionary: u32,
}

/// The fields of a block header, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn number(&mut self) -> Result<u64, Fault> {
        let Some((value, bytes)) = number(self.0)? else { return Err(CUT) };
        self.0 = self.0.get(bytes..).unwrap_or_default();
        Ok(value)
    }

    fn bytes(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let length = usize::try_from(length).map_err(|_| CUT)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(bytes)
    }
}

const CUT: Fault = Fault::Corrupt("its fields do not fit into it");

const LZMA2: u64 = 0x21;

/// Filter identifiers from here on are reserved for programs' own use and must not stand in a file.
const RESERVED_FILTERS: u64 = 0x4000_0000_0000_0000;

impl BlockHeader {
    /// Reads a header, which is all of `head`.
    pub(super) fn parse(head: &[u8]) -> Result<Self, Fault> {
        let Some((body, crc)) = head.split_last_chunk() else { return Err(CUT) };
        if crc_of(body) != u32::from_le_bytes(*crc) {
            return Err(Fault::Corrupt("its CRC-32 does not match"));
        }
        let [_, flags, fields @ ..] = body else { return Err(CUT) };
        if flags & 0x3C != 0 {
            return Err(Fault::Unsupported("flags"));
        }
        let mut fields = Fields(fields);
        let stored = if flags & 0x40 == 0 { None } else { Some(fields.number()?) };
        if stored == Some(0) {
            return Err(Fault::Corrupt("it says that no compressed data follows"));
        }
        let given = if flags & 0x80 == 0 { None } else { Some(fields.number()?) };
        let mut filters = Vec::new();
        for _ in 0..flags & 3 {
            filters.insert(0, filter(&mut fields)?);
        }
        let (id, length) = (fields.number()?, fields.number()?);
        let properties = fields.bytes(length)?;
        let dictionary = match (id, properties) {
            (LZMA2, [size @ 0..=40]) => dictionary(*size),
            (RESERVED_FILTERS.., _) => return Err(RESERVED),
            _ => return Err(Fault::Unsupported("filters")),
        };
        if fields.0.iter().any(|byte| *byte != 0) {
            return Err(Fault::Unsupported("fields"));
        }
        Ok(Self { bytes: head.len(), stored, given, filters, dictionary })
    }
}

/// Where what stands behind a block begins, and what came out of the block by then, as its header says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Bytes of compressed data.
    pub(super) stored: usize,
    /// Bytes of compressed data, padding, and check.
    pub(super) bytes: usize,
    /// Bytes that come out.
    pub(super) given: usize,
}

impl BlockHeader {
    /// How far the block goes, where the header gives both sizes.
    pub(super) fn extent(&self, kind: Kind) -> Option<Extent> {
        let stored = usize::try_from(self.stored?).ok()?;
        // The header is a multiple of four itself.
        let bytes = stored.checked_next_multiple_of(4)?.checked_add(kind.bytes())?;
        Some(Extent { stored, bytes, given: usize::try_from(self.given?).ok()? })
    }
}

const RESERVED: Fault = Fault::Corrupt("a filter with a reserved identifier");

/// The dictionary size that the property of LZMA2 means.
fn dictionary(size: u8) -> u32 {
    match size {
        0..40 => (2 | u32::from(size & 1)).checked_shl(u32::from(size >> 1).saturating_add(11)).unwrap_or(u32::MAX),
        _ => u32::MAX,
    }
}

/// A filter that is not the last: delta, or one of those that make branch addresses absolute.
fn filter(fields: &mut Fields<'_>) -> Result<FilterConfig, Fault> {
    let (id, length) = (fields.number()?, fields.number()?);
    let properties = fields.bytes(length)?;
    if id >= RESERVED_FILTERS {
        return Err(RESERVED);
    }
    if let (3, [distance]) = (id, properties) {
        return Ok(FilterConfig::new_delta(u32::from(*distance).saturating_add(1)));
    }
    let start = match *properties {
        [] => 0,
        [b0, b1, b2, b3] => u32::from_le_bytes([b0, b1, b2, b3]),
        _ => return Err(Fault::Unsupported("filters")),
    };
    let (config, aligned) = match id {
        4 => (FilterConfig::new_bcj_x86(start), 1),
        5 => (FilterConfig::new_bcj_ppc(start), 4),
        6 => (FilterConfig::new_bcj_ia64(start), 16),
        7 => (FilterConfig::new_bcj_arm(start), 4),
        8 => (FilterConfig::new_bcj_arm_thumb(start), 2),
        9 => (FilterConfig::new_bcj_sparc(start), 4),
        10 => (FilterConfig::new_bcj_arm64(start), 4),
        11 => (FilterConfig::new_bcj_risc_v(start), 2),
        _ => return Err(Fault::Unsupported("filters")),
    };
    if start.checked_rem(aligned) == Some(0) { Ok(config) } else { Err(Fault::Unsupported("filters")) }
}
