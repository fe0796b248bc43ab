//! What goes round an archive: compression, and round that OpenPGP encryption.
//!
//! ```text
//! tar bytes ─► Sealer ─► gzip, zstd ─► openpgp ─► valve ─► the writer below
//! ```
//! A [`Seal`] says what is wanted and can be looked at before anything runs; [`Seal::start`] makes a [`Sealer`] of it, which
//! takes the archive's bytes; [`Sealer::finish`] writes every trailer and gives the writer back.
//!
//! Promises: what cannot be sealed is said before a byte is written. A fault of the writer below comes out as it went in,
//! and after it nothing is written. A [`Sealer`] that is dropped before [`Sealer::finish`] writes nothing more, so that no
//! reader can take what is there for a whole. Refuses to know: what the bytes are, where they go, and where secrets come
//! from.

mod openpgp;
mod recipients;
mod seipd1;
mod trouble;
mod valve;
mod zstd;

pub use recipients::Certificate;
pub use trouble::{Trouble, Unfit};

use std::fmt;
use std::io::{self, Write};

use flate2::GzBuilder;
use flate2::write::GzEncoder;

use self::valve::Valve;
use self::zstd::Zstd;
use crate::secret::Secret;

/// Levels gzip knows; 0 stores.
const GZIP_LEVELS: (i64, i64) = (0, 9);

/// What goes round an archive.
#[derive(Debug, Clone, Default)]
pub struct Seal {
    /// What makes it smaller; inside the encryption, where there is one.
    pub compression: Compression,
    /// What closes it; `None` leaves it open to everybody.
    pub lock: Option<Lock>,
}

/// What makes an archive smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Nothing does.
    #[default]
    None,
    /// gzip at a level from 0 (stored) to 9; neither a name nor a time stands in its header.
    Gzip(u32),
    /// zstd at one of its library's levels, with a checksum of the content.
    Zstd(i32),
}

/// What closes an archive. Each passphrase and each certificate's owner can open it alone.
#[derive(Clone, Default)]
pub struct Lock {
    /// Passphrases, none of them empty or of several lines.
    pub passphrases: Vec<Secret>,
    /// Certificates of those who may open it.
    pub certificates: Vec<Certificate>,
    /// How the content is encrypted.
    pub format: Format,
}

/// How OpenPGP encrypts a message's content; AES-256 in either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// SEIPD version 1 (RFC 4880), with an MDC: what gpg and the products' own tools read.
    #[default]
    SeipdV1,
    /// SEIPD version 2 (RFC 9580), OCB in chunks: damage is found where it is, but gpg does not read it.
    SeipdV2,
}

impl Seal {
    /// The end of the sealed file's name, without the first dot.
    #[must_use]
    pub fn extension(&self) -> &'static str {
        match (self.compression, self.lock.is_some()) {
            (Compression::None, false) => "tar",
            (Compression::None, true) => "tar.gpg",
            (Compression::Gzip(_), false) => "tar.gz",
            (Compression::Gzip(_), true) => "tar.gz.gpg",
            (Compression::Zstd(_), false) => "tar.zst",
            (Compression::Zstd(_), true) => "tar.zst.gpg",
        }
    }

    /// Says whether it can be made: what [`start`](Self::start) would say before it writes.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(&self) -> Result<(), Trouble> {
        self.compression.check()?;
        self.lock.as_ref().map_or(Ok(()), |lock| openpgp::Keys::of(lock).map(drop))
    }

    /// Begins to seal what is written into `out`. Deriving a key takes up to a third of a second for each passphrase.
    ///
    /// # Errors
    /// It cannot be made, and nothing was written; or `out` did not take the beginning.
    pub fn start<W: Write + Send + 'static>(&self, out: W) -> Result<Sealer<W>, Trouble> {
        self.compression.check()?;
        let keys = self.lock.as_ref().map(openpgp::Keys::of).transpose()?;
        let valve = Valve::new(out);
        // Made first: what fails from here on shuts the valve, whatever is above it.
        let mut sealer = Sealer { valve, head: None };
        let body = match keys {
            None => Body::Open(sealer.valve.share()),
            Some(keys) => Body::Locked(keys.lock(&sealer.valve)?),
        };
        sealer.head = Some(match self.compression {
            Compression::None => Head::Plain(body),
            Compression::Gzip(level) => {
                let encoder = GzBuilder::new().mtime(0).write(body, flate2::Compression::new(level));
                Head::Gzip(Box::new(encoder))
            }
            Compression::Zstd(level) => Head::Zstd(Zstd::new(body, level).map_err(Trouble::Write)?),
        });
        Ok(sealer)
    }
}

impl Compression {
    fn check(self) -> Result<(), Trouble> {
        let (format, given, (lowest, highest)) = match self {
            Self::None => return Ok(()),
            Self::Gzip(level) => ("gzip", i64::from(level), GZIP_LEVELS),
            Self::Zstd(level) => ("zstd", i64::from(level), zstd::levels()),
        };
        if (lowest..=highest).contains(&given) {
            return Ok(());
        }
        Err(Trouble::Level { format, given, lowest, highest })
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.certificates.iter().map(|certificate| certificate.name.as_str()).collect();
        let passphrases = self.passphrases.len();
        write!(f, "Lock {{ {passphrases} passphrases, certificates: {names:?}, format: {:?} }}", self.format)
    }
}

/// Takes an archive's bytes and writes them sealed.
///
/// `flush` reaches the writer below and leaves alone what is held back to be compressed or encrypted: the bytes written do
/// not depend on it.
pub struct Sealer<W: Write + Send + 'static = Box<dyn Write + Send>> {
    valve: Valve<W>,
    /// `None` after a fault: dropping the encoders does no harm once the valve is shut.
    head: Option<Head<W>>,
}

/// What the archive's bytes go into.
enum Head<W: Write + Send + 'static> {
    Plain(Body<W>),
    Gzip(Box<GzEncoder<Body<W>>>),
    Zstd(Zstd<Body<W>>),
}

/// What compressed bytes go into.
enum Body<W: Write + Send + 'static> {
    Open(Valve<W>),
    Locked(openpgp::Locked<W>),
}

impl<W: Write + Send + 'static> Sealer<W> {
    /// Writes every trailer, flushes the writer below and gives it back.
    ///
    /// # Errors
    /// The writer below did not take something, now or earlier: what is there is no archive.
    pub fn finish(mut self) -> io::Result<W> {
        let Some(head) = self.head.take() else { return Err(self.valve.refusal()) };
        let done = head.finish().and_then(|()| self.valve.flush_below()).and_then(|()| self.valve.take());
        done.map_err(|error| self.valve.fail(error))
    }
}

impl<W: Write + Send + 'static> Write for Sealer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(head) = self.head.as_mut() else { return Err(self.valve.refusal()) };
        head.write(bytes).map_err(|error| {
            // In this order: an encoder that is dropped tries to end its stream.
            let error = self.valve.fail(error);
            self.head = None;
            error
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.head.is_none() {
            return Err(self.valve.refusal());
        }
        self.valve.flush_below().map_err(|error| {
            let error = self.valve.fail(error);
            self.head = None;
            error
        })
    }
}

impl<W: Write + Send + 'static> Drop for Sealer<W> {
    fn drop(&mut self) {
        self.valve.shut();
    }
}

impl<W: Write + Send + 'static> fmt::Debug for Sealer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = match &self.head {
            None => "failed",
            Some(Head::Plain(_)) => "plain",
            Some(Head::Gzip(_)) => "gzip",
            Some(Head::Zstd(_)) => "zstd",
        };
        write!(f, "Sealer({head})")
    }
}

impl<W: Write + Send + 'static> Head<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(body) => body.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
            Self::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(body) => body.finish(),
            Self::Gzip(encoder) => encoder.finish()?.finish(),
            Self::Zstd(encoder) => encoder.finish()?.finish(),
        }
    }
}

impl<W: Write + Send + 'static> Body<W> {
    fn finish(self) -> io::Result<()> {
        match self {
            Self::Open(_) => Ok(()),
            Self::Locked(message) => message.finish(),
        }
    }
}

impl<W: Write + Send + 'static> Write for Body<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Open(valve) => valve.write(bytes),
            Self::Locked(message) => message.write(bytes),
        }
    }

    /// Asked for by nobody but an encoder that was asked itself, and none is.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
