//! End to end: an archive in memory, from bytes to verdict, through every wrapper that is read.
//!
//! The data comes out of a seeded generator, half of it text and half noise, so that compression has something to do.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot make its data has nothing to measure")]

#[path = "data/archive.rs"]
mod archive;

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;

use archive::Seed;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sequoia_openpgp as pgp;
use sha2::{Digest as _, Sha256};
use veritar::digest::{Hashes, hex};
use veritar::limits::Limits;
use veritar::rule::{Choice, catalog, parse};
use veritar::secret::{Known, Secret};
use veritar::source::MemorySource;
use veritar::verify::{Archive, Options, Progress, Reading, Severities, verify};

const PASSPHRASE: &str = "benchmark";

/// Recognised, and looked into by no probe.
fn path(index: usize) -> String {
    format!("dtr-backup-v2.9.4-online/other/{index}")
}

fn tar_of(members: usize, member_bytes: usize) -> Vec<u8> {
    archive::write(Vec::new(), std::iter::repeat_n(member_bytes, members), path).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn encrypt(bytes: &[u8]) -> pgp::Result<Vec<u8>> {
    use pgp::serialize::stream::{Encryptor, LiteralWriter, Message};
    let mut sealed = Vec::new();
    let message = Message::new(&mut sealed);
    let message = Encryptor::with_passwords(message, [PASSPHRASE]).build()?;
    let mut literal = LiteralWriter::new(message).build()?;
    literal.write_all(bytes)?;
    literal.finalize()?;
    Ok(sealed)
}

fn options(threads: usize) -> Options {
    Options {
        reading: Reading {
            threads,
            archive_hashes: Hashes::SHA256,
            progress: Arc::<Progress>::default(),
            ..Reading::default()
        },
        rules: catalog::all().to_vec(),
        choice: Choice::Auto,
        fail_on_warning: false,
        severities: Severities::default(),
        previous_bytes: None,
    }
}

/// How much larger the data are than those of a run that only checks that the benchmarks work.
fn scale() -> usize {
    let small = std::env::args().any(|argument| argument == "--test")
        || !std::env::args().any(|argument| argument == "--bench");
    if small { 1 } else { 64 }
}

fn whole(criterion: &mut Criterion) {
    let scale = scale();
    for (shape, tar) in [("large", tar_of(4 * scale, 256 << 10)), ("small", tar_of(800 * scale, 1 << 10))] {
        let mut group = criterion.benchmark_group(format!("verify/{shape}"));
        group.sample_size(10).throughput(Throughput::Bytes(tar.len() as u64));
        let forms = [("tar", tar.clone()), ("tar.gz", gzip(&tar)), ("tar.pgp", encrypt(&tar).unwrap())];
        for (form, bytes) in forms {
            let bytes = Bytes::from(bytes);
            for threads in [1, 2] {
                let options = options(threads);
                group.bench_with_input(BenchmarkId::new(form, threads), &bytes, |bencher, bytes| {
                    bencher.iter(|| {
                        let source = MemorySource::new(bytes.clone());
                        let mut secrets = Known {
                            passphrases: vec![Secret::new(PASSPHRASE.as_bytes().to_vec())],
                            ..Known::default()
                        };
                        let outcome = verify(Archive::from_source("bench", Box::new(source)), &options, &mut secrets);
                        black_box(outcome.map(|outcome| outcome.inventory.entries)).ok()
                    });
                });
            }
        }
        group.finish();
    }
}

/// A registry's storage: blobs under the names that their content has.
fn registry(blobs: usize, blob_bytes: usize) -> Vec<u8> {
    let mut seed = Seed(7);
    let mut builder = tar::Builder::new(Vec::new());
    for _ in 0..blobs {
        let content = seed.content(blob_bytes);
        let name = hex(&Sha256::digest(&content));
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        let path = format!("docker/registry/v2/blobs/sha256/{}/{name}/data", &name[..2]);
        builder.append_data(&mut header, path, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The same members looked at by their paths alone.
const UNPROBED: &str = r#"
schema = 1
id = "unprobed"
title = "blobs, and nothing of what is in them"
product = "registry"
[[entry]]
id = "blobs"
path = "**/blobs/sha256/*/*/data"
why = "an image without its blobs is none"
"#;

/// What looking inside the members costs: the same archive by a rule set with probes, and by one without.
fn probed(criterion: &mut Criterion) {
    let scale = scale();
    let plain = Arc::new(parse("unprobed.toml", UNPROBED, &Limits::default()).unwrap());
    let probing = Arc::clone(catalog::find("dtr-images").unwrap());
    let tar = Bytes::from(registry(4 * scale, 1 << 20));
    let mut group = criterion.benchmark_group("verify/registry");
    group.sample_size(10).throughput(Throughput::Bytes(tar.len() as u64));
    for (name, set) in [("by-paths", plain), ("probed", probing)] {
        for threads in [1, 2] {
            let options = Options { rules: vec![Arc::clone(&set)], choice: Choice::Named, ..options(threads) };
            group.bench_with_input(BenchmarkId::new(name, threads), &tar, |bencher, bytes| {
                bencher.iter(|| {
                    let archive = Archive::from_source("bench", Box::new(MemorySource::new(bytes.clone())));
                    let outcome = verify(archive, &options, &mut Known::default());
                    black_box(outcome.map(|outcome| outcome.inventory.entries)).ok()
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, whole, probed);
criterion_main!(benches);
