//! The probe `raft-log`: one file of a Raft log, as etcd writes it and Swarm keeps it.
//!
//! Promises: every record was held against its checksum; entries stand one after the other; of what is encrypted only so
//! much is kept as the limit `raft-held-bytes` allows, the newest. Refuses to know: the other files, and the keys.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::frames::{End, Frames, Record, Records};
use super::name::{self, LogName};
use super::proto::{Fields, Value};
use super::sealed::Sealed;
use crate::code;
use crate::probe::{Evidence, Kind, Learned, Probe, Subject};

/// The probe's line in the catalog.
pub static KIND: Kind = Kind {
    name: "raft-log",
    about: "reads a file of a Raft log (`<sequence>-<index>.wal`) and proves each record by its running CRC-32C, that \
            entries stand without gaps, and where the log ends",
    settings: &[],
    facts: &[
        ("sequence", "number of the file in its log, from its name"),
        ("entries", "entries in the file"),
        ("first-index", "index of the first entry"),
        ("last-index", "index of the last entry"),
        ("term", "term of the last state"),
        ("commit", "index up to which entries are committed, of the last state"),
        ("node", "identifier of the node that wrote the file, where it is a Swarm's"),
    ],
    digest: None,
    check: |_| Ok(()),
    start: |subject| {
        Box::new(LogProbe { frames: Frames::new(subject), book: Book { log: Log::new(subject), records: 0 } })
    },
};

const METADATA: u64 = 1;
const ENTRY: u64 = 2;
const STATE: u64 = 3;
const CHECKSUM: u64 = 4;
const SNAPSHOT: u64 = 5;

/// Jumps of the index, and snapshots told of, that are kept of one file.
const KEPT: usize = 256;

/// One file of a log, for the judgement over all of them.
#[derive(Debug)]
pub struct Log {
    pub(super) name: Option<LogName>,
    pub(super) size: u64,
    pub(super) end: End,
    /// The running checksum as it comes in and as it leaves.
    pub(super) checksums: Option<(u32, u32)>,
    /// Digest of what the file says of its writer.
    pub(super) writer: Option<[u8; 32]>,
    pub(super) entries: u64,
    pub(super) first: Option<u64>,
    /// Index of the last entry; before any, of the one before the first.
    pub(super) last: u64,
    /// Where entries go on at a higher index behind a snapshot: the last before, the first after.
    pub(super) jumps: VecDeque<(u64, u64)>,
    /// Snapshots that the log tells of: index and term.
    pub(super) snapshots: VecDeque<(u64, u64)>,
    pub(super) state: Option<State>,
    /// Behind a lock because a rule that holds many files makes them let go when there are too many.
    pile: Mutex<Pile>,
    limit: u64,
    /// Entries whose content is in clear where all must be encrypted: the first, and how many.
    pub(super) in_clear: Option<(u64, u64)>,
    is_encrypted: bool,
    /// The newest snapshot told of.
    reach: u64,
    node: Option<String>,
}

/// What a node must not forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) term: u64,
    pub(super) commit: u64,
}

/// The newest of the encrypted entries.
#[derive(Debug, Default)]
pub(super) struct Pile {
    pub(super) held: VecDeque<Held>,
    bytes: u64,
    /// The highest index of the entries let go of.
    pub(super) let_go: Option<u64>,
}

/// An encrypted entry.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) index: u64,
    pub(super) sealed: Sealed,
}

struct LogProbe {
    frames: Frames,
    book: Book,
}

/// What the records say, as they come.
struct Book {
    log: Log,
    records: u64,
}

impl Log {
    fn new(subject: &Subject<'_>) -> Self {
        let name = name::log(subject.path);
        Self {
            name,
            size: subject.size,
            end: End::Broken,
            checksums: None,
            writer: None,
            entries: 0,
            first: None,
            last: name.map_or(0, |name| name.index.saturating_sub(1)),
            jumps: VecDeque::new(),
            snapshots: VecDeque::new(),
            state: None,
            pile: Mutex::default(),
            limit: subject.limits.raft_held_bytes,
            in_clear: None,
            is_encrypted: name::is_encrypted(subject.path),
            reach: 0,
            node: None,
        }
    }

    pub(super) fn pile(&self) -> MutexGuard<'_, Pile> {
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of encrypted entries that it holds.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.pile().bytes
    }

    /// Lets go of the oldest entries until no more than `limit` bytes of them are held.
    pub fn hold_at_most(&self, limit: u64) {
        self.pile().shrink(limit);
    }

    fn metadata(&mut self, data: &[u8]) -> Result<(), String> {
        let writer = Sha256::digest(data).into();
        if self.writer.is_some_and(|known| known != writer) {
            return Err("it names another writer than the one before".to_owned());
        }
        self.writer = Some(writer);
        let mut fields = Fields(data);
        while let Ok(Some((field, value))) = fields.next() {
            if let (2, Value::Bytes(node)) = (field, value)
                && let Ok(node) = std::str::from_utf8(node)
                && node.len() <= 64
            {
                self.node = Some(node.to_owned());
            }
        }
        Ok(())
    }

    fn entry(&mut self, data: &[u8]) -> Result<(), String> {
        let (mut kind, mut index, mut content) = (0, 0, &[][..]);
        let mut fields = Fields(data);
        while let Some((field, value)) = fields.next().map_err(|_| "it is no entry")? {
            match (field, value) {
                (1, Value::Number(number)) => kind = number,
                (3, Value::Number(number)) => index = number,
                (4, Value::Bytes(bytes)) => content = bytes,
                (1 | 3 | 4, _) => return Err("it is no entry".to_owned()),
                _ => {}
            }
        }
        // A change of members is never empty: this is another record whose type was changed.
        if index == 0 || (kind > 0 && content.is_empty()) || kind > 2 {
            return Err("it is no entry that a node writes".to_owned());
        }
        let known = self.last.max(self.reach);
        if self.name.is_some() && index > known.saturating_add(1) {
            return Err(format!("it is entry {index}, and {known} was the last before"));
        }
        if index > self.last.saturating_add(1) {
            keep(&mut self.jumps, (self.last, index));
        }
        self.first = self.first.or(Some(index));
        self.last = index;
        self.entries = self.entries.saturating_add(1);
        if self.is_encrypted && !content.is_empty() {
            self.hold(index, content)?;
        }
        Ok(())
    }

    fn hold(&mut self, index: u64, content: &[u8]) -> Result<(), String> {
        match Sealed::parse(content) {
            None => return Err(format!("what entry {index} holds is no encrypted content")),
            Some(Sealed::Clear(_)) => {
                let (first, number) = self.in_clear.unwrap_or((index, 0));
                self.in_clear = Some((first, number.saturating_add(1)));
            }
            Some(sealed) => {
                let mut pile = self.pile();
                pile.add(Held { index, sealed });
                pile.shrink(self.limit);
            }
        }
        Ok(())
    }

    fn state(&mut self, data: &[u8]) -> Result<(), String> {
        let (mut term, mut commit) = (0, 0);
        let mut fields = Fields(data);
        while let Some((field, value)) = fields.next().map_err(|_| "it is no state")? {
            match (field, value) {
                (1, Value::Number(number)) => term = number,
                (2, Value::Number(_)) => {}
                (3, Value::Number(number)) => commit = number,
                _ => return Err("it is no state".to_owned()),
            }
        }
        if self.state.is_some_and(|known| term < known.term || commit < known.commit) || term == 0 {
            return Err("its term or commit goes back, which never happens".to_owned());
        }
        self.state = Some(State { term, commit });
        Ok(())
    }

    fn snapshot(&mut self, data: &[u8]) -> Result<(), String> {
        let (mut index, mut term) = (0, 0);
        let mut fields = Fields(data);
        while let Some((field, value)) = fields.next().map_err(|_| "it is no word of a snapshot")? {
            match (field, value) {
                (1, Value::Number(number)) => index = number,
                (2, Value::Number(number)) => term = number,
                (1 | 2, _) => return Err("it is no word of a snapshot".to_owned()),
                _ => {}
            }
        }
        self.reach = self.reach.max(index);
        keep(&mut self.snapshots, (index, term));
        Ok(())
    }
}

impl Pile {
    /// Whether there is, or was, anything that wants a key.
    pub(super) fn is_sealed(&self) -> bool {
        self.let_go.is_some() || !self.held.is_empty()
    }

    fn add(&mut self, held: Held) {
        self.bytes = self.bytes.saturating_add(cost(&held));
        self.held.push_back(held);
    }

    fn shrink(&mut self, limit: u64) {
        while self.bytes > limit {
            let Some(oldest) = self.held.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(cost(&oldest));
            self.let_go = self.let_go.max(Some(oldest.index));
        }
    }
}

impl Records for Book {
    fn record(&mut self, record: &Record<'_>) -> Result<(), String> {
        self.records = self.records.saturating_add(1);
        match record.kind {
            CHECKSUM if record.data.is_empty() => Ok(()),
            METADATA => self.log.metadata(record.data),
            _ if self.records == 2 => Err("the second of a file must say who wrote it".to_owned()),
            ENTRY => self.log.entry(record.data),
            STATE => self.log.state(record.data),
            SNAPSHOT => self.log.snapshot(record.data),
            other => Err(format!("there is no type {other}")),
        }
    }
}

impl Probe for LogProbe {
    fn feed(&mut self, bytes: &[u8]) {
        self.frames.feed(bytes, &mut self.book);
    }

    fn finish(self: Box<Self>) -> Learned {
        let Self { mut frames, book: Book { mut log, .. } } = *self;
        let mut learned = Learned::default();
        log.end = frames.end();
        let carried = frames.carried;
        frames.faults.drain(..).for_each(|fault| learned.add(fault));
        if log.end != End::Broken {
            if log.writer.is_none() {
                log.end = End::Broken;
                learned.fault(&code::RAFT_LOG_DAMAGED, 0, "the records are not there with which every log file begins");
            }
            log.checksums = carried.map(|carried| (carried, frames.checksum()));
        }
        log.judge_name(carried, &mut learned);
        log.facts(&mut learned);
        learned.evidence.push(Evidence::RaftLog(Box::new(log)));
        learned
    }
}

impl Log {
    fn judge_name(&self, carried: Option<u32>, learned: &mut Learned) {
        let Some(name) = self.name else {
            let message = "no log file is called that, so whoever reads the log passes it over";
            learned.fault(&code::RAFT_WRONG_NAME, None, message);
            return;
        };
        if name.sequence == 0 && carried.is_some_and(|carried| carried != 0) {
            let message = "the name says that it is the first file of its log, and it carries on from an earlier one";
            learned.fault(&code::RAFT_WRONG_NAME, None, message);
        }
        if (name.sequence == 0) != (name.index == 0) {
            let message = "of the two numbers in the name one only is zero";
            learned.fault(&code::RAFT_WRONG_NAME, None, message);
        }
    }

    fn facts(&self, learned: &mut Learned) {
        if let Some(name) = self.name {
            learned.fact("sequence", name.sequence.to_string());
        }
        learned.fact("entries", self.entries.to_string());
        if let Some(first) = self.first {
            learned.fact("first-index", first.to_string());
            learned.fact("last-index", self.last.to_string());
        }
        if let Some(state) = self.state {
            learned.fact("term", state.term.to_string());
            learned.fact("commit", state.commit.to_string());
        }
        if let Some(node) = &self.node {
            learned.fact("node", node.clone());
        }
    }
}

fn cost(held: &Held) -> u64 {
    u64::try_from(held.sealed.bytes()).unwrap_or(u64::MAX)
}

/// Keeps the newest.
fn keep(list: &mut VecDeque<(u64, u64)>, item: (u64, u64)) {
    if list.len() >= KEPT {
        list.pop_front();
    }
    list.push_back(item);
}
