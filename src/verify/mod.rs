//! One archive, from bytes to verdict.
//!
//! Promises: a broken archive is `Ok`; the verdict is reached only after every layer has closed; nothing that was read
//! inside a layer that failed its own check is believed. Refuses to know: how an outcome is shown.

mod archive;
mod disclosed;
mod findings;
mod nested;
mod outcome;
mod provisional;
mod road;
mod wrapping;

pub use archive::Archive;
pub use nested::{Carried, Nest};
pub use outcome::{Inventory, Layer, Outcome, SecretMember, Secrets, Totals, Verdict};
pub use provisional::Journey;
pub use road::{Opened, Progress, Reading, Road};
pub use wrapping::{Form, Wrapper, Wrapping};

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::code::Decides;
use crate::digest::{Digests, MemberDigests, hex};
use crate::entry::{Entry, EntryKind};
use crate::error::Error;
use crate::finding::{Finding, Severity};
use crate::rule::{ArchiveForm, Choice, EndMarker, Judge, Judgement, RuleSet};
use crate::secret::Unlock;
use crate::source::Chunk;
use crate::tar;
use crate::walk::{Sink, Want, Workers};
use disclosed::Disclosed;
use findings::Findings;

/// What to verify with.
#[derive(Debug, Clone)]
pub struct Options {
    /// How to read.
    pub reading: Reading,
    /// The rule sets to judge by.
    pub rules: Vec<Arc<RuleSet>>,
    /// Whether they are all meant, or the one that fits is to be found.
    pub choice: Choice,
    /// Whether a warning fails the archive.
    pub fail_on_warning: bool,
}

/// Verifies `archive`: reads every byte, closes every layer, judges.
///
/// # Errors
/// The archive could not be looked at.
pub fn verify(archive: Archive, options: &Options, unlock: &mut dyn Unlock) -> Result<Outcome, Error> {
    let name = archive.name().to_owned();
    let misnamed = archive.file_name().map(str::to_owned);
    let journey = match Road::open(archive, &options.reading, unlock)? {
        Opened::Refused(journey) => journey,
        Opened::Ready(road) => {
            let mut judge = Judge::new(options.rules.clone(), options.choice, road.depth(), &options.reading.limits);
            if let Some(now) = options.reading.now {
                judge.set_clock(now);
            }
            let mut sink = Verifier::new(judge, &options.reading);
            let journey = road.walk(&mut sink)?;
            return Ok(conclude(name, misnamed, journey, Some(sink.finish()), options));
        }
    };
    Ok(conclude(name, misnamed, journey, None, options))
}

/// Verifies the archive that is the member `inside` of `archive`, or a member of a member; the rules judge the innermost.
/// The outcomes, outermost first, up to the first archive that could not be looked into or must not be believed.
///
/// # Errors
/// One of the archives could not be looked at.
pub fn verify_inside(
    archive: Archive,
    inside: &[Vec<u8>],
    options: &Options,
    unlock: &mut dyn Unlock,
) -> Result<Vec<Outcome>, Error> {
    let (innermost, nest) = Nest::enter(archive, inside, &options.reading, true, unlock)?;
    let innermost = innermost.map(|archive| verify(archive, options, unlock));
    // Where an outer archive could not be read, that is why the inner one ended early.
    let carried = nest.leave()?;
    let mut outcomes = Vec::with_capacity(carried.len() + 1);
    for mut outer in carried {
        let goes_on = outer.journey.settle() && outer.found;
        let verified = Verified { judge: None, inventory: outer.inventory, secrets: Secrets::default(), content: None };
        outcomes.push(conclude(outer.name, outer.file_name, outer.journey, Some(verified), options));
        if !goes_on {
            return Ok(outcomes);
        }
    }
    outcomes.extend(innermost.transpose()?);
    Ok(outcomes)
}

/// Judges what was read, once everything has closed.
fn conclude(
    name: String,
    file_name: Option<String>,
    mut journey: Journey,
    verified: Option<Verified>,
    options: &Options,
) -> Outcome {
    let believed = journey.settle();
    let mut inventory = Inventory::default();
    let mut secrets = Secrets::default();
    let mut content = None;
    let mut judgement = Judgement::default();
    if let (Some(verified), true) = (verified, believed) {
        inventory = verified.inventory;
        content = verified.content;
        let encrypted = journey.layers.iter().any(|layer| layer.encrypted);
        secrets = Secrets { encrypted, ..verified.secrets };
        let form = ArchiveForm {
            encrypted,
            entries: inventory.entries,
            complete: journey.is_complete(),
            end_marker: match journey.walked.map(|walked| walked.end_marker) {
                Some(tar::EndMarker::Whole) => EndMarker::Whole,
                Some(tar::EndMarker::Short) => EndMarker::Short,
                Some(tar::EndMarker::Missing) | None => EndMarker::Missing,
            },
            trailing_bytes: journey.trailing_bytes(),
            file_name: file_name.clone(),
        };
        judgement = verified.judge.map_or_else(Judgement::default, |judge| judge.conclude(&form));
    }
    let mut findings = Findings::new(options.reading.limits.findings_per_code);
    findings.extend(journey.layers.iter_mut().flat_map(|layer| std::mem::take(&mut layer.findings)));
    findings.extend(journey.findings);
    findings.extend(judgement.findings);
    findings.extend(file_name.and_then(|name| archive::misnamed(&name, &journey.layers)));
    let findings = findings.finish();
    Outcome {
        source: name,
        verdict: Verdict::of(&findings, options.fail_on_warning),
        bytes: journey.bytes,
        digests: journey.digests,
        content,
        totals: journey.walked.map(|walked| Totals::from(walked.accounts)),
        layers: outcome::layers(journey.layers, journey.walked.is_some()),
        inventory,
        secrets,
        rules: judgement.judged,
        coverage: judgement.coverage,
        findings,
    }
}

/// What the sink of a verification has when the walk is over.
struct Verified {
    /// None where the archive is only read for what is in it.
    judge: Option<Judge>,
    inventory: Inventory,
    secrets: Secrets,
    content: Option<[u8; 32]>,
}

/// The sink of a verification: hashes, counts, and hands every entry to the judge.
struct Verifier {
    judge: Judge,
    inventory: Inventory,
    disclosed: Disclosed,
    members: Option<MemberDigests<Vec<u8>>>,
    content: Sha256,
    /// Whether the entry is none of the first archive's: read, because every byte is, and not judged.
    is_further: bool,
}

impl Verifier {
    fn new(judge: Judge, reading: &Reading) -> Self {
        let workers = Workers::start(reading.threads);
        Self {
            judge,
            inventory: Inventory::default(),
            disclosed: Disclosed::new(reading.limits.findings_per_code),
            members: reading.hashes.any().then(|| MemberDigests::new(reading.hashes, workers)),
            content: Sha256::new(),
            is_further: false,
        }
    }

    fn finish(mut self) -> Verified {
        let mut content = None;
        if let Some(mut members) = self.members.take() {
            while let Some((record, digests)) = members.wait() {
                absorb(&mut self.content, &record, digests);
            }
            content = Some(self.content.finalize().into());
        }
        let secrets = self.disclosed.finish();
        Verified { judge: Some(self.judge), inventory: self.inventory, secrets, content }
    }
}

impl Sink for Verifier {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.is_further = entry.archive > 0;
        if self.is_further {
            return Want::Stream;
        }
        self.judge.entry(entry);
        self.inventory.count(entry);
        self.disclosed.begin(entry.path);
        let Some(members) = &mut self.members else { return Want::Stream };
        let record = content_record(entry);
        let weight = record.len();
        let content = entry.content_bytes();
        let has_content = content.is_some();
        members.begin(record, weight, content);
        while let Some((record, digests)) = members.ready() {
            absorb(&mut self.content, &record, digests);
        }
        if has_content { Want::Stream } else { Want::Skip }
    }

    fn data(&mut self, chunk: &Chunk) {
        if !self.is_further {
            self.disclosed.data(&chunk.bytes);
        }
        match &mut self.members {
            Some(members) if !self.is_further => members.data(&chunk.bytes),
            _ => touch(&chunk.bytes),
        }
    }

    fn hole(&mut self, bytes: u64) {
        if !self.is_further {
            self.disclosed.hole(bytes);
        }
        if let (Some(members), false) = (&mut self.members, self.is_further) {
            members.hole(bytes);
        }
    }

    fn end(&mut self, whole: bool) {
        if !self.is_further {
            self.disclosed.end();
        }
        if let (Some(members), false) = (&mut self.members, self.is_further) {
            members.end(whole);
        }
    }
}

/// Has every page of `bytes` read: a mapped page that nobody touched may lie on a bad sector.
fn touch(bytes: &[u8]) {
    const PAGE_BYTES: usize = 4096;
    let sum = bytes.iter().step_by(PAGE_BYTES).chain(bytes.last()).fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    std::hint::black_box(sum);
}

/// What the content digest holds of an entry beside its bytes: kind, path, size and link target, each ended by a NUL.
fn content_record(entry: &Entry<'_>) -> Vec<u8> {
    let mut record = Vec::with_capacity(entry.path.len() + entry.link.len() + 32);
    let kind = if entry.kind == EntryKind::Contiguous { EntryKind::File } else { entry.kind };
    for field in [kind.as_str().as_bytes(), entry.path, entry.size.to_string().as_bytes(), entry.link] {
        record.extend_from_slice(field);
        record.push(0);
    }
    record
}

fn absorb(content: &mut Sha256, record: &[u8], digests: Option<Digests>) {
    content.update(record);
    for (name, value) in digests.iter().flat_map(Digests::named) {
        content.update(name);
        content.update(b"=");
        content.update(value);
    }
    content.update(b"\n");
}

impl Verdict {
    /// The verdict of these findings. What cannot be decided is not failed by a warning.
    fn of(findings: &[Finding], fail_on_warning: bool) -> Self {
        let errors = || findings.iter().filter(|finding| finding.severity == Severity::Error);
        if errors().any(|finding| finding.code.decides == Decides::Fail) {
            Self::Fail
        } else if errors().next().is_some() {
            Self::Inconclusive
        } else if fail_on_warning && findings.iter().any(|finding| finding.severity == Severity::Warning) {
            Self::Fail
        } else {
            Self::Pass
        }
    }
}

impl Outcome {
    /// The content digest as text, where members were hashed.
    #[must_use]
    pub fn content_hex(&self) -> Option<String> {
        self.content.map(|digest| hex(&digest))
    }
}
