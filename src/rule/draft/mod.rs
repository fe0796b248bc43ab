//! Drafting rules: from the members of one good archive to a rule file that people can work on.
//!
//! ```text
//!   entry, learned, entry, … ──► Draft ── tree of patterns ── counted by the matcher ──► text of a rule file
//! ```
//! What comes out holds the archive to the letter: dropping any one member breaks a rule. Which of it is too strict, no
//! program can know from one archive; the comments say what to look at.
//!
//! Promises: the text is a valid rule file; every member falls under a rule whose `count.min` is the number of members that
//! the rule matches in this archive; a probe is asked for only where it had nothing against any of them; memory bounded by
//! [`draft_bytes`](Limits::draft_bytes) and [`evidence`](Limits::evidence). Refuses to know: how the archive was read, and
//! whether it is good.

mod facts;
mod names;
mod tree;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::matcher::Matcher;
use super::pattern::Target;
use super::{RuleErrors, parse};
use crate::entry::{Entry, EntryKind, normalized};
use crate::finding::Severity;
use crate::limits::Limits;
use crate::probe::{self, Evidence, Kind, Learned, Settings};

/// Rules past which subtrees are taken together.
const RULES: usize = 450;
/// Bytes that a member costs beside its path: itself, and its nodes in the tree.
const MEMBER_BYTES: u64 = 256;
/// Patterns to recognise the layout by.
const DETECT: usize = 4;

/// A rule file in the making: fed with the entries of an archive, asked once at the end.
pub struct Draft {
    members: Vec<Member>,
    limits: Limits,
    left: u64,
    is_over: bool,
    /// Members whose evidence may still be kept.
    evidence_left: u64,
    has_last: bool,
}

/// One member.
struct Member {
    path: Box<[u8]>,
    kind: EntryKind,
    /// Bytes of a file that a rule would compare.
    size: u64,
    mode: u32,
    /// The probe that had nothing against it.
    probe: Option<&'static Kind>,
    /// Code of something that the probe warned of.
    warning: Option<&'static str>,
    evidence: Vec<Evidence>,
}

/// What the file says beside its rules.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Its identifier.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The product.
    pub product: String,
    /// What the archive is called, for comments: one line, escaped.
    pub source: String,
    /// The built-in rule sets that recognise the archive.
    pub recognised: Vec<String>,
    /// Entries, as `tar --list` counts them.
    pub entries: u64,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// Whether it ends with a whole marker.
    pub end_marker: bool,
    /// Whether nothing follows that.
    pub ends_there: bool,
    /// Whether each path stands once.
    pub unique: bool,
    /// Whether all paths are safe.
    pub safe: bool,
}

/// Why no rules are drafted.
#[derive(Debug)]
pub enum Undrafted {
    /// The archive has no member.
    Empty,
    /// It has more members than are remembered; the limit.
    TooMany(u64),
    /// What was written is no valid rule file. This is a mistake of the program.
    Invalid(Box<RuleErrors>),
}

impl Draft {
    /// With nothing in it.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            members: Vec::new(),
            left: limits.draft_bytes,
            evidence_left: limits.evidence,
            is_over: false,
            has_last: false,
            limits: limits.clone(),
        }
    }

    /// Takes note of an entry, and says which probe should look at its content.
    pub fn entry(&mut self, entry: &Entry<'_>) -> Option<&'static Kind> {
        let path = normalized(entry.path);
        self.has_last = false;
        if path.is_empty() || self.is_over {
            return None;
        }
        let cost = u64::try_from(path.len()).unwrap_or(u64::MAX).saturating_add(MEMBER_BYTES);
        let Some(left) = self.left.checked_sub(cost) else {
            self.is_over = true;
            self.members = Vec::new();
            return None;
        };
        self.left = left;
        self.has_last = true;
        let size = if entry.kind == EntryKind::Sparse { entry.size.min(entry.stored_size) } else { entry.size };
        let guess = if entry.kind.is_file() { guessed(&path, entry.content_bytes().unwrap_or_default()) } else { None };
        self.members.push(Member {
            path: path.into(),
            kind: entry.kind,
            size,
            mode: entry.mode,
            probe: None,
            warning: None,
            evidence: Vec::new(),
        });
        guess
    }

    /// Takes note of what the probe `kind` has learned of the last entry.
    pub fn learned(&mut self, kind: &'static Kind, learned: Learned) {
        let Some(member) = self.members.last_mut().filter(|_| self.has_last) else { return };
        let severity = |fault: &probe::Fault| fault.severity.unwrap_or(fault.code.severity);
        let faults = learned.faults();
        if faults.iter().any(|fault| severity(fault) == Severity::Error) {
            return;
        }
        member.probe = Some(kind);
        member.warning = faults.iter().find(|fault| severity(fault) == Severity::Warning).map(|fault| fault.code.id);
        let is_paired = |evidence: &Evidence| matches!(evidence, Evidence::PrivateKey(_) | Evidence::Certificates(_));
        if self.evidence_left > 0 && learned.evidence.iter().any(is_paired) {
            self.evidence_left = self.evidence_left.saturating_sub(1);
            member.evidence = learned.evidence.into_iter().filter(is_paired).collect();
        }
    }

    /// Whether there were more members than are remembered: nothing comes of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The rule file.
    ///
    /// # Errors
    /// [`Undrafted`] says why there is none.
    pub fn finish(self, about: &About) -> Result<String, Undrafted> {
        if self.is_over {
            return Err(Undrafted::TooMany(self.limits.draft_bytes));
        }
        if self.members.is_empty() {
            return Err(Undrafted::Empty);
        }
        let mut tree = tree::Tree::default();
        self.members.iter().for_each(|member| tree.survey(&member.path));
        self.members.iter().for_each(|member| tree.add(&member.path));
        let mut patterns = tree.patterns(RULES);
        let mut matched = self.matched(&patterns)?;
        // Whatever a pattern may have missed must not go unnoticed.
        if matched.iter().any(|(_, is_met)| !is_met) {
            patterns.push("**".to_owned());
            matched = self.matched(&patterns)?;
        }
        let mut ids = BTreeSet::new();
        let rules = facts::rules(&self.members, &patterns, &matched, &mut ids);
        let rows = facts::rows(&self.members, &tree.rows, &self.limits, &mut ids);
        let pairs = facts::pairs(&self.members, &rules, &mut ids);
        let tops = self.detect(&tree.tops())?;
        let text = write::text(about, &tops, &rules, &rows, &pairs);
        parse("the draft", &text, &Limits::default()).map_err(|errors| Undrafted::Invalid(Box::new(errors)))?;
        Ok(text)
    }

    /// By member: the numbers of the patterns that it matches, and whether there are any.
    fn matched(&self, patterns: &[String]) -> Result<Vec<(Vec<usize>, bool)>, Undrafted> {
        let text = write::skeleton(patterns);
        let limits = Limits { rule_file_bytes: u64::MAX, ..Limits::default() };
        let set = parse("the draft", &text, &limits).map_err(|errors| Undrafted::Invalid(Box::new(errors)))?;
        let mut matcher = Matcher::new(&[Arc::new(set)]);
        let hits = self.members.iter().map(|member| {
            let hits = matcher.hits(&member.path).iter();
            let mut numbers: Vec<usize> = hits
                .filter_map(|(_, target)| if let Target::Entry(number) = target { Some(*number) } else { None })
                .collect();
            numbers.sort_unstable();
            numbers.dedup();
            let is_met = !numbers.is_empty();
            (numbers, is_met)
        });
        Ok(hits.collect())
    }

    /// The patterns to recognise the layout by: those of the most members, and not one that a single dropped member undoes.
    fn detect(&self, tops: &[String]) -> Result<Vec<String>, Undrafted> {
        if tops.is_empty() {
            return Ok(Vec::new());
        }
        let mut counts = vec![0_usize; tops.len()];
        for (numbers, _) in self.matched(tops)? {
            for number in numbers {
                if let Some(count) = counts.get_mut(number) {
                    *count = count.saturating_add(1);
                }
            }
        }
        let mut chosen: Vec<(&String, usize)> = tops.iter().zip(counts).collect();
        chosen.sort_by(|(one, first), (other, second)| second.cmp(first).then(one.cmp(other)));
        chosen.truncate(DETECT);
        // What one member decides is not recognised without it.
        let met = chosen.iter().map(|(_, count)| *count).fold(0, usize::saturating_add);
        if met < 2 && self.members.len() > 1 {
            return Ok(Vec::new());
        }
        Ok(chosen.into_iter().map(|(pattern, _)| pattern.clone()).collect())
    }
}

/// The probe that a member's name speaks for.
fn guessed(path: &[u8], size: u64) -> Option<&'static Kind> {
    const SNAPSHOT_DIGEST: u64 = 32;
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default().to_ascii_lowercase();
    let has = |part: &[u8]| path.split(|byte| *byte == b'/').any(|component| component == part);
    let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix.as_bytes()));
    let word = if ends(&[".key"]) || name == b"key.pem" || ends(&["-key.pem", "_key.pem", ".key.pem"]) {
        "private-key"
    } else if ends(&[".pem", ".crt", ".cer"]) {
        "certificate"
    } else if ends(&[".json"]) {
        "json"
    } else if ends(&[".db"]) {
        if size % 512 == SNAPSHOT_DIGEST { "etcd-snapshot" } else { "bbolt" }
    } else if ends(&[".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.zst", ".tar.bz2"]) {
        "archive"
    } else if ends(&[".wal"]) {
        "raft-log"
    } else if ends(&[".snap"]) {
        "raft-snapshot"
    } else if name == b"data" && has(b"blobs") && has(b"sha256") {
        "registry-blob"
    } else if name == b"link" && (has(b"_manifests") || has(b"_layers")) {
        "registry-link"
    } else {
        return None;
    };
    // A kind that this version does not know, or that wants settings, is left out.
    probe::find(word).filter(|kind| (kind.check)(&Settings::new()).is_ok())
}
