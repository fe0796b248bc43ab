//! `veritar list --frames`: the archive as it lies there, for people who debug archives.
//!
//! Promises: every byte of the archive stands in exactly one line, in order; a hole stands in one of its own, with no bytes.

use std::io::{self, Write};

use super::args::{List, ListFormat};
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{nested, output, plan};
use crate::entry::Entry;
use crate::report::{Block, block, json};
use crate::source::Chunk;
use crate::verify::{Opened, Road};
use crate::walk::{Piece, Sink, Want};

pub(super) fn run(args: &List) -> Result<Exit, Trouble> {
    let mut reading = plan::reading(&args.reading, "none", "none")?;
    reading.salvage = args.salvage;
    let mut secrets = Secrets::gather(&args.reading.keys, args.archive.as_os_str() == "-")?;
    let archive = plan::archive(&args.archive);
    let bar = Bar::start(&args.reading.effort, archive.name(), &reading.progress);
    let show = |archive, secrets: &mut Secrets| match Road::open(archive, &reading, secrets)? {
        Opened::Refused(journey) => Ok((journey, ())),
        Opened::Ready(road) => {
            let is_json = args.format == ListFormat::Jsonl;
            let mut frames =
                Frames { out: Box::new(output::standard()), is_json, path: Vec::new(), open: None, failed: None };
            let journey = road.walk(&mut frames)?;
            frames.flush();
            let written = frames.failed.take().map_or_else(|| frames.out.flush(), Err);
            written.map_err(|error| Trouble::output(&error))?;
            Ok((journey, ()))
        }
    };
    let done = nested::read(archive, &plan::inside(&args.reading), &reading, &mut secrets, show);
    drop(bar);
    let (outside, innermost) = done?;
    Ok(nested::conclude(outside, innermost).0)
}

struct Frames {
    out: Box<dyn Write>,
    is_json: bool,
    path: Vec<u8>,
    /// The piece met last: what comes in several of a kind is one line.
    open: Option<(Piece, Vec<u8>)>,
    failed: Option<io::Error>,
}

impl Frames {
    fn flush(&mut self) {
        let Some((piece, path)) = self.open.take() else { return };
        let Piece { offset, bytes, what } = piece;
        let row = Block { offset, bytes, what, path: &path };
        let written = if self.is_json {
            json::write(&mut self.out, &json::block(&row)).and_then(|()| self.out.write_all(b"\n"))
        } else {
            block(&mut self.out, &row)
        };
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
    }
}

impl Sink for Frames {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        self.path.clear();
        self.path.extend_from_slice(entry.path);
        if self.failed.is_some() { Want::Stop } else { Want::Skip }
    }

    fn data(&mut self, _chunk: &Chunk) {}

    fn end(&mut self, _whole: bool) {}

    fn piece(&mut self, piece: &Piece) {
        // The trailer and what is lost come in pieces of any size.
        if let Some((open, _)) = &mut self.open
            && open.what == piece.what
            && matches!(piece.what, "trailer" | "lost")
        {
            open.bytes = open.bytes.saturating_add(piece.bytes);
            return;
        }
        self.flush();
        let path = if piece.what == "member header" { self.path.clone() } else { Vec::new() };
        self.open = Some((*piece, path));
    }
}
