//! Reports: outcomes as sentences for people and as documents for programs.
//!
//! Promises: every byte that came from an archive is escaped; documents are versioned and own their structures. Refuses to
//! know: tar, layers, rules: it sees outcomes and rows only.

mod block;
mod escape;
pub mod json;
pub mod listing;
pub mod schema;
mod text;
mod wrapping;

pub use block::{Block, block};
pub use escape::{Escaped, escaped, name, sentence};
pub use text::{explain, text, verdict};
pub use wrapping::wrapping;

use crate::verify::{Outcome, Verdict};

/// What became of one archive, readable or not.
#[derive(Debug)]
pub enum Result {
    /// It was looked at.
    Looked(Box<Outcome>),
    /// It could not be.
    Error {
        /// The archive's name.
        source: String,
        /// Why.
        message: String,
    },
}

/// The verdict over several archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overall {
    /// All pass.
    Pass,
    /// At least one is bad.
    Fail,
    /// At least one is undecided, none is bad.
    Inconclusive,
    /// At least one could not be read, none is bad.
    Error,
}

impl Overall {
    /// The word used in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
        }
    }

    /// Of one result.
    #[must_use]
    pub fn of(result: &Result) -> Self {
        match result {
            Result::Error { .. } => Self::Error,
            Result::Looked(outcome) => match outcome.verdict {
                Verdict::Pass => Self::Pass,
                Verdict::Fail => Self::Fail,
                Verdict::Inconclusive => Self::Inconclusive,
            },
        }
    }

    /// Over all of them. No result at all is no pass.
    #[must_use]
    pub fn over(results: &[Result]) -> Self {
        let all: Vec<Self> = results.iter().map(Self::of).collect();
        let gravest = [Self::Fail, Self::Error, Self::Inconclusive].into_iter().find(|one| all.contains(one));
        match gravest {
            Some(gravest) => gravest,
            None if all.is_empty() => Self::Inconclusive,
            None => Self::Pass,
        }
    }
}

/// A count of bytes for people.
pub(crate) fn human_bytes(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut value, mut unit) = (bytes, None);
    let mut rest = 0;
    for name in units {
        if value < 1024 {
            break;
        }
        rest = value % 1024;
        value /= 1024;
        unit = Some(name);
    }
    match unit {
        None => format!("{bytes} bytes"),
        Some(unit) => format!("{value}.{} {unit}", rest * 10 / 1024),
    }
}
