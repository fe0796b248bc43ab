//! What a probe has learned.
//!
//! Promises: at most [`FAULTS`] faults of a code are kept a member, the others are counted. Refuses to know: who judges.

use std::borrow::Cow;

use super::Evidence;
use crate::code::{Code, Severity};

/// Faults of one code that are kept of one member.
const FAULTS: usize = 8;

/// What the content of one member tells.
#[derive(Debug, Default)]
pub struct Learned {
    faults: Vec<Fault>,
    /// Name and value; a name may stand several times.
    facts: Vec<(Cow<'static, str>, String)>,
    /// What makes sense beside other members only.
    pub evidence: Vec<Evidence>,
    /// What the content's SHA-256 must be; see [`Kind::digest`](super::Kind::digest).
    pub expected: Option<Expected>,
    /// Kinds of private keys and tokens in it, in words; never the secrets themselves.
    pub secrets: Vec<&'static str>,
}

/// Something that is wrong with the content by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind of thing it is.
    pub code: &'static Code,
    /// Instead of the code's own.
    pub severity: Option<Severity>,
    /// What and, as far as that helps, where: a lower-case fragment.
    pub message: String,
    /// Bytes from the start of the content.
    pub offset: Option<u64>,
}

/// A digest that the content itself or its name tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// SHA-256, without the bytes that [`Kind::digest`](super::Kind::digest) leaves out.
    pub sha256: [u8; 32],
    /// What is wrong where it is another; the digest found is added to the message.
    pub otherwise: Fault,
}

impl Learned {
    /// Adds a fault with its code's severity.
    pub fn fault(&mut self, code: &'static Code, offset: impl Into<Option<u64>>, message: impl Into<String>) {
        self.add(Fault { code, severity: None, message: message.into(), offset: offset.into() });
    }

    /// Adds a fault; past so many of a code, and where the code is an error anyway, the others say nothing new.
    pub fn add(&mut self, fault: Fault) {
        if self.faults.iter().filter(|known| std::ptr::eq(known.code, fault.code)).count() < FAULTS {
            self.faults.push(fault);
        }
    }

    /// Adds what only became clear after the probe was done.
    pub fn faults_from(&mut self, faults: impl IntoIterator<Item = Fault>) {
        faults.into_iter().for_each(|fault| self.add(fault));
    }

    /// Adds a fact. Its name is in the kind's list, or is set by the rule.
    pub fn fact(&mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) {
        self.facts.push((name.into(), value.into()));
    }

    /// What is wrong.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What it tells, in the order it was learned.
    #[must_use]
    pub fn facts(&self) -> &[(Cow<'static, str>, String)] {
        &self.facts
    }
}
