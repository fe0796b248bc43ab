//! One line for each block of an archive: where it begins, how long it is, what it is.
//!
//! Promises: columns that line up; paths escaped. Refuses to know: which format the blocks belong to.

use std::io::{self, Write};

use super::escaped;

/// A block of an archive.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Bytes from the start of the archive.
    pub offset: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// What it is.
    pub what: &'static str,
    /// The path, where it begins a member.
    pub path: &'a [u8],
}

/// Writes the line of a block.
///
/// # Errors
/// The output could not be written.
pub fn block(out: &mut dyn Write, block: &Block<'_>) -> io::Result<()> {
    let Block { offset, bytes, what, path } = block;
    match path {
        [] => writeln!(out, "{offset:>12} {bytes:>12}  {what}"),
        path => writeln!(out, "{offset:>12} {bytes:>12}  {what:<17} {}", escaped(path)),
    }
}
