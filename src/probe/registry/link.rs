//! Probe `registry-link`: a file that holds the digest of a manifest or blob.
//!
//! Promises: reads no more than a digest takes. Refuses to know: blobs.

use super::manifest_name;
use super::path::{Purpose, hex, link, realm};
use crate::code::{self, Severity};
use crate::probe::{Definition, Evidence, Kind, Learned, Probe, Reference, Subject};

/// What stands before the digits.
const PREFIX: &[u8] = b"sha256:";
/// Bytes of a link.
const BYTES: usize = 71;

/// See the module.
pub(super) const KIND: Kind = Kind {
    name: "registry-link",
    about: "a link of a registry: a digest and nothing else, the one its path names, of a blob that is there",
    settings: &[],
    facts: &[],
    digest: None,
    check: |_| Ok(()),
    start: |subject| Box::new(Link::new(subject)),
};

struct Link {
    purpose: Purpose,
    repository: String,
    /// The storage that it is in.
    realm: Vec<u8>,
    /// The digits that its path names.
    hex: Option<String>,
    begin: Vec<u8>,
    bytes: u64,
}

impl Link {
    fn new(subject: &Subject<'_>) -> Self {
        let said = link(subject.path);
        // Not cut: what is linked in one repository is not linked in another whose long name begins alike.
        let repository = said.repository.escape_ascii().to_string();
        let realm = realm(subject.path);
        let hex = said.hex.map(str::to_owned);
        Self { purpose: said.purpose, repository, realm, hex, begin: Vec::new(), bytes: 0 }
    }

    /// What it links in its repository, where a registry asks for that: manifests and what was pushed for them.
    fn defined(&self) -> Option<Definition> {
        let digits = self.hex.as_deref()?;
        let name = match self.purpose {
            Purpose::Revision => manifest_name(digits),
            Purpose::Layer => format!("sha256:{digits}"),
            _ => return None,
        };
        Some(Definition { name, realm: self.realm.clone(), size: None, scope: Some(self.scope()) })
    }

    /// What it needs, where it leads to the blob with these digits.
    fn needed(&self, digits: &str) -> Reference {
        let blob = || format!("sha256:{digits}");
        let scope = Some(self.scope());
        let (role, name, severity, scope, linked) = match self.purpose {
            Purpose::Revision => ("revision", manifest_name(digits), None, scope, false),
            Purpose::Current => ("tag", manifest_name(digits), None, scope, true),
            // Garbage collection leaves these two behind when it takes the blob.
            Purpose::History => ("former tag", manifest_name(digits), Some(Severity::Info), None, false),
            Purpose::Layer => ("pushed blob", blob(), Some(Severity::Info), None, false),
            Purpose::Signature => ("signature", blob(), Some(Severity::Warning), None, false),
            Purpose::Other => ("link target", blob(), None, None, false),
        };
        let (role, realm) = (role.into(), self.realm.clone());
        Reference { role, name, realm, severity, scope, linked, ..Reference::default() }
    }

    fn scope(&self) -> String {
        format!("repository {}", self.repository)
    }
}

impl Probe for Link {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let room = BYTES.saturating_sub(self.begin.len()).min(bytes.len());
        self.begin.extend_from_slice(bytes.get(..room).unwrap_or_default());
    }

    fn unseen(self: Box<Self>) -> Vec<Evidence> {
        let defined = self.defined().map(Evidence::Definition);
        let needed = self.hex.as_deref().map(|digits| Evidence::Reference(self.needed(digits)));
        defined.into_iter().chain(needed).collect()
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        // The registry finds it by its path; what is in it is another question.
        learned.evidence.extend(self.defined().map(Evidence::Definition));
        let whole = usize::try_from(self.bytes) == Ok(BYTES);
        let read = self.begin.strip_prefix(PREFIX).and_then(hex);
        match (read, self.hex.as_deref()) {
            (Some(read), Some(wanted)) if whole && read != wanted => {
                let message = format!("leads to sha256:{read}, and its path names sha256:{wanted}");
                learned.fault(&code::REGISTRY_LINK_ELSEWHERE, None, message);
            }
            (Some(_), _) if whole => {}
            _ => {
                let what = match self.bytes {
                    0 => "is empty".to_owned(),
                    bytes if read.is_some() => {
                        let more = bytes.saturating_sub(u64::try_from(BYTES).unwrap_or(0));
                        format!("holds a digest, and {more} bytes behind it")
                    }
                    bytes => format!("holds no digest in its {bytes} bytes"),
                };
                learned.fault(&code::REGISTRY_LINK_MALFORMED, None, what);
            }
        }
        // Where it does not lead to what its path names, that is what is needed all the same.
        if let Some(digits) = self.hex.as_deref().or(read.filter(|_| whole)) {
            learned.evidence.push(Evidence::Reference(self.needed(digits)));
        }
        learned
    }
}
