//! A program that runs: one child, the leader of its own process group.
//!
//! Promises: whatever way this is left, the program and what it started have been ended and waited for; the group is
//! signalled only while its leader has not been reaped, so that its number cannot be somebody else's. Refuses to know:
//! what the program writes.

use std::ffi::OsStr;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid};
use zeroize::Zeroizing;

use super::command::{Command, Value};
use super::guard::Guard;
use super::trouble::{Cause, End};

/// How long nothing is looked at while nothing happens.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// Bytes that fit between the program and us: fewer turns for both of them.
const PIPE: usize = 1 << 20;

/// A program that runs.
pub(super) struct Running {
    child: Child,
    pid: Pid,
    /// Readable when the program ends; `None` where the kernel has no such thing, and every [`TICK`] must do.
    end: Option<OwnedFd>,
    stdout: Option<ChildStdout>,
    input: Option<(ChildStdin, Zeroizing<Vec<u8>>)>,
    grace: Duration,
    /// Whether there is nothing left to wait for.
    is_over: bool,
    /// Ends it where veritar cannot any more; dropped after it has ended.
    _guard: Option<Guard>,
}

/// What was seen when nothing more could be waited for.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) output: bool,
}

impl Running {
    pub(super) fn start(command: &Command) -> Result<Self, Cause> {
        // Descriptors veritar was started with (a lock, a passphrase on descriptor 3) are no business of the program.
        // Those veritar opened itself are closed anyway.
        close_fds::set_fds_cloexec_threadsafe(3, &[]);
        let mut starting = std::process::Command::new(&command.program);
        starting.args(&command.arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"VERITAR_")) {
            starting.env_remove(name);
        }
        // Messages that can be searched for, and numbers as programs read them.
        starting.env("LC_ALL", "C").env_remove("LANGUAGE");
        for (name, value) in &command.environment {
            match value {
                Value::Plain(value) => starting.env(name, value),
                Value::Secret(secret) => starting.env(name, OsStr::from_bytes(secret.reveal())),
            };
        }
        let input = if command.standard_input.is_some() { Stdio::piped() } else { Stdio::null() };
        // Its own group: a Ctrl+C at the terminal reaches veritar alone, which ends the program in good order. The
        // standard library gives it the default for SIGPIPE, and blocks no signal.
        starting.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = starting.spawn().map_err(|error| match error.kind() {
            // Where the file is there, the interpreter its first line names is not.
            io::ErrorKind::NotFound if is_path_to_something(&command.program) => Cause::NotExecutable(error),
            io::ErrorKind::NotFound => Cause::Missing,
            io::ErrorKind::PermissionDenied => Cause::NotExecutable(error),
            _ if error.raw_os_error() == Some(libc::ENOEXEC) => Cause::NotExecutable(error),
            _ => Cause::Start(error),
        })?;
        let pid = Pid::from_child(&child);
        let end = pidfd_open(pid, PidfdFlags::empty()).ok();
        let stdout = child.stdout.take();
        if let Some(stdout) = &stdout {
            // Where it may not be larger, it stays as it is.
            let _ = rustix::pipe::fcntl_setpipe_size(stdout, PIPE);
        }
        let secret = command.standard_input.as_ref().map(|secret| Zeroizing::new(secret.reveal().to_vec()));
        let input = child.stdin.take().zip(secret);
        let mut running = Self { child, pid, end, stdout, input, grace: command.grace, is_over: false, _guard: None };
        if command.is_guarded {
            running._guard = Some(Guard::ending(pid).map_err(Cause::Lost)?);
        }
        if let Some((stdin, _)) = &running.input {
            rustix::io::ioctl_fionbio(stdin, true).map_err(|error| Cause::Lost(error.into()))?;
        }
        Ok(running)
    }

    pub(super) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn take_errors(&mut self) -> Option<std::process::ChildStderr> {
        self.child.stderr.take()
    }

    /// Whether somebody may still write.
    pub(super) fn is_open(&self) -> bool {
        self.stdout.is_some()
    }

    /// Whether the program has ended. It is not reaped: its number stays its own.
    pub(super) fn has_ended(&self) -> io::Result<bool> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        Ok(self.is_over || waitid(WaitId::Pid(self.pid), options)?.is_some())
    }

    /// Waits until there is something to read, the program ends, or `most` is over. `is_ended`: its end is known already.
    pub(super) fn wait(&mut self, most: Duration, is_ended: bool) -> io::Result<Seen> {
        let flags = PollFlags::IN;
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(3);
        fds.extend(self.stdout.as_ref().map(|stdout| PollFd::new(stdout, flags)));
        fds.extend(self.end.as_ref().filter(|_| !is_ended).map(|end| PollFd::new(end, flags)));
        fds.extend(self.input.as_ref().map(|(stdin, _)| PollFd::new(stdin, PollFlags::OUT)));
        let most = Timespec::try_from(most.min(TICK)).map_err(|_| io::ErrorKind::InvalidInput)?;
        match poll(&mut fds, Some(&most)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_ready = |fd: Option<&PollFd<'_>>| fd.is_some_and(|fd| !fd.revents().is_empty());
        let output = self.stdout.is_some() && is_ready(fds.first());
        if self.input.is_some() && is_ready(fds.last()) {
            drop(fds);
            self.feed();
        }
        Ok(Seen { output })
    }

    /// Writes what the program takes of its input. That it takes nothing is its own affair: its exit code will tell.
    fn feed(&mut self) {
        let Some((stdin, rest)) = &mut self.input else { return };
        match stdin.write(rest) {
            Ok(written) if written > 0 && written < rest.len() => {
                let left = rest.get(written..).unwrap_or_default().to_vec();
                *rest = Zeroizing::new(left);
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            _ => self.input = None,
        }
    }

    /// What can be read now; 0 when nobody can write any more. Only after [`Self::wait`] saw output: it would block.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(stdout) = &mut self.stdout else { return Ok(0) };
        let read = stdout.read(buffer)?;
        if read == 0 {
            self.stdout = None;
        }
        Ok(read)
    }

    /// Reaps the program, which has ended. What it started may go on.
    pub(super) fn reap(&mut self) -> io::Result<End> {
        self.is_over = true;
        self.input = None;
        self.child.wait().map(end_of)
    }

    /// Ends the program and everything it started: SIGTERM, the time of grace, SIGKILL; and reaps it.
    pub(super) fn end(&mut self) -> End {
        if self.is_over {
            return End::Unknown;
        }
        self.input = None;
        self.signal(Signal::TERM);
        // What was halted (by a terminal, say) would not notice.
        self.signal(Signal::CONT);
        // Until the program has ended and nobody holds the pipe any more, which tells of most that it started.
        self.drain(|running, is_ended| is_ended && running.stdout.is_none());
        self.signal(Signal::KILL);
        // Even this can take for ever, where a program hangs in a dead file system; veritar has more to put in order.
        let is_ended = self.drain(|_, is_ended| is_ended);
        if is_ended {
            return self.reap().unwrap_or(End::Unknown);
        }
        self.is_over = true;
        End::Unknown
    }

    /// Throws away what is written, so that nobody hangs in a write, until `is_enough` or the time of grace is over.
    fn drain(&mut self, is_enough: impl Fn(&Self, bool) -> bool) -> bool {
        let until = Instant::now() + self.grace;
        let mut buffer = vec![0; 64 << 10];
        loop {
            // Where the system does not know the child any more, there is nothing to wait for.
            let is_ended = self.has_ended().unwrap_or(true);
            let left = until.saturating_duration_since(Instant::now());
            if is_enough(self, is_ended) || left.is_zero() {
                return is_ended;
            }
            match self.wait(left, is_ended) {
                Ok(seen) if seen.output => {
                    if self.read(&mut buffer).is_err() {
                        self.stdout = None;
                    }
                }
                Ok(_) => {}
                Err(_) => std::thread::sleep(TICK),
            }
        }
    }

    /// To the whole group. That nobody is there to hear it is fine.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn is_path_to_something(program: &OsStr) -> bool {
    program.as_bytes().contains(&b'/') && Path::new(program).exists()
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exit(code),
        (None, Some(signal)) => End::Signal(signal),
        (None, None) => End::Unknown,
    }
}
