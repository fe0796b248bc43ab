//! Tar in its corners: sparse files, damage and the way back, the blocks as they lie there, archives too large to hold.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;

use sha2::{Digest as _, Sha256};
use veritar::code;
use veritar::digest::{Content, Digests, Hashes, MemberDigests, hex};
use veritar::entry::{Entry, EntryKind};
use veritar::finding::Finding;
use veritar::place::Depth;
use veritar::source::{Buffered, Chunk, ReadFeed, Source};
use veritar::verify::{Archive, Journey, Opened, Reading, Road};
use veritar::walk::{Piece, Sink, Want, Way, Workers, drive};

use crate::build::depth::gnu_sparse;
use crate::build::tarball::{GNU, Header, Tarball, V7, octal};
use crate::support::{corpora, corpus, pieces, program, secrets, whole};

/// A member as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    path: String,
    kind: EntryKind,
    size: u64,
    sha256: Option<String>,
    archive: u64,
    salvaged: bool,
    whole: bool,
}

/// Lists members with their digests.
struct Rows {
    rows: Vec<Row>,
    members: MemberDigests<usize>,
    findings: Vec<Finding>,
}

impl Rows {
    fn new() -> Self {
        let members = MemberDigests::new(Hashes::SHA256, Workers::start(1));
        Self { rows: Vec::new(), members, findings: Vec::new() }
    }

    fn finish(mut self) -> (Vec<Row>, Vec<Finding>) {
        while let Some((index, digests)) = self.members.wait() {
            self.rows[index].sha256 = digests.and_then(|digests: Digests| digests.sha256).map(|digest| hex(&digest));
        }
        (self.rows, self.findings)
    }
}

impl Sink for Rows {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.members.begin(self.rows.len(), 0, entry.content_bytes().map(Content::new));
        self.rows.push(Row {
            path: String::from_utf8_lossy(entry.path).into_owned(),
            kind: entry.kind,
            size: entry.size,
            sha256: None,
            archive: entry.archive,
            salvaged: entry.salvaged,
            whole: false,
        });
        Want::Stream
    }

    fn data(&mut self, chunk: &Chunk) {
        self.members.data(&chunk.bytes);
    }

    fn hole(&mut self, bytes: u64) {
        self.members.hole(bytes);
    }

    fn end(&mut self, whole: bool) {
        self.members.end(whole);
        self.rows.last_mut().unwrap().whole = whole;
    }

    fn finding(&mut self, finding: &Finding) {
        self.findings.push(finding.clone());
    }
}

pub fn read(source: Box<dyn Source>, salvage: bool) -> (Vec<Row>, Journey) {
    let reading =
        Reading { threads: 1, hashes: Hashes::NONE, archive_hashes: Hashes::NONE, salvage, ..Reading::default() };
    let mut rows = Rows::new();
    let journey = match Road::open(Archive::from_source("archive", source), &reading, &mut secrets()).unwrap() {
        Opened::Refused(journey) => journey,
        Opened::Ready(road) => road.walk(&mut rows).unwrap(),
    };
    (rows.finish().0, journey)
}

fn sha256(bytes: &[u8]) -> String {
    hex(&<[u8; 32]>::from(Sha256::digest(bytes)))
}

/// A file with holes: `parts` are offsets and bytes of data.
fn sparse_file(path: &Path, parts: &[(u64, usize)], size: u64) {
    let mut file = std::fs::File::create(path).unwrap();
    for (index, (offset, bytes)) in parts.iter().enumerate() {
        file.seek(SeekFrom::Start(*offset)).unwrap();
        file.write_all(&vec![b'a' + index as u8; *bytes]).unwrap();
    }
    file.set_len(size).unwrap();
}

#[test]
fn sparse_files_read_as_they_were_written() {
    if !program("sparse_files_read_as_they_were_written", "tar") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let many: Vec<(u64, usize)> = (0..60).map(|index| (index * 65_536, 4096)).collect();
    let files: [(&str, Parts<'_>, u64); 5] = [
        ("hole-last", &[(0, 4096)], 1 << 20),
        ("hole-first", &[(1 << 20, 5000)], (1 << 20) + 5000),
        ("only-a-hole", &[], 300_000),
        ("many", &many, 4 << 20),
        ("odd-size", &[(131_072, 777)], 262_145),
    ];
    for (name, parts, size) in files {
        sparse_file(&folder.path().join(name), parts, size);
    }
    let plain: Vec<(String, String, u64)> = files
        .iter()
        .map(|(name, _, size)| ((*name).to_owned(), sha256(&std::fs::read(folder.path().join(name)).unwrap()), *size))
        .collect();
    for options in [
        &["--format=gnu"][..],
        &["--format=pax", "--sparse-version=0.0"],
        &["--format=pax", "--sparse-version=0.1"],
        &["--format=pax", "--sparse-version=1.0"],
    ] {
        let archive = folder.path().join("archive.tar");
        let mut command = Command::new("tar");
        command.arg("--create").arg("--sparse").args(options).arg("--file").arg(&archive).arg("-C").arg(folder.path());
        command.args(files.iter().map(|(name, ..)| name));
        assert!(command.status().unwrap().success());
        let bytes = std::fs::read(&archive).unwrap();
        // The holes are not in there: the test would show nothing otherwise.
        assert!(bytes.len() < 1 << 20, "{options:?}: {} bytes", bytes.len());
        for source in [whole(&bytes), pieces(&bytes, &[511, 513, 1])] {
            let (rows, journey) = read(source, false);
            let ours: Vec<_> =
                rows.iter().map(|row| (row.path.clone(), row.sha256.clone().unwrap_or_default(), row.size)).collect();
            assert_eq!(ours, plain, "{options:?}");
            let odd: Vec<_> = journey.findings.iter().filter(|finding| finding.code != &code::TAR_SPARSE).collect();
            assert!(odd.is_empty(), "{options:?}: {odd:?}");
        }
    }
}

/// The digests that CPython's own tests expect of the members of `testtar.tar` (Lib/test/test_tarfile.py).
#[test]
fn members_of_every_kind_have_the_digests_that_python_expects() {
    const REGULAR: &str = "e09e4bc8b3c9d9177e77256353b36c159f5f040531bbd4b024a8f9b9196c71ce";
    const SPARSE: &str = "4f05a776071146756345ceee937b33fc5644f5a96b9780d1c7d6a32cdf164d7b";
    let Some(corpora) = corpora("members_of_every_kind_have_the_digests_that_python_expects") else { return };
    let (rows, _) = read(whole(&std::fs::read(corpora.join("tar/cpython/testtar.tar")).unwrap()), false);
    for (path, digest) in [
        ("ustar/regtype", REGULAR),
        ("ustar/conttype", REGULAR),
        ("ustar/sparse", SPARSE),
        ("gnu/sparse", SPARSE),
        ("gnu/sparse-0.0", SPARSE),
        ("gnu/sparse-0.1", SPARSE),
        ("gnu/sparse-1.0", SPARSE),
        ("misc/regtype-xstar", REGULAR),
        ("pax/regtype4", REGULAR),
    ] {
        let row = rows.iter().find(|row| row.path == path).unwrap_or_else(|| panic!("no {path}"));
        assert_eq!(row.sha256.as_deref(), Some(digest), "{path}");
    }
}

#[test]
fn incremental_and_multi_volume_archives_of_gnu_tar_are_named() {
    if !program("incremental_and_multi_volume_archives_of_gnu_tar_are_named", "tar") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (data, snapshot) = (folder.path().join("data"), folder.path().join("snapshot"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("old"), "old").unwrap();
    let run = |archive: &str, more: &[&str]| {
        let mut command = Command::new("tar");
        command.args(more).arg("--create").arg("--file").arg(folder.path().join(archive));
        command.arg("-C").arg(folder.path()).arg("data").status().unwrap()
    };
    let incremental = format!("--listed-incremental={}", snapshot.display());
    assert!(run("full.tar", &[&incremental]).success());
    // GNU tar compares to the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    std::fs::write(data.join("new"), "new").unwrap();
    assert!(run("later.tar", &[&incremental]).success());
    for (archive, needs_earlier) in [("full.tar", false), ("later.tar", true)] {
        let (_, journey) = read(whole(&std::fs::read(folder.path().join(archive)).unwrap()), false);
        let found: Vec<_> = journey.findings.iter().filter(|found| found.code == &code::TAR_INCREMENTAL).collect();
        assert_eq!(found.len(), 1, "{archive}: {:?}", journey.findings);
        assert_eq!(found[0].severity > code::Severity::Info, needs_earlier, "{archive}: {found:?}");
    }
    std::fs::write(data.join("large"), vec![b'x'; 60_000]).unwrap();
    // The second volume has no room on a third: the command stops there, and both volumes are written.
    let second = folder.path().join("second.tar");
    let change = format!("--new-volume-script=test -e {0} && exit 1; echo {0} >&$TAR_FD", second.display());
    run("first.tar", &["--multi-volume", "--tape-length=40", &change]);
    let (rows, journey) = read(whole(&std::fs::read(&second).unwrap()), false);
    assert!(!rows.is_empty());
    let continued = journey.findings.iter().find(|found| found.code == &code::TAR_UNSUPPORTED_TYPE);
    assert!(continued.is_some_and(|found| found.message.contains("bytes of it stand there")), "{:?}", journey.findings);
}

fn five() -> Vec<u8> {
    let mut tar = Tarball::default();
    for name in ["one", "two", "three", "four", "five"] {
        tar = tar.file(name, name.repeat(200).as_bytes());
    }
    tar.end()
}

/// A change of a file's bytes.
type Damage = fn(&mut Vec<u8>);
/// Names, whether they were found behind damage, and whether they are whole.
type Found<'a> = &'a [(&'a str, bool, bool)];
/// Offsets and lengths of what is stored of a sparse file.
type Parts<'a> = &'a [(u64, usize)];

/// Headers without a magic are looked for block by block, and the whole rest of a mapped file is lent at each of them: the
/// search must not go over all of it again each time.
#[test]
fn much_damage_is_searched_once() {
    let mut tar = Tarball::default().file("first", b"");
    for index in 0..10_000 {
        let name = format!("{index}");
        tar = tar.content(&[1; 512]).header(&Header { name: name.as_bytes(), magic: V7, ..Header::default() });
    }
    let (rows, _) = read(whole(&tar.end()), true);
    assert_eq!(rows.len(), 10_001);
    assert!(rows.iter().skip(1).all(|row| row.salvaged));
}

#[test]
fn members_behind_damage_are_found_again() {
    let cases: [(&str, Damage, Found<'_>); 4] = [
        // A header is overwritten: its member is lost, and nobody can tell what belonged to whom.
        (
            "overwritten",
            |bytes| bytes[1536..1700].fill(b'x'),
            &[("one", false, true), ("three", true, true), ("four", true, true), ("five", true, true)],
        ),
        // Bytes are put in: all behind them are moved.
        (
            "inserted",
            |bytes| drop(bytes.splice(700..700, [b'-'; 100])),
            &[
                ("one", false, true),
                ("two", true, true),
                ("three", true, true),
                ("four", true, true),
                ("five", true, true),
            ],
        ),
        // Bytes are gone: the next header lies in what is taken for payload.
        (
            "gone",
            |bytes| drop(bytes.drain(700..800)),
            &[("one", false, true), ("three", true, true), ("four", true, true), ("five", true, true)],
        ),
        (
            "cut",
            |bytes| bytes.truncate(5700),
            &[("one", false, true), ("two", false, true), ("three", false, true), ("four", false, false)],
        ),
    ];
    for (name, damage, expected) in cases {
        let mut bytes = five();
        damage(&mut bytes);
        for source in [whole(&bytes), pieces(&bytes, &[1]), pieces(&bytes, &[513, 7])] {
            let (rows, journey) = read(source, true);
            let found: Vec<_> = rows.iter().map(|row| (row.path.as_str(), row.salvaged, row.whole)).collect();
            assert_eq!(found, expected, "{name}");
            assert!(!journey.walked.unwrap().whole, "{name}");
            for row in rows.iter().filter(|row| row.salvaged && row.whole) {
                assert_eq!(row.sha256, Some(sha256(row.path.repeat(200).as_bytes())), "{name}: {}", row.path);
            }
            if name != "cut" {
                let has = |code: &'static code::Code| journey.findings.iter().any(|found| found.code == code);
                assert!(has(&code::TAR_RECOVERED) && has(&code::TAR_PARTIAL), "{name}: {:?}", journey.findings);
            }
        }
        // Without being asked, nobody looks behind the damage.
        assert!(read(whole(&bytes), false).0.iter().all(|row| !row.salvaged), "{name}");
    }
}

struct Pieces(Vec<Piece>);

impl Sink for Pieces {
    fn entry(&mut self, _entry: &Entry<'_>) -> Want {
        Want::Skip
    }

    fn data(&mut self, _chunk: &Chunk) {}

    fn end(&mut self, _whole: bool) {}

    fn piece(&mut self, piece: &Piece) {
        self.0.push(*piece);
    }
}

#[test]
fn every_byte_stands_in_one_piece() {
    let mut read = 0;
    for folder in ["good", "odd", "bad"] {
        for entry in std::fs::read_dir(corpus().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "tar") {
                continue;
            }
            read += 1;
            let bytes = std::fs::read(&path).unwrap();
            let limits = veritar::limits::Limits::default();
            for salvage in [false, true] {
                let mut seen = Pieces(Vec::new());
                let mut source = whole(&bytes);
                drive(&mut *source, Way { limits: &limits, depth: Depth::default(), salvage }, &mut seen).unwrap();
                let mut next = 0;
                for piece in &seen.0 {
                    assert_eq!(piece.offset, next, "{}: {piece:?}", path.display());
                    next += piece.bytes;
                }
                assert_eq!(next, bytes.len() as u64, "{}", path.display());
            }
        }
    }
    assert!(read > 50, "only {read} archives");
}

/// Gives `head`, then so many copies of `body`, then zeros.
struct Made {
    head: Vec<u8>,
    body: Vec<u8>,
    copies: u64,
    zeros: u64,
    at: usize,
}

impl Read for Made {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.at == self.head.len() && self.copies > 0 {
            self.copies -= 1;
            self.at = 0;
            self.head.clear();
            self.head.extend_from_slice(&self.body);
        }
        let rest = &self.head[self.at..];
        if !rest.is_empty() {
            let bytes = rest.len().min(buffer.len());
            buffer[..bytes].copy_from_slice(&rest[..bytes]);
            self.at += bytes;
            return Ok(bytes);
        }
        let bytes = usize::try_from(self.zeros).unwrap_or(usize::MAX).min(buffer.len());
        buffer[..bytes].fill(0);
        self.zeros -= bytes as u64;
        Ok(bytes)
    }
}

fn made(head: Vec<u8>, body: Vec<u8>, copies: u64, zeros: u64) -> Box<dyn Source> {
    Box::new(Buffered::new(ReadFeed::new(Made { head, body, copies, zeros, at: 0 })))
}

#[test]
fn what_is_too_large_to_hold_is_refused_or_passed_over() {
    // A terabyte of zeros that nobody stored: neither hashed nor given.
    let mut tar = Tarball::default();
    tar.0.extend_from_slice(&gnu_sparse("huge", &[(0, 2), (1 << 40, 0)], 1 << 40));
    let bytes = tar.content(b"{}").file("after", b"x").end();
    let (rows, journey) = read(whole(&bytes), false);
    assert_eq!((rows[0].size, rows[0].sha256.as_deref(), rows[0].whole), (1 << 40, None, false));
    assert_eq!((rows[1].path.as_str(), rows[1].whole), ("after", true));
    let limit = journey.findings.iter().find(|found| found.code == &code::LIMIT_REACHED).expect("a limit");
    assert!(limit.message.contains("--limit hole-bytes="), "{}", limit.message);
    // A pax header of a gigabyte: refused by its size, before it is read.
    let header = Header { name: b"pax", typeflag: b'x', size: octal(1 << 30), ..Header::default() }.block().to_vec();
    let (rows, journey) = read(made(header, Vec::new(), 0, 1 << 26), false);
    assert!(rows.is_empty());
    let limit = journey.findings.iter().find(|found| found.code == &code::LIMIT_REACHED).expect("a limit");
    assert!(limit.message.contains("--limit extension-bytes="), "{}", limit.message);
    // A member of eight exabytes in a base-256 field: cut, and said so.
    let mut size = vec![0; 12];
    size[0] = 0x80;
    size[4..].copy_from_slice(&(i64::MAX as u64 - 1023).to_be_bytes());
    let header = Header { name: b"exabytes", size, magic: GNU, ..Header::default() }.block().to_vec();
    let (rows, journey) = read(made(header, Vec::new(), 0, 4096), false);
    assert!(!rows[0].whole);
    assert!(journey.findings.iter().any(|found| found.code == &code::TAR_TRUNCATED), "{:?}", journey.findings);
}

#[test]
fn an_archive_inside_that_is_stored_sparse_comes_with_its_holes() {
    // Its end marker is a hole: without it the archive inside would end too early.
    let inner = Tarball::default().file("inside", b"x").end();
    let size = inner.len() as u64;
    let mut tar = Tarball::default();
    tar.0.extend_from_slice(&gnu_sparse("inner.tar", &[(0, size - 1024), (size, 0)], size));
    let outer = tar.content(&inner[..inner.len() - 1024]).end();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outer.tar");
    std::fs::write(&path, outer).unwrap();
    let path = path.to_str().unwrap();
    let (exit, shown, errors) = crate::cli::run(&["list", "--format", "names", "--inside", "inner.tar", path]);
    assert_eq!((exit, shown.as_str(), errors.as_str()), (0, "inside\n", ""));
}
