//! veritar beside the programs that people use today: whole processes, on the same archives, in turns.
//!
//! `cargo bench --bench peers` measures; `cargo test --benches` does everything once on small archives, so that it stays
//! true that both do the same work. See benches/README.md.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a table is what this is for")]

#[path = "../data/archive.rs"]
mod archive;
#[expect(clippy::unwrap_used, dead_code, unreachable_pub, reason = "written for the tests, which use more of it")]
#[path = "../../tests/it/build/bbolt.rs"]
mod bbolt;
mod check;
mod framing;
mod rows;
mod run;
#[path = "../data/shapes.rs"]
mod shapes;
mod storage;
mod store;
mod table;
mod ucp;
#[path = "../data/wrap.rs"]
mod wrap;

use std::error::Error;
use std::process::ExitCode;

use rows::{ROWS, Row};
use run::Job;
use store::{FULL, Store, TINY};
use table::{Beside, Table, Times};

/// What was typed.
struct Options {
    rows: Vec<&'static Row>,
    runs: usize,
    is_markdown: bool,
    is_tiny: bool,
}

const USAGE: &str = "usage: cargo bench --bench peers -- [ROW...] [--runs N] [--markdown]";

fn options() -> Result<Options, String> {
    let mut options = Options { rows: Vec::new(), runs: 7, is_markdown: false, is_tiny: true };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--bench" => options.is_tiny = false,
            "--markdown" => options.is_markdown = true,
            "--runs" => {
                let runs = arguments.next().and_then(|runs| runs.parse().ok()).filter(|&runs| runs > 0);
                options.runs = runs.ok_or("--runs takes a number from 1 on")?;
            }
            name => match ROWS.iter().find(|row| row.name == name) {
                Some(row) => options.rows.push(row),
                None => return Err(format!("no row is called {name}; rows: {}", table::names())),
            },
        }
    }
    if options.rows.is_empty() {
        options.rows = ROWS.iter().collect();
    }
    Ok(options)
}

fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match all(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Every row; whether each of them was good or skipped.
fn all(options: &Options) -> Result<bool, Box<dyn Error>> {
    let store = Store::open(if options.is_tiny { TINY } else { FULL })?;
    let table = Table { is_markdown: options.is_markdown };
    let ready = options.rows.iter().map(|row| (*row, present(row, &store))).filter(|(_, peers)| !peers.is_empty());
    let ready: Vec<_> = ready.collect();
    if !options.is_tiny {
        eprintln!("the archives are kept in {}, up to 8 GB for all rows", store.folder.display());
        // Made before anything is measured: a disk that still writes slows down who reads.
        for (row, _) in &ready {
            store.make(row.input)?;
        }
        table.head(options.runs);
    }
    let mut is_good = true;
    for (row, peers) in &ready {
        if let Err(error) = one(row, peers, &store, options, table) {
            eprintln!("{}: {error}", row.name);
            is_good = false;
        }
    }
    if options.is_tiny {
        store.remove()?;
    } else {
        table.foot();
    }
    Ok(is_good)
}

/// The peers of a row that can be run here; of the others it is said what is missing.
fn present<'a>(row: &Row, store: &'a Store) -> Vec<Job<'a>> {
    let mut peers = row.peers(store);
    peers.retain(|peer| {
        let mut absent: Vec<&str> = peer.absent().collect();
        absent.extend(row.input.program().filter(|name| !wrap::is_installed(name) && !absent.contains(name)));
        if !absent.is_empty() {
            eprintln!("{}: skipped `{peer}`: not installed: {}", row.name, absent.join(", "));
        }
        absent.is_empty()
    });
    peers
}

/// One row: checked, then measured beside each of its peers.
fn one(row: &Row, peers: &[Job<'_>], store: &Store, options: &Options, table: Table) -> Result<(), Box<dyn Error>> {
    store.make(row.input)?;
    for peer in peers {
        check::same_work(row, peer, store)?;
    }
    // The run that is not counted is the one that is looked at.
    let veritar = row.veritar(store);
    let memory = veritar.watch()?;
    for peer in peers {
        peer.time()?;
    }
    if options.is_tiny {
        veritar.time()?;
        peers.iter().for_each(|peer| println!("{}: the same work as `{peer}`", row.name));
        return Ok(());
    }
    let mut ours = Times::default();
    let mut theirs: Vec<Times> = peers.iter().map(|_| Times::default()).collect();
    for _ in 0..options.runs {
        ours.0.push(veritar.time()?.as_secs_f64());
        for (peer, times) in peers.iter().zip(&mut theirs) {
            times.0.push(peer.time()?.as_secs_f64());
        }
    }
    let fastest = theirs.iter().map(Times::median).fold(f64::INFINITY, f64::min);
    for (peer, theirs) in peers.iter().zip(theirs) {
        let ratios = Times(theirs.0.iter().zip(&ours.0).map(|(theirs, ours)| theirs / ours).collect());
        let is_fastest = theirs.median() <= fastest;
        table.line(&Beside { row, peer: peer.to_string(), ours: &ours, theirs, ratios, memory, is_fastest });
    }
    Ok(())
}
