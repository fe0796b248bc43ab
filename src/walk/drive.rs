//! The loop: asks the source for bytes, the parser what they are, and hands the sink what it wants. The hot path of the
//! whole program.
//!
//! Promises: payload goes from source to sink without a copy; what nobody wants is passed over; the loop reads to the end
//! of the stream unless the sink stops it. Refuses to know: what the sink does.

use std::io;

use super::around::{Around, Strange};
use super::sink::{Piece, Sink, Want};
use crate::entry::Entry;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::place::{Depth, Place};
use crate::source::{CHUNK_BYTES, Source, prefetch};
use crate::tar::{
    Accounts, Anomaly, AnomalyKind, BLOCK_BYTES, Dumpdir, EndMarker, ExtensionKind, Frame, Member, Parser, RawHeader,
    Step,
};

/// Bytes of payload handed on at a time, where so many lie ready: in a mapped file handing over costs more than they do.
const PIECE_BYTES: usize = 4 * CHUNK_BYTES;

/// Bytes stepped over before the source hears of it, where so many lie ready: it knows how far the reading is.
const PASS_BYTES: usize = PIECE_BYTES;

/// Bytes of a member that is so small that nearly every page of the archive is looked at, though payloads are passed over.
const SMALL_BYTES: u64 = 16 << 10;

/// What a walk found out about the archive's form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walked {
    /// Where the bytes went.
    pub accounts: Accounts,
    /// How the archive is closed.
    pub end_marker: EndMarker,
    /// Whether every member was read to its end.
    pub whole: bool,
    /// Whether the sink stopped the walk.
    pub stopped: bool,
}

/// How to walk.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// What the input may ask for.
    pub limits: &'a Limits,
    /// Where the archive stands in the wrapping: offsets in findings count there.
    pub depth: Depth,
    /// Whether to look for members behind damage.
    pub salvage: bool,
}

/// Walks the tar that `source` gives from here.
///
/// # Errors
/// The source could not be read.
pub fn drive(source: &mut dyn Source, way: Way<'_>, sink: &mut dyn Sink) -> io::Result<Walked> {
    let mut parser = Parser::new(way.limits);
    if way.salvage {
        parser = parser.salvaging();
    }
    let mut walk = Walk {
        depth: way.depth,
        path: Vec::new(),
        want: Want::Skip,
        is_open: false,
        holes: 0,
        is_hollow: false,
        listing: None,
        around: Around::default(),
    };
    let mut wanted = BLOCK_BYTES;
    loop {
        let lent = source.peek(wanted)?;
        let at_end = lent.len() < wanted;
        let members = parser.accounts().members;
        let (passed, then) = walk.pass(lent, at_end, &mut parser, way.limits, sink);
        source.skip(passed as u64)?;
        if passed >= PASS_BYTES && (parser.accounts().members - members).saturating_mul(SMALL_BYTES) >= passed as u64 {
            source.read_on();
        }
        wanted = BLOCK_BYTES;
        match then {
            Then::Ask(bytes) => wanted = bytes,
            Then::Payload(bytes) => {
                let offset = parser.offset();
                walk.payload(source, &mut parser, bytes, sink)?;
                sink.piece(&Piece { offset, bytes: parser.offset().saturating_sub(offset), what: "payload" });
                walk.end(&mut parser, sink);
            }
            Then::Look { strange, bytes } => {
                walk.around.look(strange, &parser, source)?;
                walk.end(&mut parser, sink);
                source.skip(bytes as u64)?;
            }
            Then::Over => return Ok(walked(&parser, false)),
        }
        if walk.want == Want::Stop {
            return Ok(walked(&parser, true));
        }
    }
}

/// What the walk needs the source for.
enum Then {
    /// So many bytes in one piece.
    Ask(usize),
    /// A payload of so many bytes that somebody wants, or that is not all there yet.
    Payload(u64),
    /// A look around at what is strange, and then to pass over it.
    Look { strange: Strange, bytes: usize },
    /// Nothing: there is no more.
    Over,
}

/// What a walk remembers from one frame to the next.
struct Walk {
    depth: Depth,
    /// Path of the member that was met last.
    path: Vec<u8>,
    want: Want,
    /// Whether an entry has begun and is not over: its end is owed to the sink, whatever happens to the archive.
    is_open: bool,
    /// Bytes of holes given so far, of all members.
    holes: u64,
    /// Whether a hole of this member was too much to give.
    is_hollow: bool,
    /// The listing of an incremental backup that is being read.
    listing: Option<(u64, Dumpdir)>,
    /// What stands where no member does.
    around: Around,
}

impl Walk {
    /// Steps over what the source has lent, for as long as nothing else is needed of it, and says how many bytes that were:
    /// small members lie close together, and asking for each of their pieces would cost as much as reading it.
    fn pass(
        &mut self,
        lent: &[u8],
        at_end: bool,
        parser: &mut Parser,
        limits: &Limits,
        sink: &mut dyn Sink,
    ) -> (usize, Then) {
        let mut passed = 0;
        while passed < PASS_BYTES && self.want != Want::Stop {
            let input = lent.get(passed..).unwrap_or_default();
            let offset = parser.offset();
            if parser.awaits_header() {
                // Comes in while this header is read, and while the sink is busy with it.
                prefetch(behind_payload(input));
            }
            match parser.step(input, at_end) {
                Step::Need(bytes) => return (passed, Then::Ask(bytes)),
                Step::End => {
                    self.report(parser, sink);
                    return (passed, Then::Over);
                }
                Step::Frame { frame: Frame::Payload(bytes), .. } => {
                    self.report(parser, sink);
                    let is_skipped = self.want == Want::Skip && self.listing.is_none();
                    let Some(ready) = usize::try_from(bytes).ok().filter(|ready| is_skipped && *ready <= input.len())
                    else {
                        return (passed, Then::Payload(bytes));
                    };
                    parser.advance(bytes);
                    sink.piece(&Piece { offset, bytes, what: "payload" });
                    passed += ready;
                }
                Step::Frame { frame: Frame::Hole(bytes), .. } => {
                    sink.piece(&Piece { offset, bytes: 0, what: "hole" });
                    self.hole(bytes, offset, limits, sink);
                }
                Step::Frame { consumed, frame } => {
                    if let Frame::Member(member) = &frame {
                        self.begin(member, sink);
                    }
                    let strange = Strange::of(&frame, consumed);
                    sink.piece(&Piece { offset, bytes: consumed as u64, what: word(&frame) });
                    if strange != Strange::No {
                        return (passed, Then::Look { strange, bytes: consumed });
                    }
                    passed += consumed;
                }
            }
            self.end(parser, sink);
        }
        (passed, Then::Ask(BLOCK_BYTES))
    }

    fn begin(&mut self, member: &Member<'_>, sink: &mut dyn Sink) {
        self.path.clear();
        self.path.extend_from_slice(member.path);
        self.listing = (member.header.typeflag() == b'D').then(|| (member.offset, Dumpdir::default()));
        self.is_hollow = false;
        self.want = sink.entry(&entry(member));
        self.is_open = true;
    }

    /// Tells what was odd, and that the entry is over where it is: without payload at once, or after its last part, or where
    /// the input ends inside it.
    fn end(&mut self, parser: &mut Parser, sink: &mut dyn Sink) {
        self.report(parser, sink);
        if self.is_open && !parser.is_inside_member() && self.want != Want::Stop {
            self.end_entry(parser, sink);
        }
    }

    fn end_entry(&mut self, parser: &Parser, sink: &mut dyn Sink) {
        if let Some((offset, listing)) = self.listing.take() {
            self.tell(Anomaly { offset, kind: AnomalyKind::Incremental(listing) }, sink);
        }
        sink.end(parser.is_member_whole() && !self.is_hollow);
        self.is_open = false;
    }

    /// Zeros cost nothing to store and much to hash: past the limit they are not given.
    fn hole(&mut self, bytes: u64, offset: u64, limits: &Limits, sink: &mut dyn Sink) {
        if self.want != Want::Stream || self.is_hollow {
            return;
        }
        let holes = self.holes.saturating_add(bytes);
        if holes > limits.hole_bytes {
            self.is_hollow = true;
            let (name, limit) = ("hole-bytes", limits.hole_bytes);
            return self.tell(Anomaly { offset, kind: AnomalyKind::Limit { name, limit, wanted: holes } }, sink);
        }
        self.holes = holes;
        sink.hole(bytes);
    }

    /// Takes or passes over a payload of `bytes`, as far as there are so many.
    fn payload(
        &mut self,
        source: &mut dyn Source,
        parser: &mut Parser,
        bytes: u64,
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let mut left = bytes;
        if self.want == Want::Skip && self.listing.is_none() {
            let skipped = source.skip(left)?;
            parser.advance(skipped);
            left -= skipped.min(left);
        } else {
            while left > 0 {
                let at_most = usize::try_from(left).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
                let Some(chunk) = source.take(at_most)? else { break };
                parser.advance(chunk.bytes.len() as u64);
                left -= (chunk.bytes.len() as u64).min(left);
                if let Some((_, listing)) = &mut self.listing {
                    listing.feed(&chunk.bytes);
                }
                if self.want == Want::Stream {
                    sink.data(&chunk);
                }
            }
        }
        if left > 0 {
            parser.cut();
        } else if bytes == 0 {
            parser.advance(0);
        }
        Ok(())
    }

    fn report(&self, parser: &mut Parser, sink: &mut dyn Sink) {
        if parser.has_anomalies() {
            for anomaly in parser.anomalies() {
                self.tell(anomaly, sink);
            }
        }
    }

    fn tell(&self, anomaly: Anomaly, sink: &mut dyn Sink) {
        let place = Place::at(self.depth, anomaly.offset);
        let place = if concerns_member(&anomaly.kind) { place.of_entry(&self.path) } else { place };
        let mut message = anomaly.kind.to_string();
        if matches!(anomaly.kind, AnomalyKind::BadHeader { .. }) && !self.path.is_empty() {
            message = format!("{message}; the last member before it is {}", self.path.escape_ascii());
        }
        message += &self.around.told(&anomaly.kind);
        let cause = self.around.cause(&anomaly.kind, &place);
        // The cause first: it says more than what it led to.
        if let Some(cause) = cause {
            sink.finding(&cause);
        }
        sink.finding(&Finding::new(anomaly.kind.code(), place, message).with_severity(anomaly.kind.severity()));
    }
}

/// What of `input` lies behind the header that it may begin with and the payload that this claims: padding, and the next
/// header.
fn behind_payload(input: &[u8]) -> &[u8] {
    let claimed = RawHeader::first(input).and_then(|header| header.size().ok()?.unsigned());
    let payload = claimed.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(usize::MAX);
    input.get(payload.saturating_add(BLOCK_BYTES)..).unwrap_or_default()
}

/// The word for a frame.
fn word(frame: &Frame<'_>) -> &'static str {
    match frame {
        Frame::Member(_) => "member header",
        Frame::Extension(ExtensionKind::Local) => "pax header",
        Frame::Extension(ExtensionKind::Global) => "global pax header",
        Frame::Extension(ExtensionKind::LongName) => "GNU long name",
        Frame::Extension(ExtensionKind::LongLink) => "GNU long link",
        Frame::SparseMap => "sparse map",
        Frame::Hole(_) => "hole",
        Frame::Payload(_) => "payload",
        Frame::Padding => "padding",
        Frame::EndMarker => "end marker",
        Frame::Trailer => "trailer",
        Frame::Lost => "lost",
    }
}

fn walked(parser: &Parser, stopped: bool) -> Walked {
    Walked { accounts: parser.accounts(), end_marker: parser.end_marker(), whole: parser.is_whole(), stopped }
}

/// The member without what only a tar has.
fn entry<'a>(member: &Member<'a>) -> Entry<'a> {
    Entry {
        path: member.path,
        kind: member.kind,
        size: member.size,
        stored_size: member.stored_size,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        uname: member.uname,
        gname: member.gname,
        mtime: member.mtime,
        link: member.link,
        device: member.device,
        attributes: member.attributes,
        offset: member.offset,
        archive: member.archive,
        salvaged: member.salvaged,
    }
}

/// Whether an anomaly is about the member met last, and not about what stands between or behind the members.
fn concerns_member(kind: &AnomalyKind) -> bool {
    match kind {
        AnomalyKind::Truncated { inside, .. } => !matches!(*inside, "a member header" | "an extension header"),
        AnomalyKind::BadHeader { .. }
        | AnomalyKind::EndMissing
        | AnomalyKind::EndShort
        | AnomalyKind::LoneZeroBlock
        | AnomalyKind::SecondArchive
        | AnomalyKind::TwoReadings(_)
        | AnomalyKind::Recovered { .. }
        | AnomalyKind::Trailing { .. }
        | AnomalyKind::PartialBlock { .. }
        | AnomalyKind::Lost { .. }
        | AnomalyKind::Pax(_)
        | AnomalyKind::PaxValue(_)
        | AnomalyKind::PaxDuplicate(_)
        | AnomalyKind::PaxDeletes(_)
        | AnomalyKind::PaxGlobalName(..)
        | AnomalyKind::ExtensionRepeated(_)
        | AnomalyKind::ExtensionOrphan
        | AnomalyKind::SignedChecksum
        | AnomalyKind::NulInName(_)
        | AnomalyKind::Charset(_)
        | AnomalyKind::Limit { .. } => false,
        _ => true,
    }
}
