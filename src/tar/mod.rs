//! tar: slices in, frames out.
//!
//! [`Parser::step`] looks at the bytes it is given and answers with one [`Step`]. It never reads, never waits and never
//! keeps input; what it needs contiguous it asks for. The result does not depend on how the input was cut.
//!
//! ```text
//!            ┌────────────── extension header (x g L K), payload read whole ◄─┐
//!            ▼                                                               │
//!  AwaitingHeader ──► member header ──► [AwaitingSparseMap] ──► InPayload ──► AwaitingPadding
//!            │  └──── bad checksum ──► Lost (what follows is counted, not believed)
//!            └─ zero block ──► AwaitingSecondZero ──► InTrailer ──► Ended
//! ```
//!
//! Promises: effective and declared values are both at hand; what readers could take in two ways is an [`Anomaly`]; every
//! byte is counted as header, payload, padding, end marker, trailer or lost. Refuses to know: files, paths on a disk,
//! policy. Source of the format: POSIX.1-2017 `pax`, the GNU tar manual, and `tar(5)` of libarchive.
#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

mod anomaly;
mod dumpdir;
mod extension;
mod fork;
mod header;
mod member;
mod number;
mod parser;
mod pax;
mod payload;
mod sparse;
mod tail;
pub mod write;

pub use anomaly::{Anomaly, AnomalyKind};
pub use dumpdir::Dumpdir;
pub use extension::ExtensionKind;
pub use fork::{Names, Reading, Then};
pub use header::{BLOCK_BYTES, Dialect, RawHeader};
pub use member::Member;
pub use number::{Form, Number, NumberError};
pub use parser::{Accounts, EndMarker, Frame, Parser, Step};
pub use pax::{PaxError, PaxFault, Record, Records};
pub use sparse::{MapFault, Region};

/// `usize` as a count of bytes; exact on every platform Rust has.
fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
