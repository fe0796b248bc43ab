//! The other reading: where some readers look for the next header at another place, what they would find there.
//!
//! Promises: follows the other chain of headers beside ours, through payloads, until both meet, it ends or it breaks; names
//! of a few members, a count of all. A chain that breaks at its first header is no reading, and nothing is said of it. Refuses
//! to know: extension headers of the other chain beyond their length.

use std::fmt;

use super::count;
use super::extension::ExtensionKind;
use super::header::{BLOCK_BYTES, RawHeader};

/// Names kept of each side.
const KEPT: usize = 4;

/// Bytes kept of a name.
const NAME_BYTES: usize = 255;

/// A few names, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    kept: Vec<Vec<u8>>,
    count: u64,
}

impl Names {
    fn push(&mut self, name: &[u8]) {
        self.count = self.count.saturating_add(1);
        if self.kept.len() < KEPT {
            self.kept.push(name.get(..NAME_BYTES).unwrap_or(name).to_vec());
        }
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.kept.iter().enumerate() {
            write!(f, "{}\"{}\"", if index == 0 { "" } else { ", " }, name.escape_ascii())?;
        }
        match self.count.saturating_sub(count(self.kept.len())) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// How the other reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Both readings meet at this offset.
    Meets(u64),
    /// It comes to zeros, which it takes for the end of the archive, or to the end of the input.
    Ends(u64),
    /// It finds no header.
    Breaks(u64),
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meets(offset) => write!(f, "both go on together at byte {offset}"),
            Self::Ends(offset) => write!(f, "they take byte {offset} for the end of the archive"),
            Self::Breaks(offset) => write!(f, "they lose their way at byte {offset}"),
        }
    }
}

/// What the other reading comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// Which readers, as a clause after "readers that".
    pub who: &'static str,
    /// Members that they see and we do not.
    pub sees: Names,
    /// Members that we list and they do not.
    pub misses: Names,
    /// How it goes on.
    pub then: Then,
}

impl Reading {
    /// Whether the other reading holds together: it found a header of its own, or the end.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.sees.count > 0 || !matches!(self.then, Then::Breaks(_))
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, sees, misses, then } = self;
        match (sees.count, misses.count) {
            (0, 0) => write!(f, "readers that {who} go on elsewhere; {then}"),
            (0, _) => write!(f, "readers that {who} do not see {misses}; {then}"),
            (_, 0) => write!(f, "readers that {who} also see {sees}; {then}"),
            _ => write!(f, "readers that {who} see {sees} and not {misses}; {then}"),
        }
    }
}

/// Another reading that is being followed.
#[derive(Debug)]
pub(super) struct Fork {
    /// Where the header stands that can be taken in two ways.
    pub(super) from: u64,
    /// Where the other reading looks for its next header.
    pub(super) at: u64,
    expects: Expects,
    sees: Names,
    misses: Names,
}

/// Another number of bytes of payload after a header, and who expects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expects {
    /// How many.
    pub(super) bytes: u64,
    /// Which readers, as a clause after "readers that".
    pub(super) who: &'static str,
    /// Whether readers are known that do so even where it leads nowhere.
    pub(super) known: bool,
}

impl Fork {
    /// Begins at the header at `from`; other readers look for the next one at `at`.
    pub(super) fn new(from: u64, at: u64, expects: Expects) -> Self {
        Self { from, at, expects, sees: Names::default(), misses: Names::default() }
    }

    /// We meet a member that lies in what they take for payload.
    pub(super) fn misses(&mut self, name: &[u8]) {
        self.misses.push(name);
    }

    /// They look at `block`, which we take for payload. `Some` where that ends the matter: with a reading worth telling, or
    /// without.
    pub(super) fn looks_at(&mut self, block: Option<RawHeader<'_>>) -> Option<Option<Reading>> {
        let at = self.at;
        let Some(header) = block else { return Some(self.breaks(at)) };
        if header.is_zero() {
            // We go on behind this place, they do not: that alone is a difference.
            return Some(Some(self.reading(Then::Ends(at))));
        }
        let size = header.size().ok().and_then(|size| size.unsigned());
        let (true, Some(size)) = (header.is_valid(), size) else { return Some(self.breaks(at)) };
        let is_extension = ExtensionKind::of(header.typeflag()).is_some();
        if !is_extension {
            self.sees.push(header.name());
        }
        // Links, devices, directories and pipes have no payload to most readers.
        let payload = if matches!(header.typeflag(), b'1'..=b'6') { 0 } else { size };
        let Some(next) = after(at.saturating_add(count(BLOCK_BYTES)), payload) else { return Some(self.breaks(at)) };
        self.at = next;
        None
    }

    /// Both readings look for a header here.
    pub(super) fn meets(&mut self) -> Option<Reading> {
        let at = self.at;
        self.differs().then(|| self.reading(Then::Meets(at)))
    }

    /// The input, or what we take for the end of the archive, reaches past the place where they look.
    pub(super) fn ends(&mut self) -> Option<Reading> {
        let at = self.at;
        self.differs().then(|| self.reading(Then::Ends(at)))
    }

    /// Whether the members differ: only then is it another reading.
    fn differs(&self) -> bool {
        self.sees.count > 0 || self.misses.count > 0
    }

    /// They find no header at `at`; worth telling only where they found one before, or are known to go that way.
    pub(super) fn breaks(&mut self, at: u64) -> Option<Reading> {
        let worth = self.sees.count > 0 || self.expects.known && self.misses.count > 0;
        worth.then(|| self.reading(Then::Breaks(at)))
    }

    fn reading(&mut self, then: Then) -> Reading {
        let who = self.expects.who;
        Reading { who, sees: std::mem::take(&mut self.sees), misses: std::mem::take(&mut self.misses), then }
    }
}

/// Where the header after a payload of `bytes` that begins at `from` stands.
pub(super) fn after(from: u64, bytes: u64) -> Option<u64> {
    bytes.checked_next_multiple_of(count(BLOCK_BYTES)).and_then(|padded| from.checked_add(padded))
}
