//! bbolt databases: whole ones of real programs, and page by page what no bbolt writes.

use std::io::Read as _;

use veritar::limits::Limits;
use veritar::probe::{self, Learned, Settings, Subject};

use super::{codes, learn};
use crate::build::bbolt::{
    Meta, NO_FREELIST, PAGE, branch, file, freelist, header, inline, leaf, meta, pair, small, small_pages, tree,
};
use crate::support::{corpus, root};

/// What is learned of content that comes whole.
fn quick(content: &[u8], limits: &Limits) -> Learned {
    let settings = Settings::default();
    let subject = Subject { path: b"db", size: content.len() as u64, settings: &settings, limits, at: None };
    let mut probe = (probe::find("bbolt").unwrap().start)(&subject);
    probe.feed(content);
    probe.finish()
}

fn slow(content: &[u8]) -> Learned {
    learn("bbolt", "db", content, &Settings::default(), None)
}

fn facts(learned: &Learned) -> Vec<(&str, &str)> {
    learned.facts().iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect()
}

/// The task database in a swarm of the corpus.
fn tasks(name: &str) -> Vec<u8> {
    let packed = std::fs::File::open(corpus().join(name)).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed));
    let mut members = archive.entries().unwrap().map(Result::unwrap);
    let mut member = members.find(|member| member.path_bytes().ends_with(b"worker/tasks.db")).unwrap();
    let mut bytes = Vec::new();
    member.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn databases_of_real_programs_are_whole() {
    for name in ["kept/swarm-20.10.24.tgz", "kept/swarm-20.10.24-autolock.tgz"] {
        let learned = slow(&tasks(name));
        assert_eq!(codes(&learned), [""; 0], "{name}: {:?}", learned.faults());
        assert!(facts(&learned).contains(&("page-size", "4096")), "{name}: {:?}", learned.facts());
        assert!(facts(&learned).iter().any(|(fact, _)| *fact == "free-pages"), "{name}: {:?}", learned.facts());
    }
    let snapshot = std::fs::read(root().join("tests/it/parts/etcd.backup.db")).unwrap();
    let learned = slow(&snapshot);
    assert_eq!(codes(&learned), [""; 0], "{:?}", learned.faults());
    // etcd writes no freelist.
    assert!(facts(&learned).contains(&("pages", "6")) && facts(&learned).contains(&("txid", "12")));
    assert!(facts(&learned).iter().all(|(fact, _)| *fact != "free-pages"));
}

#[test]
fn a_database_is_counted() {
    let learned = slow(&small());
    assert_eq!(learned.faults(), []);
    let counted =
        [("page-size", "4096"), ("pages", "9"), ("txid", "8"), ("free-pages", "2"), ("buckets", "2"), ("keys", "6")];
    assert_eq!(facts(&learned), counted);
    // What stands behind the high-water mark is nobody's.
    let grown = [small(), vec![0xA5; 3 * PAGE + 5]].concat();
    assert_eq!(slow(&grown).faults(), []);
    // Buckets in buckets, and a bucket in a leaf of a branch.
    let mut pages = small_pages();
    pages[3] = leaf(5, &[inline(b"k0", &[pair(b"x", b"")]), tree(b"k1", 7)]);
    pages[5] = leaf(7, &[tree(b"deep", 8)]);
    pages[6] = leaf(8, &[pair(b"y", &[1; 9])]);
    pages[0] = freelist(2, &[]);
    let learned = slow(&file(3, 2, &pages));
    assert_eq!(learned.faults(), []);
    assert!(facts(&learned).contains(&("buckets", "5")) && facts(&learned).contains(&("keys", "6")));
}

#[test]
fn values_that_go_on_in_further_pages_are_stepped_over() {
    // Values that look like pages, in a leaf of four elements as bbolt leaves it unsplit.
    let fake = [leaf(5, &[pair(b"b", b""), pair(b"a", b"")]), branch(6, &[(b"", 2)]), vec![0xFF; PAGE * 3]].concat();
    let elements = [pair(b"a", &fake), pair(b"b", &[1; 5000]), pair(b"c", b""), pair(b"d", &[2; 9000])];
    let pages = [freelist(2, &[]), leaf(3, &[tree(b"big", 4)]), leaf(4, &elements)];
    let learned = slow(&file(3, 2, &pages));
    assert_eq!(learned.faults(), []);
    assert!(facts(&learned).contains(&("keys", "4")));
    // Cut inside it: the keys of what was not read to its end are no fault.
    for cut in (4..10).map(|page| page * PAGE) {
        assert_eq!(codes(&slow(&file(3, 2, &pages)[..cut])), ["bbolt/truncated"], "{cut} bytes");
    }
    // The second key stands pages behind its table.
    let mut bytes = file(3, 2, &pages);
    let at = bytes.windows(2).position(|pair| pair == b"b\x01").unwrap();
    assert!(at > 9 * PAGE);
    bytes[at] = b'a';
    let learned = slow(&bytes);
    assert_eq!(codes(&learned), ["bbolt/tree"]);
    assert!(learned.faults()[0].message.contains("page 4, a leaf: the key of element 1"), "{:?}", learned.faults());
}

#[test]
fn the_newer_meta_that_holds_counts() {
    let good = small();
    let broken = |places: &[usize]| {
        let mut bytes = good.clone();
        places.iter().for_each(|at| bytes[*at] ^= 0x10);
        slow(&bytes)
    };
    // In the field of the transaction, so that only the checksum tells.
    let first = broken(&[64]);
    assert_eq!(codes(&first), ["bbolt/meta-copy"]);
    assert!(first.faults()[0].message.contains("transaction 7"), "{:?}", first.faults());
    assert!(facts(&first).contains(&("txid", "7")) && facts(&first).contains(&("keys", "6")));
    let second = broken(&[PAGE + 64]);
    assert_eq!(codes(&second), ["bbolt/meta-copy"]);
    assert!(facts(&second).contains(&("txid", "8")));
    assert_eq!(codes(&broken(&[64, PAGE + 64])), ["bbolt/meta"]);
    // The first page's number, which bbolt does not look at.
    assert_eq!(codes(&broken(&[0])), ["bbolt/meta-copy"]);
    assert_eq!(codes(&broken(&[PAGE + 8])), ["bbolt/meta-copy"]);

    // The second is the newer one, and its root another.
    let of = |root, txid| Meta { page_size: PAGE as u32, root, freelist: 2, pages: 9, txid };
    let both = [meta(0, of(77, 7)), meta(1, of(3, 8)), small_pages().concat()].concat();
    assert_eq!(slow(&both).faults(), []);
    let turned = [meta(0, of(3, 8)), meta(1, of(77, 9)), small_pages().concat()].concat();
    let learned = slow(&turned);
    assert_eq!(codes(&learned), ["bbolt/tree"]);
    assert!(learned.faults()[0].message.contains("the meta page refers to page 77"), "{:?}", learned.faults());

    // Without the first, the second is looked for where it says that it is.
    for page_size in [512_u32, 1024, 16 << 10, 64 << 10] {
        let size = page_size as usize;
        let of = |txid| Meta { page_size, root: 2, freelist: NO_FREELIST, pages: 3, txid };
        let mut root = leaf(2, &[inline(b"a", &[pair(b"b", b"c")])]);
        root.resize(size, 0);
        let mut bytes = [meta(0, of(2)), meta(1, of(1)), root].concat();
        assert_eq!(bytes.len(), 3 * size);
        assert_eq!(slow(&bytes).faults(), []);
        bytes[16] ^= 1;
        let learned = slow(&bytes);
        assert_eq!(codes(&learned), ["bbolt/meta-copy"], "pages of {page_size}");
        assert!(facts(&learned).contains(&("keys", "1")));
    }
}

#[test]
fn what_is_no_database_has_no_meta() {
    let swapped: Vec<u8> = small().chunks(4).flat_map(|word| word.iter().rev().copied().collect::<Vec<_>>()).collect();
    let of = |page_size| Meta { page_size, root: 3, freelist: 2, pages: 9, txid: 1 };
    for (content, says) in [
        (Vec::new(), "ends after 0 bytes"),
        (small()[..79].to_vec(), "ends after 79 bytes"),
        (vec![0; 40_000], "zeros"),
        (b"PK\x03\x04".repeat(3000), "magic number is 0x04034b50"),
        (swapped, "big-endian"),
        ([meta(0, of(1)), meta(1, of(1)), vec![0; 9999]].concat(), "pages have 1 bytes"),
        ([meta(0, of(1 << 31)), vec![0; 9999]].concat(), "pages have 2147483648 bytes"),
        ([meta(0, of(3000)), meta(1, of(3000)), vec![0; 9999]].concat(), "pages have 3000 bytes"),
    ] {
        let learned = slow(&content);
        assert_eq!(codes(&learned), ["bbolt/meta"], "{says}");
        assert!(learned.faults()[0].message.contains(says), "{:?}", learned.faults());
        assert_eq!(learned.facts(), []);
    }
}

#[test]
fn a_file_that_is_cut_says_so_and_nothing_else() {
    for bytes in [small(), std::fs::read(root().join("tests/it/parts/etcd.backup.db")).unwrap()] {
        let pages = bytes.len() / PAGE;
        for page in 0..pages {
            for more in [0, 1, 100, PAGE - 1] {
                let learned = quick(&bytes[..page * PAGE + more], &Limits::default());
                let expected = if (page, more) < (0, 80) { "bbolt/meta" } else { "bbolt/truncated" };
                assert_eq!(codes(&learned), [expected], "{page} pages and {more} bytes: {:?}", learned.faults());
            }
        }
        assert_eq!(quick(&bytes, &Limits::default()).faults(), []);
    }
}

/// One bit of a header, a table or a freelist: bbolt writes all of them in one way only.
#[test]
fn a_flipped_bit_in_what_holds_the_pages_together_is_found() {
    let good = small();
    let structure = [(0, 80), (1, 80), (2, 16 + 16), (3, 16 + 32), (4, 16 + 32), (5, 16 + 32), (6, 16 + 32)];
    let mut missed = Vec::new();
    for (page, length) in structure {
        for bit in 0..length * 8 {
            let mut bytes = good.clone();
            bytes[page * PAGE + bit / 8] ^= 1 << (bit % 8);
            let learned = quick(&bytes, &Limits::default());
            if learned.faults().is_empty() {
                missed.push((page, bit / 8, bit % 8));
            }
        }
    }
    // How long the last key and value of a page are is said nowhere else: in the page's slack they may grow.
    let last_sizes = |(page, byte, _): &(usize, usize, usize)| match page {
        3 | 5 | 6 => (40..48).contains(byte),
        4 => (36..40).contains(byte),
        _ => false,
    };
    let others: Vec<_> = missed.iter().filter(|place| !last_sizes(place)).collect();
    assert!(others.is_empty(), "(page, byte, bit): {others:?}");
}

/// A change to the pages of [`small`] that no bbolt makes, and what is said of it.
type Case = (&'static str, fn(&mut Vec<Vec<u8>>), &'static str, &'static str);

const CASES: &[Case] = &[
    (
        "a branch below itself",
        |p| p[2] = branch(4, &[(b"k0", 4), (b"k2", 6)]),
        "bbolt/tree",
        "page 4 is in use already",
    ),
    (
        "a branch above itself",
        |p| p[2] = branch(4, &[(b"k0", 3), (b"k2", 6)]),
        "bbolt/tree",
        "page 3 is in use already",
    ),
    ("one leaf twice", |p| p[2] = branch(4, &[(b"k0", 5), (b"k2", 5)]), "bbolt/tree", "page 5 is in use already"),
    ("a meta page for a child", |p| p[2] = branch(4, &[(b"k0", 1)]), "bbolt/tree", "page 4 refers to page 1"),
    ("the freelist for a child", |p| p[2] = branch(4, &[(b"k0", 2)]), "bbolt/tree", "it is a freelist"),
    ("zeros for a child", |p| p[2] = branch(4, &[(b"k0", 5), (b"k2", 8)]), "bbolt/tree", "page 8: the header there"),
    (
        "a child past the end",
        |p| p[2] = branch(4, &[(b"k0", 9)]),
        "bbolt/tree",
        "refers to page 9, and pages in use are 2 to 8",
    ),
    ("a child far past it", |p| p[2] = branch(4, &[(b"k0", u64::MAX)]), "bbolt/tree", "page 4 refers to page"),
    (
        "a free page for a child",
        |p| p[2] = branch(4, &[(b"k0", 5), (b"k2", 7)]),
        "bbolt/tree",
        "page 7, a leaf: the key of element 1",
    ),
    (
        "leaves in the wrong order",
        |p| p[2] = branch(4, &[(b"k0", 6), (b"k2", 5)]),
        "bbolt/tree",
        "page 5: its keys do not follow",
    ),
    ("a branch without children", |p| p[2] = branch(4, &[]), "bbolt/tree", "a branch without elements"),
    ("a bucket on a free page", |p| p[1] = leaf(3, &[tree(b"tree", 7)]), "bbolt/tree", "page 7"),
    (
        "two buckets on one page",
        |p| p[1] = leaf(3, &[tree(b"a", 4), tree(b"b", 4)]),
        "bbolt/tree",
        "page 4 is in use already",
    ),
    (
        "a bucket of 8 bytes",
        |p| p[1] = leaf(3, &[bucket(&[0; 8])]),
        "bbolt/tree",
        "element 0 is a bucket and too short",
    ),
    ("an inline bucket without a page", |p| p[1] = leaf(3, &[bucket(&[0; 16])]), "bbolt/tree", "too short"),
    (
        "an inline bucket that is a branch",
        |p| p[1] = leaf(3, &[inline_page(1, 0, 0)]),
        "bbolt/tree",
        "whose own page is broken",
    ),
    (
        "an inline bucket that goes on",
        |p| p[1] = leaf(3, &[inline_page(2, 0, 1)]),
        "bbolt/tree",
        "whose own page is broken",
    ),
    (
        "an inline bucket of 65,535 keys",
        |p| p[1] = leaf(3, &[inline_page(2, 65_535, 0)]),
        "bbolt/tree",
        "whose own page is broken",
    ),
    (
        "a key in the root that is no bucket",
        |p| p[1] = leaf(3, &[pair(b"a", b""), tree(b"tree", 4)]),
        "bbolt/tree",
        "page 3: a key of the root is no bucket",
    ),
    (
        "an inline bucket longer than its page",
        |p| p[1] = leaf(3, &[inline_page(2, 0, 0)]),
        "bbolt/tree",
        "whose own page is broken",
    ),
    ("a leaf that counts nothing", |p| p[3][10] = 0, "bbolt/tree", "its header counts no elements, and there are some"),
    (
        "a bucket in an inline bucket",
        |p| p[1] = leaf(3, &[inline(b"a", &[tree(b"b", 4)])]),
        "bbolt/tree",
        "whose own page is broken",
    ),
    (
        "keys of an inline bucket in disorder",
        |p| p[1] = leaf(3, &[inline(b"a", &[pair(b"b", b""), pair(b"a", b"")])]),
        "bbolt/tree",
        "whose own page is broken",
    ),
    (
        "keys in disorder",
        |p| p[3] = leaf(5, &[pair(b"k1", b""), pair(b"k0", b"")]),
        "bbolt/tree",
        "page 5, a leaf: the key of element 1",
    ),
    (
        "one key twice",
        |p| p[3] = leaf(5, &[pair(b"k0", b"1"), pair(b"k0", b"2")]),
        "bbolt/tree",
        "the key of element 1",
    ),
    ("65,535 elements", |p| p[3][10..12].fill(0xFF), "bbolt/tree", "more elements than it has room for"),
    ("a page over all that follow", |p| p[3][12..16].fill(0xFF), "bbolt/tree", "goes on past the last page"),
    ("a value past the page", |p| p[3][46] = 1, "bbolt/tree", "element 1 reaches past the end"),
    ("a key of four gigabytes", |p| p[3][40..44].fill(0xFF), "bbolt/tree", "element 1 reaches past the end"),
    ("elements over each other", |p| p[3][36] ^= 1, "bbolt/tree", "element 1 does not begin"),
    ("flags that do not exist", |p| p[3][16] = 2, "bbolt/tree", "element 0 has flags"),
    ("a page of an unknown kind", |p| p[3][8] = 3, "bbolt/tree", "its header has flags that do not exist"),
    ("another page's number", |p| p[3][0] = 6, "bbolt/tree", "page 4 refers to page 5: the header there"),
    ("no freelist where it must be", |p| p[0] = vec![0; PAGE], "bbolt/freelist", "the page is no freelist"),
    (
        "a used page on the freelist",
        |p| p[0] = freelist(2, &[6, 7, 8]),
        "bbolt/freelist",
        "page 6 is in use and on the freelist",
    ),
    (
        "the freelist on itself",
        |p| p[0] = freelist(2, &[2, 7, 8]),
        "bbolt/freelist",
        "page 2 is in use and on the freelist",
    ),
    ("a page twice on it", |p| p[0] = freelist(2, &[7, 7, 8]), "bbolt/freelist", "names page 7 twice"),
    ("in disorder", |p| p[0] = freelist(2, &[8, 7]), "bbolt/freelist", "page 7 does not follow"),
    ("a page past the end", |p| p[0] = freelist(2, &[7, 8, 9]), "bbolt/freelist", "names page 9"),
    ("a meta page free", |p| p[0] = freelist(2, &[1, 7, 8]), "bbolt/freelist", "names page 1"),
    ("more than it has room for", |p| p[0][10] = 0xFE, "bbolt/freelist", "names page 0"),
    ("65,534 of them", |p| p[0][10..12].copy_from_slice(&[0xFE, 0xFF]), "bbolt/freelist", "counts 65534 pages"),
    ("2^40 of them", |p| huge_freelist(&mut p[0], 1 << 40), "bbolt/freelist", "counts 1099511627776 pages"),
    ("2^64 - 1 of them", |p| huge_freelist(&mut p[0], u64::MAX), "bbolt/freelist", "counts 18446744073709551615 pages"),
    ("a freelist over used pages", |p| p[0][12] = 1, "bbolt/freelist", "page 3 is in use and belongs to the freelist"),
    ("a freelist over everything", |p| p[0][12..16].fill(0xFF), "bbolt/freelist", "goes on past the last page"),
    ("a page that nobody knows", |p| p[0] = freelist(2, &[7]), "bbolt/lost-pages", "page 8 is neither in use nor free"),
    ("several", |p| p[0] = freelist(2, &[]), "bbolt/lost-pages", "page 7 and 1 further pages are"),
];

/// A bucket whose value is this.
fn bucket(value: &[u8]) -> crate::build::bbolt::Element {
    crate::build::bbolt::Element { key: b"bucket".to_vec(), value: value.to_vec(), is_bucket: true }
}

fn inline_page(flags: u16, count: u16, overflow: u32) -> crate::build::bbolt::Element {
    bucket(&[vec![0; 16], header(0, flags, count, overflow), vec![0; 64]].concat())
}

fn huge_freelist(page: &mut [u8], count: u64) {
    page[10..12].fill(0xFF);
    page[16..24].copy_from_slice(&count.to_le_bytes());
}

#[test]
fn what_no_bbolt_writes_is_named() {
    for (name, change, code, says) in CASES {
        let mut pages = small_pages();
        change(&mut pages);
        assert!(pages.iter().all(|page| page.len() == PAGE), "{name}");
        let learned = slow(&file(3, 2, &pages));
        let found = learned.faults().iter().find(|fault| fault.code.id == *code);
        let found = found.unwrap_or_else(|| panic!("{name}: {:?}", learned.faults()));
        assert!(found.message.contains(says), "{name}: {:?}", learned.faults());
        // Pages that are not reached for a fault above them are not called lost.
        let lost = learned.faults().iter().any(|fault| fault.code.id == "bbolt/lost-pages");
        assert_eq!(lost, *code == "bbolt/lost-pages", "{name}: {:?}", learned.faults());
    }
}

#[test]
fn metas_that_refer_to_nothing() {
    let of = |root, freelist, pages| Meta { page_size: PAGE as u32, root, freelist, pages, txid: 1 };
    for (says, of, code, message) in [
        ("no root", of(0, 2, 9), "bbolt/tree", "the meta page refers to page 0"),
        ("a root past the end", of(9, 2, 9), "bbolt/tree", "the meta page refers to page 9"),
        ("the freelist as root", of(2, 2, 9), "bbolt/tree", "it is a freelist"),
        ("a freelist past the end", of(3, 9, 9), "bbolt/freelist", "puts the freelist on page 9"),
        ("the root as freelist", of(3, 3, 9), "bbolt/freelist", "the page is no freelist"),
        ("no pages", of(3, 2, 0), "bbolt/tree", "the meta page refers to page 3"),
        ("all pages", of(3, 2, u64::MAX), "bbolt/truncated", "9 of 18446744073709551615 pages"),
    ] {
        let learned = slow(&[meta(0, of), meta(1, of), small_pages().concat()].concat());
        let found = learned.faults().iter().find(|fault| fault.code.id == code);
        assert!(found.is_some_and(|fault| fault.message.contains(message)), "{says}: {:?}", learned.faults());
    }
}

/// A freelist of so many pages that their number stands in front of them.
#[test]
fn a_freelist_that_counts_by_itself() {
    let size = 512;
    let pages = 70_000_u64;
    let count = pages - 3;
    let span = (24 + 8 * count).div_ceil(size);
    let of = |txid| Meta { page_size: 512, root: 2, freelist: 3, pages: 3 + span + count, txid };
    let mut root = leaf(2, &[inline(b"a", &[])]);
    root.truncate(512);
    let mut list = freelist(3, &(3 + span..3 + span + count).collect::<Vec<_>>());
    list.resize(usize::try_from(span * size).unwrap(), 0);
    list[12..16].copy_from_slice(&u32::try_from(span - 1).unwrap().to_le_bytes());
    let mut bytes = [meta(0, of(2)), meta(1, of(1)), root, list].concat();
    bytes.resize(usize::try_from((3 + span + count) * size).unwrap(), 0);
    let learned = quick(&bytes, &Limits::default());
    assert_eq!(learned.faults(), []);
    assert!(facts(&learned).contains(&("free-pages", "69997")), "{:?}", learned.facts());
    // The limit holds for pages and for what the freelist names.
    let limits = |pages| {
        let mut limits = Limits::default();
        limits.set("bbolt-pages", pages).unwrap();
        limits
    };
    assert_eq!(codes(&quick(&bytes, &limits(80_000))), [""; 0]);
    assert_eq!(codes(&quick(&bytes, &limits(60_000))), ["limit/reached", "limit/reached"]);
    assert_eq!(codes(&quick(&bytes, &limits(0))), ["limit/reached"]);
}

/// A leaf with further leaves in its value, each of which claims to go on to the end.
#[test]
fn pages_over_pages_are_read_up_to_a_limit() {
    let inner = |id: u64| {
        let mut page = leaf(id, &[pair(b"a", &[0; 2000]), pair(b"b", b"")]);
        // The second key stands in the last page.
        page[28..32].copy_from_slice(&u32::try_from((9 - id) * PAGE as u64).unwrap().to_le_bytes());
        let position = 16 + (9 - id) * PAGE as u64 + 1;
        page[36..40].copy_from_slice(&u32::try_from(position).unwrap().to_le_bytes());
        page[12] = u8::try_from(10 - id).unwrap();
        page
    };
    let value: Vec<u8> = (5..10).flat_map(inner).collect();
    // What stands before the value fills the first page.
    let first = [pair(b"a", &[7; PAGE - 16 - 48 - 2]), pair(b"b", &value), pair(b"c", &[1; 5000])];
    let pages = [freelist(2, &[]), leaf(3, &[tree(b"t", 4)]), leaf(4, &first)];
    let bytes = file(3, 2, &pages);
    assert_eq!(&bytes[5 * PAGE..5 * PAGE + 8], &5_u64.to_le_bytes());
    assert_eq!(slow(&bytes).faults(), []);
    let judged = |overlaps| {
        let mut limits = Limits::default();
        limits.set("bbolt-overlaps", overlaps).unwrap();
        quick(&bytes, &limits)
    };
    assert_eq!(codes(&judged(5)), [""; 0]);
    for overlaps in [0, 1, 4] {
        let learned = judged(overlaps);
        assert_eq!(codes(&learned), ["limit/reached"], "{overlaps}");
        assert!(learned.faults()[0].message.contains("--limit bbolt-overlaps"), "{:?}", learned.faults());
    }
}

/// Every page claims every page behind it, and as many elements as can be.
#[test]
fn a_file_of_claims_costs_no_more_than_its_bytes() {
    let pages = 4096_u64;
    let of = Meta { page_size: PAGE as u32, root: 2, freelist: NO_FREELIST, pages, txid: 1 };
    let mut bytes = [meta(0, of), meta(1, of)].concat();
    for id in 2..pages {
        let mut page = header(id, 1 + (id % 2) as u16, 65_535, u32::try_from(pages - id - 1).unwrap());
        page.resize(PAGE, 0x11);
        bytes.extend(page);
    }
    let started = std::time::Instant::now();
    let learned = quick(&bytes, &Limits::default());
    assert_eq!(codes(&learned), ["limit/reached"], "{:?}", learned.faults());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
