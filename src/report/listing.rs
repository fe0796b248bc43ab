//! Listings: one line for each entry, as people know it from `tar -tv`, or as one JSON object.
//!
//! Promises: times in UTC; nothing from the archive unescaped; paths that are not UTF-8 stay bytes in JSON. Refuses to
//! know: where entries come from and in which order lines are written.

use std::io::{self, Write};

use serde::Serialize;

use super::escaped;
use super::json::{self, Text};
use crate::digest::Digests;
use crate::entry::{Entry, EntryKind, Timestamp};

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Like `tar -tv`, with digests before the name where there are any.
    Text,
    /// Names only, like `tar -t`.
    Names,
    /// JSON lines.
    Jsonl,
}

/// What is known of an entry once it is over.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// Its digests.
    pub digests: Option<Digests>,
    /// The codes of what is odd about it.
    pub anomalies: Vec<&'static str>,
}

/// A line being made: what the entry says of itself, before its content was seen.
#[derive(Debug, Clone)]
pub struct Line {
    head: Vec<u8>,
    name: Vec<u8>,
    style: Style,
}

impl Line {
    /// The line of `entry`.
    #[must_use]
    pub fn new(entry: &Entry<'_>, style: Style) -> Self {
        let (mut head, mut name) = (Vec::new(), Vec::new());
        // Writing to memory cannot fail.
        let _ = match style {
            Style::Text => columns(&mut head, entry).and_then(|()| long_name(&mut name, entry)),
            Style::Names => write!(name, "{}", escaped(entry.path)),
            Style::Jsonl => json::write(&mut head, &Row::of(entry)).inspect(|()| {
                // The closing brace comes with the tail.
                head.pop();
            }),
        };
        Self { head, name, style }
    }

    /// Bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.head.len().saturating_add(self.name.len())
    }

    /// Writes the line with what is known at its end.
    ///
    /// # Errors
    /// The output could not be written.
    pub fn write(&self, out: &mut dyn Write, tail: &Tail) -> io::Result<()> {
        out.write_all(&self.head)?;
        match self.style {
            Style::Names => {}
            Style::Text => {
                for (_, digest) in tail.digests.iter().flat_map(Digests::named) {
                    write!(out, "{digest} ")?;
                }
            }
            Style::Jsonl => return self.finish_json(out, tail),
        }
        out.write_all(&self.name)?;
        out.write_all(b"\n")
    }

    /// The object was closed too early for its last two fields: they go before the brace.
    fn finish_json(&self, out: &mut dyn Write, tail: &Tail) -> io::Result<()> {
        if let Some(digests) = &tail.digests {
            let digests: std::collections::BTreeMap<_, _> = digests.named().collect();
            out.write_all(b",\"digests\":")?;
            serde_json::to_writer(&mut *out, &digests)?;
        }
        if !tail.anomalies.is_empty() {
            out.write_all(b",\"anomalies\":")?;
            serde_json::to_writer(&mut *out, &tail.anomalies)?;
        }
        out.write_all(b"}\n")
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
    write!(out, "{} {owners} {size:>width$} {} ", permissions(entry), minute(entry.mtime))
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

/// `drwxr-xr-x` and its kin.
fn permissions(entry: &Entry<'_>) -> String {
    let kind = match entry.kind {
        EntryKind::File | EntryKind::Sparse => '-',
        EntryKind::Directory => 'd',
        EntryKind::Symlink => 'l',
        EntryKind::Hardlink => 'h',
        EntryKind::Character => 'c',
        EntryKind::Block => 'b',
        EntryKind::Fifo => 'p',
        EntryKind::Contiguous => 'C',
        EntryKind::Other => '?',
    };
    let mut text = String::with_capacity(10);
    text.push(kind);
    // User, group, others; the special bit of each with its letters.
    for (shift, special, letters) in [(6, 0o4000, ('s', 'S')), (3, 0o2000, ('s', 'S')), (0, 0o1000, ('t', 'T'))] {
        let bits = entry.mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (bits & 1 != 0, entry.mode & special != 0) {
            (true, true) => letters.0,
            (false, true) => letters.1,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

fn minute(time: Timestamp) -> String {
    match jiff::Timestamp::new(time.seconds, 0) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => format!("@{}", time.seconds),
    }
}

/// RFC 3339 in UTC; seconds after an `@` where the year has no four digits.
fn rfc3339(time: Timestamp) -> String {
    match jiff::Timestamp::new(time.seconds, i32::try_from(time.nanoseconds).unwrap_or(0)) {
        Ok(at) => at.to_string(),
        Err(_) => format!("@{}", time.seconds),
    }
}

/// One object of the JSON listing, without its last two fields.
#[derive(Serialize)]
struct Row<'a> {
    path: Text<'a>,
    kind: &'static str,
    size: u64,
    stored_size: u64,
    mode: String,
    uid: u64,
    gid: u64,
    uname: Text<'a>,
    gname: Text<'a>,
    mtime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<[u64; 2]>,
    offset: u64,
}

impl<'a> Row<'a> {
    fn of(entry: &Entry<'a>) -> Self {
        Self {
            path: Text::of(entry.path),
            kind: entry.kind.as_str(),
            size: entry.size,
            stored_size: entry.stored_size,
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            uname: Text::of(entry.uname),
            gname: Text::of(entry.gname),
            mtime: rfc3339(entry.mtime),
            link: (!entry.link.is_empty()).then(|| Text::of(entry.link)),
            device: entry.device.map(|(major, minor)| [major, minor]),
            offset: entry.offset,
        }
    }
}
