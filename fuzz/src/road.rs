//! The whole road: bytes to verdict.

use std::sync::Arc;

use bytes::Bytes;
use veritar::digest::Hashes;
use veritar::envelope::Trust;
use veritar::error::Error;
use veritar::finding::Severity;
use veritar::report;
use veritar::rule::{Choice, catalog};
use veritar::source::Source;
use veritar::verify::{Archive, Options, Outcome, Progress, Reading, Severities, Verdict, verify};

use crate::cut::{pieces, whole};
use crate::{limits, secrets};

/// Verifies the input on one and on three threads, whole and in every cut: the same outcome each time, and one that can be
/// shown.
pub fn road(data: &[u8]) {
    let bytes = Bytes::copy_from_slice(data);
    let expected = outcome(whole(&bytes), 1);
    assert_eq!(expected.bytes, bytes.len() as u64, "bytes of the file");
    let is_clean = !expected.findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(expected.verdict == Verdict::Pass, is_clean);
    assert_eq!(expected, outcome(whole(&bytes), 3), "whole, 3 threads");
    for threads in [1, 3] {
        for (cut, source) in pieces(&bytes) {
            assert_eq!(expected, outcome(source, threads), "{cut}, {threads} threads");
        }
    }
    show(expected);
}

fn outcome(source: Box<dyn Source>, threads: usize) -> Outcome {
    let options = Options {
        reading: Reading {
            limits: limits(),
            // Further in: what nothing authenticates is read too.
            trust: Trust { allow_unauthenticated: true, ..Trust::default() },
            threads,
            hashes: Hashes::SHA256,
            archive_hashes: Hashes::SHA256,
            salvage: true,
            now: None,
            at: None,
            progress: Arc::<Progress>::default(),
        },
        rules: catalog::all().to_vec(),
        choice: Choice::Auto,
        fail_on_warning: false,
        severities: Severities::default(),
        previous_bytes: None,
    };
    match verify(Archive::from_source("input.tar", source), &options, &mut secrets()) {
        Ok(outcome) => outcome,
        Err(error @ (Error::Unaccounted { .. } | Error::Input { .. })) => panic!("{error}"),
        Err(error) => panic!("{error:?}"),
    }
}

/// Shows it in every way: nothing from the archive may reach a terminal or break a document.
fn show(outcome: Outcome) {
    let results = [report::Result::Looked(Box::new(outcome))];
    let mut text = Vec::new();
    report::text(&mut text, &results, true).expect("memory can be written");
    let text = String::from_utf8(text).expect("reports are text");
    // What styles the text itself; a terminal that knows no colours never sees it.
    let text = ["0", "1", "2", "31", "32", "33", "34", "36"]
        .iter()
        .fold(text, |text, style| text.replace(&format!("\u{1b}[{style}m"), ""));
    assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
    let document = serde_json::to_vec(&report::json::document(&results)).expect("a document can be written");
    serde_json::from_slice::<serde_json::Value>(&document).expect("a document can be read");
}
