//! An archive as the caller names it, and what its name promises.
//!
//! Promises: opened once. Refuses to know: anything of its content; a name is only ever compared with what was found.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::code;
use crate::envelope::{Format, Proof};
use crate::error::Error;
use crate::finding::Finding;
use crate::place::Place;
use crate::source::{self, Buffered, ReadFeed, Source};

/// An archive to read.
pub struct Archive {
    name: String,
    path: Option<PathBuf>,
    input: Input,
}

enum Input {
    Path(PathBuf),
    Source(Box<dyn Source>),
}

impl Archive {
    /// A file, pipe or device by name.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self {
            name: path.to_string_lossy().into_owned(),
            path: Some(path.to_owned()),
            input: Input::Path(path.to_owned()),
        }
    }

    /// Whatever `reader` gives until it ends, shown as `name`.
    #[must_use]
    pub fn from_reader(name: &str, reader: impl Read + Send + 'static) -> Self {
        Self::from_source(name, Box::new(Buffered::new(ReadFeed::new(reader))))
    }

    /// A source, shown as `name`.
    #[must_use]
    pub fn from_source(name: &str, source: Box<dyn Source>) -> Self {
        Self { name: name.to_owned(), path: None, input: Input::Source(source) }
    }

    /// The content of `member` in the archive called `outer`.
    pub(super) fn inside(outer: &str, member: &[u8], source: Box<dyn Source>) -> Self {
        let member = String::from_utf8_lossy(member).into_owned();
        Self { name: format!("{outer}!{member}"), path: Some(member.into()), input: Input::Source(source) }
    }

    /// The name it is shown by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The last part of its path, where it has one.
    pub(super) fn file_name(&self) -> Option<&str> {
        self.path.as_deref().and_then(Path::file_name).and_then(|name| name.to_str())
    }

    /// Opens it; with the bytes it holds, where that is known beforehand.
    pub(super) fn open(self) -> Result<(Box<dyn Source>, Option<u64>), Error> {
        match self.input {
            Input::Source(source) => {
                let bytes = source.remaining();
                Ok((source, bytes))
            }
            Input::Path(path) => source::open(&path)
                .map(|opened| (opened.source, opened.bytes))
                .map_err(|error| Error::Input { source: self.name, error }),
        }
    }
}

/// Holds what a file name's suffix promises against the outermost layer.
pub(super) fn misnamed(file_name: &str, layers: &[Proof]) -> Option<Finding> {
    let suffix = file_name.rsplit_once('.')?.1.to_ascii_lowercase();
    let promised = match suffix.as_str() {
        "gz" | "tgz" => Some(Format::Gzip),
        "gpg" | "pgp" | "asc" => Some(Format::OpenPgp),
        "zst" | "tzst" => Some(Format::Zstd),
        "xz" | "txz" => Some(Format::Xz),
        "bz2" | "tbz" | "tbz2" => Some(Format::Bzip2),
        "lz" | "tlz" => Some(Format::Lzip),
        "z" | "taz" => Some(Format::Compress),
        "tar" => None,
        _ => return None,
    };
    let found = layers.first().map(|layer| layer.format);
    let word = |format: Option<Format>| format.unwrap_or(Format::Tar).as_str();
    (promised != found).then(|| {
        let message = format!("the name ends in .{suffix}, the content is {}", word(found));
        Finding::new(&code::WRAPPER_SUFFIX, Place::whole(), message)
    })
}
