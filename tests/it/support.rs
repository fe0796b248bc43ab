//! What the tests share: paths, readings in every cut, and skipping by name.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use veritar::digest::Hashes;
use veritar::rule::{Choice, catalog};
use veritar::secret::{Known, Secret};
use veritar::source::{MemorySource, Source, SplitSource};
use veritar::verify::{Archive, Options, Outcome, Progress, Reading, Severities, verify};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn corpus() -> PathBuf {
    root().join("corpus")
}

/// Data that others wrote; the test that needs it says that it skips where it is not there.
pub fn corpora(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("VERITAR_CORPORA").map(PathBuf::from);
    if found.is_none() {
        println!("skipped {test}: VERITAR_CORPORA is unset");
    }
    found
}

/// Whether a program is installed; the test that needs it says that it skips where it is not.
pub fn program(test: &str, name: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()));
    if !found {
        println!("skipped {test}: {name} is not installed");
    }
    found
}

pub fn options(threads: usize) -> Options {
    Options {
        reading: Reading {
            threads,
            hashes: Hashes { sha256: true, blake3: true },
            archive_hashes: Hashes { sha256: true, blake3: true },
            // 2030-01-01: after everything in the corpus that is not meant to be in the future.
            now: Some(1_893_456_000),
            progress: Arc::<Progress>::default(),
            ..Reading::default()
        },
        rules: catalog::all().to_vec(),
        choice: Choice::Auto,
        fail_on_warning: false,
        severities: Severities::default(),
        previous_bytes: None,
    }
}

pub fn secrets() -> Known {
    let (passphrase, unlock_key) = (crate::build::passphrase(), crate::build::unlock_key());
    Known { passphrases: vec![Secret::new(passphrase)], unlock_keys: vec![Secret::new(unlock_key)], ..Known::default() }
}

pub fn verify_file(path: &Path, threads: usize) -> Outcome {
    verify(Archive::at(path), &options(threads), &mut secrets()).unwrap()
}

/// The same bytes from memory, under the name `name`.
pub fn verify_source(name: &str, source: Box<dyn Source>, threads: usize) -> Outcome {
    verify(Archive::from_source(name, source), &options(threads), &mut secrets()).unwrap()
}

/// Whole.
pub fn whole(bytes: &[u8]) -> Box<dyn Source> {
    Box::new(MemorySource::new(bytes.to_vec()))
}

/// In pieces of these sizes, over and over.
pub fn pieces(bytes: &[u8], sizes: &[usize]) -> Box<dyn Source> {
    Box::new(SplitSource::split(bytes.to_vec(), sizes))
}

/// Writes a program. A child writes it: a file that this process has open could be handed on to another one that is
/// started meanwhile, and could not be run then.
pub fn executable(path: &Path, text: &str) {
    let write = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            child.stdin.take().unwrap().write_all(text.as_bytes())?;
            child.wait()
        });
    assert!(write.unwrap().success());
}
