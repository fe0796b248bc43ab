//! Tar: the parser against itself in every cut, and against the `tar` crate.

use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use veritar::entry::{Entry, EntryKind, normalized};
use veritar::finding::{Finding, Severity};
use veritar::place::Depth;
use veritar::source::{Chunk, Source};
use veritar::tar::{Accounts, Frame, Parser, Step};
use veritar::walk::{Sink, Walked, Want, Way, drive};

use crate::cut::{pieces, whole};
use crate::limits;

/// Walks the input in every cut, and steps through it with no more bytes at a time than the parser asks for: the same
/// entries, contents and findings, and every byte booked.
pub fn tar_frames(data: &[u8]) {
    let bytes = Bytes::from(with_checksums(data));
    for salvage in [true, false] {
        let expected = walk(&mut *whole(&bytes), Want::Stream, salvage);
        assert_eq!(expected.walked.accounts.total_bytes(), bytes.len() as u64, "bytes are not accounted for");
        for (cut, mut source) in pieces(&bytes) {
            assert_eq!(expected, walk(&mut *source, Want::Stream, salvage), "{cut}, salvage: {salvage}");
        }
    }
    let expected = walk(&mut *whole(&bytes), Want::Stream, false);
    let skipped = walk(&mut *whole(&bytes), Want::Skip, false);
    assert_eq!((&expected.entries, &expected.findings), (&skipped.entries, &skipped.findings), "skipped");
    assert_eq!(expected.walked, skipped.walked, "skipped");
    let (accounts, anomalies) = step_by_step(&bytes);
    assert_eq!(expected.walked.accounts, accounts, "step by step");
    // Causes of damage and what a listing says are the walk's own.
    let of_walk = |finding: &&Finding| {
        let id = finding.code.id;
        id.starts_with("mangled/") || id.starts_with("source/") || id == "tar/incremental"
    };
    let of_walk = expected.findings.iter().filter(of_walk).count();
    assert_eq!(expected.findings.len() - of_walk, anomalies, "step by step");
}

/// Where the walk finds nothing to complain of, the `tar` crate lists the same paths, sizes and contents.
pub fn tar_differential(data: &[u8]) {
    let bytes = Bytes::from(with_checksums(data));
    let ours = walk(&mut *whole(&bytes), Want::Stream, false);
    if ours.findings.iter().any(|finding| finding.severity > Severity::Info) || !ours.walked.whole {
        return;
    }
    let mut archive = ::tar::Archive::new(&bytes[..]);
    let mut expected = ours.entries.iter();
    for theirs in archive.entries().expect("a slice can be read") {
        let theirs = match theirs {
            Ok(theirs) => theirs,
            Err(error) if is_allowed(&error.to_string()) => return,
            Err(error) => panic!("the tar crate fails where nothing was found: {error}"),
        };
        match theirs.header().entry_type().as_byte() {
            // It lists global headers as members.
            b'g' => continue,
            // Solaris' letter for a pax header, and extension headers under another magic, are members to the crate.
            b'X' | b'x' | b'L' | b'K' => return,
            _ => {}
        }
        let Some(ours) = expected.next() else {
            panic!("the tar crate lists {:?} more", theirs.path_bytes());
        };
        // Sparse members: the crate reads the map and says the size with the holes, as is done here; what it makes of
        // sizes that do not fit the map differs.
        if ours.kind == EntryKind::Sparse {
            return;
        }
        assert_eq!(normalized(&ours.path), normalized(&theirs.path_bytes()), "path");
        // A directory's size field is read as it stands there, and as 0 here.
        if ours.kind != EntryKind::Directory {
            assert_eq!(ours.size, theirs.size(), "size of {:?}", theirs.path_bytes());
        }
    }
    assert_eq!(expected.next(), None, "the tar crate does not list it");
}

/// What the `tar` crate refuses and is no defect of an archive; fuzz/README.md says why.
fn is_allowed(error: &str) -> bool {
    ["numeric field", "invalid digit", "sparse", "pax", "extension"].iter().any(|part| error.contains(part))
}

/// An entry, owned, with what came of its content.
#[derive(Debug, PartialEq, Eq)]
struct Met {
    path: Vec<u8>,
    kind: EntryKind,
    size: u64,
    stored_size: u64,
    rest: String,
    /// Whether `end` was called, and with what.
    ended: Option<bool>,
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    walked: Walked,
    entries: Vec<Met>,
    findings: Vec<Finding>,
    content: Vec<(u64, u64)>,
}

struct Recorder {
    want: Want,
    entries: Vec<Met>,
    findings: Vec<Finding>,
    /// Bytes and hash of each content.
    content: Vec<(u64, u64)>,
    /// Bytes of holes in the last entry.
    holes: u64,
    hasher: DefaultHasher,
    next: Option<u64>,
    open: bool,
}

fn walk(source: &mut dyn Source, want: Want, salvage: bool) -> Seen {
    let mut limits = limits();
    // They are counted here, not written.
    limits.hole_bytes = u64::MAX;
    let mut recorder = Recorder {
        want,
        entries: Vec::new(),
        findings: Vec::new(),
        content: Vec::new(),
        holes: 0,
        hasher: DefaultHasher::new(),
        next: None,
        open: false,
    };
    let way = Way { limits: &limits, depth: Depth::default(), salvage };
    let walked = drive(source, way, &mut recorder).expect("memory can be read");
    assert!(!recorder.open, "the last entry never ended");
    Seen { walked, entries: recorder.entries, findings: recorder.findings, content: recorder.content }
}

impl Sink for Recorder {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        assert!(!self.open, "an entry begins before the one before it ended");
        self.open = true;
        self.entries.push(Met {
            path: entry.path.to_vec(),
            kind: entry.kind,
            size: entry.size,
            stored_size: entry.stored_size,
            rest: format!("{entry:?}"),
            ended: None,
        });
        self.content.push((0, 0));
        self.holes = 0;
        self.hasher = DefaultHasher::new();
        self.next = None;
        self.want
    }

    fn data(&mut self, chunk: &Chunk) {
        assert!(self.open && self.want == Want::Stream && !chunk.bytes.is_empty());
        assert!(self.next.is_none_or(|next| next == chunk.offset), "content is not contiguous");
        self.next = Some(chunk.offset + chunk.bytes.len() as u64);
        let (bytes, _) = self.content.last_mut().expect("an entry");
        *bytes += chunk.bytes.len() as u64;
        chunk.bytes.iter().for_each(|byte| byte.hash(&mut self.hasher));
    }

    fn hole(&mut self, bytes: u64) {
        assert!(self.open && self.want == Want::Stream && bytes > 0);
        self.holes += bytes;
        // Where in the file the hole stands is part of the content.
        (self.content.last().map(|(bytes, _)| *bytes), bytes).hash(&mut self.hasher);
    }

    fn end(&mut self, whole: bool) {
        assert!(std::mem::replace(&mut self.open, false), "an entry ends twice");
        let (bytes, hash) = self.content.last_mut().expect("an entry");
        *hash = self.hasher.finish();
        let met = self.entries.last_mut().expect("an entry");
        met.ended = Some(whole);
        if self.want == Want::Stream {
            // A sparse file is whole where its stored bytes and its holes are all of it.
            let is_all = match met.kind {
                EntryKind::Sparse => !whole || *bytes + self.holes == met.size,
                _ => whole == (*bytes == met.stored_size),
            };
            assert!(is_all, "{bytes} bytes and {} of holes, whole: {whole}, of {met:?}", self.holes);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        self.findings.push(finding.clone());
    }
}

/// Steps with the least window the parser asks for, beginning with nothing, and never says that the end was reached before
/// it is known; payload is taken in two pieces.
fn step_by_step(bytes: &[u8]) -> (Accounts, usize) {
    let mut parser = Parser::new(&limits());
    let (mut at, mut window, mut anomalies) = (0, 0, 0);
    loop {
        let rest = &bytes[at..];
        let at_end = window > rest.len();
        let input = &rest[..window.min(rest.len())];
        match parser.step(input, at_end) {
            Step::Need(more) => {
                assert!(more > input.len() && !at_end, "{more} bytes wanted, {} there", input.len());
                window = more;
                continue;
            }
            Step::End => {
                assert!(rest.is_empty(), "{} bytes are left", rest.len());
                anomalies += parser.anomalies().count();
                break;
            }
            Step::Frame { frame: Frame::Payload(bytes), .. } => {
                let there = bytes.min(rest.len() as u64);
                parser.advance(there / 2);
                parser.advance(there - there / 2);
                if there < bytes {
                    parser.cut();
                }
                at += there as usize;
            }
            Step::Frame { consumed, .. } => at += consumed,
        }
        anomalies += parser.anomalies().count();
        assert_eq!(parser.offset(), at as u64);
        window = 0;
    }
    (parser.accounts(), anomalies)
}

/// Gives every block that looks like a header a checksum that holds, unless the last byte of its field is odd: so the
/// fuzzer gets past the checksum, and can still break it.
fn with_checksums(data: &[u8]) -> Vec<u8> {
    let mut bytes = data.to_vec();
    for block in bytes.chunks_exact_mut(512) {
        let is_digits = block[148..154].iter().all(|byte| matches!(byte, b'0'..=b'7' | b' '));
        let is_header = &block[257..262] == b"ustar" || is_digits;
        if !is_header || block[155] & 1 == 1 {
            continue;
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    }
    bytes
}
