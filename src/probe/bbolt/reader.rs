//! The pages of a file as they stream by: finds the two metas, then notes of each page what the walk needs.
//!
//! Promises: one pass; a few dozen bytes a page, and no more pages than the limit; every place where a page may begin is
//! looked at, for free pages may claim bytes that are others' by now. Refuses to know: which pages are in use.

use std::collections::BTreeMap;

use super::Want;
use super::freelist::Freelist;
use super::meta::{self, Meta, Unfit};
use super::page::{BRANCH, Body, Bucket, FREELIST, Header, LEAF, META, Value, Wrong};
use super::words::{narrow, wide};
use crate::limits::Limits;

/// References kept for each page that may be remembered: a branch of 4096 bytes may have 250.
const REFERENCES: u64 = 8;
/// Pages past which references could not be counted.
const MOST_PAGES: u64 = 1 << 28;
/// Small values kept whose keys are wanted; free pages hold old copies of them.
const VALUES: usize = 1 << 16;

/// What a page is by its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum What {
    /// The header is that of no page here: another's, zeros, or the middle of a value.
    #[default]
    Foreign,
    Meta,
    Branch,
    Leaf,
    Freelist,
    /// It has its number and flags that do not exist.
    Odd,
}

/// What is remembered of a page.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Page {
    pub(super) what: What,
    pub(super) wrong: Option<Wrong>,
    /// A branch or leaf has come to its end; the file may have come to its own before.
    pub(super) is_read: bool,
    pub(super) count: u16,
    /// Children of a branch, buckets of a leaf: so many from there on.
    links: u16,
    from: u32,
    pub(super) overflow: u32,
    /// The first bytes of its first and last key.
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A meta may stand in the page that begins there.
    Meta(u64),
    /// Up to the page behind the metas.
    Skip(u64),
    Pages,
    /// All that matters is read.
    Rest,
}

/// A page that goes on in pages to come.
#[derive(Debug)]
struct Open {
    page: u64,
    body: Body,
}

/// Reads a file from its first byte to its last.
#[derive(Debug)]
pub(in crate::probe) struct Reader {
    want: Want,
    limit: u64,
    overlaps: usize,
    stage: Stage,
    /// Bytes that came.
    bytes: u64,
    head: Vec<u8>,
    /// What was found where the two metas must be; the second place is known where one of them holds.
    pub(super) metas: [Option<Result<Meta, Unfit>>; 2],
    pub(super) are_headed: [bool; 2],
    /// The one that counts.
    pub(super) meta: Option<Meta>,
    page_size: usize,
    /// The beginning of a page that is cut.
    held: Vec<u8>,
    pub(super) pages: Vec<Page>,
    children: Vec<u32>,
    buckets: Vec<Bucket>,
    /// By page, and by the bucket in it.
    pub(super) values: BTreeMap<(u32, u8), Vec<Value>>,
    value_count: usize,
    closed: Body,
    open: Vec<Open>,
    pub(super) freelist: Freelist,
    /// More pages or references than the limit.
    pub(super) is_over: bool,
}

impl Reader {
    pub(in crate::probe) fn new(want: Want, limits: &Limits) -> Self {
        Self {
            want,
            limit: limits.bbolt_pages.min(MOST_PAGES),
            overlaps: narrow(limits.bbolt_overlaps),
            stage: Stage::Meta(0),
            bytes: 0,
            head: Vec::new(),
            metas: [None, None],
            are_headed: [true; 2],
            meta: None,
            page_size: 0,
            held: Vec::new(),
            pages: Vec::new(),
            children: Vec::new(),
            buckets: Vec::new(),
            values: BTreeMap::new(),
            value_count: 0,
            closed: Body::new(want),
            open: Vec::new(),
            freelist: Freelist::default(),
            is_over: false,
        }
    }

    /// The next bytes of the file.
    pub(in crate::probe) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.stage {
                Stage::Meta(at) => self.meta_bytes(at, rest),
                Stage::Skip(end) => {
                    let taken = rest.len().min(narrow(end.saturating_sub(self.bytes)));
                    if self.bytes.saturating_add(wide(taken)) >= end {
                        self.stage = Stage::Pages;
                    }
                    taken
                }
                Stage::Pages => self.page_bytes(rest),
                Stage::Rest => rest.len(),
            };
            self.bytes = self.bytes.saturating_add(wide(taken));
            rest = rest.get(taken..).unwrap_or_default();
        }
    }

    /// Gathers the beginning of the page at `at`; how many bytes were taken.
    fn meta_bytes(&mut self, at: u64, rest: &[u8]) -> usize {
        if self.bytes < at {
            return rest.len().min(narrow(at.saturating_sub(self.bytes)));
        }
        let taken = rest.len().min(meta::BYTES.saturating_sub(self.head.len()));
        self.head.extend_from_slice(rest.get(..taken).unwrap_or_default());
        if self.head.len() == meta::BYTES {
            let head = std::mem::take(&mut self.head);
            self.meta_at(at, &head);
        }
        taken
    }

    /// The first meta says where the second is. Without it the second is where it says that it is itself.
    fn meta_at(&mut self, at: u64, head: &[u8]) {
        let read = meta::read(head);
        let [first, second] = &mut self.metas;
        let [is_first_headed, is_second_headed] = &mut self.are_headed;
        if at == 0 {
            self.stage = Stage::Meta(read.as_ref().map_or(meta::LEAST_PAGE, |meta| meta.page_size));
            *is_first_headed = meta::is_headed(head, 0);
            *first = Some(read);
            return;
        }
        let fits = |meta: Meta| if meta.page_size == at { Ok(meta) } else { Err(Unfit::PageSize(meta.page_size)) };
        let read = read.and_then(fits);
        if matches!(first, Some(Ok(_))) || read.is_ok() {
            *is_second_headed = meta::is_headed(head, 1);
            *second = Some(read);
            self.metas_read(at);
        } else if at < meta::LARGEST_PAGE {
            self.stage = Stage::Meta(at.saturating_mul(2));
        } else {
            self.stage = Stage::Rest;
        }
    }

    /// The newer of the two counts, as long as it holds.
    fn metas_read(&mut self, page_size: u64) {
        let good = self.metas.iter().filter_map(|meta| meta.as_ref()?.as_ref().ok());
        self.meta = good.max_by_key(|meta| meta.txid).cloned();
        self.page_size = narrow(page_size);
        self.pages = vec![Page { what: What::Meta, ..Page::default() }; 2];
        self.stage = Stage::Skip(page_size.saturating_mul(2));
    }

    /// Bytes come so far.
    pub(in crate::probe) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first meta, where the file ends before the second.
    pub(super) fn only_meta(&self) -> Option<Meta> {
        self.metas.iter().find_map(|meta| meta.as_ref()?.as_ref().ok()).cloned()
    }

    /// The high-water mark of the meta that counts.
    pub(super) fn high_water(&self) -> u64 {
        self.meta.as_ref().map_or(0, |meta| meta.pages)
    }

    /// Takes a page, or the part of one that is there; how many bytes were taken.
    fn page_bytes(&mut self, rest: &[u8]) -> usize {
        let number = wide(self.pages.len());
        if number >= self.high_water() || number >= self.limit {
            self.is_over |= number < self.high_water();
            self.stage = Stage::Rest;
            self.open.clear();
            return 0;
        }
        if self.held.is_empty()
            && let Some(page) = rest.get(..self.page_size)
        {
            self.page(number, page);
            return page.len();
        }
        let part = rest.get(..self.page_size.saturating_sub(self.held.len())).unwrap_or(rest);
        self.held.extend_from_slice(part);
        if self.held.len() == self.page_size {
            let mut held = std::mem::take(&mut self.held);
            self.page(number, &held);
            held.clear();
            self.held = held;
        }
        part.len()
    }

    fn page(&mut self, number: u64, bytes: &[u8]) {
        self.go_on(number, bytes);
        let header = Header::read(bytes);
        let what = match header.flags {
            _ if header.id != number => What::Foreign,
            BRANCH => What::Branch,
            LEAF => What::Leaf,
            META => What::Meta,
            FREELIST => What::Freelist,
            _ => What::Odd,
        };
        let place = self.pages.len();
        self.pages.push(Page { what, count: header.count, overflow: header.overflow, ..Page::default() });
        let page_size = wide(self.page_size);
        if self.meta.as_ref().is_some_and(|meta| meta.freelist == Some(number)) {
            self.freelist.begin(header, number, page_size, self.high_water(), self.limit);
            self.freelist.feed(bytes.get(super::page::HEADER..).unwrap_or_default());
        }
        if !matches!(what, What::Branch | What::Leaf) {
            return;
        }
        let span = u64::from(header.overflow).saturating_add(1);
        if number.saturating_add(span) > self.high_water() {
            self.note(place, Wrong::Overflow);
        } else if header.overflow == 0 {
            let mut body = std::mem::replace(&mut self.closed, Body::new(self.want));
            body.begin(header, page_size);
            body.feed(0, bytes);
            self.settle(place, &mut body);
            self.closed = body;
        } else {
            let mut body = Body::new(self.want);
            body.begin(header, page_size.saturating_mul(span));
            if body.feed(0, bytes) {
                self.settle(place, &mut body);
            } else {
                self.open(Open { page: number, body });
            }
        }
    }

    /// Pages that go on in this one.
    fn go_on(&mut self, number: u64, bytes: &[u8]) {
        if self.freelist.is_open() {
            self.freelist.feed(bytes);
        }
        if self.open.is_empty() {
            return;
        }
        let page_size = wide(self.page_size);
        let mut open = std::mem::take(&mut self.open);
        open.retain_mut(|Open { page, body }| {
            let start = number.saturating_sub(*page).saturating_mul(page_size);
            let is_done = body.feed(start, bytes);
            if is_done {
                self.settle(narrow(*page), body);
            }
            !is_done
        });
        self.open = open;
    }

    /// The last of the pages that claim the same bytes was written last: where there are too many, the first is given up.
    fn open(&mut self, open: Open) {
        if self.open.len() >= self.overlaps && !self.open.is_empty() {
            let given_up = self.open.remove(0);
            self.note(narrow(given_up.page), Wrong::Crowded);
        }
        self.open.push(open);
    }

    fn note(&mut self, place: usize, wrong: Wrong) {
        if let Some(page) = self.pages.get_mut(place) {
            (page.wrong, page.is_read) = (Some(wrong), true);
        }
    }

    /// A page has come to its end.
    fn settle(&mut self, place: usize, body: &mut Body) {
        let kept = wide(self.children.len()).saturating_add(wide(self.buckets.len()));
        let new = wide(body.children.len()).saturating_add(wide(body.buckets.len()));
        if kept.saturating_add(new) > self.limit.saturating_mul(REFERENCES) {
            self.is_over = true;
            self.stage = Stage::Rest;
            return;
        }
        let Some(page) = self.pages.get_mut(place) else { return };
        (page.wrong, page.is_read) = (body.wrong, true);
        (page.first, page.last) = (body.first, body.last);
        if page.what == What::Branch {
            page.from = u32::try_from(self.children.len()).unwrap_or(u32::MAX);
            page.links = u16::try_from(body.children.len()).unwrap_or(u16::MAX);
            self.children.extend_from_slice(&body.children);
        } else {
            page.from = u32::try_from(self.buckets.len()).unwrap_or(u32::MAX);
            page.links = u16::try_from(body.buckets.len()).unwrap_or(u16::MAX);
            self.buckets.extend_from_slice(&body.buckets);
        }
        let is_root = self.meta.as_ref().is_some_and(|meta| narrow(meta.root) == place);
        for value in body.values.drain(..) {
            if is_root || self.value_count < VALUES {
                self.value_count = self.value_count.saturating_add(1);
                let page = u32::try_from(place).unwrap_or(u32::MAX);
                self.values.entry((page, value.bucket)).or_default().push(value);
            }
        }
    }

    /// The pages below a branch.
    pub(super) fn children_of(&self, page: Page) -> &[u32] {
        if page.what == What::Branch { links(&self.children, page) } else { &[] }
    }

    /// The buckets in a leaf.
    pub(super) fn buckets_of(&self, page: Page) -> &[Bucket] {
        if page.what == What::Leaf { links(&self.buckets, page) } else { &[] }
    }
}

fn links<T>(all: &[T], page: Page) -> &[T] {
    let from = usize::try_from(page.from).unwrap_or(usize::MAX);
    all.get(from..).and_then(|rest| rest.get(..usize::from(page.links))).unwrap_or_default()
}
