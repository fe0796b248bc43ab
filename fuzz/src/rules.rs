//! Rule files: arbitrary text.

use std::sync::Arc;

use veritar::entry::{Entry, EntryKind, Timestamp};
use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::rule::{ArchiveForm, Choice, EndMarker, Judge, parse};

/// Reads the input as a rule file. What is refused says why and shows it; what is accepted can judge.
pub fn rule_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let limits = Limits::default();
    let set = match parse("fuzz.toml", text, &limits) {
        Ok(set) => Arc::new(set),
        Err(errors) => {
            assert!(!errors.to_string().is_empty());
            return;
        }
    };
    for choice in [Choice::Auto, Choice::Named] {
        let mut judge = Judge::new(vec![Arc::clone(&set)], choice, Depth::default(), &limits);
        for (index, path) in PATHS.iter().enumerate() {
            let kind = EntryKind::ALL[index % EntryKind::ALL.len()];
            judge.entry(&entry(path, kind, index as u64));
        }
        for part in text.split(['"', '\'', '\n']).take(200) {
            judge.entry(&entry(part.as_bytes(), EntryKind::File, part.len() as u64));
        }
        let judgement = judge.conclude(&ArchiveForm {
            encrypted: text.len() % 2 == 0,
            entries: PATHS.len() as u64,
            complete: true,
            end_marker: EndMarker::Whole,
            trailing_bytes: 0,
            file_name: Some("backup-1.2.3.tar".to_owned()),
            bytes: 0,
            previous_bytes: None,
        });
        assert!(choice == Choice::Auto || judgement.judged.len() == 1);
    }
}

const PATHS: &[&[u8]] = &[
    b"./",
    b"a",
    b"a/b/c",
    b"./a//b/../c/",
    b"/abs",
    b"backup-v2.9.4/rethink/x/1",
    b"state.json",
    b"snapshots/0000000000000001",
    b"\xFF\xFE/\x00",
    b"a",
];

fn entry(path: &[u8], kind: EntryKind, size: u64) -> Entry<'_> {
    Entry {
        path,
        kind,
        size,
        stored_size: size,
        mode: 0o644,
        uid: 0,
        gid: 0,
        uname: b"",
        gname: b"",
        mtime: Timestamp::default(),
        link: b"",
        device: None,
        attributes: &[],
        offset: size,
        archive: 0,
        salvaged: false,
    }
}
