//! What is measured: one row for each kind of archive, with what veritar is asked and who else can do it.

use crate::run::Job;
use crate::store::{Input, Store};
use crate::wrap::{BY_PATH, PASSPHRASE_FILE, UNATTENDED};

/// A line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) input: Input,
    pub(crate) work: Work,
    /// How many times as long the peer shall take, where that was set as a goal.
    pub(crate) goal: Option<f64>,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The names of the members.
    Names,
    /// Every member read and hashed. veritar also proves the layers, and judges by the one rule that there must be members.
    Members,
    /// The same, and veritar hashes the archive itself besides.
    MembersAndFile,
    /// veritar finds the built-in rule set that fits, judges by it and looks inside the members. The peer decrypts and lists.
    Judge,
}

const fn row(name: &'static str, input: Input, work: Work, goal: f64) -> Row {
    Row { name, input, work, goal: Some(goal) }
}

pub(crate) const ROWS: &[Row] = &[
    row("list", Input::Many, Work::Names, 3.0),
    row("plain", Input::Large, Work::Members, 2.2),
    Row { name: "plain+file", input: Input::Large, work: Work::MembersAndFile, goal: None },
    row("many", Input::Many, Work::Members, 2.5),
    row("gz", Input::Gzip, Work::Members, 1.8),
    row("zst", Input::Zstd, Work::Members, 1.3),
    row("xz", Input::Xz, Work::Members, 1.3),
    row("gpg", Input::Gpg, Work::Members, 3.0),
    row("pgp-one", Input::OneLength, Work::Members, 1.6),
    row("pgp-partial", Input::PartialLengths, Work::Members, 1.6),
    row("pgp-go", Input::GoLengths, Work::Members, 1.5),
    row("ucp", Input::Ucp, Work::Judge, 1.5),
];

/// Without the digest of the archive itself, which no peer makes.
pub(crate) const MEMBERS_ALONE: &[&str] = &["--archive-hash", "none"];

impl Row {
    /// What veritar is asked in this row.
    pub(crate) fn veritar<'a>(&self, store: &'a Store) -> Job<'a> {
        let work: &[&str] = match self.work {
            Work::Names => &["list", "--format", "names"],
            Work::Members => &[&["verify", "--rules", BY_PATH], MEMBERS_ALONE].concat(),
            Work::MembersAndFile => &["verify", "--rules", BY_PATH],
            Work::Judge => &["verify"],
        };
        veritar(store, work, self.input)
    }

    /// Programs that do the work, as far as they do it.
    pub(crate) fn peers<'a>(&self, store: &'a Store) -> Vec<Job<'a>> {
        let file = self.input.file();
        let from = if self.input.is_encrypted() { "@-".to_owned() } else { format!("@{file}") };
        let mtree = ["bsdtar", "-cf", "-", "--format=mtree", "--options=mtree:sha256", &from];
        let lines: Vec<Vec<&str>> = match self.work {
            Work::Names => vec![vec!["tar", "-tf", file], vec!["bsdtar", "-tf", file]],
            Work::Members | Work::MembersAndFile => vec![mtree.to_vec()],
            Work::Judge => vec![vec!["tar", "-t"]],
        };
        lines
            .into_iter()
            .map(|line| {
                let job = Job::new(store);
                if self.input.is_encrypted() { job.pipe(&decrypt(file)).pipe(&line) } else { job.pipe(&line) }
            })
            .collect()
    }
}

/// veritar, asked for `work` on one of the archives.
pub(crate) fn veritar<'a>(store: &'a Store, work: &[&str], input: Input) -> Job<'a> {
    let mut line = vec![env!("CARGO_BIN_EXE_veritar")];
    line.extend(work);
    if input.is_encrypted() {
        line.extend(["--passphrase-file", PASSPHRASE_FILE]);
    }
    line.push(input.file());
    Job::new(store).pipe(&line)
}

fn decrypt(file: &'static str) -> Vec<&'static str> {
    [&["gpg"], UNATTENDED, &["--decrypt", file]].concat()
}
