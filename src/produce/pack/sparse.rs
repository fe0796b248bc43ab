//! Where a file has data, and where nothing but holes.
//!
//! The size of a file against its blocks tells nothing: those of a preallocated log are all there, and none of them was
//! ever written. The file system is asked instead.
//!
//! Promises: what is left out reads as zeros; never more regions than asked for. Refuses to know: the data.

use std::fs::File;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::tar::Region;

/// Bytes of a file below which nobody looks for holes: a map costs two blocks and a pax header of two.
const SMALLEST: u64 = 16 << 10;

/// Bytes that must be saved for a map to be worth it.
const WORTH: u64 = 8 << 10;

/// What is stored of a file of `size` bytes, in at most `most` regions with one kept free for the end; `None` where it is
/// better stored whole.
pub(super) fn regions(file: &File, size: u64, most: u64) -> Result<Option<Vec<Region>>, Errno> {
    if size < SMALLEST {
        return Ok(None);
    }
    // Nearly every file is data from the first byte to the last: one question.
    match seek(file, SeekFrom::Hole(0)) {
        Ok(hole) if hole >= size => return Ok(None),
        Ok(_) => {}
        // A file system that does not know, or a file that is empty by now.
        Err(Errno::INVAL | Errno::NXIO | Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(None),
        Err(error) => return Err(error),
    }
    let mut regions = Vec::new();
    let mut at = 0;
    while at < size {
        let from = match seek(file, SeekFrom::Data(at)) {
            Ok(from) if from < size => from,
            // Nothing but a hole is left.
            Ok(_) | Err(Errno::NXIO) => break,
            Err(error) => return Err(error),
        };
        // It may have grown: what is behind the size is not stored.
        let to = seek(file, SeekFrom::Hole(from))?.min(size);
        if to <= from {
            break;
        }
        regions.push(Region { offset: from, bytes: to - from });
        at = to;
    }
    let stored: u64 = regions.iter().map(|region| region.bytes).sum();
    if size - stored < WORTH {
        return Ok(None);
    }
    // A file cut into very many pieces: the smallest holes are stored.
    let mut gap = 4096;
    while regions.len() as u64 >= most {
        regions = joined(&regions, gap);
        gap *= 2;
    }
    Ok(Some(regions))
}

/// Regions with the holes between them stored that are not larger than `gap`.
fn joined(regions: &[Region], gap: u64) -> Vec<Region> {
    let mut joined: Vec<Region> = Vec::new();
    for region in regions {
        match joined.last_mut() {
            Some(last) if region.offset - (last.offset + last.bytes) <= gap => {
                last.bytes = region.offset + region.bytes - last.offset;
            }
            _ => joined.push(*region),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_holes_between_regions_are_stored() {
        let region = |offset, bytes| Region { offset, bytes };
        let regions = [region(0, 10), region(20, 10), region(100, 1)];
        assert_eq!(joined(&regions, 10), [region(0, 30), region(100, 1)]);
        assert_eq!(joined(&regions, 70), [region(0, 101)]);
        assert_eq!(joined(&regions, 9), regions);
    }
}
