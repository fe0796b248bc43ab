//! What is odd, ambiguous or broken in a tar, with its place, in the format's own terms.
//!
//! Promises: one kind for each thing that can be wrong; each maps to one finding code and one sentence with its figures.
//! Refuses to know: policy. Whether an anomaly fails an archive is the code's default and then the rules' business.

use std::fmt;

use crate::code::{self, Code};
use crate::entry::EntryKind;
use crate::finding::Severity;

use super::dumpdir::Dumpdir;
use super::fork::Reading;
use super::number::NumberError;
use super::pax::PaxFault;
use super::sparse::MapFault;

/// An oddity and the offset it stands at, in bytes from the start of the tar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    /// Where.
    pub offset: u64,
    /// What.
    pub kind: AnomalyKind,
}

/// Everything that can be odd about a tar.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnomalyKind {
    /// The input ends inside something.
    Truncated {
        /// Inside what: a header, an extension header, a payload, padding.
        inside: &'static str,
        /// Bytes it needs.
        needed: u64,
        /// Bytes that are there.
        got: u64,
    },
    /// The checksum of a header does not hold; sync is lost.
    BadHeader {
        /// What the field says, where it is a number.
        stored: Option<i64>,
        /// The sum of the block's bytes.
        computed: i64,
    },
    /// The checksum holds for signed bytes only.
    SignedChecksum,
    /// The input ends at a block boundary without an end marker.
    EndMissing,
    /// The end marker is a single block of zeros.
    EndShort,
    /// A single block of zeros, then a header.
    LoneZeroBlock,
    /// A header after the end marker.
    SecondArchive,
    /// Something else after the end marker.
    Trailing {
        /// Bytes from the first that is not zero to the end of the input.
        bytes: u64,
    },
    /// Zeros after the end marker that make no whole blocks.
    PartialBlock {
        /// Bytes in the last block.
        bytes: u64,
    },
    /// Bytes after sync was lost.
    Lost {
        /// How many.
        bytes: u64,
    },
    /// Padding that is not zeros.
    Padding,
    /// A malformed pax record.
    Pax(PaxFault),
    /// A pax value that does not fit its key.
    PaxValue(&'static str),
    /// The same key twice in one pax header.
    PaxDuplicate(Vec<u8>),
    /// A key without value in a pax header.
    PaxDeletes(Vec<u8>),
    /// A path, link target or size in a global pax header.
    PaxGlobalName(&'static str, Vec<u8>),
    /// The pax size is not that of the header.
    PaxSize {
        /// In the pax header.
        pax: u64,
        /// In the member header.
        header: u64,
    },
    /// star's size of a whole file where that is not stored sparse: bsdtar goes by it.
    StarSize {
        /// In the pax header.
        pax: u64,
        /// What there is.
        stored: u64,
    },
    /// Readers see other members, with what they see.
    TwoReadings(Box<Reading>),
    /// Readers give a member another name or link target.
    TwoNames {
        /// Which of the two.
        what: &'static str,
        /// What counts here.
        here: Vec<u8>,
        /// What counts elsewhere.
        there: Vec<u8>,
    },
    /// A name that is not UTF-8 in a pax header, which must be.
    Charset(&'static str),
    /// Several extension headers that may contradict each other before one member: which ones.
    ExtensionRepeated(&'static str),
    /// An extension header without a member.
    ExtensionOrphan,
    /// A numeric field that cannot be read.
    BadNumber(&'static str, NumberError),
    /// A numeric field with a value that cannot be.
    NegativeNumber(&'static str),
    /// A numeric field written in an unusual way.
    NumberForm(&'static str),
    /// A typeflag nobody knows.
    UnknownType(u8),
    /// The continuation of a member from another volume: bytes that stand there.
    Continuation(Option<u64>),
    /// A volume label, and bytes of payload, which it must not have.
    Label(Vec<u8>, u64),
    /// A typeflag of one vendor, what it means, and bytes of payload.
    Vendor(u8, &'static str, u64),
    /// The listing of a directory in an incremental backup.
    Incremental(Dumpdir),
    /// A link, device or pipe with a size.
    LinkWithSize(u64),
    /// A directory with a size.
    DirectoryWithSize(u64),
    /// A file whose name ends in a slash, and what it is read as.
    SlashFile(EntryKind),
    /// A NUL inside a name of an extension header: the name as it stands, shortened.
    NulInName(Vec<u8>),
    /// No name at all.
    NoName,
    /// A prefix field under a magic that has none: the path with it.
    Prefix(Vec<u8>),
    /// A prefix field under ustar's magic with a version that is not `00`: the path without it.
    PrefixVersion(Vec<u8>),
    /// A prefix field that fills star's and goes on behind it: the path with all of it.
    PrefixStar(Vec<u8>),
    /// A sparse member.
    Sparse {
        /// Bytes of payload.
        stored: u64,
        /// Bytes of the file with its holes.
        size: Option<u64>,
    },
    /// The map of a sparse member cannot be right.
    SparseMap(MapFault),
    /// Sync was found again.
    Recovered {
        /// Bytes since it was lost.
        bytes: u64,
    },
    /// What follows a member is no header: bytes may be missing in it.
    Partial,
    /// A path longer than the limit for warnings.
    LongPath(u64),
    /// A limit was reached.
    Limit {
        /// Its name.
        name: &'static str,
        /// Its value.
        limit: u64,
        /// What was asked for.
        wanted: u64,
    },
}

impl AnomalyKind {
    /// The finding code of this kind.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        match self {
            Self::Truncated { .. } => &code::TAR_TRUNCATED,
            Self::BadHeader { .. } | Self::Lost { .. } => &code::TAR_HEADER,
            Self::SignedChecksum => &code::TAR_SIGNED_CHECKSUM,
            Self::EndMissing => &code::TAR_END_MISSING,
            Self::EndShort => &code::TAR_END_SHORT,
            Self::LoneZeroBlock => &code::TAR_LONE_ZERO_BLOCK,
            Self::SecondArchive => &code::TAR_SECOND_ARCHIVE,
            Self::Trailing { .. } => &code::TAR_TRAILING,
            Self::PartialBlock { .. } => &code::TAR_PARTIAL_BLOCK,
            Self::Padding => &code::TAR_PADDING,
            Self::Pax(_) | Self::PaxValue(_) => &code::TAR_PAX_MALFORMED,
            Self::PaxDuplicate(_) => &code::TAR_PAX_DUPLICATE,
            Self::PaxDeletes(_) => &code::TAR_PAX_DELETES,
            Self::PaxGlobalName(..) => &code::TAR_PAX_GLOBAL_NAMES,
            Self::PaxSize { .. } | Self::StarSize { .. } => &code::TAR_PAX_SIZE,
            Self::TwoReadings(_) | Self::TwoNames { .. } => &code::TAR_TWO_READINGS,
            Self::Charset(_) => &code::TAR_CHARSET,
            Self::Label(..) => &code::TAR_LABEL,
            Self::Vendor(..) => &code::TAR_VENDOR_TYPE,
            Self::Incremental(_) => &code::TAR_INCREMENTAL,
            Self::SparseMap(_) => &code::TAR_SPARSE_MAP,
            Self::Recovered { .. } => &code::TAR_RECOVERED,
            Self::Partial => &code::TAR_PARTIAL,
            Self::ExtensionRepeated(_) => &code::TAR_EXTENSION_REPEATED,
            Self::ExtensionOrphan => &code::TAR_EXTENSION_ORPHAN,
            Self::BadNumber(..) | Self::NegativeNumber(_) => &code::TAR_NUMBER,
            Self::NumberForm(_) => &code::TAR_NUMBER_FORM,
            Self::UnknownType(_) => &code::TAR_UNKNOWN_TYPE,
            Self::Continuation(_) => &code::TAR_UNSUPPORTED_TYPE,
            Self::LinkWithSize(_) => &code::TAR_LINK_WITH_SIZE,
            Self::DirectoryWithSize(_) => &code::TAR_DIRECTORY_WITH_SIZE,
            Self::SlashFile(_) => &code::TAR_SLASH_FILE,
            Self::NulInName(_) => &code::TAR_NUL_IN_NAME,
            Self::NoName => &code::TAR_NO_NAME,
            Self::Prefix(_) | Self::PrefixVersion(_) | Self::PrefixStar(_) => &code::TAR_PREFIX,
            Self::Sparse { .. } => &code::TAR_SPARSE,
            Self::LongPath(_) => &code::TAR_LONG_PATH,
            Self::Limit { .. } => &code::LIMIT_REACHED,
        }
    }

    /// How grave it is where that differs from the code's default.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            // They come to nothing: that readers go that way is told beside the finding that it stands with.
            Self::TwoReadings(reading) if !reading.holds() => Severity::Info,
            Self::Incremental(listing) if listing.malformed > 0 || !listing.is_closed() => Severity::Error,
            Self::Incremental(listing) if listing.elsewhere == 0 => Severity::Info,
            Self::SparseMap(MapFault::Short { .. }) => Severity::Warning,
            // GNU tar and Python restore the payload as a file.
            Self::Vendor(_, _, bytes) if *bytes > 0 => Severity::Warning,
            // Python restores it as a file.
            Self::Label(_, bytes) if *bytes > 0 => Severity::Warning,
            // It is no other framing, but another file.
            Self::StarSize { .. } => Severity::Error,
            // Without a path, a target or a size, readers end up with different members; other keys only lose a detail.
            Self::PaxDeletes(key) if matches!(key.as_slice(), b"path" | b"linkpath" | b"size") => Severity::Error,
            _ => self.code().severity,
        }
    }
}

impl fmt::Display for AnomalyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { inside, needed, got } => {
                write!(f, "cut short inside {inside}: {needed} bytes needed, {got} there")
            }
            Self::BadHeader { stored: Some(stored), computed } => {
                write!(f, "no member header here: checksum field says {stored}, the bytes sum to {computed}")
            }
            Self::BadHeader { stored: None, computed } => {
                write!(f, "no member header here: checksum field is no number, the bytes sum to {computed}")
            }
            Self::Lost { bytes } => write!(f, "{bytes} bytes after the damage were not read as members"),
            Self::SignedChecksum => f.write_str("header checksum was computed with signed bytes"),
            Self::EndMissing => {
                f.write_str("ends after a member, without the two blocks of zeros that close an archive")
            }
            Self::EndShort => f.write_str("closed by one block of zeros instead of two"),
            Self::LoneZeroBlock => f.write_str(
                "a single block of zeros, then more members: GNU tar, bsdtar and Python stop at the zeros, others go on",
            ),
            Self::SecondArchive => {
                f.write_str("another archive begins here, after the end marker: most readers do not see its members")
            }
            Self::Trailing { bytes } => {
                write!(f, "{bytes} bytes follow the end marker; they do not begin with a member header")
            }
            Self::PartialBlock { bytes } => {
                write!(f, "the archive ends with a block of {bytes} bytes: programs write whole blocks of 512")
            }
            Self::Padding => f.write_str("padding after the member is not zeros"),
            Self::Pax(fault) => write!(f, "a record of the pax header {fault}"),
            Self::PaxValue(key) => write!(f, "the value of {key} in the pax header cannot be read"),
            Self::PaxDuplicate(key) => write!(f, "pax header gives {} twice", key.escape_ascii()),
            Self::PaxDeletes(key) => write!(f, "pax header gives {} without a value", key.escape_ascii()),
            Self::PaxGlobalName(key, value) => write!(
                f,
                "global pax header gives {key} \"{}\" for every member; GNU tar and Python take it, bsdtar does not; ignored here",
                value.escape_ascii()
            ),
            Self::PaxSize { pax, header } => {
                write!(f, "size is {pax} in the pax header and {header} in the member header; the pax header counts")
            }
            Self::StarSize { pax, stored } => write!(
                f,
                "SCHILY.realsize in the pax header is {pax}, and {stored} bytes are stored: bsdtar restores the file cut or \
                 filled up with zeros, others as it is stored"
            ),
            Self::TwoReadings(reading) => reading.fmt(f),
            Self::TwoNames { what, here, there } => write!(
                f,
                "the {what} is \"{}\" here and \"{}\" to other readers",
                here.escape_ascii(),
                there.escape_ascii()
            ),
            Self::Charset(key) => write!(f, "the {key} in the pax header is not UTF-8; its bytes are kept as they are"),
            Self::ExtensionRepeated(what) => {
                write!(
                    f,
                    "{what} stand before one member; here a pax header counts before GNU's, a later one before an earlier"
                )
            }
            Self::ExtensionOrphan => f.write_str("extension header without a member after it"),
            Self::BadNumber(field, error) => write!(f, "the {field} field cannot be read: {error}"),
            Self::NegativeNumber(field) => write!(f, "the {field} field is negative"),
            Self::NumberForm(field) => write!(f, "the {field} field is blank; read as 0"),
            Self::UnknownType(flag) => write!(f, "typeflag '{}' is not known", flag.escape_ascii()),
            Self::Continuation(offset) => {
                f.write_str("member continues from another volume (typeflag 'M')")?;
                offset.map_or(Ok(()), |offset| write!(f, ": {offset} bytes of it stand there"))
            }
            Self::Label(label, 0) => write!(f, "volume label \"{}\"", label.escape_ascii()),
            Self::Label(label, bytes) => {
                write!(f, "volume label \"{}\" with {bytes} bytes of payload: a file to Python", label.escape_ascii())
            }
            Self::Vendor(flag, what, 0) => write!(f, "typeflag '{}' is {what}", flag.escape_ascii()),
            Self::Vendor(flag, what, bytes) => write!(
                f,
                "typeflag '{}' is {what}; its payload of {bytes} bytes is passed over here, and a file to GNU tar and Python",
                flag.escape_ascii()
            ),
            Self::Incremental(listing) => {
                let Dumpdir { present, elsewhere, directories, malformed, .. } = listing;
                write!(f, "incremental backup: of this directory {present} files are in this archive, ")?;
                write!(f, "{elsewhere} in an earlier one, and {directories} are directories")?;
                match (malformed, listing.is_closed()) {
                    (0, true) => Ok(()),
                    (0, false) => f.write_str("; the list is not closed"),
                    (count, _) => write!(f, "; {count} entries of the list cannot be read"),
                }
            }
            Self::LinkWithSize(size) => {
                write!(f, "a link, device or pipe says that {size} bytes follow; read as none")
            }
            Self::DirectoryWithSize(size) => write!(f, "a directory says that {size} bytes follow; read as none"),
            Self::SlashFile(EntryKind::Directory) => {
                f.write_str("typeflag says regular file, the name ends in a slash; read as a directory")
            }
            Self::SlashFile(kind) => write!(
                f,
                "typeflag says no directory, the name ends in a slash; read as {}, a directory to others",
                kind.as_str()
            ),
            Self::NulInName(name) => {
                write!(f, "a name holds a NUL byte: \"{}\"; cut there, kept whole by Python", name.escape_ascii())
            }
            Self::NoName => f.write_str("member without a name"),
            Self::Prefix(other) => write!(
                f,
                "prefix field is filled under a magic that has none; ignored here, \"{}\" to others",
                other.escape_ascii()
            ),
            Self::PrefixVersion(other) => write!(
                f,
                "prefix field is filled and the magic's version is not \"00\"; read as part of the path here, \"{}\" to others",
                other.escape_ascii()
            ),
            Self::PrefixStar(other) => write!(
                f,
                "prefix field is longer than the 131 bytes that star gives it; cut there, the path is \"{}\" to others",
                other.escape_ascii()
            ),
            Self::Sparse { stored, size: Some(size) } => {
                write!(f, "stored sparse: {stored} bytes in the archive for a file of {size}")
            }
            Self::Sparse { stored, size: None } => write!(f, "stored sparse: {stored} bytes in the archive"),
            Self::SparseMap(fault @ MapFault::Short { .. }) => write!(f, "the sparse map {fault}"),
            Self::SparseMap(fault) => write!(f, "the sparse map {fault}; the stored bytes are given without holes"),
            Self::Recovered { bytes } => write!(f, "a member header again, {bytes} bytes after sync was lost"),
            Self::Partial => f.write_str("what follows this member is no header: bytes may be missing in it, or too many"),
            Self::LongPath(bytes) => write!(f, "path is {bytes} bytes long"),
            Self::Limit { name, limit, wanted } => {
                write!(f, "{wanted} wanted, at most {limit} allowed (--limit {name}={wanted})")
            }
        }
    }
}
