//! `veritar cat`.

use std::io::{self, Read as _, Write};
use std::os::unix::ffi::OsStrExt as _;

use super::args::Cat;
use super::exit::{Exit, Trouble};
use super::progress::Bar;
use super::secrets::Secrets;
use super::{nested, output, plan};
use crate::entry::{Entry, normalized};
use crate::report::escaped;
use crate::source::Chunk;
use crate::verify::{Archive, Journey, Opened, Reading, Road};
use crate::walk::{Sink, Want};

pub(super) fn run(args: &Cat) -> Result<Exit, Trouble> {
    let mut reading = plan::reading(&args.reading, "none", "none")?;
    reading.salvage = args.salvage;
    let mut secrets = Secrets::gather(&args.reading.keys, args.archive.as_os_str() == "-")?;
    let archive = plan::archive(&args.archive);
    let bar = Bar::start(&args.reading.effort, archive.name(), &reading.progress);
    let member = args.member.as_bytes();
    let done = nested::read(archive, &plan::inside(&args.reading), &reading, &mut secrets, |archive, secrets| {
        let name = archive.name().to_owned();
        let (journey, found) = write(member, archive, &reading, secrets)?;
        Ok((journey, (name, found)))
    });
    drop(bar);
    let (exit, innermost) = done?;
    let (exit, found) = nested::conclude(exit, innermost);
    let shown = escaped(member);
    match found {
        Some((name, Some((0, _)))) => {
            output::complain(&format!("{} holds no member {shown}", escaped(name.as_bytes())));
            Ok(if exit == Exit::Pass { Exit::Fail } else { exit })
        }
        Some((_, Some((_, false)))) => {
            output::complain(&format!("{shown} is no regular file: it has no content"));
            Ok(if exit == Exit::Pass { Exit::Fail } else { exit })
        }
        Some((_, Some((many, true)))) if many > 1 => {
            output::warn(&format!("{shown} stands {many} times in the archive; the first one was written"));
            Ok(exit)
        }
        _ => Ok(exit),
    }
}

/// How often a member was found, and whether it is a regular file; `None` where the archive could not be walked.
type Found = Option<(u64, bool)>;

/// Writes `member` of `archive` to standard output.
fn write(
    member: &[u8],
    archive: Archive,
    reading: &Reading,
    secrets: &mut Secrets,
) -> Result<(Journey, Found), Trouble> {
    match Road::open(archive, reading, secrets)? {
        Opened::Refused(journey) => Ok((journey, None)),
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
            Ok((journey, Some((writer.found, writer.is_file))))
        }
    }
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
