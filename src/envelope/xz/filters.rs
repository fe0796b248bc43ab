//! Filters that stand behind LZMA2: what they cannot settle before they have seen more is kept back.
//!
//! Promises: the same bytes for any cut; never more than one buffer and what is kept back. Refuses to know: where the bytes
//! came from.

use lzma_rust2::FilterConfig;
use lzma_rust2::filter::StreamFilter;

/// Bytes decoded before the filters are applied.
const BUFFER_BYTES: usize = 64 << 10;

/// The filters of a block, the one next to the decoder first.
pub(super) struct Filters {
    /// Each filter with the end of what it has settled.
    filters: Vec<(StreamFilter, usize)>,
    buffer: Vec<u8>,
    /// Bytes in the buffer, and how many of them were given away.
    filled: usize,
    given: usize,
}

impl Filters {
    /// `None` where the library does not take them.
    pub(super) fn new(configs: &[FilterConfig]) -> Option<Self> {
        let filters: Option<Vec<_>> = configs.iter().map(|config| Some((StreamFilter::new(config).ok()?, 0))).collect();
        Some(Self { filters: filters?, buffer: vec![0; BUFFER_BYTES], filled: 0, given: 0 })
    }

    /// Room for more decoded bytes; none before what is settled was given away.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.given == self.settled() && self.given > 0 {
            self.buffer.copy_within(self.given..self.filled, 0);
            for (_, settled) in &mut self.filters {
                *settled = settled.saturating_sub(self.given);
            }
            self.filled = self.filled.saturating_sub(self.given);
            self.given = 0;
        }
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// Counts `bytes` more as decoded and filters what can be; with `ended`, everything.
    pub(super) fn filter(&mut self, bytes: usize, ended: bool) {
        self.filled = self.filled.saturating_add(bytes).min(self.buffer.len());
        let mut end = self.filled;
        for (filter, settled) in &mut self.filters {
            if let Some(fresh) = self.buffer.get_mut(*settled..end).filter(|fresh| !fresh.is_empty()) {
                *settled = settled.saturating_add(filter.decode(fresh));
            }
            if ended {
                filter.finish();
                *settled = end;
            }
            end = *settled;
        }
    }

    /// Gives settled bytes away, as many as `output` takes.
    pub(super) fn give(&mut self, output: &mut [u8]) -> usize {
        let ready = self.buffer.get(self.given..self.settled()).unwrap_or_default();
        let length = ready.len().min(output.len());
        if let (Some(output), Some(ready)) = (output.get_mut(..length), ready.get(..length)) {
            output.copy_from_slice(ready);
        }
        self.given = self.given.saturating_add(length);
        length
    }

    /// Whether everything that is settled was given away.
    pub(super) fn is_empty(&self) -> bool {
        self.given == self.settled()
    }

    fn settled(&self) -> usize {
        self.filters.last().map_or(self.filled, |(_, settled)| *settled)
    }
}
