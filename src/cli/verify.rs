//! `veritar verify`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use anstream::StripStream;

use super::args::{FailOn, ReportFormat, Verify};
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{output, plan};
use crate::error::Error;
use crate::report::{self, Overall};
use crate::verify::{Options, Progress, verify_inside};

pub(super) fn run(args: &Verify) -> Result<Exit, Trouble> {
    plan::check_archives(&args.archives)?;
    let hash = args.judging.hash.as_deref().unwrap_or("sha256");
    let mut reading = plan::reading(&args.reading, hash, args.judging.archive_hash.as_deref().unwrap_or(hash))?;
    reading.at = args.at.as_deref().map(plan::day).transpose()?;
    let severities = plan::severities(&args.judging.severity)?;
    let previous_bytes = args.previous.as_deref().map(plan::previous).transpose()?;
    let (rules, choice) = plan::rules(&args.judging.rules, &reading.limits)?;
    let reports = args.report.iter().map(|typed| further_report(typed)).collect::<Result<Vec<_>, _>>()?;
    let mut secrets = Secrets::gather(&args.reading.keys, args.archives.iter().any(|path| path.as_os_str() == "-"))?;
    let fail_on_warning = args.judging.fail_on == Some(FailOn::Warning);
    let mut options = Options { reading, rules, choice, fail_on_warning, severities, previous_bytes };
    let inside = plan::inside(&args.reading);
    let mut results = Vec::with_capacity(args.archives.len());
    // What keeps a secret from being fetched keeps no other archive from being judged.
    let mut unfetched = None;
    for path in &args.archives {
        options.reading.progress = Arc::<Progress>::default();
        let archive = plan::archive(path);
        let name = archive.name().to_owned();
        let bar = Bar::start(&args.reading.effort, &name, &options.reading.progress);
        let outcomes = verify_inside(archive, &inside, &options, &mut secrets);
        drop(bar);
        match outcomes {
            Ok(outcomes) => {
                results.extend(outcomes.into_iter().map(|outcome| report::Result::Looked(Box::new(outcome))));
            }
            Err(error) => {
                let message = error.to_string();
                if matches!(error, Error::Secret(_)) {
                    unfetched = Some(Trouble::from(error));
                }
                results.push(report::Result::Error { source: name, message });
            }
        }
    }
    let verdict = match (Overall::over(&results), &unfetched) {
        (Overall::Error, Some(trouble)) => trouble.exit(),
        (overall, _) => overall.into(),
    };
    // The verdict stands, whatever becomes of the reports; but one that nobody was told is no pass.
    let mut troubles = Vec::new();
    let written = match args.format {
        ReportFormat::Text => write(&mut output::standard(), args.format, &results, args.verbose),
        ReportFormat::Json => write(&mut output::buffered(), args.format, &results, args.verbose),
    };
    troubles.extend(written.err().map(|error| Trouble::output(&error)));
    for (format, path) in reports {
        let written = File::create(&path).and_then(|file| {
            let mut file = BufWriter::new(file);
            let file: &mut dyn Write = &mut file;
            match format {
                ReportFormat::Text => write(&mut StripStream::new(file), format, &results, args.verbose),
                ReportFormat::Json => write(file, format, &results, args.verbose),
            }
        });
        troubles.extend(written.err().map(|error| {
            let path = report::escaped(path.as_os_str().as_encoded_bytes());
            Trouble::InputOutput(format!("failed to write report {path}: {error}"))
        }));
    }
    for trouble in &troubles {
        trouble.print();
    }
    Ok(if troubles.is_empty() || verdict == Exit::Fail { verdict } else { Exit::InputOutput })
}

fn write(out: &mut dyn Write, format: ReportFormat, results: &[report::Result], verbose: bool) -> std::io::Result<()> {
    match format {
        ReportFormat::Text => report::text(out, results, verbose)?,
        ReportFormat::Json => {
            report::json::write_pretty(out, &report::json::document(results))?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()
}

fn further_report(typed: &str) -> Result<(ReportFormat, PathBuf), Trouble> {
    let wrong = || Trouble::Usage(format!("--report takes text=PATH or json=PATH, not {typed:?}"));
    let (format, path) = typed.split_once('=').ok_or_else(wrong)?;
    let format = match format {
        "text" => ReportFormat::Text,
        "json" => ReportFormat::Json,
        _ => return Err(wrong()),
    };
    if path.is_empty() { Err(wrong()) } else { Ok((format, PathBuf::from(path))) }
}
