//! Registry storage, classic and by id, with digests that hold.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{Member, TIME};

/// Where DTR's volume has it.
pub const VOLUME: &str = "dtr-registry-1a2b3c4d5e6f/_data/";

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// One blob: content, media type, and the id that DTR gave it.
pub struct Blob {
    pub hex: String,
    pub content: Vec<u8>,
    pub media_type: &'static str,
    pub id: String,
}

/// One image: its repository, its tag, and its blobs.
pub struct Image {
    pub repository: &'static str,
    pub tag: &'static str,
    pub layers: Vec<Blob>,
    pub config: Blob,
    pub manifest: Blob,
}

impl Image {
    pub fn blobs(&self) -> impl Iterator<Item = &Blob> {
        self.layers.iter().chain([&self.config, &self.manifest])
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn blob(content: Vec<u8>, media_type: &'static str) -> Blob {
    let digest = hex(&Sha256::digest(&content));
    // An id is no digest of the content: here it is one of something else.
    let id = hex(&Sha256::digest(format!("id of {digest}")))[..32].to_owned();
    let id = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
    Blob { hex: digest, content, media_type, id }
}

fn image(repository: &'static str, tag: &'static str, layers: &[&str]) -> Image {
    let layers: Vec<Blob> = layers
        .iter()
        .map(|name| {
            let tar =
                crate::build::tarball::Tarball::default().file(name, format!("content of {name}\n").as_bytes()).end();
            blob(crate::build::gzip(&tar), LAYER)
        })
        .collect();
    let config = format!(
        "{{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{{\"Cmd\":[\"/{tag}\"]}},\"rootfs\":{{\"type\":\"layers\",\"diff_ids\":[]}}}}"
    );
    let config = blob(config.into_bytes(), CONFIG);
    let descriptor = |blob: &Blob| {
        let (size, kind) = (blob.content.len(), blob.media_type);
        format!("{{\"mediaType\":\"{kind}\",\"size\":{size},\"digest\":\"sha256:{}\"}}", blob.hex)
    };
    let listed: Vec<String> = layers.iter().map(descriptor).collect();
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{MANIFEST}\",\"config\":{},\"layers\":[{}]}}",
        descriptor(&config),
        listed.join(",")
    );
    Image { repository, tag, layers, config, manifest: blob(manifest.into_bytes(), MANIFEST) }
}

/// Two images that share a layer.
pub fn all() -> [Image; 2] {
    [image("library/hello", "1", &["base", "hello"]), image("library/web", "2.0", &["base", "web"])]
}

/// Each blob once, by its digest.
pub fn blobs(images: &[Image]) -> BTreeMap<&str, &Blob> {
    images.iter().flat_map(Image::blobs).map(|blob| (blob.hex.as_str(), blob)).collect()
}

/// A folder and those above it that were not yet there.
fn folders(members: &mut Vec<Member>, path: &str) {
    let ends: Vec<usize> = path.match_indices('/').map(|(at, _)| at + 1).collect();
    for end in ends {
        let folder = &path[..end];
        if !members.iter().any(|member| member.name == folder) {
            members.push(Member::directory(folder, 0o755, TIME));
        }
    }
}

fn put(members: &mut Vec<Member>, path: &str, content: &[u8]) {
    folders(members, path);
    members.push(Member::file(path, content, 0o644, TIME));
}

/// Classic storage under `root`: blobs by digest, links by repository.
pub fn classic(root: &str) -> Vec<Member> {
    let images = all();
    let base = format!("{root}docker/registry/v2/");
    let mut members = Vec::new();
    for (hex, blob) in blobs(&images) {
        put(&mut members, &format!("{base}blobs/sha256/{}/{hex}/data", &hex[..2]), &blob.content);
    }
    for image in &images {
        let home = format!("{base}repositories/{}/", image.repository);
        for blob in image.layers.iter().chain([&image.config]) {
            put(&mut members, &format!("{home}_layers/sha256/{}/link", blob.hex), link(blob).as_bytes());
        }
        let (hex, tag, to) = (&image.manifest.hex, image.tag, link(&image.manifest));
        for place in
            [format!("revisions/sha256/{hex}"), format!("tags/{tag}/current"), format!("tags/{tag}/index/sha256/{hex}")]
        {
            put(&mut members, &format!("{home}_manifests/{place}/link"), to.as_bytes());
        }
        folders(&mut members, &format!("{home}_uploads/"));
    }
    members
}

fn link(blob: &Blob) -> String {
    format!("sha256:{}", blob.hex)
}

/// Storage by id: what an id stands for is in the metadata archive.
pub fn by_id(root: &str) -> Vec<Member> {
    let images = all();
    let mut members = Vec::new();
    for blob in blobs(&images).values() {
        let path = format!("{root}docker/registry/v2/blobs/id/{}/{}/data", &blob.id[..2], blob.id);
        put(&mut members, &path, &blob.content);
    }
    members
}
