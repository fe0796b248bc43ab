//! Names and days in certificates (RFC 5280).
//!
//! Promises: text that may be shown: escaped, and cut at a length. Two names are the same where their parts are, in any of
//! the string types, letters' case and spaces apart, as RFC 5280 compares them. Refuses to know: whose names they are.

use jiff::civil;
use sha2::{Digest as _, Sha256};

use super::der::{Broken, Der, OID, SEQUENCE, SET, Value};
use super::oid;

/// Characters of a foreign text that are shown.
const SHOWN: usize = 200;

/// Bytes of a name; nobody's is longer than a few hundred.
const MOST_BYTES: usize = 64 << 10;

/// Foreign text as it may be shown.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The text of a string of any type.
fn text(value: &Value<'_>) -> String {
    match value.tag {
        // T61String is taken for Latin-1, as everybody does.
        0x14 => value.content.iter().map(|byte| char::from(*byte)).collect(),
        0x1E => {
            let units = value.content.chunks(2).map(|pair| match pair {
                [high, low] => u16::from_be_bytes([*high, *low]),
                _ => 0xFFFD,
            });
            char::decode_utf16(units).map(|unit| unit.unwrap_or('\u{FFFD}')).collect()
        }
        0x1C => {
            let units =
                value.content.chunks(4).map(|unit| <[u8; 4]>::try_from(unit).map_or(0xFFFD, u32::from_be_bytes));
            units.map(|unit| char::from_u32(unit).unwrap_or('\u{FFFD}')).collect()
        }
        _ => String::from_utf8_lossy(value.content).into_owned(),
    }
}

/// The parts of a name: which, and what.
fn parts(name: &[u8]) -> Result<Vec<(Vec<u8>, String)>, Broken> {
    let mut parts = Vec::new();
    let mut rest = Der::new(name).take(SEQUENCE, "a name")?.inside();
    while rest.peek().is_some() {
        let mut set = rest.take(SET, "a part of a name")?.inside();
        while set.peek().is_some() {
            let mut pair = set.take(SEQUENCE, "a part of a name")?.inside();
            let which = pair.take(OID, "the kind of a part of a name")?;
            let value = pair.next()?;
            pair.end("a part of a name")?;
            parts.push((which.content.to_vec(), text(&value)));
        }
    }
    Ok(parts)
}

/// Whether the bytes are a name.
pub(super) fn check(name: &Value<'_>) -> Result<(), Broken> {
    if name.content.len() > MOST_BYTES {
        return Err(Broken::new(name.at, format!("a name of {} bytes", name.content.len())));
    }
    parts(name.whole).map(drop).map_err(|broken| Broken::new(name.at.saturating_add(broken.at), broken.what))
}

/// A name as text: `O=Example, CN=root`, in the order it is written in.
pub(super) fn display(name: &[u8]) -> String {
    let parts = parts(name).unwrap_or_default();
    if parts.is_empty() {
        return "(no name)".into();
    }
    let parts: Vec<String> =
        parts.iter().map(|(which, what)| format!("{}={}", oid::attribute(which), shown(what))).collect();
    let mut text = parts.join(", ");
    if let Some((end, _)) = text.char_indices().nth(SHOWN.saturating_mul(2)) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What two names have in common that are the same: a digest, so that comparing costs nothing.
pub(super) fn digest(name: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(bytes);
    };
    match parts(name) {
        Ok(parts) => {
            for (which, what) in parts {
                add(&which);
                add(what.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().as_bytes());
            }
        }
        Err(_) => add(name),
    }
    hash.finalize().into()
}

/// A day and time, in seconds since 1970.
pub(super) fn time(value: &Value<'_>) -> Result<i64, Broken> {
    let broken = || Broken::new(value.at, "a time that is none: DER writes YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ");
    let digits = value.content.strip_suffix(b"Z").filter(|text| text.iter().all(u8::is_ascii_digit));
    let digits = digits.and_then(|text| std::str::from_utf8(text).ok()).ok_or_else(broken)?;
    let (year, rest) = match value.tag {
        0x17 => {
            let (year, rest) = digits.split_at_checked(2).ok_or_else(broken)?;
            let year: i16 = year.parse().map_err(|_| broken())?;
            (year.saturating_add(if year < 50 { 2000 } else { 1900 }), rest)
        }
        0x18 => {
            let (year, rest) = digits.split_at_checked(4).ok_or_else(broken)?;
            (year.parse().map_err(|_| broken())?, rest)
        }
        tag => return Err(Broken::new(value.at, format!("a time has the tag 0x{tag:02X}"))),
    };
    let pair = |index: usize| -> Option<i8> {
        let start = index.checked_mul(2)?;
        rest.get(start..start.checked_add(2)?)?.parse().ok()
    };
    let parts = (pair(0), pair(1), pair(2), pair(3), pair(4), rest.len());
    let (Some(month), Some(day), Some(hour), Some(minute), Some(second), 10) = parts else { return Err(broken()) };
    let time = civil::DateTime::new(year, month, day, hour, minute, second, 0).map_err(|_| broken())?;
    Ok(time.duration_since(civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs())
}

/// A time as text: `2030-01-01T00:00:00Z`.
pub(super) fn day(seconds: i64) -> String {
    let time = civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(jiff::SignedDuration::from_secs(seconds));
    time.map_or_else(|_| format!("{seconds} seconds from 1970"), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
