//! `veritar backup all`: several backups in the order in which they are restored, from one plan.
//!
//! A plan is TOML: a table for each backup, its keys the options of `veritar backup` by name, and `[common]` for what all of
//! them share. It is read by the same parser as the command line, so that there is one set of options.
//!
//! Promises: the whole plan is sound before the first backup begins; Swarm, UCP, DTR and images follow each other in that
//! order, whatever the order of the file; after a failure nothing begins unless that was asked for. Refuses to know: what
//! the options mean.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Parser as _};
use toml::{Table, Value};

use super::args::{self, Of, One};
use super::signals::Signals;
use super::{Prepared, configure, show};
use crate::cli::args::{Args, Command, ReportFormat};
use crate::cli::config::Config;
use crate::cli::exit::{Exit, Trouble};
use crate::cli::nested::worse;
use crate::cli::{output, plan};
use crate::produce::flow::Backup;
use crate::report::{self, Overall, escaped, sentence};

/// The tables of a plan, in the order in which they are run.
const ORDER: &[&str] = &["swarm", "ucp", "ucp-api", "dtr", "msr", "images"];

/// The table whose keys count for all others.
const COMMON: &str = "common";

/// Options that are of the whole run, and stand on the command line alone.
const OF_THE_RUN: &[&str] = &["dry-run", "format", "verbose", "quiet", "color", "help", "version"];

/// Bytes of a plan past which it is the wrong file.
const PLAN_BYTES: u64 = 1 << 20;

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct All {
    /// TOML file with a table for each backup (`[swarm]`, `[ucp]`, `[ucp-api]`, `[dtr]`, `[msr]`, `[images]`; `[[images]]` for
    /// several) and `[common]` for what they share; keys are the options of `veritar backup` without the dashes
    #[arg(long, value_name = "FILE")]
    plan: PathBuf,
    /// Go on with the next backup where one fails
    #[arg(long)]
    keep_going: bool,
    /// Say what would be run and written, and do nothing but look
    #[arg(long)]
    dry_run: bool,
    /// Format of standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: ReportFormat,
    /// Show what is only good to know, too
    #[arg(long, short)]
    verbose: bool,
    /// Do not tell on standard error what is being done
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(typed: &All, config: &Config) -> Result<Exit, Trouble> {
    let mut steps = Vec::new();
    for (table, mut one) in read(typed)? {
        configure(&mut one, config);
        let prepared = Prepared::of(&one).map_err(|trouble| in_table(&typed.plan, &table, trouble))?;
        steps.push((table, one, prepared));
    }
    let signals = Signals::watch()?;
    let mut backups: Vec<(String, Backup)> = Vec::new();
    let mut not_run = Vec::new();
    let mut exit = Exit::Pass;
    for (table, one, prepared) in steps {
        if (exit != Exit::Pass && !typed.keep_going) || signals.came().is_some() {
            not_run.push(table);
            continue;
        }
        if typed.dry_run {
            writeln!(output::standard(), "[{table}]").map_err(|error| Trouble::output(&error))?;
            exit = worse(exit, prepared.preview(one.common(), &signals)?);
            continue;
        }
        let backup = prepared.back_up(&signals);
        exit = worse(exit, super::exit(&backup, &signals));
        backups.push((table, backup));
    }
    if let Some(signal) = signals.came() {
        exit = Exit::Signal(signal);
    }
    if !typed.dry_run {
        let shown = match typed.format {
            ReportFormat::Text => text(&mut output::standard(), &backups, &not_run, exit, typed.verbose),
            ReportFormat::Json => json(&mut output::buffered(), &backups, &not_run, exit),
        };
        if let Err(error) = shown {
            Trouble::output(&error).print();
            exit = worse(exit, Exit::InputOutput);
        }
    }
    Ok(exit)
}

/// The backups of a plan, in the order in which they are run.
fn read(typed: &All) -> Result<Vec<(String, One)>, Trouble> {
    let shown = shown(&typed.plan);
    let unreadable = |error: std::io::Error| Trouble::Usage(format!("failed to read plan {shown}: {error}"));
    let bytes = plan::read_up_to(&typed.plan, PLAN_BYTES + 1).map_err(unreadable)?;
    if bytes.len() as u64 > PLAN_BYTES {
        return Err(unreadable(std::io::Error::other("is larger than 1 MiB")));
    }
    let text = String::from_utf8(bytes).map_err(|_| unreadable(std::io::Error::other("is not UTF-8")))?;
    let mut tables: Table =
        toml::from_str(&text).map_err(|error| Trouble::Usage(format!("plan {shown} is no TOML: {error}")))?;
    let common = match tables.remove(COMMON) {
        None => Table::new(),
        Some(Value::Table(common)) => common,
        Some(_) => return Err(Trouble::Usage(format!("plan {shown}: {COMMON} must be a table, [{COMMON}]"))),
    };
    if let Some(unknown) = tables.keys().find(|table| !ORDER.contains(&table.as_str())) {
        return Err(Trouble::Usage(format!(
            "plan {shown}: there is no backup {unknown:?}; its tables are [{COMMON}] and [{}]",
            ORDER.join("], [")
        )));
    }
    let mut backups = Vec::new();
    for name in ORDER {
        let several = match tables.remove(*name) {
            None => continue,
            Some(Value::Array(several)) => several,
            Some(one) => vec![one],
        };
        for one in several {
            let Value::Table(own) = one else {
                return Err(Trouble::Usage(format!("plan {shown}: {name} must be a table, [{name}]")));
            };
            let mut keys = common.clone();
            keys.extend(own);
            let backup = parse(typed, name, &keys).map_err(|trouble| in_table(&typed.plan, name, trouble))?;
            backups.push(((*name).to_owned(), backup));
        }
    }
    if backups.is_empty() {
        return Err(Trouble::Usage(format!("plan {shown} holds no backup: give it one of [{}]", ORDER.join("], ["))));
    }
    Ok(backups)
}

/// Puts the keys of a table where the command line has its options.
fn parse(typed: &All, name: &str, keys: &Table) -> Result<One, Trouble> {
    let mut words: Vec<OsString> = ["veritar", "backup", name].map(OsString::from).to_vec();
    for (key, value) in keys {
        if OF_THE_RUN.contains(&key.as_str()) {
            return Err(Trouble::Usage(format!("{key} is for the whole run: give --{key} on the command line")));
        }
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        for value in values {
            match value {
                Value::Boolean(true) => words.push(format!("--{key}").into()),
                Value::Boolean(false) => {}
                Value::String(text) => words.push(format!("--{key}={text}").into()),
                Value::Integer(number) => words.push(format!("--{key}={number}").into()),
                _ => return Err(Trouble::Usage(format!("{key} takes text, a number, true, or a list of them"))),
            }
        }
    }
    for (flag, is_set) in [("--dry-run", typed.dry_run), ("--verbose", typed.verbose), ("--quiet", typed.quiet)] {
        words.extend(is_set.then(|| flag.into()));
    }
    let parsed = Args::try_parse_from(words).map_err(|error| {
        let message = error.render().to_string();
        let first = message.lines().next().unwrap_or_default();
        Trouble::Usage(sentence(first.strip_prefix("error: ").unwrap_or(first)))
    })?;
    match parsed.command {
        Command::Backup(backup) => match *backup {
            args::Backup { of: Of::One(one) } => Ok(*one),
            args::Backup { of: Of::All(_) } => Err(Trouble::Usage("a plan in a plan".to_owned())),
        },
        _ => Err(Trouble::Usage("no backup".to_owned())),
    }
}

fn in_table(path: &Path, table: &str, trouble: Trouble) -> Trouble {
    let place = |message: String| format!("plan {}, [{table}]: {message}", shown(path));
    match trouble {
        Trouble::Usage(message) => Trouble::Usage(place(message)),
        Trouble::InputOutput(message) => Trouble::InputOutput(place(message)),
        other => other,
    }
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes()).to_string()
}

fn overall(exit: Exit) -> Overall {
    match exit {
        Exit::Pass => Overall::Pass,
        Exit::Fail => Overall::Fail,
        Exit::Inconclusive => Overall::Inconclusive,
        Exit::Usage | Exit::InputOutput | Exit::Signal(_) => Overall::Error,
    }
}

fn text(
    out: &mut dyn Write,
    backups: &[(String, Backup)],
    not_run: &[String],
    exit: Exit,
    verbose: bool,
) -> std::io::Result<()> {
    let good = backups.iter().filter(|(_, backup)| backup.is_good()).count();
    let left = if not_run.is_empty() { String::new() } else { format!("; not begun: {}", not_run.join(", ")) };
    let verdict = format!("{} {good} of {} backups published{left}", report::verdict(overall(exit)), backups.len());
    writeln!(out, "{verdict}\n")?;
    for (_, backup) in backups {
        show::text(out, backup, verbose)?;
        writeln!(out)?;
    }
    writeln!(out, "{verdict}")?;
    out.flush()
}

fn json(out: &mut dyn Write, backups: &[(String, Backup)], not_run: &[String], exit: Exit) -> std::io::Result<()> {
    let receipts: Vec<_> =
        backups.iter().filter_map(|(_, backup)| serde_json::to_value(&backup.receipt).ok()).collect();
    let document = serde_json::json!({
        "schema": 1,
        "verdict": overall(exit).as_str(),
        "backups": receipts,
        "not_run": not_run,
    });
    report::json::write_pretty(out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}
