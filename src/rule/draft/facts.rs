//! What the members of each pattern have in common, which are numbered in a row, and which belong together.
//!
//! Promises: what is said here holds for every member concerned. Refuses to know: how it is written down.

use std::collections::{BTreeMap, BTreeSet};

use super::super::numbers::Numbers;
use super::{Member, names};
use crate::entry::EntryKind;
use crate::limits::Limits;
use crate::probe::Evidence;
use crate::probe::pki::{Answer, Certificate, PublicHalf, fits, issued};

/// Groups and pairs that a draft has at most, and values that a group requires.
const GROUPS: usize = 16;
const PAIRS: usize = 32;
const REQUIRED: usize = 50;
/// Bytes of a value that a group keeps apart.
const VALUE_BYTES: usize = 256;

/// One `[[entry]]`.
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) pattern: String,
    pub(super) count: u64,
    pub(super) kind: Option<EntryKind>,
    /// Whether none of its files is empty.
    pub(super) is_filled: bool,
    pub(super) probe: Option<&'static str>,
    /// Codes that the probe warned of.
    pub(super) warnings: BTreeSet<&'static str>,
    /// Whether they are private keys that nobody else can read.
    pub(super) is_private: bool,
    /// The members, by number.
    members: Vec<usize>,
}

/// One `[[group]]`.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) expression: String,
    pub(super) required: BTreeSet<String>,
}

/// One `[[pair]]`, by the ids of rules.
pub(super) struct Pair {
    pub(super) id: String,
    pub(super) key: String,
    pub(super) certificate: String,
    pub(super) issuer: Option<String>,
}

/// The rules of these patterns.
pub(super) fn rules(
    members: &[Member],
    patterns: &[String],
    matched: &[(Vec<usize>, bool)],
    ids: &mut BTreeSet<String>,
) -> Vec<Rule> {
    let mut of: Vec<Vec<usize>> = vec![Vec::new(); patterns.len()];
    for (member, (numbers, _)) in matched.iter().enumerate() {
        for number in numbers {
            if let Some(rule) = of.get_mut(*number) {
                rule.push(member);
            }
        }
    }
    let rules = patterns.iter().zip(of).filter(|(_, members)| !members.is_empty());
    rules.map(|(pattern, numbers)| rule(members, pattern, numbers, ids)).collect()
}

fn rule(all: &[Member], pattern: &str, numbers: Vec<usize>, ids: &mut BTreeSet<String>) -> Rule {
    let members = || numbers.iter().filter_map(|number| all.get(*number));
    let is_file = members().all(|member| member.kind.is_file());
    let first = members().next();
    let same = first.map(|member| member.kind).filter(|kind| members().all(|member| member.kind == *kind));
    let probe = first
        .and_then(|member| member.probe)
        .filter(|kind| is_file && members().all(|member| member.probe.is_some_and(|other| other == *kind)));
    let is_key = probe.is_some_and(|kind| kind.name == "private-key");
    let count = u64::try_from(numbers.len()).unwrap_or(u64::MAX);
    Rule {
        id: identifier(pattern, ids),
        pattern: pattern.to_owned(),
        count,
        kind: if is_file { Some(EntryKind::File) } else { same },
        is_filled: is_file && members().all(|member| member.size > 0),
        probe: probe.map(|kind| kind.name),
        warnings: members().filter_map(|member| member.warning).filter(|_| probe.is_some()).collect(),
        is_private: is_key && members().all(|member| member.mode & !0o600 == 0),
        members: numbers,
    }
}

/// An identifier that says what a pattern is about: of its last components, and none that was given before.
fn identifier(pattern: &str, ids: &mut BTreeSet<String>) -> String {
    const BYTES: usize = 56;
    let mut words: Vec<String> = Vec::new();
    let mut length = 0_usize;
    for component in pattern.rsplit('/').take(3) {
        let word = slug(component);
        length = length.saturating_add(word.len()).saturating_add(1);
        if length > BYTES && !words.is_empty() {
            break;
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words.reverse();
    let mut id = words.join("-");
    id.truncate(BYTES);
    let id = id.trim_end_matches('-');
    let id = if id.is_empty() { "members" } else { id };
    unique(id, ids)
}

/// An identifier for what is in a folder.
fn named(folder: &str, what: &str, ids: &mut BTreeSet<String>) -> String {
    const BYTES: usize = 40;
    let mut folder = slug(folder);
    folder.truncate(BYTES);
    let folder = folder.trim_end_matches('-');
    unique(&if folder.is_empty() { what.to_owned() } else { format!("{folder}-{what}") }, ids)
}

/// `id`, with a number behind it where it is taken.
fn unique(id: &str, ids: &mut BTreeSet<String>) -> String {
    let numbered = (2_u32..).map(|number| format!("{id}-{number}"));
    let free = std::iter::once(id.to_owned()).chain(numbered).find(|id| !ids.contains(id));
    let id = free.unwrap_or_default();
    ids.insert(id.clone());
    id
}

/// Lower-case letters and digits with `-` between them.
pub(super) fn slug(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        let character = character.to_ascii_lowercase();
        if character.is_ascii_lowercase() || character.is_ascii_digit() {
            out.push(character);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.truncate(out.trim_end_matches('-').len());
    out
}

/// Members in a row, from the patterns of the folders that they are in.
pub(super) fn rows(
    members: &[Member],
    folders: &[Vec<String>],
    limits: &Limits,
    ids: &mut BTreeSet<String>,
) -> Vec<Row> {
    let mut parents: BTreeMap<&[String], Vec<&String>> = BTreeMap::new();
    for folder in folders {
        if let Some((last, above)) = folder.split_last() {
            parents.entry(above).or_default().push(last);
        }
    }
    let mut rows = Vec::new();
    for (above, tables) in parents {
        let prefix: String = above.iter().map(|name| format!("{}/", names::expression(name))).collect();
        let whole = format!("^{prefix}(?<table>[^/]+)/(?<row>[0-9]+)$");
        let mut found: Vec<(String, BTreeSet<String>)> = Vec::new();
        // All tables of a folder in one, where the others beside it have no gaps either.
        match required(members, &whole, limits) {
            Some(required) => found.push((whole, required)),
            None => {
                for table in tables {
                    let one = format!("^{prefix}(?<table>{})/(?<row>[0-9]+)$", names::expression(table));
                    found.extend(required(members, &one, limits).map(|required| (one, required)));
                }
            }
        }
        for (expression, required) in found {
            let id = named(above.last().map_or("", String::as_str), "rows", ids);
            rows.push(Row { id, expression, required });
        }
        if rows.len() >= GROUPS {
            break;
        }
    }
    rows
}

/// The tables that an expression finds; none where there are gaps.
fn required(members: &[Member], expression: &str, limits: &Limits) -> Option<BTreeSet<String>> {
    let regex = regex::bytes::RegexBuilder::new(expression).size_limit(1 << 20).build().ok()?;
    let mut numbers = Numbers::new(limits.group_numbers);
    let mut tables: BTreeSet<Vec<u8>> = BTreeSet::new();
    for member in members {
        let Some(found) = regex.captures(&member.path) else { continue };
        let table = found.name("table")?.as_bytes();
        let row: u64 = std::str::from_utf8(found.name("row")?.as_bytes()).ok()?.parse().ok()?;
        let table = table.get(..VALUE_BYTES).unwrap_or(table);
        numbers.note(table, row);
        if tables.len() <= REQUIRED && !tables.contains(table) {
            tables.insert(table.to_vec());
        }
    }
    if numbers.is_over || numbers.is_empty() || numbers.gaps(0).next().is_some() {
        return None;
    }
    // What is not told apart, changes its name, or cannot be written down is not asked for.
    let plain = |table: Vec<u8>| {
        let pattern = names::pattern(&table);
        String::from_utf8(table).ok().filter(|_| names::is_literal(&pattern))
    };
    let is_few = tables.len() <= REQUIRED;
    Some(tables.into_iter().filter_map(plain).filter(|_| is_few).collect())
}

/// Keys and certificates of one folder that fit each other.
pub(super) fn pairs(members: &[Member], rules: &[Rule], ids: &mut BTreeSet<String>) -> Vec<Pair> {
    let mut folders: BTreeMap<&str, (Vec<&Rule>, Vec<&Rule>)> = BTreeMap::new();
    for rule in rules {
        let (folder, name) = rule.pattern.rsplit_once('/').unwrap_or(("", &rule.pattern));
        let place = || names::is_literal(name).then_some(folder);
        match (rule.probe, place()) {
            (Some("private-key"), Some(folder)) => folders.entry(folder).or_default().0.push(rule),
            (Some("certificate"), Some(folder)) => folders.entry(folder).or_default().1.push(rule),
            _ => {}
        }
    }
    let mut pairs = Vec::new();
    for (folder, (keys, certificates)) in folders {
        for key in keys {
            for certificate in &certificates {
                let fit = |one: &Member, other: &Member| Some(fits(key_of(one)?, chain_of(other)?) == Answer::Yes);
                if pairs.len() >= PAIRS || !all(members, key, certificate, fit) {
                    continue;
                }
                let issuer = certificates.iter().find(|issuer| {
                    let issue =
                        |one: &Member, other: &Member| Some(issued(chain_of(one)?, chain_of(other)?) == Answer::Yes);
                    issuer.id != certificate.id && all(members, certificate, issuer, issue)
                });
                let id = named(folder.rsplit('/').next().unwrap_or_default(), "pair", ids);
                pairs.push(Pair {
                    id,
                    key: key.id.clone(),
                    certificate: certificate.id.clone(),
                    issuer: issuer.map(|rule| rule.id.clone()),
                });
            }
        }
    }
    pairs
}

/// Whether it holds for all members of two rules that lie in one folder, and there are such.
fn all(members: &[Member], one: &Rule, other: &Rule, holds: impl Fn(&Member, &Member) -> Option<bool>) -> bool {
    let of = |rule: &Rule| -> Vec<(&[u8], &Member)> {
        let found = rule.members.iter().filter_map(|number| members.get(*number));
        found.map(|member| (folder(&member.path), member)).collect()
    };
    // Neither is known to be long: keys have literal names.
    let mut others: BTreeMap<&[u8], Vec<&Member>> = BTreeMap::new();
    of(other).into_iter().for_each(|(folder, member)| others.entry(folder).or_default().push(member));
    let mut is_met = false;
    for (folder, member) in of(one) {
        for beside in others.get(folder).into_iter().flatten() {
            if holds(member, beside) != Some(true) {
                return false;
            }
            is_met = true;
        }
    }
    is_met
}

fn folder(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte == b'/').unwrap_or_default();
    path.get(..end).unwrap_or_default()
}

fn key_of(member: &Member) -> Option<&PublicHalf> {
    member.evidence.iter().find_map(|one| if let Evidence::PrivateKey(key) = one { Some(key) } else { None })
}

fn chain_of(member: &Member) -> Option<&[Certificate]> {
    let chain = member.evidence.iter().find_map(|one| match one {
        Evidence::Certificates(chain) => Some(chain.as_slice()),
        _ => None,
    });
    chain.filter(|chain| !chain.is_empty())
}
