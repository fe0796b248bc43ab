//! Packet framing: where a packet begins, which bytes are its body, and where it ends (RFC 9580, section 4.2).
//!
//! ```text
//! header ── definite ────────► body ──────────────────────────► end
//!        ├─ partial ─────────► chunk ► length ► chunk … ► last ► end
//!        └─ indeterminate ───► body until the stream ends
//! ```
//!
//! Promises: the same packets and the same bodies however the input is cut; nothing is allocated, and a chunk of one byte
//! costs a few instructions. Refuses to know: where bytes come from, and what the packets mean.

/// Tags that are met in messages (RFC 9580, section 5).
pub(super) mod tag {
    pub(crate) const PKESK: u8 = 1;
    pub(crate) const SIGNATURE: u8 = 2;
    pub(crate) const SKESK: u8 = 3;
    pub(crate) const ONE_PASS_SIGNATURE: u8 = 4;
    pub(crate) const SECRET_KEY: u8 = 5;
    pub(crate) const PUBLIC_KEY: u8 = 6;
    pub(crate) const COMPRESSED: u8 = 8;
    /// Symmetrically encrypted data without integrity protection.
    pub(crate) const SED: u8 = 9;
    pub(crate) const MARKER: u8 = 10;
    pub(crate) const LITERAL: u8 = 11;
    pub(crate) const SEIPD: u8 = 18;
    /// The OCB packet of GnuPG, which never became a standard.
    pub(crate) const GNUPG_AEAD: u8 = 20;
    pub(crate) const PADDING: u8 = 21;

    /// Packets that may stand first inside an encrypted one.
    pub(crate) fn begins_content(tag: u8) -> bool {
        matches!(tag, SIGNATURE | ONE_PASS_SIGNATURE | COMPRESSED | LITERAL | MARKER | PADDING)
    }

    /// Packets a reader must pass over without looking at them (RFC 9580, section 4.3).
    pub(crate) fn is_ignorable(tag: u8) -> bool {
        matches!(tag, MARKER | PADDING | 40..=63)
    }
}

/// How a packet says where its body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// After this many bytes.
    Definite(u32),
    /// After a chain of chunks, the first of this many bytes.
    Partial(u32),
    /// With the stream.
    Indeterminate,
}

/// A packet's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) tag: u8,
    pub(super) length: Length,
}

/// What the bytes at a packet boundary are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundary {
    /// A header of `used` bytes.
    Header { header: Header, used: usize },
    /// A header of which at least so many bytes must be seen.
    Need(usize),
    /// No packet begins with this byte.
    Garbage(u8),
}

/// Reads the header at the front of `input`.
pub(super) fn boundary(input: &[u8]) -> Boundary {
    let Some((&first, rest)) = input.split_first() else { return Boundary::Need(1) };
    if first & 0x80 == 0 {
        return Boundary::Garbage(first);
    }
    let (tag, length) = if first & 0x40 == 0 {
        let bytes = match first & 0x03 {
            0 => 1,
            1 => 2,
            2 => 4,
            _ => 0,
        };
        let length =
            if bytes == 0 { Some(Length::Indeterminate) } else { big_endian(rest, bytes).map(Length::Definite) };
        ((first >> 2) & 0x0f, length.map(|length| (length, bytes)).ok_or(bytes))
    } else {
        (first & 0x3f, new_length(rest))
    };
    match (tag, length) {
        (0, _) => Boundary::Garbage(first),
        (_, Err(needed)) => Boundary::Need(needed.saturating_add(1)),
        (tag, Ok((length, used))) => Boundary::Header { header: Header { tag, length }, used: used.saturating_add(1) },
    }
}

/// A length of the new format and the octets it takes; or how many octets must be seen.
fn new_length(input: &[u8]) -> Result<(Length, usize), usize> {
    let Some(&first) = input.first() else { return Err(1) };
    match first {
        0..=191 => Ok((Length::Definite(u32::from(first)), 1)),
        192..=223 => {
            let low = input.get(1).ok_or(2_usize)?;
            let high = u32::from(first).saturating_sub(192) << 8;
            Ok((Length::Definite(high.saturating_add(u32::from(*low)).saturating_add(192)), 2))
        }
        224..=254 => Ok((Length::Partial(1 << (first & 0x1f)), 1)),
        255 => {
            let length = input.get(1..).and_then(|rest| big_endian(rest, 4)).ok_or(5_usize)?;
            Ok((Length::Definite(length), 5))
        }
    }
}

fn big_endian(input: &[u8], bytes: usize) -> Option<u32> {
    Some(input.get(..bytes)?.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
}

/// The body of one packet: where in it we are.
#[derive(Debug, Clone)]
pub(super) struct Body {
    /// Bytes until the end of the body or of the chunk; nothing counts them where the length is indeterminate.
    left: u64,
    /// Bytes of the chunk, or of the body where it is one piece.
    piece: u64,
    then: Then,
    passed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    End,
    Length,
    StreamEnd,
}

/// What stands next in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes of the body, at least one; [`Body::pass`] them when they are used.
    Run(usize),
    /// So many octets of a length, counted here already.
    Skip(usize),
    /// At least so many bytes must be seen.
    Need(usize),
    /// Nothing: the packet is over.
    End,
}

/// How a body stands when the stream ends in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// It may end there.
    Not,
    /// In a body of known length.
    Definite { needed: u64, got: u64 },
    /// In a chunk of a partial body.
    Chunk { needed: u64, got: u64 },
    /// Where the next length of a partial body must stand.
    Length,
}

impl Body {
    pub(super) fn new(length: Length) -> Self {
        let mut body = Self { left: 0, piece: 0, then: Then::End, passed: 0 };
        body.begin_piece(length);
        body
    }

    /// Looks at what stands next.
    pub(super) fn step(&mut self, input: &[u8]) -> Step {
        if self.left > 0 {
            let run = usize::try_from(self.left).unwrap_or(usize::MAX).min(input.len());
            return if run == 0 { Step::Need(1) } else { Step::Run(run) };
        }
        if self.then != Then::Length {
            return Step::End;
        }
        match new_length(input) {
            Err(needed) => Step::Need(needed),
            Ok((length, used)) => {
                self.begin_piece(length);
                Step::Skip(used)
            }
        }
    }

    /// Counts `bytes` of the body as used.
    pub(super) fn pass(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.passed = self.passed.saturating_add(bytes);
        if self.then != Then::StreamEnd {
            self.left = self.left.saturating_sub(bytes);
        }
    }

    /// Bytes of the body that were used.
    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    /// What it means that the stream ends here.
    pub(super) fn cut(&self) -> Cut {
        match self.then {
            Then::StreamEnd => Cut::Not,
            Then::End if self.left == 0 => Cut::Not,
            // The last piece of a chain has a definite length too: its figures are those of the piece.
            Then::End | Then::Length if self.left > 0 => {
                let got = self.piece.saturating_sub(self.left);
                if self.then == Then::End && self.passed == got {
                    Cut::Definite { needed: self.piece, got }
                } else {
                    Cut::Chunk { needed: self.piece, got }
                }
            }
            Then::End | Then::Length => Cut::Length,
        }
    }

    fn begin_piece(&mut self, length: Length) {
        (self.piece, self.then) = match length {
            Length::Definite(bytes) => (u64::from(bytes), Then::End),
            Length::Partial(bytes) => (u64::from(bytes), Then::Length),
            Length::Indeterminate => (u64::MAX, Then::StreamEnd),
        };
        self.left = self.piece;
    }
}

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
