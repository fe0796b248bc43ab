//! Secrets: what opens an archive.
//!
//! Promises: zeroed when dropped, never shown: `Debug` prints a placeholder and there is no `Display`. Refuses to know:
//! where a secret comes from; that is [`Unlock`]'s business.

use std::fmt;
use std::io;

use zeroize::Zeroizing;

/// Bytes nobody may see.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over; they are zeroed when the secret is dropped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one who needs them.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Hands over secrets when, and only when, an archive asks for them.
pub trait Unlock: Send {
    /// Passphrases to try, in order; empty where there are none.
    ///
    /// # Errors
    /// They could not be read from where they are kept.
    fn passphrases(&mut self) -> io::Result<Vec<Secret>>;

    /// OpenPGP secret keys to try: each a file's content, binary or armored; empty where there are none.
    ///
    /// # Errors
    /// They could not be read from where they are kept.
    fn secret_keys(&mut self) -> io::Result<Vec<Secret>>;

    /// Unlock keys of a Swarm to try: each a file's content, `SWMKEY-1-…`; empty where there are none.
    ///
    /// # Errors
    /// They could not be read from where they are kept.
    fn unlock_keys(&mut self) -> io::Result<Vec<Secret>> {
        Ok(Vec::new())
    }
}

/// Secrets that are known beforehand.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Passphrases to try.
    pub passphrases: Vec<Secret>,
    /// Secret keys to try.
    pub secret_keys: Vec<Secret>,
    /// Unlock keys to try.
    pub unlock_keys: Vec<Secret>,
}

impl Unlock for Known {
    fn passphrases(&mut self) -> io::Result<Vec<Secret>> {
        Ok(self.passphrases.clone())
    }

    fn secret_keys(&mut self) -> io::Result<Vec<Secret>> {
        Ok(self.secret_keys.clone())
    }

    fn unlock_keys(&mut self) -> io::Result<Vec<Secret>> {
        Ok(self.unlock_keys.clone())
    }
}
