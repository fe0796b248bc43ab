//! Listings: what is written for each entry, one format a file.
//!
//! Promises: one line an entry, made before its content is seen and written once its digests are known; names are escaped
//! in the way of the format, so that every reader of it gets the name back. Refuses to know: where entries come from and
//! in which order lines are written.

mod bodyfile;
mod csv;
mod jsonl;
mod mtree;
mod names;
mod sha256sum;
mod text;

use std::borrow::Cow;
use std::io::{self, Write};

use crate::code;
use crate::digest::{Digests, Hashes};
use crate::entry::{Entry, EntryKind, Timestamp, normalized};
use crate::finding::Finding;

/// How a listing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Like `tar -tv`, with digests before the name where there are any.
    Text,
    /// Names only, like `tar -t`.
    Names,
    /// JSON lines.
    Jsonl,
    /// Comma-separated values after RFC 4180.
    Csv,
    /// A specification after mtree(5).
    Mtree,
    /// The body file of The Sleuth Kit.
    Bodyfile,
    /// What `sha256sum --check` reads. It alone holds names as they are.
    Sha256sum,
    /// The same for a terminal: what a terminal would obey is escaped.
    Sha256sumShown,
}

impl Style {
    /// The format that writes it, with columns for these digests.
    #[must_use]
    pub fn format(self, hashes: Hashes) -> Box<dyn Format> {
        match self {
            Self::Text => Box::new(text::Text::default()),
            Self::Names => Box::new(names::Names::default()),
            Self::Jsonl => Box::new(jsonl::Jsonl),
            Self::Csv => Box::new(csv::Csv { hashes }),
            Self::Mtree => Box::new(mtree::Mtree::default()),
            Self::Bodyfile => Box::new(bodyfile::Bodyfile),
            Self::Sha256sum => Box::new(sha256sum::Sha256sum { is_shown: false }),
            Self::Sha256sumShown => Box::new(sha256sum::Sha256sum { is_shown: true }),
        }
    }
}

/// A format of listings.
pub trait Format {
    /// Writes what stands before the first line.
    ///
    /// # Errors
    /// The output could not be written.
    fn begin(&self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Starts the line of `entry`.
    fn line(&mut self, entry: &Entry<'_>) -> Line;

    /// Writes a line with what is known at its end.
    ///
    /// # Errors
    /// The output could not be written.
    fn write(&self, out: &mut dyn Write, line: &Line, tail: &Tail) -> io::Result<()>;

    /// Takes a line back that was written: its memory may hold the next one.
    fn reuse(&mut self, _line: Line) {}

    /// Writes a finding below the line of the member it concerns, or, where it concerns none, behind all lines.
    ///
    /// # Errors
    /// The output could not be written.
    fn finding(&self, _out: &mut dyn Write, _finding: &Finding) -> io::Result<()> {
        Ok(())
    }
}

/// What is known of an entry once it is over.
#[derive(Debug, Clone, Default)]
pub struct Tail {
    /// Its digests.
    pub digests: Option<Digests>,
    /// The codes of what is odd about it.
    pub anomalies: Vec<&'static str>,
}

impl Tail {
    /// Whether a part of the content is missing, or something in it that is not its own.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        let partial = [&code::TAR_PARTIAL, &code::TAR_TRUNCATED, &code::TAR_SPARSE_MAP];
        self.anomalies.iter().any(|odd| partial.iter().any(|code| code.id == *odd))
    }
}

/// A line being made: what the entry says of itself, before its content was seen.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// What stands before the digests.
    head: Vec<u8>,
    /// What stands behind them.
    name: Vec<u8>,
    /// Whether the digests are those of the file as a program restores it.
    restorable: bool,
    /// Whether it was found behind damage.
    salvaged: bool,
}

impl Line {
    /// Bytes of memory it takes.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.head.len().saturating_add(self.name.len())
    }
}

/// Whether the bytes that are hashed are the file's content as a program restores it: what follows a link or a device is
/// not its content.
fn is_restorable(entry: &Entry<'_>) -> bool {
    match entry.kind {
        EntryKind::File | EntryKind::Contiguous | EntryKind::Sparse => true,
        // Programs take what they do not know for a file; without content it is not hashed.
        EntryKind::Other => entry.stored_size > 0,
        _ => false,
    }
}

/// The path as programs extract it: relative, without empty components or `.`, and empty for the root. `None` for what
/// they refuse or change: what leads upwards, what holds a NUL, a file whose name ends like a directory's.
fn restored<'a>(entry: &Entry<'a>) -> Option<Cow<'a, [u8]>> {
    // What stands behind the end marker is no part of what programs extract.
    if entry.archive > 0 {
        return None;
    }
    let path = entry.path;
    let is_refused = path.contains(&0)
        || path.split(|byte| *byte == b'/').any(|part| part == b"..")
        || (entry.kind != EntryKind::Directory && path.ends_with(b"/"));
    (!is_refused).then(|| normalized(path))
}

/// The nine letters of the permission bits, with those of setuid, setgid and sticky.
fn permissions(mode: u32) -> String {
    let mut text = String::with_capacity(9);
    // User, group, others; the special bit of each with its letters.
    for (shift, special, letters) in [(6, 0o4000, ('s', 'S')), (3, 0o2000, ('s', 'S')), (0, 0o1000, ('t', 'T'))] {
        let bits = mode >> shift;
        text.push(if bits & 4 == 0 { '-' } else { 'r' });
        text.push(if bits & 2 == 0 { '-' } else { 'w' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => letters.0,
            (false, true) => letters.1,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// RFC 3339 in UTC; seconds after an `@` where the year has no four digits.
fn rfc3339(time: Timestamp) -> String {
    match jiff::Timestamp::new(time.seconds, i32::try_from(time.nanoseconds).unwrap_or(0)) {
        Ok(at) => at.to_string(),
        Err(_) => format!("@{}", time.seconds),
    }
}
