//! What a path tells by itself: where it leads, what other systems make of it, and what it does to a terminal or a shell.
//!
//! Promises: one look over an ordinary path, without a branch a byte; folding only for paths that another system could
//! take for another one. Refuses to know: the other members, and how grave any of it is.

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;

/// Why a path is not safe to restore, where it is not.
pub(super) fn unsafe_because(path: &[u8]) -> Option<&'static str> {
    if path.starts_with(b"/") {
        return Some("absolute path");
    }
    // One look over all bytes that the compiler can vectorise; the second look is for the few that need it.
    let special = path
        .iter()
        .fold(0_u8, |found, byte| found | u8::from(*byte == 0) | u8::from(*byte == b'\\') | u8::from(*byte == b':'));
    let dots = path
        .iter()
        .zip(path.iter().skip(1))
        .fold(0_u8, |found, (one, two)| found | u8::from(*one == b'.') & u8::from(*two == b'.'));
    if special | dots == 0 {
        return None;
    }
    if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
        return Some("a `..` component leads out of the folder it is restored into");
    }
    if path.contains(&0) {
        return Some("a NUL byte: readers that stop there see another name");
    }
    if path.contains(&b'\\') {
        return Some("a backslash: some systems take it for a separator");
    }
    has_drive(path).then_some("a drive letter: some systems take it for an absolute path")
}

/// Whether a path begins with a drive letter: `C:/x`, and `C:../x` too, which leads up from where that drive stands.
pub(super) fn has_drive(path: &[u8]) -> bool {
    let relative = path.strip_prefix(b"./").unwrap_or(path);
    matches!(relative, [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// What is odd about one component of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Odd {
    /// A control character, a line feed, an escape sequence, a mark that turns the direction of writing.
    Control,
    /// A `-` or `~` in front.
    Leading,
    /// A name that Windows keeps for a device, or an end that it drops.
    Reserved,
}

/// What is odd about a component.
pub(super) fn odd(part: &[u8]) -> Option<Odd> {
    let (control, wide) = part.iter().fold((0_u8, 0_u8), |(control, wide), byte| {
        (control | u8::from(*byte < 0x20) | u8::from(*byte == 0x7F), wide | *byte)
    });
    if control != 0 || (wide >= 0x80 && has_invisible(part)) {
        return Some(Odd::Control);
    }
    match part.first() {
        Some(b'-' | b'~') => return Some(Odd::Leading),
        // Every reserved name begins with one of these.
        Some(b'a' | b'A' | b'c' | b'C' | b'l' | b'L' | b'n' | b'N' | b'p' | b'P') if is_device(part) => {
            return Some(Odd::Reserved);
        }
        _ => {}
    }
    (matches!(part.last(), Some(b'.' | b' ')) && part != b"." && part != b"..").then_some(Odd::Reserved)
}

/// Control characters above ASCII, and marks that change the direction of what follows.
fn has_invisible(part: &[u8]) -> bool {
    part.utf8_chunks().flat_map(|chunk| chunk.valid().chars()).any(|character| {
        matches!(character, '\u{80}'..='\u{9F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    })
}

/// Whether Windows takes a name for a device, whatever its suffix.
fn is_device(part: &[u8]) -> bool {
    let stem = part.split(|byte| *byte == b'.').next().unwrap_or(part);
    let stem = stem.trim_ascii_end();
    let is = |word: &[u8]| stem.eq_ignore_ascii_case(word);
    match stem.len() {
        3 => [&b"con"[..], b"prn", b"aux", b"nul"].into_iter().any(is),
        4 => match stem.split_last() {
            Some((b'0'..=b'9', name)) => name.eq_ignore_ascii_case(b"com") || name.eq_ignore_ascii_case(b"lpt"),
            _ => false,
        },
        6 => is(b"conin$"),
        7 => is(b"conout$"),
        _ => false,
    }
}

/// Whether a path is its own folded form for sure: lower-case ASCII, no component that ends in a dot or a space.
pub(super) fn is_folded(path: &[u8]) -> bool {
    let mixed = path.iter().fold(0_u8, |found, byte| found | u8::from(byte.is_ascii_uppercase()) | (*byte & 0x80));
    let ends = path.iter().zip(path.iter().skip(1)).fold(0_u8, |found, (one, two)| {
        found | u8::from(*two == b'/') & (u8::from(*one == b'.') | u8::from(*one == b' '))
    });
    mixed | ends == 0 && !matches!(path.last(), Some(b'.' | b' '))
}

/// The path as a system sees it that ignores case, normal form, dots and spaces at the end of a component: paths that are
/// one there have one folded form. Canonical caseless matching of the Unicode standard, with full folding (ß is ss).
pub(super) fn folded(path: &[u8]) -> Vec<u8> {
    // Capitals alone are the common case.
    let lower = path.to_ascii_lowercase();
    if is_folded(&lower) {
        return lower;
    }
    let mut out = Vec::with_capacity(path.len());
    for (index, part) in path.split(|byte| *byte == b'/').enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        let end = part.iter().rposition(|byte| !matches!(byte, b'.' | b' ')).map_or(0, |last| last.saturating_add(1));
        // `..` and the like stay what they are.
        let part = if end == 0 { part } else { part.get(..end).unwrap_or(part) };
        match std::str::from_utf8(part) {
            Ok(text) if !text.is_ascii() => {
                let plain: String = text.chars().filter(|character| !is_ignored(*character)).nfd().collect();
                let cased = UniCase::unicode(plain).to_folded_case();
                out.extend(cased.nfd().collect::<String>().into_bytes());
            }
            _ => out.extend(part.to_ascii_lowercase()),
        }
    }
    out
}

/// Characters that HFS+ leaves out when it compares names.
fn is_ignored(character: char) -> bool {
    matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{206A}'..='\u{206F}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere() {
        for path in [
            "/etc/passwd",
            "/",
            "../x",
            "a/../b",
            "a/..",
            "..",
            "a\0b",
            "a\\b",
            "C:/x",
            "c:x",
            "./C:/x",
            "./../x",
            "C:../x",
        ] {
            assert!(unsafe_because(path.as_bytes()).is_some(), "{path:?}");
        }
        for path in
            ["", ".", "./", "./a", "a..b", "...", "a/...", "..a/b", "ab:c", "12:30", "a/C:", "caf\u{e9}", "a//b"]
        {
            assert_eq!(unsafe_because(path.as_bytes()), None, "{path:?}");
        }
    }

    #[test]
    fn names_that_other_systems_or_people_read_otherwise() {
        for (name, expected) in [
            ("con", Some(Odd::Reserved)),
            ("CON.txt", Some(Odd::Reserved)),
            ("aux .c", Some(Odd::Reserved)),
            ("Lpt9", Some(Odd::Reserved)),
            ("CONOUT$", Some(Odd::Reserved)),
            ("trailing.", Some(Odd::Reserved)),
            ("trailing ", Some(Odd::Reserved)),
            ("-rf", Some(Odd::Leading)),
            ("~root", Some(Odd::Leading)),
            ("a\nb", Some(Odd::Control)),
            ("\u{1b}[2J", Some(Odd::Control)),
            ("\u{7f}", Some(Odd::Control)),
            ("txt.\u{202e}exe", Some(Odd::Control)),
            ("\u{85}", Some(Odd::Control)),
            ("console", None),
            ("com", None),
            ("comx", None),
            ("a-b~", None),
            ("..", None),
            ("", None),
            ("caf\u{e9}", None),
        ] {
            assert_eq!(odd(name.as_bytes()), expected, "{name:?}");
        }
        assert_eq!(odd(b"\xff\x9b"), None, "no text, and no control character of any");
    }

    #[test]
    fn what_other_systems_take_for_one_path() {
        for (one, other) in [
            ("A/b", "a/B"),
            ("stra\u{df}e", "STRASSE"),
            ("\u{1e9e}", "ss"),
            ("caf\u{e9}", "CAFE\u{301}"),
            ("\u{212b}", "a\u{30a}"),
            ("a./b", "a/b"),
            ("a/b. .", "a/b"),
            ("\u{fb03}", "ffi"),
            ("\u{3a3}\u{3c2}", "\u{3c3}\u{3c3}"),
            (".g\u{200c}it", ".git"),
        ] {
            assert_eq!(folded(one.as_bytes()), folded(other.as_bytes()), "{one:?} {other:?}");
        }
        for (one, other) in
            [("a/b", "ab"), ("i", "\u{131}"), ("a", "\u{e4}"), ("..", "."), ("a/../b", "a/b"), (".a", "a")]
        {
            assert_ne!(folded(one.as_bytes()), folded(other.as_bytes()), "{one:?} {other:?}");
        }
        assert_eq!(folded(b"\xffA"), b"\xffa");
        for path in ["a/b.c", "..a/b", "x-1/y_2", ""] {
            assert!(is_folded(path.as_bytes()), "{path:?}");
            assert_eq!(folded(path.as_bytes()), path.as_bytes());
        }
        for path in ["A", "a./b", "a ", "\u{e9}", "a/."] {
            assert!(!is_folded(path.as_bytes()), "{path:?}");
        }
    }
}
