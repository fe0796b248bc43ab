//! Numbers in header fields: octal text, or base-256 after a mark in the first byte.
//!
//! Promises: a value or the reason there is none; how it was written is told apart. Refuses to know: which field it is
//! and whether the value makes sense there.

use std::fmt;

/// A number and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// The value.
    pub value: i64,
    /// How it was written.
    pub form: Form,
}

impl Number {
    /// Whether the field holds no digit at all.
    #[must_use]
    pub fn is_blank(self) -> bool {
        self.form == Form::Blank
    }

    /// The value where it is not negative.
    #[must_use]
    pub fn unsigned(self) -> Option<u64> {
        u64::try_from(self.value).ok()
    }
}

/// How a number was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Octal digits, then a space or NUL, or the end of the field.
    Octal,
    /// Octal digits after spaces.
    Padded,
    /// Nothing but NULs and spaces: read as zero.
    Blank,
    /// Two's complement, big-endian, after a mark in the top bit (GNU, star).
    Base256,
}

/// Why a field is no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberError {
    /// A byte that is no octal digit.
    NotOctal(u8),
    /// Something follows the terminator.
    Trailing(u8),
    /// Digits stand behind a NUL that begins the field: GNU tar and Go read them, bsdtar and Python read zero.
    Leading,
    /// It does not fit 63 bits.
    Overflow,
    /// The top bit is set, but the mark is neither 0x80 nor 0xFF.
    Mark(u8),
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOctal(byte) => write!(f, "byte 0x{byte:02x} is no octal digit"),
            Self::Trailing(byte) => write!(f, "byte 0x{byte:02x} follows the number"),
            Self::Leading => {
                f.write_str("it begins with a NUL, and digits follow: some readers read them, others read 0")
            }
            Self::Overflow => f.write_str("it does not fit 63 bits"),
            Self::Mark(byte) => write!(f, "its first byte 0x{byte:02x} is reserved"),
        }
    }
}

/// Reads a numeric field.
pub(super) fn parse(field: &[u8]) -> Result<Number, NumberError> {
    match field.first() {
        Some(mark) if mark & 0x80 != 0 => base256(field, *mark),
        _ => usual(field).map_or_else(|| octal(field), Ok),
    }
}

/// The form that nearly every field has: digits up to a terminator in the last byte.
fn usual(field: &[u8]) -> Option<Number> {
    /// Digits that fit for sure.
    const MOST_DIGITS: usize = 20;
    let (b'\0' | b' ', digits @ [_, ..]) = field.split_last()? else { return None };
    let mut noise = 0;
    let value = digits.iter().fold(0, |value: i64, byte| {
        let digit = byte ^ b'0';
        noise |= digit;
        value << 3 | i64::from(digit)
    });
    (noise < 8 && digits.len() <= MOST_DIGITS).then_some(Number { value, form: Form::Octal })
}

fn octal(field: &[u8]) -> Result<Number, NumberError> {
    let spaces = field.iter().take_while(|byte| **byte == b' ').count();
    let rest = field.get(spaces..).unwrap_or_default();
    let mut value: i64 = 0;
    let mut digits: usize = 0;
    for byte in rest {
        match byte {
            b'0'..=b'7' => {
                let digit = i64::from(byte.wrapping_sub(b'0'));
                value = value.checked_mul(8).and_then(|v| v.checked_add(digit)).ok_or(NumberError::Overflow)?;
                digits = digits.saturating_add(1);
            }
            0 | b' ' => break,
            other => return Err(NumberError::NotOctal(*other)),
        }
    }
    let after = rest.get(digits..).unwrap_or_default();
    // What stands behind a NUL is left-over memory of the writer; behind a space alone it would be a second number.
    if let Some(other) = after.iter().take_while(|byte| **byte != 0).find(|byte| **byte != b' ') {
        return Err(NumberError::Trailing(*other));
    }
    let hidden =
        || after.iter().find(|byte| !matches!(**byte, 0 | b' ')).is_some_and(|byte| matches!(byte, b'0'..=b'7'));
    if digits == 0 && hidden() {
        return Err(NumberError::Leading);
    }
    let form = match (digits, spaces) {
        (0, _) => Form::Blank,
        (_, 0) => Form::Octal,
        _ => Form::Padded,
    };
    Ok(Number { value, form })
}

fn base256(field: &[u8], mark: u8) -> Result<Number, NumberError> {
    // 0x80 and 0xFF are the marks GNU writes; bits 0 to 5 of a positive mark may carry value by star's reading.
    let mut value: i64 = match mark {
        0x80..=0xBF => i64::from(mark & 0x3F),
        0xFF => -1,
        other => return Err(NumberError::Mark(other)),
    };
    for byte in field.iter().skip(1) {
        value = value.checked_mul(256).and_then(|v| v.checked_add(i64::from(*byte))).ok_or(NumberError::Overflow)?;
    }
    Ok(Number { value, form: Form::Base256 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(field: &[u8]) -> Result<(i64, Form), NumberError> {
        parse(field).map(|number| (number.value, number.form))
    }

    #[test]
    fn octal_in_the_forms_writers_use() {
        assert_eq!(value(b"0000644\0"), Ok((0o644, Form::Octal)));
        assert_eq!(value(b"000644 \0"), Ok((0o644, Form::Octal)));
        assert_eq!(value(b"   644 \0"), Ok((0o644, Form::Padded)));
        assert_eq!(value(b"777777777777"), Ok((0o777_777_777_777, Form::Octal)));
        assert_eq!(value(b"\0\0\0\0\0\0\0\0"), Ok((0, Form::Blank)));
        assert_eq!(value(b"        "), Ok((0, Form::Blank)));
        assert_eq!(value(b"12\0garbage!"), Ok((0o12, Form::Octal)));
    }

    #[test]
    fn the_short_way_leads_to_where_the_long_one_does() {
        let bytes = *b"0017 \0-8";
        let mut usual_ones = 0;
        for number in 0..bytes.len().pow(5) {
            let field: Vec<u8> = (0..5).map(|place| bytes[number / bytes.len().pow(place) % bytes.len()]).collect();
            if let Some(number) = usual(&field) {
                assert_eq!(octal(&field), Ok(number), "{}", field.escape_ascii());
                usual_ones += 1;
            }
        }
        assert_eq!(usual_ones, 4_usize.pow(4) * 2, "four digits of the eight bytes, two terminators");
        for digits in 1..40 {
            let field = [vec![b'7'; digits], vec![0]].concat();
            assert_eq!(parse(&field), octal(&field));
        }
    }

    #[test]
    fn what_is_no_number_is_said() {
        assert_eq!(value(b"0000844\0"), Err(NumberError::NotOctal(b'8')));
        assert_eq!(value(b"+000044\0"), Err(NumberError::NotOctal(b'+')));
        assert_eq!(value(b"-000044\0"), Err(NumberError::NotOctal(b'-')));
        assert_eq!(value(b"12 34567\0"), Err(NumberError::Trailing(b'3')));
        assert_eq!(value(b"\x000001000\0"), Err(NumberError::Leading));
        assert_eq!(value(b"\0\0\0garbage"), Ok((0, Form::Blank)));
    }

    #[test]
    fn base_256_with_its_sign() {
        assert_eq!(value(&[0x80, 0, 0, 0, 0, 0, 1, 0]), Ok((256, Form::Base256)));
        assert_eq!(value(&[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]), Ok((-2, Form::Base256)));
        assert_eq!(
            value(&[0x80, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
            Ok((i64::MAX, Form::Base256))
        );
        assert_eq!(value(&[0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]), Err(NumberError::Overflow));
        assert_eq!(value(&[0xC0, 0, 0, 0, 0, 0, 0, 1]), Err(NumberError::Mark(0xC0)));
    }
}
