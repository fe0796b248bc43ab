//! One run of veritar under valgrind, and how many instructions it took.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use crate::wrap::{BY_PATH, PASSPHRASE_FILE};

/// What veritar is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    List,
    /// With these digests of the members, and none of the archive.
    Verify(&'static str),
}

/// Instructions from start to end, of one thread.
pub(crate) fn instructions(folder: &Path, work: Work, file: &str) -> Result<u64, Box<dyn Error>> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=callgrind.out", env!("CARGO_BIN_EXE_veritar")]);
    match work {
        Work::List => command.args(["list", "--format", "names"]),
        Work::Verify(hash) => command.args(["verify", "--rules", BY_PATH, "--hash", hash, "--archive-hash", "none"]),
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VERITAR_")) {
        command.env_remove(name);
    }
    let output = command
        .args(["--threads", "1", "--passphrase-file", PASSPHRASE_FILE, file])
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder)
        .output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("{command:?}: {}: {told}", output.status).into());
    }
    let count = told.lines().find_map(|line| line.split_once("Collected : "));
    Ok(count.ok_or("valgrind counted nothing")?.1.trim().parse()?)
}
