//! Secrets as the command line names them: files, descriptors, commands, credentials, a prompt.
//!
//! Promises: what lies in files is read before an archive is opened, so that a wrong name is a usage error; commands and
//! prompts only when an archive asks, and once. Never on a command line, never in a message.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::args::Keys;
use super::exit::Trouble;
use super::output;
use crate::probe::raft::UnlockKey;
use crate::report::escaped;
use crate::secret::{Secret, Unlock};

/// Bytes of a passphrase or key file past which it is the wrong file.
const MOST_BYTES: u64 = 1 << 20;

/// The secrets of one run.
pub(super) struct Secrets {
    passphrases: Vec<Secret>,
    secret_keys: Vec<Secret>,
    unlock_keys: Vec<Secret>,
    command: Option<String>,
    may_prompt: bool,
}

impl Secrets {
    /// Reads what lies ready.
    ///
    /// `from_stdin` says that an archive comes from standard input, which then cannot give a passphrase too.
    pub(super) fn gather(typed: &Keys, from_stdin: bool) -> Result<Self, Trouble> {
        let is_stdin = |path: &PathBuf| ["-", "/dev/stdin", "/dev/fd/0"].iter().any(|name| path.as_os_str() == *name);
        if from_stdin
            && (typed.passphrase_fd == Some(0)
                || typed.passphrase_file.iter().chain(&typed.unlock_key_file).any(is_stdin))
        {
            let message = "standard input is the archive, so the passphrase must come from somewhere else";
            return Err(Trouble::Usage(message.to_owned()));
        }
        let mut passphrases = Vec::new();
        for path in &typed.passphrase_file {
            passphrases.push(passphrase_file(path)?);
        }
        if let Some(descriptor) = typed.passphrase_fd {
            let path = PathBuf::from(format!("/dev/fd/{descriptor}"));
            let bytes = read(&path).map_err(|error| {
                Trouble::Usage(format!("failed to read the passphrase from file descriptor {descriptor}: {error}"))
            })?;
            passphrases.push(first_line(bytes).ok_or_else(|| {
                Trouble::Usage(format!("file descriptor {descriptor} holds no passphrase: its first line is empty"))
            })?);
        }
        if let Some(name) = &typed.passphrase_credential {
            passphrases.push(passphrase_file(&credential(name)?)?);
        }
        let mut secret_keys = Vec::new();
        for path in &typed.secret_key {
            warn_if_open(path);
            let bytes = read(path).map_err(|error| unreadable("secret key", path, &error))?;
            secret_keys.push(Secret::new(std::mem::take(&mut *Zeroizing::new(bytes))));
        }
        let unlock_keys = typed.unlock_key_file.iter().map(|path| unlock_key_file(path)).collect::<Result<_, _>>()?;
        let may_prompt = passphrases.is_empty() && typed.passphrase_command.is_none() && io::stderr().is_terminal();
        let command = typed.passphrase_command.clone();
        Ok(Self { passphrases, secret_keys, unlock_keys, command, may_prompt })
    }
}

impl Secrets {
    /// What lies in these files and nothing else: passphrases, and unlock keys.
    pub(super) fn of_files(passphrases: &[PathBuf], unlock_keys: &[PathBuf]) -> Result<Self, Trouble> {
        let all = |what, files: &[PathBuf]| {
            let one = |path: &PathBuf| {
                let bytes = read(path).map_err(|error| unreadable(what, path, &error))?;
                first_line(bytes).ok_or_else(|| {
                    let shown = escaped(path.as_os_str().as_encoded_bytes());
                    Trouble::Usage(format!("{what} {shown} holds nothing: its first line is empty"))
                })
            };
            files.iter().map(one).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            passphrases: all("passphrase file", passphrases)?,
            secret_keys: Vec::new(),
            unlock_keys: all("unlock key file", unlock_keys)?,
            command: None,
            may_prompt: false,
        })
    }
}

impl Unlock for Secrets {
    fn passphrases(&mut self) -> io::Result<Vec<Secret>> {
        if let Some(command) = self.command.take() {
            self.passphrases.push(run(&command)?);
        }
        if std::mem::take(&mut self.may_prompt) {
            let typed = rpassword::prompt_password("Passphrase: ")?;
            if !typed.is_empty() {
                self.passphrases.push(Secret::new(typed.into_bytes()));
            }
        }
        Ok(self.passphrases.clone())
    }

    fn secret_keys(&mut self) -> io::Result<Vec<Secret>> {
        Ok(self.secret_keys.clone())
    }

    fn unlock_keys(&mut self) -> io::Result<Vec<Secret>> {
        Ok(self.unlock_keys.clone())
    }
}

/// The first line of a file that holds one secret.
pub(super) fn first_line_of(what: &str, path: &Path) -> Result<Secret, Trouble> {
    warn_if_open(path);
    let bytes = read(path).map_err(|error| unreadable(what, path, &error))?;
    first_line(bytes).ok_or_else(|| {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        Trouble::Usage(format!("{what} {shown} holds nothing: its first line is empty"))
    })
}

fn passphrase_file(path: &Path) -> Result<Secret, Trouble> {
    warn_if_open(path);
    let bytes = read(path).map_err(|error| unreadable("passphrase file", path, &error))?;
    first_line(bytes).ok_or_else(|| {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        Trouble::Usage(format!("passphrase file {shown} holds no passphrase: its first line is empty"))
    })
}

/// The password for a product, in a file's first line.
pub(super) fn password_file(path: &Path) -> Result<Secret, Trouble> {
    warn_if_open(path);
    let bytes = read(path).map_err(|error| unreadable("password file", path, &error))?;
    first_line(bytes).ok_or_else(|| {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        Trouble::Usage(format!("password file {shown} holds no password: its first line is empty"))
    })
}

/// Another secret under this name is a slip of the command line, and told before an archive is opened.
fn unlock_key_file(path: &Path) -> Result<Secret, Trouble> {
    warn_if_open(path);
    let bytes = read(path).map_err(|error| unreadable("unlock key file", path, &error))?;
    first_line(bytes).filter(|secret| UnlockKey::parse(secret).is_some()).ok_or_else(|| {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        Trouble::Usage(format!("{shown} holds no unlock key: its first line must be SWMKEY-1- and 43 characters more"))
    })
}

fn unreadable(what: &str, path: &Path, error: &io::Error) -> Trouble {
    Trouble::Usage(format!("failed to read {what} {}: {error}", escaped(path.as_os_str().as_encoded_bytes())))
}

fn credential(name: &str) -> Result<PathBuf, Trouble> {
    if name.is_empty() || name.contains('/') || name == ".." {
        return Err(Trouble::Usage(format!("{name:?} is no name of a credential")));
    }
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(folder) => Ok(PathBuf::from(folder).join(name)),
        None => Err(Trouble::Usage(
            "there are no credentials: CREDENTIALS_DIRECTORY is unset (use LoadCredential= in the systemd unit)"
                .to_owned(),
        )),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    }
    read_all(file)
}

fn read_all(source: impl io::Read) -> io::Result<Vec<u8>> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    source.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("is larger than 1 MiB, which no secret is"));
    }
    Ok(std::mem::take(&mut *bytes))
}

/// The first line without its end, as gpg takes it; `None` where it is empty.
fn first_line(bytes: Vec<u8>) -> Option<Secret> {
    let bytes = Zeroizing::new(bytes);
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    (!line.is_empty()).then(|| Secret::new(line.to_vec()))
}

/// A secret that others may read is no secret.
fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if let Ok(metadata) = std::fs::metadata(path)
        && metadata.is_file()
        && metadata.permissions().mode() & 0o077 != 0
    {
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        output::warn(&format!(
            "{shown} can be read by others (mode {:03o}); make it 0600",
            metadata.permissions().mode() & 0o777
        ));
    }
}

fn run(command: &str) -> io::Result<Secret> {
    let mut child = Command::new("sh").arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().map_or_else(|| Ok(Vec::new()), read_all);
    let status = child.wait()?;
    let line = first_line(output?);
    if !status.success() {
        return Err(io::Error::other(format!("the passphrase command ended with {status}")));
    }
    line.ok_or_else(|| io::Error::other("the passphrase command printed no passphrase"))
}
