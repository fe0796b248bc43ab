//! What a sidecar says of its archive, as far as keeping and deleting archives needs it.
//!
//! Promises: a sidecar that lacks one of these words is never published, and one that does not name its own archive is
//! never believed. Refuses to know: everything else that a sidecar says.

use std::io::Read as _;

use serde::Deserialize;

use super::Trouble;
use super::dir::{self, Dir};
use super::name;

/// Bytes of a sidecar: far more than a verdict with all its findings needs.
pub const MOST_SIDECAR_BYTES: u64 = 16 << 20;

/// The words of a sidecar's JSON object that have a meaning here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Described {
    /// The archive's name, without a folder.
    pub(super) archive: String,
    /// What archives are kept together for: the product and its host.
    pub(super) family: String,
    /// The how manyth of its family it is. Clocks are set back; this only grows.
    pub(super) sequence: u64,
    /// When the run began, RFC 3339.
    #[serde(deserialize_with = "timestamp")]
    pub(super) created: jiff::Timestamp,
    /// Bytes of the archive.
    pub(super) bytes: u64,
    #[serde(default)]
    pub(super) digests: Named,
}

/// Digests of the archive file, lower-case hexadecimal.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Named {
    pub(super) sha256: Option<String>,
    pub(super) blake3: Option<String>,
}

impl Described {
    /// Reads the sidecar of the archive `name`; what is wrong with it otherwise.
    pub(super) fn read(name: &str, json: &[u8]) -> Result<Self, String> {
        if json.len() as u64 > MOST_SIDECAR_BYTES {
            return Err(format!("its sidecar has {} bytes, and {MOST_SIDECAR_BYTES} are the most", json.len()));
        }
        let described: Self = serde_json::from_slice(json)
            .map_err(|error| format!("its sidecar does not say what keeping archives needs: {error}"))?;
        if described.archive != name {
            return Err("its sidecar names another archive".to_owned());
        }
        Ok(described)
    }
}

fn timestamp<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<jiff::Timestamp, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// The archives of a family in a folder, by their sidecars, the oldest first.
pub(super) fn family(dir: &Dir, family: &str) -> Result<Vec<Described>, Trouble> {
    let mut found = Vec::new();
    for sidecar in dir.names()? {
        let Some(archive) = name::archive_of(&sidecar) else { continue };
        let json = content(dir, &sidecar)?;
        // What is no sidecar of ours is nothing that is known here.
        found.extend(json.and_then(|json| Described::read(archive, &json).ok()).filter(|this| this.family == family));
    }
    found.sort_by(|a, b| (a.sequence, a.created, &a.archive).cmp(&(b.sequence, b.created, &b.archive)));
    Ok(found)
}

/// What is in a sidecar, if it is a file of a size that one can have.
pub(super) fn content(dir: &Dir, sidecar: &str) -> Result<Option<Vec<u8>>, Trouble> {
    let read = || {
        if !dir.stat(sidecar)?.is_some_and(|stat| dir::is_file(&stat) && dir::bytes(&stat) <= MOST_SIDECAR_BYTES) {
            return Ok(None);
        }
        let mut json = Vec::new();
        dir.read(sidecar)?.take(MOST_SIDECAR_BYTES).read_to_end(&mut json)?;
        Ok(Some(json))
    };
    read().map_err(Trouble::when("read", dir.at(sidecar)))
}
