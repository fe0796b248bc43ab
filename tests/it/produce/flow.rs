//! What the flow does for every product alike, tried with one that writes what it is given.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use veritar::produce::flow::{Backup, Failed, Order, back_up, preview};
use veritar::produce::seal::{Compression, Format, Seal};
use veritar::produce::{Made, Planned, Producer, Survey, Trouble, World};
use veritar::rule::{Choice, parse};
use veritar::verify::Verdict;

use super::seal::{by_certificates, somebody};
use super::stage::{NOW, troubles};
use super::stand_in::names;
use crate::build::tarball::Tarball;
use crate::support::{options, secrets};

const RULES: &str = "schema = 1\nid = \"mine\"\ntitle = \"mine\"\nproduct = \"product\"\n\
                     [[entry]]\nid = \"data\"\npath = \"data\"\nwhy = \"it is all there is\"\n";

/// A product that writes these bytes and ends well or badly.
struct Product {
    family: &'static str,
    bytes: Vec<u8>,
    expected_bytes: Option<u64>,
    is_good: bool,
}

impl Product {
    fn good(bytes: Vec<u8>) -> Self {
        Self { family: "product", bytes, expected_bytes: None, is_good: true }
    }

    fn bad() -> Self {
        Self { is_good: false, ..Self::good(b"half".to_vec()) }
    }
}

impl Producer for Product {
    fn word(&self) -> &'static str {
        "product"
    }

    fn survey(&mut self, _: &World) -> Result<Survey, Trouble> {
        let (family, expected_bytes) = (self.family.to_owned(), self.expected_bytes);
        Ok(Survey { name: "product".to_owned(), family, expected_bytes, ..Survey::default() })
    }

    fn plan(&self) -> Vec<Planned> {
        Vec::new()
    }

    fn produce(&mut self, _: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        out.write_all(&self.bytes).map_err(|error| Trouble::Refused(error.to_string()))?;
        if self.is_good { Ok(Made::default()) } else { Err(Trouble::Refused("the product broke down".to_owned())) }
    }
}

/// An archive of one file of so many bytes.
fn archive(bytes: usize) -> Vec<u8> {
    Tarball::default().file("data", &vec![b'd'; bytes]).end()
}

/// The archive `name` for `folder`, open, judged by `rules`.
fn order(folder: &Path, name: &str, rules: &str) -> Order {
    let mut options = options(1);
    options.rules = vec![Arc::new(parse("rules.toml", rules, &options.reading.limits).unwrap())];
    options.choice = Choice::Named;
    Order {
        folder: folder.to_owned(),
        name: Some(name.to_owned()),
        seal: Seal::default(),
        options,
        can_open: true,
        read_back: false,
        keep: None,
        failed: Failed::Keep,
    }
}

fn world(second: i64) -> World {
    let now = jiff::Timestamp::from_second(NOW + second).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
    World::new(Arc::default(), now, Arc::new(|_| {}))
}

fn made(mut product: Product, order: &Order, second: i64) -> Backup {
    back_up(&mut product, order, &world(second), &mut secrets())
}

fn keep_newest(count: usize) -> Failed {
    Failed::KeepNewest(NonZeroUsize::new(count).unwrap())
}

fn cleared(backup: &Backup) -> Vec<&str> {
    backup.cleared.archives.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect()
}

#[test]
fn the_one_that_failed_just_now_is_kept_though_its_clock_is_behind() {
    let target = tempfile::tempdir().unwrap();
    let folder = target.path();
    for (name, second) in [("a", 100), ("b", 200)] {
        made(Product::bad(), &order(folder, name, RULES), second);
    }
    let order = Order { failed: keep_newest(1), ..order(folder, "c", RULES) };
    let foretold = preview(&mut Product::bad(), &order, &world(0)).unwrap();
    assert_eq!(foretold.due_failed.archives, [folder.join("a.tar.failed")], "seen from now");
    let backup = made(Product::bad(), &order, 0);
    assert_eq!(troubles(&backup), "the product broke down\n");
    assert_eq!(cleared(&backup), ["a.tar.failed", "b.tar.failed"]);
    assert_eq!(names(folder), ["c.tar.failed", "c.tar.failed.json"]);
}

#[test]
fn a_backup_that_has_no_room_clears_what_failed_before() {
    let target = tempfile::tempdir().unwrap();
    let folder = target.path();
    for (name, second) in [("a", 1), ("b", 2), ("c", 3)] {
        made(Product::bad(), &order(folder, name, RULES), second);
    }
    let large = || Product { expected_bytes: Some(1 << 60), ..Product::bad() };
    let without = made(large(), &order(folder, "d", RULES), 4);
    assert!(troubles(&without).contains("bytes free and"), "{}", troubles(&without));
    assert_eq!(names(folder).len(), 6);
    let backup = made(large(), &Order { failed: keep_newest(2), ..order(folder, "d", RULES) }, 4);
    assert!(troubles(&backup).contains("bytes free and"), "{}", troubles(&backup));
    assert_eq!(cleared(&backup), ["a.tar.failed"]);
    assert_eq!(names(folder), ["b.tar.failed", "b.tar.failed.json", "c.tar.failed", "c.tar.failed.json"]);
}

#[test]
fn a_run_that_could_not_begin_deletes_nothing() {
    let target = tempfile::tempdir().unwrap();
    let folder = target.path();
    for (name, second) in [("a", 1), ("b", 2), ("c", 3)] {
        made(Product::bad(), &order(folder, name, RULES), second);
    }
    fs::write(folder.join("taken.tar"), "x").unwrap();
    let before = names(folder);
    for name in ["taken", "no/name"] {
        let backup = made(Product::bad(), &Order { failed: keep_newest(1), ..order(folder, name, RULES) }, 4);
        assert_eq!(backup.troubles.len(), 1);
        assert_eq!((cleared(&backup), names(folder)), (vec![], before.clone()), "{name}");
    }
    // Nor is anything deleted for a product that names no family.
    let nameless = Product { family: "", ..Product::bad() };
    let backup = made(nameless, &Order { failed: keep_newest(1), ..order(folder, "d", RULES) }, 5);
    assert_eq!(cleared(&backup), [""; 0]);
    assert_eq!(names(folder).len(), before.len() + 2);
}

#[test]
fn what_is_not_what_its_report_says_stays_and_is_told() {
    let target = tempfile::tempdir().unwrap();
    let folder = target.path();
    for (name, second) in [("a", 1), ("b", 2)] {
        made(Product::bad(), &order(folder, name, RULES), second);
    }
    fs::remove_file(folder.join("a.tar.failed")).unwrap();
    fs::create_dir(folder.join("a.tar.failed")).unwrap();
    let order = Order { failed: keep_newest(1), ..order(folder, "c", RULES) };
    let backup = made(Product::good(archive(100)), &order, 3);
    assert!(backup.is_good(), "{}", troubles(&backup));
    assert_eq!(backup.cleared.spared, [folder.join("a.tar.failed")]);
    assert_eq!(cleared(&backup), [""; 0]);
    let left =
        ["a.tar.failed", "a.tar.failed.json", "b.tar.failed", "b.tar.failed.json", "c.tar", "c.tar.manifest.json"];
    assert_eq!(names(folder), left);
}

/// Rules that ask for half of the bytes before, so gravely.
fn half(severity: &str) -> String {
    format!("{RULES}[archive]\nmin-size-ratio = {{ limit = 0.5, severity = \"{severity}\", why = \"data stay\" }}\n")
}

/// Backs up an archive of so many bytes of content, held against what is there by [`half`].
fn held(folder: &Path, name: &str, bytes: usize, severity: &str) -> Backup {
    made(Product::good(archive(bytes)), &order(folder, name, &half(severity)), 0)
}

fn previous(backup: &Backup) -> Option<&str> {
    backup.receipt.facts().get("previous").map(String::as_str)
}

/// What the rules say of the size.
fn of_size(backup: &Backup) -> Vec<(&str, &str)> {
    let findings = &backup.outcome.as_ref().unwrap().findings;
    let of_size = findings.iter().filter(|finding| finding.rule.as_deref() == Some("mine#archive.min-size-ratio"));
    of_size.map(|finding| (finding.code.id, finding.message.as_str())).collect()
}

const NOTHING_BEFORE: [(&str, &str); 1] =
    [("rule/unmatched", "there is no archive before it to compare with (--previous)")];

#[test]
fn a_backup_much_smaller_than_the_one_before_fails() {
    let target = tempfile::tempdir().unwrap();
    let folder = target.path();
    let first = held(folder, "a", 10_000, "error");
    assert!(first.is_good(), "{}", troubles(&first));
    assert_eq!((previous(&first), of_size(&first)), (None, NOTHING_BEFORE.to_vec()));
    // A header, twenty blocks and the end: 11776 bytes, of which half are 5888. Eight blocks make 5632, nine make 6144.
    assert_eq!(fs::metadata(folder.join("a.tar")).unwrap().len(), 11_776);
    let small = held(folder, "b", 8 * 512, "error");
    assert!(small.published.is_none() && small.troubles.is_empty(), "{}", troubles(&small));
    assert_eq!(small.outcome.as_ref().unwrap().verdict, Verdict::Fail);
    assert_eq!(of_size(&small), [("rule/shrunk", "5632 bytes, and the archive before has 11776: less than 0.5 of it")]);
    assert_eq!(previous(&small), Some("a.tar"));
    // What failed is not what the next is held against.
    let again = held(folder, "c", 8 * 512, "error");
    assert!(again.published.is_none() && previous(&again) == Some("a.tar"));
    let enough = held(folder, "d", 9 * 512, "error");
    assert!(enough.is_good() && of_size(&enough).is_empty(), "{:?}", of_size(&enough));
    let receipt = fs::read(folder.join("d.tar.manifest.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
    assert_eq!(receipt["facts"]["previous"], "a.tar");
    // And the one after that is held against the small one.
    let last = held(folder, "e", 8 * 512, "error");
    assert!(last.is_good() && previous(&last) == Some("d.tar"));
}

#[test]
fn a_rule_that_only_warns_lets_the_smaller_one_pass() {
    let target = tempfile::tempdir().unwrap();
    held(target.path(), "a", 10_000, "warning");
    let small = held(target.path(), "b", 0, "warning");
    assert!(small.is_good(), "{}", troubles(&small));
    assert_eq!(of_size(&small), [("rule/shrunk", "1536 bytes, and the archive before has 11776: less than 0.5 of it")]);
    assert_eq!(previous(&held(target.path(), "c", 0, "warning")), Some("b.tar"));
}

#[test]
fn what_the_caller_compares_with_goes_first() {
    let target = tempfile::tempdir().unwrap();
    held(target.path(), "a", 10_000, "error");
    let mut order = order(target.path(), "b", &half("error"));
    order.options.previous_bytes = Some(3072);
    let backup = made(Product::good(archive(0)), &order, 0);
    // 1536 is half of 3072.
    assert!(backup.is_good() && of_size(&backup).is_empty(), "{:?}", of_size(&backup));
    assert_eq!(previous(&backup), None);
}

#[test]
fn archives_that_are_made_otherwise_are_not_compared() {
    let target = tempfile::tempdir().unwrap();
    let folder = target.path();
    held(folder, "a", 10_000, "error");
    let sidecar = folder.join("a.tar.manifest.json");
    let good = fs::read_to_string(&sidecar).unwrap();
    let small = |name: &str| held(folder, name, 0, "warning");
    for (name, from, to) in [
        ("b", "\"verdict\": \"pass\"", "\"verdict\": \"fail\""),
        ("c", "\"compression\": \"none\"", "\"compression\": \"zstd\""),
        ("d", "\"encryption\": \"none\"", "\"encryption\": \"OpenPGP, by the product\""),
        ("e", "\"verified\": \"as-written\"", "\"verified\": \"before-sealing\""),
        ("f", "\"family\": \"product\"", "\"family\": \"another\""),
        ("g", "\"archive\": \"a.tar\"", "\"archive\": \"b.tar\""),
        ("h", "\"bytes\": 11776", "\"bytes\": 11775"),
        ("i", "{", "["),
    ] {
        assert!(good.contains(from), "{from}: {good}");
        fs::write(&sidecar, good.replacen(from, to, 1)).unwrap();
        let backup = small(name);
        assert_eq!((previous(&backup), of_size(&backup)), (None, NOTHING_BEFORE.to_vec()), "{to}");
        for left in [format!("{name}.tar"), format!("{name}.tar.manifest.json")] {
            fs::remove_file(folder.join(left)).unwrap();
        }
    }
    // As it was, it is one to compare with; without its file it is not.
    fs::write(&sidecar, good).unwrap();
    assert_eq!(previous(&small("j")), Some("a.tar"));
    fs::remove_file(folder.join("j.tar")).unwrap();
    assert_eq!(previous(&small("k")), Some("a.tar"));
}

#[test]
fn what_only_others_can_open_is_compared_by_what_went_into_the_seal() {
    let target = tempfile::tempdir().unwrap();
    let folder = target.path();
    let (certificate, _) = somebody(|builder| builder);
    let sealed = |name: &str, bytes: usize| {
        let seal = by_certificates(Compression::Gzip(6), Format::SeipdV1, vec![certificate.clone()]);
        let order = Order { seal, can_open: false, ..order(folder, name, &half("error")) };
        made(Product::good(archive(bytes)), &order, 0)
    };
    let first = sealed("a", 512 * 2000);
    assert!(first.is_good(), "{}", troubles(&first));
    let written = fs::metadata(folder.join("a.tar.gz.gpg")).unwrap().len();
    // A header, the blocks and the end, in the clear and whole: far more than a megabyte of one letter when compressed.
    assert!(written < 512 * 50, "{written}");
    let small = sealed("b", 512 * 200);
    assert_eq!(
        of_size(&small),
        [("rule/shrunk", "103936 bytes, and the archive before has 1025536: less than 0.5 of it")]
    );
    assert_eq!(previous(&small), Some("a.tar.gz.gpg"));
}
