//! Producers, one module a part.

mod run;
