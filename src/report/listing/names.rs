//! Names only, like `tar --list`.
//!
//! Promises: one name a line, escaped as in the text listing. Refuses to know: anything else about an entry.

use std::io::{self, Write};

use super::{Format, Line, Tail};
use crate::entry::Entry;
use crate::report::escaped;

pub(super) struct Names;

impl Format for Names {
    fn line(&mut self, entry: &Entry<'_>) -> Line {
        let mut name = Vec::new();
        // Writing to memory cannot fail.
        let _ = write!(name, "{}", escaped(entry.path));
        Line { name, ..Line::default() }
    }

    fn write(&self, out: &mut dyn Write, line: &Line, _tail: &Tail) -> io::Result<()> {
        out.write_all(&line.name)?;
        out.write_all(b"\n")
    }
}
