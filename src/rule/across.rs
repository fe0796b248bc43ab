//! Judgements across members: rows in a row, and members that must fit each other.
//!
//! Promises: what was not read is not missing; the reasons of a rule stand with what does not fit, and not with what could
//! not be compared. Refuses to know: how members were looked at.

use super::set::Advice;
use super::verdict::Verdict;
use super::when::Force;
use super::words::readable;
use crate::code::{self, Code, Decides};
use crate::finding::Severity;
use crate::probe::Fault;

impl Verdict<'_> {
    /// Gaps in what is numbered.
    pub(super) fn groups(&mut self) {
        let set = self.set;
        for (number, group) in set.groups.iter().enumerate() {
            let Some(seen) = self.watch.groups.get(number) else { continue };
            if group.when.force(&self.captures) != Force::In {
                continue;
            }
            let mut said: Vec<(&'static Code, String)> = Vec::new();
            if seen.numbers.is_over {
                let message = format!("{}: more numbers than --limit group-numbers allows", group.id);
                said.push((&code::LIMIT_REACHED, message));
            }
            // What was not read is not missing.
            if self.facts.form.complete {
                for (value, gaps) in seen.numbers.gaps(group.first) {
                    let of = if value.is_empty() { String::new() } else { format!("{}: ", readable(value)) };
                    said.push((&code::RULE_GAP, format!("{of}{gaps}")));
                }
                for value in group.required.iter().filter(|value| !seen.numbers.has(value.as_bytes())) {
                    said.push((&code::RULE_MISSING, format!("nothing is numbered under {value}")));
                }
                if seen.numbers.is_empty() && group.required.is_empty() {
                    self.unmatched(&group.id, format!("`{}` matched nothing", group.expression.regex.as_str()));
                }
            }
            for (code, message) in said {
                let is_limit = std::ptr::eq(code, &code::LIMIT_REACHED);
                let advice = if is_limit { Advice::default() } else { group.advice.clone() };
                self.say(code, &group.id, &advice, self.gather.whole(), message);
            }
        }
    }

    /// What does not fit among the members.
    pub(super) fn relations(&mut self) {
        let set = self.set;
        for (number, relation) in set.relations.iter().enumerate() {
            if !self.facts.form.complete || relation.when.force(&self.captures) != Force::In {
                continue;
            }
            for misfit in self.watch.together.judge(number, &relation.kind, self.facts.unlock_keys) {
                let place = match &misfit.entry {
                    Some((path, Some(offset))) => self.gather.entry(path, *offset),
                    Some((path, None)) => self.gather.whole().of_entry(path),
                    None => self.gather.whole(),
                };
                let Fault { code, severity, message, .. } = misfit.fault;
                // The rule's reasons are about what does not fit, and not about what could not be compared.
                let is_misfit = code.decides == Decides::Fail && code.severity > Severity::Info;
                let advice = if is_misfit { relation.advice.clone() } else { Advice::default() };
                // Some of what does not fit is only worth a note, whatever the rule says of the rest.
                let own = severity.unwrap_or(code.severity);
                let severity = advice.severity.map_or(own, |most| most.min(own));
                let severity = self.set.severity(code).unwrap_or(severity);
                self.say(code, &relation.id, &Advice { severity: Some(severity), ..advice }, place, message);
            }
        }
    }
}
