//! The judgement over a node's whole Raft log: parts of real Swarms, logs of several files, and what may be missing.

use std::collections::BTreeMap;
use std::io::Read as _;

use veritar::limits::Limits;
use veritar::probe::raft::{Judged, Key, Log, Snapshot, judge};
use veritar::probe::{Evidence, Settings, Subject, find};
use veritar::secret::Secret;

use crate::build::raft::{Wal, clear, key_file, number, sealed, snapshot};
use crate::support::corpus;

pub const OPEN: &str = "swarm-20.10.24.tgz";
pub const AUTOLOCK: &str = "swarm-20.10.24-autolock.tgz";
/// The unlock key of the Swarm in [`AUTOLOCK`].
pub const UNLOCK: &str = "SWMKEY-1-Hq1TLyTxex4kwbp0TIQduzr40OtMifPuUK1JkB7pNig";

const KEY: [u8; 32] = [9; 32];

/// Files of a Swarm's folder, by their paths in it.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The files of a Swarm kept in the corpus.
pub fn kept(name: &str) -> Files {
    let archive = std::fs::File::open(corpus().join("kept").join(name)).unwrap();
    let mut files = Files::new();
    for entry in tar::Archive::new(flate2::read::GzDecoder::new(archive)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        // 64 MB of zeros say no more than a few.
        let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        content.truncate(if path.ends_with(".wal") { (used + 4096).next_multiple_of(512) } else { content.len() });
        files.insert(path.strip_prefix("var/lib/docker/swarm/").unwrap().to_owned(), content);
    }
    files
}

#[derive(Debug, Default)]
pub struct Node {
    logs: Vec<(usize, Log)>,
    snapshots: Vec<(usize, Snapshot)>,
    keys: Vec<(usize, Key)>,
    /// Codes that probes raised by themselves.
    pub alone: Vec<String>,
    /// Paths, by the number that names a member.
    paths: Vec<String>,
}

impl Node {
    /// Reads the files that a rule set would have probes for.
    pub fn read(files: &Files) -> Self {
        Self::read_within(files, &Limits::default())
    }

    pub fn read_within(files: &Files, limits: &Limits) -> Self {
        let mut node = Self::default();
        for (path, content) in files {
            let probe = match path.as_str() {
                path if path.ends_with(".wal") => "raft-log",
                path if path.contains(".snap") => "raft-snapshot",
                path if path.ends_with("swarm-node.key") => "swarm-key",
                _ => continue,
            };
            let (settings, size) = (Settings::new(), content.len() as u64);
            let subject = Subject { path: path.as_bytes(), size, settings: &settings, limits, at: None };
            let mut probe = (find(probe).unwrap().start)(&subject);
            probe.feed(content);
            let learned = probe.finish();
            node.alone.extend(learned.faults().iter().map(|fault| fault.code.id.to_owned()));
            let member = node.paths.len();
            node.paths.push(path.clone());
            for evidence in learned.evidence {
                match evidence {
                    Evidence::RaftLog(log) => node.logs.push((member, *log)),
                    Evidence::RaftSnapshot(snapshot) => node.snapshots.push((member, *snapshot)),
                    Evidence::SwarmKey(key) => node.keys.push((member, *key)),
                    other => panic!("{other:?}"),
                }
            }
        }
        node
    }

    pub fn judge(&self, unlock_keys: &[&str]) -> Judged<usize> {
        let logs: Vec<_> = self.logs.iter().map(|(member, log)| (*member, log)).collect();
        let snapshots: Vec<_> = self.snapshots.iter().map(|(member, snapshot)| (*member, snapshot)).collect();
        let keys: Vec<_> = self.keys.iter().map(|(member, key)| (*member, key)).collect();
        let unlock_keys: Vec<_> = unlock_keys.iter().map(|key| Secret::new(key.as_bytes().to_vec())).collect();
        judge(&logs, &snapshots, &keys, &unlock_keys)
    }

    /// Codes of the judgement, each with the file name it stands at.
    pub fn found(&self, unlock_keys: &[&str]) -> Vec<(&'static str, &str)> {
        let name = |member: Option<usize>| member.map_or("", |member| self.paths[member].rsplit('/').next().unwrap());
        self.judge(unlock_keys).faults.into_iter().map(|(member, fault)| (fault.code.id, name(member))).collect()
    }

    pub fn fact(&self, unlock_keys: &[&str], name: &str) -> Option<u64> {
        let facts = self.judge(unlock_keys).facts;
        facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.parse().unwrap())
    }
}

fn wal(sequence: u64, index: u64) -> String {
    format!("raft/wal-v3-encrypted/{sequence:016x}-{index:016x}.wal")
}

fn snap(term: u64, index: u64) -> String {
    format!("raft/snap-v3-encrypted/{term:016x}-{index:016x}.snap")
}

const NODE_KEY: &str = "certificates/swarm-node.key";

/// A log of three files, with a snapshot at entry 5 and entries up to 9; `old` was the key of entries up to 5.
fn node() -> Files {
    let old = [3; 32];
    let first = Wal::first("node").entries(1, 3, &old).state(2, 3);
    let second =
        Wal::new(first.crc, "node").state(2, 3).entries(4, 5, &old).state(2, 5).snapshot(5, 2).entries(6, 6, &KEY);
    let third = Wal::new(second.crc, "node").state(2, 5).entries(7, 9, &KEY).state(2, 9);
    [
        (wal(0, 0), first.bytes),
        (wal(1, 4), second.bytes),
        (wal(2, 7), third.spare()),
        (snap(2, 5), snapshot(2, 5, &sealed(&KEY, 50, b"everything"))),
        (NODE_KEY.to_owned(), key_file("PRIVATE KEY", &[("raft-dek", clear(&KEY))]).into_bytes()),
    ]
    .into()
}

fn found(change: impl FnOnce(&mut Files)) -> Vec<(String, String)> {
    let mut files = node();
    change(&mut files);
    let node = Node::read(&files);
    node.found(&[]).into_iter().map(|(code, name)| (code.to_owned(), name.to_owned())).collect()
}

#[test]
fn the_swarms_that_docker_wrote_hold() {
    let open = Node::read(&kept(OPEN));
    assert_eq!(open.alone, ["swarm/key-in-clear"]);
    assert_eq!(open.found(&[]), []);
    assert!(open.fact(&[], "opened").unwrap() > 3);
    let locked = Node::read(&kept(AUTOLOCK));
    assert_eq!(locked.alone, [""; 0]);
    assert_eq!(locked.found(&[UNLOCK]), []);
    assert_eq!(locked.found(&["SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", UNLOCK]), []);
    assert_eq!(locked.fact(&[UNLOCK], "snapshot-index"), Some(0x10));
    assert!(locked.fact(&[UNLOCK], "opened").unwrap() >= 1);
}

#[test]
fn an_unlock_key_is_proved_right_or_wrong() {
    let locked = Node::read(&kept(AUTOLOCK));
    assert_eq!(locked.found(&[]), [("swarm/unlock-key-needed", "swarm-node.key")]);
    let mut wrong = UNLOCK.to_owned();
    wrong.replace_range(12..13, if &UNLOCK[12..13] == "A" { "B" } else { "A" });
    for wrong in [wrong.as_str(), "SWMKEY-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        assert_eq!(locked.found(&[wrong]), [("swarm/unlock-key-wrong", "swarm-node.key")]);
    }
    // The key file of one Swarm beside the log of another.
    let mut mixed = kept(AUTOLOCK);
    mixed.insert(NODE_KEY.to_owned(), kept(OPEN)[NODE_KEY].clone());
    let codes: Vec<_> = Node::read(&mixed).found(&[]).into_iter().map(|(code, _)| code).collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == "raft/not-authentic"), "{codes:?}");
}

/// In a log and a snapshot of Docker's own: bits all over what is read.
#[test]
fn flipped_bits_in_a_real_log_are_found() {
    let mut files = kept(AUTOLOCK);
    let log = wal(0, 0);
    let end = files[&log].iter().rposition(|byte| *byte != 0).unwrap() + 1;
    files.retain(|path, _| path.starts_with("raft/"));
    for path in [log, snap(2, 16)] {
        let bytes = files[&path].len();
        for bit in (0..(end + 64).min(bytes) * 8).step_by(if path.ends_with(".wal") { 61 } else { 7 }) {
            let mut bad = files.clone();
            bad.get_mut(&path).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let node = Node::read(&bad);
            assert!(!node.alone.is_empty(), "{path}: bit {} of byte {}", bit % 8, bit / 8);
        }
    }
}

#[test]
fn a_log_of_several_files_holds_in_any_order() {
    assert_eq!(found(|_| {}), []);
    let node = Node::read(&node());
    assert_eq!(node.alone, ["swarm/key-in-clear"]);
    // Entries 6 to 9 and the snapshot; entries 1 to 5 are under the key before, and nobody needs them.
    assert_eq!(node.fact(&[], "opened"), Some(5));
    assert_eq!(node.fact(&[], "last-index"), Some(9));
    let mut turned = Node::read(&self::node());
    turned.logs.reverse();
    assert_eq!(turned.found(&[]), []);
}

fn at(code: &str, name: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), name.rsplit('/').next().unwrap().to_owned())]
}

#[test]
fn what_is_missing_is_named() {
    let remove = |path: String| move |files: &mut Files| assert!(files.remove(&path).is_some());
    // The first file is not needed behind the snapshot.
    assert_eq!(found(remove(wal(0, 0))), []);
    assert_eq!(found(remove(wal(1, 4))), at("raft/log-missing", &wal(2, 7)), "entries 6 was in it");
    // Without the last, the log has less than room behind it, and knows less than is committed nowhere: it ends early.
    assert_eq!(found(remove(wal(2, 7))), at("raft/log-short", &wal(1, 4)));
    let without = found(remove(snap(2, 5)));
    assert_eq!(without[0].0, "raft/not-authentic", "{without:?}");
    let no_start = found(|files| {
        files.remove(&snap(2, 5));
        files.remove(&wal(0, 0));
    });
    assert_eq!(no_start[0], at("raft/snapshot-missing", &wal(1, 4))[0]);
    let late = found(|files| {
        files.remove(&wal(0, 0));
        files.remove(&wal(1, 4));
    });
    assert_eq!(late[0], ("raft/log-missing".to_owned(), String::new()));
    // A gap before what is needed.
    let early = found(|files| {
        let fourth = Wal::new(7, "node").state(2, 9).entries(10, 10, &KEY).snapshot(10, 2).state(2, 10);
        files.insert(wal(9, 10), fourth.spare());
        files.insert(snap(2, 10), snapshot(2, 10, &sealed(&KEY, 1, b"more")));
        files.remove(&wal(1, 4));
    });
    assert_eq!(early.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["raft/log-missing"; 2]);
}

#[test]
fn files_of_two_logs_do_not_pass_for_one() {
    let other = |node: &str, state: u64| Wal::new(77, node).state(2, state).entries(7, 9, &KEY).state(2, 9).spare();
    assert_eq!(found(|files| drop(files.insert(wal(2, 7), other("node", 5)))), at("raft/log-mixed", &wal(2, 7)));
    // The checksum fits, and another node wrote it.
    let foreign = found(|files| {
        let first = Wal::first("node").entries(1, 3, &KEY).state(2, 3);
        let second = Wal::new(first.crc, "stranger").entries(4, 4, &KEY).state(2, 4);
        *files = [(wal(0, 0), first.bytes), (wal(1, 4), second.spare())].into();
    });
    assert_eq!(foreign, at("raft/log-mixed", &wal(1, 4)));
    // Swapped.
    let swapped = found(|files| {
        let (one, two) = (files[&wal(0, 0)].clone(), files[&wal(1, 4)].clone());
        files.insert(wal(0, 0), two);
        files.insert(wal(1, 4), one);
    });
    assert!(swapped.iter().any(|(code, _)| code == "raft/log-mixed"), "{swapped:?}");
    // The second ends between two records.
    let cut = found(|files| {
        let second = files.get_mut(&wal(1, 4)).unwrap();
        let node = Wal::first("node").entries(1, 3, &[3; 32]).state(2, 3);
        let same = Wal::new(node.crc, "node").state(2, 3).entries(4, 5, &[3; 32]).state(2, 5).snapshot(5, 2);
        assert!(second.starts_with(&same.bytes));
        second.truncate(same.bytes.len());
    });
    assert_eq!(cut, at("raft/log-mixed", &wal(2, 7)));
    // The second has a torn record at its end, and the log goes on.
    let torn = found(|files| {
        let first = Wal::first("node").entries(1, 3, &[3; 32]).state(2, 3);
        let second = Wal::new(first.crc, "node").entries(4, 5, &[3; 32]).snapshot(5, 2);
        let mut second = second.entry(6, 2, &sealed(&KEY, 6, &[1; 1500]));
        let edge = (second.records.last().unwrap() + 40).next_multiple_of(512);
        second.bytes[edge..].fill(0);
        files.insert(wal(1, 4), second.bytes);
    });
    assert_eq!(torn[0], at("raft/log-damaged", &wal(1, 4))[0]);
}

#[test]
fn snapshot_and_log_must_know_each_other() {
    let later = |term: u64, index: u64| {
        move |files: &mut Files| drop(files.insert(snap(term, index), snapshot(term, index, &sealed(&KEY, 1, b"all"))))
    };
    assert_eq!(found(later(2, 8)), at("raft/snapshot-unknown", &snap(2, 8)));
    assert_eq!(found(later(3, 5)), at("raft/snapshot-unknown", &snap(3, 5)));
    // Told of in the log, but past what is committed by it.
    let ahead = found(|files| {
        let third = Wal::first("node").entries(1, 2, &KEY).state(2, 2).snapshot(9, 2);
        *files = [(wal(0, 0), third.spare()), (snap(2, 9), snapshot(2, 9, &sealed(&KEY, 1, b"all")))].into();
    });
    assert_eq!(ahead, at("raft/snapshot-unknown", &snap(2, 9)));
    // More is committed than is there.
    let short = found(|files| {
        let only = Wal::first("node").entries(1, 2, &KEY).state(2, 7);
        *files = [(wal(0, 0), only.spare())].into();
    });
    assert_eq!(short, at("raft/entries-missing", &wal(0, 0)));
    // The leader's snapshot, from which the log went on, is gone.
    let gone = found(|files| {
        let only = Wal::first("node").entries(1, 2, &KEY).snapshot(9, 2).entries(10, 11, &KEY).state(2, 11);
        files.retain(|path, _| path == NODE_KEY);
        files.insert(wal(0, 0), only.spare());
    });
    assert_eq!(gone, at("raft/snapshot-missing", &wal(0, 0)));
}

#[test]
fn what_does_not_open_is_named() {
    let changed = |key: &[u8]| {
        let only = Wal::first("node").entries(1, 2, key).entries(3, 3, &KEY).state(2, 3);
        let files = [
            (wal(0, 0), only.spare()),
            (NODE_KEY.to_owned(), key_file("PRIVATE KEY", &[("raft-dek", clear(&KEY))]).into_bytes()),
        ];
        Node::read(&files.into()).found(&[]).into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    assert_eq!(changed(&KEY), [""; 0]);
    assert_eq!(changed(&[3; 32]), ["raft/not-authentic"]);
    // An entry that was written over is not read.
    let over = Wal::first("node").entries(1, 2, &[3; 32]).entries(1, 3, &KEY).state(2, 3);
    let key = key_file("PRIVATE KEY", &[("raft-dek", clear(&KEY))]).into_bytes();
    let files: Files = [(wal(0, 0), over.spare()), (NODE_KEY.to_owned(), key)].into();
    assert_eq!(Node::read(&files).found(&[]), []);
    // While keys are changed, both count.
    let two = Wal::first("node").entries(1, 2, &[3; 32]).entries(3, 3, &KEY).state(2, 3);
    let key = key_file("PRIVATE KEY", &[("raft-dek", clear(&[3; 32])), ("raft-dek-pending", clear(&KEY))]).into_bytes();
    let files: Files = [(wal(0, 0), two.spare()), (NODE_KEY.to_owned(), key)].into();
    assert_eq!(Node::read(&files).found(&[]), []);
    // In clear, where the engine refuses that.
    let open = found(|files| {
        let first = Wal::first("node").entry(1, 2, &clear(b"in clear")).state(2, 1);
        files.retain(|path, _| path == NODE_KEY);
        files.insert(wal(0, 0), first.spare());
    });
    assert_eq!(open, at("raft/not-authentic", &wal(0, 0)));
    let open = found(|files| drop(files.insert(snap(2, 5), snapshot(2, 5, &clear(b"in clear")))));
    assert_eq!(open, at("raft/not-authentic", &snap(2, 5)));
}

#[test]
fn key_files_that_cannot_open_the_log() {
    let with = |file: String| found(|files| drop(files.insert(NODE_KEY.to_owned(), file.into_bytes())));
    assert_eq!(with(key_file("PRIVATE KEY", &[])), at("swarm/raft-key-missing", NODE_KEY));
    let unknown = [number(1, 9), clear(b"something")].concat();
    assert_eq!(with(key_file("ENCRYPTED PRIVATE KEY", &[("raft-dek", unknown)])), at("swarm/cipher-unknown", NODE_KEY));
    let cipher = found(|files| {
        let unknown = [number(1, 9), clear(b"something")].concat();
        files.insert(snap(2, 5), snapshot(2, 5, &unknown));
    });
    assert_eq!(cipher, at("swarm/cipher-unknown", &snap(2, 5)));
    // Without a key file there is nothing to say: that it is missing, another rule says.
    assert_eq!(found(|files| drop(files.remove(NODE_KEY))), []);
}

#[test]
fn of_much_that_is_encrypted_the_newest_is_held() {
    let mut limits = Limits::default();
    // Holding an entry takes its content and about a hundred bytes; 4 are behind the snapshot.
    limits.raft_held_bytes = 1000;
    let node = Node::read_within(&node(), &limits);
    assert_eq!(node.alone, ["swarm/key-in-clear"]);
    assert_eq!(node.found(&[]), [], "three entries of a file fit");
    limits.raft_held_bytes = 300;
    let files = self::node();
    let node = Node::read_within(&files, &limits);
    assert_eq!(node.found(&[]), at_str("limit/reached", "0000000000000002-0000000000000007.wal"));
    limits.raft_held_bytes = 10;
    let node = Node::read_within(&files, &limits);
    assert!(node.alone.contains(&"limit/reached".to_owned()), "{:?}", node.alone);
    // All files together, as a rule holds them.
    let node = Node::read(&files);
    node.logs.iter().for_each(|(_, log)| log.hold_at_most(0));
    assert!(node.logs.iter().all(|(_, log)| log.held_bytes() == 0));
    assert!(node.found(&[]).iter().all(|(code, _)| *code == "limit/reached"));
    assert!(!node.found(&[]).is_empty());
}

fn at_str(code: &'static str, name: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![(code, name)]
}

/// A rule set that looks into the Raft log, through the whole program.
#[test]
fn a_rule_set_proves_the_unlock_key() {
    let folder = crate::cli::scratch();
    let put = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let rules = put("deep.toml", DEEP);
    let (right, wrong) = (put("right", &format!("{UNLOCK}\n")), put("wrong", &UNLOCK.replace("Hq1", "Hq2")));
    let verify = |archive: &str, more: &[&str]| {
        let archive = corpus().join("kept").join(archive).to_str().unwrap().to_owned();
        crate::cli::run(&[&["verify", &archive, "--rules", &rules, "--verbose"], more].concat())
    };
    let (code, out, error) = verify(AUTOLOCK, &["--unlock-key-file", &right]);
    assert_eq!(code, 0, "{out}{error}");
    assert!(
        !out.contains("[swarm/") && !out.contains("[raft/") && !error.contains("can be read by others"),
        "{out}{error}"
    );
    let (code, out, _) = verify(AUTOLOCK, &[]);
    assert!(code == 3 && out.contains("swarm/unlock-key-needed"), "{out}");
    let (code, out, _) = verify(AUTOLOCK, &["--unlock-key-file", &wrong]);
    assert!(code == 3 && out.contains("swarm/unlock-key-wrong"), "{out}");
    assert!(!out.contains("SWMKEY"), "{out}");
    let (code, out, _) = verify(AUTOLOCK, &["--unlock-key-file", &wrong, "--unlock-key-file", &right]);
    assert_eq!(code, 0, "{out}");
    let (code, out, _) = verify(AUTOLOCK, &["--unlock-key-file", &right, "--limit", "raft-held-bytes=100"]);
    assert!(code == 3 && out.contains("--limit raft-held-bytes"), "{out}");
    // What is no unlock key is told before the archive is opened, and not shown.
    let (code, _, error) = verify(AUTOLOCK, &["--unlock-key-file", &put("other", "hunter2\n")]);
    assert!(code == 2 && error.contains("holds no unlock key") && !error.contains("hunter2"), "{error}");
    let (code, out, _) = verify(OPEN, &[]);
    assert!(code == 0 && out.contains("swarm/key-in-clear"), "{out}");
}

const DEEP: &str = r#"
schema = 1
id = "swarm-deep"
title = "Swarm manager directory, looked into"
product = "swarm"
versions = "as its base"
sources = ["this test"]
extends = "swarm"

[[entry]]
id = "node-key"
path = "**/certificates/swarm-node.key"
probe = "swarm-key"
why = "it holds the key"
fix = "take it again"

[[entry]]
id = "raft-log"
path = "**/raft/wal-v3-encrypted/*.wal"
probe = "raft-log"
why = "it is the log"
fix = "take it again"

[[entry]]
id = "raft-snapshot"
path = "**/raft/snap-v3-encrypted/*.snap"
count.min = 0
probe = "raft-snapshot"
why = "it is the snapshot"
fix = "take it again"

[[raft]]
id = "raft-together"
wal = "raft-log"
snapshot = "raft-snapshot"
key = "node-key"
"#;
