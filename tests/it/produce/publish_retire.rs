//! Which archives go and which stay.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use veritar::produce::publish::{Folder, Keep, Retired, due};

use super::publish::{LOCK, manifest, names, run};

const DAY: Duration = Duration::from_secs(86_400);
const BYTES: &[u8] = b"an archive";

/// Publishes an archive of family `family`, as a run that began at `created` does.
fn publish(folder: &Folder, name: &str, family: &str, created: &str) {
    let sidecar = manifest(name, family, folder.next(family).unwrap(), created, BYTES);
    run(folder, name, BYTES, &sidecar).unwrap();
}

/// A folder with archives `f1`, `f2` … taken on these days of January 2026.
fn filled(days: &[u32]) -> (tempfile::TempDir, Folder) {
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    for (nth, day) in days.iter().enumerate() {
        publish(&folder, &format!("f{}", nth + 1), "f", &format!("2026-01-{day:02}T03:00:00Z"));
    }
    (target, folder)
}

fn now() -> jiff::Timestamp {
    "2026-01-20T03:00:00Z".parse().unwrap()
}

fn count(count: usize) -> Keep {
    Keep { count: Some(count), age: None }
}

fn days(days: u32) -> Keep {
    Keep { count: None, age: Some(DAY * days) }
}

/// Names of what was deleted, after looking whether the folder holds exactly the rest.
fn retire(folder: &Folder, keep: Keep, is_good: impl Fn(&str) -> bool) -> Vec<String> {
    let before = names(folder.path());
    let judge = |sidecar: &[u8]| {
        let sidecar: serde_json::Value = serde_json::from_slice(sidecar).unwrap();
        is_good(sidecar["archive"].as_str().unwrap())
    };
    let foretold = due(folder.path(), keep, now(), judge, "f").unwrap();
    assert_eq!(names(folder.path()), before, "foretelling changes nothing");
    let Retired { archives, spared } = folder.retire(keep, now(), judge, "f").unwrap();
    assert_eq!(foretold, Retired { archives: archives.clone(), spared });
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let gone: Vec<String> = archives.iter().map(name).collect();
    let left =
        before.into_iter().filter(|name| !gone.iter().any(|gone| name.trim_end_matches(".manifest.json") == gone));
    assert_eq!(names(folder.path()), left.collect::<Vec<_>>());
    gone
}

#[test]
fn count_and_age_each_decide_and_none_keeps_all() {
    for (keep, gone) in [
        (Keep::default(), &[][..]),
        (count(3), &["f1", "f2"]),
        (count(5), &[]),
        (count(9), &[]),
        (count(1), &["f1", "f2", "f3", "f4"]),
        (count(0), &["f1", "f2", "f3", "f4"]),
        (days(2), &["f1", "f2"]),
        (days(3), &["f1"]),
        (days(0), &["f1", "f2", "f3", "f4"]),
        (Keep { count: Some(4), age: Some(DAY * 2) }, &["f1", "f2"]),
        (Keep { count: Some(2), age: Some(DAY * 30) }, &["f1", "f2", "f3"]),
    ] {
        let (_target, folder) = filled(&[16, 17, 18, 19, 20]);
        assert_eq!(retire(&folder, keep, |_| true), gone, "{keep:?}");
        assert_eq!(retire(&folder, keep, |_| true), [""; 0], "twice: {keep:?}");
    }
}

#[test]
fn only_what_has_good_successors_goes() {
    // Which are good, what goes of five with two to keep, and with none older than a day.
    for (good, by_count, by_age) in [
        (&["f1", "f2", "f3", "f4", "f5"][..], &["f1", "f2", "f3"][..], &["f1", "f2", "f3"][..]),
        (&["f1", "f2", "f3", "f4"], &["f1", "f2"], &["f1", "f2", "f3"]),
        (&["f1", "f2", "f5"], &["f1"], &["f1", "f2", "f3"]),
        (&["f1", "f2"], &[], &["f1"]),
        (&["f1"], &[], &[]),
        (&["f3"], &[], &["f1", "f2"]),
        (&[], &[], &[]),
    ] {
        let (_target, folder) = filled(&[16, 17, 18, 19, 20]);
        assert_eq!(retire(&folder, count(2), |name| good.contains(&name)), by_count, "{good:?}");
        let (_target, folder) = filled(&[16, 17, 18, 19, 20]);
        assert_eq!(retire(&folder, days(1), |name| good.contains(&name)), by_age, "{good:?}");
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_delete_the_newest() {
    // The last two runs had a clock of last week, and their files' times say so too.
    let (target, folder) = filled(&[18, 19, 20, 5, 6]);
    for (nth, day) in [18, 19, 20, 5, 6].into_iter().enumerate() {
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600) + DAY * (day - 1);
        let file = fs::File::open(target.path().join(format!("f{}", nth + 1))).unwrap();
        file.set_modified(time).unwrap();
    }
    assert_eq!(retire(&folder, count(2), |_| true), ["f1", "f2", "f3"]);
    // By age, nothing is old for the clock of the newest.
    let (_target, folder) = filled(&[18, 19, 20, 5, 6]);
    assert_eq!(retire(&folder, days(1), |_| true), [""; 0]);
}

#[test]
fn a_clock_that_runs_ahead_and_backups_that_stopped_delete_nothing() {
    let (_target, folder) = filled(&[1, 2, 3]);
    let later = "2031-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(folder.retire(days(7), later, |_| true, "f").unwrap(), Retired::default());
    let earlier = "2001-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(folder.retire(days(0), earlier, |_| true, "f").unwrap(), Retired::default());
}

#[test]
fn what_is_not_known_is_not_touched() {
    let (target, folder) = filled(&[1, 2, 3]);
    publish(&folder, "g1", "g", "2026-01-01T03:00:00Z");
    let at = |name: &str| target.path().join(name);
    // Archives without a sidecar, sidecars of others, of no sense, of another archive; folders and links.
    fs::write(at("bare.tar"), "x").unwrap();
    fs::write(at("f1.failed"), "x").unwrap();
    fs::write(at("other.manifest.json"), "{\"schemaVersion\":2}").unwrap();
    fs::write(at("copied.manifest.json"), fs::read(at("f1.manifest.json")).unwrap()).unwrap();
    fs::write(at("copied"), BYTES).unwrap();
    fs::create_dir(at("folder.manifest.json")).unwrap();
    std::os::unix::fs::symlink("f1.manifest.json", at("link.manifest.json")).unwrap();
    // And one that somebody replaced.
    fs::write(at("f2"), "something else").unwrap();
    let retired = folder.retire(count(1), now(), |_| true, "f").unwrap();
    assert_eq!(retired, Retired { archives: vec![at("f1")], spared: vec![at("f2")] });
    assert_eq!(
        names(target.path()),
        [
            LOCK,
            "bare.tar",
            "copied",
            "copied.manifest.json",
            "f1.failed",
            "f2",
            "f2.manifest.json",
            "f3",
            "f3.manifest.json",
            "folder.manifest.json",
            "g1",
            "g1.manifest.json",
            "link.manifest.json",
            "other.manifest.json"
        ]
    );
    assert_eq!(folder.retire(count(1), now(), |_| true, "h").unwrap(), Retired::default());
}

#[test]
fn a_sidecar_without_its_archive_counts_for_nothing_and_goes_in_its_time() {
    let (target, folder) = filled(&[1, 2, 3, 4]);
    for lost in ["f1", "f4"] {
        fs::remove_file(target.path().join(lost)).unwrap();
    }
    // f4 is gone: f3 and f2 are the two to keep.
    assert_eq!(retire(&folder, count(2), |_| true), ["f1"]);
    // Nor is its number given again.
    assert_eq!(folder.next("f").unwrap(), 5);
}
