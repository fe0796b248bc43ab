//! The end of the archive: the rule sets that judge are chosen, and what they and the member graph say is put together.
//!
//! Promises: zero rule sets never mean that nothing is wrong. Refuses to know: how entries were watched, and how findings are
//! shown.

use super::gather::Gather;
use super::judge::{Judge, Watch};
use super::seen::Group;
use super::set::{Advice, From, Policy, RuleSet, expand};
use super::verdict::{Facts, Verdict, expanded};
use super::when::Force;
use super::{ArchiveForm, Coverage, Judged, Judgement};
use crate::code;
use crate::finding::{Finding, Severity};
use crate::graph::{Found, Graph, Topic};
use crate::limits::Limits;

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

fn capture_from_name(set: &RuleSet, watch: &mut Watch, name: &str) {
    for (capture, captured) in set.captures.iter().zip(&mut watch.captures) {
        if let From::FileName(expression) = &capture.from {
            captured.look(expression, name.as_bytes(), None);
        }
    }
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
