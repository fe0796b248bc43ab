//! gzip in pieces and to excess: what a fuzzer found.

use std::io::Write as _;

use super::*;
use crate::envelope::{Proof, Raw};
use crate::source::{CHUNK_BYTES, MemorySource, Source, SplitSource};

/// An empty member whose CRC-32 is this.
fn empty_member(crc: u32) -> Vec<u8> {
    let head = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0];
    [head.as_slice(), &crc.to_le_bytes(), &[0; 4]].concat()
}

/// What comes out, and the proof, of the bytes whole; held against the same in single bytes.
fn read(bytes: &[u8], limits: &Limits) -> (usize, Proof) {
    let read = |source: Box<dyn Source>| {
        let mut layer = open(Box::new(Raw::new(source)), Depth::default(), limits);
        let mut given: usize = 0;
        while let Some(chunk) = layer.take(usize::MAX).unwrap() {
            given = given.saturating_add(chunk.bytes.len());
        }
        (given, layer.close().unwrap().pop().unwrap())
    };
    let whole = read(Box::new(MemorySource::new(bytes.to_vec())));
    assert_eq!(whole, read(Box::new(SplitSource::split(bytes.to_vec(), &[1]))));
    whole
}

#[test]
fn what_follows_the_last_member_is_shown_alike_in_any_pieces() {
    let bytes = [empty_member(0), vec![0; 5], b"something else that is long".to_vec()].concat();
    let (_, proof) = read(&bytes, &Limits::default());
    assert!(proof.findings[0].message.ends_with("beginning \"something else t\""), "{:?}", proof.findings);
    assert_eq!(proof.findings[0].place.offset, Some(25));
}

#[test]
fn a_limit_on_the_output_is_met_at_the_same_place_in_any_pieces() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&vec![7; 1 << 20]).unwrap();
    let bytes = encoder.finish().unwrap();
    let (given, proof) = read(&bytes, &Limits { output_bytes: 1000, ..Limits::default() });
    assert_eq!((given, proof.integrity), (CHUNK_BYTES, Integrity::Unchecked));
}

#[test]
fn a_header_is_too_long_in_any_pieces() {
    let name = vec![b'n'; 300];
    let bytes =
        flate2::GzBuilder::new().filename(name).write(Vec::new(), flate2::Compression::fast()).finish().unwrap();
    let (_, proof) = read(&bytes, &Limits { extension_bytes: 128, ..Limits::default() });
    assert_eq!(proof.findings[0].code.id, "limit/reached");
    let (_, proof) = read(&bytes, &Limits::default());
    assert_eq!(proof.details, [("name", "n".repeat(NAME_BYTES))]);
}

#[test]
fn a_thousand_wrong_members_are_told_a_hundred_times() {
    let bytes = empty_member(1).repeat(1000);
    let (_, proof) = read(&bytes, &Limits::default());
    let told = proof.findings.iter().filter(|finding| finding.code.id == "gzip/checksum").count();
    assert_eq!((told, proof.integrity), (100, Integrity::Failed));
    assert_eq!(proof.findings.last().unwrap().message, "900 further findings about gzip members were dropped");
}
