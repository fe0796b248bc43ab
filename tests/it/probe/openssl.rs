//! The `openssl` program, for material that others made and for what others say about it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use veritar::probe::pki::{Certificate, PublicHalf};
use veritar::probe::{Evidence, Learned, Settings};

use super::learn;
use crate::support::{program, root};

/// A folder in which openssl works.
pub struct Openssl(tempfile::TempDir);

/// What it said.
pub struct Said {
    pub good: bool,
    pub out: String,
    pub bytes: Vec<u8>,
}

impl Openssl {
    /// `None`, said by name, where it is not installed.
    pub fn new(test: &str) -> Option<Self> {
        program(test, "openssl").then(|| Self(tempfile::tempdir().unwrap()))
    }

    /// Runs `openssl` with arguments that are separated by spaces; `~` in one stands for a space.
    pub fn ask(&self, arguments: &str) -> Said {
        let arguments = arguments.split_whitespace().map(|argument| argument.replace('~', " "));
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(self.0.path())
            .env("OPENSSL_CONF", "/dev/null")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [&output.stdout[..], &output.stderr[..]].concat();
        Said { good: output.status.success(), out: String::from_utf8_lossy(&text).into_owned(), bytes: output.stdout }
    }

    /// Runs it, and it must succeed: what it wrote.
    pub fn run(&self, arguments: &str) -> Vec<u8> {
        let said = self.ask(arguments);
        assert!(said.good, "openssl {arguments}: {}", said.out);
        said.bytes
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    /// A certificate `name`.crt for a new key `name`.key, by itself or by the CA called `issuer`.
    pub fn certificate(&self, name: &str, key: &str, subject: &str, extensions: &str, issuer: Option<&str>) {
        self.certificate_signed(name, key, subject, extensions, issuer, "-sha256");
    }

    pub fn certificate_signed(
        &self,
        name: &str,
        key: &str,
        subject: &str,
        extensions: &str,
        issuer: Option<&str>,
        how: &str,
    ) {
        self.run(&format!("genpkey {key} -out {name}.key"));
        self.certify(name, subject, extensions, issuer, how);
    }

    /// The same for a key that is there.
    pub fn certify(&self, name: &str, subject: &str, extensions: &str, issuer: Option<&str>, how: &str) {
        self.write("request.conf", "[req]\ndistinguished_name = dn\n[dn]\n");
        self.write(&format!("{name}.ext"), extensions);
        self.run(&format!("req -new -config request.conf -key {name}.key -subj {subject} -out {name}.csr -sha256"));
        let signer = match issuer {
            None => format!("-signkey {name}.key"),
            Some(issuer) => format!("-CA {issuer}.crt -CAkey {issuer}.key"),
        };
        self.run(&format!(
            "x509 -req -in {name}.csr {signer} -extfile {name}.ext -days 400 -set_serial 0x1F2E3D4C {how} -out {name}.crt"
        ));
    }
}

/// A file of the committed material.
pub fn part(name: &str) -> Vec<u8> {
    let path: PathBuf = root().join("tests/it/parts/pki").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn key(content: &[u8]) -> Learned {
    learn("private-key", "key.pem", content, &Settings::new(), None)
}

pub fn certificate(content: &[u8]) -> Learned {
    learn("certificate", "cert.pem", content, &Settings::new(), None)
}

/// The public half that a private key's file gives as evidence.
pub fn half(learned: &Learned) -> &PublicHalf {
    let mut halves = learned.evidence.iter().filter_map(|evidence| match evidence {
        Evidence::PrivateKey(half) => Some(half),
        _ => None,
    });
    halves.next().expect("evidence of a private key")
}

/// The certificates that a file gives as evidence.
pub fn chain(learned: &Learned) -> &[Certificate] {
    let mut chains = learned.evidence.iter().filter_map(|evidence| match evidence {
        Evidence::Certificates(certificates) => Some(&certificates[..]),
        _ => None,
    });
    chains.next().unwrap_or_default()
}

/// The values of a fact, in order.
pub fn facts<'a>(learned: &'a Learned, wanted: &str) -> Vec<&'a str> {
    let found = learned.facts().iter().filter(|(name, _)| *name == wanted);
    found.map(|(_, value)| value.as_str()).collect()
}

/// The value of a fact that stands once.
pub fn fact<'a>(learned: &'a Learned, wanted: &str) -> &'a str {
    match facts(learned, wanted)[..] {
        [value] => value,
        ref values => panic!("{wanted} is {values:?} in {:?}", learned.facts()),
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What stands in the first PEM block, read by an independent base64 decoder.
pub fn decoded(pem: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = std::str::from_utf8(pem).unwrap();
    let body: String = text.lines().filter(|line| !line.starts_with('-') && !line.contains(':')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

/// Every way to flip one bit.
pub fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, u8, Vec<u8>)> + '_ {
    (0..bytes.len()).flat_map(move |at| {
        (0..8).map(move |bit| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << bit;
            (at, bit, flipped)
        })
    })
}
