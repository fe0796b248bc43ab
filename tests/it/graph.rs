//! What extraction would do, held against what extraction does.
//!
//! The extractor of these tests follows links as the system does, and checks nothing: whoever it can lead out of the folder
//! must have been told of by the graph. GNU tar, bsdtar and CPython without filter must stay in it wherever the graph has
//! nothing to say.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use veritar::entry::{Entry, EntryKind, Timestamp};
use veritar::finding::{Finding, Severity};
use veritar::graph::Graph;
use veritar::limits::Limits;
use veritar::place::Depth;

use crate::build::graph::{Spec, long_chain, pack};
use crate::support::program;

fn entry<'a>((kind, path, link): Spec<'a>) -> Entry<'a> {
    let (kind, mode) = match kind {
        'd' => (EntryKind::Directory, 0o755),
        'l' => (EntryKind::Symlink, 0o777),
        'h' => (EntryKind::Hardlink, 0o644),
        'p' => (EntryKind::Fifo, 0o644),
        'b' => (EntryKind::Block, 0o644),
        'c' => (EntryKind::Character, 0o666),
        _ => (EntryKind::File, 0o644),
    };
    Entry {
        path: path.as_bytes(),
        kind,
        size: 0,
        stored_size: 0,
        mode,
        uid: 0,
        gid: 0,
        uname: b"",
        gname: b"",
        mtime: Timestamp::default(),
        link: link.as_bytes(),
        device: matches!(kind, EntryKind::Block | EntryKind::Character).then_some((8, 0)),
        attributes: &[],
        archive: 0,
        salvaged: false,
        offset: 0,
    }
}

fn findings(members: &[Spec<'_>], limits: &Limits) -> Vec<Finding> {
    let mut graph = Graph::new(limits, Some(1_000_000));
    for member in members {
        graph.entry(&entry(*member));
    }
    graph.finish(Depth::default()).into_iter().flat_map(veritar::graph::Found::into_findings).collect()
}

fn codes(findings: &[Finding]) -> BTreeSet<(&'static str, Severity)> {
    findings.iter().map(|finding| (finding.code.id, finding.severity)).collect()
}

const E: Severity = Severity::Error;
const W: Severity = Severity::Warning;
const I: Severity = Severity::Info;
const OUT: (&str, Severity) = ("entry/written-outside", E);
const POINTS: (&str, Severity) = ("entry/link-outside", W);
const THROUGH: (&str, Severity) = ("entry/through-link", W);
const AGAIN: (&str, Severity) = ("entry/duplicate", W);
const HARD: (&str, Severity) = ("entry/hardlink-target", E);
const TWIN: (&str, Severity) = ("entry/collision", W);
const SPELLED: (&str, Severity) = ("entry/unsafe-path", E);

type Case<'a> = (&'a [Spec<'a>], &'a [(&'static str, Severity)]);

/// From the definitions in the module's documentation, by hand.
const CASES: &[Case<'static>] = &[
    (&[('d', "a", ""), ('f', "a/b", ""), ('l', "a/c", "b"), ('h', "a/d", "a/b"), ('l', "up", "a/..")], &[]),
    // Links that point out, by themselves.
    (&[('l', "a", "/etc")], &[POINTS]),
    (&[('l', "a", "..")], &[POINTS]),
    (&[('l', "a/b", "../..")], &[POINTS]),
    (&[('l', "a/b", "..")], &[]),
    (&[('l', "a", "x/../../y")], &[POINTS]),
    (&[('l', "a", "C:../x")], &[POINTS]),
    (&[('l', "a", "..\\x")], &[POINTS]),
    (&[('d', "d/e", ""), ('l', "up", "d/e"), ('l', "out", "up/../../..")], &[POINTS]),
    (&[('d', "d/e", ""), ('l', "up", "d/e"), ('l', "in", "up/../..")], &[]),
    // Written through one.
    (&[('l', "a", "/etc"), ('f', "a/b", "")], &[POINTS, OUT]),
    (&[('l', "a", "/etc"), ('f', "./a//b", "")], &[POINTS, OUT]),
    (&[('l', "a", "/etc"), ('f', "a/b/c/d", "")], &[POINTS, OUT]),
    (&[('l', "a", "/etc/passwd"), ('f', "a", "")], &[POINTS, OUT, AGAIN]),
    (&[('l', "a", "/etc"), ('d', "a", "")], &[POINTS, OUT, AGAIN]),
    (&[('l', "a", "/etc"), ('l', "a/b", "c")], &[POINTS, OUT]),
    (&[('l', "a", "/etc"), ('f', "b", ""), ('h', "a/c", "b")], &[POINTS, OUT]),
    (&[('l', "a", "b"), ('l', "b", ".."), ('f', "a/x", "")], &[POINTS, OUT]),
    (&[('d', "d", ""), ('l', "a", "d"), ('l', "a/s", "/etc"), ('f', "d/s/x", "")], &[POINTS, THROUGH, OUT]),
    (&[('d', "d", ""), ('l', "a", "d"), ('l', "d/s", "../.."), ('f', "a/s/x", "")], &[POINTS, OUT]),
    (&[('f', "a/b", ""), ('l', "ab", ".."), ('f', "a/c", "")], &[POINTS]),
    // A folder over the link: replaced by some, kept by others.
    (&[('l', "a", "/etc"), ('d', "a", ""), ('f', "a/b", "")], &[POINTS, OUT, AGAIN]),
    (&[('d', "a", ""), ('l', "a", "/etc"), ('f', "a/b", "")], &[POINTS, OUT, AGAIN, ("entry/kind-changed", W)]),
    (&[('l', "a", "b"), ('l', "a", "/etc"), ('f', "a/x", "")], &[POINTS, OUT, AGAIN]),
    (&[('l', "a", "/etc"), ('l', "a", "b"), ('f', "a/x", "")], &[POINTS, OUT, AGAIN]),
    // Inside.
    (&[('d', "usr/lib", ""), ('l', "lib", "usr/lib"), ('f', "lib/x", "")], &[THROUGH]),
    (&[('f', "x", ""), ('l', "a", "x"), ('f', "a", "")], &[THROUGH, AGAIN]),
    // Circles.
    (&[('l', "a", "a")], &[("entry/link-loop", W)]),
    (&[('l', "a", "b"), ('l', "b", "a"), ('f', "a/x", "")], &[("entry/link-loop", W), ("entry/link-loop", E)]),
    // Hard links.
    (&[('h', "a", "b")], &[HARD]),
    (&[('h', "a", "a")], &[HARD]),
    (&[('h', "a", "b"), ('f', "b", "")], &[HARD]),
    (&[('f', "a/b", ""), ('h', "c", "a")], &[HARD]),
    (&[('f', "b", ""), ('h', "a", "./b"), ('h', "c", "a")], &[]),
    (&[('p', "b", ""), ('h', "a", "b")], &[("entry/special-file", I)]),
    (&[('h', "a", "../b")], &[SPELLED]),
    (&[('h', "a", "/b")], &[SPELLED]),
    (&[('l', "s", ".."), ('h', "a", "s/x")], &[POINTS, OUT]),
    (&[('l', "s", "/etc/shadow"), ('h', "a", "s")], &[POINTS, OUT]),
    (&[('f', "f", ""), ('l', "s", "f"), ('h', "a", "s")], &[("entry/hardlink-target", W)]),
    (&[('d', "d/e", ""), ('l', "d/e/s", ".."), ('h', "s", "d/e/s"), ('f', "s/x", "")], &[OUT]),
    (&[('d', "d", ""), ('f', "d/f", ""), ('l', "l", "d"), ('h', "h", "l/f")], &[]),
    (&[('d', "d", ""), ('l', "l", "d"), ('f', "l/f", ""), ('h', "h", "d/f")], &[THROUGH]),
    // One path, two kinds.
    (&[('f', "a", ""), ('f', "a/b", "")], &[("entry/kind-changed", E)]),
    (&[('f', "a/b", ""), ('f', "a", "")], &[("entry/kind-changed", E)]),
    (&[('d', "a", ""), ('f', "a", "")], &[("entry/kind-changed", E), AGAIN]),
    (&[('f', "a", ""), ('d', "a", "")], &[("entry/kind-changed", E), AGAIN]),
    (&[('f', "a", ""), ('l', "a", "b")], &[("entry/kind-changed", W), AGAIN]),
    (&[('f', "a/b", ""), ('d', "a", ""), ('d', "a", "")], &[AGAIN]),
    (&[('f', "a", ""), ('f', "./a", "")], &[AGAIN]),
    // Collisions.
    (&[('f', "A", ""), ('f', "a", "")], &[TWIN]),
    (&[('f', "a", ""), ('f', "A", "")], &[TWIN]),
    (&[('f', "Ab", ""), ('f', "aB", "")], &[TWIN]),
    (&[('f', "D/a", ""), ('f', "d/b", "")], &[TWIN]),
    (&[('f', "stra\u{df}e", ""), ('f', "strasse", "")], &[TWIN]),
    (&[('f', "a", ""), ('f', "a.", "")], &[TWIN, ("entry/reserved-name", I)]),
    (&[('f', "A", ""), ('f', "A", "")], &[AGAIN]),
    (&[('f', "A", ""), ('f', "b", ""), ('d', "C", ""), ('f', "C/D", "")], &[]),
    // By themselves.
    (&[('f', "/a", "")], &[SPELLED]),
    (&[('f', "a/../b", "")], &[SPELLED]),
    (&[('f', "C:../a", "")], &[SPELLED]),
    (&[('f', "a/CON", "")], &[("entry/reserved-name", I)]),
    (&[('f', "nul.d/a", "")], &[("entry/reserved-name", I)]),
    (&[('f', "-a", "")], &[("entry/odd-name", I)]),
    (&[('f', "a\n", "")], &[("entry/odd-name", W)]),
    (&[('f', "\u{1b}[2J/a", "")], &[("entry/odd-name", W)]),
    (&[('b', "a", "")], &[("entry/special-file", W)]),
    (&[('c', "a", "")], &[("entry/special-file", W)]),
];

#[test]
fn small_archives_and_what_is_said_of_them() {
    for (members, expected) in CASES {
        let found = findings(members, &Limits::default());
        assert_eq!(codes(&found), expected.iter().copied().collect(), "{members:?}: {found:#?}");
    }
}

#[test]
fn modes_and_times() {
    let one = |mode, kind, seconds, device| {
        let mut graph = Graph::new(&Limits::default(), Some(1_000_000));
        let mtime = Timestamp { seconds, nanoseconds: 0 };
        graph.entry(&Entry { mode, kind, mtime, device, ..entry(('f', "a", "")) });
        let found = graph.finish(Depth::default());
        found.iter().map(|found| found.sort().map(|(code, severity)| (code.id, severity)).unwrap()).collect::<Vec<_>>()
    };
    let (file, folder, day) = (EntryKind::File, EntryKind::Directory, 86_400);
    assert_eq!(one(0o755, file, 0, None), []);
    assert_eq!(one(0o4755, file, 0, None), [("entry/set-id", W)]);
    assert_eq!(one(0o2755, file, 0, None), [("entry/set-id", W)]);
    assert_eq!(one(0o2755, folder, 0, None), []);
    assert_eq!(one(0o6777, file, 0, None), [("entry/set-id", W), ("entry/world-writable", W)]);
    assert_eq!(one(0o777, folder, 0, None), [("entry/world-writable", W)]);
    assert_eq!(one(0o1777, folder, 0, None), []);
    assert_eq!(one(0o777, EntryKind::Symlink, 0, None), []);
    assert_eq!(one(0o666, EntryKind::Character, 0, Some((0, 0))), [("entry/special-file", I)]);
    assert_eq!(one(0o666, EntryKind::Character, 0, Some((1, 3))), [("entry/special-file", W)]);
    assert_eq!(one(0o644, file, 1_000_000 + day, None), []);
    assert_eq!(one(0o644, file, 1_000_001 + day, None), [("entry/time", W)]);
    assert_eq!(one(0o644, file, -1, None), [("entry/time", I)]);
}

#[test]
fn what_many_share_is_one_finding_with_a_number_and_names() {
    let names: Vec<String> = (0..1000).map(|number| format!("dev/{number}")).collect();
    let members: Vec<Spec<'_>> = names.iter().map(|name| ('b', name.as_str(), "")).collect();
    let found = findings(&members, &Limits::default());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].message, "1000 devices: dev/0, dev/1, dev/2 and 997 more");
}

#[test]
fn what_cannot_be_remembered_is_said() {
    let mut limits = Limits::default();
    limits.set("symlink-bytes", 200).unwrap();
    let names: Vec<String> = (0..100).map(|number| format!("link-{number}")).collect();
    let mut members: Vec<Spec<'_>> = names.iter().map(|name| ('l', name.as_str(), "/etc")).collect();
    members.push(('f', "link-99/x", ""));
    let found = findings(&members, &limits);
    let limit = found.iter().find(|finding| finding.code.id == "limit/reached").unwrap();
    assert!(limit.message.starts_with("99 symbolic links were not remembered"), "{}", limit.message);
    // Forty links are followed, as on Linux, and not one more.
    for (links, endless) in [(40, false), (41, true)] {
        let names: Vec<String> = (0..=links).map(|number| format!("l{number}")).collect();
        let mut members: Vec<Spec<'_>> = vec![('d', &names[0], "")];
        members.extend(names.windows(2).map(|pair| ('l', pair[1].as_str(), pair[0].as_str())));
        let path = format!("l{links}/x");
        members.push(('f', &path, ""));
        let found = codes(&findings(&members, &Limits::default()));
        assert_eq!(found.contains(&("entry/link-loop", E)), endless, "{links} links: {found:?}");
        assert_eq!(found.contains(&THROUGH), !endless, "{links} links: {found:?}");
    }
}

/// Links that each lead to two, and members that go through all of them: bounded for each member.
#[test]
fn links_that_multiply_cost_no_more_than_the_limit() {
    let names: Vec<String> = (0..30).map(|number| format!("l{number}")).collect();
    let targets: Vec<String> = (1..31).map(|number| format!("./l{number}")).collect();
    let mut members: Vec<Spec<'_>> = Vec::new();
    for (name, target) in names.iter().zip(&targets) {
        members.extend([('l', name.as_str(), target.as_str()), ('l', name.as_str(), &target[2..])]);
    }
    let files: Vec<String> = (0..2000).map(|number| format!("l0/{number}/x")).collect();
    members.extend(files.iter().map(|file| ('f', file.as_str(), "")));
    let start = std::time::Instant::now();
    let found = codes(&findings(&members, &Limits::default()));
    assert!(found.contains(&("entry/link-loop", E)), "{found:?}");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}

/// A folder deep enough that no member gets out of it, with things beside the one that is extracted into.
struct Playground {
    base: tempfile::TempDir,
    outer: PathBuf,
}

const LEVELS: usize = 40;

impl Playground {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let outer = (0..LEVELS).fold(base.path().to_owned(), |path, _| path.join("z"));
        fs::create_dir_all(&outer).unwrap();
        let playground = Self { base, outer };
        playground.reset();
        playground
    }

    fn root(&self) -> PathBuf {
        self.outer.join("root")
    }

    /// Takes away what the last extraction left, and puts the canaries back.
    fn reset(&self) {
        let mut level = self.base.path().to_owned();
        loop {
            fs::set_permissions(&level, fs::Permissions::from_mode(0o755)).unwrap();
            for entry in fs::read_dir(&level).unwrap() {
                let path = entry.unwrap().path();
                if path.is_symlink() || !path.is_dir() {
                    fs::remove_file(path).unwrap();
                } else if level == self.outer || !path.ends_with("z") {
                    fs::remove_dir_all(path).unwrap();
                }
            }
            if level == self.outer {
                break;
            }
            level.push("z");
        }
        fs::create_dir(self.root()).unwrap();
        for folder in ["a", "a/a", "abs", "abs/n"] {
            fs::create_dir(self.outer.join(folder)).unwrap();
        }
        for file in ["b", "a/c", "abs/a"] {
            fs::write(self.outer.join(file), "canary").unwrap();
        }
    }

    /// Empties the folder that is extracted into, and puts the canaries back where they were touched; says whether they were.
    fn clear(&self, before: &BTreeMap<PathBuf, (u32, Vec<u8>)>) -> bool {
        let out = self.outside() != *before;
        if out {
            self.reset();
        } else {
            fs::remove_dir_all(self.root()).unwrap();
            fs::create_dir(self.root()).unwrap();
        }
        out
    }

    /// All there is outside of the folder that is extracted into: kind, mode and content.
    fn outside(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let (mut all, mut folders) = (BTreeMap::new(), vec![self.base.path().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let meta = path.symlink_metadata().unwrap();
                if path == self.root() {
                    continue;
                }
                let content = if meta.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
                all.insert(path.clone(), (meta.permissions().mode(), content));
                if meta.is_dir() {
                    folders.push(path);
                }
            }
        }
        all
    }
}

/// How the naive extractor answers what stands in its way.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Whether it takes away a file or an empty folder before it puts something there.
    unlinks: bool,
    /// Whether a hard link to a symbolic link is made to what that points to.
    follows: bool,
}

const WAYS: [Way; 3] = [
    Way { unlinks: false, follows: false },
    Way { unlinks: true, follows: false },
    Way { unlinks: false, follows: true },
];

/// Does what an archive says and asks nobody. What the system refuses is left out.
fn extract(root: &Path, members: &[Spec<'_>], way: Way) {
    for (kind, path, link) in members {
        let path = root.join(path);
        let _ = fs::create_dir_all(path.parent().unwrap());
        if way.unlinks && *kind != 'd' {
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        }
        let mode = |bits| {
            let _ = fs::set_permissions(&path, fs::Permissions::from_mode(bits));
        };
        let _ = match kind {
            'd' => fs::create_dir(&path),
            'l' => symlink(link, &path),
            'h' => {
                let target = root.join(link);
                let target = if way.follows { fs::canonicalize(&target).unwrap_or(target) } else { target };
                fs::hard_link(target, &path)
            }
            _ => fs::write(&path, "written"),
        };
        match kind {
            'd' => mode(0o750),
            'l' => {}
            _ => mode(0o640),
        }
    }
}

fn is_told(members: &[Spec<'_>]) -> bool {
    let told = ["entry/written-outside", "entry/unsafe-path", "entry/link-loop"];
    findings(members, &Limits::default()).iter().any(|found| found.severity == E && told.contains(&found.code.id))
}

/// The member with `@` in its target put in the place of the canary's folder.
fn placed(members: &[(char, String, String)], outer: &Path) -> Vec<(char, String, String)> {
    let abs = outer.join("abs");
    let abs = abs.to_str().unwrap();
    members.iter().map(|(kind, path, link)| (*kind, path.clone(), link.replace('@', abs))).collect()
}

fn specs(members: &[(char, String, String)]) -> Vec<Spec<'_>> {
    members.iter().map(|(kind, path, link)| (*kind, path.as_str(), link.as_str())).collect()
}

fn graphs() -> impl Strategy<Value = Vec<(char, String, String)>> {
    let path = prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|parts| parts.join("/"));
    let up = prop::sample::select(vec!["a", "b", "c", "..", "..", "."]);
    let relative = prop::collection::vec(up, 1..5).prop_map(|parts| parts.join("/"));
    let target = prop_oneof![8 => relative, 1 => Just("@".to_owned()), 1 => Just("@/a".to_owned())];
    let kind = prop::sample::select(vec!['d', 'f', 'f', 'l', 'l', 'l', 'h', 'h']);
    let member = (kind, path.clone(), target, path).prop_map(|(kind, path, symbolic, hard)| {
        let link = match kind {
            'l' => symbolic,
            'h' => hard,
            _ => String::new(),
        };
        (kind, path, link)
    });
    prop::collection::vec(member, 1..9)
}

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn whatever_leads_the_naive_extractor_out_was_told_of() {
    let playground = Playground::new();
    let before = playground.outside();
    let (escaped, safe) = (Cell::new(0), Cell::new(0));
    let result = runner(300).run(&graphs(), |members| {
        let members = placed(&members, &playground.outer);
        let told = is_told(&specs(&members));
        safe.set(safe.get() + u32::from(!told));
        for way in WAYS {
            extract(&playground.root(), &specs(&members), way);
            let out = playground.clear(&before);
            prop_assert!(told || !out, "nothing was said, and {way:?} was led out by {members:?}");
            escaped.set(escaped.get() + u32::from(out));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // The comparison means something: both happen.
    assert!(escaped.get() > 30 && safe.get() > 60, "{} escaped, {} safe", escaped.get(), safe.get());
}

#[test]
fn what_is_said_to_be_written_outside_is() {
    let playground = Playground::new();
    let before = playground.outside();
    let mut cases: Vec<Vec<(char, String, String)>> = CASES
        .iter()
        .filter(|(_, expected)| expected.contains(&OUT))
        .map(|(members, _)| {
            members.iter().map(|(kind, path, link)| (*kind, (*path).to_owned(), (*link).to_owned())).collect()
        })
        .collect();
    let known = cases.len();
    cases.push(long_chain(15, "abs"));
    let mut wrong = Vec::new();
    for (number, mut members) in cases.into_iter().enumerate() {
        for (_, _, link) in &mut members {
            // What the table says of the system's folders is done to canaries.
            for (theirs, ours) in [("/etc/passwd", "@/a"), ("/etc/shadow", "@/a"), ("/etc", "@")] {
                if link == theirs {
                    *link = ours.to_owned();
                }
            }
        }
        // A hard link into the parent folder needs something there.
        fs::write(playground.outer.join("x"), "canary").unwrap();
        let before = playground.outside();
        let members = placed(&members, &playground.outer);
        let mut out = false;
        for way in WAYS {
            extract(&playground.root(), &specs(&members), way);
            out |= playground.outside() != before;
            playground.reset();
            fs::write(playground.outer.join("x"), "canary").unwrap();
        }
        assert!(is_told(&specs(&members)), "{members:?}");
        if !out {
            wrong.push(format!("{number}: {members:?}"));
        }
        playground.reset();
    }
    assert!(known > 15);
    assert!(playground.outside() == before, "the canaries are not put back");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs one program on an archive in the folder that is extracted into.
fn run(program: &str, arguments: &[&str], root: &Path) {
    let command =
        Command::new(program).args(arguments).current_dir(root).stdout(Stdio::null()).stderr(Stdio::null()).status();
    command.unwrap();
}

const PYTHON: &str = "import sys, tarfile
archive = tarfile.open(sys.argv[1], errorlevel=0)
archive.extractall('.', filter='fully_trusted')";

#[test]
fn programs_stay_inside_where_nothing_is_said() {
    let test = "programs_stay_inside_where_nothing_is_said";
    let installed: Vec<&str> = ["tar", "bsdtar", "python3"].into_iter().filter(|name| program(test, name)).collect();
    let playground = Playground::new();
    let before = playground.outside();
    let archive = tempfile::NamedTempFile::new().unwrap();
    let name = archive.path().to_str().unwrap();
    let (safe, led) = (Cell::new(0), Cell::new(0));
    let result = runner(60).run(&graphs(), |members| {
        let members = placed(&members, &playground.outer);
        let told = is_told(&specs(&members));
        fs::write(archive.path(), pack(&specs(&members))).unwrap();
        safe.set(safe.get() + u32::from(!told));
        for program in &installed {
            match *program {
                "tar" => run("tar", &["--no-same-owner", "-xf", name], &playground.root()),
                "bsdtar" => run("bsdtar", &["-P", "-o", "-xf", name], &playground.root()),
                _ => run("python3", &["-c", PYTHON, name], &playground.root()),
            }
            let out = playground.clear(&before);
            prop_assert!(told || !out, "nothing was said, and {program} was led out by {members:?}");
            led.set(led.get() + u32::from(out));
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(safe.get() > 10, "{} safe", safe.get());
    assert!(led.get() > 0 || !installed.contains(&"python3"), "nobody was led out of anything");
}

/// A megabyte of folders in one path would be hashed for hours, folder by folder.
#[test]
fn a_path_without_end_costs_no_more_than_its_bytes() {
    let path = "a/".repeat(1 << 19) + "b";
    let mut graph = Graph::new(&Limits::default(), None);
    graph.entry(&entry(('f', "a/b", "")));
    graph.entry(&entry(('f', &path, "")));
    graph.entry(&entry(('f', "a/a/b", "")));
    assert!(graph.finish(Depth::default()).is_empty());
}
