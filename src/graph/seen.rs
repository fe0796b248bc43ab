//! What stood before: every path with its kind, in 16 bytes each.
//!
//! A path is remembered as 125 bits of a digest with three bits for its kind: SipHash under keys that each run draws anew,
//! so that nobody can make two paths look alike. Paths that another system could take for another one (capitals, letters beyond ASCII, dots at the end) cost 16
//! bytes more: a hash of their folded form and where their text is kept. Paths that are their own folded form cost
//! nothing more: whether one of them was there is asked by the digest.
//!
//! Promises: once as many are remembered as the limit allows, further ones are compared and no longer remembered, and
//! counted. Refuses to know: what a repetition means.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};

use super::name::{folded, is_folded};
use crate::limits::Limits;

/// Bytes of paths that are kept to be named where a later one is taken for them.
const TEXT_BYTES: usize = 4 << 20;
/// Bytes of one of them.
const NAME_BYTES: usize = 160;
/// There was no room left for the text.
const NO_TEXT: u32 = u32::MAX;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No member: a folder that the path of one goes through.
    Implied,
    /// No member: where one ended up that was written through a link.
    Place,
    Folder,
    File,
    Link,
    Special,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Implied, Self::Place, Self::Folder, Self::File, Self::Link, Self::Special];

    /// Whether it was a member.
    pub(super) fn is_member(self) -> bool {
        !matches!(self, Self::Implied | Self::Place)
    }

    /// Whether it is a folder.
    pub(super) fn is_folder(self) -> bool {
        matches!(self, Self::Implied | Self::Folder)
    }

    fn of(bits: u128) -> Self {
        let index = usize::try_from(bits & KIND_BITS).unwrap_or_default();
        Self::ALL.get(index).copied().unwrap_or(Self::File)
    }

    fn bits(self) -> u128 {
        let index = Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default();
        u128::try_from(index).unwrap_or_default()
    }
}

const KIND_BITS: u128 = 7;

/// The digest of a path, the same for as long as one [`Seen`] lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digest(u128);

/// A digest with a kind in its low bits, compared without them.
#[derive(Debug, Clone, Copy)]
struct Known(u128);

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.0 & !KIND_BITS == other.0 & !KIND_BITS
    }
}

impl Eq for Known {}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.0 & !KIND_BITS);
    }
}

/// What stood at a path before a member came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    Stood(Kind),
    /// Nobody knows: there is no room left.
    Unknown,
}

/// What a path is taken for elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Twin {
    /// This path.
    Named(Vec<u8>),
    /// One whose text was not kept.
    Unnamed,
}

/// What stood before.
#[derive(Debug)]
pub(super) struct Seen {
    known: HashSet<Known, BuildHasherDefault<Identity>>,
    room: usize,
    /// By the hash of their folded form: where the text of the first path with it is.
    odd: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    /// The keys of a digest's two halves; the first is that of `odd`, too.
    keys: [RandomState; 2],
    texts: Vec<u8>,
    /// Paths that could no longer be remembered.
    pub(super) forgotten: u64,
}

impl Seen {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            known: HashSet::default(),
            room: usize::try_from(limits.unique_paths).unwrap_or(usize::MAX),
            odd: HashMap::default(),
            keys: [RandomState::new(), RandomState::new()],
            texts: Vec::new(),
            forgotten: 0,
        }
    }

    /// Members' paths that are remembered.
    pub(super) fn remembered(&self) -> usize {
        self.known.len()
    }

    pub(super) fn digest(&self, path: &[u8]) -> Digest {
        let [high, low] = self.keys.each_ref().map(|key| u128::from(key.hash_one(path)));
        Digest((high << 64 | low) & !KIND_BITS)
    }

    /// What stands at a path.
    pub(super) fn kind(&self, digest: Digest) -> Option<Kind> {
        self.known.get(&Known(digest.0)).map(|known| Kind::of(known.0))
    }

    /// Notes a member.
    pub(super) fn member(&mut self, digest: Digest, kind: Kind) -> Before {
        let known = Known(digest.0 | kind.bits());
        if let Some(before) = self.known.get(&known).map(|known| Kind::of(known.0)) {
            self.known.replace(known);
            return Before::Stood(before);
        }
        if self.known.len() >= self.room {
            self.forgotten = self.forgotten.saturating_add(1);
            return Before::Unknown;
        }
        self.known.insert(known);
        Before::Nothing
    }

    /// Notes what is no member, where nothing is known of that path and there is room.
    pub(super) fn imply(&mut self, digest: Digest, kind: Kind) -> Before {
        let known = Known(digest.0 | kind.bits());
        match self.known.get(&known) {
            Some(before) => Before::Stood(Kind::of(before.0)),
            None if self.known.len() >= self.room => Before::Unknown,
            None => {
                self.known.insert(known);
                Before::Nothing
            }
        }
    }

    /// Notes how other systems see a path that was not there before, and says which earlier path they take it for.
    pub(super) fn twin(&mut self, path: &[u8]) -> Option<Twin> {
        let is_plain = is_folded(path);
        if is_plain && self.odd.is_empty() {
            return None;
        }
        let (form, twin) = if is_plain {
            (None, None)
        } else {
            let form = folded(path);
            // A path that is its own folded form left nothing but its digest.
            let twin = (form != path && self.kind(self.digest(&form)).is_some()).then(|| Twin::Named(form.clone()));
            (Some(form), twin)
        };
        let [keys, _] = &self.keys;
        let key = keys.hash_one(form.as_deref().unwrap_or(path));
        match self.odd.get(&key) {
            Some(at) => {
                let found = self.text(*at).map_or(Twin::Unnamed, |text| Twin::Named(text.to_vec()));
                twin.or(Some(found))
            }
            None => {
                if !is_plain && self.odd.len() < self.room {
                    let at = self.keep(path);
                    self.odd.insert(key, at);
                }
                twin
            }
        }
    }

    fn keep(&mut self, path: &[u8]) -> u32 {
        let kept = path.get(..NAME_BYTES).unwrap_or(path);
        let Ok(at) = u32::try_from(self.texts.len()) else { return NO_TEXT };
        let Ok(length) = u8::try_from(kept.len()) else { return NO_TEXT };
        if self.texts.len().saturating_add(kept.len()) >= TEXT_BYTES {
            return NO_TEXT;
        }
        self.texts.push(length);
        self.texts.extend_from_slice(kept);
        at
    }

    fn text(&self, at: u32) -> Option<&[u8]> {
        let (length, rest) = self.texts.get(usize::try_from(at).ok()?..)?.split_first()?;
        rest.get(..usize::from(*length))
    }
}

/// Takes the key for its own hash: it is the digest of something already.
#[derive(Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(bytes) = bytes.last_chunk::<8>() {
            self.0 = u64::from_le_bytes(*bytes);
        }
    }
}
