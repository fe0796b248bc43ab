//! A Swarm's Raft log: its files, its snapshots, the keys that encrypt both, and whether they fit together.
//!
//! ```text
//! swarm-node.key ─ raft-dek ◄─ unlock key          <seq>-<index>.wal  <seq+1>-<index>.wal  …
//!                     │                             checksum ───────► checksum ───────►
//!                     └── opens ──► <term>-<index>.snap  +  every entry behind it
//! ```
//! The framing and the checksums are etcd's, and a log of etcd's own is read as well; the encryption of what entries and
//! snapshots hold is Swarm's.
//!
//! Promises: what can be proved without a key is proved without one; with the keys, everything that a start of the engine
//! would read is opened. Refuses to know: what the cluster's objects are, and where files and keys come from.

mod frames;
mod judge;
mod key;
mod log;
mod name;
mod proto;
mod sealed;
mod snapshot;
mod unlock;

pub use judge::{Judged, judge};
pub use key::{KIND as SWARM_KEY, Key};
pub use log::{KIND as RAFT_LOG, Log};
pub use snapshot::{KIND as RAFT_SNAPSHOT, Snapshot};
pub use unlock::UnlockKey;

use zeroize::Zeroizing;

/// Adds to what is held without leaving a copy behind that nobody zeroes.
fn grow(held: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    let wanted = held.len().saturating_add(bytes.len());
    if wanted > held.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(wanted.max(held.len().saturating_mul(2))));
        larger.extend_from_slice(held);
        *held = larger;
    }
    held.extend_from_slice(bytes);
}

fn size(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
