//! The integration tests, one module a theme.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests fail by panicking and skip by saying so"
)]
#![expect(unreachable_pub, reason = "the modules of one binary see each other, and nobody else does")]

mod build;
mod builtin;
mod cli;
mod cli_config;
mod cli_trust;
mod corpus;
mod dumps;
mod engine;
mod graph;
mod hostile;
mod limits;
mod listing;
mod mangled;
mod matrix;
mod nested;
mod openpgp;
mod openpgp_peers;
mod others;
mod probe;
mod produce;
mod readers;
mod rule;
mod rule_inside;
mod rules_init;
mod rules_test;
mod schema;
mod sealed;
mod signed;
mod support;
mod tar;
mod threads;
mod trust;
mod wrappers;
