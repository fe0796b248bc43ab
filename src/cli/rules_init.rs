//! `veritar rules init`.
//!
//! Promises: nothing is drafted from an archive that is damaged, not read to its end, or not to be believed; every byte of
//! it is read. Refuses to know: what the rules say.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::args::RulesInit;
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{nested, output, plan};
use crate::entry::{Entry, normalized};
use crate::finding::Finding;
use crate::graph::{Found, Graph, Topic};
use crate::limits::Limits;
use crate::probe::{Kind, Lab, Settings, Subject};
use crate::report::escaped;
use crate::rule::draft::{About, Draft, Undrafted};
use crate::rule::{Choice, EndMarker, Judge, catalog};
use crate::source::{Chunk, zeros};
use crate::verify::{Opened, Road};
use crate::walk::{Sink, Want};

pub(super) fn run(args: &RulesInit) -> Result<Exit, Trouble> {
    let about = about(args)?;
    let reading = plan::reading(&args.reading, "none", "none")?;
    let mut secrets = Secrets::gather(&args.reading.keys, args.from.as_os_str() == "-")?;
    let archive = plan::archive(&args.from);
    let bar = Bar::start(&args.reading.effort, archive.name(), &reading.progress);
    let inside = plan::inside(&args.reading);
    let done = nested::read(archive, &inside, &reading, &mut secrets, |archive, secrets| {
        match Road::open(archive, &reading, secrets)? {
            Opened::Refused(journey) => Ok((journey, None)),
            Opened::Ready(road) => {
                let depth = road.depth();
                let mut sink = Drafter::new(&reading.limits, reading.now);
                sink.judge = Some(Judge::new(catalog::all().to_vec(), Choice::Auto, depth, &reading.limits));
                let journey = road.walk(&mut sink)?;
                Ok((journey, Some((sink, depth))))
            }
        }
    });
    drop(bar);
    let (outside, innermost) = done?;
    let Some(mut innermost) = innermost else { return Ok(refused(outside)) };
    let journey = &mut innermost.journey;
    let is_believed = journey.settle();
    let (Some((mut sink, depth)), true) = (innermost.shown, is_believed) else {
        nested::complain_about(journey.all_findings(), None);
        return Ok(refused(nested::worse(outside, nested::exit(journey.all_findings()))));
    };
    if sink.draft.is_over() {
        return Ok(undrafted(&Undrafted::TooMany(reading.limits.draft_bytes)));
    }
    let graph = std::mem::replace(&mut sink.graph, Graph::new(&reading.limits, None));
    let (policies, found): (Vec<Found>, Vec<Found>) =
        graph.finish(depth).into_iter().partition(|found| matches!(found.topic, Topic::Spelling | Topic::Repetition));
    let found: Vec<Finding> = found.into_iter().flat_map(Found::into_findings).collect();
    let all = || journey.all_findings().chain(&found);
    nested::complain_about(all(), None);
    let exit = nested::worse(outside, nested::exit(all()));
    if exit != Exit::Pass {
        return Ok(refused(exit));
    }
    if !journey.is_complete() {
        return Ok(refused(Exit::Inconclusive));
    }
    let form = journey.form(sink.entries, file_name(args), None);
    let recognised = sink.judge.take().map(|judge| judge.conclude(&form).judged).unwrap_or_default();
    let text = sink.draft.finish(&About {
        recognised: recognised.into_iter().map(|judged| judged.id).filter(|id| judges(id)).collect(),
        entries: form.entries,
        encrypted: form.encrypted,
        end_marker: form.end_marker == EndMarker::Whole,
        ends_there: form.trailing_bytes == 0,
        unique: !policies.iter().any(|found| found.topic == Topic::Repetition),
        safe: !policies.iter().any(|found| found.topic == Topic::Spelling),
        ..about
    });
    let text = match text {
        Ok(text) => text,
        Err(why) => return Ok(undrafted(&why)),
    };
    let mut out = output::buffered();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Trouble::output(&error))?;
    Ok(Exit::Pass)
}

/// Whether a built-in rule set says more of what it recognises than that it does.
fn judges(id: &str) -> bool {
    catalog::find(id).is_some_and(|set| set.declines().is_none())
}

/// Says that nothing was drafted.
fn refused(exit: Exit) -> Exit {
    // What is wrong with an archive around this one must not become a pass.
    let exit = if exit == Exit::Pass { Exit::Inconclusive } else { exit };
    output::complain("no rules are drafted: the archive is not known to be good");
    exit
}

/// Says why there is no draft of an archive that is good.
fn undrafted(why: &Undrafted) -> Exit {
    let why = match why {
        Undrafted::Empty => "the archive has no member".to_owned(),
        Undrafted::TooMany(limit) => {
            format!("the members need more than {limit} bytes to be remembered (--limit draft-bytes=N)")
        }
        Undrafted::Invalid(errors) => format!("by a mistake of the program, {errors}"),
    };
    output::complain(&format!("no rules are drafted: {why}"));
    Exit::Inconclusive
}

/// The name of the file that is read, where it has one.
fn file_name(args: &RulesInit) -> Option<String> {
    let inner = args.reading.inside.last().map(|member| Path::new(member.as_os_str()));
    let path = inner.or((args.from.as_os_str() != "-").then_some(args.from.as_path()))?;
    path.file_name().and_then(OsStr::to_str).map(str::to_owned)
}

/// What is said of the rule file before the archive is opened.
fn about(args: &RulesInit) -> Result<About, Trouble> {
    let name = file_name(args).unwrap_or_default();
    let stem = stem(&name);
    let id = match &args.id {
        Some(id) => {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
            let starts = id.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
            if !starts || id.len() > ID_BYTES || !id.bytes().all(is_plain) {
                return Err(Trouble::Usage(format!(
                    "--id takes up to {ID_BYTES} lower-case letters, digits, `-` and `.`, not {id:?}"
                )));
            }
            id.clone()
        }
        None => identifier(stem),
    };
    for (option, given) in [("--title", &args.title), ("--product", &args.product)] {
        if given.as_ref().is_some_and(|text| text.trim().is_empty()) {
            return Err(Trouble::Usage(format!("{option} is empty")));
        }
    }
    let word: String = id.chars().take_while(char::is_ascii_alphabetic).collect();
    let product = args.product.clone().unwrap_or(if word.is_empty() { "backup".to_owned() } else { word });
    let shown = if name.is_empty() { "standard input".to_owned() } else { escaped(name.as_bytes()).to_string() };
    let title = args.title.clone().unwrap_or_else(|| format!("backups like {shown}"));
    Ok(About { id, title, product, source: shown, ..About::default() })
}

/// Characters of an identifier.
const ID_BYTES: usize = 64;

/// A file name without the suffixes of archives and wrappers.
fn stem(name: &str) -> &str {
    const SUFFIXES: [&str; 20] = [
        "tar", "tgz", "tbz", "tbz2", "txz", "tlz", "tzst", "taz", "gz", "bz2", "xz", "zst", "lz", "Z", "gpg", "pgp",
        "asc", "enc", "age", "bak",
    ];
    let mut stem = name;
    while let Some((rest, suffix)) = stem.rsplit_once('.')
        && SUFFIXES.iter().any(|known| known.eq_ignore_ascii_case(suffix))
    {
        stem = rest;
    }
    stem
}

/// An identifier from a file name; dates and the like do not belong into it.
fn identifier(stem: &str) -> String {
    let mut id = String::new();
    for character in stem.chars().map(|character| character.to_ascii_lowercase()) {
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            id.push(character);
        } else if character == '.' && id.ends_with(|last: char| last.is_ascii_digit()) {
            id.push('.');
        } else if !id.is_empty() && !id.ends_with(['-', '.']) {
            id.push('-');
        }
    }
    id.truncate(ID_BYTES);
    let id = id.trim_end_matches(['-', '.']);
    if id.is_empty() || catalog::find(id).is_some() {
        format!("my-{}", if id.is_empty() { "backup" } else { id })
    } else {
        id.to_owned()
    }
}

/// Feeds the draft with entries and with what the probes learn of them.
struct Drafter {
    draft: Draft,
    graph: Graph,
    judge: Option<Judge>,
    entries: u64,
    lab: Lab,
    /// The probe at work, and the digest that it needs.
    open: Option<(&'static Kind, Option<Front>)>,
    /// Whether the entry is none of the first archive's.
    is_further: bool,
    limits: Limits,
    now: Option<i64>,
}

impl Drafter {
    fn new(limits: &Limits, now: Option<i64>) -> Self {
        Self {
            draft: Draft::new(limits),
            graph: Graph::new(limits, now),
            judge: None,
            entries: 0,
            lab: Lab::default(),
            open: None,
            is_further: false,
            limits: limits.clone(),
            now,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.lab.data(bytes);
        if let Some((_, Some(front))) = &mut self.open {
            front.update(bytes);
        }
    }
}

impl Sink for Drafter {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.is_further = entry.archive > 0;
        self.open = None;
        if self.is_further {
            return Want::Stream;
        }
        self.entries = self.entries.saturating_add(1);
        self.graph.entry(entry);
        if let Some(judge) = &mut self.judge {
            judge.entry(entry);
        }
        let kind = self.draft.entry(entry);
        if self.draft.is_over() {
            return Want::Stop;
        }
        let Some(size) = entry.content_bytes() else { return Want::Skip };
        let (path, settings) = (normalized(entry.path), Settings::new());
        let (limits, at) = (&self.limits, self.now);
        let subject = |kind| (kind, Subject { path: &path, size, settings: &settings, limits, at });
        self.lab.begin(kind.into_iter().map(subject));
        self.open = kind.map(|kind| (kind, kind.digest.map(Front::new)));
        Want::Stream
    }

    fn data(&mut self, chunk: &Chunk) {
        const PAGE_BYTES: usize = 4096;
        // A mapped page that nobody touched may lie on a bad sector.
        let sum = chunk.bytes.iter().step_by(PAGE_BYTES).chain(chunk.bytes.last()).fold(0_u8, |sum, byte| sum ^ byte);
        std::hint::black_box(sum);
        if !self.is_further && self.open.is_some() {
            self.feed(&chunk.bytes);
        }
    }

    fn hole(&mut self, bytes: u64) {
        if !self.is_further && self.open.is_some() {
            zeros(bytes).for_each(|piece| self.feed(&piece));
        }
    }

    fn end(&mut self, whole: bool) {
        if self.is_further {
            return;
        }
        let learned = self.lab.end(whole).pop();
        if let (Some((kind, front)), Some(mut learned)) = (self.open.take(), learned) {
            if let Some(expected) = learned.expected.take()
                && front.map(Front::finish) != Some(expected.sha256)
            {
                learned.add(expected.otherwise);
            }
            self.draft.learned(kind, learned);
        }
    }
}

/// The SHA-256 of a content without its last bytes.
struct Front {
    hasher: Sha256,
    without: usize,
    held: Vec<u8>,
}

impl Front {
    fn new(without: u64) -> Self {
        Self { hasher: Sha256::new(), without: usize::try_from(without).unwrap_or(usize::MAX), held: Vec::new() }
    }

    fn update(&mut self, bytes: &[u8]) {
        if self.without == 0 {
            return self.hasher.update(bytes);
        }
        self.held.extend_from_slice(bytes);
        let ready = self.held.len().saturating_sub(self.without);
        self.hasher.update(self.held.get(..ready).unwrap_or_default());
        self.held.drain(..ready);
    }

    fn finish(self) -> [u8; 32] {
        self.hasher.finalize().into()
    }
}
