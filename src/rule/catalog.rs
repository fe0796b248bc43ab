//! The rule sets that come with the program.
//!
//! Promises: each is read once, when it is first asked for; a test proves that every one parses. Refuses to know: rule files
//! on disk.

use std::sync::{Arc, LazyLock, OnceLock};

use super::{RuleSet, parse_with};
use crate::limits::Limits;

/// The text of a rule file with every key and what it means.
pub const TEMPLATE: &str = include_str!("../../rules/template.toml");

/// Name and text of every built-in rule file, in alphabetical order.
pub const FILES: &[(&str, &str)] = &[
    ("dtr-2.0.toml", include_str!("../../rules/dtr-2.0.toml")),
    ("dtr-2.1.toml", include_str!("../../rules/dtr-2.1.toml")),
    ("dtr-2.2.toml", include_str!("../../rules/dtr-2.2.toml")),
    ("dtr-2.9.toml", include_str!("../../rules/dtr-2.9.toml")),
    ("dtr-images-id.toml", include_str!("../../rules/dtr-images-id.toml")),
    ("dtr-images.toml", include_str!("../../rules/dtr-images.toml")),
    ("dtr.toml", include_str!("../../rules/dtr.toml")),
    ("mke-4.toml", include_str!("../../rules/mke-4.toml")),
    ("msr-3.toml", include_str!("../../rules/msr-3.toml")),
    ("msr-4.toml", include_str!("../../rules/msr-4.toml")),
    ("registry.toml", include_str!("../../rules/registry.toml")),
    ("swarm-legacy.toml", include_str!("../../rules/swarm-legacy.toml")),
    ("swarm-node.toml", include_str!("../../rules/swarm-node.toml")),
    ("swarm-worker.toml", include_str!("../../rules/swarm-worker.toml")),
    ("swarm.toml", include_str!("../../rules/swarm.toml")),
    ("ucp-1.1.toml", include_str!("../../rules/ucp-1.1.toml")),
    ("ucp-2.0.toml", include_str!("../../rules/ucp-2.0.toml")),
    ("ucp-2.1.toml", include_str!("../../rules/ucp-2.1.toml")),
    ("ucp-3.0.toml", include_str!("../../rules/ucp-3.0.toml")),
    ("ucp-3.2.toml", include_str!("../../rules/ucp-3.2.toml")),
    ("ucp-volumes.toml", include_str!("../../rules/ucp-volumes.toml")),
    ("ucp.toml", include_str!("../../rules/ucp.toml")),
];

/// Every built-in rule set, in alphabetical order.
#[must_use]
pub fn all() -> &'static [Arc<RuleSet>] {
    static SETS: LazyLock<Vec<Arc<RuleSet>>> =
        LazyLock::new(|| ids().filter_map(|id| nested(id, EXTENDED).ok()).collect());
    &SETS
}

/// The built-in rule set with this identifier.
#[must_use]
pub fn find(id: &str) -> Option<&'static Arc<RuleSet>> {
    nested(id, EXTENDED).ok()?;
    READ.get(number(id)?)?.get()
}

/// The built-in rule set that another one extends.
///
/// # Errors
/// A fragment that says why there is none.
pub fn base(id: &str) -> Result<Arc<RuleSet>, String> {
    nested(id, EXTENDED)
}

/// What was read already: a program that is asked for one rule set reads that and what it extends.
static READ: [OnceLock<Arc<RuleSet>>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];

/// Files that may extend each other in a row.
const EXTENDED: usize = 8;

fn ids() -> impl Iterator<Item = &'static str> {
    FILES.iter().filter_map(|(name, _)| name.strip_suffix(".toml"))
}

fn number(id: &str) -> Option<usize> {
    ids().position(|known| known == id)
}

fn nested(id: &str, left: usize) -> Result<Arc<RuleSet>, String> {
    if left == 0 {
        return Err(format!("more than {EXTENDED} rule files extend each other: do they go round in a circle?"));
    }
    let found = number(id).and_then(|number| Some((FILES.get(number)?, READ.get(number)?)));
    let Some(((name, text), read)) = found else {
        return Err(format!(
            "no built-in rule set is called `{id}`: there are {}",
            ids().collect::<Vec<_>>().join(", ")
        ));
    };
    if let Some(set) = read.get() {
        return Ok(Arc::clone(set));
    }
    let set = parse_with(name, text, &Limits::default(), &|id| nested(id, left.saturating_sub(1))).map_err(|_| {
        format!("the built-in rule set `{id}` has problems of its own: `veritar rules check` tells them")
    })?;
    // Two threads may read the same file at once: what the first one keeps is kept.
    Ok(Arc::clone(read.get_or_init(|| Arc::new(set))))
}
