//! The loop: asks the source for bytes, the parser what they are, and hands the sink what it wants. The hot path of the
//! whole program.
//!
//! Promises: payload goes from source to sink without a copy; what nobody wants is passed over; the loop reads to the end
//! of the stream unless the sink stops it. Refuses to know: what the sink does.

use std::io;

use super::around::{Around, Strange};
use super::sink::{Sink, Want};
use crate::entry::Entry;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::place::{Depth, Place};
use crate::source::{CHUNK_BYTES, Source};
use crate::tar::{Accounts, AnomalyKind, BLOCK_BYTES, EndMarker, Frame, Member, Parser, Step};

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

/// Walks the tar that `source` gives from here; offsets in findings count at `depth`.
///
/// # Errors
/// The source could not be read.
pub fn drive(source: &mut dyn Source, depth: Depth, limits: &Limits, sink: &mut dyn Sink) -> io::Result<Walked> {
    let mut parser = Parser::new(limits);
    let mut reporter = Reporter { depth, path: Vec::new(), around: Around::default() };
    let mut want = Want::Skip;
    let mut wanted = BLOCK_BYTES;
    // Whether an entry has begun and is not over: its end is owed to the sink, whatever happens to the archive.
    let mut is_open = false;
    loop {
        let input = source.peek(wanted)?;
        let at_end = input.len() < wanted;
        match parser.step(input, at_end) {
            Step::Need(bytes) => {
                wanted = bytes;
                continue;
            }
            Step::End => {
                reporter.report(&mut parser, sink);
                break;
            }
            Step::Frame { frame: Frame::Payload(bytes), .. } => {
                let whole = payload(source, &mut parser, bytes, want, sink)?;
                reporter.report(&mut parser, sink);
                sink.end(whole);
                is_open = false;
            }
            Step::Frame { consumed, frame } => {
                if let Frame::Member(member) = &frame {
                    reporter.path.clear();
                    reporter.path.extend_from_slice(member.path);
                    want = sink.entry(&entry(member));
                    is_open = true;
                }
                let what = Strange::of(&frame, consumed);
                reporter.around.look(what, &parser, source)?;
                reporter.report(&mut parser, sink);
                // Without payload it ends here, or where its sparse map does, or the input inside that.
                if is_open && !parser.is_inside_member() && want != Want::Stop {
                    sink.end(parser.is_whole());
                    is_open = false;
                }
                source.skip(consumed as u64)?;
            }
        }
        if want == Want::Stop {
            return Ok(walked(&parser, true));
        }
        wanted = BLOCK_BYTES;
    }
    Ok(walked(&parser, false))
}

/// Takes or passes over a payload of `bytes`; false where the source ends before.
fn payload(
    source: &mut dyn Source,
    parser: &mut Parser,
    bytes: u64,
    want: Want,
    sink: &mut dyn Sink,
) -> io::Result<bool> {
    let mut left = bytes;
    if want == Want::Skip {
        let skipped = source.skip(left)?;
        parser.advance(skipped);
        left -= skipped.min(left);
    } else {
        while left > 0 {
            let at_most = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            let Some(chunk) = source.take(at_most)? else { break };
            parser.advance(chunk.bytes.len() as u64);
            left -= (chunk.bytes.len() as u64).min(left);
            sink.data(&chunk);
        }
    }
    if left > 0 {
        parser.cut();
    }
    Ok(left == 0)
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
        offset: member.offset,
    }
}

/// Turns anomalies into findings with their place.
struct Reporter {
    depth: Depth,
    /// Path of the member that was met last.
    path: Vec<u8>,
    /// What stands where no member does.
    around: Around,
}

impl Reporter {
    fn report(&self, parser: &mut Parser, sink: &mut dyn Sink) {
        if !parser.has_anomalies() {
            return;
        }
        for anomaly in parser.anomalies() {
            let place = Place::at(self.depth, anomaly.offset);
            let place = if concerns_member(&anomaly.kind) { place.of_entry(&self.path) } else { place };
            let is_lost = matches!(anomaly.kind, AnomalyKind::BadHeader { .. });
            let mut message = anomaly.kind.to_string();
            if is_lost && !self.path.is_empty() {
                message = format!("{message}; the last member before it is {}", self.path.escape_ascii());
            }
            message += &self.around.told(&anomaly.kind);
            let cause = self.around.cause(&anomaly.kind, &place);
            let finding = Finding::new(anomaly.kind.code(), place, message).with_severity(anomaly.kind.severity());
            // The cause first: it says more than what it led to.
            if let Some(cause) = cause {
                sink.finding(&cause);
            }
            sink.finding(&finding);
        }
    }
}

/// Whether an anomaly is about the member met last, and not about what stands between or behind the members.
fn concerns_member(kind: &AnomalyKind) -> bool {
    match kind {
        AnomalyKind::Truncated { inside, .. } => !matches!(*inside, "a member header" | "an extension header"),
        AnomalyKind::BadHeader { .. }
        | AnomalyKind::EndMissing
        | AnomalyKind::EndShort
        | AnomalyKind::LoneZeroBlock { .. }
        | AnomalyKind::SecondArchive { .. }
        | AnomalyKind::Trailing { .. }
        | AnomalyKind::Lost { .. }
        | AnomalyKind::Pax(_)
        | AnomalyKind::PaxValue(_)
        | AnomalyKind::PaxDuplicate(_)
        | AnomalyKind::PaxDeletes(_)
        | AnomalyKind::PaxGlobalName(_)
        | AnomalyKind::ExtensionRepeated(_)
        | AnomalyKind::ExtensionOrphan
        | AnomalyKind::SignedChecksum
        | AnomalyKind::NulInName
        | AnomalyKind::Limit { .. } => false,
        _ => true,
    }
}
