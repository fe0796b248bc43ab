//! What one member is by itself, whatever stands around it: its kind, mode, name and time.
//!
//! Promises: each sort is one finding with a number and the first few names. Refuses to know: other members, and the
//! clock; the time is given.

use super::found::{Gather, Sharing, Topic, named};
use super::name::{Odd, odd};
use crate::code;
use crate::entry::{Entry, EntryKind};
use crate::finding::Severity;

/// Seconds that a clock may be ahead: a day is more than a wrong time zone.
const AHEAD_SECONDS: i64 = 24 * 60 * 60;

const SET_ID: u32 = 0o6000;
const STICKY: u32 = 0o1000;
const OTHERS_WRITE: u32 = 0o002;

/// Members that are something unusual.
#[derive(Debug, Default)]
pub(super) struct Members {
    now: Option<i64>,
    devices: Sharing,
    pipes: Sharing,
    set_id: Sharing,
    open: Sharing,
    control: Sharing,
    leading: Sharing,
    reserved: Sharing,
    future: Sharing,
    past: Sharing,
}

impl Members {
    pub(super) fn new(now: Option<i64>) -> Self {
        Self { now, ..Self::default() }
    }

    pub(super) fn set_clock(&mut self, now: i64) {
        self.now = Some(now);
    }

    /// Takes the next entry; `last` is the last component of its path.
    pub(super) fn entry(&mut self, entry: &Entry<'_>, last: &[u8]) {
        self.name(entry, last);
        let shown = || named(entry.path);
        match entry.kind {
            EntryKind::Character if entry.device == Some((0, 0)) => self.pipes.add(entry, shown),
            EntryKind::Fifo => self.pipes.add(entry, shown),
            EntryKind::Character | EntryKind::Block => self.devices.add(entry, shown),
            // Links have no mode of their own, and a set-group-ID directory only hands its group on.
            EntryKind::Directory if entry.mode & (OTHERS_WRITE | STICKY) == OTHERS_WRITE => self.open.add(entry, shown),
            _ if entry.kind.is_file() && entry.mode & (SET_ID | OTHERS_WRITE) != 0 => {
                if entry.mode & SET_ID != 0 {
                    self.set_id.add(entry, shown);
                }
                if entry.mode & OTHERS_WRITE != 0 {
                    self.open.add(entry, shown);
                }
            }
            _ => {}
        }
        let seconds = entry.mtime.seconds;
        if seconds < 0 {
            self.past.add(entry, shown);
        } else if self.now.is_some_and(|now| seconds > now.saturating_add(AHEAD_SECONDS)) {
            self.future.add(entry, shown);
        }
    }

    /// Takes a folder that `entry` stands in and that is no member itself.
    pub(super) fn folder(&mut self, entry: &Entry<'_>, part: &[u8]) {
        self.name(entry, part);
    }

    fn name(&mut self, entry: &Entry<'_>, part: &[u8]) {
        let shown = || named(entry.path);
        match odd(part) {
            None => {}
            Some(Odd::Control) => self.control.add(entry, shown),
            Some(Odd::Leading) => self.leading.add(entry, shown),
            Some(Odd::Reserved) => self.reserved.add(entry, shown),
        }
    }

    pub(super) fn finish(self, gather: &mut Gather) {
        let (warning, info) = (Severity::Warning, Severity::Info);
        let sorts = [
            (self.devices, &code::ENTRY_SPECIAL, warning, "device", "devices"),
            (self.pipes, &code::ENTRY_SPECIAL, info, "pipe or whiteout", "pipes or whiteouts"),
            (
                self.set_id,
                &code::ENTRY_SET_ID,
                warning,
                "file runs as its owner or group",
                "files run as their owner or group",
            ),
            (
                self.open,
                &code::ENTRY_OPEN,
                warning,
                "member may be written by everybody",
                "members may be written by everybody",
            ),
            (
                self.control,
                &code::ENTRY_ODD_NAME,
                warning,
                "name has control characters or marks that turn the writing",
                "names have control characters or marks that turn the writing",
            ),
            (self.leading, &code::ENTRY_ODD_NAME, info, "name begins with `-` or `~`", "names begin with `-` or `~`"),
            (
                self.reserved,
                &code::ENTRY_RESERVED_NAME,
                info,
                "name is kept or changed by Windows",
                "names are kept or changed by Windows",
            ),
            (
                self.future,
                &code::ENTRY_TIME,
                warning,
                "member was modified in the future",
                "members were modified in the future",
            ),
            (
                self.past,
                &code::ENTRY_TIME,
                info,
                "member was modified before 1970",
                "members were modified before 1970",
            ),
        ];
        for (sharing, code, severity, one, many) in sorts {
            gather.add(Topic::Other, sharing.finish(code, severity, one, many));
        }
    }
}
