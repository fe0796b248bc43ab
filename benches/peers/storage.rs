//! The storage of a registry: blobs under their digests, and images that have them as layers.

use std::error::Error;
use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::archive::Seed;

/// Layers of an image.
const LAYERS: usize = 8;

/// Writes a folder with a layer for each of these sizes.
pub(crate) fn write(to: &Path, sizes: impl Iterator<Item = usize>) -> Result<(), Box<dyn Error>> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    let root = to.join("docker/registry/v2");
    let mut seed = Seed(7);
    let sizes: Vec<usize> = sizes.collect();
    for (number, sizes) in sizes.chunks(LAYERS).enumerate() {
        let repository = root.join(format!("repositories/images/app{number}"));
        let mut layers = Vec::new();
        for &size in sizes {
            let digest = blob(&root, &seed.content(size))?;
            link(&repository.join("_layers"), &digest)?;
            layers.push(described("image.rootfs.diff.tar.gzip", size, &digest));
        }
        let config = format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers"}},"id":{number}}}"#);
        let digest = blob(&root, config.as_bytes())?;
        link(&repository.join("_layers"), &digest)?;
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{},"layers":[{}]}}"#,
            described("container.image.v1+json", config.len(), &digest),
            layers.join(",")
        );
        let digest = blob(&root, manifest.as_bytes())?;
        let manifests = repository.join("_manifests");
        link(&manifests.join("revisions"), &digest)?;
        link(&manifests.join("tags/latest/index"), &digest)?;
        fs::create_dir_all(manifests.join("tags/latest/current"))?;
        fs::write(manifests.join("tags/latest/current/link"), format!("sha256:{digest}"))?;
    }
    Ok(())
}

/// What a manifest says of a blob.
fn described(kind: &str, size: usize, digest: &str) -> String {
    format!(r#"{{"mediaType":"application/vnd.docker.{kind}","size":{size},"digest":"sha256:{digest}"}}"#)
}

fn blob(root: &Path, content: &[u8]) -> Result<String, Box<dyn Error>> {
    let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = root.join("blobs/sha256").join(&digest[..2]).join(&digest);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("data"), content)?;
    Ok(digest)
}

fn link(below: &Path, digest: &str) -> Result<(), Box<dyn Error>> {
    let folder = below.join("sha256").join(digest);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("link"), format!("sha256:{digest}"))?;
    Ok(())
}
