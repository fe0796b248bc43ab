//! zstd, xz, bzip2, lzip and compress: arbitrary streams through the layers in every cut, bounded, and against other readers.

use std::io::Read as _;

use bytes::Bytes;
use veritar::envelope::{Format, Integrity, Layer, Proof, Raw, bzip2, compress, lzip, sniff, xz, zstd};
use veritar::place::Depth;
use veritar::source::Source;

use crate::cut::{pieces, whole};
use crate::limits;
use crate::wrapped::drain;

/// Bytes past which another reader's work says no more.
const OTHERS_BYTES: u64 = 4 << 20;

/// Reads one wrapper in every cut and on several threads: the same bytes and the same proof, and no more than was allowed;
/// what is verified and clean another reader reads alike.
pub fn wrappers(data: &[u8]) {
    let mut data = data.to_vec();
    let Some(format) = sniff(&data) else { return };
    if format == Format::Xz {
        mend_xz(&mut data);
    }
    let bytes = Bytes::from(data);
    let Some((given, proofs)) = read(format, whole(&bytes), 1) else { return };
    for (cut, source) in pieces(&bytes) {
        let (again, other) = read(format, source, 3).expect("the same format");
        assert_eq!(proofs, other, "{cut}");
        assert!(given == again, "{cut}: {} and {} bytes differ", given.len(), again.len());
    }
    let [proof] = proofs.as_slice() else { panic!("{} proofs of one layer", proofs.len()) };
    assert!(proof.input_bytes <= bytes.len() as u64);
    assert_eq!(proof.output_bytes, given.len() as u64);
    // A limit is looked at after each buffer.
    assert!(proof.output_bytes <= limits().output_bytes + (256 << 10));
    if proof.integrity == Integrity::Verified && proof.findings.is_empty() && proof.output_bytes < OTHERS_BYTES {
        if let Some(theirs) = others(format, &bytes) {
            assert!(given == theirs, "another reader gives {} bytes, not {}", theirs.len(), given.len());
        }
    }
}

fn read(format: Format, source: Box<dyn Source>, threads: usize) -> Option<(Vec<u8>, Vec<Proof>)> {
    let mut limits = limits();
    // A window of the default size for each of a thousand members costs seconds.
    limits.decoder_memory = 8 << 20;
    let raw: Box<dyn Layer> = Box::new(Raw::new(source));
    let layer = match format {
        Format::Zstd => zstd::open(raw, Depth::default(), &limits),
        Format::Xz => xz::open(raw, Depth::default(), &limits, threads),
        Format::Bzip2 => bzip2::open(raw, Depth::default(), &limits),
        Format::Lzip => lzip::open(raw, Depth::default(), &limits),
        Format::Compress => compress::open(raw, Depth::default(), &limits),
        _ => return None,
    };
    Some(drain(layer))
}

/// What a reader that shares nothing with the layer but, for some, the decoder beneath makes of the bytes.
fn others(format: Format, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut theirs = Vec::new();
    match format {
        Format::Zstd => {
            ruzstd::decoding::StreamingDecoder::new(bytes).ok()?.read_to_end(&mut theirs).expect("ruzstd reads it");
        }
        Format::Xz => {
            lzma_rust2::XzReader::new(bytes, true).read_to_end(&mut theirs).expect("lzma-rust2 reads it");
        }
        Format::Lzip => {
            let read = lzma_rust2::LzipReader::new(bytes).read_to_end(&mut theirs);
            // It knows no members of version 0.
            if read.as_ref().is_err_and(|error| error.to_string().contains("version")) {
                return None;
            }
            read.expect("lzma-rust2 reads it");
        }
        _ => return None,
    }
    Some(theirs)
}

/// Makes the CRC-32 of the stream header hold, and those of the first block headers as far as they can be found without
/// decoding: otherwise no changed header would ever be looked into.
fn mend_xz(data: &mut [u8]) {
    if let Some([_, _, _, _, _, _, f0, f1, crc @ ..]) = data.first_chunk_mut::<12>() {
        crc.copy_from_slice(&crc_of(&[*f0, *f1]));
    }
    let Some(rest) = data.get_mut(12..) else { return };
    let Some(size) = rest.first().map(|size| (usize::from(*size) + 1) * 4).filter(|size| *size > 4) else { return };
    if let Some((body, crc)) = rest.get_mut(..size).and_then(<[u8]>::split_last_chunk_mut::<4>) {
        crc.copy_from_slice(&crc_of(body));
    }
}

fn crc_of(bytes: &[u8]) -> [u8; 4] {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}
