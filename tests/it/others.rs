//! Archives that others wrote, held against what other readers make of them.
//!
//! Where GNU tar, bsdtar and Python's tarfile list the same members and none of them complains, so must veritar. Where they
//! differ, the archive is ambiguous or damaged, and veritar must say something.

use std::collections::BTreeMap;

use serde::Deserialize;
use veritar::digest::Hashes;
use veritar::entry::Entry;
use veritar::finding::Severity;
use veritar::source::{Chunk, Source};
use veritar::verify::{Archive, Journey, Opened, Reading, Road};
use veritar::walk::{Sink, Want};

use crate::support::{corpora, pieces, secrets, whole};

#[derive(Deserialize)]
struct ReadingByOther {
    exit: Option<i32>,
    error: Option<String>,
    names: Vec<String>,
}

/// Archives on which veritar differs from what the others agree on, each with its reason; an unexpected agreement fails.
const DIFFERENT: &[(&str, &str)] = &[];

#[derive(Default)]
struct Names(Vec<Vec<u8>>);

impl Sink for Names {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        // What follows the end marker is read too, and told apart: others do not see it.
        if entry.archive == 0 {
            self.0.push(entry.path.to_vec());
        }
        Want::Stream
    }

    fn data(&mut self, _chunk: &Chunk) {}

    fn end(&mut self, _whole: bool) {}
}

fn read(source: Box<dyn Source>) -> (Vec<Vec<u8>>, Journey) {
    let reading = Reading { threads: 1, hashes: Hashes::NONE, archive_hashes: Hashes::NONE, ..Reading::default() };
    let mut names = Names::default();
    let archive = Archive::from_source("archive", source);
    let journey = match Road::open(archive, &reading, &mut secrets()).unwrap() {
        Opened::Refused(journey) => journey,
        Opened::Ready(road) => road.walk(&mut names).unwrap(),
    };
    (names.0, journey)
}

/// A name in the form all three programs can be brought to: no slash at the end; `None` where one of them changed it.
fn comparable(name: &str) -> Option<String> {
    let plain = name.is_ascii() && !name.contains('\\') && !name.contains('…');
    plain.then(|| name.trim_end_matches('/').to_owned())
}

#[test]
fn members_are_those_that_others_agree_on() {
    let Some(corpora) = corpora("members_are_those_that_others_agree_on") else { return };
    let folder = corpora.join("tar");
    let text = std::fs::read_to_string(folder.join("readings.json")).unwrap();
    let readings: BTreeMap<String, BTreeMap<String, ReadingByOther>> = serde_json::from_str(&text).unwrap();
    let (mut agreed, mut differed) = (0, 0);
    let mut wrong = Vec::new();
    for (name, by_program) in &readings {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let (names, journey) = read(whole(&bytes));
        let ours: Vec<String> =
            names.iter().map(|name| String::from_utf8_lossy(name).trim_end_matches('/').to_owned()).collect();
        let theirs: Vec<Vec<Option<String>>> =
            by_program.values().map(|reading| reading.names.iter().map(|name| comparable(name)).collect()).collect();
        let clean = by_program.values().all(|reading| reading.error.is_none() && reading.exit.unwrap_or(0) == 0);
        let same = theirs.windows(2).all(|pair| {
            pair[0].len() == pair[1].len()
                && pair[0].iter().zip(&pair[1]).all(|(one, other)| one.is_none() || other.is_none() || one == other)
        });
        let said = journey.all_findings().any(|finding| finding.severity > Severity::Info);
        if same && clean {
            agreed += 1;
            let like_them = theirs.iter().all(|list| {
                list.len() == ours.len()
                    && list.iter().zip(&ours).all(|(theirs, ours)| theirs.as_ref().is_none_or(|theirs| theirs == ours))
            });
            let excused = DIFFERENT.iter().any(|(archive, _)| archive == name);
            if like_them == excused {
                wrong.push(format!("{name}: {ours:?}, others {theirs:?}"));
            }
        } else {
            differed += 1;
            if !said {
                wrong.push(format!("{name}: others differ and nothing is said"));
            }
        }
    }
    assert!(agreed > 50 && differed > 20, "{agreed} agreed, {differed} differed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_cut_changes_the_reading_of_what_others_wrote() {
    let Some(corpora) = corpora("no_cut_changes_the_reading_of_what_others_wrote") else { return };
    let mut archives = 0;
    for folder in ["cpython", "differentials", "go", "node-tar", "tar-rs"] {
        for entry in std::fs::read_dir(corpora.join("tar").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            archives += 1;
            let bytes = std::fs::read(&path).unwrap();
            let (names, journey) = read(whole(&bytes));
            for sizes in [&[1][..], &[511, 2, 513], &[4096]] {
                let (again, cut) = read(pieces(&bytes, sizes));
                assert_eq!(again, names, "{} in pieces of {sizes:?}", path.display());
                assert_eq!(cut.findings, journey.findings, "{} in pieces of {sizes:?}", path.display());
                assert_eq!(cut.layers, journey.layers, "{} in pieces of {sizes:?}", path.display());
            }
        }
    }
    assert!(archives > 100, "only {archives} archives");
}
