//! One header block as it stands: 512 bytes, named fields, the checksum.
//!
//! Promises: a view, nothing copied; fields are lent as they are, up to their first NUL where they are text. Refuses to
//! know: what the fields mean together.

use super::number::{Number, NumberError, parse};

/// Bytes in a block; everything in a tar stands at multiples of it.
pub const BLOCK_BYTES: usize = 512;

/// Which writer's rules the magic field announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// No magic: before POSIX.1-1988.
    V7,
    /// `ustar\0` `00`, and the sloppy forms of it.
    Ustar,
    /// `ustar  \0`: old GNU; no prefix field.
    Gnu,
    /// `ustar\0` `00` and `tar\0` at the end of the block: Schily's star, whose prefix is shorter.
    Star,
}

/// A header block.
#[derive(Debug, Clone, Copy)]
pub struct RawHeader<'a>(&'a [u8; BLOCK_BYTES]);

/// What the checksum field says against the two ways of summing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// It holds.
    Unsigned,
    /// It holds when bytes are summed as signed: old HP-UX and Sun.
    Signed,
    /// It does not hold.
    Wrong {
        /// What the field says, where it is a number.
        stored: Option<i64>,
        /// The unsigned sum.
        computed: i64,
    },
}

impl<'a> RawHeader<'a> {
    /// The first block of `input`, where it is that long.
    #[must_use]
    pub fn first(input: &'a [u8]) -> Option<Self> {
        input.first_chunk().map(Self)
    }

    /// The block itself.
    #[must_use]
    pub fn block(self) -> &'a [u8; BLOCK_BYTES] {
        self.0
    }

    /// Whether every byte is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// Holds the checksum field against the block.
    #[must_use]
    pub fn checksum(self) -> Checksum {
        const SPACES: i64 = 8 * 0x20;
        let field = self.field::<148, 8>();
        let computed = sum(self.0).saturating_sub(sum(field)).saturating_add(SPACES);
        // A blank checksum field is no checksum, though it reads as zero.
        let stored = parse(field).ok().filter(|number| !number.is_blank()).map(|number| number.value);
        // As signed, each byte with its top bit set counts 256 less.
        let high = |bytes: &[u8]| i64::try_from(bytes.iter().filter(|byte| **byte > 127).count()).unwrap_or_default();
        let signed = || computed.saturating_sub(high(self.0).saturating_sub(high(field)).saturating_mul(256));
        if stored == Some(computed) {
            Checksum::Unsigned
        } else if stored.is_some() && stored == Some(signed()) {
            Checksum::Signed
        } else {
            Checksum::Wrong { stored, computed }
        }
    }

    /// Whether this is a header at all.
    #[must_use]
    pub fn is_valid(self) -> bool {
        !self.is_zero() && !matches!(self.checksum(), Checksum::Wrong { .. })
    }

    /// Whether a header begins here.
    #[must_use]
    pub fn begins(input: &[u8]) -> bool {
        RawHeader::first(input).is_some_and(RawHeader::is_valid)
    }

    /// The magic field's dialect.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        // Magic and version at once: eight bytes are compared as one number.
        if self.field::<257, 8>() == b"ustar  \0" {
            return Dialect::Gnu;
        }
        match (self.field::<257, 6>(), self.field::<508, 4>()) {
            (b"ustar\0", b"tar\0") => Dialect::Star,
            (b"ustar\0", _) => Dialect::Ustar,
            _ => Dialect::V7,
        }
    }

    /// Whether the magic is ustar's and the version is not `00`.
    #[must_use]
    pub fn has_odd_version(self) -> bool {
        self.field::<257, 6>() == b"ustar\0" && self.field::<263, 2>() != b"00"
    }

    /// The name field.
    #[must_use]
    pub fn name(self) -> &'a [u8] {
        text(self.field::<0, 100>())
    }

    /// The prefix field, of the length its dialect gives it; meaningless in V7 and GNU.
    #[must_use]
    pub fn prefix(self) -> &'a [u8] {
        if self.dialect() == Dialect::Star { text(self.field::<345, 131>()) } else { self.ustar_prefix() }
    }

    /// The prefix field of ustar, whatever the dialect.
    pub(super) fn ustar_prefix(self) -> &'a [u8] {
        text(self.field::<345, 155>())
    }

    /// Whether star's prefix field is full, so that readers who take it for ustar's read on behind it.
    pub(super) fn star_prefix_goes_on(self) -> bool {
        self.ustar_prefix().len() > self.prefix().len()
    }

    /// Old GNU: whether the time of last access stands where ustar has its prefix, as in incremental backups.
    pub(super) fn is_incremental(self) -> bool {
        let accessed = self.field::<345, 12>();
        let is_octal = accessed
            .split_last()
            .is_some_and(|(last, digits)| *last == 0 && digits.iter().all(|byte| matches!(byte, b'0'..=b'7')));
        is_octal || accessed.first().is_some_and(|mark| mark & 0x80 != 0) && parse(accessed).is_ok()
    }

    /// The link target field.
    #[must_use]
    pub fn link(self) -> &'a [u8] {
        text(self.field::<157, 100>())
    }

    /// Owner's name.
    #[must_use]
    pub fn uname(self) -> &'a [u8] {
        text(self.field::<265, 32>())
    }

    /// Group's name.
    #[must_use]
    pub fn gname(self) -> &'a [u8] {
        text(self.field::<297, 32>())
    }

    /// The typeflag.
    #[must_use]
    pub fn typeflag(self) -> u8 {
        let [flag] = *self.field::<156, 1>();
        flag
    }

    /// The size field: bytes of payload.
    ///
    /// # Errors
    /// It is no number.
    pub fn size(self) -> Result<Number, NumberError> {
        parse(self.field::<124, 12>())
    }

    /// The mode field.
    ///
    /// # Errors
    /// It is no number.
    pub fn mode(self) -> Result<Number, NumberError> {
        parse(self.field::<100, 8>())
    }

    /// The owner field.
    ///
    /// # Errors
    /// It is no number.
    pub fn uid(self) -> Result<Number, NumberError> {
        parse(self.field::<108, 8>())
    }

    /// The group field.
    ///
    /// # Errors
    /// It is no number.
    pub fn gid(self) -> Result<Number, NumberError> {
        parse(self.field::<116, 8>())
    }

    /// The modification time field: seconds since 1970.
    ///
    /// # Errors
    /// It is no number.
    pub fn mtime(self) -> Result<Number, NumberError> {
        parse(self.field::<136, 12>())
    }

    /// Major and minor number of a device.
    ///
    /// # Errors
    /// One of them is no number.
    pub fn device(self) -> Result<(Number, Number), NumberError> {
        Ok((parse(self.field::<329, 8>())?, parse(self.field::<337, 8>())?))
    }

    /// Whether the layout is that of Schily's star, whatever the magic before it.
    #[must_use]
    pub fn is_star(self) -> bool {
        self.dialect() == Dialect::Star
    }

    /// Old GNU and star, sparse: the size of the file with its holes.
    ///
    /// # Errors
    /// It is no number.
    pub fn real_size(self) -> Result<Number, NumberError> {
        if self.is_star() { parse(self.field::<452, 12>()) } else { parse(self.field::<483, 12>()) }
    }

    /// Old GNU and star, multi-volume: bytes of the file that stand in the volumes before this one.
    ///
    /// # Errors
    /// It is no number.
    pub fn volume_offset(self) -> Result<Number, NumberError> {
        if self.is_star() { parse(self.field::<464, 12>()) } else { parse(self.field::<369, 12>()) }
    }

    fn field<const AT: usize, const BYTES: usize>(self) -> &'a [u8; BYTES] {
        self.0.get(AT..).and_then(|rest| rest.first_chunk()).unwrap_or(const { &[0; BYTES] })
    }
}

/// The sum of the bytes of a block, or of a field of eight: in pieces of a length for which compilers know an instruction
/// that sums bytes.
fn sum<const BYTES: usize>(bytes: &[u8; BYTES]) -> i64 {
    let all = |bytes: &[u8]| bytes.iter().fold(0, |sum: u32, byte| sum.wrapping_add(u32::from(*byte)));
    const { assert!(BYTES <= BLOCK_BYTES, "more might not fit") };
    let (pieces, rest) = bytes.as_chunks::<64>();
    i64::from(pieces.iter().fold(all(rest), |sum, piece| sum.wrapping_add(all(piece))))
}

/// A text field up to its first NUL, looked for in eight bytes at a time: most fields are short, and calling a search costs
/// more than searching.
fn text<const BYTES: usize>(field: &[u8; BYTES]) -> &[u8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let (words, rest) = field.as_chunks::<8>();
    let mut before: usize = 0;
    for word in words {
        let word = u64::from_le_bytes(*word);
        // The lowest bit that is set is the top one of the first byte that is zero.
        let zeros = word.wrapping_sub(ONES) & !word & TOPS;
        if zeros != 0 {
            let within = usize::try_from(zeros.trailing_zeros() >> 3).unwrap_or_default();
            return field.get(..before.saturating_add(within)).unwrap_or(field);
        }
        before = before.saturating_add(8);
    }
    let end = rest.iter().position(|byte| *byte == 0).map(|within| before.saturating_add(within));
    end.and_then(|end| field.get(..end)).unwrap_or(field)
}
