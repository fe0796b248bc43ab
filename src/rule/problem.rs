//! What is wrong with a rule file: every problem at once, each with line, column, the line itself and a caret.
//!
//! Promises: problems stand in the order of the file; text from the file is shown with its control characters
//! escaped; rendering cannot fail whatever the file holds. Refuses to know: what the keys mean.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// Problems of one file that are kept apart; a binary taken for a rule file has one on every line.
const KEPT: usize = 100;

/// Everything that is wrong with one rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleErrors {
    name: String,
    text: String,
    problems: Vec<RuleProblem>,
    dropped: usize,
}

/// One thing that is wrong with a rule file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
    /// The bytes of the file that are meant.
    pub span: Range<usize>,
}

impl RuleErrors {
    /// The file's name, as it was given to the parser.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The problems in the order of the file; at most 100 are kept apart.
    #[must_use]
    pub fn problems(&self) -> &[RuleProblem] {
        &self.problems
    }

    /// Every problem with its line and a caret, in colour; `Display` gives the same without.
    #[must_use]
    pub fn styled(&self) -> String {
        self.render(&Renderer::styled().decor_style(DecorStyle::Ascii))
    }

    fn render(&self, renderer: &Renderer) -> String {
        let mut out = String::new();
        for problem in &self.problems {
            if !out.is_empty() {
                out.push_str("\n\n");
            }
            out.push_str(&problem.render(renderer, &self.name, &self.text));
        }
        if self.dropped > 0 {
            out.push_str(&format!("\n\nand {} further problems in {}", self.dropped, visible(&self.name)));
        }
        out
    }
}

impl fmt::Display for RuleErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for RuleErrors {}

impl RuleProblem {
    fn render(&self, renderer: &Renderer, name: &str, text: &str) -> String {
        let line = line_around(text, self.span.start);
        let shown = text.get(line.clone()).unwrap_or_default();
        let start = self.span.start.saturating_sub(line.start).min(shown.len());
        let end = self.span.end.saturating_sub(line.start).clamp(start, shown.len());
        let snippet = Snippet::source(shown)
            .line_start(self.line)
            .path(visible(name))
            .annotation(AnnotationKind::Primary.span(start..end));
        let mut group = Level::ERROR.primary_title(visible(&self.message)).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(visible(help)));
        }
        renderer.render(&[group])
    }
}

/// Where problems are gathered while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: RefCell<Vec<Found>>,
    syntax: Cell<bool>,
}

#[derive(Debug)]
struct Found {
    span: Range<usize>,
    message: String,
    help: Option<String>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The text is not TOML there.
    Syntax,
    /// Something that must be there is not; not believed where the syntax is broken.
    Absent,
    /// Something that is there is wrong.
    Wrong,
}

impl Problems {
    pub(crate) fn syntax(&self, span: Range<usize>, message: impl Into<String>) {
        self.syntax.set(true);
        self.add(span, message.into(), None, Kind::Syntax);
    }

    pub(crate) fn absent(&self, span: Range<usize>, message: impl Into<String>) {
        self.add(span, message.into(), None, Kind::Absent);
    }

    pub(crate) fn absent_with_help(&self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(span, message.into(), Some(help.into()), Kind::Absent);
    }

    pub(crate) fn wrong(&self, span: &Range<usize>, message: impl Into<String>) {
        self.add(span.clone(), message.into(), None, Kind::Wrong);
    }

    pub(crate) fn wrong_with_help(&self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.add(span.clone(), message.into(), Some(help.into()), Kind::Wrong);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }

    /// The problems as they are told. Where the syntax is broken, what follows from that is left out: keys that seem
    /// to be missing, and everything else on the broken lines.
    pub(crate) fn into_errors(self, name: &str, text: &str) -> RuleErrors {
        if self.is_empty() {
            self.syntax(0..0, "the rule file could not be read");
        }
        let mut found = self.found.into_inner();
        if self.syntax.get() {
            let broken: Vec<Range<usize>> = found
                .iter()
                .filter(|problem| problem.kind == Kind::Syntax)
                .map(|problem| line_around(text, problem.span.start))
                .collect();
            found.retain(|problem| match problem.kind {
                Kind::Syntax => true,
                Kind::Absent => false,
                Kind::Wrong => !broken.contains(&line_around(text, problem.span.start)),
            });
        }
        found.sort_by_key(|problem| problem.span.start);
        let dropped = found.len().saturating_sub(KEPT);
        found.truncate(KEPT);
        let problems = found.into_iter().map(|problem| problem.placed(text)).collect();
        RuleErrors { name: name.to_owned(), text: text.to_owned(), problems, dropped }
    }

    fn add(&self, span: Range<usize>, message: String, help: Option<String>, kind: Kind) {
        self.found.borrow_mut().push(Found { span, message, help, kind });
    }
}

impl Found {
    fn placed(self, text: &str) -> RuleProblem {
        let start = boundary(text, self.span.start);
        let end = boundary(text, self.span.end).max(start);
        let line = line_around(text, start);
        RuleProblem {
            line: text.as_bytes().iter().take(line.start).filter(|byte| **byte == b'\n').count().saturating_add(1),
            column: text.get(line.start..start).unwrap_or_default().chars().count().saturating_add(1),
            message: self.message,
            help: self.help,
            span: start..end,
        }
    }
}

/// The largest index that is at most `at` and does not split a character.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// The line that holds byte `at`, without its line ending.
fn line_around(text: &str, at: usize) -> Range<usize> {
    let at = boundary(text, at);
    let before = text.get(..at).unwrap_or_default();
    let after = text.get(at..).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |index| index.saturating_add(1));
    let length = after.find('\n').unwrap_or(after.len());
    let end = at.saturating_add(length);
    match text.get(start..end) {
        Some(line) if line.ends_with('\r') && end > at => start..end.saturating_sub(1),
        _ => start..end,
    }
}

/// The text with its control characters escaped.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            out.extend(character.escape_debug());
        } else {
            out.push(character);
        }
    }
    out
}
