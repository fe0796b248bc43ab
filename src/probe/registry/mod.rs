//! Probes of a registry's storage: blobs, the links between them, and the manifests among them.
//!
//! ```text
//!   repositories/team/app/_manifests/tags/1.0/current/link ─┐
//!                        /_manifests/revisions/sha256/…/link ┴─► manifest ──► config, layers
//!                        /_layers/sha256/…/link ───────────────► blob
//!   blobs/sha256/ab/ab…/data: the content, under the name of its digest
//! ```
//! Promises: a blob is held only where it begins like a manifest, and no further than a registry takes one. Refuses to
//! know: where the storage lies in an archive.

mod blob;
mod id_blob;
mod link;
mod manifest;
mod path;

pub(super) const BLOB: super::Kind = blob::KIND;
pub(super) const ID_BLOB: super::Kind = id_blob::KIND;
pub(super) const LINK: super::Kind = link::KIND;

/// The name by which a manifest is referred to, so that it is told from a blob that happens to look like one.
fn manifest_name(hex: &str) -> String {
    format!("manifest sha256:{hex}")
}
