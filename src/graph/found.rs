//! What was found, bounded: some of each sort are kept, all are counted.
//!
//! Promises: what is told of single members is capped for each code and severity, and what many honest members share is
//! one finding with their number and the first few names. Refuses to know: what the findings mean.

use crate::code::{self, Code};
use crate::entry::Entry;
use crate::finding::{Finding, Severity};
use crate::place::{Depth, Place};

/// Names that a sentence gives before it says how many more there are.
const NAMED: usize = 3;

/// What policy of a rule set a finding falls under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// How a path is spelled: `archive.paths`, and a warning where no rule set judges.
    Spelling,
    /// Where a member is written: `archive.paths`.
    Writing,
    /// Where a link points that nothing was written through: an `archive.paths` that allows any silences it.
    Pointing,
    /// That a path stands twice: `archive.unique`.
    Repetition,
    /// Everything else: its own severity.
    Other,
}

/// Findings of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The policy they fall under.
    pub topic: Topic,
    /// Those that are kept, in the order of the archive.
    pub findings: Vec<Finding>,
    /// How many of the same code and severity were not.
    pub dropped: u64,
}

impl Found {
    /// Their code and severity; none where there are none.
    #[must_use]
    pub fn sort(&self) -> Option<(&'static Code, Severity)> {
        self.findings.first().map(|finding| (finding.code, finding.severity))
    }

    /// The findings, and a note where some were dropped.
    #[must_use]
    pub fn into_findings(self) -> Vec<Finding> {
        let note = self.sort().filter(|_| self.dropped > 0).map(|(code, severity)| {
            let message = format!(
                "{} further findings of {} ({}) were counted, not kept",
                self.dropped,
                code.id,
                severity.as_str()
            );
            Finding::new(&code::LIMIT_FINDINGS, Place::whole(), message)
        });
        self.findings.into_iter().chain(note).collect()
    }
}

/// Findings as they come.
#[derive(Debug)]
pub(super) struct Gather {
    cap: u64,
    sorts: Vec<Found>,
}

impl Gather {
    pub(super) fn new(cap: u64) -> Self {
        Self { cap: cap.max(1), sorts: Vec::new() }
    }

    /// Tells something of one member.
    pub(super) fn tell(
        &mut self,
        topic: Topic,
        code: &'static Code,
        severity: Severity,
        entry: &Entry<'_>,
        message: impl FnOnce() -> String,
    ) {
        let known = self.sorts.iter().position(|found| found.topic == topic && found.sort() == Some((code, severity)));
        let make = || {
            let place = Place::at(Depth::default(), entry.offset).of_entry(entry.path);
            Finding::new(code, place, message()).with_severity(severity)
        };
        match known.and_then(|known| self.sorts.get_mut(known)) {
            None => self.sorts.push(Found { topic, findings: vec![make()], dropped: 0 }),
            Some(found) if u64::try_from(found.findings.len()).unwrap_or(u64::MAX) < self.cap => {
                found.findings.push(make());
            }
            Some(found) => found.dropped = found.dropped.saturating_add(1),
        }
    }

    pub(super) fn add(&mut self, topic: Topic, findings: Vec<Finding>) {
        if !findings.is_empty() {
            self.sorts.push(Found { topic, findings, dropped: 0 });
        }
    }

    /// Adds findings of one sort at the end, with the number of those that were not kept.
    pub(super) fn extend(&mut self, topic: Topic, findings: Vec<Finding>, dropped: u64) {
        let sort = findings.first().map(|finding| (finding.code, finding.severity));
        let Some(known) = self.sorts.iter_mut().find(|found| found.topic == topic && found.sort() == sort) else {
            if sort.is_some() {
                self.sorts.push(Found { topic, findings, dropped });
            }
            return;
        };
        known.dropped = known.dropped.saturating_add(dropped);
        for finding in findings {
            if u64::try_from(known.findings.len()).unwrap_or(u64::MAX) < self.cap {
                known.findings.push(finding);
            } else {
                known.dropped = known.dropped.saturating_add(1);
            }
        }
    }

    /// Everything, at the depth that the entries' offsets count in.
    pub(super) fn finish(mut self, depth: Depth) -> Vec<Found> {
        for finding in self.sorts.iter_mut().flat_map(|found| &mut found.findings) {
            finding.place.depth = depth;
        }
        self.sorts
    }
}

/// Members that share something: their number and the first few.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    count: u64,
    first: Vec<String>,
    place: Place,
}

impl Sharing {
    /// Counts a member; `name` is how it is called in the sentence, where it is among the first.
    pub(super) fn add(&mut self, entry: &Entry<'_>, name: impl FnOnce() -> String) {
        if self.count == 0 {
            self.place = Place::at(Depth::default(), entry.offset).of_entry(entry.path);
        }
        self.count = self.count.saturating_add(1);
        if self.first.len() < NAMED {
            self.first.push(name());
        }
    }

    /// One finding: how many, what of them, and their names.
    pub(super) fn finish(self, code: &'static Code, severity: Severity, one: &str, many: &str) -> Vec<Finding> {
        if self.count == 0 {
            return Vec::new();
        }
        let named = u64::try_from(self.first.len()).unwrap_or(u64::MAX);
        let more = match self.count.saturating_sub(named) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let what = if self.count == 1 { one } else { many };
        let message = format!("{} {what}: {}{more}", self.count, self.first.join(", "));
        vec![Finding::new(code, self.place, message).with_severity(severity)]
    }
}

/// A name for a message, cut where it is long; outputs escape what is left.
pub(super) fn named(bytes: &[u8]) -> String {
    const CHARACTERS: usize = 60;
    let mut out = String::new();
    for chunk in bytes.get(..CHARACTERS.saturating_mul(4)).unwrap_or(bytes).utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                out.extend(character.escape_default());
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&byte.escape_ascii().to_string());
        }
    }
    match out.char_indices().nth(CHARACTERS) {
        Some((index, _)) => format!("{}...", out.get(..index).unwrap_or_default()),
        None => out,
    }
}
