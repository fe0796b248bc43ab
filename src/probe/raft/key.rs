//! The probe `swarm-key`: a Swarm node's key file, whose headers carry the keys to its Raft log.
//!
//! Promises: keys are zeroed and never told. Refuses to know: whether the private key below the headers fits a certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::sealed::{KEY_BYTES, Sealed};
use super::unlock::UnlockKey;
use crate::code;
use crate::probe::{Evidence, Hold, Kind, Learned, Probe};

/// The probe's line in the catalog.
pub static KIND: Kind = Kind {
    name: "swarm-key",
    about: "reads the headers of a Swarm node's key file (`swarm-node.key`): the keys to the Raft log, and whether an unlock \
            key locks them",
    settings: &[],
    facts: &[
        ("locked", "`yes` where an unlock key is needed, `no` where it is not"),
        ("kek-version", "counts the changes of the unlock key"),
        ("cipher", "what the key to the log is locked with: `none`, `secretbox`, `fernet`"),
        ("rotation", "`pending` where the key to the log was being changed"),
    ],
    digest: None,
    check: |_| Ok(()),
    start: |subject| Box::new(KeyProbe { hold: Hold::new(subject) }),
};

/// The keys to a Raft log, as the key file has them.
#[derive(Debug)]
pub struct Key {
    /// The key in use; none in a file of a node that is no manager.
    pub(super) current: Option<Sealed>,
    /// The one that is about to be used, while keys are changed.
    pub(super) pending: Option<Sealed>,
}

impl Key {
    /// Reads a key file; `None` where it is none.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        File::parse(bytes).and_then(|file| file.judge(&mut Learned::default())).ok()
    }

    /// Whether `unlock` opens it.
    #[must_use]
    pub fn is_opened_by(&self, unlock: &UnlockKey) -> bool {
        self.open(Some(unlock)).is_some()
    }

    /// Whether an unlock key is needed.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.all().any(|key| !matches!(key, Sealed::Clear(_)))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Sealed> {
        self.current.iter().chain(&self.pending)
    }

    /// The keys to the log; `None` where the unlock key is needed and is not this one.
    pub(super) fn open(&self, unlock: Option<&UnlockKey>) -> Option<Vec<Zeroizing<Vec<u8>>>> {
        let open = |key: &Sealed| match key {
            Sealed::Clear(secret) => Some(Zeroizing::new(secret.reveal().to_vec())),
            sealed => sealed.open(unlock?.reveal()),
        };
        self.all().map(open).collect()
    }
}

struct KeyProbe {
    hold: Hold,
}

impl Probe for KeyProbe {
    fn feed(&mut self, bytes: &[u8]) {
        self.hold.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        let read = match self.hold.whole() {
            Ok(bytes) => File::parse(&bytes).and_then(|file| file.judge(&mut learned)),
            Err(fault) => {
                learned.add(fault);
                return learned;
            }
        };
        match read {
            Ok(key) => learned.evidence.push(Evidence::SwarmKey(Box::new(key))),
            Err(message) => learned.fault(&code::SWARM_KEY_DAMAGED, None, message),
        }
        learned
    }
}

/// The file: one PEM block with headers.
#[derive(Default)]
struct File<'a> {
    is_encrypted: bool,
    version: Option<&'a str>,
    current: Option<&'a str>,
    pending: Option<&'a str>,
    needs_rotation: bool,
}

impl<'a> File<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, &'static str> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text, so no PEM")?;
        let mut lines = text.lines().skip_while(|line| !line.starts_with("-----BEGIN "));
        let label = lines.next().and_then(|line| line.strip_prefix("-----BEGIN ")?.trim_end().strip_suffix("-----"));
        let label = label.ok_or("it holds no PEM block")?;
        if !label.ends_with("PRIVATE KEY") {
            return Err("it holds another PEM block than a private key");
        }
        let mut file = Self { is_encrypted: label.starts_with("ENCRYPTED "), ..Self::default() };
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        for line in &mut lines {
            if let Some(end) = line.strip_prefix("-----END ") {
                if end.trim_end().strip_suffix("-----") != Some(label) {
                    return Err("the PEM block ends with another label than it begins with");
                }
                let body = STANDARD.decode(body.as_bytes()).map(Zeroizing::new);
                return match body {
                    Ok(body) if !body.is_empty() => Ok(file),
                    _ => Err("the PEM block holds no base64"),
                };
            }
            match line.split_once(':') {
                Some((name, value)) => file.header(name.trim(), value.trim()),
                None => body.push_str(line.trim()),
            }
        }
        Err("the PEM block has no end")
    }

    fn header(&mut self, name: &str, value: &'a str) {
        match name {
            "kek-version" => self.version = Some(value),
            "raft-dek" => self.current = Some(value),
            "raft-dek-pending" => self.pending = Some(value),
            "raft-dek-needs-rotation" => self.needs_rotation = true,
            // Older engines locked the key in the way of old OpenSSL.
            "Proc-Type" => self.is_encrypted |= value.contains("ENCRYPTED"),
            _ => {}
        }
    }

    fn judge(&self, learned: &mut Learned) -> Result<Key, &'static str> {
        let current = self.current.map(record).transpose()?;
        let pending = self.pending.map(record).transpose()?;
        if current.is_none() && pending.is_some() {
            return Err("there is a pending key to the log, and none in use, which the engine refuses");
        }
        let key = Key { current, pending };
        let is_clear = key.all().any(|key| matches!(key, Sealed::Clear(_)));
        if is_clear && self.is_encrypted {
            return Err("the private key is locked, and the key to the log is not: the engine opens both or none");
        }
        learned.fact("locked", if key.is_locked() || self.is_encrypted { "yes" } else { "no" });
        if let Some(version) = self.version {
            let version: u64 = version.parse().map_err(|_| "its kek-version is no number")?;
            learned.fact("kek-version", version.to_string());
        }
        if let Some(current) = &key.current {
            learned.fact("cipher", current.cipher());
        }
        if key.pending.is_some() || self.needs_rotation {
            learned.fact("rotation", "pending");
        }
        if is_clear {
            let message = "the key to the Raft log is in clear: whoever has this archive has every secret of the Swarm";
            learned.fault(&code::SWARM_KEY_IN_CLEAR, None, message);
        }
        Ok(key)
    }
}

fn record(value: &str) -> Result<Sealed, &'static str> {
    let bytes = STANDARD.decode(value).map(Zeroizing::new).map_err(|_| "a key to the log is no base64")?;
    let record = Sealed::parse(&bytes).ok_or("a key to the log is no record of one")?;
    match &record {
        Sealed::Clear(secret) if secret.reveal().len() != KEY_BYTES => Err("a key to the log is not as long as a key"),
        _ => Ok(record),
    }
}
