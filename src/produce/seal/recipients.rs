//! Certificates: whose keys an archive is encrypted to.
//!
//! Promises: every certificate in every file counts, or the first that cannot is named with the reason; all keys of a
//! certificate that are in force and meant for encryption are taken, each once. Refuses to know: where files come from.

use sequoia_openpgp::Cert;
use sequoia_openpgp::cert::prelude::*;
use sequoia_openpgp::packet::Key;
use sequoia_openpgp::packet::key::{PublicParts, UnspecifiedRole};
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::policy::StandardPolicy;
use sequoia_openpgp::types::RevocationStatus;

use super::Format;
use super::trouble::{Trouble, Unfit, because};
use crate::report::name;

/// A file of OpenPGP certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// What it is called in messages: the file's name.
    pub name: String,
    /// Its content, binary or armored.
    pub bytes: Vec<u8>,
}

/// The keys to encrypt to.
pub(super) fn recipients(
    files: &[Certificate],
    format: Format,
) -> Result<Vec<Key<PublicParts, UnspecifiedRole>>, Trouble> {
    let mut found: Vec<Key<PublicParts, UnspecifiedRole>> = Vec::new();
    for file in files {
        let unfit = |why| Trouble::Certificate { name: file.name.clone(), why };
        let parsed = CertParser::from_bytes(&file.bytes).and_then(Iterator::collect::<Result<Vec<Cert>, _>>);
        let certs = parsed.map_err(|error| unfit(Unfit::Unreadable(because(&error))))?;
        if certs.is_empty() {
            return Err(unfit(Unfit::Unreadable("there is no certificate in it".into())));
        }
        for cert in &certs {
            for key in encryption_keys(cert, format).map_err(&unfit)? {
                if found.iter().all(|known| known.fingerprint() != key.fingerprint()) {
                    found.push(key);
                }
            }
        }
    }
    Ok(found)
}

fn encryption_keys(cert: &Cert, format: Format) -> Result<Vec<Key<PublicParts, UnspecifiedRole>>, Unfit> {
    let policy = StandardPolicy::new();
    let who = who(cert);
    // Asked first: a revoked certificate may have nothing left that is valid.
    if let RevocationStatus::Revoked(signatures) = cert.revocation_status(&policy, None) {
        let reason = signatures.first().and_then(|signature| signature.reason_for_revocation());
        let because = reason.map_or_else(String::new, |(code, text)| match text {
            [] => format!(": {code}"),
            text => format!(": {code}, {}", name(text)),
        });
        return Err(Unfit::Revoked { who, because });
    }
    let valid = match cert.with_policy(&policy, None) {
        Ok(valid) => valid,
        Err(error) => return Err(Unfit::Invalid { who, because: because(&error) }),
    };
    if let Err(error) = valid.alive() {
        return Err(Unfit::Expired { who, because: because(&error) });
    }
    if format == Format::SeipdV2 && !valid.features().is_some_and(|features| features.supports_seipdv2()) {
        return Err(Unfit::NoSeipdV2 { who });
    }
    let (mut keys, mut passed_over) = (Vec::new(), Vec::new());
    for key in cert.keys() {
        let id = key.key().keyid();
        let valid = match key.with_policy(&policy, None) {
            Ok(valid) => valid,
            Err(error) => {
                passed_over.push(format!("{id}: {}", because(&error)));
                continue;
            }
        };
        if !valid.for_storage_encryption() && !valid.for_transport_encryption() {
            continue;
        }
        if matches!(valid.revocation_status(), RevocationStatus::Revoked(_)) {
            passed_over.push(format!("{id} is revoked"));
        } else if let Err(error) = valid.alive() {
            passed_over.push(format!("{id}: {}", because(&error)));
        } else if !valid.key().pk_algo().is_supported() {
            passed_over.push(format!("{id} is a key for {}, which veritar cannot use", valid.key().pk_algo()));
        } else {
            keys.push(valid.key().parts_as_public().role_as_unspecified().clone());
        }
    }
    if keys.is_empty() { Err(Unfit::NoEncryptionKey { who, passed_over }) } else { Ok(keys) }
}

/// The fingerprint, and the first user identifier in brackets.
fn who(cert: &Cert) -> String {
    let user = cert.userids().next().map(|user| format!(" ({})", name(user.userid().value())));
    format!("{}{}", cert.fingerprint(), user.unwrap_or_default())
}
