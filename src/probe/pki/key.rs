//! Public keys: SubjectPublicKeyInfo (RFC 5280, 5480, 8017, 8410), made comparable.
//!
//! Promises: two that are equal are the same key, in whatever form they were written; points that are on no curve are none.
//! Refuses to know: private halves.

use const_oid::ObjectIdentifier as Oid;
use sha2::{Digest as _, Sha256};

use super::der::{BIT_STRING, Broken, Der, INTEGER, NULL, OID, SEQUENCE, Value};
use super::oid;

/// The largest RSA key that is reckoned with: OpenSSL's own bound.
pub(super) const MOST_RSA_BITS: usize = 16_384;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicKey {
    /// RSA, whichever padding it is meant for.
    Rsa {
        /// Big-endian, without leading zeros.
        modulus: Vec<u8>,
        /// Big-endian, without leading zeros.
        exponent: Vec<u8>,
    },
    /// A point on a curve.
    Ec(Curve, Vec<u8>),
    /// Ed25519 (RFC 8032).
    Ed25519(Vec<u8>),
    /// One that is named, and not reckoned with.
    Other {
        /// The algorithm's object identifier.
        algorithm: Vec<u8>,
        /// Its parameters: for a curve, the curve.
        parameters: Vec<u8>,
        /// The key.
        key: Vec<u8>,
    },
}

/// A curve that is reckoned with; a point is uncompressed (SEC 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// secp256r1.
    P256,
    /// secp384r1.
    P384,
    /// secp521r1.
    P521,
}

impl Curve {
    pub(super) fn find(oid: &[u8]) -> Option<Self> {
        match Oid::from_bytes(oid).ok()? {
            oid::P256 => Some(Self::P256),
            oid::P384 => Some(Self::P384),
            oid::P521 => Some(Self::P521),
            _ => None,
        }
    }

    /// Its object identifier.
    fn oid(self) -> Oid {
        match self {
            Self::P256 => oid::P256,
            Self::P384 => oid::P384,
            Self::P521 => oid::P521,
        }
    }

    /// Bytes of a coordinate.
    pub(super) fn field_bytes(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The point, uncompressed, if it is one.
    pub(super) fn point(self, bytes: &[u8]) -> Option<Vec<u8>> {
        use p256::elliptic_curve::sec1::ToEncodedPoint as _;
        Some(match self {
            Self::P256 => p256::PublicKey::from_sec1_bytes(bytes).ok()?.to_encoded_point(false).as_bytes().to_vec(),
            Self::P384 => p384::PublicKey::from_sec1_bytes(bytes).ok()?.to_encoded_point(false).as_bytes().to_vec(),
            Self::P521 => p521::PublicKey::from_sec1_bytes(bytes).ok()?.to_encoded_point(false).as_bytes().to_vec(),
        })
    }

    /// The point that belongs to a private key; `None` where the number is none.
    pub(super) fn derive(self, scalar: &[u8]) -> Option<Vec<u8>> {
        use p256::elliptic_curve::sec1::ToEncodedPoint as _;
        macro_rules! derive {
            ($curve:ident) => {
                $curve::SecretKey::from_slice(scalar).ok()?.public_key().to_encoded_point(false).as_bytes().to_vec()
            };
        }
        Some(match self {
            Self::P256 => derive!(p256),
            Self::P384 => derive!(p384),
            Self::P521 => derive!(p521),
        })
    }
}

impl PublicKey {
    /// Reads SubjectPublicKeyInfo.
    pub(super) fn read(info: &Value<'_>) -> Result<Self, Broken> {
        let mut inside = info.inside();
        let algorithm = inside.take(SEQUENCE, "the algorithm of the key")?;
        let key = inside.take(BIT_STRING, "the public key")?;
        inside.end("the public key")?;
        Self::from_parts(&algorithm, key.bits()?, key.at)
    }

    /// From an AlgorithmIdentifier and the key that belongs to it.
    pub(super) fn from_parts(algorithm: &Value<'_>, key: &[u8], at: usize) -> Result<Self, Broken> {
        let mut inside = algorithm.inside();
        let which = inside.take(OID, "the algorithm of the key")?;
        let parameters = if inside.peek().is_some() { Some(inside.next()?) } else { None };
        inside.end("the algorithm of the key")?;
        let other = || Self::Other {
            algorithm: which.content.to_vec(),
            parameters: parameters.map(|value| value.whole.to_vec()).unwrap_or_default(),
            key: key.to_vec(),
        };
        match Oid::from_bytes(which.content) {
            Ok(oid::RSA | oid::RSA_PSS) => {
                let inner = |broken: Broken| Broken::new(at, format!("within the public key, {}", broken.what));
                let mut outer = Der::new(key);
                let mut numbers = outer.take(SEQUENCE, "the RSA key").map_err(inner)?.inside();
                outer.end("the RSA key").map_err(inner)?;
                let modulus = numbers.take(INTEGER, "the modulus").map_err(inner)?;
                let exponent = numbers.take(INTEGER, "the exponent").map_err(inner)?;
                numbers.end("the RSA key").map_err(inner)?;
                Ok(Self::Rsa {
                    modulus: modulus.magnitude("the modulus").map_err(inner)?.to_vec(),
                    exponent: exponent.magnitude("the exponent").map_err(inner)?.to_vec(),
                })
            }
            Ok(oid::EC) => match parameters.filter(|value| value.tag == OID).and_then(|oid| Curve::find(oid.content)) {
                Some(curve) => {
                    let point = curve.point(key);
                    let point = point.ok_or_else(|| Broken::new(at, "the public key is no point of its curve"))?;
                    Ok(Self::Ec(curve, point))
                }
                None => Ok(other()),
            },
            Ok(oid::ED25519) => {
                if key.len() == 32 {
                    Ok(Self::Ed25519(key.to_vec()))
                } else {
                    Err(Broken::new(at, format!("an Ed25519 key of {} bytes in the place of 32", key.len())))
                }
            }
            _ => Ok(other()),
        }
    }

    /// What it is called: `RSA`, `P-256`, `Ed25519`.
    #[must_use]
    pub fn algorithm(&self) -> String {
        match self {
            Self::Rsa { .. } => "RSA".into(),
            Self::Ec(Curve::P256, _) => "P-256".into(),
            Self::Ec(Curve::P384, _) => "P-384".into(),
            Self::Ec(Curve::P521, _) => "P-521".into(),
            Self::Ed25519(_) => "Ed25519".into(),
            Self::Other { algorithm, parameters, .. } => match Self::curve(algorithm, parameters) {
                Some((name, _)) => name,
                None => oid::algorithm(algorithm),
            },
        }
    }

    /// Its size, where that says something about its strength.
    #[must_use]
    pub fn bits(&self) -> Option<usize> {
        match self {
            Self::Rsa { modulus, .. } => Some(bits(modulus)),
            Self::Ec(Curve::P256, _) => Some(256),
            Self::Ec(Curve::P384, _) => Some(384),
            Self::Ec(Curve::P521, _) => Some(521),
            Self::Ed25519(_) => Some(256),
            Self::Other { algorithm, parameters, .. } => {
                if Oid::from_bytes(algorithm) == Ok(oid::DSA) {
                    // The prime is the first of the parameters.
                    let mut numbers = Der::new(parameters).next().ok()?.inside();
                    return Some(bits(numbers.take(INTEGER, "a prime").ok()?.magnitude("a prime").ok()?));
                }
                Self::curve(algorithm, parameters)?.1
            }
        }
    }

    /// The curve of a key that is not reckoned with.
    fn curve(algorithm: &[u8], parameters: &[u8]) -> Option<(String, Option<usize>)> {
        let is_curve = Oid::from_bytes(algorithm) == Ok(oid::EC);
        let named = Der::new(parameters).next().ok().filter(|value| value.tag == OID);
        is_curve.then(|| match named {
            Some(value) => {
                let (name, bits) = oid::curve(value.content);
                (format!("EC {name}"), bits)
            }
            None => ("EC with a curve of its own".into(), None),
        })
    }

    /// Why it can be broken with means that are within reach.
    pub(super) fn weakness(&self) -> Option<String> {
        match self {
            Self::Rsa { modulus, .. } if bits(modulus) < 2048 => {
                Some(format!("an RSA key of {} bits: 2048 are the least that is relied on", bits(modulus)))
            }
            Self::Rsa { exponent, .. } if matches!(exponent.as_slice(), [] | [1]) || is_even(exponent) => {
                Some("an RSA key whose exponent hides nothing".into())
            }
            Self::Other { algorithm, .. } => {
                let least = if Oid::from_bytes(algorithm) == Ok(oid::DSA) { 2048 } else { 224 };
                let bits = self.bits().filter(|bits| *bits < least)?;
                Some(format!("a key of {bits} bits ({}): {least} are the least that is relied on", self.algorithm()))
            }
            _ => None,
        }
    }

    /// SubjectPublicKeyInfo, written as everybody writes it: points uncompressed, RSA for any padding.
    #[must_use]
    pub fn info(&self) -> Vec<u8> {
        let (algorithm, parameters, key) = match self {
            Self::Rsa { modulus, exponent } => {
                let numbers = [modulus, exponent].map(|number| {
                    let sign: &[u8] = if number.first().is_none_or(|byte| *byte >= 0x80) { &[0] } else { &[] };
                    write(INTEGER, &[sign, number])
                });
                let [modulus, exponent] = &numbers;
                (oid::RSA.as_bytes().to_vec(), write(NULL, &[]), write(SEQUENCE, &[modulus, exponent]))
            }
            Self::Ec(curve, point) => {
                (oid::EC.as_bytes().to_vec(), write(OID, &[curve.oid().as_bytes()]), point.clone())
            }
            Self::Ed25519(key) => (oid::ED25519.as_bytes().to_vec(), Vec::new(), key.clone()),
            Self::Other { algorithm, parameters, key } => (algorithm.clone(), parameters.clone(), key.clone()),
        };
        let algorithm = write(SEQUENCE, &[&write(OID, &[&algorithm]), &parameters]);
        write(SEQUENCE, &[&algorithm, &write(BIT_STRING, &[&[0], &key])])
    }

    /// SHA-256 of [`info`](Self::info), as others compute it too.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        Sha256::digest(self.info()).into()
    }
}

/// A value in DER.
fn write(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = length.get(zeros..).unwrap_or_default();
    let mut value = vec![tag];
    match length {
        [] => value.push(0),
        [one] if *one < 0x80 => value.push(*one),
        // At most eight bytes long.
        _ => {
            value.push(0x80 | u8::try_from(length.len()).unwrap_or(8));
            value.extend_from_slice(length);
        }
    }
    value.extend_from_slice(&content);
    value
}

/// Bits of a number without leading zeros.
fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |byte| usize::try_from(byte.leading_zeros()).unwrap_or(0));
    number.len().saturating_mul(8).saturating_sub(first)
}

fn is_even(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte & 1 == 0)
}
