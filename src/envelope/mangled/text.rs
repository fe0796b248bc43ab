//! Text where an archive should be: logs, pages, messages, and archives that were turned into text.
//!
//! Promises: what is quoted is one line of up to 60 bytes, escaped, and only of text that no backup holds. Refuses to
//! know: what the text means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{BLOCK_BYTES, Cause, IsHeader, begins_archive};
use crate::code;

/// Bytes of a line that are quoted.
const QUOTED_BYTES: usize = 60;

/// Bytes of text before an archive, past which nobody looks for its beginning.
const MOST_TEXT_BYTES: usize = 64 << 10;

/// An archive as text: encrypted by openssl, in base64, in UTF-16, or as UTF-8 with its other bytes replaced.
pub(super) fn encoded(head: &[u8], is_header: IsHeader<'_>) -> Option<Cause> {
    if head.starts_with(b"Salted__") {
        return Some(Cause::new(&code::MANGLED_OPENSSL, "begins with \"Salted__\""));
    }
    // The base64 of "Salted__" and eight more bytes.
    if head.starts_with(b"U2FsdGVkX1") {
        return Some(Cause::new(&code::MANGLED_OPENSSL, "begins with \"U2FsdGVkX1\", base64 of \"Salted__\""));
    }
    base64(head, is_header).or_else(|| utf_16(head)).or_else(|| replaced(head))
}

fn base64(head: &[u8], is_header: IsHeader<'_>) -> Option<Cause> {
    /// Digits of a block and a little more.
    const DIGITS: usize = 1024;
    let line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let digits: Vec<u8> =
        head.iter().copied().filter(|byte| !line_end(byte)).take(DIGITS).take_while(|byte| is_digit(byte)).collect();
    let whole = digits.len().saturating_sub(digits.len().checked_rem(4).unwrap_or(0));
    let bytes = STANDARD_NO_PAD.decode(digits.get(..whole)?).ok()?;
    // A gzip header of 18 bytes as text is sure enough; of random bytes one in four is a digit.
    let inside = begins_archive(&bytes, is_header).filter(|_| bytes.len() >= 18)?;
    let message = format!("base64 of {inside}: `base64 --decode` gives back every byte");
    Some(Cause::new(&code::MANGLED_BASE64, message))
}

/// Text as Windows PowerShell 5 redirects it: every byte of what a program wrote became a letter, every letter two bytes.
fn utf_16(head: &[u8]) -> Option<Cause> {
    /// Letters that must fit: by chance once in 10^23 times.
    const LETTERS: usize = 16;
    let (text, is_little) = match head {
        [0xFF, 0xFE, rest @ ..] => (rest, true),
        [0xFE, 0xFF, rest @ ..] => (rest, false),
        _ => return None,
    };
    let pairs = text.chunks_exact(2).filter_map(|pair| match *pair {
        [low, high] if is_little => Some((low, high)),
        [high, low] => Some((low, high)),
        _ => None,
    });
    let letters: Vec<(u8, u8)> = pairs.take(BLOCK_BYTES).collect();
    // The letters of the code pages for single bytes stand in these rows.
    let is_one = |(_, high): &(u8, u8)| matches!(high, 0..=4 | 0x20..=0x23 | 0x25);
    let plain = letters.iter().filter(|(_, high)| *high == 0).count();
    let fits = letters.len() >= LETTERS && letters.iter().all(is_one) && plain.saturating_mul(4) >= letters.len();
    if !fits {
        return None;
    }
    let narrow: Vec<u8> = letters.iter().map(|(low, _)| *low).collect();
    let what = if narrow.starts_with(b"\x1F") && letters.get(2).is_some_and(|letter| *letter == (8, 0)) {
        "; it was gzip: its bytes cannot be had back"
    } else if narrow.get(257..262) == Some(b"ustar") {
        "; it was a tar: bytes above 127 and line ends cannot be had back exactly"
    } else if narrow.starts_with(b"-----BEGIN PGP") {
        "; it is ASCII armor: `iconv --from-code=UTF-16 --to-code=UTF-8` gives it back"
    } else {
        ""
    };
    Some(Cause::new(&code::MANGLED_ENCODING, format!("UTF-16 text with a byte order mark{what}")))
}

/// Bytes that were no UTF-8, each replaced by U+FFFD: a program took the archive for text.
fn replaced(head: &[u8]) -> Option<Cause> {
    const REPLACED: &[u8] = b"\xEF\xBF\xBD";
    let what = match head {
        [0x1F, 0xEF, 0xBF, 0xBD, 0x08, ..] => "gzip",
        [0x28, 0xEF, 0xBF, 0xBD, 0x2F, 0xEF, 0xBF, 0xBD, ..] => "zstd",
        [0xEF, 0xBF, 0xBD, b'7', b'z', b'X', b'Z', ..] => "xz",
        _ => {
            // Session key and encrypted data: both begin with a byte that is no UTF-8, and hardly any is left.
            let marks = head.get(..256)?.windows(3).filter(|three| *three == REPLACED).count();
            return (marks >= 32 && head.starts_with(REPLACED)).then(|| lost_to_utf_8("binary data"));
        }
    };
    Some(lost_to_utf_8(what))
}

fn lost_to_utf_8(what: &str) -> Cause {
    let message = format!("it was {what}; bytes that are no UTF-8 were replaced by U+FFFD and cannot be had back");
    Cause::new(&code::MANGLED_ENCODING, message)
}

/// Text that is recognised by how it begins.
pub(super) fn diagnose(head: &[u8], is_header: IsHeader<'_>) -> Option<Cause> {
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text).trim_ascii_start();
    let line = first_line(text);
    if text.starts_with(b"HTTP/1.") || text.starts_with(b"HTTP/2 ") {
        return Some(http(text, head.len().saturating_sub(text.len()), is_header));
    }
    if text.starts_with(b"version https://git-lfs.github.com/spec/") {
        return Some(Cause::new(&code::MANGLED_POINTER, format!("a pointer of Git LFS{}", pointed_at(text))));
    }
    if starts_with_word(text, &[b"<!doctype html", b"<html", b"<head", b"<body"]) {
        return Some(Cause::new(&code::MANGLED_PAGE, format!("begins with {line}")));
    }
    if starts_with_word(text, &[b"<?xml", b"<error>", b"<!doctype"]) {
        let told = between(text, b"<Code>", b"</Code>").map_or_else(String::new, |told| format!("; it says {told}"));
        return Some(Cause::new(&code::MANGLED_PAGE, format!("begins with {line}{told}")));
    }
    if is_json(text) {
        return Some(Cause::new(&code::MANGLED_JSON, format!("begins with {line}")));
    }
    if is_log(text) || is_shell(text) {
        let cut = archive_after_lines(head, is_header).map_or_else(String::new, |(at, what)| {
            let first = at.saturating_add(1);
            format!(
                "; {what} begins behind it, at byte {at}: `tail --bytes=+{first}` gives it, if there is no more of this"
            )
        });
        return Some(Cause::new(&code::MANGLED_LOG, format!("begins with {line}{cut}")));
    }
    None
}

/// Log lines where a header must stand, with the header behind them.
pub(super) fn in_the_way(window: &[u8], is_header: IsHeader<'_>) -> Option<Cause> {
    if !is_log(window) {
        return None;
    }
    let line = first_line(window);
    let (at, _) = archive_after_lines(window, is_header).filter(|(_, what)| *what == "tar")?;
    let message = format!(
        "{at} bytes of log text stand here, beginning {line}; the next member header stands right behind them: without \
         these bytes it is in its place"
    );
    Some(Cause::new(&code::MANGLED_LOG, message))
}

/// Where behind whole lines of text an archive begins, and what.
fn archive_after_lines(head: &[u8], is_header: IsHeader<'_>) -> Option<(usize, &'static str)> {
    let mut at: usize = 0;
    let searched = head.get(..MOST_TEXT_BYTES).unwrap_or(head);
    for line in searched.split_inclusive(|byte| *byte == b'\n') {
        let is_text = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | 0x1B | b' '..=b'~' | 0x80..);
        if !line.ends_with(b"\n") || !line.iter().all(is_text) {
            return None;
        }
        at = at.saturating_add(line.len());
        if let Some(what) = head.get(at..).and_then(|rest| begins_archive(rest, is_header)) {
            return Some((at, what));
        }
    }
    None
}

/// An HTTP response, which begins `before` bytes into the stream.
fn http(text: &[u8], before: usize, is_header: IsHeader<'_>) -> Cause {
    let line = first_line(text);
    let end = text.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at.saturating_add(4));
    let fields = end.and_then(|end| text.get(..end)).unwrap_or_default().to_ascii_lowercase();
    let is_chunked = fields.windows(26).any(|window| window == b"transfer-encoding: chunked");
    let body = end.and_then(|end| text.get(end..)).unwrap_or_default();
    let cut = match (begins_archive(body, is_header), end) {
        (Some(what), Some(end)) if !is_chunked => {
            let first = before.saturating_add(end).saturating_add(1);
            format!("; {what} begins behind the header fields: `tail --bytes=+{first}` gives it")
        }
        _ => String::new(),
    };
    Cause::new(&code::MANGLED_HTTP, format!("begins with {line}{cut}"))
}

/// What a pointer of Git LFS says it stands for.
fn pointed_at(text: &[u8]) -> String {
    let field = |name: &[u8]| {
        let line = text.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(name))?;
        Some(line.trim_ascii().get(..QUOTED_BYTES).unwrap_or(line.trim_ascii()).escape_ascii().to_string())
    };
    field(b"size ").map_or_else(String::new, |size| format!(" to a file of {size} bytes"))
}

fn between(text: &[u8], start: &[u8], end: &[u8]) -> Option<String> {
    let text = text.get(..4096).unwrap_or(text);
    let from = text.windows(start.len()).position(|window| window == start)?.saturating_add(start.len());
    let rest = text.get(from..)?;
    let to = rest.windows(end.len()).position(|window| window == end)?;
    let told = rest.get(..to.min(QUOTED_BYTES))?;
    Some(format!("\"{}\"", told.escape_ascii()))
}

fn is_json(text: &[u8]) -> bool {
    /// Bytes that must be text: without any order, 64 are so once in 10^17 times.
    const TEXT_BYTES: usize = 64;
    let start = text.get(..TEXT_BYTES).unwrap_or(text);
    // A letter that the end cuts is no fault.
    let is_utf_8 = std::str::from_utf8(start).map_or_else(|error| error.error_len().is_none(), |_| true);
    if !is_utf_8 || start.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace()) {
        return false;
    }
    let inside = match text {
        [b'{', rest @ ..] => rest.trim_ascii_start(),
        [b'[', rest @ ..] => match rest.trim_ascii_start() {
            [b'{', rest @ ..] => rest.trim_ascii_start(),
            _ => return false,
        },
        _ => return false,
    };
    matches!(inside.first(), Some(b'"' | b'}'))
}

/// Whether a log line of the programs that write backups begins here.
pub(super) fn is_log(text: &[u8]) -> bool {
    let plain = without_colour(text.get(..256).unwrap_or(text));
    let marks = [
        &b"time=\""[..],
        b"level=",
        b"INFO[",
        b"WARN[",
        b"ERRO[",
        b"FATA[",
        b"DEBU[",
        b"PANI[",
        b"INFO:",
        b"WARNING:",
        b"ERROR:",
        b"Error: ",
        b"error: ",
        b"Error response from daemon",
        b"docker: ",
        b"Unable to find image ",
        b"panic: ",
        b"goroutine ",
        b"Traceback (most recent call last)",
        b"gpg: ",
        b"tar: ",
    ];
    marks.iter().any(|mark| plain.starts_with(mark)) || is_dated(&plain)
}

/// A line of Go's `log` (`2021/09/13 16:11:50 `), or one that begins with the time of RFC 3339.
fn is_dated(line: &[u8]) -> bool {
    let like = |pattern: &[u8]| {
        let fits = |(byte, like): (&u8, &u8)| if *like == b'0' { byte.is_ascii_digit() } else { byte == like };
        line.len() >= pattern.len() && line.iter().zip(pattern).all(fits)
    };
    like(b"0000/00/00 00:00:00 ") || like(b"0000-00-00T00:00:00")
}

/// A shell's word that it could not do what it should.
fn is_shell(text: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let ends = [&b": command not found"[..], b": not found", b": No such file or directory", b": Permission denied"];
    line.len() <= 512
        && line.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
        && ends.iter().any(|end| line.ends_with(end))
}

/// The text without the escape sequences that set colours.
fn without_colour(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if let (0x1B, Some(sequence)) = (*byte, after.strip_prefix(b"[")) {
            let end =
                sequence.iter().position(u8::is_ascii_alphabetic).map_or(sequence.len(), |at| at.saturating_add(1));
            rest = sequence.get(end..).unwrap_or_default();
        } else {
            plain.push(*byte);
        }
    }
    plain
}

fn starts_with_word(text: &[u8], words: &[&[u8]]) -> bool {
    words.iter().any(|word| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)))
}

/// The first line, shortened and escaped, in quotes.
pub(super) fn first_line(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let shown = line.get(..QUOTED_BYTES).unwrap_or(line);
    format!("\"{}\"", shown.trim_ascii_end().escape_ascii())
}
