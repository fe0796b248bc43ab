//! How large an archive of a directory is going to be, before it is read.
//!
//! Promises: a figure for asking a file system for room, rather too high than too low, at the cost of a look at every name;
//! holes count for nothing, as they cost nothing in the archive. Refuses to know: what is in a file, and what becomes of the
//! figure when files change.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;

use super::Options;
use crate::report::name;

/// Bytes of a header, and of what content is padded to.
const BLOCK_BYTES: u64 = 512;
/// What [`Metadata::blocks`](std::os::unix::fs::MetadataExt::blocks) counts in.
const STAT_BLOCK_BYTES: u64 = 512;
/// A time with nanoseconds, as every file has it, stands in a header of its own, with its payload; so do long names and
/// attributes.
const HEADER_BLOCKS: u64 = 3;

/// Bytes that the archive of `root` takes, about: headers, content without holes, and the end.
///
/// # Errors
/// A folder could not be read: the error names it. Or the work was stopped.
pub fn estimate(root: &Path, options: &Options<'_>) -> io::Result<u64> {
    let at = |path: &Path| {
        let path = name(path.as_os_str().as_encoded_bytes());
        move |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"))
    };
    let device = std::fs::metadata(root).map_err(at(root))?.dev();
    // The root itself, and the end marker, in a whole record.
    let mut bytes = (HEADER_BLOCKS + 20) * BLOCK_BYTES;
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(io::Error::other("stopped, as asked"));
        }
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(&folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(at(&folder))?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(at(&entry.path())(error)),
            };
            if options.leave_out.contains(&(metadata.dev(), metadata.ino())) {
                continue;
            }
            bytes = bytes.saturating_add(HEADER_BLOCKS * BLOCK_BYTES);
            if metadata.is_dir() && (!options.one_file_system || metadata.dev() == device) {
                folders.push(entry.path());
            } else if metadata.is_file() {
                let stored =
                    metadata.len().min(metadata.blocks().saturating_mul(STAT_BLOCK_BYTES).max(STAT_BLOCK_BYTES));
                bytes = bytes.saturating_add(stored.next_multiple_of(BLOCK_BYTES));
            }
        }
    }
    Ok(bytes)
}
