//! `veritar list`.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write};

use super::args::{List, ListFormat};
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{frames, layers, nested, output, plan};
use crate::digest::{Content, Digests, MemberDigests};
use crate::entry::Entry;
use crate::finding::Finding;
use crate::graph::{Found, Graph};
use crate::report::escaped;
use crate::report::listing::{Format, Line, Style, Tail};
use crate::source::Chunk;
use crate::verify::{Opened, Road};
use crate::walk::{Sink, Want, Workers};

/// Bytes of findings that wait for the lines of their members, before these are waited for.
const WAITING_BYTES: usize = 1 << 20;

pub(super) fn run(args: &List) -> Result<Exit, Trouble> {
    let hash = hash(args)?;
    if args.layers {
        return layers::run(args, hash);
    }
    if args.frames {
        return frames::run(args);
    }
    let mut reading = plan::reading(&args.reading, hash, "none")?;
    reading.salvage = args.salvage;
    let style = style(args.format)?;
    let mut secrets = Secrets::gather(&args.reading.keys, args.archive.as_os_str() == "-")?;
    let archive = plan::archive(&args.archive);
    let bar = Bar::start(&args.reading.effort, archive.name(), &reading.progress);
    // No format has styles that would have to be taken out.
    let out: Box<dyn Write> = Box::new(output::buffered());
    let done = nested::read(archive, &plan::inside(&args.reading), &reading, &mut secrets, |archive, secrets| {
        let format = style.format(reading.hashes);
        match Road::open(archive, &reading, secrets)? {
            Opened::Refused(journey) => Ok((journey, (out, Vec::new()))),
            Opened::Ready(road) => {
                let depth = road.depth();
                let workers = Workers::start(reading.threads);
                let members = reading.hashes.any().then(|| MemberDigests::new(reading.hashes, workers));
                let mut lister = Lister::new(out, format, members, args.anomalies);
                lister.graph = args.anomalies.then(|| Graph::new(&reading.limits, reading.now));
                let journey = road.walk(&mut lister)?;
                let found = lister.graph.take().map(|graph| graph.finish(depth)).unwrap_or_default();
                let mut found: Vec<Finding> = found.into_iter().flat_map(Found::into_findings).collect();
                if style == Style::Text {
                    found.iter_mut().for_each(name_entry);
                }
                Ok((journey, (lister.finish().map_err(|error| Trouble::output(&error))?, found)))
            }
        }
    });
    drop(bar);
    let (outside, innermost) = done?;
    if !args.anomalies {
        return Ok(nested::conclude(outside, innermost).0);
    }
    let Some(mut innermost) = innermost else { return Ok(outside) };
    let (out, mut found) = innermost.shown;
    if !nested::settle(&mut innermost.journey) {
        found.clear();
    }
    let findings = || innermost.journey.all_findings().chain(&found);
    // What the members are to each other comes last: it is known only then.
    let rest = innermost.journey.all_findings().filter(|finding| finding.place.entry.is_none()).chain(&found);
    write_all(out, &*style.format(reading.hashes), rest).map_err(|error| Trouble::output(&error))?;
    Ok(nested::worse(outside, nested::exit(findings())))
}

/// Puts the member's name into the sentence: its line was written long before.
fn name_entry(finding: &mut Finding) {
    if let Some(path) = finding.place.entry.take() {
        finding.message = format!("{} {}", escaped(&path), finding.message);
    }
}

fn write_all<'a>(
    mut out: Box<dyn Write>,
    format: &dyn Format,
    mut findings: impl Iterator<Item = &'a Finding>,
) -> io::Result<()> {
    findings.try_for_each(|finding| format.finding(&mut *out, finding))?;
    out.flush()
}

fn style(format: ListFormat) -> Result<Style, Trouble> {
    Ok(match format {
        ListFormat::Text => Style::Text,
        ListFormat::Names => Style::Names,
        ListFormat::Jsonl => Style::Jsonl,
        ListFormat::Json => {
            return Err(Trouble::Usage(
                "--format json goes with --layers; the members are listed with --format jsonl".to_owned(),
            ));
        }
        ListFormat::Csv => Style::Csv,
        ListFormat::Mtree => Style::Mtree,
        ListFormat::Bodyfile => Style::Bodyfile,
        ListFormat::Sha256sum if io::stdout().is_terminal() => Style::Sha256sumShown,
        ListFormat::Sha256sum => Style::Sha256sum,
    })
}

/// The digests meant. What a format has no place for is refused, not left out; so are views it cannot show.
fn hash(args: &List) -> Result<&str, Trouble> {
    let typed = args.hash.as_deref();
    let names = |name: &str| typed.is_some_and(|typed| typed.split(',').any(|one| one == name));
    let refusal = match args.format {
        format if args.layers && !matches!(format, ListFormat::Text | ListFormat::Json) => {
            "--layers is shown as text or json"
        }
        format if args.frames && !matches!(format, ListFormat::Text | ListFormat::Jsonl) => {
            "--frames is shown as text or jsonl"
        }
        format if args.anomalies && !matches!(format, ListFormat::Text | ListFormat::Jsonl) => {
            "--anomalies is shown as text or jsonl"
        }
        ListFormat::Sha256sum if typed.is_some() && !names("sha256") => {
            "--format sha256sum needs sha256 among the digests: leave --hash out or add it"
        }
        ListFormat::Mtree if names("blake3") => "mtree(5) has no keyword for blake3: --hash sha256 is what it can hold",
        ListFormat::Bodyfile if names("sha256") || names("blake3") => {
            "a body file has no column for these digests: leave --hash out"
        }
        ListFormat::Sha256sum => return Ok(typed.unwrap_or("sha256")),
        _ => return Ok(typed.unwrap_or("none")),
    };
    Err(Trouble::Usage(refusal.to_owned()))
}

/// Writes a line for each entry as soon as all about it, and all before it, is known: what is odd about an entry may still
/// come until the next one begins.
struct Lister {
    out: Box<dyn Write>,
    format: Box<dyn Format>,
    members: Option<MemberDigests<Line>>,
    /// Whether only those entries are listed that are odd, with what is odd about them.
    only_odd: bool,
    /// What the entries are to each other, where that is asked for.
    graph: Option<Graph>,
    /// The line of the entry met last, where nothing is hashed.
    last: Option<Line>,
    /// What is odd about entries whose lines are not written yet, in their order; only those that are odd.
    anomalies: VecDeque<Oddity>,
    /// Bytes of memory that their text takes.
    waiting: usize,
    /// Entries met, and lines written.
    met: u64,
    written: u64,
    failed: Option<io::Error>,
}

/// Something odd about an entry.
struct Oddity {
    /// The entry's number.
    entry: u64,
    code: &'static str,
    /// What is written below its line.
    text: Vec<u8>,
}

impl Lister {
    fn new(out: Box<dyn Write>, format: Box<dyn Format>, members: Option<MemberDigests<Line>>, only_odd: bool) -> Self {
        let failed = None;
        let mut lister = Self {
            out,
            format,
            members,
            only_odd,
            graph: None,
            last: None,
            anomalies: VecDeque::new(),
            waiting: 0,
            met: 0,
            written: 0,
            failed,
        };
        lister.failed = lister.format.begin(&mut *lister.out).err();
        lister
    }

    fn write(&mut self, line: Line, digests: Option<Digests>) {
        let mut tail = Tail { digests, anomalies: Vec::new() };
        let mut below = Vec::new();
        while let Some(odd) = self.anomalies.pop_front_if(|odd| odd.entry == self.written) {
            tail.anomalies.push(odd.code);
            self.waiting = self.waiting.saturating_sub(odd.text.len());
            below.extend(odd.text);
        }
        self.written += 1;
        if self.only_odd && tail.anomalies.is_empty() {
            return;
        }
        let mut written = self.format.write(&mut *self.out, &line, &tail);
        if !below.is_empty() {
            written = written.and_then(|()| self.out.write_all(&below));
        }
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
        self.format.reuse(line);
    }

    fn finish(mut self) -> io::Result<Box<dyn Write>> {
        if let Some(line) = self.last.take() {
            self.write(line, None);
        }
        self.drain();
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.out),
        }
    }

    /// Waits for all that are being hashed, and writes their lines.
    fn drain(&mut self) {
        if let Some(mut members) = self.members.take() {
            while let Some((line, digests)) = members.wait() {
                self.write(line, digests);
            }
            self.members = Some(members);
        }
    }
}

impl Sink for Lister {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        if self.failed.is_some() {
            return Want::Stop;
        }
        // All about the entries before this one is known now.
        if let Some(line) = self.last.take() {
            self.write(line, None);
        }
        if self.waiting > WAITING_BYTES {
            self.drain();
        }
        self.met += 1;
        if let Some(graph) = &mut self.graph {
            graph.entry(entry);
        }
        let line = self.format.line(entry);
        let Some(mut members) = self.members.take() else {
            self.last = Some(line);
            return Want::Skip;
        };
        while let Some((line, digests)) = members.ready() {
            self.write(line, digests);
        }
        let content = entry.content_bytes();
        let weight = line.weight();
        members.begin(line, weight, content.map(Content::new));
        self.members = Some(members);
        if content.is_some() { Want::Stream } else { Want::Skip }
    }

    fn data(&mut self, chunk: &Chunk) {
        if let Some(members) = &mut self.members {
            members.data(&chunk.bytes);
        }
    }

    fn hole(&mut self, bytes: u64) {
        if let Some(members) = &mut self.members {
            members.hole(bytes);
        }
    }

    fn end(&mut self, whole: bool) {
        if let Some(members) = &mut self.members {
            members.end(whole);
        }
    }

    fn finding(&mut self, finding: &Finding) {
        if finding.place.entry.is_none() {
            return;
        }
        let mut text = Vec::new();
        // What one entry has to say is bounded, too: past that, the codes of its line stand for it.
        if self.only_odd && self.waiting <= 2 * WAITING_BYTES {
            // Writing to memory cannot fail.
            let _ = self.format.finding(&mut text, finding);
        }
        self.waiting = self.waiting.saturating_add(text.len());
        self.anomalies.push_back(Oddity { entry: self.met.saturating_sub(1), code: finding.code.id, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code;
    use crate::digest::Hashes;
    use crate::entry::{EntryKind, Timestamp};
    use crate::place::Place;

    fn entry(kind: EntryKind, stored_size: u64) -> Entry<'static> {
        Entry {
            path: b"path",
            kind,
            size: stored_size,
            stored_size,
            mode: 0o600,
            uid: 0,
            gid: 0,
            uname: b"",
            gname: b"",
            mtime: Timestamp::default(),
            link: b"",
            device: None,
            attributes: &[],
            archive: 0,
            salvaged: false,
            offset: 0,
        }
    }

    #[test]
    fn findings_that_wait_behind_a_digest_are_bounded() {
        const MESSAGE_BYTES: usize = 4 << 10;
        let members = MemberDigests::new(Hashes::SHA256, Workers::start(2));
        let format = Style::Text.format(Hashes::SHA256);
        let mut lister = Lister::new(Box::new(io::sink()), format, Some(members), true);
        // One small file fills no batch: all behind it waits for its digest.
        lister.entry(&entry(EntryKind::File, 1));
        lister.data(&Chunk { offset: 0, bytes: bytes::Bytes::from_static(b"x") });
        lister.end(true);
        let finding = |number| {
            let place = Place::at(crate::place::Depth::default(), number).of_entry(b"path");
            Finding::new(&code::TAR_PADDING, place, "m".repeat(MESSAGE_BYTES))
        };
        // Many members with one each, then one with many.
        let most = 2 * WAITING_BYTES + 2 * MESSAGE_BYTES;
        for number in 0..1000 {
            lister.entry(&entry(EntryKind::Directory, 0));
            lister.finding(&finding(number));
            lister.end(true);
            assert!(lister.waiting <= WAITING_BYTES + 2 * MESSAGE_BYTES, "{} bytes wait", lister.waiting);
        }
        for number in 0..1000 {
            lister.finding(&finding(number));
            assert!(lister.waiting <= most, "{} bytes wait", lister.waiting);
        }
        assert!(lister.waiting > WAITING_BYTES, "the bound was not reached");
        assert!(lister.finish().is_ok());
    }
}
