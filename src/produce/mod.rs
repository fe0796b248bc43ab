//! Producers: backups that are verified while they are written.
//!
//! Promises: what stands under a final name is an archive that passed. Refuses to know: what was typed, and how a receipt
//! is shown.

pub mod seal;
