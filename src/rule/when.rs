//! Conditions: what must have been captured for a rule to be in force.
//!
//! Promises: versions are compared part by part, numbers as numbers; what was not captured decides nothing. Refuses to
//! know: what the rule is.

use std::cmp::Ordering;

/// `when`: all of these must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct When(pub(super) Vec<Condition>);

/// What one captured group must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) group: String,
    /// All of these must hold.
    pub(super) tests: Vec<(Relation, String)>,
    /// As it is written.
    pub(super) text: String,
}

/// How a value stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Other,
    Less,
    AtMost,
    More,
    AtLeast,
}

/// Whether a rule is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Force<'w> {
    In,
    Out,
    /// Nothing, or more than one value, was captured in this group.
    Unknown(&'w str),
}

impl When {
    pub(super) fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether all conditions hold for what was captured.
    pub(super) fn force(&self, captures: &[(String, String)]) -> Force<'_> {
        let mut unknown = None;
        for condition in &self.0 {
            match captures.iter().find(|(group, _)| *group == condition.group) {
                Some((_, value)) if !condition.holds(value) => return Force::Out,
                Some(_) => {}
                None => unknown = unknown.or(Some(condition.group.as_str())),
            }
        }
        unknown.map_or(Force::In, Force::Unknown)
    }
}

impl Condition {
    /// The condition on `group` that `text` writes: comparisons with commas between them.
    ///
    /// # Errors
    /// A fragment that says what is wrong with it.
    pub(super) fn parse(group: &str, text: &str) -> Result<Self, String> {
        let tests = text.split(',').map(|part| test(part.trim())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { group: group.to_owned(), tests, text: text.to_owned() })
    }

    fn holds(&self, value: &str) -> bool {
        self.tests.iter().all(|(relation, wanted)| {
            let order = compare(value, wanted);
            match relation {
                Relation::Equal => order == Ordering::Equal,
                Relation::Other => order != Ordering::Equal,
                Relation::Less => order == Ordering::Less,
                Relation::AtMost => order != Ordering::Greater,
                Relation::More => order == Ordering::Greater,
                Relation::AtLeast => order != Ordering::Less,
            }
        })
    }
}

fn test(part: &str) -> Result<(Relation, String), String> {
    let signs = [
        (">=", Relation::AtLeast),
        ("<=", Relation::AtMost),
        ("!=", Relation::Other),
        (">", Relation::More),
        ("<", Relation::Less),
        ("=", Relation::Equal),
    ];
    let (relation, value) = signs
        .iter()
        .find_map(|(sign, relation)| Some((*relation, part.strip_prefix(sign)?)))
        .unwrap_or((Relation::Equal, part));
    let value = value.trim();
    if value.is_empty() {
        return Err("a comparison has no value: write it as in \">=3.2, <3.5\"".to_owned());
    }
    if value.starts_with(['=', '<', '>', '!']) {
        return Err(format!("`{part}` is no comparison: >=, <=, >, <, = and != are known"));
    }
    Ok((relation, value.to_owned()))
}

/// Compares two versions part by part; a part that both have as numbers by value. What one has more of is more: 3.2 is less
/// than 3.2.1. A mark before the release is not known: 3.2-beta is another part, and more.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let parts = |text: &str| text.split(['.', '-', '+', '_']).map(str::to_owned).collect::<Vec<_>>();
    let (left, right) = (parts(one), parts(other));
    for (left, right) in left.iter().zip(&right) {
        let order = match (left.parse::<u64>(), right.parse::<u64>()) {
            (Ok(left), Ok(right)) => left.cmp(&right),
            _ => left.cmp(right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    // Zeros at the end make no other version: 3.2 is 3.2.0.
    let is_zero = |rest: &[String]| rest.iter().all(|part| part.parse::<u64>() == Ok(0));
    let longer = |many: &[String], few: &[String]| many.get(few.len()..).is_some_and(|rest| !is_zero(rest));
    match left.len().cmp(&right.len()) {
        Ordering::Greater if longer(&left, &right) => Ordering::Greater,
        Ordering::Less if longer(&right, &left) => Ordering::Less,
        _ => Ordering::Equal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_part_by_part() {
        for (one, order, other) in [
            ("3.2", Ordering::Less, "3.10"),
            ("3.2", Ordering::Equal, "3.2.0"),
            ("3.2", Ordering::Less, "3.2.1"),
            ("3.2.1", Ordering::Greater, "3.2"),
            ("2.9.4", Ordering::Less, "2.10"),
            ("online", Ordering::Equal, "online"),
            ("3.4.5-tp1", Ordering::Greater, "3.4.5"),
        ] {
            assert_eq!(compare(one, other), order, "{one} {other}");
        }
    }

    #[test]
    fn all_conditions_must_hold_and_unknown_decides_nothing() {
        let captured = [("version".to_owned(), "3.4.5".to_owned())];
        for (text, expected) in [
            (">=3.2, <3.5", Force::In),
            (">=3.2, <3.4.5", Force::Out),
            ("<=3.4.5", Force::In),
            (">3.4.5", Force::Out),
            ("3.4.5", Force::In),
            ("=3.4.5", Force::In),
            ("!=3.4.5", Force::Out),
        ] {
            let when = When(vec![Condition::parse("version", text).expect("it is well formed")]);
            assert_eq!(when.force(&captured), expected, "{text}");
            assert_eq!(when.force(&[]), Force::Unknown("version"), "{text}");
        }
        for wrong in ["", ">=", "1,,2", "==3", ">>3"] {
            assert!(Condition::parse("version", wrong).is_err(), "{wrong}");
        }
    }
}
