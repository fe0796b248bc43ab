//! Producers, one module a part.

mod seal;
