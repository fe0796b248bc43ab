//! `archive`: a member that is an archive itself, opened, proved and listed by the same road as the one around it.
//!
//! ```text
//! feed ──► buffer ──► queue of eight chunks ──► thread: envelope::open ──► walk::drive ──► Tour ──► finish
//! ```
//! Promises: the inner archive is read exactly as the same bytes in a file; what may not be believed of it is not told;
//! whoever drops the probe waits for the thread and for nothing else. Refuses to know: archives inside the inner one, and
//! any secret: an encrypted one stays closed, and that is said.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::{Fault, Kind, Learned, Probe, Settings, Subject};
use crate::code;
use crate::entry::{Entry, normalized};
use crate::envelope::{self, Format, Proof, Trust, Unwrapped};
use crate::finding::{Finding, Severity};
use crate::limits::Limits;
use crate::place::Place;
use crate::secret::Known;
use crate::source::{Buffer, Buffered, CHUNK_BYTES, Chunk, Feed, Pool};
use crate::walk::{Sink, Walked, Want, Way, drive, empty, recognise};

/// The line of the catalog.
pub(super) static KIND: Kind = Kind {
    name: "archive",
    about: "opens a member that is an archive itself, compressed or not, proves its layers and lists it to its end",
    settings: &[
        ("entries", "the archive inside holds at least so many entries, directories included"),
        ("required", "paths that must be in the archive inside, exactly as written but for `./` or `/` in front"),
    ],
    facts: &[
        ("entries", "entries of the archive inside, directories included"),
        ("layers", "what it is made of, outermost first, as in `gzip, tar`"),
        ("bytes", "bytes of content of all its members"),
    ],
    digest: None,
    check,
    start: |subject| Box::new(Nested::start(subject)),
};

/// Chunks that wait between the outer archive and the one inside.
const QUEUE_CHUNKS: usize = 8;

/// Findings of one code and severity that are kept of the archive inside.
const FINDINGS: usize = 8;

/// What must be inside.
#[derive(Default)]
struct Wanted {
    entries: u64,
    required: Vec<Vec<u8>>,
}

impl Wanted {
    fn of(settings: &Settings) -> Result<Self, String> {
        let mut wanted = Self::default();
        match settings.get("entries").map(Vec::as_slice) {
            None => {}
            Some([number]) => {
                wanted.entries = number.parse().map_err(|_| format!("`entries` takes a number, not {number:?}"))?;
            }
            Some(_) => return Err("`entries` takes one number".to_owned()),
        }
        for path in settings.get("required").into_iter().flatten() {
            let path = normalized(path.as_bytes()).into_owned();
            if path.is_empty() {
                return Err("`required` takes paths; one of them is empty".to_owned());
            }
            wanted.required.push(path);
        }
        Ok(wanted)
    }
}

fn check(settings: &Settings) -> Result<(), String> {
    Wanted::of(settings).map(|_| ())
}

struct Nested {
    wanted: Wanted,
    pool: Pool,
    buffer: Buffer,
    /// Where the content goes; none once the reader wants no more.
    sender: Option<SyncSender<Bytes>>,
    /// Reads the inner archive; an error where no thread could be started, none once it was waited for.
    reader: Option<io::Result<JoinHandle<io::Result<Told>>>>,
}

impl Nested {
    fn start(subject: &Subject<'_>) -> Self {
        // Settings were checked when the rule was read.
        let wanted = Wanted::of(subject.settings).unwrap_or_default();
        let required = wanted.required.iter().map(|path| (path.clone(), false)).collect();
        let (sender, receiver) = sync_channel(QUEUE_CHUNKS);
        let limits = subject.limits.clone();
        let reader = std::thread::Builder::new().name("inside".to_owned()).spawn(move || {
            let tour = Tour { required, ..Tour::default() };
            read(Parcels(receiver), &limits, tour)
        });
        let pool = Pool::new(CHUNK_BYTES);
        Self { wanted, buffer: pool.buffer(), pool, sender: Some(sender), reader: Some(reader) }
    }

    /// Hands on what has gathered.
    fn flush(&mut self) {
        let full = std::mem::replace(&mut self.buffer, self.pool.buffer());
        if full.used() > 0
            && let Some(sender) = &self.sender
            && sender.send(full.freeze()).is_err()
        {
            // The reader stopped: the rest is none of its business.
            self.sender = None;
        }
    }

    /// Waits for the reader, which sees the end of the content.
    fn join(&mut self) -> Option<io::Result<Told>> {
        self.sender = None;
        let lost = || io::Error::other("the reading thread ended unexpectedly");
        Some(self.reader.take()?.and_then(|thread| thread.join().map_err(|_| lost())?))
    }
}

impl Probe for Nested {
    fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.sender.is_some() && !rest.is_empty() {
            let free = self.buffer.free();
            if free.is_empty() {
                self.flush();
                continue;
            }
            let (now, later) = rest.split_at_checked(free.len()).unwrap_or((rest, &[]));
            if let Some(room) = free.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.buffer.advance(now.len());
            rest = later;
        }
    }

    fn finish(mut self: Box<Self>) -> Learned {
        self.flush();
        match self.join() {
            Some(Ok(told)) => told.learned(&self.wanted),
            Some(Err(error)) => {
                let mut learned = Learned::default();
                // The content comes from memory: what can fail is the system, which gives no thread.
                learned.fault(&code::LIMIT_REACHED, None, format!("the archive inside could not be read: {error}"));
                learned
            }
            None => Learned::default(),
        }
    }
}

impl Drop for Nested {
    fn drop(&mut self) {
        // The thread waits for nothing but the queue, which is closed now.
        let _ = self.join();
    }
}

/// The content of the member as it comes.
struct Parcels(Receiver<Bytes>);

impl Feed for Parcels {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        Ok(self.0.recv().ok())
    }
}

/// What was learned of the inner archive, settled.
struct Told {
    layers: Vec<Proof>,
    findings: Vec<Finding>,
    walked: Option<Walked>,
    tour: Tour,
}

/// The road from the first byte to the last proof.
fn read(content: Parcels, limits: &Limits, mut tour: Tour) -> io::Result<Told> {
    if limits.nested_archives == 0 {
        let message = "an archive inside this one, none allowed (--limit nested-archives=1)";
        let findings = vec![Finding::new(&code::LIMIT_REACHED, Place::whole(), message)];
        return Ok(Told { layers: Vec::new(), findings, walked: None, tour });
    }
    let source = Box::new(Buffered::new(content));
    let mut stack = match envelope::open(source, limits, &Trust::default(), &mut Known::default(), 1)? {
        Unwrapped::Open(stack) => stack,
        Unwrapped::Closed(layers) => return Ok(Told::settled(layers, None, tour)),
    };
    if let Some((code, message)) = recognise(&mut *stack.layer)? {
        tour.keep(&Finding::new(code, Place::at(stack.depth, 0), message));
        return Ok(Told::settled(stack.layer.close()?, None, tour));
    }
    let way = Way { limits, depth: stack.depth, salvage: false };
    let walked = drive(&mut *stack.layer, way, &mut tour)?;
    if let Some(finding) = empty(&walked, stack.depth, tour.findings.is_empty()) {
        tour.keep(&finding);
    }
    Ok(Told::settled(stack.layer.close()?, Some(walked), tour))
}

impl Told {
    fn settled(mut layers: Vec<Proof>, walked: Option<Walked>, mut tour: Tour) -> Self {
        let mut findings = std::mem::take(&mut tour.findings);
        let believed = envelope::settle(&mut layers, &mut findings);
        Self { layers, findings, walked: walked.filter(|_| believed), tour }
    }

    fn learned(mut self, wanted: &Wanted) -> Learned {
        let mut learned = Learned::default();
        let formats: Vec<Format> =
            self.layers.iter().map(|layer| layer.format).chain(self.walked.map(|_| Format::Tar)).collect();
        let from_layers = self.layers.iter_mut().flat_map(|layer| std::mem::take(&mut layer.findings));
        let mut findings: Vec<Finding> = from_layers.chain(std::mem::take(&mut self.findings)).collect();
        // The gravest first: a flood of notes must not keep an error of the same code out.
        findings
            .sort_by_key(|finding| (std::cmp::Reverse(finding.severity), finding.place.depth, finding.place.offset));
        findings.into_iter().map(|finding| fault(finding, &formats)).for_each(|fault| learned.add(fault));
        let Some(walked) = self.walked else { return learned };
        if walked.whole && !walked.stopped && envelope::is_complete(&self.layers) {
            self.tour.missing(wanted, &mut learned);
        }
        let names: Vec<&str> = formats.iter().map(|format| format.as_str()).collect();
        learned.fact("entries", self.tour.entries.to_string());
        learned.fact("layers", names.join(", "));
        learned.fact("bytes", self.tour.bytes.to_string());
        learned
    }
}

/// The finding as it is told of the member around it.
fn fault(finding: Finding, formats: &[Format]) -> Fault {
    let Finding { code, severity, message, place, .. } = finding;
    let depth = usize::from(place.depth.0);
    let layer = formats.get(depth).map_or("content", |format| format.as_str());
    let mut said = match &place.entry {
        Some(path) => format!("in the archive inside, member {}: {message}", path.escape_ascii()),
        None => format!("in the archive inside, {layer}: {message}"),
    };
    // An offset in the member itself can be looked up; one in what a layer gave only be told.
    if let Some(offset) = place.offset.filter(|_| depth > 0) {
        said = format!("{said} (byte {offset} of the {layer} data)");
    }
    Fault {
        code,
        severity: (severity != code.severity).then_some(severity),
        message: said,
        offset: place.offset.filter(|_| depth == 0),
    }
}

/// The sink of the inner archive: counts, and looks for what is required.
#[derive(Default)]
struct Tour {
    entries: u64,
    bytes: u64,
    /// Whether each required path was met.
    required: BTreeMap<Vec<u8>, bool>,
    findings: Vec<Finding>,
    /// How many findings there were of each code and severity.
    counts: BTreeMap<(&'static str, Severity), usize>,
}

impl Tour {
    fn keep(&mut self, finding: &Finding) {
        let count = self.counts.entry((finding.code.id, finding.severity)).or_default();
        *count = count.saturating_add(1);
        if *count <= FINDINGS {
            self.findings.push(finding.clone());
        }
    }

    /// What must be inside and is not.
    fn missing(&self, wanted: &Wanted, learned: &mut Learned) {
        if self.entries < wanted.entries {
            let message =
                format!("the archive inside holds {} entries, at least {} expected", self.entries, wanted.entries);
            learned.fault(&code::NESTED_INCOMPLETE, None, message);
        }
        for path in self.required.iter().filter(|(_, met)| !**met).map(|(path, _)| path) {
            let message = format!("the archive inside does not hold {}", path.escape_ascii());
            learned.fault(&code::NESTED_INCOMPLETE, None, message);
        }
    }
}

impl Sink for Tour {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        // What stands behind the first end marker is read, because every byte is, and not counted.
        if entry.archive == 0 {
            self.entries = self.entries.saturating_add(1);
            self.bytes = self.bytes.saturating_add(entry.size);
            if let Some(met) = self.required.get_mut(&*normalized(entry.path)) {
                *met = true;
            }
        }
        Want::Skip
    }

    fn data(&mut self, _chunk: &Chunk) {}

    fn end(&mut self, _whole: bool) {}

    fn finding(&mut self, finding: &Finding) {
        self.keep(finding);
    }
}
