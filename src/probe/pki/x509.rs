//! Certificates (RFC 5280): what is read of one, and kept to judge it beside others.
//!
//! Promises: every byte belongs to a value that was read; what is kept is the certificate and places in it. Refuses to know:
//! days, files, and whom to trust.

use std::ops::Range;

use const_oid::ObjectIdentifier as Oid;
use sha2::{Digest as _, Sha256};

use super::der::{BIT_STRING, Broken, Der, INTEGER, OCTET_STRING, OID, SEQUENCE, Value};
use super::key::PublicKey;
use super::signature::{Checked, Scheme, scheme_of};
use super::{name, oid};

/// Alternative names that are kept of one certificate.
const ALTERNATIVE_NAMES: usize = 64;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    signed: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
    issuer: Range<usize>,
    subject: Range<usize>,
    /// What tells the two names from others.
    issuer_digest: [u8; 32],
    subject_digest: [u8; 32],
    serial: Range<usize>,
    version: u8,
    key: PublicKey,
    not_before: i64,
    not_after: i64,
    extensions: Extensions,
}

/// What is read of the extensions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Extensions {
    /// Basic constraints: whether a CA, and how many CAs may stand below.
    authority: Option<(bool, Option<u64>)>,
    /// Key usage: whether it may sign certificates.
    may_sign: Option<bool>,
    subject_key: Option<Vec<u8>>,
    authority_key: Option<Vec<u8>>,
    names: Vec<String>,
}

impl Certificate {
    /// Reads one, and says how many bytes it has.
    pub(super) fn read(der: &[u8]) -> Result<(Self, usize), Broken> {
        let whole = Der::new(der).take(SEQUENCE, "the certificate")?;
        let mut outer = whole.inside();
        let signed = outer.take(SEQUENCE, "the signed part")?;
        let algorithm = outer.take(SEQUENCE, "the algorithm of the signature")?;
        let signature = outer.take(BIT_STRING, "the signature")?;
        outer.end("the certificate")?;
        signature.bits()?;
        Scheme::read(&algorithm)?;

        let mut inside = signed.inside();
        let version = match inside.maybe(0xA0)? {
            None => 1,
            Some(tagged) => {
                let mut version = tagged.inside();
                let number = version.take(INTEGER, "the version")?;
                version.end("the version")?;
                match number.small() {
                    Some(0) => 1,
                    Some(1) => 2,
                    Some(2) => 3,
                    _ => return Err(Broken::new(number.at, "a version that there is none of")),
                }
            }
        };
        let serial = inside.take(INTEGER, "the serial number")?;
        let inner_algorithm = inside.take(SEQUENCE, "the algorithm in the signed part")?;
        if inner_algorithm.whole != algorithm.whole {
            let what = "the signed part names another algorithm for its signature than stands behind it";
            return Err(Broken::new(inner_algorithm.at, what));
        }
        let issuer = inside.take(SEQUENCE, "the issuer")?;
        name::check(&issuer)?;
        let mut validity = inside.take(SEQUENCE, "the validity")?.inside();
        let not_before = name::time(&validity.next()?)?;
        let not_after = name::time(&validity.next()?)?;
        validity.end("the validity")?;
        let subject = inside.take(SEQUENCE, "the subject")?;
        name::check(&subject)?;
        let key = PublicKey::read(&inside.take(SEQUENCE, "the public key")?)?;
        for unique in [0x81, 0x82] {
            inside.maybe(unique)?;
        }
        let extensions = match inside.maybe(0xA3)? {
            Some(tagged) => Extensions::read(&tagged)?,
            None => Extensions::default(),
        };
        inside.end("the signed part")?;
        let certificate = Self {
            der: whole.whole.to_vec(),
            signed: signed.range(),
            algorithm: algorithm.range(),
            // Without the count of unused bits, which is zero.
            signature: signature.content_range().start.saturating_add(1)..signature.range().end,
            issuer: issuer.range(),
            subject: subject.range(),
            issuer_digest: name::digest(issuer.whole),
            subject_digest: name::digest(subject.whole),
            serial: serial.content_range(),
            version,
            key,
            not_before,
            not_after,
            extensions,
        };
        Ok((certificate, whole.whole.len()))
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }

    /// All of it, in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Its SHA-256, by which others name it too.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(&self.der).into()
    }

    /// The subject, as text that may be shown.
    #[must_use]
    pub fn subject(&self) -> String {
        name::display(self.part(&self.subject))
    }

    /// The issuer, as text that may be shown.
    #[must_use]
    pub fn issuer(&self) -> String {
        name::display(self.part(&self.issuer))
    }

    /// The serial number in hexadecimal digits.
    #[must_use]
    pub fn serial(&self) -> String {
        let bytes = self.part(&self.serial);
        let bytes = bytes.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(bytes);
        hex(bytes.get(..bytes.len().min(64)).unwrap_or_default())
    }

    /// The alternative names, as text that may be shown: `DNS:example.org`.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.extensions.names
    }

    /// The first second of its validity, since 1970.
    #[must_use]
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// The last second of its validity, since 1970.
    #[must_use]
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// The key it is about.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether its basic constraints make it a CA.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        matches!(self.extensions.authority, Some((true, _)))
    }

    /// Whether it may issue another below which stand `below` CAs; if not, why.
    pub(super) fn may_issue(&self, below: u64) -> Result<(), String> {
        match self.extensions.authority {
            _ if self.extensions.may_sign == Some(false) => {
                Err("its key usage does not let it sign certificates".into())
            }
            // Before version 3 nothing could be said about it.
            None if self.version < 3 => Ok(()),
            Some((true, Some(most))) if below > most => {
                Err(format!("it allows {most} CAs below it, and {below} stand there"))
            }
            Some((true, _)) => Ok(()),
            _ => Err("it is no CA".into()),
        }
    }

    /// Whether issuer and subject are the same.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.issuer_digest == self.subject_digest
    }

    /// Whether `other` has the name of this one's issuer.
    #[must_use]
    pub fn names_as_issuer(&self, other: &Self) -> bool {
        self.issuer_digest == other.subject_digest
    }

    /// Whether the key identifiers name `other`'s key as the issuer's; `None` where they do not tell.
    #[must_use]
    pub fn identifies(&self, other: &Self) -> Option<bool> {
        Some(self.extensions.authority_key.as_ref()? == other.extensions.subject_key.as_ref()?)
    }

    /// Whether it names its issuer's key at all.
    pub(super) fn identifies_its_issuer(&self) -> bool {
        self.extensions.authority_key.is_some()
    }

    pub(super) fn scheme(&self) -> Scheme {
        scheme_of(self.part(&self.algorithm))
    }

    /// Whether `issuer`'s key made the signature.
    pub(super) fn signed_by(&self, issuer: &Self) -> Checked {
        self.scheme().verify(&issuer.key, self.part(&self.signed), self.part(&self.signature))
    }
}

impl Extensions {
    fn read(tagged: &Value<'_>) -> Result<Self, Broken> {
        let mut found = Self::default();
        let mut outer = tagged.inside();
        let mut list = outer.take(SEQUENCE, "the extensions")?.inside();
        outer.end("the extensions")?;
        while list.peek().is_some() {
            let mut extension = list.take(SEQUENCE, "an extension")?.inside();
            let which = extension.take(OID, "an extension's name")?;
            if let Some(critical) = extension.maybe(0x01)?
                && critical.content.len() != 1
            {
                return Err(Broken::new(critical.at, "a truth value that is not one byte"));
            }
            let value = extension.take(OCTET_STRING, "an extension's value")?;
            extension.end("an extension")?;
            // Offsets within are counted from the value itself.
            found.add(Oid::from_bytes(which.content).ok(), value.content).map_err(|broken| {
                let at = value.content_at().saturating_add(broken.at);
                Broken::new(at, format!("in the extension {}: {}", oid::algorithm(which.content), broken.what))
            })?;
        }
        Ok(found)
    }

    fn add(&mut self, which: Option<Oid>, value: &[u8]) -> Result<(), Broken> {
        let mut der = Der::new(value);
        match which {
            Some(oid::BASIC_CONSTRAINTS) => {
                let mut inside = der.take(SEQUENCE, "the basic constraints")?.inside();
                let authority = inside.maybe(0x01)?.is_some_and(|flag| flag.content.iter().any(|byte| *byte != 0));
                let below = inside.maybe(INTEGER)?.map(|number| number.magnitude("the path length")).transpose()?;
                inside.end("the basic constraints")?;
                let below = below.map(|bytes| {
                    let sum = |sum: u64, byte: &u8| sum.saturating_mul(256).saturating_add(u64::from(*byte));
                    bytes.iter().fold(0_u64, sum)
                });
                self.authority = Some((authority, below));
            }
            Some(oid::KEY_USAGE) => {
                let usage = der.take(BIT_STRING, "the key usage")?;
                // The first byte counts unused bits; bit 5, from the left, is keyCertSign.
                self.may_sign = Some(usage.content.get(1).is_some_and(|bits| bits & 0x04 != 0));
            }
            Some(oid::SUBJECT_KEY_ID) => {
                self.subject_key = Some(der.take(OCTET_STRING, "the key's identifier")?.content.to_vec());
            }
            Some(oid::AUTHORITY_KEY_ID) => {
                let mut inside = der.take(SEQUENCE, "the identifier of the issuer's key")?.inside();
                self.authority_key = inside.maybe(0x80)?.map(|id| id.content.to_vec());
            }
            Some(oid::ALTERNATIVE_NAMES) => {
                let mut inside = der.take(SEQUENCE, "the alternative names")?.inside();
                while inside.peek().is_some() {
                    let name = inside.next()?;
                    if self.names.len() < ALTERNATIVE_NAMES {
                        self.names.push(alternative(&name));
                    }
                }
            }
            _ => return Ok(()),
        }
        der.end("the extension")
    }
}

/// A GeneralName as OpenSSL shows it.
fn alternative(name: &Value<'_>) -> String {
    let text = || name::shown(&String::from_utf8_lossy(name.content));
    match (name.tag, name.content) {
        (0x81, _) => format!("email:{}", text()),
        (0x82, _) => format!("DNS:{}", text()),
        (0x86, _) => format!("URI:{}", text()),
        (0x87, [a, b, c, d]) => format!("IP:{a}.{b}.{c}.{d}"),
        (0x87, bytes) => match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) => format!("IP:{}", core::net::Ipv6Addr::from(bytes)),
            Err(_) => "IP:(invalid)".into(),
        },
        (0xA4, content) => format!("directory:{}", name::display(content)),
        (0x88, bytes) => format!("registered:{}", oid::dotted(bytes).unwrap_or_default()),
        _ => "other".into(),
    }
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
