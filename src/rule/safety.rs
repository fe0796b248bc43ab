//! What is asked of every path, whatever the product: it stays inside the folder it is restored into, and stands once.
//!
//! Promises: a path is remembered as 16 bytes of its BLAKE3 digest, so that nobody can make two paths look alike; once
//! as many are remembered as the limit allows, further ones are compared and no longer remembered. Refuses to know:
//! which rule set asks, and how grave it is.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use super::set::RuleSet;
use crate::entry::{Entry, EntryKind};
use crate::limits::Limits;
use crate::place::kept_path;

/// A path that is not as it should be.
#[derive(Debug)]
pub(super) struct Offender {
    pub(super) path: Vec<u8>,
    pub(super) offset: u64,
    pub(super) reason: &'static str,
}

/// Offenders of one sort: some are kept, all are counted.
#[derive(Debug, Default)]
pub(super) struct Offenders {
    pub(super) kept: Vec<Offender>,
    pub(super) count: u64,
}

/// Watches paths.
#[derive(Debug)]
pub(super) struct Safety {
    paths: bool,
    unique: bool,
    cap: u64,
    remembered: HashSet<u128, BuildHasherDefault<Identity>>,
    room: usize,
    /// Paths that lead elsewhere.
    pub(super) escaping: Offenders,
    /// Paths that stood before.
    pub(super) repeated: Offenders,
    /// Paths that could no longer be remembered.
    pub(super) forgotten: u64,
}

impl Safety {
    /// Watches what at least one of `sets` asks for.
    pub(super) fn new<'s>(sets: impl Iterator<Item = &'s RuleSet> + Clone, limits: &Limits) -> Self {
        Self {
            paths: sets.clone().any(|set| set.archive.paths.is_some()),
            unique: sets.clone().any(|set| set.archive.unique.is_some()),
            cap: limits.findings_per_code.max(1),
            remembered: HashSet::default(),
            room: usize::try_from(limits.unique_paths).unwrap_or(usize::MAX),
            escaping: Offenders::default(),
            repeated: Offenders::default(),
            forgotten: 0,
        }
    }

    /// `path` is the entry's normalised path.
    pub(super) fn entry(&mut self, entry: &Entry<'_>, path: &[u8]) {
        if self.paths
            && let Some(reason) = unsafe_because(entry.path)
        {
            self.escaping.add(self.cap, entry, reason);
        }
        // A hard link is made to what stands there already: outside the folder, to somebody else's file.
        if self.paths && entry.kind == EntryKind::Hardlink && unsafe_because(entry.link).is_some() {
            self.escaping.add(self.cap, entry, "a hard link to something outside the folder it is restored into");
        }
        if self.unique && self.stood_before(path) {
            self.repeated.add(self.cap, entry, "stands again: an entry before it has the same path");
        }
    }

    /// Paths that were remembered.
    pub(super) fn remembered(&self) -> usize {
        self.remembered.len()
    }

    fn stood_before(&mut self, path: &[u8]) -> bool {
        let digest = blake3::hash(path);
        let key = digest.as_bytes().first_chunk::<16>().map_or(0, |bytes| u128::from_le_bytes(*bytes));
        if self.remembered.len() < self.room {
            return !self.remembered.insert(key);
        }
        let before = self.remembered.contains(&key);
        if !before {
            self.forgotten = self.forgotten.saturating_add(1);
        }
        before
    }
}

impl Offenders {
    fn add(&mut self, cap: u64, entry: &Entry<'_>, reason: &'static str) {
        self.count = self.count.saturating_add(1);
        if self.count <= cap {
            self.kept.push(Offender { path: kept_path(entry.path).to_vec(), offset: entry.offset, reason });
        }
    }
}

/// Why a path is not safe to restore, where it is not.
pub(super) fn unsafe_because(path: &[u8]) -> Option<&'static str> {
    if path.starts_with(b"/") {
        return Some("absolute path");
    }
    // One look over all bytes that the compiler can vectorise; the second look is for the few that need it.
    let special = path
        .iter()
        .fold(0_u8, |found, byte| found | u8::from(*byte == 0) | u8::from(*byte == b'\\') | u8::from(*byte == b':'));
    let dots = path
        .iter()
        .zip(path.iter().skip(1))
        .fold(0_u8, |found, (one, two)| found | u8::from(*one == b'.') & u8::from(*two == b'.'));
    if special | dots == 0 {
        return None;
    }
    if path.split(|byte| *byte == b'/').any(|part| part == b"..") {
        return Some("a `..` component leads out of the folder it is restored into");
    }
    if path.contains(&0) {
        return Some("a NUL byte: readers that stop there see another name");
    }
    if path.contains(&b'\\') {
        return Some("a backslash: some systems take it for a separator");
    }
    let relative = path.strip_prefix(b"./").unwrap_or(path);
    match relative {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => {
            Some("a drive letter: some systems take it for an absolute path")
        }
        _ => None,
    }
}

/// Takes the key for its own hash: it is the digest of something already.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(bytes) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere() {
        for path in
            ["/etc/passwd", "/", "../x", "a/../b", "a/..", "..", "a\0b", "a\\b", "C:/x", "c:x", "./C:/x", "./../x"]
        {
            assert!(unsafe_because(path.as_bytes()).is_some(), "{path:?}");
        }
        for path in
            ["", ".", "./", "./a", "a..b", "...", "a/...", "..a/b", "ab:c", "12:30", "a/C:", "caf\u{e9}", "a//b"]
        {
            assert_eq!(unsafe_because(path.as_bytes()), None, "{path:?}");
        }
    }
}
