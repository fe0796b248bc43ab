//! The integration tests, one module a theme.

#![expect(unreachable_pub, reason = "the modules of one binary see each other, and nobody else does")]

mod build;
mod corpus;
mod support;
