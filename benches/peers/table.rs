//! What was measured, as a person reads it or as it is kept in `benches/runs`.

use std::process::Command;

use crate::rows::{ROWS, Row};
use crate::run::Memory;
use crate::wrap::is_installed;

/// Seconds of several runs.
#[derive(Debug, Default)]
pub(crate) struct Times(pub(crate) Vec<f64>);

impl Times {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let half = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[half] } else { f64::midpoint(sorted[half - 1], sorted[half]) }
    }

    /// Median, smallest and largest.
    fn show(&self) -> String {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(0.0, f64::max);
        format!("{:.3} ({least:.3}-{most:.3})", self.median())
    }
}

/// What came of a row beside one peer.
#[derive(Debug)]
pub(crate) struct Beside<'a> {
    pub(crate) row: &'a Row,
    /// As one would type it.
    pub(crate) peer: String,
    pub(crate) ours: &'a Times,
    pub(crate) theirs: Times,
    /// The peer's time over ours, of each pair of runs.
    pub(crate) ratios: Times,
    pub(crate) memory: Memory,
    /// The goal is to be ahead of the fastest.
    pub(crate) is_fastest: bool,
}

const HEAD: [&str; 9] = ["row", "veritar, s", "peer, s", "ratio", "goal", "met", "own MiB", "all MiB", "peer"];
const WIDTHS: [usize; 8] = [12, 23, 23, 6, 5, 4, 8, 8];

/// Prints lines as they come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    pub(crate) is_markdown: bool,
}

impl Table {
    pub(crate) fn head(self, runs: usize) {
        for line in machine() {
            println!("{}{line}", if self.is_markdown { "- " } else { "" });
        }
        println!(
            "{}runs of each, in turns: {runs}; one more before them, not counted",
            if self.is_markdown { "- " } else { "" }
        );
        println!();
        self.cells(&HEAD.map(str::to_owned));
        if self.is_markdown {
            println!("|{}", "---|".repeat(HEAD.len()));
        }
    }

    pub(crate) fn line(self, beside: &Beside<'_>) {
        let goal = beside.row.goal.filter(|_| beside.is_fastest);
        let ratio = beside.ratios.median();
        let mebibytes = |kib: u64| if kib == 0 { "?".to_owned() } else { format!("{:.1}", kib as f64 / 1024.0) };
        let dash = || "-".to_owned();
        let peer =
            if self.is_markdown { format!("`{}`", beside.peer.replace('|', "\\|")) } else { beside.peer.clone() };
        self.cells(&[
            beside.row.name.to_owned(),
            beside.ours.show(),
            beside.theirs.show(),
            format!("{ratio:.2}"),
            goal.map_or_else(dash, |goal| format!("{goal}")),
            goal.map_or_else(dash, |goal| if ratio >= goal { "yes" } else { "no" }.to_owned()),
            mebibytes(beside.memory.own),
            mebibytes(beside.memory.resident),
            peer,
        ]);
    }

    fn cells(self, cells: &[String; HEAD.len()]) {
        if self.is_markdown {
            println!("| {} |", cells.join(" | "));
        } else {
            let padded = cells.iter().enumerate().map(|(index, cell)| {
                let width = WIDTHS.get(index).copied().unwrap_or(0);
                format!("{cell:width$}")
            });
            println!("{}", padded.collect::<Vec<_>>().join("  ").trim_end());
        }
    }

    /// What the columns mean.
    pub(crate) fn foot(self) {
        println!(
            "\nSeconds: median, smallest and largest. Ratio: the peer's time over veritar's, median of the pairs. Own memory of \
             veritar: RssAnon,\nwithout the pages of mapped files, looked at every 2 ms of one run that is not timed; all: \
             VmHWM, with them. What each row does stands in\nbenches/README.md."
        );
    }
}

/// The first line of what a program says, if it is there.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim_matches([' ', '*']).to_owned())
}

/// What the figures are of.
fn machine() -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processor = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let model = text.lines().find_map(|line| line.strip_prefix("model name"))?;
        Some(model.trim_start_matches([' ', '\t', ':']).to_owned())
    });
    let commit = first_line("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]);
    let commit = commit.map_or_else(String::new, |commit| format!(", commit {commit}"));
    let mut lines = vec![
        format!("veritar {}{commit}, {:.0}", env!("CARGO_PKG_VERSION"), jiff::Timestamp::now()),
        format!("{cores} cores, {}", processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned())),
    ];
    let programs = ["tar", "bsdtar", "gpg", "gzip", "zstd", "xz"].into_iter().filter(|name| is_installed(name));
    let versions: Vec<_> = programs.filter_map(|name| first_line(name, &["--version"])).collect();
    lines.push(versions.join("; "));
    lines
}

/// Names of the rows, for those who mistype.
pub(crate) fn names() -> String {
    ROWS.iter().map(|row| row.name).collect::<Vec<_>>().join(" ")
}
