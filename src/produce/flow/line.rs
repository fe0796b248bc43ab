//! The line an archive's bytes take: through the seal into the file, and the same bytes to the verifier.
//!
//! Promises: what the verifier judges is what lies in the file, byte for byte, or what went into the seal where that was
//! asked for; what it holds up is bounded; a producer that is asked to stop is stopped by its next write. Refuses to know:
//! products, names, verdicts.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;

use crate::produce::publish::{self, Written};
use crate::produce::receipt::Verified;
use crate::produce::seal::{Seal, Sealer};
use crate::produce::{Made, Trouble};
use crate::secret::Unlock;
use crate::source::{Buffer, Buffered, CHUNK_BYTES, Feed, Pool};
use crate::verify::{Archive, Options, Outcome, verify};

/// Pieces on their way to the verifier, 64 MiB of them: a verifier that falls behind for a moment must not hold up a
/// producer for whose sake an engine stands still.
const MOST_PIECES: usize = 256;

/// What came out at the end of the line.
pub(super) struct Line {
    /// What there is to tell and the file, or why the archive is not whole.
    pub(super) produced: Result<(Made, Written), Trouble>,
    /// Bytes that the producer wrote.
    pub(super) taken: u64,
    /// What the verifier says; of an archive that is not whole, what it says of the rest.
    pub(super) outcome: Result<Outcome, Trouble>,
}

/// Where the line begins and ends.
pub(super) struct Ends<'a> {
    pub(super) name: &'a str,
    pub(super) verified: Verified,
    pub(super) seal: &'a Seal,
    pub(super) options: &'a Options,
    pub(super) stop: &'a Arc<AtomicBool>,
}

/// Lets `produce` write through the seal into `writer`, and has the verifier read along.
pub(super) fn through(
    ends: &Ends<'_>,
    writer: publish::Writer,
    unlock: &mut dyn Unlock,
    produce: impl FnOnce(&mut dyn Write) -> Result<Made, Trouble>,
) -> Line {
    let (feeder, feed) = pieces();
    let archive = Archive::from_source(ends.name, Box::new(Buffered::new(feed)));
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("verify".to_owned());
        let verifier = match builder.spawn_scoped(scope, move || verify(archive, ends.options, unlock)) {
            Ok(verifier) => verifier,
            Err(error) => {
                let sentence = format!("failed to start a thread: {error}; look what the machine has run out of");
                return Line { produced: Err(Trouble::Refused(sentence)), taken: 0, outcome: Err(Trouble::Stopped) };
            }
        };
        let mut taken = 0;
        let produced = fill(ends, writer, feeder, |out| produce(&mut Counted { out, taken: &mut taken }));
        let outcome = match verifier.join() {
            Ok(outcome) => outcome.map_err(Trouble::Verify),
            Err(_) => Err(Trouble::Refused("the verifier broke down over the archive; please report this".to_owned())),
        };
        Line { produced, taken, outcome }
    })
}

/// The producer's side.
fn fill(
    ends: &Ends<'_>,
    writer: publish::Writer,
    feeder: Feeder,
    produce: impl FnOnce(&mut dyn Write) -> Result<Made, Trouble>,
) -> Result<(Made, Written), Trouble> {
    let (seal, stop) = (ends.seal, Arc::clone(ends.stop));
    match ends.verified {
        Verified::AsWritten => {
            let mut sealer: Sealer<Tee<publish::Writer>> = seal.start(Tee { below: writer, feeder, stop })?;
            let made = produce(&mut sealer)?;
            let Tee { below, feeder, .. } = sealer.finish().map_err(write_trouble)?;
            feeder.finish();
            Ok((made, below.finish()?))
        }
        Verified::BeforeSealing => {
            let mut tee = Tee { below: seal.start(writer)?, feeder, stop };
            let made = produce(&mut tee)?;
            let Tee { below, feeder, .. } = tee;
            feeder.finish();
            Ok((made, below.finish().map_err(write_trouble)?.finish()?))
        }
    }
}

/// What the file said when it did not take a byte.
fn write_trouble(error: io::Error) -> Trouble {
    match error.downcast::<publish::Trouble>() {
        Ok(trouble) => trouble.into(),
        Err(error) if error.get_ref().is_some_and(|inner| inner.is::<Asked>()) => Trouble::Stopped,
        Err(error) => Trouble::Seal(crate::produce::seal::Trouble::Write(error)),
    }
}

/// Counts what a producer writes.
struct Counted<'a> {
    out: &'a mut dyn Write,
    taken: &'a mut u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        *self.taken += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Hands the same bytes to what is below, and then to the verifier.
struct Tee<W> {
    below: W,
    feeder: Feeder,
    stop: Arc<AtomicBool>,
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other(Asked));
        }
        let written = self.below.write(bytes)?;
        self.feeder.put(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.below.flush()
    }
}

/// veritar was asked to stop.
#[derive(Debug)]
struct Asked;

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("veritar was asked to stop")
    }
}

impl std::error::Error for Asked {}

/// The near end of the way to the verifier.
struct Feeder {
    pool: Pool,
    filling: Buffer,
    /// `None` once the verifier is gone: it has seen enough, or broke down, which whoever joins it learns.
    to: Option<SyncSender<Bytes>>,
}

/// The far end.
struct Pieces(Receiver<Bytes>);

fn pieces() -> (Feeder, Pieces) {
    let (to, from) = sync_channel(MOST_PIECES);
    let pool = Pool::new(CHUNK_BYTES);
    (Feeder { filling: pool.buffer(), pool, to: Some(to) }, Pieces(from))
}

impl Feeder {
    fn put(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() && self.to.is_some() {
            let free = self.filling.free();
            let (now, later) = left.split_at(left.len().min(free.len()));
            free[..now.len()].copy_from_slice(now);
            self.filling.advance(now.len());
            left = later;
            if self.filling.free().is_empty() {
                self.send();
            }
        }
    }

    fn send(&mut self) {
        let filled = std::mem::replace(&mut self.filling, self.pool.buffer());
        if filled.used() > 0 && self.to.as_ref().is_some_and(|to| to.send(filled.freeze()).is_err()) {
            self.to = None;
        }
    }

    /// The last piece; after it the verifier sees the end.
    fn finish(mut self) {
        self.send();
    }
}

impl Feed for Pieces {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        Ok(self.0.recv().ok())
    }
}
