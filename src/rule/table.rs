//! One TOML table, read key by key: kinds of values, unknown keys with a hint, keys that later versions will know.
//!
//! Promises: every value that is handed on carries the bytes it stands in; whatever cannot be handed on was
//! complained about. Refuses to know: which keys there are.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Problems;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

impl<T> At<T> {
    /// Another value at the same place.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), span: self.span }
    }
}

/// A table that is being read.
pub(crate) struct Table<'t> {
    entries: &'t DeTable<'t>,
    span: Range<usize>,
    name: &'static str,
    known: Vec<&'static str>,
    reserved: &'static [&'static str],
    problems: &'t Problems,
}

impl<'t> Table<'t> {
    /// Reads `entries`, which complaints call `name` and which stand at `span`.
    pub(crate) fn new(
        entries: &'t DeTable<'t>,
        span: Range<usize>,
        name: &'static str,
        problems: &'t Problems,
    ) -> Self {
        Self { entries, span, name, known: Vec::new(), reserved: &[], problems }
    }

    /// Keys of a later version: named as such instead of as unknown.
    pub(crate) fn reserve(mut self, keys: &'static [&'static str]) -> Self {
        self.reserved = keys;
        self
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Complains where `key` is missing.
    pub(crate) fn require(&self, key: &'static str) {
        if !self.has(key) {
            self.problems.absent(self.span(), format!("{} has no `{key}`", self.name));
        }
    }

    pub(crate) fn string(&mut self, key: &'static str) -> Option<At<String>> {
        self.read(key, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn number(&mut self, key: &'static str) -> Option<At<u64>> {
        self.read(key, "a whole number that is not negative", |value| {
            let number = value.as_integer()?;
            u64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    pub(crate) fn integer(&mut self, key: &'static str) -> Option<At<i64>> {
        self.read(key, "a whole number", |value| {
            let number = value.as_integer()?;
            i64::from_str_radix(number.as_str(), number.radix()).ok()
        })
    }

    /// A string, or a list of strings; `None` where the key is missing.
    pub(crate) fn strings(&mut self, key: &'static str) -> Option<Vec<At<String>>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(vec![At { value: text.as_ref().to_owned(), span: value.span() }]),
            DeValue::Array(items) => {
                let mut out = Vec::new();
                for item in items.iter() {
                    match item.get_ref().as_str() {
                        Some(text) => out.push(At { value: text.to_owned(), span: item.span() }),
                        None => self.mismatch(key, "a list of strings", item),
                    }
                }
                Some(out)
            }
            _ => {
                self.mismatch(key, "a string or a list of strings", value);
                None
            }
        }
    }

    /// A word (a string, or `true` and `false` taken as words), as a value or as `policy` of a table of its own.
    pub(crate) fn word_or_table(&mut self, key: &'static str) -> Option<WordOrTable<'t>> {
        let value = self.take(key)?;
        if let Some(word) = word(value.get_ref()) {
            return Some(WordOrTable::Word(At { value: word, span: value.span() }));
        }
        match value.get_ref() {
            DeValue::Table(entries) => Some(WordOrTable::Table(Table::new(entries, value.span(), key, self.problems))),
            _ => {
                self.mismatch(key, "a word or a table", value);
                None
            }
        }
    }

    /// Whether `key` holds a table.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| matches!(value.get_ref(), DeValue::Table(_)))
    }

    /// A number from 0 on, whole or not.
    pub(crate) fn ratio(&mut self, key: &'static str) -> Option<At<f64>> {
        self.read(key, "a number that is not negative", |value| {
            let text = match value {
                DeValue::Integer(number) => number.as_str(),
                DeValue::Float(number) => number.as_str(),
                _ => return None,
            };
            text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
        })
    }

    /// A word or a table, or a list of such; `wanted` is what to say where it is none.
    pub(crate) fn one_or_more(&mut self, key: &'static str, wanted: &str) -> Vec<WordOrTable<'t>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let items: Vec<&'t Spanned<DeValue<'t>>> = match value.get_ref() {
            DeValue::Array(items) => items.iter().collect(),
            _ => vec![value],
        };
        let mut out = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::String(text) => {
                    out.push(WordOrTable::Word(At { value: text.as_ref().to_owned(), span: item.span() }));
                }
                DeValue::Table(entries) => {
                    out.push(WordOrTable::Table(Table::new(entries, item.span(), key, self.problems)));
                }
                _ => self.mismatch(key, wanted, item),
            }
        }
        out
    }

    /// All keys of a table that may have any, each with a string.
    pub(crate) fn words(self) -> Vec<(At<String>, At<String>)> {
        let mut out = Vec::new();
        for (key, value) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            match value.get_ref().as_str() {
                Some(text) => out.push((
                    At { value: name.to_owned(), span: key.span() },
                    At { value: text.to_owned(), span: value.span() },
                )),
                None => self.mismatch(name, "a string", value),
            }
        }
        out
    }

    /// All keys that nothing asked for, each with one or more plain values as text.
    pub(crate) fn others(self) -> Vec<(At<String>, Vec<At<String>>)> {
        let mut out = Vec::new();
        for (key, value) in self.entries.iter() {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let items: Vec<_> = match value.get_ref() {
                DeValue::Array(items) => items.iter().collect(),
                _ => vec![value],
            };
            let mut values = Vec::new();
            for item in items {
                let text = match item.get_ref() {
                    DeValue::String(text) => text.as_ref().to_owned(),
                    DeValue::Integer(number) => number.as_str().to_owned(),
                    DeValue::Boolean(yes) => yes.to_string(),
                    _ => {
                        self.mismatch(name, "a string, a whole number, true or false, or a list of them", item);
                        continue;
                    }
                };
                values.push(At { value: text, span: item.span() });
            }
            out.push((At { value: name.to_owned(), span: key.span() }, values));
        }
        out
    }

    /// The word under `key`.
    pub(crate) fn word(&mut self, key: &'static str) -> Option<At<String>> {
        self.read(key, "a word", word)
    }

    pub(crate) fn table(&mut self, key: &'static str) -> Option<Table<'t>> {
        let value = self.take(key)?;
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table::new(entries, value.span(), key, self.problems)),
            _ => {
                self.mismatch(key, "a table", value);
                None
            }
        }
    }

    /// The tables of `[[key]]`; complaints call each `name`.
    pub(crate) fn tables(&mut self, key: &'static str, name: &'static str) -> Vec<Table<'t>> {
        let Some(value) = self.take(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.mismatch(key, "a list of tables", value);
            return Vec::new();
        };
        let mut out = Vec::new();
        for item in items.iter() {
            match item.get_ref() {
                DeValue::Table(entries) => out.push(Table::new(entries, item.span(), name, self.problems)),
                _ => self.mismatch(key, "a list of tables", item),
            }
        }
        out
    }

    /// Complains about every key that nothing asked for.
    pub(crate) fn finish(self) {
        for key in self.entries.keys() {
            let written = key.get_ref().as_ref();
            if self.known.contains(&written) {
                continue;
            }
            if self.reserved.contains(&written) {
                self.problems.wrong(&key.span(), format!("`{written}` is not supported yet by this version"));
                continue;
            }
            let message = format!("{} has no key `{written}`", self.name);
            match nearest(written, &self.known) {
                Some(known) => {
                    self.problems.wrong_with_help(&key.span(), message, format!("did you mean `{known}`?"));
                }
                None => {
                    let help = format!("the keys are {}", self.known.join(", "));
                    self.problems.wrong_with_help(&key.span(), message, help);
                }
            }
        }
    }

    fn read<T>(&mut self, key: &'static str, wanted: &str, get: impl Fn(&DeValue<'t>) -> Option<T>) -> Option<At<T>> {
        let value = self.take(key)?;
        let read = get(value.get_ref());
        if read.is_none() {
            self.mismatch(key, wanted, value);
        }
        Some(At { value: read?, span: value.span() })
    }

    fn take(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.entries.get(key)
    }

    fn mismatch(&self, key: &str, wanted: &str, value: &Spanned<DeValue<'_>>) {
        self.problems.wrong(&value.span(), format!("`{key}` must be {wanted}, not {}", kind(value.get_ref())));
    }
}

/// A policy in its short or its long form.
pub(crate) enum WordOrTable<'t> {
    Word(At<String>),
    Table(Table<'t>),
}

/// The name in `names` that `written` most resembles, where it resembles one at all.
pub(crate) fn nearest<'n>(written: &str, names: &[&'n str]) -> Option<&'n str> {
    if written.len() > 64 {
        return None;
    }
    let closest = names.iter().min_by_key(|name| distance(written, name))?;
    let allowed = (written.chars().count().max(closest.len())).div_ceil(3);
    (distance(written, closest) <= allowed).then_some(*closest)
}

fn word(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.as_ref().to_owned()),
        DeValue::Boolean(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Integer(number) => format!("{number}"),
        DeValue::Float(number) => format!("{number}"),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Insertions, deletions and replacements of characters between two words (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, from) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut before = index.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (to, cell) in right.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal.saturating_add(usize::from(from != *to));
            diagonal = *cell;
            *cell = replaced.min(before.saturating_add(1)).min(diagonal.saturating_add(1));
            before = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("kitten", "sitting", 3),
            ("same", "same", 0),
            ("pth", "path", 1),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn hints_are_given_for_slips_and_not_for_anything() {
        let names = ["path", "count", "severity"];
        assert_eq!(nearest("pth", &names), Some("path"));
        assert_eq!(nearest("serverity", &names), Some("severity"));
        assert_eq!(nearest("colour", &names), None);
    }
}
