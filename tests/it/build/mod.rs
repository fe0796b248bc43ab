//! Makes the archives of `corpus/` and of the tests: by the `tar` crate where they are well-formed, block by block where
//! they are not. Nothing here uses veritar's own code.

pub mod bbolt;
pub mod cases;
pub mod compressed;
pub mod damage;
pub mod depth;
pub mod graph;
pub mod mangled;
pub mod openpgp;
pub mod openpgp_cases;
pub mod products;
pub mod raft;
pub mod sealed;
pub mod tarball;

use std::io::Write;

/// gzip as most writers write it, without name and time, so that the same bytes come out each time.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The passphrase of every encrypted archive in the corpus.
pub fn passphrase() -> Vec<u8> {
    include_str!("../../../corpus/passphrase").trim_end().as_bytes().to_vec()
}

/// The unlock key of the autolocked Swarm in the corpus.
pub fn unlock_key() -> Vec<u8> {
    include_str!("../../../corpus/unlock-key").trim_end().as_bytes().to_vec()
}

/// base64 with padding, in one line.
pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
