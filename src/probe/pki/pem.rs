//! PEM (RFC 7468, and RFC 1421 for header fields): block by block, with a name and a place for everything that breaks one.
//!
//! Promises: what OpenSSL and Go read is read; what they do not find or refuse is broken, and what they overlook but nobody
//! writes is irregular. Decoded bytes are zeroed when dropped. Refuses to know: what is in the blocks.

use zeroize::Zeroizing;

/// A part of the text.
pub(super) enum Piece<'a> {
    /// A block.
    Block(Block<'a>),
    /// Something that readers stumble over, or pass by in silence.
    Broken(usize, String),
    /// Something that readers overlook, and no program writes.
    Irregular(usize, &'static str),
}

/// What stands between a BEGIN and an END line.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    /// Name and value of each header field.
    pub(super) headers: Vec<(&'a str, &'a str)>,
    /// What the base64 stands for.
    pub(super) der: Zeroizing<Vec<u8>>,
    /// Where the BEGIN line stands.
    pub(super) at: usize,
    /// The base64 and where it stands.
    body: &'a [u8],
    body_at: usize,
}

impl Block<'_> {
    /// The place in the file of a byte of what the base64 stands for.
    pub(super) fn place(&self, decoded: usize) -> usize {
        let digits = decoded.saturating_mul(4).checked_div(3).unwrap_or(0);
        let mut places = self.body.iter().enumerate().filter(|(_, byte)| !byte.is_ascii_whitespace());
        let index = places.nth(digits).map_or(self.body.len(), |(index, _)| index);
        self.body_at.saturating_add(index)
    }
}

/// Header fields that are kept of one block.
const HEADERS: usize = 64;
const BEGIN: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"-----END ";
const DASHES: &[u8] = b"-----";

/// The pieces of a text.
pub(super) struct Pem<'a> {
    text: &'a [u8],
    at: usize,
    /// What was found with a block, and comes after it.
    pending: Option<Piece<'a>>,
    told_bytes: bool,
    /// Up to here no END line stands by itself: what was looked through once is not looked through again.
    no_end_before: usize,
}

impl<'a> Pem<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, pending: None, told_bytes: false, no_end_before: 0 }
    }

    /// The line that begins at `at`, without its end, and where the next begins.
    fn line(&self, at: usize) -> Option<(&'a [u8], usize)> {
        let rest = self.text.get(at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = rest.get(..length)?;
        Some((line.strip_suffix(b"\r").unwrap_or(line), at.saturating_add(length).saturating_add(1)))
    }

    /// Goes behind the END line of a block that is broken, unless another block begins before.
    fn skip_block(&mut self) {
        let mut at = self.at.max(self.no_end_before);
        while let Some((line, next)) = self.line(at) {
            if line.starts_with(BEGIN) {
                break;
            }
            at = next;
            if line.starts_with(END) {
                self.at = at;
                return;
            }
        }
        self.no_end_before = at;
    }

    /// A block whose BEGIN line has been read up to `self.at`.
    fn block(&mut self, label: &'a str, begin: usize) -> Piece<'a> {
        let mut headers = Vec::new();
        while let Some((line, next)) = self.line(self.at) {
            let Some(colon) = memchr::memchr(b':', line) else { break };
            let text = std::str::from_utf8(line).unwrap_or("?:?");
            let (name, value) = text.split_at_checked(colon).unwrap_or((text, ""));
            if headers.len() < HEADERS {
                headers.push((name.trim(), value.trim_start_matches(':').trim()));
            }
            self.at = next;
            // RFC 1421: a line that begins with a space goes on with the field.
            while let Some((_, next)) = self.line(self.at).filter(|(line, _)| matches!(line, [b' ' | b'\t', _, ..])) {
                self.at = next;
            }
        }
        if !headers.is_empty() && self.line(self.at).is_some_and(|(line, _)| !line.trim_ascii().is_empty()) {
            let piece = Piece::Broken(self.at, "no empty line stands between the header fields and the base64".into());
            self.skip_block();
            return piece;
        }
        let body_at = self.at;
        loop {
            let Some((line, next)) = self.line(self.at) else {
                return Piece::Broken(begin, format!("{} has no END line: the text ends before", quoted(label)));
            };
            if line.starts_with(BEGIN) {
                let what = format!("{} has no END line before another block begins", quoted(label));
                return Piece::Broken(begin, what);
            }
            let here = self.at;
            if let Some(rest) = line.strip_prefix(END) {
                self.at = next;
                if let Err(what) = end_line(rest, label) {
                    return Piece::Broken(here, what);
                }
                let body = self.text.get(body_at..here).unwrap_or_default();
                return match decode(body) {
                    Ok(Decoded { bytes: der, is_tidy }) => {
                        if !is_tidy {
                            let what = "the last base64 digit has bits that stand for nothing and are not zero";
                            self.pending = Some(Piece::Irregular(here, what));
                        }
                        Piece::Block(Block { label, headers, der, at: begin, body, body_at })
                    }
                    Err((at, what)) => Piece::Broken(body_at.saturating_add(at), what),
                };
            }
            if line.starts_with(DASHES) {
                self.at = next;
                return Piece::Broken(here, format!("the END line of {} is damaged", quoted(label)));
            }
            self.at = next;
        }
    }
}

impl<'a> Iterator for Pem<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if let Some(piece) = self.pending.take() {
            return Some(piece);
        }
        while let Some((line, next)) = self.line(self.at) {
            let here = self.at;
            self.at = next;
            if let Some(rest) = line.strip_prefix(BEGIN) {
                return Some(match begin_line(rest) {
                    Some(label) => self.block(label, here),
                    None => {
                        self.skip_block();
                        Piece::Broken(here, "the BEGIN line is damaged".into())
                    }
                });
            }
            if line.starts_with(END) {
                return Some(Piece::Broken(here, "an END line without a BEGIN line before it".into()));
            }
            if let Some(index) = memchr::memmem::find(line, BEGIN) {
                self.skip_block();
                let what = match line.get(..index) {
                    Some(b"\xEF\xBB\xBF") => "a byte order mark stands before BEGIN, where readers look for the dashes",
                    _ => "BEGIN does not stand at the start of its line, where readers look for it",
                };
                return Some(Piece::Broken(here, what.into()));
            }
            if !self.told_bytes && line.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 127)) {
                self.told_bytes = true;
                return Some(Piece::Irregular(here, "bytes that are no text stand outside the blocks"));
            }
        }
        None
    }
}

/// The label of a BEGIN line, from what stands behind the word.
fn begin_line(rest: &[u8]) -> Option<&str> {
    let label = rest.trim_ascii_end().strip_suffix(DASHES)?;
    let text = std::str::from_utf8(label).ok()?;
    let is_label = !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    is_label.then_some(text)
}

/// Whether an END line is the end of `label`, from what stands behind the word.
fn end_line(rest: &[u8], label: &str) -> Result<(), String> {
    let after = rest.strip_prefix(label.as_bytes()).and_then(|rest| rest.strip_prefix(DASHES));
    match after.map(<[u8]>::trim_ascii_end) {
        Some([]) => Ok(()),
        Some(after) if after.starts_with(BEGIN) => {
            Err("END and the next BEGIN stand on one line: a line feed is missing between two files put together"
                .into())
        }
        Some(_) => Err(format!("the END line of {} goes on behind its dashes", quoted(label))),
        None => Err(format!("the END line does not fit the BEGIN line of {}", quoted(label))),
    }
}

fn quoted(label: &str) -> String {
    format!("\"{}\"", label.chars().take(40).collect::<String>().escape_debug())
}

/// What base64 stands for.
struct Decoded {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether the bits of the last digit that stand for nothing are zero.
    is_tidy: bool,
}

/// Decodes, or says what is wrong and where.
fn decode(text: &[u8]) -> Result<Decoded, (usize, String)> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mut held, mut digits, mut padding) = (0_u32, 0_usize, 0_usize);
    for (index, byte) in text.iter().enumerate() {
        let digit = match byte {
            b'A'..=b'Z' => byte.wrapping_sub(b'A'),
            b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
            b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
            b'+' => 62,
            b'/' => 63,
            b'=' => {
                padding = padding.saturating_add(1);
                continue;
            }
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            other => return Err((index, format!("the byte 0x{other:02X} stands in the base64"))),
        };
        if padding > 0 {
            return Err((index, "base64 goes on behind its padding".into()));
        }
        digits = digits.wrapping_add(1);
        held = (held << 6) | u32::from(digit);
        if digits & 3 == 0 {
            let [_, a, b, c] = held.to_be_bytes();
            bytes.extend_from_slice(&[a, b, c]);
            held = 0;
        }
    }
    let is_tidy = match (digits & 3, padding) {
        (0, 0) => true,
        (2, 2) => {
            bytes.push((held >> 4).to_be_bytes()[3]);
            held & 0xF == 0
        }
        (3, 1) => {
            let [.., a, b] = (held >> 2).to_be_bytes();
            bytes.extend_from_slice(&[a, b]);
            held & 3 == 0
        }
        _ => {
            let what = format!("{digits} base64 digits and {padding} of padding are no whole number of bytes");
            return Err((text.len(), what));
        }
    };
    if bytes.is_empty() {
        return Err((0, "nothing stands between BEGIN and END".into()));
    }
    Ok(Decoded { bytes, is_tidy })
}
