//! Exit codes, and what leads to those that are no verdict.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | pass: every byte was read and every check passed |
//! | 1 | fail: an archive is damaged, tampered with, truncated, or breaks a rule; or it holds no member that `cat` names |
//! | 2 | usage: bad options, an unreadable or invalid rule file or secret |
//! | 3 | inconclusive: no or a wrong passphrase, an unsupported format, no rule set fits, a limit was reached |
//! | 4 | input or output: a source could not be read or a destination not be written; the only one worth a retry |
//! | 129, 130, 131, 143 | SIGHUP, SIGINT, SIGQUIT, SIGTERM: a backup was ended in good order |
//!
//! Promises: with several archives 1 before 4 before 3 before 0. Refuses to know: which command ran.

use std::fmt;
use std::io;
use std::process::ExitCode;

use super::output;
use crate::error::Error;
use crate::report::{Overall, sentence};
use crate::rule::RuleErrors;

/// An exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Pass,
    /// 1
    Fail,
    /// 2
    Usage,
    /// 3
    Inconclusive,
    /// 4
    InputOutput,
    /// 128 and the number of the signal that ended the work.
    Signal(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Pass => 0,
            Exit::Fail => 1,
            Exit::Usage => 2,
            Exit::Inconclusive => 3,
            Exit::InputOutput => 4,
            Exit::Signal(number) => number.saturating_add(128),
        })
    }
}

impl From<Overall> for Exit {
    fn from(overall: Overall) -> Self {
        match overall {
            Overall::Pass => Self::Pass,
            Overall::Fail => Self::Fail,
            Overall::Inconclusive => Self::Inconclusive,
            Overall::Error => Self::InputOutput,
        }
    }
}

/// Why a command ended without a verdict.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Something on the command line or named by it is wrong.
    Usage(String),
    /// A rule file is invalid.
    Rules(RuleErrors),
    /// Something could not be read or written.
    InputOutput(String),
    /// Whoever read the output is gone.
    ClosedPipe,
}

impl Trouble {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Rules(_) => Exit::Usage,
            Self::InputOutput(_) | Self::ClosedPipe => Exit::InputOutput,
        }
    }

    /// Says it on standard error.
    pub(super) fn print(&self) {
        match self {
            Self::Usage(message) | Self::InputOutput(message) => output::complain(message),
            Self::Rules(errors) => output::complain_at_length(errors),
            Self::ClosedPipe => {}
        }
    }

    /// Failing to write output.
    pub(super) fn output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::ClosedPipe
        } else {
            Self::InputOutput(format!("failed to write the output: {error}"))
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let message = sentence(&error.to_string());
        match error {
            Error::Secret(_) => Self::Usage(message),
            _ => Self::InputOutput(message),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}
