//! The trait every consumer of entries implements.
//!
//! Promises: for each entry `entry`, then `data` any number of times, then `end`, in the order of the archive. Refuses to
//! know: who implements it.

use crate::entry::Entry;
use crate::finding::Finding;
use crate::source::Chunk;

/// What a sink wants of an entry's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// Nothing more of the whole archive: the walk ends, and says so.
    Stop,
    /// Not this content. It costs no copy and, on a mapped file, no read.
    Skip,
    /// All of it.
    Stream,
}

/// A consumer of entries.
pub trait Sink {
    /// An entry begins.
    fn entry(&mut self, entry: &Entry<'_>) -> Want;

    /// A piece of the entry's content; only after `entry` answered [`Want::Stream`]. Chunk offsets count in the archive.
    fn data(&mut self, chunk: &Chunk);

    /// So many bytes of the entry's content that the archive does not store: zeros. Only after [`Want::Stream`].
    fn hole(&mut self, _bytes: u64) {}

    /// The entry is over. `whole` tells whether all of its content was there.
    fn end(&mut self, whole: bool);

    /// Something was met on the way; between two entries, or before `end` when it concerns the entry just begun.
    fn finding(&mut self, _finding: &Finding) {}

    /// A piece of the archive as it lies there, in the order of its bytes.
    fn piece(&mut self, _piece: &Piece) {}
}

/// A piece of the archive as it lies there: a header, a payload, padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Bytes from the start of the archive.
    pub offset: u64,
    /// Its length in bytes; 0 for a hole, which is not stored.
    pub bytes: u64,
    /// What it is, in the format's words.
    pub what: &'static str,
}
