//! Session-key packets: what stands before the encrypted data, and the key each gives for a passphrase (RFC 9580, sections
//! 5.1 and 5.3).
//!
//! Promises: their number is limited; a packet that cannot be used is named with its reason; keys are zeroed when dropped
//! and stand in no message. Refuses to know: which passphrases there are and what a key opens.

use sequoia_openpgp::crypto::{KeyPair, Password, SessionKey};
use sequoia_openpgp::packet::{Key, PKESK, SKESK, key};
use sequoia_openpgp::parse::Parse as _;
use sequoia_openpgp::types::{AEADAlgorithm, SymmetricAlgorithm};
use zeroize::Zeroizing;

use super::cipher::{BLOCK_BYTES_MAX, Cipher};
use super::decrypt::{Esk, Scheme};
use super::key::Candidate;
use super::s2k::{Refusal, S2k};
use crate::secret::Secret;

/// The session-key packets of a message.
#[derive(Default)]
pub(super) struct Locks {
    pub(super) skesks: Vec<Skesk>,
    pub(super) pkesks: Vec<Pkesk>,
    /// Packets that cannot be used, and why.
    pub(super) unusable: Vec<String>,
    pub(super) malformed: Option<String>,
    pub(super) count: u64,
}

/// A session key encrypted to a passphrase.
pub(super) struct Skesk {
    version: u8,
    pub(super) cipher: Cipher,
    pub(super) s2k: S2k,
    wrap: Wrap,
}

/// How a passphrase's key gives the session key.
enum Wrap {
    /// It is the session key.
    Itself,
    /// By CFB, behind the octet that names the cipher (version 4).
    Cfb(Vec<u8>),
    /// By AEAD, under the derived key (version 5).
    Direct { mode: AEADAlgorithm, associated: [u8; 4], nonce: Vec<u8>, sealed: Vec<u8> },
    /// By AEAD, under a key derived from it (version 6), which sequoia-openpgp does.
    Derived(Box<SKESK>),
}

/// A session key encrypted to a key.
pub(super) struct Pkesk {
    pub(super) packet: PKESK,
    pub(super) version: u8,
    pub(super) recipient: String,
}

impl Locks {
    /// Takes the body of a SKESK.
    pub(super) fn add_skesk(&mut self, body: &[u8]) {
        self.count = self.count.saturating_add(1);
        match read_skesk(body) {
            Ok(skesk) => self.skesks.push(skesk),
            Err(Unusable::Unsupported(what)) => self.unusable.push(what),
            Err(Unusable::Malformed(what)) => self.malformed = Some(what),
        }
    }

    /// Takes the body of a PKESK.
    pub(super) fn add_pkesk(&mut self, body: &[u8]) {
        self.count = self.count.saturating_add(1);
        match (body.first(), PKESK::from_bytes(body)) {
            (Some(version @ (3 | 6)), Ok(packet @ (PKESK::V3(_) | PKESK::V6(_)))) => {
                self.pkesks.push(Pkesk { recipient: recipient(body), version: *version, packet });
            }
            (Some(version @ (3 | 6)), _) => {
                self.malformed = Some(format!("a PKESK of version {version} cannot be read"));
            }
            (version, _) => self.unusable.push(format!("PKESK version {}", version.copied().unwrap_or(0))),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Drops the packets that do not belong to `scheme`: a reader must not use them (RFC 9580, section 10.3.2.1).
    pub(super) fn keep(&mut self, scheme: &dyn Scheme) {
        let strays = self.skesks.len().saturating_add(self.pkesks.len());
        self.skesks.retain(|skesk| scheme.takes(Esk::Passphrase(skesk.version)));
        self.pkesks.retain(|pkesk| scheme.takes(Esk::Public(pkesk.version)));
        if strays > 0 && self.skesks.is_empty() && self.pkesks.is_empty() {
            let what = format!("no session-key packet is of a version that belongs to {}", scheme.name());
            self.malformed.get_or_insert(what);
        }
    }

    /// The recipients' key identifiers or fingerprints, in the order of their packets.
    pub(super) fn recipients(&self) -> Vec<&str> {
        self.pkesks.iter().map(|pkesk| pkesk.recipient.as_str()).collect()
    }

    /// The first key derivation that is called weak, in words.
    pub(super) fn weak(&self) -> Option<String> {
        self.skesks.iter().find(|skesk| skesk.s2k.is_weak()).map(|skesk| skesk.s2k.to_string())
    }

    /// The cipher of the message, where that can be told without a secret.
    pub(super) fn cipher(&self) -> Option<Cipher> {
        self.skesks.iter().find(|skesk| matches!(skesk.wrap, Wrap::Itself)).map(|skesk| skesk.cipher)
    }

    /// The first key derivation, in words.
    pub(super) fn s2k(&self) -> Option<String> {
        self.skesks.first().map(|skesk| skesk.s2k.to_string())
    }

    /// The kinds and versions of the packets, in words; empty where there are none.
    pub(super) fn kinds(&self) -> String {
        let skesks = self.skesks.iter().map(|skesk| format!("SKESK v{}", skesk.version));
        let pkesks = self.pkesks.iter().map(|pkesk| format!("PKESK v{}", pkesk.version));
        pkesks.chain(skesks).collect::<Vec<_>>().join(", ")
    }
}

impl Skesk {
    /// The session key that `passphrase` gives; `None` where it cannot be one.
    pub(super) fn open(&self, passphrase: &Secret) -> Option<Candidate> {
        let candidate =
            |cipher, key, certain| Some(Candidate { cipher, key, s2k: Some(self.s2k.to_string()), certain });
        let derive = || self.s2k.derive(passphrase, self.cipher.key_bytes);
        match &self.wrap {
            Wrap::Itself => candidate(Some(self.cipher), derive()?, false),
            Wrap::Cfb(esk) => {
                let clear = self.cipher.cfb_short(&derive()?, &[0; BLOCK_BYTES_MAX], esk)?;
                let (algorithm, key) = clear.split_first()?;
                let cipher = Cipher::find(*algorithm).filter(|cipher| cipher.key_bytes == key.len())?;
                candidate(Some(cipher), Zeroizing::new(key.to_vec()), false)
            }
            Wrap::Direct { mode, associated, nonce, sealed } => {
                let derived = SessionKey::from(derive()?.as_slice());
                let algorithm = SymmetricAlgorithm::from(*associated.get(2)?);
                let mut key = Zeroizing::new(vec![0; sealed.len().checked_sub(mode.digest_size().ok()?)?]);
                let context = mode.context(algorithm, &derived, associated, nonce).ok()?;
                context.for_decryption().ok()?.decrypt_verify(&mut key, sealed).ok()?;
                candidate(None, key, true)
            }
            Wrap::Derived(skesk) => {
                let SKESK::V6(skesk) = &**skesk else { return None };
                let key = skesk.decrypt(&Password::from(passphrase.reveal())).ok()?;
                candidate(None, Zeroizing::new(key.as_ref().to_vec()), true)
            }
        }
    }
}

impl Pkesk {
    pub(super) fn is_for(&self, key: &SecretKey) -> bool {
        let named = self.packet.recipient();
        key.pk_algo().for_encryption() && named.is_none_or(|named| named.aliases(key.key_handle()))
    }

    /// The session key that `pair` gives; `None` where it cannot be one.
    pub(super) fn open(&self, pair: &mut KeyPair) -> Option<Candidate> {
        let (algorithm, session) = self.packet.decrypt(pair, None)?;
        let key = Zeroizing::new(session.as_ref().to_vec());
        let cipher = match algorithm {
            Some(algorithm) => Some(Cipher::find(algorithm.into()).filter(|cipher| cipher.key_bytes == key.len())?),
            None => None,
        };
        Some(Candidate { cipher, key, s2k: None, certain: true })
    }
}

pub(super) type SecretKey = Key<key::SecretParts, key::UnspecifiedRole>;

enum Unusable {
    Unsupported(String),
    Malformed(String),
}

/// Reads a SKESK: version 4 and 6 of RFC 9580, section 5.3, and version 5 of RFC 4880bis, which GnuPG writes.
fn read_skesk(body: &[u8]) -> Result<Skesk, Unusable> {
    let malformed = || Unusable::Malformed(format!("a SKESK of {} bytes cannot be read", body.len()));
    let unknown = |algorithm: u8| Unusable::Unsupported(format!("cipher algorithm {algorithm}"));
    let s2k = |input| {
        S2k::parse(input).map_err(|refusal| match refusal {
            Refusal::Short | Refusal::Impossible => malformed(),
            Refusal::Unknown(what) => Unusable::Unsupported(what),
        })
    };
    match *body {
        [version @ 4, algorithm, ref rest @ ..] => {
            let cipher = Cipher::find(algorithm).ok_or_else(|| unknown(algorithm))?;
            let (s2k, esk) = s2k(rest)?;
            let wrap = if esk.is_empty() { Wrap::Itself } else { Wrap::Cfb(esk.to_vec()) };
            Ok(Skesk { version, cipher, s2k, wrap })
        }
        [version @ 5, algorithm, mode, ref rest @ ..] => {
            let cipher = Cipher::find(algorithm).ok_or_else(|| unknown(algorithm))?;
            let (s2k, rest) = s2k(rest)?;
            let associated = [0xc3, version, algorithm, mode];
            let mode = aead(mode)?;
            let nonce_bytes = mode.nonce_size().unwrap_or(0);
            let (nonce, sealed) = rest.split_at_checked(nonce_bytes).ok_or_else(malformed)?;
            let wrap = Wrap::Direct { mode, associated, nonce: nonce.to_vec(), sealed: sealed.to_vec() };
            Ok(Skesk { version, cipher, s2k, wrap })
        }
        [version @ 6, _, algorithm, mode, s2k_bytes, ref rest @ ..] => {
            let cipher = Cipher::find(algorithm).ok_or_else(|| unknown(algorithm))?;
            aead(mode)?;
            let (s2k, rest) = s2k(rest.get(..usize::from(s2k_bytes)).ok_or_else(malformed)?)?;
            if !rest.is_empty() {
                return Err(malformed());
            }
            let packet = SKESK::from_bytes(body).ok().filter(|packet| matches!(packet, SKESK::V6(_)));
            let wrap = Wrap::Derived(Box::new(packet.ok_or_else(malformed)?));
            Ok(Skesk { version, cipher, s2k, wrap })
        }
        [version, _, ..] if !(4..=6).contains(&version) => {
            Err(Unusable::Unsupported(format!("SKESK version {version}")))
        }
        _ => Err(malformed()),
    }
}

fn aead(mode: u8) -> Result<AEADAlgorithm, Unusable> {
    let known = AEADAlgorithm::from(mode);
    if known.nonce_size().is_ok() { Ok(known) } else { Err(Unusable::Unsupported(format!("AEAD mode {mode}"))) }
}

/// The key identifier that a PKESK of version 3 names, or the fingerprint that one of version 6 does.
fn recipient(body: &[u8]) -> String {
    let named = match body {
        [6, length, _, rest @ ..] => usize::from(*length).checked_sub(1).and_then(|length| rest.get(..length)),
        _ => body.get(1..9).filter(|id| id.iter().any(|byte| *byte != 0)),
    };
    named.map_or_else(|| "hidden".into(), |id| id.iter().map(|byte| format!("{byte:02X}")).collect())
}
