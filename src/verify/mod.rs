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
mod severities;
mod verifier;
mod wrapping;

pub use archive::Archive;
pub use nested::{Carried, Nest};
pub use outcome::{Inventory, Layer, Outcome, SecretMember, Secrets, Totals, Verdict};
pub use provisional::Journey;
pub use road::{Opened, Progress, Reading, Road};
pub use severities::{Fixed, Severities};
pub use wrapping::{Form, Wrapper, Wrapping};

use std::sync::Arc;

use crate::code::Decides;
use crate::digest::hex;
use crate::error::Error;
use crate::finding::{Finding, Severity};
use crate::rule::{Choice, Judge, Judgement, RuleSet};
use crate::secret::Unlock;
use findings::Findings;
use verifier::{Verified, Verifier};

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
    /// How grave findings are, where that is not what their codes and rules say.
    pub severities: Severities,
    /// Bytes of the backup before, where there is one to compare with.
    pub previous_bytes: Option<u64>,
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
            if let Some(day) = options.reading.at.or(options.reading.now) {
                judge.set_day(day);
            }
            let mut sink = Verifier::new(judge, &options.reading);
            let journey = road.walk(&mut sink)?;
            let mut verified = sink.finish();
            if let Some(judge) = verified.judge.as_mut().filter(|judge| judge.is_locked()) {
                judge.set_unlock_keys(unlock.unlock_keys().map_err(Error::Secret)?);
            }
            return Ok(conclude(name, misnamed, journey, Some(verified), options));
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
        let form = journey.form(inventory.entries, file_name.clone(), options.previous_bytes);
        judgement = verified.judge.map_or_else(Judgement::default, |judge| judge.conclude(&form));
    }
    let mut findings = Findings::new(options.reading.limits.findings_per_code);
    let misnamed = file_name.and_then(|name| archive::misnamed(&name, &journey.layers));
    let of_layers = journey.layers.iter_mut().flat_map(|layer| std::mem::take(&mut layer.findings));
    let all = of_layers.chain(journey.findings).chain(judgement.findings).chain(misnamed);
    findings.extend(all.map(|finding| options.severities.applied(finding)));
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
