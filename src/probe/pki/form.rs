//! What a piece of DER or a PEM label is, by its looks: so that a wrong file is called by its name.
//!
//! Promises: every form that keys and certificates travel in is told apart by its first values. Refuses to know: whether
//! the rest of it is sound.

use super::der::{BIT_STRING, Der, INTEGER, OCTET_STRING, OID, SEQUENCE};
use super::{name, oid};

/// What DER is, by its looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Pkcs8,
    Pkcs8Encrypted,
    Pkcs1,
    Sec1,
    Dsa,
    PublicKey,
    RsaPublicKey,
    Certificate,
    Request,
    RevocationList,
    Pkcs7,
    Pkcs12,
    Unknown,
}

impl Form {
    /// Looks at the first values.
    pub(super) fn of(der: &[u8]) -> Self {
        Self::look(der).unwrap_or(Self::Unknown)
    }

    fn look(der: &[u8]) -> Option<Self> {
        let mut inside = Der::new(der).take(SEQUENCE, "").ok()?.inside();
        let first = inside.next().ok()?;
        let second = inside.next().ok();
        let third = inside.next().ok();
        let tags = (first.tag, second.map(|value| value.tag), third.map(|value| value.tag));
        Some(match tags {
            (INTEGER, Some(SEQUENCE), Some(OCTET_STRING)) => Self::Pkcs8,
            (INTEGER, Some(SEQUENCE), _) if first.small() == Some(3) => Self::Pkcs12,
            (INTEGER, Some(OCTET_STRING), _) => Self::Sec1,
            (INTEGER, Some(INTEGER), None) => Self::RsaPublicKey,
            (INTEGER, Some(INTEGER), Some(INTEGER)) => {
                // RSA has nine numbers or more, DSA six.
                let mut numbers = 3;
                while inside.next().is_ok() {
                    numbers = i32::saturating_add(numbers, 1);
                }
                if numbers == 6 { Self::Dsa } else { Self::Pkcs1 }
            }
            (OID, ..) if first.content.starts_with(oid::PKCS7.as_bytes()) => Self::Pkcs7,
            (SEQUENCE, Some(OCTET_STRING), None) => Self::Pkcs8Encrypted,
            (SEQUENCE, Some(BIT_STRING), None) => Self::PublicKey,
            (SEQUENCE, Some(SEQUENCE), Some(BIT_STRING)) => Self::signed(first.inside())?,
            _ => Self::Unknown,
        })
    }

    /// Which of the things that are signed the same way.
    fn signed(mut inside: Der<'_>) -> Option<Self> {
        let first = inside.next().ok()?;
        let second = inside.next().ok()?;
        let third = inside.next().ok()?;
        Some(match (first.tag, second.tag, third.tag) {
            (0xA0, INTEGER, SEQUENCE) | (INTEGER, SEQUENCE, SEQUENCE) if third.tag == SEQUENCE => {
                if first.tag == 0xA0 {
                    return Some(Self::Certificate);
                }
                // A request goes on with attributes; a list and an old certificate with days.
                match inside.peek() {
                    Some(0xA0) | None => Self::Request,
                    Some(0x17 | 0x18) => Self::RevocationList,
                    _ => Self::Certificate,
                }
            }
            (SEQUENCE, SEQUENCE, 0x17 | 0x18) => Self::RevocationList,
            _ => Self::Unknown,
        })
    }

    /// As in a message.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pkcs8 | Self::Pkcs1 | Self::Sec1 | Self::Dsa => "a private key",
            Self::Pkcs8Encrypted => "an encrypted private key",
            Self::PublicKey | Self::RsaPublicKey => "a public key",
            Self::Certificate => "a certificate",
            Self::Request => "a certificate signing request",
            Self::RevocationList => "a certificate revocation list",
            Self::Pkcs7 => "a PKCS#7 bundle",
            Self::Pkcs12 => "a PKCS#12 store",
            Self::Unknown => "something that is no key and no certificate",
        }
    }

    /// Whether it is a private key in any form.
    pub(super) fn is_private_key(self) -> bool {
        matches!(self, Self::Pkcs8 | Self::Pkcs8Encrypted | Self::Pkcs1 | Self::Sec1 | Self::Dsa)
    }
}

/// What a PEM label announces, for a message.
pub(super) fn labelled(label: &str) -> String {
    match label {
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => "a certificate".into(),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a certificate signing request".into(),
        "X509 CRL" => "a certificate revocation list".into(),
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "SSH2 PUBLIC KEY" => "a public key".into(),
        "PKCS7" | "CMS" => "a PKCS#7 bundle".into(),
        "DH PARAMETERS" | "X9.42 DH PARAMETERS" | "EC PARAMETERS" | "DSA PARAMETERS" => {
            "parameters without a key".into()
        }
        "PGP PRIVATE KEY BLOCK" | "PGP PUBLIC KEY BLOCK" | "PGP MESSAGE" => "an OpenPGP block".into(),
        _ if is_private_label(label) => "a private key".into(),
        _ => format!("a block called \"{}\"", name::shown(label)),
    }
}

/// Whether a PEM label announces a private key.
pub(super) fn is_private_label(label: &str) -> bool {
    label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY")
}

/// What stands in a file that is neither PEM nor DER.
pub(super) fn foreign(content: &[u8]) -> &'static str {
    let head = content.get(..content.len().min(4096)).unwrap_or_default();
    let base64 =
        |byte: &u8| byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || matches!(byte, b'+' | b'/' | b'=');
    if content.iter().all(|byte| *byte == 0) {
        "only zeros"
    } else if head.starts_with(&[0xFF, 0xFE]) || head.starts_with(&[0xFE, 0xFF]) {
        "text in UTF-16, which no reader of keys and certificates reads"
    } else if head.starts_with(b"PuTTY-User-Key-File") {
        "a key of PuTTY"
    } else if head.starts_with(b"ssh-") || head.starts_with(b"ecdsa-sha2-") {
        "a public key of OpenSSH"
    } else if content.iter().all(u8::is_ascii_whitespace) {
        "only white space"
    } else if head.starts_with(b"MII") && head.iter().all(base64) {
        "base64 without its BEGIN and END lines"
    } else if head.iter().any(|byte| matches!(byte, 0..=8 | 14..=31 | 127)) {
        "neither text nor DER"
    } else {
        "text without a BEGIN line"
    }
}

/// Whether a file is DER rather than text: it begins as a sequence does, and goes on with bytes that are no text.
pub(super) fn is_der(content: &[u8]) -> bool {
    let mut head = content.iter().take(64);
    content.first() == Some(&SEQUENCE) && head.any(|byte| matches!(byte, 0..=8 | 14..=31 | 127..))
}
