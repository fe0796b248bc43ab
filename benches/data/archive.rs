//! Archives that come out of a seed, the same on every machine: half of every member is text like that of a log, half is
//! noise, so that compression has something to do and something to fail at.
//!
//! Shared by all benchmarks: each of them takes this file in as a module.

use std::io::{Error, Write};

use tar::{Builder, Header};

/// The words of the log.
const WORDS: &[&str] = &[
    "backup",
    "cluster",
    "manager",
    "certificate",
    "registry",
    "volume",
    "secret",
    "config",
    "service",
    "node",
    "token",
    "error",
    "warning",
    "restored",
    "replicated",
    "controller",
    "health",
    "probe",
    "passed",
    "failed",
    "the",
    "of",
    "and",
    "with",
    "from",
    "to",
    "in",
    "on",
    "at",
];
const LETTERS: &[u8; 16] = b"0123456789abcdef";

/// The number on which everything hangs. xorshift64*: enough for noise that no compressor finds anything in.
#[derive(Debug)]
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `end`. The high bits: they are the better ones of this generator.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 32) % end
    }

    /// The content of a member, no two alike.
    pub(crate) fn content(&mut self, bytes: usize) -> Vec<u8> {
        // A line is written whole and then cut.
        let mut content = Vec::with_capacity(bytes + 1024);
        while content.len() < bytes / 2 {
            self.line(&mut content);
        }
        content.truncate(bytes / 2);
        while content.len() < bytes {
            content.extend_from_slice(&self.next().to_le_bytes());
        }
        content.truncate(bytes);
        content
    }

    /// A line of a log: an id, a time, words.
    fn line(&mut self, content: &mut Vec<u8>) {
        content.extend_from_slice(b"{\"id\":\"");
        for half in [self.next(), self.next()] {
            content.extend((0..16).map(|letter| LETTERS[(half >> (4 * letter)) as usize % 16]));
        }
        let [month, day] = [1 + self.below(12), 1 + self.below(28)];
        let [hour, minute, second] = [self.below(24), self.below(60), self.below(60)];
        content.extend_from_slice(b"\",\"time\":\"2021-");
        for (number, behind) in [(month, b'-'), (day, b'T'), (hour, b':'), (minute, b':'), (second, b'Z')] {
            content.extend([b'0' + (number / 10) as u8, b'0' + (number % 10) as u8, behind]);
        }
        content.extend_from_slice(b"\",\"msg\":\"");
        for _ in 0..5 + self.below(36) {
            content.extend_from_slice(WORDS[self.below(WORDS.len() as u64) as usize].as_bytes());
            content.push(b' ');
        }
        content.extend_from_slice(b"\"}\n");
    }
}

/// Writes an archive of files with these sizes, and an end marker.
pub(crate) fn write<W: Write>(
    to: W,
    sizes: impl Iterator<Item = usize>,
    path: fn(usize) -> String,
) -> Result<W, Error> {
    let mut seed = Seed(7);
    let mut builder = Builder::new(to);
    for (index, bytes) in sizes.enumerate() {
        let mut header = Header::new_gnu();
        header.set_size(bytes as u64);
        header.set_mode(0o600);
        header.set_mtime(1_600_000_000 + index as u64);
        builder.append_data(&mut header, path(index), &seed.content(bytes)[..])?;
    }
    builder.into_inner()
}
