//! The catalog of probes: one line each.
//!
//! Promises: every kind of probe stands here, in alphabetical order of its name. Refuses to know: what they do.

use super::{Kind, raft, swarm_state};

/// Every kind of probe.
pub const ALL: &[&Kind] = &[&raft::RAFT_LOG, &raft::RAFT_SNAPSHOT, &raft::SWARM_KEY, &swarm_state::KIND];

/// The kind that has this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}
