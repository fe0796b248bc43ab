//! What the ways to encrypt a message's content have in common: a key is held against the beginning of the body, and the
//! body is read under it, with a check at its end or without.
//!
//! ```text
//! mdc     SEIPD v1   prefix, packets, SHA-1                     RFC 9580, section 5.13.1
//! aead    SEIPD v2   chunks with a tag each, a tag for the end  RFC 9580, section 5.13.2
//! aead    packet 20  the same as GnuPG had it first             RFC 4880bis, section 5.16
//! bare    SED        prefix, packets, nothing                   RFC 9580, section 5.7
//! ```
//!
//! Promises: whoever reads packets sees these two traits and no kind. Refuses to know: any kind.

use std::io;

use super::cipher::Cipher;
use super::key::{Candidate, Fit};
use super::level::{Desk, Level, Next};

/// What became of the check at the end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// It was made to its end and holds.
    Holds,
    /// It does not hold, or is not there; nothing says which of the two.
    Fails,
    /// The packet ended too early to have one.
    Cut,
    /// There is none, and the reader was told to do without.
    Absent,
}

/// One way to encrypt content, with the parameters that stand in the packet.
pub(super) trait Scheme {
    /// The packet, as it is shown.
    fn name(&self) -> &'static str;

    /// The cipher, where the packet names it.
    fn cipher(&self) -> Option<Cipher> {
        None
    }

    /// Further parameters, as they are shown.
    fn mode(&self) -> Option<String> {
        None
    }

    /// Whether session-key packets of this kind and version belong to it (RFC 9580, section 10.3.2.1).
    fn takes(&self, kind: Esk) -> bool;

    /// Bytes of the body's beginning that a key is held against.
    fn head_bytes(&self) -> usize;

    /// Bytes of a body below which it is none, under whatever key.
    fn least_bytes(&self) -> usize;

    /// How well a key fits `head`, the first [`Self::head_bytes`] of the body or all of it.
    fn fit(&self, candidate: &Candidate, head: &[u8]) -> Fit;

    /// Whether the end of the body tells that the key is right though its beginning does not fit: `tail` are the last
    /// bytes of `body_bytes`.
    fn fits_end(&self, _candidate: &Candidate, _tail: &[u8], _body_bytes: u64) -> bool {
        false
    }

    /// Starts to read a body that begins with `head`; `None` where the key does not fit the cipher.
    fn start(&self, candidate: &Candidate, head: Vec<u8>) -> Option<Box<dyn Decrypt>>;
}

/// A body that is being read.
pub(super) trait Decrypt: Send {
    /// The next plaintext; at the end, how it ended.
    fn next(&mut self, beneath: &mut [Level], desk: &mut Desk) -> io::Result<Next>;

    /// What became of the check, once the packet has ended.
    fn check(&self) -> Option<Check>;
}

/// The kinds of session-key packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Esk {
    /// To a key, in this version.
    Public(u8),
    /// To a passphrase, in this version.
    Passphrase(u8),
}
