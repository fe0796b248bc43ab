//! What the sidecars in a folder say, for whoever wants to know what was done before.
//!
//! Promises: changes nothing, takes no lock; what is no sidecar of an archive of that name is not believed. Refuses to
//! know: what is asked for.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::Trouble;
use super::dir::Dir;
use super::name;
use super::sidecar::{Described, content};

/// What each sidecar in `folder` says, as a `T`, the oldest run first. A sidecar that says nothing of the kind is left out.
///
/// # Errors
/// The folder or a sidecar could not be read.
pub fn told<T: DeserializeOwned>(folder: &Path) -> Result<Vec<T>, Trouble> {
    let dir = Dir::open(folder)?;
    let mut told = Vec::new();
    for sidecar in dir.names()? {
        let Some(archive) = name::archive_of(&sidecar) else { continue };
        let Some(json) = content(&dir, &sidecar)? else { continue };
        if let (Ok(described), Ok(this)) = (Described::read(archive, &json), serde_json::from_slice(&json)) {
            told.push((described.created, described.sequence, this));
        }
    }
    told.sort_by_key(|(created, sequence, _)| (*created, *sequence));
    Ok(told.into_iter().map(|(_, _, this)| this).collect())
}
