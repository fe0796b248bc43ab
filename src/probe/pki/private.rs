//! Private keys in DER: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017), SEC 1 (RFC 5915), DSA as OpenSSL writes it; and those of
//! OpenSSH.
//!
//! Promises: nothing of the private half is kept, or told in a complaint; what the parts of a key say about each other is
//! held against each other. Refuses to know: files and PEM.

use const_oid::ObjectIdentifier as Oid;
use zeroize::Zeroizing;

use super::der::{BIT_STRING, Broken, Der, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, Value};
use super::form::Form;
use super::key::{Curve, MOST_RSA_BITS, PublicKey};
use super::{name, oid, rsa_parts};

/// The public half of a private key, as far as it is to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublicHalf {
    /// Derived from the private key.
    Derived(PublicKey),
    /// Told by the file, beside a private key that cannot be reckoned with here.
    Told(PublicKey),
    /// Not to be had; why.
    Hidden(String),
}

/// What is learned of a private key.
#[derive(Debug)]
pub(super) struct Private {
    /// `PKCS#8`, `PKCS#1`, …
    pub(super) format: &'static str,
    /// `RSA`, `P-256`, …; unknown where it is encrypted.
    pub(super) algorithm: Option<String>,
    /// How it is encrypted.
    pub(super) encryption: Option<String>,
    pub(super) half: PublicHalf,
    /// Parts of the key that do not fit each other.
    pub(super) inconsistent: Vec<Broken>,
    /// What readers overlook, and no program writes.
    pub(super) irregular: Vec<Broken>,
}

impl Private {
    fn new(format: &'static str, half: PublicHalf) -> Self {
        let algorithm = match &half {
            PublicHalf::Derived(key) | PublicHalf::Told(key) => Some(key.algorithm()),
            PublicHalf::Hidden(_) => None,
        };
        Self { format, algorithm, encryption: None, half, inconsistent: Vec::new(), irregular: Vec::new() }
    }

    /// One that is encrypted.
    pub(super) fn sealed(format: &'static str, encryption: String) -> Self {
        let mut private = Self::new(format, PublicHalf::Hidden("the private key is encrypted".into()));
        private.encryption = Some(encryption);
        private
    }

    /// Reads a key that looks like `form`.
    pub(super) fn read(form: Form, der: &[u8]) -> Result<Self, Broken> {
        let mut outer = Der::new(der);
        let whole = outer.take(SEQUENCE, "the private key")?;
        outer.end("the private key")?;
        match form {
            Form::Pkcs8 => pkcs8(&whole),
            Form::Pkcs8Encrypted => pkcs8_encrypted(&whole),
            Form::Pkcs1 => pkcs1("PKCS#1", &whole),
            Form::Sec1 => sec1("SEC 1", &whole, None),
            Form::Dsa => Ok(Self {
                algorithm: Some("DSA".into()),
                ..Self::new("DSA", PublicHalf::Hidden("DSA keys are not reckoned with".into()))
            }),
            _ => Err(Broken::new(0, format!("it holds {}", form.name()))),
        }
    }
}

/// PrivateKeyInfo: a key with the name of its algorithm.
fn pkcs8(whole: &Value<'_>) -> Result<Private, Broken> {
    let mut inside = whole.inside();
    let version = inside.take(INTEGER, "the version")?;
    let algorithm = inside.take(SEQUENCE, "the algorithm")?;
    let key = inside.take(OCTET_STRING, "the private key")?;
    inside.maybe(0xA0)?;
    let public = inside.maybe(0x81)?;
    inside.end("the private key")?;
    let mut parts = algorithm.inside();
    let which = parts.take(OID, "the algorithm")?;
    let parameters = if parts.peek().is_some() { Some(parts.next()?) } else { None };
    parts.end("the algorithm")?;
    // What is wrapped counts its offsets from its own start.
    let wrapped = |broken: Broken| Broken::new(key.content_at().saturating_add(broken.at), broken.what);
    let inner = || {
        let mut der = Der::new(key.content);
        let value = der.take(SEQUENCE, "the wrapped key")?;
        der.end("the wrapped key").map(|()| value)
    };
    let mut private = match Oid::from_bytes(which.content) {
        Ok(oid::RSA | oid::RSA_PSS) => inner().and_then(|value| pkcs1("PKCS#8", &value)).map_err(wrapped)?,
        Ok(oid::EC) => {
            let curve = parameters.ok_or_else(|| Broken::new(algorithm.at, "the EC key does not name its curve"))?;
            inner().and_then(|value| sec1("PKCS#8", &value, Some(curve))).map_err(wrapped)?
        }
        Ok(oid::ED25519) => ed25519(key.content, &public).map_err(wrapped)?,
        _ => {
            let name = oid::algorithm(which.content);
            let hidden = PublicHalf::Hidden(format!("keys of {name} are not reckoned with"));
            Private { algorithm: Some(name), ..Private::new("PKCS#8", hidden) }
        }
    };
    match (version.small(), public) {
        (Some(0), None) | (Some(1), Some(_)) => {}
        (Some(0 | 1), _) => {
            let what = "the version does not fit whether a public key is there";
            private.irregular.push(Broken::new(version.at, what));
        }
        _ => return Err(Broken::new(version.at, "a version that there is none of")),
    }
    let usual = match Oid::from_bytes(which.content) {
        Ok(oid::RSA) => parameters.is_some_and(|value| value.tag == NULL && value.content.is_empty()),
        Ok(oid::ED25519) => parameters.is_none(),
        _ => true,
    };
    if !usual {
        private.irregular.push(Broken::new(algorithm.at, "the algorithm has other parameters than it must have"));
    }
    Ok(private)
}

/// EncryptedPrivateKeyInfo.
fn pkcs8_encrypted(whole: &Value<'_>) -> Result<Private, Broken> {
    let mut inside = whole.inside();
    let algorithm = inside.take(SEQUENCE, "the encryption")?;
    let data = inside.take(OCTET_STRING, "the encrypted key")?;
    inside.end("the encrypted key")?;
    let mut parts = algorithm.inside();
    let which = parts.take(OID, "the encryption")?;
    let mut name = oid::algorithm(which.content);
    let mut block = if name.ends_with("DES") || name.contains("PKCS#12") { 8 } else { 1 };
    if Oid::from_bytes(which.content) == Ok(oid::PBES2) {
        let mut parameters = parts.take(SEQUENCE, "the parameters of PBES2")?.inside();
        let function = parameters.take(SEQUENCE, "the key derivation")?;
        let cipher = parameters.take(SEQUENCE, "the cipher")?;
        parameters.end("the parameters of PBES2")?;
        let function = oid::algorithm(function.inside().take(OID, "the key derivation")?.content);
        let cipher = oid::algorithm(cipher.inside().take(OID, "the cipher")?.content);
        block = match cipher.as_str() {
            "3DES-CBC" | "DES-CBC" => 8,
            _ if cipher.starts_with("AES") && cipher.ends_with("CBC") => 16,
            _ => 1,
        };
        name = format!("PBES2, {function}, {cipher}");
    }
    if data.content.is_empty() || data.content.len().checked_rem(block) != Some(0) {
        let what = format!("{} encrypted bytes are no whole number of blocks of {block}", data.content.len());
        return Err(Broken::new(data.at, what));
    }
    Ok(Private::sealed("PKCS#8", name))
}

/// RSAPrivateKey.
fn pkcs1(format: &'static str, whole: &Value<'_>) -> Result<Private, Broken> {
    const NAMES: [&str; 8] = [
        "the modulus",
        "the public exponent",
        "the private exponent",
        "the first prime",
        "the second prime",
        "the first prime's exponent",
        "the second prime's exponent",
        "the coefficient",
    ];
    let mut inside = whole.inside();
    let version = inside.take(INTEGER, "the version")?;
    let mut numbers: [&[u8]; 8] = [&[]; 8];
    for (number, name) in numbers.iter_mut().zip(NAMES) {
        *number = inside.take(INTEGER, name)?.magnitude(name)?;
    }
    let several = version.small() == Some(1);
    if several {
        inside.take(SEQUENCE, "further primes")?;
    } else if version.small() != Some(0) {
        return Err(Broken::new(version.at, "a version that there is none of"));
    }
    inside.end("the RSA key")?;
    let [modulus, exponent, ..] = numbers;
    let key = PublicKey::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() };
    let too_large = numbers.iter().any(|number| number.len() > MOST_RSA_BITS / 8);
    if several || too_large {
        return Ok(Private::new(format, PublicHalf::Told(key)));
    }
    // The modulus is the product of the primes, or the key is inconsistent: so the half is derived.
    let mut private = Private::new(format, PublicHalf::Derived(key));
    if let Err(what) = rsa_parts::check(&numbers) {
        private.inconsistent.push(Broken::new(whole.at, what));
    }
    Ok(private)
}

/// ECPrivateKey; the curve may stand outside, in PKCS#8.
fn sec1(format: &'static str, whole: &Value<'_>, outside: Option<Value<'_>>) -> Result<Private, Broken> {
    let mut inside = whole.inside();
    let version = inside.take(INTEGER, "the version")?;
    if version.small() != Some(1) {
        return Err(Broken::new(version.at, "a version that there is none of"));
    }
    let scalar = inside.take(OCTET_STRING, "the private number")?;
    let curve = inside.maybe(0xA0)?.map(|tagged| tagged.only("the curve")).transpose()?;
    let public = inside.maybe(0xA1)?.map(|tagged| tagged.only("the public key")).transpose()?;
    if let Some(public) = public.filter(|public| public.tag != BIT_STRING) {
        return Err(Broken::new(public.at, "the public key is no bit string"));
    }
    inside.end("the EC key")?;
    let mut inconsistent = Vec::new();
    if let (Some(outside), Some(curve)) = (outside, curve)
        && outside.whole != curve.whole
    {
        inconsistent.push(Broken::new(curve.at, "the key names another curve than its wrapping"));
    }
    let Some(parameters) = outside.or(curve) else {
        return Err(Broken::new(whole.at, "the EC key does not name its curve"));
    };
    let told = public.map(|bits| bits.bits()).transpose()?;
    if !matches!(parameters.tag, OID | SEQUENCE) {
        return Err(Broken::new(parameters.at, "the curve is neither named nor described"));
    }
    let Some(known) = Some(parameters).filter(|value| value.tag == OID).and_then(|value| Curve::find(value.content))
    else {
        let key = PublicKey::Other {
            algorithm: oid::EC.as_bytes().to_vec(),
            parameters: parameters.whole.to_vec(),
            key: told.unwrap_or_default().to_vec(),
        };
        let algorithm = Some(key.algorithm());
        let half = match told {
            Some(_) => PublicHalf::Told(key),
            None => PublicHalf::Hidden("its curve is not reckoned with".into()),
        };
        return Ok(Private { algorithm, inconsistent, ..Private::new(format, half) });
    };
    let bytes = known.field_bytes();
    let zeros = scalar.content.len().saturating_sub(bytes);
    let number = scalar.content.get(zeros..).unwrap_or_default();
    if scalar.content.iter().take(zeros).any(|byte| *byte != 0) {
        let what = format!("the private number has {} bytes in the place of {bytes}", scalar.content.len());
        return Err(Broken::new(scalar.at, what));
    }
    let mut padded = Zeroizing::new(vec![0; bytes.saturating_sub(number.len())]);
    padded.reserve_exact(bytes);
    padded.extend_from_slice(number);
    let Some(point) = known.derive(&padded) else {
        inconsistent.push(Broken::new(scalar.at, "the private number is none of its curve"));
        let hidden = PublicHalf::Hidden("the private number is none of its curve".into());
        let algorithm = Some(PublicKey::Ec(known, Vec::new()).algorithm());
        return Ok(Private { algorithm, inconsistent, ..Private::new(format, hidden) });
    };
    if let Some(told) = told
        && known.point(told).as_ref() != Some(&point)
    {
        let at = public.map_or(whole.at, |value| value.at);
        inconsistent.push(Broken::new(at, "the public key in the file is not that of the private number"));
    }
    Ok(Private { inconsistent, ..Private::new(format, PublicHalf::Derived(PublicKey::Ec(known, point))) })
}

/// CurvePrivateKey (RFC 8410) of Ed25519.
fn ed25519(content: &[u8], public: &Option<Value<'_>>) -> Result<Private, Broken> {
    let mut der = Der::new(content);
    let seed = der.take(OCTET_STRING, "the private number")?;
    der.end("the private number")?;
    let seed: Zeroizing<[u8; 32]> =
        Zeroizing::new(seed.content.try_into().map_err(|_| {
            Broken::new(0, format!("an Ed25519 key of {} bytes in the place of 32", seed.content.len()))
        })?);
    let key = ed25519_dalek::SigningKey::from_bytes(&seed).verifying_key().to_bytes().to_vec();
    let mut private = Private::new("PKCS#8", PublicHalf::Derived(PublicKey::Ed25519(key.clone())));
    if let Some(told) = public
        && told.content.split_first() != Some((&0, key.as_slice()))
    {
        // It stands behind the private number.
        private
            .inconsistent
            .push(Broken::new(content.len(), "the public key in the file is not that of the private number"));
    }
    Ok(private)
}

/// A key of OpenSSH (PROTOCOL.key): its first words are in the clear.
pub(super) fn openssh(content: &[u8]) -> Result<Private, Broken> {
    fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (value, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        *rest = after;
        Some(value)
    }
    let read = || {
        let mut rest = content.strip_prefix(b"openssh-key-v1\0")?;
        let cipher = string(&mut rest)?;
        string(&mut rest)?;
        string(&mut rest)?;
        let (_, mut rest) = rest.split_first_chunk::<4>()?;
        let mut public = string(&mut rest)?;
        let secret = string(&mut rest)?;
        let kind = string(&mut public)?;
        (rest.is_empty() && secret.len() >= 8 && secret.len() & 7 == 0).then_some((cipher, kind, secret))
    };
    let (cipher, kind, secret) = read().ok_or_else(|| Broken::new(0, "the OpenSSH key is cut or damaged"))?;
    let text = |bytes: &[u8]| name::shown(&String::from_utf8_lossy(bytes));
    let mut private = Private::new("OpenSSH", PublicHalf::Hidden("keys of OpenSSH are not compared".into()));
    private.algorithm = Some(text(kind));
    if cipher != b"none" {
        private.encryption = Some(text(cipher));
    } else if secret.get(..4) != secret.get(4..8) {
        private.inconsistent.push(Broken::new(0, "the two check numbers of the OpenSSH key differ"));
    }
    Ok(private)
}
