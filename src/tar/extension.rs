//! Extension headers: what stands before a member header and changes what it says.
//!
//! Promises: every value that is kept was checked; contradictions between several extension headers are anomalies, the
//! last one counts. Refuses to know: the member they belong to.

use crate::entry::Attribute;

use super::anomaly::AnomalyKind;
use super::pax::{Records, decimal, time};
use super::sparse::SparseRecords;

/// What extension headers say about one member: its own, and those for all members so far.
#[derive(Debug, Default)]
pub(super) struct Extensions {
    /// From `x`, `L` and `K`.
    pub(super) local: Extension,
    /// From `g`.
    pub(super) global: Extension,
}

/// The values of one or several extension headers.
#[derive(Debug, Default)]
pub(super) struct Extension {
    /// Path, from a pax header or a GNU long name.
    pub(super) path: Text,
    /// Link target, likewise.
    pub(super) link: Text,
    /// Owner's name.
    pub(super) uname: Text,
    /// Group's name.
    pub(super) gname: Text,
    /// Bytes of payload.
    pub(super) size: Option<u64>,
    /// Bytes of the file with its holes.
    pub(super) real_size: Option<u64>,
    /// The same by star, which gives it for other files too.
    pub(super) star_real_size: Option<u64>,
    /// Whether the member is stored sparse.
    pub(super) is_sparse: bool,
    /// Its map.
    pub(super) sparse: SparseRecords,
    /// Extended attributes and access control lists.
    pub(super) attributes: Vec<Attribute>,
    /// Owner.
    pub(super) uid: Option<u64>,
    /// Group.
    pub(super) gid: Option<u64>,
    /// Modification time in seconds and nanoseconds.
    pub(super) mtime: Option<(i64, u32)>,
    /// Headers met, each kind by itself: local pax, long name, long link.
    seen: [u32; 3],
}

/// A text that keeps its memory from one member to the next.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    set: bool,
    from_pax: bool,
    /// What an earlier extension header, or one that does not count, said.
    other: Option<Vec<u8>>,
}

/// Bytes kept of a name that does not count.
const OTHER_BYTES: usize = 255;

impl Text {
    pub(super) fn set(&mut self, value: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(value);
        self.set = true;
    }

    fn set_by_pax(&mut self, value: &[u8]) {
        self.set(value);
        self.from_pax = true;
    }

    /// Remembers what counts until now: the header that comes may change it.
    fn keep_other(&mut self, value: &[u8]) {
        if self.other.is_none() {
            self.other = Some(value.get(..OTHER_BYTES).unwrap_or(value).to_vec());
        }
    }

    /// Another value that some readers take.
    pub(super) fn other(&self) -> Option<&[u8]> {
        self.other.as_deref().filter(|other| self.value() != Some(other))
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        self.set.then_some(&self.bytes)
    }
}

/// Which extension header it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionKind {
    /// `x`, and Solaris' `X`: pax, for the next member.
    Local,
    /// `g`: pax, for all members from here.
    Global,
    /// `L`: GNU long name.
    LongName,
    /// `K`: GNU long link target.
    LongLink,
}

impl ExtensionKind {
    /// The one with this typeflag.
    #[must_use]
    pub fn of(typeflag: u8) -> Option<Self> {
        match typeflag {
            b'x' | b'X' => Some(Self::Local),
            b'g' => Some(Self::Global),
            b'L' => Some(Self::LongName),
            b'K' => Some(Self::LongLink),
            _ => None,
        }
    }
}

const MIXED: &str = "a pax header and a GNU long name or link";

impl Extension {
    /// Forgets everything but the memory; where no header was met since, there is nothing to forget.
    pub(super) fn clear(&mut self) {
        if self.seen == [0; 3] {
            return;
        }
        for text in [&mut self.path, &mut self.link, &mut self.uname, &mut self.gname] {
            (text.set, text.from_pax, text.other) = (false, false, None);
        }
        (self.size, self.real_size, self.star_real_size, self.uid, self.gid, self.mtime) =
            (None, None, None, None, None, None);
        if self.is_sparse {
            self.sparse.clear();
            self.is_sparse = false;
        }
        self.attributes.clear();
        self.seen = [0; 3];
    }

    /// Takes the payload of one extension header in; what is odd about it goes to `odd`, with its offset in the payload.
    pub(super) fn absorb(&mut self, kind: ExtensionKind, payload: &[u8], odd: &mut dyn FnMut(usize, AnomalyKind)) {
        match kind {
            ExtensionKind::Local => {
                if self.count(0) > 1 {
                    odd(0, AnomalyKind::ExtensionRepeated("two pax headers"));
                } else if self.seen != [1, 0, 0] {
                    odd(0, AnomalyKind::ExtensionRepeated(MIXED));
                }
                for text in [&mut self.path, &mut self.link] {
                    if let Some(before) = text.value().map(<[u8]>::to_vec) {
                        text.keep_other(&before);
                    }
                }
                self.records(payload, false, odd);
            }
            ExtensionKind::Global => self.records(payload, true, odd),
            ExtensionKind::LongName | ExtensionKind::LongLink => {
                let (slot, what) =
                    if kind == ExtensionKind::LongName { (1, "two GNU long names") } else { (2, "two GNU long links") };
                if self.count(slot) > 1 {
                    odd(0, AnomalyKind::ExtensionRepeated(what));
                } else if self.seen.first() != Some(&0) {
                    odd(0, AnomalyKind::ExtensionRepeated(MIXED));
                }
                // GNU ends the text with one NUL; what stands behind the first one is seen by some readers only.
                let text = payload.strip_suffix(&[0]).unwrap_or(payload);
                let value = cut_at_nul(text, odd);
                let text = if kind == ExtensionKind::LongName { &mut self.path } else { &mut self.link };
                // GNU tar, bsdtar and Python agree that a pax path counts, even before a GNU long name.
                if let Some(before) = text.value().map(<[u8]>::to_vec) {
                    text.keep_other(if text.from_pax { value } else { &before });
                }
                if !text.from_pax {
                    text.set(value);
                }
            }
        }
    }

    fn count(&mut self, slot: usize) -> u32 {
        self.seen.get_mut(slot).map_or(0, |seen| {
            *seen = seen.saturating_add(1);
            *seen
        })
    }

    fn records(&mut self, payload: &[u8], global: bool, odd: &mut dyn FnMut(usize, AnomalyKind)) {
        let mut keys: Vec<&[u8]> = Vec::new();
        let mut offset = 0;
        for record in Records::new(payload) {
            let record = match record {
                Ok(record) => record,
                Err(error) => return odd(error.offset, AnomalyKind::Pax(error.fault)),
            };
            // Sparse maps of format 0.0 repeat these two by design; a megabyte of distinct keys is no reason to compare
            // each with each.
            let may_repeat = matches!(record.key, b"GNU.sparse.offset" | b"GNU.sparse.numbytes") || keys.len() > 256;
            if !may_repeat && keys.contains(&record.key) {
                odd(offset, AnomalyKind::PaxDuplicate(record.key.to_vec()));
            }
            keys.push(record.key);
            self.record(record.key, record.value, global, &mut |kind| odd(offset, kind));
            let mark = record.value.as_ptr_range().end.addr().saturating_sub(payload.as_ptr().addr());
            offset = mark.saturating_add(1);
        }
    }

    fn record(&mut self, key: &[u8], value: &[u8], global: bool, odd: &mut dyn FnMut(AnomalyKind)) {
        if value.is_empty() {
            odd(AnomalyKind::PaxDeletes(key.to_vec()));
        }
        let named: Option<&'static str> = match key {
            b"path" => Some("path"),
            b"linkpath" => Some("linkpath"),
            b"size" => Some("size"),
            b"GNU.sparse.name" => Some("GNU.sparse.name"),
            _ if key.starts_with(b"GNU.sparse.") => Some("a GNU.sparse record"),
            _ => None,
        };
        if let (true, Some(name)) = (global, named) {
            return odd(AnomalyKind::PaxGlobalName(name, value.get(..OTHER_BYTES).unwrap_or(value).to_vec()));
        }
        let mut number = |name: &'static str, slot: &mut Option<u64>| {
            *slot = decimal(value);
            if slot.is_none() && !value.is_empty() {
                odd(AnomalyKind::PaxValue(name));
            }
        };
        match key {
            b"size" => number("size", &mut self.size),
            b"uid" => number("uid", &mut self.uid),
            b"gid" => number("gid", &mut self.gid),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => {
                self.is_sparse = true;
                number("the sparse size", &mut self.real_size);
            }
            b"SCHILY.realsize" => number("SCHILY.realsize", &mut self.star_real_size),
            b"mtime" => {
                self.mtime = time(value);
                if self.mtime.is_none() && !value.is_empty() {
                    odd(AnomalyKind::PaxValue("mtime"));
                }
            }
            b"path" | b"GNU.sparse.name" => {
                self.is_sparse |= key != b"path";
                let value = cut_at_nul(value, &mut |_, kind| odd(kind));
                if std::str::from_utf8(value).is_err() {
                    odd(AnomalyKind::Charset("path"));
                }
                // The name of a sparse file's map stands in `path`, the file's own in `GNU.sparse.name`.
                if key != b"path" || !self.is_sparse || self.path.value().is_none() {
                    self.path.set_by_pax(value);
                }
            }
            b"linkpath" => {
                let value = cut_at_nul(value, &mut |_, kind| odd(kind));
                if std::str::from_utf8(value).is_err() {
                    odd(AnomalyKind::Charset("linkpath"));
                }
                self.link.set_by_pax(value);
            }
            b"uname" => self.uname.set(value),
            b"gname" => self.gname.set(value),
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    self.is_sparse = true;
                    self.sparse.record(key, value);
                } else if !global && let Some(name) = attribute_name(key) {
                    self.attributes.push(Attribute { name: name.to_vec(), value: value.to_vec() });
                }
            }
        }
    }
}

/// The name of an extended attribute or access control list in the keys of star, libarchive and Red Hat.
fn attribute_name(key: &[u8]) -> Option<&[u8]> {
    let prefixes = [&b"SCHILY.xattr."[..], b"LIBARCHIVE.xattr."];
    prefixes.iter().find_map(|prefix| key.strip_prefix(*prefix)).or_else(|| is_own_key(key).then_some(key))
}

/// Whether an attribute of this name has a key of its own: access control lists, and what Red Hat added.
pub(super) fn is_own_key(name: &[u8]) -> bool {
    matches!(name, b"SCHILY.acl.access" | b"SCHILY.acl.default" | b"SCHILY.acl.ace" | b"RHT.security.selinux")
}

fn cut_at_nul<'a>(text: &'a [u8], odd: &mut dyn FnMut(usize, AnomalyKind)) -> &'a [u8] {
    let cut = text.split(|byte| *byte == 0).next().unwrap_or_default();
    if cut.len() < text.len() {
        odd(cut.len(), AnomalyKind::NulInName(text.get(..OTHER_BYTES).unwrap_or(text).to_vec()));
    }
    cut
}
