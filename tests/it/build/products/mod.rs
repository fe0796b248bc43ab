//! Backups as the products write them: UCP / MKE, DTR / MSR, registry storage, Swarm.

pub mod dtr;
pub mod images;
pub mod swarm;
pub mod ucp;

use tar::{Builder, EntryType, Header};

pub use dtr::dtr;
pub use ucp::{mke, ucp_2_2};

/// One member of a backup.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    /// `None` for a directory.
    pub content: Option<Vec<u8>>,
    pub mode: u32,
    pub mtime: u64,
    pub owner: &'static str,
}

impl Member {
    fn new(name: &str, content: Option<&[u8]>, mode: u32, mtime: u64, owner: &'static str) -> Self {
        Self { name: name.to_owned(), content: content.map(<[u8]>::to_vec), mode, mtime, owner }
    }

    fn directory(name: &str, mode: u32, mtime: u64) -> Self {
        Self::new(name, None, mode, mtime, "")
    }

    fn file(name: &str, content: impl AsRef<[u8]>, mode: u32, mtime: u64) -> Self {
        Self::new(name, Some(content.as_ref()), mode, mtime, "")
    }
}

/// 2021-09-13 16:11:50 UTC, the time in the documented listing.
pub const TIME: u64 = 1_631_549_510;

/// Writes members as Go's archive/tar does: ustar headers, two blocks of zeros.
pub fn pack(members: &[Member]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for member in members {
        let mut header = Header::new_ustar();
        if !member.name.starts_with("./") && !member.name.starts_with("../") {
            header.set_path(&member.name).unwrap();
        } else {
            // The crate drops the leading `./`, which the products write, and refuses to lead out.
            let field = &mut header.as_old_mut().name;
            field.fill(0);
            field[..member.name.len()].copy_from_slice(member.name.as_bytes());
        }
        header.set_mode(member.mode);
        header.set_mtime(member.mtime);
        header.set_uid(if member.owner.is_empty() { 0 } else { 65534 });
        header.set_gid(if member.owner.is_empty() { 0 } else { 65534 });
        header.set_username(member.owner).unwrap();
        header.set_groupname(if member.owner.is_empty() { "" } else { "nogroup" }).unwrap();
        let content = member.content.as_deref().unwrap_or_default();
        header.set_size(content.len() as u64);
        header.set_entry_type(if member.content.is_some() { EntryType::Regular } else { EntryType::Directory });
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}
