//! `raft-log`: files written from etcd's definition, files that etcd and Docker wrote, and each kind of damage to them.

use std::process::{Command, Stdio};

use veritar::limits::Limits;
use veritar::probe::{self, Learned, Settings, Subject};

use super::{codes, fact, learn};
use crate::build::raft::{FILE_BYTES, Wal, clear, crc32c};
use crate::support::program;

const FIRST: &str = "swarm/raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal";
const SECOND: &str = "swarm/raft/wal-v3-encrypted/0000000000000001-0000000000000005.wal";
const KEY: [u8; 32] = [9; 32];

fn read(path: &str, content: &[u8]) -> Learned {
    learn("raft-log", path, content, &Settings::new(), None)
}

/// In one piece only: for files of 64 MB.
pub fn read_once(path: &str, content: &[u8]) -> Learned {
    let kind = probe::find("raft-log").unwrap();
    let (settings, limits) = (Settings::new(), Limits::default());
    let size = content.len() as u64;
    let mut probe =
        (kind.start)(&Subject { path: path.as_bytes(), size, settings: &settings, limits: &limits, at: None });
    probe.feed(content);
    probe.finish()
}

fn good() -> Wal {
    Wal::first("node").entries(1, 3, &KEY).state(2, 2).entries(4, 4, &KEY).state(2, 4)
}

#[test]
fn a_log_that_follows_the_definition_holds() {
    // The check value of CRC-32C.
    assert_eq!(crc32c(0, b"123456789"), 0xE306_9283);
    for content in [good().bytes, good().spare()] {
        let learned = read(FIRST, &content);
        assert_eq!(codes(&learned), [""; 0]);
        assert_eq!(fact(&learned, "entries"), ["4"]);
        assert_eq!(fact(&learned, "sequence"), ["0"]);
        assert_eq!(fact(&learned, "first-index"), ["1"]);
        assert_eq!(fact(&learned, "last-index"), ["4"]);
        assert_eq!(fact(&learned, "term"), ["2"]);
        assert_eq!(fact(&learned, "commit"), ["4"]);
        assert_eq!(fact(&learned, "node"), ["node"]);
    }
    let full = read_once(FIRST, &good().full());
    assert_eq!((codes(&full), fact(&full, "entries")), (vec![], vec!["4"]));
    // A second file carries the checksum on; a new leader overwrites entry 6.
    let first = good();
    let second = Wal::new(first.crc, "node").state(2, 4).entries(5, 6, &KEY).entry(6, 3, b"").state(3, 6);
    let learned = read(SECOND, &second.spare());
    assert_eq!(codes(&learned), ["raft/log-damaged"; 0]);
    assert_eq!(fact(&learned, "last-index"), ["6"]);
    assert_eq!(fact(&learned, "entries"), ["3"]);
}

#[test]
fn every_flipped_bit_is_found_and_named() {
    let good = good();
    let end = good.bytes.len();
    let content = good.spare();
    let mut named = std::collections::BTreeMap::<&str, usize>::new();
    for bit in (0..end * 8).chain((end * 8..content.len() * 8).step_by(97)) {
        let mut bad = content.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let learned = read_once(FIRST, &bad);
        let found = codes(&learned);
        assert!(!found.is_empty(), "bit {} of byte {} is not noticed", bit % 8, bit / 8);
        // What is not zero behind the end, in padding, in the unused bits of a length: nothing that is read was changed.
        let expected = match bit / 8 {
            // The length of zero that ends the log: what seems to begin there is zeros.
            at if (end..end + 8).contains(&at) => &["raft/log-damaged", "raft/log-torn"][..],
            at if at > end => &["raft/stray-bytes"],
            _ => &["raft/log-damaged", "raft/stray-bytes"],
        };
        assert!(expected.contains(&found[0]), "bit {} of byte {}: {found:?}", bit % 8, bit / 8);
        *named.entry(found[0]).or_default() += 1;
    }
    // Padding is a few bytes a record, a length has four bits unused.
    assert!(named["raft/log-damaged"] > end * 6, "{named:?}");
}

#[test]
fn a_cut_file_is_told_from_one_that_ends() {
    let good = good();
    let ends: Vec<usize> = good.records.iter().copied().chain([good.bytes.len()]).collect();
    for cut in 0..good.bytes.len() {
        let learned = read_once(FIRST, &good.bytes[..cut]);
        let expected = match ends.iter().position(|end| *end == cut) {
            // With less than two records nobody has written a log.
            Some(0 | 1) => vec!["raft/log-damaged"],
            Some(_) => vec![],
            None => vec!["raft/log-cut"],
        };
        assert_eq!(codes(&learned), expected, "cut at {cut}");
    }
}

#[test]
fn a_torn_record_is_the_last_and_has_a_sector_of_zeros() {
    // The last record lies over two edges of sectors: its end, its middle, or all of it was not written.
    let before = good().entry(5, 2, &crate::build::raft::sealed(&KEY, 5, &[1; 1200]));
    let last = *before.records.last().unwrap();
    let edges: Vec<usize> = (last..before.bytes.len()).filter(|at| at % 512 == 0).collect();
    assert!(edges.len() >= 2, "{last} to {}", before.bytes.len());
    for (from, to) in [(edges[0], edges[1]), (edges[1], before.bytes.len()), (edges[0], before.bytes.len())] {
        let mut torn = before.clone();
        torn.bytes[from..to].fill(0);
        let learned = read(FIRST, &torn.clone().spare());
        assert_eq!(codes(&learned), ["raft/log-torn"], "{from} to {to}");
        assert_eq!(learned.faults()[0].offset, Some(last as u64));
        assert_eq!(fact(&learned, "last-index"), ["4"]);
        // With anything behind it, it is damage.
        let mut more = torn.spare();
        let place = more.len() - 1;
        more[place] = 1;
        assert_eq!(codes(&read(FIRST, &more)), ["raft/log-damaged"], "{from} to {to}");
    }
    // Zeros that are no whole sector of it are damage.
    let mut bad = before.clone();
    bad.bytes[edges[0]..edges[0] + 100].fill(0);
    assert_eq!(codes(&read(FIRST, &bad.spare())), ["raft/log-damaged"]);
}

#[test]
fn a_record_whose_head_was_never_written_is_torn_too() {
    // Filled up so that the head of the last record begins at the edge of a sector, or lies over it.
    for over in [0, 8, 16, 24] {
        let base = Wal::first("node");
        let filled = (1..2000).map(|size| base.clone().entry(1, 2, &clear(&vec![3; size])));
        let wal = filled.into_iter().find(|wal| (wal.bytes.len() + 8 + over) % 512 == 0).unwrap();
        let mut torn = wal.entry(2, 2, &clear(&[4; 600]));
        let last = *torn.records.last().unwrap();
        torn.bytes[last + 8 + over..].fill(0);
        let learned = read("wal/0000000000000000-0000000000000000.wal", &torn.spare());
        assert_eq!(codes(&learned), ["raft/log-torn"], "{over}");
        assert_eq!(learned.faults()[0].offset, Some(last as u64));
    }
}

#[test]
fn entries_stand_without_gaps() {
    let gap = Wal::first("node").entries(1, 2, &KEY).entries(4, 4, &KEY);
    assert_eq!(codes(&read(FIRST, &gap.spare())), ["raft/log-damaged"]);
    // A snapshot from the leader fills the gap.
    let excused = Wal::first("node").entries(1, 2, &KEY).snapshot(9, 2).entries(10, 10, &KEY);
    assert_eq!(codes(&read(FIRST, &excused.spare())), [""; 0]);
    // By its name this one begins with entry 5.
    let late = Wal::new(1, "node").entries(6, 6, &KEY);
    assert_eq!(codes(&read(SECOND, &late.spare())), ["raft/log-damaged"]);
}

#[test]
fn what_no_node_writes_is_damage() {
    let begins = |wal: Wal| codes(&read(FIRST, &wal.spare()));
    let damaged = ["raft/log-damaged"];
    let empty = || Wal { bytes: Vec::new(), crc: 0, records: Vec::new() };
    assert_eq!(begins(empty()), damaged, "nothing");
    assert_eq!(begins(empty().record(1, b"")), damaged, "no checksum first");
    assert_eq!(begins(good().record(6, b"")), damaged, "an unknown type");
    assert_eq!(begins(good().record(1, b"\x08\x01")), damaged, "another writer");
    assert_eq!(begins(good().state(1, 4)), damaged, "a term that goes back");
    assert_eq!(begins(good().state(2, 3)), damaged, "a commit that goes back");
    assert_eq!(begins(good().record(2, b"\x08\x02\x10\x02\x18\x05")), damaged, "a change of members that says nothing");
    assert_eq!(begins(good().entry(5, 2, b"no record of Swarm's")), damaged, "what is not encrypted");
    // Where the folder does not say that it is, nothing is known of what entries hold.
    let open = good().entry(5, 2, b"no record of Swarm's");
    assert_eq!(codes(&read("wal/0000000000000000-0000000000000000.wal", &open.spare())), [""; 0]);
}

#[test]
fn names_are_held_against_what_the_file_says() {
    let first = good();
    let wrong = ["raft/wrong-name"];
    for name in ["0.wal", "0000000000000000-0000000000000000.WAL", "000000000000000A-0000000000000001.wal"] {
        assert_eq!(codes(&read(name, &first.clone().spare())), wrong, "{name}");
    }
    assert_eq!(codes(&read("0000000000000000-0000000000000005.wal", &first.clone().spare())), wrong);
    let second = Wal::new(first.crc, "node").entries(5, 5, &KEY);
    assert_eq!(codes(&read(FIRST, &second.spare()))[..1], ["raft/log-damaged"], "entry 5 cannot be the first");
    let second = Wal::new(first.crc, "node").state(2, 4);
    assert_eq!(codes(&read(FIRST, &second.spare())), wrong);
}

#[test]
fn a_length_that_lies_takes_no_memory() {
    // 2^40 bytes, and a head that agrees with it.
    let mut wal = good();
    let head = [&[8, 2, 16, 1, 0x1A][..], &crate::build::raft::varint((1 << 40) - 11)].concat();
    assert_eq!(head.len(), 11);
    wal.bytes.extend_from_slice(&(1_u64 << 40).to_le_bytes());
    wal.bytes.extend_from_slice(&head);
    assert_eq!(codes(&read(FIRST, &wal.spare())), ["probe/too-large"]);
}

/// A log that etcd itself wrote: the same framing, nothing encrypted.
#[test]
fn a_log_of_etcd_holds() {
    let test = "raft_log::a_log_of_etcd_holds";
    if !program(test, "etcd") || !program(test, "etcdctl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = |test: &str| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect(test);
        format!("http://{}", listener.local_addr().unwrap())
    };
    let (client, peer) = (port("client"), port("peer"));
    let mut etcd = Command::new("etcd")
        .arg("--data-dir")
        .arg(folder.path().join("data"))
        .args(["--listen-client-urls", &client, "--advertise-client-urls", &client, "--listen-peer-urls", &peer])
        .args(["--initial-advertise-peer-urls", &peer, "--initial-cluster", &format!("default={peer}")])
        .args(["--snapshot-count", "20"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let put = |key: &str| {
        let mut put = Command::new("etcdctl");
        put.env("ETCDCTL_API", "3").args([
            "--endpoints",
            &client,
            "--command-timeout=20s",
            "put",
            key,
            &"v".repeat(3000),
        ]);
        put.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    let mut puts = 0;
    for try_again in 0..60 {
        if put(&format!("key{try_again}")) {
            puts += 1;
        } else {
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }
    assert!(Command::new("kill").arg(etcd.id().to_string()).status().unwrap().success());
    etcd.wait().unwrap();
    assert!(puts > 25, "{puts} puts only");
    let wal = folder.path().join("data/member/wal/0000000000000000-0000000000000000.wal");
    let content = std::fs::read(wal).unwrap();
    assert_eq!(content.len(), FILE_BYTES);
    let learned = read_once("member/wal/0000000000000000-0000000000000000.wal", &content);
    assert_eq!(codes(&learned), [""; 0], "{:?}", learned.faults());
    let entries: u64 = fact(&learned, "entries")[0].parse().unwrap();
    assert!(entries > puts, "{entries} entries of {puts} puts");
    let mut snapshots = 0;
    for entry in std::fs::read_dir(folder.path().join("data/member/snap")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "snap") {
            let learned = super::raft_snapshot::read(path.to_str().unwrap(), &std::fs::read(&path).unwrap());
            assert_eq!(codes(&learned), [""; 0], "{:?}", learned.faults());
            assert_eq!(fact(&learned, "managers"), ["1"]);
            snapshots += 1;
        }
    }
    assert!(snapshots > 0);
}
