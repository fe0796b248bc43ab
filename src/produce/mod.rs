//! Producers: the same road driven the other way. What is written here is verified as it flows.
//!
//! Promises: a producer pushes the bytes of a tar into a writer, and says what it left out and what moved meanwhile.
//! Refuses to know: what was typed, and how it is told.

pub mod pack;
