//! Archives that were mangled on the way, and files that are something else, made by what mangles them in the field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cases::kept;
use super::gzip;
use super::products::{self, pack};
use super::tarball::Tarball;

/// Every line feed made two bytes, as a terminal does.
pub fn crlf(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] }).collect()
}

/// Docker's raw stream: pieces of these bytes, each with its header, and one line of errors behind the second piece.
pub fn frames(bytes: &[u8], piece: usize, errors: &str) -> Vec<u8> {
    let frame = |stream: u8, content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[stream, 0, 0, 0][..], &length, content].concat()
    };
    let mut stream = Vec::new();
    for (index, chunk) in bytes.chunks(piece).enumerate() {
        stream.extend(frame(1, chunk));
        if index == 1 && !errors.is_empty() {
            stream.extend(frame(2, errors.as_bytes()));
        }
    }
    stream
}

/// UTF-16 as Windows PowerShell 5 writes it where the code page is ISO 8859-1.
pub fn utf_16(bytes: &[u8]) -> Vec<u8> {
    [0xFF, 0xFE].into_iter().chain(crlf(bytes).into_iter().flat_map(|byte| [byte, 0])).collect()
}

/// Lines of text in members, as configuration files are, with pax headers or without.
pub fn lines(members: usize, pax: bool) -> Tarball {
    (0..members).fold(Tarball::default(), |tar, index| {
        let tar = if pax { tar.pax(&[("mtime", "1631549510.5")]) } else { tar };
        let content: String = (0..20).map(|line| format!("setting-{index}-{line} = \"value\"\n")).collect();
        tar.file(&format!("etc/part-{index}.conf"), content.as_bytes())
    })
}

/// Bytes without any order, the same each time.
pub fn random(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32).to_le_bytes()[0]
    };
    (0..count).map(|_| next()).collect()
}

pub const LOG: &str =
    "time=\"2021-09-13T16:11:50Z\" level=info msg=\"Backing up\"\nINFO[0003] \x1b[36mhalfway\x1b[0m\n";

/// A member of these bytes between two others.
fn between(stray: &[u8]) -> Vec<u8> {
    let (first, rest) = (lines(2, false).0, lines(3, false).end());
    [&first[..], stray, &rest[..]].concat()
}

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let dtr = pack(&products::dtr());
    let zipped = gzip(&pack(&products::mke()));
    let gpg = kept("ucp-mke-3.4.5.tar.gpg");
    let with_zeros = |bytes: &[u8], at: usize, count: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at..at + count].fill(0);
        bytes
    };
    let http = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\n\r\n";
    vec![
        ("bad/newlines-with-pax.tar", crlf(&lines(3, true).end())),
        ("bad/newlines-in-text.tar", crlf(&lines(4, false).end())),
        ("bad/newlines.tar.gz", crlf(&zipped)),
        ("bad/newlines.tar.gpg", crlf(&gpg)),
        ("bad/log-between.tar", between(LOG.as_bytes())),
        ("bad/something-between.tar", between(b"0123456789")),
        ("bad/docker-stream-with-errors.tar", frames(&dtr, 4096, "level=warning msg=\"disk is slow\"\n")),
        ("bad/docker-stream-from-the-middle.tar", {
            // What was copied first came without frames: the headers of the members begin to move behind it.
            let whole = lines(12, false).end();
            [&whole[..4096], &frames(&whole[4096..], 1500, "level=warning msg=\"disk is slow\"\n")].concat()
        }),
        ("bad/utf-16.tar", utf_16(&dtr[..2048])),
        ("bad/utf-16-of-armor.tar.asc", utf_16(&kept("dtr-2.9.4-metadata.tar.asc"))),
        ("bad/replaced.tar.gz", String::from_utf8_lossy(&gzip(&dtr)).into_owned().into_bytes()),
        ("bad/base64.tar.gz", STANDARD.encode(gzip(&dtr)).into_bytes()),
        ("bad/openssl-enc-base64.tar.enc", STANDARD.encode([&b"Salted__saltsalt"[..], &[0xA5; 64]].concat()).into_bytes()),
        ("bad/http-response.tar", [&http[..], &dtr].concat()),
        (
            "bad/git-lfs-pointer.tar",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 105984\n"
                .to_vec(),
        ),
        ("bad/command-not-found.tar", b"bash: line 1: dokcer: command not found\n".to_vec()),
        (
            "bad/error-in-xml.tar",
            b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Key>backup.tar</Key></Error>".to_vec(),
        ),
        ("bad/zeros.tar", vec![0; 12_288]),
        ("bad/zeros-in-message.tar.gpg", with_zeros(&gpg, 4096, 512)),
        ("bad/zeros-in-compressed.tar.gz", {
            let content = random(12_000, 1);
            with_zeros(&gzip(&Tarball::default().file("random", &content).end()), 4096, 4096)
        }),
        ("bad/other-archive.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec()),
        ("bad/no-archive.db", [&b"SQLite format 3\0\x10\x00\x01\x01\x00\x40\x20\x20"[..], &[0; 488]].concat()),
    ]
}
