//! The probe `raft-snapshot`: one snapshot of a Raft log, as etcd writes it and Swarm keeps it.
//!
//! Promises: the CRC-32C over all of it was computed; at most `raft-held-bytes` are kept. Refuses to know: the log it
//! belongs to, and the keys.

use zeroize::Zeroizing;

use super::name::{self, SnapshotName};
use super::proto::{Fields, Value};
use super::sealed::Sealed;
use super::{grow, size};
use crate::code;
use crate::probe::{Evidence, Kind, Learned, Probe, Subject};

/// The probe's line in the catalog.
pub static KIND: Kind = Kind {
    name: "raft-snapshot",
    about: "reads a snapshot of a Raft log (`<term>-<index>.snap`), proves it by its CRC-32C, and holds its name against \
            what it says of itself",
    settings: &[],
    facts: &[
        ("index", "index of the last entry that the snapshot holds"),
        ("term", "term of that entry"),
        ("managers", "members that take part in votes, as of the snapshot"),
    ],
    digest: None,
    check: |_| Ok(()),
    start: |subject| Box::new(SnapshotProbe::new(subject)),
};

/// Tag, checksum, tag, length: never longer.
const HEAD: usize = 17;

/// A snapshot that holds by itself, for the judgement beside the log.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) name: SnapshotName,
    pub(super) content: Content,
}

/// What a snapshot holds.
#[derive(Debug)]
pub(super) enum Content {
    /// It was not encrypted, and need not be.
    Open,
    /// It was not encrypted, and must be.
    InClear,
    Sealed(Sealed),
    /// More than may be held.
    TooLarge,
}

struct SnapshotProbe {
    name: Option<SnapshotName>,
    is_encrypted: bool,
    is_broken: bool,
    head: Zeroizing<Vec<u8>>,
    outer: Option<Outer>,
    seen: u64,
    running: u32,
    held: Option<Zeroizing<Vec<u8>>>,
    limit: u64,
}

/// What stands in front of the content.
#[derive(Clone, Copy)]
struct Outer {
    checksum: u32,
    length: u64,
}

/// What the content says of itself.
#[derive(Default)]
struct Inner<'a> {
    data: &'a [u8],
    index: u64,
    term: u64,
    voters: u64,
}

impl SnapshotProbe {
    fn new(subject: &Subject<'_>) -> Self {
        Self {
            name: name::snapshot(subject.path),
            is_encrypted: name::is_encrypted(subject.path),
            is_broken: name::file(subject.path).ends_with(b".broken"),
            head: Zeroizing::new(Vec::with_capacity(HEAD)),
            outer: None,
            seen: 0,
            running: 0,
            held: Some(Zeroizing::new(Vec::new())),
            limit: subject.limits.raft_held_bytes,
        }
    }

    fn begin(&mut self) {
        let mut fields = Fields(&self.head);
        let Ok(Some((1, Value::Number(checksum)))) = fields.next() else { return };
        let (Ok(checksum), Some((0x12, rest))) = (u32::try_from(checksum), fields.0.split_first()) else { return };
        fields = Fields(rest);
        let Ok(length) = fields.number() else { return };
        self.outer = Some(Outer { checksum, length });
        let content = Zeroizing::new(fields.0.to_vec());
        self.content(&content);
    }

    fn content(&mut self, bytes: &[u8]) {
        self.seen = self.seen.saturating_add(size(bytes.len()));
        self.running = crc32c::crc32c_append(self.running, bytes);
        if self.seen > self.limit {
            self.held = None;
        }
        if let Some(held) = &mut self.held {
            grow(held, bytes);
        }
    }

    /// What is wrong with it; `Ok` where its checksum holds.
    fn check(&self) -> Result<(), String> {
        let Some(outer) = self.outer else {
            return Err("it does not begin like a snapshot".to_owned());
        };
        if outer.length != self.seen {
            return Err(format!("it says {} bytes of content, and {} are there", outer.length, self.seen));
        }
        if outer.checksum == 0 || outer.length == 0 {
            return Err("it is empty".to_owned());
        }
        if outer.checksum != self.running {
            return Err(format!("its checksum is {:08x}, and {:08x} was found", outer.checksum, self.running));
        }
        Ok(())
    }
}

impl Probe for SnapshotProbe {
    fn feed(&mut self, bytes: &[u8]) {
        if self.outer.is_some() {
            self.content(bytes);
            return;
        }
        if self.head.len() >= HEAD {
            return;
        }
        let (head, rest) = bytes.split_at_checked(HEAD.saturating_sub(self.head.len())).unwrap_or((bytes, &[]));
        self.head.extend_from_slice(head);
        if self.head.len() == HEAD {
            self.begin();
            if self.outer.is_some() {
                self.content(rest);
            }
        }
    }

    fn finish(mut self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        if self.is_broken {
            let message = "the engine found this snapshot damaged at some time and put it aside";
            learned.fault(&code::RAFT_SNAPSHOT_BROKEN, None, message);
            return learned;
        }
        if self.head.len() < HEAD {
            self.begin();
        }
        if let Err(message) = self.check() {
            learned.fault(&code::RAFT_SNAPSHOT_DAMAGED, None, message);
            return learned;
        }
        let Some(held) = &self.held else {
            self.too_large(&mut learned);
            return learned;
        };
        let Some(inner) = Inner::parse(held) else {
            learned.fault(&code::RAFT_SNAPSHOT_DAMAGED, None, "its checksum holds, and what is in it is no snapshot");
            return learned;
        };
        self.judge(&inner, &mut learned);
        learned
    }
}

impl SnapshotProbe {
    fn too_large(&self, learned: &mut Learned) {
        let message = format!(
            "the snapshot has more than {} bytes, so it was not opened; its checksum holds (--limit raft-held-bytes=N)",
            self.limit
        );
        learned.fault(&code::LIMIT_REACHED, None, message);
        if let Some(name) = self.name {
            learned.evidence.push(Evidence::RaftSnapshot(Box::new(Snapshot { name, content: Content::TooLarge })));
        }
    }

    fn judge(&self, inner: &Inner<'_>, learned: &mut Learned) {
        let said = SnapshotName { term: inner.term, index: inner.index };
        learned.fact("index", said.index.to_string());
        learned.fact("term", said.term.to_string());
        learned.fact("managers", inner.voters.to_string());
        if self.name != Some(said) {
            let message = format!("by what it says of itself it is {:016x}-{:016x}.snap", said.term, said.index);
            learned.fault(&code::RAFT_WRONG_NAME, None, message);
        }
        let content = match Sealed::parse(inner.data) {
            _ if !self.is_encrypted => Content::Open,
            None => {
                learned.fault(
                    &code::RAFT_SNAPSHOT_DAMAGED,
                    None,
                    "its checksum holds, and its content is not encrypted content",
                );
                return;
            }
            Some(Sealed::Clear(_)) => Content::InClear,
            Some(sealed) => Content::Sealed(sealed),
        };
        learned.evidence.push(Evidence::RaftSnapshot(Box::new(Snapshot { name: said, content })));
    }
}

impl<'a> Inner<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut inner = Self::default();
        let mut fields = Fields(bytes);
        while let Some((field, value)) = fields.next().ok()? {
            match (field, value) {
                (1, Value::Bytes(data)) => inner.data = data,
                (2, Value::Bytes(metadata)) => inner.metadata(metadata)?,
                _ => return None,
            }
        }
        (inner.index > 0).then_some(inner)
    }

    fn metadata(&mut self, bytes: &[u8]) -> Option<()> {
        let mut fields = Fields(bytes);
        while let Some((field, value)) = fields.next().ok()? {
            match (field, value) {
                (1, Value::Bytes(members)) => self.voters = voters(members)?,
                (2, Value::Number(index)) => self.index = index,
                (3, Value::Number(term)) => self.term = term,
                (1..=3, _) => return None,
                _ => {}
            }
        }
        Some(())
    }
}

/// Members that vote: one number each, or several in one string.
fn voters(members: &[u8]) -> Option<u64> {
    let mut count: u64 = 0;
    let mut fields = Fields(members);
    while let Some((field, value)) = fields.next().ok()? {
        match (field, value) {
            (1, Value::Number(_)) => count = count.saturating_add(1),
            (1, Value::Bytes(packed)) => {
                let ends = packed.iter().filter(|byte| **byte & 0x80 == 0).count();
                count = count.saturating_add(size(ends));
            }
            _ => {}
        }
    }
    Some(count)
}
