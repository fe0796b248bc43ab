//! Paths of a registry's storage, and digests as they are written in it.
//!
//! Promises: only lower-case digits count, as for the registry. Refuses to know: content.

use crate::entry::normalized;

/// What stands behind `sha256:` or in a path, where it is a digest: 64 lower-case digits.
pub(super) fn hex(text: &[u8]) -> Option<&str> {
    let is_digest = text.len() == 64 && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    std::str::from_utf8(text).ok().filter(|_| is_digest)
}

/// The bytes of a digest.
pub(super) fn bytes(hex: &str) -> [u8; 32] {
    let mut out = [0; 32];
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).unwrap_or(0);
    for (byte, pair) in out.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = pair.iter().fold(0, |byte, next| (byte << 4) | digit(*next));
    }
    out
}

/// Where a blob lies.
#[derive(Debug, PartialEq)]
pub(super) struct Home<'a> {
    /// The folder that holds the blobs whose names begin alike.
    pub(super) folder: &'a [u8],
    /// What it is called.
    pub(super) name: &'a [u8],
}

impl Home<'_> {
    /// Whether the blob is where it is looked for.
    pub(super) fn is_right(&self) -> bool {
        self.name.get(..2) == Some(self.folder)
    }
}

/// The home of the blob at `path`: `…/blobs/<kind>/<folder>/<name>/data`.
pub(super) fn home<'a>(path: &'a [u8], kind: &[u8]) -> Option<Home<'a>> {
    let mut steps = path.rsplit(|byte| *byte == b'/');
    let (file, name, folder) = (steps.next()?, steps.next()?, steps.next()?);
    let is_blob = file == b"data" && steps.next()? == kind && steps.next()? == b"blobs";
    is_blob.then_some(Home { folder, name })
}

/// The storage that the blob or link at `path` is in: the folders around its `blobs` and `repositories`. An archive may hold
/// several storages.
pub(super) fn realm(path: &[u8]) -> Vec<u8> {
    let path = normalized(path);
    let steps: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let root = match steps.as_slice() {
        [root @ .., b"blobs", _, _, _, b"data"] => root,
        // A repository or a tag may be called `repositories`, too.
        steps => {
            let versioned = steps.windows(2).position(|pair| matches!(pair, [b"v2", b"repositories"]));
            let first = || steps.iter().position(|step| *step == b"repositories");
            let end = versioned.map(|at| at.saturating_add(1)).or_else(first);
            end.and_then(|end| steps.get(..end)).unwrap_or_default()
        }
    };
    root.join(&b'/')
}

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Purpose {
    /// A manifest that can be pulled from the repository.
    Revision,
    /// What a tag stands for.
    Current,
    /// What a tag stood for, once or still.
    History,
    /// A blob that was pushed to the repository.
    Layer,
    /// A signature of an old manifest.
    Signature,
    /// None that is known here.
    Other,
}

/// What the path of a link says.
#[derive(Debug, PartialEq)]
pub(super) struct Link<'a> {
    pub(super) purpose: Purpose,
    /// The name of its repository.
    pub(super) repository: &'a [u8],
    /// The SHA-256 it must hold, where its path names one.
    pub(super) hex: Option<&'a str>,
}

/// Reads the path of a link.
pub(super) fn link(path: &[u8]) -> Link<'_> {
    let mut steps: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    let _ = steps.pop();
    let hex = match steps.as_slice() {
        [.., b"sha256", digest] => hex(digest),
        _ => None,
    };
    // Names of repositories have no underscore in front.
    let inner = steps.iter().position(|step| matches!(*step, b"_manifests" | b"_layers"));
    let (outer, inner) = inner.and_then(|inner| steps.split_at_checked(inner)).unwrap_or_default();
    let purpose = match inner {
        [b"_manifests", b"revisions", _, _] => Purpose::Revision,
        [b"_manifests", b"revisions", _, _, b"signatures", _, _] => Purpose::Signature,
        [b"_manifests", b"tags", _, b"current"] => Purpose::Current,
        [b"_manifests", b"tags", _, b"index", _, _] => Purpose::History,
        [b"_layers", _, _] => Purpose::Layer,
        _ => Purpose::Other,
    };
    let first = outer.iter().rposition(|step| *step == b"repositories").map_or(0, |at| at.saturating_add(1));
    let before: usize = outer.iter().take(first).map(|step| step.len().saturating_add(1)).sum();
    let all: usize = outer.iter().map(|step| step.len().saturating_add(1)).sum();
    Link { purpose, repository: path.get(before..all.saturating_sub(1)).unwrap_or_default(), hex }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_homes() {
        let digest = "0123456789abcdef".repeat(4);
        let of = |path: &str| {
            let path = format!("x/registry/v2/repositories/{}", path.replace('#', &digest));
            let found = link(path.as_bytes());
            (found.purpose, String::from_utf8(found.repository.to_vec()).unwrap(), found.hex.is_some())
        };
        let app = || "team/app".to_owned();
        assert_eq!(of("team/app/_manifests/revisions/sha256/#/link"), (Purpose::Revision, app(), true));
        assert_eq!(of("team/app/_manifests/tags/1/current/link"), (Purpose::Current, app(), false));
        assert_eq!(of("team/app/_manifests/tags/1/index/sha256/#/link"), (Purpose::History, app(), true));
        assert_eq!(of("team/app/_manifests/tags/current/index/sha256/#/link"), (Purpose::History, app(), true));
        assert_eq!(of("team/app/_layers/sha256/#/link"), (Purpose::Layer, app(), true));
        assert_eq!(of("a/_manifests/revisions/sha256/#/signatures/sha256/#/link").0, Purpose::Signature);
        assert_eq!(of("repositories/_layers/sha256/0/link"), (Purpose::Layer, String::new(), false));
        assert_eq!(link(b"link"), Link { purpose: Purpose::Other, repository: b"", hex: None });
        let path = format!("blobs/sha256/01/{digest}/data");
        assert!(home(path.as_bytes(), b"sha256").is_some_and(|home| home.is_right()));
        assert!(home(path.as_bytes(), b"id").is_none() && home(b"data", b"id").is_none());
        assert!(home(b"blobs/id/12/1/data", b"id").is_some_and(|home| !home.is_right()));
        for path in ["blobs/sha256/01/0/data", "repositories/a/_layers/sha256/0/link"] {
            assert_eq!((realm(path.as_bytes()), realm(format!("./x/{path}").as_bytes())), (vec![], b"x".to_vec()));
        }
        for path in ["blobs/sha256/01/0/data", "repositories/repositories/_manifests/tags/repositories/current/link"] {
            let path = format!("repositories/docker//registry/v2/{path}");
            assert_eq!(realm(path.as_bytes()), b"repositories/docker/registry/v2");
        }
        assert_eq!(bytes(&digest)[..9], [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF, 0x01]);
        assert!(hex(digest.to_uppercase().as_bytes()).is_none() && hex(b"01").is_none());
    }
}
