//! Archives that reach into the corners of tar: sparse maps, incremental backups, vendors' types, several archives in one
//! file, headers that readers take in two ways.

use super::cases::{NO_ROW, ROW, dtr_with, with_checksum};
use super::products::{self, pack};
use super::tarball::{GNU, Header, Tarball, octal, pax_records};

const EVENTS: &str = "dtr-backup-v2.9.4-online/rethink/events/";
const EVENT: &str = "dtr-backup-v2.9.4-online/rethink/events/0";

/// An old GNU sparse header: regions as offset and bytes, and the size of the file.
pub fn gnu_sparse(name: &str, regions: &[(u64, u64)], real_size: u64) -> [u8; 512] {
    let stored = regions.iter().map(|(_, bytes)| bytes).sum();
    let header = Header { name: name.as_bytes(), size: octal(stored), typeflag: b'S', magic: GNU, ..Header::default() };
    let mut block = header.block();
    for (index, (offset, bytes)) in regions.iter().enumerate() {
        let at = 386 + 24 * index;
        block[at..at + 12].copy_from_slice(&number(*offset));
        block[at + 12..at + 24].copy_from_slice(&number(*bytes));
    }
    block[483..495].copy_from_slice(&number(real_size));
    with_checksum(block)
}

/// Octal, or base-256 from 8 GiB on, which eleven octal digits do not hold.
fn number(value: u64) -> [u8; 12] {
    let mut field = [0; 12];
    if value < 1 << 33 {
        field[..11].copy_from_slice(&octal(value));
    } else {
        field[0] = 0x80;
        field[4..].copy_from_slice(&value.to_be_bytes());
    }
    field
}

fn block_of(mut tar: Tarball, block: &[u8; 512]) -> Tarball {
    tar.0.extend_from_slice(block);
    tar
}

/// A sparse file whose map stands in pax records, with its stored bytes.
fn pax_sparse(records: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    dtr_with(|tar| {
        let header = Header { name: b"GNUSparseFile.0/4", size: octal(payload.len() as u64), ..Header::default() };
        tar.pax(records).header(&header).content(payload)
    })
    .end()
}

fn incremental(listing: &[u8]) -> Vec<u8> {
    dtr_with(|tar| {
        let size = octal(listing.len() as u64);
        let header = Header { name: EVENTS.as_bytes(), mode: b"0000700", size, typeflag: b'D', ..Header::default() };
        tar.header(&Header { magic: GNU, ..header }).content(listing)
    })
    .end()
}

pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    let dtr = pack(&products::dtr());
    let mut payload = b"2\n0\n2\n4096\n0\n".to_vec();
    payload.resize(512, 0);
    payload.extend_from_slice(b"{}");
    let acl = b"user::rw-,group::r--,mask:r--,other:---\0";
    let mut latin1 = pax_records(&[("path", "dtr-backup-v2.9.4-online/rethink/events/?")]);
    let at = latin1.iter().position(|byte| *byte == b'?').unwrap();
    latin1[at] = 0xE9;
    let mut three = dtr.clone();
    three.extend_from_slice(&Tarball::default().file("second", b"2").end());
    three.extend_from_slice(b"not zeros and no header");
    three.resize(three.len().next_multiple_of(512), 0);
    three.extend_from_slice(&Tarball::default().file("third", b"3").end());
    vec![
        (
            "odd/sparse-1.0.tar",
            pax_sparse(
                &[
                    ("GNU.sparse.major", "1"),
                    ("GNU.sparse.minor", "0"),
                    ("GNU.sparse.name", NO_ROW),
                    ("GNU.sparse.realsize", "4096"),
                ],
                &payload,
            ),
        ),
        (
            "bad/sparse-map-short.tar",
            dtr_with(|tar| block_of(tar, &gnu_sparse(NO_ROW, &[(0, 2)], 4096)).content(b"{}")).end(),
        ),
        (
            "bad/sparse-map-overlap.tar",
            pax_sparse(
                &[
                    ("GNU.sparse.size", "2048"),
                    ("GNU.sparse.numblocks", "2"),
                    ("GNU.sparse.name", ROW),
                    ("GNU.sparse.map", "0,512,256,512"),
                ],
                &[b'x'; 1024],
            ),
        ),
        ("odd/volume-label.tar", {
            let label = Header { name: b"nightly", typeflag: b'V', magic: GNU, ..Header::default() };
            let mut bytes = Tarball::default().header(&label).0;
            bytes.extend_from_slice(&dtr);
            bytes
        }),
        (
            "odd/solaris-acl.tar",
            dtr_with(|tar| {
                let size = octal(acl.len() as u64);
                tar.header(&Header { name: b"acl", size, typeflag: b'A', ..Header::default() })
                    .content(acl)
                    .file(ROW, b"{}")
            })
            .end(),
        ),
        (
            "odd/attributes.tar",
            dtr_with(|tar| {
                let records = [("SCHILY.xattr.user.comment", "kept"), ("SCHILY.acl.access", "user::rw-\ngroup::r--\n")];
                tar.pax(&records).file(ROW, b"{}")
            })
            .end(),
        ),
        ("bad/incremental.tar", incremental(b"N0\0Y1\0\0")),
        ("bad/incremental-not-closed.tar", incremental(b"N0\0Y1\0")),
        ("bad/pax-latin1-path.tar", dtr_with(|tar| tar.extension(b'x', &latin1).file(EVENT, b"{}")).end()),
        (
            "bad/symlink-hides-member.tar",
            dtr_with(|tar| {
                let link = Header { name: EVENT.as_bytes(), typeflag: b'2', link: b"1", ..Header::default() };
                tar.header(&Header { size: octal(1024), ..link }).file(ROW, b"{}").directory(EVENTS)
            })
            .end(),
        ),
        (
            "bad/directory-hides-member.tar",
            dtr_with(|tar| {
                let folder = Header { name: EVENTS.as_bytes(), mode: b"0000700", typeflag: b'5', ..Header::default() };
                tar.header(&Header { size: octal(1000), ..folder }).file(EVENT, b"{}").file(ROW, b"{}")
            })
            .end(),
        ),
        ("bad/three-archives.tar", three),
    ]
}
