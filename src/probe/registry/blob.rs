//! Probe `registry-blob`: a blob under the name of its digest.
//!
//! Promises: a blob that is no manifest is not held. Refuses to know: who refers to it.

use super::manifest::{Look, look};
use super::manifest_name;
use super::path::{bytes, hex, home, realm};
use crate::code;
use crate::probe::shown::shown_bytes;
use crate::probe::{Definition, Evidence, Expected, Fault, Hold, Kind, Learned, Probe, Reference, Subject};

/// Bytes of a manifest that a registry takes.
const MANIFEST_BYTES: u64 = 4 << 20;

/// See the module.
pub(super) const KIND: Kind = Kind {
    name: "registry-blob",
    about: "a blob of a registry: its SHA-256 is its name, and where it is a manifest, what it is made of is there",
    settings: &[],
    facts: &[],
    digest: Some(0),
    check: |_| Ok(()),
    start: |subject| Box::new(Blob::new(subject)),
};

struct Blob {
    learned: Learned,
    /// The storage that it is in.
    realm: Vec<u8>,
    /// The digits of its digest, where it is where it must be.
    hex: Option<String>,
    bytes: u64,
    /// What may be a manifest.
    hold: Option<Hold>,
    begun: bool,
}

impl Blob {
    fn new(subject: &Subject<'_>) -> Self {
        let mut learned = Learned::default();
        let home = home(subject.path, b"sha256");
        let digits = home.as_ref().and_then(|home| hex(home.name));
        match (&home, digits) {
            (Some(home), Some(digits)) => {
                if !home.is_right() {
                    let (folder, begin) = (shown_bytes(home.folder), digits.get(..2).unwrap_or_default());
                    let message = format!(
                        "lies in the folder {folder}, but its digest begins with {begin}: the registry does not find it there"
                    );
                    learned.fault(&code::REGISTRY_BLOB_MISPLACED, None, message);
                }
                let message = "its content is not what it is named after".to_owned();
                let otherwise = Fault { code: &code::REGISTRY_BLOB_DIGEST, severity: None, message, offset: None };
                learned.expected = Some(Expected { sha256: bytes(digits), otherwise });
            }
            _ => {
                let message =
                    "its path is not blobs/sha256/<two digits>/<64 digits>/data: the registry does not find it there";
                learned.fault(&code::REGISTRY_BLOB_MISPLACED, None, message);
            }
        }
        let is_right = home.is_some_and(|home| home.is_right());
        let hex = digits.filter(|_| is_right).map(str::to_owned);
        let hold = Some(Hold::up_to(subject.limits.probe_bytes.min(MANIFEST_BYTES)));
        let realm = realm(subject.path);
        Self { learned, realm, hex, bytes: 0, hold, begun: false }
    }
}

impl Probe for Blob {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if !self.begun
            && let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace())
        {
            self.begun = true;
            if *first != b'{' {
                self.hold = None;
            }
        }
        if self.bytes > MANIFEST_BYTES {
            self.hold = None;
        }
        if let Some(hold) = &mut self.hold {
            hold.feed(bytes);
        }
    }

    fn unseen(self: Box<Self>) -> Vec<Evidence> {
        let Self { realm, hex, .. } = *self;
        let define = |name| Evidence::Definition(Definition { name, realm: realm.clone(), ..Definition::default() });
        // It may be a manifest.
        hex.iter().flat_map(|hex| [format!("sha256:{hex}"), manifest_name(hex)]).map(define).collect()
    }

    fn finish(self: Box<Self>) -> Learned {
        let Self { mut learned, realm, hex, bytes: size, hold, begun, .. } = *self;
        let Some(hex) = hex else { return learned };
        let size = Some(size);
        let define = |name| Evidence::Definition(Definition { name, realm: realm.clone(), size, scope: None });
        learned.evidence.push(define(format!("sha256:{hex}")));
        let Some(hold) = hold.filter(|_| begun) else { return learned };
        match hold.whole() {
            Ok(content) => {
                let mut references = Vec::new();
                let found = look(&content, &hex, &mut learned, &mut references);
                if found != Look::Other {
                    learned.evidence.push(define(manifest_name(&hex)));
                }
                let placed = |reference| Evidence::Reference(Reference { realm: realm.clone(), ..reference });
                learned.evidence.extend(references.into_iter().map(placed));
            }
            // It may be a manifest: what it refers to was not looked at.
            Err(fault) => {
                learned.add(fault);
                learned.evidence.push(define(manifest_name(&hex)));
            }
        }
        learned
    }
}
