//! Content that must be held whole before it can be read: PEM, JSON.
//!
//! Promises: never more than the limit `probe-bytes`; zeroed when dropped, for it may be a secret. Refuses to know: what
//! the content is.

use zeroize::Zeroizing;

use super::{Fault, Subject};
use crate::code;

/// The content of a member, as far as the limit allows.
#[derive(Debug)]
pub struct Hold {
    bytes: Zeroizing<Vec<u8>>,
    limit: u64,
    is_over: bool,
}

impl Hold {
    /// For the content of `subject`; nothing is reserved on the word of its size.
    #[must_use]
    pub fn new(subject: &Subject<'_>) -> Self {
        Self::up_to(subject.limits.probe_bytes)
    }

    /// For at most so many bytes.
    #[must_use]
    pub fn up_to(limit: u64) -> Self {
        Self { bytes: Zeroizing::new(Vec::new()), limit, is_over: false }
    }

    /// More of the content.
    pub fn feed(&mut self, bytes: &[u8]) {
        let held = self.bytes.len().saturating_add(bytes.len());
        self.is_over |= u64::try_from(held).unwrap_or(u64::MAX) > self.limit;
        if self.is_over {
            self.bytes = Zeroizing::new(Vec::new());
        } else {
            self.grow(held);
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Room for `bytes`, without leaving a copy behind that nobody zeroes.
    fn grow(&mut self, bytes: usize) {
        if bytes > self.bytes.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(bytes.max(self.bytes.len().saturating_mul(2))));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
    }

    /// All of the content.
    ///
    /// # Errors
    /// The fault that says that there was more than the limit.
    pub fn whole(self) -> Result<Zeroizing<Vec<u8>>, Fault> {
        if self.is_over {
            let message = format!(
                "more than {} bytes, and it must be held whole to be looked into (--limit probe-bytes=N)",
                self.limit
            );
            return Err(Fault { code: &code::PROBE_TOO_LARGE, severity: None, message, offset: None });
        }
        Ok(self.bytes)
    }
}
