//! The catalog of probes: one line each.
//!
//! Promises: every kind of probe stands here, in alphabetical order of its name. Refuses to know: what they do.

use super::{Kind, nested, secrets, text};

/// Every kind of probe.
pub const ALL: &[&Kind] = &[&nested::KIND, &secrets::KIND, &text::KIND];
use super::{Kind, docker_inspect, json, registry};

/// Every kind of probe.
pub const ALL: &[&Kind] = &[&docker_inspect::KIND, &json::KIND, &registry::BLOB, &registry::ID_BLOB, &registry::LINK];
use super::{Kind, bbolt, etcd_snapshot};

/// Every kind of probe.
pub const ALL: &[&Kind] = &[&bbolt::KIND, &etcd_snapshot::KIND];

/// The kind that has this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().copied().find(|kind| kind.name == name)
}
