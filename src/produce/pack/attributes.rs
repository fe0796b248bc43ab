//! Extended attributes and access control lists of an opened file.
//!
//! The kernel keeps access control lists as attributes in a binary form; in archives they stand as text, which GNU tar, star
//! and bsdtar read, with numbers for users and groups.
//!
//! Promises: in the order of their names; what cannot be read or said is told. Refuses to know: what they mean.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsRawFd as _;

use rustix::fs::{fgetxattr, flistxattr, getxattr, listxattr};
use rustix::io::Errno;

use super::trouble::Why;
use crate::entry::Attribute;

/// The most that Linux gives for a list of names or for a value.
const MOST_BYTES: usize = 64 << 10;

const UNSAYABLE: &str = "its name or its empty value cannot stand in a pax header";
const NO_LIST: &str = "it is no access control list of a known form";

/// Reads attributes, and keeps its memory.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    names: Vec<u8>,
    value: Vec<u8>,
}

impl Attributes {
    /// Those of `file`; one that was opened only to be looked at is reached by its number under `/proc`.
    pub(super) fn of(&mut self, file: &File, is_open: bool, skipped: &mut dyn FnMut(Why)) -> Vec<Attribute> {
        self.names.resize(MOST_BYTES, 0);
        let by_number = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap_or_default();
        let listed = match is_open {
            true => flistxattr(file, &mut *self.names),
            false => listxattr(&by_number, &mut *self.names),
        };
        let names = match listed {
            Ok(0) | Err(Errno::OPNOTSUPP) => return Vec::new(),
            Ok(bytes) => self.names.get(..bytes).unwrap_or_default(),
            Err(error) => {
                skipped(Why::Attributes(error.to_string()));
                return Vec::new();
            }
        };
        self.value.resize(MOST_BYTES, 0);
        let mut attributes = Vec::new();
        for name in names.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok()) {
            let read = match is_open {
                true => fgetxattr(file, name, &mut *self.value),
                false => getxattr(&by_number, name, &mut *self.value),
            };
            let value = match read {
                Ok(bytes) => self.value.get(..bytes).unwrap_or_default(),
                // Removed since it was listed.
                Err(Errno::NODATA) => continue,
                Err(error) => {
                    skipped(Why::Attribute(name.to_bytes().to_vec(), error.to_string()));
                    continue;
                }
            };
            match said(name.to_bytes(), value) {
                Ok(attribute) => attributes.push(attribute),
                Err(why) => skipped(Why::Attribute(name.to_bytes().to_vec(), why.to_owned())),
            }
        }
        attributes.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        attributes
    }
}

/// An attribute as an archive has it, or why it cannot.
fn said(name: &[u8], value: &[u8]) -> Result<Attribute, &'static str> {
    let list = |key: &str| {
        let text = acl_text(value).ok_or(NO_LIST)?;
        Ok(Attribute { name: key.as_bytes().to_vec(), value: text.into_bytes() })
    };
    match name {
        b"system.posix_acl_access" => list("SCHILY.acl.access"),
        b"system.posix_acl_default" => list("SCHILY.acl.default"),
        _ if value.is_empty() || name.contains(&b'=') => Err(UNSAYABLE),
        _ => Ok(Attribute { name: name.to_vec(), value: value.to_vec() }),
    }
}

/// The kernel's form (`linux/posix_acl_xattr.h`): a version, then entries of a tag, permissions and a number, all
/// little-endian.
fn acl_text(value: &[u8]) -> Option<String> {
    let (version, entries) = value.split_first_chunk()?;
    let (entries, rest) = entries.as_chunks::<8>();
    if u32::from_le_bytes(*version) != 2 || entries.is_empty() || !rest.is_empty() {
        return None;
    }
    let mut lines = Vec::new();
    for [tag, tag_high, may, may_high, id @ ..] in entries {
        let id = u32::from_le_bytes(*id);
        let who = match u16::from_le_bytes([*tag, *tag_high]) {
            0x01 => "user:".to_owned(),
            0x02 => format!("user:{id}"),
            0x04 => "group:".to_owned(),
            0x08 => format!("group:{id}"),
            0x10 => "mask:".to_owned(),
            0x20 => "other:".to_owned(),
            _ => return None,
        };
        let may = u16::from_le_bytes([*may, *may_high]);
        let letter = |bit: u16, letter: char| if may & bit == 0 { '-' } else { letter };
        lines.push(format!("{who}:{}{}{}", letter(4, 'r'), letter(2, 'w'), letter(1, 'x')));
    }
    Some(lines.join(","))
}

#[cfg(test)]
mod tests {
    use super::acl_text;

    #[test]
    fn a_list_becomes_text() {
        let mut value = 2_u32.to_le_bytes().to_vec();
        for (tag, may, id) in
            [(1_u16, 7_u16, u32::MAX), (2, 6, 1000), (4, 5, u32::MAX), (8, 4, 50), (16, 7, u32::MAX), (32, 0, u32::MAX)]
        {
            value.extend(tag.to_le_bytes());
            value.extend(may.to_le_bytes());
            value.extend(id.to_le_bytes());
        }
        let text = "user::rwx,user:1000:rw-,group::r-x,group:50:r--,mask::rwx,other::---";
        assert_eq!(acl_text(&value).as_deref(), Some(text));
        for bad in [&value[..value.len() - 1], &value[..4], &value[..3], &[1, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255]]
        {
            assert_eq!(acl_text(bad), None, "{bad:?}");
        }
    }
}
