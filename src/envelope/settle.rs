//! What may be believed of an archive, once every layer around it has closed.
//!
//! Whatever is read inside a layer is hearsay until that layer has closed. When a layer fails a check that only the holder
//! of a secret can make, what came out of it must not be reported at all: it may be what an attacker wants to be read, and
//! telling one decryption error from another tells a forger how far he got.
//!
//! Promises: after [`settle`] only what may be believed is left, and no echo of what is told already. Refuses to know: what
//! the findings say, and who asks.

use super::{Integrity, Proof};
use crate::code;
use crate::finding::Finding;

/// Throws out what may not be believed of `layers` and of what was found inside them, now that they all have closed; false
/// where that is everything that came out of a layer, because it fails a check only the holder of a secret can make.
pub fn settle(layers: &mut Vec<Proof>, findings: &mut Vec<Finding>) -> bool {
    let failed = |authenticated: bool| {
        layers
            .iter()
            .filter(|layer| layer.integrity == Integrity::Failed && layer.authenticated == authenticated)
            .map(|layer| layer.depth)
            .min()
    };
    let (forged, damaged) = (failed(true), failed(false));
    if let Some(damaged) = damaged {
        // That nothing was recognised inside a damaged wrapper is no news beside the damage.
        let echoes = [&code::SOURCE_EMPTY, &code::SOURCE_UNRECOGNISED, &code::TAR_NO_MEMBERS];
        findings.retain(|finding| finding.place.depth <= damaged || !echoes.contains(&finding.code));
    }
    let stops = [&code::LIMIT_REACHED, &code::WRAPPER_UNSUPPORTED];
    let stopped = |layer: &Proof| layer.findings.iter().any(|finding| stops.contains(&finding.code));
    if let Some(stopped) = layers.iter().filter(|layer| stopped(layer)).map(|layer| layer.depth).min() {
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
        findings.retain(|finding| !is_echo(finding));
        for layer in layers.iter_mut().filter(|layer| layer.findings.iter().any(is_echo)) {
            layer.findings.retain(|finding| !is_echo(finding));
            layer.integrity = Integrity::Unchecked;
        }
    }
    if let Some(forged) = forged {
        // Not even which formats there seemed to be: that, too, tells a forger how far he got.
        findings.retain(|finding| finding.place.depth <= forged);
        layers.retain(|layer| layer.depth <= forged);
    }
    forged.is_none()
}

/// Whether all that stands in `layers` came out of them.
#[must_use]
pub fn is_complete(layers: &[Proof]) -> bool {
    !layers.iter().any(|layer| layer.integrity == Integrity::Unchecked || is_cut(layer))
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
