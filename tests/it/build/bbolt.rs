//! Databases of bbolt, page by page: whole ones, and such as no bbolt writes.

/// Bytes of a page, unless a test wants other ones.
pub const PAGE: usize = 4096;
pub const NO_FREELIST: u64 = u64::MAX;

/// A page's header.
pub fn header(id: u64, flags: u16, count: u16, overflow: u32) -> Vec<u8> {
    let mut bytes = id.to_le_bytes().to_vec();
    bytes.extend(flags.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(overflow.to_le_bytes());
    bytes
}

/// What a meta page says.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    pub page_size: u32,
    pub root: u64,
    pub freelist: u64,
    pub pages: u64,
    pub txid: u64,
}

/// A meta page of as many bytes as a page has.
pub fn meta(index: u64, meta: Meta) -> Vec<u8> {
    let mut body = 0xED0C_DAED_u32.to_le_bytes().to_vec();
    body.extend(2_u32.to_le_bytes());
    body.extend(meta.page_size.to_le_bytes());
    body.extend([0; 4]);
    body.extend(meta.root.to_le_bytes());
    body.extend([0; 8]);
    for number in [meta.freelist, meta.pages, meta.txid] {
        body.extend(number.to_le_bytes());
    }
    let hash = body
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
    let mut page = header(index, 4, 0, 0);
    page.extend(body);
    page.extend(hash.to_le_bytes());
    page.resize(usize::try_from(meta.page_size).unwrap().clamp(page.len(), 1 << 20), 0);
    page
}

/// Fills up to whole pages and says in the header how many.
fn filled(mut page: Vec<u8>) -> Vec<u8> {
    let pages = page.len().div_ceil(PAGE);
    page.resize(pages * PAGE, 0);
    page[12..16].copy_from_slice(&u32::try_from(pages - 1).unwrap().to_le_bytes());
    page
}

/// An element of a leaf.
#[derive(Debug, Clone)]
pub struct Element {
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub is_bucket: bool,
}

pub fn pair(key: &[u8], value: &[u8]) -> Element {
    Element { key: key.to_vec(), value: value.to_vec(), is_bucket: false }
}

/// A bucket with pages of its own.
pub fn tree(key: &[u8], root: u64) -> Element {
    let value = [root.to_le_bytes(), [0; 8]].concat();
    Element { key: key.to_vec(), value, is_bucket: true }
}

/// A bucket in its leaf.
pub fn inline(key: &[u8], elements: &[Element]) -> Element {
    let value = [vec![0; 16], leaf_bytes(0, elements)].concat();
    Element { key: key.to_vec(), value, is_bucket: true }
}

fn leaf_bytes(id: u64, elements: &[Element]) -> Vec<u8> {
    let mut page = header(id, 2, u16::try_from(elements.len()).unwrap(), 0);
    let mut at = 16 * elements.len();
    for (index, element) in elements.iter().enumerate() {
        let sizes = [at - 16 * index, element.key.len(), element.value.len()];
        page.extend(u32::from(element.is_bucket).to_le_bytes());
        sizes.iter().for_each(|size| page.extend(u32::try_from(*size).unwrap().to_le_bytes()));
        at += element.key.len() + element.value.len();
    }
    for element in elements {
        page.extend(&element.key);
        page.extend(&element.value);
    }
    page
}

/// A leaf, and the pages it goes on in.
pub fn leaf(id: u64, elements: &[Element]) -> Vec<u8> {
    filled(leaf_bytes(id, elements))
}

pub fn branch(id: u64, children: &[(&[u8], u64)]) -> Vec<u8> {
    let mut page = header(id, 1, u16::try_from(children.len()).unwrap(), 0);
    let mut at = 16 * children.len();
    for (index, (key, child)) in children.iter().enumerate() {
        page.extend(u32::try_from(at - 16 * index).unwrap().to_le_bytes());
        page.extend(u32::try_from(key.len()).unwrap().to_le_bytes());
        page.extend(child.to_le_bytes());
        at += key.len();
    }
    children.iter().for_each(|(key, _)| page.extend(*key));
    filled(page)
}

/// A freelist; from 65,535 pages on the count is the first number.
pub fn freelist(id: u64, pages: &[u64]) -> Vec<u8> {
    let mut page = header(id, 16, u16::try_from(pages.len()).unwrap_or(u16::MAX), 0);
    if pages.len() >= 0xFFFF {
        page.extend((pages.len() as u64).to_le_bytes());
    }
    pages.iter().for_each(|number| page.extend(number.to_le_bytes()));
    filled(page)
}

/// A file whose two metas say the same but for the transaction, and these pages from 2 on.
pub fn file(root: u64, freelist: u64, pages: &[Vec<u8>]) -> Vec<u8> {
    let rest = pages.concat();
    let count = 2 + (rest.len() / PAGE) as u64;
    let of = |txid| Meta { page_size: PAGE as u32, root, freelist, pages: count, txid };
    [meta(0, of(8)), meta(1, of(7)), rest].concat()
}

/// Nine pages: a freelist, the root with an inline bucket and one of three pages, and two free pages, of which one holds
/// an old leaf.
pub fn small() -> Vec<u8> {
    file(3, 2, &small_pages())
}

/// The pages of [`small`], from 2 on.
pub fn small_pages() -> Vec<Vec<u8>> {
    vec![
        freelist(2, &[7, 8]),
        leaf(3, &[inline(b"inline", &[pair(b"a", b"1"), pair(b"b", b"2")]), tree(b"tree", 4)]),
        branch(4, &[(b"k0", 5), (b"k2", 6)]),
        leaf(5, &[pair(b"k0", b"zero"), pair(b"k1", &[7; 1000])]),
        leaf(6, &[pair(b"k2", b"two"), pair(b"k3", b"")]),
        leaf(7, &[pair(b"z", b"old"), pair(b"y", b"and out of order")]),
        vec![0; PAGE],
    ]
}
