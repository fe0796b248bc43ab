//! `veritar verify`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::args::{FailOn, ReportFormat, Verify};
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{output, plan};
use crate::error::Error;
use crate::report::{self, Overall};
use crate::verify::{Options, Progress, verify};

pub(super) fn run(args: &Verify) -> Result<Exit, Trouble> {
    plan::check_archives(&args.archives)?;
    let reading = plan::reading(&args.reading, &args.hash, true)?;
    let (rules, choice) = plan::rules(&args.rules, &reading.limits)?;
    let reports = args.report.iter().map(|typed| further_report(typed)).collect::<Result<Vec<_>, _>>()?;
    let mut secrets = Secrets::gather(&args.reading)?;
    let mut options = Options { reading, rules, choice, fail_on_warning: args.fail_on == FailOn::Warning };
    let mut results = Vec::with_capacity(args.archives.len());
    for path in &args.archives {
        options.reading.progress = Arc::<Progress>::default();
        let archive = plan::archive(path);
        let name = archive.name().to_owned();
        let bar = Bar::start(&args.reading, &name, &options.reading.progress);
        let outcome = verify(archive, &options, &mut secrets);
        drop(bar);
        results.push(match outcome {
            Ok(outcome) => report::Result::Looked(Box::new(outcome)),
            Err(error @ Error::Secret(_)) => return Err(error.into()),
            Err(error) => report::Result::Error { source: name, message: error.to_string() },
        });
    }
    for (format, path) in reports {
        let written = File::create(&path).and_then(|file| {
            let mut file = BufWriter::new(file);
            write(&mut anstream::StripStream::new(&mut file as &mut dyn Write), format, &results, args.verbose)?;
            file.flush()
        });
        written.map_err(|error| Trouble::InputOutput(format!("failed to write report {}: {error}", path.display())))?;
    }
    let mut out = output::standard();
    write(&mut out, args.format, &results, args.verbose)
        .and_then(|()| out.flush())
        .map_err(|error| Trouble::output(&error))?;
    Ok(Overall::over(&results).into())
}

fn write(out: &mut dyn Write, format: ReportFormat, results: &[report::Result], verbose: bool) -> std::io::Result<()> {
    match format {
        ReportFormat::Text => report::text(out, results, verbose),
        ReportFormat::Json => {
            serde_json::to_writer_pretty(&mut *out, &report::json::document(results))?;
            out.write_all(b"\n")
        }
    }
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
