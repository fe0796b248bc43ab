//! Which archives that failed are past their number, and deleting them.
//!
//! An archive that failed is told by the report beside it, and a run that wrote nothing by its report alone; both count. They
//! are ordered as archives are, by the number of the run and the time it began. Runs that fail one after the other have the
//! same number, and a clock can be set back between them: the run that asks counts as the newest, whatever the clocks say.
//!
//! Promises: what a run has just left stays; nothing without a report that names it and its family is touched; an archive
//! goes before its report, so that what a crash leaves is found again. Refuses to know: why an archive failed.

use std::num::NonZeroUsize;
use std::path::Path;

use super::dir::Dir;
use super::retire::{There, delete, there};
use super::sidecar::{Described, content};
use super::{Folder, Retired, Trouble, name};

/// What would be deleted from `folder`; see [`Folder::retire_failed`]. Changes nothing and takes no lock.
///
/// # Errors
/// The folder or a report could not be read.
pub fn due_failed(folder: &Path, most: NonZeroUsize, family: &str) -> Result<Retired, Trouble> {
    let dir = Dir::open(folder)?;
    let (due, spared) = select(&dir, most, family, None)?;
    let paths = |several: &[Failed]| several.iter().map(|this| dir.at(this.name())).collect();
    Ok(Retired { archives: paths(&due), spared: paths(&spared) })
}

impl Folder {
    /// Deletes all but the newest `most` archives of `family` that failed, with their reports, the oldest first. `own` is
    /// what this run has left: an archive that failed, or a report. It is the newest.
    ///
    /// # Errors
    /// The folder or a report could not be read, or something not be deleted.
    pub fn retire_failed(&self, most: NonZeroUsize, family: &str, own: Option<&Path>) -> Result<Retired, Trouble> {
        let dir = self.dir();
        let (due, spared) = select(dir, most, family, own)?;
        let mut retired = Retired::default();
        retired.spared.extend(spared.iter().map(|this| dir.at(this.name())));
        for this in due {
            delete(dir, &this.kept, &this.report)?;
            retired.archives.push(dir.at(this.name()));
        }
        if !retired.archives.is_empty() {
            dir.sync()?;
        }
        Ok(retired)
    }
}

/// A run that failed, as its report tells.
struct Failed {
    described: Described,
    nth: u32,
    /// Where the archive is, if it is there.
    kept: String,
    report: String,
    there: There,
}

impl Failed {
    /// The name it is told by: that of its report, where there is nothing else.
    fn name(&self) -> &str {
        if self.there == There::Nothing { &self.report } else { &self.kept }
    }

    fn is(&self, own: Option<&Path>) -> bool {
        let own = own.and_then(Path::file_name);
        own.is_some_and(|own| own == self.kept.as_str() || own == self.report.as_str())
    }
}

/// Those past their number, the oldest first, and those of them that are not what their reports say.
fn select(
    dir: &Dir,
    most: NonZeroUsize,
    family: &str,
    own: Option<&Path>,
) -> Result<(Vec<Failed>, Vec<Failed>), Trouble> {
    let mut failed = of_family(dir, family)?;
    failed.sort_by(|a, b| {
        let order = |this: &Failed| (this.is(own), this.described.sequence, this.described.created, this.nth);
        order(a).cmp(&order(b)).then_with(|| a.kept.cmp(&b.kept))
    });
    failed.truncate(failed.len().saturating_sub(most.get()));
    Ok(failed.into_iter().partition(|this| this.there != There::Other))
}

fn of_family(dir: &Dir, family: &str) -> Result<Vec<Failed>, Trouble> {
    let mut failed = Vec::new();
    // What nobody could name a family for belongs to nobody.
    let reports = if family.is_empty() { Vec::new() } else { dir.names()? };
    for report in reports {
        let Some((archive, nth)) = name::failed_of(&report) else { continue };
        let json = content(dir, &report)?;
        let described = json.and_then(|json| Described::read(archive, &json).ok());
        let Some(described) = described.filter(|this| this.family == family) else { continue };
        let kept = name::failed(archive, nth);
        // An archive that was not written to its end has no size in its report.
        let there = there(dir, &kept, (described.bytes > 0).then_some(described.bytes))?;
        failed.push(Failed { described, nth, kept, report, there });
    }
    Ok(failed)
}
