//! `veritar list`.

use std::io::{self, Write};

use super::args::{List, ListFormat};
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{output, plan};
use crate::digest::{Digests, MemberDigests};
use crate::entry::Entry;
use crate::finding::Finding;
use crate::report::listing::{Line, Style, Tail};
use crate::source::Chunk;
use crate::verify::{Opened, Road};
use crate::walk::{Sink, Want, Workers};

pub(super) fn run(args: &List) -> Result<Exit, Trouble> {
    let reading = plan::reading(&args.reading, &args.hash, false)?;
    let mut secrets = Secrets::gather(&args.reading)?;
    let archive = plan::archive(&args.archive);
    let bar = Bar::start(&args.reading, archive.name(), &reading.progress);
    let style = match args.format {
        ListFormat::Text => Style::Text,
        ListFormat::Names => Style::Names,
        ListFormat::Jsonl => Style::Jsonl,
    };
    let journey = match Road::open(archive, &reading, &mut secrets)? {
        Opened::Refused(journey) => journey,
        Opened::Ready(road) => {
            let workers = Workers::start(reading.threads);
            let mut lister = Lister {
                out: output::standard(),
                style,
                members: reading.hashes.any().then(|| MemberDigests::new(reading.hashes, workers)),
                open: None,
                anomalies: Vec::new(),
                failed: None,
            };
            let journey = road.walk(&mut lister)?;
            lister.finish().map_err(|error| Trouble::output(&error))?;
            journey
        }
    };
    drop(bar);
    Ok(super::cat::close(journey))
}

/// Writes a line for each entry as soon as all about it, and all before it, is known.
struct Lister<W> {
    out: W,
    style: Style,
    members: Option<MemberDigests<Line>>,
    /// The entry that is not over yet, where nothing is hashed.
    open: Option<Line>,
    /// What was odd about it.
    anomalies: Vec<&'static str>,
    failed: Option<io::Error>,
}

impl<W: Write> Lister<W> {
    fn write(&mut self, line: &Line, digests: Option<Digests>) {
        let tail = Tail { digests, anomalies: std::mem::take(&mut self.anomalies) };
        if let Err(error) = line.write(&mut self.out, &tail) {
            self.failed.get_or_insert(error);
        }
    }

    fn finish(mut self) -> io::Result<()> {
        if let Some(mut members) = self.members.take() {
            while let Some((line, digests)) = members.wait() {
                self.write(&line, digests);
            }
        }
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }
}

impl<W: Write> Sink for Lister<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        if self.failed.is_some() {
            return Want::Stop;
        }
        let line = Line::new(entry, self.style);
        let Some(mut members) = self.members.take() else {
            self.open = Some(line);
            return Want::Skip;
        };
        let has_content = entry.kind.is_file() || entry.stored_size > 0;
        members.begin(line, has_content.then_some(entry.stored_size));
        while let Some((line, digests)) = members.ready() {
            self.write(&line, digests);
        }
        self.members = Some(members);
        if has_content { Want::Stream } else { Want::Skip }
    }

    fn data(&mut self, chunk: &Chunk) {
        if let Some(members) = &mut self.members {
            members.data(&chunk.bytes);
        }
    }

    fn end(&mut self, whole: bool) {
        if let Some(members) = &mut self.members {
            members.end(whole);
        }
        if let Some(line) = self.open.take() {
            self.write(&line, None);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        if finding.place.entry.is_some() {
            self.anomalies.push(finding.code.id);
        }
    }
}
