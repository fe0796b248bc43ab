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
    usual(field).map_or_else(|| unusual(field), Ok)
}

/// The forms that nearly every field has: octal digits up to one terminator or two at the end of eight or twelve bytes.
/// Each header has six such fields, so that the digits are looked at and put together eight at a time.
fn usual(field: &[u8]) -> Option<Number> {
    const DIGITS: u64 = 0x3030_3030_3030_3030;
    const NO_DIGIT: u64 = 0xF8F8_F8F8_F8F8_F8F8;
    /// What is neither a NUL nor a space.
    const NO_END: u64 = 0xDF;
    let (front, back) = field.split_last_chunk::<8>()?;
    let back = u64::from_be_bytes(*back);
    let wrong = |ends: u32, no_end: u64| {
        let digits = u64::MAX << ends;
        ((back ^ DIGITS) & NO_DIGIT & digits) | (back & no_end & !digits)
    };
    let (value, bits) = if wrong(8, NO_END) == 0 {
        (joined(back >> 8), 21)
    } else if wrong(16, NO_END << 8 | NO_END) == 0 {
        (joined(back >> 16), 18)
    } else {
        return None;
    };
    let value = match front.first_chunk::<4>() {
        None if front.is_empty() => value,
        Some(four) if front.len() == 4 => {
            let four = u64::from(u32::from_be_bytes(*four));
            if (four ^ DIGITS >> 32) & NO_DIGIT >> 32 != 0 {
                return None;
            }
            joined(four) << bits | value
        }
        _ => return None,
    };
    Some(Number { value: value.cast_signed(), form: Form::Octal })
}

/// The number that octal digits make, one in the low bits of each byte: first those of two bytes are put together, then
/// those of four, then all.
fn joined(digits: u64) -> u64 {
    let digits = digits & 0x0707_0707_0707_0707;
    let pairs = (digits | digits >> 5) & 0x003F_003F_003F_003F;
    let fours = (pairs | pairs >> 10) & 0x0000_0FFF_0000_0FFF;
    (fours | fours >> 20) & 0x00FF_FFFF
}

/// Every form, byte by byte.
#[cold]
fn unusual(field: &[u8]) -> Result<Number, NumberError> {
    match field.first() {
        Some(mark) if mark & 0x80 != 0 => base256(field, *mark),
        _ => octal(field),
    }
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
        let fields = [
            &b"0001234\0"[..],
            b"7654321 ",
            b"014134\0 ",
            b"00012345670\0",
            b"7777777777 \0",
            b"777777777777",
            b"12\0",
        ];
        let others = *b"\0 07/8-\x01\x20\x40\x37\x80\xB0\xB7\xFF";
        let mut usual_ones = 0;
        let mut check = |field: &[u8]| {
            if let Some(number) = usual(field) {
                assert_eq!(unusual(field), Ok(number), "{}", field.escape_ascii());
                usual_ones += 1;
            }
        };
        for field in fields {
            for first in 0..field.len() {
                for byte in 0..=255 {
                    let mut field = field.to_vec();
                    field[first] = byte;
                    check(&field);
                }
                for (second, byte, other) in (0..first)
                    .flat_map(|second| others.map(|byte| (second, byte)))
                    .flat_map(|(second, byte)| others.map(|other| (second, byte, other)))
                {
                    let mut field = field.to_vec();
                    (field[first], field[second]) = (byte, other);
                    check(&field);
                }
            }
        }
        assert!(usual_ones > 2000, "{usual_ones}");
        for field in
            [&b"0001234\0"[..], b"014134\0 ", b"000644 \0", b"00012345670\0", b"13727410000 ", b"7777777777 \0"]
        {
            assert!(usual(field).is_some(), "{}", field.escape_ascii());
        }
        for digits in 1..40 {
            let field = [vec![b'7'; digits], vec![0]].concat();
            assert_eq!(parse(&field), unusual(&field));
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
