//! Where a file has data, and where nothing but holes.
//!
//! The size of a file against its blocks tells nothing: those of a preallocated log are all there, and none of them was
//! ever written. The file system is asked instead. Where such a log was read since, its zeros lie in memory, and Linux calls
//! them data as long as they do: so zeros at the end are looked for by themselves, on any file system.
//!
//! Promises: what is left out reads as zeros; never more regions than asked for. Refuses to know: the data.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::fs::{SeekFrom, seek};
use rustix::io::Errno;

use crate::tar::Region;

/// Bytes that must be saved for a map to be worth it: it costs a pax header and a block, and a word in every report.
const WORTH: u64 = 64 << 10;

/// Bytes that holes and the zeros at the end are counted in.
const PAGE: u64 = 4 << 10;

/// Bytes looked at in one step back from the end.
const STEP: u64 = 64 << 10;

/// What is stored of a file of `size` bytes, in fewer than `most` regions; `None` where it is better stored whole.
pub(super) fn regions(file: &File, size: u64, most: u64) -> io::Result<Option<Vec<Region>>> {
    if size < 2 * WORTH {
        return Ok(None);
    }
    let mut regions = data(file, size)?;
    if let Some(last) = regions.last_mut() {
        last.bytes = without_zeros(file, *last)?;
    }
    regions.retain(|region| region.bytes > 0);
    let stored: u64 = regions.iter().map(|region| region.bytes).sum();
    if size - stored < WORTH {
        return Ok(None);
    }
    // A file cut into very many pieces: the smallest holes are stored.
    let mut gap = PAGE;
    while regions.len() as u64 >= most {
        regions = joined(&regions, gap);
        gap *= 2;
    }
    Ok(Some(regions))
}

/// What the file system calls data; all of it where it does not know.
fn data(file: &File, size: u64) -> Result<Vec<Region>, Errno> {
    let whole = vec![Region { offset: 0, bytes: size }];
    // Nearly every file is data from the first byte to the last: one question.
    match seek(file, SeekFrom::Hole(0)) {
        Ok(hole) if hole >= size => return Ok(whole),
        Ok(_) => {}
        // The last is a file that is empty by now.
        Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS | Errno::NXIO) => return Ok(whole),
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
    Ok(regions)
}

/// Bytes of a region without the pages of zeros at its end; most files end in something else, and one read tells.
fn without_zeros(file: &File, region: Region) -> io::Result<u64> {
    let mut buffer = vec![0; 512];
    let mut bytes = region.bytes;
    while bytes > 0 {
        let now = bytes.min(buffer.len() as u64);
        let part = &mut buffer[..usize::try_from(now).unwrap_or_default()];
        // What has shrunk meanwhile is found out when it is read for the archive.
        let got = file.read_at(part, region.offset + bytes - now)?;
        if got < part.len() {
            break;
        }
        // A sum of bits, which the compiler takes many bytes of at a time.
        if part.iter().fold(0, |bits, byte| bits | byte) != 0 {
            let data = part.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
            bytes = bytes - now + data;
            break;
        }
        bytes -= now;
        buffer.resize(usize::try_from(STEP).unwrap_or_default(), 0);
    }
    Ok(bytes.next_multiple_of(PAGE).min(region.bytes))
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
