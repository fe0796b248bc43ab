//! Rules: what an archive of a product must hold, judged while its entries stream by.
//!
//! ```text
//!   text ──file──► RuleFile ──check──► RuleSet ──┐
//!                  (spans)             (valid)   ├─► Judge ── entry, entry, … ──► conclude ──► Judgement
//!   rules/*.toml ──catalog───────────► RuleSet ──┘
//! ```
//! An archive is read once, and what it is becomes clear on the way: so every candidate is watched from the first entry
//! on, all their patterns in one automaton, and the choice is made at the end.
//!
//! Promises: a [`RuleSet`] cannot be invalid, and a file that is has all its problems told at once; the judgement does
//! not depend on the order of the entries, but for the order of findings, for which of many findings of one code are
//! kept, and for what the member graph finds. What grows while judging: a counter a rule, at most [`findings_per_code`](Limits::findings_per_code) hits a
//! code, set and severity, and the member graph. Refuses to know: that there is tar, how entries are read, what their
//! extraction would do (the graph knows), and how findings are shown.

mod across;
pub mod catalog;
mod check;
mod choose;
mod conclude;
pub mod draft;
mod file;
mod fresh;
mod gather;
mod inherit;
mod judge;
mod matcher;
mod numbers;
mod pairs;
mod pattern;
mod problem;
mod rafts;
mod relate;
mod screen;
mod seen;
mod set;
mod table;
mod together;
mod value;
mod verdict;
mod when;
mod words;

pub use judge::{Judge, Wanted};
pub use problem::{RuleErrors, RuleProblem};
pub use set::RuleSet;
// One table of a TOML file read key by key, for the other files that people write.
pub(crate) use problem::Problems;
pub(crate) use table::{At, Table, nearest};

use std::sync::Arc;

use crate::finding::Finding;
use crate::limits::Limits;

/// Reads a rule file; `name` is what complaints call it. It may extend a built-in rule set.
///
/// # Errors
/// [`RuleErrors`] with every problem of the file, where it has one.
pub fn parse(name: &str, text: &str, limits: &Limits) -> Result<RuleSet, RuleErrors> {
    parse_with(name, text, limits, &catalog::base)
}

/// The same, where `bases` gives the rule sets that it may extend, or says why not.
///
/// # Errors
/// [`RuleErrors`] with every problem of the file, where it has one.
pub fn parse_with(name: &str, text: &str, limits: &Limits, bases: Bases<'_>) -> Result<RuleSet, RuleErrors> {
    let problems = Problems::default();
    let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
    let set = if length > limits.rule_file_bytes {
        let limit = limits.rule_file_bytes;
        problems.syntax(0..0, format!("the rule file has {length} bytes, the limit rule-file-bytes is {limit}"));
        None
    } else {
        let file = file::read(text, &problems);
        let base = file.extends.as_ref().map(|id| (id.span.clone(), bases(&id.value)));
        match base {
            Some((span, Err(message))) => {
                problems.wrong(&span, message);
                None
            }
            Some((_, Ok(base))) => check::check(file, Some(base), name, text, &problems),
            None => check::check(file, None, name, text, &problems),
        }
    };
    set.filter(|_| problems.is_empty()).ok_or_else(|| problems.into_errors(name, text))
}

/// Gives the rule set that `extends` names, or says in a fragment why there is none.
pub type Bases<'b> = &'b dyn Fn(&str) -> Result<Arc<RuleSet>, String>;

/// How the rule sets that judge are chosen among the candidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The one that recognises the layout. Of several, the most specific: the highest `priority`, then the most
    /// patterns of `[detect]` matched, then the first identifier in alphabetical order.
    Auto,
    /// All of them: they were asked for by name.
    Named,
}

/// What became known about the archive as a whole once it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveForm {
    /// Whether it was encrypted.
    pub encrypted: bool,
    /// Entries as `tar --list` counts them, directories included.
    pub entries: u64,
    /// Whether it was read to its end; if not, what it must hold is not judged.
    pub complete: bool,
    /// How it ends.
    pub end_marker: EndMarker,
    /// Bytes after the end marker that are more than padding with zeros.
    pub trailing_bytes: u64,
    /// Name of the file it was read from, without folders.
    pub file_name: Option<String>,
    /// Bytes of the file.
    pub bytes: u64,
    /// Bytes of the backup before, where it was given to compare with.
    pub previous_bytes: Option<u64>,
}

/// The end-of-archive marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndMarker {
    /// Two blocks of zeros.
    Whole,
    /// One.
    Short,
    /// None.
    Missing,
}

/// What the rules say about one archive.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// The rule sets that judged; none where no set recognised the layout.
    pub judged: Vec<Judged>,
    /// What they found; [`Finding::rule`] is `set#rule`, or `set#archive.key` for what `[archive]` asks for.
    pub findings: Vec<Finding>,
    /// What the archive holds of the product's data, and what it does not hold by design.
    pub coverage: Vec<Coverage>,
}

/// One rule set that judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// [`RuleSet::id`].
    pub id: String,
    /// [`RuleSet::title`].
    pub title: String,
    /// [`RuleSet::product`].
    pub product: String,
    /// What was captured, by group, in the order of the file. May hold text from the archive.
    pub captures: Vec<(String, String)>,
    /// Why it was chosen: a lower-case fragment.
    pub why: String,
}

/// One line of a product's table of what is backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The rule set that says so.
    pub set: String,
    /// What it is about.
    pub data: String,
    /// Whether the archive holds it.
    pub status: Status,
    /// Which other backup does, where it does not.
    pub covered_by: Option<String>,
    /// What else is to be said, contradictions of the manual named.
    pub note: Option<String>,
}

/// Whether a kind of data is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// It is.
    Included,
    /// It is not, and that is how the product makes its backups.
    AbsentByDesign,
}

impl Status {
    /// The word used in rule files and in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Included => "included",
            Self::AbsentByDesign => "absent-by-design",
        }
    }

    /// The status that has this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Included, Self::AbsentByDesign].into_iter().find(|status| status.as_str() == word)
    }
}
