//! Archives that two readers restore in two ways: none may pass without a word.
//!
//! What each reader makes of them was seen with GNU tar 1.34, bsdtar 3.6 and Python 3.11, and in Go's `archive/tar`.

use veritar::code::{self, Code};
use veritar::finding::{Finding, Severity};

use crate::build::cases::with_checksum;
use crate::build::depth::gnu_sparse;
use crate::build::tarball::{GNU, Header, Tarball, USTAR, V7, octal, pax_records};
use crate::support::{pieces, whole};
use crate::tar::read;

/// The findings of the walk above information, the same in any cut.
fn findings(bytes: &[u8]) -> Vec<Finding> {
    let [one, other] = [whole(bytes), pieces(bytes, &[1])].map(|source| {
        let mut findings = read(source, false).1.findings;
        findings.retain(|finding| finding.severity != Severity::Info);
        findings
    });
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    one
}

fn assert_told(name: &str, bytes: &[u8], code: &'static Code) {
    let found = findings(bytes);
    assert!(found.iter().any(|finding| std::ptr::eq(finding.code, code)), "{name}: {found:?}");
}

/// A member whose payload is an archive with another one.
fn hiding(tar: Tarball, header: &Header<'_>) -> Vec<u8> {
    let hidden = Tarball::default().file("hidden", b"").0;
    tar.header(&Header { size: octal(512), ..header.clone() }).content(&hidden).end()
}

#[test]
fn a_name_with_a_slash_hides_no_members() {
    let slash = Header { name: b"a/", ..Header::default() };
    for typeflag in [b'0', 0, b'7', b'Q', b'E', b'N'] {
        let bytes = hiding(Tarball::default(), &Header { typeflag, ..slash.clone() });
        assert_told("by its typeflag", &bytes, &code::TAR_TWO_READINGS);
    }
    let sparse = with_checksum(gnu_sparse("a/", &[(512, 512)], 1024));
    let bytes = Tarball(sparse.to_vec()).content(&Tarball::default().file("hidden", b"").0).end();
    assert_told("sparse", &bytes, &code::TAR_TWO_READINGS);
    // Python goes by the name field even where a longer name counts; with typeflag '0' it does not.
    let cut = |typeflag| {
        let tar = Tarball::default().pax(&[("path", "dir/file")]);
        hiding(tar, &Header { name: b"dir/", typeflag, ..Header::default() })
    };
    assert_told("by its field", &cut(0), &code::TAR_TWO_READINGS);
    assert_eq!(findings(&cut(b'0')).len(), 0);
}

/// GNU tar takes a block of a map that is over for payload.
#[test]
fn a_sparse_map_does_not_go_on_behind_its_end() {
    let mut block = gnu_sparse("a", &[(0, 1024)], 1024);
    block[482] = 1;
    let tar = Tarball(with_checksum(block).to_vec()).zeros(1).content(&[b'B'; 512]);
    assert_told("the map goes on", &tar.file("hidden", b"").end(), &code::TAR_SPARSE_MAP);
}

/// GNU tar passes over a NUL in front of a number, Go over all of them; to bsdtar and Python the number ends there.
#[test]
fn a_number_behind_a_nul_is_no_zero() {
    let hidden = Tarball::default().file("hidden", b"").0;
    let bytes =
        Tarball::default().header(&Header { name: b"a", size: b"\x0000000001000".to_vec(), ..Header::default() });
    assert_told("size", &bytes.content(&hidden).end(), &code::TAR_NUMBER);
    let mut block = gnu_sparse("a", &[(512, 512)], 1024);
    block[386..398].copy_from_slice(b"\x0000000001000");
    assert_told("map", &Tarball(with_checksum(block).to_vec()).content(&[b'B'; 512]).end(), &code::TAR_SPARSE_MAP);
}

#[test]
fn a_prefix_that_some_readers_honour_is_told() {
    let with = |header: Header<'_>| Tarball::default().header(&Header { name: b"a", ..header }).end();
    for (name, magic, prefix) in [
        ("Python reads it without magic", V7, &b"pre"[..]),
        ("bsdtar and Python go by five letters", b"ustarX00", b"pre"),
        ("no letter", GNU, b"../up"),
        ("digits that are no time", GNU, b"1234"),
    ] {
        assert_told(name, &with(Header { magic, prefix, ..Header::default() }), &code::TAR_PREFIX);
    }
    // A time of last access, as in incremental backups.
    assert_eq!(findings(&with(Header { magic: GNU, prefix: b"14712345670\x0014712345671", ..Header::default() })), []);
    // Go cuts it where star does, others read on.
    let prefix = [b'p'; 140];
    let mut block = Header { name: b"a", prefix: &prefix, magic: USTAR, ..Header::default() }.block();
    block[508..].copy_from_slice(b"tar\0");
    assert_told("star", &Tarball(with_checksum(block).to_vec()).end(), &code::TAR_PREFIX);
}

#[test]
fn sparse_records_that_readers_take_in_two_ways_are_told() {
    let block = [b'A'; 512];
    let global = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "600")];
    let bytes = Tarball::default().extension(b'g', &pax_records(&global)).file("a", b"1\n88\n512\n").end();
    assert_told("GNU tar and Python read a map", &bytes, &code::TAR_PAX_GLOBAL_NAMES);
    let file = |records: &[(&str, &str)], payload: &[u8]| Tarball::default().pax(records).file("a", payload).end();
    let two = [("GNU.sparse.size", "1536"), ("GNU.sparse.map", "0,512"), ("GNU.sparse.map", "1024,512")];
    assert_told("the last map, or both", &file(&two, &[block, block].concat()), &code::TAR_SPARSE_MAP);
    assert_told("the same key", &file(&two, &[block, block].concat()), &code::TAR_PAX_DUPLICATE);
    let pair = [("GNU.sparse.offset", "0"), ("GNU.sparse.numbytes", "512")];
    let mixed = [("GNU.sparse.size", "1536"), pair[0], pair[1], ("GNU.sparse.map", "1024,512")];
    assert_told("pairs and a map", &file(&mixed, &[block, block].concat()), &code::TAR_SPARSE_MAP);
    let mixed = [("GNU.sparse.size", "1536"), ("GNU.sparse.map", "1024,512"), pair[0], pair[1]];
    assert_told("a map and pairs", &file(&mixed, &[block, block].concat()), &code::TAR_SPARSE_MAP);
    // GNU tar and Python restore 1024 bytes.
    let records = [("GNU.sparse.size", "1024"), ("GNU.sparse.map", "512,512")];
    let header = Header { name: b"a", size: octal(512), typeflag: b'7', ..Header::default() };
    let (rows, _) = read(whole(&Tarball::default().pax(&records).header(&header).content(&block).end()), false);
    assert!(format!("{rows:?}").contains("size: 1024"), "{rows:?}");
}

#[test]
fn what_stars_size_makes_of_a_file_is_told() {
    let with = |size: &str| Tarball::default().pax(&[("SCHILY.realsize", size)]).file("a", &[b'A'; 512]).end();
    assert_told("bsdtar fills it up", &with("4096"), &code::TAR_PAX_SIZE);
    assert_told("bsdtar cuts it", &with("10"), &code::TAR_PAX_SIZE);
    assert_eq!(findings(&with("512")), []);
}

#[test]
fn a_target_that_is_taken_back_fails() {
    let header = Header { name: b"a", link: b"target", typeflag: b'2', ..Header::default() };
    let found = findings(&Tarball::default().pax(&[("linkpath", "")]).header(&header).end());
    assert!(found.iter().any(|finding| finding.severity == Severity::Error), "{found:?}");
}
