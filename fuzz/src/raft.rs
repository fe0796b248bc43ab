//! Raft: logs, snapshots and key files through their probes, in every cut, and all that was learned through the judgement.

use veritar::limits::Limits;
use veritar::probe::raft::judge;
use veritar::probe::{Evidence, Learned, Settings, Subject, find};
use veritar::secret::Secret;

use crate::cut::Draw;

const LOG: &str = "raft/wal-v3-encrypted/0000000000000000-0000000000000000.wal";
const SNAPSHOT: &str = "raft/snap-v3-encrypted/0000000000000001-0000000000000001.snap";
const KEY: &str = "certificates/swarm-node.key";
const UNLOCK: &str = "SWMKEY-1-Hq1TLyTxex4kwbp0TIQduzr40OtMifPuUK1JkB7pNig";

/// Reads the input as a log, a snapshot and a key file, as it stands or framed with checksums that hold: the same is learned
/// in every cut, a framed log has no fault of its framing, and what is learned can be judged.
pub fn probe_raft(data: &[u8]) {
    let (framed, content) = data.split_last().map_or((false, data), |(mode, data)| (mode & 1 == 1, data));
    let (log, snapshot) = if framed { frame(content) } else { (content.to_vec(), content.to_vec()) };
    let learned =
        [learn("raft-log", LOG, &log), learn("raft-snapshot", SNAPSHOT, &snapshot), learn("swarm-key", KEY, content)];
    if framed {
        // Records that make no sense are damage, and say so; a checksum that holds is never blamed.
        assert!(learned[0].faults().iter().all(|fault| !fault.message.contains("checksum of the record")));
    }
    let (mut logs, mut snapshots, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for evidence in learned.iter().flat_map(|learned| &learned.evidence) {
        match evidence {
            Evidence::RaftLog(log) => logs.push((0, &**log)),
            Evidence::RaftSnapshot(snapshot) => snapshots.push((1, &**snapshot)),
            Evidence::SwarmKey(key) => keys.push((2, &**key)),
            other => panic!("{other:?}"),
        }
    }
    let unlock = [Secret::new(UNLOCK.as_bytes().to_vec())];
    let judged = judge(&logs, &snapshots, &keys, &unlock);
    judge(&logs, &[], &keys, &[]);
    judge(&[], &snapshots, &keys, &unlock);
    assert!(judged.faults.iter().all(|(_, fault)| !fault.message.is_empty()));
}

fn learn(name: &str, path: &str, content: &[u8]) -> Learned {
    let mut limits = Limits::default();
    limits.probe_bytes = 1 << 16;
    limits.raft_held_bytes = 1 << 12;
    let kind = find(name).expect("a probe of the catalog");
    let cut = |size: usize| {
        let settings = Settings::new();
        let subject = Subject {
            path: path.as_bytes(),
            size: content.len() as u64,
            settings: &settings,
            limits: &limits,
            at: None,
        };
        let mut probe = (kind.start)(&subject);
        content.chunks(size).for_each(|piece| probe.feed(piece));
        probe.finish()
    };
    let whole = cut(content.len().max(1));
    for size in [1, 7, 4093] {
        let again = cut(size);
        assert_eq!(again.faults(), whole.faults(), "{name} in pieces of {size}");
        assert_eq!(again.facts(), whole.facts(), "{name} in pieces of {size}");
        assert_eq!(again.evidence.len(), whole.evidence.len(), "{name} in pieces of {size}");
    }
    whole
}

/// Records whose types and contents the input gives, and a snapshot of the input, with checksums that hold.
fn frame(data: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut draw = Draw::from(data);
    let mut log = Vec::new();
    let mut checksum = 0;
    record(&mut log, 4, 0, None);
    let mut rest = data;
    let mut kind = 1;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(1 + draw.below(rest.len()));
        if kind == 4 {
            record(&mut log, kind, checksum, None);
        } else {
            checksum = crc32c(checksum, part);
            record(&mut log, kind, checksum, Some(part));
        }
        kind = [1, 2, 2, 2, 3, 4, 5][draw.below(7)];
        rest = after;
    }
    log.resize(log.len().next_multiple_of(512), 0);
    let mut snapshot = vec![8];
    number(&mut snapshot, u64::from(crc32c(0, data)));
    snapshot.push(0x12);
    number(&mut snapshot, data.len() as u64);
    snapshot.extend_from_slice(data);
    (log, snapshot)
}

fn record(log: &mut Vec<u8>, kind: u8, checksum: u32, data: Option<&[u8]>) {
    let mut record = vec![8, kind, 0x10];
    number(&mut record, u64::from(checksum));
    if let Some(data) = data {
        record.push(0x1A);
        number(&mut record, data.len() as u64);
        record.extend_from_slice(data);
    }
    let padding = record.len().wrapping_neg() & 7;
    let top = if padding == 0 { 0 } else { 0x80 | padding as u64 };
    log.extend_from_slice(&(record.len() as u64 | top << 56).to_le_bytes());
    record.resize(record.len() + padding, 0);
    log.extend_from_slice(&record);
}

fn number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7F {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// CRC-32C by its polynomial.
fn crc32c(before: u32, bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!before, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82F6_3B78 & (crc & 1).wrapping_neg()))
    })
}
