//! `extends`: what a rule file has from the one it builds on.
//!
//! Promises: a rule of the same identifier, a detection, a line of coverage or a key of `[archive]` takes the place of what
//! was inherited; the rest is as if it stood in the file itself. Refuses to know: where the other file came from.

use std::collections::HashSet;

use super::file::RuleFile;
use super::pattern::{Pattern, Target};
use super::problem::Problems;
use super::set::{
    Archive, Capture, CoverageLine, Detect, EntryRule, ForbiddenRule, From, Group, Relation, RuleSet, placeholders,
};
use crate::code::{Code, Severity};

/// What is left of the other file once this one has replaced its part.
#[derive(Default)]
pub(super) struct Inherited {
    pub(super) entries: Vec<EntryRule>,
    pub(super) forbidden: Vec<ForbiddenRule>,
    /// The names of all groups that are captured there.
    pub(super) groups: HashSet<String>,
    /// Of `[detect]` first.
    patterns: Vec<Pattern>,
    archive: Option<Archive>,
    captures: Vec<Capture>,
    counted: Vec<Group>,
    relations: Vec<Relation>,
    coverage: Vec<CoverageLine>,
    severities: Vec<(&'static Code, Severity)>,
    detect: Option<Detect>,
    product: String,
    sources: Vec<String>,
    declines: Option<String>,
    /// Where `extends` stands.
    span: std::ops::Range<usize>,
}

/// Which policies of `[archive]` the file itself gives.
pub(super) struct Given {
    pub(super) encryption: bool,
    pub(super) end_marker: bool,
    pub(super) trailing_data: bool,
    pub(super) unique: bool,
    pub(super) paths: bool,
}

impl Inherited {
    /// What `file` has from `base`.
    pub(super) fn of(base: Option<&RuleSet>, file: &RuleFile, problems: &Problems) -> Self {
        let Some(base) = base else {
            for id in &file.without {
                problems.wrong(&id.span, "`without` takes rules away from the file that `extends` names");
            }
            return Self::default();
        };
        for id in file.without.iter().filter(|id| !base.rule_ids().any(|known| known == id.value)) {
            problems.wrong(&id.span, format!("{} has no rule `{}`", base.id, id.value));
        }
        let mut replaced: HashSet<&str> = file.without.iter().map(|id| id.value.as_str()).collect();
        let entries = file.entries.iter().map(|rule| &rule.id);
        let forbidden = file.forbidden.iter().map(|rule| &rule.id);
        let captures = file.captures.iter().map(|rule| &rule.id);
        let groups = file.groups.iter().map(|rule| &rule.id);
        let relations = file.relations.iter().map(|rule| &rule.id);
        let own = entries.chain(forbidden).chain(captures).chain(groups).chain(relations);
        replaced.extend(own.flatten().map(|id| id.value.as_str()));
        let is_kept = |id: &str| !replaced.contains(id);
        let said: HashSet<&str> =
            file.coverage.iter().filter_map(|line| Some(line.data.as_ref()?.value.as_str())).collect();

        let places = |ids: Vec<&str>| {
            let mut next = 0_usize;
            let place = |id: &str| {
                let place = next;
                next = next.saturating_add(usize::from(is_kept(id)));
                is_kept(id).then_some(place)
            };
            ids.into_iter().map(place).collect::<Vec<_>>()
        };
        let entry_places = places(base.entries.iter().map(|rule| rule.id.as_str()).collect());
        let forbidden_places = places(base.forbidden.iter().map(|rule| rule.id.as_str()).collect());
        let patterns = base.patterns.iter().filter_map(|pattern| {
            let target = match pattern.target {
                Target::Detect(_) => file.detect.is_none().then_some(pattern.target),
                Target::Entry(number) => entry_places.get(number).copied().flatten().map(Target::Entry),
                Target::Forbidden(number) => forbidden_places.get(number).copied().flatten().map(Target::Forbidden),
            };
            Some(Pattern { target: target?, ..pattern.clone() })
        });
        let captures: Vec<Capture> = base.captures.iter().filter(|rule| is_kept(&rule.id)).cloned().collect();
        Self {
            entries: base.entries.iter().filter(|rule| is_kept(&rule.id)).cloned().collect(),
            forbidden: base.forbidden.iter().filter(|rule| is_kept(&rule.id)).cloned().collect(),
            groups: captures.iter().flat_map(|capture| capture.groups.iter().cloned()).collect(),
            patterns: patterns.collect(),
            archive: Some(base.archive.clone()),
            captures,
            counted: base.groups.iter().filter(|rule| is_kept(&rule.id)).cloned().collect(),
            relations: base.relations.iter().filter(|rule| is_kept(&rule.id)).cloned().collect(),
            coverage: base.coverage.iter().filter(|line| !said.contains(line.data.as_str())).cloned().collect(),
            severities: base.severities.clone(),
            detect: base.detect.clone(),
            product: base.product.clone(),
            sources: base.sources.clone(),
            declines: base.declines.clone(),
            span: file.extends.as_ref().map_or(0..0, |extends| extends.span.clone()),
        }
    }

    /// What holds of the archive as a whole: what the file gives, and what it leaves open as it was.
    pub(super) fn archive(&self, own: Archive, given: &Given) -> Archive {
        let Some(base) = self.archive.clone() else { return own };
        let either = |given: bool, own, base| if given { own } else { base };
        Archive {
            entries: own.entries.or(base.entries),
            encryption: either(given.encryption, own.encryption, base.encryption),
            end_marker: either(given.end_marker, own.end_marker, base.end_marker),
            trailing_data: either(given.trailing_data, own.trailing_data, base.trailing_data),
            unique: either(given.unique, own.unique, base.unique),
            paths: either(given.paths, own.paths, base.paths),
            max_age: own.max_age.or(base.max_age),
            min_size_ratio: own.min_size_ratio.or(base.min_size_ratio),
        }
    }

    /// Puts what was inherited into `set`, whose entries have theirs already.
    pub(super) fn complete(self, set: &mut RuleSet, problems: &Problems) {
        if self.archive.is_none() {
            return;
        }
        let (detecting, others): (Vec<_>, Vec<_>) = std::mem::take(&mut set.patterns)
            .into_iter()
            .chain(self.patterns)
            .partition(|pattern| matches!(pattern.target, Target::Detect(_)));
        set.patterns = detecting.into_iter().chain(others).collect();
        if set.detect.is_none() {
            set.detect = self.detect;
        }
        if set.product.is_empty() {
            set.product = self.product;
        }
        if set.sources.is_empty() {
            set.sources = self.sources;
        }
        set.declines = set.declines.take().or(self.declines);
        prepend(&mut set.forbidden, self.forbidden);
        prepend(&mut set.captures, self.captures);
        prepend(&mut set.groups, self.counted);
        prepend(&mut set.relations, self.relations);
        prepend(&mut set.coverage, self.coverage);
        prepend(&mut set.severities, self.severities);
        for (id, what) in dangling(set) {
            problems.wrong(
                &self.span,
                format!("what is inherited does not fit any more: {id} names {what}, which is gone"),
            );
        }
    }
}

fn prepend<T>(own: &mut Vec<T>, mut inherited: Vec<T>) {
    inherited.append(own);
    *own = inherited;
}

/// What rules name and the set does not have: the rule and the name. In a file by itself this was looked for before.
fn dangling(set: &RuleSet) -> Vec<(String, String)> {
    let groups: HashSet<&str> =
        set.captures.iter().flat_map(|capture| capture.groups.iter().map(String::as_str)).collect();
    let ids: HashSet<&str> = set.entries.iter().map(|rule| rule.id.as_str()).collect();
    let mut found = Vec::new();
    let mut look = |id: &str, name: &str, known: &HashSet<&str>| {
        if !known.contains(name) {
            found.push((format!("`{id}`"), format!("`{name}`")));
        }
    };
    let entries = set.entries.iter().map(|rule| (&rule.id, Some(&rule.when), &rule.advice));
    let forbidden = set.forbidden.iter().map(|rule| (&rule.id, Some(&rule.when), &rule.advice));
    let captures = set.captures.iter().map(|rule| (&rule.id, None, &rule.advice));
    let counted = set.groups.iter().map(|rule| (&rule.id, Some(&rule.when), &rule.advice));
    let relations = set.relations.iter().map(|rule| (&rule.id, Some(&rule.when), &rule.advice));
    for (id, when, advice) in entries.chain(forbidden).chain(captures).chain(counted).chain(relations) {
        for condition in when.iter().flat_map(|when| &when.0) {
            look(id, &condition.group, &groups);
        }
        for text in [&advice.why, &advice.fix].into_iter().flatten() {
            placeholders(text).for_each(|(_, name)| look(id, name, &groups));
        }
    }
    for condition in set.detect.iter().flat_map(|detect| &detect.when.0) {
        look("detect", &condition.group, &groups);
    }
    for relation in &set.relations {
        relation.kind.entries().into_iter().for_each(|name| look(&relation.id, name, &ids));
    }
    for capture in &set.captures {
        if let From::Fact { entries, .. } = &capture.from {
            entries.iter().for_each(|name| look(&capture.id, name, &ids));
        }
    }
    found
}
