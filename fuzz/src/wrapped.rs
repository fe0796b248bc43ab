//! gzip: arbitrary and well-formed streams through the layer, in every cut, and against flate2.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use veritar::code;
use veritar::envelope::{Integrity, Layer, Proof, Raw, gzip as layer};
use veritar::place::Depth;
use veritar::source::Source;

use crate::cut::{Draw, pieces, whole};
use crate::limits;

/// Reads gzip in every cut: the same bytes and the same proof; where that is clean, flate2 reads the same.
pub fn gzip(data: &[u8]) {
    let (bytes, content) = stream(data);
    let bytes = Bytes::from(bytes);
    let (given, proofs) = read(whole(&bytes));
    for (cut, source) in pieces(&bytes) {
        let (again, other) = read(source);
        assert_eq!(proofs, other, "{cut}");
        assert!(given == again, "{cut}: {} and {} bytes differ", given.len(), again.len());
    }
    let [proof] = proofs.as_slice() else { panic!("{} proofs of one layer", proofs.len()) };
    assert!(proof.input_bytes <= bytes.len() as u64);
    assert_eq!(proof.output_bytes, given.len() as u64);
    if let Some(content) = content {
        assert_eq!(proof.integrity, Integrity::Verified, "{:?}", proof.findings);
        assert!(given == content, "another content came out than was put in");
    }
    let clean = proof.findings.iter().all(|finding| finding.code == &code::GZIP_MEMBERS);
    if proof.integrity == Integrity::Verified && clean {
        let mut theirs = Vec::new();
        flate2::bufread::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut theirs).expect("flate2 reads it");
        assert!(given == theirs, "flate2 gives {} bytes, not {}", theirs.len(), given.len());
    }
}

fn read(source: Box<dyn Source>) -> (Vec<u8>, Vec<Proof>) {
    let layer = layer::open(Box::new(Raw::new(source)), Depth::default(), &limits());
    drain(layer)
}

/// Everything a layer gives, and what it proved.
pub(crate) fn drain(mut layer: Box<dyn Layer>) -> (Vec<u8>, Vec<Proof>) {
    let mut given = Vec::new();
    while let Some(chunk) = layer.take(usize::MAX).expect("memory can be read") {
        assert!(!chunk.bytes.is_empty() && chunk.offset == given.len() as u64);
        given.extend_from_slice(&chunk.bytes);
    }
    (given, layer.close().expect("memory can be read"))
}

/// The stream the input stands for, by its last byte, and its content where that is known: the input itself; compressed
/// data between a header and a trailer that holds; or members around the input.
fn stream(data: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let Some((mode, data)) = data.split_last().filter(|(mode, _)| **mode & 3 >= 2) else {
        return (data.to_vec(), None);
    };
    let mut draw = Draw::from(data);
    if *mode & 3 == 2 {
        let mut content = Vec::new();
        let mut inflate = flate2::bufread::DeflateDecoder::new(data);
        let ended = inflate.by_ref().take(1 << 20).read_to_end(&mut content).is_ok();
        let used = usize::try_from(inflate.total_in()).expect("a slice");
        let mut crc = flate2::Crc::new();
        crc.update(&content);
        let head = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3];
        let (data, after) = data.split_at(if ended { used } else { data.len() });
        return ([&head, data, &crc.sum().to_le_bytes(), &crc.amount().to_le_bytes(), after].concat(), None);
    }
    let mut stream = Vec::new();
    let mut rest = data;
    loop {
        let (part, after) = rest.split_at(draw.below(rest.len() + 1));
        let level = flate2::Compression::new(u32::from(*mode >> 5));
        let name = if *mode & 4 == 0 { "" } else { "name" };
        let mut builder = flate2::GzBuilder::new();
        if !name.is_empty() {
            builder = builder.filename(name).comment("a comment").extra(vec![7; 40]).mtime(1);
        }
        let mut encoder = builder.write(&mut stream, level);
        encoder.write_all(part).expect("memory can be written");
        encoder.finish().expect("memory can be written");
        rest = after;
        if rest.is_empty() {
            return (stream, Some(data.to_vec()));
        }
        if draw.below(8) == 0 {
            // What is left makes the last member.
            let mut encoder = flate2::write::GzEncoder::new(&mut stream, level);
            encoder.write_all(rest).expect("memory can be written");
            encoder.finish().expect("memory can be written");
            return (stream, Some(data.to_vec()));
        }
    }
}
