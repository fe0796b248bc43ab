//! Signatures on certificates: RSA in both paddings, ECDSA on the NIST curves, Ed25519.
//!
//! Promises: good means that the key signed these bytes; what cannot be computed here is told apart from what is wrong.
//! Refuses to know: whose key it is, and whether it may sign.

use const_oid::ObjectIdentifier as Oid;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::BigUint;
use sha2::Digest as _;

use super::der::{Broken, Der, INTEGER, NULL, OID, SEQUENCE, Value};
use super::key::{Curve, MOST_RSA_BITS, PublicKey};
use super::oid;

/// How something was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scheme {
    RsaPkcs1(Hash),
    RsaPss {
        hash: Hash,
        salt_bytes: usize,
    },
    Ecdsa(Hash),
    Ed25519,
    /// By its name.
    Unknown(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// What a signature proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Checked {
    Good,
    Bad,
    Unknown(String),
}

impl Hash {
    fn find(oid: Oid) -> Option<Self> {
        Some(match oid {
            oid::SHA1 => Self::Sha1,
            oid::SHA224 => Self::Sha224,
            oid::SHA256 => Self::Sha256,
            oid::SHA384 => Self::Sha384,
            oid::SHA512 => Self::Sha512,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    fn of(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1::Sha1::digest(message).to_vec(),
            Self::Sha224 => sha2::Sha224::digest(message).to_vec(),
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }

    /// What stands before the digest in a PKCS#1 v1.5 signature (RFC 8017, 9.2, note 1).
    fn prefix(self) -> Box<[u8]> {
        let (oid, digest): (Oid, u8) = match self {
            Self::Sha1 => (oid::SHA1, 20),
            Self::Sha224 => (oid::SHA224, 28),
            Self::Sha256 => (oid::SHA256, 32),
            Self::Sha384 => (oid::SHA384, 48),
            Self::Sha512 => (oid::SHA512, 64),
        };
        let oid = oid.as_bytes();
        let bytes = u8::try_from(oid.len()).unwrap_or(0);
        let inner = bytes.saturating_add(4);
        let head = [SEQUENCE, inner.saturating_add(digest).saturating_add(4), SEQUENCE, inner, OID, bytes];
        [&head, oid, &[NULL, 0, 0x04, digest]].concat().into()
    }

    fn pss(self, salt_bytes: usize) -> Option<rsa::Pss> {
        Some(match self {
            Self::Sha1 | Self::Sha224 => return None,
            Self::Sha256 => rsa::Pss::new_with_salt::<rsa::sha2::Sha256>(salt_bytes),
            Self::Sha384 => rsa::Pss::new_with_salt::<rsa::sha2::Sha384>(salt_bytes),
            Self::Sha512 => rsa::Pss::new_with_salt::<rsa::sha2::Sha512>(salt_bytes),
        })
    }
}

impl Scheme {
    /// Reads an AlgorithmIdentifier.
    pub(super) fn read(algorithm: &Value<'_>) -> Result<Self, Broken> {
        let mut inside = algorithm.inside();
        let which = inside.take(OID, "the algorithm of the signature")?;
        let parameters = if inside.peek().is_some() { Some(inside.next()?) } else { None };
        inside.end("the algorithm of the signature")?;
        Ok(match Oid::from_bytes(which.content) {
            Ok(oid::RSA_SHA1) => Self::RsaPkcs1(Hash::Sha1),
            Ok(oid::RSA_SHA224) => Self::RsaPkcs1(Hash::Sha224),
            Ok(oid::RSA_SHA256) => Self::RsaPkcs1(Hash::Sha256),
            Ok(oid::RSA_SHA384) => Self::RsaPkcs1(Hash::Sha384),
            Ok(oid::RSA_SHA512) => Self::RsaPkcs1(Hash::Sha512),
            Ok(oid::ECDSA_SHA1) => Self::Ecdsa(Hash::Sha1),
            Ok(oid::ECDSA_SHA224) => Self::Ecdsa(Hash::Sha224),
            Ok(oid::ECDSA_SHA256) => Self::Ecdsa(Hash::Sha256),
            Ok(oid::ECDSA_SHA384) => Self::Ecdsa(Hash::Sha384),
            Ok(oid::ECDSA_SHA512) => Self::Ecdsa(Hash::Sha512),
            Ok(oid::ED25519) => Self::Ed25519,
            Ok(oid::RSA_PSS) => match parameters {
                Some(parameters) => pss(&parameters)?,
                None => Self::Unknown("RSASSA-PSS without parameters".into()),
            },
            _ => Self::Unknown(oid::algorithm(which.content)),
        })
    }

    /// As in reports: `RSA with SHA-256`.
    pub(super) fn name(&self) -> String {
        match self {
            Self::RsaPkcs1(hash) => format!("RSA with {}", hash.name()),
            Self::RsaPss { hash, .. } => format!("RSASSA-PSS with {}", hash.name()),
            Self::Ecdsa(hash) => format!("ECDSA with {}", hash.name()),
            Self::Ed25519 => "Ed25519".into(),
            Self::Unknown(name) => name.clone(),
        }
    }

    /// Whether others can be made to fit the same signature.
    pub(super) fn is_weak(&self) -> bool {
        match self {
            Self::RsaPkcs1(hash) | Self::RsaPss { hash, .. } | Self::Ecdsa(hash) => *hash == Hash::Sha1,
            Self::Ed25519 => false,
            Self::Unknown(name) => ["MD2", "MD5", "SHA-1"].iter().any(|weak| name.ends_with(weak)),
        }
    }

    /// Whether `key` made `signature` over `message`.
    pub(super) fn verify(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Checked {
        match (self, key) {
            (Self::Unknown(name), _) => Checked::Unknown(format!("signatures by {name} are not computed here")),
            (_, PublicKey::Other { .. }) => {
                Checked::Unknown(format!("signatures by a key of {} are not computed here", key.algorithm()))
            }
            (Self::RsaPkcs1(hash), PublicKey::Rsa { modulus, exponent }) => {
                let padding = rsa::Pkcs1v15Sign { hash_len: Some(hash.of(b"").len()), prefix: hash.prefix() };
                by_rsa(modulus, exponent, padding, &hash.of(message), signature)
            }
            (Self::RsaPss { hash, salt_bytes }, PublicKey::Rsa { modulus, exponent }) => match hash.pss(*salt_bytes) {
                Some(padding) => by_rsa(modulus, exponent, padding, &hash.of(message), signature),
                None => Checked::Unknown(format!("signatures by {} are not computed here", self.name())),
            },
            (Self::Ecdsa(hash), PublicKey::Ec(curve, point)) => {
                // The digest is a number: what is shorter than the curve's own numbers has zeros before it.
                let mut digest = vec![0; curve.field_bytes().saturating_sub(hash.of(b"").len())];
                digest.extend_from_slice(&hash.of(message));
                let good = match curve {
                    Curve::P256 => by_p256(point, &digest, signature),
                    Curve::P384 => by_p384(point, &digest, signature),
                    Curve::P521 => by_p521(point, &digest, signature),
                };
                if good == Some(true) { Checked::Good } else { Checked::Bad }
            }
            (Self::Ed25519, PublicKey::Ed25519(key)) => {
                let good = by_ed25519(key, message, signature);
                if good == Some(true) { Checked::Good } else { Checked::Bad }
            }
            // A key of another kind has not signed this.
            _ => Checked::Bad,
        }
    }
}

/// RSASSA-PSS-params (RFC 8017, A.2.3).
fn pss(parameters: &Value<'_>) -> Result<Scheme, Broken> {
    if parameters.tag != SEQUENCE {
        return Err(Broken::new(parameters.at, "the parameters of RSASSA-PSS are no sequence"));
    }
    let hash_of = |algorithm: Value<'_>| -> Result<Option<Hash>, Broken> {
        let which = algorithm.inside().take(OID, "a digest's name")?;
        Ok(Oid::from_bytes(which.content).ok().and_then(Hash::find))
    };
    let mut inside = parameters.inside();
    let mut hash = Some(Hash::Sha1);
    let mut mask = Some(Hash::Sha1);
    let mut salt_bytes = 20;
    if let Some(outer) = inside.maybe(0xA0)? {
        hash = hash_of(outer.inside().take(SEQUENCE, "the digest of RSASSA-PSS")?)?;
    }
    if let Some(outer) = inside.maybe(0xA1)? {
        let mut generator = outer.inside().take(SEQUENCE, "the mask of RSASSA-PSS")?.inside();
        let which = generator.take(OID, "the mask of RSASSA-PSS")?;
        mask = hash_of(generator.take(SEQUENCE, "the mask's digest")?)?;
        mask = mask.filter(|_| Oid::from_bytes(which.content) == Ok(oid::MGF1));
    }
    if let Some(outer) = inside.maybe(0xA2)? {
        let salt = outer.inside().take(INTEGER, "the salt's length")?;
        let number = salt.magnitude("the salt's length")?.iter().try_fold(0_usize, |sum, byte| {
            sum.checked_mul(256)?.checked_add(usize::from(*byte)).filter(|sum| *sum <= MOST_RSA_BITS)
        });
        salt_bytes = number.ok_or_else(|| Broken::new(salt.at, "a salt longer than any key"))?;
    }
    let trailer = inside.maybe(0xA3)?;
    inside.end("the parameters of RSASSA-PSS")?;
    Ok(match (hash, mask) {
        (Some(hash), Some(mask)) if hash == mask && trailer.is_none() => Scheme::RsaPss { hash, salt_bytes },
        _ => Scheme::Unknown("RSASSA-PSS with unusual parameters".into()),
    })
}

fn by_rsa(
    modulus: &[u8],
    exponent: &[u8],
    padding: impl rsa::traits::SignatureScheme,
    digest: &[u8],
    signature: &[u8],
) -> Checked {
    if modulus.len() > MOST_RSA_BITS / 8 {
        return Checked::Unknown(format!("RSA keys above {MOST_RSA_BITS} bits are not reckoned with"));
    }
    // The arithmetic below divides by it.
    if modulus.len() < 32 {
        return Checked::Unknown("an RSA key of less than 256 bits is none".into());
    }
    let (modulus, exponent) = (BigUint::from_bytes_be(modulus), BigUint::from_bytes_be(exponent));
    match rsa::RsaPublicKey::new_with_max_size(modulus, exponent, MOST_RSA_BITS) {
        Ok(key) if key.verify(padding, digest, signature).is_ok() => Checked::Good,
        Ok(_) => Checked::Bad,
        Err(_) => Checked::Unknown("the numbers of the RSA key are none that are reckoned with".into()),
    }
}

fn by_p256(point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    Some(key.verify_prehash(digest, &p256::ecdsa::Signature::from_der(signature).ok()?).is_ok())
}

fn by_p384(point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    Some(key.verify_prehash(digest, &p384::ecdsa::Signature::from_der(signature).ok()?).is_ok())
}

fn by_p521(point: &[u8], digest: &[u8], signature: &[u8]) -> Option<bool> {
    let key = p521::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
    Some(key.verify_prehash(digest, &p521::ecdsa::Signature::from_der(signature).ok()?).is_ok())
}

fn by_ed25519(key: &[u8], message: &[u8], signature: &[u8]) -> Option<bool> {
    use ed25519_dalek::Verifier as _;
    let key = ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
    Some(key.verify(message, &ed25519_dalek::Signature::from_slice(signature).ok()?).is_ok())
}

/// Whether the bytes are an AlgorithmIdentifier of a signature.
pub(super) fn scheme_of(algorithm: &[u8]) -> Scheme {
    let scheme = Der::new(algorithm).next().and_then(|value| Scheme::read(&value));
    scheme.unwrap_or_else(|_| Scheme::Unknown("no algorithm".into()))
}
