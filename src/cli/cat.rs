//! `veritar cat`, and how a command ends that shows an archive without judging it.

use std::io::{self, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;

use super::args::Cat;
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{output, plan};
use crate::code::Decides;
use crate::entry::{Entry, normalized};
use crate::finding::{Finding, Severity};
use crate::report::{escaped, sentence};
use crate::source::Chunk;
use crate::verify::{Journey, Opened, Road};
use crate::walk::{Sink, Want};

pub(super) fn run(args: &Cat) -> Result<Exit, Trouble> {
    let mut reading = plan::reading(&args.reading, "none", false)?;
    reading.salvage = args.salvage;
    let mut secrets = Secrets::gather(&args.reading, args.archive.as_os_str() == "-")?;
    let archive = plan::archive(&args.archive);
    let name = archive.name().to_owned();
    let bar = Bar::start(&args.reading, &name, &reading.progress);
    let member = args.member.as_bytes();
    let (journey, found) = match Road::open(archive, &reading, &mut secrets)? {
        Opened::Refused(journey) => (journey, None),
        Opened::Ready(road) => {
            let mut writer = Writer {
                out: output::raw(),
                wanted: normalized(member).into_owned(),
                found: 0,
                is_file: false,
                failed: None,
            };
            let journey = road.walk(&mut writer)?;
            let failed = writer.failed.take().map_or_else(|| writer.out.flush(), Err);
            failed.map_err(|error| Trouble::output(&error))?;
            (journey, Some((writer.found, writer.is_file)))
        }
    };
    drop(bar);
    let exit = close(journey);
    let shown = escaped(member);
    match found {
        Some((0, _)) => {
            output::complain(&format!("{} holds no member {shown}", escaped(name.as_bytes())));
            Ok(if exit == Exit::Pass { Exit::Fail } else { exit })
        }
        Some((_, false)) => {
            output::complain(&format!("{shown} is no regular file: it has no content"));
            Ok(if exit == Exit::Pass { Exit::Fail } else { exit })
        }
        Some((many, true)) if many > 1 => {
            output::warn(&format!("{shown} stands {many} times in the archive; the first one was written"));
            Ok(exit)
        }
        _ => Ok(exit),
    }
}

/// Says on standard error what was wrong with an archive that was read without being judged; its exit code.
pub(super) fn close(mut journey: Journey) -> Exit {
    settle(&mut journey);
    complain_about(journey.all_findings());
    exit(journey.all_findings())
}

/// Throws out what may not be believed, and warns where that was shown already.
pub(super) fn settle(journey: &mut Journey) {
    if !journey.settle() {
        output::warn("what was shown above comes from data that fails its integrity check: do not believe it");
    }
}

/// Says errors and warnings on standard error.
pub(super) fn complain_about<'a>(findings: impl Iterator<Item = &'a Finding>) {
    for finding in findings {
        let place = finding.place.offset.map_or_else(String::new, |offset| format!(" at byte {offset}"));
        let message = format!("{}{place}: {}", finding.code.id, sentence(&finding.message));
        match finding.severity {
            Severity::Error => output::complain(&message),
            Severity::Warning => output::warn(&message),
            Severity::Info => {}
        }
    }
}

/// The exit code of an archive that was read without being judged.
pub(super) fn exit<'a>(findings: impl Iterator<Item = &'a Finding>) -> Exit {
    findings.filter(|finding| finding.severity == Severity::Error).fold(Exit::Pass, |exit, finding| {
        match (finding.code.decides, exit) {
            (Decides::Fail, _) | (_, Exit::Fail) => Exit::Fail,
            (Decides::Inconclusive, _) => Exit::Inconclusive,
        }
    })
}

struct Writer<W> {
    out: W,
    wanted: Vec<u8>,
    found: u64,
    is_file: bool,
    failed: Option<io::Error>,
}

impl<W: Write> Sink for Writer<W> {
    fn entry(&mut self, entry: &Entry<'_>) -> Want {
        if self.failed.is_some() {
            return Want::Stop;
        }
        if *normalized(entry.path) != *self.wanted {
            return Want::Skip;
        }
        self.found += 1;
        if self.found > 1 {
            return Want::Skip;
        }
        self.is_file = entry.kind.is_file();
        if self.is_file { Want::Stream } else { Want::Skip }
    }

    fn data(&mut self, chunk: &Chunk) {
        if self.failed.is_none()
            && let Err(error) = self.out.write_all(&chunk.bytes)
        {
            self.failed = Some(error);
        }
    }

    fn hole(&mut self, bytes: u64) {
        if self.failed.is_none()
            && let Err(error) = io::copy(&mut io::repeat(0).take(bytes), &mut self.out)
        {
            self.failed = Some(error);
        }
    }

    fn end(&mut self, _whole: bool) {}
}
