//! Why a program did not do what it was run for.
//!
//! Promises: every trouble names the command as it would be typed, what became of it, and what to do next; what the
//! program said last stands in it, escaped and without secrets. Refuses to know: exit codes of veritar itself.

use std::fmt;
use std::io;
use std::time::Duration;

use super::Ran;
use crate::report::name;

/// Lines of standard error in one sentence.
const MOST_LINES: usize = 3;

/// A program that did not do what it was run for.
#[derive(Debug)]
pub struct Trouble {
    /// The command as a shell would take it, without secrets.
    pub command: String,
    /// What happened.
    pub cause: Cause,
    /// What there is to tell, where it ran at all.
    pub ran: Option<Ran>,
}

/// What happened to a program.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// It is not there.
    Missing,
    /// It is there, and may not be executed, or cannot be.
    NotExecutable(io::Error),
    /// The system would not start it.
    Start(io::Error),
    /// It ended with this exit code.
    Exit(i32),
    /// It was ended by this signal.
    Signal(i32),
    /// It was silent for so long, and was stopped.
    Stalled(Duration),
    /// veritar was asked to stop, and stopped it.
    Stopped,
    /// What it wrote could not be taken on, so it was stopped.
    Output(io::Error),
    /// It ended well, but something it had started went on writing.
    Outlived,
    /// It could not be followed, so it was stopped.
    Lost(io::Error),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.command)?;
        let next = match &self.cause {
            Cause::Missing => {
                f.write_str("was not run: there is no such program")?;
                "install it, or give its path"
            }
            Cause::NotExecutable(error) => {
                write!(f, "was not run: the program cannot be executed ({error})")?;
                "look at its mode (chmod +x), its file system (noexec), its first line (#!) and the processor it is for"
            }
            Cause::Start(error) => {
                write!(f, "was not run: {error}")?;
                "look for what the machine has run out of: processes, memory, open files"
            }
            Cause::Exit(code) => {
                write!(f, "ended with exit code {code}")?;
                "what it wrote counts for nothing, whole or not; do what it says, and run it again"
            }
            Cause::Signal(signal) => {
                write!(f, "was ended by signal {signal}{}", signal_name(*signal))?;
                "look who sent it: `dmesg` tells of the kernel's out-of-memory killer"
            }
            Cause::Stalled(stall) => {
                write!(f, "was stopped: it wrote nothing for {} seconds", stall.as_secs_f64())?;
                "look what it waits for, or give it more time"
            }
            Cause::Stopped => {
                f.write_str("was stopped, because veritar was asked to stop")?;
                "run it again when it suits"
            }
            Cause::Output(error) => {
                write!(f, "was stopped: what it wrote could not be taken on: {error}")?;
                "see to the place that is written to (space, quota, disk, network), and run it again"
            }
            Cause::Outlived => {
                f.write_str("ended, but something it had started in the background went on writing")?;
                "its exit code says nothing of what was written: run what it starts by itself"
            }
            Cause::Lost(error) => {
                write!(f, "could not be followed, and was stopped: {error}")?;
                "run it again"
            }
        };
        if let Some(ran) = &self.ran {
            if ran.end == End::Unknown && !matches!(self.cause, Cause::Lost(_)) {
                write!(f, "; it did not even end at SIGKILL: process {} is still there", ran.process)?;
            }
            let said = ran.last_lines(MOST_LINES);
            if said.is_empty() {
                f.write_str("; it said nothing on standard error")?;
            } else {
                write!(f, "; it said last: {}", said.join(" | "))?;
            }
        }
        write!(f, "; {next}")
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::NotExecutable(error) | Cause::Start(error) | Cause::Output(error) | Cause::Lost(error) => {
                Some(error)
            }
            _ => None,
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody knows: it was not to be ended, or the system does not tell.
    Unknown,
}

impl Ran {
    /// What it said on standard error, at most the last [`MOST_KEPT`](super::MOST_KEPT) bytes of it: lines fit for a
    /// terminal, without secrets.
    #[must_use]
    pub fn errors(&self) -> Vec<String> {
        self.last_lines(usize::MAX)
    }

    fn last_lines(&self, most: usize) -> Vec<String> {
        let lines = self.errors_tail.split(|byte| matches!(byte, b'\n' | b'\r')).rev();
        let mut lines: Vec<String> = lines.filter(|line| !line.trim_ascii().is_empty()).take(most).map(name).collect();
        lines.reverse();
        lines
    }
}

/// The name of a signal that ends programs by themselves.
fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGHUP => " (SIGHUP)",
        libc::SIGINT => " (SIGINT)",
        libc::SIGQUIT => " (SIGQUIT)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGABRT => " (SIGABRT)",
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGFPE => " (SIGFPE)",
        libc::SIGKILL => " (SIGKILL)",
        libc::SIGSEGV => " (SIGSEGV)",
        libc::SIGPIPE => " (SIGPIPE)",
        libc::SIGTERM => " (SIGTERM)",
        _ => "",
    }
}
