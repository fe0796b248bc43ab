//! The probe `private-key`: one file that should hold a private key.
//!
//! Promises: the kind and strength of the key, its public half as evidence, and a complaint with a place for everything that
//! breaks it. Nothing of the private half is told. Refuses to know: which certificate it is for.

use super::super::{Evidence, Fault, Hold, Kind, Learned, Probe, Settings, Subject};
use super::der::{Broken, Der, SEQUENCE};
use super::form::{self, Form};
use super::pem::{Block, Pem, Piece};
use super::private::{self, Private, PublicHalf};
use super::x509::hex;
use crate::code::{self, Severity};

/// The line of the catalog.
pub static PRIVATE_KEY: Kind = Kind {
    name: "private-key",
    about: "a file with a private key, in PEM (PKCS#8, PKCS#1, SEC 1, encrypted or not, with header fields) or DER: whether \
            it can be read, what kind and how strong it is, and whether its parts fit each other",
    settings: &[],
    facts: &[
        ("encoding", "`PEM` or `DER`"),
        ("format", "`PKCS#8`, `PKCS#1`, `SEC 1`, `DSA` or `OpenSSH`"),
        ("algorithm", "`RSA`, `P-256`, `Ed25519`, …; not there where the encryption hides it"),
        ("bits", "the size of the key"),
        ("encrypted", "`yes` or `no`"),
        ("encryption", "how, where it is encrypted"),
        ("header", "the name of each header field of the PEM block"),
        ("public-key", "SHA-256 of the public half (SubjectPublicKeyInfo in DER)"),
        ("keys", "how many private keys stand in the file, where there are several"),
    ],
    digest: None,
    check: settings,
    start,
};

fn settings(_: &Settings) -> Result<(), String> {
    Ok(())
}

/// Private keys of one file that are read: programs take one, and the arithmetic of each is paid for.
const KEYS: u64 = 64;

fn start(subject: &Subject<'_>) -> Box<dyn Probe> {
    Box::new(PrivateKey(Hold::new(subject)))
}

struct PrivateKey(Hold);

impl Probe for PrivateKey {
    fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut reading = Reading::default();
        match self.0.whole() {
            Ok(content) => reading.read(&content),
            Err(fault) => reading.learned.add(fault),
        }
        reading.learned
    }
}

#[derive(Default)]
struct Reading {
    learned: Learned,
    keys: u64,
}

impl Reading {
    fn read(&mut self, content: &[u8]) {
        if content.is_empty() {
            self.learned.fault(&code::KEY_EMPTY, None, "the file is empty");
        } else if memchr::memmem::find(content, b"-----").is_some() {
            self.pem(content);
        } else if form::is_der(content) {
            self.der(content);
        } else {
            let what = format!("it holds {}", form::foreign(content));
            self.learned.fault(&code::KEY_NONE, None, what);
        }
        if self.keys > 1 {
            let what = format!("{} private keys: programs take the first, or the last", self.keys);
            self.learned.fault(&code::KEY_SEVERAL, None, what);
            self.learned.fact("keys", self.keys.to_string());
        }
    }

    fn pem(&mut self, content: &[u8]) {
        let mut others: Vec<String> = Vec::new();
        let mut damaged = false;
        for piece in Pem::new(content) {
            match piece {
                Piece::Block(block) if form::is_private_label(block.label) => {
                    if self.keys >= KEYS {
                        let at = u64::try_from(block.at).ok();
                        let what = format!("more than {KEYS} private keys in one file: the others were not looked at");
                        return self.learned.fault(&code::LIMIT_REACHED, at, what);
                    }
                    let read = block_key(&block);
                    let place = |at| block.place(at);
                    self.key(read, "PEM", &block.headers, block.at, &place);
                }
                // What others they are need not be told a thousand times.
                Piece::Block(block) if others.len() < 4 => others.push(form::labelled(block.label)),
                Piece::Block(_) => {}
                Piece::Broken(at, what) => {
                    damaged = true;
                    self.fault(&code::KEY_DAMAGED, at, what);
                }
                Piece::Irregular(at, what) => self.fault(&code::KEY_IRREGULAR, at, what),
            }
        }
        if self.keys == 0 && !damaged {
            let what = match others.is_empty() {
                true => form::foreign(content).to_owned(),
                false => others.join(", "),
            };
            self.learned.fault(&code::KEY_NONE, None, format!("it holds {what}"));
        }
    }

    fn der(&mut self, content: &[u8]) {
        let form = Form::of(content);
        if let Err(broken) = Der::new(content).take(SEQUENCE, "the private key") {
            self.fault(&code::KEY_DAMAGED, broken.at, broken.what);
        } else if form.is_private_key() {
            self.key(Private::read(form, content).map(|key| (key, None)), "DER", &[], 0, &|at| at);
        } else {
            self.learned.fault(&code::KEY_NONE, None, format!("it holds {}, in DER", form.name()));
        }
    }

    /// One key; `place` maps its own offsets to those of the file.
    fn key(
        &mut self,
        read: Result<(Private, Option<&'static str>), Broken>,
        encoding: &'static str,
        headers: &[(&str, &str)],
        at: usize,
        place: &dyn Fn(usize) -> usize,
    ) {
        self.keys = self.keys.saturating_add(1);
        let (key, mislabelled) = match read {
            Ok(read) => read,
            Err(broken) => return self.fault(&code::KEY_DAMAGED, place(broken.at), broken.what),
        };
        if let Some(what) = mislabelled {
            self.fault(&code::KEY_IRREGULAR, at, what);
        }
        for broken in &key.irregular {
            self.fault(&code::KEY_IRREGULAR, place(broken.at), broken.what.as_str());
        }
        for broken in &key.inconsistent {
            self.fault(&code::KEY_INCONSISTENT, place(broken.at), broken.what.as_str());
        }
        if let Some(encryption) = &key.encryption {
            self.fault(&code::KEY_ENCRYPTED, at, format!("encrypted with {encryption}"));
        } else if let PublicHalf::Told(_) | PublicHalf::Hidden(_) = key.half
            && key.inconsistent.is_empty()
        {
            let name = key.algorithm.as_deref().unwrap_or("an unknown algorithm");
            // What has no name at all is rather damage than a kind of key.
            let severity = super::oid::is_unnamed(name).then_some(Severity::Warning);
            let message = format!("a key of {name}");
            let offset = u64::try_from(at).ok();
            self.learned.add(Fault { code: &code::KEY_UNKNOWN_ALGORITHM, severity, message, offset });
        }
        if let PublicHalf::Derived(public) | PublicHalf::Told(public) = &key.half
            && let Some(weakness) = public.weakness()
        {
            self.fault(&code::KEY_WEAK, at, weakness);
        }
        if self.keys == 1 {
            self.tell(key, encoding, headers);
        }
    }

    /// The facts and the evidence of the first key.
    fn tell(&mut self, key: Private, encoding: &'static str, headers: &[(&str, &str)]) {
        let learned = &mut self.learned;
        learned.fact("encoding", encoding);
        learned.fact("format", key.format);
        if let Some(algorithm) = key.algorithm {
            learned.fact("algorithm", algorithm);
        }
        if let PublicHalf::Derived(public) | PublicHalf::Told(public) = &key.half {
            if let Some(bits) = public.bits() {
                learned.fact("bits", bits.to_string());
            }
            learned.fact("public-key", hex(&public.fingerprint()));
        }
        learned.fact("encrypted", if key.encryption.is_some() { "yes" } else { "no" });
        if let Some(encryption) = key.encryption {
            learned.fact("encryption", encryption);
        }
        // Their values may be secrets.
        for (name, _) in headers.iter().take(16) {
            learned.fact("header", super::name::shown(name));
        }
        learned.evidence.push(Evidence::PrivateKey(key.half));
    }

    fn fault(&mut self, code: &'static code::Code, at: usize, what: impl Into<String>) {
        self.learned.add(Fault { code, severity: None, message: what.into(), offset: u64::try_from(at).ok() });
    }
}

/// The key in a block, and what is odd about its label.
fn block_key(block: &Block<'_>) -> Result<(Private, Option<&'static str>), Broken> {
    if block.label == "OPENSSH PRIVATE KEY" {
        return private::openssh(&block.der).map(|key| (key, None));
    }
    let header = |wanted: &str| block.headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    if header("Proc-Type").is_some_and(|value| value.contains("ENCRYPTED")) {
        return legacy(block, header("DEK-Info")).map(|key| (key, None));
    }
    let expected = match block.label {
        "RSA PRIVATE KEY" => Form::Pkcs1,
        "EC PRIVATE KEY" => Form::Sec1,
        "DSA PRIVATE KEY" => Form::Dsa,
        "ENCRYPTED PRIVATE KEY" => Form::Pkcs8Encrypted,
        _ => Form::Pkcs8,
    };
    match Form::of(&block.der) {
        found if found == expected => Private::read(expected, &block.der).map(|key| (key, None)),
        found if found.is_private_key() => {
            let odd = "the label is that of another form of private key: OpenSSL goes by it, and does not read the key";
            Private::read(found, &block.der).map(|key| (key, Some(odd)))
        }
        Form::Unknown => Private::read(expected, &block.der).map(|key| (key, None)),
        other => Err(Broken::new(0, format!("the block is labelled as a private key and holds {}", other.name()))),
    }
}

/// A key encrypted in the way of RFC 1421, as OpenSSL did before PKCS#8.
fn legacy(block: &Block<'_>, info: Option<&str>) -> Result<Private, Broken> {
    let info = info.ok_or_else(|| Broken::new(0, "encrypted, and no field DEK-Info says how"))?;
    let (cipher, vector) = info.split_once(',').unwrap_or((info, ""));
    let bytes: usize = if cipher.starts_with("DES") { 8 } else { 16 };
    let vector_fits = vector.len() == bytes.saturating_mul(2) && vector.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_whole = block.der.len().checked_rem(bytes) == Some(0);
    if cipher.ends_with("CBC") && !(is_whole && vector_fits) {
        let what = format!("{} encrypted bytes do not fit the field DEK-Info", block.der.len());
        return Err(Broken::new(0, what));
    }
    let (format, algorithm) = match block.label {
        "RSA PRIVATE KEY" => ("PKCS#1", Some("RSA")),
        "EC PRIVATE KEY" => ("SEC 1", Some("EC")),
        "DSA PRIVATE KEY" => ("DSA", Some("DSA")),
        _ => ("PKCS#8", None),
    };
    let mut key = Private::sealed(format, super::name::shown(cipher));
    key.algorithm = algorithm.map(str::to_owned);
    Ok(key)
}
