//! DER (X.690), value by value, each with its place.
//!
//! Promises: no length is trusted; indefinite and overlong lengths are refused, as DER says; every complaint has an offset
//! and holds nothing of the content. Refuses to know: what the values mean.

/// INTEGER.
pub(super) const INTEGER: u8 = 0x02;
/// BIT STRING.
pub(super) const BIT_STRING: u8 = 0x03;
/// OCTET STRING.
pub(super) const OCTET_STRING: u8 = 0x04;
/// NULL.
pub(super) const NULL: u8 = 0x05;
/// OBJECT IDENTIFIER.
pub(super) const OID: u8 = 0x06;
/// SEQUENCE.
pub(super) const SEQUENCE: u8 = 0x30;
/// SET.
pub(super) const SET: u8 = 0x31;

/// What is wrong, and where: bytes from the start of the outermost value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Broken {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }
}

/// Values one after the other.
#[derive(Clone, Copy)]
pub(super) struct Der<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// One value.
#[derive(Clone, Copy)]
pub(super) struct Value<'a> {
    pub(super) tag: u8,
    /// Without tag and length.
    pub(super) content: &'a [u8],
    /// With them.
    pub(super) whole: &'a [u8],
    /// Where it begins.
    pub(super) at: usize,
}

impl<'a> Der<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The tag of the next value.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    /// The next value, whatever it is.
    pub(super) fn next(&mut self) -> Result<Value<'a>, Broken> {
        let broken = |what: &str| Broken::new(self.at, what);
        let (&tag, rest) = self.bytes.split_first().ok_or_else(|| broken("the DER ends where a value must begin"))?;
        if tag & 0x1F == 0x1F {
            return Err(broken("a tag of more than one byte, which stands in no key and no certificate"));
        }
        let (&first, rest) = rest.split_first().ok_or_else(|| broken("the DER ends within a length"))?;
        let (length, rest) = match first {
            0..0x80 => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest
                    .split_at_checked(usize::from(first & 0x7F))
                    .ok_or_else(|| broken("the DER ends within a length"))?;
                let length = digits.iter().fold(0_u64, |sum, digit| (sum << 8) | u64::from(*digit));
                if length < 0x80 || digits.first() == Some(&0) {
                    return Err(broken("a length that is written longer than it must be: DER forbids it"));
                }
                (usize::try_from(length).unwrap_or(usize::MAX), rest)
            }
            0x80 => return Err(broken("a length that is not told beforehand (BER): DER forbids it")),
            _ => return Err(broken("a length of more than four bytes")),
        };
        let (content, rest) = rest.split_at_checked(length).ok_or_else(|| {
            Broken::new(self.at, format!("a value of {length} bytes, of which {} are there", rest.len()))
        })?;
        let used = self.bytes.len().saturating_sub(rest.len());
        let whole = self.bytes.get(..used).unwrap_or_default();
        let value = Value { tag, content, whole, at: self.at };
        self.bytes = rest;
        self.at = self.at.saturating_add(used);
        Ok(value)
    }

    /// The next value, which must have this tag; `what` names it: "the serial number".
    pub(super) fn take(&mut self, tag: u8, what: &str) -> Result<Value<'a>, Broken> {
        let at = self.at;
        let value = self.next().map_err(|broken| Broken::new(broken.at, format!("{what}: {}", broken.what)))?;
        if value.tag == tag {
            Ok(value)
        } else {
            Err(Broken::new(at, format!("{what} has the tag 0x{:02X} in the place of 0x{tag:02X}", value.tag)))
        }
    }

    /// The next value where it has this tag.
    pub(super) fn maybe(&mut self, tag: u8) -> Result<Option<Value<'a>>, Broken> {
        if self.peek() == Some(tag) { self.next().map(Some) } else { Ok(None) }
    }

    /// Nothing may follow.
    pub(super) fn end(&self, what: &str) -> Result<(), Broken> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        Err(Broken::new(self.at, format!("{} bytes follow where {what} is over", self.bytes.len())))
    }
}

impl<'a> Value<'a> {
    /// Where the content begins.
    pub(super) fn content_at(&self) -> usize {
        self.at.saturating_add(self.whole.len().saturating_sub(self.content.len()))
    }

    /// What is in it, value by value.
    pub(super) fn inside(&self) -> Der<'a> {
        Der { bytes: self.content, at: self.content_at() }
    }

    /// The one value in it.
    pub(super) fn only(&self, what: &str) -> Result<Value<'a>, Broken> {
        let mut inside = self.inside();
        let value = inside.next()?;
        inside.end(what).map(|()| value)
    }

    /// Where it stands in the outermost value.
    pub(super) fn range(&self) -> std::ops::Range<usize> {
        self.at..self.at.saturating_add(self.whole.len())
    }

    /// Where its content stands in the outermost value.
    pub(super) fn content_range(&self) -> std::ops::Range<usize> {
        self.content_at()..self.at.saturating_add(self.whole.len())
    }

    /// The whole bytes of a BIT STRING.
    pub(super) fn bits(&self) -> Result<&'a [u8], Broken> {
        match self.content.split_first() {
            Some((0, bytes)) => Ok(bytes),
            _ => Err(Broken::new(self.at, "a bit string that is no whole number of bytes")),
        }
    }

    /// The magnitude of an INTEGER that is not negative, without leading zeros.
    pub(super) fn magnitude(&self, what: &str) -> Result<&'a [u8], Broken> {
        let broken = |complaint: &str| Broken::new(self.at, format!("{what} {complaint}"));
        match self.content {
            [] => Err(broken("is an integer without a byte")),
            [first, ..] if *first >= 0x80 => Err(broken("is negative")),
            [0, second, ..] if *second < 0x80 => Err(broken("is written longer than it must be: DER forbids it")),
            [0, rest @ ..] => Ok(rest),
            whole => Ok(whole),
        }
    }

    /// An INTEGER of one byte.
    pub(super) fn small(&self) -> Option<u8> {
        match self.content {
            [value] if *value < 0x80 => Some(*value),
            _ => None,
        }
    }
}
