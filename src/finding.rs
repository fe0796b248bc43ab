//! What was found: one fact or one judgement about the archive, with its place.
//!
//! Promises: a finding carries its code, its severity, a sentence and where it was met. Refuses to know: how findings
//! are gathered, ordered, judged together or shown.

use crate::code::Code;
use crate::place::Place;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Does not fail the archive, but somebody should look.
    Warning,
    /// The archive does not pass.
    Error,
}

impl Severity {
    /// The word used in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing it is.
    pub code: &'static Code,
    /// How grave it is here; a rule may judge otherwise than the code's default.
    pub severity: Severity,
    /// What happened, with the figures: a lower-case fragment. May hold bytes from the archive; outputs escape it.
    pub message: String,
    /// Where.
    pub place: Place,
    /// The rule that judged, as `set#rule`.
    pub rule: Option<String>,
    /// Why it matters here, where the rule says it better than the code.
    pub why: Option<String>,
    /// What to do, where the rule says it better than the code.
    pub fix: Option<String>,
}

impl Finding {
    /// A finding of `code` with that code's own severity.
    #[must_use]
    pub fn new(code: &'static Code, place: Place, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity, message: message.into(), place, rule: None, why: None, fix: None }
    }

    /// The same with another severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}
