//! Comma-separated values after RFC 4180: a header row, one row for each entry, CR LF at the end of each.
//!
//! Text from the archive is escaped as everywhere: `\\` for a backslash, `\n`, `\r`, `\t`, `\xNN` for any other byte that
//! does not show or is not UTF-8, `\u{…}` for a character that does not show. A cell whose first character would make a
//! spreadsheet compute it begins with that character's escape instead.
//!
//! Promises: every row has the columns of the header; no cell begins a formula; every name can be read back from its cell.
//! Refuses to know: which spreadsheet.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Format, Line, Tail, rfc3339};
use crate::digest::{Digests, Hashes};
use crate::entry::Entry;
use crate::report::escaped;

pub(super) struct Csv {
    pub(super) hashes: Hashes,
}

impl Csv {
    /// The columns of digests, each with its value where there is one.
    fn digests(&self, digests: Option<&Digests>) -> impl Iterator<Item = (&'static str, String)> {
        let found: Vec<_> = digests.into_iter().flat_map(Digests::named).collect();
        [("sha256", self.hashes.sha256), ("blake3", self.hashes.blake3)].into_iter().filter(|column| column.1).map(
            move |(column, _)| {
                let value = found.iter().find(|(name, _)| *name == column);
                (column, value.map(|(_, value)| value.clone()).unwrap_or_default())
            },
        )
    }
}

impl Format for Csv {
    fn begin(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(
            b"path,kind,size,stored_size,mode,uid,gid,uname,gname,mtime,link,device_major,device_minor,offset,archive",
        )?;
        for (name, _) in self.digests(None) {
            write!(out, ",{name}")?;
        }
        out.write_all(b",salvage,anomalies\r\n")
    }

    fn line(&mut self, entry: &Entry<'_>) -> Line {
        let mut head = Vec::new();
        let (major, minor) = match entry.device {
            Some((major, minor)) => (major.to_string(), minor.to_string()),
            None => (String::new(), String::new()),
        };
        // Writing to memory cannot fail.
        let _ = write!(
            head,
            "{},{},{},{},{:04o},{},{},{},{},{},{},{major},{minor},{},{}",
            cell(entry.path),
            entry.kind.as_str(),
            entry.size,
            entry.stored_size,
            entry.mode,
            entry.uid,
            entry.gid,
            cell(entry.uname),
            cell(entry.gname),
            cell(rfc3339(entry.mtime).as_bytes()),
            cell(entry.link),
            entry.offset,
            entry.archive.saturating_add(1)
        );
        Line { head, salvaged: entry.salvaged, ..Line::default() }
    }

    fn write(&self, out: &mut dyn Write, line: &Line, tail: &Tail) -> io::Result<()> {
        out.write_all(&line.head)?;
        for (_, digest) in self.digests(tail.digests.as_ref()) {
            write!(out, ",{digest}")?;
        }
        let salvage = match (line.salvaged, tail.is_partial()) {
            (_, true) => "partial",
            (true, false) => "whole",
            (false, false) => "",
        };
        write!(out, ",{salvage},{}\r\n", tail.anomalies.join(" "))
    }
}

/// Text from the archive as a cell.
fn cell(bytes: &[u8]) -> String {
    let mut text = escaped(bytes).to_string();
    if let Some(first) = text.chars().next().filter(|first| begins_formula(*first)) {
        let mut harmless = String::with_capacity(text.len() + 8);
        // Writing to a string cannot fail.
        let _ = match u8::try_from(first) {
            Ok(byte) if byte.is_ascii() => write!(harmless, "\\x{byte:02x}"),
            _ => write!(harmless, "\\u{{{:x}}}", u32::from(first)),
        };
        harmless.push_str(text.get(first.len_utf8()..).unwrap_or_default());
        text = harmless;
    }
    quoted(&text).into_owned()
}

/// What a spreadsheet takes for the beginning of a formula, in both widths.
fn begins_formula(first: char) -> bool {
    matches!(first, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
}

/// In quotes where RFC 4180 asks for them, and where spaces at an end would be lost.
fn quoted(text: &str) -> Cow<'_, str> {
    let is_plain = !text.contains([',', '"', ';']) && text.trim().len() == text.len();
    if is_plain { Cow::Borrowed(text) } else { Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_begins_a_formula_or_breaks_out_of_its_column() {
        for (bytes, shown) in [
            (&b"plain name"[..], "plain name"),
            (b"=1+1", "\\x3d1+1"),
            (b"+x", "\\x2bx"),
            (b"-rf", "\\x2drf"),
            (b"@SUM(A1)", "\\x40SUM(A1)"),
            ("＝1".as_bytes(), "\\u{ff1d}1"),
            (b"\t=1", "\\t=1"),
            (b"\r=1", "\\r=1"),
            (b"=\"a\",b", "\"\\x3d\"\"a\"\",b\""),
            (b"a\nb", "a\\nb"),
            (b" a", "\" a\""),
            (b"\\x3d", "\\\\x3d"),
            (b"\xff", "\\xff"),
            (b"", ""),
        ] {
            assert_eq!(cell(bytes), shown);
        }
    }
}
