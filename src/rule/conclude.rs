//! The end of the archive: what the rule sets that judge have to say.
//!
//! Promises: what must be there is judged only where the archive was read to its end; zero rule sets never mean that
//! nothing is wrong. Refuses to know: how entries were watched, and how findings are shown.

use super::gather::Gather;
use super::judge::{Group, Hit, Judge, Watch, What};
use super::set::{Advice, From, Policy, RuleSet, expand};
use super::when::Force;
use super::words::{listed, outside, readable};
use super::{ArchiveForm, Coverage, EndMarker, Judged, Judgement};
use crate::code::{self, Code, Decides};
use crate::finding::{Finding, Severity};
use crate::graph::{Found, Graph, Topic};
use crate::limits::Limits;
use crate::place::Place;
use crate::probe::Fault;
use crate::secret::Secret;

impl Judge {
    /// Says what the rules make of the archive whose entries were seen.
    #[must_use]
    pub fn conclude(mut self, form: &ArchiveForm) -> Judgement {
        let mut gather = Gather::new(self.depth, self.cap);
        if let Some(name) = &form.file_name {
            for (set, watch) in self.sets.iter().zip(&mut self.watches) {
                capture_from_name(set, watch, name);
            }
        }
        let chosen = self.choose(form, &mut gather);
        self.judge_graph(&chosen, &mut gather);
        let mut judgement = Judgement::default();
        let Self { sets, watches, unlock_keys, now, youngest, .. } = self;
        let (sets, mut watches) = (sets, watches);
        for (number, why) in chosen {
            let (Some(set), Some(watch)) = (sets.get(number), watches.get_mut(number)) else { continue };
            let captures = captured(set, watch);
            let facts = Facts { form, now, youngest, unlock_keys: &unlock_keys };
            let mut verdict = Verdict { set, watch, facts, captures, gather: &mut gather };
            verdict.all();
            judgement.judged.push(Judged {
                id: set.id.clone(),
                title: set.title.clone(),
                product: set.product.clone(),
                captures: verdict.captures.clone(),
                why,
            });
            let lines = set.coverage.iter().filter(|line| line.when.force(&verdict.captures) == Force::In);
            judgement.coverage.extend(lines.map(|line| Coverage {
                set: set.id.clone(),
                data: line.data.clone(),
                status: line.status,
                covered_by: line.covered_by.clone(),
                note: line.note.as_ref().map(|note| expand(note, &verdict.captures)),
            }));
        }
        judgement.findings = gather.finish();
        judgement
    }

    /// What the member graph found: what a policy of the sets that judge is about by the strictest of them, the rest as it is.
    fn judge_graph(&mut self, chosen: &[(usize, String)], gather: &mut Gather) {
        let graph = std::mem::replace(&mut self.graph, Graph::new(&Limits::default(), None));
        let strictest = |of: fn(&RuleSet) -> Option<&Policy>, key: &str| {
            let asked = |number: &usize| {
                let (set, watch) = (self.sets.get(*number)?, self.watches.get(*number)?);
                let advice = expanded(&of(set)?.advice, &captured(set, watch));
                Some((advice, Some(format!("{}#archive.{key}", set.id()))))
            };
            let all = chosen.iter().filter_map(|(number, _)| asked(number));
            all.reduce(|one, other| if other.0.severity > one.0.severity { other } else { one })
        };
        let paths = strictest(|set| set.archive.paths.as_ref(), "paths");
        let unique = strictest(|set| set.archive.unique.as_ref(), "unique");
        // Where nobody knows the layout, how paths are spelled is told and not judged.
        let told = |severity| Some((Advice { severity, ..Advice::default() }, None));
        let own = told(None);
        for found in graph.finish(self.depth) {
            let policy = match found.topic {
                Topic::Other => own.clone(),
                Topic::Writing if chosen.is_empty() => own.clone(),
                Topic::Spelling | Topic::Repetition if chosen.is_empty() => told(Some(Severity::Warning)),
                Topic::Pointing if chosen.is_empty() || paths.is_some() => own.clone(),
                // Nobody asked whether paths stand twice; what else was looked for among them is not known either.
                Topic::Repetition if unique.is_none() && is_limit(&found) => told(Some(Severity::Warning)),
                Topic::Spelling | Topic::Writing | Topic::Pointing => paths.clone(),
                Topic::Repetition => unique.clone(),
            };
            judged(found, policy, gather);
        }
    }
}

fn is_limit(found: &Found) -> bool {
    found.sort().is_some_and(|(code, _)| std::ptr::eq(code, &code::LIMIT_REACHED))
}

fn judged(found: Found, policy: Option<(Advice, Option<String>)>, gather: &mut Gather) {
    let (Some((advice, rule)), Some((code, own))) = (policy, found.sort()) else { return };
    let severity = advice.severity.unwrap_or(own);
    // A rule's reasons are about members, and not about limits.
    let advice = if is_limit(&found) { Advice::default() } else { advice };
    for finding in found.findings {
        gather.add(Finding {
            severity,
            rule: rule.clone(),
            why: advice.why.clone(),
            fix: advice.fix.clone(),
            ..finding
        });
    }
    if found.dropped > 0 {
        gather.dropped(code, severity, found.dropped);
    }
}

/// What is known beside what one rule set has seen.
#[derive(Clone, Copy)]
struct Facts<'f> {
    form: &'f ArchiveForm,
    now: Option<i64>,
    /// The time of the youngest member.
    youngest: Option<i64>,
    unlock_keys: &'f [Secret],
}

/// One rule set's judgement in the making.
struct Verdict<'v> {
    set: &'v RuleSet,
    watch: &'v mut Watch,
    facts: Facts<'v>,
    captures: Vec<(String, String)>,
    gather: &'v mut Gather,
}

impl Verdict<'_> {
    fn all(&mut self) {
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

    /// How old the backup is, and how small.
    fn freshness(&mut self) {
        let (set, Facts { form, now, youngest, .. }) = (self.set, self.facts);
        if let (Some(max), Some(now)) = (&set.archive.max_age, now) {
            let captured = max.time.as_ref().and_then(|name| {
                let (_, value) = self.captures.iter().find(|(known, _)| known == name)?;
                value.parse::<i64>().ok()
            });
            // Nobody makes backups in the year 5138: so many digits are milliseconds.
            let captured = captured.map(|time| if time >= 100_000_000_000 { time / 1_000 } else { time });
            let (key, place) = ("archive.max-age", self.gather.whole());
            match captured.or(youngest) {
                None if form.complete => {
                    let advice = Advice { severity: None, ..max.advice.clone() };
                    let message = "no member has a time, and none was captured".to_owned();
                    self.say(&code::RULE_AGE_UNKNOWN, key, &advice, place, message);
                }
                Some(time) if now.saturating_sub(time) > max.seconds => {
                    let (age, most) = (duration(now.saturating_sub(time)), duration(max.seconds));
                    let message = format!("{age} old, at most {most} allowed");
                    self.say(&code::RULE_TOO_OLD, key, &max.advice, place, message);
                }
                _ => {}
            }
        }
        if let Some((ratio, advice)) = &set.archive.min_size_ratio {
            let key = "archive.min-size-ratio";
            match form.previous_bytes {
                None => self.unmatched(key, "no archive was given with --previous to compare with".to_owned()),
                Some(before) if is_shrunk(form.bytes, before, *ratio) => {
                    let message =
                        format!("{} bytes, and the archive before has {before}: less than {ratio} of it", form.bytes);
                    self.say(&code::RULE_SHRUNK, key, advice, self.gather.whole(), message);
                }
                Some(_) => {}
            }
        }
    }

    /// Gaps in what is numbered.
    fn groups(&mut self) {
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
    fn relations(&mut self) {
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

    fn unmatched(&mut self, rule: &str, message: String) {
        let advice = Advice { severity: Some(Severity::Info), ..Advice::default() };
        self.say(&code::RULE_UNMATCHED, rule, &advice, self.gather.whole(), message);
    }

    fn say(&mut self, code: &'static Code, rule: &str, advice: &Advice, place: Place, message: String) {
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
fn expanded(advice: &Advice, captures: &[(String, String)]) -> Advice {
    let text = |text: &Option<String>| text.as_ref().map(|text| expand(text, captures));
    Advice { severity: advice.severity, why: text(&advice.why), fix: text(&advice.fix) }
}

fn capture_from_name(set: &RuleSet, watch: &mut Watch, name: &str) {
    for (capture, captured) in set.captures.iter().zip(&mut watch.captures) {
        if let From::FileName(expression) = &capture.from {
            captured.look(expression, name.as_bytes(), None);
        }
    }
}

/// Whether so many bytes are less than the ratio of what was before.
fn is_shrunk(bytes: u64, before: u64, ratio: f64) -> bool {
    // As parts per million: whole numbers compare exactly.
    let parts = (ratio * 1_000_000.0).round();
    let parts = if parts >= 1_000_000.0 { 1_000_000_u128 } else { parts as u128 };
    u128::from(bytes).saturating_mul(1_000_000) < u128::from(before).saturating_mul(parts)
}

/// A length of time in its two largest units.
fn duration(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let mut left = seconds.max(0);
    let mut parts = Vec::new();
    for (length, name) in units {
        let (number, rest) = (left / length, left % length);
        left = rest;
        if number > 0 && parts.len() < 2 {
            parts.push(format!("{number} {name}{}", if number == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "less than a minute".to_owned() } else { parts.join(" ") }
}

/// The groups that have one value.
pub(super) fn captured(set: &RuleSet, watch: &Watch) -> Vec<(String, String)> {
    let groups = set
        .captures
        .iter()
        .zip(&watch.captures)
        .flat_map(|(capture, captured)| capture.groups.iter().zip(&captured.groups));
    groups
        .filter_map(|(name, group)| match group {
            Group { least: Some(value), greatest: None } => {
                Some((name.clone(), String::from_utf8_lossy(&value.bytes).into_owned()))
            }
            _ => None,
        })
        .collect()
}
