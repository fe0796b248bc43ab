//! Pieces of sentences: lists, sizes, names that may be no text.
//!
//! Promises: what comes out is short and has no control characters. Refuses to know: what the sentence is about.

use super::set::Bounds;

/// Patterns that a sentence names before it says how many more there are.
const NAMED: usize = 3;

/// A size and the bound that it breaks.
pub(super) fn outside(size: u64, bounds: Bounds) -> String {
    let noun = if size == 1 { "byte" } else { "bytes" };
    let empty = if size == 0 { "is empty: " } else { "" };
    if size < bounds.min {
        format!("{empty}{size} {noun}, at least {} needed", bounds.min)
    } else {
        format!("{size} {noun}, at most {} allowed", bounds.max.unwrap_or(u64::MAX))
    }
}

/// The first few of a list as part of a sentence.
pub(super) fn listed<S: AsRef<str>>(texts: &[S], last: &str) -> String {
    let named: Vec<&str> = texts.iter().take(NAMED).map(AsRef::as_ref).collect();
    match texts.len().saturating_sub(NAMED) {
        0 => named.join(&format!(" {last} ")),
        more => format!("{} {last} {more} more", named.join(", ")),
    }
}

/// A name or value for a message: bytes that are no text and control characters escaped, cut where it is long.
pub(super) fn readable(bytes: &[u8]) -> String {
    const CHARACTERS: usize = 60;
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                out.extend(character.escape_default());
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    match out.char_indices().nth(CHARACTERS) {
        Some((index, _)) => format!("{}...", out.get(..index).unwrap_or_default()),
        None => out,
    }
}
