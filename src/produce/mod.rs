//! Producers: the road driven the other way, from what runs to an archive that passed.
//!
//! Promises: what is published is what was verified; nothing is left half done under a final name. Refuses to know: what
//! was typed, and how anything is shown.

pub mod run;
