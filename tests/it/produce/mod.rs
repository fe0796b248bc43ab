//! What is written, read back by ourselves and by others.

mod pack;
mod write;
