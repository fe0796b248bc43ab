//! The probe `swarm-state`: the two small files in which the engine keeps what its Swarm node is.
//!
//! Promises: held up to `probe-bytes`; names from the files are handed on as they are, and escaped by whoever shows them.
//! Refuses to know: the Raft log beside them.

use serde_json::{Map, Value};

use super::{Hold, Kind, Learned, Probe};
use crate::code;
use crate::finding::Severity;

/// The probe's line in the catalog.
pub(super) static KIND: Kind = Kind {
    name: "swarm-state",
    about: "reads `docker-state.json`, the addresses of a Swarm node, or `state.json`, the managers it knows",
    settings: &[],
    facts: &[
        ("advertise-address", "address that other nodes know this one by; a restore needs the same"),
        ("listen-address", "address that the node listens on"),
        ("local-address", "address of the machine"),
        ("data-path-address", "address for the data of overlay networks, where it is another"),
        ("remote-address", "manager by which the node joined; none on the first"),
        ("managers", "number of managers known"),
        ("manager", "node identifier of a manager known; one fact each"),
    ],
    digest: None,
    check: |_| Ok(()),
    start: |subject| Box::new(StateProbe { hold: Hold::new(subject) }),
};

/// A Swarm has seven managers at most, by the manual's advice; more are not told of.
const MANAGERS: usize = 64;

struct StateProbe {
    hold: Hold,
}

impl Probe for StateProbe {
    fn feed(&mut self, bytes: &[u8]) {
        self.hold.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        match self.hold.whole().map(|bytes| serde_json::from_slice(&bytes)) {
            Err(fault) => learned.add(fault),
            Ok(Err(error)) => {
                let message =
                    format!("it is no JSON: {} at line {}, column {}", kind(&error), error.line(), error.column());
                learned.fault(&code::SWARM_STATE_DAMAGED, None, message);
            }
            Ok(Ok(Value::Object(node))) => node_state(&node, &mut learned),
            Ok(Ok(Value::Array(managers))) => managers_known(&managers, &mut learned),
            Ok(Ok(_)) => learned.fault(&code::SWARM_STATE_DAMAGED, None, "it is neither an object nor a list"),
        }
        learned
    }
}

/// What serde calls the error, without the text of the file.
fn kind(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "it ends early" } else { "something else stands there" }
}

/// `docker-state.json`.
fn node_state(node: &Map<String, Value>, learned: &mut Learned) {
    for (field, fact) in [
        ("AdvertiseAddr", "advertise-address"),
        ("ListenAddr", "listen-address"),
        ("LocalAddr", "local-address"),
        ("DataPathAddr", "data-path-address"),
        ("RemoteAddr", "remote-address"),
    ] {
        match node.get(field) {
            Some(Value::String(address)) if !address.is_empty() => learned.fact(fact, address.clone()),
            Some(Value::String(_)) => {}
            None if matches!(field, "DataPathAddr" | "RemoteAddr") => {}
            None => missing(field, learned),
            Some(_) => learned.fault(&code::SWARM_STATE_DAMAGED, None, format!("{field} is no text")),
        }
    }
    if node.get("JoinInProgress") == Some(&Value::Bool(true)) {
        learned.fault(&code::SWARM_JOIN_IN_PROGRESS, None, "JoinInProgress is set");
    }
}

/// Engines of other versions may keep other fields, so this is no proof of damage.
fn missing(field: &str, learned: &mut Learned) {
    learned.add(super::Fault {
        code: &code::SWARM_STATE_DAMAGED,
        severity: Some(Severity::Warning),
        message: format!("there is no {field}"),
        offset: None,
    });
}

/// `state.json`.
fn managers_known(managers: &[Value], learned: &mut Learned) {
    learned.fact("managers", managers.len().to_string());
    for manager in managers.iter().take(MANAGERS) {
        match (manager.get("node_id"), manager.get("addr")) {
            (Some(Value::String(node)), Some(Value::String(_))) => learned.fact("manager", node.clone()),
            _ => missing("node_id or addr of a manager", learned),
        }
    }
}
