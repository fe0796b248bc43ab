//! Probes: what the content of a member proves by itself, learned while it streams.
//!
//! ```text
//!   rule: "this member, that probe" ──► Lab ── feed, feed, … ──► Learned { faults, facts, evidence } ──► rule
//! ```
//! A probe looks at one member. It says what is wrong with the content by itself (faults), what it tells (facts, for
//! captures and conditions), and what only makes sense beside other members (evidence: a key wants its certificate, a link
//! its blob). Which member is looked at by which probe, and what follows, the rules say.
//!
//! Promises: the same for any cut of the content; memory bounded by [`Limits`]; no length from the content is trusted; a
//! secret that is read is zeroed and never told. Refuses to know: rules, verdicts, and how the member was packed.
#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

mod bbolt;
mod catalog;
mod closure;
mod docker_inspect;
mod etcd_snapshot;
mod evidence;
mod hold;
mod json;
mod lab;
mod learned;
mod nested;
mod secrets;
mod text;
mod registry;
mod shown;
pub mod pki;
pub mod raft;
mod swarm_state;

pub use catalog::{ALL, find};
pub use closure::{Closure, Dangling, Unmet};
pub use evidence::{Definition, Evidence, Reference};
pub use hold::Hold;
pub use lab::{Lab, Spec};
pub use learned::{Expected, Fault, Learned};
pub use secrets::{HEAD_BYTES, SecretWatch};

use std::collections::BTreeMap;

use crate::limits::Limits;

/// Looks at the content of one member.
pub trait Probe: Send {
    /// More of the content, in order. Where it is cut means nothing.
    fn feed(&mut self, bytes: &[u8]);

    /// The whole content was there: what it tells. Not asked for a member whose end is missing.
    fn finish(self: Box<Self>) -> Learned;

    /// What is told by where the member lies alone, in the place of [`Self::finish`] and without any content: a hard link
    /// has its content under another name.
    fn unseen(self: Box<Self>) -> Vec<Evidence> {
        Vec::new()
    }
}

/// One kind of probe: a line of the catalog.
pub struct Kind {
    /// The word used in rule files.
    pub name: &'static str,
    /// What it looks at and proves, in one sentence without full stop.
    pub about: &'static str,
    /// Name and meaning of each setting.
    pub settings: &'static [(&'static str, &'static str)],
    /// Name and meaning of each fact it may learn.
    pub facts: &'static [(&'static str, &'static str)],
    /// Where the SHA-256 of the content is needed: without its last so many bytes. It is computed on the way, with the
    /// other digests, and held against [`Learned::expected`].
    pub digest: Option<u64>,
    /// Whether the settings make sense; if not, a lower-case fragment that says why.
    pub check: fn(&Settings) -> Result<(), String>,
    /// Begins to look at a member.
    pub start: fn(&Subject<'_>) -> Box<dyn Probe>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kind").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Kinds are told apart by their names.
impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What a rule file sets for a probe: by name, one or more values.
pub type Settings = BTreeMap<String, Vec<String>>;

/// The member that a probe is to look at, and what it may spend.
pub struct Subject<'a> {
    /// The path, normalized.
    pub path: &'a [u8],
    /// Bytes of content that will come, holes included.
    pub size: u64,
    /// What the rule sets.
    pub settings: &'a Settings,
    /// What the content may ask for.
    pub limits: &'a Limits,
    /// The day of the restore, in seconds since 1970; without it nothing is held against a day.
    pub at: Option<i64>,
}
