//! The archives that are measured: made once from a seed, kept beside what cargo builds.

use std::error::Error;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::archive;
use crate::framing;
use crate::shapes;
use crate::storage;
use crate::ucp;
use crate::wrap::{self, Gpg, Wrapper};

/// gpg hashes as many octets of the passphrase as take it a tenth of a second, this many at most: where processors are fast
/// enough for the rest, it is this many.
const USUAL_OCTETS: u32 = 65_011_712;

/// How much is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    folder: &'static str,
    large: u64,
    many: u64,
    database_bytes: usize,
    /// What [`Gpg`] calls octets.
    octets: u32,
    /// SHA-256 of `large.tar` and of `many.tar`. A change of the generator changes them, and with them what is kept is made
    /// anew.
    digests: [&'static str; 2],
}

pub(crate) const FULL: Scale = Scale {
    folder: "peers",
    large: 4_000,
    many: 200_000,
    database_bytes: 6 << 20,
    octets: USUAL_OCTETS,
    digests: [
        "ffc6654e2212fc5e206b04cf34c084954c039450d32b841accada5f83e2e070c",
        "7290a0dcbc9ccc74b0c7d1e32d18aa1bea4940ccbbbf8df82206befc27d1fe34",
    ],
};

pub(crate) const TINY: Scale = Scale {
    folder: "peers-tiny",
    large: 12,
    many: 300,
    database_bytes: 100 << 10,
    octets: 1 << 20,
    digests: [
        "b0c27bb6c0dc60f68ce5cf078a12537b7574d938e1ec0fec63f2ec6fbd2f31b7",
        "ae832b259218c507aae2af04a64c6930b119e393742db05c6cc39dd61ef78fb8",
    ],
};

/// One of the archives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    Large,
    Many,
    Gzip,
    Zstd,
    Xz,
    /// What gpg writes by default.
    Gpg,
    /// Not compressed, as one packet of known length.
    OneLength,
    /// Not compressed, in partial lengths, as gpg writes when it reads from a pipe.
    PartialLengths,
    /// Not compressed, in partial lengths of 1 and 16,384 octets, as Go wrote until 2020.
    GoLengths,
    /// A backup of UCP, as gpg writes it by default.
    Ucp,
    /// No archive, but a folder: the storage of a registry, with the contents of `large.tar` as blobs.
    Storage,
}

impl Input {
    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::Large => "large.tar",
            Self::Many => "many.tar",
            Self::Gzip => "large.tar.gz",
            Self::Zstd => "large.tar.zst",
            Self::Xz => "large.tar.xz",
            Self::Gpg => "large.tar.gpg",
            Self::OneLength => "large-one.tar.gpg",
            Self::PartialLengths => "large-partial.tar.gpg",
            Self::GoLengths => "large-go.tar.gpg",
            Self::Ucp => "ucp.tar.gpg",
            Self::Storage => "storage",
        }
    }

    /// How it is made, where it is a wrapped archive.
    fn wrapper(self, octets: u32) -> Option<Wrapper> {
        let gpg = |deflated, piped| Some(Wrapper::Gpg(Gpg { deflated, piped, octets }));
        match self {
            Self::Large | Self::Many | Self::GoLengths | Self::Storage => None,
            Self::Gzip => Some(Wrapper::Gzip),
            Self::Zstd => Some(Wrapper::Zstd),
            Self::Xz => Some(Wrapper::Xz),
            Self::Gpg | Self::Ucp => gpg(true, false),
            Self::OneLength => gpg(false, false),
            Self::PartialLengths => gpg(false, true),
        }
    }

    /// Whether it holds the members of `large.tar`.
    pub(crate) fn is_large(self) -> bool {
        !matches!(self, Self::Many | Self::Ucp | Self::Storage)
    }

    pub(crate) fn is_encrypted(self) -> bool {
        self.program() == Some("gpg")
    }

    /// The program without which it cannot be made.
    pub(crate) fn program(self) -> Option<&'static str> {
        if self == Self::GoLengths { Self::OneLength.program() } else { self.wrapper(0)?.program() }
    }
}

/// The folder with all of them.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) folder: PathBuf,
    scale: Scale,
}

impl Store {
    /// `cargo` names a folder of its own beside which there is room.
    pub(crate) fn open(scale: Scale) -> Result<Self, Box<dyn Error>> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().ok_or("no target folder")?;
        let store = Self { folder: target.join(scale.folder), scale };
        let mark = store.folder.join("made-by");
        let version = scale.digests.join("\n");
        if !std::fs::read_to_string(&mark).is_ok_and(|made_by| made_by == version) {
            store.remove()?;
        }
        wrap::prepare(&store.folder)?;
        std::fs::write(mark, version)?;
        Ok(store)
    }

    pub(crate) fn remove(&self) -> Result<(), Box<dyn Error>> {
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        Ok(())
    }

    /// Makes it where it is not there yet, and whatever it is made of.
    pub(crate) fn make(&self, input: Input) -> Result<(), Box<dyn Error>> {
        if self.folder.join(input.file()).exists() {
            return Ok(());
        }
        match input {
            Input::Large | Input::Many | Input::Storage => {}
            Input::GoLengths => self.make(Input::OneLength)?,
            Input::Ucp => {
                let backup = ucp::backup(&self.folder, self.scale.database_bytes)?;
                std::fs::write(self.folder.join(ucp::PLAIN), backup)?;
            }
            _ => self.make(Input::Large)?,
        }
        eprintln!("making {}", input.file());
        let part = format!("{}.part", input.file());
        let to = self.folder.join(&part);
        match (input, input.wrapper(self.scale.octets)) {
            (Input::Ucp, Some(wrapper)) => wrapper.wrap(&self.folder, ucp::PLAIN, &part)?,
            (_, Some(wrapper)) => wrapper.wrap(&self.folder, Input::Large.file(), &part)?,
            (Input::GoLengths, _) => framing::reframe(&self.folder.join(Input::OneLength.file()), &to)?,
            (Input::Storage, _) => storage::write(&to, shapes::large(self.scale.large))?,
            (Input::Many, _) => plain(&to, shapes::small(self.scale.many), self.scale.digests[1])?,
            _ => plain(&to, shapes::large(self.scale.large), self.scale.digests[0])?,
        }
        std::fs::rename(to, self.folder.join(input.file()))?;
        Ok(())
    }
}

/// Writes what goes by and hashes it.
#[derive(Debug)]
struct Hashing<W> {
    to: W,
    digest: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

fn plain(to: &Path, sizes: impl Iterator<Item = usize>, expected: &str) -> Result<(), Box<dyn Error>> {
    let hashing = Hashing { to: File::create(to)?, digest: Sha256::new() };
    let buffered = archive::write(BufWriter::with_capacity(1 << 20, hashing), sizes, shapes::path)?;
    let hashing = buffered.into_inner()?;
    let made: String = hashing.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if made != expected {
        return Err(format!(
            "the generator made an archive with the SHA-256 {made}, and not {expected}: figures would not compare with \
             older ones. If that is meant, change the value in benches/peers/store.rs"
        )
        .into());
    }
    Ok(())
}
