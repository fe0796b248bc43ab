//! Streams that are no archive at all, or were mangled on the way: names the cause, not only the symptom.
//!
//! Promises: a claim only where the first bytes show the cause. Refuses to know: how to undo it.

use super::openpgp;
use crate::code::{self, Code};

/// What happened to a stream that begins with `head`, where it shows: the code and a sentence.
#[must_use]
pub fn diagnose(head: &[u8]) -> Option<(&'static Code, String)> {
    if head.is_empty() {
        return Some((&code::SOURCE_EMPTY, "0 bytes".to_owned()));
    }
    if head.starts_with(b"Salted__") {
        return Some((&code::MANGLED_OPENSSL, "begins with \"Salted__\"".to_owned()));
    }
    if let Some(what) = openpgp::misplaced(head) {
        return Some((&code::OPENPGP_NO_MESSAGE, format!("the file is {what}")));
    }
    if let Some(length) = docker_frame(head) {
        let message = format!("begins with a Docker stream header that announces {length} bytes");
        return Some((&code::MANGLED_DOCKER_STREAM, message));
    }
    let text = head.trim_ascii_start();
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let line = first_line(text);
    if starts_with_word(text, &[b"<!doctype", b"<html", b"<?xml", b"<head"]) {
        return Some((&code::MANGLED_PAGE, format!("begins with {line}")));
    }
    if is_json(text) {
        return Some((&code::MANGLED_JSON, format!("begins with {line}")));
    }
    if is_log(text) {
        return Some((&code::MANGLED_LOG, format!("begins with {line}")));
    }
    // A header whose magic is in place or moved by a few bytes, among line ends that no header has.
    let has_magic = head.windows(5).any(|window| window == b"ustar");
    let pairs = head.windows(2).filter(|pair| *pair == b"\r\n").count();
    let lone = head.iter().filter(|byte| **byte == b'\n').count().saturating_sub(pairs);
    if has_magic && pairs > 0 && lone == 0 {
        let message = format!("every line feed of the first {} bytes follows a carriage return", head.len());
        return Some((&code::MANGLED_NEWLINES, message));
    }
    None
}

/// A frame of Docker's attach and log API: stream, three zeros, big-endian length.
fn docker_frame(head: &[u8]) -> Option<u32> {
    let [0..=2, 0, 0, 0, l0, l1, l2, l3] = *head.first_chunk::<8>()? else { return None };
    let length = u32::from_be_bytes([l0, l1, l2, l3]);
    // Docker copies in pieces of at most 32 KiB; a few megabytes leave room for other writers, and zeros are no frame.
    (1..=(16 << 20)).contains(&length).then_some(length)
}

fn is_json(text: &[u8]) -> bool {
    let inside = match text {
        [b'{', rest @ ..] => rest.trim_ascii_start(),
        _ => return false,
    };
    matches!(inside.first(), Some(b'"' | b'}'))
}

fn is_log(text: &[u8]) -> bool {
    let plain = without_colour(text.get(..256).unwrap_or(text));
    let marks = [&b"time=\""[..], b"INFO[", b"WARN[", b"ERRO[", b"FATA[", b"DEBU[", b"INFO:", b"Error: ", b"error: "];
    marks.iter().any(|mark| plain.starts_with(mark)) || plain.starts_with(b"docker: ")
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
fn first_line(text: &[u8]) -> String {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let shown = line.get(..60).unwrap_or(line);
    format!("\"{}\"", shown.trim_ascii_end().escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_apart() {
        for (head, expected) in [
            (&b""[..], "source/empty"),
            (b"Salted__12345678", "mangled/openssl-enc"),
            (b"\x01\0\0\0\0\0\x02\0rest", "mangled/docker-stream"),
            (b"<!DOCTYPE html><html>", "mangled/error-page"),
            (b"\n  <html lang=en>", "mangled/error-page"),
            (b"{\"message\":\"unauthorized\"}", "mangled/json-message"),
            (b"time=\"2021-09-13T16:11:50Z\" level=info msg=x", "mangled/log-text"),
            (b"\x1b[36mINFO\x1b[0m[0003] Creating backup", "mangled/log-text"),
            (b"INFO[0003] Creating backup", "mangled/log-text"),
        ] {
            assert_eq!(diagnose(head).map(|(code, _)| code.id), Some(expected), "{}", head.escape_ascii());
        }
        assert_eq!(diagnose(b"\0\0\0\0\0\0\0\0"), None);
        assert_eq!(diagnose(b"just some text"), None);
    }
}
