//! The walk over what was read: from the root that counts to every page in use.
//!
//! Promises: every page is visited once at most, so that circles end; what free pages hold is nobody's fault; echoes of a
//! fault are not told. Refuses to know: the bytes.

use std::collections::VecDeque;

use super::meta::Meta;
use super::page::{Bucket, Wrong};
use super::reader::{Page, Reader, What};
use super::words::{narrow, wide};
use super::{Database, Named, freelist};
use crate::code::{self, Code};
use crate::probe::Learned;

/// What a page is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Use {
    #[default]
    Nothing,
    Tree,
    Freelist,
    Free,
}

/// A bucket whose pages are to be walked.
#[derive(Debug, Clone, Copy)]
struct Task {
    root: u32,
    /// The page that refers to it; nothing where the meta does.
    from: Option<u32>,
    /// As in [`Bucket`].
    name: u8,
    /// Buckets around it: the root bucket has none.
    depth: u32,
}

/// Walks over what a reader has read.
pub(super) struct Walk<'a> {
    reader: &'a Reader,
    meta: &'a Meta,
    learned: &'a mut Learned,
    uses: Vec<Use>,
    tasks: VecDeque<Task>,
    database: Database,
    /// Something is wrong with the tree, or not all of it was read.
    is_broken: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(reader: &'a Reader, meta: &'a Meta, learned: &'a mut Learned) -> Self {
        let database = Database {
            page_size: meta.page_size,
            pages: meta.pages,
            txid: meta.txid,
            free: None,
            buckets: 0,
            keys: 0,
            entries: 0,
            named: Vec::new(),
            values: Vec::new(),
            is_whole: false,
        };
        let uses = vec![Use::Nothing; reader.pages.len()];
        Self { reader, meta, learned, uses, tasks: VecDeque::new(), database, is_broken: reader.is_over }
    }

    /// Everything from the root on; `missing` where the file ends before the high-water mark.
    pub(super) fn run(mut self, missing: bool) -> Database {
        self.is_broken |= missing;
        let root = u32::try_from(self.meta.root).unwrap_or(u32::MAX);
        self.tasks.push_back(Task { root, from: None, name: 0, depth: 0 });
        while let Some(task) = self.tasks.pop_front() {
            self.bucket(task);
        }
        self.account();
        self.database.is_whole = !self.is_broken;
        self.database
    }

    fn fault(&mut self, code: &'static Code, page: u32, message: String) {
        self.is_broken = true;
        let offset = u64::from(page).checked_mul(self.meta.page_size);
        self.learned.fault(code, offset.filter(|offset| *offset < self.reader.bytes()), message);
    }

    /// One bucket, its pages in the order of their keys.
    fn bucket(&mut self, task: Task) {
        let mut named = Named { name: task.name, keys: 0, last: None };
        let mut last = 0;
        let mut stack = vec![(task.root, task.from)];
        while let Some((number, from)) = stack.pop() {
            let Some(page) = self.visit(number, from) else { continue };
            if page.count > 0 {
                if page.first < last {
                    let message = format!("page {number}: its keys do not follow those of the page before it");
                    self.fault(&code::BBOLT_TREE, number, message);
                }
                last = if page.what == What::Leaf { page.last } else { page.first };
            }
            let reader = self.reader;
            stack.extend(reader.children_of(page).iter().rev().map(|child| (*child, Some(number))));
            if page.what == What::Leaf {
                named.keys = named.keys.saturating_add(u64::from(page.count));
                named.last = Some(page.last).filter(|_| page.count > 0).or(named.last);
                self.leaf(number, page, task);
            }
        }
        if task.depth == 1 {
            self.add(named);
        }
    }

    /// Buckets and values of a leaf.
    fn leaf(&mut self, number: u32, page: Page, task: Task) {
        let reader = self.reader;
        let buckets = reader.buckets_of(page);
        let keys = u64::from(page.count).saturating_sub(wide(buckets.len()));
        self.database.keys = self.database.keys.saturating_add(keys);
        self.database.buckets = self.database.buckets.saturating_add(wide(buckets.len()));
        if task.depth == 0 && keys > 0 {
            self.fault(&code::BBOLT_TREE, number, format!("page {number}: a key of the root is no bucket"));
        }
        if task.depth == 1 && task.name > 0 {
            self.keep(number, 0, task.name);
        }
        for bucket in buckets {
            match *bucket {
                Bucket::Tree { root, name } => {
                    let depth = task.depth.saturating_add(1);
                    self.tasks.push_back(Task { root, from: Some(number), name, depth });
                }
                Bucket::Inline { keys, last, name } => {
                    let keys = u64::from(keys);
                    self.database.keys = self.database.keys.saturating_add(keys);
                    if task.depth == 0 {
                        self.keep(number, name, name);
                        self.add(Named { name, keys, last: Some(last).filter(|_| keys > 0) });
                    }
                }
            }
        }
    }

    /// The values kept of a bucket that has a name.
    fn keep(&mut self, page: u32, place: u8, name: u8) {
        let values = self.reader.values.get(&(page, place)).filter(|_| name > 0);
        let values = values.into_iter().flatten().map(|value| (name, value.key, value.bytes.clone()));
        self.database.values.extend(values);
    }

    /// A bucket of the root is counted.
    fn add(&mut self, bucket: Named) {
        self.database.entries = self.database.entries.saturating_add(bucket.keys);
        if bucket.name > 0 {
            self.database.named.push(bucket);
        }
    }

    /// A page that `from` refers to, or the meta; nothing where it cannot be gone into.
    fn visit(&mut self, number: u32, from: Option<u32>) -> Option<Page> {
        let by = from.map_or_else(|| "the meta page".to_owned(), |from| format!("page {from}"));
        if !(2..self.meta.pages).contains(&u64::from(number)) {
            let message = format!("{by} refers to page {number}, and pages in use are 2 to {}", self.last());
            self.fault(&code::BBOLT_TREE, from.unwrap_or(0), message);
            return None;
        }
        let Some(page) = self.reader.pages.get(narrow(u64::from(number))).copied() else {
            self.is_broken = true;
            return None;
        };
        let what = match page.what {
            What::Branch | What::Leaf => None,
            What::Foreign => Some("the header there is not that of this page"),
            What::Odd => Some("its header has flags that do not exist"),
            What::Meta => Some("it is a meta page"),
            What::Freelist => Some("it is a freelist"),
        };
        if let Some(what) = what {
            self.fault(&code::BBOLT_TREE, number, format!("{by} refers to page {number}: {what}"));
            return None;
        }
        if !page.is_read {
            self.is_broken = true;
            return None;
        }
        if page.wrong == Some(Wrong::Crowded) {
            let message = format!("page {number}: {} (--limit bbolt-overlaps)", Wrong::Crowded);
            self.fault(&code::LIMIT_REACHED, number, message);
            return None;
        }
        let span = if page.wrong == Some(Wrong::Overflow) { 0 } else { page.overflow };
        if let Err(twice) = self.take(u64::from(number), u64::from(span).saturating_add(1), Use::Tree) {
            let message = format!("{by} refers to page {number}, but page {twice} is in use already");
            self.fault(&code::BBOLT_TREE, number, message);
            return None;
        }
        if let Some(wrong) = page.wrong {
            let kind = if page.what == What::Leaf { "leaf" } else { "branch" };
            self.fault(&code::BBOLT_TREE, number, format!("page {number}, a {kind}: {wrong}"));
            return None;
        }
        Some(page)
    }

    /// The last page below the high-water mark.
    fn last(&self) -> u64 {
        self.meta.pages.saturating_sub(1)
    }

    /// Marks pages; an error is the first of them that has another use.
    fn take(&mut self, from: u64, pages: u64, new: Use) -> Result<(), usize> {
        let span = self.uses.iter_mut().enumerate().skip(narrow(from)).take(narrow(pages));
        for (number, old) in span {
            if *old != Use::Nothing {
                return Err(number);
            }
            *old = new;
        }
        Ok(())
    }

    /// Every page is in use or free, and none is both.
    fn account(&mut self) {
        let Some(at) = self.meta.freelist else { return };
        let page = u32::try_from(at).unwrap_or(u32::MAX);
        let list = &self.reader.freelist;
        if !(2..self.meta.pages).contains(&at) {
            let message = format!("the meta page puts the freelist on page {at}, and the last is {}", self.last());
            return self.fault(&code::BBOLT_FREELIST, 0, message);
        }
        match list.wrong {
            Some(freelist::Wrong::Over) => {
                let message = format!("page {page}, the freelist: {} (--limit bbolt-pages)", freelist::Wrong::Over);
                return self.fault(&code::LIMIT_REACHED, page, message);
            }
            Some(wrong) => {
                return self.fault(&code::BBOLT_FREELIST, page, format!("page {page}, the freelist: {wrong}"));
            }
            // The file ends before it, or inside it.
            None if !list.is_met || list.is_open() => return self.is_broken = true,
            None => {}
        }
        if let Err(twice) = self.take(at, list.span, Use::Freelist) {
            let message = format!("page {twice} is in use and belongs to the freelist");
            self.fault(&code::BBOLT_FREELIST, page, message);
        }
        for free in &list.pages {
            if self.take(u64::from(*free), 1, Use::Free).is_err() {
                self.fault(&code::BBOLT_FREELIST, *free, format!("page {free} is in use and on the freelist"));
            }
        }
        self.database.free = Some(wide(list.pages.len()));
        if !self.is_broken {
            self.lost();
        }
    }

    /// Pages that nothing refers to.
    fn lost(&mut self) {
        let mut lost = self.uses.iter().enumerate().skip(2).filter(|(_, used)| **used == Use::Nothing);
        if let Some((first, _)) = lost.next() {
            let others = lost.count();
            let more = if others > 0 { format!(" and {others} further pages are") } else { " is".to_owned() };
            let offset = wide(first).checked_mul(self.meta.page_size);
            let message = format!("page {first}{more} neither in use nor free");
            self.learned.fault(&code::BBOLT_LOST, offset, message);
        }
    }
}
