//! The closure: whether everything that is referred to is there.
//!
//! ```text
//!   link ──► manifest ──► config          needed: what a link leads to, step by step
//!                    └──► layer
//!            manifest ──► layer           nobody leads to this manifest: its layers may be gone
//! ```
//! Promises: the same for any order of the definitions; at most the limit `references` is remembered, and past it nothing
//! is claimed. Refuses to know: what is a layer, and which members belong together.

use std::borrow::Cow;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

use super::{Definition, Fault, Reference};
use crate::code::{self, Severity};
use crate::limits::Limits;

/// Bytes of a path or a name that are kept for messages.
const SHOWN: usize = 512;

/// References that are followed for each that may be remembered: a manifest is followed from each repository that has it.
const STEPS: u64 = 16;

/// Collects definitions and references, and says in the end which references lead nowhere.
pub struct Closure {
    limit: u64,
    kept: u64,
    is_over: bool,
    numbers: HashMap<[u8; 32], usize>,
    names: Vec<Name>,
    links: Vec<Link>,
    known: HashMap<Same, usize>,
    /// Names, each with a scope in which it is linked.
    linked: HashSet<(usize, usize)>,
    last_path: Arc<[u8]>,
}

/// Something that was named.
struct Name {
    shown: Box<str>,
    found: Option<Found>,
}

/// What stands under a name.
#[derive(Clone, Copy)]
struct Found {
    size: Option<u64>,
}

/// One reference, and how many more say the same.
struct Link {
    same: Same,
    role: Cow<'static, str>,
    path: Arc<[u8]>,
    more: u64,
}

/// References that are one for the purpose of this.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Same {
    from: Option<usize>,
    to: usize,
    size: Option<u64>,
    weight: Weight,
    scope: Option<usize>,
    linked: bool,
}

/// What is wrong with a reference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    Missing,
    /// This size is told of it.
    Size(u64),
    /// It is not linked in this scope.
    Unlinked(usize),
}

/// The gravest of the references that say the same, and how many do.
struct Worst {
    weight: Weight,
    link: usize,
    count: u64,
}

/// How grave a reference that leads nowhere is, in the order of gravity.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Weight {
    Set(Severity),
    /// What the code says.
    Code,
}

/// A reference that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dangling {
    /// The first member that refers to it, in the order of the archive; a long path is cut.
    pub path: Vec<u8>,
    /// What it is to that member.
    pub role: Cow<'static, str>,
    /// What it refers to; a long name is cut.
    pub name: String,
    /// What is wrong.
    pub unmet: Unmet,
    /// How grave it is, instead of the code's own.
    pub severity: Option<Severity>,
    /// How many more references say the same.
    pub more: u64,
}

/// What is wrong with a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unmet {
    /// Nothing has that name.
    Missing,
    /// It has another size.
    Size {
        /// What the reference says.
        told: u64,
        /// What was found.
        found: u64,
    },
    /// It is there, but not linked where it is needed.
    Unlinked {
        /// There.
        scope: String,
    },
}

impl Closure {
    /// For as many as `limits` allow.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limit: limits.references,
            kept: 0,
            is_over: false,
            numbers: HashMap::new(),
            names: Vec::new(),
            links: Vec::new(),
            known: HashMap::new(),
            linked: HashSet::new(),
            last_path: Arc::default(),
        }
    }

    /// The member at `path` defines something. Of one name the first counts.
    pub fn define(&mut self, _path: &[u8], definition: &Definition) {
        let realm = &definition.realm;
        let Some(number) = self.number(realm, &definition.name) else { return };
        if let Some(scope) = &definition.scope {
            let Some(scope) = self.number(realm, scope) else { return };
            if !self.linked.contains(&(number, scope)) && self.room() {
                self.linked.insert((number, scope));
            }
        } else if let Some(name) = self.names.get_mut(number) {
            name.found.get_or_insert(Found { size: definition.size });
        }
    }

    /// The member at `path` refers to something.
    pub fn refer(&mut self, path: &[u8], reference: &Reference) {
        let realm = &reference.realm;
        let mut other = |name: &Option<String>| {
            name.as_deref().map(|name| self.number(realm, name)).map_or(Some(None), |number| number.map(Some))
        };
        let (Some(from), Some(scope)) = (other(&reference.from), other(&reference.scope)) else { return };
        let Some(to) = self.number(realm, &reference.name) else { return };
        let weight = reference.severity.map_or(Weight::Code, Weight::Set);
        let same = Same { from, to, size: reference.size, weight, scope, linked: reference.linked };
        if let Some(link) = self.known.get(&same).and_then(|index| self.links.get_mut(*index)) {
            link.more = link.more.saturating_add(1);
        } else if self.room() {
            let path = self.path(path);
            self.known.insert(same, self.links.len());
            self.links.push(Link { same, role: reference.role.clone(), path, more: 0 });
        }
    }

    /// Whether one more may be remembered.
    fn room(&mut self) -> bool {
        self.is_over |= self.kept >= self.limit;
        self.kept = self.kept.saturating_add(1);
        !self.is_over
    }

    fn number(&mut self, realm: &[u8], name: &str) -> Option<usize> {
        // No name holds a zero byte that could be taken for the end of the realm.
        let digest = *blake3::Hasher::new().update(realm).update(b"\0").update(name.as_bytes()).finalize().as_bytes();
        if let Some(number) = self.numbers.get(&digest) {
            return Some(*number);
        }
        if !self.room() {
            return None;
        }
        let number = self.names.len();
        let shown = name.get(..name.floor_char_boundary(SHOWN)).unwrap_or_default();
        self.numbers.insert(digest, number);
        self.names.push(Name { shown: shown.into(), found: None });
        Some(number)
    }

    /// A member often refers to several things: its path is kept once.
    fn path(&mut self, path: &[u8]) -> Arc<[u8]> {
        let path = path.get(..SHOWN).unwrap_or(path);
        if *self.last_path != *path {
            self.last_path = path.into();
        }
        Arc::clone(&self.last_path)
    }

    /// The references that are needed and do not hold, in the order in which they came: of those that say the same, the
    /// gravest.
    ///
    /// # Errors
    /// The fault that says that there was more than the limit: what was not remembered cannot be told from what is not there.
    pub fn finish(self) -> Result<Vec<Dangling>, Fault> {
        let message = format!(
            "whether everything that is referred to is there was not judged: more than {} names and references (--limit \
             references=N)",
            self.limit
        );
        let over = Fault { code: &code::LIMIT_REACHED, severity: None, message, offset: None };
        let Some(wrong) = Some(&self).filter(|closure| !closure.is_over).and_then(Self::follow) else {
            return Err(over);
        };
        let mut wrong: Vec<(usize, Wrong, Weight, u64)> =
            wrong.into_iter().map(|((_, what), worst)| (worst.link, what, worst.weight, worst.count)).collect();
        wrong.sort_unstable();
        Ok(wrong
            .into_iter()
            .filter_map(|(link, what, weight, count)| self.dangling(link, what, weight, count))
            .collect())
    }

    /// Follows what is needed in any case to all that hangs on it, and collects what does not hold; nothing where that
    /// takes more steps than the limit allows.
    fn follow(&self) -> Option<BTreeMap<(usize, Wrong), Worst>> {
        let mut onward: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut next = BinaryHeap::new();
        for (index, Link { same, .. }) in self.links.iter().enumerate() {
            match same.from {
                Some(from) => onward.entry(from).or_default().push(index),
                None => next.push((same.weight, index, same.scope)),
            }
        }
        let most = self.limit.saturating_mul(STEPS);
        let (mut steps, mut wrong) = (0_u64, BTreeMap::new());
        let mut counted = vec![false; self.links.len()];
        let mut reached = HashSet::new();
        // The gravest first: the first to arrive somewhere is the gravest that does.
        while let Some((weight, index, scope)) = next.pop() {
            let Some(link) = self.links.get(index) else { continue };
            self.hold(index, link, weight, scope, counted.get_mut(index)?, &mut wrong);
            if !onward.contains_key(&link.same.to) || !reached.insert((link.same.to, scope)) {
                continue;
            }
            for step in onward.get(&link.same.to).into_iter().flatten() {
                let link = self.links.get(*step)?;
                let weight = weight.min(link.same.weight);
                if onward.contains_key(&link.same.to) {
                    next.push((weight, *step, scope));
                } else {
                    self.hold(*step, link, weight, scope, counted.get_mut(*step)?, &mut wrong);
                }
                steps = steps.saturating_add(1);
            }
            if steps > most {
                return None;
            }
        }
        Some(wrong)
    }

    /// Holds one reference that is needed in `scope` against what is there.
    fn hold(
        &self,
        index: usize,
        link: &Link,
        weight: Weight,
        scope: Option<usize>,
        counted: &mut bool,
        wrong: &mut BTreeMap<(usize, Wrong), Worst>,
    ) {
        let is_first = !std::mem::replace(counted, true);
        let Same { to, size, linked, .. } = link.same;
        let what = match (self.names.get(to).and_then(|name| name.found), size) {
            (None, _) => Wrong::Missing,
            (Some(Found { size: Some(found) }), Some(told)) if found != told => Wrong::Size(told),
            _ => match scope {
                Some(scope) if linked && !self.linked.contains(&(to, scope)) => Wrong::Unlinked(scope),
                _ => return,
            },
        };
        // A reference is one, however many scopes need it; a link that is missing is missing in each.
        let counts = is_first || matches!(what, Wrong::Unlinked(_));
        let count = if counts { link.more.saturating_add(1) } else { 0 };
        let worst = wrong.entry((to, what)).or_insert(Worst { weight, link: index, count: 0 });
        worst.count = worst.count.saturating_add(count);
        if weight > worst.weight || (weight == worst.weight && index < worst.link) {
            (worst.weight, worst.link) = (weight, index);
        }
    }

    fn dangling(&self, link: usize, what: Wrong, weight: Weight, count: u64) -> Option<Dangling> {
        let link = self.links.get(link)?;
        let name = self.names.get(link.same.to)?;
        let unmet = match what {
            Wrong::Missing => Unmet::Missing,
            Wrong::Size(told) => Unmet::Size { told, found: name.found.and_then(|found| found.size)? },
            Wrong::Unlinked(scope) => Unmet::Unlinked { scope: self.names.get(scope)?.shown.to_string() },
        };
        let severity = match weight {
            Weight::Set(severity) => Some(severity),
            Weight::Code => None,
        };
        let more = count.saturating_sub(1);
        let (path, role) = (link.path.to_vec(), link.role.clone());
        Some(Dangling { path, role, name: name.shown.to_string(), unmet, severity, more })
    }
}

impl Dangling {
    /// What is wrong with the member at its path.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let Self { role, name, .. } = self;
        let others = match self.more {
            0 => String::new(),
            1 => ", as one other reference does".to_owned(),
            more => format!(", as {more} other references do"),
        };
        let (code, message) = match &self.unmet {
            Unmet::Missing => {
                (&code::REFERENCE_MISSING, format!("refers to {name} ({role}), which is not there{others}"))
            }
            Unmet::Size { told, found } => {
                let message = format!("says that {name} ({role}) has {told} bytes{others}, and it has {found}");
                (&code::REFERENCE_SIZE, message)
            }
            Unmet::Unlinked { scope } => {
                let message = format!("refers to {name} ({role}){others}, which is there, but not linked in {scope}");
                (&code::REFERENCE_UNLINKED, message)
            }
        };
        Fault { code, severity: self.severity, message, offset: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `D name [size]`, `L name scope`, `R from|- name severity|- [size]` or `S scope name severity|-` (which must be linked,
    /// as must all that is from something), one a line, each from the member of its number.
    fn judged(lines: &[&str]) -> Vec<String> {
        let mut closure = Closure::new(&Limits::default());
        for (index, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            let path = format!("member-{index}");
            let size = |at: usize| words.get(at).map(|size| size.parse().unwrap());
            if words[0] == "D" {
                let definition = Definition { name: words[1].to_owned(), size: size(2), ..Definition::default() };
                closure.define(path.as_bytes(), &definition);
            } else if words[0] == "L" {
                let scope = Some(words[2].to_owned());
                closure
                    .define(path.as_bytes(), &Definition { name: words[1].to_owned(), scope, ..Definition::default() });
            } else {
                let severity = match words[3] {
                    "-" => None,
                    "info" => Some(Severity::Info),
                    "warning" => Some(Severity::Warning),
                    _ => Some(Severity::Error),
                };
                let first = (words[1] != "-").then(|| words[1].to_owned());
                let (scope, from) = if words[0] == "S" { (first, None) } else { (None, first) };
                let linked = scope.is_some() || from.is_some();
                let (role, name) = ("part".into(), words[2].to_owned());
                let size = size(4);
                let reference = Reference { role, name, size, severity, from, scope, linked, ..Reference::default() };
                closure.refer(path.as_bytes(), &reference);
            }
        }
        let told = closure.finish().unwrap();
        told.iter().map(|one| format!("{:?} {:?} {}", one.unmet, one.severity, one.fault().message)).collect()
    }

    #[test]
    fn what_is_needed_must_be_there() {
        assert_eq!(judged(&["R - m -", "R m c - 3", "D c 3", "D m"]), [""; 0]);
        let told = judged(&["R - m -", "R m c - 3", "D m", "R - c -"]);
        assert_eq!(told, ["Missing None refers to c (part), which is not there, as one other reference does"]);
        let told = judged(&["R - m -", "D m 4", "R m c - 3", "D c 4"]);
        assert_eq!(told, ["Size { told: 3, found: 4 } None says that c (part) has 3 bytes, and it has 4"]);
    }

    #[test]
    fn what_hangs_on_something_that_nobody_wants_may_be_gone() {
        assert_eq!(judged(&["D m", "R m c -", "R x m -", "D x"]), [""; 0]);
        // Two that want each other are wanted by nobody.
        assert_eq!(judged(&["D a", "D b", "R a b -", "R b a -", "R a c -"]), [""; 0]);
        assert_eq!(judged(&["D a", "D b", "R a b -", "R b a -", "R a c -", "R - b -"]).len(), 1);
    }

    #[test]
    fn nothing_is_graver_than_what_it_hangs_on() {
        let index = ["R - i -", "D i", "R i m warning", "D m", "R m c -"];
        assert_eq!(judged(&index), ["Missing Some(Warning) refers to c (part), which is not there"]);
        let linked = [&index[..], &["R - m -"]].concat();
        assert_eq!(judged(&linked), ["Missing None refers to c (part), which is not there"]);
        assert_eq!(
            judged(&["R - m info", "D m", "R m c error"])[0].split(" refers").next(),
            Some("Missing Some(Info)")
        );
    }

    #[test]
    fn what_a_scope_needs_must_be_linked_there() {
        let team = ["S team m -", "D m", "L m team", "R m c -", "D c", "L c team"];
        assert_eq!(judged(&team), [""; 0]);
        // Another scope needs it too, and has no link to what hangs on it.
        let other = [&team[..], &["S other m -", "L m other"]].concat();
        let told = "Unlinked { scope: \"other\" } None refers to c (part), which is there, but not linked in other";
        assert_eq!(judged(&other), [told]);
        assert_eq!(judged(&[&other[..], &["L c other"]].concat()), [""; 0]);
        // One finding for what is nowhere, whoever needs it; without a scope nothing need be linked.
        let nowhere: Vec<&str> = other.iter().copied().filter(|line| *line != "D c").collect();
        assert_eq!(judged(&nowhere), ["Missing None refers to c (part), which is not there"]);
        assert_eq!(judged(&["R - m -", "D m", "R m c -", "D c"]), [""; 0]);
        // As grave as the scope needs it.
        let index = ["S team i -", "D i", "L i team", "R i m warning", "D m", "R m c -", "D c", "L c team"];
        assert_eq!(judged(&index)[0].split(" refers").next(), Some("Unlinked { scope: \"team\" } Some(Warning)"));
    }

    #[test]
    fn the_order_of_definitions_means_nothing_and_the_limit_claims_nothing() {
        let lines = ["R - m -", "D m", "R m a -", "R m b - 3", "D b 2", "R - q warning"];
        let mut rotated = lines.to_vec();
        let sorted = |lines: &[&str]| {
            let mut told = judged(lines);
            told.sort();
            told
        };
        for _ in 0..lines.len() {
            rotated.rotate_left(1);
            assert_eq!(sorted(&rotated), sorted(&lines));
        }
        assert_eq!(sorted(&lines).len(), 3);
        let limits = Limits { references: 2, ..Limits::default() };
        let mut closure = Closure::new(&limits);
        closure.refer(b"a", &Reference { name: "b".to_owned(), ..Reference::default() });
        closure.define(b"c", &Definition { name: "b".to_owned(), ..Definition::default() });
        closure.define(b"c", &Definition { name: "d".to_owned(), ..Definition::default() });
        assert_eq!(closure.finish().unwrap_err().code.id, "limit/reached");
        // Many that need many: what is remembered fits, the steps do not.
        let limits = Limits { references: 1_000, ..Limits::default() };
        let mut closure = Closure::new(&limits);
        for number in 0..200 {
            let (name, scope, from) = ("m".to_owned(), Some(format!("scope-{number}")), None);
            closure.refer(b"a", &Reference { name, scope, from, ..Reference::default() });
            let (name, from) = (format!("c-{number}"), Some("m".to_owned()));
            closure.refer(b"a", &Reference { name, from, ..Reference::default() });
        }
        assert!(!closure.is_over);
        assert_eq!(closure.finish().unwrap_err().code.id, "limit/reached");
    }
}
