//! Findings without end: so many of a kind are kept, the others are counted.
//!
//! Promises: what is dropped is counted and told; a grave finding is never dropped for a slight one of the same code,
//! because the two are counted apart; one of each is kept whatever the limit says. Refuses to know: what the findings
//! are about.

use crate::code::{self, Code};
use crate::finding::{Finding, Severity};
use crate::place::{Depth, Place};

/// How many there were of each code and severity.
#[derive(Debug)]
pub(super) struct Tally {
    cap: u64,
    counts: Vec<(&'static Code, Severity, Option<usize>, u64)>,
}

impl Tally {
    pub(super) fn new(cap: u64) -> Self {
        Self { cap: cap.max(1), counts: Vec::new() }
    }

    /// Counts one, apart for each `rule`, and says whether it is to be kept.
    pub(super) fn keeps(&mut self, code: &'static Code, severity: Severity, rule: Option<usize>) -> bool {
        self.add(code, severity, rule, 1) <= self.cap
    }

    /// Those that were not kept.
    pub(super) fn dropped(&self) -> impl Iterator<Item = (&'static Code, Severity, Option<usize>, u64)> {
        self.counts
            .iter()
            .filter(|(.., count)| *count > self.cap)
            .map(|(code, severity, rule, count)| (*code, *severity, *rule, count.saturating_sub(self.cap)))
    }

    fn add(&mut self, code: &'static Code, severity: Severity, rule: Option<usize>, number: u64) -> u64 {
        let is_same = |(one, level, other, _): &&mut (&'static Code, Severity, Option<usize>, u64)| {
            std::ptr::eq(*one, code) && *level == severity && *other == rule
        };
        let known = self.counts.iter_mut().find(is_same);
        if let Some((.., count)) = known {
            *count = count.saturating_add(number);
            return *count;
        }
        self.counts.push((code, severity, rule, number));
        number
    }
}

/// Findings on their way out.
#[derive(Debug)]
pub(super) struct Gather {
    depth: Depth,
    tally: Tally,
    kept: Vec<Finding>,
}

impl Gather {
    pub(super) fn new(depth: Depth, cap: u64) -> Self {
        Self { depth, tally: Tally::new(cap), kept: Vec::new() }
    }

    /// The archive as a whole.
    pub(super) fn whole(&self) -> Place {
        Place { depth: self.depth, offset: None, entry: None }
    }

    /// One entry of it.
    pub(super) fn entry(&self, path: &[u8], offset: u64) -> Place {
        Place::at(self.depth, offset).of_entry(path)
    }

    pub(super) fn add(&mut self, finding: Finding) {
        if self.tally.keeps(finding.code, finding.severity, None) {
            self.kept.push(finding);
        }
    }

    /// Counts what was dropped before it became findings.
    pub(super) fn dropped(&mut self, code: &'static Code, severity: Severity, number: u64) {
        self.tally.add(code, severity, None, number);
    }

    pub(super) fn finish(mut self) -> Vec<Finding> {
        for (code, severity, _, number) in self.tally.dropped() {
            let message = format!(
                "{number} further findings of {} ({}) were counted, the first {} are kept",
                code.id,
                severity.as_str(),
                self.tally.cap
            );
            let place = Place { depth: self.depth, offset: None, entry: None };
            self.kept.push(Finding::new(&code::LIMIT_FINDINGS, place, message));
        }
        self.kept
    }
}
