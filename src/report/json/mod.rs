//! The report for programs: one JSON document, versioned.
//!
//! Promises: within a version fields are added, never changed or removed. Refuses to know: who reads it.

mod block;
mod v1;
mod wrapping;
mod writer;

pub use block::{BlockRow, block};
pub use v1::{Document, document};
pub(crate) use v1::{Issue, Text};
pub use wrapping::{WrappingDocument, wrapping};
pub use writer::{write, write_pretty};
