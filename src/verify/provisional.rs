//! What a reading found out, before and after it may be believed.
//!
//! Promises: after [`Journey::settle`] only what may be believed is left. Refuses to know: what the findings say.

use crate::code;
use crate::digest::Digests;
use crate::envelope::{Proof, is_complete, settle};
use crate::finding::Finding;
use crate::place::Depth;
use crate::rule::{ArchiveForm, EndMarker};
use crate::tar;
use crate::walk::Walked;

/// What is known when every layer has closed.
#[derive(Debug)]
pub struct Journey {
    /// The proofs of the wrappers, outermost first.
    pub layers: Vec<Proof>,
    /// The depth the archive format stands at.
    pub depth: Depth,
    /// What was met outside the wrappers' proofs. Hearsay, until held against these.
    pub findings: Vec<Finding>,
    /// What the walk found out; `None` where there was none.
    pub walked: Option<Walked>,
    /// Bytes of the archive file.
    pub bytes: u64,
    /// Digests of the archive file.
    pub digests: Digests,
}

impl Journey {
    /// Whether all of the archive was read: no layer and no member was cut.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.walked.is_some_and(|walked| walked.whole && !walked.stopped) && is_complete(&self.layers)
    }

    /// Throws out what may not be believed, now that every layer has closed; false where that is everything that came out
    /// of a layer, because it fails a check only the holder of a secret can make.
    pub fn settle(&mut self) -> bool {
        let believed = settle(&mut self.layers, &mut self.findings);
        if !believed {
            self.walked = None;
        }
        believed
    }

    /// All findings, those of the layers first.
    pub fn all_findings(&self) -> impl Iterator<Item = &Finding> {
        self.layers.iter().flat_map(|layer| &layer.findings).chain(&self.findings)
    }

    /// Bytes behind the end marker that are not zeros.
    #[must_use]
    pub fn trailing_bytes(&self) -> u64 {
        let trailing = [&code::TAR_TRAILING, &code::TAR_SECOND_ARCHIVE, &code::TAR_LONE_ZERO_BLOCK];
        let found = self.findings.iter().find(|finding| trailing.contains(&finding.code));
        match (found, self.walked) {
            (Some(finding), Some(walked)) => {
                walked.accounts.total_bytes().saturating_sub(finding.place.offset.unwrap_or_default())
            }
            _ => 0,
        }
    }

    /// What rules may ask of the archive as a whole; `previous_bytes` are those of the backup before.
    #[must_use]
    pub fn form(&self, entries: u64, file_name: Option<String>, previous_bytes: Option<u64>) -> ArchiveForm {
        ArchiveForm {
            encrypted: self.layers.iter().any(|layer| layer.encrypted),
            entries,
            complete: self.is_complete(),
            end_marker: match self.walked.map(|walked| walked.end_marker) {
                Some(tar::EndMarker::Whole) => EndMarker::Whole,
                Some(tar::EndMarker::Short) => EndMarker::Short,
                Some(tar::EndMarker::Missing) | None => EndMarker::Missing,
            },
            trailing_bytes: self.trailing_bytes(),
            file_name,
            bytes: self.bytes,
            previous_bytes,
        }
    }
}
