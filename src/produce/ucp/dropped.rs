//! A file that the product leaves in a folder of this machine, to be taken from there.
//!
//! Promises: nothing is there under its name before; no link is followed; what is handed on is what was there from its
//! beginning to its end; the file is removed whatever happens, or it is said that it is still there. Refuses to know: what
//! the file holds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::produce::{Trouble, World, publish, seal};
use crate::report::escaped;

/// `nobody` and `nogroup`, as the product's containers have them.
const NOBODY: u32 = 65534;

/// What stands before and after the digits of a file's name.
const BEFORE: &str = "veritar-";
const AFTER: &str = ".tar";

/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// A folder that the product writes into.
#[derive(Debug, Clone)]
pub(super) struct Shelf {
    path: PathBuf,
}

impl Shelf {
    /// Looks at the folder at `path`. The sentences are what is to be said of it, where it may do all the same.
    pub(super) fn at(path: &Path) -> Result<(Self, Vec<String>), Trouble> {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        let resolved = fs::canonicalize(path).and_then(|path| Ok((fs::metadata(&path)?, path)));
        let (metadata, path) = match resolved {
            Ok((metadata, path)) if metadata.is_dir() => (metadata, path),
            Ok(_) => return Err(Trouble::Usage(format!("{shown} is no folder; give one that UCP can write into"))),
            Err(error) => {
                return Err(Trouble::Usage(format!(
                    "failed to look at the folder {shown}: {error}; make it, and chown it to nobody:nogroup"
                )));
            }
        };
        if path.as_os_str().as_encoded_bytes().contains(&b':') {
            return Err(Trouble::Usage(format!(
                "the path of the folder {shown} has a colon, which the Docker client takes for the end of it; give another folder"
            )));
        }
        let mode = metadata.mode();
        let may_write = (metadata.uid() == NOBODY && mode & 0o300 == 0o300)
            || (metadata.gid() == NOBODY && mode & 0o030 == 0o030)
            || mode & 0o003 == 0o003;
        let advice = (!may_write).then(|| {
            format!(
                "{shown} cannot be written to by nobody:nogroup ({NOBODY}), as whom UCP writes where it does not write as \
                 root; should it fail for that: chown nobody:nogroup {shown}"
            )
        });
        let left = leftovers(&path).map_err(|error| {
            Trouble::Usage(format!("failed to list the folder {shown}: {error}; see that it can be read"))
        })?;
        let left = left.into_iter().map(|left| {
            format!(
                "{left} was left there by a run that was killed, and holds a whole backup; remove it, unless another run is at \
                 work"
            )
        });
        Ok((Self { path }, advice.into_iter().chain(left).collect()))
    }

    /// A name for a file there that no other run gives.
    pub(super) fn fresh_name(world: &World) -> String {
        format!("{BEFORE}{}{AFTER}", world.now.timestamp().as_nanosecond())
    }

    /// The argument that shows it to a container as `/backup`.
    pub(super) fn volume(&self) -> std::ffi::OsString {
        let mut volume = self.path.clone().into_os_string();
        volume.push(":/backup");
        volume
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file there that does not exist yet.
    pub(super) fn file(&self, name: &str) -> Result<Dropped, Trouble> {
        let path = self.path.join(name);
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Dropped { path, is_there: true }),
            Ok(_) => Err(Trouble::Refused(format!(
                "{} exists already, and UCP would add to it or write over it; remove it, and run this again",
                shown(&path)
            ))),
            Err(error) => Err(Trouble::Refused(format!(
                "failed to look for {}: {error}; see that the folder can be read, and run this again",
                shown(&path)
            ))),
        }
    }
}

/// A file that the product writes. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Dropped {
    path: PathBuf,
    /// Whether it may be there.
    is_there: bool,
}

impl Dropped {
    /// It was only asked whether the name is free.
    pub(super) fn forget(mut self) {
        self.is_there = false;
    }

    /// Hands the whole file on.
    pub(super) fn read_into(&self, world: &World, out: &mut dyn Write) -> Result<u64, Trouble> {
        let shown = shown(&self.path);
        let missing = |error: io::Error| {
            Trouble::Refused(format!(
                "UCP ended well, but what it wrote cannot be read at {shown}: {error}; run this as root on the machine whose \
                 engine the Docker client talks to"
            ))
        };
        let mut options = OpenOptions::new();
        let file = options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&self.path);
        let mut file = file.map_err(missing)?;
        let before = file.metadata().map_err(missing)?;
        if !before.is_file() {
            return Err(Trouble::Refused(format!("{shown} is no regular file; look who else writes into this folder")));
        }
        let bytes = copy(&mut file, world, out, &shown)?;
        let after = file.metadata().map_err(missing)?;
        if bytes != before.len() || bytes != after.len() || before.mtime() != after.mtime() {
            return Err(Trouble::Refused(format!(
                "{shown} changed while it was read ({} bytes, then {bytes}, then {}); look who else writes into this folder, \
                 and run this again",
                before.len(),
                after.len()
            )));
        }
        Ok(bytes)
    }

    /// Removes it.
    pub(super) fn remove(mut self) -> Result<(), Trouble> {
        self.is_there = false;
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Trouble::Refused(format!(
                "{} is still there, for removing it failed: {error}; it holds the whole backup: remove it by hand",
                shown(&self.path)
            ))),
            _ => Ok(()),
        }
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        if self.is_there {
            // Where this fails, an error was on its way already; `remove` is what says it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Files of other runs.
fn leftovers(folder: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(BEFORE)?.strip_suffix(AFTER));
        if digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())) {
            found.push(shown(&folder.join(name)));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn copy(file: &mut File, world: &World, out: &mut dyn Write, shown: &str) -> Result<u64, Trouble> {
    let mut buffer = vec![0; BUFFER];
    let mut bytes = 0;
    loop {
        world.may_go_on()?;
        let count = match file.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Trouble::Refused(format!(
                    "failed to read {shown}: {error}; look at the disk it is on, and run this again"
                )));
            }
        };
        out.write_all(buffer.get(..count).unwrap_or_default()).map_err(|error| not_taken(world, error))?;
        bytes += count as u64;
    }
}

/// Why what goes on did not take a byte.
fn not_taken(world: &World, error: io::Error) -> Trouble {
    if let Err(stopped) = world.may_go_on() {
        return stopped;
    }
    match error.downcast::<publish::Trouble>() {
        Ok(trouble) => trouble.into(),
        Err(error) => seal::Trouble::Write(error).into(),
    }
}

fn shown(path: &Path) -> String {
    escaped(path.as_os_str().as_encoded_bytes()).to_string()
}
