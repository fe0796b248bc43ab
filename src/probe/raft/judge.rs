//! Judges the files of one node's Raft log beside each other: what a start of the engine would read, and whether it could.
//!
//! Promises: the order in which members stand in the archive means nothing; what is behind the newest snapshot must be whole
//! and open, what is before it need not be there. Refuses to know: paths: members are named by whoever asks.

use std::sync::MutexGuard;

use zeroize::Zeroizing;

use super::frames::End;
use super::key::Key;
use super::log::{Held, Log, Pile};
use super::sealed::Sealed;
use super::snapshot::{Content, Snapshot};
use super::unlock::UnlockKey;
use crate::code::{self, Code, Severity};
use crate::probe::Fault;
use crate::secret::Secret;

/// etcd makes a new file ready at this size and cuts it off when it is full.
const FILE_BYTES: u64 = 64_000_000;

/// What follows from all files together.
#[derive(Debug)]
pub struct Judged<M> {
    /// What is wrong, with the member where it shows; none where something is missing.
    pub faults: Vec<(Option<M>, Fault)>,
    /// Name and value: `snapshot-index`, `last-index`, and `opened`, the number of records that a key proved.
    pub facts: Vec<(&'static str, String)>,
}

/// Judges the log, snapshots and keys of one node. `M` names a member; unlock keys that fit nothing are no fault as long as
/// one fits.
pub fn judge<M: Copy>(
    logs: &[(M, &Log)],
    snapshots: &[(M, &Snapshot)],
    keys: &[(M, &Key)],
    unlock_keys: &[Secret],
) -> Judged<M> {
    let mut sorted: Vec<(M, &Log)> = logs.iter().filter(|(_, log)| log.name.is_some()).copied().collect();
    sorted.sort_by_key(|(_, log)| log.name);
    let newest = snapshots.iter().max_by_key(|(_, snapshot)| snapshot.name).copied();
    let mut bench = Bench {
        newest,
        from: newest.map_or(0, |(_, snapshot)| snapshot.name.index),
        has_gap: false,
        faults: Vec::new(),
    };
    let needed = bench.needed(&sorted);
    bench.joints(needed);
    bench.start(needed);
    let last = bench.entries(needed);
    let mut facts = vec![("last-index", last.to_string())];
    if newest.is_some() {
        facts.push(("snapshot-index", bench.from.to_string()));
    }
    if let Some(opened) = bench.content(needed, keys, unlock_keys) {
        facts.push(("opened", opened.to_string()));
    }
    Judged { faults: bench.faults, facts }
}

struct Bench<'a, M> {
    /// The snapshot from which a start goes on.
    newest: Option<(M, &'a Snapshot)>,
    /// Its index; entries behind it are needed.
    from: u64,
    /// A file is missing that is needed, and who knows what it told.
    has_gap: bool,
    faults: Vec<(Option<M>, Fault)>,
}

impl<M: Copy> Bench<'_, M> {
    fn fault(&mut self, member: impl Into<Option<M>>, code: &'static Code, message: String) {
        self.faults.push((member.into(), Fault { code, severity: None, message, offset: None }));
    }

    /// The files that a start reads: from the last that begins at or before the snapshot.
    fn needed<'b, 'c>(&mut self, sorted: &'b [(M, &'c Log)]) -> &'b [(M, &'c Log)] {
        let Some(&(first, oldest)) = sorted.first() else { return &[] };
        let index = |log: &Log| log.name.map_or(0, |name| name.index);
        let Some(start) = sorted.iter().rposition(|(_, log)| index(log) <= self.from) else {
            let (begins, from) = (index(oldest), self.from);
            let before = begins.saturating_sub(1);
            self.has_gap = true;
            if self.newest.is_none() {
                let message =
                    format!("the log begins with entry {begins}, and no snapshot holds the {before} before it");
                self.fault(first, &code::RAFT_SNAPSHOT_MISSING, message);
            } else {
                let message = format!("the snapshot holds entries up to {from}, and the log begins with {begins}");
                self.fault(None, &code::RAFT_LOG_MISSING, message);
            }
            return sorted;
        };
        let needed = sorted.get(start..).unwrap_or_default();
        self.sequence(sorted.get(..=start).unwrap_or_default(), Some(Severity::Warning));
        self.has_gap = self.sequence(needed, None);
        needed
    }

    /// Files must be numbered without gaps; says whether there is one. Where the engine reads nothing, it does no harm.
    fn sequence(&mut self, logs: &[(M, &Log)], severity: Option<Severity>) -> bool {
        let known = self.faults.len();
        for [(_, before), (member, after)] in logs.array_windows() {
            let (Some(before), Some(after)) = (before.name, after.name) else { continue };
            let message = match after.sequence.checked_sub(before.sequence) {
                Some(1) => continue,
                Some(0) => format!("there are two files of number {}", before.sequence),
                _ => {
                    format!("after file {} comes {}: what is between them is missing", before.sequence, after.sequence)
                }
            };
            let fault = Fault { code: &code::RAFT_LOG_MISSING, severity, message, offset: None };
            self.faults.push((Some(*member), fault));
        }
        self.faults.len() > known
    }

    /// Where one file ends, the next must go on.
    fn joints(&mut self, logs: &[(M, &Log)]) {
        for [(torn, before), (member, after)] in logs.array_windows() {
            let numbers = (before.name.map(|name| name.sequence), after.name.map(|name| name.sequence));
            let (Some(first), Some(second)) = numbers else { continue };
            if let End::Torn(start) = before.end {
                let message = format!("the record at byte {start} was written in part only, and another file follows");
                self.fault(*torn, &code::RAFT_LOG_DAMAGED, message);
                continue;
            }
            if second != first.saturating_add(1) {
                continue;
            }
            if let (Some((_, leaves)), Some((comes, _))) = (before.checksums, after.checksums)
                && leaves != comes
            {
                let message = format!(
                    "the checksum that file {first} ends with is {leaves:08x}, and file {second} carries on from {comes:08x}: \
                     file {first} is cut, or they are of two logs"
                );
                self.fault(*member, &code::RAFT_LOG_MIXED, message);
            } else if before.writer.zip(after.writer).is_some_and(|(before, after)| before != after) {
                let message = format!("files {first} and {second} were written by two nodes");
                self.fault(*member, &code::RAFT_LOG_MIXED, message);
            }
        }
        if let Some((member, log)) = logs.last()
            && log.end == (End::Clean { has_spare: false })
            && log.size < FILE_BYTES
        {
            let message = format!("the last file has {} bytes and no room behind its last record", log.size);
            self.fault(*member, &code::RAFT_LOG_SHORT, message);
        }
    }

    /// The log must know the snapshot from which it is to go on.
    fn start(&mut self, logs: &[(M, &Log)]) {
        let Some((member, newest)) = self.newest else { return };
        if self.has_gap || logs.is_empty() || logs.iter().any(|(_, log)| log.end == End::Broken) {
            return;
        }
        let name = newest.name;
        let mut told =
            logs.iter().flat_map(|(_, log)| &log.snapshots).filter(|(index, _)| *index == name.index).peekable();
        if told.peek().is_none() {
            let message =
                format!("the log tells of no snapshot at entry {}, so it does not go on from this one", name.index);
            self.fault(member, &code::RAFT_SNAPSHOT_UNKNOWN, message);
        } else if let Some((index, term)) = told.find(|(_, term)| *term != name.term) {
            let message = format!("the log tells of a snapshot at entry {index} of term {term}, not {}", name.term);
            self.fault(member, &code::RAFT_SNAPSHOT_UNKNOWN, message);
        }
    }

    /// Entries behind the snapshot must be there, up to what is committed; says which is the last.
    fn entries(&mut self, logs: &[(M, &Log)]) -> u64 {
        for (member, log) in logs {
            let behind = |(_, next): &&(u64, u64)| *next > self.from.saturating_add(1);
            if let Some((before, next)) = log.jumps.iter().find(behind).copied() {
                let message = format!(
                    "entry {next} follows {}: a snapshot held what is between them, and it is missing",
                    before.max(self.from)
                );
                self.fault(*member, &code::RAFT_SNAPSHOT_MISSING, message);
                break;
            }
        }
        let last = logs.last().map_or(0, |(_, log)| log.last).max(self.from);
        let Some((member, state)) = logs.iter().rev().find_map(|(member, log)| Some((*member, log.state?))) else {
            return last;
        };
        let is_whole = logs.iter().all(|(_, log)| log.end != End::Broken);
        if is_whole && state.commit > last {
            let message =
                format!("entries up to {} were committed, and the last that is there is {last}", state.commit);
            self.fault(member, &code::RAFT_ENTRIES_MISSING, message);
        }
        if is_whole && state.commit < self.from {
            let message = format!(
                "the snapshot holds entries up to {}, and by the log no more than {} were committed",
                self.from, state.commit
            );
            self.fault(self.newest.map(|(member, _)| member), &code::RAFT_SNAPSHOT_UNKNOWN, message);
        }
        last
    }

    /// What is encrypted must open; says how many records did, where there was anything to open and a key to do it.
    fn content(&mut self, logs: &[(M, &Log)], keys: &[(M, &Key)], unlock_keys: &[Secret]) -> Option<u64> {
        self.in_clear(logs);
        let sealed = match self.newest {
            Some((member, Snapshot { content: Content::Sealed(sealed), .. })) => Some((member, sealed)),
            _ => None,
        };
        let piles: Vec<(M, MutexGuard<'_, Pile>)> = logs.iter().map(|(member, log)| (*member, log.pile())).collect();
        if sealed.is_none() && !piles.iter().any(|(_, pile)| pile.is_sealed()) {
            return None;
        }
        let keys = self.unlock(keys, unlock_keys)?;
        let mut opened: u64 = 0;
        if let Some((snapshot, sealed)) = sealed {
            match try_all(sealed, &keys) {
                Opened::Yes => opened = opened.saturating_add(1),
                Opened::No => {
                    let message = "the snapshot does not open with the node's key".to_owned();
                    self.fault(snapshot, &code::RAFT_NOT_AUTHENTIC, message);
                }
                Opened::Unknown(number) => self.unknown(snapshot, number),
            }
        }
        let mut failed: Option<(M, u64, u64)> = None;
        for (log, held) in self.effective(&piles) {
            match try_all(&held.sealed, &keys) {
                Opened::Yes => opened = opened.saturating_add(1),
                Opened::No => {
                    let (first, index, number) = failed.unwrap_or((log, held.index, 0));
                    failed = Some((first, index, number.saturating_add(1)));
                }
                Opened::Unknown(number) => {
                    self.unknown(log, number);
                    break;
                }
            }
        }
        if let Some((log, index, number)) = failed {
            let message = if opened == 0 {
                format!(
                    "none of the {number} records that must open does, entry {index} first: the key is of another node or time"
                )
            } else {
                format!("{number} entries do not open with the node's key, entry {index} first")
            };
            self.fault(log, &code::RAFT_NOT_AUTHENTIC, message);
        }
        self.let_go(&piles);
        Some(opened)
    }

    /// What must be encrypted and is not.
    fn in_clear(&mut self, logs: &[(M, &Log)]) {
        if let Some((member, Snapshot { content: Content::InClear, .. })) = self.newest {
            let message = "the snapshot is not encrypted, which the engine refuses".to_owned();
            self.fault(member, &code::RAFT_NOT_AUTHENTIC, message);
        }
        for (member, log) in logs {
            if let Some((index, number)) = log.in_clear {
                let message =
                    format!("{number} entries are not encrypted, which the engine refuses, entry {index} first");
                self.fault(*member, &code::RAFT_NOT_AUTHENTIC, message);
            }
        }
    }

    /// The keys to the log; where there are none, a fault says why, unless no key file is there at all.
    fn unlock(&mut self, keys: &[(M, &Key)], unlock_keys: &[Secret]) -> Option<Vec<Zeroizing<Vec<u8>>>> {
        let (member, key) = keys.iter().find(|(_, key)| key.current.is_some()).or(keys.first()).copied()?;
        if key.current.is_none() {
            let message = "it holds no key to the log, so it is of a worker or of another time".to_owned();
            self.fault(member, &code::SWARM_RAFT_KEY_MISSING, message);
            return None;
        }
        let unknown = key.all().find_map(|key| if let Sealed::Unknown(number) = key { Some(*number) } else { None });
        if let Some(number) = unknown {
            self.unknown(member, number);
            return None;
        }
        if !key.is_locked() {
            return key.open(None);
        }
        let unlock_keys: Vec<UnlockKey> = unlock_keys.iter().filter_map(UnlockKey::parse).collect();
        if unlock_keys.is_empty() {
            let message = "the node's keys are locked, and no unlock key was given".to_owned();
            self.fault(member, &code::SWARM_UNLOCK_KEY_NEEDED, message);
            return None;
        }
        let opened = unlock_keys.iter().find_map(|unlock| key.open(Some(unlock)));
        if opened.is_none() {
            let message = match unlock_keys.len() {
                1 => "the unlock key that was given does not open it".to_owned(),
                number => format!("none of the {number} unlock keys that were given opens it"),
            };
            self.fault(member, &code::SWARM_UNLOCK_KEY_WRONG, message);
        }
        opened
    }

    /// The entries behind the snapshot that count: a later one of the same index takes the place of what was there.
    fn effective<'b>(&self, piles: &'b [(M, MutexGuard<'_, Pile>)]) -> Vec<(M, &'b Held)> {
        let mut behind: Vec<(M, &Held)> = Vec::new();
        let all = piles.iter().flat_map(|(member, pile)| pile.held.iter().map(|held| (*member, held)));
        for (member, held) in all.filter(|(_, held)| held.index > self.from) {
            while behind.pop_if(|(_, before)| before.index >= held.index).is_some() {}
            behind.push((member, held));
        }
        behind
    }

    /// What was not held could not be opened.
    fn let_go(&mut self, piles: &[(M, MutexGuard<'_, Pile>)]) {
        for (member, pile) in piles {
            if let Some(index) = pile.let_go.filter(|index| *index > self.from) {
                let message = format!(
                    "entries up to {index} were more than may be held until the key is known, and were not opened; their \
                     checksums hold (--limit raft-held-bytes=N)"
                );
                self.fault(*member, &code::LIMIT_REACHED, message);
            }
        }
    }

    fn unknown(&mut self, member: M, number: u64) {
        let message = format!("it is encrypted with cipher number {number}, which is not known here");
        self.fault(member, &code::SWARM_CIPHER_UNKNOWN, message);
    }
}

enum Opened {
    Yes,
    No,
    Unknown(u64),
}

fn try_all(sealed: &Sealed, keys: &[Zeroizing<Vec<u8>>]) -> Opened {
    match sealed {
        Sealed::Unknown(number) => Opened::Unknown(*number),
        sealed if keys.iter().any(|key| sealed.open(key).is_some()) => Opened::Yes,
        _ => Opened::No,
    }
}
