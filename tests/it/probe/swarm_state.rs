//! `swarm-state`: the files of a real node, and what is no longer one.

use veritar::finding::Severity;
use veritar::probe::{Learned, Settings};

use super::{codes, fact, learn};

const NODE: &str = r#"{"LocalAddr":"10.0.0.1","RemoteAddr":"","ListenAddr":"0.0.0.0:2377","AdvertiseAddr":"10.0.0.1:2377",
    "DataPathAddr":"","DefaultAddressPool":null,"SubnetSize":24,"DataPathPort":4789,"JoinInProgress":false}"#;
const MANAGERS: &str = r#"[{"node_id":"a","addr":"10.0.0.1:2377"},{"node_id":"b","addr":"10.0.0.2:2377"}]"#;

fn read(content: &str) -> Learned {
    learn("swarm-state", "swarm/docker-state.json", content.as_bytes(), &Settings::new(), None)
}

#[test]
fn addresses_and_managers_are_told() {
    let node = read(NODE);
    assert_eq!(codes(&node), [""; 0]);
    assert_eq!(fact(&node, "advertise-address"), ["10.0.0.1:2377"]);
    assert_eq!(fact(&node, "listen-address"), ["0.0.0.0:2377"]);
    assert_eq!(fact(&node, "remote-address"), [""; 0]);
    let managers = read(MANAGERS);
    assert_eq!(codes(&managers), [""; 0]);
    assert_eq!((fact(&managers, "managers"), fact(&managers, "manager")), (vec!["2"], vec!["a", "b"]));
}

#[test]
fn what_cannot_be_read_is_damage() {
    for bad in ["", "{", "null", "7", "[1,", &NODE[..NODE.len() - 1], &NODE.replace("\"0.0.0.0:2377\"", "7")] {
        let learned = read(bad);
        assert_eq!(codes(&learned), ["swarm/state-damaged"], "{bad}");
        assert_eq!(learned.faults()[0].severity, None);
    }
    let other = read(&NODE.replace("AdvertiseAddr", "Advertise"));
    assert_eq!(other.faults()[0].severity, Some(Severity::Warning));
    assert_eq!(codes(&read(&NODE.replace("false", "true"))), ["swarm/join-in-progress"]);
}
