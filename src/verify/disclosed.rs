//! Which members hold private keys or tokens, gathered while they stream by.
//!
//! Promises: costs the first bytes of each member and no more; memory is bounded by what is listed. Refuses to know: how a
//! secret is told, and whether it may be there.

use super::outcome::{SecretMember, Secrets};
use crate::place::kept_path;
use crate::probe::SecretWatch;
use crate::source::zeros;

/// What the members disclose to who can read them.
#[derive(Debug, Default)]
pub(super) struct Disclosed {
    watch: SecretWatch,
    path: Vec<u8>,
    secrets: Secrets,
    most: u64,
}

impl Disclosed {
    /// Lists at most `most` members, and one at the least; the others are counted.
    pub(super) fn new(most: u64) -> Self {
        Self { most: most.max(1), ..Self::default() }
    }

    /// A member begins, with so many bytes of content.
    pub(super) fn begin(&mut self, path: &[u8], bytes: u64) {
        self.path.clear();
        self.path.extend_from_slice(kept_path(path));
        self.watch.begin(bytes);
    }

    pub(super) fn data(&mut self, bytes: &[u8]) {
        self.watch.feed(bytes);
    }

    pub(super) fn hole(&mut self, bytes: u64) {
        for piece in zeros(bytes) {
            if !self.watch.is_looking() {
                return;
            }
            self.watch.feed(&piece);
        }
    }

    /// The member is over, whole or not: what was there can be read.
    pub(super) fn end(&mut self) {
        let what = self.watch.finish();
        if what.is_empty() {
            return;
        }
        if self.secrets.members < self.most {
            self.secrets.list.push(SecretMember { path: self.path.clone(), what });
        }
        self.secrets.members = self.secrets.members.saturating_add(1);
    }

    pub(super) fn finish(self) -> Secrets {
        self.secrets
    }
}
