//! Tests of the causes: each is told from the others, and what is quoted is harmless.

use super::*;

fn no_header(_: &[u8]) -> bool {
    false
}

fn id(head: &[u8]) -> Option<&'static str> {
    diagnose(head, &no_header).map(|cause| cause.code.id)
}

#[test]
fn causes_are_told_apart() {
    for (head, expected) in [
        (&b""[..], "source/empty"),
        (&[0; 100], "mangled/zeros"),
        (b"Salted__12345678", "mangled/openssl-enc"),
        (b"U2FsdGVkX18xMjM0NTY3OA==", "mangled/openssl-enc"),
        (b"\x01\0\0\0\0\0\x02\0rest", "mangled/docker-stream"),
        (b"<!DOCTYPE html><html>", "mangled/error-page"),
        (b"\n  <html lang=en>", "mangled/error-page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "mangled/error-page"),
        (b"{\"message\":\"unauthorized\"}", "mangled/json-message"),
        (b"\xEF\xBB\xBF{ \"errors\": [] }", "mangled/json-message"),
        (b"time=\"2021-09-13T16:11:50Z\" level=info msg=x", "mangled/log-text"),
        (b"\x1b[36mINFO\x1b[0m[0003] Creating backup", "mangled/log-text"),
        (b"INFO[0003] Creating backup", "mangled/log-text"),
        (b"2021/09/13 16:11:50 starting", "mangled/log-text"),
        (b"docker: Error response from daemon: conflict.", "mangled/log-text"),
        (b"sh: 1: dokcer: not found\n", "mangled/log-text"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "mangled/http-response"),
        (b"version https://git-lfs.github.com/spec/v1\n", "mangled/git-lfs-pointer"),
        (b"\x1f\xef\xbf\xbd\x08\0\0\0\0\0", "mangled/text-encoding"),
        (b"H4sIAAAAAAACA+3BMQEAAADCoPVPbQwfoAAAAAAAAAAA", "mangled/base64"),
        (b"PK\x03\x04\x14\0\0\0\x08\0", "source/other-archive"),
        (b"\x7FELF\x02\x01\x01\0", "source/no-archive"),
        (b"070701rest", "source/other-archive"),
        (b"SQLite format 3\0", "source/no-archive"),
        (b"-----BEGIN RSA PRIVATE KEY-----\n", "source/no-archive"),
    ] {
        assert_eq!(id(head), Some(expected), "{}", head.escape_ascii());
    }
    for nothing in [
        &b"just some text"[..],
        b"{ nothing",
        b"\x01\0\0\0\0\0\0\0",
        b"H4sI is how base64 of gzip begins",
        b"PK",
        b"PK\x03\x04\x14\x7F",
        b"{\"\x01\x02",
        b"{\"\xFF\xFF",
        b"\xFF\xFEab",
    ] {
        assert_eq!(id(nothing), None, "{}", nothing.escape_ascii());
    }
}

#[test]
fn what_is_quoted_is_short_and_escaped() {
    let line = format!("INFO[0001] \x1b[2J{}", "x".repeat(200));
    let cause = diagnose(line.as_bytes(), &no_header).unwrap();
    assert!(cause.message.contains("\\x1b[2J") && !cause.message.contains('\x1b'), "{}", cause.message);
    assert!(cause.message.len() < 100, "{}", cause.message);
}

#[test]
fn runs_of_zeros_are_the_same_in_any_pieces() {
    use crate::place::Depth;
    let mut bytes: Vec<u8> = (0..20_000_u32).map(|at| u8::try_from(at % 255 + 1).unwrap()).collect();
    for (from, to) in [(500, 1100), (4096, 8192), (9000, 9511), (12_287, 13_000), (19_000, 20_000)] {
        bytes.get_mut(from..to).unwrap().fill(0);
    }
    let told = |size: usize| {
        let trace = Trace::default();
        let mut source = Watched::new(
            Box::new(crate::envelope::Raw::new(Box::new(crate::source::SplitSource::split(bytes.clone(), &[size])))),
            &trace,
        );
        crate::source::Source::skip(&mut source, u64::MAX).unwrap();
        trace.runs(Depth::default())
    };
    let whole = told(20_000);
    assert!(whole.contains("600 zeros") && whole.contains("3 more"), "{whole}");
    for size in [1, 2, 511, 512, 513, 4097] {
        assert_eq!(told(size), whole, "in pieces of {size}");
    }
}
