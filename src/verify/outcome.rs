//! The outcome of one verification: verdict, findings, what the archive is made of and holds.
//!
//! Promises: small, owned, comparable; the same for the same bytes. Refuses to know: how it is shown.

use std::fmt;

use crate::digest::Digests;
use crate::entry::{Entry, EntryKind};
use crate::envelope::{Integrity, Proof};
use crate::finding::Finding;
use crate::rule::{Coverage, Judged};
use crate::tar::Accounts;

/// Whether an archive is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every byte was read and every check passed.
    Pass,
    /// It is damaged, tampered with, truncated, or breaks a rule.
    Fail,
    /// It could not be decided.
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Inconclusive => "inconclusive",
        })
    }
}

/// What became of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The archive's name.
    pub source: String,
    /// Whether it is good.
    pub verdict: Verdict,
    /// Bytes of the archive file.
    pub bytes: u64,
    /// Digests of the archive file.
    pub digests: Digests,
    /// SHA-256 over what the members are and hold, whatever they are wrapped in: two archives with the same value hold the
    /// same files. Mode, owner and time are not in it. For each member in order: kind, path, size and link target, each
    /// ended by NUL, then `name=hex` of each of its digests, then a newline.
    pub content: Option<[u8; 32]>,
    /// What it is made of, outermost first, the archive format last.
    pub layers: Vec<Layer>,
    /// What it holds.
    pub inventory: Inventory,
    /// Which members hold private keys or tokens.
    pub secrets: Secrets,
    /// Where the bytes of the innermost layer went; `None` where it was not reached.
    pub totals: Option<Totals>,
    /// The rule sets it was judged by.
    pub rules: Vec<Judged>,
    /// What it covers of the product's data.
    pub coverage: Vec<Coverage>,
    /// All findings, outermost layer first.
    pub findings: Vec<Finding>,
}

/// A layer of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The word for its format.
    pub format: &'static str,
    /// What became of its integrity check.
    pub integrity: Option<Integrity>,
    /// Its parameters, as name and value.
    pub details: Vec<(&'static str, String)>,
}

/// The layers of an archive: wrappers, and the archive format where it was reached.
pub(super) fn layers(proofs: Vec<Proof>, reached: bool) -> Vec<Layer> {
    let wrappers = proofs.into_iter().map(|proof| Layer {
        format: proof.format.as_str(),
        integrity: Some(proof.integrity),
        details: proof.details,
    });
    // A tar has checksums over its headers and none over its content: neither verified nor failed says it right.
    wrappers.chain(reached.then(|| Layer { format: "tar", integrity: None, details: Vec::new() })).collect()
}

/// What an archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inventory {
    /// All entries, directories included, as `tar --list` counts them.
    pub entries: u64,
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic and hard links.
    pub links: u64,
    /// Everything else.
    pub others: u64,
    /// Bytes of content.
    pub content_bytes: u64,
}

impl Inventory {
    /// Counts one more entry.
    pub(super) fn count(&mut self, entry: &Entry<'_>) {
        self.entries += 1;
        self.content_bytes = self.content_bytes.saturating_add(entry.size);
        let kind = match entry.kind {
            EntryKind::File | EntryKind::Contiguous | EntryKind::Sparse => &mut self.files,
            EntryKind::Directory => &mut self.directories,
            EntryKind::Symlink | EntryKind::Hardlink => &mut self.links,
            EntryKind::Character | EntryKind::Block | EntryKind::Fifo | EntryKind::Other => &mut self.others,
        };
        *kind += 1;
    }
}

/// Private keys and tokens in the members: who may read the archive has them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Secrets {
    /// Members that hold any.
    pub members: u64,
    /// Whether the archive around them is encrypted.
    pub encrypted: bool,
    /// These members, in the order of the archive; as many as findings of one code are kept.
    pub list: Vec<SecretMember>,
}

/// A member that holds private keys or tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretMember {
    /// Its path, raw bytes as the archive gives them, as much of it as is kept with a place.
    pub path: Vec<u8>,
    /// What it holds, in words, each kind once. Never the secrets themselves.
    pub what: Vec<&'static str>,
}

/// Where the bytes of the archive went; the sum is all there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Headers of all kinds.
    pub header_bytes: u64,
    /// Content.
    pub payload_bytes: u64,
    /// Padding after content.
    pub padding_bytes: u64,
    /// The end marker.
    pub end_marker_bytes: u64,
    /// What stands behind it.
    pub trailer_bytes: u64,
    /// What could not be read as members.
    pub lost_bytes: u64,
}

impl Totals {
    /// All bytes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let Self { header_bytes, payload_bytes, padding_bytes, end_marker_bytes, trailer_bytes, lost_bytes } = *self;
        [header_bytes, payload_bytes, padding_bytes, end_marker_bytes, trailer_bytes, lost_bytes]
            .iter()
            .fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }
}

impl From<Accounts> for Totals {
    fn from(accounts: Accounts) -> Self {
        Self {
            header_bytes: accounts.header_bytes,
            payload_bytes: accounts.payload_bytes,
            padding_bytes: accounts.padding_bytes,
            end_marker_bytes: accounts.end_marker_bytes,
            trailer_bytes: accounts.trailer_bytes,
            lost_bytes: accounts.lost_bytes,
        }
    }
}
