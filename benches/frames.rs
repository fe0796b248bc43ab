//! The framing alone: how many members a second are found when nobody wants their content.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot make its data has nothing to measure")]

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use veritar::entry::Entry;
use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::source::{Chunk, MemorySource};
use veritar::walk::{Sink, Want, Way, drive};

struct Count(u64);

impl Sink for Count {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.0 += entry.path.len() as u64;
        Want::Skip
    }

    fn data(&mut self, _chunk: &Chunk) {}

    fn end(&mut self, _whole: bool) {}
}

fn archive(members: usize) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for index in 0..members {
        let mut header = tar::Header::new_gnu();
        header.set_size(1200);
        header.set_mode(0o600);
        builder.append_data(&mut header, format!("some/folder/{index}"), &[b'x'; 1200][..]).unwrap();
    }
    builder.into_inner().unwrap()
}

fn frames(criterion: &mut Criterion) {
    const MEMBERS: usize = 10_000;
    let bytes = Bytes::from(archive(MEMBERS));
    let mut group = criterion.benchmark_group("frames");
    group.throughput(Throughput::Elements(MEMBERS as u64));
    group.bench_function("hop", |bencher| {
        bencher.iter(|| {
            let mut source = MemorySource::new(bytes.clone());
            let mut count = Count(0);
            let walked = drive(
                &mut source,
                Way { limits: &Limits::default(), depth: Depth::default(), salvage: false },
                &mut count,
            );
            black_box((walked.map(|walked| walked.accounts.members).ok(), count.0))
        });
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
