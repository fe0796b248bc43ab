//! Members that are numbered: which numbers were met, and which are missing between them.
//!
//! Promises: a bit a number, and so many bits in all; the order of the members does not matter. Refuses to know: what is
//! numbered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Bits that a value costs at least.
const VALUE_BITS: u64 = 4_096;
const WORD_BITS: u64 = 64;
/// Gaps that a sentence names.
const NAMED: usize = 4;

/// The numbers met for each value of a group.
#[derive(Debug)]
pub(super) struct Numbers {
    values: BTreeMap<Vec<u8>, Seen>,
    /// Bits that may still be spent.
    left: u64,
    /// Whether they did not suffice: what follows was not noted.
    pub(super) is_over: bool,
}

#[derive(Debug, Default)]
struct Seen {
    words: Vec<u64>,
    highest: Option<u64>,
}

impl Numbers {
    pub(super) fn new(bits: u64) -> Self {
        Self { values: BTreeMap::new(), left: bits, is_over: false }
    }

    /// Notes `number`, counted from the first that there should be.
    pub(super) fn note(&mut self, value: &[u8], number: u64) {
        let word = usize::try_from(number / WORD_BITS).unwrap_or(usize::MAX);
        let (known, new) = match self.values.get(value) {
            Some(seen) => (seen.words.len(), 0),
            None => (0, VALUE_BITS),
        };
        let more = u64::try_from(word.saturating_add(1).saturating_sub(known)).unwrap_or(u64::MAX);
        let cost = more.saturating_mul(WORD_BITS).saturating_add(new);
        if cost > self.left {
            self.is_over = true;
            return;
        }
        self.left -= cost;
        let seen = self.values.entry(value.to_vec()).or_default();
        if seen.words.len() <= word {
            seen.words.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = seen.words.get_mut(word) {
            *bits |= 1 << (number % WORD_BITS);
        }
        seen.highest = seen.highest.max(Some(number));
    }

    /// Whether any member had this value.
    pub(super) fn has(&self, value: &[u8]) -> bool {
        self.values.contains_key(value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values with gaps: what is missing in words, numbers counted from `first`.
    pub(super) fn gaps(&self, first: u64) -> impl Iterator<Item = (&[u8], String)> {
        self.values.iter().filter_map(move |(value, seen)| Some((value.as_slice(), seen.gaps(first)?)))
    }
}

impl Seen {
    fn gaps(&self, first: u64) -> Option<String> {
        let highest = self.highest?;
        let mut missing = 0_u64;
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let mut open = false;
        for (index, word) in (0_u64..).zip(&self.words) {
            // Whole words are the rule.
            if *word == u64::MAX {
                open = false;
                continue;
            }
            for bit in 0..WORD_BITS {
                let number = index.saturating_mul(WORD_BITS).saturating_add(bit);
                if number > highest {
                    break;
                }
                if word >> bit & 1 == 1 {
                    open = false;
                    continue;
                }
                missing = missing.saturating_add(1);
                if !open && ranges.len() <= NAMED {
                    ranges.push((number, number));
                } else if open && let Some((_, last)) = ranges.last_mut() {
                    *last = number;
                }
                open = true;
            }
        }
        if missing == 0 {
            return None;
        }
        let mut text = String::new();
        for (index, (from, to)) in ranges.iter().take(NAMED).enumerate() {
            let (from, to) = (from.saturating_add(first), to.saturating_add(first));
            let comma = if index > 0 { ", " } else { "" };
            // Writing to a string cannot fail.
            let _ = if from == to { write!(text, "{comma}{from}") } else { write!(text, "{comma}{from} to {to}") };
        }
        if ranges.len() > NAMED {
            text.push_str(", and more");
        }
        let highest = highest.saturating_add(first);
        Some(format!("{missing} of {first} to {highest} are missing: {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(met: &[u64]) -> Vec<String> {
        let mut numbers = Numbers::new(1 << 20);
        met.iter().for_each(|number| numbers.note(b"t", *number));
        numbers.gaps(0).map(|(_, text)| text).collect()
    }

    #[test]
    fn gaps_are_told_in_any_order() {
        assert!(gaps(&[]).is_empty());
        assert!(gaps(&[0]).is_empty());
        assert!(gaps(&[2, 0, 1]).is_empty());
        assert!(gaps(&(0..1_000).rev().collect::<Vec<_>>()).is_empty());
        assert_eq!(gaps(&[1]), ["1 of 0 to 1 are missing: 0"]);
        assert_eq!(gaps(&[0, 130]), ["129 of 0 to 130 are missing: 1 to 129"]);
        assert_eq!(gaps(&[0, 2, 4, 6, 8, 10, 12]), ["6 of 0 to 12 are missing: 1, 3, 5, 7, and more"]);
        assert_eq!(gaps(&[63, 65, 0, 1]), ["62 of 0 to 65 are missing: 2 to 62, 64"]);
    }

    #[test]
    fn a_number_out_of_all_proportion_is_not_paid_for() {
        let mut numbers = Numbers::new(1 << 20);
        numbers.note(b"t", 0);
        numbers.note(b"t", u64::MAX);
        assert!(numbers.is_over);
        for table in 0..1_000_u32 {
            numbers.note(&table.to_be_bytes(), 0);
        }
        assert!(numbers.values.len() < 256);
    }
}
