//! bbolt databases: arbitrary bytes, and such behind metas that hold.

use veritar::limits::Limits;
use veritar::probe::{self, Learned, Settings, Subject};

use crate::cut::Draw;

/// Looks at the input as a database and as a snapshot of etcd: the same in every cut. Where nothing is wrong, it was read to
/// its end, and stays so with more behind it.
pub fn probe_bbolt(data: &[u8]) {
    let content = content(data);
    let mut draw = Draw::from(&content);
    for name in ["bbolt", "etcd-snapshot"] {
        let whole = learn(name, &content, || usize::MAX);
        for learned in [learn(name, &content, || 1), learn(name, &content, || 1 + draw.below(700))] {
            assert_eq!(learned.faults(), whole.faults(), "{name}");
            assert_eq!(learned.facts(), whole.facts(), "{name}");
            assert_eq!(learned.expected, whole.expected, "{name}");
        }
        for fault in whole.faults() {
            assert!(!fault.message.contains(char::is_control), "{}", fault.message);
            assert!(fault.offset.is_none_or(|offset| offset <= content.len() as u64), "{fault:?}");
        }
        assert_eq!(whole.expected.is_some(), name == "etcd-snapshot" && content.len() % 512 == 32);
    }
    let whole = learn("bbolt", &content, || usize::MAX);
    if whole.faults().is_empty() {
        assert!(whole.facts().iter().any(|(name, _)| name == "keys"));
        let grown = learn("bbolt", &[&content, &[0xA5; 1500][..]].concat(), || usize::MAX);
        assert_eq!((grown.faults(), grown.facts()), (whole.faults(), whole.facts()));
    }
}

fn learn(name: &str, content: &[u8], mut size: impl FnMut() -> usize) -> Learned {
    let (settings, mut limits) = (Settings::default(), Limits::default());
    limits.bbolt_overlaps = 4;
    let subject = Subject { path: b"db", size: content.len() as u64, settings: &settings, limits: &limits, at: None };
    let mut probe = (probe::find(name).expect("it is in the catalog").start)(&subject);
    let mut rest = content;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(size().min(rest.len()));
        probe.feed(piece);
        rest = behind;
    }
    probe.finish()
}

/// By its last byte: the input, the input with the checksums of its metas made to hold, or that with pages of 512 bytes.
fn content(data: &[u8]) -> Vec<u8> {
    let Some((mode, data)) = data.split_last() else { return Vec::new() };
    let mut content = data.to_vec();
    let page_size = match mode % 3 {
        0 => return content,
        1 => data.get(24..28).map_or(0, |size| u32::from_le_bytes(size.try_into().expect("four bytes"))),
        _ => 512,
    };
    for at in [0, page_size as usize] {
        let Some(meta) = content.get_mut(at..).and_then(|rest| rest.get_mut(16..80)) else { continue };
        meta[..4].copy_from_slice(&0xED0C_DAED_u32.to_le_bytes());
        meta[4..8].copy_from_slice(&2_u32.to_le_bytes());
        meta[8..12].copy_from_slice(&page_size.to_le_bytes());
        let hash = meta[..56]
            .iter()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3));
        meta[56..].copy_from_slice(&hash.to_le_bytes());
    }
    content
}
