//! Snapshots of etcd: what a real etcd saves is whole and told as etcdctl tells it, and no flipped bit goes unseen.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use veritar::limits::Limits;
use veritar::probe::{self, Learned, Settings, Subject};

use super::{codes, learn};
use crate::build::bbolt::{PAGE, branch, file, freelist, inline, leaf, pair, small, tree};
use crate::support::{program, root};

/// What is learned of content that comes whole.
fn quick(content: &[u8]) -> Learned {
    let (settings, limits) = (Settings::default(), Limits::default());
    let subject = Subject { path: b"db", size: content.len() as u64, settings: &settings, limits: &limits, at: None };
    let mut probe = (probe::find("etcd-snapshot").unwrap().start)(&subject);
    probe.feed(content);
    probe.finish()
}

fn slow(content: &[u8]) -> Learned {
    learn("etcd-snapshot", "db", content, &Settings::default(), None)
}

/// The value of a fact.
fn fact<'a>(learned: &'a Learned, name: &str) -> Option<&'a str> {
    learned.facts().iter().find(|(fact, _)| fact == name).map(|(_, value)| value.as_str())
}

/// Whether the content is what the digest at its end says.
fn holds(content: &[u8], learned: &Learned) -> bool {
    let (front, tail) = content.split_at(content.len() - 32);
    let expected = learned.expected.as_ref().unwrap();
    assert_eq!(expected.sha256, tail);
    assert_eq!(expected.otherwise.code.id, "etcd/digest");
    Sha256::digest(front).as_slice() == expected.sha256
}

/// With a digest at the end that holds.
fn sealed(database: &[u8]) -> Vec<u8> {
    [database, Sha256::digest(database).as_slice()].concat()
}

/// A revision as etcd writes it for a key.
fn revision(main: u64, sub: u64) -> Vec<u8> {
    [&main.to_be_bytes()[..], b"_", &sub.to_be_bytes()].concat()
}

fn part() -> Vec<u8> {
    std::fs::read(root().join("tests/it/parts/etcd.backup.db")).unwrap()
}

#[test]
fn a_kept_snapshot_is_whole() {
    let snapshot = part();
    let learned = slow(&snapshot);
    assert_eq!(learned.faults(), []);
    assert!(holds(&snapshot, &learned));
    assert_eq!(fact(&learned, "size"), Some("24576"));
    assert_eq!(fact(&learned, "cluster-version"), Some("3.4.0"));
    assert_eq!(fact(&learned, "members"), Some("1"));
}

/// A database with etcd's buckets, of which `meta` and `members` have pages of their own.
fn made() -> Vec<u8> {
    let keys =
        |range: std::ops::Range<u64>| range.map(|main| pair(&revision(main, 0), &[b'v'; 20])).collect::<Vec<_>>();
    let buckets = [
        inline(b"alarm", &[]),
        inline(b"cluster", &[pair(b"clusterVersion", b"3.6.0"), pair(b"term", b"none of meta's")]),
        tree(b"key", 4),
        tree(b"members", 7),
        tree(b"meta", 8),
    ];
    let meta = [
        pair(b"confState", b"{}"),
        pair(b"consistent_index", &77_u64.to_be_bytes()),
        pair(b"storageVersion", b"3.6.0"),
        pair(b"term", &5_u64.to_be_bytes()),
    ];
    let pages = [
        freelist(2, &[9]),
        leaf(3, &buckets),
        branch(4, &[(&revision(1, 0), 5), (&revision(300, 0), 6)]),
        leaf(5, &keys(1..20)),
        leaf(6, &[keys(300..320), vec![pair(&[&revision(320, 4)[..], b"t"].concat(), b"gone")]].concat()),
        leaf(7, &[pair(b"1", b"{}"), pair(b"2", b"{}"), pair(b"3", b"{}")]),
        leaf(8, &meta),
        // An older copy of what is on page 8.
        leaf(9, &[pair(b"consistent_index", &76_u64.to_be_bytes())]),
    ];
    file(3, 2, &pages)
}

#[test]
fn buckets_of_etcd_tell_its_state() {
    let snapshot = sealed(&made());
    let learned = slow(&snapshot);
    assert_eq!(learned.faults(), []);
    assert!(holds(&snapshot, &learned));
    let facts: Vec<_> = learned.facts().iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
    let expected = [
        ("size", "40960"),
        ("txid", "8"),
        ("revision", "320"),
        // 2 of cluster, 40 revisions, 3 members, 4 of meta.
        ("keys", "49"),
        ("members", "3"),
        ("consistent-index", "77"),
        ("term", "5"),
        ("cluster-version", "3.6.0"),
        ("storage-version", "3.6.0"),
    ];
    assert_eq!(facts, expected);
}

#[test]
fn a_database_without_its_digest() {
    let copied = quick(&made());
    assert_eq!(codes(&copied), ["etcd/no-digest"]);
    assert_eq!(copied.expected, None);
    assert_eq!(fact(&copied, "revision"), Some("320"));
    // Its digest was cut, or something was put behind it.
    for change in [[sealed(&made()), vec![0; 5]].concat(), sealed(&made())[..made().len() + 17].to_vec()] {
        let learned = slow(&change);
        assert_eq!(codes(&learned), ["etcd/digest"]);
        assert_eq!(learned.expected, None);
    }
    // Grown by whole sectors: etcd takes the last 32 bytes for the digest.
    let grown = [sealed(&made()), vec![0; 512]].concat();
    let learned = slow(&grown);
    assert_eq!(learned.faults(), []);
    assert!(!holds(&grown, &learned));
}

#[test]
fn what_is_no_snapshot() {
    assert_eq!(codes(&slow(b"")), ["bbolt/meta"]);
    assert_eq!(codes(&slow(&[0; 31])), ["bbolt/meta"]);
    assert_eq!(codes(&slow(&[b'{'; 4096])), ["bbolt/meta"]);
    let other = slow(&sealed(&small()));
    assert_eq!(codes(&other), ["etcd/no-keys"]);
    assert_eq!(fact(&other, "revision"), None);
}

#[test]
fn damage_is_told_by_the_digest_and_by_the_page() {
    let good = sealed(&made());
    let mut broken = good.clone();
    // The size of the first key of page 5.
    broken[5 * PAGE + 24] ^= 4;
    let learned = slow(&broken);
    assert!(!holds(&broken, &learned));
    assert_eq!(codes(&learned), ["bbolt/tree"]);
    assert!(learned.faults()[0].message.starts_with("page 5"), "{:?}", learned.faults());
    assert!(learned.faults()[0].offset == Some(5 * PAGE as u64));
    assert_eq!(fact(&learned, "revision"), None);
    // In a value: the digest alone.
    let mut broken = good.clone();
    broken[6 * PAGE - 1] ^= 4;
    let learned = slow(&broken);
    assert_eq!(learned.faults(), []);
    assert!(!holds(&broken, &learned));
    // In the digest.
    let mut broken = good.clone();
    *broken.last_mut().unwrap() ^= 1;
    assert!(!holds(&broken, &slow(&broken)));
    // Cut where it still looks like one with a digest.
    let cut = &good[..7 * PAGE + 32];
    let learned = slow(cut);
    assert_eq!(codes(&learned), ["bbolt/truncated"]);
    assert!(!holds(cut, &learned));
    // Both metas.
    let mut broken = good;
    broken[40] ^= 1;
    assert_eq!(codes(&slow(&broken)), ["bbolt/meta-copy"]);
    broken[PAGE + 40] ^= 1;
    let learned = slow(&broken);
    assert_eq!(codes(&learned), ["bbolt/meta"]);
    assert!(!holds(&broken, &learned));
}

/// An etcd of our own.
struct Server {
    child: Child,
    folder: PathBuf,
    endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path) -> Self {
        // Free a moment ago; etcd binds them next.
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [client, peer] = listeners.map(|listener| format!("http://{}", listener.local_addr().unwrap()));
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = Command::new("etcd")
            .args(["--name", "one", "--max-txn-ops", "5000", "--data-dir"])
            .arg(folder.join("data"))
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
            .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
            .args(["--initial-cluster", &format!("one={peer}")])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { child, folder: folder.to_owned(), endpoint: client };
        let started = Instant::now();
        while !server.call(&["endpoint", "health"], b"").status.success() {
            assert!(started.elapsed() < Duration::from_secs(60), "etcd does not start: see {}", folder.display());
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    fn call(&self, arguments: &[&str], input: &[u8]) -> std::process::Output {
        let mut child = etcdctl()
            .args(["--endpoints", &self.endpoint])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // What reads no input may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.call(arguments, input);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "etcdctl {arguments:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Saves a snapshot, and holds what is learned of it against what etcdctl says of it.
    fn snapshot(&self, name: &str) -> Vec<u8> {
        let path = self.folder.join(name);
        self.run(&["snapshot", "save", path.to_str().unwrap()], b"");
        let bytes = std::fs::read(&path).unwrap();
        let learned = quick(&bytes);
        assert_eq!(learned.faults(), [], "{name}");
        assert!(holds(&bytes, &learned), "{name}");
        let status = self.run(&["snapshot", "status", "-w", "json", path.to_str().unwrap()], b"");
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        for (ours, theirs) in [("revision", "revision"), ("keys", "totalKey"), ("size", "totalSize")] {
            assert_eq!(fact(&learned, ours), Some(status[theirs].to_string().as_str()), "{name}: {ours}");
        }
        assert_eq!(fact(&learned, "members"), Some("1"), "{name}");
        // Learned of the whole file at once, and of pieces of it.
        let limits = Limits::default();
        let settings = Settings::default();
        let subject = Subject { path: b"db", size: 0, settings: &settings, limits: &limits, at: None };
        let mut probe = (probe::find("etcd-snapshot").unwrap().start)(&subject);
        bytes.chunks(4099).for_each(|piece| probe.feed(piece));
        let pieces = probe.finish();
        assert_eq!((pieces.facts(), &pieces.expected), (learned.facts(), &learned.expected), "{name}");
        assert_eq!(pieces.faults(), [], "{name}");
        bytes
    }
}

fn etcdctl() -> Command {
    let mut command = Command::new("etcdctl");
    command.env("ETCDCTL_API", "3");
    command
}

#[test]
fn what_a_real_etcd_saves_is_told_as_etcdctl_tells_it() {
    let test = "what_a_real_etcd_saves_is_told_as_etcdctl_tells_it";
    if !program(test, "etcd") || !program(test, "etcdctl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    server.snapshot("young");

    let puts = |from: u32, value: &str| {
        let lines = (from..from + 3000).map(|key| format!("put /registry/things/{key:06} {value}{key}\n"));
        format!("\n{}\n\n", lines.collect::<String>())
    };
    server.run(&["txn"], puts(0, "first-").as_bytes());
    server.run(&["txn"], puts(2000, "second-").as_bytes());
    for size in [70_000, 400_000, 1_400_000, 1_300_000] {
        let value: Vec<u8> = (0..size).map(|at| b'a' + u8::try_from((at / 7 + at) % 26).unwrap()).collect();
        server.run(&["put", &format!("/large/{size}")], &value);
    }
    let lease = server.run(&["lease", "grant", "3600"], b"");
    let lease = lease.split_whitespace().nth(1).unwrap().to_owned();
    server.run(&["put", "--lease", &lease, "/leased", "for an hour"], b"");
    server.run(&["user", "add", "somebody:password"], b"");
    server.run(&["role", "add", "reader"], b"");
    let full = server.snapshot("full");
    server.run(&["del", "--prefix", "/registry/things/0010"], b"");
    server.run(&["del", "/large/400000"], b"");
    server.snapshot("deleted");

    // Most of what was written is free then, and holds old pages.
    let deleted = server.run(&["del", "--prefix", "/registry", "-w", "json"], b"");
    let deleted: serde_json::Value = serde_json::from_str(&deleted).unwrap();
    let revision = deleted["header"]["revision"].to_string();
    server.run(&["compaction", "--physical", &revision], b"");
    server.run(&["put", "/after", "compaction"], b"");
    for round in 0..20 {
        server.run(&["put", &format!("/again/{round}")], &[b'x'; 90_000]);
    }
    server.snapshot("compacted");
    server.run(&["defrag"], b"");
    let small = server.snapshot("defragmented");
    assert!(small.len() < full.len());

    // A copy out of the data directory, after the server has ended.
    drop(server);
    let copied = std::fs::read(folder.path().join("data/member/snap/db")).unwrap();
    let learned = quick(&copied);
    assert_eq!(codes(&learned), ["etcd/no-digest"]);
    let restored = etcdctl()
        .args(["snapshot", "restore", "--data-dir"])
        .args([&folder.path().join("restored"), &folder.path().join("data/member/snap/db")])
        .output()
        .unwrap();
    assert!(!restored.status.success() && String::from_utf8_lossy(&restored.stderr).contains("skip-hash-check"));

    // A bit in the header, the table and a value of many pages: what is not in use shows in the digest only.
    let mut broken = full.clone();
    let mut by_page = 0;
    for page in (0..full.len() / PAGE).filter(|page| *page < 12 || page % 97 == 0) {
        let found = [0, 9, 10, 14, 20, 24, 28, 30].into_iter().filter(|byte| {
            broken[page * PAGE + byte] ^= 1;
            let learned = quick(&broken);
            broken[page * PAGE + byte] ^= 1;
            !learned.faults().is_empty()
        });
        by_page += usize::from(found.count() > 0);
        broken[page * PAGE + 2000] ^= 1;
        assert!(!holds(&broken, &quick(&broken)), "page {page}");
        broken[page * PAGE + 2000] ^= 1;
    }
    assert_eq!(broken, full);
    assert!(by_page > 10, "{by_page}");
    for pages in 0..full.len() / PAGE {
        if pages < 20 || pages % 50 == 0 {
            let learned = quick(&full[..pages * PAGE]);
            let expected = if pages == 0 { vec!["bbolt/meta"] } else { vec!["bbolt/truncated", "etcd/no-digest"] };
            assert_eq!(codes(&learned), expected, "{pages} pages");
        }
    }
}

#[test]
fn no_byte_of_a_snapshot_can_change_unseen() {
    let good = part();
    let mut broken = good.clone();
    let mut found = [0; 7];
    for byte in 0..good.len() {
        broken[byte] ^= 1 << (byte % 8);
        let learned = quick(&broken);
        assert!(!holds(&broken, &learned), "byte {byte}");
        found[byte / PAGE] += usize::from(!learned.faults().is_empty());
        broken[byte] = good[byte];
    }
    // Both metas with their headers, the pages in use, and nothing of the digest.
    assert!(found[0] == 80 && found[1] == 80 && found[6] == 0, "{found:?}");
    let in_use = found[2..6].iter().filter(|found| **found > 50).count();
    assert!(in_use >= 2, "{found:?}");
}

/// Where etcdctl cannot read a snapshot to its end, the database is said to be broken here too. It believes what it reads,
/// and takes all memory there is for some of these: it gets two gigabytes and a few seconds.
#[test]
fn what_etcdctl_stumbles_over_is_found() {
    if !program("what_etcdctl_stumbles_over_is_found", "etcdctl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    let good = part();
    let judged = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let bounded = "ulimit -v 2000000; exec timeout -s KILL 5 etcdctl snapshot status \"$0\"";
        let mut command = Command::new("sh");
        command.args(["-c", bounded]).arg(&path).env("ETCDCTL_API", "3").output().unwrap().status.success()
    };
    assert!(judged(&good));
    let mut refused = 0;
    for page in 2..6 {
        for byte in (8..12).chain(16..96).step_by(2) {
            let mut broken = good.clone();
            // High bits, so that no reference leads in a circle.
            broken[page * PAGE + byte] ^= 0x60;
            if !judged(&broken) {
                refused += 1;
                assert!(!quick(&broken).faults().is_empty(), "page {page}, byte {byte}");
            }
        }
    }
    assert!(refused > 10, "{refused}");
}
