//! What the names of Raft's files tell: two numbers of sixteen hexadecimal digits.
//!
//! Promises: takes exactly the names that etcd writes. Refuses to know: what the files hold.

/// The name of a log file: `<seq>-<index>.wal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LogName {
    /// Counts the files of one log from 0.
    pub(super) sequence: u64,
    /// Of the first entry that was still to come when the file was begun; 0 for the first file.
    pub(super) index: u64,
}

/// The name of a snapshot: `<term>-<index>.snap`; ordered as etcd looks for the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SnapshotName {
    pub(super) term: u64,
    /// Of the last entry that is in it.
    pub(super) index: u64,
}

/// The last component of a path.
pub(super) fn file(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

pub(super) fn log(path: &[u8]) -> Option<LogName> {
    numbers(file(path).strip_suffix(b".wal")?).map(|(sequence, index)| LogName { sequence, index })
}

pub(super) fn snapshot(path: &[u8]) -> Option<SnapshotName> {
    numbers(file(path).strip_suffix(b".snap")?).map(|(term, index)| SnapshotName { term, index })
}

/// Whether the folder says that its files are encrypted, as Swarm's have been since 1.13: `wal-v3-encrypted`.
pub(super) fn is_encrypted(path: &[u8]) -> bool {
    path.rsplit(|byte| *byte == b'/').nth(1).is_some_and(|folder| folder.ends_with(b"-encrypted"))
}

fn numbers(name: &[u8]) -> Option<(u64, u64)> {
    let (first, rest) = name.split_at_checked(16)?;
    let second = rest.strip_prefix(b"-").filter(|second| second.len() == 16)?;
    Some((number(first)?, number(second)?))
}

fn number(digits: &[u8]) -> Option<u64> {
    let lower = digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    u64::from_str_radix(std::str::from_utf8(digits).ok().filter(|_| lower)?, 16).ok()
}
