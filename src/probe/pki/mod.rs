//! Keys and certificates: the probes `private-key` and `certificate`, and what is judged of the two beside each other.
//!
//! ```text
//!  file ──► pem ──► der ──┬─► private ──► PublicHalf ───┐
//!                         └─► x509 ────► Certificate ───┴─► judge: fits, issued ──► Answer
//! ```
//! Promises: no private half leaves the file that reads it; whatever does not parse is named with its place. Refuses to
//! know: which files belong together.

mod certificate;
mod der;
mod form;
mod judge;
mod key;
mod name;
mod oid;
mod pem;
mod private;
mod private_key;
mod rsa_parts;
mod signature;
mod x509;

pub use certificate::CERTIFICATE;
pub use judge::{Answer, TRIES, fits, issued};
pub use key::{Curve, PublicKey};
pub use private::PublicHalf;
pub use private_key::PRIVATE_KEY;
pub use x509::Certificate;
