//! A folder by its descriptor: what is done stays in the folder that was opened, whatever happens to its path.
//!
//! Promises: nothing is overwritten, no link is followed, new files are open to their owner alone; an fsync that failed is
//! an error and never tried again, because the system may have thrown the pages away and forgotten. Refuses to know: what
//! the names stand for.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::Trouble;

/// An open folder.
#[derive(Debug)]
pub(super) struct Dir {
    path: PathBuf,
    file: File,
}

impl Dir {
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(path, flags, Mode::empty());
        let file = opened.map_err(io::Error::from).map_err(Trouble::when("open the folder", path.to_owned()))?;
        Ok(Self { path: path.to_owned(), file: File::from(file) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a name here, for people.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether the path still leads here.
    pub(super) fn is_in_place(&self) -> io::Result<bool> {
        let (here, there) = (rustix::fs::fstat(&self.file)?, rustix::fs::stat(&self.path)?);
        Ok(is_same(&here, &there))
    }

    /// Bytes free for whom this runs; none known where the file system counts none.
    pub(super) fn free(&self) -> io::Result<Option<u64>> {
        let room = rustix::fs::fstatvfs(&self.file)?;
        Ok((room.f_blocks > 0).then(|| room.f_bavail.saturating_mul(room.f_frsize)))
    }

    /// A new file, open for reading and writing, for its owner alone.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.file, name, flags, Mode::RUSR | Mode::WUSR)?))
    }

    /// A file that exists or is made now, open for reading and writing.
    pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.file, name, flags, Mode::RUSR | Mode::WUSR)?))
    }

    /// A file that exists, open for reading; a pipe is not waited for.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.file, name, flags, Mode::empty())?))
    }

    /// What the system knows of a name, if there is one; links are not followed.
    pub(super) fn stat(&self, name: &str) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.file, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the name leads to this open file.
    pub(super) fn leads_to(&self, name: &str, file: &File) -> io::Result<bool> {
        let open = rustix::fs::fstat(file)?;
        Ok(self.stat(name)?.is_some_and(|named| is_same(&open, &named)))
    }

    /// Gives the file `from` the name `to` in one step, if there is nothing of that name.
    pub(super) fn claim(&self, from: &str, to: &str) -> Result<(), Trouble> {
        match rustix::fs::renameat_with(&self.file, from, &self.file, to, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => Err(Trouble::Taken { path: self.at(to) }),
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.claim_by_link(from, to),
            Err(error) => {
                Err(Trouble::System { doing: "give a file the name", path: self.at(to), error: error.into() })
            }
        }
    }

    /// The same where the file system lacks a rename that does not overwrite, as NFS does.
    fn claim_by_link(&self, from: &str, to: &str) -> Result<(), Trouble> {
        match rustix::fs::linkat(&self.file, from, &self.file, to, AtFlags::empty()) {
            Ok(()) => {}
            // A server's answer may have been lost, and the second request met what the first had made.
            Err(Errno::EXIST) if self.are_one(from, to) => {}
            Err(Errno::EXIST) => return Err(Trouble::Taken { path: self.at(to) }),
            Err(error @ (Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP | Errno::MLINK)) => {
                let lacks = "can give a file its name neither by a rename that does not overwrite nor by a link";
                return Err(Trouble::Unfit { folder: self.path.clone(), lacks, error: error.into() });
            }
            Err(error) => {
                return Err(Trouble::System { doing: "give a file the name", path: self.at(to), error: error.into() });
            }
        }
        self.remove(from).map_err(|error| {
            let first = Trouble::System { doing: "remove", path: self.at(from), error };
            match self.remove(to) {
                Ok(()) => first,
                Err(error) => Trouble::Stranded { path: self.at(to), first: Box::new(first), error },
            }
        })
    }

    fn are_one(&self, one: &str, other: &str) -> bool {
        matches!((self.stat(one), self.stat(other)), (Ok(Some(one)), Ok(Some(other))) if is_same(&one, &other))
    }

    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.file, name, AtFlags::empty())?)
    }

    /// Makes the names durable. Once, and never again after a failure.
    pub(super) fn sync(&self) -> Result<(), Trouble> {
        self.file.sync_all().map_err(Trouble::when("make names durable (fsync) in", self.path.clone()))
    }

    /// The names here that are text, in order; others are none of ours.
    pub(super) fn names(&self) -> Result<Vec<String>, Trouble> {
        let list = || -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&self.file)? {
                names.extend(entry?.file_name().to_str().map(str::to_owned));
            }
            names.sort_unstable();
            Ok(names)
        };
        list().map_err(Trouble::when("list the folder", self.path.clone()))
    }
}

/// Whether this is a regular file.
pub(super) fn is_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
}

/// Bytes of a file.
pub(super) fn bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}
