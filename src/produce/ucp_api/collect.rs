//! The file that UCP wrote, read where its folder can be reached.
//!
//! Promises: reads a regular file and follows no link; what changes while it is read is refused. Refuses to know: what the
//! bytes are.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write};
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::produce::{Trouble, World, pack, publish};
use crate::report::name;

/// Bytes read at a time.
const PIECE: usize = 256 << 10;

/// Whether something has this name.
pub(super) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Whether this is a folder that can be looked into.
pub(super) fn check(folder: &Path) -> Result<(), Trouble> {
    std::fs::read_dir(folder).map(drop).map_err(|error| {
        Trouble::Usage(format!(
            "{} cannot be used to collect the backup from ({error}); give the folder that UCP writes to, mounted here",
            shown(folder)
        ))
    })
}

/// Opens the file; `None` where there is none.
pub(super) fn open(path: &Path) -> Result<Option<File>, Trouble> {
    let no = |why: String| Err(Trouble::Refused(format!("failed to open {}: {why}", shown(path))));
    // A pipe of this name must not be waited for.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return no(format!(
                "{error}; UCP writes it as nobody:nogroup or root, for its owner alone: run veritar as root"
            ));
        }
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return no("it is a symbolic link, and UCP makes none; look who else writes there".to_owned());
        }
        Err(error) => return no(format!("{error}; see to the folder, and verify the file where UCP wrote it")),
    };
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Some(file)),
        Ok(_) => no("it is no regular file, and UCP makes no others; look who else writes there".to_owned()),
        Err(error) => no(format!("{error}; see to the folder, and verify the file where UCP wrote it")),
    }
}

/// Whether the file begins as no message of OpenPGP does, neither with a packet nor with armor. What is empty or cannot be
/// read is told when it is read.
pub(super) fn is_in_the_clear(file: &File) -> bool {
    let mut first = [0];
    let read = file.read_at(&mut first, 0);
    read.is_ok_and(|count| count == 1) && first[0] < 0x80 && first[0] != b'-'
}

/// Reads the file to its end, and gives its length.
pub(super) fn copy(world: &World, path: &Path, mut file: &File, out: &mut dyn Write) -> Result<u64, Trouble> {
    let unreadable = |error: io::Error| {
        let next = "see to the disk or the network it comes over, and verify the file where UCP wrote it";
        Trouble::Refused(format!("failed to read {}: {error}; {next}", shown(path)))
    };
    let state = || file.metadata().map(|now| (now.len(), now.mtime(), now.mtime_nsec())).map_err(unreadable);
    let before = state()?;
    let changed = || {
        Trouble::Refused(format!(
            "{} was written to while it was read; look who else writes there, and run it again",
            shown(path)
        ))
    };
    let mut buffer = vec![0; PIECE];
    let mut bytes = 0;
    loop {
        world.may_go_on()?;
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        bytes += count as u64;
        // What grows for ever is not read for ever.
        if bytes > before.0 {
            return Err(changed());
        }
        out.write_all(buffer.get(..count).unwrap_or_default()).map_err(|error| write_trouble(world, error))?;
    }
    if bytes == 0 {
        return Err(Trouble::Refused(format!(
            "{} is empty; look for room and rights (nobody:nogroup) where UCP writes it, and run it again",
            shown(path)
        )));
    }
    if bytes == before.0 && state()? == before { Ok(bytes) } else { Err(changed()) }
}

fn write_trouble(world: &World, error: io::Error) -> Trouble {
    match error.downcast::<publish::Trouble>() {
        Ok(trouble) => trouble.into(),
        Err(_) if world.may_go_on().is_err() => Trouble::Stopped,
        Err(error) => pack::Trouble::Write(error).into(),
    }
}

fn shown(path: &Path) -> String {
    name(path.as_os_str().as_encoded_bytes())
}
