//! A rule set: what a rule file says once it has been found to make sense.
//!
//! Promises: a [`RuleSet`] cannot be invalid; its patterns compile, its bounds hold something, its texts name only
//! what its captures can give. Refuses to know: how the file was written, and what archives look like.

use std::fmt;
use std::ops::Range;

use super::Status;
use super::pattern::Pattern;
use crate::entry::EntryKind;
use crate::finding::Severity;

/// One product's, one version range's rules. Made by [`parse`](super::parse) only.
pub struct RuleSet {
    pub(super) name: String,
    pub(super) text: String,
    pub(super) id: String,
    pub(super) title: String,
    pub(super) product: String,
    pub(super) versions: Option<String>,
    pub(super) sources: Vec<String>,
    pub(super) detect: Option<Detect>,
    pub(super) archive: Archive,
    pub(super) entries: Vec<EntryRule>,
    pub(super) forbidden: Vec<ForbiddenRule>,
    pub(super) captures: Vec<Capture>,
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

    /// The identifiers of its rules, in the order of the file: entries, forbidden, captures.
    pub fn rule_ids(&self) -> impl Iterator<Item = &str> {
        let entries = self.entries.iter().map(|rule| rule.id.as_str());
        let forbidden = self.forbidden.iter().map(|rule| rule.id.as_str());
        entries.chain(forbidden).chain(self.captures.iter().map(|capture| capture.id.as_str()))
    }
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuleSet").field("id", &self.id).field("file_name", &self.name).finish_non_exhaustive()
    }
}

/// How a layout is recognised. The patterns themselves are in [`RuleSet::patterns`].
#[derive(Debug)]
pub(super) struct Detect {
    pub(super) all: usize,
    pub(super) any: usize,
    pub(super) none: usize,
    pub(super) priority: i64,
}

/// What is asked of the archive as a whole.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) entries: Option<(u64, Advice)>,
    pub(super) encryption: Option<Policy>,
    pub(super) end_marker: Option<Policy>,
    pub(super) trailing_data: Option<Policy>,
    pub(super) unique: Option<Policy>,
    pub(super) paths: Option<Policy>,
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
#[derive(Debug)]
pub(super) struct EntryRule {
    pub(super) id: String,
    pub(super) paths: Vec<String>,
    pub(super) count: Bounds,
    /// Empty: any kind.
    pub(super) kinds: Vec<EntryKind>,
    pub(super) size: Bounds,
    pub(super) mode_max: Option<u32>,
    pub(super) advice: Advice,
}

/// `[[forbidden]]`.
#[derive(Debug)]
pub(super) struct ForbiddenRule {
    pub(super) id: String,
    pub(super) paths: Vec<String>,
    pub(super) advice: Advice,
}

/// `[[capture]]`.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) id: String,
    pub(super) regex: regex::bytes::Regex,
    /// Bytes that whatever matches begins with; most paths do not, and the expression need not be asked.
    pub(super) prefix: Vec<u8>,
    pub(super) from: From,
    /// The named groups and their numbers.
    pub(super) groups: Vec<(String, usize)>,
    pub(super) advice: Advice,
}

/// What a capture looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Path,
    FileName,
}

/// `[[coverage]]`.
#[derive(Debug)]
pub(super) struct CoverageLine {
    pub(super) data: String,
    pub(super) status: Status,
    pub(super) covered_by: Option<String>,
    pub(super) note: Option<String>,
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
