//! How UCP is known to be the right one: the certificate authority that issued what it shows.
//!
//! Promises: what becomes an argument is a certificate and nothing else; an authority that was fetched from a server that
//! could not prove itself is said, with its fingerprint, and kept, so that it cannot change unnoticed; a file that exists is
//! never written to. Refuses to know: what UCP is asked for.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use crate::produce::run::Command;
use crate::produce::{Trouble, World};
use crate::report::escaped;

/// Bytes of a file of certificates.
const MOST_BYTES: usize = 64 << 10;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// How UCP is known to be the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// By this certificate authority, PEM.
    Authority(Vec<u8>),
    /// By the authority in this file; where there is none yet, by what UCP says of itself this once, which is kept there.
    Pinned(PathBuf),
    /// It is not: the password goes to whoever answers.
    Nobody,
}

/// An authority.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    pem: String,
    /// Where it is to be kept, for it was fetched.
    keep: Option<PathBuf>,
}

impl Authority {
    /// What `trust` says: `None` is nobody. `curl` fetches what is not there from the UCP at `host`.
    pub(super) fn of(trust: &Trust, host: &str, curl: &OsStr, world: &World) -> Result<Option<Self>, Trouble> {
        let path = match trust {
            Trust::Nobody => return Ok(None),
            Trust::Authority(pem) => {
                return Ok(Some(Self { pem: check(pem.clone(), "the file of UCP's authority")?, keep: None }));
            }
            Trust::Pinned(path) => path,
        };
        let shown = escaped(path.as_os_str().as_encoded_bytes());
        match read(path) {
            Ok(pem) => Ok(Some(Self { pem: check(pem, &shown.to_string())?, keep: None })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let address = format!("https://{host}/ca");
                let options = ["--silent", "--show-error", "--fail", "--insecure", "--max-time", "60"];
                let command = Command::new(curl).arguments(options).argument(&address);
                let pem = world.look("fetch UCP's certificate authority", &command)?;
                Ok(Some(Self { pem: check(pem, &escaped(address.as_bytes()).to_string())?, keep: Some(path.clone()) }))
            }
            Err(error) => Err(Trouble::Usage(format!(
                "failed to read UCP's authority in {shown}: {error}; see that it can be read, or remove it to have it fetched"
            ))),
        }
    }

    /// The argument.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// SHA-256 of each certificate, as `openssl x509 -fingerprint` has it.
    pub(super) fn fingerprints(&self) -> String {
        let all: Vec<String> = certificates(&self.pem).into_iter().flatten().map(|der| fingerprint(&der)).collect();
        all.join(" ")
    }

    /// What whoever reads the receipt must know of it.
    pub(super) fn warning(&self) -> Option<String> {
        self.keep.as_ref().map(|path| {
            format!(
                "UCP's certificate authority was fetched from a server that could not prove that it is UCP, and is kept in {}: \
                 compare its SHA-256 fingerprint {} with that of the authority on a manager before you rely on this archive",
                escaped(path.as_os_str().as_encoded_bytes()),
                self.fingerprints()
            )
        })
    }

    /// Where it is going to be kept.
    pub(super) fn is_to_be_kept(&self) -> Option<&Path> {
        self.keep.as_deref()
    }

    /// Keeps it, if it was fetched.
    pub(super) fn keep(&self) -> Result<(), Trouble> {
        let Some(path) = &self.keep else { return Ok(()) };
        let write = || {
            let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
            file.write_all(self.pem.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        write().map_err(|error| {
            Trouble::Refused(format!(
                "failed to keep UCP's authority in {}: {error}; give a place that can be written to",
                escaped(path.as_os_str().as_encoded_bytes())
            ))
        })
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path)?.take(MOST_BYTES as u64 + 1).read_to_end(&mut pem)?;
    Ok(pem)
}

/// Text of certificates alone, without what stands between them; `place` is where it came from.
fn check(pem: Vec<u8>, place: &str) -> Result<String, Trouble> {
    let wrong = |why: &str| {
        Err(Trouble::Usage(format!(
            "{place} {why}; fetch it with curl --insecure https://UCP/ca > ucp-ca.pem, and compare its fingerprint (openssl \
             x509 -noout -fingerprint -sha256 -in ucp-ca.pem) with that on a manager"
        )))
    };
    if pem.len() > MOST_BYTES {
        return wrong("is longer than 64 KiB, which no authority is");
    }
    let Ok(text) = String::from_utf8(pem) else { return wrong("is no text") };
    if text.contains("PRIVATE KEY") {
        return wrong("holds a private key, which everybody on the machine could read as an argument");
    }
    match certificates(&text) {
        Some(all) if !all.is_empty() => {}
        _ => return wrong("holds no certificate, or one that is damaged"),
    }
    let mut clean = Vec::new();
    for part in text.split(BEGIN).skip(1) {
        let body = part.split(END).next().unwrap_or_default();
        let lines: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        clean.push(format!("{BEGIN}\n{}\n{END}", lines.join("\n")));
    }
    Ok(clean.join("\n"))
}

/// The certificates in a text; `None` where one is damaged.
fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let one = |part: &str| {
        let (body, _) = part.split_once(END)?;
        let body: String = body.split_whitespace().collect();
        STANDARD.decode(body).ok().filter(|der| der.first() == Some(&0x30))
    };
    text.split(BEGIN).skip(1).map(one).collect()
}

fn fingerprint(der: &[u8]) -> String {
    let bytes: Vec<String> = Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}
