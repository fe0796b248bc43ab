//! What an archive is called: its product, the version, whose it is, and when it was made.
//!
//! Promises: the name is one that every file system takes and every shell reads as one word; two runs of one second apart
//! have different names. Refuses to know: endings, and what exists.

use super::World;
use crate::report::name;

/// Bytes of one part: three of them leave room for the time and for what is added to an archive's name.
const MOST_BYTES: usize = 50;

/// `parts` with a dash between them, the first one the word for the product; then the time of the run in seconds and its
/// zone. Parts that are empty are left out.
pub(super) fn called(parts: &[&str], world: &World) -> String {
    let mut called = String::new();
    for part in parts {
        called.push_str(&plain(part));
        if !part.is_empty() {
            called.push('-');
        }
    }
    called.push_str(&world.now.strftime("%s%z").to_string());
    called
}

/// One part of a name, with `_` for what may not stand in one.
pub(super) fn plain(part: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-' | '+' | '~');
    part.chars().map(|letter| if is_plain(&letter) { letter } else { '_' }).take(MOST_BYTES).collect()
}

/// The name of this machine, as it has it.
pub(super) fn host() -> String {
    name(rustix::system::uname().nodename().to_bytes())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_name_is_one_word() {
        let now = jiff::Timestamp::new(1_631_549_510, 0).unwrap().in_tz("Europe/Berlin").unwrap();
        let world = World::new(Arc::default(), now, Arc::new(|_| {}));
        assert_eq!(called(&["images", "", "1a2b3c4d5e6f"], &world), "images-1a2b3c4d5e6f-1631549510+0200");
        assert_eq!(called(&["msr", "3.1+x/y z", "Öl\n"], &world), "msr-3.1+x_y_z-_l_-1631549510+0200");
    }
}
