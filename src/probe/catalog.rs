//! The catalog of probes: one line each.
//!
//! Promises: every kind of probe stands here, in alphabetical order of its name. Refuses to know: what they do.

use super::{
    Kind, bbolt, docker_inspect, etcd_snapshot, json, nested, pki, raft, registry, secrets, swarm_state, text,
};

/// Every kind of probe.
pub const ALL: &[&Kind] = &[
    &nested::KIND,
    &bbolt::KIND,
    &pki::CERTIFICATE,
    &docker_inspect::KIND,
    &etcd_snapshot::KIND,
    &json::KIND,
    &pki::PRIVATE_KEY,
    &raft::RAFT_LOG,
    &raft::RAFT_SNAPSHOT,
    &registry::BLOB,
    &registry::ID_BLOB,
    &registry::LINK,
    &secrets::KIND,
    &raft::SWARM_KEY,
    &swarm_state::KIND,
    &text::KIND,
];

/// The kind that has this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalog_is_in_order() {
        let names: Vec<&str> = ALL.iter().map(|kind| kind.name).collect();
        assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
    }
}
