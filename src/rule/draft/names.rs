//! Names that change from backup to backup, and names as patterns.
//!
//! Promises: a pattern made here matches the name that it was made of, whatever bytes that holds, and is of bounded length.
//! Refuses to know: which members an archive has.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

/// Bytes of a name past which only its beginning is kept in a pattern, and how many that are.
const LONG_BYTES: usize = 120;
const KEPT_BYTES: usize = 60;
/// Shorter hexadecimal numbers may be words.
const HEX_BYTES: usize = 12;
/// Identifiers of Swarm nodes, services, tasks.
const SWARM_ID_BYTES: usize = 25;

/// Runs of digits, dates with or without a time, UUIDs: expressions of what changes anywhere in a name.
const CHANGING: [&str; 3] = [
    r"(?-u)[0-9]{10,}",
    r"(?-u)(19|20)[0-9]{2}[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12][0-9]|3[01])([T_ -]?[0-2][0-9][:_.-]?[0-5][0-9]([:_.-]?[0-5][0-9])?(Z|[+-][0-9]{2}:?[0-9]{2})?)?",
    r"(?-u)[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
];
/// A version; the letter before it stays. One number is rather that of a format: `wal-v3`.
const VERSION: &str = r"(?-u)-v([0-9]+(\.[0-9]+)+)";

static CHANGING_COMPILED: LazyLock<Vec<Regex>> =
    LazyLock::new(|| CHANGING.iter().filter_map(|text| Regex::new(text).ok()).collect());
static VERSION_COMPILED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(VERSION).ok());

/// The pattern of one component: what changes is `*`, what nobody can read is `?`.
pub(super) fn pattern(name: &[u8]) -> String {
    let (kept, is_cut) = match name.get(..KEPT_BYTES) {
        Some(kept) if name.len() > LONG_BYTES => (kept, true),
        _ => (name, false),
    };
    let mut out = String::with_capacity(kept.len());
    let mut at = 0;
    for Range { start, end } in changing(kept) {
        literal(kept.get(at..start).unwrap_or_default(), &mut out);
        out.push('*');
        at = end;
    }
    let rest = kept.get(at..).unwrap_or_default();
    literal(rest, &mut out);
    // Two stars beside each other mean something else.
    if is_cut && (!rest.is_empty() || at == 0) {
        out.push('*');
    }
    out
}

/// Whether the component is one of 256 folders that blobs are spread over.
pub(super) fn is_spread(name: &[u8]) -> bool {
    name.len() == 2 && is_hex(name)
}

/// Whether the component is nothing but a digest.
pub(super) fn is_digest(name: &[u8]) -> bool {
    name.len() >= HEX_BYTES && is_hex(name)
}

/// The number that a component is.
pub(super) fn number(name: &str) -> Option<u64> {
    let is_number = name.len() < 10 && !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    name.parse().ok().filter(|_| is_number)
}

/// Whether a pattern stands for one name only.
pub(super) fn is_literal(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '*' | '?' => return false,
            _ => {}
        }
    }
    true
}

/// The same as a regular expression.
pub(super) fn expression(pattern: &str) -> String {
    let mut out = String::new();
    let mut characters = pattern.chars();
    let mut buffer = [0; 4];
    while let Some(character) = characters.next() {
        match character {
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("(?-u:[^/])"),
            '\\' => {
                if let Some(escaped) = characters.next() {
                    out.push_str(&regex::escape(escaped.encode_utf8(&mut buffer)));
                }
            }
            // It means something in brackets only.
            '-' => out.push('-'),
            _ => out.push_str(&regex::escape(character.encode_utf8(&mut buffer))),
        }
    }
    out
}

/// A name as a pattern of itself.
fn literal(name: &[u8], out: &mut String) {
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' | '*' | '?' | '[' | ']' | '{' | '}' => out.extend(['\\', character]),
                _ if is_unreadable(character) => (0..character.len_utf8()).for_each(|_| out.push('?')),
                _ => out.push(character),
            }
        }
        chunk.invalid().iter().for_each(|_| out.push('?'));
    }
}

/// Characters that are not seen, or that turn what is seen around.
fn is_unreadable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}')
        || matches!(character, '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}')
}

/// What changes in a name, in order and without overlaps.
fn changing(name: &[u8]) -> Vec<Range<usize>> {
    // Most names hold no digit, and nothing without one is taken for a number, a date or an identifier.
    if !name.iter().any(u8::is_ascii_digit) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for regex in CHANGING_COMPILED.iter() {
        let whole =
            |range: &Range<usize>| !is_digit(name, range.start.checked_sub(1)) && !is_digit(name, Some(range.end));
        found.extend(regex.find_iter(name).map(|found| found.range()).filter(whole));
    }
    if let Some(regex) = VERSION_COMPILED.as_ref() {
        let ends = |range: &Range<usize>| !name.get(range.end).is_some_and(u8::is_ascii_alphanumeric);
        found.extend(regex.captures_iter(name).filter_map(|found| Some(found.get(1)?.range())).filter(ends));
    }
    let mut start = 0;
    for run in name.split(|byte| !byte.is_ascii_alphanumeric()) {
        if is_identifier(run) {
            found.push(start..start.saturating_add(run.len()));
        }
        start = start.saturating_add(run.len()).saturating_add(1);
    }
    found.sort_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

fn is_digit(name: &[u8], at: Option<usize>) -> bool {
    at.and_then(|at| name.get(at)).is_some_and(u8::is_ascii_digit)
}

fn is_identifier(run: &[u8]) -> bool {
    let has_digit = run.iter().any(u8::is_ascii_digit);
    let is_low = run.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    has_digit && (is_digest(run) || run.len() == SWARM_ID_BYTES && is_low)
}

fn is_hex(run: &[u8]) -> bool {
    let is =
        |case: fn(&u8) -> bool| run.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_hexdigit() && case(byte));
    is(u8::is_ascii_lowercase) || is(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_becomes_a_star_and_nothing_else() {
        assert_eq!((CHANGING_COMPILED.len(), VERSION_COMPILED.is_some()), (CHANGING.len(), true));
        for (name, expected) in [
            ("key.pem", "key.pem"),
            ("etcd3", "etcd3"),
            ("1631549510123", "*"),
            ("backup1631549510.tar", "backup*.tar"),
            ("123456789", "123456789"),
            ("0123456789ab", "*"),
            ("0123456789AB.log", "*.log"),
            ("defacedfaced", "defacedfaced"),
            ("ucp-agent.k3xq0v9p2m7c5w8t1z6r4y0b3.a7d1f5h9j3l6n0q4s8u2w6y1c.json", "ucp-agent.*.*.json"),
            ("0000000000000002-0000000000000d3c.snap", "*-*.snap"),
            ("dump-2021-09-13.sql", "dump-*.sql"),
            ("dump-2021-09-13T10:11:12Z.sql", "dump-*.sql"),
            ("dump_20210913_1011.sql", "dump_*.sql"),
            ("20210913", "*"),
            ("20211313", "20211313"),
            ("dtr-backup-v2.9.4-online", "dtr-backup-v*-online"),
            ("dtr-backup-v2.9.4", "dtr-backup-v*"),
            ("wal-v3-encrypted", "wal-v3-encrypted"),
            ("raft-v3.1a", "raft-v3.1a"),
            ("12345678-1234-1234-1234-123456789abc", "*"),
            (r"a*b?[c]{d}\e", r"a\*b\?\[c\]\{d\}\\e"),
            ("a\u{1}\u{202E}é", "a????é"),
        ] {
            assert_eq!(pattern(name.as_bytes()), expected, "{name}");
        }
        assert_eq!(pattern(b"a\xFF\xFEb"), "a??b");
        assert_eq!(pattern(&[b'x'; 200]), format!("{}*", "x".repeat(60)));
        assert_eq!(pattern(&[b'1'; 200]), "*");
    }

    #[test]
    fn patterns_are_told_from_names() {
        assert!(is_literal("key.pem") && is_literal(r"\*"));
        assert!(!is_literal("*.pem") && !is_literal("a?"));
        assert_eq!(expression(r"a-.*\[?"), r"a-\.[^/]*\[(?-u:[^/])");
    }
}
