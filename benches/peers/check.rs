//! Whether both did the same work: before anything is timed, what they say of the archive is held against each other.

use std::error::Error;

use serde_json::Value;

use crate::rows::{MEMBERS_ALONE, Row, Sealed, TARGET, Work, veritar};
use crate::run::Job;
use crate::store::{Input, Store};
use crate::wrap::{BY_PATH, PASSPHRASE_FILE};

/// Paths with their SHA-256, in the order of the paths.
type Hashed = Vec<(String, String)>;

/// Checks a row against one of its peers; the error says what differs.
pub(crate) fn same_work(row: &Row, peer: &Job<'_>, store: &Store) -> Result<(), Box<dyn Error>> {
    if let Work::BackUp(sealed) = row.work {
        return same_backup(row, peer, sealed, store);
    }
    let report = Report::of(store, row.work, row.input)?;
    let theirs = String::from_utf8(peer.output()?)?;
    match row.work {
        Work::Names | Work::Judge => {
            let ours = veritar(store, &["list", "--format", "names"], row.input).output()?;
            let ours = String::from_utf8(ours)?;
            same(&ours.lines().collect::<Vec<_>>(), &theirs.lines().collect::<Vec<_>>())?;
            report.has(theirs.lines().count())?;
        }
        Work::Members | Work::MembersAndFile => {
            let ours = veritar(store, &["list", "--hash", "sha256", "--format", "sha256sum"], row.input).output()?;
            let theirs = mtree(&theirs);
            same(&sha256sum(&String::from_utf8(ours)?), &theirs)?;
            report.has(theirs.len())?;
        }
        Work::BackUp(_) => {}
    }
    if row.input.is_large() && row.input != Input::Large {
        store.make(Input::Large)?;
        let unwrapped = Report::of(store, Work::Members, Input::Large)?;
        if report.content != unwrapped.content {
            return Err("the content digest is not that of the archive before it was wrapped".into());
        }
    }
    Ok(())
}

/// Checks that both packed the same files, as veritar lists either archive.
fn same_backup(row: &Row, peer: &Job<'_>, sealed: Sealed, store: &Store) -> Result<(), Box<dyn Error>> {
    let packed = |job: &Job<'_>, who: &str| -> Result<Hashed, Box<dyn Error>> {
        job.output()?;
        let list = ["list", "--hash", "sha256", "--format", "sha256sum", "--passphrase-file", PASSPHRASE_FILE];
        let archive = format!("{TARGET}/{who}.{}", sealed.extension());
        let program = [env!("CARGO_BIN_EXE_veritar")];
        let listed = Job::new(store).pipe(&[&program, &list[..], &[&archive]].concat()).output()?;
        Ok(sha256sum(&String::from_utf8(listed)?))
    };
    same(&packed(&row.veritar(store), "veritar")?, &packed(peer, "peer")?)
}

/// What veritar reports.
struct Report {
    entries: u64,
    content: String,
}

impl Report {
    /// Of a run as it is timed, but as JSON; it must pass.
    fn of(store: &Store, work: Work, input: Input) -> Result<Self, Box<dyn Error>> {
        let rules: &[&str] = if work == Work::Judge { &[] } else { &["--rules", BY_PATH] };
        let hashes: &[&str] = if work == Work::Members { MEMBERS_ALONE } else { &[] };
        let report = veritar(store, &[&["verify", "--format", "json"], rules, hashes].concat(), input).output()?;
        let report: Value = serde_json::from_slice(&report)?;
        let archive = &report["archives"][0];
        if archive["verdict"] != "pass" {
            return Err(format!("the verdict is {}", archive["verdict"]).into());
        }
        if work == Work::Judge && archive["rules"][0]["id"] != "ucp-3.2" {
            return Err(format!("judged by {}", archive["rules"]).into());
        }
        let entries = archive["entries"].as_u64().ok_or("no number of entries")?;
        let content = archive["content"]["sha256"].as_str().ok_or("no content digest")?.to_owned();
        Ok(Self { entries, content })
    }

    fn has(&self, entries: usize) -> Result<(), Box<dyn Error>> {
        if self.entries != entries as u64 {
            return Err(format!("{} entries here, {entries} there", self.entries).into());
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(ours: &[T], theirs: &[T]) -> Result<(), Box<dyn Error>> {
    if ours.is_empty() {
        return Err("no members were listed".into());
    }
    let differs = (0..ours.len().max(theirs.len())).find(|&index| ours.get(index) != theirs.get(index));
    differs.map_or(Ok(()), |index| {
        let shown = |all: &[T]| all.get(index).map_or_else(|| "nothing".to_owned(), |member| format!("{member:?}"));
        Err(format!("member {index} is {} here, {} there", shown(ours), shown(theirs)).into())
    })
}

/// Lines of a SHA-256, two spaces and a path.
fn sha256sum(text: &str) -> Hashed {
    let mut hashed: Hashed = text
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, path)| (path.to_owned(), digest.to_owned()))
        .collect();
    hashed.sort_unstable();
    hashed
}

/// Lines of a path and keywords, of which those with a digest count. No path here has anything to escape.
fn mtree(text: &str) -> Hashed {
    let digest = |line: &str| line.split(' ').find_map(|word| word.strip_prefix("sha256digest=").map(str::to_owned));
    let mut hashed: Hashed = text
        .lines()
        .filter_map(|line| Some((line.split(' ').next()?.trim_start_matches("./").to_owned(), digest(line)?)))
        .collect();
    hashed.sort_unstable();
    hashed
}
