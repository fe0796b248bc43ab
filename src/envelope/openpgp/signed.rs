//! Signatures around the content: hashed as it goes by, checked against the certificates that were given.
//!
//! ```text
//! one-pass ─► content ─► signature        signature ─► content
//! ```
//!
//! Promises: one pass; a signature counts as good only where its key made it over this very content and its certificate
//! vouched for that key at that time; without certificates nothing is hashed and nothing claimed. Refuses to know: whether
//! the content may be believed for any other reason.

use std::time::SystemTime;

use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::cert::amalgamation::{ValidAmalgamation as _, ValidateAmalgamation as _};
use sequoia_openpgp::crypto::hash::Context;
use sequoia_openpgp::packet::{OnePassSig, Signature};
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::policy::{HashAlgoSecurity, Policy as _, StandardPolicy};
use sequoia_openpgp::serialize::MarshalInto as _;
use sequoia_openpgp::types::{HashAlgorithm, RevocationStatus, SignatureType};
use sequoia_openpgp::{Cert, KeyHandle};

use super::packet::tag;
use crate::code::{self, Code};

/// Signatures of one message that are checked; in one with more, none is.
const MOST: usize = 16;

/// Characters of a user identifier that are shown.
const USER_CHARS: usize = 200;

/// The signatures of a message.
pub(super) struct Signed {
    certs: Vec<Cert>,
    around: Vec<Around>,
    too_many: bool,
}

/// One signature, or the announcement of one.
struct Around {
    /// The level it stands on.
    height: usize,
    issuer: Option<KeyHandle>,
    hash: Option<Hash>,
    /// Whether what follows is signed by it too, not only announced with it.
    last: bool,
    /// Whether it is over other signatures as well, which are not hashed here.
    notarizes: bool,
    /// Whether its packet was met, and the packet, where it can be read.
    met: bool,
    signature: Option<Signature>,
}

/// The hash of the content as one signature wants it.
struct Hash {
    context: Context,
    /// Whether lines end in CR LF, however they end in the content.
    text: bool,
    after_cr: bool,
}

/// The certificates in the content of a file, binary, and no secret that lies among them; empty where there are none.
#[must_use]
pub fn public_certificates(file: &[u8]) -> Vec<u8> {
    certs(file).filter_map(|cert| cert.to_vec().ok()).flatten().collect()
}

fn certs(file: &[u8]) -> impl Iterator<Item = Cert> + '_ {
    CertParser::from_bytes(file).into_iter().flatten().flatten()
}

impl Signed {
    pub(super) fn new(certificates: &[Vec<u8>]) -> Self {
        let certs = certificates.iter().flat_map(|file| certs(file)).collect();
        Self { certs, around: Vec::new(), too_many: false }
    }

    /// Whether there is anything to check signatures against.
    pub(super) fn checks(&self) -> bool {
        !self.certs.is_empty()
    }

    /// Takes a packet from before the content; gives the issuer it names.
    pub(super) fn before(&mut self, tag: u8, height: usize, body: &[u8]) -> Option<String> {
        let mut around = if tag == tag::ONE_PASS_SIGNATURE {
            let announced = OnePassSig::from_bytes(body).ok();
            let hash = announced.as_ref().and_then(|it| Hash::new(it.hash_algo(), it.typ(), it.salt()));
            let issuer = announced.as_ref().map(OnePassSig::issuer);
            let last = announced.is_none_or(|it| it.last());
            Around { height, issuer, hash, last, notarizes: false, met: false, signature: None }
        } else {
            let signature = Signature::from_bytes(body).ok();
            let salt = match &signature {
                Some(Signature::V6(signature)) => Some(signature.salt()),
                _ => None,
            };
            let hash = signature.as_ref().and_then(|it| Hash::new(it.hash_algo(), it.typ(), salt));
            let issuer = signature.as_ref().and_then(|it| it.get_issuers().into_iter().next());
            Around { height, issuer, hash, last: false, notarizes: false, met: true, signature }
        };
        let issuer = around.issuer.as_ref().map(KeyHandle::to_hex);
        for before in self.around.iter_mut().filter(|before| before.last) {
            before.notarizes = true;
            before.hash = None;
        }
        if !self.checks() {
            around.hash = None;
        }
        if self.around.len() < MOST {
            self.around.push(around);
        } else {
            self.too_many = true;
        }
        issuer
    }

    /// Takes the next piece of the content.
    pub(super) fn content(&mut self, piece: &[u8]) {
        if self.too_many {
            return;
        }
        for hash in self.around.iter_mut().filter_map(|around| around.hash.as_mut()) {
            hash.update(piece);
        }
    }

    /// Takes a signature from behind the content: it belongs to the last announcement that has none yet.
    pub(super) fn behind(&mut self, height: usize, body: &[u8]) {
        let open = |around: &&mut Around| around.height == height && !around.met;
        if let Some(around) = self.around.iter_mut().rev().find(open) {
            around.met = true;
            around.signature = Signature::from_bytes(body).ok();
        }
    }

    /// What became of every signature, now that the content went by whole.
    pub(super) fn judge(self) -> Vec<(&'static Code, String)> {
        if self.too_many {
            return vec![(&code::OPENPGP_SIGNATURE, format!("more than {MOST} signatures, not checked"))];
        }
        let certs = &self.certs;
        self.around.into_iter().map(|around| around.judge(certs)).collect()
    }
}

impl Around {
    fn judge(self, certs: &[Cert]) -> (&'static Code, String) {
        let issuer = self.issuer.as_ref().map_or_else(|| "unknown".to_owned(), KeyHandle::to_hex);
        let unchecked = |why: &str| (&code::OPENPGP_SIGNATURE, format!("by {issuer}, not checked: {why}"));
        if self.notarizes {
            return unchecked("it is over other signatures too");
        }
        let Some(signature) = self.signature else { return unchecked("it cannot be read") };
        let mut issuers = signature.get_issuers();
        issuers.extend(self.issuer);
        // Who does not say who he is may be any of them.
        let is_issuer = |handle: KeyHandle| issuers.is_empty() || issuers.iter().any(|issuer| issuer.aliases(&handle));
        let keys = certs.iter().flat_map(|cert| cert.keys().map(move |key| (cert, key)));
        let mut keys = keys.filter(|(_, key)| is_issuer(key.key().key_handle())).peekable();
        let unknown = format!("none of the certificates given is that of {issuer}");
        if keys.peek().is_none() {
            return (&code::OPENPGP_SIGNATURE_UNKNOWN, unknown);
        }
        let Some(hash) = self.hash else {
            return unchecked("its kind or its hash algorithm is not supported");
        };
        for (cert, key) in keys {
            if signature.verify_hash(key.key(), hash.context.clone()).is_err() {
                continue;
            }
            let signer = format!("{}{}", cert.fingerprint(), user(cert));
            return match doubt(&signature, cert, &key.key().key_handle()) {
                None => (&code::OPENPGP_SIGNATURE_GOOD, format!("good signature by {signer}{}", made(&signature))),
                Some(why) => (&code::OPENPGP_SIGNATURE_DOUBTFUL, format!("by {signer}{}, but {why}", made(&signature))),
            };
        }
        if issuers.is_empty() {
            return (&code::OPENPGP_SIGNATURE_UNKNOWN, unknown);
        }
        (&code::OPENPGP_SIGNATURE_BAD, format!("the signature by {issuer} is not over this content"))
    }
}

impl Hash {
    /// Starts the hash of a signature over content; `None` where it is not known, or over something else.
    fn new(algorithm: HashAlgorithm, kind: SignatureType, salt: Option<&[u8]>) -> Option<Self> {
        let text = match kind {
            SignatureType::Binary => false,
            SignatureType::Text => true,
            _ => return None,
        };
        // The version matters for what is hashed behind the content only, and that is told by the signature itself.
        let mut context = algorithm.context().ok()?.for_signature(4);
        if let Some(salt) = salt {
            context.update(salt);
        }
        Some(Self { context, text, after_cr: false })
    }

    fn update(&mut self, piece: &[u8]) {
        if !self.text {
            self.context.update(piece);
            return;
        }
        for line in piece.split_inclusive(|byte| matches!(byte, b'\r' | b'\n')) {
            let (text, end) = match line.split_last() {
                Some((end @ (b'\r' | b'\n'), text)) => (text, Some(*end)),
                _ => (line, None),
            };
            self.context.update(text);
            // The LF of a CR LF was hashed with the CR.
            let is_rest = self.after_cr && text.is_empty() && end == Some(b'\n');
            if end.is_some() && !is_rest {
                self.context.update(b"\r\n");
            }
            self.after_cr = end == Some(b'\r');
        }
    }
}

/// Why a signature that matches is still not to be relied on; `None` where it is.
fn doubt(signature: &Signature, cert: &Cert, key: &KeyHandle) -> Option<String> {
    let because =
        |error: sequoia_openpgp::anyhow::Error| error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let judged = || -> sequoia_openpgp::Result<Option<&'static str>> {
        // The signature by what is known today, because its date is what a forger would choose; the certificate by what was
        // known at that date.
        StandardPolicy::new().signature(signature, HashAlgoSecurity::CollisionResistance)?;
        let Some(time) = signature.signature_creation_time() else {
            return Ok(Some("it does not say when it was made"));
        };
        signature.signature_alive(None, None)?;
        let policy = StandardPolicy::at(time);
        let valid = cert.with_policy(&policy, time)?;
        valid.alive()?;
        if matches!(valid.revocation_status(), RevocationStatus::Revoked(_)) {
            return Ok(Some("its certificate is revoked"));
        }
        for candidate in cert.keys().key_handle(key.clone()) {
            let candidate = candidate.with_policy(&policy, time)?;
            candidate.alive()?;
            if matches!(candidate.revocation_status(), RevocationStatus::Revoked(_)) {
                return Ok(Some("its key is revoked"));
            }
            if !candidate.for_signing() {
                return Ok(Some("its key is not one for signing"));
            }
        }
        Ok(None)
    };
    judged().map_or_else(|error| Some(because(error)), |why| why.map(str::to_owned))
}

/// The primary user identifier of a certificate, in brackets.
fn user(cert: &Cert) -> String {
    let policy = StandardPolicy::new();
    let primary = cert.with_policy(&policy, None).ok().and_then(|valid| {
        let user = valid.primary_userid().ok()?;
        Some(user.userid().value().to_vec())
    });
    let first = || cert.userids().next().map(|user| user.userid().value().to_vec());
    primary.or_else(first).map_or_else(String::new, |user| {
        let shown: String = String::from_utf8_lossy(&user).chars().take(USER_CHARS).collect();
        format!(" ({})", shown.escape_debug())
    })
}

fn made(signature: &Signature) -> String {
    let seconds = signature.signature_creation_time().and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    let stamp = seconds.and_then(|seconds| i64::try_from(seconds.as_secs()).ok());
    let stamp = stamp.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    stamp.map_or_else(String::new, |stamp| format!(", made {stamp}"))
}
