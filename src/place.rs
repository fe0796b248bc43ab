//! Where in the input something was met.
//!
//! Promises: an offset always says which stream it counts in, because one archive is several streams, one inside the
//! other. Refuses to know: what was found there, and how a place is shown.

use std::fmt;

/// Position of a layer in the wrapping, counted from the outside: 0 reads the file itself, 1 reads what layer 0 gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Depth(pub u8);

impl Depth {
    /// The depth of the layer that reads what this one gives.
    #[must_use]
    pub fn inner(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Bytes of a path that are kept with a place: PATH_MAX on Linux. A path may be a megabyte long, and thousands are kept.
pub const PATH_BYTES: usize = 4 << 10;

/// The part of a path that is kept with a place.
#[must_use]
pub fn kept_path(path: &[u8]) -> &[u8] {
    path.get(..PATH_BYTES).unwrap_or(path)
}

/// A place: which layer's input, how many bytes into it, and the member concerned, where these are known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// The layer whose input `offset` counts in.
    pub depth: Depth,
    /// Bytes from the start of that input.
    pub offset: Option<u64>,
    /// The member's path, raw bytes as the archive gives them, up to [`PATH_BYTES`].
    pub entry: Option<Vec<u8>>,
}

impl Place {
    /// The archive as a whole.
    #[must_use]
    pub fn whole() -> Self {
        Self::default()
    }

    /// `offset` bytes into the input of the layer at `depth`.
    #[must_use]
    pub fn at(depth: Depth, offset: u64) -> Self {
        Self { depth, offset: Some(offset), entry: None }
    }

    /// The same place, naming a member.
    #[must_use]
    pub fn of_entry(mut self, path: &[u8]) -> Self {
        self.entry = Some(kept_path(path).to_vec());
        self
    }
}
