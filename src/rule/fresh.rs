//! Freshness: how old the backup is, and how small beside the one before.
//!
//! Promises: without a day, or without a backup to compare with, nothing is judged, and that is told where a rule asks for
//! it. Refuses to know: where the day and the other backup come from.

use super::set::Advice;
use super::verdict::{Facts, Verdict};
use crate::code;

impl Verdict<'_> {
    /// How old the backup is, and how small.
    pub(super) fn freshness(&mut self) {
        let (set, Facts { form, now, youngest, .. }) = (self.set, self.facts);
        if let (Some(max), Some(now)) = (&set.archive.max_age, now) {
            let captured = max.time.as_ref().and_then(|name| {
                let (_, value) = self.captures.iter().find(|(known, _)| known == name)?;
                value.parse::<i64>().ok()
            });
            // Nobody makes backups in the year 5138: so many digits are milliseconds.
            let captured = captured.map(|time| if time >= 100_000_000_000 { time / 1_000 } else { time });
            let (key, place) = ("archive.max-age", self.gather.whole());
            match captured.or(youngest) {
                None if form.complete => {
                    let advice = Advice { severity: None, ..max.advice.clone() };
                    let message = "no member has a time, and none was captured".to_owned();
                    self.say(&code::RULE_AGE_UNKNOWN, key, &advice, place, message);
                }
                Some(time) if now.saturating_sub(time) > max.seconds => {
                    let (age, most) = (duration(now.saturating_sub(time)), duration(max.seconds));
                    let message = format!("{age} old, at most {most} allowed");
                    self.say(&code::RULE_TOO_OLD, key, &max.advice, place, message);
                }
                _ => {}
            }
        }
        if let Some((ratio, advice)) = &set.archive.min_size_ratio {
            let key = "archive.min-size-ratio";
            match form.previous_bytes {
                None => self.unmatched(key, "there is no archive before it to compare with (--previous)".to_owned()),
                Some(before) if is_shrunk(form.bytes, before, *ratio) => {
                    let message =
                        format!("{} bytes, and the archive before has {before}: less than {ratio} of it", form.bytes);
                    self.say(&code::RULE_SHRUNK, key, advice, self.gather.whole(), message);
                }
                Some(_) => {}
            }
        }
    }
}

/// Whether so many bytes are less than the ratio of what was before.
fn is_shrunk(bytes: u64, before: u64, ratio: f64) -> bool {
    // As parts per million: whole numbers compare exactly.
    let parts = (ratio * 1_000_000.0).round();
    let parts = if parts >= 1_000_000.0 { 1_000_000_u128 } else { parts as u128 };
    u128::from(bytes).saturating_mul(1_000_000) < u128::from(before).saturating_mul(parts)
}

/// A length of time in its two largest units.
fn duration(seconds: i64) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute")];
    let mut left = seconds.max(0);
    let mut parts = Vec::new();
    for (length, name) in units {
        let (number, rest) = (left / length, left % length);
        left = rest;
        if number > 0 && parts.len() < 2 {
            parts.push(format!("{number} {name}{}", if number == 1 { "" } else { "s" }));
        }
    }
    if parts.is_empty() { "less than a minute".to_owned() } else { parts.join(" ") }
}
