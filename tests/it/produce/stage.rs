//! A stand-in for a client program: it knows some command lines to the byte, complains of all others, and keeps what
//! everybody on the machine could see of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use veritar::produce::flow::{Backup, Failed, Order, Preview, back_up, preview};
use veritar::produce::seal::Seal;
use veritar::produce::{Producer, World, rules_for};
use veritar::rule::catalog;

use crate::support::{executable, options, secrets};

/// 2021-09-13 16:11:50 UTC.
pub const NOW: i64 = 1_631_549_510;

const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$0")
tr '\0' ' ' < /proc/$$/cmdline >> "$here/seen"
echo >> "$here/seen"
tr '\0' '\n' < /proc/$$/environ | cut -d= -f1 | grep -v '^PATH$' >> "$here/variables"
for arguments in "$here"/*.arguments; do
    if printf '%s\0' "$@" | cmp -s - "$arguments"; then
        . "${arguments%.arguments}.sh"
        exit
    fi
done
echo "no such command line: $*" >&2
exit 64
"#;

/// The program.
pub struct StandIn {
    folder: tempfile::TempDir,
    name: &'static str,
    known: usize,
}

impl StandIn {
    pub fn new(name: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        executable(&path, SCRIPT);
        Self { folder, name, known: 0 }
    }

    pub fn program(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Called with exactly these arguments, it does what `script` says.
    pub fn knows(&mut self, arguments: &[&str], script: &str) {
        let mut bytes = Vec::new();
        for argument in arguments {
            bytes.extend_from_slice(argument.as_bytes());
            bytes.push(0);
        }
        let number = self.known;
        self.known += 1;
        fs::write(self.folder.path().join(format!("{number}.arguments")), bytes).unwrap();
        fs::write(self.folder.path().join(format!("{number}.sh")), script).unwrap();
    }

    /// The same, and it prints this.
    pub fn prints(&mut self, arguments: &[&str], printed: &str) {
        let file = self.keep(&format!("printed-{}", self.known), printed.as_bytes());
        self.knows(arguments, &format!("cat '{}'", file.display()));
    }

    /// A file beside it.
    pub fn keep(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// The command lines that everybody could see.
    pub fn seen(&self) -> String {
        fs::read_to_string(self.folder.path().join("seen")).unwrap_or_default()
    }

    /// Whether a command line held this.
    pub fn was_run(&self, part: &str) -> bool {
        self.seen().contains(part)
    }

    /// Names of variables it was given.
    pub fn has_variable(&self, variable: &str) -> bool {
        let variables = fs::read_to_string(self.folder.path().join("variables")).unwrap();
        variables.lines().any(|name| name == variable)
    }
}

/// A folder for archives, and who listens.
pub struct Stage {
    pub target: tempfile::TempDir,
    pub stop: Arc<AtomicBool>,
    pub seal: Seal,
    told: Arc<Mutex<String>>,
}

impl Stage {
    pub fn new() -> Self {
        let target = tempfile::tempdir().unwrap();
        Self { target, stop: Arc::default(), seal: Seal::default(), told: Arc::default() }
    }

    fn world(&self, after: i64) -> World {
        let now = jiff::Timestamp::from_second(NOW + after).unwrap().to_zoned(jiff::tz::TimeZone::UTC);
        let told = Arc::clone(&self.told);
        let stop = Arc::clone(&self.stop);
        World::new(
            Arc::clone(&self.stop),
            now,
            Arc::new(move |this| {
                let said = this.to_string();
                if said.contains("please stop now") {
                    stop.store(true, Ordering::Relaxed);
                }
                told.lock().unwrap().push_str(&format!("{said}\n"));
            }),
        )
    }

    fn order(&self, product: &str) -> Order {
        let mut options = options(2);
        options.rules = catalog::all().iter().filter(|set| rules_for(product, set.id())).cloned().collect();
        assert!(!options.rules.is_empty());
        Order {
            folder: self.target.path().to_owned(),
            name: None,
            seal: self.seal.clone(),
            options,
            can_open: true,
            read_back: true,
            keep: None,
            failed: Failed::Keep,
        }
    }

    pub fn back_up(&self, producer: &mut dyn Producer) -> Backup {
        self.back_up_after(producer, 0)
    }

    /// So many seconds later.
    pub fn back_up_after(&self, producer: &mut dyn Producer, seconds: i64) -> Backup {
        let order = self.order(producer.word());
        back_up(producer, &order, &self.world(seconds), &mut secrets())
    }

    pub fn preview(&self, producer: &mut dyn Producer) -> Result<Preview, String> {
        let order = self.order(producer.word());
        preview(producer, &order, &self.world(0)).map_err(|trouble| trouble.to_string())
    }

    /// What was told while it ran.
    pub fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    /// What lies in the folder, but for the lock.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.target.path()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".veritar.lock");
        names.sort_unstable();
        names
    }

    /// There is no archive: nothing at all, or one that failed with its report.
    pub fn has_no_archive(&self) {
        for name in self.names() {
            assert!(name.ends_with(".failed") || name.ends_with(".failed.json"), "{name}");
        }
    }

    /// Nobody wrote this down: not in what was told, not in a file of the folder, not where everybody could see it.
    pub fn hides(&self, secret: &[u8], stand_in: &StandIn, backup: &Backup) {
        assert!(secret.len() > 5);
        let has = |bytes: &[u8]| memchr::memmem::find(bytes, secret).is_some();
        assert!(!has(self.told().as_bytes()) && !has(stand_in.seen().as_bytes()));
        assert!(!has(&backup.receipt.to_json()) && !has(format!("{backup:?}").as_bytes()));
        assert!(backup.troubles.iter().all(|trouble| !has(trouble.to_string().as_bytes())));
        for name in self.names() {
            assert!(!has(&fs::read(self.target.path().join(&name)).unwrap()), "{name}");
        }
    }
}

/// All that went wrong, in one text.
pub fn troubles(backup: &Backup) -> String {
    backup.troubles.iter().map(|trouble| format!("{trouble}\n")).collect()
}
