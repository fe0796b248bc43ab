//! Wrappers around an archive, made by the programs that people make them with.
//!
//! What comes out is not the same byte for byte everywhere: it depends on the program's version, and an OpenPGP message
//! begins with a salt.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Beside the archives: what encrypted ones are locked with.
pub(crate) const PASSPHRASE_FILE: &str = "passphrase";
/// Beside the archives: a home of gpg, so that nobody's own settings have a say.
pub(crate) const GPG_HOME: &str = "gnupg";

/// Judges by paths alone, and is content with any.
pub(crate) const BY_PATH: &str = "by-path.toml";
const BY_PATH_TEXT: &str = r#"schema = 1
id = "by-path"
title = "by paths alone"
product = "any"

[[entry]]
id = "all"
path = "**"
why = "an archive without members is no backup"
"#;

/// What is put around an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrapper {
    Gzip,
    Zstd,
    Xz,
    /// OpenPGP, under a passphrase.
    Gpg(Gpg),
}

/// What is asked of gpg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gpg {
    /// Compressed with deflate, as by default.
    pub(crate) deflated: bool,
    /// From a pipe: the length is not known before, and the message comes in partial lengths.
    pub(crate) piped: bool,
    /// Octets that are hashed to make the key of the passphrase.
    pub(crate) octets: u32,
}

impl Wrapper {
    /// The program that makes it, where it cannot be made without.
    pub(crate) fn program(self) -> Option<&'static str> {
        match self {
            Self::Gzip => None,
            Self::Zstd => Some("zstd"),
            Self::Xz => Some("xz"),
            Self::Gpg(_) => Some("gpg"),
        }
    }

    /// Writes `from`, wrapped, to `to`. Both are names in `folder`.
    pub(crate) fn wrap(self, folder: &Path, from: &str, to: &str) -> Result<(), Box<dyn Error>> {
        let input = File::open(folder.join(from))?;
        let output = File::create(folder.join(to))?;
        let mut command = match self {
            Self::Gzip if !is_installed("gzip") => {
                let mut encoder = GzEncoder::new(BufWriter::new(output), Compression::new(6));
                std::io::copy(&mut BufReader::new(input), &mut encoder)?;
                encoder.finish()?.flush()?;
                return Ok(());
            }
            Self::Gzip => program("gzip", &["-6", "-n", "-c"]),
            Self::Zstd => program("zstd", &["-q", "-c"]),
            Self::Xz => program("xz", &["-T2", "-2", "-c"]),
            Self::Gpg(gpg) => {
                let mut command = program("gpg", UNATTENDED);
                command.arg(format!("--s2k-count={}", gpg.octets));
                command.args(["--cipher-algo", "AES256", "--output", "-", "--symmetric"]);
                if !gpg.deflated {
                    command.args(["--compress-algo", "none"]);
                }
                if !gpg.piped {
                    command.arg(from);
                }
                command
            }
        };
        let what = format!("{command:?}");
        let made = command
            .current_dir(folder)
            .env("GNUPGHOME", GPG_HOME)
            .stdin(input)
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()?
            .wait_with_output()?;
        if !made.status.success() {
            return Err(format!("{what}: {}: {}", made.status, String::from_utf8_lossy(&made.stderr)).into());
        }
        Ok(())
    }
}

/// How gpg is kept from asking.
pub(crate) const UNATTENDED: &[&str] =
    &["--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback", "--passphrase-file", PASSPHRASE_FILE];

fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments);
    command
}

/// Whether a program of this name is there to be started.
pub(crate) fn is_installed(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}

/// Makes the folder and in it what gpg and veritar need.
pub(crate) fn prepare(folder: &Path) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder.join(GPG_HOME))?;
    std::fs::write(folder.join(PASSPHRASE_FILE), "a passphrase that keeps nothing\n")?;
    std::fs::write(folder.join(BY_PATH), BY_PATH_TEXT)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for (name, mode) in [(GPG_HOME, 0o700), (PASSPHRASE_FILE, 0o600)] {
            std::fs::set_permissions(folder.join(name), PermissionsExt::from_mode(mode))?;
        }
    }
    Ok(())
}
