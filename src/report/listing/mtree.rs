//! A specification after mtree(5), as bsdtar, libarchive and NetBSD's mtree read it.
//!
//! What the format cannot say is a comment: an entry that leads out of the archive or that no program extracts is no part
//! of the specification, and a hard link, which has no type there, is a file without size and digest behind a comment that
//! names its target. NetBSD's mtree refuses an entry whose directory was not named before it, so a directory that the
//! archive leaves out is named with its type alone.
//!
//! Promises: every byte of a name that is neither a letter, a digit nor one of `/._-+,:@%` is written as a backslash and three octal digits, so that
//! nothing in it is a pattern, a comment or a second line. Refuses to know: which keywords are checked.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write};

use super::{Format, Line, Tail, is_restorable, restored};
use crate::digest::hex;
use crate::entry::{Entry, EntryKind};
use crate::place::{PATH_BYTES, kept_path};

/// Directories that are remembered as named; past these they may be named again.
const MOST_FOLDERS: usize = 1 << 18;
/// Components of a path; each of them may take a line of its own.
const MOST_PARTS: usize = 256;

#[derive(Default)]
pub(super) struct Mtree {
    /// Digests of the paths of the directories that were named.
    folders: HashSet<u64>,
}

impl Mtree {
    /// Whether the directory is named for the first time.
    fn is_new(&mut self, folder: &[u8]) -> bool {
        if self.folders.len() >= MOST_FOLDERS {
            self.folders.clear();
        }
        let mut hasher = DefaultHasher::new();
        folder.hash(&mut hasher);
        self.folders.insert(hasher.finish())
    }

    fn entry(&mut self, out: &mut Vec<u8>, entry: &Entry<'_>) -> io::Result<()> {
        let fits = |path: &[u8]| path.len() <= PATH_BYTES && path.split(|byte| *byte == b'/').count() <= MOST_PARTS;
        let is_folder = entry.kind == EntryKind::Directory;
        let path = restored(entry).filter(|path| fits(path) && (is_folder || !path.is_empty()));
        let Some(path) = path else {
            write!(out, "# not extracted: {}", octal(kept_path(entry.path)))?;
            return Ok(());
        };
        for (end, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            let folder = path.get(..end).unwrap_or_default();
            if self.is_new(folder) {
                writeln!(out, "{} type=dir", encoded(folder))?;
            }
        }
        if is_folder {
            self.is_new(&path);
        }
        if entry.kind == EntryKind::Hardlink {
            writeln!(out, "# hard link to {}", octal(kept_path(entry.link)))?;
        }
        write!(out, "{} type={} mode={:04o}", encoded(&path), kind(entry.kind), entry.mode)?;
        write!(out, " uid={} gid={}", entry.uid, entry.gid)?;
        for (keyword, name) in [("uname", entry.uname), ("gname", entry.gname)] {
            // No reader takes escapes here: a name that needs them is left to its number.
            if !name.is_empty() && name.iter().all(is_plain) {
                write!(out, " {keyword}={}", octal(name))?;
            }
        }
        match (entry.kind, entry.device) {
            // Both numbers have 32 bits wherever they are read.
            (EntryKind::Character | EntryKind::Block, Some((major, minor)))
                if major.max(minor) <= u64::from(u32::MAX) =>
            {
                write!(out, " device=native,{major},{minor}")?;
            }
            (EntryKind::Symlink, _) => write!(out, " link={}", octal(entry.link))?,
            (EntryKind::File | EntryKind::Contiguous | EntryKind::Sparse | EntryKind::Other, _) => {
                write!(out, " size={}", entry.size)?;
            }
            _ => {}
        }
        // Not a fraction: the nanoseconds are a number of their own behind the dot.
        write!(out, " time={}.{}", entry.mtime.seconds, entry.mtime.nanoseconds)
    }
}

impl Format for Mtree {
    fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"#mtree\n")
    }

    fn line(&mut self, entry: &Entry<'_>) -> Line {
        let mut head = Vec::new();
        // Writing to memory cannot fail. The root comes first, whatever the archive begins with.
        let _ = if self.is_new(b"") && !restored(entry).is_some_and(|path| path.is_empty()) {
            head.write_all(b". type=dir\n").and_then(|()| self.entry(&mut head, entry))
        } else {
            self.entry(&mut head, entry)
        };
        Line { head, restorable: is_restorable(entry), ..Line::default() }
    }

    fn write(&self, out: &mut dyn Write, line: &Line, tail: &Tail) -> io::Result<()> {
        out.write_all(&line.head)?;
        if let Some(digest) = tail.digests.and_then(|digests| digests.sha256).filter(|_| line.restorable) {
            write!(out, " sha256digest={}", hex(&digest))?;
        }
        out.write_all(b"\n")
    }
}

/// The path with `./` in front, which makes it a full one; the root is `.` alone.
fn encoded(path: &[u8]) -> String {
    if path.is_empty() { ".".to_owned() } else { format!("./{}", octal(path)) }
}

/// As vis(3) with every doubtful byte in octal, which all readers take.
fn octal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if is_plain(byte) {
            text.push(char::from(*byte));
        } else {
            text.push('\\');
            for shift in [6, 3, 0] {
                text.push(char::from(b'0' + ((byte >> shift) & 7)));
            }
        }
    }
    text
}

fn is_plain(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(byte)
}

/// Programs take a hard link and what they do not know for a file.
fn kind(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File | EntryKind::Sparse | EntryKind::Contiguous | EntryKind::Hardlink | EntryKind::Other => "file",
        EntryKind::Directory => "dir",
        EntryKind::Symlink => "link",
        EntryKind::Character => "char",
        EntryKind::Block => "block",
        EntryKind::Fifo => "fifo",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_are_remembered_are_bounded() {
        let mut mtree = Mtree::default();
        for number in 0..MOST_FOLDERS + 10 {
            assert!(mtree.is_new(number.to_string().as_bytes()));
        }
        assert!(mtree.folders.len() <= MOST_FOLDERS);
        assert!(!mtree.is_new((MOST_FOLDERS + 9).to_string().as_bytes()));
        assert!(mtree.is_new(b"0"), "the bound was not reached");
    }

    #[test]
    fn whatever_could_be_more_than_a_name_is_octal() {
        assert_eq!(octal(b"a b#=\\*[?\n\xff"), "a\\040b\\043\\075\\134\\052\\133\\077\\012\\377");
        assert_eq!(octal(b"Plain/na-me_1.txt"), "Plain/na-me_1.txt");
    }
}
