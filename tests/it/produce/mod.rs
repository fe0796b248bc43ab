//! Producers, one module a part.

mod publish;
mod publish_faults;
mod publish_retire;
