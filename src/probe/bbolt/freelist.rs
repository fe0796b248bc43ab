//! The freelist: which pages are not in use.
//!
//! Promises: numbers ascend and are those of pages below the high-water mark; no more of them than the limit are held.
//! Refuses to know: which pages are in use.

use std::fmt;

use super::page::{FREELIST, HEADER, Header};
use super::words::{narrow, u64_at, wide};

/// In place of a count that a header has no room for: the count is the first number then.
const COUNT_FOLLOWS: u16 = 0xFFFF;
const NUMBER: usize = 8;

/// What is wrong with the freelist; numbers are those of pages it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    NotOne,
    Overflow,
    Count(u64),
    Outside(u64),
    Twice(u64),
    Order(u64),
    /// More than the limit.
    Over,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOne => f.write_str("the page is no freelist"),
            Self::Overflow => f.write_str("its header says that it goes on past the last page"),
            Self::Count(count) => write!(f, "it counts {count} pages, more than it has room for"),
            Self::Outside(page) => write!(f, "it names page {page}, which cannot be free"),
            Self::Twice(page) => write!(f, "it names page {page} twice"),
            Self::Order(page) => write!(f, "page {page} does not follow the one before it"),
            Self::Over => f.write_str("it names more pages than the limit"),
        }
    }
}

/// The freelist of the meta that was taken, being read.
#[derive(Debug, Default)]
pub(super) struct Freelist {
    /// Whether its first page has come.
    pub(super) is_met: bool,
    pub(super) wrong: Option<Wrong>,
    pub(super) pages: Vec<u32>,
    /// Pages that it takes itself.
    pub(super) span: u64,
    limit: u64,
    high_water: u64,
    is_counted: bool,
    size: u64,
    left: u64,
    last: u64,
}

impl Freelist {
    /// Its first page begins, at number `page`.
    pub(super) fn begin(&mut self, header: Header, page: u64, page_size: u64, high_water: u64, limit: u64) {
        self.is_met = true;
        self.span = u64::from(header.overflow).saturating_add(1);
        self.size = self.span.saturating_mul(page_size).saturating_sub(wide(HEADER));
        (self.high_water, self.limit) = (high_water, limit);
        (self.left, self.is_counted) = (u64::from(header.count), header.count != COUNT_FOLLOWS);
        if header.id != page || header.flags != FREELIST {
            self.fail(Wrong::NotOne);
        } else if page.saturating_add(self.span) > high_water {
            self.fail(Wrong::Overflow);
        } else if self.is_counted {
            self.check_room(self.left, self.size);
        } else {
            self.left = 1;
        }
    }

    fn fail(&mut self, wrong: Wrong) {
        self.wrong = Some(wrong);
        self.left = 0;
        self.pages.clear();
    }

    fn check_room(&mut self, count: u64, room: u64) {
        self.left = count;
        if count.saturating_mul(wide(NUMBER)) > room {
            self.fail(Wrong::Count(count));
        }
    }

    /// Whether more pages of it are to come.
    pub(super) fn is_open(&self) -> bool {
        self.left > 0
    }

    /// Takes what follows: whole numbers, for pages are cut at multiples of 512.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for number in bytes.chunks_exact(NUMBER) {
            if self.left == 0 {
                return;
            }
            let number = u64_at(number, 0);
            if self.is_counted {
                self.left = self.left.saturating_sub(1);
                self.number(number);
            } else {
                self.is_counted = true;
                self.check_room(number, self.size.saturating_sub(wide(NUMBER)));
            }
        }
    }

    fn number(&mut self, page: u64) {
        let is_first = self.pages.is_empty();
        let Ok(short) = u32::try_from(page) else { return self.fail(Wrong::Outside(page)) };
        if !(2..self.high_water).contains(&page) {
            self.fail(Wrong::Outside(page));
        } else if !is_first && page == self.last {
            self.fail(Wrong::Twice(page));
        } else if !is_first && page < self.last {
            self.fail(Wrong::Order(page));
        } else if self.pages.len() >= narrow(self.limit) {
            self.fail(Wrong::Over);
        } else {
            self.pages.push(short);
            self.last = page;
        }
    }
}
