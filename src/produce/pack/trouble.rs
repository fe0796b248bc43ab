//! What stands in the way of packing, and what is only to be told.
//!
//! Promises: each names the file it is about, and each trouble the next step. Refuses to know: how it is shown.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::tar::write::Unsayable;

/// Something that is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its path in the archive.
    pub path: Vec<u8>,
    /// Why.
    pub why: Why,
}

/// Why something is not in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// A socket: tar has none, and the program that listens makes it anew.
    Socket,
    /// It is mounted there, and one file system was asked for.
    OtherFileSystem,
    /// It was asked to be left out.
    LeftOut,
    /// An attribute alone is missing, its file is there: its name, and what stands in the way.
    Attribute(Vec<u8>, String),
    /// The attributes of a file that is there could not be listed.
    Attributes(String),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket => f.write_str("a socket, which tar cannot hold"),
            Self::OtherFileSystem => f.write_str("what is mounted there is another file system"),
            Self::LeftOut => f.write_str("left out as asked"),
            Self::Attribute(name, why) => write!(f, "its attribute {} is not kept: {why}", name.escape_ascii()),
            Self::Attributes(why) => write!(f, "its attributes could not be listed: {why}"),
        }
    }
}

/// Something that changed while it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its path in the archive.
    pub path: Vec<u8>,
    /// How.
    pub how: Change,
}

/// How something changed while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was listed, and is not there any more, or is another thing each time: it is not in the archive.
    Gone,
    /// It was removed while it was read; it is in the archive.
    Removed,
    /// A file of another size: so many bytes of it are in the archive.
    Size {
        /// Bytes it had, all of which are there.
        announced: u64,
        /// Bytes it has.
        now: u64,
    },
    /// Written to, or given other owners, modes or names: its content may be of two times.
    Touched,
    /// A folder in which names came or went.
    Names,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("gone before it could be read"),
            Self::Removed => f.write_str("removed while it was read"),
            Self::Size { announced, now } => {
                write!(f, "was {announced} bytes and is {now} now: the first {announced} are in the archive")
            }
            Self::Touched => f.write_str("changed while it was read"),
            Self::Names => f.write_str("names came or went while it was read"),
        }
    }
}

/// Why there is no archive.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The directory to pack cannot be opened.
    Root {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The name for the root leads out of where the archive is unpacked.
    Prefix(Vec<u8>),
    /// Something below the root could not be read.
    Read {
        /// Its path in the archive.
        path: Vec<u8>,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// A file became shorter than its header says.
    Shrank {
        /// Its path in the archive.
        path: Vec<u8>,
        /// Bytes that the header says.
        announced: u64,
        /// Bytes that were there.
        got: u64,
    },
    /// Something cannot be written in tar.
    Unsayable {
        /// Its path in the archive.
        path: Vec<u8>,
        /// Why.
        why: Unsayable,
    },
    /// The archive could not be written.
    Write(io::Error),
    /// It was asked to stop.
    Stopped,
}

impl Trouble {
    pub(super) fn read(path: &[u8], doing: &'static str, error: impl Into<io::Error>) -> Self {
        Self::Read { path: path.to_vec(), doing, error: error.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root { path, error } => {
                let path = path.as_os_str().as_encoded_bytes().escape_ascii();
                write!(
                    f,
                    "failed to open the directory {path}: {error}; check that it is the right one on this machine"
                )
            }
            Self::Prefix(prefix) => {
                let prefix = prefix.escape_ascii();
                write!(f, "failed to use {prefix} as the name of the root: give a relative path without \"..\"")
            }
            Self::Read { path, doing, error } => {
                write!(f, "failed to {doing} {}: {error}; ", path.escape_ascii())?;
                f.write_str(match error.kind() {
                    io::ErrorKind::PermissionDenied => "run this as a user who may read everything there, such as root",
                    _ => "a backup without it would not be whole: check the disk and the system log",
                })
            }
            Self::Shrank { path, announced, got } => {
                let path = path.escape_ascii();
                write!(f, "failed to read {path} whole: it had {announced} bytes and ends at {got} now; ")?;
                f.write_str("stop what writes there, or pack a snapshot of it")
            }
            Self::Unsayable { path, why } => {
                write!(f, "failed to write {} as tar: {why}; rename it or move it away", path.escape_ascii())
            }
            Self::Write(error) => write!(f, "failed to write the archive: {error}"),
            Self::Stopped => f.write_str("stopped before the archive was whole, as asked"),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Root { error, .. } | Self::Read { error, .. } | Self::Write(error) => Some(error),
            Self::Unsayable { why, .. } => Some(why),
            Self::Prefix(_) | Self::Shrank { .. } | Self::Stopped => None,
        }
    }
}
