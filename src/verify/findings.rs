//! Findings as they are gathered: bounded, and in the order of the input in the end.
//!
//! Promises: repeated findings of one code and severity are counted past a limit, not kept, so that no flood of warnings
//! hides an error. Refuses to know: what the findings say.

use std::collections::HashMap;

use crate::code;
use crate::finding::{Finding, Severity};
use crate::place::Place;

/// Findings as they are gathered.
pub(super) struct Findings {
    kept: Vec<Finding>,
    counts: HashMap<(&'static str, Severity), u64>,
    most: u64,
}

impl Findings {
    /// At most `most` of each code and severity are kept, and one at the least.
    pub(super) fn new(most: u64) -> Self {
        Self { kept: Vec::new(), counts: HashMap::new(), most: most.max(1) }
    }

    /// Whether nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(super) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            self.add(finding);
        }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        let count = self.counts.entry((finding.code.id, finding.severity)).or_default();
        *count += 1;
        if *count <= self.most {
            self.kept.push(finding);
        }
    }

    /// All findings, outermost layer first, in the order of the input within each, with a note where some were dropped.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let mut dropped: Vec<_> = self.counts.iter().filter(|(_, count)| **count > self.most).collect();
        dropped.sort();
        for ((id, severity), count) in dropped {
            let message = format!(
                "{} further findings of {id} ({}) were counted, not kept",
                count - self.most,
                severity.as_str()
            );
            self.kept.push(Finding::new(&code::LIMIT_FINDINGS, Place::whole(), message));
        }
        self.kept.sort_by_key(|finding| {
            (finding.place.depth, finding.rule.is_some(), finding.place.offset.is_none(), finding.place.offset)
        });
        self.kept
    }
}
