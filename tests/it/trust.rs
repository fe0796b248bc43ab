//! What must never happen: a pass that was not earned, a verdict that gets lost, a report that tells what it must not.

use std::collections::BTreeSet;

use veritar::code;
use veritar::finding::Severity;
use veritar::limits::Limits;
use veritar::place::Depth;
use veritar::source::MemorySource;
use veritar::verify::{Archive, Outcome, Verdict, verify};
use veritar::walk::{Sink, Want, Way, drive};

use crate::build::tarball::{Header, Tarball, octal};
use crate::support::{corpus, options, secrets, verify_source, whole};

fn corpus_bytes(name: &str) -> Vec<u8> {
    std::fs::read(corpus().join(name)).unwrap()
}

/// Says so where an entry begins before the one before it is over.
#[derive(Default)]
struct Paired {
    open: bool,
    entries: u64,
}

impl Sink for Paired {
    fn entry(&mut self, _entry: &veritar::entry::Entry<'_>) -> Want {
        assert!(!self.open, "an entry begins inside another");
        self.open = true;
        self.entries += 1;
        Want::Stream
    }

    fn data(&mut self, _chunk: &veritar::source::Chunk) {
        assert!(self.open, "content of nothing");
    }

    fn end(&mut self, _whole: bool) {
        assert!(self.open, "the end of nothing");
        self.open = false;
    }
}

#[test]
fn every_entry_that_begins_ends_wherever_the_archive_is_cut() {
    for name in ["odd/sparse.tar", "bad/sparse-map-cut.tar", "odd/pax-long-name.tar", "bad/link-with-size.tar"] {
        let bytes = corpus_bytes(name);
        for cut in (0..=bytes.len()).step_by(64) {
            let mut source = MemorySource::new(bytes[..cut].to_vec());
            let mut sink = Paired::default();
            let walked = drive(
                &mut source,
                Way { limits: &Limits::default(), depth: Depth::default(), salvage: false },
                &mut sink,
            )
            .unwrap();
            assert!(!sink.open, "{name} cut at {cut}: an entry never ends");
            assert_eq!(walked.accounts.members, sink.entries);
            assert_eq!(walked.accounts.total_bytes(), cut as u64, "{name} cut at {cut}");
        }
    }
}

#[test]
fn no_limit_and_no_flood_of_warnings_turns_a_fail_into_a_pass() {
    for name in
        ["bad/tar-cut-in-header.tar", "bad/gzip-checksum.tar.gz", "bad/gpg-flipped-middle.tar.gpg", "bad/empty.tar"]
    {
        for most in [0, 1] {
            let mut options = options(2);
            options.reading.limits.set("findings-per-code", most).unwrap();
            let archive = Archive::from_source(name, whole(&corpus_bytes(name)));
            let outcome = verify(archive, &options, &mut secrets()).unwrap();
            assert_eq!(outcome.verdict, Verdict::Fail, "{name} with findings-per-code={most}");
        }
    }
    // 300 pax headers with an empty comment are warnings; one with an empty path is an error of the same code.
    let mut tar = Tarball::default();
    for index in 0..300 {
        let name = format!("dtr-backup-v2.9.4-online/rethink/properties/{index}");
        tar = tar.pax(&[("comment", "")]).file(&name, b"{}");
    }
    let bytes = tar.pax(&[("path", "")]).file("last", b"{}").end();
    let outcome = verify_source("flood", whole(&bytes), 2);
    let errors: Vec<_> = outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert!(errors.iter().any(|finding| finding.code == &code::TAR_PAX_DELETES), "{errors:?}");
    assert_eq!(outcome.verdict, Verdict::Fail);
}

/// The whole report without what is of the file itself: its name and digests.
fn told(outcome: Outcome) -> String {
    let results = [veritar::report::Result::Looked(Box::new(Outcome {
        source: String::new(),
        digests: veritar::digest::Digests::default(),
        ..outcome
    }))];
    let mut json = Vec::new();
    veritar::report::json::write(&mut json, &veritar::report::json::document(&results)).unwrap();
    let mut text = Vec::new();
    veritar::report::text(&mut text, &results, true).unwrap();
    String::from_utf8([json, text].concat()).unwrap()
}

#[test]
fn a_tampered_message_is_reported_alike_wherever_it_was_hit() {
    for name in ["kept/ucp-mke-3.4.5.tar.gpg", "good/ucp-mke-3.4.5.tar.gz.pgp"] {
        let bytes = corpus_bytes(name);
        // Behind the session key, the packet's header and the prefix, whose damage shows before anything is decrypted.
        let mut reports = BTreeSet::new();
        for step in 0..40 {
            let at = 160 + (bytes.len() - 200) * step / 40;
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (step % 8);
            let outcome = verify_source(name, whole(&changed), 1 + step % 2);
            assert_eq!(outcome.verdict, Verdict::Fail, "{name} hit at {at}");
            // A hit on the length of a partial chunk shows in the framing, which everybody can see.
            if outcome.findings.iter().any(|finding| finding.code == &code::OPENPGP_INTEGRITY) {
                reports.insert(told(outcome));
            }
        }
        assert_eq!(reports.len(), 1, "{name}: {reports:#?}");
    }
}

#[test]
fn a_limit_is_no_damage() {
    let mut reached = 0;
    for name in ["kept/swarm-20.10.24.tgz", "kept/ucp-mke-3.4.5.tar.gpg", "good/ucp-mke-3.4.5.tar.gz.pgp"] {
        for bytes in [2_000, 20_000, 50_000] {
            let mut options = options(2);
            options.reading.limits.set("output-bytes", bytes).unwrap();
            let archive = Archive::from_source(name, whole(&corpus_bytes(name)));
            let outcome = verify(archive, &options, &mut secrets()).unwrap();
            if outcome.findings.iter().any(|finding| finding.code == &code::LIMIT_REACHED) {
                reached += 1;
                assert_eq!(outcome.verdict, Verdict::Inconclusive, "{name} at {bytes}: {:?}", outcome.findings);
            }
        }
    }
    assert!(reached >= 7, "the limit was reached only {reached} times of 9");
}

#[test]
fn without_digests_the_content_is_read_all_the_same() {
    // On one thread, so that nothing but the walk decides what is taken.
    let mut options = options(1);
    options.reading.hashes = veritar::digest::Hashes::NONE;
    options.reading.archive_hashes = veritar::digest::Hashes::NONE;
    let bytes = corpus_bytes("good/ucp-mke-3.4.5.tar");
    let taken = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let source = Taking { inner: MemorySource::new(bytes), taken: std::sync::Arc::clone(&taken) };
    let outcome = verify(Archive::from_source("taking", Box::new(source)), &options, &mut secrets()).unwrap();
    assert_eq!(outcome.verdict, Verdict::Pass);
    assert_eq!(taken.load(std::sync::atomic::Ordering::Relaxed), outcome.totals.unwrap().payload_bytes);
}

/// Counts what is taken, as against skipped.
struct Taking {
    inner: MemorySource,
    taken: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl veritar::source::Source for Taking {
    fn position(&self) -> u64 {
        self.inner.position()
    }

    fn peek(&mut self, wanted: usize) -> std::io::Result<&[u8]> {
        self.inner.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> std::io::Result<Option<veritar::source::Chunk>> {
        let chunk = self.inner.take(at_most)?;
        let bytes = chunk.as_ref().map_or(0, |chunk| chunk.bytes.len() as u64);
        self.taken.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
        Ok(chunk)
    }

    fn skip(&mut self, count: u64) -> std::io::Result<u64> {
        self.inner.skip(count)
    }
}

#[test]
fn long_names_behind_a_waiting_digest_change_nothing() {
    // A small file first, whose digest waits in a batch that is not full, then thousands of empty files with long names.
    let mut tar = Tarball::default().file("first", b"x");
    let folder = "long/".repeat(3_000);
    for index in 0..2_000 {
        tar = tar.pax(&[("path", &format!("{folder}{index}"))]).header(&Header {
            name: b"short",
            size: octal(0),
            ..Header::default()
        });
    }
    let bytes = tar.end();
    let one = verify_source("names", whole(&bytes), 1);
    let two = verify_source("names", whole(&bytes), 2);
    assert_eq!(one, two);
    assert_eq!(one.inventory.entries, 2_001);
}
