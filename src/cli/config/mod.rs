//! `veritar.toml`: what is set once for a project, a user or a machine, below flags and environment.
//!
//! ```text
//!   flag ──► environment VERITAR_* ──► ./veritar.toml ──► ~/.config/veritar/veritar.toml ──► /etc/veritar/veritar.toml
//! ```
//! The nearest that says something counts; severities and limits one by one. A command to run is no key: whoever can write
//! to a folder must not choose what runs there.
//!
//! Promises: all problems of a file at once, before an archive is opened; who verifies in a folder whose file makes findings
//! milder hears of it.

mod file;
mod show;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::args::{Effort, FailOn, Judging, Keys, Reading};
use super::exit::Trouble;
use super::{output, plan};
use crate::code::{self, Severity};
use crate::report::escaped;

pub(super) use show::run;

/// Bytes of a configuration past which it is the wrong file.
const MOST_BYTES: u64 = 1 << 20;

/// A key of the configuration. `[limits]` and `[severity]` are tables and stand apart.
struct Key {
    /// As it is written.
    name: &'static str,
    /// The variable that says the same.
    env: &'static str,
    kind: Kind,
    /// What holds where nobody says anything.
    default: &'static [&'static str],
}

/// What stands under a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Digests.
    Digests,
    /// `error` or `warning`.
    FailOn,
    /// Files, seen from the folder of the configuration.
    Files,
    /// Rule sets by identifier, or files as above.
    Rules,
    /// A number of threads; as many as there are processors.
    Threads,
}

impl Kind {
    /// Whether it may hold several.
    fn is_list(self) -> bool {
        matches!(self, Self::Files | Self::Rules)
    }
}

/// Every key, in alphabetical order.
const KEYS: &[Key] = &[
    Key { name: "archive-hash", env: "VERITAR_ARCHIVE_HASH", kind: Kind::Digests, default: &[] },
    Key { name: "fail-on", env: "VERITAR_FAIL_ON", kind: Kind::FailOn, default: &["error"] },
    Key { name: "hash", env: "VERITAR_HASH", kind: Kind::Digests, default: &["sha256"] },
    Key { name: "passphrase-file", env: "VERITAR_PASSPHRASE_FILE", kind: Kind::Files, default: &[] },
    Key { name: "rules", env: "VERITAR_RULES", kind: Kind::Rules, default: &["auto"] },
    Key { name: "threads", env: "VERITAR_THREADS", kind: Kind::Threads, default: &[] },
    Key { name: "unlock-key-file", env: "VERITAR_UNLOCK_KEY_FILE", kind: Kind::Files, default: &[] },
];

/// The variable that sets severities: `CODE=LEVEL`, with commas between them.
const SEVERITY_ENV: &str = "VERITAR_SEVERITY";
/// The variable that sets limits: `NAME=VALUE`, with commas between them.
const LIMIT_ENV: &str = "VERITAR_LIMIT";

/// What one file says.
#[derive(Debug, Default)]
struct Layer {
    path: PathBuf,
    /// Whether it lies in the current folder, where others may have put it.
    is_here: bool,
    values: BTreeMap<&'static str, Vec<String>>,
    severity: Vec<(&'static code::Code, Severity)>,
    /// Name, and value as it is written.
    limits: Vec<(String, String)>,
}

/// What all files say, the nearest first.
pub(super) struct Config {
    layers: Vec<Layer>,
    /// Where files were looked for, and whether there was one.
    places: Vec<(PathBuf, bool)>,
}

impl Config {
    /// Reads the files that there are.
    pub(super) fn read() -> Result<Self, Trouble> {
        let mut config = Self { layers: Vec::new(), places: Vec::new() };
        for (path, is_here) in places() {
            let text = text_of(&path)?;
            config.places.push((path.clone(), text.is_some()));
            if let Some(text) = text {
                let layer = file::parse(&path, &text).map_err(Trouble::Rules)?;
                config.layers.push(Layer { is_here, ..layer });
            }
        }
        Ok(config)
    }

    /// The nearest values of a key.
    fn values(&self, name: &str) -> Option<&[String]> {
        self.layers.iter().find_map(|layer| layer.values.get(name)).map(Vec::as_slice)
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.values(name)?.first().map(String::as_str)
    }

    fn files(&self, name: &str) -> Vec<PathBuf> {
        self.values(name).unwrap_or_default().iter().map(PathBuf::from).collect()
    }

    /// Puts what is configured where nothing was typed.
    pub(super) fn reading(&self, typed: &mut Reading) {
        self.keys(&mut typed.keys);
        self.effort(&mut typed.effort);
    }

    pub(super) fn keys(&self, typed: &mut Keys) {
        if !typed.names_passphrase() {
            typed.passphrase_file = self.files("passphrase-file");
        }
        if typed.unlock_key_file.is_empty() {
            typed.unlock_key_file = self.files("unlock-key-file");
        }
    }

    pub(super) fn effort(&self, typed: &mut Effort) {
        typed.threads = typed.threads.or_else(|| self.first("threads")?.parse().ok());
        // The last of a name counts: the farthest first.
        let set = self.layers.iter().rev().flat_map(|layer| &layer.limits);
        let set = set.map(|(name, value)| format!("{name}={value}")).chain(listed(LIMIT_ENV));
        typed.limit = set.chain(std::mem::take(&mut typed.limit)).collect();
    }

    /// The same for what archives are judged by, with a word about what a file in the current folder makes milder.
    pub(super) fn judging(&self, typed: &mut Judging) {
        if typed.rules.is_empty() {
            typed.rules = self.values("rules").unwrap_or_default().to_vec();
        }
        typed.hash = typed.hash.take().or_else(|| self.first("hash").map(str::to_owned));
        typed.archive_hash = typed.archive_hash.take().or_else(|| self.first("archive-hash").map(str::to_owned));
        let typed_fail_on = typed.fail_on;
        typed.fail_on = typed_fail_on.or_else(|| fail_on(self.first("fail-on")?));
        let near: Vec<String> = listed(SEVERITY_ENV).chain(std::mem::take(&mut typed.severity)).collect();
        self.warn(&near, typed_fail_on.is_some());
        let set = self.layers.iter().rev().flat_map(|layer| &layer.severity);
        let set = set.map(|(code, severity)| format!("{}={}", code.id, severity.as_str()));
        typed.severity = set.chain(near).collect();
    }

    /// Warns where a file in the current folder makes findings milder, and nothing nearer says otherwise.
    fn warn(&self, near: &[String], fail_on_typed: bool) {
        let Some(here) = self.layers.iter().find(|layer| layer.is_here) else { return };
        let others = || self.layers.iter().filter(|layer| !layer.is_here);
        let mut milder: Vec<String> = Vec::new();
        for (code, severity) in &here.severity {
            let elsewhere = others().flat_map(|layer| &layer.severity).find(|(other, _)| other == code);
            let before = elsewhere.map_or(code.severity, |(_, severity)| *severity);
            let is_overruled = near.iter().any(|typed| typed.split('=').next() == Some(code.id));
            if *severity < before && !is_overruled {
                milder.push(format!("{} to {}", code.id, severity.as_str()));
            }
        }
        let of = |layer: &Layer| fail_on(layer.values.get("fail-on")?.first()?);
        let elsewhere = others().find_map(of);
        if of(here) == Some(FailOn::Error) && elsewhere == Some(FailOn::Warning) && !fail_on_typed {
            milder.push("fail-on to error".to_owned());
        }
        if !milder.is_empty() {
            let path = escaped(here.path.as_os_str().as_encoded_bytes());
            output::warn(&format!("{path} in the current folder lowers {}", milder.join(", ")));
        }
    }
}

fn fail_on(word: &str) -> Option<FailOn> {
    match word {
        "error" => Some(FailOn::Error),
        "warning" => Some(FailOn::Warning),
        _ => None,
    }
}

/// The parts of a variable that holds a list.
fn listed(variable: &str) -> impl Iterator<Item = String> {
    let text = std::env::var(variable).unwrap_or_default();
    let parts: Vec<String> =
        text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect();
    parts.into_iter()
}

/// Where files may lie, the nearest first, and whether that is the current folder.
fn places() -> Vec<(PathBuf, bool)> {
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".config"));
    // A relative folder is to be ignored, says the specification of these variables.
    let user = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let mut places = vec![(PathBuf::from("veritar.toml"), true)];
    places.extend(user.or_else(home).map(|folder| (folder.join("veritar/veritar.toml"), false)));
    places.push((PathBuf::from("/etc/veritar/veritar.toml"), false));
    places
}

/// The text of a file, where there is one.
fn text_of(path: &Path) -> Result<Option<String>, Trouble> {
    let shown = || escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let unreadable = |error: io::Error| Trouble::Usage(format!("failed to read configuration {}: {error}", shown()));
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error)),
    };
    // A pipe would be waited for.
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("is no regular file")));
    }
    let bytes = plan::read_up_to(path, MOST_BYTES + 1).map_err(unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(unreadable(io::Error::other("is larger than 1 MiB")));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Trouble::Usage(format!("configuration {} is not UTF-8 from byte {at} on", shown()))
    })?;
    Ok(Some(text))
}
