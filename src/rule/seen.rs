//! What is remembered of entries while they stream by: counts, captured values, the names at the top.
//!
//! Promises: so much and no more, whatever the archive holds; the least and the greatest of a value, so that the order of
//! the entries does not matter. Refuses to know: what it will mean.

use std::collections::BTreeSet;

use regex::bytes::CaptureLocations;

use super::set::Expression;
use crate::place::kept_path;

/// Bytes of a captured value that are kept: a version or an identifier is shorter, a hostile name need not be.
pub(super) const VALUE_BYTES: usize = 256;
/// Top-level names that are told where no rule set recognises the layout.
const NAMES: usize = 10;

/// Entries that a rule matched.
#[derive(Debug, Clone, Default)]
pub(super) struct Count {
    pub(super) matched: u64,
    last: u64,
}

impl Count {
    /// Counts entry number `serial`, from 1, unless it was counted.
    pub(super) fn once(&mut self, serial: u64) -> bool {
        let first = self.last != serial;
        if first {
            self.last = serial;
            self.matched = self.matched.saturating_add(1);
        }
        first
    }
}

impl Expression {
    /// Whether `text` matches; where, is told in `locations`.
    pub(super) fn matches(&self, text: &[u8], locations: &mut CaptureLocations) -> bool {
        // Empty prefixes are not compared, for the reason told in `Part::matches`.
        (self.prefix.is_empty() || text.starts_with(&self.prefix))
            && self.regex.captures_read(locations, text).is_some()
    }
}

/// What has been captured.
pub(super) struct Captured {
    /// Where an expression matches; none for a fact.
    pub(super) locations: Option<CaptureLocations>,
    pub(super) groups: Vec<Group>,
}

impl Captured {
    /// Notes the groups of a match on `text`, found in the entry with this path and offset.
    pub(super) fn look(&mut self, expression: &Expression, text: &[u8], entry: Option<(&[u8], u64)>) {
        let Some(locations) = &mut self.locations else { return };
        if !expression.matches(text, locations) {
            return;
        }
        for (number, group) in expression.numbers.iter().zip(&mut self.groups) {
            let value = locations.get(*number).and_then(|(start, end)| text.get(start..end));
            if let Some(value) = value {
                group.note(value.get(..VALUE_BYTES).unwrap_or(value), entry);
            }
        }
    }
}

/// The values of one group: the least and the greatest, so that their order in the archive does not matter.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) least: Option<Value>,
    /// Only where it is another than the least.
    pub(super) greatest: Option<Value>,
}

/// A captured value and the first entry that gives it.
#[derive(Debug)]
pub(super) struct Value {
    pub(super) bytes: Vec<u8>,
    pub(super) entry: Option<(Vec<u8>, u64)>,
}

impl Group {
    pub(super) fn note(&mut self, bytes: &[u8], entry: Option<(&[u8], u64)>) {
        let new = || {
            Some(Value { bytes: bytes.to_vec(), entry: entry.map(|(path, offset)| (kept_path(path).to_vec(), offset)) })
        };
        for known in [&mut self.least, &mut self.greatest].into_iter().flatten() {
            if known.bytes == bytes {
                if let (Some((_, before)), Some((path, offset))) = (&known.entry, entry)
                    && offset < *before
                {
                    known.entry = Some((kept_path(path).to_vec(), offset));
                }
                return;
            }
        }
        match (&self.least, &self.greatest) {
            (None, _) => self.least = new(),
            (Some(least), _) if bytes < least.bytes.as_slice() => {
                let before = std::mem::replace(&mut self.least, new());
                if self.greatest.is_none() {
                    self.greatest = before;
                }
            }
            (_, Some(greatest)) if bytes < greatest.bytes.as_slice() => {}
            _ => self.greatest = new(),
        }
    }
}

/// How many entries there were, and the first few of their top-level names in alphabetical order.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) entries: u64,
    pub(super) names: BTreeSet<Vec<u8>>,
    /// Whether there were more names than are kept.
    pub(super) more: bool,
    last: Vec<u8>,
}

impl Names {
    /// Counts an entry and says which it is, from 1.
    pub(super) fn count(&mut self, path: &[u8]) -> u64 {
        self.entries = self.entries.saturating_add(1);
        let name = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        if !name.is_empty() && name != self.last.as_slice() {
            self.last.clear();
            self.last.extend_from_slice(name);
            self.keep(name);
        }
        self.entries
    }

    fn keep(&mut self, name: &[u8]) {
        if self.names.contains(name) {
            return;
        }
        if self.names.len() < NAMES {
            self.names.insert(name.to_vec());
            return;
        }
        self.more = true;
        if self.names.last().is_some_and(|last| name < last.as_slice()) {
            self.names.pop_last();
            self.names.insert(name.to_vec());
        }
    }
}
