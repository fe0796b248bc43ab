//! Whether there is an archive to walk: by its first bytes before, and by what was met after.
//!
//! Promises: what a file is in the place of an archive is said where it shows; damage is not taken for something else.
//! Refuses to know: who walks, and what a verdict is.

use std::io;

use super::drive::Walked;
use crate::code::{self, Code};
use crate::envelope::mangled;
use crate::finding::Finding;
use crate::place::{Depth, Place};
use crate::source::Source;
use crate::tar::{BLOCK_BYTES, Dialect, RawHeader};

/// Looks at the first bytes of `source`: `None` where they begin an archive, otherwise what they are.
///
/// # Errors
/// The source could not be read.
pub fn recognise(source: &mut dyn Source) -> io::Result<Option<(&'static Code, String)>> {
    // No more than was asked for: a map lends the whole file, a pipe what has come.
    let head = source.peek(BLOCK_BYTES)?;
    if let Some(header) = RawHeader::first(head.get(..BLOCK_BYTES).unwrap_or(head))
        && (header.is_zero() || header.is_valid())
    {
        return Ok(None);
    }
    let head = source.peek(mangled::WINDOW_BYTES)?;
    let head = head.get(..mangled::WINDOW_BYTES).unwrap_or(head);
    if let Some(cause) = mangled::diagnose(head, &RawHeader::begins) {
        return Ok(Some((cause.code, cause.message)));
    }
    // A damaged first header is damage, not something else; a cut one likewise.
    let has_magic = RawHeader::first(head).is_some_and(|header| header.dialect() != Dialect::V7);
    if has_magic || head.get(257..262).is_some_and(|magic| magic == b"ustar") {
        return Ok(None);
    }
    let shown = head.get(..48).unwrap_or(head);
    let message = if head.len() < BLOCK_BYTES {
        format!("{} bytes, beginning \"{}\"; the smallest tar has {BLOCK_BYTES}", head.len(), shown.escape_ascii())
    } else {
        format!("begins with \"{}\"", shown.escape_ascii())
    };
    Ok(Some((&code::SOURCE_UNRECOGNISED, message)))
}

/// What there is to say of an archive at `depth` in which no member was met; `clean` where nothing else was found.
#[must_use]
pub fn empty(walked: &Walked, depth: Depth, clean: bool) -> Option<Finding> {
    if walked.accounts.members > 0 || !walked.whole || walked.stopped {
        return None;
    }
    let place = Place::at(depth, 0);
    let bytes = walked.accounts.total_bytes();
    let only_zeros = walked.accounts.end_marker_bytes + walked.accounts.trailer_bytes == bytes
        && clean
        && (bytes > mangled::EMPTY_BYTES || !bytes.is_multiple_of(BLOCK_BYTES as u64));
    Some(if only_zeros {
        let cause = mangled::only_zeros(bytes);
        Finding::new(cause.code, place, cause.message)
    } else {
        Finding::new(&code::TAR_NO_MEMBERS, place, "no member before the end")
    })
}
