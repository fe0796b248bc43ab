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
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use super::{Definition, Fault, Reference};
use crate::code::{self, Severity};
use crate::limits::Limits;

/// Bytes of a path or a name that are kept for messages.
const SHOWN: usize = 512;

/// Collects definitions and references, and says in the end which references lead nowhere.
pub struct Closure {
    limit: u64,
    kept: u64,
    is_over: bool,
    numbers: HashMap<[u8; 32], usize>,
    names: Vec<Name>,
    links: Vec<Link>,
    known: HashMap<Same, usize>,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
            last_path: Arc::default(),
        }
    }

    /// The member at `path` defines something. The first to define a name counts.
    pub fn define(&mut self, _path: &[u8], definition: &Definition) {
        let Some(number) = self.number(&definition.name) else { return };
        if let Some(name) = self.names.get_mut(number) {
            name.found.get_or_insert(Found { size: definition.size });
        }
    }

    /// The member at `path` refers to something.
    pub fn refer(&mut self, path: &[u8], reference: &Reference) {
        let Some(to) = self.number(&reference.name) else { return };
        let from = match &reference.from {
            Some(from) => match self.number(from) {
                Some(from) => Some(from),
                None => return,
            },
            None => None,
        };
        let weight = reference.severity.map_or(Weight::Code, Weight::Set);
        let same = Same { from, to, size: reference.size, weight };
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

    fn number(&mut self, name: &str) -> Option<usize> {
        let digest = *blake3::hash(name.as_bytes()).as_bytes();
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

    /// The references that are needed and do not hold, in the order in which they came: for each name that is missing, the
    /// gravest.
    ///
    /// # Errors
    /// The fault that says that there was more than the limit: what was not remembered cannot be told from what is not there.
    pub fn finish(self) -> Result<Vec<Dangling>, Fault> {
        if self.is_over {
            let message = format!(
                "whether everything that is referred to is there was not judged: more than {} names and references \
                 (--limit references=N)",
                self.limit
            );
            return Err(Fault { code: &code::LIMIT_REACHED, severity: None, message, offset: None });
        }
        let weights = self.weights();
        let needed = self.links.iter().enumerate().filter_map(|(index, link)| {
            let weight = match link.same.from {
                Some(from) => (*weights.get(from)?)?.min(link.same.weight),
                None => link.same.weight,
            };
            Some((index, link, weight))
        });
        // By what is wrong: the index of the reference that is told of it, its weight, and the others.
        let mut wrong: BTreeMap<(usize, Option<u64>), (Weight, usize, u64)> = BTreeMap::new();
        for (index, link, weight) in needed {
            let told = match (self.names.get(link.same.to).and_then(|name| name.found), link.same.size) {
                (None, _) => None,
                (Some(Found { size: Some(found) }), Some(told)) if found != told => Some(told),
                (Some(_), _) => continue,
            };
            let worst = wrong.entry((link.same.to, told)).or_insert((weight, index, 0));
            if weight > worst.0 {
                *worst = (weight, index, worst.2);
            }
            worst.2 = worst.2.saturating_add(link.more).saturating_add(1);
        }
        let mut wrong: Vec<_> =
            wrong.into_iter().map(|((_, told), (weight, index, count))| (index, told, weight, count)).collect();
        wrong.sort_unstable();
        Ok(wrong
            .into_iter()
            .filter_map(|(index, told, weight, count)| self.dangling(index, told, weight, count))
            .collect())
    }

    fn dangling(&self, index: usize, told: Option<u64>, weight: Weight, count: u64) -> Option<Dangling> {
        let link = self.links.get(index)?;
        let name = self.names.get(link.same.to)?;
        let found = name.found.and_then(|found| found.size);
        let unmet = told.zip(found).map_or(Unmet::Missing, |(told, found)| Unmet::Size { told, found });
        let severity = match weight {
            Weight::Set(severity) => Some(severity),
            Weight::Code => None,
        };
        let more = count.saturating_sub(1);
        let (path, role) = (link.path.to_vec(), link.role.clone());
        Some(Dangling { path, role, name: name.shown.to_string(), unmet, severity, more })
    }

    /// For each name, the weight of the gravest reference that leads there from one that is needed in any case.
    fn weights(&self) -> Vec<Option<Weight>> {
        let mut onward: HashMap<usize, Vec<(Weight, usize)>> = HashMap::new();
        let mut next = BinaryHeap::new();
        for Link { same, .. } in &self.links {
            match same.from {
                Some(from) => onward.entry(from).or_default().push((same.weight, same.to)),
                None => next.push((same.weight, same.to)),
            }
        }
        let mut weights: Vec<Option<Weight>> = vec![None; self.names.len()];
        // The gravest first: the first to arrive somewhere is the gravest that does.
        while let Some((weight, name)) = next.pop() {
            match weights.get_mut(name) {
                Some(here @ None) => *here = Some(weight),
                _ => continue,
            }
            for (step, to) in onward.get(&name).into_iter().flatten() {
                next.push((weight.min(*step), *to));
            }
        }
        weights
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
        let (code, message) = match self.unmet {
            Unmet::Missing => {
                (&code::REFERENCE_MISSING, format!("refers to {name} ({role}), which is not there{others}"))
            }
            Unmet::Size { told, found } => {
                let message = format!("says that {name} ({role}) has {told} bytes{others}, and it has {found}");
                (&code::REFERENCE_SIZE, message)
            }
        };
        Fault { code, severity: self.severity, message, offset: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `D name [size]` or `R from|- name severity|- [size]`, one a line, each from the member of its number.
    fn judged(lines: &[&str]) -> Vec<String> {
        let mut closure = Closure::new(&Limits::default());
        for (index, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split(' ').collect();
            let path = format!("member-{index}");
            let size = |at: usize| words.get(at).map(|size| size.parse().unwrap());
            if words[0] == "D" {
                closure.define(path.as_bytes(), &Definition { name: words[1].to_owned(), size: size(2) });
            } else {
                let severity = match words[3] {
                    "-" => None,
                    "info" => Some(Severity::Info),
                    "warning" => Some(Severity::Warning),
                    _ => Some(Severity::Error),
                };
                let from = (words[1] != "-").then(|| words[1].to_owned());
                let name = words[2].to_owned();
                closure.refer(path.as_bytes(), &Reference { role: "part".into(), name, size: size(4), severity, from });
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
        let mut limits = Limits::default();
        limits.references = 2;
        let mut closure = Closure::new(&limits);
        closure.refer(b"a", &Reference { name: "b".to_owned(), ..Reference::default() });
        closure.define(b"c", &Definition { name: "b".to_owned(), size: None });
        closure.define(b"c", &Definition { name: "d".to_owned(), size: None });
        assert_eq!(closure.finish().unwrap_err().code.id, "limit/reached");
    }
}
