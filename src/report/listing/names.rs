//! Names only, like `tar --list`.
//!
//! Promises: one name a line, escaped as in the text listing. Refuses to know: anything else about an entry.

use std::io::{self, Write};

use super::{Format, Line, Tail};
use crate::entry::Entry;
use crate::report::escaped;

#[derive(Default)]
pub(super) struct Names {
    /// The memory of a line that was written, for the next one.
    spare: Vec<u8>,
}

impl Format for Names {
    fn line(&mut self, entry: &Entry<'_>) -> Line {
        let mut name = std::mem::take(&mut self.spare);
        name.clear();
        escaped(entry.path).append_to(&mut name);
        name.push(b'\n');
        Line { name, ..Line::default() }
    }

    fn write(&self, out: &mut dyn Write, line: &Line, _tail: &Tail) -> io::Result<()> {
        out.write_all(&line.name)
    }

    fn reuse(&mut self, line: Line) {
        self.spare = line.name;
    }
}
