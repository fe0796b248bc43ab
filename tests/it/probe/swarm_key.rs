//! `swarm-key`: key files of Docker, locked and open, and each line of them damaged.

use veritar::finding::Severity;
use veritar::probe::raft::UnlockKey;
use veritar::probe::{Learned, Settings};
use veritar::secret::Secret;

use super::raft::{AUTOLOCK, OPEN, UNLOCK, kept};
use super::{codes, fact, learn};
use crate::build::raft::{clear, key_file, number, sealed};

const PLAIN: &str = "PRIVATE KEY";
const LOCKED: &str = "ENCRYPTED PRIVATE KEY";

fn read(content: &[u8]) -> Learned {
    learn("swarm-key", "swarm/certificates/swarm-node.key", content, &Settings::new(), None)
}

#[test]
fn the_keys_that_docker_wrote() {
    let open = read(&kept(OPEN)["certificates/swarm-node.key"]);
    assert_eq!(codes(&open), ["swarm/key-in-clear"]);
    assert_eq!(open.faults()[0].code.severity, Severity::Info);
    assert_eq!(
        (fact(&open, "locked"), fact(&open, "cipher"), fact(&open, "kek-version")),
        (vec!["no"], vec!["none"], vec!["0"])
    );
    let locked = read(&kept(AUTOLOCK)["certificates/swarm-node.key"]);
    assert_eq!(codes(&locked), [""; 0]);
    assert_eq!(
        (fact(&locked, "locked"), fact(&locked, "cipher"), fact(&locked, "kek-version")),
        (vec!["yes"], vec!["secretbox"], vec!["15"])
    );
    // Nothing of the key is told, whatever is printed.
    let told = format!("{open:?}");
    assert!(told.contains("Sealed(none, ..)") && !told.contains("3, 222, 38"), "{told}");
}

#[test]
fn every_line_is_needed() {
    let damaged = ["swarm/key-damaged"];
    let good = key_file(PLAIN, &[("raft-dek", clear(&[7; 32]))]);
    assert_eq!(codes(&read(good.as_bytes())), ["swarm/key-in-clear"]);
    for (from, to) in [
        ("-----BEGIN", "-----BEGUN"),
        ("-----END PRIVATE KEY-----\n", ""),
        ("-----END PRIVATE", "-----END PUBLIC"),
        ("PRIVATE KEY", "CERTIFICATE"),
        ("raft-dek: ", "raft-dek: !"),
        ("kek-version: 3", "kek-version: three"),
        ("BwcHBwcH\n", "BwcH*wcH\n"),
        ("raft-dek: ", "raft-dek-pending: "),
    ] {
        assert!(good.contains(from), "{from}");
        assert_eq!(codes(&read(good.replace(from, to).as_bytes())), damaged, "{from} as {to}");
    }
    for record in [clear(&[7; 31]), number(1, 1), b"\xFF\xFF".to_vec(), [number(1, 1), clear(b"short")].concat()] {
        assert_eq!(codes(&read(key_file(PLAIN, &[("raft-dek", record)]).as_bytes())), damaged);
    }
    // The engine opens the private key and the key to the log with the same key, or neither.
    assert_eq!(codes(&read(key_file(LOCKED, &[("raft-dek", clear(&[7; 32]))]).as_bytes())), damaged);
    let lock = |key: &[u8]| sealed(&[1; 32], 1, key);
    let rotating = key_file(LOCKED, &[("raft-dek", lock(&[7; 32])), ("raft-dek-pending", lock(&[8; 32]))]);
    let learned = read(rotating.as_bytes());
    assert_eq!((codes(&learned), fact(&learned, "rotation")), (vec![], vec!["pending"]));
    // A worker's.
    assert_eq!(codes(&read(key_file(PLAIN, &[]).as_bytes())), [""; 0]);
}

#[test]
fn unlock_keys_are_taken_as_docker_prints_them() {
    let parse = |text: &str| UnlockKey::parse(&Secret::new(text.as_bytes().to_vec())).is_some();
    assert!(parse(UNLOCK) && parse(&format!(" {UNLOCK}\n")));
    for bad in
        [&UNLOCK[1..], &UNLOCK[..UNLOCK.len() - 1], &UNLOCK.replace("SWMKEY-1", "SWMKEY-2"), "", &format!("{UNLOCK}=")]
    {
        assert!(!parse(bad), "{bad}");
    }
    let key = UnlockKey::parse(&Secret::new(UNLOCK.as_bytes().to_vec())).unwrap();
    assert_eq!(format!("{key:?}"), "UnlockKey(..)");
}
