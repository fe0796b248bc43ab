//! The walk: where the readers below and the sinks above meet, in one loop.
//!
//! Promises: every consumer sees the same events in the same order, however the input was cut and however many threads
//! work. Refuses to know: what any sink learns or judges.

mod around;
mod drive;
mod fan;
mod recognise;
mod sink;

pub use drive::{Walked, Way, drive};
pub use fan::{Budget, Workers};
pub use recognise::{empty, recognise};
pub use sink::{Piece, Sink, Want};
