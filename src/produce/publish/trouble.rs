//! Why an archive did not get its name, or a folder could not be used.
//!
//! Promises: every sentence names the place and ends with what to do next; names that others chose are escaped. Refuses
//! to know: exit codes.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::name as shown;

/// Why an archive did not get its name, or a folder could not be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// The name is none for an archive.
    Name {
        /// The name.
        name: String,
        /// What it must be.
        why: &'static str,
    },
    /// Another run works in the folder.
    Busy {
        /// The lock that it holds.
        lock: PathBuf,
        /// What it wrote there about itself.
        holder: String,
    },
    /// There is something under the name already; nothing is ever overwritten.
    Taken {
        /// What is there.
        path: PathBuf,
    },
    /// The file system has not enough room.
    Space {
        /// The folder.
        folder: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// Bytes that must be.
        wanted: u64,
    },
    /// The folder's file system can put no name in place without overwriting, or lacks locks.
    Unfit {
        /// The folder.
        folder: PathBuf,
        /// What it cannot do.
        lacks: &'static str,
        /// What the system said.
        error: io::Error,
    },
    /// What lies in the folder is not what was written, or must not be published.
    Refused {
        /// The file concerned.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The archive has its name, something failed after that, and the name could not be taken back.
    Stranded {
        /// The archive.
        path: PathBuf,
        /// What failed first.
        first: Box<Trouble>,
        /// What the system said when the name was to be taken back.
        error: io::Error,
    },
    /// The system declined.
    System {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

impl Trouble {
    /// For `map_err`: the system declined `doing` to `path`.
    pub(super) fn when(doing: &'static str, path: PathBuf) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::System { doing, path, error }
    }

    /// Whether there is no room left, on the disk or for the user.
    pub(super) fn is_lack_of_room(&self) -> bool {
        matches!(self.kind(), Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// What the system said, where it said something.
    #[must_use]
    pub fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Unfit { error, .. } | Self::Stranded { error, .. } | Self::System { error, .. } => Some(error.kind()),
            _ => None,
        }
    }
}

impl From<Trouble> for io::Error {
    /// For what writes through [`io::Write`]; [`io::Error::downcast`] gives the trouble back.
    fn from(trouble: Trouble) -> Self {
        Self::new(trouble.kind().unwrap_or(io::ErrorKind::Other), trouble)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name, why } => write!(f, "{:?} cannot name an archive: {why}", shown(name.as_bytes())),
            Self::Busy { lock, holder } => {
                write!(f, "another run works in this folder: {} is held by {holder}; wait for it to end", path(lock))
            }
            Self::Taken { path: there } => {
                write!(f, "{} exists and is not overwritten; choose another name or move it away", path(there))
            }
            Self::Space { folder, free, wanted } => write!(
                f,
                "{} has {free} bytes free and {wanted} are needed; make room there or choose another folder",
                path(folder)
            ),
            Self::Unfit { folder, lacks, error } => write!(
                f,
                "the file system of {} {lacks} ({error}); write to another folder and copy the archive from there",
                path(folder)
            ),
            Self::Refused { path: file, why } => write!(f, "{} is not published: {why}", path(file)),
            Self::Stranded { path: archive, first, error } => write!(
                f,
                "{first}; {} could not be taken out of the way ({error}): do not rely on it, and move it aside",
                path(archive)
            ),
            Self::System { doing, path: file, error } => {
                write!(f, "failed to {doing} {}: {error}", path(file))?;
                next_step(error).map_or(Ok(()), |next| write!(f, "; {next}"))
            }
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unfit { error, .. } | Self::System { error, .. } => Some(error),
            Self::Stranded { first, .. } => Some(first.as_ref()),
            _ => None,
        }
    }
}

fn path(path: &Path) -> String {
    shown(path.as_os_str().as_encoded_bytes())
}

/// What helps against an error of the system.
fn next_step(error: &io::Error) -> Option<&'static str> {
    // Some systems say EIO in no kind of its own.
    if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) {
        return Some("the disk may be failing: see the system's log, and write to another one");
    }
    Some(match error.kind() {
        io::ErrorKind::StorageFull => "make room there or choose another folder",
        io::ErrorKind::QuotaExceeded => "the quota is used up: make room there or choose another folder",
        io::ErrorKind::FileTooLarge => "raise the limit on file sizes (ulimit -f) or choose another file system",
        io::ErrorKind::PermissionDenied => "run as a user who may write there, or choose another folder",
        io::ErrorKind::ReadOnlyFilesystem => "mount it for writing or choose another folder",
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            "the folder must exist before and until the run has ended: is its disk mounted?"
        }
        _ => return None,
    })
}
