//! What `sha256sum --check` reads, where the archive was extracted.
//!
//! Only entries whose bytes in the archive are the file's: a sparse file lacks its holes, a hard link is listed under the
//! name before it. What was cut has no digest and no line; what no program extracts under its own name is a comment.
//!
//! Promises: names are as they are extracted but for a backslash, a line feed and a carriage return, which are escaped as GNU
//! coreutils does, with a backslash before the line. On a terminal what it would obey is escaped as everywhere. Refuses to
//! know: other digests.

use std::io::{self, Write};

use super::{Format, Line, Tail, is_restorable, restored};
use crate::digest::hex;
use crate::entry::Entry;
use crate::report::escaped;

pub(super) struct Sha256sum {
    /// Whether a terminal shows it.
    pub(super) is_shown: bool,
}

impl Format for Sha256sum {
    fn line(&mut self, entry: &Entry<'_>) -> Line {
        if !is_restorable(entry) {
            return Line::default();
        }
        let (mut head, mut name) = (Vec::new(), Vec::new());
        match restored(entry).filter(|path| !path.is_empty()) {
            // A comment: it would be looked for where nobody extracts it.
            None => {
                head.push(b'#');
                name = escaped(entry.path).to_string().into_bytes();
            }
            Some(path) if self.is_shown => name = escaped(&path).to_string().into_bytes(),
            Some(path) => {
                if *path == *b"-" {
                    // That alone would be standard input.
                    name.extend_from_slice(b"./");
                }
                for byte in path.iter() {
                    match byte {
                        b'\\' => name.extend_from_slice(b"\\\\"),
                        b'\n' => name.extend_from_slice(b"\\n"),
                        b'\r' => name.extend_from_slice(b"\\r"),
                        _ => name.push(*byte),
                    }
                }
                if path.iter().any(|byte| b"\\\n\r".contains(byte)) {
                    head.push(b'\\');
                }
            }
        }
        Line { head, name, restorable: true, ..Line::default() }
    }

    fn write(&self, out: &mut dyn Write, line: &Line, tail: &Tail) -> io::Result<()> {
        let Some(digest) = tail.digests.and_then(|digests| digests.sha256).filter(|_| line.restorable) else {
            return Ok(());
        };
        out.write_all(&line.head)?;
        out.write_all(hex(&digest).as_bytes())?;
        out.write_all(b"  ")?;
        out.write_all(&line.name)?;
        out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digests;
    use crate::entry::{EntryKind, Timestamp};

    fn shown(path: &[u8], is_shown: bool) -> Vec<u8> {
        let entry = Entry {
            path,
            kind: EntryKind::File,
            size: 0,
            stored_size: 0,
            mode: 0,
            uid: 0,
            gid: 0,
            uname: b"",
            gname: b"",
            mtime: Timestamp::default(),
            link: b"",
            device: None,
            attributes: &[],
            archive: 0,
            salvaged: false,
            offset: 0,
        };
        let mut format = Sha256sum { is_shown };
        let line = format.line(&entry);
        let digests = Some(Digests { sha256: Some([0; 32]), blake3: None, front: None });
        let mut out = Vec::new();
        format.write(&mut out, &line, &Tail { digests, anomalies: Vec::new() }).expect("memory");
        let zeros = "0".repeat(64);
        String::from_utf8_lossy(&out).replace(&zeros, "0").into_bytes()
    }

    #[test]
    fn names_are_as_gnu_escapes_them_and_harmless_on_a_terminal() {
        for (path, piped, on_terminal) in [
            (&b"plain"[..], &b"0  plain\n"[..], &b"0  plain\n"[..]),
            (b"./a//b", b"0  a/b\n", b"0  a/b\n"),
            (b"-", b"0  ./-\n", b"0  -\n"),
            (b"a\nb", b"\\0  a\\nb\n", b"0  a\\nb\n"),
            (b"a\\b\r", b"\\0  a\\\\b\\r\n", b"0  a\\\\b\\r\n"),
            (b"\x1b[2J", b"0  \x1b[2J\n", b"0  \\x1b[2J\n"),
            (b"../\x1b", b"#0  ../\\x1b\n", b"#0  ../\\x1b\n"),
        ] {
            assert_eq!(shown(path, false).escape_ascii().to_string(), piped.escape_ascii().to_string());
            assert_eq!(shown(path, true).escape_ascii().to_string(), on_terminal.escape_ascii().to_string());
        }
    }
}
