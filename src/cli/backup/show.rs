//! How a backup, and what one would be, is shown.

use std::io::Write;

use crate::cli::args::ReportFormat;
use crate::cli::backup::args::Common;
use crate::cli::exit::Trouble;
use crate::cli::output;
use crate::produce::flow::{Backup, Order, Preview};
use crate::produce::publish::Retired;
use crate::produce::receipt::Verified;
use crate::report::{self, Overall, escaped, sentence};
use crate::verify::Verdict;

/// Shows what became of a backup: the verdict first and last.
pub(super) fn backup(backup: &Backup, common: &Common) -> Result<(), Trouble> {
    let written = match common.format {
        ReportFormat::Text => text(&mut output::standard(), backup, common.verbose),
        ReportFormat::Json => {
            let mut out = output::buffered();
            out.write_all(&backup.receipt.to_json()).and_then(|()| out.flush())
        }
    };
    written.map_err(|error| Trouble::output(&error))
}

/// The same as text.
pub(super) fn text(out: &mut dyn Write, backup: &Backup, verbose: bool) -> std::io::Result<()> {
    let verdict = format!("{} {}", report::verdict(overall(backup)), sentence(&summary(backup)));
    writeln!(out, "{verdict}")?;
    for (fact, value) in backup.receipt.facts() {
        writeln!(out, "  {fact:<9} {value}")?;
    }
    if let Some(published) = &backup.published {
        writeln!(out, "  {:<9} {}", "sidecar", path(&published.sidecar))?;
    }
    if let Some(kept) = &backup.kept_aside {
        let is_report = kept.extension().is_some_and(|extension| extension == "json");
        writeln!(out, "  {:<9} {}", if is_report { "report" } else { "kept as" }, path(kept))?;
    }
    if backup.receipt.what_was_verified() == Some(Verified::BeforeSealing) {
        writeln!(out, "  {:<9} what went into the encryption; nobody here can open what came out", "verified")?;
    }
    for retired in backup.retired.archives.iter().chain(&backup.cleared.archives) {
        writeln!(out, "  {:<9} {}", "deleted", path(retired))?;
    }
    for spared in &backup.retired.spared {
        writeln!(out, "  {:<9} {}: past its time, but not what its sidecar says", "not deleted", path(spared))?;
    }
    for spared in &backup.cleared.spared {
        writeln!(out, "  {:<9} {}: past its number, but not what its report says", "not deleted", path(spared))?;
    }
    for warning in backup.receipt.warnings() {
        writeln!(out, "warning: {}", sentence(warning))?;
    }
    // Where there is no archive, the verdict names the first.
    for trouble in backup.troubles.iter().skip(usize::from(backup.published.is_none())) {
        writeln!(out, "error: {}", sentence(&trouble.to_string()))?;
    }
    if let Some(outcome) = &backup.outcome {
        writeln!(out)?;
        report::text(out, &[report::Result::Looked(Box::new(outcome.clone()))], verbose)?;
        writeln!(out)?;
    }
    writeln!(out, "{verdict}")?;
    out.flush()
}

/// The verdict on the whole run.
fn overall(backup: &Backup) -> Overall {
    match (&backup.published, backup.troubles.is_empty(), backup.outcome.as_ref().map(|outcome| outcome.verdict)) {
        (Some(_), true, _) => Overall::Pass,
        (None, true, Some(Verdict::Fail)) => Overall::Fail,
        (None, true, Some(Verdict::Inconclusive)) => Overall::Inconclusive,
        _ => Overall::Error,
    }
}

fn summary(backup: &Backup) -> String {
    match &backup.published {
        Some(published) if backup.troubles.is_empty() => {
            format!("{}: verified and published, {} bytes", path(&published.archive), published.bytes)
        }
        Some(published) => format!(
            "{} is verified and published, but something else went wrong: see the errors",
            path(&published.archive)
        ),
        None if backup.receipt.archive().is_empty() => format!("no backup: {}", because(backup)),
        None => format!("{} is not published: {}", backup.receipt.archive(), because(backup)),
    }
}

/// Why there is none, in short.
fn because(backup: &Backup) -> String {
    match backup.troubles.first() {
        Some(trouble) => trouble.to_string(),
        None => "it did not pass".to_owned(),
    }
}

fn path(path: &std::path::Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes()).to_string()
}

/// Shows what a backup would be.
pub(super) fn preview(preview: &Preview, order: &Order, format: ReportFormat) -> Result<(), Trouble> {
    let written = match format {
        ReportFormat::Text => preview_text(&mut output::standard(), preview, order),
        ReportFormat::Json => preview_json(&mut output::buffered(), preview),
    };
    written.map_err(|error| Trouble::output(&error))
}

fn preview_text(out: &mut dyn Write, preview: &Preview, order: &Order) -> std::io::Result<()> {
    writeln!(out, "would write {} and its sidecar, in this order:", path(&preview.archive))?;
    let own = [format!("lock {}, see that the name is free and that there is room", path(&order.folder))];
    let after = [
        (true, "verify every byte as it is written, and give the archive its name only when it passed".to_owned()),
        (order.read_back, "read it once more from the disk before it gets its name".to_owned()),
    ];
    let steps = preview.steps.iter().map(|step| match &step.command {
        Some(command) => format!("{}: {command}", step.says),
        None => step.says.clone(),
    });
    let after = after.into_iter().filter(|(wanted, _)| *wanted).map(|(_, step)| step);
    let due = preview.due.archives.iter().chain(&preview.due_failed.archives);
    let retire = due.map(|archive| format!("delete {}", path(archive)));
    for (index, step) in own.into_iter().chain(steps).chain(after).chain(retire).enumerate() {
        writeln!(out, "{:>3}. {}", index + 1, sentence(&step))?;
    }
    for (fact, value) in &preview.survey.facts {
        writeln!(out, "  {fact:<9} {value}")?;
    }
    for warning in &preview.survey.warnings {
        writeln!(out, "warning: {}", sentence(warning))?;
    }
    writeln!(out, "nothing was changed; for this it was looked up:")?;
    for looked in &preview.looked {
        writeln!(out, "  {}: {}", looked.says, looked.command)?;
    }
    out.flush()
}

fn preview_json(out: &mut dyn Write, preview: &Preview) -> std::io::Result<()> {
    let steps: Vec<_> =
        preview.steps.iter().map(|step| serde_json::json!({ "says": step.says, "command": step.command })).collect();
    let looked: Vec<_> =
        preview.looked.iter().map(|done| serde_json::json!({ "says": done.says, "command": done.command })).collect();
    let facts: serde_json::Map<_, _> =
        preview.survey.facts.iter().map(|(fact, value)| ((*fact).to_owned(), value.clone().into())).collect();
    let paths = |due: &Retired| due.archives.iter().map(|archive| path(archive)).collect::<Vec<_>>();
    let document = serde_json::json!({
        "schema": 1,
        "archive": path(&preview.archive),
        "family": preview.survey.family,
        "facts": facts,
        "warnings": preview.survey.warnings,
        "looked": looked,
        "steps": steps,
        "due": paths(&preview.due),
        "due_failed": paths(&preview.due_failed),
    });
    report::json::write_pretty(out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}
