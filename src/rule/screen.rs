//! The expressions of all sets against a path, at once: most paths match none, and that is known in one pass.
//!
//! Promises: the same answer as asking every expression by itself; where they are too many to be put together, that is what
//! is done. Refuses to know: what is captured.

use std::sync::Arc;

use regex::bytes::{RegexSet, RegexSetBuilder};

use super::set::{Expression, From, RuleSet};

/// Bytes that the expressions of all sets may take together.
const BYTES: usize = 16 << 20;

/// An expression of a set, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// A capture.
    Capture(usize),
    /// A group of numbered members.
    Group(usize),
}

/// The expressions of several rule sets.
pub(super) struct Screen {
    /// None where they could not be put together.
    together: Option<RegexSet>,
    /// For each different expression, who asks: the number of a set, and of what in it.
    asked: Vec<Vec<(usize, Asked)>>,
}

impl Screen {
    pub(super) fn new(sets: &[Arc<RuleSet>]) -> Self {
        let mut texts: Vec<&str> = Vec::new();
        let mut asked: Vec<Vec<(usize, Asked)>> = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            for (expression, who) in expressions(set) {
                let text = expression.regex.as_str();
                // Sets that extend one another ask the same.
                let place = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
                    texts.push(text);
                    asked.push(Vec::new());
                    texts.len().saturating_sub(1)
                });
                asked.get_mut(place).into_iter().for_each(|known| known.push((number, who)));
            }
        }
        let together = RegexSetBuilder::new(&texts).size_limit(BYTES).dfa_size_limit(BYTES).build().ok();
        Self { together, asked }
    }

    /// Who asks for what `path` matches; where that is not known, everybody.
    pub(super) fn hits<'s>(&'s self, path: &[u8]) -> impl Iterator<Item = (usize, Asked)> + use<'s> {
        let matched = match &self.together {
            Some(together) if !together.is_match(path) => Some(Vec::new()),
            Some(together) => Some(together.matches(path).into_iter().collect()),
            None => None,
        };
        let all = self.asked.iter().enumerate();
        let met = move |number: usize| matched.as_ref().is_none_or(|matched: &Vec<usize>| matched.contains(&number));
        all.filter(move |(number, _)| met(*number)).flat_map(|(_, asked)| asked.iter().copied())
    }
}

fn expressions(set: &RuleSet) -> impl Iterator<Item = (&Expression, Asked)> {
    let captures = set.captures.iter().enumerate().filter_map(|(number, capture)| match &capture.from {
        From::Path(expression) => Some((expression, Asked::Capture(number))),
        From::FileName(_) | From::Fact { .. } => None,
    });
    let groups = set.groups.iter().enumerate().map(|(number, group)| (&group.expression, Asked::Group(number)));
    captures.chain(groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule::catalog;

    #[test]
    fn together_they_match_what_each_matches() {
        let sets = catalog::all();
        let screen = Screen::new(sets);
        assert!(screen.together.is_some(), "the built-in sets fit together");
        let alone = Screen { together: None, asked: screen.asked.clone() };
        let mut met = 0;
        for path in [
            "dtr-backup-v2.9.4-online/rethink/tags/12",
            "dtr-backup-v2.9.4-online/rethink/tags",
            "ucp-backup/1631549510123/etcd.backup.db",
            "ucp-manager-agent.k3xq0v9p2m7c5w8t1z6r4y0b3.a7d1f5h9j3l6n0q4s8u2w6y1c.json",
            "var/lib/docker/swarm/raft/wal-v3-encrypted/0.wal",
            "",
        ] {
            let matching = |(set, asked): &(usize, Asked)| {
                expressions(&sets[*set])
                    .any(|(expression, who)| who == *asked && expression.regex.is_match(path.as_bytes()))
            };
            let mut expected: Vec<_> = alone.hits(path.as_bytes()).filter(matching).collect();
            let mut found: Vec<_> = screen.hits(path.as_bytes()).collect();
            let key = |(set, asked): &(usize, Asked)| (*set, format!("{asked:?}"));
            expected.sort_by_key(key);
            found.sort_by_key(key);
            assert_eq!(found, expected, "{path}");
            met += found.len();
        }
        assert!(met > 3, "{met}");
    }
}
