//! A second process that undoes a step, or ends a program, where veritar itself is killed.
//!
//! It is a shell that waits for a word on a pipe and, where the pipe closes without one, runs the command that it was
//! started with. No shell reads that command: it is handed on as it is.
//!
//! Promises: it is there before the step begins; it does nothing where veritar lives to undo the step or end the program
//! itself; it hears nothing of what a terminal sends. Refuses to know: what it undoes.
//!
//! What it cannot do: who kills everything at once, as systemd does with a unit's processes, kills it too.

use std::io::{self, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Stdio};

use rustix::process::Pid;

use super::command::{Command, Value};

/// Waits for a word; without one, runs its arguments. `$0` is what it is called in messages.
const SCRIPT: &str = "if read -r word; then exit 0; fi; \
     echo \"$0: veritar is gone; running: $*\" >&2; \
     \"$@\" && exit 0; \
     echo \"$0: FAILED; this must be done by hand, now: $*\" >&2; exit 1";

/// Waits for a word; without one, asks the process group that is its argument to end.
const ENDING: &str = "if read -r word; then exit 0; fi; kill -s TERM -- \"-$1\"";

/// The second process, as long as it waits.
pub(super) struct Guard {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Starts it; `None` where `undo` needs secrets, which it is not told.
    pub(super) fn start(undo: &Command) -> io::Result<Option<Self>> {
        if undo.secrets().next().is_some() {
            return Ok(None);
        }
        let mut starting = shell(SCRIPT);
        starting.arg(&undo.program).args(&undo.arguments);
        for (name, value) in &undo.environment {
            if let Value::Plain(value) = value {
                starting.env(name, value);
            }
        }
        Self::waiting(starting).map(Some)
    }

    /// Starts one that ends a process group. Veritar is gone then for a moment only: the number is still the group's own.
    pub(super) fn ending(group: Pid) -> io::Result<Self> {
        let mut starting = shell(ENDING);
        starting.arg(group.as_raw_nonzero().to_string()).stderr(Stdio::null());
        Self::waiting(starting)
    }

    fn waiting(mut starting: std::process::Command) -> io::Result<Self> {
        let mut child = starting.spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }
}

/// A shell with this script, in a group of its own, that is told nothing of veritar's.
fn shell(script: &str) -> std::process::Command {
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let mut starting = std::process::Command::new("sh");
    starting.arg("-c").arg(script).arg("veritar-guard");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"VERITAR_")) {
        starting.env_remove(name);
    }
    starting.env("LC_ALL", "C").env_remove("LANGUAGE");
    starting.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0);
    starting
}

/// Veritar lives, and has undone the step itself or said that it could not.
impl Drop for Guard {
    fn drop(&mut self) {
        let told = self.pipe.take().is_some_and(|mut pipe| pipe.write_all(b"done\n").is_ok());
        if !told {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
