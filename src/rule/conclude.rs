//! The end of the archive: which rule sets judge, and what they say.
//!
//! Promises: which set `auto` takes depends on the archive and the candidates alone, and is explained; what must be
//! there is judged only where the archive was read to its end; zero rule sets never mean that nothing is wrong. Refuses
//! to know: how entries were watched, and how findings are shown.

use super::gather::Gather;
use super::judge::{Captured, Group, Hit, Judge, Names, Watch, What};
use super::safety::Offenders;
use super::set::{Advice, Bounds, From, Policy, RuleSet, expand};
use super::{ArchiveForm, Choice, Coverage, EndMarker, Judged, Judgement};
use crate::code::{self, Code};
use crate::finding::{Finding, Severity};
use crate::place::Place;

/// Patterns that a sentence names before it says how many more there are.
const NAMED: usize = 3;

impl Judge {
    /// Says what the rules make of the archive whose entries were seen.
    #[must_use]
    pub fn conclude(mut self, form: &ArchiveForm) -> Judgement {
        let mut gather = Gather::new(self.depth, self.cap);
        let chosen = self.choose(form, &mut gather);
        self.judge_paths(&chosen, &mut gather);
        let mut judgement = Judgement::default();
        for (number, why) in chosen {
            let (Some(set), Some(watch)) = (self.sets.get(number), self.watches.get_mut(number)) else { continue };
            if let Some(name) = &form.file_name {
                capture_from_name(set, watch, name);
            }
            let mut verdict = Verdict { set, watch, form, captures: captured(set, watch), gather: &mut gather };
            verdict.all();
            judgement.judged.push(Judged {
                id: set.id.clone(),
                title: set.title.clone(),
                product: set.product.clone(),
                captures: verdict.captures.clone(),
                why,
            });
            judgement.coverage.extend(set.coverage.iter().map(|line| Coverage {
                set: set.id.clone(),
                data: line.data.clone(),
                status: line.status,
                covered_by: line.covered_by.clone(),
                note: line.note.as_ref().map(|note| expand(note, &verdict.captures)),
            }));
        }
        judgement.findings = gather.finish();
        judgement
    }

    /// The numbers of the sets that judge, each with the reason.
    fn choose(&self, form: &ArchiveForm, gather: &mut Gather) -> Vec<(usize, String)> {
        let mut fits: Vec<Fit<'_>> = self
            .sets
            .iter()
            .zip(&self.watches)
            .enumerate()
            .filter_map(|(number, (set, watch))| Fit::of(number, set, watch))
            .collect();
        if self.choice == Choice::Named && !self.sets.is_empty() {
            return (0..self.sets.len())
                .map(|number| {
                    let fit = fits.iter().find(|fit| fit.number == number);
                    let detectable = self.sets.get(number).is_some_and(|set| set.is_detectable());
                    let why = match fit {
                        Some(fit) => format!("asked for by name, and {}", fit.why()),
                        None if detectable => "asked for by name, though it does not recognise the layout".to_owned(),
                        None => "asked for by name".to_owned(),
                    };
                    (number, why)
                })
                .collect();
        }
        fits.sort_by(|one, other| one.rank().cmp(&other.rank()));
        match fits.as_slice() {
            [] => {
                let (code, message) = self.unrecognised(form);
                gather.add(Finding::new(code, gather.whole(), message));
                Vec::new()
            }
            [only] => vec![(only.number, only.why())],
            [first, second, ..] => {
                let ids: Vec<&str> = fits.iter().map(|fit| fit.set.id()).collect();
                let reason = first.before(second);
                let taken = first.set.id();
                let message = format!("{} recognise the layout; {taken} was taken: {reason}", ids.join(" and "));
                gather.add(Finding::new(&code::RULES_SEVERAL, gather.whole(), message));
                vec![(first.number, format!("{}; of {} that fit, {reason}", first.why(), fits.len()))]
            }
        }
    }

    fn unrecognised(&self, form: &ArchiveForm) -> (&'static Code, String) {
        let Names { entries, names, more, .. } = &self.names;
        if *entries == 0 && !form.complete {
            return (&code::RULES_NOT_JUDGED, "no entry could be read, so no rule set could be chosen".to_owned());
        }
        let listed: Vec<String> = names.iter().map(|name| readable(name)).collect();
        let cut = if form.complete { "" } else { " before reading had to stop" };
        let noun = if *entries == 1 { "entry" } else { "entries" };
        let more = if *more { ", ..." } else { "" };
        let seen = if listed.is_empty() { String::new() } else { format!(": {}{more}", listed.join(", ")) };
        let tried = self.sets.len();
        (&code::RULES_NONE, format!("none of {tried} rule sets recognises the {entries} {noun} seen{cut}{seen}"))
    }

    /// Unsafe and repeated paths, by the strictest of the sets that judge; as warnings where none does.
    fn judge_paths(&self, chosen: &[(usize, String)], gather: &mut Gather) {
        let strictest = |of: fn(&RuleSet) -> Option<&Policy>, key: &str| {
            let default =
                chosen.is_empty().then(|| (Advice { severity: Some(Severity::Warning), ..Advice::default() }, None));
            chosen
                .iter()
                .filter_map(|(number, _)| self.sets.get(*number))
                .filter_map(|set| Some((of(set)?.advice.clone(), Some(format!("{}#archive.{key}", set.id())))))
                .reduce(|one, other| if other.0.severity > one.0.severity { other } else { one })
                .or(default)
        };
        let paths = strictest(|set| set.archive.paths.as_ref(), "paths");
        let unique = strictest(|set| set.archive.unique.as_ref(), "unique");
        offenders(&self.safety.escaping, &code::ENTRY_UNSAFE_PATH, paths, gather);
        if let Some((_, rule)) = unique.as_ref().filter(|_| self.safety.forgotten > 0) {
            let message = format!(
                "whether members stand twice was judged among {} paths; {} more were not remembered (limit unique-paths)",
                self.safety.remembered(),
                self.safety.forgotten
            );
            let finding = Finding::new(&code::RULES_NOT_JUDGED, gather.whole(), message);
            gather.add(Finding { rule: rule.clone(), ..finding });
        }
        offenders(&self.safety.repeated, &code::ENTRY_DUPLICATE, unique, gather);
    }
}

fn offenders(found: &Offenders, code: &'static Code, policy: Option<(Advice, Option<String>)>, gather: &mut Gather) {
    let Some((advice, rule)) = policy else { return };
    let severity = advice.severity.unwrap_or(code.severity);
    for offender in &found.kept {
        let place = gather.entry(&offender.path, offender.offset);
        gather.add(Finding {
            severity,
            rule: rule.clone(),
            why: advice.why.clone(),
            fix: advice.fix.clone(),
            ..Finding::new(code, place, offender.reason)
        });
    }
    let kept = u64::try_from(found.kept.len()).unwrap_or(u64::MAX);
    if found.count > kept {
        gather.dropped(code, severity, found.count.saturating_sub(kept));
    }
}

/// A rule set that recognises the layout.
struct Fit<'s> {
    number: usize,
    set: &'s RuleSet,
    priority: i64,
    matched: Vec<&'s str>,
}

impl<'s> Fit<'s> {
    fn of(number: usize, set: &'s RuleSet, watch: &Watch) -> Option<Self> {
        let detect = set.detect.as_ref()?;
        let (all, rest) = watch.detected.split_at_checked(detect.all)?;
        let (any, none) = rest.split_at_checked(detect.any)?;
        let fits = all.iter().all(|seen| *seen) && (any.is_empty() || any.contains(&true)) && !none.contains(&true);
        // Detection stands first in the patterns, in the order of `detected`.
        let matched = set.patterns.iter().zip(&watch.detected).filter(|(_, seen)| **seen);
        fits.then(|| Self {
            number,
            set,
            priority: detect.priority,
            matched: matched.map(|(pattern, _)| pattern.text.as_str()).collect(),
        })
    }

    /// Smaller is more specific.
    fn rank(&self) -> (std::cmp::Reverse<i64>, std::cmp::Reverse<usize>, &str) {
        (std::cmp::Reverse(self.priority), std::cmp::Reverse(self.matched.len()), self.set.id())
    }

    fn why(&self) -> String {
        format!("recognised by {}", listed(&self.matched, "and"))
    }

    /// Why this one stands before `other`.
    fn before(&self, other: &Self) -> String {
        if self.priority != other.priority {
            format!("priority {} against {}", self.priority, other.priority)
        } else if self.matched.len() != other.matched.len() {
            format!("{} patterns of its detection match against {}", self.matched.len(), other.matched.len())
        } else {
            "it comes first in alphabetical order, all else being equal".to_owned()
        }
    }
}

/// One rule set's judgement in the making.
struct Verdict<'v> {
    set: &'v RuleSet,
    watch: &'v Watch,
    form: &'v ArchiveForm,
    captures: Vec<(String, String)>,
    gather: &'v mut Gather,
}

impl Verdict<'_> {
    fn all(&mut self) {
        self.archive();
        for hit in &self.watch.hits {
            self.hit(hit);
        }
        for (code, severity, number) in self.watch.tally.dropped() {
            self.gather.dropped(code, severity, number);
        }
        self.counts();
        self.conflicts();
    }

    fn archive(&mut self) {
        let (archive, form) = (&self.set.archive, self.form);
        if let Some((min, advice)) = &archive.entries
            && form.complete
            && form.entries < *min
        {
            let noun = if form.entries == 1 { "entry" } else { "entries" };
            let message =
                format!("{} {noun}, at least {min} needed (directories count, as in tar --list)", form.entries);
            self.say(&code::RULE_ENTRIES, "archive.entries", advice, self.gather.whole(), message);
        }
        if let Some(policy) = &archive.encryption
            && !form.encrypted
        {
            let demand = if policy.advice.severity == Some(Severity::Error) { "requires" } else { "recommends" };
            let message = format!("the archive is not encrypted, which {} {demand}", self.set.id());
            self.say(&code::RULE_NOT_ENCRYPTED, "archive.encryption", &policy.advice, self.gather.whole(), message);
        }
        if let Some(policy) = &archive.end_marker
            && form.complete
        {
            let message = match form.end_marker {
                EndMarker::Whole => None,
                EndMarker::Short => Some(
                    "ends with one block of zeros in place of the two of the end-of-archive marker: cut inside the marker?",
                ),
                EndMarker::Missing => Some("ends without end-of-archive marker: cut at a member boundary?"),
            };
            if let Some(message) = message {
                let (key, place) = ("archive.end-marker", self.gather.whole());
                self.say(&code::RULE_TAR_POLICY, key, &policy.advice, place, message.to_owned());
            }
        }
        if let Some(policy) = &archive.trailing_data
            && form.trailing_bytes > 0
        {
            let noun = if form.trailing_bytes == 1 { "byte follows" } else { "bytes follow" };
            let message = format!("{} {noun} the end-of-archive marker, where nothing may", form.trailing_bytes);
            let (key, place) = ("archive.trailing-data", self.gather.whole());
            self.say(&code::RULE_TAR_POLICY, key, &policy.advice, place, message);
        }
    }

    fn hit(&mut self, hit: &Hit) {
        let place = self.gather.entry(&hit.path, hit.offset);
        if let What::Forbidden = hit.what {
            let Some(rule) = self.set.forbidden.get(hit.rule) else { return };
            let message = format!("matches {}, which should not be there", listed(&rule.paths, "or"));
            self.say(hit.code, &rule.id, &rule.advice, place, message);
            return;
        }
        let Some(rule) = self.set.entries.get(hit.rule) else { return };
        let message = match hit.what {
            What::Kind(kind) => {
                let wanted: Vec<&str> = rule.kinds.iter().map(|kind| kind.as_str()).collect();
                format!("is of kind {}, {} is needed", kind.as_str(), wanted.join(" or "))
            }
            What::Size(size) => outside(size, rule.size),
            What::Mode(mode) => {
                let max = rule.mode_max.unwrap_or_default();
                format!("mode {mode:04o} allows more than {max:04o}")
            }
            What::Forbidden => return,
        };
        self.say(hit.code, &rule.id, &rule.advice, place, message);
    }

    /// What can be said only at the end: too few, too many, nothing.
    fn counts(&mut self) {
        let mut pending = 0_u64;
        for (rule, count) in self.set.entries.iter().zip(&self.watch.entries) {
            let (found, paths) = (count.matched, listed(&rule.paths, "or"));
            let place = self.gather.whole();
            if let Some(max) = rule.count.max
                && found > max
            {
                let message = format!("{paths}: {found} found, at most {max} allowed");
                self.say(&code::RULE_TOO_MANY, &rule.id, &rule.advice, place, message);
            } else if !self.form.complete {
                pending = pending.saturating_add(u64::from(found < rule.count.min));
            } else if found < rule.count.min {
                let (min, verb) = (rule.count.min, if found == 0 { " is missing" } else { "" });
                let message = format!("{paths}{verb}: {found} of at least {min} found");
                self.say(&code::RULE_MISSING, &rule.id, &rule.advice, place, message);
            } else if found == 0 {
                self.unmatched(&rule.id, format!("{paths} matched nothing; nothing is required"));
            }
        }
        if !self.form.complete {
            let id = self.set.id();
            let message = format!(
                "the archive was not read to its end: {pending} of {} rules of {id} on what it must hold are open, and so are \
                 the number of its entries and its end",
                self.set.entries.len()
            );
            self.gather.add(Finding::new(&code::RULES_NOT_JUDGED, self.gather.whole(), message));
        }
    }

    fn conflicts(&mut self) {
        for (capture, captured) in self.set.captures.iter().zip(&self.watch.captures) {
            let applies = capture.from == From::Path || self.form.file_name.is_some();
            if self.form.complete && applies && captured.groups.iter().all(|group| group.least.is_none()) {
                let message = format!("`{}` matched nothing", capture.regex.as_str());
                self.unmatched(&capture.id, message);
            }
            for ((name, _), group) in capture.groups.iter().zip(&captured.groups) {
                let Group { least: Some(least), greatest: Some(greatest) } = group else { continue };
                let place = match &greatest.entry {
                    Some((path, offset)) => self.gather.entry(path, *offset),
                    None => self.gather.whole(),
                };
                let (one, other) = (readable(&least.bytes), readable(&greatest.bytes));
                let message = format!("{name} is {one} in one place and {other} in another");
                self.say(&code::RULE_CAPTURE_CONFLICT, &capture.id, &capture.advice, place, message);
            }
        }
    }

    fn unmatched(&mut self, rule: &str, message: String) {
        let advice = Advice { severity: Some(Severity::Info), ..Advice::default() };
        self.say(&code::RULE_UNMATCHED, rule, &advice, self.gather.whole(), message);
    }

    fn say(&mut self, code: &'static Code, rule: &str, advice: &Advice, place: Place, message: String) {
        let text = |text: &Option<String>| text.as_ref().map(|text| expand(text, &self.captures));
        self.gather.add(Finding {
            severity: advice.severity.unwrap_or(code.severity),
            rule: Some(format!("{}#{rule}", self.set.id())),
            why: text(&advice.why),
            fix: text(&advice.fix),
            ..Finding::new(code, place, message)
        });
    }
}

fn capture_from_name(set: &RuleSet, watch: &mut Watch, name: &str) {
    for (capture, captured) in set.captures.iter().zip(&mut watch.captures) {
        let Captured { locations, .. } = captured;
        if capture.from == From::FileName && capture.regex.captures_read(locations, name.as_bytes()).is_some() {
            captured.note(&capture.groups, name.as_bytes(), None);
        }
    }
}

/// The groups that have one value.
fn captured(set: &RuleSet, watch: &Watch) -> Vec<(String, String)> {
    let groups = set.captures.iter().zip(&watch.captures).flat_map(|(capture, captured)| {
        capture.groups.iter().zip(&captured.groups).map(|((name, _), group)| (name, group))
    });
    groups
        .filter_map(|(name, group)| match group {
            Group { least: Some(value), greatest: None } => {
                Some((name.clone(), String::from_utf8_lossy(&value.bytes).into_owned()))
            }
            _ => None,
        })
        .collect()
}

fn outside(size: u64, bounds: Bounds) -> String {
    let noun = if size == 1 { "byte" } else { "bytes" };
    let empty = if size == 0 { "is empty: " } else { "" };
    if size < bounds.min {
        format!("{empty}{size} {noun}, at least {} needed", bounds.min)
    } else {
        format!("{size} {noun}, at most {} allowed", bounds.max.unwrap_or(u64::MAX))
    }
}

/// The first few of a list as part of a sentence.
fn listed<S: AsRef<str>>(texts: &[S], last: &str) -> String {
    let named: Vec<&str> = texts.iter().take(NAMED).map(AsRef::as_ref).collect();
    match texts.len().saturating_sub(NAMED) {
        0 => named.join(&format!(" {last} ")),
        more => format!("{} {last} {more} more", named.join(", ")),
    }
}

/// A name or value for a message: bytes that are no text and control characters escaped, cut where it is long.
fn readable(bytes: &[u8]) -> String {
    const CHARACTERS: usize = 60;
    let mut out = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                out.extend(character.escape_default());
            } else {
                out.push(character);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    match out.char_indices().nth(CHARACTERS) {
        Some((index, _)) => format!("{}...", out.get(..index).unwrap_or_default()),
        None => out,
    }
}
