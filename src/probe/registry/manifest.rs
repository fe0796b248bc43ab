//! Manifests: which blobs an image is made of.
//!
//! Promises: told from other JSON by its shape alone, so that the configuration of an image is none. Refuses to know:
//! whether anybody wants the image.

use std::collections::BTreeMap;

use super::manifest_name;
use super::path::hex;
use crate::code::{self, Severity};
use crate::probe::json::{Pointer, Value, read};
use crate::probe::{Learned, Reference};

/// What a blob that begins like JSON is.
#[derive(Debug, PartialEq)]
pub(super) enum Look {
    /// A manifest, or an index of manifests.
    Manifest,
    /// JSON, but no manifest.
    Other,
    /// Begins like JSON, and is none: what it was cannot be told.
    Broken,
}

/// The lists of a manifest whose elements are descriptors, and what they are.
const LISTS: &[(&str, &str, &str)] = &[
    ("/layers", "layer", "digest"),
    ("/manifests", "manifest", "digest"),
    ("/fsLayers", "layer", "blobSum"),
    // OCI's artifact manifest, which was given up.
    ("/blobs", "blob", "digest"),
];

const INDEX: &[&str] =
    &["application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.oci.image.index.v1+json"];
const IMAGE: &[&str] =
    &["application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"];
const ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";

/// What a value is wanted for.
#[derive(Clone, Copy)]
enum Use {
    Version,
    MediaType,
    Config,
    /// A list, by its number.
    List(usize),
    /// The descriptor of a list's element, or of the configuration.
    Part(Option<usize>, Part),
}

#[derive(Clone, Copy)]
enum Part {
    Itself,
    Digest,
    Size,
    MediaType,
    Urls,
}

/// What stands in a descriptor.
#[derive(Default)]
struct Descriptor {
    digest: Option<String>,
    size: Option<u64>,
    media_type: String,
    has_urls: bool,
}

#[derive(Default)]
struct Found {
    version: Option<String>,
    media_type: String,
    has_config: bool,
    /// Whether there is a value of each list's name, and whether it is a list.
    lists: BTreeMap<usize, bool>,
    /// By list (none: the configuration) and index.
    parts: BTreeMap<(Option<usize>, usize), Descriptor>,
}

/// Reads a blob that begins like JSON; its references hang on `own`, the hex digits of its digest.
pub(super) fn look(bytes: &[u8], own: &str, learned: &mut Learned, references: &mut Vec<Reference>) -> Look {
    let (pointers, uses): (Vec<Pointer>, Vec<Use>) = wanted().into_iter().unzip();
    let mut read_as = Learned::default();
    let mut found = Found::default();
    let is_json = read(bytes, &pointers, &mut read_as, &mut |index, indices, value| {
        if let Some(wanted) = uses.get(index) {
            found.take(*wanted, indices, value);
        }
    });
    let is_manifest = found.is_manifest();
    if is_json && !is_manifest {
        return Look::Other;
    }
    // Where it is no JSON, its digest says whether it was meant to be any.
    let told = read_as
        .faults()
        .iter()
        .filter(|fault| is_json || (is_manifest && std::ptr::eq(fault.code, &code::JSON_BEYOND)));
    told.cloned().for_each(|fault| learned.add(fault));
    if !is_json {
        return Look::Broken;
    }
    found.conclude(own, learned, references);
    Look::Manifest
}

fn wanted() -> Vec<(Pointer, Use)> {
    let mut wanted = vec![
        ("/schemaVersion".to_owned(), Use::Version),
        ("/mediaType".to_owned(), Use::MediaType),
        ("/config".to_owned(), Use::Config),
    ];
    let parts = |path: &str, list, digest: &str| {
        [
            (path.to_owned(), Use::Part(list, Part::Itself)),
            (format!("{path}/{digest}"), Use::Part(list, Part::Digest)),
            (format!("{path}/size"), Use::Part(list, Part::Size)),
            (format!("{path}/mediaType"), Use::Part(list, Part::MediaType)),
            (format!("{path}/urls"), Use::Part(list, Part::Urls)),
        ]
    };
    wanted.extend(parts("/config", None, "digest"));
    for (number, (path, _, digest)) in LISTS.iter().enumerate() {
        wanted.push(((*path).to_owned(), Use::List(number)));
        wanted.extend(parts(&format!("{path}/*"), Some(number), digest));
    }
    wanted.into_iter().filter_map(|(path, used)| Some((Pointer::parse(&path).ok()?, used))).collect()
}

impl Found {
    fn take(&mut self, wanted: Use, indices: &[usize], value: Value<'_>) {
        match (wanted, value) {
            (Use::Version, Value::Number(version)) => self.version = Some(version.to_owned()),
            (Use::MediaType, Value::Text(text)) => text.clone_into(&mut self.media_type),
            (Use::Config, Value::Object(_)) => self.has_config = true,
            (Use::List(number), Value::List(_)) => drop(self.lists.insert(number, true)),
            (Use::List(number), value) if value != Value::Null => drop(self.lists.insert(number, false)),
            (Use::Part(list, part), value) => {
                let index = list.and(indices.get(1)).copied().unwrap_or(0);
                self.parts.entry((list, index)).or_default().take(part, value);
            }
            _ => {}
        }
    }

    fn has(&self, path: &str) -> bool {
        self.lists.iter().any(|(number, is_list)| *is_list && LISTS.get(*number).is_some_and(|list| list.0 == path))
    }

    fn is_index(&self) -> bool {
        INDEX.contains(&&*self.media_type) || (self.media_type.is_empty() && self.has("/manifests"))
    }

    fn is_image(&self) -> bool {
        IMAGE.contains(&&*self.media_type) || (self.media_type.is_empty() && self.has_config && self.has("/layers"))
    }

    fn is_manifest(&self) -> bool {
        match self.version.as_deref() {
            Some("1") => self.has("/fsLayers"),
            Some("2") => self.is_index() || self.is_image(),
            _ => self.media_type == ARTIFACT,
        }
    }

    fn conclude(&self, own: &str, learned: &mut Learned, references: &mut Vec<Reference>) {
        let is_old = self.version.as_deref() == Some("1");
        // What belongs to this kind of manifest: the rest is of no concern.
        let lists: &[&str] = if is_old {
            &["/fsLayers"]
        } else if self.media_type == ARTIFACT {
            &["/blobs"]
        } else if self.is_index() {
            &["/manifests"]
        } else {
            &["/layers"]
        };
        for path in lists {
            let optional = *path == "/blobs";
            if !self.has(path) && !optional {
                let message = format!("is a manifest without the list {}", path.trim_start_matches('/'));
                learned.fault(&code::REGISTRY_MANIFEST_MALFORMED, None, message);
            }
        }
        let is_image = lists.contains(&"/layers");
        if is_image && !self.has_config {
            learned.fault(&code::REGISTRY_MANIFEST_MALFORMED, None, "is a manifest without a configuration");
        }
        let mut wrong: u64 = 0;
        for ((list, _), descriptor) in &self.parts {
            let (role, belongs) = match list.and_then(|number| LISTS.get(number)) {
                Some((path, role, _)) => (*role, lists.contains(path)),
                None => ("config", is_image && self.has_config),
            };
            if belongs && !descriptor.is_foreign() {
                match descriptor.reference(role, own) {
                    Ok(reference) => references.extend(reference),
                    Err(NoDigest) => wrong = wrong.saturating_add(1),
                }
            }
        }
        if wrong > 0 {
            let message = format!("is a manifest that names {wrong} of its parts without a digest that is one");
            learned.fault(&code::REGISTRY_MANIFEST_MALFORMED, None, message);
        }
    }
}

/// What should name a blob by its digest does not.
struct NoDigest;

impl Descriptor {
    fn take(&mut self, part: Part, value: Value<'_>) {
        match (part, value) {
            (Part::Digest, Value::Text(text)) if text.len() < 256 => self.digest = Some(text.to_owned()),
            (Part::Size, Value::Number(size)) => self.size = size.parse().ok(),
            (Part::MediaType, Value::Text(text)) if text.len() < 256 => text.clone_into(&mut self.media_type),
            (Part::Urls, value) => self.has_urls = !value.is_empty(),
            _ => {}
        }
    }

    /// Whether the blob is fetched from elsewhere: no registry need have it.
    fn is_foreign(&self) -> bool {
        self.has_urls || self.media_type.contains(".foreign.") || self.media_type.contains(".nondistributable.")
    }

    fn reference(&self, role: &'static str, own: &str) -> Result<Option<Reference>, NoDigest> {
        let digest = self.digest.as_deref().ok_or(NoDigest)?;
        let Some(digits) = digest.strip_prefix("sha256:") else {
            // Another algorithm: a registry stores the blob under its SHA-256 all the same, which is not told.
            let is_digest = digest.split_once(':').is_some_and(|(name, digits)| {
                let small = |text: &str| !text.is_empty() && !text.contains(|character: char| character.is_uppercase());
                small(name) && small(digits)
            });
            return is_digest.then_some(None).ok_or(NoDigest);
        };
        let digits = hex(digits.as_bytes()).ok_or(NoDigest)?;
        // Builders keep caches as indexes of layers.
        let kind = &self.media_type;
        let is_manifest =
            role == "manifest" && (kind.is_empty() || kind.contains("manifest") || kind.contains("index"));
        let name = if is_manifest { manifest_name(digits) } else { digest.to_owned() };
        // Not every platform's image need be there.
        let severity = (role == "manifest").then_some(Severity::Warning);
        let from = Some(manifest_name(own));
        let (role, size) = (role.into(), self.size);
        Ok(Some(Reference { role, name, size, severity, from, linked: true, ..Reference::default() }))
    }
}
