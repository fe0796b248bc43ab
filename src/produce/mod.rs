//! Producers: the same road driven the other way. What is written is verified as it flows, before it gets a name.
//!
//! ```text
//! run (a child's output) ─┐
//! pack (a folder) ────────┴─► seal ──► publish (a hidden file that gets its name, or never does)
//! ```
//!
//! Promises: the bytes of a tar go into a writer, and what was left out or moved meanwhile is said; a name in the target folder
//! stands for a whole archive that passed; what was stopped is started again whatever happens. Refuses to know: what was
//! typed, and how results are shown.

pub mod pack;
pub mod publish;
pub mod run;
pub mod seal;
