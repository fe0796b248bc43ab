//! Whole processes: one, or two that are joined by a pipe, run to their end and timed.

use std::error::Error;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::store::Store;
use crate::wrap::{GPG_HOME, is_installed};

/// How long between two looks at the memory of a process.
const LOOK: Duration = Duration::from_millis(2);

/// A program with its arguments, or several in a row, each reading what the one before writes.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    folder: &'a Path,
    lines: Vec<Vec<String>>,
    /// A folder that must be empty when it starts.
    target: Option<&'static str>,
    /// A file it writes that is brought to the disk within its time.
    durable: Option<String>,
}

/// The most that a process held at once, in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Memory {
    /// Memory of its own (`RssAnon`): without the pages of files that are mapped, which the system can take back any time.
    pub(crate) own: u64,
    /// All that was resident (`VmHWM`), mapped files included.
    pub(crate) resident: u64,
}

impl<'a> Job<'a> {
    pub(crate) fn new(store: &'a Store) -> Self {
        Self { folder: &store.folder, lines: Vec::new(), target: None, durable: None }
    }

    /// It writes into this folder.
    pub(crate) fn into_folder(self, target: &'static str) -> Self {
        Self { target: Some(target), ..self }
    }

    /// The file that it writes must be on the disk at its end, as that of others is.
    pub(crate) fn durable(self, file: String) -> Self {
        Self { durable: Some(file), ..self }
    }

    /// Empties the folder that it writes to, and waits for the disk, which must have nothing to do with what was before.
    fn prepare(&self) -> Result<(), Box<dyn Error>> {
        let Some(target) = self.target.map(|target| self.folder.join(target)) else { return Ok(()) };
        if target.exists() {
            std::fs::remove_dir_all(&target)?;
        }
        std::fs::create_dir(target)?;
        rustix::fs::sync();
        Ok(())
    }

    /// One more program, behind the others.
    pub(crate) fn pipe(mut self, line: &[&str]) -> Self {
        self.lines.push(line.iter().map(|&word| word.to_owned()).collect());
        self
    }

    /// Programs of the job that are not installed.
    pub(crate) fn absent(&self) -> impl Iterator<Item = &str> {
        let names = self.lines.iter().map(|line| line[0].as_str());
        names.filter(|name| !Path::new(name).is_absolute() && !is_installed(name))
    }

    /// Starts all of it; the last program writes to `output`.
    fn start(&self, output: fn() -> Stdio, errors: fn() -> Stdio) -> Result<Vec<Child>, Box<dyn Error>> {
        let mut children: Vec<Child> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let input = children.last_mut().and_then(|before| before.stdout.take());
            let is_last = index + 1 == self.lines.len();
            let mut command = Command::new(&line[0]);
            // Nothing that somebody set for veritar has a say, and every program speaks plain.
            for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VERITAR_")) {
                command.env_remove(name);
            }
            let child = command
                .args(&line[1..])
                .current_dir(self.folder)
                .env("GNUPGHOME", GPG_HOME)
                .env("XDG_CONFIG_HOME", self.folder)
                .env("LC_ALL", "C")
                .stdin(input.map_or_else(Stdio::null, Stdio::from))
                .stdout(if is_last { output() } else { Stdio::piped() })
                .stderr(errors())
                .spawn();
            children.push(child.map_err(|error| format!("{self}: {error}"))?);
        }
        Ok(children)
    }

    /// Waits for all of it. The last one first: when it ends, those before it have nobody left to write to.
    fn end(&self, children: Vec<Child>) -> Result<(), Box<dyn Error>> {
        for mut child in children.into_iter().rev() {
            let status = child.wait()?;
            if !status.success() {
                return Err(format!("{self}: {status}").into());
            }
        }
        if let Some(file) = &self.durable {
            std::fs::File::open(self.folder.join(file))?.sync_all()?;
        }
        Ok(())
    }

    /// How long it takes, from its start to its end.
    pub(crate) fn time(&self) -> Result<Duration, Box<dyn Error>> {
        self.prepare()?;
        let before = Instant::now();
        let children = self.start(Stdio::null, Stdio::null)?;
        self.end(children)?;
        Ok(before.elapsed())
    }

    /// What it writes. What it complains about goes where the benchmark's own complaints go.
    pub(crate) fn output(&self) -> Result<Vec<u8>, Box<dyn Error>> {
        self.prepare()?;
        let mut children = self.start(Stdio::piped, Stdio::inherit)?;
        let mut output = Vec::new();
        if let Some(mut pipe) = children.last_mut().and_then(|last| last.stdout.take()) {
            pipe.read_to_end(&mut output)?;
        }
        self.end(children)?;
        Ok(output)
    }

    /// Runs it and looks at the memory of its last program; nothing is known of that where there is no `/proc`.
    pub(crate) fn watch(&self) -> Result<Memory, Box<dyn Error>> {
        self.prepare()?;
        let mut children = self.start(Stdio::null, Stdio::null)?;
        let mut memory = Memory::default();
        if let Some(last) = children.last_mut() {
            let status = PathBuf::from(format!("/proc/{}/status", last.id()));
            while last.try_wait()?.is_none() {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                memory.own = memory.own.max(kib(&text, "RssAnon:"));
                memory.resident = memory.resident.max(kib(&text, "VmHWM:"));
                std::thread::sleep(LOOK);
            }
        }
        self.end(children)?;
        Ok(memory)
    }
}

/// A line of `/proc/PID/status`.
fn kib(status: &str, field: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// As one would type it, without the options that keep gpg from asking.
impl fmt::Display for Job<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines.iter().enumerate() {
            out.write_str(if index == 0 { "" } else { " | " })?;
            out.write_str(Path::new(&line[0]).file_name().and_then(|name| name.to_str()).unwrap_or("?"))?;
            let skipped = if line[0] == "gpg" { line.len() - 2 } else { 1 };
            for word in &line[skipped..] {
                write!(out, " {word}")?;
            }
        }
        self.durable.as_ref().map_or(Ok(()), |file| write!(out, "; sync {file}"))
    }
}
