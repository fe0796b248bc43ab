//! Members: a header and the extensions before it, put together.
//!
//! Promises: effective values, with the declared ones still in [`Member::header`]; nothing is copied but a path made of
//! prefix and name. Refuses to know: the payload, and whether a path is safe.

use crate::entry::{Attribute, EntryKind, Timestamp};
use crate::limits::Limits;

use super::anomaly::AnomalyKind;
use super::count;
use super::extension::{Extension, Extensions, Text};
use super::fork::Expects;
use super::header::{Dialect, RawHeader};
use super::number::{Number, NumberError};
use super::sparse::MapFault;

/// A member, lent until the next step.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// The header block: declared values.
    pub header: RawHeader<'a>,
    /// Path.
    pub path: &'a [u8],
    /// Link target; empty where it is no link.
    pub link: &'a [u8],
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content; for a sparse file with its holes.
    pub size: u64,
    /// Bytes of payload that follow, a sparse map in front of it included.
    pub stored_size: u64,
    /// Permission bits: the low 12 bits of the mode field.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Owner's name.
    pub uname: &'a [u8],
    /// Group's name.
    pub gname: &'a [u8],
    /// Last modification.
    pub mtime: Timestamp,
    /// Major and minor number of a device.
    pub device: Option<(u64, u64)>,
    /// Extended attributes and access control lists.
    pub attributes: &'a [Attribute],
    /// Bytes from the start of the tar to the first header of this member, extension headers included.
    pub offset: u64,
    /// Which archive of the input it stands in; 0 for the first.
    pub archive: u64,
    /// Whether sync was lost somewhere before it, and found again.
    pub salvaged: bool,
}

/// Why a header cannot be made a member: where its payload ends is not known.
pub(super) struct Unframed(pub(super) AnomalyKind);

/// What the framing needs of a member, told apart from what is shown of it.
pub(super) struct Framing {
    pub(super) kind: EntryKind,
    pub(super) size: u64,
    pub(super) stored_size: u64,
    /// Whether a map says which parts are stored.
    pub(super) sparse: bool,
    /// Bytes of a sparse file with its holes, where that is given.
    pub(super) real_size: Option<u64>,
    /// What other readers expect for payload.
    pub(super) other: Option<Expects>,
}

/// Finds kind and sizes: how far the payload reaches.
///
/// # Errors
/// The size is no number or impossible.
pub(super) fn framing(
    header: RawHeader<'_>,
    name: &[u8],
    extension: &Extension,
    odd: &mut dyn FnMut(AnomalyKind),
) -> Result<Framing, Unframed> {
    let declared = match header.size() {
        Ok(number) => {
            if number.is_blank() {
                odd(AnomalyKind::NumberForm("size"));
            }
            let Some(size) = number.unsigned() else { return Err(Unframed(AnomalyKind::NegativeNumber("size"))) };
            size
        }
        Err(error) if extension.size.is_none() => return Err(Unframed(AnomalyKind::BadNumber("size", error))),
        Err(error) => {
            odd(AnomalyKind::BadNumber("size", error));
            0
        }
    };
    let size = extension.size.unwrap_or(declared);
    // A size over 8 GiB does not fit the octal field: the pax header is there for it, and what the field says is moot.
    let mut other = None;
    if size != declared && size <= 0o77_777_777_777 {
        odd(AnomalyKind::PaxSize { pax: size, header: declared });
        other = Some(Expects { bytes: declared, who: "take the size in the member header", known: false });
    }
    if size > i64::MAX.cast_unsigned().saturating_sub(512) {
        return Err(Unframed(AnomalyKind::BadNumber("size", NumberError::Overflow)));
    }
    let kind = kind(header, name, size, extension, odd);
    let real_size = match (kind, header.typeflag()) {
        (EntryKind::Sparse, b'S') => match header.real_size() {
            _ if extension.star_real_size.is_some() => extension.star_real_size,
            Ok(number) => number.unsigned(),
            Err(error) => {
                odd(AnomalyKind::BadNumber("sparse size", error));
                None
            }
        },
        (EntryKind::Sparse, _) => extension.real_size,
        _ => None,
    };
    let stored_size = match kind {
        // Go, GNU tar, bsdtar and Python agree that nothing follows these two, whatever they say; for the others GNU tar
        // differs.
        EntryKind::Directory if matches!(header.typeflag(), b'5') => {
            if size > 0 {
                odd(AnomalyKind::DirectoryWithSize(size));
                other = Some(Expects { bytes: size, who: "expect payload after a directory", known: false });
            }
            0
        }
        EntryKind::Hardlink | EntryKind::Symlink | EntryKind::Character | EntryKind::Block | EntryKind::Fifo => {
            if size > 0 {
                odd(AnomalyKind::LinkWithSize(size));
                let who = "expect payload after a link, device or pipe";
                other = Some(Expects { bytes: size, who, known: true });
            }
            0
        }
        _ => size,
    };
    if name.ends_with(b"/") && has_file_type(header) {
        // By its typeflag to some and by its name to others: bsdtar goes by the name whatever the file is.
        odd(AnomalyKind::SlashFile(kind));
        other = Some(Expects { bytes: 0, who: "take it for a directory without payload", known: true });
    } else if header.typeflag() == 0 && header.name().ends_with(b"/") {
        // A longer name was cut there to fit the field, and Python looks at the field (CVE-2025-13462).
        let who = "take it for a directory by the name in the member header";
        other = Some(Expects { bytes: 0, who, known: true });
    }
    let sparse = kind == EntryKind::Sparse;
    if let (EntryKind::File | EntryKind::Contiguous, Some(pax)) = (kind, extension.star_real_size)
        && pax != stored_size
    {
        odd(AnomalyKind::StarSize { pax, stored: stored_size });
    }
    if extension.is_sparse && !sparse {
        odd(AnomalyKind::SparseMap(MapFault::NoFile));
    }
    if sparse {
        odd(AnomalyKind::Sparse { stored: stored_size, size: real_size });
    }
    Ok(Framing { kind, size: real_size.unwrap_or(stored_size), stored_size, sparse, real_size, other })
}

fn kind(
    header: RawHeader<'_>,
    name: &[u8],
    size: u64,
    extension: &Extension,
    odd: &mut dyn FnMut(AnomalyKind),
) -> EntryKind {
    match header.typeflag() {
        // GNU tar and Python fill the holes of a contiguous file, too.
        b'0' | 0 | b'7' if extension.is_sparse => EntryKind::Sparse,
        b'0' | 0 if name.ends_with(b"/") => EntryKind::Directory,
        b'0' | 0 => EntryKind::File,
        b'1' => EntryKind::Hardlink,
        b'2' => EntryKind::Symlink,
        b'3' => EntryKind::Character,
        b'4' => EntryKind::Block,
        // GNU's `D` is a directory whose payload lists its files.
        b'5' | b'D' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        b'7' => EntryKind::Contiguous,
        b'S' => EntryKind::Sparse,
        b'M' => {
            let offset = header.volume_offset().ok().and_then(|number| number.unsigned());
            odd(AnomalyKind::Continuation(offset));
            EntryKind::Other
        }
        b'V' => {
            odd(AnomalyKind::Label(header.name().to_vec(), size));
            EntryKind::Other
        }
        flag if vendor(flag).is_some() => {
            odd(AnomalyKind::Vendor(flag, vendor(flag).unwrap_or_default(), size));
            EntryKind::Other
        }
        other => {
            odd(AnomalyKind::UnknownType(other));
            EntryKind::Other
        }
    }
}

/// Whether the typeflag is that of a file, or one that readers who do not know it take for a file's.
fn has_file_type(header: RawHeader<'_>) -> bool {
    !matches!(header.typeflag(), b'1'..=b'6' | b'D' | b'M' | b'V')
}

/// What typeflags mean that single vendors have given out; their payload is passed over.
fn vendor(typeflag: u8) -> Option<&'static str> {
    match typeflag {
        b'A' => Some("an access control list of Solaris or AIX"),
        b'E' => Some("an extended attribute of Solaris or AIX"),
        b'I' => Some("an inode without content, of star"),
        b'N' => Some("a list of long names, of GNU tar before 1991"),
        _ => None,
    }
}

/// Puts prefix and name together in `joined`; false where the name field alone is the path.
pub(super) fn join_path(
    header: RawHeader<'_>,
    name: &[u8],
    joined: &mut Vec<u8>,
    odd: &mut dyn FnMut(AnomalyKind),
) -> bool {
    let prefix = match header.dialect() {
        Dialect::Star if header.star_prefix_goes_on() => {
            odd(AnomalyKind::PrefixStar(other_path(header)));
            header.prefix()
        }
        Dialect::Ustar | Dialect::Star => header.prefix(),
        // GNU keeps other fields there: times when incremental, and a sparse map; text means that somebody meant a prefix.
        Dialect::Gnu if header.typeflag() == b'S' || header.is_incremental() => return false,
        Dialect::Gnu | Dialect::V7 => {
            if !header.ustar_prefix().is_empty() {
                odd(AnomalyKind::Prefix(other_path(header)));
            }
            return false;
        }
    };
    if prefix.is_empty() {
        return false;
    }
    if header.has_odd_version() {
        odd(AnomalyKind::PrefixVersion(name.to_vec()));
    }
    joined.clear();
    joined.extend_from_slice(prefix);
    joined.push(b'/');
    joined.extend_from_slice(name);
    true
}

/// Prefix and name as one path, for the readers that honour both.
fn other_path(header: RawHeader<'_>) -> Vec<u8> {
    [header.ustar_prefix(), header.name()].join(&b'/')
}

/// Fills in what does not bear on the framing.
pub(super) fn describe<'a>(
    header: RawHeader<'a>,
    path: &'a [u8],
    framing: &Framing,
    extensions: &'a Extensions,
    offset: u64,
    limits: &Limits,
    odd: &mut dyn FnMut(AnomalyKind),
) -> Member<'a> {
    let Extensions { local, global } = extensions;
    let mut number = |field: &'static str, value: Result<Number, NumberError>| match value {
        Ok(number) => number.value,
        Err(error) => {
            odd(AnomalyKind::BadNumber(field, error));
            0
        }
    };
    let mode = number("mode", header.mode());
    let (uid, gid) = (number("uid", header.uid()), number("gid", header.gid()));
    let mtime = number("mtime", header.mtime());
    // Ids below zero exist: `nobody` on some systems, written as -2.
    let id =
        |declared: i64, local: Option<u64>, global: Option<u64>| local.or(global).unwrap_or(declared.cast_unsigned());
    let has_names = header.dialect() != Dialect::V7;
    let text = |local: &'a Text, global: &'a Text, declared: fn(RawHeader<'a>) -> &'a [u8]| {
        local.value().or(global.value()).unwrap_or_else(|| if has_names { declared(header) } else { &[] })
    };
    for (what, text) in [("path", &local.path), ("link target", &local.link)] {
        if let (Some(here), Some(there)) = (text.value(), text.other()) {
            odd(AnomalyKind::TwoNames { what, here: here.to_vec(), there: there.to_vec() });
        }
    }
    let (seconds, nanoseconds) = local.mtime.or(global.mtime).unwrap_or((mtime, 0));
    if path.is_empty() {
        odd(AnomalyKind::NoName);
    } else if count(path.len()) > limits.path_bytes {
        odd(AnomalyKind::Limit { name: "path-bytes", limit: limits.path_bytes, wanted: count(path.len()) });
    } else if count(path.len()) > limits.path_bytes_warn {
        odd(AnomalyKind::LongPath(count(path.len())));
    }
    // Each component has a slash and, but for the careless, a letter: short paths need not be looked at.
    if count(path.len()) > limits.path_depth {
        let depth = count(path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count());
        if depth > limits.path_depth {
            odd(AnomalyKind::Limit { name: "path-depth", limit: limits.path_depth, wanted: depth });
        }
    }
    let device = matches!(framing.kind, EntryKind::Character | EntryKind::Block).then(|| match header.device() {
        Ok((major, minor)) => (major.value.cast_unsigned(), minor.value.cast_unsigned()),
        Err(error) => {
            odd(AnomalyKind::BadNumber("device", error));
            (0, 0)
        }
    });
    let is_link = matches!(framing.kind, EntryKind::Hardlink | EntryKind::Symlink);
    Member {
        header,
        path,
        link: if is_link { local.link.value().unwrap_or_else(|| header.link()) } else { &[] },
        kind: framing.kind,
        size: framing.size,
        stored_size: framing.stored_size,
        mode: u32::try_from(mode & 0o7777).unwrap_or(0),
        uid: id(uid, local.uid, global.uid),
        gid: id(gid, local.gid, global.gid),
        uname: text(&local.uname, &global.uname, RawHeader::uname),
        gname: text(&local.gname, &global.gname, RawHeader::gname),
        mtime: Timestamp { seconds, nanoseconds },
        device,
        attributes: &local.attributes,
        offset,
        archive: 0,
        salvaged: false,
    }
}
