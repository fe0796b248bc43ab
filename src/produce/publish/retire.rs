//! Which archives are past their time, and deleting them.
//!
//! Archives are told and ordered by their sidecars: of one family, by the number that each run gave its archive. The time
//! that a sidecar tells counts for the age alone, and the age is counted to the newest archive of the family or to now,
//! whichever is earlier: when backups stop, or a clock runs ahead, nothing grows old.
//!
//! Promises: an archive goes only when enough newer ones passed, the last good one never; nothing without a sidecar that
//! names it is touched; an archive goes before its sidecar, so that what a crash leaves is found again. Refuses to know:
//! what makes an archive good.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dir::{self, Dir};
use super::sidecar::{self, Described};
use super::{Folder, Trouble, name};

/// Which archives of a family are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Keep {
    /// The newest so many that passed; none counts as one.
    pub count: Option<usize>,
    /// Those not older than this.
    pub age: Option<Duration>,
}

/// What became of a family's archives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retired {
    /// Archives that are past their time, the oldest first: deleted with what tells of them, or to be deleted.
    pub archives: Vec<PathBuf>,
    /// Archives that are past their time and stay, because they are not what is told of them.
    pub spared: Vec<PathBuf>,
}

/// What would be deleted from `folder`; see [`Folder::retire`]. Changes nothing and takes no lock.
///
/// # Errors
/// The folder or a sidecar could not be read.
pub fn due(
    folder: &Path,
    keep: Keep,
    now: jiff::Timestamp,
    is_good: impl FnMut(&[u8]) -> bool,
    family: &str,
) -> Result<Retired, Trouble> {
    let dir = Dir::open(folder)?;
    let (due, spared) = select(&dir, keep, now, is_good, family)?;
    let paths = |names: Vec<Described>| names.into_iter().map(|this| dir.at(&this.archive)).collect();
    Ok(Retired { archives: paths(due), spared: paths(spared) })
}

impl Folder {
    /// Deletes the archives of `family` that are past count or age, the oldest first. `is_good` is asked of a sidecar's
    /// text whether its archive passed, from the newest on and no oftener than needed.
    ///
    /// # Errors
    /// The folder or a sidecar could not be read, or an archive not be deleted.
    pub fn retire(
        &self,
        keep: Keep,
        now: jiff::Timestamp,
        is_good: impl FnMut(&[u8]) -> bool,
        family: &str,
    ) -> Result<Retired, Trouble> {
        let dir = self.dir();
        let (due, spared) = select(dir, keep, now, is_good, family)?;
        let mut retired = Retired::default();
        retired.spared.extend(spared.iter().map(|this| dir.at(&this.archive)));
        for this in due {
            delete(dir, &this.archive, &name::sidecar(&this.archive))?;
            retired.archives.push(dir.at(&this.archive));
        }
        if !retired.archives.is_empty() {
            dir.sync()?;
        }
        Ok(retired)
    }

    /// The newest archive of a family of whose sidecar `pick` makes something, and what it makes of it. An archive that is
    /// not what its sidecar says is none.
    ///
    /// # Errors
    /// The folder or a sidecar could not be read.
    pub fn newest<T>(
        &self,
        family: &str,
        mut pick: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Option<(String, T)>, Trouble> {
        let dir = self.dir();
        for this in sidecar::family(dir, family)?.into_iter().rev() {
            if there(dir, &this.archive, Some(this.bytes))? != There::Whole {
                continue;
            }
            let json = sidecar::content(dir, &name::sidecar(&this.archive))?;
            if let Some(picked) = json.and_then(|json| pick(&json)) {
                return Ok(Some((this.archive, picked)));
            }
        }
        Ok(None)
    }

    /// The number of the next archive of a family, for its sidecar: greater than all that are there.
    ///
    /// # Errors
    /// The folder or a sidecar could not be read.
    pub fn next(&self, family: &str) -> Result<u64, Trouble> {
        let newest = sidecar::family(self.dir(), family)?.pop();
        Ok(newest.map_or(1, |newest| newest.sequence.saturating_add(1)))
    }
}

/// Deletes an archive, where it is there, and then what stands beside it.
pub(super) fn delete(dir: &Dir, archive: &str, beside: &str) -> Result<(), Trouble> {
    let has_archive = dir.stat(archive).map_err(Trouble::when("look at", dir.at(archive)))?.is_some();
    if has_archive {
        dir.remove(archive).map_err(Trouble::when("delete", dir.at(archive)))?;
        // The other order on the disk would leave an archive that nobody knows.
        dir.sync()?;
    }
    dir.remove(beside).map_err(Trouble::when("delete", dir.at(beside)))
}

/// What an archive is beside its sidecar.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum There {
    /// A file of the size that the sidecar tells.
    Whole,
    /// Nothing: somebody deleted it, or a run died between it and its sidecar.
    Nothing,
    /// Something else.
    Other,
}

/// What is under the name `archive`, of which `bytes` are told, where its size is told at all.
pub(super) fn there(dir: &Dir, archive: &str, bytes: Option<u64>) -> Result<There, Trouble> {
    let stat = dir.stat(archive).map_err(Trouble::when("look at", dir.at(archive)))?;
    Ok(match stat {
        None => There::Nothing,
        Some(stat) if dir::is_file(&stat) && bytes.is_none_or(|bytes| dir::bytes(&stat) == bytes) => There::Whole,
        Some(_) => There::Other,
    })
}

/// Those past their time, the oldest first, and those of them that are not what their sidecars say.
fn select(
    dir: &Dir,
    keep: Keep,
    now: jiff::Timestamp,
    mut is_good: impl FnMut(&[u8]) -> bool,
    family: &str,
) -> Result<(Vec<Described>, Vec<Described>), Trouble> {
    let archives = sidecar::family(dir, family)?;
    let Some(newest) = archives.last() else { return Ok(Default::default()) };
    let until = newest.created.min(now);
    let enough = keep.count.unwrap_or(1).max(1);
    let (mut due, mut spared) = (Vec::new(), Vec::new());
    let mut good = 0;
    for this in archives.into_iter().rev() {
        let age = Duration::try_from(until.duration_since(this.created)).unwrap_or_default();
        let is_past = (keep.count.is_some() && good >= enough) || keep.age.is_some_and(|most| age > most);
        let there = there(dir, &this.archive, Some(this.bytes))?;
        if is_past && good > 0 {
            if there == There::Other { &mut spared } else { &mut due }.push(this);
        } else if good < enough && there == There::Whole {
            let sidecar = sidecar::content(dir, &name::sidecar(&this.archive))?;
            good += usize::from(sidecar.is_some_and(|json| is_good(&json)));
        }
    }
    due.reverse();
    spared.reverse();
    Ok((due, spared))
}
