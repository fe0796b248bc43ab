//! Which archives that failed go, and which stay.

use std::fs;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use veritar::digest::Hashes;
use veritar::produce::publish::{Folder, Retired, due_failed};

use super::publish::{LOCK, names};

const BYTES: &[u8] = b"half an archive";

/// A report as a run that failed would write it; one that wrote its archive to the end tells the size.
fn report(name: &str, family: &str, sequence: u64, created: &str, bytes: usize) -> Vec<u8> {
    format!(
        "{{\"archive\":\"{name}\",\"family\":\"{family}\",\"sequence\":{sequence},\"created\":\"{created}\",\
         \"bytes\":{bytes},\"digests\":{{}},\"verdict\":\"error\"}}\n"
    )
    .into_bytes()
}

/// Fails as a run of family `f` that began at this minute of a day; without bytes, the report alone is left.
fn fail(folder: &Folder, name: &str, sequence: u64, minute: u32, bytes: &[u8]) -> PathBuf {
    let (place, mut writer) = folder.place(name, None, Hashes::NONE).unwrap();
    writer.write_all(bytes).unwrap();
    drop(writer);
    let report = report(name, "f", sequence, &format!("2026-01-10T03:{minute:02}:00Z"), 0);
    if bytes.is_empty() { place.report(&report).unwrap() } else { place.fail(&report, true).unwrap().unwrap() }
}

/// A folder in which these archives of one number failed, a minute after each other.
fn filled(archives: &[&str]) -> (tempfile::TempDir, Folder) {
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    for (minute, name) in (0..).zip(archives) {
        fail(&folder, name, 1, minute, BYTES);
    }
    (target, folder)
}

fn most(count: usize) -> NonZeroUsize {
    NonZeroUsize::new(count).unwrap()
}

/// Names of what was deleted; it is what was foretold, and asked again there is nothing more.
fn retire(folder: &Folder, count: usize) -> Vec<String> {
    let before = names(folder.path());
    let foretold = due_failed(folder.path(), most(count), "f").unwrap();
    assert_eq!(names(folder.path()), before, "foretelling changes nothing");
    let retired = folder.retire_failed(most(count), "f", None).unwrap();
    assert_eq!(retired, foretold);
    assert_eq!(folder.retire_failed(most(count), "f", None).unwrap().archives, [""; 0].map(PathBuf::from));
    retired.archives.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
}

#[test]
fn the_newest_stay_and_the_others_go_with_their_reports() {
    for (count, gone) in [(1, &["a", "b", "c"][..]), (2, &["a", "b"]), (3, &["a"]), (4, &[]), (9, &[])] {
        let (target, folder) = filled(&["a", "b", "c", "d"]);
        let expected: Vec<String> = gone.iter().map(|name| format!("{name}.failed")).collect();
        assert_eq!(retire(&folder, count), expected, "{count}");
        let left = ["a", "b", "c", "d"].into_iter().filter(|name| !gone.contains(name));
        let left = left.flat_map(|name| [format!("{name}.failed"), format!("{name}.failed.json")]);
        let left: Vec<String> = std::iter::once(LOCK.to_owned()).chain(left).collect();
        assert_eq!(names(target.path()), left, "{count}");
    }
}

#[test]
fn the_number_of_the_run_goes_before_its_time() {
    // Between b and c a backup passed, and the clock was set back.
    let (_target, folder) = filled(&[]);
    for (name, sequence, minute) in [("a", 1, 40), ("b", 1, 50), ("c", 2, 10), ("d", 2, 20)] {
        fail(&folder, name, sequence, minute, BYTES);
    }
    assert_eq!(retire(&folder, 3), ["a.failed"]);
    assert_eq!(retire(&folder, 2), ["b.failed"]);
    assert_eq!(retire(&folder, 1), ["c.failed"]);
}

#[test]
fn archives_of_one_name_and_moment_go_in_the_order_of_their_numbers() {
    let (target, folder) = filled(&[]);
    for _ in 0..11 {
        fail(&folder, "a", 1, 0, BYTES);
    }
    assert_eq!(retire(&folder, 9), ["a.failed", "a.failed.2"]);
    assert_eq!(retire(&folder, 2), (3..=9).map(|nth| format!("a.failed.{nth}")).collect::<Vec<_>>());
    assert_eq!(names(target.path()), [LOCK, "a.failed.10", "a.failed.10.json", "a.failed.11", "a.failed.11.json"]);
}

#[test]
fn what_this_run_has_left_stays_whatever_the_clock_says() {
    for bytes in [BYTES, b""] {
        let (target, folder) = filled(&[]);
        fail(&folder, "a", 1, 30, BYTES);
        fail(&folder, "b", 1, 40, BYTES);
        // The clock was set back before this one, which is told last.
        let own = fail(&folder, "c", 1, 10, bytes);
        let retired = folder.retire_failed(most(2), "f", Some(&own)).unwrap();
        assert_eq!(retired.archives, [target.path().join("a.failed")]);
        let retired = folder.retire_failed(most(1), "f", Some(&own)).unwrap();
        assert_eq!(retired.archives, [target.path().join("b.failed")]);
        assert!(own.exists() && target.path().join("c.failed.json").exists());
    }
}

#[test]
fn reports_that_stand_alone_count_and_go_like_the_others() {
    let (target, folder) = filled(&["a"]);
    fail(&folder, "b", 1, 1, b"");
    fail(&folder, "c", 1, 2, BYTES);
    // Somebody deleted the archive, or a run died between it and its report.
    fs::remove_file(target.path().join("c.failed")).unwrap();
    fail(&folder, "d", 1, 3, BYTES);
    assert_eq!(retire(&folder, 3), ["a.failed"]);
    assert_eq!(retire(&folder, 1), ["b.failed.json", "c.failed.json"]);
    assert_eq!(names(target.path()), [LOCK, "d.failed", "d.failed.json"]);
}

#[test]
fn what_is_not_known_is_not_touched() {
    let (target, folder) = filled(&["a", "b", "c", "z"]);
    let at = |name: &str| target.path().join(name);
    let put = |name: &str, bytes: &[u8]| fs::write(at(name), bytes).unwrap();
    // Without a report; with one of no sense, of another archive, of another family, under a name that is none of ours.
    put("bare.failed", b"x");
    put("odd.failed", b"x");
    put("odd.failed.json", b"{\"verdict\":\"error\"}");
    put("copied.failed", BYTES);
    fs::copy(at("a.failed.json"), at("copied.failed.json")).unwrap();
    put("other.failed", BYTES);
    put("other.failed.json", &report("other", "g", 1, "2026-01-01T00:00:00Z", 0));
    put("nobody.failed.json", &report("nobody", "", 1, "2026-01-01T00:00:00Z", 0));
    put("n.failed.1.json", &report("n", "f", 1, "2026-01-01T00:00:00Z", 0));
    put("plain.json", &report("plain", "f", 1, "2026-01-01T00:00:00Z", 0));
    fs::create_dir(at("folder.failed.json")).unwrap();
    std::os::unix::fs::symlink("a.failed.json", at("link.failed.json")).unwrap();
    // Archives that passed have nothing to do with it.
    put("good", BYTES);
    put("good.manifest.json", &report("good", "f", 1, "2026-01-01T00:00:00Z", BYTES.len()));
    let before = names(target.path());
    let gone = ["a.failed", "a.failed.json", "b.failed", "b.failed.json", "c.failed", "c.failed.json"];
    assert_eq!(retire(&folder, 1), ["a.failed", "b.failed", "c.failed"]);
    let left: Vec<String> = before.into_iter().filter(|name| !gone.contains(&name.as_str())).collect();
    assert_eq!(names(target.path()), left);
    // No family, none of it.
    assert_eq!(folder.retire_failed(most(1), "", None).unwrap(), Retired::default());
    assert_eq!(folder.retire_failed(most(1), "h", None).unwrap(), Retired::default());
}

#[test]
fn what_is_not_what_its_report_says_stays_and_is_told() {
    let (target, folder) = filled(&["z"]);
    let at = |name: &str| target.path().join(name);
    let tell = |name: &str, bytes: usize| {
        fs::write(at(&format!("{name}.failed.json")), report(name, "f", 1, "2026-01-01T00:00:00Z", bytes)).unwrap();
    };
    // Of one that was written to its end the size is known; of another it is not.
    fs::write(at("longer.failed"), [BYTES, b"!"].concat()).unwrap();
    tell("longer", BYTES.len());
    fs::write(at("same.failed"), BYTES).unwrap();
    tell("same", BYTES.len());
    fs::write(at("unknown.failed"), [BYTES, b"!"].concat()).unwrap();
    tell("unknown", 0);
    fs::create_dir(at("folder.failed")).unwrap();
    tell("folder", 0);
    std::os::unix::fs::symlink("same.failed", at("link.failed")).unwrap();
    tell("link", 0);
    let paths = |several: &[&str]| several.iter().map(|name| at(name)).collect::<Vec<_>>();
    let (archives, spared) = (["same.failed", "unknown.failed"], ["folder.failed", "link.failed", "longer.failed"]);
    let expected = Retired { archives: paths(&archives), spared: paths(&spared) };
    assert_eq!(due_failed(target.path(), most(1), "f").unwrap(), expected);
    assert_eq!(folder.retire_failed(most(1), "f", None).unwrap(), expected);
    for name in spared {
        assert!(fs::symlink_metadata(at(name)).is_ok() && at(&format!("{name}.json")).exists(), "{name}");
    }
    for name in archives {
        assert!(fs::symlink_metadata(at(name)).is_err() && !at(&format!("{name}.json")).exists(), "{name}");
    }
}

#[test]
fn a_folder_that_is_none_is_an_error() {
    let target = tempfile::tempdir().unwrap();
    assert!(due_failed(&target.path().join("none"), most(1), "f").is_err());
    assert_eq!(due_failed(target.path(), most(1), "f").unwrap(), Retired::default());
}
