//! The end of the archive: what the rule sets that judge have to say.
//!
//! Promises: what must be there is judged only where the archive was read to its end; zero rule sets never mean that
//! nothing is wrong. Refuses to know: how entries were watched, and how findings are shown.

use super::gather::Gather;
use super::judge::{Captured, Group, Hit, Judge, Watch, What};
use super::set::{Advice, From, Policy, RuleSet, expand};
use super::words::{listed, outside, readable};
use super::{ArchiveForm, Coverage, EndMarker, Judged, Judgement};
use crate::code::{self, Code};
use crate::finding::{Finding, Severity};
use crate::graph::{Found, Graph, Topic};
use crate::limits::Limits;
use crate::place::Place;

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
        for (number, why) in chosen {
            let (Some(set), Some(watch)) = (self.sets.get(number), self.watches.get(number)) else { continue };
            let mut verdict = Verdict { set, watch, form, captures: captured(set, watch), gather: &mut gather };
            verdict.all();
            judgement.judged.push(Judged {
                id: set.id.clone(),
                title: set.title.clone(),
                product: set.product.clone(),
                captures: verdict.captures.clone(),
                why,
            });
            judgement.coverage.extend(set.coverage.iter().map(|line| Coverage {
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

/// One rule set's judgement in the making.
struct Verdict<'v> {
    set: &'v RuleSet,
    watch: &'v Watch,
    form: &'v ArchiveForm,
    captures: Vec<(String, String)>,
    gather: &'v mut Gather,
}

impl Verdict<'_> {
    fn all(&mut self) {
        self.archive();
        for hit in &self.watch.hits {
            self.hit(hit);
        }
        for (code, severity, number) in self.watch.tally.dropped() {
            self.gather.dropped(code, severity, number);
        }
        self.counts();
        self.idle();
        self.conflicts();
    }

    fn archive(&mut self) {
        let (archive, form) = (&self.set.archive, self.form);
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
        if let What::Forbidden = hit.what {
            let Some(rule) = self.set.forbidden.get(hit.rule) else { return };
            let message = format!("matches {}, which should not be there", listed(&rule.paths, "or"));
            self.say(hit.code, &rule.id, &rule.advice, place, message);
            return;
        }
        let Some(rule) = self.set.entries.get(hit.rule) else { return };
        let message = match hit.what {
            What::Kind(kind) => {
                let wanted: Vec<&str> = rule.kinds.iter().map(|kind| kind.as_str()).collect();
                format!("is of kind {}, {} is needed", kind.as_str(), wanted.join(" or "))
            }
            What::Size(size) => outside(size, rule.size),
            What::Mode(mode) => {
                let max = rule.mode_max.unwrap_or_default();
                format!("mode {mode:04o} allows more than {max:04o}")
            }
            What::Forbidden => return,
        };
        self.say(hit.code, &rule.id, &rule.advice, place, message);
    }

    /// What can be said only at the end: too few, too many, nothing.
    fn counts(&mut self) {
        let mut pending = 0_u64;
        for (rule, count) in self.set.entries.iter().zip(&self.watch.entries) {
            let (found, paths) = (count.matched, listed(&rule.paths, "or"));
            let place = self.gather.whole();
            if let Some(max) = rule.count.max
                && found > max
            {
                let message = format!("{paths}: {found} found, at most {max} allowed");
                self.say(&code::RULE_TOO_MANY, &rule.id, &rule.advice, place, message);
            } else if !self.form.complete {
                pending = pending.saturating_add(u64::from(found < rule.count.min));
            } else if found < rule.count.min {
                let (min, verb) = (rule.count.min, if found == 0 { " is missing" } else { "" });
                let message = format!("{paths}{verb}: {found} of at least {min} found");
                self.say(&code::RULE_MISSING, &rule.id, &rule.advice, place, message);
            } else if found == 0 {
                self.unmatched(&rule.id, format!("{paths} matched nothing; nothing is required"));
            }
        }
        if !self.form.complete {
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
        if self.form.complete && has_rules && !asks && !met && !asks_of_all {
            let message =
                format!("none of the rules of {} matched any of {} entries", self.set.id(), self.form.entries);
            self.gather.add(Finding::new(&code::RULES_IDLE, self.gather.whole(), message));
        }
    }

    fn conflicts(&mut self) {
        for (capture, captured) in self.set.captures.iter().zip(&self.watch.captures) {
            // That a file is named otherwise is nothing to tell: names are changed freely.
            let looked = self.form.complete && capture.from == From::Path;
            if looked && captured.groups.iter().all(|group| group.least.is_none()) {
                let message = format!("`{}` matched nothing", capture.regex.as_str());
                self.unmatched(&capture.id, message);
            }
            for ((name, _), group) in capture.groups.iter().zip(&captured.groups) {
                let Group { least: Some(least), greatest: Some(greatest) } = group else { continue };
                let place = match &greatest.entry {
                    Some((path, offset)) => self.gather.entry(path, *offset),
                    None => self.gather.whole(),
                };
                let (one, other) = (readable(&least.bytes), readable(&greatest.bytes));
                let message = format!("{name} is {one} in one place and {other} in another");
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
            severity: severity.unwrap_or(code.severity),
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
        let Captured { locations, .. } = captured;
        if capture.from == From::FileName && capture.regex.captures_read(locations, name.as_bytes()).is_some() {
            captured.note(&capture.groups, name.as_bytes(), None);
        }
    }
}

/// The groups that have one value.
fn captured(set: &RuleSet, watch: &Watch) -> Vec<(String, String)> {
    let groups = set.captures.iter().zip(&watch.captures).flat_map(|(capture, captured)| {
        capture.groups.iter().zip(&captured.groups).map(|((name, _), group)| (name, group))
    });
    groups
        .filter_map(|(name, group)| match group {
            Group { least: Some(value), greatest: None } => {
                Some((name.clone(), String::from_utf8_lossy(&value.bytes).into_owned()))
            }
            _ => None,
        })
        .collect()
}
