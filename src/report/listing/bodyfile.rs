//! The body file of The Sleuth Kit 3 and later, which `mactime` makes a timeline of.
//!
//! `MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime`. What an archive does not hold is 0: the MD5 and three of the
//! four times. In the place of the inode stands the offset of the entry's first header: no two entries share one.
//!
//! Promises: a name holds no line end and no column's end. It is escaped as everywhere (`\n`, `\xNN`, `\\`), and then `%` and
//! `|` are written as `%25` and `%7C`, which `mactime` turns back. Refuses to know: timelines.

use std::io::{self, Write};

use super::{Format, Line, Tail, permissions};
use crate::entry::{Entry, EntryKind};
use crate::report::escaped;

pub(super) struct Bodyfile;

impl Format for Bodyfile {
    fn line(&mut self, entry: &Entry<'_>) -> Line {
        let mut head = Vec::new();
        let mut name = field(entry.path);
        match entry.kind {
            EntryKind::Symlink => name.push_str(&format!(" -> {}", field(entry.link))),
            EntryKind::Hardlink => name.push_str(&format!(" link to {}", field(entry.link))),
            _ => {}
        }
        let (kind, permissions) = (letter(entry.kind), permissions(entry.mode));
        // Writing to memory cannot fail.
        let _ = write!(
            head,
            "0|{name}|{}|{kind}/{kind}{permissions}|{}|{}|{}|0|{}|0|0",
            entry.offset, entry.uid, entry.gid, entry.size, entry.mtime.seconds
        );
        Line { head, ..Line::default() }
    }

    fn write(&self, out: &mut dyn Write, line: &Line, _tail: &Tail) -> io::Result<()> {
        out.write_all(&line.head)?;
        out.write_all(b"\n")
    }
}

fn field(bytes: &[u8]) -> String {
    escaped(bytes).to_string().replace('%', "%25").replace('|', "%7C")
}

/// The Sleuth Kit's letter for the kind; it has none for a second name, which is the file itself.
fn letter(kind: EntryKind) -> char {
    match kind {
        EntryKind::File | EntryKind::Sparse | EntryKind::Contiguous | EntryKind::Hardlink => 'r',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::Character => 'c',
        EntryKind::Block => 'b',
        EntryKind::Fifo => 'p',
        EntryKind::Other => '-',
    }
}
