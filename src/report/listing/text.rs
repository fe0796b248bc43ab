//! One line for each entry as people know it from `tar --list --verbose`, with digests before the name.
//!
//! Promises: times in UTC, to the minute; nothing from the archive unescaped. Refuses to know: programs that would read it.

use std::io::{self, Write};

use super::{Format, Line, Tail, permissions};
use crate::digest::Digests;
use crate::entry::{Entry, EntryKind, Timestamp};
use crate::finding::Finding;
use crate::report::{escaped, sentence};

#[derive(Default)]
pub(super) struct Text {
    /// Which archive of the file the entries stand in.
    archive: u64,
}

impl Format for Text {
    fn line(&mut self, entry: &Entry<'_>) -> Line {
        let (mut head, mut name) = (Vec::new(), Vec::new());
        // Writing to memory cannot fail.
        let _ = self
            .heading(&mut head, entry)
            .and_then(|()| columns(&mut head, entry))
            .and_then(|()| long_name(&mut name, entry));
        Line { head, name, salvaged: entry.salvaged, ..Line::default() }
    }

    fn write(&self, out: &mut dyn Write, line: &Line, tail: &Tail) -> io::Result<()> {
        out.write_all(&line.head)?;
        for (_, digest) in tail.digests.iter().flat_map(Digests::named) {
            write!(out, "{digest} ")?;
        }
        out.write_all(&line.name)?;
        out.write_all(match (line.salvaged, tail.is_partial()) {
            (false, false) => b"\n",
            (false, true) => b"  (partial)\n",
            (true, false) => b"  (found behind damage, whole)\n",
            (true, true) => b"  (found behind damage, partial)\n",
        })
    }

    fn finding(&self, out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
        // What concerns a member stands below its line.
        let indent = if finding.place.entry.is_some() { "  " } else { "" };
        let place = finding.place.offset.map_or_else(String::new, |offset| format!(" at byte {offset}"));
        let (severity, code) = (finding.severity.as_str(), finding.code.id);
        writeln!(out, "{indent}{severity} {code}{place}: {}", sentence(&finding.message))
    }
}

impl Text {
    /// The line before the first entry of a further archive in the same file.
    fn heading(&mut self, out: &mut dyn Write, entry: &Entry<'_>) -> io::Result<()> {
        if entry.archive == self.archive {
            return Ok(());
        }
        self.archive = entry.archive;
        writeln!(out, "archive {} of this file, which most readers do not see:", entry.archive.saturating_add(1))
    }
}

fn columns(out: &mut dyn Write, entry: &Entry<'_>) -> io::Result<()> {
    let owner = |name: &[u8], id: u64| if name.is_empty() { id.to_string() } else { escaped(name).to_string() };
    let owners = format!("{}/{}", owner(entry.uname, entry.uid), owner(entry.gname, entry.gid));
    let size = match entry.device {
        Some((major, minor)) => format!("{major},{minor}"),
        None => entry.size.to_string(),
    };
    let width = 19_usize.saturating_sub(owners.len() + 1).max(size.len());
    let (kind, permissions) = (letter(entry.kind), permissions(entry.mode));
    write!(out, "{kind}{permissions} {owners} {size:>width$} {} ", minute(entry.mtime))
}

fn long_name(out: &mut dyn Write, entry: &Entry<'_>) -> io::Result<()> {
    write!(out, "{}", escaped(entry.path))?;
    match entry.kind {
        EntryKind::Symlink => write!(out, " -> {}", escaped(entry.link)),
        EntryKind::Hardlink => write!(out, " link to {}", escaped(entry.link)),
        EntryKind::Other => write!(out, " (unknown kind)"),
        _ => Ok(()),
    }
}

/// The letter before the permissions.
fn letter(kind: EntryKind) -> char {
    match kind {
        EntryKind::File | EntryKind::Sparse => '-',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::Hardlink => 'h',
        EntryKind::Character => 'c',
        EntryKind::Block => 'b',
        EntryKind::Fifo => 'p',
        EntryKind::Contiguous => 'C',
        EntryKind::Other => '?',
    }
}

fn minute(time: Timestamp) -> String {
    match jiff::Timestamp::new(time.seconds, 0) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => format!("@{}", time.seconds),
    }
}
