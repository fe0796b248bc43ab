//! Many patterns against many paths: an automaton over path components, made as it is needed.
//!
//! A state is a place in one of the patterns; a node is the set of states that one folder leads to. Archives list
//! neighbours one after the other, so the nodes of the last path are kept on a stack and only the components that differ
//! are walked: usually one, for one look-up of its name. Nodes are made when first met and then shared by all folders
//! that are alike to the patterns.
//!
//! Promises: the same answer as asking every pattern by itself, which the tests hold against globset; no allocation once
//! the nodes are made; so many nodes and no more, whatever the paths. Refuses to know: what the patterns stand for.

use std::collections::HashMap;
use std::sync::Arc;

use super::pattern::{Part, Target};
use super::set::RuleSet;

/// States of all nodes before the nodes are forgotten: some ten megabytes. The built-in rule sets need a tenth of it; only
/// patterns made for it need more.
const STATES: usize = 1 << 17;
/// Ways out of a node that are remembered for one component; a few are met in practice.
const WAYS: usize = 16;

/// The number of a set and what its pattern stands for.
pub(super) type Hit = (usize, Target);

/// The patterns of several rule sets, held against a path together.
pub(super) struct Matcher {
    sets: Vec<Arc<RuleSet>>,
    states: Vec<State>,
    start: Box<[usize]>,
    nodes: Vec<Node>,
    known: HashMap<Box<[usize]>, usize>,
    /// The last path, and for each of its components where it ends and which node it leads to.
    last: Vec<u8>,
    stack: Vec<(usize, usize)>,
    /// States of all nodes.
    held: usize,
    /// A buffer for the states that are asked and match.
    asked: Vec<usize>,
}

/// A place in a pattern: before its part number `part`.
#[derive(Debug, Clone, Copy)]
struct State {
    set: usize,
    pattern: usize,
    alternative: usize,
    part: usize,
}

/// States that are reached together.
#[derive(Debug, Default)]
struct Node {
    /// What a path that ends here matches.
    hits: Box<[Hit]>,
    /// States reached by any component.
    always: Vec<usize>,
    /// Components that are named: the states before them, and where these lead.
    named: HashMap<Box<[u8]>, (Vec<usize>, Ways)>,
    /// Where all other components lead.
    unnamed: Ways,
    /// Bit n: a named component has n bytes, modulo 64.
    lengths: u64,
    /// States before a part that has to be asked.
    asked: Vec<usize>,
}

/// Where a component leads, by the states that were asked and match it.
type Ways = Vec<(Vec<usize>, usize)>;

impl Matcher {
    pub(super) fn new(sets: &[Arc<RuleSet>]) -> Self {
        let mut states = Vec::new();
        let mut starts = Vec::new();
        for (number, set) in sets.iter().enumerate() {
            for (pattern, known) in set.patterns.iter().enumerate() {
                for (alternative, parts) in known.alternatives.iter().enumerate() {
                    starts.push(states.len());
                    states.extend((0..=parts.len()).map(|part| State { set: number, pattern, alternative, part }));
                }
            }
        }
        let mut matcher = Self {
            sets: sets.to_vec(),
            states,
            start: Box::default(),
            nodes: Vec::new(),
            known: HashMap::new(),
            last: Vec::new(),
            stack: Vec::new(),
            held: 0,
            asked: Vec::new(),
        };
        let mut start = Vec::new();
        for state in starts {
            matcher.enter(state, &mut start);
        }
        matcher.start = sorted(start);
        matcher.node(matcher.start.clone());
        matcher
    }

    /// What `path`, which is normalised and not empty, matches.
    pub(super) fn hits(&mut self, path: &[u8]) -> &[Hit] {
        if self.held > STATES {
            self.forget();
        }
        let shared = shared_bytes(&self.last, path);
        let is_boundary = |end: usize| end <= shared && path.get(end).is_none_or(|byte| *byte == b'/');
        while self.stack.last().is_some_and(|(end, _)| !is_boundary(*end)) {
            self.stack.pop();
        }
        // The slash after the last component that is shared, if there is one.
        let (mut at, mut node) = self.stack.last().map_or((0, 0), |(end, node)| (end.saturating_add(1), *node));
        while let Some(rest) = path.get(at..).filter(|rest| !rest.is_empty()) {
            let component = rest.split(|byte| *byte == b'/').next().unwrap_or_default();
            node = self.step(node, component);
            let end = at.saturating_add(component.len());
            self.stack.push((end, node));
            at = end.saturating_add(1);
        }
        self.last.truncate(shared);
        self.last.extend_from_slice(path.get(shared..).unwrap_or_default());
        self.nodes.get(node).map_or(&[], |node| &node.hits)
    }

    /// The node that `component` leads to.
    fn step(&mut self, from: usize, component: &[u8]) -> usize {
        let mut asked = std::mem::take(&mut self.asked);
        asked.clear();
        let to = self.step_with(from, component, &mut asked);
        self.asked = asked;
        to
    }

    fn step_with(&mut self, from: usize, component: &[u8], asked: &mut Vec<usize>) -> usize {
        let Some(node) = self.nodes.get(from) else { return 0 };
        asked.extend(node.asked.iter().filter(|state| self.part(**state).is_some_and(|part| part.matches(component))));
        let may_be_named = node.lengths >> (component.len() % 64) & 1 == 1;
        let named = if may_be_named { node.named.get(component) } else { None };
        let ways = named.map_or(&node.unnamed, |(_, ways)| ways);
        if let Some((_, to)) = ways.iter().find(|(states, _)| states.iter().eq(asked.iter())) {
            return *to;
        }
        let mut states = node.always.clone();
        for state in named.map_or(&[][..], |(states, _)| states).iter().chain(asked.iter()) {
            self.enter(state.saturating_add(1), &mut states);
        }
        let to = self.node(sorted(states));
        if let Some(Node { named, unnamed, .. }) = self.nodes.get_mut(from) {
            let ways = named.get_mut(component).map_or(unnamed, |(_, ways)| ways);
            if ways.len() < WAYS {
                ways.push((asked.clone(), to));
            }
        }
        to
    }

    /// Adds a state, and those that `**` reaches from it without a component.
    fn enter(&self, mut state: usize, states: &mut Vec<usize>) {
        states.push(state);
        while matches!(self.part(state), Some(Part::Many)) && !self.is_last(state) {
            state = state.saturating_add(1);
            states.push(state);
        }
    }

    /// The node of these states, made where it is met for the first time.
    fn node(&mut self, states: Box<[usize]>) -> usize {
        if let Some(known) = self.known.get(&states) {
            return *known;
        }
        let mut node = Node::default();
        let mut hits = Vec::new();
        for number in states.iter().copied() {
            match self.part(number) {
                None => hits.extend(self.target(number)),
                Some(Part::Many) => {
                    self.enter(number, &mut node.always);
                    if self.is_last(number) {
                        node.always.push(number.saturating_add(1));
                    }
                }
                Some(Part::Any) => self.enter(number.saturating_add(1), &mut node.always),
                Some(Part::Literal(literal)) => {
                    node.lengths |= 1 << (literal.len() % 64);
                    node.named.entry(literal.clone()).or_default().0.push(number);
                }
                Some(Part::Affix(..) | Part::Glob(_)) => node.asked.push(number),
            }
        }
        node.hits = hits.into();
        let number = self.nodes.len();
        self.held = self.held.saturating_add(states.len());
        self.nodes.push(node);
        self.known.insert(states, number);
        number
    }

    fn forget(&mut self) {
        self.held = 0;
        self.nodes.clear();
        self.known.clear();
        self.stack.clear();
        self.last.clear();
        self.node(self.start.clone());
    }

    /// The part that stands after a state; none at the end of the pattern.
    fn part(&self, state: usize) -> Option<&Part> {
        let State { set, pattern, alternative, part } = self.states.get(state)?;
        self.sets.get(*set)?.patterns.get(*pattern)?.alternatives.get(*alternative)?.get(*part)
    }

    fn is_last(&self, state: usize) -> bool {
        self.part(state.saturating_add(1)).is_none()
    }

    fn target(&self, state: usize) -> Option<Hit> {
        let State { set, pattern, .. } = self.states.get(state)?;
        Some((*set, self.sets.get(*set)?.patterns.get(*pattern)?.target))
    }
}

fn sorted(mut states: Vec<usize>) -> Box<[usize]> {
    states.sort_unstable();
    states.dedup();
    states.into()
}

/// How many bytes two paths have in common from the start.
fn shared_bytes(one: &[u8], other: &[u8]) -> usize {
    // Words are compared as numbers: a call of memcmp for each would cost more than all the rest of a step.
    let differ = |(one, other): (&[u8; 16], &[u8; 16])| u128::from_ne_bytes(*one) != u128::from_ne_bytes(*other);
    let (words, others) = (one.as_chunks::<16>().0, other.as_chunks::<16>().0);
    let same = words.iter().zip(others).position(differ).unwrap_or(words.len().min(others.len()));
    let start = same.saturating_mul(16);
    let (one, other) = (one.get(start..).unwrap_or_default(), other.get(start..).unwrap_or_default());
    start.saturating_add(one.iter().zip(other).take_while(|(one, other)| one == other).count())
}

#[cfg(test)]
mod tests {
    use globset::{Candidate, GlobBuilder, GlobMatcher};
    use proptest::prelude::*;

    use super::*;
    use crate::limits::Limits;

    /// A rule set that forbids each of these patterns.
    fn set(patterns: &[String]) -> Arc<RuleSet> {
        let mut text = "schema = 1\nid = \"x\"\ntitle = \"x\"\nproduct = \"x\"\n".to_owned();
        for (number, pattern) in patterns.iter().enumerate() {
            text.push_str(&format!("[[forbidden]]\nid = \"r{number}\"\npath = '{pattern}'\nseverity = \"info\"\n"));
        }
        Arc::new(crate::rule::parse("x.toml", &text, &Limits::default()).unwrap_or_else(|errors| panic!("{errors}")))
    }

    fn hits(matcher: &mut Matcher, path: &[u8]) -> Vec<usize> {
        let mut numbers: Vec<usize> = matcher
            .hits(path)
            .iter()
            .map(|(_, target)| match target {
                Target::Forbidden(number) => *number,
                other => panic!("{other:?}"),
            })
            .collect();
        numbers.dedup();
        numbers
    }

    fn globset(pattern: &str) -> GlobMatcher {
        let mut builder = GlobBuilder::new(pattern);
        builder.literal_separator(true).backslash_escape(true).empty_alternates(true).build().unwrap().compile_matcher()
    }

    #[test]
    fn stars_keep_to_their_components() {
        for (pattern, path, expected) in [
            ("a/*", "a/b", true),
            ("a/*", "a/b/c", false),
            ("a/*", "a", false),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("**/a", "a", true),
            ("**/a", "x/y/a", true),
            ("**/a", "xa", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "a/x/b/y/b", true),
            ("**", "a/b", true),
            ("a?c", "abc", true),
            ("{,x/}a", "a", true),
            ("{,x/}a", "x/a", true),
            ("a{,/**}", "a/b/c", true),
            ("[]]", "]", true),
            (r"\*", "*", true),
            (r"\*", "x", false),
            ("aa*aa", "aaa", false),
            ("aa*aa", "aaaa", true),
            ("a", "A", false),
        ] {
            let mut matcher = Matcher::new(&[set(&[pattern.to_owned()])]);
            assert_eq!(hits(&mut matcher, path.as_bytes()) == [0], expected, "{pattern} {path}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_matched_as_bytes() {
        let matches = |pattern: &str, path: &[u8]| !Matcher::new(&[set(&[pattern.to_owned()])]).hits(path).is_empty();
        assert!(matches("a/*.json", b"a/\xff\xfe.json"));
        assert!(matches("**/key.pem", b"\xff/key.pem"));
        assert!(matches("a?", b"a\xff"));
        assert!(!matches("a?", "a\u{e9}".as_bytes()), "one byte, not one character");
        assert!(matches("caf\u{e9}/*", "caf\u{e9}/x".as_bytes()));
        assert!(!matches("caf\u{e9}/*", b"caf\xe9/x"), "Latin-1 is another name");
        assert!(matches("a*b", b"a\nb"), "a line feed is a byte like others");
    }

    #[test]
    fn nodes_are_forgotten_before_they_are_too_many() {
        // Every subset of twelve names is a set of states of its own.
        let names: Vec<String> = (0..12).map(|number| format!("**/n{number}/**/x")).collect();
        let mut matcher = Matcher::new(&[set(&names)]);
        for subset in 0_u32..4_096 {
            let mut path: Vec<String> =
                (0..12).filter(|bit| subset >> bit & 1 == 1).map(|bit| format!("n{bit}")).collect();
            path.push("x".to_owned());
            let expected: Vec<usize> = (0..12).filter(|bit| subset >> bit & 1 == 1).collect();
            assert_eq!(hits(&mut matcher, path.join("/").as_bytes()), expected, "{subset:b}");
            assert!(matcher.held <= STATES + 20 * 64, "{}", matcher.held);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn all_at_once_is_each_by_itself(
            patterns in prop::collection::btree_set(
                "((a|b|ab|\\*|\\*\\*|a\\*|\\*b|a\\*b|\\?|\\?b|\\[ab\\]|\\[!a\\]b|\\{a,b\\}|\\*a\\*)/){0,3}(a|b|\\*|\\*\\*|\\*b|\\{a,ab,\\*c\\})",
                1..12,
            ),
            paths in prop::collection::vec("((a|b|ab|aab|ba|c|bc)/){0,4}(a|b|ab|c|bc|\\PC{1,3})", 1..24),
        ) {
            let patterns: Vec<String> = patterns.into_iter().collect();
            let singly: Vec<GlobMatcher> = patterns.iter().map(|pattern| globset(pattern)).collect();
            let mut matcher = Matcher::new(&[set(&patterns)]);
            for path in paths.iter().filter(|path| !path.split('/').any(str::is_empty)) {
                let candidate = Candidate::from_bytes(path.as_bytes());
                let expected: Vec<usize> =
                    (0..singly.len()).filter(|number| singly[*number].is_match_candidate(&candidate)).collect();
                prop_assert_eq!(hits(&mut matcher, path.as_bytes()), expected, "{} {:?}", path, patterns);
            }
        }
    }
}
