//! Streams that are no archive at all, or were mangled on the way: names the cause, not only the symptom.
//!
//! ```text
//! nothing recognised ──► diagnose ──┬─► text       logs, pages, messages, encodings of bytes as text
//! no header here ──────► at_header ─┼─► frames     Docker's raw stream
//! wrapper failed ──────► watch ─────┼─► newlines   line ends that were changed
//!                                   └─► kinds      other archives, and what is none
//! ```
//! Promises: a false cause is worse than none. A cause is claimed where the bytes say it themselves, where undoing it puts
//! the headers back in their places, or where chance would show the same less than once in 10^9 times. Refuses to know:
//! what a header is (the caller says), and anything that is not in the window it is given.

mod frames;
mod kinds;
mod newlines;
mod text;
mod watch;

pub(super) use watch::{Told, Trace, Watched};

use super::{openpgp, sniff};
use crate::code::{self, Code};

/// Bytes that are looked at for a cause: enough for several pieces of whatever cut the stream into pieces.
pub const WINDOW_BYTES: usize = 256 << 10;

/// Zeros of an archive without members past which nobody meant them: GNU tar's empty archive has so many.
pub const EMPTY_BYTES: u64 = 10_240;

/// Says whether the archive format's header begins here.
pub type IsHeader<'a> = &'a dyn Fn(&[u8]) -> bool;

/// What happened to a stream, where it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The kind of thing.
    pub code: &'static Code,
    /// A sentence with the figures, and how to undo it where that can be done exactly.
    pub message: String,
}

impl Cause {
    fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// What happened to a stream that nothing recognised, by its first bytes: up to [`WINDOW_BYTES`], fewer only where there
/// are no more.
#[must_use]
pub fn diagnose(head: &[u8], is_header: IsHeader<'_>) -> Option<Cause> {
    if head.is_empty() {
        return Some(Cause::new(&code::SOURCE_EMPTY, "0 bytes"));
    }
    if head.iter().all(|byte| *byte == 0) {
        return Some(only_zeros(u64::try_from(head.len()).unwrap_or(u64::MAX)));
    }
    frames::at_start(head)
        .or_else(|| text::encoded(head, is_header))
        .or_else(|| text::diagnose(head, is_header))
        .or_else(|| {
            openpgp::misplaced(head).map(|what| Cause::new(&code::OPENPGP_NO_MESSAGE, format!("the file is {what}")))
        })
        .or_else(|| kinds::recognise(head))
        .or_else(|| newlines::at_header(head, is_header))
}

/// A file that holds nothing but zeros.
#[must_use]
pub fn only_zeros(bytes: u64) -> Cause {
    Cause::new(&code::MANGLED_ZEROS, format!("the whole file, {bytes} bytes, is zeros"))
}

/// What is known of a place where a header must stand and does not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lost {
    /// What happened, where it shows.
    pub cause: Option<Cause>,
    /// Bytes to the next header, where that is no multiple of a block: something was put in or taken out before it.
    pub moved: Option<usize>,
}

/// What happened where a header must stand at the first byte of `window`, and does not. The window holds up to
/// [`WINDOW_BYTES`], fewer only where there are no more.
#[must_use]
pub fn at_header(window: &[u8], is_header: IsHeader<'_>) -> Lost {
    let next = headers(window, is_header).next();
    let is_moved = |at: &usize| at.checked_rem(BLOCK_BYTES) != Some(0);
    if next.is_some_and(|at| !is_moved(&at) && !text::is_log(window)) {
        // The next header stands where it should: nothing was put in or taken out, this one alone is damaged.
        return Lost::default();
    }
    let cause = text::in_the_way(window, is_header)
        .or_else(|| frames::at_header(window, is_header))
        .or_else(|| newlines::at_header(window, is_header));
    Lost { cause, moved: next.filter(is_moved) }
}

/// The log line that bytes behind the end of an archive begin with, in quotes.
#[must_use]
pub fn quoted_log(bytes: &[u8]) -> Option<String> {
    text::is_log(bytes).then(|| text::first_line(bytes))
}

/// Bytes of a block of the archive format.
const BLOCK_BYTES: usize = 512;

/// Where in a header its magic stands.
const MAGIC_AT: usize = 257;

/// Headers that are looked for in a window: more prove no more.
const MOST_HEADERS: usize = 64;

/// Where headers stand in `window`, in a block or across two. Only those with a magic are looked for.
fn headers<'a>(window: &'a [u8], is_header: IsHeader<'a>) -> impl Iterator<Item = usize> + 'a {
    let starts = memchr::memmem::find_iter(window, b"ustar").filter_map(|at| at.checked_sub(MAGIC_AT));
    let is_one = move |at: &usize| window.get(*at..).is_some_and(|rest| rest.len() >= BLOCK_BYTES && is_header(rest));
    starts.filter(is_one).take(MOST_HEADERS)
}

/// Whether `undone`, the window with a cause taken out, has its headers in their places again, and `window` has not. Where
/// there is one header only, the end of the stream must fit, too.
fn regains_sync(window: &[u8], undone: &[u8], is_header: IsHeader<'_>) -> bool {
    let lone = headers(undone, is_header).nth(1).is_none() && window.len() < WINDOW_BYTES;
    let places =
        |bytes: &[u8]| -> Vec<usize> { headers(bytes, is_header).chain(lone.then_some(bytes.len())).collect() };
    let fits = |places: &[usize]| {
        let over = |at: &usize| at.checked_rem(BLOCK_BYTES);
        places.first().is_some_and(|first| places.iter().all(|at| over(at) == over(first)))
    };
    let (before, after) = (places(window), places(undone));
    after.len() >= 2 && fits(&after) && (before.len() < after.len() || !fits(&before))
}

/// Whether a wrapper or an archive begins here: what text that stood before it can be cut away from.
fn begins_archive(bytes: &[u8], is_header: IsHeader<'_>) -> Option<&'static str> {
    if bytes.len() >= BLOCK_BYTES
        && bytes.get(MAGIC_AT..).is_some_and(|magic| magic.starts_with(b"ustar"))
        && is_header(bytes)
    {
        return Some("tar");
    }
    // An OpenPGP packet is told by little more than one byte: among other bytes that is no proof.
    sniff(bytes).filter(|format| *format != super::Format::OpenPgp).map(super::Format::as_str)
}

#[cfg(test)]
#[path = "mangled_tests.rs"]
mod tests;
