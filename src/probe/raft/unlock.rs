//! Unlock keys, as `docker swarm unlock-key` prints them.
//!
//! Promises: zeroed when dropped, never shown. Refuses to know: what it opens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::sealed::KEY_BYTES;
use crate::secret::Secret;

/// What stands before the key itself.
const PREFIX: &[u8] = b"SWMKEY-1-";

/// The key that locks the keys of a Swarm's managers.
#[derive(Clone)]
pub struct UnlockKey(Zeroizing<[u8; KEY_BYTES]>);

impl UnlockKey {
    /// Reads `SWMKEY-1-` and 32 bytes in base64; `None` where it is something else.
    #[must_use]
    pub fn parse(secret: &Secret) -> Option<Self> {
        let digits = secret.reveal().trim_ascii().strip_prefix(PREFIX)?;
        let mut bytes = Zeroizing::new([0; 2 * KEY_BYTES]);
        let written = STANDARD_NO_PAD.decode_slice(digits, bytes.as_mut_slice()).ok()?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(bytes.get(..written).filter(|key| key.len() == KEY_BYTES)?);
        Some(Self(key))
    }

    pub(super) fn reveal(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl std::fmt::Debug for UnlockKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UnlockKey(..)")
    }
}
