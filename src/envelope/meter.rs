//! What a decompressor may give for what it takes.
//!
//! Promises: a bomb ends at a limit that is named in the message; an honest stream of zeros that stays under the ratio
//! never does. The ratio is looked at over the last few MiB of output, so that a long honest beginning buys nothing.
//! Refuses to know: which decompressor it counts for.

use crate::limits::Limits;

/// Output after which the ratio is looked at again; the window is the last one to two of these.
const STRIDE_BYTES: u64 = 8 << 20;

/// Counts input and output of one decompressor against the limits.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    ratio: u64,
    ratio_after_bytes: u64,
    output_limit: u64,
    output: u64,
    before: Stride,
    now: Stride,
}

#[derive(Debug, Clone, Copy, Default)]
struct Stride {
    input: u64,
    output: u64,
}

impl Meter {
    /// Starts at nothing.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            ratio: limits.ratio,
            ratio_after_bytes: limits.ratio_after_bytes,
            output_limit: limits.output_bytes,
            output: 0,
            before: Stride::default(),
            now: Stride::default(),
        }
    }

    /// Counts `input` bytes taken and `output` bytes given.
    ///
    /// # Errors
    /// A limit is passed; the text names it, its value and how to raise it.
    pub(crate) fn spend(&mut self, input: u64, output: u64) -> Result<(), String> {
        self.output = self.output.saturating_add(output);
        self.now.input = self.now.input.saturating_add(input);
        self.now.output = self.now.output.saturating_add(output);
        if self.output_limit > 0 && self.output > self.output_limit {
            let limit = self.output_limit;
            return Err(format!(
                "more than {limit} bytes come out of the compressed data (--limit output-bytes={limit})"
            ));
        }
        if self.now.output < STRIDE_BYTES {
            return Ok(());
        }
        let taken = self.before.input.saturating_add(self.now.input);
        let given = self.before.output.saturating_add(self.now.output);
        self.before = std::mem::take(&mut self.now);
        if self.ratio > 0 && self.output > self.ratio_after_bytes && given > taken.max(1).saturating_mul(self.ratio) {
            let ratio = self.ratio;
            return Err(format!(
                "more than {ratio} bytes come out for each compressed byte, past the first {} (--limit ratio={ratio})",
                self.ratio_after_bytes
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(limits: &Limits, input: u64, output: u64, times: u64) -> Result<(), String> {
        let mut meter = Meter::new(limits);
        (0..times).try_for_each(|_| meter.spend(input, output))
    }

    #[test]
    fn a_ratio_at_the_limit_passes_and_one_above_does_not() {
        let limits = Limits::default();
        assert_eq!(run(&limits, 256, 256_000, 10_000), Ok(()));
        let refused = run(&limits, 255, 256_000, 10_000).expect_err("a bomb");
        assert!(refused.contains("--limit ratio=1000"), "{refused}");
    }

    #[test]
    fn the_ratio_is_not_looked_at_in_the_beginning() {
        assert_eq!(run(&Limits::default(), 0, 1 << 20, 64), Ok(()));
        assert!(run(&Limits::default(), 0, 1 << 20, 80).is_err());
    }

    #[test]
    fn an_honest_beginning_does_not_pay_for_a_bomb() {
        let mut meter = Meter::new(&Limits::default());
        for _ in 0..4_096 {
            meter.spend(1 << 18, 1 << 18).expect("stored data");
        }
        assert!((0..64).any(|_| meter.spend(16, 1 << 18).is_err()));
    }

    #[test]
    fn the_output_limit_counts_to_the_byte() {
        let limits = Limits { output_bytes: 1000, ..Limits::default() };
        assert_eq!(run(&limits, 1, 100, 10), Ok(()));
        assert!(run(&limits, 1, 100, 11).is_err_and(|text| text.contains("--limit output-bytes=1000")));
    }
}
