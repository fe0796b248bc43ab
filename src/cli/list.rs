//! `veritar list`.

use std::collections::VecDeque;
use std::io::{self, Write};

use super::args::{List, ListFormat};
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{nested, output, plan};
use crate::digest::{Digests, MemberDigests};
use crate::entry::Entry;
use crate::finding::Finding;
use crate::report::listing::{Line, Style, Tail};
use crate::source::Chunk;
use crate::verify::{Archive, Journey, Opened, Reading, Road};
use crate::walk::{Sink, Want, Workers};

pub(super) fn run(args: &List) -> Result<Exit, Trouble> {
    let reading = plan::reading(&args.reading, &args.hash, false)?;
    let mut secrets = Secrets::gather(&args.reading, args.archive.as_os_str() == "-")?;
    let archive = plan::archive(&args.archive);
    let bar = Bar::start(&args.reading, archive.name(), &reading.progress);
    let done = nested::read(archive, &plan::inside(&args.reading), &reading, &mut secrets, |archive, secrets| {
        list(args, archive, &reading, secrets)
    });
    drop(bar);
    Ok(done?.0)
}

/// Lists `archive` on standard output.
fn list(args: &List, archive: Archive, reading: &Reading, secrets: &mut Secrets) -> Result<(Journey, ()), Trouble> {
    let style = match args.format {
        ListFormat::Text => Style::Text,
        ListFormat::Names => Style::Names,
        ListFormat::Jsonl => Style::Jsonl,
    };
    match Road::open(archive, reading, secrets)? {
        Opened::Refused(journey) => Ok((journey, ())),
        Opened::Ready(road) => {
            let workers = Workers::start(reading.threads);
            let members = reading.hashes.any().then(|| MemberDigests::new(reading.hashes, workers));
            let mut lister = match style {
                Style::Jsonl => Lister::new(Box::new(output::buffered()) as Box<dyn Write>, style, members),
                _ => Lister::new(Box::new(output::standard()) as Box<dyn Write>, style, members),
            };
            let journey = road.walk(&mut lister)?;
            lister.finish().map_err(|error| Trouble::output(&error))?;
            Ok((journey, ()))
        }
    }
}

/// Writes a line for each entry as soon as all about it, and all before it, is known: what is odd about an entry may still
/// come until the next one begins.
struct Lister<W> {
    out: W,
    style: Style,
    members: Option<MemberDigests<Line>>,
    /// The line of the entry met last, where nothing is hashed.
    last: Option<Line>,
    /// What is odd about entries whose lines are not written yet, in their order; only those that are odd.
    anomalies: VecDeque<(u64, &'static str)>,
    /// Entries met, and lines written.
    met: u64,
    written: u64,
    failed: Option<io::Error>,
}

impl<W: Write> Lister<W> {
    fn new(out: W, style: Style, members: Option<MemberDigests<Line>>) -> Self {
        Self { out, style, members, last: None, anomalies: VecDeque::new(), met: 0, written: 0, failed: None }
    }

    fn write(&mut self, line: &Line, digests: Option<Digests>) {
        let mut tail = Tail { digests, anomalies: Vec::new() };
        while let Some((_, code)) = self.anomalies.pop_front_if(|(entry, _)| *entry == self.written) {
            tail.anomalies.push(code);
        }
        self.written += 1;
        if let Err(error) = line.write(&mut self.out, &tail) {
            self.failed.get_or_insert(error);
        }
    }

    fn finish(mut self) -> io::Result<()> {
        if let Some(line) = self.last.take() {
            self.write(&line, None);
        }
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
        // All about the entries before this one is known now.
        if let Some(line) = self.last.take() {
            self.write(&line, None);
        }
        self.met += 1;
        let line = Line::new(entry, self.style);
        let Some(mut members) = self.members.take() else {
            self.last = Some(line);
            return Want::Skip;
        };
        while let Some((line, digests)) = members.ready() {
            self.write(&line, digests);
        }
        let has_content = entry.kind.is_file() || entry.stored_size > 0;
        let weight = line.weight();
        members.begin(line, weight, has_content.then_some(entry.stored_size));
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
    }

    fn finding(&mut self, finding: &Finding) {
        if finding.place.entry.is_some() {
            self.anomalies.push_back((self.met.saturating_sub(1), finding.code.id));
        }
    }
}
