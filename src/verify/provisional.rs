//! What a reading found out, before and after it may be believed.
//!
//! Whatever is read inside a layer is hearsay until that layer has closed. When a layer fails a check that only the holder
//! of a secret can make, what came out of it must not be reported at all: it may be what an attacker wants to be read, and
//! telling one decryption error from another tells a forger how far he got.
//!
//! Promises: after [`Journey::settle`] only what may be believed is left. Refuses to know: what the findings say.

use crate::code;
use crate::digest::Digests;
use crate::envelope::{Integrity, Proof};
use crate::finding::Finding;
use crate::place::Depth;
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
        let cut = |proof: &Proof| proof.integrity == Integrity::Unchecked || is_cut(proof);
        self.walked.is_some_and(|walked| walked.whole && !walked.stopped) && !self.layers.iter().any(cut)
    }

    /// Throws out what may not be believed, now that every layer has closed; false where that is everything that came out
    /// of a layer, because it fails a check only the holder of a secret can make.
    pub fn settle(&mut self) -> bool {
        let failed = |authenticated: bool| {
            self.layers
                .iter()
                .filter(|layer| layer.integrity == Integrity::Failed && layer.authenticated == authenticated)
                .map(|layer| layer.depth)
                .min()
        };
        let (forged, damaged) = (failed(true), failed(false));
        if let Some(damaged) = damaged {
            // That nothing was recognised inside a damaged wrapper is no news beside the damage.
            let echoes = [&code::SOURCE_EMPTY, &code::SOURCE_UNRECOGNISED, &code::TAR_NO_MEMBERS];
            self.findings.retain(|finding| finding.place.depth <= damaged || !echoes.contains(&finding.code));
        }
        let stops = [&code::LIMIT_REACHED, &code::WRAPPER_UNSUPPORTED];
        let stopped = |layer: &Proof| layer.findings.iter().any(|finding| stops.contains(&finding.code));
        if let Some(stopped) = self.layers.iter().filter(|layer| stopped(layer)).map(|layer| layer.depth).min() {
            // That what is inside ends early, or is nothing at all, is the doing of who stopped.
            let echoes = [
                &code::TAR_TRUNCATED,
                &code::TAR_END_MISSING,
                &code::TAR_END_SHORT,
                &code::TAR_PARTIAL_BLOCK,
                &code::TAR_EXTENSION_ORPHAN,
                &code::GZIP_TRUNCATED,
                &code::COMPRESSED_TRUNCATED,
                &code::OPENPGP_TRUNCATED,
                &code::SOURCE_EMPTY,
                &code::SOURCE_UNRECOGNISED,
                &code::TAR_NO_MEMBERS,
            ];
            let is_echo = |finding: &Finding| finding.place.depth > stopped && echoes.contains(&finding.code);
            self.findings.retain(|finding| !is_echo(finding));
            for layer in self.layers.iter_mut().filter(|layer| layer.findings.iter().any(is_echo)) {
                layer.findings.retain(|finding| !is_echo(finding));
                layer.integrity = Integrity::Unchecked;
            }
        }
        if let Some(forged) = forged {
            // Not even which formats there seemed to be: that, too, tells a forger how far he got.
            self.findings.retain(|finding| finding.place.depth <= forged);
            self.layers.retain(|layer| layer.depth <= forged);
            self.walked = None;
        }
        forged.is_none()
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
}

/// Whether a layer met something that left out what stood behind it.
fn is_cut(proof: &Proof) -> bool {
    let cuts = [
        &code::GZIP_TRUNCATED,
        &code::GZIP_CORRUPT,
        &code::GZIP_HEADER,
        &code::COMPRESSED_TRUNCATED,
        &code::COMPRESSED_CORRUPT,
        &code::WRAPPER_UNSUPPORTED,
        &code::OPENPGP_TRUNCATED,
        &code::OPENPGP_MALFORMED,
        &code::LIMIT_REACHED,
    ];
    proof.findings.iter().any(|finding| cuts.contains(&finding.code))
}
