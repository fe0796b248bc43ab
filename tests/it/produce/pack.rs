//! Packing a live tree: held against GNU tar's own comparison, against what GNU tar and bsdtar restore, and against what moves
//! meanwhile.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, fallocate, lgetxattr,
    llistxattr, lsetxattr, makedev, mknodat, utimensat,
};
use veritar::entry::{Attribute, EntryKind};
use veritar::finding::Severity;
use veritar::produce::pack::{Change, Options, Packed, Skipped, Trouble, Why, pack};
use veritar::tar::AnomalyKind;

use super::write::parsed;
use crate::support::{program, whole};
use crate::tar::read;

/// Whether this thread is root's.
fn is_root() -> bool {
    tempfile::tempfile().unwrap().metadata().unwrap().uid() == 0
}

fn packed(root: &Path, options: &Options<'_>) -> (Vec<u8>, Packed) {
    let mut bytes = Vec::new();
    let packed = pack(root, options, &mut bytes).unwrap_or_else(|trouble| panic!("{trouble}"));
    assert_eq!(packed.bytes, bytes.len() as u64);
    assert_eq!(bytes.len() % 10_240, 0);
    let (rows, journey) = read(whole(&bytes), false);
    let odd: Vec<_> = journey.findings.iter().filter(|found| found.severity > Severity::Info).collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert_eq!(rows.len() as u64, packed.members);
    (bytes, packed)
}

fn at(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// An access control list in the kernel's form: the owner, user 1000, the group, the mask, others.
fn list() -> Vec<u8> {
    let mut value = 2_u32.to_le_bytes().to_vec();
    let all = u32::MAX;
    for (tag, may, id) in [(1_u16, 6_u16, all), (2, 6, 1000), (4, 4, all), (16, 6, all), (32, 0, all)] {
        value.extend(tag.to_le_bytes());
        value.extend(may.to_le_bytes());
        value.extend(id.to_le_bytes());
    }
    value
}

/// Sets an attribute where the file system and the user allow it.
fn attribute(path: &Path, name: &str, value: &[u8]) -> bool {
    let set = lsetxattr(path, name, value, XattrFlags::empty());
    if let Err(error) = set {
        println!("no {name} here: {error}");
    }
    set.is_ok()
}

/// A tree with everything that Linux has, as far as this user may make it.
fn tree(root: &Path) {
    let path = |name: &str| root.join(name);
    for (name, bytes) in [("empty", 0), ("one", 1), ("511", 511), ("512", 512), ("513", 513), ("large", 700_001)] {
        fs::write(path(name), (0..bytes).map(|index| (index % 251) as u8).collect::<Vec<_>>()).unwrap();
    }
    for folder in ["a", "a/b", "a/b/c", "empty folder", "a.b", "sticky"] {
        fs::create_dir(path(folder)).unwrap();
    }
    fs::write(path("a/b/c/deep"), "deep").unwrap();
    fs::write(path("a.b/beside"), "beside").unwrap();
    mode(&path("sticky"), 0o1777);
    for (name, bits) in [("one", 0o4755), ("511", 0o2755), ("512", 0o000), ("513", 0o600)] {
        mode(&path(name), bits);
    }
    if !is_root() {
        mode(&path("512"), 0o400);
    }
    fs::write(path(&"n".repeat(200)), "long").unwrap();
    let far = path(&"d".repeat(120)).join("e".repeat(120));
    fs::create_dir_all(&far).unwrap();
    fs::write(far.join("f".repeat(120)), "far").unwrap();
    fs::write(path("gr\u{FC}n \u{1F4BE}"), "letters").unwrap();
    fs::write(path("line\nbreak \\ \t"), "odd").unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"no text \xff")), "bytes").unwrap();
    for (name, target) in [("dangling", "nowhere"), ("to folder", "a/b"), ("outside", "/etc/passwd"), ("loop", "loop")]
    {
        std::os::unix::fs::symlink(target, path(name)).unwrap();
    }
    std::os::unix::fs::symlink("t".repeat(300), path("long target")).unwrap();
    fs::hard_link(path("large"), path("a/b/second")).unwrap();
    fs::hard_link(path("large"), path("z third")).unwrap();
    fs::hard_link(path("dangling"), path("z dangling")).unwrap();
    mknodat(CWD, path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
    if is_root() {
        let device = |name: &str, kind, device| mknodat(CWD, path(name), kind, Mode::from_raw_mode(0o660), device);
        device("null", FileType::CharacterDevice, makedev(1, 3)).unwrap();
        device("disk", FileType::BlockDevice, makedev(4095, 1_048_575)).unwrap();
        std::os::unix::fs::chown(path("one"), Some(1000), Some(50)).unwrap();
        mode(&path("one"), 0o4755);
        std::os::unix::fs::chown(path("a/b"), Some(3_000_000), Some(4_000_000_000)).unwrap();
        std::os::unix::fs::lchown(path("dangling"), Some(7), Some(8)).unwrap();
    }
    attribute(&path("513"), "user.comment", b"one\0two\n");
    attribute(&path("513"), "user.another", &[0xFF; 300]);
    attribute(&path("a/b/c"), "user.folder", b"yes");
    attribute(&path("513"), "system.posix_acl_access", &list());
    attribute(&path("a"), "system.posix_acl_default", &list());
    attribute(&path("large"), "user.linked", b"both names");
    let file = fs::File::create(path("holes")).unwrap();
    file.write_all_at(b"data", 1 << 20).unwrap();
    file.write_all_at(b"end", (3 << 20) + 5).unwrap();
    fs::File::create(path("only a hole")).unwrap().set_len(5 << 20).unwrap();
    let file = fs::File::create(path("hole last")).unwrap();
    file.write_all_at(&[7; 10_000], 0).unwrap();
    file.set_len(1 << 20).unwrap();
    // As etcd does with its log; and one whose pages of zeros were read since, which the system then calls data.
    let log = fs::File::create(path("0.wal")).unwrap();
    fallocate(&log, FallocateFlags::empty(), 0, 64_000_000).unwrap();
    log.write_all_at(&[9; 3000], 0).unwrap();
    log.sync_all().unwrap();
    let zeros = fs::File::create(path("1.wal")).unwrap();
    zeros.write_all_at(&vec![0; 10_000_000], 0).unwrap();
    zeros.write_all_at(&[9; 3000], 0).unwrap();
    for (name, seconds, nanoseconds) in [
        ("empty", 1_600_000_000, 123_456_789),
        ("511", -2, 250_000_000),
        ("512", 1 << 33, 1),
        ("dangling", 1_500_000_000, 5),
        ("pipe", 1_400_000_000, 0),
        ("a/b", 1_300_000_000, 999_999_999),
    ] {
        at(&path(name), seconds, nanoseconds);
    }
}

/// What is to be the same of a name, as text.
fn state(path: &Path, with_lists: bool) -> String {
    let found = fs::symlink_metadata(path).unwrap();
    let kind = found.file_type();
    let mut said = format!("{:o} {}:{}", found.mode(), found.uid(), found.gid());
    said += &format!(" {}.{:09}", found.mtime(), found.mtime_nsec());
    if kind.is_file() {
        said += &format!(" {} bytes {}", found.size(), sha256(&fs::read(path).unwrap()));
    }
    if kind.is_symlink() {
        said += &format!(" -> {}", fs::read_link(path).unwrap().display());
    }
    if !kind.is_dir() {
        said += &format!(" {} links, device {}", found.nlink(), found.rdev());
    }
    let mut names = vec![0; 65_536];
    let bytes = llistxattr(path, &mut *names).unwrap();
    let mut attributes: Vec<_> = names[..bytes].split(|byte| *byte == 0).filter(|name| !name.is_empty()).collect();
    attributes.sort_unstable();
    for name in attributes {
        let mut value = vec![0; 65_536];
        let bytes = lgetxattr(path, name, &mut *value).unwrap();
        if with_lists || !name.starts_with(b"system.") {
            said += &format!(" {}={}", name.escape_ascii(), value[..bytes].escape_ascii());
        }
    }
    said
}

fn states(root: &Path, with_lists: bool) -> BTreeMap<PathBuf, String> {
    let mut folders = vec![root.to_path_buf()];
    let mut states = BTreeMap::from([(PathBuf::new(), state(root, with_lists))]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            states.insert(path.strip_prefix(root).unwrap().to_path_buf(), state(&path, with_lists));
            if path.symlink_metadata().unwrap().is_dir() {
                folders.push(path);
            }
        }
    }
    states
}

fn assert_same(expected: &BTreeMap<PathBuf, String>, found: &BTreeMap<PathBuf, String>) {
    for (path, state) in expected {
        assert_eq!(found.get(path), Some(state), "{}", path.display());
    }
    assert_eq!(found.len(), expected.len());
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    veritar::digest::hex(&<[u8; 32]>::from(sha2::Sha256::digest(bytes)))
}

/// Runs a program that must end well.
fn run(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{command:?}: {said}");
    said
}

/// Packs a tree with everything, and lets others compare and restore it.
fn others_restore_it(test: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("tree");
    fs::create_dir(&root).unwrap();
    tree(&root);
    let expected = states(&root, true);
    let (bytes, packed) = packed(&root, &Options::default());
    assert_eq!((packed.skipped, packed.changed), (Vec::new(), Vec::new()));
    assert_eq!(packed.members, expected.len() as u64);
    // 83 MB with their holes.
    assert!(bytes.len() < 1_000_000, "{} bytes: the holes are stored", bytes.len());
    let archive = folder.path().join("archive.tar");
    fs::write(&archive, &bytes).unwrap();
    if program(test, "tar") {
        let mut command = Command::new("tar");
        command.args(["--compare", "--xattrs", "--file"]).arg(&archive).arg("-C").arg(&root);
        assert_eq!(run(&mut command), "");
        let target = folder.path().join("restored by tar");
        fs::create_dir(&target).unwrap();
        let mut command = Command::new("tar");
        command.args(["--extract", "--preserve-permissions", "--xattrs", "--xattrs-include=*", "--acls", "--file"]);
        let said = run(command.arg(&archive).arg("-C").arg(&target).env("TZ", "UTC"));
        assert!(said.lines().all(|line| line.contains("time stamp")), "{said}");
        assert_same(&expected, &states(&target, true));
    }
    if program(test, "bsdtar") {
        let target = folder.path().join("restored by bsdtar");
        fs::create_dir(&target).unwrap();
        let mut command = Command::new("bsdtar");
        command.args(["-x", "-p", "--xattrs", "--acls", "-f"]).arg(&archive).arg("-C").arg(&target);
        run(command.env("LC_ALL", "C.UTF-8"));
        // It takes a fraction before 1970 for one after the second.
        at(&target.join("511"), -2, 250_000_000);
        let mut found = states(&target, true);
        // Nor does it give the folder it restores into its time back.
        found.insert(PathBuf::new(), expected[Path::new("")].clone());
        assert_same(&expected, &found);
    }
}

#[test]
fn a_tree_is_restored_as_it_was() {
    others_restore_it("a_tree_is_restored_as_it_was");
}

/// Does something as nobody, on a thread of its own.
fn as_nobody(test: &str, work: impl FnOnce() + Send) {
    if !is_root() {
        println!("skipped {test}: not root, so the other tests show it");
        return;
    }
    thread::scope(|scope| {
        let done = scope.spawn(|| {
            use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
            let (gid, uid) = (Gid::from_raw(65_534), Uid::from_raw(65_534));
            set_thread_groups(&[]).unwrap();
            set_thread_res_gid(gid, gid, gid).unwrap();
            set_thread_res_uid(uid, uid, uid).unwrap();
            work();
        });
        if let Err(panic) = done.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn a_user_without_rights_packs_what_is_his() {
    let test = "a_user_without_rights_packs_what_is_his";
    as_nobody(test, || others_restore_it(test));
}

#[test]
fn what_may_not_be_read_is_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("secret"), "x").unwrap();
    mode(folder.path(), 0o755);
    mode(&folder.path().join("secret"), 0o600);
    as_nobody("what_may_not_be_read_is_no_archive", || {
        let trouble = pack(folder.path(), &Options::default(), &mut io::sink()).expect_err("a secret of root's");
        let said = trouble.to_string();
        assert!(said.starts_with("failed to open ./secret: Permission denied"), "{said}");
        assert!(said.ends_with("such as root"), "{said}");
    });
}

#[test]
fn the_same_tree_gives_the_same_bytes_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    tree(folder.path());
    let (first, _) = packed(folder.path(), &Options::default());
    let (second, _) = packed(folder.path(), &Options::default());
    assert!(first == second);
    let (members, _) = parsed(&first, 1 << 20);
    let top: Vec<_> = members.iter().filter(|member| !member.path[2..].contains(&b'/')).map(|m| &m.path).collect();
    assert!(top.is_sorted(), "{top:?}");
    let place = |path: &[u8]| members.iter().position(|member| member.path == path).unwrap();
    assert!(place(b"./a/") < place(b"./a/b/") && place(b"./a/b/c/deep") < place(b"./a.b/"));
    assert_eq!(members[place(b"./large")].kind, EntryKind::Hardlink);
    assert_eq!(members[place(b"./large")].link, b"./a/b/second");
    assert_eq!(members[place(b"./a/b/second")].size, 700_001);
}

#[test]
fn the_root_has_the_name_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("raft")).unwrap();
    fs::write(folder.path().join("state.json"), "{}").unwrap();
    // The root itself may be a link; nothing below is followed.
    let link = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(folder.path(), link.path().join("swarm")).unwrap();
    for (prefix, first) in [("", "./"), ("swarm", "swarm/"), ("swarm/", "swarm/"), ("var/lib/swarm", "var/lib/swarm/")]
    {
        let options = Options { prefix: prefix.into(), ..Options::default() };
        let (bytes, _) = packed(&link.path().join("swarm"), &options);
        let names: Vec<_> = parsed(&bytes, 1 << 20).0.into_iter().map(|member| member.path).collect();
        let expected = ["", "raft/", "state.json"].map(|name| format!("{first}{name}").into_bytes());
        assert_eq!(names, expected);
    }
    for prefix in ["/", "/swarm", "..", "a/../b", "a\0b"] {
        let options = Options { prefix: prefix.into(), ..Options::default() };
        let trouble = pack(folder.path(), &options, &mut io::sink());
        assert!(matches!(trouble, Err(Trouble::Prefix(_))), "{prefix:?}: {trouble:?}");
    }
    for root in [folder.path().join("state.json"), folder.path().join("none")] {
        let trouble = pack(&root, &Options::default(), &mut io::sink());
        assert!(matches!(trouble, Err(Trouble::Root { .. })), "{trouble:?}");
    }
}

#[test]
fn owners_have_names_unless_numbers_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let first = |options: &Options<'_>| parsed(&packed(folder.path(), options).0, 1 << 20).0.remove(0);
    let numeric = first(&Options { numeric_owner: true, ..Options::default() });
    assert_eq!((numeric.uname, numeric.gname), (Vec::new(), Vec::new()));
    if is_root() {
        let named = first(&Options::default());
        assert_eq!((&*named.uname, &*named.gname), (&b"root"[..], &b"root"[..]));
    }
}

#[test]
fn attributes_stand_in_the_archive_in_known_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "x").unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
    if !attribute(&path, "user.b", b"2") || !attribute(&path, "system.posix_acl_access", &list()) {
        println!("skipped attributes_stand_in_the_archive_in_known_keys: no attributes on this file system");
        return;
    }
    attribute(&path, "user.a", b"1");
    // Neither can stand in a pax header.
    attribute(&path, "user.empty", b"");
    attribute(&path, "user.a=b", b"1");
    let has_trusted = attribute(&folder.path().join("link"), "trusted.link", b"of the link itself");
    let (bytes, found) = packed(folder.path(), &Options::default());
    let members = parsed(&bytes, 1 << 20).0;
    let expected = |name: &str, value: &str| Attribute { name: name.into(), value: value.into() };
    let list = "user::rw-,user:1000:rw-,group::r--,mask::rw-,other::---";
    assert_eq!(
        members[1].attributes,
        [expected("SCHILY.acl.access", list), expected("user.a", "1"), expected("user.b", "2")]
    );
    if has_trusted {
        assert_eq!(members[2].attributes, [expected("trusted.link", "of the link itself")]);
    }
    let mut skipped: Vec<_> = found.skipped.iter().map(|skipped| skipped.why.to_string()).collect();
    skipped.sort();
    assert_eq!(skipped.len(), 2, "{skipped:?}");
    assert!(skipped[0].starts_with("its attribute user.a=b is not kept"), "{skipped:?}");
    assert!(skipped[1].starts_with("its attribute user.empty is not kept"), "{skipped:?}");
    let (bytes, found) = packed(folder.path(), &Options { attributes: false, ..Options::default() });
    assert!(parsed(&bytes, 1 << 20).0.iter().all(|member| member.attributes.is_empty()));
    assert_eq!(found.skipped, []);
}

#[test]
fn what_is_left_out_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let own = folder.path().join("own.tar");
    fs::write(&own, "the archive itself").unwrap();
    let found = fs::metadata(&own).unwrap();
    let options = Options { leave_out: vec![(found.dev(), found.ino())], ..Options::default() };
    let (bytes, packed) = packed(folder.path(), &options);
    let skipped = |path: &str, why| Skipped { path: path.into(), why };
    assert_eq!(packed.skipped, [skipped("./own.tar", Why::LeftOut), skipped("./socket", Why::Socket)]);
    assert_eq!(parsed(&bytes, 1 << 20).0.len(), 1);
}

#[test]
fn other_file_systems_are_left_out_where_asked() {
    let test = "other_file_systems_are_left_out_where_asked";
    let device = |path: &str| fs::metadata(path).map(|found| found.dev()).ok();
    if !is_root() || device("/dev/shm").is_none_or(|shm| device("/dev") == Some(shm)) {
        println!("skipped {test}: not root, or nothing is mounted on /dev/shm");
        return;
    }
    let shm = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut bytes = Vec::new();
    let options = Options { one_file_system: true, prefix: b"dev".to_vec(), ..Options::default() };
    let packed = pack(Path::new("/dev"), &options, &mut bytes).unwrap();
    let expected = Skipped { path: b"dev/shm/".to_vec(), why: Why::OtherFileSystem };
    assert!(packed.skipped.contains(&expected), "{:?}", packed.skipped);
    let (members, _) = parsed(&bytes, 1 << 20);
    assert!(members.iter().any(|member| member.path == b"dev/shm/"));
    assert!(members.iter().all(|member| !member.path.starts_with(b"dev/shm/.")), "{:?}", shm.path());
    let null = members.iter().find(|member| member.path == b"dev/null").unwrap();
    assert_eq!((null.kind, null.device), (EntryKind::Character, Some((1, 3))));
}

#[test]
fn a_file_of_very_many_holes_stays_within_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("holes")).unwrap();
    for index in 0..10_500 {
        file.write_all_at(&[1], index * 8192).unwrap();
    }
    // One large hole that is worth it.
    file.set_len(200 << 20).unwrap();
    let (bytes, _) = packed(folder.path(), &Options::default());
    let (members, odd) = parsed(&bytes, 1 << 20);
    assert!(odd.iter().all(|odd| matches!(odd.kind, AnomalyKind::Sparse { .. })), "{odd:?}");
    assert!(members[1].content == fs::read(folder.path().join("holes")).unwrap());
    assert!(bytes.len() < 100 << 20);
}

/// Does something when the first piece of the archive is written: the tree is in the middle of being packed.
struct Meddler<F> {
    first: Option<F>,
    bytes: Vec<u8>,
}

impl<F: FnOnce()> Write for Meddler<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(first) = self.first.take() {
            first();
        }
        self.bytes.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Packs `a`, of two megabytes, and `b` beside it, while `meddle` works on the folder.
fn meddled(meddle: impl FnOnce(&Path)) -> Result<(Vec<u8>, Packed), Trouble> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), vec![b'a'; 2 << 20]).unwrap();
    fs::create_dir(folder.path().join("b")).unwrap();
    fs::write(folder.path().join("b/inside"), "b").unwrap();
    fs::write(folder.path().join("c"), "c").unwrap();
    let mut out = Meddler { first: Some(|| meddle(folder.path())), bytes: Vec::new() };
    let options = Options { prefix: b"x".to_vec(), ..Options::default() };
    let packed = pack(folder.path(), &options, &mut out)?;
    let (_, odd) = parsed(&out.bytes, 1 << 20);
    assert!(odd.is_empty(), "{odd:?}");
    Ok((out.bytes, packed))
}

/// What is reported, by path.
fn changes(packed: &Packed) -> Vec<(&str, Change)> {
    packed.changed.iter().map(|changed| (std::str::from_utf8(&changed.path).unwrap(), changed.how)).collect()
}

#[test]
fn a_file_that_shrinks_ends_the_archive() {
    let cut = |root: &Path| fs::File::options().write(true).open(root.join("a")).unwrap().set_len(1 << 20).unwrap();
    let trouble = meddled(cut).expect_err("a short file");
    let Trouble::Shrank { path, announced, got } = &trouble else { panic!("{trouble}") };
    assert_eq!((&**path, *announced, *got), (&b"x/a"[..], 2 << 20, 1 << 20));
}

#[test]
fn what_changes_otherwise_is_told() {
    let grow = |root: &Path| {
        fs::File::options().append(true).open(root.join("a")).unwrap().write_all(b"more").unwrap();
    };
    let (bytes, packed) = meddled(grow).unwrap();
    assert_eq!(changes(&packed), [("x/a", Change::Size { announced: 2 << 20, now: (2 << 20) + 4 })]);
    assert!(parsed(&bytes, 1 << 20).0[1].content == vec![b'a'; 2 << 20]);

    let touch = |root: &Path| fs::File::options().write(true).open(root.join("a")).unwrap().write_all(b"A").unwrap();
    assert_eq!(changes(&meddled(touch).unwrap().1), [("x/a", Change::Touched)]);

    let remove = |root: &Path| ["a", "c"].iter().for_each(|name| fs::remove_file(root.join(name)).unwrap());
    let (bytes, packed) = meddled(remove).unwrap();
    assert_eq!(changes(&packed), [("x/a", Change::Removed), ("x/c", Change::Gone), ("x/", Change::Names)]);
    assert!(parsed(&bytes, 1 << 20).0.iter().all(|member| member.path != b"x/c"));
}

/// A folder becomes a link to somewhere else, a file a folder, and a file a pipe that nobody writes to.
#[test]
fn a_tree_that_is_replaced_leads_nowhere() {
    let swap = |root: &Path| {
        fs::remove_dir_all(root.join("b")).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("b")).unwrap();
        fs::remove_file(root.join("c")).unwrap();
        mknodat(CWD, root.join("c"), FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    };
    let (bytes, packed) = meddled(swap).unwrap();
    let members: Vec<_> = parsed(&bytes, 1 << 20).0.into_iter().map(|m| (m.path, m.kind, m.link)).collect();
    let text = |text: &str| text.as_bytes().to_vec();
    assert_eq!(members[2], (text("x/b"), EntryKind::Symlink, text("/etc")));
    assert_eq!(members[3], (text("x/c"), EntryKind::Fifo, Vec::new()));
    assert_eq!(changes(&packed), [("x/", Change::Names)]);
    let swap = |root: &Path| {
        fs::remove_file(root.join("c")).unwrap();
        fs::create_dir(root.join("c")).unwrap();
        fs::write(root.join("c/new"), "new").unwrap();
        fs::remove_dir_all(root.join("b")).unwrap();
        fs::write(root.join("b"), "a file").unwrap();
    };
    let (bytes, _) = meddled(swap).unwrap();
    let names: Vec<_> = parsed(&bytes, 1 << 20).0.into_iter().map(|member| member.path).collect();
    assert_eq!(names, ["x/", "x/a", "x/b", "x/c/", "x/c/new"].map(|name| name.as_bytes().to_vec()));
}

#[test]
fn it_stops_when_asked_to() {
    let stop = AtomicBool::new(false);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a"), vec![b'a'; 2 << 20]).unwrap();
    let mut out = Meddler { first: Some(|| stop.store(true, Ordering::Relaxed)), bytes: Vec::new() };
    let options = Options { stop: Some(&stop), ..Options::default() };
    assert!(matches!(pack(folder.path(), &options, &mut out), Err(Trouble::Stopped)));
    assert_eq!(out.bytes.len(), 256 << 10, "one piece and no more");
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_archive_that_cannot_be_written_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let trouble = pack(folder.path(), &Options::default(), &mut Full).expect_err("no room");
    let Trouble::Write(error) = &trouble else { panic!("{trouble}") };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!(trouble.to_string(), "failed to write the archive: no storage space");
}
