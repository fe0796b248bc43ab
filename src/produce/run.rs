//! A child process, run safely: what it writes is streamed on, what it says is kept, and it never stays behind.
//!
//! ```text
//! secret ──► standard input │ program │ standard output ──► out
//!                           │         │ standard error  ──► a thread: the last 64 KiB, lines of progress
//! ```
//!
//! Promises: no shell reads a command; the program gets its own process group, descriptors 0 to 2 and no other, the default
//! SIGPIPE, `LC_ALL=C`, and nothing of veritar's own variables; it never waits for somebody to read its standard error; it
//! is a success only with exit code 0, whatever it wrote; a stop, a silence, a failing write and a panic each end the whole
//! group (SIGTERM, a time of grace, SIGKILL) and reap it. Secrets are in no argument, no description, no message. Refuses
//! to know: what is run, what the bytes mean, how signals reach `stop`.
//!
//! What it cannot do: where veritar itself is killed by SIGKILL, a program that is not guarded goes on until it next writes
//! into the pipe, and one that is guarded hears SIGTERM, from a second process, and nothing after that.

mod command;
mod guard;
mod redact;
mod running;
mod said;
mod steps;
mod trouble;

pub use command::{Command, REDACTED, Value};
pub(in crate::produce) use redact::Redactor;
pub use said::MOST_KEPT;
pub use steps::{Described, Finally, Step, Steps, Tell, Told, Undo, Undoing};
pub use trouble::{Cause, End, Trouble};

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use running::{Running, TICK};
use said::Listener;

/// Bytes read at once.
const BUFFER: usize = 256 << 10;

/// How long is waited, once the program has ended, for others who hold its pipe.
const LINGER: Duration = Duration::from_secs(2);

/// Bytes that can lie in the pipe when the program ends; what comes past them and past [`LINGER`], others wrote.
const MOST_LEFT: u64 = 1 << 20;

/// A program that ran.
#[derive(Debug, Clone)]
pub struct Ran {
    /// How it ended.
    pub end: End,
    /// Its number, while it ran.
    pub process: u32,
    /// Bytes of standard output that were handed on.
    pub bytes: u64,
    /// When.
    pub started: SystemTime,
    /// How long.
    pub took: Duration,
    /// The end of standard error, at most [`MOST_KEPT`] bytes, without secrets, not escaped: see [`Ran::errors`].
    pub errors_tail: Vec<u8>,
    /// Something it started was left behind, which holds its standard output and wrote nothing more.
    pub left_behind: bool,
}

/// Runs `command`, streams its standard output to `out`, and offers lines of its standard error (fit for a terminal,
/// without secrets, some left out where they come too fast) to `progress`.
///
/// `stop` is looked at twenty times a second, and not while `out` takes its time: a writer that may block for long looks at
/// `stop` itself. `out` is not flushed.
///
/// # Errors
/// Anything but exit code 0, and all that kept the output from being whole.
pub fn run(
    command: &Command,
    out: &mut dyn Write,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
) -> Result<Ran, Trouble> {
    let (started, clock) = (SystemTime::now(), Instant::now());
    let trouble = |cause, ran| Trouble { command: command.describe(), cause, ran };
    if stop.load(Ordering::Relaxed) {
        return Err(trouble(Cause::Stopped, None));
    }
    let mut running = Running::start(command).map_err(|cause| trouble(cause, None))?;
    let listener = running.take_errors().map(|stderr| Listener::start(stderr, Redactor::new(command.secrets())));
    let mut listener = match listener.transpose() {
        Ok(listener) => listener,
        Err(error) => return Err(trouble(Cause::Lost(error), None)),
    };
    let mut bytes = 0;
    let streamed = stream(command, &mut running, listener.as_ref(), out, stop, progress, &mut bytes);
    let (end, left_behind, cause) = match streamed {
        Ok(left) => settle(&mut running, left),
        Err(cause) => (running.end(), false, Some(cause)),
    };
    let errors_tail = listener.as_mut().map(|listener| listener.finish(progress)).unwrap_or_default();
    let process = running.process();
    let ran = Ran { end, process, bytes, started, took: clock.elapsed(), errors_tail, left_behind };
    match cause {
        None => Ok(ran),
        Some(cause) => Err(trouble(cause, Some(ran))),
    }
}

/// Who holds the pipe after the program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Nobody,
    Silent,
    Writing,
}

/// Until the program has ended and its output with it.
fn stream(
    command: &Command,
    running: &mut Running,
    listener: Option<&Listener>,
    out: &mut dyn Write,
    stop: &AtomicBool,
    progress: &mut dyn FnMut(&str),
    bytes: &mut u64,
) -> Result<Left, Cause> {
    let mut buffer = vec![0; BUFFER];
    let mut last = Instant::now();
    // Since when it has ended, and what was read since then.
    let mut ended: Option<(Instant, u64)> = None;
    // Whether the pipe was found empty after the end: all that the program itself wrote is then read.
    let mut was_empty = false;
    let mut left = Left::Silent;
    loop {
        if let Some(listener) = listener {
            listener.offer(progress);
        }
        if stop.load(Ordering::Relaxed) {
            return Err(Cause::Stopped);
        }
        if ended.is_none() && running.has_ended().map_err(Cause::Lost)? {
            ended = Some((Instant::now(), 0));
        }
        let most = match ended {
            Some(_) if !running.is_open() => return Ok(Left::Nobody),
            Some((since, _)) if was_empty => LINGER.saturating_sub(since.elapsed()),
            Some(_) => Duration::ZERO,
            None => {
                let heard = listener.map_or(last, Listener::last_heard).max(last);
                let left = command.stall.saturating_sub(heard.elapsed());
                if left.is_zero() {
                    return Err(Cause::Stalled(command.stall));
                }
                left.min(TICK)
            }
        };
        let seen = running.wait(most, ended.is_some()).map_err(Cause::Lost)?;
        let read = if seen.output {
            match running.read(&mut buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read.map_err(Cause::Lost)?,
            }
        } else {
            0
        };
        if read > 0 {
            out.write_all(buffer.get(..read).unwrap_or_default()).map_err(Cause::Output)?;
            *bytes += read as u64;
            // The time `out` took is not the program's.
            last = Instant::now();
        }
        if let Some((since, after)) = &mut ended {
            *after += read as u64;
            let is_others = was_empty || *after > MOST_LEFT;
            if read > 0 && is_others {
                left = Left::Writing;
            }
            was_empty |= !seen.output;
            if running.is_open() && since.elapsed() >= LINGER && (read == 0 || is_others) {
                return Ok(left);
            }
        }
    }
}

/// The program has ended by itself: how, whether something is left behind, and what is wrong with that.
fn settle(running: &mut Running, left: Left) -> (End, bool, Option<Cause>) {
    if left == Left::Writing {
        // Before the program is reaped: its group is its own for as long.
        let end = running.end();
        return (end, false, Some(failure(end).unwrap_or(Cause::Outlived)));
    }
    match running.reap() {
        Ok(end) => (end, left == Left::Silent, failure(end)),
        Err(error) => (End::Unknown, false, Some(Cause::Lost(error))),
    }
}

fn failure(end: End) -> Option<Cause> {
    match end {
        End::Exit(0) => None,
        End::Exit(code) => Some(Cause::Exit(code)),
        End::Signal(signal) => Some(Cause::Signal(signal)),
        End::Unknown => Some(Cause::Lost(io::Error::other("nobody knows how it ended"))),
    }
}
