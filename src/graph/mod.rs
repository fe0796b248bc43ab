//! The member graph: what extraction would do with the entries of an archive, one after the other.
//!
//! A path that looks harmless by itself may be written through a link that stands before it, and a name that stands once
//! may be taken for another one on another system. So every entry is held against all that came before it:
//!
//! ```text
//! entry ──► name   (spelling, odd names)            by itself
//!       ──► seen   (again, another kind, a twin)    against all paths before it, 16 bytes each
//!       ──► links  (where it ends up)               against all symbolic links before it, in bounded memory
//! ```
//! How grave what is:
//! - **Written outside** is an error: a member that goes through a link of the archive to a place outside the folder
//!   overwrites somebody else's file as soon as a reader follows links, as CPython did before its filters
//!   (CVE-2025-4517), node-tar by hard links, and GNU tar in two steps (CVE-2025-45582). It is one for any kind of
//!   member: even a folder "made" over such a link changes the mode of what it points to.
//! - **A symbolic link that points outside** and is not written through is a warning, once for the archive: backups of
//!   systems are full of absolute links, and even product backups have them (the kubelet's current certificate is one),
//!   so that it cannot fail a backup; but a second archive that is unpacked into the same folder goes through it, and
//!   nothing the link points to is in the backup.
//! - **A hard link** is made at once to what is there: to nothing, to a folder or to a later member is an error, because
//!   the member cannot be restored; to a symbolic link inside a warning, because systems differ in whether they follow
//!   it; to one that leads outside is an error, because owner and mode are set through it.
//! - **Two kinds at one path** is an error where a file and a folder contend: no reader unpacks both. Where a link is one
//!   of the two, a warning: readers replace it or keep it.
//! - **Collisions** are a warning: on the system that made the backup both paths were there, and restoring it there is
//!   harmless; on macOS and Windows one of the two is lost, and a link taken for a folder leads elsewhere
//!   (CVE-2026-23950). Reserved names and ends that Windows drops are told as information: source trees are full of
//!   `aux.c`, and what is restored on Linux is not touched by it.
//! - **Devices, set-user-ID files, what everybody may write, control characters in names, times to come** are a warning,
//!   once for the archive with a number and a few names: none of it is usual in the backups that rule sets are made for,
//!   and a backup of a whole system would drown in single ones. What is usual is information: pipes, whiteouts of
//!   overlay file systems (character devices 0/0), a `-` or `~` in front of a name, times before 1970.
//!
//! Promises: the same findings for the same entries in the same order; memory bounded by `unique-paths` and
//! `symlink-bytes`, and where one of them is reached a finding that leaves the archive undecided; an ordinary path costs
//! its digest and one look at its bytes. If a reader that follows links as the system does can be led out of the folder,
//! an error says so. Refuses to know: that there is tar, what rule sets make of it, the time (it is given), and the file
//! system it is restored to: the folder is taken to be empty.

mod found;
mod links;
mod member;
mod name;
mod seen;

pub use found::{Found, Topic};

use std::borrow::Cow;

use crate::code;
use crate::entry::{Entry, EntryKind, normalized};
use crate::finding::{Finding, Severity};
use crate::limits::Limits;
use crate::place::{Depth, Place};
use found::{Gather, Sharing, named};
use links::{Links, Location};
use member::Members;
use name::unsafe_because;
use seen::{Before, Digest, Kind, Seen, Twin};

/// What extraction would do: fed with the entries in their order, asked once at the end.
#[derive(Debug)]
pub struct Graph {
    seen: Seen,
    links: Links,
    gather: Gather,
    members: Members,
    /// The folder of the last path, known to hold no link and to stand below nothing but folders.
    clean: Location,
    /// Hard links to what did not stand before them, with the digest of that.
    dangling: Vec<(Digest, Place, String)>,
    dangling_more: u64,
    cap: u64,
    /// Bytes and components of a path past which its folders are not looked at one by one.
    longest: u64,
    deepest: u64,
    through: Sharing,
    pointing: Sharing,
    circling: Sharing,
    colliding: Sharing,
}

impl Graph {
    /// Begins with an empty folder. `now` is the time in seconds since 1970, where times are to be held against it.
    #[must_use]
    pub fn new(limits: &Limits, now: Option<i64>) -> Self {
        Self {
            seen: Seen::new(limits),
            links: Links::new(limits),
            gather: Gather::new(limits.findings_per_code),
            members: Members::new(now),
            clean: Location::default(),
            dangling: Vec::new(),
            dangling_more: 0,
            cap: limits.findings_per_code.max(1),
            longest: limits.path_bytes_warn,
            deepest: limits.path_depth,
            through: Sharing::default(),
            pointing: Sharing::default(),
            circling: Sharing::default(),
            colliding: Sharing::default(),
        }
    }

    /// Holds times against `now`, in seconds since 1970.
    pub fn set_clock(&mut self, now: i64) {
        self.members.set_clock(now);
    }

    /// Takes the next entry.
    pub fn entry(&mut self, entry: &Entry<'_>) {
        self.entry_at(entry, &normalized(entry.path));
    }

    /// Takes the next entry, whose [`normalized`] path is `path`.
    pub fn entry_at(&mut self, entry: &Entry<'_>, path: &[u8]) {
        let spelled = unsafe_because(entry.path);
        if let Some(reason) = spelled {
            let (code, severity) = (&code::ENTRY_UNSAFE_PATH, code::ENTRY_UNSAFE_PATH.severity);
            self.gather.tell(Topic::Spelling, code, severity, entry, || reason.to_owned());
        }
        let kind = match entry.kind {
            EntryKind::Directory => Kind::Folder,
            EntryKind::Symlink => Kind::Link,
            EntryKind::Character | EntryKind::Block | EntryKind::Fifo => Kind::Special,
            _ => Kind::File,
        };
        let (parent, last) = match path.iter().rposition(|byte| *byte == b'/') {
            Some(slash) => {
                (path.get(..slash).unwrap_or_default(), path.get(slash.saturating_add(1)..).unwrap_or_default())
            }
            None => (&[][..], path),
        };
        self.members.entry(entry, last);
        let digest = self.seen.digest(path);
        let before = self.seen.member(digest, kind);
        if let Before::Stood(Kind::Folder | Kind::File | Kind::Link | Kind::Special) = before {
            let (code, severity) = (&code::ENTRY_DUPLICATE, code::ENTRY_DUPLICATE.severity);
            let message = || "stands again: an entry before it has the same path".to_owned();
            self.gather.tell(Topic::Repetition, code, severity, entry, message);
        }
        if matches!(before, Before::Nothing | Before::Stood(Kind::Place)) {
            self.collide(entry, path);
        }
        if path.is_empty() {
            return;
        }
        let clean = spelled.is_none() && self.is_clean(entry, parent);
        let written = self.write(entry, path, last, before, clean);
        if let (Before::Stood(before), false) = (before, written) {
            self.change_kind(entry, before, kind);
        }
        if kind != Kind::Folder && !self.clean.path().is_empty() && leads_to(self.clean.path(), path) {
            // What was a folder may be none any more.
            self.clean.clear();
        } else if kind == Kind::Folder && clean && !written {
            // The next members probably stand in it.
            self.links.walk(&mut self.clean, path);
        }
    }

    /// Everything that was found; `depth` is that of the layer that the entries' offsets count in.
    #[must_use]
    pub fn finish(mut self, depth: Depth) -> Vec<Found> {
        self.conclude_dangling();
        let Self { through, pointing, circling, colliding, mut gather, members, seen, links, .. } = self;
        let warning = Severity::Warning;
        gather.add(
            Topic::Pointing,
            pointing.finish(
                &code::ENTRY_LINK_OUTSIDE,
                warning,
                "symbolic link leads out of the folder it is restored into",
                "symbolic links lead out of the folder they are restored into",
            ),
        );
        gather.add(
            Topic::Other,
            circling.finish(
                &code::ENTRY_LINK_LOOP,
                warning,
                "symbolic link goes in a circle or on for too long",
                "symbolic links go in circles or on for too long",
            ),
        );
        let (one, many) = ("member is written through a symbolic link", "members are written through symbolic links");
        gather.add(Topic::Other, through.finish(&code::ENTRY_THROUGH_LINK, warning, one, many));
        let (one, many) = ("path is taken for another one", "paths are taken for others");
        gather.add(Topic::Other, colliding.finish(&code::ENTRY_COLLISION, warning, one, many));
        members.finish(&mut gather);
        if seen.forgotten > 0 {
            let message = format!(
                "whether members stand twice was judged among {} paths; {} more were not remembered (--limit unique-paths=N)",
                seen.remembered(),
                seen.forgotten
            );
            gather.add(Topic::Repetition, vec![Finding::new(&code::LIMIT_REACHED, Place::whole(), message)]);
        }
        if links.forgotten > 0 {
            let message = format!(
                "{} symbolic links were not remembered beside {} bytes of others (--limit symlink-bytes=N): whether \
                 members are written through them is not known",
                links.forgotten,
                links.bytes()
            );
            gather.add(Topic::Other, vec![Finding::new(&code::LIMIT_REACHED, Place::whole(), message)]);
        }
        let mut found = gather.finish(depth);
        // What bounds the others stands before them.
        let is_limit = |found: &Found| found.sort().is_some_and(|(code, _)| std::ptr::eq(code, &code::LIMIT_REACHED));
        found.sort_by_key(|found| (found.topic, !is_limit(found)));
        found
    }

    /// Whether the folders of a path hold no link and no file, as far as is known; notes those that no member made.
    fn is_clean(&mut self, entry: &Entry<'_>, parent: &[u8]) -> bool {
        if parent.is_empty() || leads_to(self.clean.path(), parent) {
            return true;
        }
        let mut blocked = None;
        // Each folder costs its whole path; past what systems allow, and what a warning tells of, that is too much.
        let mut end = if self.is_bounded(parent) { parent.len() } else { 0 };
        while end > 0 {
            let folder = parent.get(..end).unwrap_or_default();
            match self.seen.imply(self.seen.digest(folder), Kind::Implied) {
                Before::Nothing => {
                    self.collide(entry, folder);
                    let part = folder.rsplit(|byte| *byte == b'/').next().unwrap_or(folder);
                    self.members.folder(entry, part);
                }
                Before::Unknown => {}
                Before::Stood(Kind::File | Kind::Special) => {
                    blocked = Some(folder);
                    break;
                }
                Before::Stood(_) => break,
            }
            end = folder.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        }
        let clean = self.links.walk(&mut self.clean, parent);
        if let (true, Some(folder)) = (clean, blocked) {
            let (code, severity) = (&code::ENTRY_KIND_CHANGED, Severity::Error);
            let message = || format!("stands in {}, which is no directory but an earlier member", named(folder));
            self.gather.tell(Topic::Other, code, severity, entry, message);
        }
        clean
    }

    fn is_bounded(&self, folder: &[u8]) -> bool {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        count(folder.len()) <= self.longest && count(folder.split(|byte| *byte == b'/').count()) <= self.deepest
    }

    /// Follows a member to where it is written; true where it goes through a link.
    fn write(&mut self, entry: &Entry<'_>, path: &[u8], last: &[u8], before: Before, clean: bool) -> bool {
        let is_link = matches!(entry.kind, EntryKind::Symlink | EntryKind::Hardlink);
        if clean && !is_link {
            if self.links.is_empty() {
                return false;
            }
            let depth = path.iter().filter(|byte| **byte == b'/').count();
            if !self.links.may_hold(&self.clean, depth, last) {
                return false;
            }
        }
        // Where the member itself stands, and where its content goes, or its mode is set: these differ where it stands on a
        // link that is not taken away.
        let stands = self.links.resolve(&Location::default(), path, false);
        let on_link = entry.kind != EntryKind::Symlink && stands.inside.iter().any(|place| self.links.is_link(place));
        let goes = on_link.then(|| self.links.resolve(&Location::default(), path, true));
        let written = goes.as_ref().unwrap_or(&stands);
        let followed = written.followed || written.endless;
        if written.outside && followed {
            self.outside(entry, "is written through a symbolic link that leads out of the folder it is restored into");
        } else if written.endless {
            self.endless(entry, "is written through symbolic links that go in a circle or on for too long");
        } else if followed {
            let to = written.inside.first().map_or_else(String::new, |place| format!(" to {}", named(place.path())));
            self.through.add(entry, || format!("{}{to}", named(path)));
        }
        if followed {
            for place in stands.inside.iter().chain(&written.inside) {
                self.stands_at(place, entry.kind);
            }
        }
        match entry.kind {
            EntryKind::Symlink => self.link(entry, &stands.inside, before),
            EntryKind::Hardlink => self.hard_link(entry, path, &stands.inside, before),
            EntryKind::Directory => stands.inside.iter().for_each(|place| self.links.replace(place)),
            _ => {}
        }
        followed
    }

    /// Notes where something ended up that was written through a link.
    fn stands_at(&mut self, place: &Location, kind: EntryKind) {
        let (mut kind, mut path) =
            (if kind == EntryKind::Directory { Kind::Implied } else { Kind::Place }, place.path());
        while !path.is_empty() && self.seen.imply(self.seen.digest(path), kind) == Before::Nothing {
            path = path.iter().rposition(|byte| *byte == b'/').and_then(|end| path.get(..end)).unwrap_or_default();
            kind = Kind::Implied;
        }
    }

    /// A member whose place cannot be told.
    fn endless(&mut self, entry: &Entry<'_>, message: &str) {
        let message = || format!("{message}: where it ends up is not known (--limit symlink-steps=N)");
        self.gather.tell(Topic::Writing, &code::ENTRY_LINK_LOOP, Severity::Error, entry, message);
    }

    fn outside(&mut self, entry: &Entry<'_>, message: &str) {
        let (code, severity) = (&code::ENTRY_WRITTEN_OUTSIDE, code::ENTRY_WRITTEN_OUTSIDE.severity);
        self.gather.tell(Topic::Writing, code, severity, entry, || message.to_owned());
    }

    /// Notes a symbolic link at its places, and says where it points.
    fn link(&mut self, entry: &Entry<'_>, places: &[Location], before: Before) {
        let (mut outside, mut endless) = (false, false);
        for place in places {
            // What stood there may stay, where a system refuses to put a link over it.
            let stood = |kind| kind != Kind::Link;
            let replaced = matches!(before, Before::Stood(kind) if stood(kind))
                || self.seen.kind(self.seen.digest(place.path())).is_some_and(stood);
            self.links.add(place, entry.link, replaced);
            if leads_to(self.clean.path(), place.path()) {
                self.clean.clear();
            }
            let mut folder = place.clone();
            folder.up();
            let to = self.links.resolve(&folder, entry.link, true);
            outside |= to.outside;
            endless |= to.endless;
        }
        let shown = || format!("{} -> {}", named(entry.path), named(entry.link));
        if outside {
            self.pointing.add(entry, shown);
        } else if endless {
            self.circling.add(entry, shown);
        }
    }

    /// Looks for what a hard link is made to.
    fn hard_link(&mut self, entry: &Entry<'_>, path: &[u8], places: &[Location], before: Before) {
        if unsafe_because(entry.link).is_some() {
            let (code, severity) = (&code::ENTRY_UNSAFE_PATH, code::ENTRY_UNSAFE_PATH.severity);
            let message = || "a hard link to something outside the folder it is restored into".to_owned();
            self.gather.tell(Topic::Spelling, code, severity, entry, message);
            return;
        }
        let target = normalized(entry.link);
        if target.is_empty() {
            let (code, severity) = (&code::ENTRY_HARDLINK, code::ENTRY_HARDLINK.severity);
            self.gather.tell(Topic::Other, code, severity, entry, || "a hard link that names no member".to_owned());
            return;
        }
        let mut spelled = vec![Cow::Borrowed(&*target)];
        if !self.links.is_empty() {
            let stands = self.links.resolve(&Location::default(), &target, false);
            if stands.outside {
                self.outside(
                    entry,
                    "a hard link to something outside the folder it is restored into, through a symbolic link",
                );
                return;
            }
            if stands.endless {
                self.endless(entry, "a hard link through symbolic links that go in a circle or on for too long");
                return;
            }
            let linked: Vec<Box<[u8]>> = stands.inside.iter().flat_map(|place| self.links.targets(place)).collect();
            if !linked.is_empty() {
                self.link_to_link(entry, &target, &linked, places);
                return;
            }
            spelled.extend(stands.inside.into_iter().map(|place| Cow::Owned(place.path().to_vec())));
        }
        // By now the hard link itself is among what was seen.
        let is_itself = *target == *path && !matches!(before, Before::Stood(kind) if kind.is_member());
        let kinds = spelled.iter().filter_map(|path| self.seen.kind(self.seen.digest(path)));
        let kinds: Vec<Kind> = kinds.filter(|_| !is_itself).collect();
        let shown = || named(entry.link);
        if kinds.iter().any(|kind| kind.is_folder()) {
            let (code, severity) = (&code::ENTRY_HARDLINK, code::ENTRY_HARDLINK.severity);
            let message = || format!("a hard link to {}, which is a directory: no system makes one", shown());
            self.gather.tell(Topic::Other, code, severity, entry, message);
        } else if kinds.is_empty() && self.seen.forgotten == 0 {
            if u64::try_from(self.dangling.len()).unwrap_or(u64::MAX) < self.cap {
                let place = Place::at(Depth::default(), entry.offset).of_entry(entry.path);
                self.dangling.push((self.seen.digest(&target), place, shown()));
            } else {
                self.dangling_more = self.dangling_more.saturating_add(1);
            }
        }
    }

    /// A hard link to a symbolic link is another name for it, or one for what it points to: systems differ.
    fn link_to_link(&mut self, entry: &Entry<'_>, target: &[u8], linked: &[Box<[u8]>], places: &[Location]) {
        let mut to = self.links.resolve(&Location::default(), target, true);
        for place in places {
            for target in linked {
                self.links.add(place, target, false);
                let mut folder = place.clone();
                folder.up();
                to.outside |= self.links.resolve(&folder, target, true).outside;
            }
            if leads_to(self.clean.path(), place.path()) {
                self.clean.clear();
            }
        }
        if to.outside {
            self.outside(entry, "a hard link to a symbolic link that leads out of the folder it is restored into");
        } else {
            let shown = named(entry.link);
            self.gather.tell(Topic::Other, &code::ENTRY_HARDLINK, Severity::Warning, entry, || {
                format!("a hard link to {shown}, a symbolic link: some systems link to what it points to")
            });
        }
    }

    /// Hard links that could not be made when they came: whether what they are made to came later is known now.
    fn conclude_dangling(&mut self) {
        let dangling = std::mem::take(&mut self.dangling);
        let mut findings = Vec::new();
        for (digest, place, target) in dangling {
            let message = if self.seen.kind(digest).is_some_and(Kind::is_member) {
                format!("a hard link to {target}, which stands only behind it: it cannot be made in order")
            } else {
                format!("a hard link to {target}, which is not in the archive: there is nothing to link to")
            };
            findings.push(Finding::new(&code::ENTRY_HARDLINK, place, message));
        }
        self.gather.extend(Topic::Other, findings, self.dangling_more);
    }

    /// Tells where a path is held for another one.
    fn collide(&mut self, entry: &Entry<'_>, path: &[u8]) {
        if let Some(twin) = self.seen.twin(path) {
            self.colliding.add(entry, || match twin {
                Twin::Named(other) => format!("{} for {}", named(path), named(&other)),
                Twin::Unnamed => format!("{} for an earlier one", named(path)),
            });
        }
    }

    /// Tells where another kind of thing stood at a member's path.
    fn change_kind(&mut self, entry: &Entry<'_>, before: Kind, kind: Kind) {
        let same = match before {
            Kind::Place => true,
            Kind::Implied => kind == Kind::Folder,
            _ => before == kind,
        };
        if same {
            return;
        }
        let (code, is_link) = (&code::ENTRY_KIND_CHANGED, before == Kind::Link || kind == Kind::Link);
        let severity = match before.is_folder() != (kind == Kind::Folder) && !is_link {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let stood = match before {
            Kind::Implied => "a folder that earlier members stand in",
            Kind::Folder => "a directory",
            Kind::Link => "a symbolic link",
            Kind::Special => "a device or pipe",
            Kind::File | Kind::Place => "a file",
        };
        let message = || format!("is of kind {}, where {stood} stood before", entry.kind.as_str());
        self.gather.tell(Topic::Other, code, severity, entry, message);
    }
}

/// Whether `path` is `folder` or one of the folders above it.
fn leads_to(folder: &[u8], path: &[u8]) -> bool {
    folder.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
