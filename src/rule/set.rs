//! A rule set: what a rule file says once it has been found to make sense.
//!
//! Promises: a [`RuleSet`] cannot be invalid; its patterns compile, its bounds hold something, its texts name only
//! what its captures can give. Refuses to know: how the file was written, and what archives look like.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::Status;
use super::pattern::Pattern;
use super::when::When;
use crate::code::Code;
use crate::entry::EntryKind;
use crate::finding::Severity;
use crate::probe::Spec;

/// One product's, one version range's rules. Made by [`parse`](super::parse) only.
pub struct RuleSet {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) product: String,
    pub(super) versions: Option<String>,
    pub(super) sources: Vec<String>,
    /// Why nothing is judged though the layout is recognised.
    pub(super) declines: Option<String>,
    /// Instead of the codes' own; in the order of the file.
    pub(super) severities: Vec<(&'static Code, Severity)>,
    pub(super) detect: Option<Detect>,
    pub(super) archive: Archive,
    pub(super) entries: Vec<EntryRule>,
    pub(super) forbidden: Vec<ForbiddenRule>,
    pub(super) captures: Vec<Capture>,
    pub(super) groups: Vec<Group>,
    pub(super) relations: Vec<Relation>,
    pub(super) coverage: Vec<CoverageLine>,
    /// Every pattern of the set, those of `[detect]` first.
    pub(super) patterns: Vec<Pattern>,
}

impl RuleSet {
    /// Its identifier, as `--rules` takes it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is about, in one line.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The product whose archives it judges, in one word.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }

    /// The versions of the product that it is for, in words.
    #[must_use]
    pub fn versions(&self) -> Option<&str> {
        self.versions.as_deref()
    }

    /// Where its facts come from.
    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    /// Name of the file it was read from, as given to the parser.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.name
    }

    /// The text it was read from, comments and all.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it can be recognised by content; without, it is used only when asked for by name.
    #[must_use]
    pub fn is_detectable(&self) -> bool {
        self.detect.is_some()
    }

    /// Why it judges nothing though it recognises the layout, where it is only there to say so.
    #[must_use]
    pub fn declines(&self) -> Option<&str> {
        self.declines.as_deref()
    }

    /// The identifiers of its rules, in the order of the file: entries, forbidden, captures, groups, then pairs, references
    /// and rafts.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        let entries = self.entries.iter().map(|rule| rule.id.as_str());
        let forbidden = self.forbidden.iter().map(|rule| rule.id.as_str());
        let captures = self.captures.iter().map(|capture| capture.id.as_str());
        let groups = self.groups.iter().map(|group| group.id.as_str());
        entries.chain(forbidden).chain(captures).chain(groups).chain(self.relations.iter().map(|rule| rule.id.as_str()))
    }

    /// Whether it asks for nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        let rules = self.entries.len() + self.forbidden.len() + self.groups.len();
        rules == 0 && self.archive.entries.is_none() && self.declines.is_none()
    }

    /// How grave findings of `code` are by this set, where it says so.
    pub(super) fn severity(&self, code: &'static Code) -> Option<Severity> {
        self.severities.iter().rev().find(|(known, _)| std::ptr::eq(*known, code)).map(|(_, severity)| *severity)
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet").field("id", &self.id).field("file_name", &self.name).finish_non_exhaustive()
    }
}

/// How a layout is recognised. The patterns themselves are in [`RuleSet::patterns`].
#[derive(Debug, Clone)]
pub(super) struct Detect {
    pub(super) all: usize,
    pub(super) any: usize,
    pub(super) none: usize,
    /// What was captured must not speak against it; what was not captured does not.
    pub(super) when: When,
    pub(super) priority: i64,
}

/// What is asked of the archive as a whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Archive {
    pub(super) entries: Option<(u64, Advice)>,
    pub(super) encryption: Option<Policy>,
    pub(super) end_marker: Option<Policy>,
    pub(super) trailing_data: Option<Policy>,
    pub(super) unique: Option<Policy>,
    pub(super) paths: Option<Policy>,
    pub(super) max_age: Option<MaxAge>,
    pub(super) min_size_ratio: Option<(f64, Advice)>,
}

/// How old an archive may be.
#[derive(Debug, Clone)]
pub(super) struct MaxAge {
    pub(super) seconds: i64,
    /// The group that holds the time of the backup, in seconds or milliseconds since 1970; without it the youngest member's
    /// time counts.
    pub(super) time: Option<String>,
    pub(super) advice: Advice,
}

/// A policy that is in force: its severity is always given.
#[derive(Debug, Clone, Default)]
pub(super) struct Policy {
    pub(super) advice: Advice,
}

/// What a rule adds to the findings it makes.
#[derive(Debug, Clone, Default)]
pub(super) struct Advice {
    /// Instead of the code's own.
    pub(super) severity: Option<Severity>,
    pub(super) why: Option<String>,
    pub(super) fix: Option<String>,
}

/// `[[entry]]`.
#[derive(Debug, Clone)]
pub(super) struct EntryRule {
    pub(super) id: String,
    pub(super) paths: Vec<String>,
    pub(super) count: Bounds,
    /// Empty: any kind.
    pub(super) kinds: Vec<EntryKind>,
    pub(super) size: Bounds,
    pub(super) mode_max: Option<u32>,
    /// What looks into the members.
    pub(super) probes: Vec<Arc<Spec>>,
    pub(super) when: When,
    pub(super) advice: Advice,
}

/// `[[forbidden]]`.
#[derive(Debug, Clone)]
pub(super) struct ForbiddenRule {
    pub(super) id: String,
    pub(super) paths: Vec<String>,
    pub(super) when: When,
    pub(super) advice: Advice,
}

/// `[[capture]]`.
#[derive(Debug, Clone)]
pub(super) struct Capture {
    pub(super) id: String,
    pub(super) from: From,
    /// The names of what is captured; of a fact there is one.
    pub(super) groups: Vec<String>,
    pub(super) advice: Advice,
}

/// What a capture looks at.
#[derive(Debug, Clone)]
pub(super) enum From {
    /// The path of every entry.
    Path(Expression),
    /// The archive's own name.
    FileName(Expression),
    /// What a probe tells of the members of these rules.
    Fact { name: String, entries: Vec<String> },
}

/// A regular expression with named groups.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    pub(super) regex: regex::bytes::Regex,
    /// Bytes that whatever matches begins with; most paths do not, and the expression need not be asked.
    pub(super) prefix: Vec<u8>,
    /// The numbers of the named groups, in their order.
    pub(super) numbers: Vec<usize>,
}

/// `[[group]]`: members that are numbered without gaps.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) expression: Expression,
    /// Which of the expression's groups counts, and which one tells what is counted apart.
    pub(super) number: usize,
    pub(super) by: Option<usize>,
    pub(super) first: u64,
    /// Values of `by` that must be there.
    pub(super) required: Vec<String>,
    pub(super) when: When,
    pub(super) advice: Advice,
}

/// `[[pair]]`, `[[reference]]`, `[[raft]]`: members that must fit each other, by the identifiers of the rules they match.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) id: String,
    pub(super) kind: RelationKind,
    pub(super) when: When,
    pub(super) advice: Advice,
}

/// How members belong together.
#[derive(Debug, Clone)]
pub(super) enum RelationKind {
    /// A key, its certificate, and who issued that, in one folder.
    Pair { key: Option<String>, certificate: String, issuer: Option<String> },
    /// What the first refer to, the second define.
    Reference { from: Vec<String>, to: Vec<String> },
    /// The log of a Swarm, its snapshots, and the key to both.
    Raft { wal: String, snapshot: Option<String>, key: Option<String> },
}

impl RelationKind {
    /// The rules whose members it is about.
    pub(super) fn entries(&self) -> Vec<&str> {
        match self {
            Self::Pair { key, certificate, issuer } => {
                [Some(certificate), key.as_ref(), issuer.as_ref()].into_iter().flatten().map(String::as_str).collect()
            }
            Self::Reference { from, to } => from.iter().chain(to).map(String::as_str).collect(),
            Self::Raft { wal, snapshot, key } => {
                [Some(wal), snapshot.as_ref(), key.as_ref()].into_iter().flatten().map(String::as_str).collect()
            }
        }
    }
}

/// `[[coverage]]`.
#[derive(Debug, Clone)]
pub(super) struct CoverageLine {
    pub(super) data: String,
    pub(super) status: Status,
    pub(super) covered_by: Option<String>,
    pub(super) note: Option<String>,
    pub(super) when: When,
}

/// From `min` to `max`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) min: u64,
    pub(super) max: Option<u64>,
}

impl Bounds {
    pub(super) fn hold(self, value: u64) -> bool {
        value >= self.min && self.max.is_none_or(|max| value <= max)
    }
}

/// The `{name}` in a text: where they stand and what they name.
///
/// Anything else in braces is plain text: only lower-case letters, digits and `_` make a name.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    text.match_indices('{').filter_map(|(start, _)| {
        let rest = text.get(start.saturating_add(1)..)?;
        let length = rest.find('}')?;
        let name = rest.get(..length)?;
        let is_name = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        is_name.then(|| (start..start.saturating_add(length).saturating_add(2), name))
    })
}

/// The text with what was captured in the place of every `{name}`.
pub(super) fn expand(text: &str, captures: &[(String, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (span, name) in placeholders(text) {
        out.push_str(text.get(end..span.start).unwrap_or_default());
        out.push_str(captures.iter().find(|(known, _)| known == name).map_or("(unknown)", |(_, value)| value));
        end = span.end;
    }
    out.push_str(text.get(end..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_in_braces_are_replaced() {
        let captures = [("version".to_owned(), "2.9.4".to_owned())];
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{version}", "2.9.4"),
            ("v{version}, {replica}.", "v2.9.4, (unknown)."),
            ("{{version}}", "{2.9.4}"),
            ("{ version } {A} {} {", "{ version } {A} {} {"),
        ] {
            assert_eq!(expand(text, &captures), expected, "{text}");
        }
    }
}
