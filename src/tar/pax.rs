//! Records of a pax extended header: `LENGTH SPACE KEY = VALUE NEWLINE`, the length counting itself and all.
//!
//! Promises: records as they stand, values as bytes (they may hold newlines and NULs); the first malformed one ends the
//! reading, because where the next begins is then unknown. Refuses to know: what any key means.

use std::fmt;

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// The keyword; never empty.
    pub key: &'a [u8],
    /// The value; empty to delete an earlier one.
    pub value: &'a [u8],
}

/// Why a record cannot be read, and where in the payload it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaxError {
    /// Bytes from the start of the payload.
    pub offset: usize,
    /// What is wrong.
    pub fault: PaxFault,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaxFault {
    /// No decimal length and space in front.
    Length,
    /// Longer than the header.
    BeyondPayload,
    /// No newline where its length says.
    NoNewline,
    /// No equals sign.
    NoEquals,
    /// Nothing before the equals sign.
    NoKey,
    /// A NUL byte before the equals sign.
    NulInKey,
}

impl fmt::Display for PaxFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "does not begin with a decimal length and a space",
            Self::BeyondPayload => "is longer than what is left of the header",
            Self::NoNewline => "does not end in a newline where its length says",
            Self::NoEquals => "has no '='",
            Self::NoKey => "has no keyword",
            Self::NulInKey => "has a NUL byte in its keyword",
        })
    }
}

/// Reads the records of a payload, front to back.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    payload: &'a [u8],
    offset: usize,
}

impl<'a> Records<'a> {
    /// Over the payload of one extended header.
    #[must_use]
    pub fn new(payload: &'a [u8]) -> Self {
        Self { payload, offset: 0 }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, PaxError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.payload.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let offset = self.offset;
        match record(rest) {
            Ok((record, bytes)) => {
                self.offset = offset.saturating_add(bytes);
                Some(Ok(record))
            }
            Err(fault) => {
                self.offset = self.payload.len();
                Some(Err(PaxError { offset, fault }))
            }
        }
    }
}

fn record(rest: &[u8]) -> Result<(Record<'_>, usize), PaxFault> {
    // 20 digits hold any 64-bit length; more are no length.
    let digits = rest.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let (number, after) = rest.split_at_checked(digits).ok_or(PaxFault::Length)?;
    let length: usize = std::str::from_utf8(number).ok().and_then(|text| text.parse().ok()).ok_or(PaxFault::Length)?;
    if after.first() != Some(&b' ') {
        return Err(PaxFault::Length);
    }
    let head = digits.saturating_add(1);
    if length > rest.len() {
        return Err(PaxFault::BeyondPayload);
    }
    let body = rest.get(head..length).ok_or(PaxFault::Length)?;
    let (newline, pair) = body.split_last().ok_or(PaxFault::NoNewline)?;
    if *newline != b'\n' {
        return Err(PaxFault::NoNewline);
    }
    let equals = pair.iter().position(|byte| *byte == b'=').ok_or(PaxFault::NoEquals)?;
    let (key, value) = pair.split_at_checked(equals).ok_or(PaxFault::NoEquals)?;
    if key.is_empty() {
        return Err(PaxFault::NoKey);
    }
    if key.contains(&0) {
        return Err(PaxFault::NulInKey);
    }
    Ok((Record { key, value: value.get(1..).unwrap_or_default() }, length))
}

/// A decimal number as pax values give sizes and ids: digits only.
pub(super) fn decimal(value: &[u8]) -> Option<u64> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()
}

/// A time as pax values give it: decimal seconds, possibly negative, possibly with a fraction.
pub(super) fn time(value: &[u8]) -> Option<(i64, u32)> {
    let text = std::str::from_utf8(value).ok()?;
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds = i64::try_from(decimal(whole.as_bytes())?).ok()?;
    let mut nanoseconds: u32 = 0;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    for byte in fraction.bytes().chain(std::iter::repeat(b'0')).take(9) {
        nanoseconds = nanoseconds.checked_mul(10)?.checked_add(u32::from(byte.wrapping_sub(b'0')))?;
    }
    match (negative, nanoseconds) {
        (false, _) => Some((seconds, nanoseconds)),
        (true, 0) => Some((seconds.checked_neg()?, 0)),
        // -0.25 s is 750 million nanoseconds after second -1.
        (true, _) => Some((seconds.checked_neg()?.checked_sub(1)?, 1_000_000_000_u32.checked_sub(nanoseconds)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_newlines_and_nuls_in_values() {
        let payload = b"11 path=a\n\n7 a=\0\0\n14 mtime=12.5\n";
        let records: Vec<_> = Records::new(payload).collect();
        assert_eq!(records[0], Ok(Record { key: b"path", value: b"a\n" }));
        assert_eq!(records[1], Ok(Record { key: b"a", value: b"\0\0" }));
        assert_eq!(records[2], Ok(Record { key: b"mtime", value: b"12.5" }));
        assert_eq!(records.len(), 3);
    }

    #[test]
    fn the_first_malformed_record_ends_it() {
        for (payload, fault) in [
            (&b"path=a\n"[..], PaxFault::Length),
            (b" 9 path=a\n", PaxFault::Length),
            (b"+9 path=a\n", PaxFault::Length),
            (b"99 path=a\n", PaxFault::BeyondPayload),
            (b"9 path=ab\n", PaxFault::NoNewline),
            (b"7 path\n", PaxFault::NoEquals),
            (b"5 =a\n", PaxFault::NoKey),
            (b"8 a\0b=c\n", PaxFault::NulInKey),
            (b"2 path=a\n", PaxFault::NoNewline),
            (b"1 path=a\n", PaxFault::Length),
            (b"0 path=a\n", PaxFault::Length),
            (b"99999999999999999999999 a=b\n", PaxFault::Length),
        ] {
            let got: Vec<_> = Records::new(payload).collect();
            assert_eq!(got, [Err(PaxError { offset: 0, fault })], "{:?}", String::from_utf8_lossy(payload));
        }
    }

    #[test]
    fn times_before_1970_count_upwards() {
        assert_eq!(time(b"1350244992.023960108"), Some((1_350_244_992, 23_960_108)));
        assert_eq!(time(b"-0.25"), Some((-1, 750_000_000)));
        assert_eq!(time(b"-1"), Some((-1, 0)));
        assert_eq!(time(b"1.9999999999"), Some((1, 999_999_999)));
        for bad in [&b""[..], b"1.x", b"+1", b"1e3", b" 1", b"1 "] {
            assert_eq!(time(bad), None);
        }
    }
}
