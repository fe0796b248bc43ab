//! The probe `archive`: what it tells of a member is what `verify` tells of the same bytes in a file.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::Command;

use veritar::finding::Severity;
use veritar::limits::Limits;
use veritar::probe::{self, Learned, Settings, Subject};
use veritar::rule::Choice;
use veritar::secret::Known;
use veritar::verify::{Archive, verify};

use super::{codes, learn};
use crate::build::products::{self, pack};
use crate::build::tarball::Tarball;
use crate::build::{gzip, mangled};
use crate::support::{corpus, options, program, whole};

const STORE: &[u8] = include_bytes!("../parts/auth-store.tar.gz");

fn set(settings: &[(&str, &[&str])]) -> Settings {
    let of = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    settings.iter().map(|(name, values)| ((*name).to_owned(), of(values))).collect()
}

fn open(content: &[u8]) -> Learned {
    learn("archive", "store/auth-store.tar.gz", content, &Settings::new(), None)
}

fn fact<'l>(learned: &'l Learned, name: &str) -> Option<&'l str> {
    learned.facts().iter().find(|(known, _)| *known == name).map(|(_, value)| &**value)
}

fn has_error(learned: &Learned) -> bool {
    learned.faults().iter().any(|fault| fault.severity.unwrap_or(fault.code.severity) == Severity::Error)
}

#[test]
fn it_tells_what_verify_tells_of_the_same_bytes() {
    let mut compared = 0;
    for folder in ["good", "odd", "bad", "kept"] {
        for entry in std::fs::read_dir(corpus().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "expect") || bytes.len() > 1 << 20 {
                continue;
            }
            let mut options = options(1);
            options.rules = Vec::new();
            options.choice = Choice::Named;
            let outcome =
                verify(Archive::from_source("inside", whole(&bytes)), &options, &mut Known::default()).unwrap();
            // What a rule, the links between members and their names tell is not looked for inside.
            let of_form = |id: &str| !["rule", "rules", "entry"].contains(&id.split('/').next().unwrap());
            let expected: BTreeSet<(&str, Severity)> = outcome
                .findings
                .iter()
                .map(|finding| (finding.code.id, finding.severity))
                .filter(|(id, _)| of_form(id) && *id != "limit/findings")
                .collect();
            let learned = open(&bytes);
            let found: BTreeSet<(&str, Severity)> = learned
                .faults()
                .iter()
                .map(|fault| (fault.code.id, fault.severity.unwrap_or(fault.code.severity)))
                .filter(|(id, _)| *id != "limit/findings")
                .collect();
            // Limits of the whole archive, such as paths remembered, are the graph's.
            assert_eq!(found, expected, "{}", path.display());
            if outcome.totals.is_some() {
                assert_eq!(fact(&learned, "entries"), Some(&*outcome.inventory.entries.to_string()), "{path:?}");
                assert_eq!(fact(&learned, "bytes"), Some(&*outcome.inventory.content_bytes.to_string()), "{path:?}");
                let layers: Vec<&str> = outcome.layers.iter().map(|layer| layer.format).collect();
                assert_eq!(fact(&learned, "layers"), Some(&*layers.join(", ")), "{path:?}");
            } else {
                assert_eq!(learned.facts(), [], "{path:?}");
            }
            compared += 1;
        }
    }
    assert!(compared > 90, "only {compared} archives compared");
}

#[test]
fn a_good_archive_inside_is_counted_as_tar_counts_it() {
    let learned = open(STORE);
    assert_eq!(codes(&learned), [""; 0]);
    assert_eq!(fact(&learned, "layers"), Some("gzip, tar"));
    if !program("a_good_archive_inside_is_counted_as_tar_counts_it", "tar") {
        return;
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/parts/auth-store.tar.gz");
    let listed = Command::new("tar").args(["--list", "--file", file]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(fact(&learned, "entries"), Some(&*listed.lines().count().to_string()));
    let paths: Vec<&str> = listed.lines().collect();
    assert!(!paths.is_empty());
    let wanted = set(&[("required", &paths), ("entries", &[&paths.len().to_string()])]);
    assert_eq!(codes(&learn("archive", "x", STORE, &wanted, None)), [""; 0]);
}

/// What the library of the tests makes of it.
fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).ok().map(|_| out)
}

#[test]
fn every_cut_and_every_bit_behind_the_header_is_found() {
    for length in 0..STORE.len() {
        let learned = open(&STORE[..length]);
        assert!(has_error(&learned), "cut to {length}: {:?}", learned.faults());
    }
    // The first ten bytes hold the time and the system, which nothing checks.
    let mut same = 0;
    for at in 10..STORE.len() {
        let mut hit = STORE.to_vec();
        hit[at] ^= 1 << (at % 8);
        let learned = open(&hit);
        if gunzip(&hit).is_some_and(|tar| Some(tar) == gunzip(STORE)) {
            // Another way to write the very same bytes: a run of zeros copied from further back.
            same += 1;
            continue;
        }
        assert!(has_error(&learned), "byte {at}: {:?}", learned.faults());
        let first = &learned.faults()[0];
        assert!(first.message.starts_with("in the archive inside, "), "{}", first.message);
    }
    assert!(same < 5, "{same} bits mean nothing");
    let mut hit = STORE.to_vec();
    let last = hit.len() - 6;
    hit[last] ^= 1;
    let learned = open(&hit);
    assert_eq!(codes(&learned), ["gzip/checksum"]);
    assert!(learned.faults()[0].message.contains("gzip: "), "{:?}", learned.faults());
    assert!(learned.faults()[0].offset.is_some(), "the member's own bytes are counted");
}

#[test]
fn damage_deeper_inside_names_its_layer_and_its_member() {
    let tar = Tarball::default().file("users.json", &[b'x'; 900]).0;
    let learned = open(&gzip(&tar[..800]));
    let fault = &learned.faults()[0];
    assert_eq!((fault.code.id, fault.offset), ("tar/truncated", None));
    assert!(fault.message.contains("member users.json: "), "{}", fault.message);
    assert!(fault.message.ends_with("of the tar data)"), "{}", fault.message);
    // What cannot be known is not said to be missing.
    let wanted = set(&[("entries", &["9"]), ("required", &["teams.json"])]);
    let learned = learn("archive", "x", &gzip(&tar[..800]), &wanted, None);
    assert!(!codes(&learned).contains(&"nested/incomplete"), "{:?}", learned.faults());
}

#[test]
fn an_archive_without_members_or_with_too_few() {
    assert_eq!(codes(&open(&gzip(&Tarball::default().end()))), ["tar/no-members"]);
    assert_eq!(codes(&open(b"")), ["source/empty"]);
    assert!(codes(&open(b"<html><body>502 Bad Gateway</body></html>")).contains(&"mangled/error-page"));
    let tar = Tarball::default().directory("./db/").file("./db/users", b"u").end();
    let wanted = set(&[("entries", &["3"]), ("required", &["db/users", "/db/teams", "users"])]);
    let learned = learn("archive", "x", &tar, &wanted, None);
    let told: Vec<&str> = learned.faults().iter().map(|fault| &*fault.message).collect();
    assert_eq!(
        told,
        [
            "the archive inside holds 2 entries, at least 3 expected",
            "the archive inside does not hold db/teams",
            "the archive inside does not hold users"
        ]
    );
    assert!(codes(&learned).iter().all(|code| *code == "nested/incomplete"));
    // What stands behind the first end marker is not there for who restores it.
    let twice = [&Tarball::default().file("a", b"").end()[..], &Tarball::default().file("b", b"").end()].concat();
    let learned = learn("archive", "x", &twice, &set(&[("required", &["b"])]), None);
    assert!(codes(&learned).contains(&"nested/incomplete") && fact(&learned, "entries") == Some("1"));
}

#[test]
fn what_is_encrypted_stays_closed() {
    let learned = open(&std::fs::read(corpus().join("kept/ucp-mke-3.4.5.tar.gpg")).unwrap());
    assert_eq!(codes(&learned), ["openpgp/passphrase-missing"]);
    assert_eq!(learned.facts(), []);
}

/// A probe as the lab holds it.
fn start(limits: &Limits, settings: &Settings, size: u64) -> Box<dyn probe::Probe> {
    (probe::find("archive").unwrap().start)(&Subject { path: b"x", size, settings, limits, at: None })
}

#[test]
fn who_drops_it_is_not_held_up() {
    let big = gzip(&Tarball::default().file("big", &mangled::random(9 << 20, 3)).end());
    let (limits, settings) = (Limits::default(), Settings::new());
    for fed in [0, 1, 300_000, big.len()] {
        let mut probe = start(&limits, &settings, big.len() as u64);
        probe.feed(&big[..fed]);
        drop(probe);
    }
    // A reader that gives up early does not stop who feeds it.
    let mut tight = Limits::default();
    tight.set("output-bytes", 1000).unwrap();
    let mut probe = start(&tight, &settings, big.len() as u64);
    big.chunks(7_777).for_each(|piece| probe.feed(piece));
    assert!(codes(&probe.finish()).contains(&"limit/reached"));
    let mut none = Limits::default();
    none.set("nested-archives", 0).unwrap();
    let mut probe = start(&none, &settings, big.len() as u64);
    big.chunks(7_777).for_each(|piece| probe.feed(piece));
    assert_eq!(codes(&probe.finish()), ["limit/reached"]);
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let check = probe::find("archive").unwrap().check;
    assert_eq!(check(&set(&[("entries", &["27"]), ("required", &["./a", "b/c"])])), Ok(()));
    for wrong in [set(&[("entries", &["many"])]), set(&[("entries", &["1", "2"])]), set(&[("required", &["./"])])] {
        assert!(check(&wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn what_the_products_write_is_good_inside() {
    let learned = open(&pack(&products::mke()));
    assert!(!has_error(&learned), "{:?}", learned.faults());
    assert_eq!(fact(&learned, "entries"), Some("27"));
}
