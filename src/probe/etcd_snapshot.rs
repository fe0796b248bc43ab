//! Snapshots of etcd: a bbolt database and behind it the SHA-256 of all of it.
//!
//! Promises: what `etcdctl snapshot restore` asks of the file is asked here; what `etcdctl snapshot status` says of it is
//! told. Refuses to know: how the digest is computed, and what the cluster keeps in its keys.

use super::bbolt::{Database, Reader, Want, conclude};
use super::{Expected, Fault, Kind, Learned, Probe, Subject};
use crate::code;

/// Bytes of the digest at the end.
const DIGEST: u64 = 32;
/// etcd takes the end for a digest where so many bytes are over.
const SECTOR: u64 = 512;

/// Places of names in [`WANT`]: buckets count from 1.
const KEY: u8 = 1;
const META: u8 = 2;
const CLUSTER: u8 = 3;
const MEMBERS: u8 = 4;
const CONSISTENT_INDEX: usize = 0;
const TERM: usize = 1;
const STORAGE_VERSION: usize = 2;
const CLUSTER_VERSION: usize = 3;

const WANT: Want = Want {
    buckets: &[b"key", b"meta", b"cluster", b"members"],
    keys: &[b"consistent_index", b"term", b"storageVersion", b"clusterVersion"],
};

/// A snapshot as `etcdctl snapshot save` writes it.
pub(super) const KIND: Kind = Kind {
    name: "etcd-snapshot",
    about: "a snapshot of etcd: the SHA-256 at its end, and the bbolt database before it",
    settings: &[],
    facts: &[
        ("revision", "the last revision of the key space, as `etcdctl snapshot status` says it"),
        ("keys", "keys in all buckets, revisions and etcd's own included, as `etcdctl snapshot status` says it"),
        ("size", "bytes of the database, as `etcdctl snapshot status` says it"),
        ("txid", "the last transaction"),
        ("members", "members of the cluster that it was taken from"),
        ("consistent-index", "the last entry of the log that is in it"),
        ("term", "the term of that entry; since etcd 3.5"),
        ("cluster-version", "major and minor version of the cluster"),
        ("storage-version", "version of the format; since etcd 3.6"),
    ],
    digest: Some(DIGEST),
    check: |_| Ok(()),
    start: |subject: &Subject<'_>| Box::new(Snapshot { database: Reader::new(WANT, subject.limits), tail: [0; 32] }),
};

struct Snapshot {
    database: Reader,
    /// The last bytes that came.
    tail: [u8; 32],
}

impl Probe for Snapshot {
    fn feed(&mut self, bytes: &[u8]) {
        self.database.feed(bytes);
        if let Some(last) = bytes.last_chunk() {
            self.tail = *last;
        } else {
            self.tail.rotate_left(bytes.len());
            self.tail.iter_mut().rev().zip(bytes.iter().rev()).for_each(|(old, new)| *old = *new);
        }
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        let bytes = self.database.bytes();
        let database = conclude(&self.database, &mut learned);
        // What is no database at all needs no digest.
        let is_database = database.is_some();
        match bytes.checked_rem(SECTOR).filter(|_| bytes > 0) {
            Some(DIGEST) => learned.expected = Some(self.expected(bytes)),
            Some(0) if is_database => {
                let message = "it ends with a page: it was copied from a data directory, or its last 32 bytes are cut";
                learned.fault(&code::ETCD_NO_DIGEST, bytes, message);
            }
            Some(over) if is_database => {
                let message = format!("{over} bytes stand behind its last 512, and its SHA-256 has 32");
                learned.fault(&code::ETCD_DIGEST, bytes.saturating_sub(over), message);
            }
            _ => {}
        }
        if let Some(database) = database {
            tell(&database, &mut learned);
        }
        learned
    }
}

impl Snapshot {
    fn expected(&self, bytes: u64) -> Expected {
        let otherwise = Fault {
            code: &code::ETCD_DIGEST,
            severity: None,
            message: "the SHA-256 at its end is not that of what stands before".to_owned(),
            offset: Some(bytes.saturating_sub(DIGEST)),
        };
        Expected { sha256: self.tail, otherwise }
    }
}

/// The facts, which nobody knows of a database that is not whole.
fn tell(database: &Database, learned: &mut Learned) {
    learned.fact("size", database.pages.saturating_mul(database.page_size).to_string());
    learned.fact("txid", database.txid.to_string());
    if !database.is_whole {
        return;
    }
    let Some(keys) = database.bucket(KEY) else {
        learned.fault(&code::ETCD_NO_KEYS, None, "it has no bucket \"key\"");
        return;
    };
    learned.fact("revision", keys.last.unwrap_or(0).to_string());
    learned.fact("keys", database.entries.to_string());
    if let Some(members) = database.bucket(MEMBERS) {
        learned.fact("members", members.keys.to_string());
    }
    for (fact, key) in [("consistent-index", CONSISTENT_INDEX), ("term", TERM)] {
        if let Some(number) = database.value(META, key).and_then(|value| value.try_into().ok()) {
            learned.fact(fact, u64::from_be_bytes(number).to_string());
        }
    }
    for (fact, bucket, key) in
        [("cluster-version", CLUSTER, CLUSTER_VERSION), ("storage-version", META, STORAGE_VERSION)]
    {
        let version = database.value(bucket, key).filter(|value| is_version(value));
        if let Some(version) = version.and_then(|value| std::str::from_utf8(value).ok()) {
            learned.fact(fact, version);
        }
    }
}

/// Numbers, dots, and what may follow them in a version.
fn is_version(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(byte))
}
