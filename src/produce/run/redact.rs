//! Secrets taken out of what a program says.
//!
//! Promises: a secret of the program stands in no line that leaves here: as it is, as JSON and Go quote it, as an address
//! or base64 holds it; of a secret of several lines, each line by itself. Refuses to know: who reads the lines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem::Finder;
use zeroize::Zeroizing;

use super::command::REDACTED;
use crate::secret::Secret;

/// Lines of a secret shorter than this are no secret by themselves; a secret of one line always is.
const LEAST: usize = 4;

/// What to look for.
#[derive(Default)]
pub(in crate::produce) struct Redactor {
    /// None holds a line break.
    patterns: Vec<Zeroizing<Vec<u8>>>,
}

impl Redactor {
    pub(in crate::produce) fn new<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let mut patterns: Vec<Zeroizing<Vec<u8>>> = Vec::new();
        for secret in secrets {
            let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
            let lines: Vec<&[u8]> = secret.reveal().split(is_break).filter(|line| !line.is_empty()).collect();
            for line in &lines {
                if lines.len() > 1 && line.trim_ascii().len() < LEAST {
                    continue;
                }
                let bases = [*line, line.trim_ascii()];
                for base in bases.into_iter().filter(|base| !base.is_empty()) {
                    patterns.extend([base.to_vec(), quoted(base), in_address(base)].map(Zeroizing::new));
                }
            }
            // With and without the line break at its end: the beginning is the same, and the rest tells nothing.
            let whole = secret.reveal().trim_ascii_end();
            if whole.len() >= LEAST {
                patterns.push(Zeroizing::new(STANDARD_NO_PAD.encode(whole).into_bytes()));
            }
        }
        patterns.sort_unstable_by(|a, b| a.as_slice().cmp(b.as_slice()));
        patterns.dedup_by(|a, b| a.as_slice() == b.as_slice());
        Self { patterns }
    }

    /// Bytes of the longest thing to look for.
    pub(super) fn longest(&self) -> usize {
        self.patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0)
    }

    /// Where secrets stand in `line`: from, to; in order, none touches another.
    fn places(&self, line: &[u8]) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for pattern in &self.patterns {
            let finder = Finder::new(pattern.as_slice());
            let mut from = 0;
            // One step at a time: a secret may overlap itself.
            while let Some(found) = line.get(from..).and_then(|rest| finder.find(rest)) {
                places.push((from + found, from + found + pattern.len()));
                from += found + 1;
            }
        }
        places.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::new();
        for (from, to) in places {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        joined
    }

    /// Where `line`, which goes on, can be cut without cutting a secret: at `wanted` or before, but never at 0.
    pub(super) fn cut(&self, line: &[u8], wanted: usize) -> usize {
        match self.places(line).into_iter().find(|(from, to)| *from < wanted && wanted < *to) {
            Some((0, to)) => to,
            Some((from, _)) => from,
            None => wanted,
        }
    }

    /// `line` without secrets.
    pub(in crate::produce) fn redact(&self, line: &[u8]) -> Vec<u8> {
        let mut clean = Vec::with_capacity(line.len());
        let mut at = 0;
        for (from, to) in self.places(line) {
            clean.extend_from_slice(line.get(at..from).unwrap_or_default());
            clean.extend_from_slice(REDACTED.as_bytes());
            at = to;
        }
        clean.extend_from_slice(line.get(at..).unwrap_or_default());
        clean
    }
}

/// As between the quotes of JSON, and of Go's `%q`.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let escape = |byte: &u8| if matches!(byte, b'"' | b'\\') { vec![b'\\', *byte] } else { vec![*byte] };
    bytes.iter().flat_map(escape).collect()
}

/// As in an address: everything but what never needs it as `%XX`.
fn in_address(bytes: &[u8]) -> Vec<u8> {
    let one = |byte: &u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
        if is_plain { vec![*byte] } else { format!("%{byte:02X}").into_bytes() }
    };
    bytes.iter().flat_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(secret: &str, line: &str) -> String {
        let secret = Secret::new(secret.as_bytes().to_vec());
        String::from_utf8(Redactor::new([&secret].into_iter()).redact(line.as_bytes())).unwrap()
    }

    #[test]
    fn a_secret_stands_in_no_line_in_no_dress() {
        assert_eq!(redacted("horse\n", "got horse, horse"), "got [secret], [secret]");
        assert_eq!(redacted("x", "axb"), "a[secret]b");
        assert_eq!(redacted("aba", "1ababa2"), "1[secret]2");
        assert_eq!(redacted("p\"w\\d", r#"bad "p\"w\\d" given"#), r#"bad "[secret]" given"#);
        assert_eq!(redacted("p@s/s", "https://me:p%40s%2Fs@host"), "https://me:[secret]@host");
        // printf %s correct | base64
        assert_eq!(redacted("correct\n", "token Y29ycmVjdA=="), "token [secret]==");
        assert_eq!(redacted("first line\n}\nlast line\n", "{first line} last line"), "{[secret]} [secret]");
        assert_eq!(redacted("", "nothing to hide"), "nothing to hide");
    }

    #[test]
    fn a_cut_goes_through_no_secret() {
        let secret = Secret::new(b"horse".to_vec());
        let redactor = Redactor::new([&secret].into_iter());
        assert_eq!(redactor.cut(b"a horse b", 4), 2);
        assert_eq!(redactor.cut(b"a horse b", 2), 2);
        assert_eq!(redactor.cut(b"a horse b", 7), 7);
        assert_eq!(redactor.cut(b"horse b", 3), 5);
    }
}
