//! Entries: what an archive holds, whatever it was packed with.
//!
//! Promises: paths and names are bytes, kept as the archive gives them; numbers are the effective ones. After this file
//! nothing knows that it was tar. Refuses to know: how entries are read, hashed or judged.

use std::borrow::Cow;

/// What kind of thing an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// Another name for an entry before it.
    Hardlink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A named pipe.
    Fifo,
    /// A file that asks for contiguous blocks; a regular file on today's systems.
    Contiguous,
    /// A file stored without its holes.
    Sparse,
    /// Anything else.
    Other,
}

impl EntryKind {
    /// The word used in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Symlink => "symlink",
            Self::Hardlink => "hardlink",
            Self::Character => "character",
            Self::Block => "block",
            Self::Fifo => "fifo",
            Self::Contiguous => "contiguous",
            Self::Sparse => "sparse",
            Self::Other => "other",
        }
    }

    /// The kind that has this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
    }

    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::File,
        Self::Directory,
        Self::Symlink,
        Self::Hardlink,
        Self::Character,
        Self::Block,
        Self::Fifo,
        Self::Contiguous,
        Self::Sparse,
        Self::Other,
    ];

    /// Whether it carries file content.
    #[must_use]
    pub fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Contiguous | Self::Sparse)
    }
}

/// A point in time as archives give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z; negative before.
    pub seconds: i64,
    /// Nanoseconds after that second, below 10^9.
    pub nanoseconds: u32,
}

/// An extended attribute or an access control list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, as the archive gives it: `user.comment`, `SCHILY.acl.access`.
    pub name: Vec<u8>,
    /// Its value, as the archive gives it.
    pub value: Vec<u8>,
}

/// One entry, lent for the time of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The path, as the archive gives it.
    pub path: &'a [u8],
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of content.
    pub size: u64,
    /// Bytes of content stored in the archive; less than `size` for sparse files, 0 for links.
    pub stored_size: u64,
    /// Permission bits with setuid, setgid and sticky: the low 12 bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Owner's name; empty where none is given.
    pub uname: &'a [u8],
    /// Group's name; empty where none is given.
    pub gname: &'a [u8],
    /// Last modification.
    pub mtime: Timestamp,
    /// Where a link points; empty for everything else.
    pub link: &'a [u8],
    /// Major and minor number of a device.
    pub device: Option<(u64, u64)>,
    /// Extended attributes and access control lists.
    pub attributes: &'a [Attribute],
    /// Bytes from the start of the archive to the entry's first header.
    pub offset: u64,
    /// Which archive of the file it stands in: 0 for the first, whose end most readers take for the end of all.
    pub archive: u64,
    /// Whether sync was lost somewhere before it, and found again.
    pub salvaged: bool,
}

impl Entry<'_> {
    /// Bytes of content there will be, holes included; `None` for entries without content.
    #[must_use]
    pub fn content_bytes(&self) -> Option<u64> {
        let bytes = if self.kind == EntryKind::Sparse { self.size } else { self.stored_size };
        (self.kind.is_file() || self.stored_size > 0).then_some(bytes)
    }
}

/// The path as rules see it: without `./` or `/` in front, empty components or a slash at the end.
///
/// `./x`, `/x`, `x` and `x/` are one. The root itself is empty. `..` is kept: it is judged elsewhere.
#[must_use]
pub fn normalized(path: &[u8]) -> Cow<'_, [u8]> {
    let is_noise = |part: &&[u8]| part.is_empty() || *part == b".";
    let trimmed = path.strip_prefix(b"./").unwrap_or(path);
    let trimmed = trimmed.strip_suffix(b"/").unwrap_or(trimmed);
    if !trimmed.split(|byte| *byte == b'/').any(|part| is_noise(&part)) {
        return Cow::Borrowed(trimmed);
    }
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|part| !is_noise(part)).collect();
    Cow::Owned(parts.join(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_in_many_spellings() {
        for spelling in ["a/b", "./a/b", "/a/b", "a/b/", "a//b", "././a/./b/", "//a/b//", "a/b/."] {
            assert_eq!(&*normalized(spelling.as_bytes()), b"a/b", "{spelling}");
        }
        for root in ["", ".", "./", "/", "//", "././"] {
            assert_eq!(&*normalized(root.as_bytes()), b"", "{root}");
        }
        assert_eq!(&*normalized(b"../x"), b"../x");
        assert_eq!(&*normalized(b".hidden"), b".hidden");
        assert_eq!(&*normalized(b"a/..b"), b"a/..b");
    }
}
