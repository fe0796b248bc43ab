//! Why an archive could not be looked at. A broken archive is no error: it is an [`Outcome`](crate::verify::Outcome).
//!
//! Promises: every error names what it was about. Refuses to know: exit codes.

use std::fmt;
use std::io;

/// Why an archive could not be looked at.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The archive could not be read to its end.
    Input {
        /// Its name.
        source: String,
        /// What the system said.
        error: io::Error,
    },
    /// A secret could not be fetched.
    Secret(io::Error),
    /// The reader lost count of the archive's bytes: a defect of veritar, and no reason to believe anything.
    Unaccounted {
        /// Its name.
        source: String,
        /// Bytes read.
        read: u64,
        /// Bytes booked.
        booked: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { source, error } => write!(f, "failed to read {source}: {error}"),
            Self::Secret(error) => write!(f, "failed to fetch a secret: {error}"),
            Self::Unaccounted { source, read, booked } => {
                write!(
                    f,
                    "failed to account for every byte of {source}: {read} read, {booked} booked; please report this"
                )
            }
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Input { error, .. } | Self::Secret(error) => Some(error),
            Self::Unaccounted { .. } => None,
        }
    }
}
