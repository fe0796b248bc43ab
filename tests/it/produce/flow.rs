//! What the flow does for every product alike, tried with one that writes what it is given.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use veritar::produce::flow::{Backup, Failed, Order, back_up, preview};
use veritar::produce::seal::Seal;
use veritar::produce::{Made, Planned, Producer, Survey, Trouble, World};
use veritar::rule::{Choice, parse};

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
