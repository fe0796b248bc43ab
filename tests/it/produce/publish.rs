//! Getting a name: the road, and everything that must keep an archive from getting one.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use veritar::digest::{Digests, Hasher, Hashes, hex};
use veritar::produce::publish::{Folder, Place, Published, RESERVE_BYTES, ReadBack, Trouble, Writer, Written};

pub const NAME: &str = "swarm-24.0.7-host-1700000000Z.tar";
pub const LOCK: &str = ".veritar.lock";

/// Bytes that are like nothing else, more than one chunk of them.
pub fn content() -> Vec<u8> {
    (0..700_001_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// A sidecar as a run would write it.
pub fn manifest(name: &str, family: &str, sequence: u64, created: &str, bytes: &[u8]) -> Vec<u8> {
    let sha256 = Hasher::of(Hashes::SHA256, bytes).sha256.unwrap();
    format!(
        "{{\"archive\":\"{name}\",\"family\":\"{family}\",\"sequence\":{sequence},\"created\":\"{created}\",\
         \"bytes\":{},\"digests\":{{\"sha256\":\"{}\"}},\"verdict\":\"pass\"}}\n",
        bytes.len(),
        hex(&sha256)
    )
    .into_bytes()
}

/// The sidecar of [`NAME`] with [`content`].
pub fn sidecar() -> Vec<u8> {
    manifest(NAME, "swarm-host", 1, "2026-01-10T00:00:00Z", &content())
}

/// Prepares for `name` and writes `bytes` in pieces of many sizes.
fn write(folder: &Folder, name: &str, bytes: &[u8]) -> (Place, Written) {
    let (place, mut writer) = folder.place(name, Some(bytes.len() as u64), Hashes::SHA256).unwrap();
    let mut rest = bytes;
    for size in [1, 511, 100_000, 200_000, 300_000].into_iter().cycle() {
        let (piece, after) = rest.split_at(size.min(rest.len()));
        writer.write_all(piece).unwrap();
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(writer.bytes(), bytes.len() as u64);
    (place, writer.finish().unwrap())
}

/// A whole run in this process.
pub fn run(folder: &Folder, name: &str, bytes: &[u8], sidecar: &[u8]) -> Result<Published, Trouble> {
    let (mut place, written) = write(folder, name, bytes);
    place.publish(written, sidecar, ReadBack::Digests)
}

pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Nothing but the lock is there.
fn assert_empty(folder: &Path) {
    assert_eq!(names(folder), [LOCK]);
}

/// A small file system in memory, mounted as long as this lives.
pub struct Mounted(PathBuf);

impl Mounted {
    /// None, and a line that says so, where this is not allowed.
    pub fn new(test: &str, at: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "veritar-test"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.to_owned()));
        }
        println!("skipped {test}: a tmpfs cannot be mounted here");
        None
    }

    pub fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn an_archive_gets_its_name_its_mode_and_its_sidecar() {
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    assert_eq!(folder.next("swarm-host").unwrap(), 1);
    let (mut place, written) = write(&folder, NAME, &content());
    // While it is written there is a hidden name, for the owner alone.
    let during = names(target.path());
    assert_eq!(during.len(), 2, "{during:?}");
    assert!(during[0].starts_with(&format!(".{NAME}.partial-")), "{during:?}");
    assert_eq!(fs::metadata(place.partial()).unwrap().permissions().mode() & 0o7777, 0o600);

    let mut seen = Vec::new();
    let mut look = |file: &File| {
        let mut file = file;
        file.read_to_end(&mut seen).map(drop)
    };
    let published = place.publish(written, &sidecar(), ReadBack::With(&mut look)).unwrap();
    assert_eq!(seen, content());
    assert_eq!(published.archive, target.path().join(NAME));
    assert_eq!(published.bytes, content().len() as u64);
    assert_eq!(published.digests, Hasher::of(Hashes::SHA256, &content()));
    assert_eq!(fs::read(&published.archive).unwrap(), content());
    assert_eq!(fs::read(&published.sidecar).unwrap(), sidecar());
    for file in [&published.archive, &published.sidecar] {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o600);
    }
    drop(place);
    assert_eq!(names(target.path()), [LOCK, NAME, &format!("{NAME}.manifest.json")]);
    assert_eq!(folder.next("swarm-host").unwrap(), 2);
    assert_eq!(folder.next("another").unwrap(), 1);
}

#[test]
fn nothing_is_hashed_that_nobody_asked_for() {
    let target = tempfile::tempdir().unwrap();
    let (mut place, mut writer) = Folder::lock(target.path()).unwrap().place(NAME, None, Hashes::NONE).unwrap();
    writer.write_all(&content()).unwrap();
    let written = writer.finish().unwrap();
    assert_eq!(written.digests(), Digests::default());
    // A second read is held against the sidecar's digest then.
    place.publish(written, &sidecar(), ReadBack::Digests).unwrap();
}

#[test]
fn a_second_read_without_any_digest_is_refused_and_one_with_the_sidecars_finds_damage() {
    use std::os::unix::fs::FileExt as _;
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    let no_digest = String::from_utf8(sidecar()).unwrap().replace("sha256", "md5").into_bytes();
    for (sidecar, damage, said) in
        [(&no_digest, false, "no digest is known"), (&sidecar(), true, "gives back other bytes")]
    {
        let (mut place, mut writer) = folder.place(NAME, None, Hashes::NONE).unwrap();
        writer.write_all(&content()).unwrap();
        let written = writer.finish().unwrap();
        if damage {
            File::options().write(true).open(place.partial()).unwrap().write_all_at(b"?!", 400_000).unwrap();
        }
        let refused = place.publish(written, sidecar, ReadBack::Digests).unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
        drop(place);
        assert_empty(target.path());
    }
}

#[test]
fn all_of_it_can_be_sent_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<(Folder, Place, Writer, Written, Trouble)>();
}

#[test]
fn two_runs_at_once_are_one_too_many() {
    let target = tempfile::tempdir().unwrap();
    let first = Folder::lock(target.path()).unwrap();
    let busy = Folder::lock(target.path()).unwrap_err();
    let said = busy.to_string();
    assert!(matches!(busy, Trouble::Busy { .. }), "{said}");
    assert!(said.contains(&format!("process {} on ", std::process::id())) && said.contains(" since 20"), "{said}");
    // A place holds the lock as well as the folder does, and the first is not disturbed.
    let (mut place, written) = write(&first, NAME, &content());
    drop(first);
    Folder::lock(target.path()).unwrap_err();
    place.publish(written, &sidecar(), ReadBack::No).unwrap();
    drop(place);
    Folder::lock(target.path()).unwrap();
}

#[test]
fn what_a_lock_says_cannot_harm_a_terminal() {
    let target = tempfile::tempdir().unwrap();
    let _first = Folder::lock(target.path()).unwrap();
    fs::write(target.path().join(LOCK), "process \u{1b}[2J1").unwrap();
    let said = Folder::lock(target.path()).unwrap_err().to_string();
    assert!(!said.contains('\u{1b}') && said.contains("[2J1"), "{said}");
    fs::write(target.path().join(LOCK), "").unwrap();
    assert!(Folder::lock(target.path()).unwrap_err().to_string().contains("has not said yet"));
}

#[test]
fn a_lock_that_somebody_removed_does_not_cost_a_run_its_file() {
    let target = tempfile::tempdir().unwrap();
    let first = Folder::lock(target.path()).unwrap();
    let (mut place, written) = write(&first, NAME, &content());
    fs::remove_file(target.path().join(LOCK)).unwrap();
    let second = Folder::lock(target.path()).unwrap();
    let [left] = second.leftovers() else { panic!("{:?}", second.leftovers()) };
    assert_eq!((&left.path, left.removed), (&place.partial(), false));
    // Both may publish; the second to come under one name does not overwrite.
    run(&second, NAME, &content(), &sidecar()).unwrap();
    let taken = place.publish(written, &sidecar(), ReadBack::No).unwrap_err();
    assert!(matches!(taken, Trouble::Refused { .. } | Trouble::Taken { .. }), "{taken}");
    assert_eq!(fs::read(target.path().join(NAME)).unwrap(), content());
}

#[test]
fn a_lock_that_leads_elsewhere_is_not_followed() {
    let target = tempfile::tempdir().unwrap();
    let precious = target.path().join("precious");
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, target.path().join(LOCK)).unwrap();
    Folder::lock(target.path()).unwrap_err();
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
}

#[test]
fn names_that_are_none_and_names_that_are_taken() {
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    for bad in ["", ".hidden", "../up", "/root", "a\nb", "a.manifest.json", "a.failed", "a.failed.2"] {
        let trouble = folder.place(bad, None, Hashes::NONE).err().unwrap();
        assert!(matches!(trouble, Trouble::Name { .. }), "{bad}: {trouble}");
        assert!(!trouble.to_string().contains('\n'));
    }
    let taken = ["file", "folder", "link", "sidecar"];
    fs::write(target.path().join("file"), "kept").unwrap();
    fs::create_dir(target.path().join("folder")).unwrap();
    symlink("nowhere", target.path().join("link")).unwrap();
    fs::write(target.path().join("sidecar.manifest.json"), "kept").unwrap();
    for name in taken {
        let trouble = folder.place(name, None, Hashes::NONE).err().unwrap();
        assert!(matches!(trouble, Trouble::Taken { .. }), "{name}: {trouble}");
    }
    assert_eq!(names(target.path()), [LOCK, "file", "folder", "link", "sidecar.manifest.json"]);
    assert_eq!(fs::read(target.path().join("file")).unwrap(), b"kept");
}

#[test]
fn a_target_that_appears_meanwhile_is_not_overwritten() {
    for (appears, is_named) in [(NAME.to_owned(), false), (format!("{NAME}.manifest.json"), true)] {
        let target = tempfile::tempdir().unwrap();
        let folder = Folder::lock(target.path()).unwrap();
        let (mut place, written) = write(&folder, NAME, &content());
        fs::write(target.path().join(&appears), "somebody else's").unwrap();
        let taken = place.publish(written, &sidecar(), ReadBack::No).unwrap_err();
        assert!(matches!(taken, Trouble::Taken { .. }), "{appears}: {taken}");
        assert_eq!(fs::read(target.path().join(&appears)).unwrap(), b"somebody else's");
        // Where the sidecar's name was taken, the archive had its name for a moment and gave it back.
        assert!(!is_named || !target.path().join(NAME).exists());
        let kept = place.fail(b"{}", true).unwrap().unwrap();
        assert_eq!(fs::read(kept).unwrap(), content());
        let failed = format!("{NAME}.failed");
        let mut wanted = [LOCK.to_owned(), appears, format!("{failed}.json"), failed];
        wanted.sort();
        assert_eq!(names(target.path()), wanted);
    }
}

#[test]
fn what_failed_is_kept_aside_or_removed_and_never_both_names() {
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    let failed = |bytes: &[u8], keep| write(&folder, NAME, bytes).0.fail(b"{\"why\":1}", keep).unwrap();
    assert_eq!(failed(b"one", false), None);
    assert_empty(target.path());
    assert_eq!(failed(b"one", true), Some(target.path().join(format!("{NAME}.failed"))));
    assert_eq!(failed(b"two", true), Some(target.path().join(format!("{NAME}.failed.2"))));
    assert_eq!(fs::read(target.path().join(format!("{NAME}.failed"))).unwrap(), b"one");
    assert_eq!(fs::read(target.path().join(format!("{NAME}.failed.2"))).unwrap(), b"two");
    assert_eq!(fs::read(target.path().join(format!("{NAME}.failed.2.json"))).unwrap(), b"{\"why\":1}");
    drop(write(&folder, NAME, b"three"));
    assert_eq!(names(target.path()).len(), 5, "{:?}", names(target.path()));
    // A report without its file still keeps its name.
    fs::remove_file(target.path().join(format!("{NAME}.failed"))).unwrap();
    assert_eq!(failed(b"four", true), Some(target.path().join(format!("{NAME}.failed.3"))));
}

#[test]
fn what_dead_runs_left_is_removed_and_nothing_else() {
    let target = tempfile::tempdir().unwrap();
    let left = format!(".{NAME}.partial-0123abcd");
    let others = [".a.partial-0123abcde", ".a.partial", "a.partial-0123abcd", "b.tar", "b.tar.failed"];
    for name in others.iter().copied().chain([left.as_str()]) {
        fs::write(target.path().join(name), "half").unwrap();
    }
    fs::create_dir(target.path().join(".d.partial-0123abcd")).unwrap();
    symlink("b.tar", target.path().join(".l.partial-0123abcd")).unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    let told: Vec<_> = folder.leftovers().iter().map(|left| (left.path.clone(), left.removed)).collect();
    let at = |name: &str| target.path().join(name);
    assert_eq!(told, [(at(".d.partial-0123abcd"), false), (at(".l.partial-0123abcd"), false), (at(&left), true)]);
    assert_eq!(folder.leftovers()[2].bytes, 4);
    for name in others {
        assert_eq!(fs::read(at(name)).unwrap(), b"half", "{name}");
    }
    assert!(!at(&left).exists());
}

#[test]
fn what_changed_since_it_was_written_gets_no_name() {
    type Harm = fn(&Path);
    let harms: [(&str, Harm); 4] = [
        ("cut", |partial| File::options().write(true).open(partial).unwrap().set_len(10).unwrap()),
        ("longer", |partial| File::options().append(true).open(partial).unwrap().write_all(b"x").unwrap()),
        ("gone", |partial| fs::remove_file(partial).unwrap()),
        ("another", |partial| {
            fs::remove_file(partial).unwrap();
            fs::write(partial, content()).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let target = tempfile::tempdir().unwrap();
        let folder = Folder::lock(target.path()).unwrap();
        let (mut place, written) = write(&folder, NAME, &content());
        harm(&place.partial());
        let refused = place.publish(written, &sidecar(), ReadBack::No).unwrap_err();
        assert!(matches!(refused, Trouble::Refused { .. }), "{what}: {refused}");
        drop(place);
        assert_empty(target.path());
    }
}

#[test]
fn the_second_read_finds_what_the_disk_changed() {
    use std::os::unix::fs::FileExt as _;
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    let (mut place, written) = write(&folder, NAME, &content());
    File::options().write(true).open(place.partial()).unwrap().write_all_at(b"?!", 400_000).unwrap();
    let refused = place.publish(written, &sidecar(), ReadBack::Digests).unwrap_err();
    assert!(refused.to_string().contains("gives back other bytes"), "{refused}");
    drop(place);
    assert_empty(target.path());

    let (mut place, written) = write(&folder, NAME, &content());
    let mut look = |_: &File| Err(io::Error::other("the rules do not hold any more"));
    let refused = place.publish(written, &sidecar(), ReadBack::With(&mut look)).unwrap_err();
    assert!(refused.to_string().contains("rules do not hold"), "{refused}");
    drop(place);
    assert_empty(target.path());
}

#[test]
fn a_sidecar_must_speak_of_what_was_written() {
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    let day = "2026-01-10T00:00:00Z";
    let json = |from: &str, to: &str| String::from_utf8(sidecar()).unwrap().replace(from, to).into_bytes();
    let wrong = [
        ("none", Vec::new()),
        ("no object", b"[]".to_vec()),
        ("another archive", manifest("other.tar", "f", 1, day, &content())),
        ("another length", json("700001", "700000")),
        ("other content", manifest(NAME, "f", 1, day, &vec![0; content().len()])),
        ("no family", json("family", "kin")),
        ("no time", json(day, "yesterday")),
        ("no number", json("sequence", "number")),
        ("a number that was given", json("\"sequence\":1", "\"sequence\":0")),
        ("too long", [sidecar(), vec![b' '; 16 << 20]].concat()),
    ];
    for (what, wrong) in wrong {
        let refused = run(&folder, NAME, &content(), &wrong).unwrap_err();
        assert!(matches!(refused, Trouble::Refused { .. }), "{what}: {refused}");
        assert_empty(target.path());
    }
    let refused = run(&folder, NAME, b"", &manifest(NAME, "f", 1, day, b"")).unwrap_err();
    assert!(refused.to_string().contains("nothing was written"), "{refused}");
    assert_empty(target.path());
}

#[test]
fn a_folder_that_vanishes_takes_no_archive_with_it() {
    let outer = tempfile::tempdir().unwrap();
    let target = outer.path().join("target");
    fs::create_dir(&target).unwrap();
    let folder = Folder::lock(&target).unwrap();
    let (mut place, written) = write(&folder, NAME, &content());
    fs::remove_dir_all(&target).unwrap();
    let gone = place.publish(written, &sidecar(), ReadBack::No).unwrap_err();
    assert!(gone.to_string().contains("is its disk mounted?"), "{gone}");
    place.fail(b"{}", true).unwrap_err();
    assert!(!target.exists());
    Folder::lock(&target).unwrap_err();

    // Something else is there now: the archive must not be said to be in it.
    fs::create_dir(&target).unwrap();
    let folder = Folder::lock(&target).unwrap();
    let (mut place, written) = write(&folder, NAME, &content());
    let moved = outer.path().join("moved");
    fs::rename(&target, &moved).unwrap();
    fs::create_dir(&target).unwrap();
    let elsewhere = place.publish(written, &sidecar(), ReadBack::No).unwrap_err();
    assert!(elsewhere.to_string().contains("leads elsewhere"), "{elsewhere}");
    drop(place);
    assert_empty(&moved);
    assert!(names(&target).is_empty());

    Folder::lock(&outer.path().join("never")).unwrap_err();
    fs::write(outer.path().join("file"), "").unwrap();
    Folder::lock(&outer.path().join("file")).unwrap_err();
}

#[test]
fn a_folder_without_room_or_right_is_refused_beforehand() {
    let test = "a_folder_without_room_or_right_is_refused_beforehand";
    let target = tempfile::tempdir().unwrap();
    let folder = Folder::lock(target.path()).unwrap();
    let space = folder.place(NAME, Some(u64::MAX / 2), Hashes::NONE).err().unwrap();
    assert!(matches!(space, Trouble::Space { .. }), "{space}");
    assert_empty(target.path());

    let Some(mounted) = Mounted::new(test, &target.path().join("small"), "size=12m") else { return };
    let small = target.path().join("small");
    let folder = Folder::lock(&small).unwrap();
    folder.place(NAME, Some(3 << 20), Hashes::NONE).unwrap();
    let space = folder.place(NAME, Some(5 << 20), Hashes::NONE).err().unwrap();
    assert!(space.to_string().contains(&(RESERVE_BYTES + (5 << 20)).to_string()), "{space}");
    assert_empty(&small);
    drop(folder);
    mounted.remount("ro");
    let readonly = Folder::lock(&small).unwrap_err();
    assert!(readonly.to_string().contains("mount it for writing"), "{readonly}");
}

#[test]
fn a_full_disk_gives_no_name() {
    let target = tempfile::tempdir().unwrap();
    let small = target.path().join("small");
    let Some(_mounted) = Mounted::new("a_full_disk_gives_no_name", &small, "size=9m") else { return };
    let folder = Folder::lock(&small).unwrap();
    let (place, mut writer) = folder.place(NAME, None, Hashes::SHA256).unwrap();
    let full = (0..100).find_map(|_| writer.write_all(&[7; 300_000]).err()).unwrap();
    assert_eq!(full.kind(), io::ErrorKind::StorageFull);
    assert!(full.to_string().contains("make room"), "{full}");
    assert!(full.downcast::<Trouble>().is_ok());
    // Whoever wrote may not have told: the writer does not forget, though there were room again.
    fs::write(small.join("x"), "").unwrap();
    writer.write_all(b"more").unwrap_err();
    assert!(matches!(writer.finish().unwrap_err(), Trouble::System { .. }));
    // The half was to be kept aside; its report finds no room, and that is made for it.
    let kept = place.fail(&[b' '; 100_000], true).unwrap();
    assert_eq!(kept, Some(small.join(format!("{NAME}.failed.json"))));
    assert_eq!(names(&small), [LOCK, &format!("{NAME}.failed.json"), "x"]);
    assert_eq!(fs::read(kept.unwrap()).unwrap(), [b' '; 100_000]);
}
