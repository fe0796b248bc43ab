//! One rule set's judgement, once the archive was read: what its rules on the archive and its entries have to say.
//!
//! Promises: what must be there is judged only where the archive was read to its end; a rule that is not in force finds
//! nothing, and one of which that cannot be told says so. Refuses to know: how entries were watched, which set was chosen.

use super::gather::Gather;
use super::judge::{Hit, Watch, What};
use super::seen::Group;
use super::set::{Advice, From, RuleSet, expand};
use super::when::Force;
use super::words::{listed, outside, readable};
use super::{ArchiveForm, EndMarker};
use crate::code::{self, Code};
use crate::finding::{Finding, Severity};
use crate::place::Place;
use crate::probe::Fault;
use crate::secret::Secret;

/// What is known beside what one rule set has seen.
#[derive(Clone, Copy)]
pub(super) struct Facts<'f> {
    pub(super) form: &'f ArchiveForm,
    pub(super) now: Option<i64>,
    /// The time of the youngest member.
    pub(super) youngest: Option<i64>,
    pub(super) unlock_keys: &'f [Secret],
}

/// One rule set's judgement in the making.
pub(super) struct Verdict<'v> {
    pub(super) set: &'v RuleSet,
    pub(super) watch: &'v mut Watch,
    pub(super) facts: Facts<'v>,
    pub(super) captures: Vec<(String, String)>,
    pub(super) gather: &'v mut Gather,
}

impl Verdict<'_> {
    pub(super) fn all(&mut self) {
        if let Some(reason) = &self.set.declines {
            let message = expand(reason, &self.captures);
            return self.say(&code::RULE_DECLINED, "declines", &Advice::default(), self.gather.whole(), message);
        }
        self.archive();
        self.freshness();
        for hit in std::mem::take(&mut self.watch.hits) {
            self.hit(&hit);
        }
        for (code, severity, rule, number) in self.watch.tally.dropped() {
            if rule.is_none_or(|rule| self.is_in_force(rule)) {
                self.gather.dropped(code, severity, number);
            }
        }
        self.counts();
        self.groups();
        self.relations();
        self.idle();
        self.conflicts();
        self.conditions();
    }

    /// Whether a rule is in force: an entry's by its number, a forbidden one's by its number behind those.
    fn is_in_force(&self, rule: usize) -> bool {
        let forbidden = rule.checked_sub(self.set.entries.len()).and_then(|number| self.set.forbidden.get(number));
        let when = self.set.entries.get(rule).map(|rule| &rule.when).or(forbidden.map(|rule| &rule.when));
        when.is_none_or(|when| when.force(&self.captures) == Force::In)
    }

    /// Rules that might have been in force, and nobody can tell.
    fn conditions(&mut self) {
        let set = self.set;
        let entries = set.entries.iter().map(|rule| (&rule.id, &rule.when));
        let forbidden = set.forbidden.iter().map(|rule| (&rule.id, &rule.when));
        let groups = set.groups.iter().map(|rule| (&rule.id, &rule.when));
        let relations = set.relations.iter().map(|rule| (&rule.id, &rule.when));
        for (id, when) in entries.chain(forbidden).chain(groups).chain(relations) {
            if let Force::Unknown(group) = when.force(&self.captures) {
                let message = format!("`{group}` is not known, and the rule holds only for some values of it");
                let place = self.gather.whole();
                self.say(&code::RULE_CONDITION_UNKNOWN, id, &Advice::default(), place, message);
            }
        }
    }

    fn archive(&mut self) {
        let (archive, form) = (&self.set.archive, self.facts.form);
        if let Some((min, advice)) = &archive.entries
            && form.complete
            && form.entries < *min
        {
            let noun = if form.entries == 1 { "entry" } else { "entries" };
            let message =
                format!("{} {noun}, at least {min} needed (directories count, as in tar --list)", form.entries);
            self.say(&code::RULE_ENTRIES, "archive.entries", advice, self.gather.whole(), message);
        }
        if let Some(policy) = &archive.encryption
            && !form.encrypted
        {
            let demand = if policy.advice.severity == Some(Severity::Error) { "requires" } else { "recommends" };
            let message = format!("the archive is not encrypted, which {} {demand}", self.set.id());
            self.say(&code::RULE_NOT_ENCRYPTED, "archive.encryption", &policy.advice, self.gather.whole(), message);
        }
        if let Some(policy) = &archive.end_marker
            && form.complete
        {
            let message = match form.end_marker {
                EndMarker::Whole => None,
                EndMarker::Short => Some(
                    "ends with one block of zeros in place of the two of the end-of-archive marker: cut inside the marker?",
                ),
                EndMarker::Missing => Some("ends without end-of-archive marker: cut at a member boundary?"),
            };
            if let Some(message) = message {
                let (key, place) = ("archive.end-marker", self.gather.whole());
                self.say(&code::RULE_TAR_POLICY, key, &policy.advice, place, message.to_owned());
            }
        }
        if let Some(policy) = &archive.trailing_data
            && form.trailing_bytes > 0
        {
            let noun = if form.trailing_bytes == 1 { "byte follows" } else { "bytes follow" };
            let message = format!("{} {noun} the end-of-archive marker, where nothing may", form.trailing_bytes);
            let (key, place) = ("archive.trailing-data", self.gather.whole());
            self.say(&code::RULE_TAR_POLICY, key, &policy.advice, place, message);
        }
    }

    fn hit(&mut self, hit: &Hit) {
        let place = self.gather.entry(&hit.path, hit.offset);
        let conditional = match hit.what {
            What::Forbidden => self.set.entries.len().saturating_add(hit.rule),
            _ => hit.rule,
        };
        if !self.is_in_force(conditional) {
            return;
        }
        if let What::Forbidden = hit.what {
            let Some(rule) = self.set.forbidden.get(hit.rule) else { return };
            let message = format!("matches {}, which should not be there", listed(&rule.paths, "or"));
            self.say(hit.code, &rule.id, &rule.advice, place, message);
            return;
        }
        let Some(rule) = self.set.entries.get(hit.rule) else { return };
        let message = match &hit.what {
            What::Fault(fault) => return self.fault(&rule.id, fault, place),
            What::Kind(kind) => {
                let wanted: Vec<&str> = rule.kinds.iter().map(|kind| kind.as_str()).collect();
                format!("is of kind {}, {} is needed", kind.as_str(), wanted.join(" or "))
            }
            What::Size(size) => outside(*size, rule.size),
            What::Mode(mode) => {
                let max = rule.mode_max.unwrap_or_default();
                format!("mode {mode:04o} allows more than {max:04o}")
            }
            What::Forbidden => return,
        };
        self.say(hit.code, &rule.id, &rule.advice, place, message);
    }

    /// What a probe found keeps its own gravity and its own reasons: the rule's are about the member being there.
    fn fault(&mut self, rule: &str, fault: &Fault, place: Place) {
        let severity = self.set.severity(fault.code).or(fault.severity).unwrap_or(fault.code.severity);
        let message = match fault.offset {
            Some(offset) => format!("{} (at byte {offset} of its content)", fault.message),
            None => fault.message.clone(),
        };
        let advice = Advice { severity: Some(severity), ..Advice::default() };
        self.say(fault.code, rule, &advice, place, message);
    }

    /// What can be said only at the end: too few, too many, nothing.
    fn counts(&mut self) {
        let mut pending = 0_u64;
        let set = self.set;
        for (number, rule) in set.entries.iter().enumerate() {
            let Some(count) = self.watch.entries.get(number) else { continue };
            if !self.is_in_force(number) {
                continue;
            }
            let (found, paths) = (count.matched, listed(&rule.paths, "or"));
            let place = self.gather.whole();
            if let Some(max) = rule.count.max
                && found > max
            {
                let message = format!("{paths}: {found} found, at most {max} allowed");
                self.say(&code::RULE_TOO_MANY, &rule.id, &rule.advice, place, message);
            } else if !self.facts.form.complete {
                pending = pending.saturating_add(u64::from(found < rule.count.min));
            } else if found < rule.count.min {
                let (min, verb) = (rule.count.min, if found == 0 { " is missing" } else { "" });
                let message = format!("{paths}{verb}: {found} of at least {min} found");
                self.say(&code::RULE_MISSING, &rule.id, &rule.advice, place, message);
            } else if found == 0 {
                self.unmatched(&rule.id, format!("{paths} matched nothing; nothing is required"));
            }
        }
        if !self.facts.form.complete {
            let id = self.set.id();
            let message = format!(
                "the archive was not read to its end: {pending} of {} rules of {id} on what it must hold are open, and so are \
                 the number of its entries and its end",
                self.set.entries.len()
            );
            self.gather.add(Finding::new(&code::RULES_NOT_JUDGED, self.gather.whole(), message));
        }
    }

    /// A set that asks for nothing and met nothing has checked nothing.
    fn idle(&mut self) {
        let asks = self.set.entries.iter().any(|rule| rule.count.min > 0);
        let met = self.watch.entries.iter().any(|count| count.matched > 0);
        let has_rules = !self.set.entries.is_empty();
        let asks_of_all = self.set.archive.entries.as_ref().is_some_and(|(min, _)| *min > 0);
        if self.facts.form.complete && has_rules && !asks && !met && !asks_of_all {
            let message =
                format!("none of the rules of {} matched any of {} entries", self.set.id(), self.facts.form.entries);
            self.gather.add(Finding::new(&code::RULES_IDLE, self.gather.whole(), message));
        }
    }

    fn conflicts(&mut self) {
        let set = self.set;
        for (number, capture) in set.captures.iter().enumerate() {
            let Some(captured) = self.watch.captures.get(number) else { continue };
            // That a file is named otherwise is nothing to tell: names are changed freely.
            let looked = match &capture.from {
                From::Path(expression) => Some(format!("`{}` matched nothing", expression.regex.as_str())),
                From::Fact { name, .. } => Some(format!("no member tells `{name}`")),
                From::FileName(_) => None,
            };
            let is_empty = captured.groups.iter().all(|group| group.least.is_none());
            let mut said = Vec::new();
            for (name, group) in capture.groups.iter().zip(&captured.groups) {
                let Group { least: Some(least), greatest: Some(greatest) } = group else { continue };
                let place = match &greatest.entry {
                    Some((path, offset)) => self.gather.entry(path, *offset),
                    None => self.gather.whole(),
                };
                let (one, other) = (readable(&least.bytes), readable(&greatest.bytes));
                said.push((place, format!("{name} is {one} in one place and {other} in another")));
            }
            if let Some(message) = looked.filter(|_| is_empty && self.facts.form.complete) {
                self.unmatched(&capture.id, message);
            }
            for (place, message) in said {
                self.say(&code::RULE_CAPTURE_CONFLICT, &capture.id, &capture.advice, place, message);
            }
        }
    }

    pub(super) fn unmatched(&mut self, rule: &str, message: String) {
        let advice = Advice { severity: Some(Severity::Info), ..Advice::default() };
        self.say(&code::RULE_UNMATCHED, rule, &advice, self.gather.whole(), message);
    }

    pub(super) fn say(&mut self, code: &'static Code, rule: &str, advice: &Advice, place: Place, message: String) {
        let Advice { severity, why, fix } = expanded(advice, &self.captures);
        self.gather.add(Finding {
            severity: severity.or_else(|| self.set.severity(code)).unwrap_or(code.severity),
            rule: Some(format!("{}#{rule}", self.set.id())),
            why,
            fix,
            ..Finding::new(code, place, message)
        });
    }
}

/// The advice with what was captured in its texts.
pub(super) fn expanded(advice: &Advice, captures: &[(String, String)]) -> Advice {
    let text = |text: &Option<String>| text.as_ref().map(|text| expand(text, captures));
    Advice { severity: advice.severity, why: text(&advice.why), fix: text(&advice.fix) }
}
