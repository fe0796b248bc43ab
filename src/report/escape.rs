//! Bytes from an archive made fit for a terminal.
//!
//! Promises: what is printed can move no cursor, change no colour, break no line and turn no text around; nothing is lost:
//! every escape can be read back. Refuses to know: where the bytes came from.

use std::fmt;
use std::io::Write as _;

/// Shows `bytes` with everything dangerous escaped.
#[must_use]
pub fn escaped(bytes: &[u8]) -> Escaped<'_> {
    Escaped(bytes)
}

/// Shows a sentence of ours with everything dangerous in it escaped. Names in it were escaped when it was made, so its
/// backslashes stay as they are.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_plain(character) || character == '\\' {
            shown.push(character);
        } else {
            // Writing to a string cannot fail.
            let _ = one(&mut shown, character);
        }
    }
    shown
}

/// Shows a name with everything dangerous escaped, and cut where it is too long for a line.
#[must_use]
pub fn name(bytes: &[u8]) -> String {
    const MOST_BYTES: usize = 512;
    match bytes.get(..MOST_BYTES) {
        Some(start) if bytes.len() > MOST_BYTES => format!("{}… ({} bytes)", escaped(start), bytes.len()),
        _ => escaped(bytes).to_string(),
    }
}

/// See [`escaped`].
#[derive(Debug, Clone, Copy)]
pub struct Escaped<'a>(&'a [u8]);

impl Escaped<'_> {
    /// Puts it behind what stands in `out`.
    pub fn append_to(self, out: &mut Vec<u8>) {
        if is_plain_ascii(self.0) {
            out.extend_from_slice(self.0);
        } else {
            // Writing to memory cannot fail.
            let _ = write!(out, "{self}");
        }
    }
}

/// Whether all bytes are printable ASCII and no backslash, as in nearly every name: seen eight bytes at a time, the last
/// eight by themselves even where they were seen before. Of bytes that are not, the first is always seen.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const SPACES: u64 = ONES * 0x20;
    const BACKSLASHES: u64 = ONES * 0x5C;
    const TOPS: u64 = ONES * 0x80;
    let is_plain = |eight: &[u8; 8]| {
        let word = u64::from_le_bytes(*eight);
        let below_space = word.wrapping_sub(SPACES) & !word;
        let above_tilde = word.wrapping_add(ONES) | word;
        let rest = word ^ BACKSLASHES;
        let backslash = rest.wrapping_sub(ONES) & !rest;
        (below_space | above_tilde | backslash) & TOPS == 0
    };
    match bytes.last_chunk() {
        Some(last) => is_plain(last) && bytes.as_chunks().0.iter().all(is_plain),
        None => bytes.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\\'),
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain_ascii(self.0)
            && let Ok(text) = std::str::from_utf8(self.0)
        {
            return f.write_str(text);
        }
        for chunk in self.0.utf8_chunks() {
            let text = chunk.valid();
            if text.chars().all(is_plain) {
                f.write_str(text)?;
            } else {
                for character in text.chars() {
                    one(f, character)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

fn one(f: &mut dyn fmt::Write, character: char) -> fmt::Result {
    match character {
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\\' => f.write_str("\\\\"),
        _ if is_plain(character) => f.write_char(character),
        _ if u32::from(character) < 0x80 => write!(f, "\\x{:02x}", u32::from(character)),
        _ => write!(f, "\\u{{{:x}}}", u32::from(character)),
    }
}

/// Whether a character shows as itself and does nothing else.
pub(super) fn is_plain(character: char) -> bool {
    match character {
        '\\' => false,
        // Marks that turn the direction of text, join or hide what stands beside them, or are no characters at all.
        '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}' => false,
        '\u{FFF9}'..='\u{FFFF}' | '\u{E0000}'..='\u{E007F}' => false,
        _ => !character.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_dangerous_gets_through() {
        for (bytes, shown) in [
            (&b"plain/name.txt"[..], "plain/name.txt"),
            ("Öl/日本".as_bytes(), "Öl/日本"),
            (b"a\nb\rc\td", "a\\nb\\rc\\td"),
            (b"\x1b[31mred", "\\x1b[31mred"),
            (b"back\\slash", "back\\\\slash"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("a\u{202E}b".as_bytes(), "a\\u{202e}b"),
            ("a\u{9b}b".as_bytes(), "a\\u{9b}b"),
            (b"\0", "\\x00"),
            (b"\x7f", "\\x7f"),
        ] {
            assert_eq!(escaped(bytes).to_string(), shown);
            let mut out = b"> ".to_vec();
            escaped(bytes).append_to(&mut out);
            assert_eq!(out, [b"> ", shown.as_bytes()].concat());
        }
    }

    #[test]
    fn eight_bytes_at_a_time_are_seen_as_each_by_itself() {
        for length in [1, 7, 8, 9, 15, 16, 17, 33] {
            for place in 0..length {
                for other in [b'a', b' ', b'~', b'\\', b'\0', 0x7f, 0x80, 0xff] {
                    for byte in 0..=255 {
                        let mut bytes = vec![b'['; length];
                        bytes[length / 2] = other;
                        bytes[place] = byte;
                        let each = bytes.iter().all(|byte| matches!(byte, b' '..=b'[' | b']'..=b'~'));
                        assert_eq!(is_plain_ascii(&bytes), each, "{}", bytes.escape_ascii());
                    }
                }
            }
        }
        assert!(is_plain_ascii(b""));
    }
}
