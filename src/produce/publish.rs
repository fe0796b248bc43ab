//! How an archive gets its final name, or never does.
//!
//! ```text
//! Folder::lock ─► place ─► Writer ─► Written ─► Place::publish
//! .veritar.lock   .NAME.partial-…              fsync, second read, NAME, fsync of the folder, NAME.manifest.json, fsync of the folder
//!                                    └────────► Place::fail ─► NAME.failed, NAME.failed.json ─► Folder::retire_failed
//! ```
//!
//! Promises: under the final name there is a whole archive or nothing, at any moment, whatever fails or dies; nothing is
//! ever overwritten; a sidecar is there only when all before it is on the disk; an fsync that failed is never tried again
//! and the archive does not get, or does not keep, its name. Refuses to know: what the bytes are and whether they passed.

mod behind;
mod dir;
mod failed;
mod hidden;
mod lock;
mod name;
mod retire;
mod sidecar;
mod told;
mod trouble;
mod writer;

pub use failed::due_failed;
pub use hidden::Leftover;
pub use retire::{Keep, Retired, due};
pub use sidecar::MOST_SIDECAR_BYTES;
pub use told::told;
pub use trouble::Trouble;
pub use writer::{Writer, Written};

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::digest::{Digests, Hasher, Hashes, hex};
use dir::Dir;
use hidden::{Hidden, create, sweep};
use sidecar::Described;

/// Bytes that stay free beside an archive, for its sidecar and for others who write there.
pub const RESERVE_BYTES: u64 = 8 << 20;

/// How many archives of one name that failed are kept.
const MOST_FAILED: u32 = 1000;

/// Bytes read at a time in the second read.
const READ_BYTES: usize = 256 << 10;

/// A target folder that is locked for this run, for as long as it or a [`Place`] in it lives.
#[derive(Debug, Clone)]
pub struct Folder(Arc<Held>);

#[derive(Debug)]
struct Held {
    dir: Dir,
    /// Closing it gives the lock back.
    _lock: File,
    leftovers: Vec<Leftover>,
}

impl Folder {
    /// Takes the lock of the folder at `path` and removes what dead runs left.
    ///
    /// # Errors
    /// It is no folder, may not be written to, is worked in by another run, or cannot make names durable.
    pub fn lock(path: &Path) -> Result<Self, Trouble> {
        let dir = Dir::open(path)?;
        let lock = lock::take(&dir)?;
        // A folder that cannot do this must not be found out at the end of a long run.
        dir.sync()?;
        let leftovers = sweep(&dir)?;
        Ok(Self(Arc::new(Held { dir, _lock: lock, leftovers })))
    }

    /// What runs that died left, for the report.
    #[must_use]
    pub fn leftovers(&self) -> &[Leftover] {
        &self.0.leftovers
    }

    /// Where the folder is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir().path()
    }

    fn dir(&self) -> &Dir {
        &self.0.dir
    }

    /// Prepares for the archive `name`: checks the name and the room for `expected_bytes` and [`RESERVE_BYTES`], and opens
    /// a hidden file for its bytes. `hashes` are computed of what is written.
    ///
    /// # Errors
    /// The name is none, or taken, or its sidecar's is; there is too little room; the file system cannot give names
    /// without overwriting.
    pub fn place(&self, name: &str, expected_bytes: Option<u64>, hashes: Hashes) -> Result<(Place, Writer), Trouble> {
        name::check(name)?;
        let dir = self.dir();
        for taken in [name.to_owned(), name::sidecar(name)] {
            if dir.stat(&taken).map_err(Trouble::when("look for", dir.at(&taken)))?.is_some() {
                return Err(Trouble::Taken { path: dir.at(&taken) });
            }
        }
        let wanted = expected_bytes.unwrap_or(0).saturating_add(RESERVE_BYTES);
        match dir.free().map_err(Trouble::when("ask for the room in", self.path().to_owned()))? {
            Some(free) if free < wanted => {
                return Err(Trouble::Space { folder: self.path().to_owned(), free, wanted });
            }
            _ => {}
        }
        let (first, file) = create(dir, name)?;
        let mut place = Place { folder: self.clone(), name: name.to_owned(), partial: first, is_open: true };
        file.try_lock().map_err(|error| Trouble::when("lock", dir.at(&place.partial))(error.into()))?;
        // A file system that cannot do this must not be found out at the end of a long run.
        let second = name::partial(name);
        dir.claim(&place.partial, &second)?;
        place.partial = second;
        let path = dir.at(&place.partial);
        Ok((place, Writer::new(file, path, hashes)))
    }
}

/// A place for one archive. Dropped without [`publish`](Place::publish) or [`fail`](Place::fail), it leaves nothing behind.
#[derive(Debug)]
pub struct Place {
    folder: Folder,
    name: String,
    partial: String,
    /// Whether the hidden file is still there.
    is_open: bool,
}

/// Whether the archive is read once more, from the disk, before it gets its name.
pub enum ReadBack<'a> {
    /// No.
    No,
    /// Its length and its digests are compared with those of what was written and those in the sidecar, of which there
    /// must be one at least.
    Digests,
    /// The same, and then this looks at it, from its beginning.
    With(&'a mut dyn FnMut(&File) -> io::Result<()>),
}

/// An archive that has its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where it is.
    pub archive: PathBuf,
    /// Where what is known of it is.
    pub sidecar: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its digests that are known.
    pub digests: Digests,
}

impl Place {
    /// Where the bytes lie until they have a name.
    #[must_use]
    pub fn partial(&self) -> PathBuf {
        self.folder.dir().at(&self.partial)
    }

    /// Gives the archive its name and puts `sidecar` beside it. That is a JSON object with at least `archive` (the name),
    /// `family`, `sequence` ([`Folder::next`]), `created` (RFC 3339) and `bytes`, all held against what was written, as
    /// `digests.sha256` and `digests.blake3` are where both sides know them.
    ///
    /// # Errors
    /// Something failed, or what lies there is not what was written: the archive does not have its name then, but for
    /// [`Trouble::Stranded`], and [`fail`](Self::fail) can keep it aside.
    pub fn publish(&mut self, written: Written, sidecar: &[u8], read_back: ReadBack<'_>) -> Result<Published, Trouble> {
        let folder = self.folder.clone();
        let dir = folder.dir();
        let described = self.check(&written, sidecar)?;
        written.file.sync_all().map_err(Trouble::when("bring to the disk (fsync)", self.partial()))?;
        self.read_back(&written, &described, read_back)?;
        let name = name::sidecar(&self.name);
        let beside = Hidden::write(dir, &name, sidecar)?;
        // Nothing was allowed to change while others worked.
        self.check(&written, sidecar)?;
        dir.claim(&self.partial, &self.name)?;
        self.is_open = false;
        let named = dir.sync().and_then(|()| beside.claim()).and_then(|()| {
            dir.sync().inspect_err(|_| {
                // The name of the archive goes next; a sidecar alone says nothing.
                let _ = dir.remove(&name);
            })
        });
        if let Err(trouble) = named {
            return Err(self.take_back(trouble));
        }
        let (bytes, digests) = (written.bytes(), written.digests());
        Ok(Published { archive: dir.at(&self.name), sidecar: dir.at(&name), bytes, digests })
    }

    /// Takes the archive's name away again.
    fn take_back(&mut self, first: Trouble) -> Trouble {
        let dir = self.folder.dir();
        let error = match dir.claim(&self.name, &self.partial) {
            Ok(()) => {
                self.is_open = true;
                return first;
            }
            Err(Trouble::System { error, .. } | Trouble::Unfit { error, .. }) => error,
            Err(other) => io::Error::other(other.to_string()),
        };
        Trouble::Stranded { path: dir.at(&self.name), first: Box::new(first), error }
    }

    /// Whether what is to be published is what was written, and the sidecar speaks of it.
    fn check(&self, written: &Written, sidecar: &[u8]) -> Result<Described, Trouble> {
        let dir = self.folder.dir();
        let refused = |why: String| Err(Trouble::Refused { path: dir.at(&self.name), why });
        let look = || Trouble::when("look at", self.partial());
        if !dir.is_in_place().map_err(Trouble::when("look at the folder", dir.path().to_owned()))? {
            return refused("the folder's path leads elsewhere now: was a disk mounted or moved meanwhile?".to_owned());
        }
        if !self.is_open || !dir.leads_to(&self.partial, &written.file).map_err(look())? {
            return refused("its hidden file is gone or not the one that was written: who else works here?".to_owned());
        }
        let length = written.file.metadata().map_err(look())?.len();
        if length != written.bytes() {
            return refused(format!("{} bytes were written and {length} are there", written.bytes()));
        }
        if length == 0 {
            return refused("nothing was written".to_owned());
        }
        match Described::read(&self.name, sidecar).and_then(|described| {
            agrees(&described, written.bytes(), written.digests())?;
            Ok(described)
        }) {
            Ok(described) if described.sequence < self.folder.next(&described.family)? => {
                refused(format!("{} is not the next number of its family", described.sequence))
            }
            Ok(described) => Ok(described),
            Err(why) => refused(why),
        }
    }

    /// Reads the file from the disk, through a descriptor of its own.
    fn read_back(&self, written: &Written, described: &Described, how: ReadBack<'_>) -> Result<(), Trouble> {
        if matches!(how, ReadBack::No) {
            return Ok(());
        }
        let dir = self.folder.dir();
        let look = || Trouble::when("read back", self.partial());
        let refused = |why: &str| Err(Trouble::Refused { path: dir.at(&self.name), why: why.to_owned() });
        let mut file = dir.read(&self.partial).map_err(look())?;
        if !dir.leads_to(&self.partial, &written.file).map_err(look())? {
            return refused("its hidden file is not the one that was written: who else works here?");
        }
        // Pages that are on the disk are thrown away, so that the disk and not memory is asked.
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).map_err(io::Error::from).map_err(look())?;
        let (known, said) = (written.digests(), &described.digests);
        let hashes = Hashes {
            sha256: known.sha256.is_some() || said.sha256.is_some(),
            blake3: known.blake3.is_some() || said.blake3.is_some(),
        };
        if !hashes.any() {
            return refused("no digest is known that a second read could be held against");
        }
        let mut hasher = Hasher::new(hashes);
        let (mut buffer, mut bytes) = (vec![0; READ_BYTES], 0);
        loop {
            let count = match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(look()(error)),
            };
            hasher.update(buffer.get(..count).unwrap_or_default());
            bytes += count as u64;
        }
        let read = hasher.finish();
        let is_same = known.sha256.is_none_or(|known| read.sha256 == Some(known))
            && known.blake3.is_none_or(|known| read.blake3 == Some(known))
            && agrees(described, bytes, read).is_ok();
        if !is_same {
            return refused("the disk gives back other bytes than were written: see the system's log");
        }
        if let ReadBack::With(look_at) = how {
            file.rewind().map_err(look())?;
            look_at(&file).map_err(look())?;
        }
        Ok(())
    }

    /// Keeps what was written as `NAME.failed` with `report` beside it as `NAME.failed.json` (numbered where there are
    /// some already), or removes it. Where there is no room for the report, the report is kept alone. What is kept is given.
    ///
    /// # Errors
    /// It could not be kept, or its report not be written, or it could not be removed.
    pub fn fail(mut self, report: &[u8], keep: bool) -> Result<Option<PathBuf>, Trouble> {
        if !self.is_open {
            return Ok(None);
        }
        if !keep {
            self.remove()?;
            return Ok(None);
        }
        let folder = self.folder.clone();
        let dir = folder.dir();
        for nth in 1..=MOST_FAILED {
            let (kept, beside) = (name::failed(&self.name, nth), name::failed_report(&self.name, nth));
            if dir.stat(&beside).map_err(Trouble::when("look for", dir.at(&beside)))?.is_some() {
                continue;
            }
            // First, so that nothing is kept that nobody is told of.
            let hidden = match Hidden::write(dir, &beside, report) {
                // Half an archive that leaves no room for its report is worth less than that, and than the room.
                Err(trouble) if trouble.is_lack_of_room() => return self.report(report).map(Some),
                hidden => hidden?,
            };
            match dir.claim(&self.partial, &kept) {
                Ok(()) => {}
                Err(Trouble::Taken { .. }) => continue,
                Err(trouble) => return Err(trouble),
            }
            self.is_open = false;
            hidden.claim()?;
            dir.sync()?;
            return Ok(Some(dir.at(&kept)));
        }
        Err(Trouble::Taken { path: dir.at(&name::failed(&self.name, MOST_FAILED)) })
    }

    /// Removes the file, of which nothing is worth keeping, and leaves `report` alone, as `NAME.failed.json` (numbered).
    ///
    /// # Errors
    /// It could not be removed, or its report not be written.
    pub fn report(mut self, report: &[u8]) -> Result<PathBuf, Trouble> {
        self.remove()?;
        let folder = self.folder.clone();
        let dir = folder.dir();
        for nth in 1..=MOST_FAILED {
            let (kept, beside) = (name::failed(&self.name, nth), name::failed_report(&self.name, nth));
            // A report must never stand beside what it is not about.
            if dir.stat(&kept).map_err(Trouble::when("look for", dir.at(&kept)))?.is_some() {
                continue;
            }
            match Hidden::write(dir, &beside, report)?.claim() {
                Ok(()) => {}
                Err(Trouble::Taken { .. }) => continue,
                Err(trouble) => return Err(trouble),
            }
            dir.sync()?;
            return Ok(dir.at(&beside));
        }
        Err(Trouble::Taken { path: dir.at(&name::failed_report(&self.name, MOST_FAILED)) })
    }

    fn remove(&mut self) -> Result<(), Trouble> {
        if std::mem::take(&mut self.is_open) {
            self.folder.dir().remove(&self.partial).map_err(Trouble::when("remove", self.partial()))?;
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_open {
            // Where this fails, the next run finds it.
            let _ = self.folder.dir().remove(&self.partial);
        }
    }
}

/// Whether a sidecar says what was written.
fn agrees(described: &Described, bytes: u64, ours: Digests) -> Result<(), String> {
    if described.bytes != bytes {
        return Err(format!("its sidecar says {} bytes, and {bytes} were written", described.bytes));
    }
    let digests = &described.digests;
    for (name, said, known) in [("SHA-256", &digests.sha256, ours.sha256), ("BLAKE3", &digests.blake3, ours.blake3)] {
        if let (Some(said), Some(known)) = (said, known)
            && *said != hex(&known)
        {
            return Err(format!("the {name} in its sidecar is not that of what was written"));
        }
    }
    Ok(())
}
