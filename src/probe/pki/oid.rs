//! The object identifiers of keys, curves, signatures and certificates, and their names.
//!
//! Promises: a name for everything that a key or certificate of these products has been seen with; numbers for the rest.
//! Refuses to know: how anything is computed.

use const_oid::ObjectIdentifier as Oid;

macro_rules! oids {
    ($($name:ident = $number:literal;)+) => { $(pub(super) const $name: Oid = Oid::new_unwrap($number);)+ };
}

oids! {
    RSA = "1.2.840.113549.1.1.1";
    RSA_PSS = "1.2.840.113549.1.1.10";
    MGF1 = "1.2.840.113549.1.1.8";
    EC = "1.2.840.10045.2.1";
    ED25519 = "1.3.101.112";
    DSA = "1.2.840.10040.4.1";
    P256 = "1.2.840.10045.3.1.7";
    P384 = "1.3.132.0.34";
    P521 = "1.3.132.0.35";
    SHA1 = "1.3.14.3.2.26";
    SHA224 = "2.16.840.1.101.3.4.2.4";
    SHA256 = "2.16.840.1.101.3.4.2.1";
    SHA384 = "2.16.840.1.101.3.4.2.2";
    SHA512 = "2.16.840.1.101.3.4.2.3";
    RSA_SHA1 = "1.2.840.113549.1.1.5";
    RSA_SHA224 = "1.2.840.113549.1.1.14";
    RSA_SHA256 = "1.2.840.113549.1.1.11";
    RSA_SHA384 = "1.2.840.113549.1.1.12";
    RSA_SHA512 = "1.2.840.113549.1.1.13";
    ECDSA_SHA1 = "1.2.840.10045.4.1";
    ECDSA_SHA224 = "1.2.840.10045.4.3.1";
    ECDSA_SHA256 = "1.2.840.10045.4.3.2";
    ECDSA_SHA384 = "1.2.840.10045.4.3.3";
    ECDSA_SHA512 = "1.2.840.10045.4.3.4";
    BASIC_CONSTRAINTS = "2.5.29.19";
    KEY_USAGE = "2.5.29.15";
    ALTERNATIVE_NAMES = "2.5.29.17";
    SUBJECT_KEY_ID = "2.5.29.14";
    AUTHORITY_KEY_ID = "2.5.29.35";
    PBES2 = "1.2.840.113549.1.5.13";
    PKCS7 = "1.2.840.113549.1.7";
}

/// Names of keys and signatures that are only named.
const NAMES: &[(&str, &str)] = &[
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.10040.4.3", "DSA with SHA-1"),
    ("1.2.840.10045.2.1", "EC"),
    ("1.2.840.10046.2.1", "DH"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.113549.1.1.2", "RSA with MD2"),
    ("1.2.840.113549.1.1.4", "RSA with MD5"),
    ("1.2.840.113549.1.1.7", "RSAES-OAEP"),
    ("1.2.840.113549.1.3.1", "DH"),
    ("1.2.840.113549.1.5.3", "PBES1 with MD5 and DES"),
    ("1.2.840.113549.1.5.10", "PBES1 with SHA-1 and DES"),
    ("1.2.840.113549.1.5.12", "PBKDF2"),
    ("1.2.840.113549.1.12.1.3", "PKCS#12 with SHA-1 and 3DES"),
    ("1.2.840.113549.1.12.1.6", "PKCS#12 with SHA-1 and RC2-40"),
    ("1.3.6.1.4.1.11591.4.11", "scrypt"),
    ("1.2.840.113549.3.7", "3DES-CBC"),
    ("1.3.14.3.2.7", "DES-CBC"),
    ("2.16.840.1.101.3.4.1.2", "AES-128-CBC"),
    ("2.16.840.1.101.3.4.1.22", "AES-192-CBC"),
    ("2.16.840.1.101.3.4.1.42", "AES-256-CBC"),
    ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
    ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ("2.16.840.1.101.3.4.3.2", "DSA with SHA-256"),
    ("2.16.840.1.101.3.4.3.17", "ML-DSA-44"),
    ("2.16.840.1.101.3.4.3.18", "ML-DSA-65"),
    ("2.16.840.1.101.3.4.3.19", "ML-DSA-87"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

/// Name and bits of each curve, by the names of SEC 2 where NIST has none.
const CURVES: &[(&str, &str, usize)] = &[
    ("1.2.840.10045.3.1.1", "P-192", 192),
    ("1.2.840.10045.3.1.7", "P-256", 256),
    ("1.3.132.0.10", "secp256k1", 256),
    ("1.3.132.0.33", "P-224", 224),
    ("1.3.132.0.34", "P-384", 384),
    ("1.3.132.0.35", "P-521", 521),
    ("1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1", 192),
    ("1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1", 224),
    ("1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256),
    ("1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1", 320),
    ("1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384),
    ("1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512),
    ("1.2.156.10197.1.301", "SM2", 256),
];

/// The parts of a name, as RFC 4514 and OpenSSL abbreviate them.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.42", "GN"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "emailAddress"),
];

/// The identifier in dotted numbers; `None` where the bytes are none.
pub(super) fn dotted(bytes: &[u8]) -> Option<String> {
    Oid::from_bytes(bytes).ok().map(|oid| oid.to_string())
}

/// What stands for an identifier that is none.
const INVALID: &str = "no object identifier";

/// Whether what was given as a name is none: a number without a name here, or not even that.
pub(super) fn is_unnamed(name: &str) -> bool {
    let name = name.trim_start_matches("EC ");
    name == INVALID || name.starts_with(|first: char| first.is_ascii_digit())
}

fn named(bytes: &[u8], table: &[(&str, &'static str)]) -> String {
    let Some(dotted) = dotted(bytes) else { return INVALID.into() };
    let found = table.iter().find(|(number, _)| *number == dotted);
    found.map_or(dotted, |(_, name)| (*name).to_owned())
}

/// What a key, signature or encryption is called.
pub(super) fn algorithm(bytes: &[u8]) -> String {
    named(bytes, NAMES)
}

/// What a part of a name is called.
pub(super) fn attribute(bytes: &[u8]) -> String {
    named(bytes, ATTRIBUTES)
}

/// What a curve is called, and its bits.
pub(super) fn curve(bytes: &[u8]) -> (String, Option<usize>) {
    let Some(dotted) = dotted(bytes) else { return (INVALID.into(), None) };
    let found = CURVES.iter().find(|(number, ..)| *number == dotted);
    found.map_or((dotted, None), |(_, name, bits)| ((*name).to_owned(), Some(*bits)))
}
