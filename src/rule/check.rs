//! From a rule file to a rule set: everything that does not make sense, all of it at once.
//!
//! Promises: a rule set comes out only where nothing was complained about. Refuses to know: how the file is laid out,
//! and what archives look like.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::Status;
use super::file::{
    AdviceTable, ArchiveTable, CaptureTable, CoverageTable, DetectTable, EntryTable, ForbiddenTable, PolicyTable,
    RuleFile,
};
use super::inherit::{Given, Inherited};
use super::pattern::{self, Pattern, Target};
use super::problem::Problems;
use super::set::{
    Advice, Archive, Bounds, Capture, CoverageLine, Detect, EntryRule, Expression, ForbiddenRule, From, Group, Policy,
    RuleSet,
};
use super::table::At;
use crate::entry::EntryKind;
use crate::finding::Severity;

/// The version of the format that this program reads.
const SCHEMA: u64 = 1;
/// Bytes that a compiled regular expression may take, a tenth of the crate's own limit: a capture is a line of text.
const REGEX_BYTES: usize = 1 << 20;

/// The rule set that the file describes, where `problems` has nothing to say against it. What it extends comes from
/// `base`.
pub(super) fn check(
    file: RuleFile,
    base: Option<Arc<RuleSet>>,
    name: &str,
    text: &str,
    problems: &Problems,
) -> Option<RuleSet> {
    let inherited = Inherited::of(base.as_deref(), &file, problems);
    let mut checker = Checker {
        problems,
        text,
        ids: HashMap::new(),
        inherited,
        unsure: false,
        facts: Vec::new(),
        patterns: Vec::new(),
    };
    if let Some(schema) = &file.schema
        && schema.value != SCHEMA
    {
        problems.wrong(&schema.span, format!("schema {} is not known: this version reads {SCHEMA}", schema.value));
    }
    for text in [&file.title, &file.product, &file.declines].into_iter().flatten().chain(&file.sources) {
        checker.filled(text);
    }
    let id = file.id.and_then(|id| checker.identifier(id, true));
    let severities = checker.severities(file.severities);
    // All groups first: any text may name any of them.
    let captures: Vec<_> = file.captures.into_iter().map(|capture| checker.capture(capture)).collect();
    let captures: Vec<Capture> = captures
        .into_iter()
        .filter_map(|(capture, advice)| {
            let advice = checker.advice(advice, false);
            capture.map(|capture| Capture { advice, ..capture })
        })
        .collect();
    let detect = file.detect.map(|detect| checker.detect(detect));
    let archive = checker.archive(file.archive);
    let entries: Vec<EntryRule> =
        file.entries.into_iter().enumerate().filter_map(|(number, rule)| checker.entry(number, rule)).collect();
    let forbidden: Vec<ForbiddenRule> =
        file.forbidden.into_iter().enumerate().filter_map(|(number, rule)| checker.forbidden(number, rule)).collect();
    let groups: Vec<Group> = file.groups.into_iter().filter_map(|group| checker.group(group)).collect();
    let entries: Vec<EntryRule> = checker.inherited.entries.drain(..).chain(entries).collect();
    let relations: Vec<_> = file.relations.into_iter().filter_map(|rule| checker.relation(rule, &entries)).collect();
    checker.known_facts(&entries);
    let coverage = checker.coverage(file.coverage);
    let Checker { patterns, inherited, .. } = checker;
    let mut set = RuleSet {
        name: name.to_owned(),
        text: text.to_owned(),
        id: id.unwrap_or_default(),
        title: file.title.map(|title| title.value).unwrap_or_default(),
        product: file.product.map(|product| product.value).unwrap_or_default(),
        versions: file.versions.map(|versions| versions.value),
        sources: file.sources.into_iter().map(|source| source.value).collect(),
        declines: file.declines.map(|text| text.value),
        severities,
        detect,
        archive,
        entries,
        forbidden,
        captures,
        groups,
        relations,
        coverage,
        patterns,
    };
    inherited.complete(&mut set, problems);
    if set.is_empty() {
        problems.absent(0..0, "the rule file checks nothing: it has no [[entry]], [[forbidden]] or archive.entries");
    }
    problems.is_empty().then_some(set)
}

/// What is known while a file is checked.
pub(super) struct Checker<'p> {
    pub(super) problems: &'p Problems,
    pub(super) text: &'p str,
    /// Whether a capture could not be read, so that its groups are not known.
    pub(super) unsure: bool,
    /// What must be unique and was met: rule identifiers as they are, groups as `<name>`, data of coverage after `"`.
    pub(super) ids: HashMap<String, Range<usize>>,
    /// What comes from the file that this one extends.
    pub(super) inherited: Inherited,
    /// Facts that are captured, and the rules that must tell them.
    pub(super) facts: Vec<(At<String>, At<String>)>,
    pub(super) patterns: Vec<Pattern>,
}

impl Checker<'_> {
    fn detect(&mut self, table: DetectTable) -> Detect {
        if table.all.is_empty() && table.any.is_empty() {
            let message = "[detect] recognises nothing: it needs a pattern in `all` or `any`";
            let help = "leave the table out where the rule set is only used by name";
            self.problems.wrong_with_help(&table.span, message, help);
        }
        let detect = Detect {
            all: table.all.len(),
            any: table.any.len(),
            none: table.none.len(),
            when: self.when(table.when),
            priority: table.priority.map_or(0, |priority| priority.value),
        };
        for path in &table.none {
            if table.all.iter().chain(&table.any).any(|wanted| wanted.value == path.value) {
                self.problems.wrong(&path.span, format!("the pattern `{}` is both wanted and excluded", path.value));
            }
        }
        for (number, path) in table.all.into_iter().chain(table.any).chain(table.none).enumerate() {
            self.pattern(path, Target::Detect(number));
        }
        detect
    }

    fn archive(&mut self, table: ArchiveTable) -> Archive {
        let entries = table.entries.and_then(|entries| {
            let advice = self.advice(entries.advice, true);
            let min = entries.min?;
            if min.value == 0 {
                self.problems.wrong(&min.span, "a minimum of 0 entries asks for nothing");
            }
            Some((min.value, advice))
        });
        let (error, warning, nothing) = (Some(Severity::Error), Some(Severity::Warning), None);
        let max_age = table.max_age.and_then(|bound| self.max_age(bound));
        let min_size_ratio = table.min_size_ratio.and_then(|bound| self.min_size_ratio(bound));
        let mut policy =
            |table: Option<PolicyTable>, words: &[(&str, _)]| table.and_then(|table| self.policy(table, words));
        let given = Given {
            encryption: table.encryption.is_some(),
            end_marker: table.end_marker.is_some(),
            trailing_data: table.trailing_data.is_some(),
            unique: table.unique.is_some(),
            paths: table.paths.is_some(),
        };
        let own = Archive {
            max_age,
            min_size_ratio,
            entries,
            encryption: policy(
                table.encryption,
                &[("required", error), ("recommended", warning), ("not-needed", nothing)],
            ),
            end_marker: policy(table.end_marker, &[("required", error), ("recommended", warning)]),
            trailing_data: policy(table.trailing_data, &[("forbidden", error), ("reported", nothing)]),
            unique: match table.unique {
                // Safe unless said otherwise.
                None => Some(in_force(Severity::Warning)),
                given => policy(given, &[("true", error), ("warn", warning), ("false", nothing)]),
            },
            paths: match table.paths {
                None => Some(in_force(Severity::Error)),
                given => policy(given, &[("safe", error), ("warn", warning), ("any", nothing)]),
            },
        };
        self.inherited.archive(own, &given)
    }

    fn policy(&mut self, table: PolicyTable, words: &[(&str, Option<Severity>)]) -> Option<Policy> {
        let PolicyTable { word, advice } = table;
        let advice = self.advice(advice, false);
        match words.iter().find(|(known, _)| *known == word.value) {
            Some((_, severity)) => {
                severity.map(|severity| Policy { advice: Advice { severity: Some(severity), ..advice } })
            }
            None => {
                let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
                self.unknown_word(&word, "policy", &known);
                None
            }
        }
    }

    fn entry(&mut self, number: usize, table: EntryTable) -> Option<EntryRule> {
        let id = table.id.and_then(|id| self.identifier(id, false));
        let paths = self.paths(
            table.paths,
            &table.advice.span,
            Target::Entry(self.inherited.entries.len().saturating_add(number)),
        );
        let count = table.count.map_or(Bounds { min: 1, max: None }, |count| {
            if let Some(max) = &count.max
                && max.value == 0
            {
                self.problems.wrong_with_help(&max.span, "a rule that allows no entry", "write it as [[forbidden]]");
            }
            // `max` alone means one at least, like everywhere: a maximum of its own needs `min = 0`.
            self.bounds(count, 1)
        });
        let kinds: Vec<EntryKind> = table.kinds.iter().flatten().filter_map(|word| self.kind(word)).collect();
        let size = match table.size {
            None => Bounds { min: 0, max: None },
            Some(size) => {
                if !kinds.is_empty() && !kinds.iter().any(|kind| kind.is_file()) {
                    self.problems.wrong(&size.span, "only files have a size, and the rule's `kind` allows none");
                }
                self.bounds(size, 0)
            }
        };
        let checks = count.min > 0 || count.max.is_some() || !kinds.is_empty() || size != Bounds { min: 0, max: None };
        let rule = EntryRule {
            id: id.unwrap_or_default(),
            paths: paths.unwrap_or_default(),
            count,
            // A size says what is meant.
            kinds: if kinds.is_empty() && size != (Bounds { min: 0, max: None }) {
                vec![EntryKind::File]
            } else {
                kinds
            },
            size,
            mode_max: table.mode_max.as_ref().and_then(|mode| self.mode(mode)),
            probes: table.probes.into_iter().filter_map(|probe| self.probe(probe)).collect(),
            when: self.when(table.when),
            advice: self.advice(table.advice, checks),
        };
        Some(rule)
    }

    fn forbidden(&mut self, number: usize, table: ForbiddenTable) -> Option<ForbiddenRule> {
        let id = table.id.and_then(|id| self.identifier(id, false));
        let target = Target::Forbidden(self.inherited.forbidden.len().saturating_add(number));
        let paths = self.paths(table.paths, &table.advice.span, target).unwrap_or_default();
        let when = self.when(table.when);
        Some(ForbiddenRule { id: id.unwrap_or_default(), paths, when, advice: self.advice(table.advice, true) })
    }

    /// The capture, its advice still to be read.
    fn capture(&mut self, table: CaptureTable) -> (Option<Capture>, AdviceTable) {
        let id = table.id.and_then(|id| self.identifier(id, false));
        let id = id.unwrap_or_default();
        let fact = table.fact.is_some();
        if !fact
            && let Some(key) = table
                .name
                .as_ref()
                .map(|name| &name.span)
                .or(table.entries.as_ref().and_then(|names| Some(&names.first()?.span)))
        {
            self.problems.wrong(key, "`entry` and `as` go with `fact`");
        }
        let capture = match (table.path, table.file_name, table.fact) {
            (Some(path), None, None) => self.captured(id, &path, From::Path),
            (None, Some(name), None) => self.captured(id, &name, From::FileName),
            (None, None, Some(fact)) => self.fact(id, fact, table.entries, table.name, &table.span),
            (None, None, None) => {
                self.problems.absent(table.span, "[[capture]] has neither `path`, `file-name` nor `fact`");
                None
            }
            (one, other, third) => {
                let last = [third, other, one].into_iter().flatten().next();
                let message = "`path`, `file-name` and `fact` exclude each other: write several captures";
                last.into_iter().for_each(|given| self.problems.wrong(&given.span, message));
                None
            }
        };
        self.unsure |= capture.is_none();
        (capture, table.advice)
    }

    fn captured(&mut self, id: String, text: &At<String>, from: fn(Expression) -> From) -> Option<Capture> {
        let (expression, groups) = self.expression(text)?;
        for name in &groups {
            self.group_name(name, &text.span);
        }
        Some(Capture { id, from: from(expression), groups, advice: Advice::default() })
    }

    /// The name of a group that is captured: each stands once.
    pub(super) fn group_name(&mut self, name: &str, span: &Range<usize>) {
        if self.inherited.groups.contains(name) {
            self.problems.wrong(span, format!("the group `{name}` is captured in the file that this one extends"));
        }
        self.unique(format!("<{name}>"), span, format!("the group `{name}` is captured twice"));
    }

    /// A regular expression and the names of its groups.
    pub(super) fn expression(&mut self, text: &At<String>) -> Option<(Expression, Vec<String>)> {
        let regex = regex::bytes::RegexBuilder::new(&text.value)
            .size_limit(REGEX_BYTES)
            .dfa_size_limit(REGEX_BYTES)
            .build()
            .map_err(|error| {
                self.problems
                    .wrong(&text.span, format!("invalid regular expression: {}", last_line(&error.to_string())));
            })
            .ok()?;
        let (numbers, groups): (Vec<usize>, Vec<String>) =
            regex.capture_names().enumerate().filter_map(|(number, name)| Some((number, name?.to_owned()))).unzip();
        if groups.is_empty() {
            let help = "write `(?<name>...)` around what is to be kept";
            self.problems.wrong_with_help(&text.span, "the regular expression has no named group", help);
        }
        Some((Expression { regex, prefix: required_prefix(&text.value), numbers }, groups))
    }

    fn coverage(&mut self, tables: Vec<CoverageTable>) -> Vec<CoverageLine> {
        let mut lines: Vec<CoverageLine> = Vec::new();
        for CoverageTable { data, status, covered_by, note, when } in tables {
            let when = self.when(when);
            for text in [&data, &covered_by].into_iter().flatten() {
                self.filled(text);
            }
            self.texts(&note);
            if let Some(data) = &data {
                self.unique(format!("\"{}", data.value), &data.span, format!("the data `{}` stands twice", data.value));
            }
            let status = status.and_then(|word| {
                let known = Status::from_word(&word.value);
                if known.is_none() {
                    self.unknown_word(&word, "status", &["included", "absent-by-design"]);
                }
                known
            });
            if let (Some(Status::Included), Some(other)) = (status, &covered_by) {
                self.problems.wrong(&other.span, "data that is included needs no `covered-by`");
            }
            if let (Some(data), Some(status)) = (data, status) {
                let covered_by = covered_by.map(|text| text.value);
                let note = note.map(|text| text.value);
                lines.push(CoverageLine { data: data.value, status, covered_by, note, when });
            }
        }
        lines
    }

    /// `asks_why`: whether the rule can make an error of its own.
    pub(super) fn advice(&mut self, table: AdviceTable, asks_why: bool) -> Advice {
        let words = [Severity::Error, Severity::Warning, Severity::Info];
        let severity = table.severity.as_ref().and_then(|word| {
            let known = words.into_iter().find(|severity| severity.as_str() == word.value);
            if known.is_none() {
                self.unknown_word(word, "severity", &words.map(Severity::as_str));
            }
            known
        });
        let may_fail = match &table.severity {
            Some(_) => severity == Some(Severity::Error),
            None => asks_why,
        };
        if may_fail && !table.says_why {
            let message = "a rule that can fail an archive must say `why`";
            self.problems.absent_with_help(table.span, message, "or give it `severity = \"warning\"`");
        }
        self.texts(&table.why);
        self.texts(&table.fix);
        Advice { severity, why: table.why.map(|text| text.value), fix: table.fix.map(|text| text.value) }
    }

    fn paths(&mut self, paths: Option<Vec<At<String>>>, span: &Range<usize>, target: Target) -> Option<Vec<String>> {
        let paths = paths?;
        if paths.is_empty() {
            self.problems.absent(span.clone(), "`path` holds no pattern");
        }
        let texts = paths.iter().map(|path| path.value.clone()).collect();
        for path in paths {
            self.pattern(path, target);
        }
        Some(texts)
    }

    fn pattern(&mut self, path: At<String>, target: Target) {
        let At { value: text, span } = path;
        if self.patterns.iter().rev().take_while(|known| known.target == target).any(|known| known.text == text) {
            self.problems.wrong(&span, format!("the pattern `{text}` stands twice in one rule"));
            return;
        }
        match pattern::parse(&text) {
            Ok(alternatives) => self.patterns.push(Pattern { text, alternatives, target }),
            Err(fault) => {
                let message = format!("invalid pattern: {}", fault.message);
                match fault.help {
                    Some(help) => self.problems.wrong_with_help(&span, message, help),
                    None => self.problems.wrong(&span, message),
                }
            }
        }
    }
}

fn in_force(severity: Severity) -> Policy {
    Policy { advice: Advice { severity: Some(severity), ..Advice::default() } }
}

/// The plain characters that an expression begins with after `^`: what matches must begin with them.
///
/// None where the expression has a choice anywhere: then this may be the beginning of one of several.
fn required_prefix(expression: &str) -> Vec<u8> {
    let Some(rest) = expression.strip_prefix('^').filter(|rest| !rest.contains('|')) else { return Vec::new() };
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_/".contains(character);
    let length = rest.find(|character| !plain(character)).unwrap_or(rest.len());
    let (prefix, after) = rest.split_at(length);
    // A repetition takes the last character along, and that may be none.
    let kept = prefix.len().saturating_sub(usize::from(after.starts_with(['?', '*', '+', '{'])));
    prefix.as_bytes().get(..kept).unwrap_or_default().to_vec()
}

/// The last line of a message that draws its own picture first.
fn last_line(message: &str) -> &str {
    let line = message.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or(message).trim();
    line.strip_prefix("error: ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_expression_requires_at_the_start() {
        for (expression, expected) in [
            ("^abc", "abc"),
            ("^ab-c/d_(?<x>.)", "ab-c/d_"),
            ("^abc?", "ab"),
            ("^abc{2}", "ab"),
            ("^a*", ""),
            ("^a|b", ""),
            ("^a(b|c)", ""),
            ("abc", ""),
            ("(?i)^abc", ""),
            (r"^a\.b", "a"),
            ("^", ""),
        ] {
            assert_eq!(required_prefix(expression), expected.as_bytes(), "{expression}");
        }
    }
}
