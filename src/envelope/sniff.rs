//! Which wrapper the next bytes are, by their magic and never by a name.
//!
//! Promises: a claim only where the first bytes leave no reasonable doubt. Refuses to know: what is inside, tar included.

use super::{Format, openpgp};

/// The wrapper that `head`, the first bytes of a stream, begins; `None` where it is none of those known.
#[must_use]
pub fn sniff(head: &[u8]) -> Option<Format> {
    match head {
        [0x1F, 0x8B, 0x08, ..] => Some(Format::Gzip),
        [0x1F, 0x9D, ..] => Some(Format::Compress),
        [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Some(Format::Zstd),
        [0xFD, b'7', b'z', b'X', b'Z', 0x00, ..] => Some(Format::Xz),
        [b'L', b'Z', b'I', b'P', 0 | 1, ..] => Some(Format::Lzip),
        // A block, or the end of an empty stream.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..]
        | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, 0x72, 0x45, 0x38, 0x50, 0x90, ..] => Some(Format::Bzip2),
        _ => openpgp::recognise(head).map(|_| Format::OpenPgp),
    }
}
