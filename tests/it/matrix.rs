//! The damage matrix: who notices what, action by place by wrapper; `docs/damage-matrix.md` is written from it.
//!
//! Damaged copies of one 27-entry backup go through the programs that people check a backup with, and through veritar. veritar
//! must notice all but the cells of [`SILENT`], and those it must not, each for its reason. What the programs do must be
//! what the page says, where they are the versions that the page names.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};

use sha2::Digest as _;
use veritar::verify::{Archive, Outcome, Verdict, verify_inside};

use crate::build::damage::{self, Damaged, Marks};
use crate::build::openpgp::{Chunks, Message};
use crate::build::products::{mke, pack};
use crate::build::{gzip, passphrase};
use crate::support::{corpus, options, program, root, secrets, verify_file, verify_source, whole};

const TEST: &str = "who_notices_what";

/// How a wrapper is written and read back by its own program.
struct Wrapper {
    column: &'static str,
    suffix: &'static str,
    /// Nothing for OpenPGP, which no tar and no Python reads by itself.
    write: Option<&'static [&'static str]>,
    read: &'static [&'static str],
    /// Whether Python 3.11's tarfile reads it.
    python: bool,
    marks: Marks,
}

const fn marks(magic: usize, field: usize, check_from_end: usize) -> Marks {
    Marks { magic, field, check_from_end }
}

/// The fields: gzip's time, zstd's frame descriptor, xz's stream flags, bzip2's block size, lzip's dictionary size,
/// compress' flags, OpenPGP's salt. The checks: each format's own at the end, and the last codes where compress has none.
const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        column: "gzip",
        suffix: "gz",
        write: Some(&["gzip", "-n", "-c"]),
        read: &["gzip", "-dc"],
        python: true,
        marks: marks(1, 4, 6),
    },
    Wrapper {
        column: "zstd",
        suffix: "zst",
        write: Some(&["zstd", "-q", "-c"]),
        read: &["zstd", "-q", "-dc"],
        python: false,
        marks: marks(1, 4, 2),
    },
    Wrapper {
        column: "xz",
        suffix: "xz",
        write: Some(&["xz", "-c", "-T1"]),
        read: &["xz", "-dc"],
        python: true,
        marks: marks(1, 7, 6),
    },
    Wrapper {
        column: "bzip2",
        suffix: "bz2",
        write: Some(&["bzip2", "-c"]),
        read: &["bzip2", "-dc"],
        python: true,
        marks: marks(1, 3, 3),
    },
    Wrapper {
        column: "lzip",
        suffix: "lz",
        write: Some(&["lzip", "-c"]),
        read: &["lzip", "-dc"],
        python: false,
        marks: marks(1, 5, 18),
    },
    Wrapper {
        column: "compress",
        suffix: "Z",
        write: Some(&["compress", "-c", "-f"]),
        read: &["compress", "-dc"],
        python: false,
        marks: marks(1, 2, 2),
    },
    Wrapper {
        column: "OpenPGP, gpg",
        suffix: "gpg",
        write: None,
        read: &["gpg", "--decrypt"],
        python: true,
        marks: marks(0, 6, 10),
    },
    Wrapper {
        column: "OpenPGP, Go",
        suffix: "pgp",
        write: None,
        read: &["gpg", "--decrypt"],
        python: true,
        marks: marks(0, 6, 10),
    },
    Wrapper {
        column: "gzip in OpenPGP, Go",
        suffix: "gz.pgp",
        write: None,
        read: &["gpg", "--decrypt"],
        python: true,
        marks: marks(0, 6, 10),
    },
];

/// Cells in which veritar passes an archive and says nothing that it does not say of the good one.
struct Silent {
    rows: &'static [&'static str],
    columns: &'static [&'static str],
    /// `=` where all content is still there, `?` where it is not and nothing shows it.
    letter: char,
    why: &'static str,
}

const SILENT: &[Silent] = &[
    Silent {
        rows: &["512 bytes repeated"],
        columns: &["end marker"],
        letter: '=',
        why: "zeros behind the end marker are what every tar pads its last record with",
    },
    Silent {
        rows: &["zeros appended"],
        columns: &["the tar"],
        letter: '=',
        why: "zeros behind the end marker are what every tar pads its last record with",
    },
    Silent {
        rows: &["one bit flipped in a field of the header", "one byte overwritten in a field of the header"],
        columns: &["gzip"],
        letter: '=',
        why: "the field is the time of the compressed file; no check covers it, and nothing depends on it",
    },
    Silent {
        rows: &["one bit flipped in a field of the header"],
        columns: &["bzip2"],
        letter: '=',
        why: "the field is the size of the blocks, 8 where it was 9; no check covers it, and the one block fits into both",
    },
    Silent {
        rows: &["one bit flipped"],
        columns: &["content"],
        letter: '?',
        why: "a tar has no checksum over content; this is one letter of a text",
    },
    Silent {
        rows: &["one byte overwritten in the middle"],
        columns: &["compress"],
        letter: '?',
        why: "compress has no check, which veritar warns of; 84 bytes of one text are others, and it is as long as it was",
    },
];

/// Rows that also go through the binary, with the exit code that a script gets.
const EXITS: &[(&str, &str, i32)] = &[
    ("one bit flipped", "a header in the middle", 1),
    ("one bit flipped", "content", 0),
    ("cut before the end marker", "the tar", 1),
    ("a second archive appended", "the tar", 1),
    ("one bit flipped in the check or trailer", "gzip", 1),
    ("cut off at the start, nothing left", "gzip", 1),
    ("one bit flipped in the middle", "OpenPGP, Go", 1),
    // Another salt is another passphrase: nobody can say which of them is wrong.
    ("one bit flipped in a field of the header", "OpenPGP, Go", 3),
];

/// What was noticed: `None` where a program was not asked or is not here.
struct Cell {
    section: usize,
    row: String,
    column: String,
    path: PathBuf,
    own: Option<bool>,
    tar: Option<bool>,
    bsdtar: Option<bool>,
    python: Option<bool>,
    /// The vendor's check: exit 0 of `tar --list` at the end of the pipe, 27 lines or more, the controller's key among them.
    check: Option<bool>,
    veritar: char,
    /// Whether the wrapper's own program still gives every byte of the tar.
    unharmed: Option<bool>,
}

impl Cell {
    fn letters(&self) -> String {
        let mark = |seen: Option<bool>, letter| seen.map_or('-', |noticed| if noticed { letter } else { '·' });
        let programs = [mark(self.tar, 't'), mark(self.bsdtar, 'b'), mark(self.python, 'p'), mark(self.check, 'c')];
        let own = (self.section == WRAPPED).then(|| mark(self.own, 'w'));
        own.into_iter().chain(programs).chain([self.veritar]).collect()
    }
}

/// The sections of the page.
const BLOCKS: usize = 0;
const WHOLE: usize = 1;
const WRAPPED: usize = 2;

struct Case {
    section: usize,
    damaged: Damaged,
    path: PathBuf,
    wrapper: Option<&'static Wrapper>,
}

fn has(name: &'static str) -> bool {
    static FOUND: OnceLock<Mutex<BTreeMap<&'static str, bool>>> = OnceLock::new();
    let mut found = FOUND.get_or_init(Mutex::default).lock().unwrap();
    *found.entry(name).or_insert_with(|| program(TEST, name))
}

/// Whether a program failed, and what it wrote until then.
fn run(command: &mut Command, input: Option<&[u8]>) -> (bool, Vec<u8>) {
    command.env("LC_ALL", "C").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() }).spawn().unwrap();
    std::thread::scope(|scope| {
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // A program that has seen enough does not read the rest.
            scope.spawn(move || drop(stdin.write_all(input)));
        }
        let output = child.wait_with_output().unwrap();
        (!output.status.success(), output.stdout)
    })
}

fn is_complete(listing: &[u8]) -> bool {
    let names = listing.split(|byte| *byte == b'\n').filter(|name| !name.is_empty());
    let (mut count, mut key) = (0, false);
    for name in names {
        count += 1;
        key |= name == b"./ucp-controller-server-certs/key.pem";
    }
    count >= 27 && key
}

/// A home for gpg that goes away with it.
struct Home(tempfile::TempDir);

impl Home {
    fn decrypts(&self, path: &Path) -> Command {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--no-options", "--pinentry-mode", "loopback", "--homedir"]);
        command.arg(self.0.path()).arg("--passphrase-file").arg(corpus().join("passphrase")).arg("--decrypt").arg(path);
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(self.0.path()).args(["--kill", "gpg-agent"]).status();
    }
}

/// What the wrapper's own program makes of a file.
fn unwrap(wrapper: &Wrapper, home: &Home, path: &Path) -> (bool, Vec<u8>) {
    if wrapper.read[0] == "gpg" {
        return run(&mut home.decrypts(path), None);
    }
    run(Command::new(wrapper.read[0]).args(&wrapper.read[1..]), Some(&std::fs::read(path).unwrap()))
}

fn message(content: &[u8]) -> Vec<u8> {
    let secret = passphrase();
    let chunks = Chunks::Since2020;
    Message { passphrase: &secret, chunks, mode: b'b', without_check: false, tag: 18, literals: 1 }.of(content)
}

/// The wrappers whose programs are here, and the good backup in each.
fn wrap(tar: &[u8]) -> Vec<(&'static Wrapper, Vec<u8>)> {
    let mut wrapped = Vec::new();
    for wrapper in WRAPPERS {
        if !has(wrapper.read[0]) {
            println!("{TEST}: no column {}", wrapper.column);
            continue;
        }
        let bytes = match (wrapper.write, wrapper.column) {
            (Some(write), _) => run(Command::new(write[0]).args(&write[1..]), Some(tar)).1,
            // gpg writes other bytes each time: one of its messages is kept.
            (None, "OpenPGP, gpg") => std::fs::read(corpus().join("kept/ucp-mke-3.4.5.tar.gpg")).unwrap(),
            (None, "OpenPGP, Go") => message(tar),
            (None, _) => message(&gzip(tar)),
        };
        wrapped.push((wrapper, bytes));
    }
    wrapped
}

fn codes(outcome: &Outcome) -> BTreeSet<&'static str> {
    outcome.findings.iter().map(|finding| finding.code.id).collect()
}

/// `V` for a verdict other than pass, `n` for a pass with a finding of its own, else `=` or `?` by the content's digest.
fn judged(outcome: &Outcome, good: &Outcome) -> char {
    match outcome.verdict {
        Verdict::Fail | Verdict::Inconclusive => 'V',
        Verdict::Pass if !codes(outcome).is_subset(&codes(good)) => 'n',
        Verdict::Pass if outcome.content == good.content => '=',
        Verdict::Pass => '?',
    }
}

/// Lists every archive by Python's tarfile, in one process: whether it raised.
fn python(paths: &[PathBuf]) -> Vec<bool> {
    let script = "import sys, tarfile\nfor path in sys.stdin.read().splitlines():\n    try:\n        \
                  with tarfile.open(path) as archive:\n            archive.getnames()\n        print(0)\n    \
                  except Exception:\n        print(1)\n";
    let list: Vec<&str> = paths.iter().map(|path| path.to_str().unwrap()).collect();
    let (failed, answers) = run(Command::new("python3").args(["-c", script]), Some(list.join("\n").as_bytes()));
    let answers: Vec<bool> = String::from_utf8(answers).unwrap().lines().map(|line| line == "1").collect();
    assert!(!failed && answers.len() == paths.len(), "python3 answered {} of {}", answers.len(), paths.len());
    answers
}

/// What all programs but Python say, and veritar.
fn look(case: &Case, home: &Home, tar: &[u8], good: &Outcome) -> Cell {
    let outcome = verify_file(&case.path, 1);
    let bytes = &case.damaged.bytes;
    let opened = case.wrapper.map(|wrapper| unwrap(wrapper, home, &case.path));
    let content = opened.as_ref().map_or(bytes, |(_, content)| content);
    let list = || [("tar", "--list"), ("bsdtar", "-t")];
    let from_file = |(name, list): (&'static str, &str)| {
        has(name).then(|| run(Command::new(name).args([list, "--file"]).arg(&case.path), None).0)
    };
    let zipped = case.damaged.column.starts_with("gzip in");
    let from_pipe = |(name, list): (&'static str, &str)| {
        // GNU tar looks for compression in files, and must be told of it in a pipe.
        let more = (zipped && name == "tar").then_some("--gzip");
        has(name).then(|| run(Command::new(name).args([list, "--file", "-"]).args(more), Some(content)))
    };
    let piped = from_pipe(list()[0]);
    let encrypted = case.wrapper.is_some_and(|wrapper| wrapper.write.is_none());
    let (by_tar, by_bsdtar) = if encrypted {
        std::fs::write(case.path.with_extension("out"), content).unwrap();
        (piped.as_ref().map(|(failed, _)| *failed), from_pipe(list()[1]).map(|(failed, _)| failed))
    } else {
        (from_file(list()[0]), from_file(list()[1]))
    };
    Cell {
        section: case.section,
        row: case.damaged.row.clone(),
        column: case.damaged.column.clone(),
        path: case.path.clone(),
        own: opened.as_ref().map(|(failed, _)| *failed),
        tar: by_tar,
        bsdtar: by_bsdtar,
        python: None,
        check: piped.map(|(failed, listing)| failed || !is_complete(&listing)),
        veritar: judged(&outcome, good),
        unharmed: opened.map(|(_, content)| content == if zipped { gzip(tar) } else { tar.to_vec() }),
    }
}

/// All cells of the page, in its order.
fn cells(folder: &Path) -> Vec<Cell> {
    let (members, home) = (mke(), Home(tempfile::tempdir().unwrap()));
    let tar = pack(&members);
    let mut cases = Vec::new();
    let mut goods = BTreeMap::new();
    let mut add = |section, wrapper: Option<&'static Wrapper>, list: Vec<Damaged>| {
        for damaged in list {
            let suffix = wrapper.map_or(String::new(), |wrapper| format!(".{}", wrapper.suffix));
            let path = folder.join(format!("{}.tar{suffix}", cases.len()));
            std::fs::write(&path, &damaged.bytes).unwrap();
            cases.push(Case { section, damaged, path, wrapper });
        }
    };
    add(BLOCKS, None, damage::blocks(&members));
    add(WHOLE, None, damage::whole(&members));
    goods.insert("", verify_source("good", whole(&tar), 1));
    for (wrapper, bytes) in wrap(&tar) {
        let path = folder.join(format!("good.tar.{}", wrapper.suffix));
        std::fs::write(&path, &bytes).unwrap();
        goods.insert(wrapper.column, verify_file(&path, 1));
        // Starts gpg's agent, too, before two of them would.
        assert!(!unwrap(wrapper, &home, &path).0, "{} does not read the good backup", wrapper.read[0]);
        add(WRAPPED, Some(wrapper), damage::wrapped(wrapper.column, &bytes, wrapper.marks));
    }
    for (column, good) in &goods {
        assert_eq!((good.verdict, good.content), (Verdict::Pass, goods[""].content), "the good backup, {column}");
    }
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from).min(8) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let good = &goods[case.wrapper.map_or("", |wrapper| wrapper.column)];
                    let cell = look(case, &home, &tar, good);
                    found.lock().unwrap().insert(index, cell);
                }
            });
        }
    });
    let mut cells: Vec<Cell> = found.into_inner().unwrap().into_values().collect();
    assert_eq!(cells.len(), cases.len());
    if has("python3") {
        let asked = |case: &&Case| case.wrapper.is_none_or(|wrapper| wrapper.python);
        let paths: Vec<PathBuf> = cases.iter().filter(asked).map(python_path).collect();
        let mut answers = python(&paths).into_iter();
        for (cell, case) in cells.iter_mut().zip(&cases) {
            if asked(&case) {
                cell.python = answers.next();
            }
        }
    }
    cells
}

/// Python gets what gpg gave, since it cannot ask gpg.
fn python_path(case: &Case) -> PathBuf {
    match case.wrapper {
        Some(wrapper) if wrapper.write.is_none() => case.path.with_extension("out"),
        _ => case.path.clone(),
    }
}

// --- the page ---

/// The first line a program says about itself.
fn version(name: &'static str) -> Option<String> {
    let option = if name == "compress" { "-V" } else { "--version" };
    let output = has(name).then(|| Command::new(name).arg(option).stdin(Stdio::null()).output().unwrap())?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    Some(said.lines().find(|line| !line.trim().is_empty())?.trim().trim_matches('*').trim().to_owned())
}

const PROGRAMS: &[&str] = &["tar", "bsdtar", "python3", "gpg", "gzip", "zstd", "xz", "bzip2", "lzip", "compress"];

fn versions() -> String {
    let known = PROGRAMS.iter().filter_map(|name| Some(format!("- `{name}`: {}\n", version(name)?)));
    known.collect()
}

/// The names in the order in which they first come.
fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    names.filter(|name| seen.insert(*name)).collect()
}

fn table(page: &mut String, cells: &[&Cell], rows: &str) {
    let columns = in_order(cells.iter().map(|cell| cell.column.as_str()));
    writeln!(page, "| {rows} | {} |\n|---|{}", columns.join(" | "), "---|".repeat(columns.len())).unwrap();
    for row in in_order(cells.iter().map(|cell| cell.row.as_str())) {
        write!(page, "| {row} |").unwrap();
        for column in &columns {
            let cell = cells.iter().find(|cell| cell.row == row && cell.column == *column);
            write!(page, " {} |", cell.map_or(String::new(), |cell| format!("`{}`", cell.letters()))).unwrap();
        }
        page.push('\n');
    }
}

/// Whether somebody noticed what is in a cell.
type Noticed = fn(&Cell) -> Option<bool>;

/// "N of M", over the archives that a program was shown.
fn share<'a>(cells: impl Iterator<Item = &'a Cell>, noticed: Noticed) -> String {
    let answers: Vec<bool> = cells.filter_map(noticed).collect();
    format!("{} of {}", answers.iter().filter(|noticed| **noticed).count(), answers.len())
}

fn totals(page: &mut String, cells: &[Cell]) {
    let silent = |letter| cells.iter().filter(|cell| cell.veritar == letter).count();
    let passed: Vec<&Cell> = cells.iter().filter(|cell| cell.check == Some(false)).collect();
    writeln!(
        page,
        "Of {} damaged archives the vendor's check passes {}. veritar passes {} in silence: {} have lost nothing, and {}\ncarry no \
         trace of it; the end of this page lists them.\n",
        cells.len(),
        passed.len(),
        silent('=') + silent('?'),
        silent('='),
        silent('?')
    )
    .unwrap();
    page.push_str("| notices | of a plain tar | of a wrapped one |\n|---|---|---|\n");
    let programs: [(&str, Noticed); 6] = [
        ("the wrapper's own program", |cell| cell.own),
        ("GNU tar", |cell| cell.tar),
        ("bsdtar", |cell| cell.bsdtar),
        ("Python's tarfile", |cell| cell.python),
        ("the vendor's check", |cell| cell.check),
        ("veritar", |cell| Some(matches!(cell.veritar, 'V' | 'n'))),
    ];
    for (name, noticed) in programs {
        let part = |wrapped: bool| cells.iter().filter(move |cell| (cell.section == WRAPPED) == wrapped);
        let (plain, wrapped) = (share(part(false), noticed), share(part(true), noticed));
        let plain = if plain == "0 of 0" { "" } else { plain.as_str() };
        writeln!(page, "| {name} | {plain} | {wrapped} |").unwrap();
    }
}

const OPENING: &str = "\
# The damage matrix

Who notices what. Damaged copies of one backup, the 27 entries of an MKE 3.4.5 backup in `corpus/good/ucp-mke-3.4.5.tar`, are shown to
the programs that people check a backup with, and to `veritar verify` with the rule set that it chooses itself. This page is
written by `VERITAR_WRITE_DOCS=1 cargo test --test it who_notices_what`, which also holds veritar, and programs of the versions
named below, against it.

Each cell has one letter for who notices, and a dot for who does not; a dash is a program that cannot read that format.

| letter | who | notices where |
|---|---|---|
| `w` | the wrapper's own program: `gzip -d`, `gpg --decrypt`, … | its exit code is not 0; at the head of a pipe nobody sees it |
| `t` | GNU tar, `tar --list` | its exit code is not 0 |
| `b` | bsdtar, `bsdtar -t` | its exit code is not 0 |
| `p` | Python's `tarfile`, `getnames()` | it raises an exception |
| `c` | the vendor's check: unwrap, pipe into `tar --list`, look | tar's exit code is not 0, fewer than 27 names, or no `key.pem` of the controller |
| `V` | veritar | the verdict is not pass |
| `n` | veritar | the verdict is pass, with a finding that the good archive does not have |
| `=` | nobody: veritar passes | every member is still what it was |
| `?` | nobody: veritar passes | a member is not what it was, and nothing in the archive shows it; only a record made before does |

tar, bsdtar and tarfile open compressed files by themselves. They get OpenPGP messages from `gpg --decrypt` through a pipe, as the vendor's
check gets everything.
";

fn page(cells: &[Cell], silent: &[Silent]) -> String {
    let mut page = format!("{OPENING}\n## Totals\n\n");
    totals(&mut page, cells);
    write!(page, "\nThe programs:\n\n{}", versions()).unwrap();
    let of = |section| cells.iter().filter(|cell| cell.section == section).collect::<Vec<_>>();
    page.push_str("\n## Damage to the blocks of a plain tar\n\n");
    page.push_str("A header has a checksum; content, padding and end marker have none.\n\n");
    table(&mut page, &of(BLOCKS), "action");
    page.push_str("\n## Damage to a plain tar as a whole, and to its members\n\n");
    page.push_str("The same damage inside a wrapper that was made afterwards is judged the same: a wrapper proves what was put in.\n\n");
    table(&mut page, &of(WHOLE), "action");
    page.push_str("\n## Damage to a wrapped tar\n\n");
    page.push_str("`OpenPGP, gpg` is what gpg makes by default; `OpenPGP, Go` is what the product makes: without compression.\n\n");
    table(&mut page, &of(WRAPPED), "action and place");
    page.push_str("\n## What veritar passes in silence, and why\n\n");
    for entry in silent {
        writeln!(
            page,
            "- `{}` {}, in {}: {}.",
            entry.letter,
            entry.rows.join("; "),
            entry.columns.join(", "),
            entry.why
        )
        .unwrap();
    }
    page
}

/// What the command says to a script.
fn exits(cells: &[Cell]) {
    for (row, column, expected) in EXITS {
        let Some(cell) = cells.iter().find(|cell| cell.row == *row && cell.column == *column) else {
            assert!(WRAPPERS.iter().any(|wrapper| wrapper.column == *column), "no cell {row} / {column}");
            continue;
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VERITAR_")) {
            command.env_remove(name);
        }
        command.arg("verify").arg(&cell.path).arg("--passphrase-file").arg(corpus().join("passphrase"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(*expected), "{row} / {column}");
    }
}

type Wrap = fn(&[u8]) -> Vec<u8>;

/// A wrapper that was made after the damage proves the damage: veritar says the same of both.
#[test]
fn a_wrapper_made_after_the_damage_hides_nothing() {
    let members = mke();
    let tar = pack(&members);
    let verdict = |bytes: &[u8], good: &Outcome| judged(&verify_source("made", whole(bytes), 1), good);
    let plain_good = verify_source("good", whole(&tar), 1);
    for wrap in [gzip, message] as [Wrap; 2] {
        let good = verify_source("good", whole(&wrap(&tar)), 1);
        for damaged in damage::blocks(&members).into_iter().chain(damage::whole(&members)) {
            let (plain, wrapped) = (verdict(&damaged.bytes, &plain_good), verdict(&wrap(&damaged.bytes), &good));
            assert_eq!(wrapped, plain, "{} / {}", damaged.row, damaged.column);
        }
    }
}

/// What another reader of JSON sees in an inspect dump, and what SHA-256 says of the etcd snapshot, veritar notices.
#[test]
fn what_is_in_the_members_is_noticed() {
    let members = mke();
    let shows = |bytes: &[u8]| {
        let mut archive = tar::Archive::new(bytes);
        archive.entries().unwrap().map_while(Result::ok).any(|mut member| {
            let name = member.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut member, &mut content).unwrap();
            if name.ends_with("etcd.backup.db") {
                let (pages, checksum) = content.split_at(content.len() - 32);
                return sha2::Sha256::digest(pages)[..] != *checksum;
            }
            let Some(container) = name.strip_suffix(".json") else { return false };
            let dump: Option<serde_json::Value> = serde_json::from_slice(&content).ok();
            dump.is_none_or(|dump| dump["Name"] != format!("/{}", container.trim_start_matches("./")))
        })
    };
    assert!(!shows(&pack(&members)));
    let good = verify_source("good", whole(&pack(&members)), 1);
    let mut looked = 0;
    for damaged in damage::blocks(&members).into_iter().chain(damage::whole(&members)) {
        let is_inside = ["content", "padding"].contains(&damaged.column.as_str())
            || ["dump by", "etcd"].iter().any(|part| damaged.row.contains(part));
        if is_inside && shows(&damaged.bytes) {
            looked += 1;
            let letter = judged(&verify_source("damaged", whole(&damaged.bytes), 1), &good);
            assert_eq!(letter, 'V', "{} / {}", damaged.row, damaged.column);
        }
    }
    assert!(looked >= 7, "{looked}");
}

/// What the list of the silent says of `--inside` is so.
#[test]
fn damage_in_a_member_that_is_an_archive_is_noticed_inside() {
    let members = mke();
    let store = members.iter().find(|member| member.name.ends_with("auth-store.tar.gz")).unwrap();
    let name = store.name.trim_start_matches("./").as_bytes().to_vec();
    let inside = |bytes: &[u8]| {
        let archive = Archive::from_source("backup", whole(bytes));
        let outcomes = verify_inside(archive, std::slice::from_ref(&name), &options(1), &mut secrets()).unwrap();
        codes(outcomes.last().unwrap()).into_iter().filter(|code| code.starts_with("gzip/")).collect::<Vec<_>>()
    };
    let whole = damage::whole(&members);
    let damaged = whole.iter().find(|damaged| damaged.row.contains("auth-store.tar.gz")).unwrap();
    assert_eq!(inside(&pack(&members)), Vec::<&str>::new());
    assert_ne!(inside(&damaged.bytes), Vec::<&str>::new());
}

/// What veritar says in each cell of a page, by section, row and column.
fn verdicts(page: &str) -> BTreeMap<(String, String, String), char> {
    let mut found = BTreeMap::new();
    let (mut section, mut columns) = (String::new(), Vec::new());
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            (section, columns) = (title.to_owned(), Vec::new());
        }
        let Some(row) = line.strip_prefix("| ") else { continue };
        let fields: Vec<String> = row.trim_end_matches('|').split('|').map(|field| field.trim().to_owned()).collect();
        if columns.is_empty() {
            columns = fields;
            continue;
        }
        for (column, cell) in columns.iter().zip(&fields).skip(1) {
            if let Some(letter) = cell.strip_prefix('`').and_then(|cell| cell.trim_end_matches('`').chars().last()) {
                found.insert((section.clone(), fields[0].clone(), column.clone()), letter);
            }
        }
    }
    found
}

#[test]
fn who_notices_what() {
    let folder = tempfile::tempdir().unwrap();
    let cells = cells(folder.path());
    let mut wrong = Vec::new();
    let mut met = BTreeSet::new();
    for cell in &cells {
        let name = format!("{} / {} {}", cell.row, cell.column, cell.letters());
        let listed = SILENT
            .iter()
            .position(|entry| entry.rows.contains(&cell.row.as_str()) && entry.columns.contains(&cell.column.as_str()));
        match (listed, cell.veritar) {
            (None, 'V' | 'n') => {}
            (None, _) => wrong.push(format!("{name}: veritar says nothing")),
            (Some(index), letter) if SILENT[index].letter == letter => {
                met.insert((index, &cell.row, &cell.column));
                // Where all is said to be there, the wrapper's own program gives all of it. Where something is not, nobody else
                // sees it.
                let others = [cell.own, cell.tar, cell.bsdtar, cell.python];
                if letter == '=' && cell.unharmed == Some(false) {
                    wrong.push(format!("{name}: {} gives something else", cell.column));
                }
                if letter != '=' && others.contains(&Some(true)) {
                    wrong.push(format!("{name}: others notice"));
                }
            }
            (Some(index), _) => wrong.push(format!("{name}: on the list as {:?}", SILENT[index].letter)),
        }
    }
    let columns: BTreeSet<&str> = cells.iter().map(|cell| cell.column.as_str()).collect();
    for (index, entry) in SILENT.iter().enumerate() {
        for column in entry.columns.iter().filter(|column| columns.contains(*column)) {
            for row in entry.rows {
                if !met.iter().any(|(at, met_row, met_column)| {
                    (*at, met_row.as_str(), met_column.as_str()) == (index, row, column)
                }) {
                    wrong.push(format!("{row} / {column}: on the list, and no such cell"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    exits(&cells);
    assert!(cells.iter().filter(|cell| cell.section != WRAPPED).count() > 60, "only {} cells", cells.len());

    let made = page(&cells, SILENT);
    let path = root().join("docs/damage-matrix.md");
    if std::env::var_os("VERITAR_WRITE_DOCS").is_some() {
        assert!(PROGRAMS.iter().all(|name| has(name)), "the page needs every program");
        std::fs::write(&path, &made).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    if stored.contains(&format!("\nThe programs:\n\n{}\n", versions())) {
        let differs = stored.lines().zip(made.lines()).find(|(stored, made)| stored != made);
        assert!(stored == made, "docs/damage-matrix.md is not what the programs do; first: {differs:?}");
        return;
    }
    println!("{TEST}: other programs than docs/damage-matrix.md names; only veritar is compared");
    let (stored, made) = (verdicts(&stored), verdicts(&made));
    for (cell, letter) in made {
        assert_eq!(stored.get(&cell), Some(&letter), "veritar on {cell:?}");
    }
}
