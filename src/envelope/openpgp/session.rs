//! The search for the session key: which passphrase or secret key opens which of the packets before the encrypted data.
//!
//! Passphrases are asked for only where a SKESK or a locked secret key is met, secret keys only where a PKESK is: asking
//! may mean a prompt. Secret keys are tried first, because they may spare it.
//!
//! Promises: the number of derivations is limited; keys are zeroed when dropped and stand in no message. A key is held
//! against the beginning of the body, never against anything else of it. Refuses to know: how the body is decrypted, and
//! what to report: it says what it found.

use std::io;

use sequoia_openpgp::cert::CertParser;
use sequoia_openpgp::crypto::Password;
use sequoia_openpgp::crypto::mpi::PublicKey;
use sequoia_openpgp::parse::Parse as _;

use super::decrypt::Scheme;
use super::key::{Candidate, Fit};
use super::locks::{Locks, SecretKey};
use crate::limits::Limits;
use crate::secret::{Secret, Unlock};

/// What became of the search.
pub(super) enum Search {
    /// This key fits.
    Found(Candidate),
    /// None does.
    Nothing { why: Why, candidates: Vec<Candidate> },
}

/// Why no key was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Why {
    /// There is no packet that could be used, because it is not known here.
    Unsupported(String),
    /// There is none at all, or it is broken.
    Malformed(String),
    PassphraseMissing(String),
    PassphraseWrong(String),
    KeyMissing(String),
    Limit(String),
}

impl Locks {
    /// Looks for the key that fits `head`, the first bytes of the body.
    ///
    /// # Errors
    /// Secrets could not be read from where they are kept.
    pub(super) fn search(
        &self,
        scheme: &dyn Scheme,
        head: &[u8],
        unlock: &mut dyn Unlock,
        limits: &Limits,
    ) -> io::Result<Search> {
        if self.skesks.is_empty() && self.pkesks.is_empty() {
            let why = match (&self.malformed, self.unusable.as_slice()) {
                (None, []) => Why::Malformed("no session-key packet stands before the encrypted data".into()),
                (Some(what), []) => Why::Malformed(what.clone()),
                (_, unusable) => Why::Unsupported(unusable.join(", ")),
            };
            return Ok(Search::Nothing { why, candidates: Vec::new() });
        }
        let mut search = Try { scheme, head, limits, tries: 0, passed: None, candidates: Vec::new(), over: None };
        let mut passphrases = None;
        let by_key = self.try_secret_keys(&mut search, unlock, &mut passphrases)?;
        if search.passed.is_none() && search.over.is_none() && !self.skesks.is_empty() {
            self.try_passphrases(&mut search, asked(&mut passphrases, unlock)?);
        }
        let Try { passed, candidates, over, .. } = search;
        if let Some(found) = passed {
            return Ok(Search::Found(found));
        }
        let why = over.map(Why::Limit).unwrap_or_else(|| self.why(passphrases.as_deref(), by_key));
        Ok(Search::Nothing { why, candidates })
    }

    fn try_passphrases(&self, search: &mut Try<'_>, passphrases: &[Secret]) {
        for skesk in &self.skesks {
            let cost = skesk.s2k.memory_passes_bytes();
            // Each pass over the memory costs as much again, so the limit bounds time too.
            if cost > search.limits.argon2_bytes {
                let limit = search.limits.argon2_bytes;
                let why = format!("{} goes over {cost} bytes (--limit argon2-bytes={limit})", skesk.s2k);
                search.over.get_or_insert(why);
                continue;
            }
            for passphrase in passphrases {
                if !search.may_try() {
                    return;
                }
                if let Some(candidate) = skesk.open(passphrase)
                    && search.fits(candidate)
                {
                    return;
                }
            }
        }
    }

    fn try_secret_keys(
        &self,
        search: &mut Try<'_>,
        unlock: &mut dyn Unlock,
        passphrases: &mut Option<Vec<Secret>>,
    ) -> io::Result<ByKey> {
        let mut outcome = ByKey::default();
        if self.pkesks.is_empty() {
            return Ok(outcome);
        }
        let keys = read_keys(&unlock.secret_keys()?, &mut outcome);
        for pkesk in &self.pkesks {
            for key in keys.iter().filter(|key| pkesk.is_for(key)) {
                outcome.matched = true;
                outcome.unsupported = outcome.unsupported.or_else(|| unsupported(key));
                let key = if key.has_unencrypted_secret() {
                    Some(key.clone())
                } else {
                    outcome.locked = true;
                    let known = asked(passphrases, unlock)?;
                    known
                        .iter()
                        .take_while(|_| search.may_try())
                        .find_map(|passphrase| key.clone().decrypt_secret(&Password::from(passphrase.reveal())).ok())
                };
                let Some(mut pair) = key.and_then(|key| key.into_keypair().ok()) else { continue };
                outcome.opened = true;
                if !search.may_try() {
                    return Ok(outcome);
                }
                let Some(candidate) = pkesk.open(&mut pair) else { continue };
                if search.fits(candidate) {
                    return Ok(outcome);
                }
            }
        }
        Ok(outcome)
    }

    /// Puts into words why nothing was found.
    fn why(&self, passphrases: Option<&[Secret]>, by_key: ByKey) -> Why {
        let recipients = if self.pkesks.is_empty() {
            String::new()
        } else {
            format!("; recipients: {}", self.recipients().join(", "))
        };
        let given = passphrases.map_or(0, <[Secret]>::len);
        let locked = by_key.locked && !by_key.opened;
        if !self.skesks.is_empty() || locked {
            let asker = if self.skesks.is_empty() { "the secret key is locked" } else { "the message has a SKESK" };
            return if given == 0 {
                Why::PassphraseMissing(format!("{asker} and no passphrase was given{recipients}"))
            } else {
                let none = if given == 1 {
                    "the passphrase given does not open it".into()
                } else {
                    format!("none of {given} passphrases opens it")
                };
                Why::PassphraseWrong(format!("{asker} and {none}{recipients}"))
            };
        }
        if let Some(what) = by_key.unsupported {
            return Why::Unsupported(format!("a PKESK for {what}{recipients}"));
        }
        let mut message = match by_key {
            ByKey { files: 0, .. } => "no secret key was given".to_owned(),
            ByKey { matched: true, .. } => "the secret key given does not open its session-key packet".to_owned(),
            ByKey { keys, .. } => format!("none of the {keys} secret keys given is the recipient's"),
        };
        if by_key.unreadable > 0 {
            message += &format!("; {} of {} key files cannot be read", by_key.unreadable, by_key.files);
        }
        Why::KeyMissing(message + &recipients)
    }
}

/// What the secret keys came to.
#[derive(Debug, Default)]
struct ByKey {
    files: usize,
    unreadable: usize,
    keys: usize,
    matched: bool,
    locked: bool,
    opened: bool,
    /// What a matching key needs and sequoia-openpgp's backend does not have.
    unsupported: Option<String>,
}

/// The state of a search.
struct Try<'a> {
    scheme: &'a dyn Scheme,
    head: &'a [u8],
    limits: &'a Limits,
    tries: u64,
    passed: Option<Candidate>,
    candidates: Vec<Candidate>,
    over: Option<String>,
}

impl Try<'_> {
    /// Counts one try; false where the limit is reached.
    fn may_try(&mut self) -> bool {
        self.tries = self.tries.saturating_add(1);
        let limit = self.limits.openpgp_session_keys;
        if self.tries > limit {
            let why = format!("{limit} keys were tried (--limit openpgp-session-keys={limit})");
            self.over.get_or_insert(why);
        }
        self.tries <= limit
    }

    /// Judges a candidate; true where the search is over.
    fn fits(&mut self, candidate: Candidate) -> bool {
        match self.scheme.fit(&candidate, self.head) {
            Fit::Not => {
                self.candidates.push(candidate);
                false
            }
            // One wrong key in 65,536 looks right by chance: a surer one decides between several.
            Fit::Likely => {
                self.passed.get_or_insert(candidate);
                false
            }
            Fit::Sure => {
                self.passed = Some(candidate);
                true
            }
        }
    }
}

/// What `key` needs that the backend does not have, in words.
fn unsupported(key: &SecretKey) -> Option<String> {
    match key.mpis() {
        PublicKey::ECDH { curve, .. } if !curve.is_supported() => Some(format!("ECDH on {curve}")),
        _ if !key.pk_algo().is_supported() => Some(key.pk_algo().to_string()),
        _ => None,
    }
}

/// The passphrases, asked for once.
fn asked<'a>(passphrases: &'a mut Option<Vec<Secret>>, unlock: &mut dyn Unlock) -> io::Result<&'a [Secret]> {
    if passphrases.is_none() {
        *passphrases = Some(unlock.passphrases()?);
    }
    Ok(passphrases.as_deref().unwrap_or_default())
}

/// The secret keys in files that hold one or more certificates each.
fn read_keys(files: &[Secret], outcome: &mut ByKey) -> Vec<SecretKey> {
    let mut keys = Vec::new();
    outcome.files = files.len();
    for file in files {
        let before = keys.len();
        let certs = CertParser::from_bytes(file.reveal()).into_iter().flatten().flatten();
        for cert in certs {
            keys.extend(cert.keys().secret().map(|key| key.key().clone()));
        }
        outcome.unreadable = outcome.unreadable.saturating_add(usize::from(keys.len() == before));
    }
    outcome.keys = keys.len();
    keys
}
