//! Properties of veritar that must hold for any input: one function for each fuzz target, each takes the fuzzer's bytes and
//! panics where the property does not hold.
//!
//! Promises: the same bytes always do the same, so that a crash can be run again; everything random is drawn from the
//! input. Refuses to know: the fuzzer.

mod bbolt;
mod compressed;
mod cut;
mod documents;
mod nested;
mod pgp;
mod pki;
mod raft;
mod road;
mod rules;
mod tarball;
mod wrapped;

pub use bbolt::probe_bbolt;
pub use compressed::wrappers;
pub use documents::{probe_json, probe_registry};
pub use nested::probe_nested;
pub use pgp::{armor, openpgp};
pub use pki::probe_pki;
pub use raft::probe_raft;
pub use road::road;
pub use rules::rule_file;
pub use tarball::{tar_differential, tar_frames};
pub use wrapped::gzip;

use veritar::limits::Limits;
use veritar::secret::{Known, Secret};

/// The limits of all targets: the defaults, but for what costs seconds without saying more.
fn limits() -> Limits {
    let mut limits = Limits::default();
    // Each try may be an S2K of 65 MB.
    limits.openpgp_session_keys = 2;
    limits.argon2_bytes = 4 << 20;
    limits.ratio_after_bytes = 1 << 20;
    limits.output_bytes = 16 << 20;
    limits.hole_bytes = 1 << 20;
    limits
}

/// What opens the encrypted archives of the corpus.
fn secrets() -> Known {
    let passphrase = include_str!("../../corpus/passphrase").trim_end();
    Known { passphrases: vec![Secret::new(passphrase.as_bytes().to_vec())], ..Known::default() }
}
