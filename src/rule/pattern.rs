//! Path patterns: which are accepted, and how all of them are held against a path in one pass.
//!
//! Patterns are globs over normalised paths ([`crate::entry::normalized`]): `*` and `?` stay within a component, `**`
//! as a whole component is any number of them, `[...]` is one of the bytes listed, `{a,b}` is either. Paths are bytes
//! and need not be UTF-8: literals and `*` match any bytes, `?` and `[...]` match exactly one byte, which is why a
//! character of several bytes is refused in brackets instead of being misread.
//!
//! Promises: what is accepted here compiles; a pattern that could never match is refused. Refuses to know: what a
//! match means.

use std::sync::Arc;

use globset::{Candidate, Glob, GlobBuilder, GlobSet};

use super::set::RuleSet;

/// A pattern and what it stands for.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) text: String,
    pub(super) glob: Glob,
    pub(super) target: Target,
}

/// What a pattern stands for: the number of a rule, or of a pattern of `[detect]` (all, then any, then none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Detect(usize),
    Entry(usize),
    Forbidden(usize),
}

/// Why a pattern is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Reads one pattern.
pub(super) fn parse(text: &str) -> Result<Glob, Fault> {
    let fault = |message: String, help: Option<String>| Err(Fault { message, help });
    let trimmed = text.strip_prefix("./").unwrap_or(text).trim_matches('/');
    if trimmed.is_empty() || trimmed == "." {
        return fault("the pattern is empty".to_owned(), Some("`**` matches every path".to_owned()));
    }
    if trimmed != text {
        let message = "paths are compared without `./` or `/` in front and without a slash at the end".to_owned();
        return fault(message, Some(format!("write `{trimmed}`")));
    }
    if let Some(part) = text.split('/').find(|part| part.is_empty() || *part == ".") {
        let shown = if part.is_empty() { "//" } else { "/./" };
        return fault(format!("no path ever holds `{shown}`: they are compared without"), None);
    }
    if let Some(fault) = misread(text) {
        return Err(fault);
    }
    let mut builder = GlobBuilder::new(text);
    builder.literal_separator(true).backslash_escape(true).empty_alternates(true);
    builder.build().map_err(|error| Fault { message: error.kind().to_string(), help: None })
}

/// What globset would read otherwise than it was meant: `**` inside a component, several bytes in brackets.
fn misread(text: &str) -> Option<Fault> {
    let mut escaped = false;
    let mut in_brackets = false;
    let mut opened = 0;
    for (index, character) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if in_brackets {
            // The first character after `[`, `[!` or `[^` is a member even where it is `]`.
            let first = text.get(opened..index).is_some_and(|held| matches!(held, "" | "!" | "^"));
            if !character.is_ascii() {
                let message = format!("`{character}` has several bytes, brackets match one byte");
                return Some(Fault { message, help: Some("write the choices as `{a,b}`".to_owned()) });
            }
            in_brackets = character != ']' || first;
        } else if character == '\\' {
            escaped = true;
        } else if character == '[' {
            in_brackets = true;
            opened = index.saturating_add(1);
        } else if text.get(index..).is_some_and(|rest| rest.starts_with("**")) {
            let before = index == 0 || text.get(..index).is_some_and(|start| start.ends_with('/'));
            let after =
                text.get(index.saturating_add(2)..).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let second = text.get(..index).is_some_and(|start| start.ends_with('*'));
            if !(before && after) && !second {
                let help = "`*` matches within a component, `**/` any number of components".to_owned();
                return Some(Fault { message: "`**` must be a whole component".to_owned(), help: Some(help) });
            }
        }
    }
    None
}

/// Compiles patterns into one automaton.
pub(super) fn compile<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Result<GlobSet, Fault> {
    GlobSet::new(patterns.into_iter().map(|pattern| &pattern.glob))
        .map_err(|error| Fault { message: format!("the patterns cannot be compiled together: {error}"), help: None })
}

/// The patterns of several rule sets, held against a path together.
pub(super) struct Matcher {
    /// One automaton for all sets; or one for each, where all of them together would be too large for one.
    parts: Vec<(Arc<GlobSet>, Vec<(usize, Target)>)>,
    hits: Vec<usize>,
}

impl Matcher {
    pub(super) fn new(sets: &[Arc<RuleSet>]) -> Self {
        let targets = |number: usize, set: &RuleSet| -> Vec<(usize, Target)> {
            set.patterns.iter().map(|pattern| (number, pattern.target)).collect()
        };
        let separate = || -> Vec<_> {
            sets.iter().enumerate().map(|(number, set)| (Arc::clone(&set.globs), targets(number, set))).collect()
        };
        let parts = if sets.len() < 2 {
            separate()
        } else {
            match compile(sets.iter().flat_map(|set| &set.patterns)) {
                Ok(globs) => {
                    let all = sets.iter().enumerate().flat_map(|(number, set)| targets(number, set)).collect();
                    vec![(Arc::new(globs), all)]
                }
                Err(_) => separate(),
            }
        };
        Self { parts, hits: Vec::new() }
    }

    /// Calls `found` with the number of the set and the target of every pattern that matches.
    pub(super) fn each(&mut self, path: &[u8], mut found: impl FnMut(usize, Target)) {
        let candidate = Candidate::from_bytes(path);
        for (globs, targets) in &self.parts {
            globs.matches_candidate_into(&candidate, &mut self.hits);
            for hit in &self.hits {
                if let Some((set, target)) = targets.get(*hit) {
                    found(*set, *target);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &[u8]) -> bool {
        let glob = parse(pattern).unwrap_or_else(|fault| panic!("{pattern}: {}", fault.message));
        GlobSet::new([glob]).unwrap().is_match_candidate(&Candidate::from_bytes(path))
    }

    #[test]
    fn stars_keep_to_their_components() {
        for (pattern, path, expected) in [
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/*", "a", false),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("**/a", "a", true),
            ("**/a", "x/y/a", true),
            ("**/a", "xa", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("**", "a/b", true),
            ("a?c", "abc", true),
            ("a?c", "a/c", false),
            ("{,x/}a", "a", true),
            ("{,x/}a", "x/a", true),
            ("[]]", "]", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("a", "A", false),
        ] {
            assert_eq!(matches(pattern, path.as_bytes()), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_matched_as_bytes() {
        assert!(matches("a/*.json", b"a/\xff\xfe.json"));
        assert!(matches("**/key.pem", b"\xff/key.pem"));
        assert!(matches("a?", b"a\xff"));
        assert!(!matches("a?", "a\u{e9}".as_bytes()), "one byte, not one character");
        assert!(matches("caf\u{e9}/*", "caf\u{e9}/x".as_bytes()));
        assert!(!matches("caf\u{e9}/*", b"caf\xe9/x"), "Latin-1 is another name");
        assert!(matches("a*b", b"a\nb"), "a line feed is a byte like others");
    }

    #[test]
    fn patterns_that_mislead_are_refused() {
        for text in [
            "", ".", "./", "/", "./a", "/a", "a/", "a//b", "a/./b", "a**", "**a", "a/**b/c", "[", "{a", "a}", "[é]",
            "a\\", "[b-a]",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["a", "**", "a/**", "**/a", "a/**/b", r"\*\*", "[*][*]", "[]é]"] {
            let expected = !text.contains('é');
            assert_eq!(parse(text).is_ok(), expected, "{text}");
        }
    }
}
