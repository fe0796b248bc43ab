//! `veritar list --layers`: what the archive is wrapped in, instead of what it holds.

use std::io::Write as _;

use super::args::{List, ListFormat};
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{nested, output, plan};
use crate::entry::Entry;
use crate::report::{self, json};
use crate::source::Chunk;
use crate::verify::{Archive, Opened, Road, Wrapping};
use crate::walk::{Sink, Want};

pub(super) fn run(args: &List, hash: &str) -> Result<Exit, Trouble> {
    let mut reading = plan::reading(&args.reading, hash, hash)?;
    reading.salvage = args.salvage;
    let mut secrets = Secrets::gather(&args.reading.keys, args.archive.as_os_str() == "-")?;
    let archive = plan::archive(&args.archive);
    let bar = Bar::start(&args.reading.effort, archive.name(), &reading.progress);
    let show = |archive: Archive, secrets: &mut Secrets| {
        let name = archive.name().to_owned();
        let journey = match Road::open(archive, &reading, secrets)? {
            Opened::Refused(journey) => journey,
            Opened::Ready(road) => road.walk(&mut PassOver)?,
        };
        Ok((journey, name))
    };
    let done = nested::read(archive, &plan::inside(&args.reading), &reading, &mut secrets, show);
    drop(bar);
    let (outside, innermost) = done?;
    let Some(nested::Innermost { mut journey, shown: name, .. }) = innermost else { return Ok(outside) };
    journey.settle();
    let wrapping = Wrapping::of(name, &journey);
    let written = if args.format == ListFormat::Json {
        let mut out = output::buffered();
        json::write_pretty(&mut out, &json::wrapping(&wrapping))
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
    } else {
        let mut out = output::standard();
        report::wrapping(&mut out, &wrapping).and_then(|()| out.flush())
    };
    written.map_err(|error| Trouble::output(&error))?;
    nested::complain_about(journey.all_findings(), None);
    Ok(nested::worse(outside, nested::exit(journey.all_findings())))
}

/// Walks to the end and wants nothing.
struct PassOver;

impl Sink for PassOver {
    fn entry(&mut self, _entry: &Entry<'_>) -> Want {
        Want::Skip
    }

    fn data(&mut self, _chunk: &Chunk) {}

    fn end(&mut self, _whole: bool) {}
}
