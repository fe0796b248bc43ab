//! The patterns that all members fall under: a tree of components, folded where it is too wide.
//!
//! Promises: every member that was added matches one of the patterns, and there are not more than asked for. Refuses to
//! know: what the members are.

use std::collections::{BTreeMap, HashSet};

use super::names;

/// Names in a folder past which they are not told apart.
const WIDE: usize = 50;
/// Components and bytes of a pattern past which `**` stands for the rest.
const DEEP: usize = 24;
const PATTERN_BYTES: usize = 512;
/// Members in a row that are no chance.
const ROW: usize = 3;

#[derive(Debug, Default)]
pub(super) struct Tree {
    root: Node,
    /// Folders whose children are folders of two hexadecimal digits that blobs are spread over.
    spread: HashSet<Vec<u8>>,
    /// The components of the last path and their patterns: neighbours share most of them.
    last: Vec<(Vec<u8>, String)>,
    /// Patterns of folders with numbered members in a row.
    pub(super) rows: Vec<Vec<String>>,
}

#[derive(Debug, Default)]
struct Node {
    /// Whether members end here.
    is_member: bool,
    /// Whether there are members below that are not told apart.
    is_deep: bool,
    children: BTreeMap<String, Node>,
}

impl Tree {
    /// Learns where blobs are spread over folders; of all members before the first is added.
    pub(super) fn survey(&mut self, path: &[u8]) {
        let mut start = 0;
        let mut components = path.split(|byte| *byte == b'/').peekable();
        while let Some(component) = components.next() {
            if names::is_spread(component) && components.peek().is_some_and(|next| names::is_digest(next)) {
                self.spread.insert(path.get(..start).unwrap_or_default().to_vec());
            }
            start = start.saturating_add(component.len()).saturating_add(1);
        }
    }

    /// Adds a member.
    pub(super) fn add(&mut self, path: &[u8]) {
        let Self { root, spread, last, .. } = self;
        let mut node = root;
        let (mut start, mut bytes) = (0_usize, 0_usize);
        for (depth, component) in path.split(|byte| *byte == b'/').enumerate() {
            let is_blob = names::is_spread(component)
                && !spread.is_empty()
                && spread.contains(path.get(..start).unwrap_or_default());
            let known = match last.get(depth) {
                Some((name, pattern)) if name == component && !is_blob => pattern.clone(),
                _ => {
                    let pattern = if is_blob { "*".to_owned() } else { names::pattern(component) };
                    last.truncate(depth);
                    // What is a star only here is kept under a name that no component has.
                    last.push((if is_blob { Vec::new() } else { component.to_vec() }, pattern.clone()));
                    pattern
                }
            };
            bytes = bytes.saturating_add(known.len()).saturating_add(1);
            if depth >= DEEP || depth > 0 && bytes > PATTERN_BYTES {
                node.is_deep = true;
                last.truncate(depth);
                return;
            }
            node = node.children.entry(known).or_default();
            start = start.saturating_add(component.len()).saturating_add(1);
        }
        node.is_member = true;
    }

    /// The patterns: `most` at most, but for a few.
    pub(super) fn patterns(&mut self, most: usize) -> Vec<String> {
        let mut rows = Vec::new();
        self.root.number(&mut Vec::new(), &mut rows);
        self.rows = rows;
        self.root.fold();
        let mut out = Vec::new();
        self.root.emit("", most, &mut out);
        out
    }

    /// What stands at the top, or one below where the names there change, as patterns.
    pub(super) fn tops(&self) -> Vec<String> {
        let below = |prefix: &str, node: &Node| -> Vec<(String, String, bool)> {
            let children = node.children.iter();
            children
                .map(|(name, child)| {
                    let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
                    (name.clone(), path, child.is_deep || !child.children.is_empty())
                })
                .collect()
        };
        let mut out = Vec::new();
        for (name, path, is_folder) in below("", &self.root) {
            if name != "*" {
                out.push(if is_folder { format!("{path}/**") } else { path });
            } else if let Some(node) = self.root.children.get(&name) {
                // `*` alone would recognise everything.
                let seconds = below(&name, node).into_iter().filter(|(second, ..)| second != "*");
                out.extend(seconds.map(|(_, path, is_folder)| if is_folder { format!("{path}/**") } else { path }));
            }
        }
        out
    }
}

impl Node {
    fn is_leaf(&self) -> bool {
        self.is_member && !self.is_deep && self.children.is_empty()
    }

    /// Members numbered from 0 without gaps, all of a folder, become one pattern.
    fn number(&mut self, path: &mut Vec<String>, rows: &mut Vec<Vec<String>>) {
        let mut numbers: Vec<u64> = self.children.keys().filter_map(|name| names::number(name)).collect();
        numbers.sort_unstable();
        let in_row = (0_u64..).zip(&numbers).all(|(expected, number)| expected == *number);
        if numbers.len() >= ROW
            && numbers.len() == self.children.len()
            && in_row
            && self.children.values().all(Self::is_leaf)
        {
            self.children = BTreeMap::from([("*".to_owned(), Self { is_member: true, ..Self::default() })]);
            if !path.is_empty() {
                rows.push(path.clone());
            }
            return;
        }
        for (name, child) in &mut self.children {
            path.push(name.clone());
            child.number(path, rows);
            path.pop();
        }
    }

    fn fold(&mut self) {
        if self.children.len() > WIDE {
            let (name, merged) = self.together();
            self.children.insert(name, merged);
        }
        self.children.values_mut().for_each(Self::fold);
    }

    /// All children as one; they are taken out.
    fn together(&mut self) -> (String, Self) {
        let name = common(self.children.keys());
        let mut merged = Self::default();
        std::mem::take(&mut self.children).into_values().for_each(|child| merged.merge(child));
        (name, merged)
    }

    fn merge(&mut self, other: Self) {
        self.is_member |= other.is_member;
        self.is_deep |= other.is_deep;
        for (name, child) in other.children {
            match self.children.get_mut(&name) {
                Some(known) => known.merge(child),
                None => drop(self.children.insert(name, child)),
            }
        }
    }

    /// Patterns that it makes where nothing is folded.
    fn total(&self) -> usize {
        let own = usize::from(self.is_member);
        if self.is_deep {
            return own.saturating_add(1);
        }
        self.children.values().map(Self::total).fold(own, usize::saturating_add)
    }

    /// Its patterns; `prefix` is its own.
    fn emit(&mut self, prefix: &str, most: usize, out: &mut Vec<String>) {
        if self.is_member {
            out.push(prefix.to_owned());
        }
        let all = || if prefix.is_empty() { "**".to_owned() } else { format!("{prefix}/**") };
        let mut left = most.saturating_sub(usize::from(self.is_member));
        // A child that is folded takes two: itself and what is below.
        if !self.is_deep && self.total() > most && left < self.children.len().saturating_mul(2) {
            let (name, mut merged) = self.together();
            merged.fold();
            self.is_deep = left < 2;
            self.children.insert(name, merged);
        }
        if self.is_deep {
            out.push(all());
            return;
        }
        let mut children: Vec<(&String, &mut Self, usize)> = self
            .children
            .iter_mut()
            .map(|(name, child)| {
                let total = child.total();
                (name, child, total)
            })
            .collect();
        children.sort_by_key(|(_, _, total)| *total);
        let mut waiting = children.len();
        let mut made: BTreeMap<&String, Vec<String>> = BTreeMap::new();
        for (name, child, total) in children {
            let share = left.checked_div(waiting).unwrap_or_default();
            let spent = total.min(share);
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            child.emit(&path, spent, made.entry(name).or_default());
            left = left.saturating_sub(spent);
            waiting = waiting.saturating_sub(1);
        }
        out.extend(made.into_values().flatten());
    }
}

/// One pattern for many names: `*`, with the suffix that all of them have.
fn common<'n>(mut names: impl Iterator<Item = &'n String>) -> String {
    let suffix = |name: &str| -> Option<String> {
        let (_, suffix) = name.rsplit_once('.')?;
        let is_plain =
            !suffix.is_empty() && suffix.len() <= 8 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_plain.then(|| suffix.to_owned())
    };
    let first = names.next().and_then(|name| suffix(name));
    match first {
        Some(first) if names.all(|name| suffix(name).as_ref() == Some(&first)) => format!("*.{first}"),
        _ => "*".to_owned(),
    }
}
