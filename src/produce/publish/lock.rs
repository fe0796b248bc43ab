//! The folder's lock: one run at a time.
//!
//! Promises: the lock ends with the process, however that ends, so that no dead run is ever waited for; a second run
//! learns who holds it and since when; a lock file that was removed or replaced meanwhile is no lock. Refuses to know:
//! what is done under it.

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};

use super::Trouble;
use super::dir::Dir;
use super::name;
use crate::report::sentence;

/// Bytes that are read of what a holder wrote about itself.
const MOST_BYTES: u64 = 512;

/// How often a lock file that was replaced is looked at anew.
const TRIES: usize = 8;

/// Takes the folder's lock; it is given back when the file is closed.
pub(super) fn take(dir: &Dir) -> Result<File, Trouble> {
    let path = dir.at(name::LOCK);
    let when = |doing| Trouble::when(doing, path.clone());
    for _ in 0..TRIES {
        let mut file = dir.open_or_create(name::LOCK).map_err(when("open the lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Trouble::Busy { lock: path, holder: holder(&file) }),
            Err(TryLockError::Error(error)) if is_lacking(&error) => {
                return Err(Trouble::Unfit { folder: dir.path().to_owned(), lacks: "has no locks", error });
            }
            Err(TryLockError::Error(error)) => return Err(when("take the lock")(error)),
        }
        // Somebody may have removed the file between the opening and the lock: then another run sees another file.
        if dir.leads_to(name::LOCK, &file).map_err(when("look at the lock"))? {
            sign(&mut file).map_err(when("write to the lock"))?;
            return Ok(file);
        }
    }
    Err(Trouble::Busy { lock: path, holder: "somebody who keeps replacing it".to_owned() })
}

fn is_lacking(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [rustix::io::Errno::NOLCK, rustix::io::Errno::OPNOTSUPP, rustix::io::Errno::NOSYS]
        .into_iter()
        .any(|lacking| code == Some(lacking.raw_os_error()))
}

/// Says in the file who holds it.
fn sign(file: &mut File) -> io::Result<()> {
    let system = rustix::system::uname();
    let (pid, host) = (rustix::process::getpid(), system.nodename().to_string_lossy());
    let since = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
    file.set_len(0)?;
    file.write_all(format!("process {pid} on {host} since {since}\n").as_bytes())
}

/// Who says in the file that it holds it.
fn holder(file: &File) -> String {
    let mut text = Vec::new();
    // Whatever cannot be read here is only missing in a sentence.
    let _ = file.take(MOST_BYTES).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    match text.trim() {
        "" => "a run that has not said yet who it is".to_owned(),
        text => sentence(text),
    }
}
