//! OpenPGP messages (RFC 9580, RFC 4880 and what was written before them): encrypted to a passphrase or a key, compressed,
//! signed, armored, or a bare literal packet.
//!
//! ```text
//! armor ─► packet ─► level ─┬─► stack ─► content ─┬─► verdict
//!             decrypt ◄─────┤           ▲  seal ──┤
//!             inflate ◄─────┘      signed   │     └─► locks, session ─► key, s2k, cipher
//!                                           └─► mdc, bare (bulk), aead (chunks)
//! ```
//! `packet` says where packets begin and end; `level` is one stream of packets, filled from the one beneath, decrypted or
//! decompressed; `stack` drives the topmost; `content` knows which packets may follow which and `seal` how the encrypted
//! one is opened: `decrypt` is what its kinds have in common. `signed` hashes the content for its signatures, and
//! `verdict` decides what may be believed.
//!
//! Promises: the literal packet's content byte for byte, whatever its mode; content of an encrypted message is given out
//! while its check value is still to come, and [`Integrity::Verified`](super::Integrity::Verified) is said only after that
//! held. Nothing is told of the inside of a message that fails. Offsets count in the layer's input, for armored input in
//! the bytes the armor stands for. Refuses to know: what the content is.

mod aead;
mod armor;
mod bare;
mod bulk;
mod chunks;
mod cipher;
mod content;
mod decrypt;
mod inflate;
mod key;
mod level;
mod locks;
mod mdc;
mod packet;
mod s2k;
mod seal;
mod session;
mod signed;
mod sniff;
mod stack;
mod verdict;

pub use signed::public_certificates;
pub use sniff::{Form, misplaced, recognise};

use std::io;

use self::content::Message;
use self::sniff::guess;
use super::{Layer, Opening, Proof, Trust};
use crate::limits::Limits;
use crate::place::Depth;
use crate::secret::Unlock;
use crate::source::{Buffered, Chunk, Source};

/// Puts an OpenPGP layer on `inner`, which stands at `depth`.
///
/// Passphrases are asked for only where the message has a session-key packet that takes one, or a secret key is locked;
/// secret keys only where it is encrypted to a key. Sealed chunks are opened on no more than `threads` threads.
///
/// # Errors
/// The input could not be read, or a secret could not be read from where it is kept.
pub fn open(
    mut inner: Box<dyn Layer>,
    depth: Depth,
    limits: &Limits,
    trust: &Trust,
    unlock: &mut dyn Unlock,
    threads: usize,
) -> io::Result<Opening> {
    let armored = recognise(inner.peek(armor::PREAMBLE_BYTES)?) == Some(Form::Armored);
    let mut message = Message::new(inner, armored, depth, limits, trust, threads);
    Ok(if message.begin(unlock)? {
        Opening::Layer(Box::new(OpenPgp { content: Buffered::new(message) }))
    } else {
        Opening::Closed(message.close()?)
    })
}

/// The content of a message.
struct OpenPgp {
    content: Buffered<Message>,
}

impl Source for OpenPgp {
    fn position(&self) -> u64 {
        self.content.position()
    }

    fn peek(&mut self, wanted: usize) -> io::Result<&[u8]> {
        self.content.peek(wanted)
    }

    fn take(&mut self, at_most: usize) -> io::Result<Option<Chunk>> {
        self.content.take(at_most)
    }

    fn skip(&mut self, count: u64) -> io::Result<u64> {
        self.content.skip(count)
    }
}

impl Layer for OpenPgp {
    fn close(self: Box<Self>) -> io::Result<Vec<Proof>> {
        self.content.into_feed().close()
    }
}
