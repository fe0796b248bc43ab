//! JSON pointers (RFC 6901), and pointers in which `*` stands for every element.
//!
//! Promises: what is no pointer is refused with a reason. Refuses to know: documents.

/// Where a value stands in a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pointer {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// The member of this name, or the element of this index.
    Named(String),
    /// Every member or element.
    Every,
}

impl Pointer {
    /// Reads a pointer; `*` as a whole step stands for every element.
    ///
    /// # Errors
    /// A lower-case fragment that says why it is none.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix('/') else {
            let none = text.is_empty().then(|| Self { steps: Vec::new() });
            return none.ok_or_else(|| format!("{text:?} is no JSON pointer: it must begin with a slash"));
        };
        let steps = rest.split('/').map(|step| match step {
            "*" => Ok(Step::Every),
            _ => unescaped(step).map(Step::Named).ok_or_else(|| {
                format!("{text:?} is no JSON pointer: a tilde is written `~0`, and a slash in a name `~1`")
            }),
        });
        Ok(Self { steps: steps.collect::<Result<_, _>>()? })
    }

    /// How many steps lead there.
    #[must_use]
    pub(crate) fn depth(&self) -> usize {
        self.steps.len()
    }

    /// Whether it stands for one value only.
    #[must_use]
    pub(crate) fn is_single(&self) -> bool {
        !self.steps.contains(&Step::Every)
    }

    /// Whether the step after so many others leads to the member or element called `name`.
    #[must_use]
    pub(crate) fn leads(&self, depth: usize, name: &str) -> bool {
        match self.steps.get(depth) {
            Some(Step::Named(wanted)) => wanted == name,
            Some(Step::Every) => true,
            None => false,
        }
    }

    /// The element that it is about: the last that a `*` stands for, or the whole document.
    #[must_use]
    pub(crate) fn element(&self) -> Self {
        let stars = self.steps.iter().rposition(|step| *step == Step::Every).map_or(0, |last| last.saturating_add(1));
        Self { steps: self.steps.get(..stars).unwrap_or_default().to_vec() }
    }

    /// The pointer that goes on from here.
    #[must_use]
    pub(crate) fn join(&self, more: &Self) -> Self {
        Self { steps: [&self.steps[..], &more.steps[..]].concat() }
    }
}

/// A name as it stands in a pointer, read.
fn unescaped(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (character, rest) = match part.strip_prefix('0') {
            Some(rest) => ('~', rest),
            None => ('/', part.strip_prefix('1')?),
        };
        name.push(character);
        name.push_str(rest);
    }
    Some(name)
}

/// Adds a name to a pointer as text.
pub(super) fn push(text: &mut String, name: &str) {
    text.push('/');
    for character in name.chars() {
        match character {
            '~' => text.push_str("~0"),
            '/' => text.push_str("~1"),
            other => text.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_of_the_rfc() {
        let of = |text: &str| Pointer::parse(text).unwrap();
        assert_eq!(of("").depth(), 0);
        // RFC 6901, section 5.
        for (text, name) in [
            ("/foo", "foo"),
            ("/", ""),
            ("/a~1b", "a/b"),
            ("/c%d", "c%d"),
            ("/e^f", "e^f"),
            ("/g|h", "g|h"),
            ("/i\\j", "i\\j"),
            ("/k\"l", "k\"l"),
            ("/ ", " "),
            ("/m~0n", "m~n"),
            ("/~01", "~1"),
        ] {
            assert!(of(text).leads(0, name) && of(text).depth() == 1, "{text}");
            let mut back = String::new();
            push(&mut back, name);
            assert_eq!(back, text);
        }
        for text in ["foo", "/a~2", "/~", "#/a"] {
            assert!(Pointer::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn elements() {
        let of = |text: &str| Pointer::parse(text).unwrap();
        assert_eq!(of("/layers/*/digest").element(), of("/layers/*"));
        assert_eq!(of("/digest").element(), of(""));
        assert_eq!(of("/a/*").element().join(&of("/b")), of("/a/*/b"));
        assert!(of("/a/*/b/0").leads(1, "anything") && !of("/a/*/b/0").leads(3, "1"));
        assert!(of("/a/0").is_single() && !of("/a/*").is_single());
    }
}
