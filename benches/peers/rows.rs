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
    /// A folder packed into an archive. veritar verifies it as it flows, looks inside the members, and gives it a name when
    /// it passed.
    BackUp(Sealed),
}

/// What becomes of a folder that is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sealed {
    /// A plain archive on the disk.
    No,
    /// The same, and the peer leaves it in the page cache, where a power cut finds it.
    NoAndInCache,
    /// An encrypted archive on the disk.
    Yes,
}

impl Sealed {
    /// The ending of the archive's name.
    pub(crate) fn extension(self) -> &'static str {
        if self == Self::Yes { "tar.gpg" } else { "tar" }
    }
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
    // At most a tenth more time.
    row("backup", Input::Storage, Work::BackUp(Sealed::No), 0.91),
    Row { name: "backup-cache", input: Input::Storage, work: Work::BackUp(Sealed::NoAndInCache), goal: None },
    row("backup-gpg", Input::Storage, Work::BackUp(Sealed::Yes), 0.91),
];

/// The folder that backups go to.
pub(crate) const TARGET: &str = "backups";

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
            Work::BackUp(sealed) => return back_up(store, sealed),
        };
        veritar(store, work, self.input)
    }

    /// Programs that do the work, as far as they do it.
    pub(crate) fn peers<'a>(&self, store: &'a Store) -> Vec<Job<'a>> {
        let file = self.input.file();
        let from = if self.input.is_encrypted() { "@-".to_owned() } else { format!("@{file}") };
        let mtree = ["bsdtar", "-cf", "-", "--format=mtree", "--options=mtree:sha256", &from];
        let lines: Vec<Vec<&str>> = match self.work {
            Work::BackUp(sealed) => return vec![pack(store, sealed)],
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

/// veritar, asked for a backup.
fn back_up(store: &Store, sealed: Sealed) -> Job<'_> {
    let seal: &[&str] =
        if sealed == Sealed::Yes { &["--passphrase-file", PASSPHRASE_FILE] } else { &["--unencrypted"] };
    let what =
        ["backup", "images", "--directory", Input::Storage.file(), "--to", TARGET, "--name", "veritar", "--quiet"];
    Job::new(store).into_folder(TARGET).pipe(&[&[env!("CARGO_BIN_EXE_veritar")], &what[..], seal].concat())
}

/// What people type instead.
fn pack(store: &Store, sealed: Sealed) -> Job<'_> {
    let job = Job::new(store).into_folder(TARGET);
    let archive = format!("{TARGET}/peer.{}", sealed.extension());
    let tar = |to| ["tar", "-cf", to, "-C", Input::Storage.file(), "."];
    match sealed {
        Sealed::No => job.pipe(&tar(&archive)).durable(archive),
        Sealed::NoAndInCache => job.pipe(&tar(&archive)),
        Sealed::Yes => {
            let output = format!("--output={archive}");
            let how = ["--cipher-algo", "AES256", "--compress-algo", "none", "--symmetric", &output];
            job.pipe(&tar("-")).pipe(&[&["gpg"], UNATTENDED, &how].concat()).durable(archive)
        }
    }
}

fn decrypt(file: &'static str) -> Vec<&'static str> {
    [&["gpg"], UNATTENDED, &["--decrypt", file]].concat()
}
