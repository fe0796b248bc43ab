//! What is odd, ambiguous or broken in a tar, with its place, in the format's own terms.
//!
//! Promises: one kind for each thing that can be wrong; each maps to one finding code and one sentence with its figures.
//! Refuses to know: policy. Whether an anomaly fails an archive is the code's default and then the rules' business.

use std::fmt;

use crate::code::{self, Code};
use crate::finding::Severity;

use super::number::NumberError;
use super::pax::PaxFault;

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
    LoneZeroBlock {
        /// Bytes from that header to the end of the input.
        bytes: u64,
    },
    /// A header after the end marker.
    SecondArchive {
        /// Bytes from there to the end of the input.
        bytes: u64,
    },
    /// Something else after the end marker.
    Trailing {
        /// Bytes from the first that is not zero to the end of the input.
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
    PaxGlobalName(&'static str),
    /// The pax size is not that of the header.
    PaxSize {
        /// In the pax header.
        pax: u64,
        /// In the member header.
        header: u64,
    },
    /// A member header where the payload begins, by the one of two sizes that counts.
    Smuggled,
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
    /// The continuation of a member from another volume.
    Continuation,
    /// A link, device or pipe with a size.
    LinkWithSize(u64),
    /// A directory with a size.
    DirectoryWithSize(u64),
    /// A regular file whose name ends in a slash.
    SlashFile,
    /// A NUL inside a name of an extension header.
    NulInName,
    /// No name at all.
    NoName,
    /// A prefix field under a magic that has none.
    Prefix,
    /// A prefix field under ustar's magic with a version that is not `00`.
    PrefixVersion,
    /// A sparse member.
    Sparse,
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
            Self::LoneZeroBlock { .. } => &code::TAR_LONE_ZERO_BLOCK,
            Self::SecondArchive { .. } => &code::TAR_SECOND_ARCHIVE,
            Self::Trailing { .. } => &code::TAR_TRAILING,
            Self::Padding => &code::TAR_PADDING,
            Self::Pax(_) | Self::PaxValue(_) => &code::TAR_PAX_MALFORMED,
            Self::PaxDuplicate(_) => &code::TAR_PAX_DUPLICATE,
            Self::PaxDeletes(_) => &code::TAR_PAX_DELETES,
            Self::PaxGlobalName(_) => &code::TAR_PAX_GLOBAL_NAMES,
            Self::PaxSize { .. } | Self::Smuggled => &code::TAR_PAX_SIZE,
            Self::ExtensionRepeated(_) => &code::TAR_EXTENSION_REPEATED,
            Self::ExtensionOrphan => &code::TAR_EXTENSION_ORPHAN,
            Self::BadNumber(..) | Self::NegativeNumber(_) => &code::TAR_NUMBER,
            Self::NumberForm(_) => &code::TAR_NUMBER_FORM,
            Self::UnknownType(_) => &code::TAR_UNKNOWN_TYPE,
            Self::Continuation => &code::TAR_UNSUPPORTED_TYPE,
            Self::LinkWithSize(_) => &code::TAR_LINK_WITH_SIZE,
            Self::DirectoryWithSize(_) => &code::TAR_DIRECTORY_WITH_SIZE,
            Self::SlashFile => &code::TAR_SLASH_FILE,
            Self::NulInName => &code::TAR_NUL_IN_NAME,
            Self::NoName => &code::TAR_NO_NAME,
            Self::Prefix | Self::PrefixVersion => &code::TAR_PREFIX,
            Self::Sparse => &code::TAR_SPARSE,
            Self::LongPath(_) => &code::TAR_LONG_PATH,
            Self::Limit { .. } => &code::LIMIT_REACHED,
        }
    }

    /// How grave it is where that differs from the code's default.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            // Without a path or a size, readers end up with different members; other keys only lose a detail.
            // A reader that believes the other size finds other members here: that is no accident.
            Self::Smuggled => Severity::Error,
            Self::PaxDeletes(key) if matches!(key.as_slice(), b"path" | b"size") => Severity::Error,
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
            Self::LoneZeroBlock { bytes } => {
                write!(f, "a single block of zeros, then {bytes} bytes that begin with a member header; not read here")
            }
            Self::SecondArchive { bytes } => {
                write!(f, "another archive begins after the end marker: {bytes} bytes that other readers do not see")
            }
            Self::Trailing { bytes } => {
                write!(f, "{bytes} bytes follow the end marker; they do not begin with a member header")
            }
            Self::Padding => f.write_str("padding after the member is not zeros"),
            Self::Pax(fault) => write!(f, "a record of the pax header {fault}"),
            Self::PaxValue(key) => write!(f, "the value of {key} in the pax header cannot be read"),
            Self::PaxDuplicate(key) => write!(f, "pax header gives {} twice", key.escape_ascii()),
            Self::PaxDeletes(key) => write!(f, "pax header gives {} without a value", key.escape_ascii()),
            Self::PaxGlobalName(key) => write!(f, "global pax header gives {key} for every member; ignored here"),
            Self::PaxSize { pax, header } => {
                write!(f, "size is {pax} in the pax header and {header} in the member header; the pax header counts")
            }
            Self::Smuggled => f.write_str(
                "a member header stands where the payload begins: readers that believe the other size see other members",
            ),
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
            Self::Continuation => f.write_str("member continues from another volume (typeflag 'M')"),
            Self::LinkWithSize(size) => {
                write!(f, "a link, device or pipe says that {size} bytes follow; read as none")
            }
            Self::DirectoryWithSize(size) => write!(f, "a directory says that {size} bytes follow; read as none"),
            Self::SlashFile => f.write_str("typeflag says regular file, the name ends in a slash; read as a directory"),
            Self::NulInName => f.write_str("a name holds a NUL byte; cut there"),
            Self::NoName => f.write_str("member without a name"),
            Self::Prefix => f.write_str("prefix field is filled under a magic that has none; ignored here"),
            Self::PrefixVersion => {
                f.write_str("prefix field is filled and the magic's version is not \"00\"; read as part of the path here")
            }
            Self::Sparse => f.write_str("stored sparse, without its holes"),
            Self::LongPath(bytes) => write!(f, "path is {bytes} bytes long"),
            Self::Limit { name, limit, wanted } => {
                write!(f, "{wanted} wanted, at most {limit} allowed (--limit {name}={wanted})")
            }
        }
    }
}
