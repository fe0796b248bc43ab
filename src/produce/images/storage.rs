//! A registry's storage, looked through before it is packed: whether it is one, and how much there is.
//!
//! Promises: links are not followed; a folder that goes away meanwhile is none; the estimate is rather too high than too
//! low. Refuses to know: what the blobs hold.

use std::fs::DirEntry;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::produce::{Trouble, World};
use crate::report::name;

/// Where a registry has its blobs and repositories.
const HOME: &str = "docker/registry/v2";

/// Bytes of a block.
const BLOCK: u64 = 512;

/// Blocks in front of the content: long names and times with nanoseconds need an extension header and its records.
const HEADER_BLOCKS: u64 = 3;

/// Bytes of a record: the archive ends with a whole one.
const RECORD: u64 = 10_240;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Storage {
    /// Files.
    pub(super) files: u64,
    /// Bytes of a tar of it all.
    pub(super) tar_bytes: u64,
    by_id: bool,
    by_digest: bool,
}

impl Storage {
    /// Looks through the directory at `root`.
    ///
    /// # Errors
    /// It cannot be looked through, or is no storage of a registry; or veritar was asked to stop.
    pub(super) fn look(root: &Path, world: &World) -> Result<Self, Trouble> {
        let home = root.join(HOME);
        match home.symlink_metadata() {
            Ok(found) if found.is_dir() => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(unreadable(&home, &error)),
            _ => return Err(no_storage(root)),
        }
        let mut storage = Self {
            by_id: home.join("blobs/id").is_dir(),
            by_digest: home.join("blobs/sha256").is_dir(),
            ..Self::default()
        };
        if !storage.by_id && !storage.by_digest {
            return Err(Trouble::Refused(format!(
                "{} holds no blobs: nothing was pushed to this registry yet, or its images are elsewhere; see its storage settings",
                name(home.as_os_str().as_encoded_bytes())
            )));
        }
        storage.member(0);
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            world.may_go_on()?;
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(unreadable(&folder, &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| unreadable(&folder, &error))?;
                folders.extend(storage.entry(&entry).map_err(|error| unreadable(&entry.path(), &error))?);
            }
        }
        storage.tar_bytes = storage.tar_bytes.saturating_add(2 * BLOCK).next_multiple_of(RECORD);
        Ok(storage)
    }

    /// What lies there, in words.
    pub(super) fn layout(&self) -> &'static str {
        match (self.by_id, self.by_digest) {
            (true, true) => "blobs by id, and by digest",
            (true, false) => "blobs by id",
            (false, _) => "blobs by digest",
        }
    }

    /// A folder is given back to be looked through.
    fn entry(&mut self, entry: &DirEntry) -> io::Result<Option<PathBuf>> {
        let found = match entry.metadata() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if found.is_file() {
            self.files += 1;
            // Holes are not stored.
            self.member(found.size().min(found.blocks().saturating_mul(BLOCK).max(BLOCK)));
        } else {
            self.member(0);
        }
        Ok(found.is_dir().then(|| entry.path()))
    }

    fn member(&mut self, content: u64) {
        let bytes = content.div_ceil(BLOCK).saturating_add(HEADER_BLOCKS).saturating_mul(BLOCK);
        self.tar_bytes = self.tar_bytes.saturating_add(bytes);
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Trouble {
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
