//! Names from the content, for messages.
//!
//! Promises: what comes out is short, on one line and without control characters; costs nothing for what is left out.
//! Refuses to know: what the name is of.

/// Characters that are shown.
const CHARACTERS: usize = 100;

/// `text` for a message, cut where it is long.
#[must_use]
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    for character in characters.by_ref().take(CHARACTERS) {
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// The same of bytes that may be no text.
#[must_use]
pub(crate) fn shown_bytes(bytes: &[u8]) -> String {
    // A character has at most four bytes.
    let most = CHARACTERS.saturating_add(1).saturating_mul(4);
    shown(&String::from_utf8_lossy(bytes.get(..most).unwrap_or(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_control_characters_escaped() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"é".repeat(100)), "é".repeat(100));
        assert_eq!(shown(&"é".repeat(101)), format!("{}…", "é".repeat(100)));
        assert_eq!(shown_bytes(b"a\xFFb"), "a\u{FFFD}b");
        assert!(shown_bytes(&[b'x'; 1000]).ends_with("x…"));
    }
}
