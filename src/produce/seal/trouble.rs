//! Why an archive could not be sealed.
//!
//! Promises: says what is wrong, with which certificate, and what to do; no passphrase, nor how long one is. Refuses to
//! know: exit codes.

use std::fmt;
use std::io;

use crate::report::escaped;

/// Why an archive could not be sealed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The compressor has no such level.
    Level {
        /// The compressor.
        format: &'static str,
        /// The level asked for.
        given: i64,
        /// The lowest it has.
        lowest: i64,
        /// The highest it has.
        highest: i64,
    },
    /// A lock without a key.
    NoKey,
    /// A passphrase is empty.
    PassphraseEmpty,
    /// A passphrase has a line break or a NUL in it.
    PassphraseLines,
    /// More passphrases and keys than a reader will try.
    TooManyKeys {
        /// So many.
        count: usize,
        /// So many are allowed.
        most: u64,
    },
    /// Nothing can be encrypted to a certificate.
    Certificate {
        /// The name it was given under.
        name: String,
        /// What is wrong with it.
        why: Unfit,
    },
    /// The OpenPGP library refused.
    OpenPgp(String),
    /// The beginning could not be written.
    Write(io::Error),
}

/// Why nothing can be encrypted to a certificate. `who` is its fingerprint, and its user in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// It is no certificate.
    Unreadable(String),
    /// Its own signatures do not hold.
    Invalid {
        /// Whose.
        who: String,
        /// What the library said.
        because: String,
    },
    /// It is revoked.
    Revoked {
        /// Whose.
        who: String,
        /// The reason its owner gave, with a colon before it.
        because: String,
    },
    /// It is not in force now.
    Expired {
        /// Whose.
        who: String,
        /// What the library said.
        because: String,
    },
    /// No key of it can be used to encrypt.
    NoEncryptionKey {
        /// Whose.
        who: String,
        /// Keys that were looked at, each with the reason.
        passed_over: Vec<String>,
    },
    /// It does not say that its owner reads SEIPD version 2.
    NoSeipdV2 {
        /// Whose.
        who: String,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level { format, given, lowest, highest } => {
                write!(f, "{format} has no compression level {given}: give one from {lowest} to {highest}")
            }
            Self::NoKey => f.write_str("nothing to encrypt to: give a passphrase or a certificate"),
            Self::PassphraseEmpty => f.write_str("a passphrase is empty, so anybody could open the archive: give another"),
            Self::PassphraseLines => f.write_str(
                "a passphrase has a line break or a zero byte in it, and other programs would read only what stands before \
                 it: give one line",
            ),
            Self::TooManyKeys { count, most } => {
                write!(f, "{count} passphrases and keys would open the archive, and readers try {most} at most: give fewer")
            }
            Self::Certificate { name, why } => write!(f, "cannot encrypt to {}: {why}", escaped(name.as_bytes())),
            Self::OpenPgp(what) => write!(f, "cannot encrypt: {what}"),
            Self::Write(error) => write!(f, "failed to write the archive's beginning: {error}"),
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(because) => {
                write!(f, "it is no OpenPGP certificate ({because}): give what `gpg --export` writes")
            }
            Self::Invalid { who, because } => {
                write!(f, "{who} is not valid ({because}): ask its owner for a new one")
            }
            Self::Revoked { who, because } => {
                write!(f, "{who} is revoked{because}: ask its owner for a new one")
            }
            Self::Expired { who, because } => {
                write!(
                    f,
                    "{who} is not in force ({because}): ask its owner to extend it, and check this machine's clock"
                )
            }
            Self::NoEncryptionKey { who, passed_over } if passed_over.is_empty() => {
                write!(f, "{who} has no key for encryption: ask its owner to add one")
            }
            Self::NoEncryptionKey { who, passed_over } => {
                let passed_over = passed_over.join("; ");
                write!(f, "{who} has no key for encryption that can be used ({passed_over}): ask its owner to add one")
            }
            Self::NoSeipdV2 { who } => {
                write!(f, "{who} does not say that its owner can read SEIPD version 2: use version 1")
            }
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Write(error) => Some(error),
            _ => None,
        }
    }
}

/// An error of the OpenPGP library with its causes, in one line.
pub(super) fn because(error: &sequoia_openpgp::anyhow::Error) -> String {
    error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
