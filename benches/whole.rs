//! End to end: an archive in memory, from bytes to verdict, through every wrapper that is read.
//!
//! The data comes out of a seeded generator, half of it text and half noise, so that compression has something to do.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot make its data has nothing to measure")]

use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sequoia_openpgp as pgp;
use veritar::digest::Hashes;
use veritar::rule::{Choice, catalog};
use veritar::secret::{Known, Secret};
use veritar::source::MemorySource;
use veritar::verify::{Archive, Options, Progress, Reading, Severities, verify};

const PASSPHRASE: &str = "benchmark";

/// xorshift64*: enough to make noise that no compressor finds anything in.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn content(&mut self, bytes: usize) -> Vec<u8> {
        let mut content = Vec::with_capacity(bytes + 16);
        while content.len() < bytes / 2 {
            let words = ["backup ", "cluster ", "manager ", "certificate ", "registry "];
            content.extend_from_slice(words[(self.next() % 5) as usize].as_bytes());
        }
        while content.len() < bytes {
            content.extend_from_slice(&self.next().to_le_bytes());
        }
        content.truncate(bytes);
        content
    }
}

fn archive(members: usize, member_bytes: usize) -> Vec<u8> {
    let mut noise = Noise(7);
    let mut builder = tar::Builder::new(Vec::new());
    for index in 0..members {
        let content = noise.content(member_bytes);
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        let path = format!("dtr-backup-v2.9.4-online/rethink/properties/{index}");
        builder.append_data(&mut header, path, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
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

fn whole(criterion: &mut Criterion) {
    // A run that only checks that the benchmarks work must not take long.
    let small = std::env::args().any(|argument| argument == "--test")
        || !std::env::args().any(|argument| argument == "--bench");
    let scale = if small { 1 } else { 64 };
    for (shape, tar) in [("large", archive(4 * scale, 256 << 10)), ("small", archive(800 * scale, 1 << 10))] {
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

criterion_group!(benches, whole);
criterion_main!(benches);
