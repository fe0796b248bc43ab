//! What the reader is willing to take for granted, and by whom he expects it to be signed.
//!
//! Promises: the default trusts nothing that proves nothing. Refuses to know: where certificates are kept.

use std::sync::Arc;

/// What a wrapper need not prove, and what it is held against.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Whether encrypted content that nothing authenticates is read all the same, with a warning.
    pub allow_unauthenticated: bool,
    /// OpenPGP certificates of those who may have signed: each a file's content, binary or armored.
    pub certificates: Arc<[Vec<u8>]>,
}
