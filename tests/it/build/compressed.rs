//! Archives under zstd, xz, bzip2, lzip and compress: what the programs themselves wrote (`corpus/kept`), with something
//! done to it. No compressor is needed.

use flate2::Crc;

use super::gzip;

/// What the programs make of nothing: a stream, frame or member that is whole and empty.
const EMPTY_ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00";
const EMPTY_XZ: &[u8] =
    b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4\x46\x00\x00\x00\x00\x1c\xdf\x44\x21\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04YZ";
const EMPTY_BZIP2: &[u8] = b"BZh9\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00";
const EMPTY_LZIP: &[u8] = b"LZIP\x01\x0c\x00\x83\xff\xfb\xff\xff\xc0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x24\x00\x00\x00\x00\x00\x00\x00";

const LOG: &[u8] = b"INFO[0003] Operation completed\n";

/// The metadata archive as a program compressed it.
pub fn kept(suffix: &str) -> Vec<u8> {
    std::fs::read(crate::support::corpus().join(format!("kept/dtr-2.9.4-metadata{suffix}"))).unwrap()
}

fn cut(bytes: &[u8]) -> Vec<u8> {
    bytes[..bytes.len() * 2 / 3].to_vec()
}

/// `bytes` with one of them changed; places below zero count from the end.
fn with(bytes: &[u8], at: isize, change: impl Fn(u8) -> u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let at = if at < 0 { bytes.len() - at.unsigned_abs() } else { at.unsigned_abs() };
    bytes[at] = change(bytes[at]);
    bytes
}

pub fn odd() -> Vec<(&'static str, Vec<u8>)> {
    let (zst, xz, lz) = (kept(".tar.zst"), kept(".tar.xz"), kept(".tar.lz"));
    let skippable = b"\x50\x2a\x4d\x18\x05\x00\x00\x00table";
    vec![
        ("odd/zstd-frames.tar.zst", [skippable, &zst[..], EMPTY_ZSTD].concat()),
        ("odd/zstd-padded.tar.zst", [&zst[..], &[0; 300]].concat()),
        ("odd/xz-streams.tar.xz", [&xz[..], &[0; 4], EMPTY_XZ, &[0; 8]].concat()),
        ("odd/bzip2-streams.tar.bz2", [&kept(".tar.bz2")[..], EMPTY_BZIP2].concat()),
        ("odd/lzip-members.tar.lz", [EMPTY_LZIP, &lz[..], &[0; 300]].concat()),
        ("odd/gzip-of-xz.tar.xz.gz", gzip(&xz)),
    ]
}

pub fn bad() -> Vec<(&'static str, Vec<u8>)> {
    let (zst, xz, bz2, lz, z) = (kept(".tar.zst"), kept(".tar.xz"), kept(".tar.bz2"), kept(".tar.lz"), kept(".tar.Z"));
    // Behind the stream header of 12 bytes, the block header says its own size.
    let xz_data = 12 + (isize::from(xz[12]) + 1) * 4;
    // Before the footer of 12 bytes stands the index, whose size it gives, and before that the check of the only block.
    let end = xz.len() - 12;
    let index = (usize::from(xz[end + 4]) + 1) * 4;
    let xz_check = (end - index - 1) as isize;
    vec![
        ("bad/zstd-truncated.tar.zst", cut(&zst)),
        // The header has 7 bytes, the type of the first block stands behind its lowest bit.
        ("bad/zstd-corrupt.tar.zst", with(&zst, 7, |byte| byte | 6)),
        ("bad/zstd-checksum.tar.zst", with(&zst, -1, |byte| byte ^ 1)),
        ("bad/zstd-length.tar.zst", with(&zst, 5, |byte| byte ^ 1)),
        ("bad/zstd-trailing.tar.zst", [&zst[..], LOG].concat()),
        ("bad/zstd-dictionary.tar.zst", [&zst[..4], &[zst[4] | 1, 7], &zst[5..]].concat()),
        ("bad/xz-truncated.tar.xz", cut(&xz)),
        ("bad/xz-corrupt.tar.xz", with(&xz, xz_data, |_| 3)),
        ("bad/xz-checksum.tar.xz", with(&xz, xz_check, |byte| byte ^ 1)),
        ("bad/xz-index.tar.xz", with(&xz, (end - 1) as isize, |byte| byte ^ 1)),
        ("bad/xz-three-zeros.tar.xz", [&xz[..], &[0; 3]].concat()),
        ("bad/xz-trailing.tar.xz", [&xz[..], LOG].concat()),
        ("bad/xz-unknown-check.tar.xz", unknown_check(xz)),
        ("bad/bzip2-truncated.tar.bz2", cut(&bz2)),
        // Behind `BZh9` and the magic of a block stands the block's CRC.
        ("bad/bzip2-checksum.tar.bz2", with(&bz2, 10, |byte| byte ^ 1)),
        ("bad/bzip2-trailing.tar.bz2", [&bz2[..], LOG].concat()),
        ("bad/lzip-truncated.tar.lz", cut(&lz)),
        ("bad/lzip-checksum.tar.lz", with(&lz, -20, |byte| byte ^ 1)),
        ("bad/lzip-length.tar.lz", with(&lz, -16, |byte| byte ^ 1)),
        ("bad/lzip-trailing.tar.lz", [&lz[..], LOG].concat()),
        ("bad/compress-truncated.tar.Z", cut(&z)),
        // The first code is a byte, the second may be 257 at most.
        ("bad/compress-corrupt.tar.Z", [&z[..3], &[b'a', 0xFF, 0xFF]].concat()),
        ("bad/compress-9-bits.tar.Z", with(&z, 2, |flags| flags & 0xE0 | 9)),
    ]
}

/// The stream with a check of kind 5, which does not exist and is as long as the one it has.
fn unknown_check(mut xz: Vec<u8>) -> Vec<u8> {
    let end = xz.len();
    (xz[7], xz[end - 3]) = (5, 5);
    for (crc_at, from, to) in [(8, 6, 8), (end - 12, end - 8, end - 2)] {
        let mut crc = Crc::new();
        crc.update(&xz[from..to]);
        xz[crc_at..crc_at + 4].copy_from_slice(&crc.sum().to_le_bytes());
    }
    xz
}
