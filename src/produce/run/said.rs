//! What a program says on standard error: drained as it comes, so that the program never waits for us.
//!
//! Promises: a thread of its own reads; the last [`MOST_KEPT`] bytes are kept, without secrets; memory is bounded whatever
//! comes; who keeps the pipe open after the program's end holds nobody up. Refuses to know: what the lines mean.

use std::collections::VecDeque;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::ChildStderr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use zeroize::Zeroizing;

use super::redact::Redactor;
use crate::report::name;

/// Bytes of standard error that are kept: the last ones.
pub const MOST_KEPT: usize = 64 << 10;

/// A line longer than this is cut into several.
const MOST_LINE: usize = 16 << 10;

/// Lines that wait to be offered; what comes faster than it can be shown is not offered.
const MOST_WAITING: usize = 256;

/// Bytes read after the end was asked for: more than a pipe holds, so all the program wrote and not all a survivor writes.
const MOST_AFTER: usize = 2 << 20;

/// Somebody who listens.
pub(super) struct Listener {
    thread: Option<JoinHandle<Kept>>,
    /// Closed to ask for the end.
    quit: Option<OwnedFd>,
    lines: Receiver<String>,
    started: Instant,
    /// Milliseconds from `started` to when something was last said.
    heard: Arc<AtomicU64>,
}

impl Listener {
    pub(super) fn start(stderr: ChildStderr, redactor: Redactor) -> std::io::Result<Self> {
        let (asked, quit) = pipe_with(PipeFlags::CLOEXEC)?;
        let (sender, lines) = sync_channel(MOST_WAITING);
        let started = Instant::now();
        let heard = Arc::new(AtomicU64::new(0));
        let listening = Listening {
            redactor,
            line: Zeroizing::new(Vec::with_capacity(4 * MOST_LINE)),
            kept: Kept::default(),
            lines: sender,
        };
        let when = Arc::clone(&heard);
        let thread = Builder::new().name("standard error".to_owned()).spawn(move || {
            let note = || when.store(u64::try_from(started.elapsed().as_millis()).unwrap_or(0), Ordering::Relaxed);
            listening.listen(stderr, &asked, &note)
        })?;
        Ok(Self { thread: Some(thread), quit: Some(quit), lines, started, heard })
    }

    /// Hands on the lines that wait.
    pub(super) fn offer(&self, progress: &mut dyn FnMut(&str)) {
        for line in self.lines.try_iter() {
            progress(&line);
        }
    }

    /// When something was last said.
    pub(super) fn last_heard(&self) -> Instant {
        self.started + std::time::Duration::from_millis(self.heard.load(Ordering::Relaxed))
    }

    /// The end of what was said. What is in the pipe by now is still read.
    pub(super) fn finish(&mut self, progress: &mut dyn FnMut(&str)) -> Vec<u8> {
        drop(self.quit.take());
        let kept = self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        self.offer(progress);
        kept.bytes.into()
    }
}

/// The last bytes.
#[derive(Default)]
struct Kept {
    bytes: VecDeque<u8>,
}

impl Kept {
    fn add(&mut self, bytes: &[u8]) {
        let bytes = bytes.get(bytes.len().saturating_sub(MOST_KEPT)..).unwrap_or_default();
        let over = (self.bytes.len() + bytes.len()).saturating_sub(MOST_KEPT);
        self.bytes.drain(..over.min(self.bytes.len()));
        self.bytes.extend(bytes);
    }
}

/// The thread's side.
struct Listening {
    redactor: Redactor,
    /// The line that has not ended yet, as it came.
    line: Zeroizing<Vec<u8>>,
    kept: Kept,
    lines: SyncSender<String>,
}

impl Listening {
    fn listen(mut self, mut stderr: ChildStderr, asked: &OwnedFd, note: &dyn Fn()) -> Kept {
        let mut buffer = Zeroizing::new(vec![0; MOST_LINE]);
        let mut is_asked = false;
        let mut after = 0;
        while after < MOST_AFTER {
            let (readable, quit) = {
                let mut fds = [PollFd::new(&stderr, PollFlags::IN), PollFd::new(asked, PollFlags::IN)];
                let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
                match poll(&mut fds, is_asked.then_some(&at_once)) {
                    Ok(_) => {}
                    Err(error) if error == rustix::io::Errno::INTR => continue,
                    Err(_) => break,
                }
                (!fds[0].revents().is_empty(), !fds[1].revents().is_empty())
            };
            if readable {
                let read = match stderr.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(read) => read,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(_) => break,
                };
                note();
                self.take(buffer.get(..read).unwrap_or_default());
                after += if is_asked { read } else { 0 };
            } else if is_asked {
                break;
            }
            is_asked |= quit;
        }
        self.end_line(b"");
        self.kept
    }

    fn take(&mut self, mut bytes: &[u8]) {
        // A carriage return ends a line too: that is how progress is drawn.
        while let Some(end) = memchr::memchr2(b'\n', b'\r', bytes) {
            let (line, rest) = bytes.split_at(end);
            let (mark, rest) = rest.split_at(1);
            self.line.extend_from_slice(line);
            self.end_line(mark);
            bytes = rest;
        }
        self.line.extend_from_slice(bytes);
        let longest = self.redactor.longest();
        while self.line.len() > MOST_LINE.saturating_add(2 * longest) {
            let cut = self.redactor.cut(&self.line, self.line.len() - longest.max(1));
            let rest = Zeroizing::new(self.line.split_off(cut));
            self.end_line(b"");
            self.line.extend_from_slice(&rest);
        }
    }

    fn end_line(&mut self, mark: &[u8]) {
        let line = self.redactor.redact(&self.line);
        // Not `clear` alone: the bytes would stay where they are.
        self.line.fill(0);
        self.line.clear();
        if !line.is_empty() {
            // Nobody who listens, or nobody fast enough: both are fine.
            let _ = self.lines.try_send(name(&line));
        }
        self.kept.add(&line);
        self.kept.add(mark);
    }
}
