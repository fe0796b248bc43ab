//! Producers: the same road driven the other way, so that what is written has been verified before it gets a name.
//!
//! Promises: a name in the target folder stands for a whole archive that passed. Refuses to know: what was typed, and how
//! results are shown.

pub mod publish;
