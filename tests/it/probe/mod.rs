//! Probes, one module each: what is learned is the same for any cut, and is held against programs that others wrote.

mod raft;
mod raft_log;
mod raft_snapshot;
mod swarm_key;
mod swarm_live;
mod swarm_state;
mod archive;
mod secrets;
mod text;
mod docker_inspect;
mod json;
mod bbolt;
mod etcd_snapshot;
mod certificate;
mod openssl;
mod pairs;
mod private_key;
pub mod registry;

use veritar::limits::Limits;
use veritar::probe::{self, Learned, Settings, Subject};

/// What the probe called `name` learns of `content`, which must not depend on how it is cut.
pub fn learn(name: &str, path: &str, content: &[u8], settings: &Settings, at: Option<i64>) -> Learned {
    let limits = Limits::default();
    let kind = probe::find(name).unwrap();
    let cut = |size: usize| {
        let size_of = content.len() as u64;
        let subject = Subject { path: path.as_bytes(), size: size_of, settings, limits: &limits, at };
        let mut probe = (kind.start)(&subject);
        content.chunks(size).for_each(|piece| probe.feed(piece));
        probe.finish()
    };
    let whole = cut(content.len().max(1));
    for size in [1, 7, 512, 4095] {
        let pieces = cut(size);
        assert_eq!(pieces.faults(), whole.faults(), "{name} on {path} in pieces of {size}");
        assert_eq!(pieces.facts(), whole.facts(), "{name} on {path} in pieces of {size}");
        let told = |learned: &Learned| format!("{:?}", learned.evidence);
        assert_eq!(told(&pieces), told(&whole), "{name} on {path} in pieces of {size}");
        assert_eq!(pieces.expected, whole.expected, "{name} on {path} in pieces of {size}");
    }
    whole
}

/// The codes of the faults learned, in order.
pub fn codes(learned: &Learned) -> Vec<&'static str> {
    learned.faults().iter().map(|fault| fault.code.id).collect()
}

/// The values of the fact called `name`, in order.
pub fn fact<'a>(learned: &'a Learned, name: &str) -> Vec<&'a str> {
    learned.facts().iter().filter(|(known, _)| *known == name).map(|(_, value)| value.as_str()).collect()
}
