//! Files under hidden names: what is being written, and what dead runs left of it.
//!
//! Promises: a hidden file is new and its owner's alone; only what no living run holds is removed. Refuses to know: which
//! of them are archives.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::Trouble;
use super::dir::{self, Dir};
use super::name;

/// How often a name that is to be unique is drawn.
const TRIES: usize = 8;

/// A file that a run which died, or which still lives without the lock, never finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is, or was.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Whether it was removed: it stays where another user owns it or a process still has it open for writing.
    pub removed: bool,
}

/// Creates a hidden file for what will be `name`.
pub(super) fn create(dir: &Dir, name: &str) -> Result<(String, File), Trouble> {
    let mut tries = TRIES;
    loop {
        let partial = name::partial(name);
        tries -= 1;
        match dir.create(&partial) {
            Ok(file) => return Ok((partial, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tries > 0 => {}
            Err(error) => return Err(Trouble::System { doing: "create", path: dir.at(&partial), error }),
        }
    }
}

/// Removes what dead runs left. Only called with the folder's lock.
pub(super) fn sweep(dir: &Dir) -> Result<Vec<Leftover>, Trouble> {
    let mut leftovers = Vec::new();
    for partial in dir.names()?.into_iter().filter(|name| name::is_partial(name)) {
        let path = dir.at(&partial);
        let Some(stat) = dir.stat(&partial).map_err(Trouble::when("look at", path.clone()))? else { continue };
        let is_ours = dir::is_file(&stat) && stat.st_uid == rustix::process::geteuid().as_raw();
        // Somebody may have removed the lock of a run that is alive: that run still holds its file.
        let is_dead = is_ours && dir.read(&partial).is_ok_and(|file| file.try_lock().is_ok());
        let removed = is_dead && dir.remove(&partial).is_ok();
        leftovers.push(Leftover { path, bytes: dir::bytes(&stat), removed });
    }
    Ok(leftovers)
}

/// A small file that is on the disk and has no name yet.
pub(super) struct Hidden<'a> {
    dir: &'a Dir,
    name: &'a str,
    partial: String,
}

impl<'a> Hidden<'a> {
    pub(super) fn write(dir: &'a Dir, name: &'a str, bytes: &[u8]) -> Result<Self, Trouble> {
        let (partial, mut file) = create(dir, name)?;
        let hidden = Self { dir, name, partial };
        let path = || dir.at(&hidden.partial);
        file.write_all(bytes).map_err(Trouble::when("write", path()))?;
        file.sync_all().map_err(Trouble::when("bring to the disk (fsync)", path()))?;
        Ok(hidden)
    }

    pub(super) fn claim(&self) -> Result<(), Trouble> {
        self.dir.claim(&self.partial, self.name)
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // There is nothing of this name once it has been claimed.
        let _ = self.dir.remove(&self.partial);
    }
}
