//! Probe `registry-id-blob`: a blob under an id of its own, as DTR stores them from 2.6 on.
//!
//! Promises: no content is held. Refuses to know: its digest, which only the metadata backup tells.

use super::path::home;
use crate::code::{self, Severity};
use crate::probe::shown::shown_bytes;
use crate::probe::{Definition, Evidence, Fault, Kind, Learned, Probe, Subject};

/// See the module.
pub(super) const KIND: Kind = Kind {
    name: "registry-id-blob",
    about: "a blob that is stored under an id: not empty, and in the folder of its id; its digest stands in the metadata \
            backup only",
    settings: &[],
    facts: &[],
    digest: None,
    check: |_| Ok(()),
    start: |subject| Box::new(IdBlob::new(subject)),
};

struct IdBlob {
    learned: Learned,
    name: Option<String>,
    bytes: u64,
}

impl IdBlob {
    fn new(subject: &Subject<'_>) -> Self {
        let mut learned = Learned::default();
        let home = home(subject.path, b"id");
        let message = match &home {
            Some(home) if home.is_right() => None,
            Some(home) => Some(format!(
                "lies in the folder {}, but its id is {}",
                shown_bytes(home.folder),
                shown_bytes(home.name)
            )),
            None => Some("its path is not blobs/id/<two characters>/<id>/data".to_owned()),
        };
        // How DTR names them is known from a few archives only.
        if let Some(message) = message {
            let severity = Some(Severity::Warning);
            learned.add(Fault { code: &code::REGISTRY_BLOB_MISPLACED, severity, message, offset: None });
        }
        let name = home.and_then(|home| Some(format!("id:{}", std::str::from_utf8(home.name).ok()?)));
        Self { learned, name, bytes: 0 }
    }
}

impl Probe for IdBlob {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    }

    fn finish(self: Box<Self>) -> Learned {
        let Self { mut learned, name, bytes } = *self;
        if bytes == 0 {
            learned.fault(&code::REGISTRY_BLOB_EMPTY, None, "is empty");
        }
        let definition =
            name.map(|name| Definition { name, size: Some(bytes), ..Definition::default() }).map(Evidence::Definition);
        learned.evidence.extend(definition);
        learned
    }
}
