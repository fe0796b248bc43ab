//! How large an archive of a directory is going to be, before it is read.
//!
//! Promises: a figure for asking a file system for room, at the cost of a look at every name; holes count for nothing, as
//! they cost nothing in the archive. Refuses to know: what is in a file, and what becomes of the figure when files change.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::Options;

/// Bytes of a header, and of what content is padded to.
const BLOCK_BYTES: u64 = 512;
/// What [`Metadata::blocks`](std::os::unix::fs::MetadataExt::blocks) counts in.
const STAT_BLOCK_BYTES: u64 = 512;

/// Bytes that the archive of `root` takes, about: headers, content without holes, and the end.
///
/// # Errors
/// A folder could not be read.
pub fn estimate(root: &Path, options: &Options<'_>) -> io::Result<u64> {
    let device = std::fs::metadata(root)?.dev();
    // The end marker, in a whole record.
    let mut bytes = 20 * BLOCK_BYTES;
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if options.leave_out.contains(&(metadata.dev(), metadata.ino())) {
                continue;
            }
            let name_bytes = entry.path().as_os_str().len() as u64;
            // A long name and attributes stand in a header of their own.
            let headers = if name_bytes > 100 { 3 } else { 1 };
            bytes += headers * BLOCK_BYTES;
            if metadata.is_dir() && (!options.one_file_system || metadata.dev() == device) {
                folders.push(entry.path());
            } else if metadata.is_file() {
                let stored = metadata.len().min(metadata.blocks().saturating_mul(STAT_BLOCK_BYTES));
                bytes = bytes.saturating_add(stored.next_multiple_of(BLOCK_BYTES));
            }
        }
    }
    Ok(bytes)
}
