//! `text`: a member that people read, looked at for what no text holds.
//!
//! Promises: the first byte that is no text is told with its offset; nothing of the text is. Refuses to know: what the text
//! says.

use super::{Kind, Learned, Probe, Settings, Subject};
use crate::code;

/// The line of the catalog.
pub(super) static KIND: Kind = Kind {
    name: "text",
    about: "reads a member as text: UTF-8 or ASCII, no NUL, no control characters but tab, CR and LF",
    settings: &[
        ("encoding", "`utf-8` (the default; a byte order mark in front is allowed) or `ascii`"),
        ("empty", "`allowed` (the default) or `refused`: whether there may be no byte at all"),
    ],
    facts: &[
        ("encoding", "`ascii`, `utf-8`, or `utf-8 with byte order mark`; none of an empty member"),
        ("line-ends", "`lf`, `crlf`, `cr`, `mixed`, or `none`"),
        ("lines", "lines, the last one counted without its end, too"),
    ],
    digest: None,
    check,
    start: |subject| Box::new(Text::start(subject)),
};

/// What is asked of the text.
#[derive(Default)]
struct Wanted {
    ascii: bool,
    some: bool,
}

impl Wanted {
    fn of(settings: &Settings) -> Result<Self, String> {
        let word = |key: &str, words: [&str; 2]| match settings.get(key).map(Vec::as_slice) {
            None => Ok(false),
            Some([word]) if words.contains(&&**word) => Ok(word.as_str() == words[1]),
            Some(_) => Err(format!("`{key}` is {:?} or {:?}", words[0], words[1])),
        };
        Ok(Self { ascii: word("encoding", ["utf-8", "ascii"])?, some: word("empty", ["allowed", "refused"])? })
    }
}

fn check(settings: &Settings) -> Result<(), String> {
    Wanted::of(settings).map(|_| ())
}

#[derive(Default)]
struct Text {
    wanted: Wanted,
    /// Bytes taken so far, those in `partial` not counted.
    offset: u64,
    /// The beginning of a character that is not whole yet, three bytes at most.
    partial: Vec<u8>,
    /// The first thing that is no text.
    stranger: Option<(u64, String)>,
    has_mark: bool,
    beyond_ascii: bool,
    ends: Ends,
}

/// Line ends met so far.
#[derive(Default)]
struct Ends {
    lf: u64,
    crlf: u64,
    cr: u64,
    /// Whether the last character was a CR whose meaning the next one decides.
    after_cr: bool,
    /// Whether something stands behind the last line end.
    is_open: bool,
}

impl Ends {
    fn take(&mut self, letter: char) {
        let after_cr = std::mem::replace(&mut self.after_cr, letter == '\r');
        match (letter, after_cr) {
            ('\n', true) => self.crlf = self.crlf.saturating_add(1),
            (_, true) => self.cr = self.cr.saturating_add(1),
            ('\n', false) => self.lf = self.lf.saturating_add(1),
            (_, false) => {}
        }
        self.is_open = !matches!(letter, '\n' | '\r');
    }

    fn finish(&mut self) {
        if std::mem::take(&mut self.after_cr) {
            self.cr = self.cr.saturating_add(1);
        }
    }

    fn lines(&self) -> u64 {
        self.lf.saturating_add(self.crlf).saturating_add(self.cr).saturating_add(u64::from(self.is_open))
    }

    fn word(&self) -> &'static str {
        match (self.lf > 0, self.crlf > 0, self.cr > 0) {
            (false, false, false) => "none",
            (true, false, false) => "lf",
            (false, true, false) => "crlf",
            (false, false, true) => "cr",
            _ => "mixed",
        }
    }
}

impl Text {
    fn start(subject: &Subject<'_>) -> Self {
        // Settings were checked when the rule was read.
        Self { wanted: Wanted::of(subject.settings).unwrap_or_default(), ..Self::default() }
    }

    /// Takes whole characters; false where one of them is no text.
    fn letters(&mut self, letters: &str) -> bool {
        for (at, letter) in letters.char_indices() {
            let offset = || self.offset.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
            let what = match letter {
                '\t' | '\r' | '\n' | ' '..='~' => None,
                '\0' => Some("a NUL byte".to_owned()),
                _ if letter.is_control() => Some(format!("the control character U+{:04X}", u32::from(letter))),
                _ if self.wanted.ascii => Some("a character beyond ASCII".to_owned()),
                '\u{feff}' if offset() == 0 => {
                    self.has_mark = true;
                    continue;
                }
                _ => {
                    self.beyond_ascii = true;
                    None
                }
            };
            if let Some(what) = what {
                self.stranger = Some((offset(), what));
                return false;
            }
            self.ends.take(letter);
        }
        self.offset = self.offset.saturating_add(u64::try_from(letters.len()).unwrap_or(u64::MAX));
        true
    }

    /// Takes `bytes`, which begin with a character; what is left of the last one is kept.
    fn bytes(&mut self, bytes: &[u8]) {
        let (letters, rest, is_cut) = match std::str::from_utf8(bytes) {
            Ok(letters) => (letters, &[][..], true),
            Err(error) => {
                let (good, rest) = bytes.split_at_checked(error.valid_up_to()).unwrap_or((&[], bytes));
                (std::str::from_utf8(good).unwrap_or_default(), rest, error.error_len().is_none())
            }
        };
        if !self.letters(letters) {
            return;
        }
        if is_cut {
            self.partial.extend_from_slice(rest);
        } else {
            self.no_utf8();
        }
    }

    fn no_utf8(&mut self) {
        let what = if self.wanted.ascii { "a byte beyond ASCII" } else { "bytes that are not UTF-8" };
        self.stranger = Some((self.offset, what.to_owned()));
    }
}

impl Probe for Text {
    fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        // The character that was cut is put together byte by byte: three of them at most.
        while !self.partial.is_empty() && self.stranger.is_none() {
            let Some((next, later)) = rest.split_first() else { return };
            let mut whole = std::mem::take(&mut self.partial);
            whole.push(*next);
            rest = later;
            self.bytes(&whole);
        }
        if self.stranger.is_none() {
            self.bytes(rest);
        }
    }

    fn finish(mut self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        if !self.partial.is_empty() && self.stranger.is_none() {
            self.no_utf8();
        }
        if let Some((offset, what)) = &self.stranger {
            learned.fault(&code::TEXT_NOT_TEXT, *offset, format!("no text: {what} at byte {offset}"));
            return learned;
        }
        if self.offset == 0 && self.wanted.some {
            learned.fault(&code::TEXT_EMPTY, None, "no byte of text");
        }
        self.ends.finish();
        if self.offset > 0 {
            let encoding = match (self.has_mark, self.beyond_ascii) {
                (true, _) => "utf-8 with byte order mark",
                (false, true) => "utf-8",
                (false, false) => "ascii",
            };
            learned.fact("encoding", encoding);
        }
        learned.fact("line-ends", self.ends.word());
        learned.fact("lines", self.ends.lines().to_string());
        learned
    }
}
