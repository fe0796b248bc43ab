//! `secrets`: whether a member holds private keys or tokens, by the marks they are written with.
//!
//! Only what leaves no doubt is told: a label with a key's text behind it, a token of the right shape. What is binary, or
//! a password among other text, is not recognised.
//!
//! Promises: what kind of secret, and never a byte of it; cheap enough for every member: only the first [`HEAD_BYTES`] are
//! looked at, once, for two marks. Refuses to know: whether a secret is good, and who may have it.

use memchr::memmem::Finder;
use zeroize::Zeroize as _;

use super::{Kind, Learned, Probe};

/// The line of the catalog.
pub(super) static KIND: Kind = Kind {
    name: "secrets",
    about: "tells which private keys and tokens stand in the first 64 KiB of a member; never what they are",
    settings: &[],
    facts: &[("secret", "what kind of secret, and whether it is encrypted itself; one for each kind")],
    digest: None,
    check: |_| Ok(()),
    start: |_| Box::new(Alone(SecretWatch::default())),
};

/// Bytes of each member that are looked at: keys and tokens stand in small files, or at the beginning.
pub const HEAD_BYTES: usize = 64 << 10;

/// Bytes behind a label that are looked at: headers, and the beginning of the key.
const BLOCK_BYTES: usize = 2 << 10;

/// Characters of base64 that must stand behind a label: a text that only speaks of keys has none.
const KEY_CHARACTERS: usize = 16;

const LABEL: &[u8] = b"-----BEGIN ";

/// Private keys by their label: unencrypted, and encrypted.
const KEYS: &[(&[u8], &str, &str)] = &[
    (b"PRIVATE KEY", "private key", "private key, encrypted"),
    (b"ENCRYPTED PRIVATE KEY", "private key, encrypted", "private key, encrypted"),
    (b"RSA PRIVATE KEY", "RSA private key", "RSA private key, encrypted"),
    (b"EC PRIVATE KEY", "EC private key", "EC private key, encrypted"),
    (b"DSA PRIVATE KEY", "DSA private key", "DSA private key, encrypted"),
    (b"OPENSSH PRIVATE KEY", "OpenSSH private key", "OpenSSH private key, encrypted"),
    (b"PGP PRIVATE KEY BLOCK", "OpenPGP secret key", "OpenPGP secret key"),
];

/// Looks at one member after the other.
pub struct SecretWatch {
    label: Finder<'static>,
    token: Finder<'static>,
    /// The first bytes of the member, where they did not come at once.
    head: Vec<u8>,
    /// Bytes that will be looked at.
    expected: usize,
    /// Whether enough was seen.
    is_over: bool,
    found: Vec<&'static str>,
}

impl std::fmt::Debug for SecretWatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretWatch").field("found", &self.found).finish_non_exhaustive()
    }
}

impl Default for SecretWatch {
    fn default() -> Self {
        Self {
            label: Finder::new(LABEL),
            token: Finder::new(b"SWM"),
            head: Vec::new(),
            expected: HEAD_BYTES,
            is_over: false,
            found: Vec::new(),
        }
    }
}

impl SecretWatch {
    /// A member begins, with so many bytes of content.
    pub fn begin(&mut self, bytes: u64) {
        self.expected = usize::try_from(bytes).unwrap_or(usize::MAX).min(HEAD_BYTES);
        self.head.clear();
        self.is_over = false;
        self.found.clear();
    }

    /// Whether the member's next bytes make a difference.
    #[must_use]
    pub fn is_looking(&self) -> bool {
        !self.is_over
    }

    /// More of its content.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        // Most members are small, and come in one piece: nothing of that is kept.
        if self.head.is_empty()
            && self.expected > 0
            && let Some(head) = bytes.get(..self.expected)
        {
            self.is_over = true;
            return self.look(head);
        }
        // Room for all of it at once: a buffer that grows leaves copies behind.
        self.head.reserve_exact(HEAD_BYTES.saturating_sub(self.head.len()));
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if self.head.len() >= HEAD_BYTES {
            self.end();
        }
    }

    /// The member is over: what kinds of secrets it holds, each once.
    pub fn finish(&mut self) -> Vec<&'static str> {
        self.end();
        std::mem::take(&mut self.found)
    }

    fn end(&mut self) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let mut head = std::mem::take(&mut self.head);
        self.look(&head);
        if self.found.is_empty() {
            head.clear();
        } else {
            head.zeroize();
        }
        self.head = head;
    }

    fn look(&mut self, head: &[u8]) {
        let mut found = std::mem::take(&mut self.found);
        let mut add = |what: &'static str| {
            if !found.contains(&what) {
                found.push(what);
            }
        };
        for at in self.label.find_iter(head) {
            let behind = head.get(at.saturating_add(LABEL.len())..).unwrap_or_default();
            block(behind.get(..BLOCK_BYTES).unwrap_or(behind), &mut add);
        }
        for at in self.token.find_iter(head) {
            if let Some(what) = head.get(at..).and_then(token) {
                add(what);
            }
        }
        self.found = found;
    }
}

/// A block of text whose label begins here.
fn block(bytes: &[u8], add: &mut dyn FnMut(&'static str)) {
    let known = KEYS.iter().find_map(|(label, open, locked)| {
        let behind = bytes.strip_prefix(*label)?.strip_prefix(b"-----")?;
        Some((*open, *locked, behind))
    });
    let Some((open, locked, behind)) = known else { return };
    let mut is_locked = false;
    let mut raft = None;
    let mut rest = behind;
    while let Some((line, next)) = next_line(rest) {
        rest = next;
        if let Some(value) = line.strip_prefix(b"Proc-Type:") {
            is_locked |= value.ends_with(b"ENCRYPTED");
        } else if let Some(value) = line.strip_prefix(b"raft-dek:") {
            // The record begins with how it is encrypted, and leaves that out where it is not.
            let is_encrypted = value.trim_ascii_start().starts_with(b"CA");
            raft = Some(if is_encrypted { "Swarm raft key, encrypted" } else { "Swarm raft key" });
        } else if !line.is_empty() && !line.contains(&b':') {
            if !is_base64(line, KEY_CHARACTERS) {
                return;
            }
            // An OpenSSH key says by its cipher, which is called none, whether it is encrypted.
            let is_ssh = line.starts_with(b"b3BlbnNzaC1rZXktdjEA");
            is_locked |= is_ssh && !line.starts_with(b"b3BlbnNzaC1rZXktdjEAAAAABG5vbmU");
            add(if is_locked { locked } else { open });
            if let Some(raft) = raft {
                add(raft);
            }
            return;
        }
    }
}

/// The line that begins here and what stands behind its end; line ends may be written out as they are in JSON. `None`
/// where nothing is left.
fn next_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if bytes.is_empty() {
        return None;
    }
    let end = memchr::memchr2(b'\n', b'\\', bytes).unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at_checked(end)?;
    let rest = match rest {
        [b'\n', rest @ ..] | [b'\\', b'r', b'\\', b'n', rest @ ..] | [b'\\', b'n', rest @ ..] => rest,
        // Any other escape: no text of a key goes on.
        _ => &[],
    };
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest))
}

fn is_base64(bytes: &[u8], at_least: usize) -> bool {
    let letters = bytes.get(..at_least);
    letters.is_some_and(|letters| letters.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte)))
}

/// The token that begins here.
fn token(bytes: &[u8]) -> Option<&'static str> {
    let is_digits = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if let Some(key) = bytes.strip_prefix(b"SWMKEY-1-") {
        // 32 bytes in base64.
        return is_base64(key, 43).then_some("Swarm unlock key");
    }
    // The digest of the certificate authority, and the secret, both in base 36.
    let (digest, rest) = bytes.strip_prefix(b"SWMTKN-1-")?.split_at_checked(50)?;
    let secret = rest.strip_prefix(b"-")?.get(..25)?;
    (is_digits(digest) && is_digits(secret)).then_some("Swarm join token")
}

/// The watch as a probe that a rule may ask for.
struct Alone(SecretWatch);

impl Probe for Alone {
    fn feed(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
    }

    fn finish(mut self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        for what in self.0.finish() {
            learned.fact("secret", what);
            learned.secrets.push(what);
        }
        learned
    }
}
