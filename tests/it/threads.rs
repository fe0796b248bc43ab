//! Work inside one layer that several threads share: held against the same work on one thread.

use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Crc;
use veritar::code;
use veritar::digest::{Hashes, watch};
use veritar::entry::Entry;
use veritar::envelope::{Integrity, Proof, Trust, Unwrapped, open};
use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::source::{Chunk, MemorySource, Source};
use veritar::walk::{Sink, Want, Way, drive};

use crate::build::sealed::{Form, Sealed, literal};
use crate::build::tarball::Tarball;
use crate::support::{corpora, corpus, pieces, program, secrets, whole};

/// What comes out of all wrappers, and what they proved.
fn unwrap(source: Box<dyn Source>, threads: usize, limits: &Limits) -> (Vec<u8>, Vec<Proof>) {
    match open(source, limits, &Trust::default(), &mut secrets(), threads).unwrap() {
        Unwrapped::Closed(proofs) => (Vec::new(), proofs),
        Unwrapped::Open(mut stack) => {
            let mut given = Vec::new();
            while let Some(chunk) = stack.layer.take(usize::MAX).unwrap() {
                given.extend_from_slice(&chunk.bytes);
            }
            (given, stack.layer.close().unwrap())
        }
    }
}

/// What one thread makes of it; several must make the same of it, in memory and from a pipe.
fn twins(case: &str, bytes: &[u8], limits: &Limits) -> (Vec<u8>, Vec<Proof>) {
    let expected = unwrap(whole(bytes), 1, limits);
    for (threads, source) in
        [(2, whole(bytes)), (3, pieces(bytes, &[100_000])), (3, whole(bytes)), (9, pieces(bytes, &[70_001, 4096]))]
    {
        let again = unwrap(source, threads, limits);
        assert_eq!(again.1, expected.1, "{case} on {threads} threads");
        assert!(again.0 == expected.0, "{case}: other bytes on {threads} threads");
    }
    expected
}

fn number(mut value: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    while value > 0x7F {
        octets.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    octets.push(value as u8);
    octets
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum().to_le_bytes()
}

/// What a block's header says of its sizes, in the stead of the truth.
#[derive(Clone, Copy, Default)]
struct Says {
    stored: Option<u64>,
    given: Option<u64>,
    dictionary: u8,
}

/// An xz stream of these blocks, in chunks that are not compressed, with CRC-32 as the check.
fn stream(blocks: &[(&[u8], Says)]) -> Vec<u8> {
    let flags = [0, 1];
    let mut bytes = [b"\xFD7zXZ\0", &flags[..], &crc(&flags)].concat();
    let mut index = [vec![0], number(blocks.len() as u64)].concat();
    for (content, says) in blocks {
        let mut data = Vec::new();
        for (at, chunk) in content.chunks(1 << 16).enumerate() {
            data.push(if at == 0 { 1 } else { 2 });
            data.extend_from_slice(&u16::try_from(chunk.len() - 1).unwrap().to_be_bytes());
            data.extend_from_slice(chunk);
        }
        data.push(0);
        let sizes =
            [number(says.stored.unwrap_or(data.len() as u64)), number(says.given.unwrap_or(content.len() as u64))];
        let mut header = [&[0, 0xC0][..], &sizes.concat(), &[0x21, 1, says.dictionary]].concat();
        header.resize(header.len().next_multiple_of(4), 0);
        header[0] = u8::try_from(header.len() / 4).unwrap();
        header.extend_from_slice(&crc(&header));
        let unpadded = header.len() + data.len() + 4;
        data.resize(data.len().next_multiple_of(4), 0);
        bytes.extend([header, data, crc(content).to_vec()].concat());
        index.extend([number(unpadded as u64), number(content.len() as u64)].concat());
    }
    index.resize(index.len().next_multiple_of(4), 0);
    index.extend_from_slice(&crc(&index));
    let backward = u32::try_from(index.len() / 4 - 1).unwrap().to_le_bytes();
    let footer = [&backward[..], &flags].concat();
    [bytes, index, crc(&footer).to_vec(), footer, b"YZ".to_vec()].concat()
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(|_| next()).collect()
}

/// Blocks of 100,000 bytes, which end nowhere in particular, with a small one in between.
fn blocks(content: &[u8]) -> Vec<&[u8]> {
    let (first, rest) = content.split_at(250_000);
    let (small, rest) = rest.split_at(1_000);
    first.chunks(100_000).chain([small]).chain(rest.chunks(100_000)).collect()
}

/// A source that remembers how far it was looked into, and from how far before that.
struct Asked {
    inner: MemorySource,
    is_mapped: bool,
    furthest: Arc<AtomicU64>,
}

impl Source for Asked {
    fn position(&self) -> u64 {
        self.inner.position()
    }
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.furthest.fetch_max(wanted as u64, Ordering::Relaxed);
        let lent = self.inner.peek(wanted)?;
        Ok(lent.get(..wanted).unwrap_or(lent))
    }
    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.inner.take(at_most)
    }
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.inner.skip(count)
    }
    fn whole(&self) -> Option<bytes::Bytes> {
        if self.is_mapped { self.inner.whole() } else { None }
    }
}

/// How many bytes were looked at together, and what came of it.
fn asked(bytes: &[u8], threads: usize) -> (u64, Integrity) {
    let furthest = Arc::<AtomicU64>::default();
    let raw = Asked { inner: MemorySource::new(bytes.to_vec()), is_mapped: true, furthest: Arc::clone(&furthest) };
    let (_, proofs) = unwrap(Box::new(raw), threads, &Limits::default());
    (furthest.load(Ordering::Relaxed), proofs[0].integrity)
}

#[test]
fn blocks_of_xz_are_decoded_ahead_where_threads_allow() {
    let content = noise(1_000_000);
    let honest: Vec<_> = content.chunks(100_000).map(|block| (block, Says::default())).collect();
    let bytes = stream(&honest);
    for (threads, from, to) in [(1, 0, 64 << 10), (2, 200_000, 210_000), (4, 400_000, 420_000)] {
        let (furthest, integrity) = asked(&bytes, threads);
        assert!((from..=to).contains(&furthest), "{furthest} on {threads} threads");
        assert_eq!(integrity, Integrity::Verified);
    }
    // Those that say to need more than all of them may have are left to their turn.
    let mut large = honest.clone();
    large[1..].iter_mut().for_each(|(_, says)| says.given = Some(65 << 20));
    let (furthest, integrity) = asked(&stream(&large), 4);
    assert!(furthest < 110_000 && integrity == Integrity::Failed, "{furthest}, {integrity:?}");
}

#[test]
fn damage_in_any_block_of_xz_is_told_as_by_one_thread() {
    let limits = Limits::default();
    let content = noise(450_000);
    let honest: Vec<_> = blocks(&content).into_iter().map(|block| (block, Says::default())).collect();
    let good = stream(&honest);
    let (given, proofs) = twins("good", &good, &limits);
    assert!(given == content && proofs[0].integrity == Integrity::Verified, "{proofs:?}");
    // Each byte of headers, checks and padding, of the index and the footer; some of the data.
    let mut begins = vec![12];
    begins.extend(good.windows(6).enumerate().filter(|(_, bytes)| bytes[0] <= 5 && bytes[1] == 0xC0).map(|(at, _)| at));
    assert!(begins.len() > honest.len());
    let near = |at: usize| at + 200 > good.len() || begins.iter().any(|begin| (begin - 12..begin + 28).contains(&at));
    let (mut failed, mut said) = (0, String::new());
    for at in (6..good.len()).filter(|at| near(*at) && at % 3 == 0 || at % 20_011 == 0) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << (at % 8);
        let (_, proofs) = twins(&format!("flipped at {at}"), &bytes, &limits);
        failed += usize::from(proofs[0].integrity == Integrity::Failed);
        write!(said, "{:?}", proofs[0].findings).unwrap();
    }
    assert!(failed > 100, "{failed}");
    for expected in ["cannot be decoded", "stored behind them", "is not zero", "block header", "index", "footer"] {
        assert!(said.contains(expected), "{expected}");
    }
    for end in (12..good.len()).filter(|at| near(*at) && at % 5 == 0 || at % 30_011 == 0) {
        let (_, proofs) = twins(&format!("cut at {end}"), &good[..end], &limits);
        assert_eq!(proofs[0].findings[0].code, &code::COMPRESSED_TRUNCATED, "cut at {end}");
    }
}

#[test]
fn sizes_that_a_block_of_xz_does_not_have_are_told_as_by_one_thread() {
    let limits = Limits::default();
    let content = noise(450_000);
    let honest: Vec<_> = blocks(&content).into_iter().map(|block| (block, Says::default())).collect();
    let mut found = String::new();
    for index in 0..honest.len() {
        let (length, data) = (honest[index].0.len() as u64, honest[index].0.len() as u64 + 7);
        for says in [
            Says { given: Some(length - 1), ..Says::default() },
            Says { given: Some(64 << 10), ..Says::default() },
            Says { given: Some(length + 1), ..Says::default() },
            Says { given: Some(length + (256 << 10)), ..Says::default() },
            Says { given: Some(63 << 20), ..Says::default() },
            Says { given: Some(1 << 60), ..Says::default() },
            Says { stored: Some(data - 1), ..Says::default() },
            Says { stored: Some(data - 50_000.min(data - 1)), ..Says::default() },
            Says { stored: Some(data + 4), ..Says::default() },
            Says { stored: Some(data + 150_000), ..Says::default() },
            Says { stored: Some(1 << 60), ..Says::default() },
            Says { dictionary: 30, ..Says::default() },
            Says { dictionary: 40, ..Says::default() },
        ] {
            let mut blocks = honest.clone();
            blocks[index].1 = says;
            let case = format!("block {index} says {:?} {:?} {}", says.stored, says.given, says.dictionary);
            let (_, proofs) = twins(&case, &stream(&blocks), &limits);
            write!(found, "{:?}", proofs[0].findings).unwrap();
        }
    }
    for expected in ["its header says", "cannot be decoded", "a decoder window of"] {
        assert!(found.contains(expected), "{expected}: {found}");
    }
}

#[test]
fn limits_are_met_inside_blocks_of_xz_where_one_thread_meets_them() {
    let zeros = vec![0; 900_000];
    let honest: Vec<_> = zeros.chunks(100_000).map(|block| (block, Says::default())).collect();
    let stored = stream(&honest);
    for bytes in [1, 99_999, 300_001, 512 << 10, 899_999, 900_000] {
        let mut limits = Limits::default();
        limits.output_bytes = bytes;
        let (_, proofs) = twins(&format!("at most {bytes}"), &stored, &limits);
        assert_eq!(proofs[0].findings.is_empty(), bytes == 900_000, "at most {bytes}: {:?}", proofs[0].findings);
    }
    let test = "limits_are_met_inside_blocks_of_xz_where_one_thread_meets_them";
    if program(test, "xz") {
        let mut limits = Limits::default();
        limits.ratio_after_bytes = 1 << 20;
        let packed = xz(&["-1", "-T2", "--block-size=3000000"], &vec![0; 40 << 20]);
        let (given, proofs) = twins("a bomb", &packed, &limits);
        assert_eq!(proofs[0].findings[0].code, &code::LIMIT_REACHED, "{proofs:?}");
        assert!(given.len() < 32 << 20);
    }
}

fn xz(arguments: &[&str], content: &[u8]) -> Vec<u8> {
    let mut child =
        Command::new("xz").arg("-c").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, content) = (child.stdin.take().unwrap(), content.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&content).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn what_xz_writes_on_threads_is_read_on_threads() {
    if !program("what_xz_writes_on_threads_is_read_on_threads", "xz") {
        return;
    }
    let limits = Limits::default();
    let text: String = (0..12_000).map(|line| format!("line {} of {line}\n", line % 977)).collect();
    let mut content = text.into_bytes();
    content.extend(noise(150_000));
    content.extend(vec![0; 400_000]);
    for arguments in [
        &["-T2", "--block-size=65536"][..],
        &["-T2", "--block-size=262144", "-9", "-Csha256"],
        &["-T2", "--block-size=300001", "-0", "-Ccrc32"],
        &["-T2", "--block-size=500000", "-Cnone"],
        &["-T2", "--block-size=100000", "--x86", "--delta=dist=4", "--lzma2=preset=1"],
        &["-T2", "--block-list=1000,200000,70000,0"],
    ] {
        let packed = xz(arguments, &content);
        let (given, proofs) = twins(&format!("{arguments:?}"), &packed, &limits);
        let [proof] = &proofs[..] else { panic!("{arguments:?}: {proofs:?}") };
        assert!(given == content && proof.input_bytes == packed.len() as u64, "{arguments:?}");
        let bare = arguments.contains(&"-Cnone");
        assert_eq!(proof.integrity, if bare { Integrity::Absent } else { Integrity::Verified }, "{arguments:?}");
        for at in (40..packed.len()).step_by(packed.len() / 12) {
            let mut bytes = packed.clone();
            bytes[at] ^= 0x10;
            twins(&format!("{arguments:?} flipped at {at}"), &bytes, &limits);
            twins(&format!("{arguments:?} cut at {at}"), &packed[..at], &limits);
        }
        // Two files in one, and something behind.
        twins("twice", &[&packed[..], &[0; 8], &packed, b"level=info\n"].concat(), &limits);
    }
}

#[test]
fn the_files_of_xz_are_the_same_on_threads() {
    let mut folders = vec![corpus().join("odd"), corpus().join("bad"), corpus().join("kept")];
    folders.extend(corpora("the_files_of_xz_are_the_same_on_threads").map(|corpora| corpora.join("xz")));
    let mut count = 0;
    for path in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path())
    {
        if path.extension().is_some_and(|extension| extension == "xz") {
            twins(&path.display().to_string(), &std::fs::read(&path).unwrap(), &Limits::default());
            count += 1;
        }
    }
    assert!(count >= 5, "{count}");
}

/// A message in chunks of so many bytes, and how long everything before the first chunk is.
fn sealed(form: Form, mode: u8, exponent: u8, content: &[u8]) -> (Vec<u8>, usize) {
    let passphrase = crate::build::passphrase();
    let message = Sealed { passphrase: &passphrase, form, mode, cipher: 9, exponent }.of(&literal(content));
    // Chunks and tags are what stands at the end.
    let (clear, chunk) = (literal(content).len(), 64 << exponent);
    let before = message.len() - clear - 16 * (clear.div_ceil(chunk) + 1);
    (message, before)
}

#[test]
fn sealed_chunks_are_opened_on_threads_as_on_one() {
    let limits = Limits::default();
    for (form, mode) in [(Form::Seipd2, 1), (Form::Seipd2, 3), (Form::Packet20, 2)] {
        // One after the other below 4 KiB; in batches of 64 and 96; where two are more than a thread's share.
        for (exponent, size) in [(5, 100_000), (6, 999_000), (8, 1_000_000), (12, 1_500_000), (13, 512 << 10)] {
            let content = noise(size);
            let case = format!("{form:?}, mode {mode}, {size} bytes in chunks of {}", 64 << exponent);
            let (message, _) = sealed(form, mode, exponent, &content);
            let (given, proofs) = twins(&case, &message, &limits);
            assert!(given == content && proofs[0].integrity == Integrity::Verified, "{case}: {proofs:?}");
        }
    }
}

#[test]
fn damage_in_any_sealed_chunk_is_told_as_by_one_thread() {
    let limits = Limits::default();
    let content = noise(600_000);
    for (form, mode, exponent) in [(Form::Seipd2, 2, 6), (Form::Packet20, 2, 8)] {
        let (message, before) = sealed(form, mode, exponent, &content);
        let sealed = (64 << exponent) + 16;
        let chunks = (message.len() - before) / sealed;
        assert!(chunks > 30, "{chunks}");
        for chunk in 0..chunks {
            let case = format!("{form:?}, chunk {chunk} of {chunks}");
            let at = before + chunk * sealed;
            let mut flipped = message.clone();
            flipped[at + chunk * 7 % sealed] ^= 1;
            let (given, proofs) = twins(&case, &flipped, &limits);
            assert_eq!(proofs[0].integrity, Integrity::Failed, "{case}");
            // The header of the literal packet stands in the first one.
            let expected = (chunk * (64 << exponent)).min(content.len());
            assert!(given.len() <= expected && given.len() + 20 >= expected, "{case}: {} bytes given", given.len());
            assert!(given == content[..given.len()], "{case}: other bytes");
            let mut swapped = message.clone();
            let (this, next) = swapped[at..].split_at_mut(sealed);
            if let Some(next) = next.get_mut(..sealed) {
                this.swap_with_slice(next);
            }
            twins(&format!("{case} swapped"), &swapped, &limits);
            for end in [at, at + 15, at + 16, at + 33, at + sealed - 1] {
                let (_, proofs) =
                    twins(&format!("{case} cut at {end}"), &message[..end.min(message.len() - 1)], &limits);
                assert_eq!(proofs[0].integrity, Integrity::Failed, "{case} cut at {end}");
            }
            // Flipped and cut.
            twins(&format!("{case} both"), &flipped[..message.len() - 3_000], &limits);
        }
    }
}

/// Counts how often it is told that the reader goes on from page to page.
struct Told {
    inner: MemorySource,
    times: Arc<AtomicU64>,
}

impl Source for Told {
    fn position(&self) -> u64 {
        self.inner.position()
    }
    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.inner.peek(wanted)
    }
    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.inner.take(at_most)
    }
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.inner.skip(count)
    }
    fn read_on(&mut self) {
        self.times.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes members as they come.
struct Wants(Want);

impl Sink for Wants {
    fn entry(&mut self, _entry: &Entry<'_>) -> Want {
        self.0
    }
    fn data(&mut self, _chunk: &Chunk) {}
    fn end(&mut self, _whole: bool) {}
}

#[test]
fn pages_are_asked_for_ahead_where_members_are_small_and_only_passed_over() {
    let bytes = |member: usize| {
        let content = vec![b'x'; member];
        (0..(8 << 20) / member).fold(Tarball::default(), |tar, _| tar.file("name", &content)).end()
    };
    let (small, large) = (bytes(1000), bytes(100_000));
    for (bytes, hashes, want, threads, is_told) in [
        (&small, Hashes::NONE, Want::Skip, 2, true),
        (&small, Hashes::NONE, Want::Skip, 1, false),
        (&small, Hashes::NONE, Want::Stream, 2, false),
        (&small, Hashes::SHA256, Want::Skip, 2, false),
        (&large, Hashes::NONE, Want::Skip, 2, false),
    ] {
        let times = Arc::<AtomicU64>::default();
        let told = Told { inner: MemorySource::new(bytes.clone()), times: Arc::clone(&times) };
        let (mut source, _) = watch(Box::new(told), hashes, threads);
        let way = Way { limits: &Limits::default(), depth: Depth::default(), salvage: false };
        let walked = drive(&mut *source, way, &mut Wants(want)).unwrap();
        assert_eq!(walked.accounts.total_bytes(), bytes.len() as u64);
        let times = times.load(Ordering::Relaxed);
        assert_eq!(times > 4, is_told, "{hashes:?} {want:?} {threads}: {times}");
        assert!(is_told || times == 0);
    }
}
