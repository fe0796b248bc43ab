//! Path patterns: which are accepted, and what they are made of.
//!
//! Patterns are globs over normalised paths ([`crate::entry::normalized`]): `*` and `?` stay within a component, `**`
//! as a whole component is any number of them, `[...]` is one of the bytes listed, `{a,b}` is either and may hold
//! slashes. Paths are bytes and need not be UTF-8: literals and `*` match any bytes, `?` and `[...]` match exactly one
//! byte, which is why a character of several bytes is refused in brackets instead of being misread.
//!
//! Promises: what is accepted here compiles; a pattern that could never match is refused. The grammar within a component
//! is globset's. Refuses to know: what a match means, and how paths are held against many patterns at once.

use globset::{Candidate, Glob, GlobBuilder, GlobSet};

/// Patterns that `{a,b}` may make out of one.
const ALTERNATIVES: usize = 64;
/// Components of a pattern; each is a place that a path may have come to.
const COMPONENTS: usize = 128;

/// A pattern and what it stands for.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) text: String,
    /// Without braces: a path matches where it matches any of these.
    pub(super) alternatives: Vec<Vec<Part>>,
    pub(super) target: Target,
}

/// What a pattern stands for: the number of a rule, or of a pattern of `[detect]` (all, then any, then none).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Detect(usize),
    Entry(usize),
    Forbidden(usize),
}

/// One component of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// These bytes.
    Literal(Box<[u8]>),
    /// `*`: any component.
    Any,
    /// `**`: any number of components; at the end of a pattern at least one.
    Many,
    /// `before*after`.
    Affix(Box<[u8]>, Box<[u8]>),
    /// Anything else, as globset reads it.
    Glob(GlobSet),
}

impl Part {
    /// Whether a component matches; [`Part::Many`] is not asked.
    pub(super) fn matches(&self, component: &[u8]) -> bool {
        match self {
            Self::Literal(literal) => **literal == *component,
            Self::Any | Self::Many => true,
            Self::Affix(before, after) => {
                // Comparing nothing is left out: with AVX-512, memcmp on the address of an empty slice takes a slow path.
                component.len() >= before.len().saturating_add(after.len())
                    && (before.is_empty() || component.starts_with(before))
                    && (after.is_empty() || component.ends_with(after))
            }
            Self::Glob(glob) => glob.is_match_candidate(&Candidate::from_bytes(component)),
        }
    }
}

/// Why a pattern is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Fault {
    fn new(message: impl Into<String>, help: Option<String>) -> Self {
        Self { message: message.into(), help }
    }
}

/// Reads one pattern.
pub(super) fn parse(text: &str) -> Result<Vec<Vec<Part>>, Fault> {
    let trimmed = text.strip_prefix("./").unwrap_or(text).trim_matches('/');
    if trimmed.is_empty() || trimmed == "." {
        return Err(Fault::new("the pattern is empty", Some("`**` matches every path".to_owned())));
    }
    if trimmed != text {
        let message = "paths are compared without `./` or `/` in front and without a slash at the end";
        return Err(Fault::new(message, Some(format!("write `{trimmed}`"))));
    }
    // Lets globset judge the whole: brackets and braces that are not closed, ranges the wrong way round.
    parsed(text)?;
    let mut expanded = Vec::new();
    expand(text, &mut expanded)?;
    if expanded.iter().any(|alternative| alternative.split('/').nth(COMPONENTS).is_some()) {
        return Err(Fault::new(format!("the pattern has more than {COMPONENTS} components"), None));
    }
    expanded.iter().map(|alternative| alternative.split('/').map(part).collect()).collect()
}

fn part(text: &str) -> Result<Part, Fault> {
    match text {
        "" => return Err(Fault::new("no path ever holds an empty component: they are compared without", None)),
        "." => return Err(Fault::new("no path ever holds the component `.`: they are compared without", None)),
        "*" => return Ok(Part::Any),
        "**" => return Ok(Part::Many),
        _ => {}
    }
    let characters: Vec<Character> = characters(text).collect();
    let adjacent = characters.windows(2).any(|pair| matches!(pair, [one, two] if one.is_meta('*') && two.is_meta('*')));
    if adjacent {
        let help = "`*` matches within a component, `**/` any number of components".to_owned();
        return Err(Fault::new("`**` must be a whole component", Some(help)));
    }
    if let Some(wide) = characters.iter().find(|character| character.in_brackets && !character.value.is_ascii()) {
        let message = format!("`{}` has several bytes, brackets match one byte", wide.value);
        return Err(Fault::new(message, Some("write the choices as `{a,b}`".to_owned())));
    }
    let literal = |characters: &[Character]| -> Box<[u8]> {
        characters.iter().map(|character| character.value).collect::<String>().into_bytes().into()
    };
    let simple = |characters: &[Character]| {
        !characters.iter().any(|one| one.in_brackets || "*?[".chars().any(|meta| one.is_meta(meta)))
    };
    let star = characters.iter().position(|character| character.is_meta('*'));
    match star.map(|star| characters.split_at(star)) {
        None if simple(&characters) => Ok(Part::Literal(literal(&characters))),
        Some((before, [_, after @ ..])) if simple(before) && simple(after) => {
            Ok(Part::Affix(literal(before), literal(after)))
        }
        _ => Ok(Part::Glob(glob(text)?)),
    }
}

fn parsed(text: &str) -> Result<Glob, Fault> {
    let mut builder = GlobBuilder::new(text);
    builder.literal_separator(true).backslash_escape(true).empty_alternates(true);
    builder.build().map_err(|error| Fault::new(error.kind().to_string(), None))
}

fn glob(text: &str) -> Result<GlobSet, Fault> {
    GlobSet::new([parsed(text)?]).map_err(|error| Fault::new(error.kind().to_string(), None))
}

/// Writes out the first braces, and by that all.
fn expand(text: &str, out: &mut Vec<String>) -> Result<(), Fault> {
    let mut depth = 0_usize;
    let mut commas = Vec::new();
    for character in characters(text) {
        if character.is_meta('{') {
            depth = depth.saturating_add(1);
            if depth == 1 {
                commas = vec![character.start];
            }
        } else if character.is_meta(',') && depth == 1 {
            commas.push(character.start);
        } else if character.is_meta('}') {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                commas.push(character.start);
                let (first, last) = (commas.first().copied().unwrap_or_default(), character.start.saturating_add(1));
                let (before, after) = (text.get(..first).unwrap_or_default(), text.get(last..).unwrap_or_default());
                for pair in commas.windows(2) {
                    let [start, end] = pair else { continue };
                    let choice = text.get(start.saturating_add(1)..*end).unwrap_or_default();
                    expand(&format!("{before}{choice}{after}"), out)?;
                }
                return Ok(());
            }
        }
    }
    if out.len() >= ALTERNATIVES {
        return Err(Fault::new(format!("the braces make more than {ALTERNATIVES} patterns of one"), None));
    }
    out.push(text.to_owned());
    Ok(())
}

/// A character of a pattern.
#[derive(Debug, Clone, Copy)]
struct Character {
    value: char,
    /// Byte offset of the character, or of the backslash before it.
    start: usize,
    escaped: bool,
    /// Within `[...]`, the brackets aside.
    in_brackets: bool,
}

impl Character {
    fn is_meta(&self, meta: char) -> bool {
        self.value == meta && !self.escaped && !self.in_brackets
    }
}

fn characters(text: &str) -> impl Iterator<Item = Character> {
    let mut rest = text.char_indices();
    let mut opened: Option<usize> = None;
    std::iter::from_fn(move || {
        let (start, value) = rest.next()?;
        if let Some(first) = opened {
            // The first character after `[`, `[!` or `[^` is a member even where it is `]`.
            let is_first = text.get(first..start).is_some_and(|held| matches!(held, "" | "!" | "^"));
            let closes = value == ']' && !is_first;
            if closes {
                opened = None;
            }
            return Some(Character { value, start, escaped: false, in_brackets: !closes });
        }
        if value == '\\'
            && let Some((_, value)) = rest.next()
        {
            return Some(Character { value, start, escaped: true, in_brackets: false });
        }
        if value == '[' {
            opened = Some(start.saturating_add(1));
        }
        Some(Character { value, start, escaped: false, in_brackets: false })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let shape = |text: &str| -> String {
            let parts: Vec<&str> = parse(text)
                .unwrap_or_else(|fault| panic!("{text}: {}", fault.message))
                .iter()
                .flatten()
                .map(|part| match part {
                    Part::Literal(_) => "literal",
                    Part::Any => "any",
                    Part::Many => "many",
                    Part::Affix(..) => "affix",
                    Part::Glob(_) => "glob",
                })
                .collect();
            parts.join(" ")
        };
        for (text, expected) in [
            ("a", "literal"),
            (r"\*", "literal"),
            ("a/*/**", "literal any many"),
            ("*.wal", "affix"),
            ("a*b", "affix"),
            ("a*b*c", "glob"),
            ("a?", "glob"),
            ("[a]", "glob"),
            ("{a,b*}/c", "literal literal affix literal"),
            ("x{,/**}", "literal literal many"),
            ("{a/,}{b,c}", "literal literal literal literal literal literal"),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn patterns_that_mislead_are_refused() {
        for text in [
            "",
            ".",
            "./",
            "/",
            "./a",
            "/a",
            "a/",
            "a//b",
            "a/./b",
            "a**",
            "**a",
            "a/**b/c",
            "[",
            "{a",
            "a}",
            "[é]",
            "a\\",
            "[b-a]",
            "{a,/}b",
            "{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["a", "**", "a/**", "**/a", "a/**/b", r"\*\*", "[*][*]", "[]a]", "{a/**,b}"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
