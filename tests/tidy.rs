//! The invariants of the house, as absences: what ARCHITECTURE.md says never happens is looked for here.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The modules in the order of the flow: each may import only what stands before it.
const FLOW: &[&str] = &[
    "code", "finding", "limits", "place", "secret", "source", "envelope", "tar", "entry", "walk", "digest", "graph",
    "probe", "rule", "error", "verify", "report", "produce", "cli",
];

/// Vocabulary may name vocabulary in any order: none of it holds any logic.
const VOCABULARY: &[&str] = &["code", "finding", "limits", "place", "secret"];

/// Imports against the flow, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("tar", "entry", "members are described in the words of entries, which know nothing of tar")];

/// Files that may be longer than [`MOST_LINES`], each with its reason.
const LONG: &[(&str, &str)] = &[("code.rs", "a table: one entry a finding code")];

const MOST_LINES: usize = 600;

struct Source {
    /// Path from `src/`, with slashes.
    name: String,
    text: String,
}

impl Source {
    /// The module at the top of the house.
    fn module(&self) -> &str {
        let first = self.name.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Lines of code: no comments, and nothing of the tests at the end of the file.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().take_while(|line| *line != "#[cfg(test)]").enumerate();
        lines.map(|(index, line)| (index + 1, line.trim())).filter(|(_, line)| !line.starts_with("//"))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                sources.push(Source { name, text: std::fs::read_to_string(&path).unwrap() });
            }
        }
    }
    sources.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(sources.len() > 50, "only {} sources found", sources.len());
    sources
}

/// Modules of the house that a line of code names.
fn named<'a>(line: &'a str) -> impl Iterator<Item = &'a str> {
    line.split("crate::").skip(1).flat_map(|rest| {
        let list: &'a str = rest.strip_prefix('{').map_or(rest, |list| list.split('}').next().unwrap_or(list));
        let several = rest.starts_with('{');
        list.split(',').take(if several { usize::MAX } else { 1 }).map(|path| {
            let path = path.trim();
            let end = path.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(path.len());
            &path[..end]
        })
    })
}

#[test]
fn imports_point_upstream() {
    let mut wrong = String::new();
    let mut seen = BTreeSet::new();
    for source in sources().iter().filter(|source| !matches!(source.module(), "lib" | "main")) {
        let here = FLOW.iter().position(|module| *module == source.module());
        let here = here.unwrap_or_else(|| panic!("{} is in no room of the flow", source.name));
        for (number, line) in source.code() {
            for target in named(line) {
                let Some(there) = FLOW.iter().position(|module| *module == target) else { continue };
                seen.insert((source.module().to_owned(), target.to_owned()));
                let both_words = VOCABULARY.contains(&source.module()) && VOCABULARY.contains(&target);
                let excused = EXCEPTIONS.iter().any(|(from, to, _)| *from == source.module() && *to == target);
                if there > here && !both_words && !excused {
                    writeln!(wrong, "{}:{number} imports {target}, which stands downstream", source.name).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    // The check itself sees imports: these three are there.
    for pair in [("walk", "tar"), ("verify", "rule"), ("cli", "report")] {
        assert!(seen.contains(&(pair.0.to_owned(), pair.1.to_owned())), "{pair:?} not seen in {seen:?}");
    }
}

#[test]
fn neighbours_do_not_see_each_other() {
    for (from, to) in [
        ("tar", "envelope"),
        ("envelope", "tar"),
        ("report", "tar"),
        ("report", "envelope"),
        ("rule", "tar"),
        ("rule", "walk"),
        ("graph", "tar"),
        ("graph", "walk"),
        ("digest", "probe"),
        ("probe", "digest"),
        ("probe", "graph"),
        ("probe", "tar"),
    ] {
        for source in sources().iter().filter(|source| source.module() == from) {
            for (number, line) in source.code() {
                let hit = named(line).any(|target| target == to);
                // A finding's codes are named after their area: `code::TAR_…` is no import.
                assert!(!hit, "{}:{number} sees {to}", source.name);
            }
        }
    }
}

#[test]
fn lib_declares_the_modules_in_the_order_of_the_flow() {
    let sources = sources();
    let lib = sources.iter().find(|source| source.name == "lib.rs").unwrap();
    let declared: Vec<&str> =
        lib.code().filter_map(|(_, line)| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, FLOW);
}

/// What may stand only in some rooms.
const ONLY_IN: &[(&str, &[&str])] = &[
    // A producer looks at what its product left on the disk.
    (
        "std::fs",
        &[
            "source/",
            "produce/dtr/authority.rs",
            "produce/images",
            "produce/kubernetes",
            "produce/pack",
            "produce/publish",
            "produce/swarm",
            "produce/ucp/dropped.rs",
            "produce/ucp_api/collect.rs",
            "cli/",
        ],
    ),
    ("fs::File", &["source/", "produce/pack", "produce/publish", "produce/swarm", "cli/"]),
    ("rustix::", &["produce/called", "produce/pack", "produce/publish", "produce/run", "cli/dumps.rs"]),
    ("std::net", &["produce/ucp_api/http.rs"]),
    // The last ends the program where somebody waits for what a thread that panicked owes.
    ("std::process", &["cli/", "main.rs", "walk/fan.rs", "produce/run"]),
    ("process::abort", &["walk/fan.rs"]),
    ("std::env", &["cli/", "main.rs", "produce/run"]),
    ("println!", &["cli/"]),
    ("print!(", &["cli/"]),
    ("stdout()", &["cli/"]),
    ("stderr()", &["cli/"]),
    ("unsafe ", &["source/guard.rs"]),
    ("Serialize", &["report/", "produce/receipt.rs"]),
    ("#[allow(", &[]),
];

#[test]
fn only_the_rooms_at_the_edge_touch_the_world() {
    let mut wrong = String::new();
    let mut met = BTreeSet::new();
    for source in sources() {
        for (number, line) in source.code() {
            for (word, rooms) in ONLY_IN.iter().filter(|(word, _)| line.contains(word)) {
                met.insert(*word);
                if !rooms.iter().any(|room| source.name.starts_with(room)) {
                    writeln!(wrong, "{}:{number} says {word}", source.name).unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    for word in ["std::fs", "std::process", "process::abort", "unsafe ", "Serialize"] {
        assert!(met.contains(word), "{word} is nowhere: does the check see anything?");
    }
}

#[test]
fn parsers_know_no_input_and_no_path() {
    let pure = ["tar/", "envelope/openpgp/packet.rs", "entry.rs", "finding.rs", "code.rs", "place.rs", "limits.rs"];
    let mut looked_at = 0;
    for source in sources().iter().filter(|source| pure.iter().any(|name| source.name.starts_with(name))) {
        looked_at += 1;
        for (number, line) in source.code() {
            for word in ["std::io", "io::", "std::fs", "Path", "OsStr", "SystemTime"] {
                // EntryPath and the like are words of the format, not of a disk.
                let hit = line.contains(word) && !line.contains("LongPath") && !line.contains("TAR_LONG_PATH");
                assert!(!hit || line.contains("ENTRY_UNSAFE_PATH"), "{}:{number} says {word}", source.name);
            }
        }
    }
    assert!(looked_at > 10, "only {looked_at} files looked at");
}

#[test]
fn every_file_says_what_it_is_and_stays_short() {
    let mut wrong = String::new();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            writeln!(wrong, "{} does not open by saying what it is", source.name).unwrap();
        }
        let lines = source.text.lines().take_while(|line| *line != "#[cfg(test)]").count();
        if lines > MOST_LINES && !LONG.iter().any(|(name, _)| *name == source.name) {
            writeln!(wrong, "{} has {lines} lines", source.name).unwrap();
        }
        if source.name == "main.rs" && lines > 40 {
            writeln!(wrong, "main.rs has {lines} lines").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn rooms_say_what_they_promise_and_refuse_to_know() {
    for source in sources().iter().filter(|source| source.module() != "cli" && source.module() != "main") {
        let opening = source.text.lines().map_while(|line| line.strip_prefix("//!"));
        let opening = opening.map(str::trim).collect::<Vec<_>>().join(" ");
        let is_test = source.name.ends_with("_tests.rs");
        if !is_test && source.name != "lib.rs" {
            assert!(opening.contains("Promises"), "{} promises nothing", source.name);
            assert!(opening.contains("Refuses to know"), "{} refuses to know nothing", source.name);
        }
    }
}

/// With `VERITAR_WRITE_DOCS` set, writes the page in the place of comparing it.
#[test]
fn the_page_of_findings_is_the_catalogue() {
    let mut page = String::from(
        "# Findings\n\nEvery code veritar can report, as `veritar explain CODE` shows it. This page is written from \
         `src/code.rs` by\n`VERITAR_WRITE_DOCS=1 cargo test --test tidy`.\n",
    );
    for code in veritar::code::ALL {
        let decides = match code.decides {
            veritar::code::Decides::Fail => "fails the archive",
            veritar::code::Decides::Inconclusive => "leaves it undecided",
        };
        write!(
            page,
            "\n## {}\n\n{}{}.\n\n- Severity: {}; as an error it {decides}.\n- Why: {}.\n- Fix: {}.\n",
            code.id,
            code.title[..1].to_uppercase(),
            &code.title[1..],
            code.severity.as_str(),
            code.why,
            code.fix
        )
        .unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/findings.md");
    if std::env::var_os("VERITAR_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap();
    assert!(stored == page, "docs/findings.md is not what src/code.rs says");
}

/// With `VERITAR_WRITE_DOCS` set, writes the page in the place of comparing it.
#[test]
fn the_page_of_probes_is_the_catalogue() {
    let mut page = String::from(
        "# Probes\n\nWhat looks inside members, as `probe = \"...\"` of a rule file asks for it. This page is written from the catalogue \
         by\n`VERITAR_WRITE_DOCS=1 cargo test --test tidy`. What each of them finds is in [findings.md](findings.md).\n",
    );
    let list = |page: &mut String, title: &str, lines: &[(&str, &str)]| {
        if !lines.is_empty() {
            write!(page, "\n{title}:\n\n").unwrap();
            lines.iter().for_each(|(name, about)| writeln!(page, "- `{name}`: {about}").unwrap());
        }
    };
    for kind in veritar::probe::ALL {
        write!(page, "\n## {}\n\n{}{}.\n", kind.name, kind.about[..1].to_uppercase(), &kind.about[1..]).unwrap();
        list(&mut page, "Settings", kind.settings);
        list(&mut page, "Facts", kind.facts);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/probes.md");
    if std::env::var_os("VERITAR_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == page, "docs/probes.md is not what the catalogue of probes says");
}

/// One probe, one test module: the page of probes and the folder of tests name the same.
#[test]
fn every_probe_has_a_module_of_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/probe");
    let modules: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().trim_end_matches(".rs").replace('_', "-"))
        .collect();
    for kind in veritar::probe::ALL {
        let name = kind.name;
        // The probes of one family are held against the same parts.
        let has = modules.iter().any(|module| module == name || name.split('-').next() == Some(module.as_str()));
        assert!(has, "no module of tests/it/probe is about {name}");
    }
}
