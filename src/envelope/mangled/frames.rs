//! The raw stream of Docker's attach and log API: before every piece a header of a stream number, three zeros and a
//! big-endian length.
//!
//! Promises: at the beginning of a stream one header is enough, elsewhere taking the headers out must put the archive's own
//! back in their places. Refuses to know: why somebody saved it.

use super::{Cause, IsHeader, regains_sync, text};
use crate::code;

/// Bytes of a frame header.
const HEADER_BYTES: usize = 8;

/// Docker copies in pieces of at most 32 KiB; a few megabytes leave room for other writers.
const MOST_BYTES: u32 = 16 << 20;

/// Bytes in which the first frame header must stand where sync was lost: one of Docker's pieces and its header.
const SEARCHED_BYTES: usize = (32 << 10) + HEADER_BYTES;

/// A frame: its stream (0 input, 1 output, 2 errors) and the bytes of its content.
struct Frame {
    stream: u8,
    bytes: usize,
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    let [stream @ 0..=2, 0, 0, 0, l0, l1, l2, l3] = *bytes.first_chunk::<HEADER_BYTES>()? else { return None };
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    // Zeros are no frame.
    (1..=MOST_BYTES).contains(&length).then_some(Frame { stream, bytes: usize::try_from(length).ok()? })
}

/// What a chain of frames holds.
struct Chain {
    frames: usize,
    errors: usize,
    /// What the frames of the output hold, one after the other, as far as the window goes.
    output: Vec<u8>,
    /// The first line of the error stream.
    error_line: Option<String>,
    /// Whether every frame begins where the one before it ends, up to the end of the window.
    linked: bool,
}

/// Follows frames from the first byte of `bytes`.
fn chain(bytes: &[u8]) -> Chain {
    let mut chain = Chain { frames: 0, errors: 0, output: Vec::new(), error_line: None, linked: true };
    let mut rest = bytes;
    while !rest.is_empty() {
        let Some(next) = frame(rest) else {
            // A header that the window cuts is no break.
            chain.linked = rest.len() < HEADER_BYTES;
            break;
        };
        let end = HEADER_BYTES.saturating_add(next.bytes);
        let content = rest.get(HEADER_BYTES..end.min(rest.len())).unwrap_or_default();
        chain.frames = chain.frames.saturating_add(1);
        if next.stream == 2 {
            chain.errors = chain.errors.saturating_add(1);
            chain.error_line.get_or_insert_with(|| text::first_line(content));
        } else {
            chain.output.extend_from_slice(content);
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    chain
}

/// The raw stream from its first byte on.
pub(super) fn at_start(head: &[u8]) -> Option<Cause> {
    let first = frame(head)?;
    let chain = chain(head);
    let mut message = format!("begins with a Docker stream header that announces {} bytes", first.bytes);
    if chain.linked && chain.frames > 1 {
        message += &format!("; {} frames follow each other without a gap as far as was looked", chain.frames);
    }
    message += &errors(&chain);
    Some(Cause::new(&code::MANGLED_DOCKER_STREAM, message))
}

/// The raw stream from somewhere near a place where a header must stand.
pub(super) fn at_header(window: &[u8], is_header: IsHeader<'_>) -> Option<Cause> {
    let searched = window.get(..SEARCHED_BYTES).unwrap_or(window);
    // A frame header begins with a stream number and three zeros: only there is it worth following.
    let starts = searched.windows(4).enumerate().filter(|(_, four)| matches!(four, [1 | 2, 0, 0, 0]));
    starts.map(|(at, _)| at).filter(|at| window.get(*at..).and_then(frame).is_some()).take(64).find_map(|at| {
        let (before, framed) = window.split_at_checked(at)?;
        let chain = chain(framed);
        let undone = [before, &chain.output].concat();
        (chain.linked && chain.frames > 1 && regains_sync(window, &undone, is_header)).then(|| {
            let message = format!(
                "{at} bytes further on stands a Docker stream header, one of {} that follow each other without a gap; \
                 without them the member headers stand in their places{}",
                chain.frames,
                errors(&chain)
            );
            Cause::new(&code::MANGLED_DOCKER_STREAM, message)
        })
    })
}

fn errors(chain: &Chain) -> String {
    match &chain.error_line {
        Some(line) => format!(
            "; {} of them are of the error stream, whose text was mixed in, beginning {line}: leave these out",
            chain.errors
        ),
        None => String::new(),
    }
}
