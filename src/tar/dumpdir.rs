//! GNU's incremental backups: the directory listing that is the payload of a `D` member.
//!
//! Promises: counts what the listing says, in any cut of the input. Refuses to know: whether the files it names are in the archive.
//! Source of the format: "Dumpdir" in the GNU tar manual: entries of one letter, a name and a NUL, closed by one more NUL.

/// What a listing says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dumpdir {
    /// Files whose content is in this archive (`Y`).
    pub present: u64,
    /// Files that did not change and are in an earlier archive (`N`).
    pub elsewhere: u64,
    /// Directories (`D`).
    pub directories: u64,
    /// Renames and temporary names (`R`, `T`, `X`).
    pub renames: u64,
    /// Entries with another letter, or without a name.
    pub malformed: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    AwaitingLetter,
    InName {
        is_empty: bool,
        letter: u8,
    },
    Ended,
}

impl Dumpdir {
    /// Takes the next bytes in.
    pub fn feed(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.state = match (self.state, *byte) {
                (State::AwaitingLetter, 0) => State::Ended,
                (State::AwaitingLetter, letter) => State::InName { is_empty: true, letter },
                (State::InName { is_empty, letter }, 0) => {
                    self.count(letter, is_empty);
                    State::AwaitingLetter
                }
                (State::InName { letter, .. }, _) => State::InName { is_empty: false, letter },
                (State::Ended, 0) => State::Ended,
                (State::Ended, _) => {
                    self.malformed = self.malformed.saturating_add(1);
                    return;
                }
            };
        }
    }

    /// Whether the listing is closed as it must be.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state == State::Ended
    }

    fn count(&mut self, letter: u8, is_empty: bool) {
        let counter = match letter {
            b'Y' => &mut self.present,
            b'N' => &mut self.elsewhere,
            b'D' => &mut self.directories,
            // A rename to nothing takes the temporary name back.
            b'R' | b'T' | b'X' => &mut self.renames,
            _ => &mut self.malformed,
        };
        let counter = if is_empty && matches!(letter, b'Y' | b'N' | b'D') { &mut self.malformed } else { counter };
        *counter = counter.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_in_any_cut() {
        let text = b"Yfile\0Nold\0Ddir\0Ra\0Tb\0Q?\0Y\0\0";
        for piece in [1, 2, 3, text.len()] {
            let mut listing = Dumpdir::default();
            text.chunks(piece).for_each(|bytes| listing.feed(bytes));
            assert!(listing.is_closed());
            let counts = (listing.present, listing.elsewhere, listing.directories, listing.renames, listing.malformed);
            assert_eq!(counts, (1, 1, 1, 2, 2));
        }
        let mut open = Dumpdir::default();
        open.feed(b"Yfile\0");
        assert!(!open.is_closed());
    }
}
