//! A block of an archive as a JSON object.
//!
//! Promises: fields are added, never changed. Refuses to know: which format the blocks belong to.

use serde::Serialize;

use super::Text;
use crate::report::Block;

/// One block.
#[derive(Debug, Serialize)]
pub struct BlockRow<'a> {
    offset: u64,
    bytes: u64,
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Text<'a>>,
}

/// The object of `block`.
#[must_use]
pub fn block<'a>(block: &Block<'a>) -> BlockRow<'a> {
    let path = (!block.path.is_empty()).then(|| Text::of(block.path));
    BlockRow { offset: block.offset, bytes: block.bytes, what: block.what, path }
}
