//! The report for people: the verdict first and last, what is wrong in between, the gravest first.
//!
//! Promises: plain lines when styles are stripped; nothing from the archive unescaped. Refuses to know: the terminal.

use std::fmt::Write as _;
use std::io;

use anstyle::{AnsiColor, Style};

use super::{Overall, Result, escaped, human_bytes, name, sentence};
use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::verify::Outcome;

const BAD: Style = AnsiColor::Red.on_default().bold();
const DOUBTFUL: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default();
const FAINT: Style = Style::new().dimmed();

/// Writes the report on `results`. `verbose` adds what is only good to know.
///
/// # Errors
/// The output could not be written.
pub fn text(out: &mut dyn io::Write, results: &[Result], verbose: bool) -> io::Result<()> {
    let overall = overall(results);
    if let Some(overall) = &overall {
        writeln!(out, "{overall}\n")?;
    }
    for (index, result) in results.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        one(out, result, verbose)?;
    }
    if let Some(overall) = &overall {
        writeln!(out, "\n{overall}")?;
    }
    Ok(())
}

/// The verdict over several archives.
fn overall(results: &[Result]) -> Option<String> {
    let counts: Vec<String> = [Overall::Pass, Overall::Fail, Overall::Inconclusive, Overall::Error]
        .iter()
        .map(|kind| (kind, results.iter().filter(|result| Overall::of(result) == *kind).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} {}", kind.as_str()))
        .collect();
    let text = format!("{} {} archives: {}", verdict(Overall::over(results)), results.len(), counts.join(", "));
    (results.len() > 1).then_some(text)
}

fn one(out: &mut dyn io::Write, result: &Result, verbose: bool) -> io::Result<()> {
    let overall = Overall::of(result);
    match result {
        Result::Error { source, message } => {
            let (source, message) = (escaped(source.as_bytes()), sentence(message));
            writeln!(out, "{} {source}: {message}", verdict(overall))
        }
        Result::Looked(outcome) => {
            let source = escaped(outcome.source.as_bytes());
            writeln!(out, "{} {source}: {}", verdict(overall), summary(outcome))?;
            facts(out, outcome)?;
            secrets(out, outcome, verbose)?;
            let mut findings: Vec<&Finding> = outcome.findings.iter().collect();
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            for each in findings.iter().filter(|each| verbose || each.severity > Severity::Info) {
                finding(out, each, outcome)?;
            }
            let notes = findings.iter().filter(|each| each.severity == Severity::Info).count();
            if notes > 0 && !verbose {
                let plural = if notes == 1 { "note" } else { "notes" };
                writeln!(out, "{FAINT}{notes} {plural} not shown (--verbose){FAINT:#}")?;
            }
            coverage(out, outcome, verbose)?;
            writeln!(out, "{} {source}: {}", verdict(overall), reason(outcome))
        }
    }
}

/// The word for a verdict, in its colour.
#[must_use]
pub fn verdict(overall: Overall) -> String {
    let (style, word) = match overall {
        Overall::Pass => (GOOD, "PASS"),
        Overall::Fail => (BAD, "FAIL"),
        Overall::Inconclusive => (DOUBTFUL, "INCONCLUSIVE"),
        Overall::Error => (BAD, "ERROR"),
    };
    format!("{style}{word}{style:#}")
}

/// How many of what, in a few words.
fn summary(outcome: &Outcome) -> String {
    let count = |severity| outcome.findings.iter().filter(|finding| finding.severity == severity).count();
    let words = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let found: Vec<String> = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    if found.is_empty() { "nothing to complain about".to_owned() } else { found.join(", ") }
}

/// Why the verdict is what it is: the gravest finding, or what a pass stands on.
fn reason(outcome: &Outcome) -> String {
    // The first of the gravest: what the bytes say before what a rule makes of it.
    let gravity = |finding: &Finding| {
        (finding.severity, finding.code.decides == crate::code::Decides::Fail, finding.rule.is_none())
    };
    let deciding = outcome.findings.iter().rev().max_by_key(|finding| gravity(finding));
    match (outcome.verdict, deciding) {
        (crate::verify::Verdict::Pass, _) | (_, None) => {
            let sets: Vec<&str> = outcome.rules.iter().map(|judged| judged.id.as_str()).collect();
            let entries = outcome.inventory.entries;
            let judged = if sets.is_empty() {
                "judged by no rule set".to_owned()
            } else {
                format!("good by {}", sets.join(", "))
            };
            format!("{entries} entries in {} read, {judged}", human_bytes(outcome.bytes))
        }
        (_, Some(finding)) => {
            format!("{}: {}", finding.code.id, sentence(&finding.message))
        }
    }
}

fn facts(out: &mut dyn io::Write, outcome: &Outcome) -> io::Result<()> {
    let line = |out: &mut dyn io::Write, name: &str, value: &str| writeln!(out, "  {name:<9} {value}");
    for layer in &outcome.layers {
        let mut value = String::new();
        if let Some(integrity) = layer.integrity {
            value.push_str(integrity.as_str());
        }
        for (name, detail) in &layer.details {
            let separator = if value.is_empty() { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(value, "{separator}{name} {}", sentence(detail));
        }
        if layer.integrity.is_none() {
            value = contents(outcome);
        }
        line(out, layer.format, &value)?;
    }
    let size = format!("{} ({} bytes)", human_bytes(outcome.bytes), outcome.bytes);
    line(out, "size", &size)?;
    for (name, digest) in outcome.digests.named() {
        line(out, name, &digest)?;
    }
    if let Some(content) = outcome.content_hex().filter(|_| outcome.inventory.entries > 0) {
        line(out, "content", &content)?;
    }
    for judged in &outcome.rules {
        let mut value = format!("{} ({})", judged.id, escaped(judged.title.as_bytes()));
        for (name, captured) in &judged.captures {
            let _ = write!(value, ", {} {}", escaped(name.as_bytes()), escaped(captured.as_bytes()));
        }
        let _ = write!(value, ": {}", sentence(&judged.why));
        line(out, "rules", &value)?;
    }
    Ok(())
}

/// Who may read the archive has these.
fn secrets(out: &mut dyn io::Write, outcome: &Outcome, verbose: bool) -> io::Result<()> {
    let secrets = &outcome.secrets;
    if secrets.members == 0 {
        return Ok(());
    }
    let members = if secrets.members == 1 { "1 member holds" } else { &format!("{} members hold", secrets.members) };
    let around = if secrets.encrypted { "is encrypted" } else { "is not encrypted" };
    writeln!(out, "  {:<9} {members} private keys or tokens; the archive around them {around}", "secrets")?;
    if !verbose {
        return Ok(());
    }
    for member in &secrets.list {
        writeln!(out, "    - {}: {}", name(&member.path), member.what.join("; "))?;
    }
    let listed = u64::try_from(secrets.list.len()).unwrap_or(u64::MAX);
    match secrets.members.saturating_sub(listed) {
        0 => Ok(()),
        more => writeln!(out, "    - {more} more"),
    }
}

fn contents(outcome: &Outcome) -> String {
    let inventory = &outcome.inventory;
    let mut value = format!("{} entries", inventory.entries);
    let kinds = [
        (inventory.files, "file", "files"),
        (inventory.directories, "directory", "directories"),
        (inventory.links, "link", "links"),
        (inventory.others, "other", "others"),
    ];
    for (index, (count, one, many)) in kinds.iter().filter(|(count, ..)| *count > 0).enumerate() {
        let word = if *count == 1 { one } else { many };
        let _ = write!(value, "{} {count} {word}", if index == 0 { ":" } else { "," });
    }
    let _ = write!(value, "; {} of content", human_bytes(inventory.content_bytes));
    value
}

fn finding(out: &mut dyn io::Write, finding: &Finding, outcome: &Outcome) -> io::Result<()> {
    let style = match finding.severity {
        Severity::Error => BAD,
        Severity::Warning => DOUBTFUL,
        Severity::Info => NOTE,
    };
    let (word, id) = (finding.severity.as_str(), finding.code.id);
    writeln!(out, "{style}{word}[{id}]{style:#} {}", sentence(&finding.message))?;
    let mut place = String::new();
    if let Some(entry) = &finding.place.entry {
        let _ = write!(place, "member {}", name(entry));
    }
    if let Some(offset) = finding.place.offset {
        let stream = match outcome.layers.get(usize::from(finding.place.depth.0)) {
            Some(layer) => format!("of the {} data", layer.format),
            None => "of the content".to_owned(),
        };
        let _ = write!(place, "{}byte {offset} {stream}", if place.is_empty() { "" } else { ", " });
    }
    let row = |out: &mut dyn io::Write, name: &str, text: &str| writeln!(out, "    {FAINT}{name:>4}{FAINT:#} {text}");
    if !place.is_empty() {
        row(out, "at", &place)?;
    }
    if let Some(rule) = &finding.rule {
        row(out, "rule", &sentence(rule))?;
    }
    let why = finding.why.as_deref().unwrap_or(finding.code.why);
    let fix = finding.fix.as_deref().unwrap_or(finding.code.fix);
    row(out, "why", &sentence(why))?;
    if fix != "nothing" {
        row(out, "fix", &sentence(fix))?;
    }
    Ok(())
}

/// What the archive does not hold by design: whoever restores must get it elsewhere.
fn coverage(out: &mut dyn io::Write, outcome: &Outcome, verbose: bool) -> io::Result<()> {
    let absent: Vec<_> =
        outcome.coverage.iter().filter(|line| verbose || line.status == crate::rule::Status::AbsentByDesign).collect();
    if absent.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {}", if verbose { "coverage" } else { "not in this kind of backup:" })?;
    for line in absent {
        let mut text = escaped(line.data.as_bytes()).to_string();
        if verbose {
            let _ = write!(text, ": {}", line.status.as_str());
        }
        if let Some(by) = &line.covered_by {
            let _ = write!(text, " (see {})", escaped(by.as_bytes()));
        }
        if let Some(note) = line.note.as_ref().filter(|_| verbose) {
            let _ = write!(text, "; {}", escaped(note.as_bytes()));
        }
        writeln!(out, "    - {text}")?;
    }
    Ok(())
}

/// Writes what a code means.
///
/// # Errors
/// The output could not be written.
pub fn explain(out: &mut dyn io::Write, code: &Code) -> io::Result<()> {
    let decides = match code.decides {
        crate::code::Decides::Fail => "fails the archive (exit 1)",
        crate::code::Decides::Inconclusive => "leaves the archive undecided (exit 3)",
    };
    writeln!(out, "{}: {}\n", code.id, code.title)?;
    let fixed = if code.is_fixed() { ", and cannot be made less than that" } else { "" };
    writeln!(out, "severity  {}; as an error it {decides}{fixed}", code.severity.as_str())?;
    writeln!(out, "why       {}", code.why)?;
    writeln!(out, "fix       {}", code.fix)
}
