//! Branch and leaf pages, read while they stream by: a table of elements, and behind it their keys and values.
//!
//! Promises: values are stepped over, not read; of a page, its table and one key are held; every element begins where the
//! one before ends, as every bbolt writes it, and stays in the page; keys ascend. Refuses to know: whether the page is in
//! use: free pages may hold anything.

use std::fmt;

use super::Want;
use super::words::{narrow, prefix, u16_at, u32_at, u64_at, wide};

/// Bytes of a page's header, of an element, and of a bucket's header.
pub(super) const HEADER: usize = 16;
const ELEMENT: u64 = 16;

pub(super) const BRANCH: u16 = 1;
pub(super) const LEAF: u16 = 2;
pub(super) const META: u16 = 4;
pub(super) const FREELIST: u16 = 16;

/// The longest key that bbolt takes.
const LONGEST_KEY: u64 = 32_768;
/// Bytes of a value that is kept because its key is wanted.
const KEPT_VALUE: u64 = 64;

/// What a page begins with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Header {
    pub(super) id: u64,
    pub(super) flags: u16,
    pub(super) count: u16,
    pub(super) overflow: u32,
}

impl Header {
    pub(super) fn read(bytes: &[u8]) -> Self {
        Self { id: u64_at(bytes, 0), flags: u16_at(bytes, 8), count: u16_at(bytes, 10), overflow: u32_at(bytes, 12) }
    }
}

/// What is wrong inside a page; numbers are those of elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It goes on past the high-water mark.
    Overflow,
    Table,
    NoElements,
    /// There is something in the place of the first.
    Uncounted,
    Begin(u16),
    End(u16),
    LongKey(u16),
    Order(u16),
    Flags(u16),
    Bucket(u16),
    Inline(u16),
    /// Its end lies so deep under pages that claim the same bytes that it was given up.
    Crowded,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overflow => f.write_str("its header says that it goes on past the last page"),
            Self::Table => f.write_str("its header counts more elements than it has room for"),
            Self::NoElements => f.write_str("it is a branch without elements"),
            Self::Uncounted => f.write_str("its header counts no elements, and there are some"),
            Self::Begin(index) => write!(f, "element {index} does not begin where the one before it ends"),
            Self::End(index) => write!(f, "element {index} reaches past the end of the page"),
            Self::LongKey(index) => write!(f, "the key of element {index} is longer than bbolt allows"),
            Self::Order(index) => write!(f, "the key of element {index} does not follow the one before it"),
            Self::Flags(index) => write!(f, "element {index} has flags that do not exist"),
            Self::Bucket(index) => write!(f, "element {index} is a bucket and too short for one"),
            Self::Inline(index) => write!(f, "element {index} is a bucket whose own page is broken"),
            Self::Crowded => f.write_str("too many pages claim the same bytes"),
        }
    }
}

/// A bucket that stands in a leaf. `name` is its place among the names wanted, from 1; 0 is any other.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bucket {
    /// With pages of its own.
    Tree { root: u32, name: u8 },
    /// In the leaf itself.
    Inline { keys: u16, last: u64, name: u8 },
}

/// A small value whose key is wanted.
#[derive(Debug, Clone)]
pub(super) struct Value {
    /// Of the bucket in the leaf that it stands in; 0 where that is any other, or none.
    pub(super) bucket: u8,
    /// The key's place among those wanted.
    pub(super) key: usize,
    pub(super) bytes: Vec<u8>,
}

/// What is to be read next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Table,
    /// The place of the first element, where there is none.
    Empty,
    Key,
    Bucket,
    Inline,
    Value(usize),
    Nothing,
}

/// An element of the table.
#[derive(Debug, Clone, Copy, Default)]
struct Element {
    is_bucket: bool,
    key: u64,
    value: u64,
    child: u64,
}

/// A branch or leaf page being read.
#[derive(Debug)]
pub(super) struct Body {
    want: Want,
    is_leaf: bool,
    is_inline: bool,
    /// Bytes from the header to the end.
    size: u64,
    pub(super) count: u16,
    table: Vec<u8>,
    element: Element,
    index: u16,
    next: Next,
    /// The next item is so many bytes there; what has come of it.
    at: u64,
    item: usize,
    held: Vec<u8>,
    /// Where the next element must begin.
    end: u64,
    key: Vec<u8>,
    name: u8,
    inline: Option<(u64, Box<Self>)>,
    pub(super) wrong: Option<Wrong>,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) children: Vec<u32>,
    pub(super) buckets: Vec<Bucket>,
    pub(super) values: Vec<Value>,
}

impl Body {
    pub(super) fn new(want: Want) -> Self {
        Self {
            want,
            is_leaf: true,
            is_inline: false,
            size: 0,
            count: 0,
            table: Vec::new(),
            element: Element::default(),
            index: 0,
            next: Next::Nothing,
            at: 0,
            item: 0,
            held: Vec::new(),
            end: 0,
            key: Vec::new(),
            name: 0,
            inline: None,
            wrong: None,
            first: 0,
            last: 0,
            children: Vec::new(),
            buckets: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Begins with a page of `size` bytes; what was read before is forgotten.
    pub(super) fn begin(&mut self, header: Header, size: u64) {
        self.is_leaf = header.flags == LEAF;
        (self.size, self.count, self.index) = (size, header.count, 0);
        (self.wrong, self.inline, self.first, self.last) = (None, None, 0, 0);
        self.table.clear();
        self.held.clear();
        self.key.clear();
        self.children.clear();
        self.buckets.clear();
        self.values.clear();
        let table = u64::from(header.count).saturating_mul(ELEMENT);
        self.end = table.saturating_add(wide(HEADER));
        if self.end > size {
            self.fail(Wrong::Table);
        } else if header.count == 0 && !self.is_leaf {
            self.fail(Wrong::NoElements);
        } else if header.count == 0 {
            self.need(Next::Empty, wide(HEADER), ELEMENT.min(size.saturating_sub(wide(HEADER))));
        } else {
            self.need(Next::Table, wide(HEADER), table);
        }
    }

    fn need(&mut self, next: Next, at: u64, bytes: u64) {
        (self.next, self.at, self.item) = (next, at, narrow(bytes));
    }

    /// Nothing of a page counts that has anything wrong.
    fn fail(&mut self, wrong: Wrong) {
        self.wrong = Some(wrong);
        self.next = Next::Nothing;
        self.inline = None;
        self.children.clear();
        self.buckets.clear();
        self.values.clear();
    }

    /// Takes the page's bytes from `start` on, which follow those before; whether it needs no more of them.
    pub(super) fn feed(&mut self, start: u64, bytes: &[u8]) -> bool {
        while self.next != Next::Nothing {
            if let Some((base, inline)) = &mut self.inline {
                let skipped = narrow(base.saturating_sub(start));
                let Some(rest) = bytes.get(skipped..) else { return false };
                if !inline.feed(start.saturating_sub(*base), rest) {
                    return false;
                }
                self.end_inline();
                continue;
            }
            let mut held = std::mem::take(&mut self.held);
            let from = narrow(self.at.saturating_add(wide(held.len())).saturating_sub(start));
            let lacking = self.item.saturating_sub(held.len());
            let rest = bytes.get(from..);
            let Some(item) = rest.and_then(|rest| rest.get(..lacking)) else {
                held.extend_from_slice(rest.unwrap_or_default());
                self.held = held;
                return false;
            };
            if held.is_empty() {
                self.item(item);
            } else {
                held.extend_from_slice(item);
                self.item(&held);
                held.clear();
            }
            self.held = held;
        }
        true
    }

    fn item(&mut self, item: &[u8]) {
        match self.next {
            Next::Table => {
                self.table.extend_from_slice(item);
                self.element();
            }
            // A page that bbolt makes begins as zeros.
            Next::Empty if item.iter().any(|byte| *byte != 0) => self.fail(Wrong::Uncounted),
            Next::Empty => self.element(),
            Next::Key => self.key(item),
            Next::Bucket => self.bucket(item),
            Next::Inline => self.inline(item),
            Next::Value(key) => {
                self.values.push(Value { bucket: 0, key, bytes: item.to_vec() });
                self.index = self.index.saturating_add(1);
                self.element();
            }
            Next::Nothing => {}
        }
    }

    /// Looks at the next element of the table.
    fn element(&mut self) {
        if self.index >= self.count {
            self.next = Next::Nothing;
            return;
        }
        let at = u64::from(self.index).saturating_mul(ELEMENT);
        let row = self.table.get(narrow(at)..).unwrap_or_default();
        let position;
        if self.is_leaf {
            let flags = u32_at(row, 0);
            if flags > 1 {
                return self.fail(Wrong::Flags(self.index));
            }
            let (key, value) = (u64::from(u32_at(row, 8)), u64::from(u32_at(row, 12)));
            position = u32_at(row, 4);
            self.element = Element { is_bucket: flags == 1, key, value, child: 0 };
        } else {
            position = u32_at(row, 0);
            let key = u64::from(u32_at(row, 4));
            self.element = Element { is_bucket: false, key, value: 0, child: u64_at(row, 8) };
        }
        let begin = at.saturating_add(wide(HEADER)).saturating_add(u64::from(position));
        let end = begin.saturating_add(self.element.key).saturating_add(self.element.value);
        if end > self.size {
            self.fail(Wrong::End(self.index));
        } else if begin != self.end {
            self.fail(Wrong::Begin(self.index));
        } else if self.element.key > LONGEST_KEY {
            self.fail(Wrong::LongKey(self.index));
        } else {
            self.end = end;
            self.need(Next::Key, begin, self.element.key);
        }
    }

    fn key(&mut self, key: &[u8]) {
        if self.index > 0 && key <= self.key.as_slice() {
            return self.fail(Wrong::Order(self.index));
        }
        self.last = prefix(key);
        if self.index == 0 {
            self.first = self.last;
        }
        self.key.clear();
        self.key.extend_from_slice(key);
        let value = self.end.saturating_sub(self.element.value);
        if self.element.is_bucket {
            // bbolt makes a bucket of its own pages of what holds other buckets.
            if self.element.value < wide(HEADER) || self.is_inline {
                return self.fail(Wrong::Bucket(self.index));
            }
            self.name = self.want.bucket(key);
            return self.need(Next::Bucket, value, wide(HEADER));
        }
        if !self.is_leaf {
            // A number that does not fit is past every page.
            self.children.push(u32::try_from(self.element.child).unwrap_or(u32::MAX));
        } else if let Some(wanted) = self.want.key(key).filter(|_| self.element.value <= KEPT_VALUE) {
            return self.need(Next::Value(wanted), value, self.element.value);
        }
        self.index = self.index.saturating_add(1);
        self.element();
    }

    /// The header of a bucket: its root, or nothing where its only page follows.
    fn bucket(&mut self, header: &[u8]) {
        let root = u64_at(header, 0);
        if root == 0 {
            if self.element.value < wide(HEADER).saturating_mul(2) {
                return self.fail(Wrong::Bucket(self.index));
            }
            return self.need(Next::Inline, self.at.saturating_add(wide(HEADER)), wide(HEADER));
        }
        self.buckets.push(Bucket::Tree { root: u32::try_from(root).unwrap_or(u32::MAX), name: self.name });
        self.index = self.index.saturating_add(1);
        self.element();
    }

    /// The header of the page inside a bucket without pages of its own.
    fn inline(&mut self, bytes: &[u8]) {
        let header = Header::read(bytes);
        if header.flags != LEAF || header.overflow != 0 {
            return self.fail(Wrong::Inline(self.index));
        }
        let mut inline = Box::new(Self::new(self.want));
        inline.is_inline = true;
        inline.begin(header, self.element.value.saturating_sub(wide(HEADER)));
        self.inline = Some((self.at, inline));
    }

    fn end_inline(&mut self) {
        let Some((_, inline)) = self.inline.take() else { return };
        // Its value is as long as the page in it, which has no slack.
        if inline.wrong.is_some() || inline.end != inline.size {
            return self.fail(Wrong::Inline(self.index));
        }
        self.buckets.push(Bucket::Inline { keys: inline.count, last: inline.last, name: self.name });
        let bucket = self.name;
        self.values.extend(inline.values.into_iter().map(|value| Value { bucket, ..value }));
        self.index = self.index.saturating_add(1);
        self.element();
    }
}
