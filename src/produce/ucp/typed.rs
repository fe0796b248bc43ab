//! What was typed for a UCP backup, as far as it can be judged by itself.
//!
//! Promises: what becomes an argument or a variable arrives as it was given. Refuses to know: what runs.

use crate::produce::Trouble;
use crate::report::name;
use crate::secret::Secret;

/// What can be the identifier of a UCP.
pub(super) fn check_id(id: &str) -> Result<(), Trouble> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b":_-".contains(&byte);
    if !id.is_empty() && !id.starts_with('-') && id.len() <= 128 && id.bytes().all(is_fine) {
        return Ok(());
    }
    Err(Trouble::Usage(format!("{} is no identifier of a UCP; give what its `id` command prints", name(id.as_bytes()))))
}

/// What can be handed over in a variable.
pub(super) fn check_passphrase(passphrase: &Secret) -> Result<(), Trouble> {
    let bytes = passphrase.reveal();
    let problem = if bytes.is_empty() {
        "it is empty"
    } else if bytes.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
        "it has a line break or a zero byte, which do not survive the way to UCP"
    } else {
        return Ok(());
    };
    Err(Trouble::Usage(format!("UCP cannot encrypt with this passphrase: {problem}; take another one")))
}
