//! A directory of a Linux system as a tar.
//!
//! ```text
//! root ──► names, sorted ──► opened, never followed ──► what the opened file says ──► head ──► content ──► looked at again
//! ```
//!
//! Every name is looked up in the opened folder it stands in, and what is written of it comes from the opened file: a tree
//! that changes meanwhile cannot lead out of itself. The size in a header cannot be taken back, so a file that shrinks
//! while it is read ends the archive; everything else that changes is reported.
//!
//! Promises: the same tree gives the same members in the same order; owners, modes, times, links, devices, attributes, access control lists and
//! holes as they are; what is left out stands in the result; memory grows with the longest folder and the hard links that
//! are still open, not with the tree. Refuses to know: what the directory is, and where the bytes go.

mod attributes;
mod estimate;
mod names;
mod outlet;
mod sparse;
mod trouble;

use std::collections::HashMap;
use std::ffi::CString;
use std::fs::{File, Metadata};
use std::io::Write;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use rustix::fs::{Advice, AtFlags, CWD, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use crate::entry::{Attribute, EntryKind, Timestamp};
use crate::limits::Limits;
use crate::tar::Region;
use crate::tar::write::{Draft, head, padding};

use attributes::Attributes;
use names::Names;
use outlet::Outlet;

pub use estimate::estimate;
pub use trouble::{Change, Changed, Skipped, Trouble, Why};

/// How to pack.
#[derive(Debug, Clone)]
pub struct Options<'a> {
    /// What the root is called in the archive: `swarm`, `var/lib/docker/swarm`; empty for `.`, as `tar -C root .` has it.
    pub prefix: Vec<u8>,
    /// Whether what is mounted below the root is left out; the folders it is mounted on are kept.
    pub one_file_system: bool,
    /// Whether extended attributes and access control lists are kept.
    pub attributes: bool,
    /// Whether owners are written as numbers alone.
    pub numeric_owner: bool,
    /// Device and inode of files to leave out: the archive itself, where it is written below the root.
    pub leave_out: Vec<(u64, u64)>,
    /// Whether folders are gone through from their last name to their first.
    pub descending: bool,
    /// Stops the work between two pieces.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            prefix: Vec::new(),
            one_file_system: false,
            attributes: true,
            numeric_owner: false,
            leave_out: Vec::new(),
            descending: false,
            stop: None,
        }
    }
}

/// What was packed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Packed {
    /// Members written.
    pub members: u64,
    /// Bytes written, up to the end of the last record.
    pub bytes: u64,
    /// What is not in the archive, in its order.
    pub skipped: Vec<Skipped>,
    /// What changed while it was read, in the archive's order: a backup of something that is in use.
    pub changed: Vec<Changed>,
}

/// Writes the directory `root` and everything below as a tar. `root` itself may be a symbolic link; nothing below is followed.
///
/// # Errors
/// Something could not be read or written, cannot be said in tar, or shrank while it was read; or the work was stopped.
/// What was written until then is no archive.
pub fn pack(root: &Path, options: &Options<'_>, out: &mut dyn Write) -> Result<Packed, Trouble> {
    let path = root_path(&options.prefix)?;
    let at_root = |error: Errno| Trouble::Root { path: root.to_path_buf(), error: error.into() };
    let folder = rustix::fs::openat(CWD, root, FOLDER & !OFlags::NOFOLLOW, Mode::empty()).map_err(at_root)?;
    let folder = File::from(folder);
    let found = folder.metadata().map_err(|error| Trouble::Root { path: root.to_path_buf(), error })?;
    let mut packer = Packer {
        options,
        out: Outlet::new(out, options.stop),
        path,
        device: found.dev(),
        names: if options.numeric_owner { Names::default() } else { Names::of_the_system() },
        attributes: Attributes::default(),
        head: Vec::new(),
        links: HashMap::new(),
        listing: Vec::with_capacity(LISTING_BYTES),
        packed: Packed::default(),
    };
    packer.tree(folder, &found)?;
    packer.packed.bytes = packer.out.close()?;
    Ok(packer.packed)
}

/// How folders are opened: not through links, and without waiting for anything.
const FOLDER: OFlags = OFlags::DIRECTORY.union(CONTENT);
/// How files are opened.
const CONTENT: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);
/// How everything else is: to be looked at, with no effect on a device or a pipe.
const LOOK: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Bytes for entries of a folder that are asked for at a time.
const LISTING_BYTES: usize = 64 << 10;

/// Times a name is tried that is another thing each time.
const TRIES: u32 = 8;

/// The prefix with one slash at its end.
fn root_path(prefix: &[u8]) -> Result<Vec<u8>, Trouble> {
    let bad =
        prefix.starts_with(b"/") || prefix.contains(&0) || prefix.split(|byte| *byte == b'/').any(|part| part == b"..");
    if bad {
        return Err(Trouble::Prefix(prefix.to_vec()));
    }
    let mut path = if prefix.is_empty() { b".".to_vec() } else { prefix.to_vec() };
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    Ok(path)
}

/// A folder that is gone through.
struct Level {
    folder: File,
    found: Metadata,
    /// What stands in it, what comes next at the end.
    left: Vec<(CString, FileType)>,
    /// Bytes of its path.
    path_bytes: usize,
}

/// A name that was opened, and what it is.
struct Opened {
    file: File,
    found: Metadata,
    kind: FileType,
}

struct Packer<'a, 'o> {
    options: &'a Options<'a>,
    out: Outlet<'o>,
    /// Path in the archive of what is looked at; of a folder with a slash.
    path: Vec<u8>,
    device: u64,
    names: Names,
    attributes: Attributes,
    head: Vec<u8>,
    /// First names of files with several, and how many of these are still to come.
    links: HashMap<(u64, u64), (Vec<u8>, u64)>,
    listing: Vec<u8>,
    packed: Packed,
}

impl Packer<'_, '_> {
    fn tree(&mut self, root: File, found: &Metadata) -> Result<(), Trouble> {
        self.member(&root, found, EntryKind::Directory, &[], None)?;
        let mut levels = vec![self.enter(root, found.clone())?];
        while let Some(level) = levels.last_mut() {
            self.path.truncate(level.path_bytes);
            match level.left.pop() {
                Some((name, kind)) => {
                    self.path.extend_from_slice(name.as_bytes());
                    if let Some(folder) = self.name(&level.folder, &name, kind)? {
                        levels.push(folder);
                    }
                }
                None => {
                    self.look_again(&level.folder, &level.found)?;
                    levels.pop();
                }
            }
        }
        Ok(())
    }

    /// Lists a folder.
    fn enter(&mut self, folder: File, found: Metadata) -> Result<Level, Trouble> {
        let mut left = Vec::new();
        let mut entries = RawDir::new(&folder, self.listing.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|error| Trouble::read(&self.path, "list", error))?;
            let name = entry.file_name();
            if !matches!(name.to_bytes(), b"." | b"..") {
                left.push((name.to_owned(), entry.file_type()));
            }
        }
        left.sort_unstable_by(|(one, _), (other, _)| other.as_bytes().cmp(one.as_bytes()));
        if self.options.descending {
            left.reverse();
        }
        Ok(Level { folder, found, left, path_bytes: self.path.len() })
    }

    /// Writes what stands under a name; a folder is given back to be gone through.
    fn name(&mut self, folder: &File, name: &CString, kind: FileType) -> Result<Option<Level>, Trouble> {
        self.out.may_go_on()?;
        if kind == FileType::Socket {
            self.skip(Why::Socket);
            return Ok(None);
        }
        let Some(Opened { file, found, kind }) = self.open(folder, name, kind)? else { return Ok(None) };
        if self.options.leave_out.contains(&(found.dev(), found.ino())) {
            self.skip(Why::LeftOut);
            return Ok(None);
        }
        let is_elsewhere = self.options.one_file_system && found.dev() != self.device;
        if kind == FileType::Directory {
            self.path.push(b'/');
            self.member(&file, &found, EntryKind::Directory, &[], None)?;
            if is_elsewhere {
                self.skip(Why::OtherFileSystem);
                return Ok(None);
            }
            return self.enter(file, found).map(Some);
        }
        if is_elsewhere {
            self.skip(Why::OtherFileSystem);
            return Ok(None);
        }
        if let Some(first) = self.earlier(&found) {
            self.member(&file, &found, EntryKind::Hardlink, &first, None)?;
            return Ok(None);
        }
        match kind {
            FileType::RegularFile => self.file(&file, &found)?,
            FileType::Symlink => {
                let target = rustix::fs::readlinkat(&file, c"", Vec::new());
                let target = target.map_err(|error| Trouble::read(&self.path, "read the link", error))?;
                self.member(&file, &found, EntryKind::Symlink, target.as_bytes(), None)?;
            }
            FileType::Fifo => self.member(&file, &found, EntryKind::Fifo, &[], None)?,
            FileType::CharacterDevice => self.member(&file, &found, EntryKind::Character, &[], None)?,
            FileType::BlockDevice => self.member(&file, &found, EntryKind::Block, &[], None)?,
            // A socket that came in the place of something else.
            _ => {
                self.skip(Why::Socket);
                return Ok(None);
            }
        }
        if found.nlink() > 1 {
            self.links.insert((found.dev(), found.ino()), (self.path.clone(), found.nlink() - 1));
        }
        Ok(None)
    }

    /// Opens what stands under a name, as what it is now; `None` where it is gone.
    fn open(&mut self, folder: &File, name: &CString, kind: FileType) -> Result<Option<Opened>, Trouble> {
        let mut kind = kind;
        for _ in 0..TRIES {
            if kind == FileType::Unknown {
                // Not every file system says it in the listing.
                match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) => kind = FileType::from_raw_mode(found.st_mode),
                    Err(Errno::NOENT) => break,
                    Err(error) => return Err(Trouble::read(&self.path, "look at", error)),
                }
            }
            let flags = match kind {
                FileType::RegularFile => CONTENT,
                FileType::Directory => FOLDER,
                _ => LOOK,
            };
            let file = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
                Ok(file) => File::from(file),
                Err(Errno::NOENT) => break,
                // It was replaced: by a link, by no folder, by a socket.
                Err(Errno::LOOP | Errno::NOTDIR | Errno::NXIO) => {
                    kind = FileType::Unknown;
                    continue;
                }
                Err(error) => return Err(Trouble::read(&self.path, "open", error)),
            };
            let found = file.metadata().map_err(|error| Trouble::read(&self.path, "look at", error))?;
            let now = FileType::from_raw_mode(found.mode());
            if now == kind || (flags == LOOK && !matches!(now, FileType::RegularFile | FileType::Directory)) {
                return Ok(Some(Opened { file, found, kind: now }));
            }
            kind = now;
        }
        self.change(Change::Gone);
        Ok(None)
    }

    /// The first name of a file that was written under another one already.
    fn earlier(&mut self, found: &Metadata) -> Option<Vec<u8>> {
        if found.nlink() < 2 {
            return None;
        }
        let key = (found.dev(), found.ino());
        let (first, left) = self.links.get_mut(&key)?;
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Some(first.clone());
        }
        self.links.remove(&key).map(|(first, _)| first)
    }

    fn file(&mut self, file: &File, found: &Metadata) -> Result<(), Trouble> {
        let size = found.size();
        let regions = sparse::regions(file, size, Limits::default().sparse_regions)
            .map_err(|error| Trouble::read(&self.path, "look for holes in", error))?;
        match regions {
            Some(regions) => {
                self.member(file, found, EntryKind::Sparse, &[], Some(&regions))?;
                self.content(file, size, &regions)?;
            }
            None => {
                self.member(file, found, EntryKind::File, &[], None)?;
                self.content(file, size, &[Region { offset: 0, bytes: size }])?;
            }
        }
        self.look_again(file, found)
    }

    /// Writes everything in front of the payload.
    fn member(
        &mut self,
        file: &File,
        found: &Metadata,
        kind: EntryKind,
        link: &[u8],
        regions: Option<&[Region]>,
    ) -> Result<(), Trouble> {
        let attributes: Vec<Attribute> = if self.options.attributes && kind != EntryKind::Hardlink {
            let Self { attributes, packed, path, .. } = self;
            let is_open = matches!(kind, EntryKind::File | EntryKind::Sparse | EntryKind::Directory);
            attributes.of(file, is_open, &mut |why| packed.skipped.push(Skipped { path: path.clone(), why }))
        } else {
            Vec::new()
        };
        let is_device = matches!(kind, EntryKind::Character | EntryKind::Block);
        let draft = Draft {
            size: if kind.is_file() { found.size() } else { 0 },
            mode: found.mode() & 0o7777,
            uid: u64::from(found.uid()),
            gid: u64::from(found.gid()),
            uname: self.names.user(found.uid()),
            gname: self.names.group(found.gid()),
            mtime: Timestamp {
                seconds: found.mtime(),
                nanoseconds: u32::try_from(found.mtime_nsec()).unwrap_or_default(),
            },
            link,
            device: is_device.then(|| {
                let device = found.rdev();
                (u64::from(rustix::fs::major(device)), u64::from(rustix::fs::minor(device)))
            }),
            attributes: &attributes,
            regions: regions.unwrap_or_default(),
            ..Draft::new(&self.path, kind)
        };
        self.head.clear();
        head(&draft, &mut self.head).map_err(|why| Trouble::Unsayable { path: self.path.clone(), why })?;
        self.out.put(&self.head)?;
        self.packed.members += 1;
        Ok(())
    }

    /// Writes the stored parts of a file, and its padding.
    fn content(&mut self, file: &File, size: u64, regions: &[Region]) -> Result<(), Trouble> {
        if size > outlet::PIECE_BYTES as u64 {
            // Advice only: a system that declines it reads all the same.
            let _ = rustix::fs::fadvise(file, 0, None, Advice::Sequential);
        }
        let mut stored = 0;
        for region in regions {
            stored += region.bytes;
            let mut done = 0;
            while done < region.bytes {
                match self.out.fill(file, region.offset + done, region.bytes - done) {
                    Ok(0) => {
                        let got = region.offset + done;
                        return Err(Trouble::Shrank { path: self.path.clone(), announced: size, got });
                    }
                    Ok(bytes) => done += bytes,
                    Err(outlet::Stop::Read(error)) => return Err(Trouble::read(&self.path, "read", error)),
                    Err(outlet::Stop::Here(trouble)) => return Err(trouble),
                }
            }
        }
        self.out.zeros(padding(stored))
    }

    /// Looks at an opened file or folder once more, and reports what is no longer as it was.
    fn look_again(&mut self, file: &File, before: &Metadata) -> Result<(), Trouble> {
        let now = file.metadata().map_err(|error| Trouble::read(&self.path, "look at", error))?;
        let times = |of: &Metadata| (of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec());
        if now.is_file() && now.size() != before.size() {
            self.change(Change::Size { announced: before.size(), now: now.size() });
        } else if now.nlink() == 0 {
            self.change(Change::Removed);
        } else if times(&now) != times(before) {
            self.change(if now.is_dir() { Change::Names } else { Change::Touched });
        }
        Ok(())
    }

    fn skip(&mut self, why: Why) {
        self.packed.skipped.push(Skipped { path: self.path.clone(), why });
    }

    fn change(&mut self, how: Change) {
        self.packed.changed.push(Changed { path: self.path.clone(), how });
    }
}
