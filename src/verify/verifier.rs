//! The sink of a verification: hashes, counts, probes, and hands every entry to the judge.
//!
//! Promises: what a probe has learned reaches the judge in the order of the archive, and only once the digest that the
//! content tells of itself was held against the one computed; a digest that was not computed is no match. Refuses to know:
//! what the rules make of it.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::disclosed::Disclosed;
use super::outcome::{Inventory, Secrets};
use super::road::Reading;
use crate::digest::{Content, Digests, Hashes, MemberDigests, hex};
use crate::entry::{Entry, EntryKind, normalized};
use crate::limits::Limits;
use crate::place::kept_path;
use crate::probe::{Expected, Fault, Lab, Learned, Subject};
use crate::rule::{Judge, Wanted};
use crate::source::Chunk;
use crate::walk::{Sink, Want, Workers};

/// What the sink of a verification has when the walk is over.
pub(super) struct Verified {
    /// None where the archive is only read for what is in it.
    pub(super) judge: Option<Judge>,
    pub(super) inventory: Inventory,
    pub(super) secrets: Secrets,
    pub(super) content: Option<[u8; 32]>,
}

/// The sink of a verification.
pub(super) struct Verifier {
    judge: Judge,
    inventory: Inventory,
    disclosed: Disclosed,
    hashes: Hashes,
    members: MemberDigests<Record>,
    content: Sha256,
    limits: Limits,
    /// The day of the restore.
    at: Option<i64>,
    lab: Lab,
    open: Looked,
    /// What was learned and waits for a digest, in the order of the archive.
    waiting: VecDeque<Waiting>,
    /// Whether the entry is none of the first archive's: read, because every byte is, and not judged.
    is_further: bool,
}

/// An entry that waits for its digests.
struct Record {
    /// What the content digest holds of it beside its bytes.
    text: Vec<u8>,
    /// Whether its place in the queue of what was learned is the first.
    is_probed: bool,
}

/// The entry that is looked into.
#[derive(Default)]
struct Looked {
    wanted: Vec<Wanted>,
    path: Vec<u8>,
    offset: u64,
    /// Whether a digest of its content is needed to judge.
    is_digested: bool,
}

/// What was learned of an entry.
struct Waiting {
    path: Vec<u8>,
    offset: u64,
    learned: Vec<(Wanted, Learned)>,
}

impl Verifier {
    pub(super) fn new(judge: Judge, reading: &Reading) -> Self {
        let workers = Workers::start(reading.threads);
        Self {
            judge,
            inventory: Inventory::default(),
            disclosed: Disclosed::new(reading.limits.findings_per_code),
            hashes: reading.hashes,
            members: MemberDigests::new(reading.hashes, workers),
            content: Sha256::new(),
            limits: reading.limits.clone(),
            at: reading.at.or(reading.now),
            lab: Lab::default(),
            open: Looked::default(),
            waiting: VecDeque::new(),
            is_further: false,
        }
    }

    pub(super) fn finish(mut self) -> Verified {
        while let Some((record, digests)) = self.members.wait() {
            self.absorb(&record, digests);
        }
        let content = self.hashes.any().then(|| self.content.clone().finalize().into());
        let secrets = self.disclosed.finish();
        Verified { judge: Some(self.judge), inventory: self.inventory, secrets, content }
    }

    fn absorb(&mut self, record: &Record, digests: Option<Digests>) {
        self.content.update(&record.text);
        // Only what was asked for: a digest that a probe needs must not change what the archive's is.
        let Hashes { sha256, blake3 } = self.hashes;
        let asked = digests.map(|digests| Digests {
            sha256: digests.sha256.filter(|_| sha256),
            blake3: digests.blake3.filter(|_| blake3),
            front: None,
        });
        for (name, value) in asked.iter().flat_map(Digests::named) {
            self.content.update(name);
            self.content.update(b"=");
            self.content.update(value);
        }
        self.content.update(b"\n");
        if record.is_probed
            && let Some(Waiting { path, offset, learned }) = self.waiting.pop_front()
        {
            for (wanted, mut learned) in learned {
                if let Some(expected) = learned.expected.take() {
                    learned.faults_from(differs(&expected, wanted.spec().kind.digest, digests));
                }
                self.judge.learned(&wanted, &path, offset, &Arc::new(learned));
            }
        }
    }
}

/// What is wrong where the content is not what it says of itself.
fn differs(expected: &Expected, without: Option<u64>, digests: Option<Digests>) -> Option<Fault> {
    let found = digests.and_then(|digests| if without == Some(0) { digests.sha256 } else { digests.front });
    if found == Some(expected.sha256) {
        return None;
    }
    let found = found.map_or_else(|| "not computed".to_owned(), |digest| hex(&digest));
    let message = format!("{}; the SHA-256 of the content is {found}", expected.otherwise.message);
    Some(Fault { message, ..expected.otherwise.clone() })
}

impl Sink for Verifier {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.is_further = entry.archive > 0;
        if self.is_further {
            return Want::Stream;
        }
        self.judge.entry(entry);
        self.inventory.count(entry);
        self.disclosed.begin(entry.path, entry.content_bytes().unwrap_or_default());
        let wanted = self.judge.wanted();
        if !wanted.is_empty() {
            self.open.path = kept_path(entry.path).to_vec();
            self.open.offset = entry.offset;
            let path = normalized(entry.path);
            let size = entry.content_bytes().unwrap_or_default();
            let (limits, at) = (&self.limits, self.at);
            let specs = wanted.iter().map(Wanted::spec);
            self.lab.begin(
                specs.map(|spec| (spec.kind, Subject { path: &path, size, settings: &spec.settings, limits, at })),
            );
        }
        let without = wanted.iter().filter_map(|wanted| wanted.spec().kind.digest).max();
        self.open.is_digested = without.is_some();
        self.open.wanted = wanted;
        let content = entry.content_bytes();
        if self.hashes.any() || without.is_some() {
            let text = content_record(entry);
            let weight = text.len();
            let bytes = content.map(|bytes| Content { bytes, without });
            self.members.begin(Record { text, is_probed: without.is_some() }, weight, bytes);
            while let Some((record, digests)) = self.members.ready() {
                self.absorb(&record, digests);
            }
        }
        if content.is_some() || !self.hashes.any() { Want::Stream } else { Want::Skip }
    }

    fn data(&mut self, chunk: &Chunk) {
        if self.is_further {
            return touch(&chunk.bytes);
        }
        if self.hashes.any() || self.open.is_digested {
            self.members.data(&chunk.bytes);
        } else {
            touch(&chunk.bytes);
        }
        self.disclosed.data(&chunk.bytes);
        self.lab.data(&chunk.bytes);
    }

    fn hole(&mut self, bytes: u64) {
        if self.is_further {
            return;
        }
        if self.hashes.any() || self.open.is_digested {
            self.members.hole(bytes);
        }
        self.disclosed.hole(bytes);
        self.lab.hole(bytes);
    }

    fn end(&mut self, whole: bool) {
        if self.is_further {
            return;
        }
        if self.hashes.any() || self.open.is_digested {
            self.members.end(whole);
        }
        self.disclosed.end();
        let Looked { wanted, path, offset, is_digested } = std::mem::take(&mut self.open);
        let learned = self.lab.end(whole);
        if is_digested {
            self.waiting.push_back(Waiting { path, offset, learned: wanted.into_iter().zip(learned).collect() });
            return;
        }
        for (wanted, learned) in wanted.iter().zip(learned) {
            self.judge.learned(wanted, &path, offset, &Arc::new(learned));
        }
    }
}

/// Has every page of `bytes` read: a mapped page that nobody touched may lie on a bad sector.
pub(super) fn touch(bytes: &[u8]) {
    const PAGE_BYTES: usize = 4096;
    let sum = bytes.iter().step_by(PAGE_BYTES).chain(bytes.last()).fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    std::hint::black_box(sum);
}

/// What the content digest holds of an entry beside its bytes: kind, path, size and link target, each ended by a NUL.
fn content_record(entry: &Entry<'_>) -> Vec<u8> {
    let mut record = Vec::with_capacity(entry.path.len() + entry.link.len() + 32);
    let kind = if entry.kind == EntryKind::Contiguous { EntryKind::File } else { entry.kind };
    for field in [kind.as_str().as_bytes(), b"\0", entry.path, b"\0"] {
        record.extend_from_slice(field);
    }
    // Writing to memory cannot fail.
    let _ = write!(record, "{}", entry.size);
    for field in [&b"\0"[..], entry.link, b"\0"] {
        record.extend_from_slice(field);
    }
    record
}
