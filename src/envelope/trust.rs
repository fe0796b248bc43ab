//! What the reader is willing to take for granted, and by whom he expects it to be signed.
//!
//! Promises: the default trusts nothing that proves nothing. Refuses to know: where certificates are kept.

use std::fmt;
use std::sync::Arc;

/// What a wrapper need not prove, and what it is held against.
#[derive(Clone, Default)]
pub struct Trust {
    /// Whether encrypted content that nothing authenticates is read all the same, with a warning.
    pub allow_unauthenticated: bool,
    /// OpenPGP certificates of those who may have signed: each a file's content, binary or armored.
    pub certificates: Arc<[Vec<u8>]>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificates = self.certificates.len();
        write!(f, "Trust {{ allow_unauthenticated: {}, {certificates} certificate files }}", self.allow_unauthenticated)
    }
}
