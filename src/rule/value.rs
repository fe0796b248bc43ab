//! Single values of a rule file: words, numbers, modes, identifiers, texts, each held against what it may be.
//!
//! Promises: whatever is not handed on was complained about, at its place, with the nearest thing that would do. Refuses
//! to know: what a rule set is made of.

use std::ops::Range;

use super::check::Checker;
use super::file::RangeTable;
use super::set::{Bounds, placeholders};
use super::table::{At, nearest};
use crate::entry::EntryKind;

impl Checker<'_> {
    /// A text for the reader: filled, and naming only what is captured.
    pub(super) fn texts(&mut self, text: &Option<At<String>>) {
        let Some(text) = text else { return };
        self.filled(text);
        for (_, name) in placeholders(&text.value) {
            self.captured_group(name, &text.span);
        }
    }

    /// Complains where no capture gives `name`.
    pub(super) fn captured_group(&self, name: &str, span: &Range<usize>) {
        if self.unsure || self.inherited.groups.contains(name) || self.ids.contains_key(&format!("<{name}>")) {
            return;
        }
        let own = self.ids.keys().filter_map(|key| key.strip_prefix('<')?.strip_suffix('>'));
        let groups: Vec<&str> = own.chain(self.inherited.groups.iter().map(String::as_str)).collect();
        let message = format!("nothing captures `{name}`");
        match nearest(name, &groups) {
            Some(near) => self.problems.wrong_with_help(span, message, format!("did you mean `{{{near}}}`?")),
            None => self.problems.wrong(span, message),
        }
    }

    pub(super) fn filled(&self, text: &At<String>) {
        if text.value.trim().is_empty() {
            self.problems.wrong(&text.span, "the text is empty");
        }
    }

    pub(super) fn bounds(&self, table: RangeTable, default_min: u64) -> Bounds {
        if table.is_empty {
            self.problems.absent(table.span.clone(), "neither `min` nor `max` is given");
        }
        let bounds = Bounds {
            min: table.min.map_or(default_min, |min| min.value),
            max: table.max.as_ref().map(|max| max.value),
        };
        if let (Some(max), Some(at)) = (bounds.max, &table.max)
            && max < bounds.min
            && max > 0
        {
            self.problems.wrong(&at.span, format!("the maximum {max} is below the minimum {}", bounds.min));
        }
        bounds
    }

    pub(super) fn kind(&self, word: &At<String>) -> Option<EntryKind> {
        let kind = EntryKind::from_word(&word.value);
        if kind.is_none() {
            self.unknown_word(word, "kind", &EntryKind::ALL.map(EntryKind::as_str));
        }
        kind
    }

    pub(super) fn mode(&self, mode: &At<String>) -> Option<u32> {
        let digits = mode.value.strip_prefix("0o").unwrap_or(&mode.value);
        let all_octal = !digits.is_empty() && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let bits = u32::from_str_radix(digits, 8).ok().filter(|bits| all_octal && *bits <= 0o7777);
        if bits.is_none() {
            let message = format!("`{}` is no mode: octal digits up to 7777 are needed, as in \"0600\"", mode.value);
            self.problems.wrong(&mode.span, message);
        }
        bits
    }

    pub(super) fn identifier(&mut self, id: At<String>, dots: bool) -> Option<String> {
        let At { value, span } = id;
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || (dots && byte == b'.');
        let well_formed = value.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric())
            && value.len() <= 64
            && value.bytes().all(allowed);
        if !well_formed {
            let marks = if dots { "`-` and `.`" } else { "and `-`" };
            let message =
                format!("`{value}` is no identifier: up to 64 lower-case letters, digits {marks} are allowed");
            self.problems.wrong(&span, message);
            return None;
        }
        if !dots {
            self.unique(value.clone(), &span, format!("the identifier `{value}` stands twice"));
        }
        Some(value)
    }

    pub(super) fn unique(&mut self, key: String, span: &Range<usize>, message: String) {
        match self.ids.get(&key) {
            Some(first) => {
                let before = self.text.as_bytes().iter().take(first.start);
                let line = before.filter(|byte| **byte == b'\n').count().saturating_add(1);
                self.problems.wrong(span, format!("{message}; the first is in line {line}"));
            }
            None => {
                self.ids.insert(key, span.clone());
            }
        }
    }

    pub(super) fn unknown_word(&self, word: &At<String>, what: &str, known: &[&str]) {
        let message = format!("`{}` is no {what}", word.value);
        let help = match nearest(&word.value, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it may be {}", known.join(", ")),
        };
        self.problems.wrong_with_help(&word.span, message, help);
    }
}
