//! `veritar rules test`: archives whose verdict is known, held against what the rules make of them.
//!
//! Promises: nothing of the environment and of `veritar.toml` has a say, so that a case ends the same everywhere; every
//! difference is told.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::args::RulesTest;
use super::exit::{Exit, Trouble};
use super::secrets::Secrets;
use super::{output, plan};
use crate::code;
use crate::digest::Hashes;
use crate::finding::{Finding, Severity};
use crate::limits::Limits;
use crate::report::{escaped, sentence};
use crate::rule::{At, Choice, Problems, RuleErrors, RuleSet, Table, nearest};
use crate::verify::{Archive, Options, Outcome, Reading, Severities, verify};

/// One archive and what must come of it.
struct Case {
    archive: PathBuf,
    /// As it is written.
    name: String,
    verdict: String,
    /// The codes of all errors and warnings; not looked at where they are not given.
    codes: Option<BTreeSet<String>>,
    passphrase_files: Vec<PathBuf>,
    unlock_key_files: Vec<PathBuf>,
    at: Option<i64>,
}

pub(super) fn run(args: &RulesTest) -> Result<Exit, Trouble> {
    let limits = Limits::default();
    let (rules, choice) = plan::rules(&args.rules, &limits)?;
    let mut cases = Vec::new();
    for path in &args.cases {
        cases.extend(read(path, &limits)?);
    }
    // A file that is not there is found before an archive is opened.
    let secrets = cases.iter().map(|case| Secrets::of_files(&case.passphrase_files, &case.unlock_key_files));
    let secrets = secrets.collect::<Result<Vec<_>, _>>()?;
    let mut out = output::standard();
    let (mut good, mut worst) = (0_usize, Exit::Pass);
    for (case, mut secrets) in cases.iter().zip(secrets) {
        let exit = one(&mut out, case, &rules, choice, &mut secrets)?;
        good += usize::from(exit == Exit::Pass);
        // What is wrong comes before what could not be read.
        if worst == Exit::Pass || exit == Exit::Fail {
            worst = exit;
        }
    }
    let written = writeln!(out, "{good} of {} cases ok", cases.len()).and_then(|()| out.flush());
    written.map_err(|error| Trouble::output(&error))?;
    Ok(worst)
}

/// Verifies the archive of one case and tells what came of it.
fn one(
    out: &mut dyn Write,
    case: &Case,
    rules: &[Arc<RuleSet>],
    choice: Choice,
    secrets: &mut Secrets,
) -> Result<Exit, Trouble> {
    let reading = Reading {
        hashes: Hashes::NONE,
        archive_hashes: Hashes::NONE,
        now: Some(jiff::Timestamp::now().as_second()),
        at: case.at,
        ..Reading::default()
    };
    let severities = Severities::default();
    let options =
        Options { reading, rules: rules.to_vec(), choice, fail_on_warning: false, severities, previous_bytes: None };
    let name = escaped(case.name.as_bytes());
    let (exit, told) = match verify(Archive::at(&case.archive), &options, secrets) {
        Err(error) => (Exit::InputOutput, writeln!(out, "not ok {name}: {}", sentence(&error.to_string()))),
        Ok(outcome) => {
            let wrong = differences(case, &outcome);
            if wrong.is_empty() {
                (Exit::Pass, writeln!(out, "ok     {name}: {}", case.verdict))
            } else {
                let told = writeln!(out, "not ok {name}: {}", outcome.verdict)
                    .and_then(|()| wrong.iter().try_for_each(|line| writeln!(out, "         {line}")));
                (Exit::Fail, told)
            }
        }
    };
    told.map_err(|error| Trouble::output(&error))?;
    Ok(exit)
}

/// What is other than expected, a line each.
fn differences(case: &Case, outcome: &Outcome) -> Vec<String> {
    let mut lines = Vec::new();
    let verdict = outcome.verdict.to_string();
    if verdict != case.verdict {
        lines.push(format!("verdict {verdict}, expected {}", case.verdict));
    }
    let told: Vec<&Finding> = outcome.findings.iter().filter(|finding| finding.severity > Severity::Info).collect();
    let Some(expected) = &case.codes else {
        // Why the verdict is another.
        if !lines.is_empty() {
            lines.extend(told.iter().map(|finding| described("found", finding)));
        }
        return lines;
    };
    let found: BTreeSet<&str> = told.iter().map(|finding| finding.code.id).collect();
    lines.extend(expected.iter().filter(|id| !found.contains(id.as_str())).map(|id| format!("missing    {id}")));
    let others = told.iter().filter(|finding| !expected.contains(finding.code.id));
    lines.extend(others.map(|finding| described("unexpected", finding)));
    lines
}

fn described(word: &str, finding: &Finding) -> String {
    let rule = finding.rule.as_ref().map_or_else(String::new, |rule| format!(" ({})", sentence(rule)));
    format!("{word:<10} {}[{}]{rule} {}", finding.severity.as_str(), finding.code.id, sentence(&finding.message))
}

/// Reads a file of cases.
fn read(path: &Path, limits: &Limits) -> Result<Vec<Case>, Trouble> {
    let shown = escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let unreadable = |error: io::Error| Trouble::Usage(format!("failed to read cases {shown}: {error}"));
    let bytes = plan::read_up_to(path, limits.rule_file_bytes.saturating_add(1)).map_err(unreadable)?;
    if bytes.len() as u64 > limits.rule_file_bytes {
        return Err(unreadable(io::Error::other(format!("is larger than {} bytes", limits.rule_file_bytes))));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Trouble::Usage(format!("cases {shown} are not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
    })?;
    parse(&shown, path.parent().unwrap_or(Path::new("")), &text).map_err(Trouble::Rules)
}

fn parse(name: &str, folder: &Path, text: &str) -> Result<Vec<Case>, RuleErrors> {
    let problems = Problems::default();
    let (tree, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        // Some errors have no span; they are about the end of the file.
        let span = error.span().unwrap_or(text.len()..text.len());
        problems.syntax(span, error.message());
    }
    let mut root = Table::new(tree.get_ref(), 0..0, "the file of cases", &problems);
    let tables = root.tables("case", "[[case]]");
    root.finish();
    if tables.is_empty() {
        // Nothing that was not tested is good.
        problems.absent(0..0, "the file of cases has no [[case]]");
    }
    let cases: Vec<Case> = tables.into_iter().filter_map(|table| case(table, folder, &problems)).collect();
    if problems.is_empty() { Ok(cases) } else { Err(problems.into_errors(name, text)) }
}

fn case(mut table: Table<'_>, folder: &Path, problems: &Problems) -> Option<Case> {
    table.require("archive");
    table.require("verdict");
    let archive = table.string("archive");
    let verdict = table.string("verdict");
    let codes = table.strings("codes");
    let mut files = |key| -> Vec<PathBuf> {
        table.strings(key).unwrap_or_default().into_iter().map(|file| folder.join(file.value)).collect()
    };
    let passphrase_files = files("passphrase-file");
    let unlock_key_files = files("unlock-key-file");
    let at = table.string("at");
    table.finish();
    if let Some(verdict) = verdict.as_ref().filter(|verdict| !VERDICTS.contains(&verdict.value.as_str())) {
        problems.wrong(&verdict.span, format!("a verdict is {}, not `{}`", VERDICTS.join(", "), verdict.value));
    }
    for id in codes.iter().flatten().filter(|id| code::find(&id.value).is_none()) {
        unknown(id, problems);
    }
    let day = at.and_then(|at| {
        let day = plan::day(&at.value);
        if day.is_err() {
            problems.wrong(&at.span, "`at` takes a day as 2026-03-01 or a time as 2026-03-01T08:00:00Z");
        }
        day.ok()
    });
    let archive = archive?.value;
    Some(Case {
        archive: folder.join(&archive),
        name: archive,
        verdict: verdict?.value,
        codes: codes.map(|codes| codes.into_iter().map(|id| id.value).collect()),
        passphrase_files,
        unlock_key_files,
        at: day,
    })
}

const VERDICTS: [&str; 3] = ["pass", "fail", "inconclusive"];

fn unknown(id: &At<String>, problems: &Problems) {
    let ids: Vec<&str> = code::ALL.iter().map(|code| code.id).collect();
    let near = nearest(&id.value, &ids);
    let help = near.map_or("`veritar explain` lists all codes".to_owned(), |id| format!("did you mean `{id}`?"));
    problems.wrong_with_help(&id.span, format!("no finding has the code `{}`", id.value), help);
}
