//! Which rule sets judge: all that were asked for by name, or the most specific of those that recognise the layout.
//!
//! Promises: the choice depends on the archive and the candidates alone, not on their order, and is explained. Refuses to
//! know: what the rules say.

use super::conclude::captured;
use super::gather::Gather;
use super::judge::{Judge, Names, Watch};
use super::set::RuleSet;
use super::when::Force;
use super::words::{listed, readable};
use super::{ArchiveForm, Choice};
use crate::code::{self, Code};
use crate::finding::Finding;

impl Judge {
    /// The numbers of the sets that judge, each with the reason.
    pub(super) fn choose(&self, form: &ArchiveForm, gather: &mut Gather) -> Vec<(usize, String)> {
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
        let fits = all.iter().all(|seen| *seen)
            && (any.is_empty() || any.contains(&true))
            && !none.contains(&true)
            && (detect.when.is_always() || detect.when.force(&captured(set, watch)) != Force::Out);
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
