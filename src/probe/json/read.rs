//! Reads a JSON document once and tells the values that pointers lead to.
//!
//! Promises: no tree of the document is built; the depth is bounded by serde_json's limit; members that stand twice are
//! noticed at any depth. Refuses to know: what the values are for.

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::pointer::{Pointer, push};
use crate::code;
use crate::probe::Learned;
use crate::probe::shown::shown;

/// A value, without what is inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; one that is whole has neither point nor exponent.
    Number(&'a str),
    /// A string.
    Text(&'a str),
    /// An array of so many elements.
    List(usize),
    /// An object of so many members.
    Object(usize),
}

impl Value<'_> {
    /// Whether nothing is in it.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Null | Self::Text("") | Self::List(0) | Self::Object(0))
    }

    /// What kind of value it is, for messages.
    #[must_use]
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

/// What is told of each value: which pointer leads there, the indices of the steps to it (of a member in its object as of an
/// element in its array), and the value. An array or object comes after what is in it.
pub(crate) type Tell<'a> = dyn FnMut(usize, &[usize], Value<'_>) + 'a;

/// Reads `bytes` and tells the values that `pointers` lead to. Whether they are a JSON document; if not, a fault says why.
pub(crate) fn read(bytes: &[u8], pointers: &[Pointer], learned: &mut Learned, tell: &mut Tell<'_>) -> bool {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.valid_up_to();
            let message = format!("is no JSON document: it is not UTF-8 at byte {at}");
            learned.fault(&code::JSON_MALFORMED, u64::try_from(at).ok(), message);
            return false;
        }
    };
    if text.trim().is_empty() {
        let what = if text.is_empty() { "it is empty" } else { "nothing but blanks is in it" };
        learned.fault(&code::JSON_MALFORMED, 0, format!("is no JSON document: {what}"));
        return false;
    }
    let mut reading = Reading { pointers, tell, learned, path: String::new(), indices: Vec::new(), repeated: 0 };
    let active = (0..pointers.len()).collect();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Node { reading: &mut reading, active }.deserialize(&mut deserializer);
    let Err(error) = read.and_then(|()| deserializer.end()) else { return true };
    let message = error.to_string();
    let beyond = BEYOND.iter().any(|known| message.starts_with(known));
    let (code, what) = if beyond {
        (&code::JSON_BEYOND, "cannot be read to its end as JSON")
    } else {
        (&code::JSON_MALFORMED, "is no JSON document")
    };
    learned.fault(code, offset(bytes, error.line(), error.column()), format!("{what}: {message}"));
    false
}

/// What serde_json refuses though the grammar allows it: too deep, too large for a float, half a surrogate pair.
const BEYOND: &[&str] =
    &["recursion limit", "number out of range", "lone leading surrogate", "unexpected end of hex escape"];

/// Where a line and column, both from 1, are.
fn offset(bytes: &[u8], line: usize, column: usize) -> Option<u64> {
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(line.saturating_sub(1));
    let start: usize = lines.map(<[u8]>::len).sum();
    u64::try_from(start.saturating_add(column.saturating_sub(1)).min(bytes.len())).ok()
}

struct Reading<'r, 't> {
    pointers: &'r [Pointer],
    tell: &'r mut Tell<'t>,
    learned: &'r mut Learned,
    /// The pointer to the value that is read.
    path: String,
    indices: Vec<usize>,
    repeated: u64,
}

/// A value to be read, and the pointers that lead there or beyond.
struct Node<'n, 'r, 't> {
    reading: &'n mut Reading<'r, 't>,
    active: Vec<usize>,
}

impl<'r, 't> Node<'_, 'r, 't> {
    fn tell(self, value: Value<'_>) {
        let reading = self.reading;
        for index in self.active {
            let here = reading.pointers.get(index).is_some_and(|pointer| pointer.depth() == reading.indices.len());
            if here {
                (reading.tell)(index, &reading.indices, value);
            }
        }
    }

    /// Reads the member or element at `index`.
    fn inside<E>(
        &mut self,
        name: Option<&str>,
        index: usize,
        read: impl FnOnce(Node<'_, 'r, 't>) -> Result<(), E>,
    ) -> Result<(), E> {
        let depth = self.reading.indices.len();
        let parent = self.reading.path.len();
        match name {
            Some(name) => push(&mut self.reading.path, name),
            None => write!(self.reading.path, "/{index}").unwrap_or_default(),
        }
        // The index as text stands behind the slash.
        let name = name.or_else(|| self.reading.path.get(parent.saturating_add(1)..)).unwrap_or_default();
        let leads = |active: &&usize| self.reading.pointers.get(**active).is_some_and(|to| to.leads(depth, name));
        let active = self.active.iter().filter(leads).copied().collect();
        self.reading.indices.push(index);
        read(Node { reading: self.reading, active })?;
        self.reading.indices.pop();
        self.reading.path.truncate(parent);
        Ok(())
    }

    fn repeated(&mut self, name: &str) {
        self.reading.repeated = self.reading.repeated.saturating_add(1);
        // More of them would not be kept.
        if self.reading.repeated <= 8 {
            let path = if self.reading.path.is_empty() { "/" } else { &self.reading.path };
            let message = format!("{:?} stands more than once in the object at {}", shown(name), shown(path));
            self.reading.learned.fault(&code::JSON_DUPLICATE_KEY, None, message);
        }
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.tell(Value::Null);
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.tell(Value::Bool(value));
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.tell(Value::Number(&value.to_string()));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.tell(Value::Number(&value.to_string()));
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        /// Up to here a float holds every whole number.
        const WHOLE: f64 = 9_007_199_254_740_992.0;
        let text = if value.fract() == 0.0 && value.abs() <= WHOLE {
            format!("{value:.0}")
        } else {
            serde_json::Number::from_f64(value).ok_or_else(|| E::custom("number out of range"))?.to_string()
        };
        self.tell(Value::Number(&text));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.tell(Value::Text(value));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut count: usize = 0;
        let mut more = true;
        while more {
            self.inside(None, count, |node| {
                more = list.next_element_seed(node)?.is_some();
                Ok(())
            })?;
            count = count.saturating_add(usize::from(more));
        }
        self.tell(Value::List(count));
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        let mut known = HashSet::new();
        let mut count: usize = 0;
        while let Some(name) = object.next_key::<String>()? {
            // Names are remembered by their hash: 2^32 of them would have to stand in one object to be taken for each other.
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            if !known.insert(hasher.finish()) {
                self.repeated(&name);
            }
            self.inside(Some(&name), count, |node| object.next_value_seed(node))?;
            count = count.checked_add(1).ok_or_else(|| A::Error::custom("number of members out of range"))?;
        }
        self.tell(Value::Object(count));
        Ok(())
    }
}
