//! What a member tells that makes sense only beside other members.
//!
//! Promises: small and owned; no secret in the clear but in types that zero it. Refuses to know: which members belong
//! together: rules say so.

use std::borrow::Cow;

use super::pki::{Certificate, PublicHalf};
use super::raft;
use crate::code::Severity;

/// One piece of evidence.
#[derive(Debug)]
pub enum Evidence {
    /// Something that others may refer to.
    Definition(Definition),
    /// Something that must be defined elsewhere.
    Reference(Reference),
    /// A file of a Raft log.
    RaftLog(Box<raft::Log>),
    /// A snapshot of a Raft log.
    RaftSnapshot(Box<raft::Snapshot>),
    /// What a Swarm node's key file says of the keys to its Raft log.
    SwarmKey(Box<raft::Key>),
    /// A private key's public half: that of the first key of a file.
    PrivateKey(PublicHalf),
    /// The certificates of a file, in its order.
    Certificates(Vec<Certificate>),
}

/// Something that others may refer to: a blob by its digest, a row by its key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Where the name holds: two storages in one archive may give one name to two things, or to one that only one of them has.
    pub realm: Vec<u8>,
    /// Its size in bytes, where that is known.
    pub size: Option<u64>,
    /// The scope (a repository) in which this is a link to it: the thing itself is defined elsewhere, without a scope.
    pub scope: Option<String>,
}

/// Something that must be defined elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reference {
    /// What it is to the one that refers, in a word or two: `layer`, `config`, `link target`.
    pub role: Cow<'static, str>,
    /// The name it must have.
    pub name: String,
    /// Where the names hold, as in [`Definition`].
    pub realm: Vec<u8>,
    /// The size it must have, where that is told.
    pub size: Option<u64>,
    /// How grave it is where it is not there, instead of the code's own.
    pub severity: Option<Severity>,
    /// The name of the definition that it hangs on: it is needed only where that one is referred to by what is needed
    /// itself, and is no graver than that. Without one it is needed in any case.
    pub from: Option<String>,
    /// The scope that needs it, and with it all that hangs on what is referred to.
    pub scope: Option<String>,
    /// Whether it must not only be there, but be linked in each scope that needs it.
    pub linked: bool,
}
