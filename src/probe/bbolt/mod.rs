//! bbolt databases: one B+ tree in a file of pages, as etcd and Docker Swarm keep them.
//!
//! ```text
//!   bytes ──► meta: which root counts ──► page, freelist: what each page says ──► tree: which of it is in use, and whole
//! ```
//! Nothing but the meta pages has a checksum; but bbolt writes everything in one way only (elements without gaps, keys in
//! order, every page once), and what a flipped bit breaks of that is found.
//!
//! Promises: what `bbolt check` finds, in one pass and without the file at hand; the content of free pages is nobody's
//! fault. Refuses to know: what keys and values mean.

mod freelist;
mod meta;
mod page;
mod reader;
mod tree;
mod words;

pub(super) use reader::Reader;
use tree::Walk;

use super::{Kind, Learned, Probe, Subject};
use crate::code;

/// A bbolt database as it lies on the disk.
pub(super) const KIND: Kind = Kind {
    name: "bbolt",
    about: "a bbolt database: its meta pages, every page in use, its freelist, and that it is not cut",
    settings: &[],
    facts: &[
        ("page-size", "bytes of a page"),
        ("pages", "pages in use or once used; the file may have more"),
        ("txid", "the last transaction"),
        ("free-pages", "pages on the freelist, where the database has one"),
        ("buckets", "buckets, those in other buckets included"),
        ("keys", "keys in all buckets, without those of buckets"),
    ],
    digest: None,
    check: |_| Ok(()),
    start: |subject: &Subject<'_>| Box::new(Bbolt(Reader::new(Want::default(), subject.limits))),
};

struct Bbolt(Reader);

impl Probe for Bbolt {
    fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        let Some(database) = conclude(&self.0, &mut learned) else { return learned };
        learned.fact("page-size", database.page_size.to_string());
        learned.fact("pages", database.pages.to_string());
        learned.fact("txid", database.txid.to_string());
        if database.is_whole {
            if let Some(free) = database.free {
                learned.fact("free-pages", free.to_string());
            }
            learned.fact("buckets", database.buckets.to_string());
            learned.fact("keys", database.keys.to_string());
        }
        learned
    }
}

/// Names that a caller wants to hear of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Want {
    /// Buckets of the root to be told apart.
    pub(super) buckets: &'static [&'static [u8]],
    /// Keys whose values are kept, if they are small and stand in one of these buckets.
    pub(super) keys: &'static [&'static [u8]],
}

impl Want {
    /// The bucket's place, from 1; 0 where nobody asked for it.
    fn bucket(&self, name: &[u8]) -> u8 {
        (1_u8..).zip(self.buckets).find(|(_, wanted)| **wanted == name).map_or(0, |(place, _)| place)
    }

    fn key(&self, name: &[u8]) -> Option<usize> {
        self.keys.iter().position(|wanted| *wanted == name)
    }
}

/// What a database is, as far as it could be read.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) page_size: u64,
    /// The high-water mark.
    pub(super) pages: u64,
    pub(super) txid: u64,
    /// Nothing where there is no freelist.
    pub(super) free: Option<u64>,
    pub(super) buckets: u64,
    /// Without those of buckets.
    pub(super) keys: u64,
    /// Keys in the buckets of the root, but not deeper.
    pub(super) entries: u64,
    named: Vec<Named>,
    /// Bucket, key, and value.
    values: Vec<(u8, usize, Vec<u8>)>,
    /// Everything in use was read, and nothing is wrong with it.
    pub(super) is_whole: bool,
}

/// A bucket of the root that somebody wants to hear of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    name: u8,
    pub(super) keys: u64,
    /// The first eight bytes of its last key, big-endian.
    pub(super) last: Option<u64>,
}

impl Database {
    /// The bucket at this place of [`Want::buckets`], from 1.
    pub(super) fn bucket(&self, place: u8) -> Option<Named> {
        self.named.iter().find(|named| named.name == place).copied()
    }

    /// The value under the key at this place of [`Want::keys`], from 0, in the bucket at that place.
    pub(super) fn value(&self, bucket: u8, key: usize) -> Option<&[u8]> {
        let mut values = self.values.iter().filter(|(of, name, _)| (*of, *name) == (bucket, key));
        values.next().map(|(.., value)| value.as_slice())
    }
}

/// The file is over: its faults, and what is in it, where there is a meta page to go by.
pub(super) fn conclude(reader: &Reader, learned: &mut Learned) -> Option<Database> {
    let meta = metas(reader, learned)?;
    let whole = reader.bytes().checked_div(meta.page_size).unwrap_or(0);
    let is_cut = whole < meta.pages;
    if is_cut {
        let message = format!("it ends after {whole} of {} pages of {} bytes", meta.pages, meta.page_size);
        learned.fault(&code::BBOLT_TRUNCATED, reader.bytes(), message);
    }
    if reader.is_over {
        let message = "more pages, or references between them, than --limit bbolt-pages";
        learned.fault(&code::LIMIT_REACHED, None, message);
    }
    // The metas alone are no reason to look for what they refer to.
    let walk = Walk::new(reader, &meta, learned);
    Some(walk.run(is_cut))
}

/// The meta that counts, and what is wrong with either.
fn metas(reader: &Reader, learned: &mut Learned) -> Option<meta::Meta> {
    let page_size = reader.meta.as_ref().map_or(0, |meta| meta.page_size);
    let Some(meta) = reader.meta.clone().or_else(|| reader.only_meta()) else {
        let message = match &reader.metas {
            [Some(Err(unfit)), _] => format!("neither of the two meta pages can be read; of the first, {unfit}"),
            _ => format!("it ends after {} bytes, before the first meta page does", reader.bytes()),
        };
        learned.fault(&code::BBOLT_META, 0, message);
        return None;
    };
    for (index, read) in reader.metas.iter().enumerate() {
        let offset = if index == 0 { 0 } else { page_size };
        match read {
            Some(Err(unfit)) => {
                let message = format!("meta page {index}: {unfit}; transaction {} of the other counts", meta.txid);
                learned.fault(&code::BBOLT_META_COPY, offset, message);
            }
            Some(Ok(_)) if reader.are_headed.get(index) == Some(&false) => {
                let message = format!("meta page {index}: its header is not that of this page");
                learned.fault(&code::BBOLT_META_COPY, offset, message);
            }
            _ => {}
        }
    }
    Some(meta)
}
