//! The symbolic links of an archive, and where a path ends up that goes through them.
//!
//! A link stands where extraction would put it, and not where it is spelled: the place is what its folder resolves to.
//! Extractors differ in what a second member at the same path does to a link (GNU tar replaces it, CPython follows it or
//! keeps it), so nothing is ever forgotten: a link keeps every target it was given, and one that a folder may have
//! replaced is taken for both. A path therefore resolves to a set of places, and leads outside where one of them does.
//!
//! Promises: steps, branches and memory are bounded, and where a bound is met the answer says so. No length of a path
//! stops the following: what a checker that gives up at PATH_MAX takes for inside is followed to its end. Refuses to
//! know: what is written, and how grave it is.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use super::name::has_drive;
use crate::limits::Limits;

/// Places one path may resolve to before it is given up.
const PLACES: usize = 16;
/// Components looked at for one path, for each link that may be followed.
const PARTS_PER_STEP: u64 = 128;
/// Ways one path may take in all, for each link that may be followed: links with several targets multiply them.
const WAYS_PER_STEP: u64 = 4;
/// Bytes a system allows in the target of a link; no link with more can be made.
const TARGET_BYTES: usize = 4 << 10;
/// What a link costs beside its texts.
const OVERHEAD_BYTES: usize = 96;

/// A place inside the folder: its path, and for each component the end and the hash of the path up to there.
#[derive(Debug, Clone, Default)]
pub(super) struct Location {
    path: Vec<u8>,
    stack: Vec<(usize, u64)>,
}

impl Location {
    pub(super) fn path(&self) -> &[u8] {
        &self.path
    }

    pub(super) fn clear(&mut self) {
        self.path.clear();
        self.stack.clear();
    }

    fn hash(&self) -> u64 {
        self.stack.last().map_or(0, |(_, hash)| *hash)
    }

    /// Walks one component up; false at the root.
    pub(super) fn up(&mut self) -> bool {
        let popped = self.stack.pop().is_some();
        self.path.truncate(self.stack.last().map_or(0, |(end, _)| *end));
        popped
    }
}

/// A link, or several that stood at one place.
#[derive(Debug)]
struct Link {
    at: Box<[u8]>,
    targets: Vec<Box<[u8]>>,
    /// Whether something else stood at its place, too.
    replaced: bool,
}

/// Where a path ends up.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// The places inside.
    pub(super) inside: Vec<Location>,
    /// Whether one of its ways leads outside.
    pub(super) outside: bool,
    /// Whether one of its ways was too long to follow, or never ends.
    pub(super) endless: bool,
    /// Whether it goes through a link at all.
    pub(super) followed: bool,
}

/// All links met so far.
#[derive(Debug)]
pub(super) struct Links {
    state: RandomState,
    table: HashMap<u64, Vec<Link>>,
    room: u64,
    bytes: u64,
    steps: u64,
    longest: usize,
    /// Links that could no longer be remembered.
    pub(super) forgotten: u64,
}

/// One way of a path that is being followed.
struct Way<'a> {
    place: Location,
    /// What is still to be walked, the next on top.
    rest: Vec<&'a [u8]>,
    followed: u64,
}

impl<'a> Way<'a> {
    /// The next component that means something.
    fn next(&mut self) -> Option<&'a [u8]> {
        while let Some(rest) = self.rest.pop() {
            let end = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
            let (part, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            if let Some(after) = after.get(1..).filter(|after| !after.is_empty()) {
                self.rest.push(after);
            }
            if !part.is_empty() && part != b"." {
                return Some(part);
            }
        }
        None
    }

    fn is_at_end(&self) -> bool {
        let is_noise = |part: &[u8]| part.is_empty() || part == b".";
        self.rest.iter().all(|rest| rest.split(|byte| *byte == b'/').all(is_noise))
    }
}

impl Links {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            state: RandomState::new(),
            table: HashMap::new(),
            room: limits.symlink_bytes,
            bytes: 0,
            steps: limits.symlink_steps,
            longest: usize::try_from(limits.path_bytes).unwrap_or(usize::MAX),
            forgotten: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bytes that are remembered.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Walks one component down.
    pub(super) fn push(&self, place: &mut Location, part: &[u8]) {
        let hash = self.step(place.hash(), part);
        if !place.path.is_empty() {
            place.path.push(b'/');
        }
        place.path.extend_from_slice(part);
        place.stack.push((place.path.len(), hash));
    }

    /// Whether a link may stand in the folder that the first `depth` components of `place` are, under the name `part`.
    pub(super) fn may_hold(&self, place: &Location, depth: usize, part: &[u8]) -> bool {
        let above = depth.checked_sub(1).map_or(Some(0), |last| place.stack.get(last).map(|(_, hash)| *hash));
        above.is_none_or(|above| self.table.contains_key(&self.step(above, part)))
    }

    fn step(&self, above: u64, part: &[u8]) -> u64 {
        let mut hasher = self.state.build_hasher();
        hasher.write_u64(above);
        hasher.write(part);
        hasher.finish()
    }

    /// Walks `place` to `path`, which has no `..`, from where the two part; false where something on the way may be a link,
    /// and `place` is then left above it.
    pub(super) fn walk(&self, place: &mut Location, path: &[u8]) -> bool {
        let leads = |place: &Location| {
            path.strip_prefix(place.path()).is_some_and(|rest| rest.starts_with(b"/") || rest.is_empty())
        };
        while !place.path.is_empty() && !leads(place) {
            place.up();
        }
        let rest = path.get(place.path.len()..).unwrap_or_default();
        for part in rest.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            self.push(place, part);
            if self.table.contains_key(&place.hash()) {
                place.up();
                return false;
            }
        }
        true
    }

    /// Whether a link stands at `place`.
    pub(super) fn is_link(&self, place: &Location) -> bool {
        self.at(place).is_some()
    }

    fn at(&self, place: &Location) -> Option<&Link> {
        self.table.get(&place.hash())?.iter().find(|link| *link.at == *place.path())
    }

    /// Puts a link at `place`. `replaced` tells that something else stood there before.
    pub(super) fn add(&mut self, place: &Location, target: &[u8], replaced: bool) {
        // A system stops at a NUL.
        let target = target.split(|byte| *byte == 0).next().unwrap_or_default();
        if target.is_empty() {
            return;
        }
        // The target of one that is too long is not kept: whoever follows the link is told that it does not end.
        let target = target.get(..TARGET_BYTES).unwrap_or(target);
        let known = self.table.get_mut(&place.hash());
        let known = known.and_then(|links| links.iter_mut().find(|link| *link.at == *place.path()));
        let mut cost = target.len().saturating_add(OVERHEAD_BYTES);
        if let Some(link) = &known {
            if link.targets.iter().any(|other| **other == *target) {
                return;
            }
        } else {
            cost = cost.saturating_add(place.path.len());
        }
        let bytes = self.bytes.saturating_add(u64::try_from(cost).unwrap_or(u64::MAX));
        if bytes > self.room {
            self.forgotten = self.forgotten.saturating_add(1);
            return;
        }
        self.bytes = bytes;
        if let Some(link) = known {
            link.replaced |= replaced;
            link.targets.push(target.into());
        } else {
            let link = Link { at: place.path().into(), targets: vec![target.into()], replaced };
            self.table.entry(place.hash()).or_default().push(link);
        }
    }

    /// Says that a folder may have taken the place of a link.
    pub(super) fn replace(&mut self, place: &Location) {
        let links = self.table.get_mut(&place.hash());
        if let Some(link) = links.and_then(|links| links.iter_mut().find(|link| *link.at == *place.path())) {
            link.replaced = true;
        }
    }

    /// The targets of the link at `place`.
    pub(super) fn targets(&self, place: &Location) -> Vec<Box<[u8]>> {
        self.at(place).map(|link| link.targets.clone()).unwrap_or_default()
    }

    /// Follows `path` from `base`; a link at its very end only where `last` says so.
    pub(super) fn resolve(&self, base: &Location, path: &[u8], last: bool) -> Resolved {
        let mut found = Resolved::default();
        let mut budget = self.steps.saturating_mul(PARTS_PER_STEP);
        let mut left = self.steps.saturating_mul(WAYS_PER_STEP);
        let mut ways = vec![Way { place: base.clone(), rest: vec![path], followed: 0 }];
        if is_elsewhere(path) {
            found.outside = true;
            return found;
        }
        while let Some(mut way) = ways.pop() {
            loop {
                let Some(part) = way.next() else {
                    found.keep(way.place);
                    break;
                };
                if budget == 0 || way.place.path.len().saturating_add(part.len()) > self.longest {
                    found.endless = true;
                    return found;
                }
                budget = budget.saturating_sub(1);
                if part == b".." {
                    if way.place.up() {
                        continue;
                    }
                    found.outside = true;
                    break;
                }
                self.push(&mut way.place, part);
                let Some(link) = self.at(&way.place) else { continue };
                if !last && way.is_at_end() {
                    continue;
                }
                found.followed = true;
                if way.followed >= self.steps {
                    found.endless = true;
                } else {
                    Self::follow(link, &way, &mut ways, &mut left, &mut found);
                }
                if !link.replaced {
                    break;
                }
            }
        }
        found
    }

    /// Adds the ways that a link leads.
    fn follow<'a>(link: &'a Link, way: &Way<'a>, ways: &mut Vec<Way<'a>>, left: &mut u64, found: &mut Resolved) {
        for target in &link.targets {
            if is_elsewhere(target) {
                found.outside = true;
            } else if target.len() >= TARGET_BYTES || *left == 0 {
                found.endless = true;
            } else {
                *left = left.saturating_sub(1);
                let mut next =
                    Way { place: way.place.clone(), rest: way.rest.clone(), followed: way.followed.saturating_add(1) };
                next.place.up();
                next.rest.push(target);
                ways.push(next);
            }
        }
    }
}

/// Whether a path leads outside wherever it is begun: from the root of a system or of a drive, or by backslashes.
fn is_elsewhere(path: &[u8]) -> bool {
    if path.starts_with(b"/") || path.starts_with(b"\\") || has_drive(path) {
        return true;
    }
    // Where a backslash separates, this goes up; how far down it went before is not worth a second walk.
    path.contains(&b'\\') && path.split(|byte| matches!(byte, b'/' | b'\\')).any(|part| part == b"..")
}

impl Resolved {
    fn keep(&mut self, place: Location) {
        if self.inside.iter().any(|known| known.path == place.path) {
            return;
        }
        if self.inside.len() < PLACES {
            self.inside.push(place);
        } else {
            self.endless = true;
        }
    }
}
