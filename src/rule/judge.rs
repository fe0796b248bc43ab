//! Watching entries: what every candidate's rules count and note while the archive streams by.
//!
//! Promises: one automaton for all patterns, no allocation for an entry that breaks no rule (a path that needs rewriting
//! to be normal aside); a rule that several of its patterns match counts the entry once. Refuses to know: which
//! candidate will be chosen, and what the counts mean.

use std::borrow::Cow;
use std::sync::Arc;

use regex::bytes::CaptureLocations;

use super::Choice;
use super::gather::Tally;
use super::matcher::Matcher;
use super::numbers::Numbers;
use super::pattern::Target;
use super::screen::{Asked, Screen};
use super::seen::{Captured, Count, Group, Names, VALUE_BYTES};
use super::set::{EntryRule, From, RuleSet};
use super::together::Together;
use super::words::readable;
use crate::code::{self, Code};
use crate::entry::{Entry, EntryKind, normalized};
use crate::finding::Severity;
use crate::graph::Graph;
use crate::limits::Limits;
use crate::place::{Depth, kept_path};
use crate::probe::{Fault, Learned, Spec, Subject};
use crate::secret::Secret;

/// Probes that look at one member: each may hold its content, and rules seldom ask for more than two.
const PROBES: usize = 64;

/// Judges one archive: fed with its entries, asked once at the end.
pub struct Judge {
    pub(super) sets: Vec<Arc<RuleSet>>,
    pub(super) watches: Vec<Watch>,
    pub(super) choice: Choice,
    pub(super) depth: Depth,
    pub(super) cap: u64,
    pub(super) graph: Graph,
    pub(super) names: Names,
    /// The day that ages are counted to.
    pub(super) now: Option<i64>,
    /// The time of the youngest member.
    pub(super) youngest: Option<i64>,
    pub(super) unlock_keys: Vec<Secret>,
    limits: Limits,
    matcher: Matcher,
    screen: Screen,
    /// What is wanted of the entry that was met last.
    wanted: Vec<Wanted>,
}

/// A probe that is wanted of an entry, and the rules that want it.
#[derive(Debug)]
pub struct Wanted {
    spec: Arc<Spec>,
    /// Numbers of sets, and of their rules.
    rules: Vec<(usize, usize)>,
}

impl Wanted {
    /// The probe and its settings.
    #[must_use]
    pub fn spec(&self) -> &Arc<Spec> {
        &self.spec
    }
}

impl Judge {
    /// Watches for all of `candidates` at once; `depth` is that of the layer that the entries' offsets count in.
    #[must_use]
    pub fn new(candidates: Vec<Arc<RuleSet>>, choice: Choice, depth: Depth, limits: &Limits) -> Self {
        let cap = limits.findings_per_code;
        // A set that recognises nothing is only there to be named, or to be extended by others.
        let candidates: Vec<Arc<RuleSet>> =
            candidates.into_iter().filter(|set| choice == Choice::Named || set.is_detectable()).collect();
        Self {
            watches: candidates.iter().map(|set| Watch::new(set, limits)).collect(),
            graph: Graph::new(limits, None),
            limits: limits.clone(),
            matcher: Matcher::new(&candidates),
            screen: Screen::new(&candidates),
            names: Names::default(),
            now: None,
            youngest: None,
            unlock_keys: Vec::new(),
            wanted: Vec::new(),
            sets: candidates,
            choice,
            depth,
            cap,
        }
    }

    /// Holds times of members against `now`, in seconds since 1970.
    pub fn set_clock(&mut self, now: i64) {
        self.graph.set_clock(now);
    }

    /// Counts ages to `day`, in seconds since 1970.
    pub fn set_day(&mut self, day: i64) {
        self.now = Some(day);
    }

    /// Whether a key was met that an unlock key opens.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.watches.iter().any(|watch| watch.together.is_locked())
    }

    /// The keys to try on what is locked.
    pub fn set_unlock_keys(&mut self, keys: Vec<Secret>) {
        self.unlock_keys = keys;
    }

    /// The probes that are wanted of the entry that was met last.
    pub fn wanted(&mut self) -> Vec<Wanted> {
        std::mem::take(&mut self.wanted)
    }

    /// Takes note of what a probe has learned of the entry with this path and offset.
    pub fn learned(&mut self, wanted: &Wanted, path: &[u8], offset: u64, learned: &Arc<Learned>) {
        for (set, rule) in &wanted.rules {
            if let (Some(set), Some(watch)) = (self.sets.get(*set), self.watches.get_mut(*set)) {
                watch.learned(set, *rule, path, offset, learned);
            }
        }
    }

    /// Takes note of one entry.
    pub fn entry(&mut self, entry: &Entry<'_>) {
        let path = if is_normal(entry.path) { Cow::Borrowed(entry.path) } else { normalized(entry.path) };
        let serial = self.names.count(&path);
        self.graph.entry_at(entry, &path);
        self.wanted.clear();
        if entry.mtime.seconds > 0 {
            self.youngest = self.youngest.max(Some(entry.mtime.seconds));
        }
        // The folder that everything is in is no member that a rule could mean.
        if path.is_empty() {
            return;
        }
        let Self { sets, watches, matcher, screen, wanted, limits, .. } = self;
        for (number, target) in matcher.hits(&path) {
            if let (Some(set), Some(watch)) = (sets.get(*number), watches.get_mut(*number))
                && let Some(rule) = watch.matched(set, *target, entry, serial)
            {
                if entry.kind == EntryKind::Hardlink {
                    watch.linked(set, rule, &path, entry, limits);
                }
                if !entry.kind.is_file() {
                    continue;
                }
                for spec in set.entries.get(rule).into_iter().flat_map(|rule| &rule.probes) {
                    if !want(wanted, spec, (*number, rule)) {
                        watch.unprobed(rule, entry);
                    }
                }
            }
        }
        for (number, asked) in screen.hits(&path) {
            if let (Some(set), Some(watch)) = (sets.get(number), watches.get_mut(number)) {
                watch.capture(set, asked, &path, entry);
            }
        }
    }
}

/// Adds a probe that a rule wants, where there is room for one more; what several rules want is done once.
fn want(wanted: &mut Vec<Wanted>, spec: &Arc<Spec>, rule: (usize, usize)) -> bool {
    let is_full = wanted.len() >= PROBES;
    match wanted.iter_mut().find(|known| known.spec == *spec) {
        Some(known) => known.rules.push(rule),
        None if is_full => return false,
        None => wanted.push(Wanted { spec: Arc::clone(spec), rules: vec![rule] }),
    }
    true
}

/// Whether a path is normal for sure: most are, and this looks at every byte once without a branch.
fn is_normal(path: &[u8]) -> bool {
    let after = path.iter().skip(1);
    let noise = path.iter().zip(after).fold(0_u8, |found, (one, two)| {
        found | u8::from(*one == b'/') & (u8::from(*two == b'/') | u8::from(*two == b'.'))
    });
    noise == 0 && !matches!(path.first(), None | Some(b'/' | b'.')) && path.last() != Some(&b'/')
}

/// What one rule set has seen.
pub(super) struct Watch {
    /// By number of the pattern of `[detect]`.
    pub(super) detected: Vec<bool>,
    /// By number of the rule.
    pub(super) entries: Vec<Count>,
    forbidden: Vec<Count>,
    /// By number of the capture.
    pub(super) captures: Vec<Captured>,
    /// By number of the group.
    pub(super) groups: Vec<Numbered>,
    pub(super) together: Together,
    pub(super) hits: Vec<Hit>,
    pub(super) tally: Tally,
}

/// What a group of numbered members has seen.
pub(super) struct Numbered {
    locations: CaptureLocations,
    pub(super) numbers: Numbers,
}

impl Watch {
    fn new(set: &RuleSet, limits: &Limits) -> Self {
        let patterns = set.detect.as_ref().map_or(0, |detect| detect.all + detect.any + detect.none);
        Self {
            detected: vec![false; patterns],
            entries: vec![Count::default(); set.entries.len()],
            forbidden: vec![Count::default(); set.forbidden.len()],
            captures: set
                .captures
                .iter()
                .map(|capture| Captured {
                    locations: match &capture.from {
                        From::Path(expression) | From::FileName(expression) => {
                            Some(expression.regex.capture_locations())
                        }
                        From::Fact { .. } => None,
                    },
                    groups: capture.groups.iter().map(|_| Group::default()).collect(),
                })
                .collect(),
            groups: set
                .groups
                .iter()
                .map(|group| Numbered {
                    locations: group.expression.regex.capture_locations(),
                    numbers: Numbers::new(limits.group_numbers),
                })
                .collect(),
            together: Together::new(set, limits),
            hits: Vec::new(),
            tally: Tally::new(limits.findings_per_code),
        }
    }

    /// Notes that a pattern matched, and gives the number of the `[[entry]]` rule that counts the entry by it.
    fn matched(&mut self, set: &RuleSet, target: Target, entry: &Entry<'_>, serial: u64) -> Option<usize> {
        match target {
            Target::Detect(number) => {
                if let Some(detected) = self.detected.get_mut(number) {
                    *detected = true;
                }
            }
            Target::Entry(number) => {
                let (rule, count) = (set.entries.get(number)?, self.entries.get_mut(number)?);
                if !count.once(serial) {
                    return None;
                }
                if let Some((code, what)) = broken(rule, entry) {
                    let severity = rule.advice.severity.or(set.severity(code));
                    let conditional = (!rule.when.is_always()).then_some(number);
                    self.hit(code, severity, conditional, number, what, (entry.path, entry.offset));
                }
                return Some(number);
            }
            Target::Forbidden(number) => {
                if let (Some(rule), Some(count)) = (set.forbidden.get(number), self.forbidden.get_mut(number))
                    && count.once(serial)
                {
                    let severity = rule.advice.severity.or(set.severity(&code::RULE_FORBIDDEN));
                    let conditional = (!rule.when.is_always()).then(|| set.entries.len().saturating_add(number));
                    let entry = (entry.path, entry.offset);
                    self.hit(&code::RULE_FORBIDDEN, severity, conditional, number, What::Forbidden, entry);
                }
            }
        }
        None
    }

    /// Notes that a probe which a rule wants does not look at an entry.
    fn unprobed(&mut self, rule: usize, entry: &Entry<'_>) {
        let message = format!("more than {PROBES} probes are wanted for this member: the others did not look at it");
        let fault = Fault { code: &code::LIMIT_REACHED, severity: None, message, offset: None };
        let at = (entry.path, entry.offset);
        self.hit(fault.code, None, None, rule, What::Fault(fault), at);
    }

    /// Notes a hard link where a rule wants probes: its content stands under another name, and only the path is looked at.
    fn linked(&mut self, set: &RuleSet, number: usize, path: &[u8], entry: &Entry<'_>, limits: &Limits) {
        let Some(rule) = set.entries.get(number).filter(|rule| broken(rule, entry).is_none()) else { return };
        for spec in &rule.probes {
            let subject = Subject { path, size: 0, settings: &spec.settings, limits, at: None };
            let mut learned = Learned::default();
            learned.evidence.extend((spec.kind.start)(&subject).unseen());
            let message =
                format!("is a hard link to {}, and was not looked at as {}", readable(entry.link), spec.kind.name);
            learned.fault(&code::PROBE_HARD_LINK, None, message);
            self.learned(set, number, entry.path, entry.offset, &Arc::new(learned));
        }
    }

    /// Keeps a hit; those of a rule that may turn out not to be in force are counted apart.
    fn hit(
        &mut self,
        code: &'static Code,
        severity: Option<Severity>,
        conditional: Option<usize>,
        rule: usize,
        what: What,
        (path, offset): (&[u8], u64),
    ) {
        let severity = severity.unwrap_or(code.severity);
        if self.tally.keeps(code, severity, conditional) {
            self.hits.push(Hit { code, rule, what, path: kept_path(path).to_vec(), offset });
        }
    }

    fn learned(&mut self, set: &RuleSet, number: usize, path: &[u8], offset: u64, learned: &Arc<Learned>) {
        let Some(rule) = set.entries.get(number) else { return };
        for fault in learned.faults() {
            let severity = set.severity(fault.code).or(fault.severity);
            let conditional = (!rule.when.is_always()).then_some(number);
            self.hit(fault.code, severity, conditional, number, What::Fault(fault.clone()), (path, offset));
        }
        for (capture, captured) in set.captures.iter().zip(&mut self.captures) {
            let From::Fact { name, entries } = &capture.from else { continue };
            if !entries.contains(&rule.id) {
                continue;
            }
            for (_, value) in learned.facts().iter().filter(|(known, _)| known == name) {
                for group in &mut captured.groups {
                    let value = value.as_bytes();
                    group.note(value.get(..VALUE_BYTES).unwrap_or(value), Some((path, offset)));
                }
            }
        }
        self.together.learned(set, &rule.id, path, offset, learned);
    }

    /// Notes what an expression captures in a path that matches it.
    fn capture(&mut self, set: &RuleSet, asked: Asked, path: &[u8], entry: &Entry<'_>) {
        match asked {
            Asked::Capture(number) => {
                if let (Some(capture), Some(captured)) = (set.captures.get(number), self.captures.get_mut(number))
                    && let From::Path(expression) = &capture.from
                {
                    captured.look(expression, path, Some((entry.path, entry.offset)));
                }
            }
            Asked::Group(number) => {
                let (Some(group), Some(seen)) = (set.groups.get(number), self.groups.get_mut(number)) else { return };
                if !group.expression.matches(path, &mut seen.locations) {
                    return;
                }
                let part = |number: usize| seen.locations.get(number).and_then(|(start, end)| path.get(start..end));
                let digits = part(group.number).and_then(|digits| std::str::from_utf8(digits).ok());
                let number = digits.and_then(|digits| digits.parse::<u64>().ok());
                let by = group.by.and_then(part).unwrap_or_default();
                if let Some(number) = number.and_then(|number| number.checked_sub(group.first)) {
                    seen.numbers.note(by.get(..VALUE_BYTES).unwrap_or(by), number);
                }
            }
        }
    }
}

/// What an entry breaks of a rule that it matches.
fn broken(rule: &EntryRule, entry: &Entry<'_>) -> Option<(&'static Code, What)> {
    let is = |kind: EntryKind| kind == entry.kind || (kind == EntryKind::File && entry.kind.is_file());
    if !rule.kinds.is_empty() && !rule.kinds.iter().any(|kind| is(*kind)) {
        return Some((&code::RULE_KIND, What::Kind(entry.kind)));
    }
    // What a sparse member claims to be is a claim; what is stored is there.
    let size = if entry.kind == EntryKind::Sparse { entry.size.min(entry.stored_size) } else { entry.size };
    if entry.kind.is_file() && !rule.size.hold(size) {
        return Some((&code::RULE_SIZE, What::Size(size)));
    }
    // A symbolic link's own mode says nothing.
    match rule.mode_max {
        Some(max) if entry.kind != EntryKind::Symlink && entry.mode & !max != 0 => {
            Some((&code::RULE_MODE, What::Mode(entry.mode)))
        }
        _ => None,
    }
}

/// An entry that breaks a rule, as long as it is not known whether anybody asks.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) code: &'static Code,
    /// Number of the rule: of a forbidden one for [`What::Forbidden`], else of an entry.
    pub(super) rule: usize,
    pub(super) what: What,
    pub(super) path: Vec<u8>,
    pub(super) offset: u64,
}

/// How it breaks it: what it is, has or shows.
#[derive(Debug, Clone)]
pub(super) enum What {
    /// What a probe found in its content.
    Fault(Fault),
    Kind(EntryKind),
    Size(u64),
    Mode(u32),
    Forbidden,
}
