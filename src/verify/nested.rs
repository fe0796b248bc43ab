//! Archives inside archives: the content of a member, as it streams, is the source of the next road.
//!
//! ```text
//! outer road ──► Courier ──► queue of eight chunks ──► Archive "outer!member" ──► the next road
//!  (thread)      keeps one member's content
//! ```
//! The outer archive is read to its end whatever becomes of the inner one, and its layers close: what is wrong with it is
//! told beside what is wrong inside, and where it is forged nothing that was inside is told at all.
//!
//! Promises: neither walk waits for the other for ever; never more than [`QUEUE_CHUNKS`] chunks between them; the inner
//! archive is read exactly as the same bytes in a file. Refuses to know: what is made of the inner archive.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::archive::Archive;
use super::outcome::Inventory;
use super::provisional::Journey;
use super::road::{Opened, Progress, Reading, Road};
use super::verifier::touch;
use crate::code;
use crate::digest::Digests;
use crate::entry::{Entry, normalized};
use crate::error::Error;
use crate::finding::Finding;
use crate::place::{Depth, Place};
use crate::secret::Unlock;
use crate::source::{Buffered, Chunk, Feed, zeros};
use crate::walk::{Sink, Want};

/// Chunks that wait between an archive and the one inside it.
const QUEUE_CHUNKS: usize = 8;

/// Archives that are being read because another one is inside them, outermost first. Whoever entered must [`leave`](Self::leave).
pub struct Nest {
    carriers: Vec<Carrier>,
}

/// An archive on its way.
struct Carrier {
    name: String,
    file_name: Option<String>,
    member: Vec<u8>,
    way: Way,
}

enum Way {
    Walking(JoinHandle<Result<(Journey, Courier), Error>>),
    Shut(Box<Journey>),
}

/// An archive in which another one was looked for, read to its end.
pub struct Carried {
    /// Its name.
    pub name: String,
    /// The last part of its path, where it has one.
    pub file_name: Option<String>,
    /// What is known of it. Not settled yet.
    pub journey: Journey,
    /// What it holds.
    pub inventory: Inventory,
    /// Whether the member was there and had content, so that something was read inside.
    pub found: bool,
}

impl Nest {
    /// Goes from `archive` into the member named first, and from there into the next; the innermost archive is to be read
    /// and dropped before [`leave`](Self::leave), and is `None` where it could not be reached. `all` has every byte of the
    /// outer archives read, whether it is wanted or not.
    ///
    /// # Errors
    /// An archive could not be read, or a secret not be fetched.
    pub fn enter(
        archive: Archive,
        inside: &[Vec<u8>],
        reading: &Reading,
        all: bool,
        unlock: &mut dyn Unlock,
    ) -> Result<(Option<Archive>, Self), Error> {
        let mut nest = Self { carriers: Vec::with_capacity(inside.len()) };
        let mut archive = archive;
        for (above, member) in (0_u64..).zip(inside) {
            let (name, file_name) = (archive.name().to_owned(), archive.file_name().map(str::to_owned));
            // Progress is that of the innermost archive: before it is walked, a passphrase may still be asked for.
            let reading = Reading { progress: Arc::<Progress>::default(), ..reading.clone() };
            let opened = if above >= reading.limits.nested_archives {
                Opened::Refused(too_deep(inside.len(), reading.limits.nested_archives))
            } else {
                Road::open(archive, &reading, unlock)?
            };
            let carry =
                |way| nest.carriers.push(Carrier { name: name.clone(), file_name, member: member.clone(), way });
            let road = match opened {
                Opened::Ready(road) => road,
                Opened::Refused(journey) => {
                    carry(Way::Shut(Box::new(journey)));
                    return Ok((None, nest));
                }
            };
            let (sender, receiver) = sync_channel(QUEUE_CHUNKS);
            let mut courier = Courier::new(member, all, sender);
            let walk = move || {
                let journey = road.walk(&mut courier)?;
                // Whoever waits for a member that never came must see that none will.
                courier.sender = None;
                Ok((journey, courier))
            };
            let thread = std::thread::Builder::new().name("outer".to_owned()).spawn(walk);
            let thread = thread.map_err(|error| Error::Input { source: name.clone(), error })?;
            carry(Way::Walking(thread));
            archive = Archive::inside(&name, member, Box::new(Buffered::new(Parcels(receiver))));
        }
        Ok((Some(archive), nest))
    }

    /// Waits until every outer archive was read to its end; outermost first, up to the first that could not be opened.
    ///
    /// # Errors
    /// One of them could not be read: then the archive inside it, too, ended too early.
    pub fn leave(self) -> Result<Vec<Carried>, Error> {
        self.carriers.into_iter().map(Carrier::leave).collect()
    }
}

impl Carrier {
    fn leave(self) -> Result<Carried, Error> {
        let Self { name, file_name, member, way } = self;
        let (mut journey, inventory, found) = match way {
            Way::Shut(journey) => (*journey, Inventory::default(), false),
            Way::Walking(thread) => {
                let ended = thread.join().map_err(|_| Error::Input {
                    source: name.clone(),
                    error: io::Error::other("a reading thread ended unexpectedly"),
                })?;
                let (mut journey, courier) = ended?;
                let finding = courier.finding(&member, &journey);
                journey.findings.extend(finding);
                (journey, courier.inventory, courier.found > 0 && courier.is_file)
            }
        };
        let message = format!("read for what is in its member {}", member.escape_ascii());
        journey.findings.push(Finding::new(&code::NESTED_CONTAINER, Place::whole(), message));
        Ok(Carried { name, file_name, journey, inventory, found })
    }
}

/// The journey that was not made.
fn too_deep(wanted: usize, limit: u64) -> Journey {
    let message =
        format!("{wanted} archives inside each other, at most {limit} allowed (--limit nested-archives={wanted})");
    Journey {
        layers: Vec::new(),
        depth: Depth::default(),
        findings: vec![Finding::new(&code::LIMIT_REACHED, Place::whole(), message)],
        walked: None,
        bytes: 0,
        digests: Digests::default(),
    }
}

/// The sink of an outer archive: hands on the content of one member, and counts the others.
struct Courier {
    wanted: Vec<u8>,
    all: bool,
    inventory: Inventory,
    found: u64,
    is_file: bool,
    /// Where the content goes; none before the member and behind it, so that who reads it sees its end at once.
    sender: Option<SyncSender<Bytes>>,
    carries: bool,
}

impl Courier {
    fn new(member: &[u8], all: bool, sender: SyncSender<Bytes>) -> Self {
        Self {
            wanted: normalized(member).into_owned(),
            all,
            inventory: Inventory::default(),
            found: 0,
            is_file: false,
            sender: Some(sender),
            carries: false,
        }
    }

    /// What is to be said of the member itself. It stands where the outer archive's members do, so that it is thrown out
    /// with them.
    fn finding(&self, member: &[u8], journey: &Journey) -> Option<Finding> {
        let shown = member.escape_ascii();
        let (code, message) = match (self.found, self.is_file) {
            (0, _) if journey.is_complete() => (&code::NESTED_MISSING, format!("holds no member {shown}")),
            (0, _) => (&code::NESTED_MISSING, format!("holds no member {shown} in the part that could be read")),
            (_, false) => (&code::NESTED_MISSING, format!("{shown} is no regular file: it has no content")),
            (1, true) => return None,
            (many, true) => {
                (&code::NESTED_TWICE, format!("{shown} stands {many} times in the archive; the first one was read"))
            }
        };
        let place = Place { depth: journey.depth, offset: None, entry: None };
        Some(Finding::new(code, place, message))
    }
}

impl Sink for Courier {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.inventory.count(entry);
        let other = if self.all { Want::Stream } else { Want::Skip };
        if *normalized(entry.path) != *self.wanted {
            return other;
        }
        self.found += 1;
        if self.found > 1 {
            return other;
        }
        self.is_file = entry.kind.is_file();
        self.carries = self.is_file;
        if self.carries { Want::Stream } else { other }
    }

    fn data(&mut self, chunk: &Chunk) {
        if !self.carries {
            touch(&chunk.bytes);
        } else if let Some(sender) = &self.sender
            && sender.send(chunk.bytes.clone()).is_err()
        {
            // Nobody wants more of it; the rest is read all the same.
            self.sender = None;
        }
    }

    fn hole(&mut self, bytes: u64) {
        let Some(sender) = self.sender.as_ref().filter(|_| self.carries) else { return };
        if !zeros(bytes).all(|piece| sender.send(piece).is_ok()) {
            self.sender = None;
        }
    }

    fn end(&mut self, _whole: bool) {
        if self.carries {
            self.carries = false;
            self.sender = None;
        }
    }
}

/// The content of a member as it comes.
struct Parcels(Receiver<Bytes>);

impl Feed for Parcels {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        Ok(self.0.recv().ok())
    }
}
