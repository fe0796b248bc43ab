//! Line ends that were changed on the way: LF made CR LF by a terminal, or carriage returns taken out.
//!
//! In data that is compressed or encrypted a line feed follows a carriage return once in 256 times: eight of eight happen
//! by chance once in 10^19 times. In a tar, whose members may be text from Windows, counting proves nothing: there, taking
//! the carriage returns out must put the headers back in their places.
//!
//! Promises: as above. Refuses to know: which program changed them.

use super::{Cause, IsHeader, regains_sync};
use crate::code;

/// Line feeds that must all follow a carriage return.
const LEAST_PAIRS: u64 = 8;

/// Bytes in which no carriage return stands: by chance once in e^64 times.
const LEAST_BYTES: u64 = 16 << 10;

/// Values that a thousand bytes without order hold at the least: 251 are to be expected.
const LEAST_VALUES: usize = 192;

/// Line feeds and carriage returns, counted as the bytes come, and how often each value comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) bytes: u64,
    pairs: u64,
    lone: u64,
    returns: u64,
    counts: [u64; 256],
    last: u8,
}

impl Default for Count {
    fn default() -> Self {
        Self { bytes: 0, pairs: 0, lone: 0, returns: 0, counts: [0; 256], last: 0 }
    }
}

impl Count {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match (*byte, self.last) {
                (b'\n', b'\r') => self.pairs = self.pairs.saturating_add(1),
                (b'\n', _) => self.lone = self.lone.saturating_add(1),
                (b'\r', _) => self.returns = self.returns.saturating_add(1),
                _ => {}
            }
            if let Some(count) = self.counts.get_mut(usize::from(*byte)) {
                *count = count.saturating_add(1);
            }
            self.last = *byte;
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    /// Values that occur.
    fn values(&self) -> usize {
        self.counts.iter().filter(|count| **count > 0).count()
    }

    /// Whether this is what compression and encryption leave: nearly every value, and none much more often than others.
    /// What is stored as it is, text from Windows among it, is not.
    fn is_dense(&self) -> bool {
        let most = self.counts.iter().max().copied().unwrap_or_default();
        self.values() >= LEAST_VALUES && most.saturating_mul(16) <= self.bytes
    }

    /// The cause, in data that is compressed or encrypted.
    pub(super) fn cause(&self) -> Option<Cause> {
        if !self.is_dense() {
            return None;
        }
        if self.lone == 0 && self.pairs >= LEAST_PAIRS {
            let message = format!(
                "every one of the {} line feeds in the first {} bytes follows a carriage return, of which there is no \
                 chance in such data: the change was made from the first byte on",
                self.pairs, self.bytes
            );
            return Some(Cause::new(&code::MANGLED_NEWLINES, message));
        }
        if self.returns == 0 && self.pairs == 0 && self.bytes >= LEAST_BYTES && self.values() == 255 {
            let message = format!(
                "no carriage return stands in the first {} bytes, while all 255 other values do: they were taken out",
                self.bytes
            );
            return Some(Cause::new(&code::MANGLED_RETURNS, message));
        }
        None
    }
}

/// LF made CR LF, near a place where a header must stand.
pub(super) fn at_header(window: &[u8], is_header: IsHeader<'_>) -> Option<Cause> {
    let mut undone = Vec::with_capacity(window.len());
    let (mut pairs, mut lone) = (0_u64, 0_u64);
    let mut bytes = window.iter().copied().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\r' && bytes.next_if(|(_, next)| *next == b'\n').is_some() {
            pairs = pairs.saturating_add(1);
            undone.push(b'\n');
            continue;
        }
        // Before the first byte a carriage return may stand.
        lone = lone.saturating_add(u64::from(byte == b'\n' && at > 0));
        undone.push(byte);
    }
    let claim = pairs > 0 && lone == 0 && regains_sync(window, &undone, is_header);
    claim.then(|| {
        let message = format!(
            "all {pairs} line feeds of the {} bytes from here on follow a carriage return; without these the member \
             headers stand in their places. The change begins behind the last header that was read",
            window.len()
        );
        Cause::new(&code::MANGLED_NEWLINES, message)
    })
}
