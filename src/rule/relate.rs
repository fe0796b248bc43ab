//! From a rule file to a rule set, second part: what looks inside members, what holds only sometimes, and what members must
//! be to each other.
//!
//! Promises: a relation names only rules that exist and whose probes tell what it needs. Refuses to know: how any of it is
//! judged.

use std::ops::Range;
use std::sync::Arc;

use super::check::Checker;
use super::file::{BoundTable, GroupTable, ProbeTable, RelationTable, WhenTable};
use super::set::{Advice, Capture, EntryRule, From, Group, MaxAge, Relation, RelationKind};
use super::table::{At, nearest};
use super::when::{Condition, When};
use crate::code::{self, Code, Severity};
use crate::probe::{self, Settings, Spec};

impl Checker<'_> {
    /// `[severity]`: how grave findings of a code are.
    pub(super) fn severities(&self, words: Vec<(At<String>, At<String>)>) -> Vec<(&'static Code, Severity)> {
        let levels = [Severity::Error, Severity::Warning, Severity::Info];
        let mut out = Vec::new();
        for (id, word) in words {
            let known = code::find(&id.value);
            if known.is_none() {
                let ids: Vec<&str> = code::ALL.iter().map(|code| code.id).collect();
                self.unknown_word(&id, "code of a finding", &ids);
            }
            let level = levels.into_iter().find(|level| level.as_str() == word.value);
            if level.is_none() {
                self.unknown_word(&word, "severity", &levels.map(Severity::as_str));
            }
            if let (Some(code), Some(level)) = (known, level)
                && code.is_fixed()
                && level < Severity::Error
                && code.severity == Severity::Error
            {
                let message = format!("{} is damage, and damage is an error by every rule", code.id);
                self.problems.wrong(&word.span, message);
            }
            out.extend(known.zip(level));
        }
        out
    }

    pub(super) fn when(&self, table: WhenTable) -> When {
        let mut conditions = Vec::new();
        for (group, text) in table {
            self.captured_group(&group.value, &group.span);
            match Condition::parse(&group.value, &text.value) {
                Ok(condition) => conditions.push(condition),
                Err(message) => self.problems.wrong(&text.span, message),
            }
        }
        When(conditions)
    }

    pub(super) fn probe(&self, table: ProbeTable) -> Option<Arc<Spec>> {
        let ProbeTable { kind: name, settings: given } = table;
        let Some(kind) = probe::find(&name.value) else {
            let names: Vec<&str> = probe::ALL.iter().map(|kind| kind.name).collect();
            self.unknown_word(&name, "probe", &names);
            return None;
        };
        let mut settings = Settings::new();
        let known: Vec<&str> = kind.settings.iter().map(|(name, _)| *name).collect();
        for (key, values) in given {
            if !known.contains(&key.value.as_str()) {
                let help = match nearest(&key.value, &known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if known.is_empty() => "it has no settings".to_owned(),
                    None => format!("its settings are {}", known.join(", ")),
                };
                let message = format!("the probe {} has no setting `{}`", kind.name, key.value);
                self.problems.wrong_with_help(&key.span, message, help);
            }
            settings.insert(key.value, values.into_iter().map(|value| value.value).collect());
        }
        if let Err(message) = (kind.check)(&settings) {
            self.problems
                .wrong(&name.span, format!("the settings of the probe {} make no sense: {message}", kind.name));
        }
        Some(Arc::new(Spec { kind, settings }))
    }

    /// `[[capture]]` of a fact; whether there is such a fact is asked once all entries are known.
    pub(super) fn fact(
        &mut self,
        id: String,
        fact: At<String>,
        entries: Option<Vec<At<String>>>,
        name: Option<At<String>>,
        span: &Range<usize>,
    ) -> Option<Capture> {
        let entries = entries.unwrap_or_default();
        if entries.is_empty() {
            self.problems.absent(span.clone(), "a capture of a fact has no `entry`: the rules whose probes tell it");
        }
        let name = name.unwrap_or_else(|| At { value: fact.value.replace('-', "_"), span: fact.span.clone() });
        let is_name = name.value.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && name.value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !is_name {
            let message =
                format!("`{}` is no name of a group: lower-case letters, digits and `_` make one", name.value);
            self.problems.wrong(&name.span, message);
        }
        self.group_name(&name.value, &name.span);
        self.facts.extend(entries.iter().map(|entry| (fact.clone(), entry.clone())));
        let from = From::Fact { name: fact.value, entries: entries.into_iter().map(|entry| entry.value).collect() };
        Some(Capture { id, from, groups: vec![name.value], advice: Advice::default() })
    }

    /// Whether the facts that are captured are told by the probes of the rules named.
    pub(super) fn known_facts(&mut self, entries: &[EntryRule]) {
        for (fact, entry) in std::mem::take(&mut self.facts) {
            let Some(rule) = self.entry_rule(&entry, entries) else { continue };
            let own: Vec<&str> =
                rule.probes.iter().flat_map(|spec| spec.kind.facts.iter().map(|(name, _)| *name)).collect();
            let set = rule.probes.iter().filter_map(|spec| spec.settings.get("facts")).flatten();
            let is_set = set.filter_map(|text| text.split_once('=')).any(|(name, _)| name == fact.value);
            if !own.contains(&fact.value.as_str()) && !is_set {
                let message = format!("no probe of `{}` tells `{}`", rule.id, fact.value);
                let help = if own.is_empty() {
                    "its probes tell no facts".to_owned()
                } else {
                    format!("they tell {}", own.join(", "))
                };
                self.problems.wrong_with_help(&fact.span, message, help);
            }
        }
    }

    fn entry_rule<'e>(&self, name: &At<String>, entries: &'e [EntryRule]) -> Option<&'e EntryRule> {
        let found = entries.iter().find(|rule| rule.id == name.value);
        if found.is_none() {
            let ids: Vec<&str> = entries.iter().map(|rule| rule.id.as_str()).collect();
            self.unknown_word(name, "[[entry]] of this file", &ids);
        }
        found
    }

    pub(super) fn group(&mut self, table: GroupTable) -> Option<Group> {
        let id = table.id.and_then(|id| self.identifier(id, false));
        let expression = table.path.as_ref().and_then(|path| self.expression(path));
        let place = |name: &At<String>, groups: &[String]| {
            let place = groups.iter().position(|group| *group == name.value);
            if place.is_none() {
                self.problems.wrong(&name.span, format!("the expression has no group `{}`", name.value));
            }
            place
        };
        let (expression, groups) = expression?;
        let number = table.number.as_ref().and_then(|name| place(name, &groups));
        let by = table.by.as_ref().map(|name| place(name, &groups));
        if let (Some(first), None) = (table.required.first(), &by) {
            self.problems.wrong(&first.span, "`required` names values of `by`, and there is none");
        }
        Some(Group {
            id: id.unwrap_or_default(),
            number: expression.numbers.get(number?).copied()?,
            by: match by {
                Some(by) => Some(expression.numbers.get(by?).copied()?),
                None => None,
            },
            expression,
            first: table.first.map_or(0, |first| first.value),
            required: table.required.into_iter().map(|value| value.value).collect(),
            when: self.when(table.when),
            advice: self.advice(table.advice, true),
        })
    }

    pub(super) fn relation(&mut self, table: RelationTable, entries: &[EntryRule]) -> Option<Relation> {
        let id = table.id.and_then(|id| self.identifier(id, false));
        let mut fits = true;
        for (key, names) in &table.entries {
            // What a relation needs of each, by the probes that tell it.
            let wanted: &[&str] = match (table.kind, *key) {
                ("pair", "key") => &["private-key"],
                ("pair", _) => &["certificate"],
                ("raft", "wal") => &["raft-log"],
                ("raft", "snapshot") => &["raft-snapshot"],
                ("raft", "key") => &["swarm-key"],
                _ => &[],
            };
            for name in names {
                let Some(rule) = self.entry_rule(name, entries) else {
                    fits = false;
                    continue;
                };
                if rule.probes.is_empty()
                    || !wanted.is_empty() && !rule.probes.iter().any(|spec| wanted.contains(&spec.kind.name))
                {
                    let which = if wanted.is_empty() {
                        "probe".to_owned()
                    } else {
                        format!("probe \"{}\"", wanted.join("\" or \""))
                    };
                    self.problems
                        .wrong(&name.span, format!("`{}` has no {which}, so it tells nothing for this", name.value));
                    fits = false;
                }
            }
            if table.kind != "reference" && names.len() > 1 {
                let more = names.get(1).map_or(table.span.clone(), |name| name.span.clone());
                self.problems.wrong(&more, format!("`{key}` names one rule"));
            }
        }
        let all = |key: &str| -> Vec<String> {
            let found = table.entries.iter().find(|(known, _)| *known == key);
            found.map(|(_, names)| names.iter().map(|name| name.value.clone()).collect()).unwrap_or_default()
        };
        let one = |key: &str| all(key).into_iter().next();
        let kind = match table.kind {
            "pair" => {
                let (key, certificate, issuer) = (one("key"), one("certificate"), one("issuer"));
                if key.is_none() && issuer.is_none() {
                    let message = "[[pair]] has neither `key` nor `issuer`: what should the certificate fit?";
                    self.problems.absent(table.span.clone(), message);
                }
                certificate.map(|certificate| RelationKind::Pair { key, certificate, issuer })
            }
            "reference" => Some(RelationKind::Reference { from: all("from"), to: all("to") }),
            _ => {
                let (wal, snapshot, key) = (one("wal"), one("snapshot"), one("key"));
                wal.map(|wal| RelationKind::Raft { wal, snapshot, key })
            }
        };
        let when = self.when(table.when);
        // Every code it may find says why it matters.
        let advice = self.advice(table.advice, false);
        kind.filter(|_| fits).map(|kind| Relation { id: id.unwrap_or_default(), kind, when, advice })
    }

    pub(super) fn max_age(&mut self, table: BoundTable<String>) -> Option<MaxAge> {
        let advice = self.advice(table.advice, true);
        if let Some(time) = &table.time {
            self.captured_group(&time.value, &time.span);
        }
        let limit = table.limit?;
        let seconds = seconds(&limit.value);
        if seconds.is_none() {
            let message = format!("`{}` is no duration", limit.value);
            self.problems.wrong_with_help(&limit.span, message, "a number and m, h, d or w: \"90m\", \"26h\", \"8d\"");
        }
        Some(MaxAge { seconds: seconds?, time: table.time.map(|time| time.value), advice })
    }

    pub(super) fn min_size_ratio(&mut self, table: BoundTable<f64>) -> Option<(f64, Advice)> {
        let advice = self.advice(table.advice, true);
        let limit = table.limit?;
        if limit.value <= 0.0 || limit.value > 1.0 {
            self.problems.wrong(&limit.span, "a ratio is more than 0 and at most 1: 0.5 is half as large as before");
        }
        Some((limit.value, advice))
    }
}

/// `90m`, `26h`, `8d`, `2w` in seconds.
fn seconds(text: &str) -> Option<i64> {
    let unit = text.chars().next_back()?;
    let factor = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return None,
    };
    let number: i64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    (number > 0).then(|| number.checked_mul(factor)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        for (text, expected) in
            [("90m", Some(5_400)), ("26h", Some(93_600)), ("1d", Some(86_400)), ("2w", Some(1_209_600))]
        {
            assert_eq!(seconds(text), expected, "{text}");
        }
        for wrong in ["", "h", "0h", "-1h", "1", "1s", "1 day", "99999999999999999w"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }
}
