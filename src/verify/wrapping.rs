//! What an archive is wrapped in, and how its own format used the bytes: what every layer says of itself, unjudged.
//!
//! Promises: outermost first; what is not known is left out, and so is what must not be believed. Refuses to know: how it
//! is shown.

use super::outcome::Totals;
use super::provisional::Journey;
use crate::digest::Digests;
use crate::envelope::{Integrity, Proof};
use crate::finding::Finding;
use crate::tar;

/// The wrapping of one archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapping {
    /// The archive's name.
    pub source: String,
    /// Bytes of the archive file.
    pub bytes: u64,
    /// Digests of the archive file.
    pub digests: Digests,
    /// The wrappers, outermost first.
    pub wrappers: Vec<Wrapper>,
    /// The archive format inside; `None` where it was not reached.
    pub archive: Option<Form>,
    /// All findings, outermost layer first.
    pub findings: Vec<Finding>,
}

/// One wrapper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapper {
    /// The word for its format.
    pub format: &'static str,
    /// What became of its integrity check.
    pub integrity: Integrity,
    /// Whether its content is encrypted.
    pub encrypted: bool,
    /// Bytes it read and bytes it gave; `None` where it could not be opened. What fails a check that needs a secret to make
    /// gave nothing that counts.
    pub flow: Option<(u64, u64)>,
    /// Its parameters, as name and value.
    pub details: Vec<(&'static str, String)>,
}

/// The archive format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The word for it.
    pub format: &'static str,
    /// Members met.
    pub members: u64,
    /// Where its bytes went.
    pub totals: Totals,
    /// How it is closed: `whole`, `short` or `missing`.
    pub end_marker: &'static str,
}

impl Wrapping {
    /// What `journey` through the archive called `source` tells of its wrapping, once it was settled.
    #[must_use]
    pub fn of(source: String, journey: &Journey) -> Self {
        let form = |walked: crate::walk::Walked| Form {
            format: "tar",
            members: walked.accounts.members,
            totals: Totals::from(walked.accounts),
            end_marker: match walked.end_marker {
                tar::EndMarker::Whole => "whole",
                tar::EndMarker::Short => "short",
                tar::EndMarker::Missing => "missing",
            },
        };
        Self {
            source,
            bytes: journey.bytes,
            digests: journey.digests,
            wrappers: journey.layers.iter().map(Wrapper::of).collect(),
            archive: journey.walked.map(form),
            findings: journey.all_findings().cloned().collect(),
        }
    }
}

impl Wrapper {
    fn of(proof: &Proof) -> Self {
        let is_forged = proof.authenticated && proof.integrity == Integrity::Failed;
        let is_closed = proof.output_bytes == 0 && proof.integrity == Integrity::Unchecked;
        Self {
            format: proof.format.as_str(),
            integrity: proof.integrity,
            encrypted: proof.encrypted,
            flow: (!is_forged && !is_closed).then_some((proof.input_bytes, proof.output_bytes)),
            details: proof.details.clone(),
        }
    }

    /// Bytes given for each byte read, in hundredths.
    #[must_use]
    pub fn ratio_percent(&self) -> Option<u64> {
        let (input, output) = self.flow?;
        u64::try_from(u128::from(output).checked_mul(100)?.checked_div(u128::from(input))?).ok()
    }
}
