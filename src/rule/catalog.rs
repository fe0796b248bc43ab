//! The rule sets that come with the program.
//!
//! Promises: they are read once, when first asked for; a test proves that every one parses. Refuses to know: rule files
//! on disk.

use std::sync::{Arc, LazyLock};

use super::{RuleSet, parse};
use crate::limits::Limits;

/// The text of a rule file with every key and what it means.
pub const TEMPLATE: &str = include_str!("../../rules/template.toml");

/// Name and text of every built-in rule file, in alphabetical order.
pub const FILES: &[(&str, &str)] = &[
    ("dtr-2.toml", include_str!("../../rules/dtr-2.toml")),
    ("dtr-images.toml", include_str!("../../rules/dtr-images.toml")),
    ("swarm.toml", include_str!("../../rules/swarm.toml")),
    ("ucp-2.1.toml", include_str!("../../rules/ucp-2.1.toml")),
    ("ucp-3.2.toml", include_str!("../../rules/ucp-3.2.toml")),
];

/// Every built-in rule set, in alphabetical order.
#[must_use]
pub fn all() -> &'static [Arc<RuleSet>] {
    static SETS: LazyLock<Vec<Arc<RuleSet>>> = LazyLock::new(|| {
        let limits = Limits::default();
        FILES.iter().filter_map(|(name, text)| parse(name, text, &limits).ok()).map(Arc::new).collect()
    });
    &SETS
}

/// The built-in rule set with this identifier.
#[must_use]
pub fn find(id: &str) -> Option<&'static Arc<RuleSet>> {
    all().iter().find(|set| set.id() == id)
}
