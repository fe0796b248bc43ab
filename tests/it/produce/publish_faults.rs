//! What strace makes go wrong under a run of its own: every call that the run makes fails, or is the last it lives to.
//!
//! A run is this test binary started again for `a_run` alone. The first time, nothing is harmed and the calls are listed;
//! then one of them is harmed at a time, and the folder is looked at.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use veritar::digest::Hashes;
use veritar::produce::publish::{Folder, ReadBack, Trouble};

use super::publish::{LOCK, NAME, content, names, run, sidecar};
use crate::support::program;

/// Tells the run where to work; without it there is none.
const TARGET: &str = "VERITAR_TEST_PUBLISH";

/// Names that nothing has: asking for them stands in the list of calls, before and after the run.
const MARKS: [&str; 2] = ["/veritar-run-begins", "/veritar-run-ends"];

/// More files than any other thread of the run opens, and more reads and writes than it makes.
const OTHERS: usize = 100;

/// The calls that change something, or tell whether it changed.
const CALLS: &str = "openat,flock,ftruncate,read,write,fsync,fadvise64,renameat2,linkat,unlinkat";

const REPORT: &[u8] = b"{\"verdict\":\"error\"}";

/// Not a test of its own: the run that the others harm.
#[test]
#[ignore = "started by the other tests of this file"]
fn a_run() {
    let Some(target) = std::env::var_os(TARGET) else { return };
    // strace counts the calls of each thread by itself: those to be harmed must have numbers that no other thread reaches.
    let mut nowhere = fs::File::options().read(true).write(true).open("/dev/null").unwrap();
    for _ in 0..OTHERS {
        let _ = fs::File::open("/veritar-nothing");
        std::io::Write::write_all(&mut nowhere, b" ").unwrap();
        assert_eq!(std::io::Read::read(&mut nowhere, &mut [0]).unwrap(), 0);
    }
    let _ = fs::File::open(MARKS[0]);
    let said = match attempt(Path::new(&target)) {
        Ok(()) => "published".to_owned(),
        Err(trouble) => trouble,
    };
    let _ = fs::File::open(MARKS[1]);
    println!("RUN: {said}.");
}

fn attempt(target: &Path) -> Result<(), String> {
    use std::io::Write as _;
    let told = |trouble: Trouble| trouble.to_string();
    let folder = Folder::lock(target).map_err(told)?;
    let (mut place, mut writer) = folder.place(NAME, None, Hashes::SHA256).map_err(told)?;
    let written = content().chunks(300_000).try_for_each(|piece| writer.write_all(piece));
    let done = written
        .map_err(|error| error.to_string())
        .and_then(|()| writer.finish().map_err(told))
        .and_then(|written| place.publish(written, &sidecar(), ReadBack::Digests).map_err(told));
    match done {
        Ok(_) => Ok(()),
        Err(first) => match place.fail(REPORT, true) {
            Ok(_) => Err(first),
            Err(second) => Err(format!("{first}; and then: {second}")),
        },
    }
}

/// One call of a run that nothing harmed.
#[derive(Debug, Clone)]
struct Call {
    name: String,
    /// The how manyth of its name in its thread, as strace counts, from 1.
    nth: usize,
    line: String,
}

/// What came of a run.
struct Ran {
    /// What it said at its end; nothing where it did not live to say something.
    said: Option<String>,
    /// Its calls between the marks.
    calls: Vec<Call>,
}

/// Runs in `target` under strace with these injections.
fn under_strace(target: &Path, injections: &[String]) -> Ran {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-y", "-s", "0", "-o"]).arg(log.path()).args(["-e", &format!("trace={CALLS}")]);
    for injection in injections {
        strace.args(["-e", &format!("inject={injection}")]);
    }
    strace.arg(std::env::current_exe().unwrap());
    strace.args(["produce::publish_faults::a_run", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    // Cargo names a folder for every dependency with C in it, and the loader opens files in each of them.
    let output = strace.env_remove("LD_LIBRARY_PATH").env(TARGET, target).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said = text.split_once("RUN: ").and_then(|(_, rest)| Some(rest.split_once(".\n")?.0.to_owned()));
    let log = String::from_utf8_lossy(&fs::read(log.path()).unwrap()).into_owned();
    Ran { said, calls: calls(&log) }
}

/// The calls between the marks, in the thread that made them.
fn calls(log: &str) -> Vec<Call> {
    let Some(thread) = log.lines().find(|line| line.contains(MARKS[0])).and_then(|line| line.split_whitespace().next())
    else {
        return Vec::new();
    };
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut is_within = false;
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((pid, call)) = line.split_once(char::is_whitespace) else { continue };
        let Some((name, _)) = call.trim_start().split_once('(') else { continue };
        if pid != thread || !name.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
            continue;
        }
        let count = counts.entry(name.to_owned()).or_default();
        *count += 1;
        if line.contains(MARKS[1]) {
            break;
        }
        if is_within {
            calls.push(Call { name: name.to_owned(), nth: *count, line: line.to_owned() });
        }
        is_within |= line.contains(MARKS[0]);
    }
    calls
}

/// The calls of a run that nothing harms; nothing, and a line that says so, where strace is not there or not allowed.
fn sound(test: &str) -> Option<Vec<Call>> {
    if !program(test, "strace") {
        return None;
    }
    let target = tempfile::tempdir().unwrap();
    let ran = under_strace(target.path(), &[]);
    if ran.calls.is_empty() {
        println!("skipped {test}: strace cannot trace here");
        return None;
    }
    assert_eq!(ran.said.as_deref(), Some("published"));
    let is_alone = |call: &Call| call.nth > OTHERS || !matches!(call.name.as_str(), "openat" | "read" | "write");
    assert!(ran.calls.iter().all(is_alone), "{:?}", ran.calls);
    assert_eq!(look(target.path(), "sound"), Found { archive: true, sidecar: true, ..Found::default() });
    Some(ran.calls)
}

/// What stands in a target folder.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found {
    archive: bool,
    sidecar: bool,
    failed: bool,
    report: bool,
    partials: usize,
}

/// Looks at the folder after a run: whatever has a name must be whole, and nothing else may be there.
fn look(target: &Path, after: &str) -> Found {
    let mut found = Found::default();
    for name in names(target) {
        let bytes = fs::read(target.join(&name)).unwrap();
        if name == NAME {
            assert!(bytes == content(), "after {after}: a partial file under the final name");
            found.archive = true;
        } else if name == format!("{NAME}.manifest.json") {
            assert!(bytes == sidecar(), "after {after}: a partial sidecar");
            found.sidecar = true;
        } else if name == format!("{NAME}.failed") {
            assert!(content().starts_with(&bytes), "after {after}");
            found.failed = true;
        } else if name == format!("{NAME}.failed.json") {
            assert!(bytes == REPORT, "after {after}: a partial report");
            found.report = true;
        } else if name.starts_with(&format!(".{NAME}.")) && name.contains(".partial-") {
            found.partials += 1;
        } else {
            assert_eq!(name, LOCK, "after {after}");
        }
    }
    assert!(found.archive || !found.sidecar, "after {after}: a sidecar without its archive");
    found
}

/// The next run finds no lock held and nothing in its way but what is whole.
fn run_again(target: &Path, after: &str) {
    let before = look(target, after);
    let folder = Folder::lock(target).unwrap_or_else(|trouble| panic!("after {after}: {trouble}"));
    assert_eq!(folder.leftovers().iter().filter(|left| left.removed).count(), before.partials, "after {after}");
    if before.archive {
        let trouble = folder.place(NAME, None, Hashes::NONE).err().unwrap();
        assert!(matches!(trouble, Trouble::Taken { .. }), "after {after}: {trouble}");
    } else {
        run(&folder, NAME, &content(), &sidecar()).unwrap();
        assert!(look(target, after).sidecar);
    }
    assert_eq!(look(target, after).partials, 0, "after {after}");
}

#[test]
fn a_second_process_is_told_which_one_works_here() {
    let target = tempfile::tempdir().unwrap();
    let _folder = Folder::lock(target.path()).unwrap();
    let mut second = Command::new(std::env::current_exe().unwrap());
    second.args(["produce::publish_faults::a_run", "--exact", "--ignored", "--nocapture"]).env(TARGET, target.path());
    let said = String::from_utf8(second.output().unwrap().stdout).unwrap();
    assert!(said.contains(&format!("{LOCK} is held by process {} on ", std::process::id())), "{said}");
    assert_eq!(look(target.path(), "a second run"), Found::default());
}

#[test]
fn a_run_killed_at_any_call_leaves_no_partial_file_under_a_name() {
    let Some(calls) = sound("a_run_killed_at_any_call_leaves_no_partial_file_under_a_name") else { return };
    let (mut named, mut nameless) = (0, 0);
    for (index, call) in calls.into_iter().enumerate() {
        let target = tempfile::tempdir().unwrap();
        let after = format!("SIGKILL at {}", call.line);
        let ran = under_strace(target.path(), &[format!("{}:signal=KILL:when={}", call.name, call.nth)]);
        assert_eq!(ran.said, None, "after {after}");
        assert!((index..=index + 1).contains(&ran.calls.len()), "after {after}: died after {} calls", ran.calls.len());
        let found = look(target.path(), &after);
        assert!(!found.failed, "after {after}");
        if found.archive {
            named += 1
        } else {
            nameless += 1
        }
        run_again(target.path(), &after);
    }
    assert!(named >= 2 && nameless >= 10, "{named} runs died after the name, {nameless} before");
}

#[test]
fn a_run_whose_calls_fail_publishes_nothing_or_all() {
    let Some(calls) = sound("a_run_whose_calls_fail_publishes_nothing_or_all") else { return };
    let mut harmed = String::new();
    for (index, call) in calls.iter().enumerate() {
        for error in if call.name == "write" { &["EIO", "ENOSPC"][..] } else { &["EIO"] } {
            let target = tempfile::tempdir().unwrap();
            let after = format!("{error} at {}", call.line);
            let ran = under_strace(target.path(), &[format!("{}:error={error}:when={}", call.name, call.nth)]);
            let said = ran.said.unwrap_or_else(|| panic!("after {after}: no word"));
            let injected = |call: &Call| call.line.contains("(INJECTED)");
            let harmed_at: Vec<_> = ran.calls.iter().map(injected).enumerate().filter(|(_, is)| *is).collect();
            assert_eq!(harmed_at, [(index, true)], "after {after}");
            let found = look(target.path(), &after);
            writeln!(harmed, "{after}\n  {said}\n  {found:?}").unwrap();
            if said == "published" {
                // What only tidies up may fail: nothing is left to be tidied up once all names are given.
                assert!(call.name == "unlinkat" && found.sidecar && !found.failed, "after {after}: {said}");
            } else {
                assert!(!found.archive && !found.sidecar, "after {after}: {found:?}");
                assert!(said.starts_with("failed to "), "after {after}: {said}");
                assert!(
                    said.contains("the disk may be failing") || said.contains("make room"),
                    "after {after}: {said}"
                );
            }
            run_again(target.path(), &after);
        }
    }
    // The file, the sidecar and the folder were each brought to the disk, and each of these failed once.
    if std::env::var_os("VERITAR_SHOW").is_some() {
        println!("{harmed}");
    }
    assert!(harmed.matches("EIO at ").count() >= 15, "{harmed}");
    assert!(harmed.matches("failed to bring to the disk").count() >= 2, "{harmed}");
    assert!(harmed.matches("failed to make names durable").count() >= 3, "{harmed}");
}

#[test]
fn an_fsync_that_failed_is_not_tried_again() {
    let Some(calls) = sound("an_fsync_that_failed_is_not_tried_again") else { return };
    let of_archive = |call: &&Call| call.name == "fsync" && call.line.contains(&format!("/.{NAME}.partial-"));
    let first = calls.iter().find(of_archive).unwrap();
    let target = tempfile::tempdir().unwrap();
    let ran = under_strace(target.path(), &[format!("fsync:error=EIO:when={}", first.nth)]);
    assert_eq!(look(target.path(), "fsync"), Found { failed: true, report: true, ..Found::default() });
    let again = ran.calls.iter().filter(|call| call.name == "fsync");
    let again: Vec<_> = again.filter(|call| call.line.contains(NAME) && !call.line.contains(".json")).collect();
    assert_eq!(again.len(), 1, "{again:?}");
    assert!(ran.said.unwrap().contains("failed to bring to the disk (fsync)"));
}

#[test]
fn where_a_name_cannot_be_taken_back_it_is_said() {
    let Some(calls) = sound("where_a_name_cannot_be_taken_back_it_is_said") else { return };
    let named = calls.iter().position(|call| call.name == "renameat2" && call.line.contains(&format!("\"{NAME}\"")));
    let named = named.unwrap();
    let name = &calls[named];
    let sync = calls[named..].iter().find(|call| call.name == "fsync").unwrap();
    let target = tempfile::tempdir().unwrap();
    let injections =
        [format!("fsync:error=EIO:when={}", sync.nth), format!("renameat2:error=EIO:when={}+", name.nth + 1)];
    let said = under_strace(target.path(), &injections).said.unwrap();
    assert!(said.contains("failed to make names durable"), "{said}");
    assert!(said.contains("could not be taken out of the way") && said.contains(NAME), "{said}");
    // It is whole, and nothing vouches for it.
    let found = look(target.path(), "a name that stays");
    assert!(found.archive && !found.sidecar, "{found:?}");
}

#[test]
fn a_file_system_without_the_rename_gets_links_and_one_without_both_is_refused_beforehand() {
    let test = "a_file_system_without_the_rename_gets_links_and_one_without_both_is_refused_beforehand";
    if sound(test).is_none() {
        return;
    }
    let target = tempfile::tempdir().unwrap();
    let no_rename = "renameat2:error=EINVAL".to_owned();
    let ran = under_strace(target.path(), std::slice::from_ref(&no_rename));
    assert_eq!(ran.said.as_deref(), Some("published"));
    assert_eq!(look(target.path(), "no rename"), Found { archive: true, sidecar: true, ..Found::default() });
    let links: Vec<Call> = ran.calls.into_iter().filter(|call| call.name == "linkat").collect();
    assert_eq!(links.len(), 3, "{links:?}");
    // Killed between the link and the removal of the hidden name, both names lead to the whole file.
    for call in &links {
        let target = tempfile::tempdir().unwrap();
        let kill = format!("linkat:signal=KILL:when={}", call.nth);
        assert_eq!(under_strace(target.path(), &[no_rename.clone(), kill]).said, None);
        run_again(target.path(), &call.line);
    }
    for nth in 1..=3 {
        let target = tempfile::tempdir().unwrap();
        let kill = format!("unlinkat:signal=KILL:when={nth}");
        assert_eq!(under_strace(target.path(), &[no_rename.clone(), kill]).said, None);
        run_again(target.path(), &format!("SIGKILL at the removal {nth} after a link"));
    }

    let target = tempfile::tempdir().unwrap();
    let said = under_strace(target.path(), &[no_rename, "linkat:error=EPERM".to_owned()]).said.unwrap();
    assert!(said.contains("neither by a rename that does not overwrite nor by a link"), "{said}");
    assert_eq!(look(target.path(), "no rename and no link"), Found::default());

    let target = tempfile::tempdir().unwrap();
    let said = under_strace(target.path(), &["flock:error=ENOLCK:when=1".to_owned()]).said.unwrap();
    assert!(said.contains("has no locks"), "{said}");
    assert_eq!(look(target.path(), "no locks"), Found::default());
}
