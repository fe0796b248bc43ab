//! What a layer can say once it has closed.
//!
//! Promises: four states of integrity that are never mixed up. Refuses to know: what the layer was made of.

use std::fmt;

use crate::finding::Finding;
use crate::place::Depth;

/// A format of the wrapping, or the archive's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the formats")]
pub enum Format {
    OpenPgp,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
    Lzip,
    Compress,
    Tar,
}

impl Format {
    /// The word used in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenPgp => "openpgp",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lzip => "lzip",
            Self::Compress => "compress",
            Self::Tar => "tar",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What became of a layer's own integrity check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Integrity {
    /// The format's check was carried out to its end and holds.
    Verified,
    /// It was carried out and does not hold, or the data ends before it.
    Failed,
    /// The format, or this file, has none.
    Absent,
    /// There is one, and it could not be carried out.
    Unchecked,
}

impl Integrity {
    /// The word used in every output.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::Absent => "absent",
            Self::Unchecked => "unchecked",
        }
    }
}

/// What one layer says once it has closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The layer's format.
    pub format: Format,
    /// Where it stands in the wrapping: offsets in its findings count in the input of this depth.
    pub depth: Depth,
    /// What became of its check.
    pub integrity: Integrity,
    /// Whether the content is encrypted here.
    pub encrypted: bool,
    /// Whether the check can only be made by who knows a secret: what fails such a check must not be believed at all.
    pub authenticated: bool,
    /// Bytes read.
    pub input_bytes: u64,
    /// Bytes given.
    pub output_bytes: u64,
    /// Parameters worth showing, as name and value, in a fixed order: cipher, key derivation, member name.
    pub details: Vec<(&'static str, String)>,
    /// What was met on the way.
    pub findings: Vec<Finding>,
}

impl Proof {
    /// A proof that nothing is known for yet.
    #[must_use]
    pub fn new(format: Format, depth: Depth) -> Self {
        Self {
            format,
            depth,
            integrity: Integrity::Unchecked,
            encrypted: false,
            authenticated: false,
            input_bytes: 0,
            output_bytes: 0,
            details: Vec::new(),
            findings: Vec::new(),
        }
    }
}
