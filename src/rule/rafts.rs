//! `[[raft]]`: the members of a Swarm's Raft log, brought together by the node they are of.
//!
//! Promises: one archive may hold several nodes; each is judged by itself, by the folders that its engine would read. Refuses
//! to know: what a log must be like.

use std::collections::BTreeMap;

use crate::probe::Evidence;
use crate::probe::raft::{Judged, Key, Log, Snapshot, judge};
use crate::secret::Secret;

/// The members of one node. Logs and snapshots carry the form of the folder they stand in.
struct Node<'a, M> {
    logs: Vec<(usize, (M, &'a Log))>,
    snapshots: Vec<(usize, (M, &'a Snapshot))>,
    keys: Vec<(M, &'a Key)>,
}

/// Judges every node's log by itself. `members` are those that the rule names: each with its path and what was learned.
pub(super) fn judge_all<'a, M: Copy>(
    members: impl Iterator<Item = (M, &'a [u8], &'a [Evidence])>,
    unlock_keys: &[Secret],
) -> Vec<Judged<M>> {
    let mut nodes: BTreeMap<&[u8], Node<'a, M>> = BTreeMap::new();
    for (member, path, evidence) in members {
        for evidence in evidence {
            match evidence {
                Evidence::RaftLog(log) => node(&mut nodes, path, 3).logs.push((form(path), (member, log))),
                Evidence::RaftSnapshot(snapshot) => {
                    node(&mut nodes, path, 3).snapshots.push((form(path), (member, snapshot)));
                }
                Evidence::SwarmKey(key) => node(&mut nodes, path, 2).keys.push((member, key)),
                _ => {}
            }
        }
    }
    nodes.values().map(|node| node.judge(unlock_keys)).collect()
}

impl<M: Copy> Node<'_, M> {
    /// Of folders of several forms the engine reads the newest; the others are left from before an upgrade.
    fn judge(&self, unlock_keys: &[Secret]) -> Judged<M> {
        let forms = self.logs.iter().map(|(form, _)| form).chain(self.snapshots.iter().map(|(form, _)| form));
        let newest = forms.max().copied().unwrap_or_default();
        let logs: Vec<_> = self.logs.iter().filter(|(form, _)| *form == newest).map(|(_, log)| *log).collect();
        let snapshots = self.snapshots.iter().filter(|(form, _)| *form == newest);
        let snapshots: Vec<_> = snapshots.map(|(_, snapshot)| *snapshot).collect();
        judge(&logs, &snapshots, &self.keys, unlock_keys)
    }
}

/// `wal` and `snap`, then `wal-v3`, then `wal-v3-encrypted`: each form adds to the name of the one before.
fn form(path: &[u8]) -> usize {
    let folder = path.rsplit(|byte| *byte == b'/').nth(1).unwrap_or_default();
    folder.iter().skip_while(|byte| **byte != b'-').count()
}

/// The node whose folder stands so many components above the end of the path.
fn node<'n, 'a, M>(
    nodes: &'n mut BTreeMap<&'a [u8], Node<'a, M>>,
    path: &'a [u8],
    above: usize,
) -> &'n mut Node<'a, M> {
    let mut folder = path;
    for _ in 0..above {
        folder =
            folder.iter().rposition(|byte| *byte == b'/').and_then(|slash| folder.get(..slash)).unwrap_or_default();
    }
    nodes.entry(folder).or_insert_with(|| Node { logs: Vec::new(), snapshots: Vec::new(), keys: Vec::new() })
}
