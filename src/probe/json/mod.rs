//! Probe `json`: a JSON document, what must stand in it, and what it says of other members.
//!
//! Promises: memory of the document and of what the rule asks for; no value stands in a message. Refuses to know: any
//! product: rules say what stands where.

mod pointer;
mod read;

pub(crate) use pointer::Pointer;
pub(crate) use read::{Value, read};

use std::collections::BTreeMap;

use super::shown::shown;
use super::{Definition, Evidence, Hold, Kind, Learned, Probe, Reference, Settings};
use crate::code;

/// Bytes of a name or a fact.
const MOST_BYTES: usize = 4 << 10;

/// See the module.
pub(super) const KIND: Kind = Kind {
    name: "json",
    about: "a JSON document: well-formed, with the values that must be there, and closed over what it refers to",
    settings: &[
        ("required", "pointers (RFC 6901) to values that must be there and not be null"),
        ("facts", "`NAME=POINTER`: the value becomes the fact NAME"),
        ("defines", "pointers to names by which others refer to the member"),
        ("size", "pointer to the size of what it defines, in bytes"),
        (
            "refers",
            "`ROLE=POINTER` or POINTER: names of what the member refers to; a step `*` stands for every element of an array \
             or member of an object",
        ),
        (
            "refers-size",
            "pointer to the size of what is referred to, from the element that the last `*` stands for (without `*`: from \
             the document)",
        ),
        ("unless", "pointers from that element: where one of them leads to something not empty, nothing need be there"),
    ],
    facts: &[],
    digest: None,
    check: |settings| Plan::new(settings).map(drop),
    start: |subject| {
        let plan = Plan::new(subject.settings).unwrap_or_default();
        Box::new(Json { hold: Hold::new(subject), plan, most: subject.limits.references })
    },
};

/// What a value is wanted for.
#[derive(Debug, Clone, PartialEq)]
enum Use {
    /// The value must be there: its number among them, and how the rule writes it.
    Required(usize, String),
    Fact(String),
    Defines,
    Size,
    /// The number of the reference, and the steps to its element.
    Refers(usize, usize),
    RefersSize(usize, usize),
    Unless(usize, usize),
}

/// The settings, read: for each pointer its use.
#[derive(Default)]
struct Plan {
    pointers: Vec<Pointer>,
    uses: Vec<Use>,
    roles: Vec<String>,
}

impl Plan {
    fn new(settings: &Settings) -> Result<Self, String> {
        let mut plan = Self::default();
        let of = |name: &str| settings.get(name).map(Vec::as_slice).unwrap_or_default();
        let single = |text: &String| {
            let pointer = Pointer::parse(text)?;
            let many = || format!("{text:?}: `*` has no meaning here");
            pointer.is_single().then_some(pointer).ok_or_else(many)
        };
        for (index, text) in of("required").iter().enumerate() {
            plan.add(single(text)?, Use::Required(index, text.clone()));
        }
        for text in of("facts") {
            let (name, pointer) = named(text).ok_or_else(|| format!("{text:?} is not NAME=POINTER"))?;
            plan.add(Pointer::parse(pointer)?, Use::Fact(name.to_owned()));
        }
        for text in of("defines") {
            plan.add(single(text)?, Use::Defines);
        }
        match of("size") {
            [] => {}
            [text] => plan.add(single(text)?, Use::Size),
            _ => return Err("`size` is one pointer".to_owned()),
        }
        let needless = of("unless").iter().map(single).collect::<Result<Vec<_>, _>>()?;
        let sizes = of("refers-size").iter().map(single).collect::<Result<Vec<_>, _>>()?;
        for (index, text) in of("refers").iter().enumerate() {
            let (role, pointer) = named(text).unwrap_or(("reference", text));
            let pointer = Pointer::parse(pointer)?;
            let element = pointer.element();
            let depth = element.depth();
            plan.add(pointer, Use::Refers(index, depth));
            sizes.iter().for_each(|size| plan.add(element.join(size), Use::RefersSize(index, depth)));
            needless.iter().for_each(|needless| plan.add(element.join(needless), Use::Unless(index, depth)));
            plan.roles.push(role.to_owned());
        }
        let idle = |name: &str, needs: &str| !of(name).is_empty() && of(needs).is_empty();
        for (name, needs) in [("size", "defines"), ("refers-size", "refers"), ("unless", "refers")] {
            if idle(name, needs) {
                return Err(format!("`{name}` has no meaning without `{needs}`"));
            }
        }
        Ok(plan)
    }

    fn add(&mut self, pointer: Pointer, wanted: Use) {
        self.pointers.push(pointer);
        self.uses.push(wanted);
    }
}

/// `NAME=POINTER`, taken apart.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, pointer) = text.split_once('=')?;
    (!name.is_empty() && !name.starts_with('/')).then_some((name, pointer))
}

struct Json {
    hold: Hold,
    plan: Plan,
    most: u64,
}

/// What was found of one reference.
#[derive(Default)]
struct Referred {
    name: Option<String>,
    size: Option<u64>,
    needless: bool,
}

/// What was found of all that is wanted.
#[derive(Default)]
struct Gathered {
    there: Vec<usize>,
    facts: Vec<(String, String)>,
    names: Vec<String>,
    size: Option<u64>,
    referred: BTreeMap<(usize, Vec<usize>), Referred>,
    /// There were more references than allowed.
    is_over: bool,
    unfit: Vec<String>,
}

impl Gathered {
    /// Takes a value in for its use.
    fn take(&mut self, wanted: &Use, indices: &[usize], value: Value<'_>, most: u64) {
        match wanted {
            Use::Required(index, _) if value != Value::Null => self.there.push(*index),
            Use::Required(..) => {}
            Use::Fact(name) => {
                if let Some(text) = self.text(value) {
                    self.facts.push((name.clone(), text));
                }
            }
            Use::Defines => {
                let name = self.text(value);
                self.names.extend(name);
            }
            Use::Size => self.size = self.number(value),
            Use::Refers(index, depth) => {
                let name = self.text(value);
                self.referred(*index, *depth, indices, most, |referred| referred.name = name);
            }
            Use::RefersSize(index, depth) => {
                let size = self.number(value);
                self.referred(*index, *depth, indices, most, |referred| referred.size = size);
            }
            Use::Unless(index, depth) if !value.is_empty() => {
                self.referred(*index, *depth, indices, most, |referred| referred.needless = true);
            }
            Use::Unless(..) => {}
        }
    }

    fn referred(
        &mut self,
        index: usize,
        depth: usize,
        indices: &[usize],
        most: u64,
        change: impl FnOnce(&mut Referred),
    ) {
        let key = (index, indices.get(..depth).unwrap_or_default().to_vec());
        let known = u64::try_from(self.referred.len()).unwrap_or(u64::MAX);
        if known < most || self.referred.contains_key(&key) {
            change(self.referred.entry(key).or_default());
        } else {
            self.is_over = true;
        }
    }

    /// A value as text; nothing, where it is null or an empty string.
    fn text(&mut self, value: Value<'_>) -> Option<String> {
        match value {
            Value::Text(text) if text.len() > MOST_BYTES => {
                self.unfit.push(format!("a string of more than {MOST_BYTES} bytes"));
                None
            }
            Value::Text(text) | Value::Number(text) => (!text.is_empty()).then(|| text.to_owned()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Null => None,
            Value::List(_) | Value::Object(_) => {
                self.unfit.push(format!("{} in the place of a name or a plain value", value.kind()));
                None
            }
        }
    }

    /// A value as size; nothing, where it is null.
    fn number(&mut self, value: Value<'_>) -> Option<u64> {
        let size = match value {
            Value::Number(text) => text.parse().ok(),
            _ => None,
        };
        if size.is_none() && value != Value::Null {
            self.unfit.push(format!("{} in the place of a size", value.kind()));
        }
        size
    }
}

impl Probe for Json {
    fn feed(&mut self, bytes: &[u8]) {
        self.hold.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        let Self { hold, plan, most } = *self;
        let bytes = match hold.whole() {
            Ok(bytes) => bytes,
            Err(fault) => {
                learned.add(fault);
                return learned;
            }
        };
        let mut gathered = Gathered::default();
        let mut unfit: BTreeMap<usize, String> = BTreeMap::new();
        let is_json = read(&bytes, &plan.pointers, &mut learned, &mut |index, indices, value| {
            if let Some(wanted) = plan.uses.get(index) {
                gathered.take(wanted, indices, value, most);
                // One complaint a use.
                if let Some(what) = gathered.unfit.pop() {
                    unfit.entry(index).or_insert(what);
                }
            }
        });
        if is_json {
            for (index, what) in unfit {
                let place = plan.uses.get(index).map(place).unwrap_or_default();
                learned.fault(&code::JSON_UNFIT, None, format!("has {what} where {place} is wanted"));
            }
            conclude(&plan, gathered, &mut learned, most);
        }
        learned
    }
}

/// What is wanted, for a message.
fn place(wanted: &Use) -> String {
    match wanted {
        Use::Required(_, text) => shown(text),
        Use::Fact(name) => format!("the fact {}", shown(name)),
        Use::Defines => "its own name".to_owned(),
        Use::Size => "its own size".to_owned(),
        Use::Refers(..) | Use::Unless(..) => "the name of what it refers to".to_owned(),
        Use::RefersSize(..) => "the size of what it refers to".to_owned(),
    }
}

/// What follows from all that was found in a document.
fn conclude(plan: &Plan, gathered: Gathered, learned: &mut Learned, most: u64) {
    for wanted in &plan.uses {
        if let Use::Required(index, text) = wanted
            && !gathered.there.contains(index)
        {
            learned.fault(&code::JSON_MEMBER_MISSING, None, format!("has no value at {}", shown(text)));
        }
    }
    for (name, value) in gathered.facts {
        learned.fact(name, value);
    }
    for name in gathered.names {
        learned.evidence.push(Evidence::Definition(Definition { name, size: gathered.size, ..Definition::default() }));
    }
    for ((index, _), referred) in gathered.referred {
        if let (Some(name), false) = (referred.name, referred.needless) {
            let role = plan.roles.get(index).cloned().unwrap_or_default().into();
            let reference = Reference { role, name, size: referred.size, ..Reference::default() };
            learned.evidence.push(Evidence::Reference(reference));
        }
    }
    if gathered.is_over {
        let message =
            format!("refers to more than {most} others; what is past them was not followed (--limit references=N)");
        learned.fault(&code::LIMIT_REACHED, None, message);
    }
}
