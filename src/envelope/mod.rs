//! The wrappers around an archive: compression and encryption, one inside the other.
//!
//! A [`Layer`] is a [`Source`] that reads another one. It gives bytes as they come, and what it proved about them only
//! when it is closed: nothing read inside a layer counts as verified before that.
//!
//! Promises: damage ends the stream early and stands in the layer's [`Proof`]; only a real input error is an `Err`.
//! Refuses to know: what is inside, tar or not.
#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

pub mod bzip2;
mod codec;
pub mod compress;
pub mod gzip;
pub mod lzip;
pub mod mangled;
pub(crate) mod meter;
pub mod openpgp;
mod proof;
mod raw;
mod settle;
mod sniff;
mod stack;
mod stage;
mod trust;
pub mod xz;
pub mod zstd;

pub use proof::{Format, Integrity, Proof};
pub use raw::Raw;
pub use settle::{is_complete, settle};
pub use sniff::sniff;
pub use stack::{Stack, Unwrapped, open};
pub use stage::stage;
pub use trust::Trust;

use std::io;

use crate::source::{Buffered, Feed, Source};

/// A source that wraps another one and, once read, says what it proved.
pub trait Layer: Source {
    /// Reads whatever is left, here and beneath, and hands over the proofs of all layers, outermost first.
    ///
    /// # Errors
    /// The input could not be read, or changed while it was.
    fn close(self: Box<Self>) -> io::Result<Vec<Proof>>;
}

/// What came of trying to put a layer on a source.
pub enum Opening {
    /// It can be read through.
    Layer(Box<dyn Layer>),
    /// It gives nothing, because a secret or a capability is missing or its beginning is damaged. What could be read was,
    /// everything beneath is closed, and these are the proofs, outermost first, the layer's own last.
    Closed(Vec<Proof>),
}

/// A feed that decodes a layer beneath; in a [`Buffered`] it is a [`Layer`].
pub trait Decoder: Feed {
    /// Closes what is beneath, once this feed has ended, and adds its own proof behind theirs.
    ///
    /// # Errors
    /// The input could not be read, or changed while it was.
    fn conclude(self) -> io::Result<Vec<Proof>>;
}

impl<D: Decoder> Layer for Buffered<D> {
    fn close(mut self: Box<Self>) -> io::Result<Vec<Proof>> {
        while self.take(usize::MAX)?.is_some() {}
        self.into_feed().conclude()
    }
}

impl<L: Layer + ?Sized> Layer for Box<L> {
    fn close(self: Box<Self>) -> io::Result<Vec<Proof>> {
        (*self).close()
    }
}
