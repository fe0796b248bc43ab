//! What was found: one fact or one judgement about the archive, with its place.
//!
//! Promises: a finding carries its code, its severity, a sentence and where it was met. Refuses to know: how findings
//! are gathered, ordered, judged together or shown.

use crate::code::Code;
pub use crate::code::Severity;
use crate::place::Place;

/// Bytes of a message that are kept: names and keys in it may be a megabyte long, and a report holds thousands.
const MESSAGE_BYTES: usize = 4 << 10;

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
        let message = shortened(message.into());
        Self { code, severity: code.severity, message, place, rule: None, why: None, fix: None }
    }

    /// The same with another severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }
}

/// The message, cut where it is longer than anybody reads.
fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MESSAGE_BYTES));
        message.push('…');
        message.shrink_to_fit();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code;

    #[test]
    fn a_message_is_cut_between_two_characters() {
        let of = |message: String| Finding::new(&code::TAR_PADDING, Place::whole(), message).message;
        assert_eq!(of("é".repeat(2048)), "é".repeat(2048));
        assert_eq!(of(format!("a{}", "é".repeat(2048))), format!("a{}…", "é".repeat(2047)));
    }
}
