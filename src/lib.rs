//! veritar answers one question before it is too late: is this backup archive whole, authentic and complete enough to
//! restore from?
//!
//! Bytes come in on the left and leave as sentences on the right. The modules below stand in the order of the flow: each
//! takes one kind of thing, hands on one other, and imports only what stands above it.
//!
//! ```text
//! source ──► envelope ──► tar ──► entry ──► walk ──► digest, graph, probe, rule ──► verify ──► report
//! bytes      bytes        frames  entries   events   facts, findings         outcome    text, json
//!            + proofs     + anomalies
//! ```

// vocabulary: no I/O, imports nothing of the rest
pub mod code;
pub mod finding;
pub mod limits;
pub mod place;
pub mod secret;

// the road, in the order the bytes take it
pub mod source;
pub mod envelope;
pub mod tar;
pub mod entry;
pub mod walk;
pub mod digest;
pub mod graph;
pub mod probe;
pub mod rule;
pub mod error;
pub mod verify;
pub mod report;
pub mod produce;

// the program
pub mod cli;
