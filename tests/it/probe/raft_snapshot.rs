//! `raft-snapshot`: a snapshot that Docker wrote, those made from the definition, and each flipped bit.

use veritar::probe::{Learned, Settings};

use super::{codes, fact, learn};
use crate::build::raft::{clear, sealed, snapshot};

const PATH: &str = "swarm/raft/snap-v3-encrypted/0000000000000002-0000000000000010.snap";

pub fn read(path: &str, content: &[u8]) -> Learned {
    learn("raft-snapshot", path, content, &Settings::new(), None)
}

fn good() -> Vec<u8> {
    snapshot(2, 16, &sealed(&[9; 32], 1, b"all there is"))
}

#[test]
fn a_snapshot_holds_and_its_name_too() {
    let learned = read(PATH, &good());
    assert_eq!(codes(&learned), [""; 0]);
    assert_eq!(
        (fact(&learned, "index"), fact(&learned, "term"), fact(&learned, "managers")),
        (vec!["16"], vec!["2"], vec!["1"])
    );
    for name in ["0000000000000002-0000000000000011.snap", "0000000000000010-0000000000000002.snap", "2-10.snap"] {
        assert_eq!(codes(&read(name, &good())), ["raft/wrong-name"], "{name}");
    }
    assert_eq!(codes(&read(&format!("{PATH}.broken"), b"anything")), ["raft/snapshot-broken"]);
}

#[test]
fn every_flipped_bit_and_every_cut_is_damage() {
    let good = good();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(codes(&read(PATH, &bad)), ["raft/snapshot-damaged"], "bit {bit}");
    }
    for cut in 0..good.len() {
        assert_eq!(codes(&read(PATH, &good[..cut])), ["raft/snapshot-damaged"], "cut at {cut}");
    }
    assert_eq!(codes(&read(PATH, &[&good[..], b"\0"].concat())), ["raft/snapshot-damaged"]);
    // The checksum holds, and what is in it is not what must be there.
    assert_eq!(codes(&read(PATH, &snapshot(2, 16, b"in clear"))), ["raft/snapshot-damaged"]);
    assert_eq!(codes(&read(PATH, &snapshot(2, 0, &clear(b"")))), ["raft/snapshot-damaged"]);
    let plain = PATH.replace("-v3-encrypted", "");
    assert_eq!(codes(&read(&plain, &snapshot(2, 16, b"in clear"))), [""; 0]);
}
