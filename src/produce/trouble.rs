//! Why there is no backup, or one with something wrong beside it.
//!
//! Promises: every trouble names the place and ends with what to do next. Refuses to know: exit codes.

use std::fmt;

use super::{pack, publish, run, seal};
use crate::error::Error;

/// Why there is no backup, or what is wrong beside it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// A program did not do what it was run for.
    Run(run::Trouble),
    /// A directory could not be packed.
    Pack(pack::Trouble),
    /// The archive could not be sealed.
    Seal(seal::Trouble),
    /// The archive could not be written, or not be given its name.
    Publish(publish::Trouble),
    /// It could not be verified.
    Verify(Error),
    /// Something typed does not fit what is there. A sentence with the next step.
    Usage(String),
    /// What was found speaks against it, or a product says no. A sentence with the next step.
    Refused(String),
    /// veritar was asked to stop.
    Stopped,
}

impl Trouble {
    /// Whether veritar was asked to stop, wherever that was noticed.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        match self {
            Self::Stopped | Self::Pack(pack::Trouble::Stopped) => true,
            Self::Run(trouble) => matches!(trouble.cause, run::Cause::Stopped),
            _ => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(trouble) => trouble.fmt(f),
            Self::Pack(trouble) => trouble.fmt(f),
            Self::Seal(trouble) => trouble.fmt(f),
            Self::Publish(trouble) => trouble.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::Usage(sentence) | Self::Refused(sentence) => f.write_str(sentence),
            Self::Stopped => f.write_str("veritar was asked to stop; run it again when it suits"),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Run(trouble) => trouble.source(),
            Self::Pack(trouble) => trouble.source(),
            Self::Seal(trouble) => trouble.source(),
            Self::Publish(trouble) => trouble.source(),
            Self::Verify(error) => error.source(),
            Self::Usage(_) | Self::Refused(_) | Self::Stopped => None,
        }
    }
}

impl From<run::Trouble> for Trouble {
    fn from(trouble: run::Trouble) -> Self {
        Self::Run(trouble)
    }
}

impl From<pack::Trouble> for Trouble {
    fn from(trouble: pack::Trouble) -> Self {
        Self::Pack(trouble)
    }
}

impl From<seal::Trouble> for Trouble {
    fn from(trouble: seal::Trouble) -> Self {
        Self::Seal(trouble)
    }
}

impl From<publish::Trouble> for Trouble {
    fn from(trouble: publish::Trouble) -> Self {
        Self::Publish(trouble)
    }
}
