//! The probe `text`, held against what the standard library says of the same bytes.

use proptest::prelude::*;
use veritar::probe::{self, Learned, Settings};

use super::{codes, learn};

fn set(name: &str, value: &str) -> Settings {
    Settings::from([(name.to_owned(), vec![value.to_owned()])])
}

fn read(content: &[u8]) -> Learned {
    learn("text", "hub.yml", content, &Settings::new(), None)
}

fn facts(content: &[u8]) -> Vec<String> {
    read(content).facts().iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[test]
fn what_is_no_text_is_told_with_its_first_byte() {
    for (content, at, what) in [
        (&b"a\0b"[..], 1, "a NUL byte"),
        (b"log\x1b[31mred", 3, "U+001B"),
        (b"\x7f", 0, "U+007F"),
        ("né\u{9b}2J".as_bytes(), 3, "U+009B"),
        (b"ab\xff", 2, "not UTF-8"),
        // Latin-1, an overlong slash, a surrogate, something beyond the last character.
        (b"caf\xe9 au lait", 3, "not UTF-8"),
        (b"..\xc0\xaf", 2, "not UTF-8"),
        (b"x\xed\xa0\x80", 1, "not UTF-8"),
        (b"x\xf4\x90\x80\x80", 1, "not UTF-8"),
        // Cut inside a character.
        (b"ok \xe2\x82", 3, "not UTF-8"),
        (b"ok \xe2\x82\0", 3, "not UTF-8"),
    ] {
        let learned = read(content);
        assert_eq!(codes(&learned), ["text/not-text"], "{content:?}");
        let fault = &learned.faults()[0];
        assert_eq!(fault.offset, Some(at), "{content:?}");
        assert!(fault.message.contains(what), "{}", fault.message);
        assert_eq!(learned.facts(), []);
    }
    let learned = learn("text", "x", "a: é".as_bytes(), &set("encoding", "ascii"), None);
    assert_eq!((codes(&learned), learned.faults()[0].offset), (vec!["text/not-text"], Some(3)));
}

#[test]
fn nothing_at_all_is_text_unless_something_is_asked_for() {
    assert_eq!(facts(b""), ["line-ends=none", "lines=0"]);
    let learned = learn("text", "x", b"", &set("empty", "refused"), None);
    assert_eq!(codes(&learned), ["text/empty"]);
    assert_eq!(codes(&learn("text", "x", b"a", &set("empty", "refused"), None)), [""; 0]);
}

#[test]
fn line_ends_are_told() {
    for (content, ends, lines) in [
        (&b"one"[..], "none", 1),
        (b"one\n", "lf", 1),
        (b"one\ntwo", "lf", 2),
        (b"one\r\ntwo\r\n", "crlf", 2),
        (b"one\rtwo\r", "cr", 2),
        (b"one\r\ntwo\n", "mixed", 2),
        (b"one\n\n\r\r\n", "mixed", 4),
    ] {
        let expected = ["encoding=ascii".to_owned(), format!("line-ends={ends}"), format!("lines={lines}")];
        assert_eq!(facts(content), expected, "{content:?}");
    }
    assert_eq!(facts("\u{feff}ä\n".as_bytes())[0], "encoding=utf-8 with byte order mark");
    assert_eq!(facts("ä\u{feff}\n".as_bytes())[0], "encoding=utf-8");
}

#[test]
fn settings_are_words() {
    let check = probe::find("text").unwrap().check;
    assert_eq!(check(&set("encoding", "utf-8")), Ok(()));
    assert_eq!(check(&set("encoding", "utf-16")), Err("`encoding` is \"utf-8\" or \"ascii\"".to_owned()));
    assert!(check(&set("empty", "yes")).is_err());
}

/// Bytes near the borders of UTF-8.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        "[a-z\\r\\n\\t]{0,4}".prop_map(String::into_bytes),
        any::<char>().prop_map(|letter| letter.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..3),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn the_first_fault_is_the_standard_librarys(content in pieces()) {
        let valid = match std::str::from_utf8(&content) {
            Ok(text) => text,
            Err(error) => std::str::from_utf8(&content[..error.valid_up_to()]).unwrap(),
        };
        let control = valid.char_indices().find(|(_, letter)| letter.is_control() && !"\t\r\n".contains(*letter));
        let expected = control.map(|(at, _)| at).or_else(|| (valid.len() < content.len()).then_some(valid.len()));
        let found = read(&content).faults().first().and_then(|fault| fault.offset);
        prop_assert_eq!(found, expected.map(|at| at as u64));
    }
}
