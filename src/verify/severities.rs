//! How grave findings are to who runs veritar, where that is not what their codes say.
//!
//! Promises: damage never becomes a pass this way, see [`Code::is_fixed`]. Refuses to know: who set it, and why.

use std::fmt;

use crate::code::{Code, Severity};
use crate::finding::Finding;

/// Severities that were set for codes; of one that was set twice the last counts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Severities(Vec<(&'static Code, Severity)>);

/// A code whose errors stay errors was to be lowered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed(pub &'static Code);

impl fmt::Display for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Code { id, .. } = self.0;
        write!(
            f,
            "{id} cannot be lowered: it says that bytes are damaged or were not read, and such an archive never passes"
        )
    }
}

impl std::error::Error for Fixed {}

impl Severities {
    /// Sets the severity of `code`.
    ///
    /// # Errors
    /// [`Fixed`] where an error must stay one.
    pub fn set(&mut self, code: &'static Code, severity: Severity) -> Result<(), Fixed> {
        if code.is_fixed() && code.severity == Severity::Error && severity < Severity::Error {
            return Err(Fixed(code));
        }
        self.0.push((code, severity));
        Ok(())
    }

    /// The severity that was set for `code`.
    #[must_use]
    pub fn get(&self, code: &'static Code) -> Option<Severity> {
        self.0.iter().rev().find(|(known, _)| std::ptr::eq(*known, code)).map(|(_, severity)| *severity)
    }

    /// The finding as grave as was set for its code.
    #[must_use]
    pub fn applied(&self, finding: Finding) -> Finding {
        match self.get(finding.code) {
            // A code that warns by itself may be met as an error.
            Some(_) if finding.code.is_fixed() && finding.severity == Severity::Error => finding,
            Some(severity) => finding.with_severity(severity),
            None => finding,
        }
    }
}
