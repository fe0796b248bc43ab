//! Findings before and after the layers have closed.
//!
//! Whatever is read inside a layer is hearsay until that layer has closed. When a layer fails a check that only the holder
//! of a secret can make, what came out of it must not be reported at all: it may be what an attacker wants to be read, and
//! telling one decryption error from another tells a forger how far he got.
//!
//! Promises: after [`settle`] only what may be believed is left; repeated findings are counted, not kept. Refuses to know:
//! what the findings say.

use std::collections::HashMap;

use super::road::Journey;
use crate::code;
use crate::envelope::Integrity;
use crate::finding::{Finding, Severity};
use crate::place::Place;

/// Throws out what may not be believed, now that every layer has closed; false where that is everything inside.
pub(super) fn settle(journey: &mut Journey) -> bool {
    let failed = |authenticated: bool| {
        journey
            .layers
            .iter()
            .filter(|layer| layer.integrity == Integrity::Failed && layer.authenticated == authenticated)
            .map(|layer| layer.depth)
            .min()
    };
    let (forged, damaged) = (failed(true), failed(false));
    if let Some(damaged) = damaged {
        // That nothing was recognised inside a damaged wrapper is no news beside the damage.
        let echoes = [&code::SOURCE_EMPTY, &code::SOURCE_UNRECOGNISED, &code::TAR_NO_MEMBERS];
        journey.findings.retain(|finding| finding.place.depth <= damaged || !echoes.contains(&finding.code));
    }
    if let Some(forged) = forged {
        journey.findings.retain(|finding| finding.place.depth <= forged);
        for layer in &mut journey.layers {
            if layer.depth > forged {
                layer.findings.clear();
                layer.integrity = Integrity::Unchecked;
                layer.details.clear();
            }
        }
    }
    forged.is_none()
}

/// Findings as they are gathered.
pub(super) struct Findings {
    kept: Vec<Finding>,
    per_code: HashMap<&'static str, u64>,
    most: u64,
}

impl Findings {
    /// At most `most` of each code are kept.
    pub(super) fn new(most: u64) -> Self {
        Self { kept: Vec::new(), per_code: HashMap::new(), most }
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.add(finding);
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let count = self.per_code.entry(finding.code.id).or_default();
        *count += 1;
        if *count <= self.most {
            self.kept.push(finding);
        } else if let Some(kept) = self.kept.iter_mut().rev().find(|kept| kept.code == finding.code) {
            // What is dropped must not be graver than what is kept.
            kept.severity = kept.severity.max(finding.severity);
        }
    }

    /// All findings, outermost layer first, in the order of the input within each, with a note where some were dropped.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let most = self.most;
        let mut dropped: Vec<_> = self.per_code.iter().filter(|(_, count)| **count > most).collect();
        dropped.sort();
        for (id, count) in dropped {
            let message = format!("{} further findings of {id} were dropped", count - most);
            self.kept.push(Finding::new(&code::LIMIT_FINDINGS, Place::whole(), message).with_severity(Severity::Info));
        }
        self.kept.sort_by_key(|finding| {
            (finding.place.depth, finding.rule.is_some(), finding.place.offset.is_none(), finding.place.offset)
        });
        self.kept
    }
}
