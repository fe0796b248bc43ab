//! A registry's storage, looked at before it is packed: whether it is one, and how it keeps its blobs.
//!
//! Promises: a directory that is no storage, or an empty one, is told from one that may not be read. Refuses to know: what the
//! blobs hold.

use std::io;
use std::path::Path;

use crate::produce::Trouble;
use crate::report::name;

/// Where a registry has its blobs and repositories.
const HOME: &str = "docker/registry/v2";

/// How the storage at `root` keeps its blobs, in words.
///
/// # Errors
/// It cannot be looked at, or is no storage of a registry, or is an empty one.
pub(super) fn layout(root: &Path) -> Result<&'static str, Trouble> {
    let home = root.join(HOME);
    match home.symlink_metadata() {
        Ok(found) if found.is_dir() => {}
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(unreadable(&home, &error)),
        _ => return Err(no_storage(root)),
    }
    match (home.join("blobs/id").is_dir(), home.join("blobs/sha256").is_dir()) {
        (true, true) => Ok("blobs by id, and by digest"),
        (true, false) => Ok("blobs by id"),
        (false, true) => Ok("blobs by digest"),
        (false, false) => Err(Trouble::Refused(format!(
            "{} holds no blobs: nothing was pushed to this registry yet, or its images are elsewhere; see its storage settings",
            name(home.as_os_str().as_encoded_bytes())
        ))),
    }
}

/// What could not be read, and who can.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Trouble {
    let path = name(path.as_os_str().as_encoded_bytes());
    let next = match error.kind() {
        io::ErrorKind::PermissionDenied => "run this as a user who may read everything there, such as root",
        _ => "check the disk, the mount and the system log",
    };
    Trouble::Refused(format!("failed to look through {path}: {error}; {next}"))
}

fn no_storage(root: &Path) -> Trouble {
    let shown = name(root.as_os_str().as_encoded_bytes());
    let why = match root.metadata() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return unreadable(root, &error),
        Err(_) => "is not there: give the right directory, on the machine that has it",
        Ok(found) if !found.is_dir() => "is no directory: give the one with docker/registry/v2 in it",
        Ok(_) => {
            "holds no docker/registry/v2: give the directory with it; if there is none, the images are elsewhere (in the storage of a cloud provider, or on a share that is not mounted), or nothing was pushed yet"
        }
    };
    Trouble::Refused(format!("{shown} {why}"))
}
