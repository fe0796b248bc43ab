//! Meta pages: the two places that say which root is the current one.
//!
//! Promises: what bbolt refuses is refused for the same reason; nothing is believed before its checksum holds. Refuses to
//! know: where in the file it stands, and which of the two is taken.

use std::fmt;

use super::words::{u32_at, u64_at, wide};

/// Bytes of a page's header and the meta behind it.
pub(super) const BYTES: usize = 80;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
/// What stands in the place of the freelist's page where none is written.
const NO_FREELIST: u64 = u64::MAX;

/// The least size of a page, and the largest that bbolt looks for.
pub(super) const LEAST_PAGE: u64 = 512;
pub(super) const LARGEST_PAGE: u64 = 16 << 20;

/// One meta whose checksum holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meta {
    pub(super) page_size: u64,
    /// The page of the root bucket.
    pub(super) root: u64,
    pub(super) freelist: Option<u64>,
    /// The high-water mark: pages in use or once used.
    pub(super) pages: u64,
    /// The transaction that wrote it.
    pub(super) txid: u64,
}

/// Why a meta is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    Magic(u32),
    Version(u32),
    Checksum,
    PageSize(u64),
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic(MAGIC_TURNED) => {
                f.write_str("its numbers are big-endian, and only a machine that has them so can read it")
            }
            Self::Magic(0) => f.write_str("there are zeros in the place of its magic number"),
            Self::Magic(magic) => write!(f, "its magic number is {magic:#010x} and not {MAGIC:#010x}"),
            Self::Version(version) => write!(f, "it is of version {version}, and {VERSION} is the only one known"),
            Self::Checksum => f.write_str("its checksum does not hold"),
            Self::PageSize(size) => write!(f, "it says that pages have {size} bytes"),
        }
    }
}

const MAGIC_TURNED: u32 = MAGIC.swap_bytes();

/// Reads the meta behind a page's header; `bytes` are [`BYTES`].
pub(super) fn read(bytes: &[u8]) -> Result<Meta, Unfit> {
    let meta = bytes.get(16..).unwrap_or_default();
    let (magic, version) = (u32_at(meta, 0), u32_at(meta, 4));
    if magic != MAGIC {
        return Err(Unfit::Magic(magic));
    }
    if version != VERSION {
        return Err(Unfit::Version(version));
    }
    if fnv(meta.get(..56).unwrap_or_default()) != u64_at(meta, 56) {
        return Err(Unfit::Checksum);
    }
    let page_size = u64::from(u32_at(meta, 8));
    if !page_size.is_power_of_two() || !(LEAST_PAGE..=LARGEST_PAGE).contains(&page_size) {
        return Err(Unfit::PageSize(page_size));
    }
    let freelist = u64_at(meta, 32);
    Ok(Meta {
        page_size,
        root: u64_at(meta, 16),
        freelist: (freelist != NO_FREELIST).then_some(freelist),
        pages: u64_at(meta, 40),
        txid: u64_at(meta, 48),
    })
}

/// Whether the page's header is that of meta page `index`. bbolt does not look, but always writes it.
pub(super) fn is_headed(bytes: &[u8], index: usize) -> bool {
    u64_at(bytes, 0) == wide(index) && u64_at(bytes, 8) == 4
}

/// FNV-1a of 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::fnv;

    #[test]
    fn fnv_holds_against_its_published_vectors() {
        assert_eq!(fnv(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv(b"a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv(b"foobar"), 0x8594_4171_F739_67E8);
    }
}
