//! Probe `docker-inspect`: what `docker inspect` told of a container when the backup was taken.
//!
//! Promises: nothing of the environment and the arguments is told but addresses. Refuses to know: which containers there
//! must be.

use super::json::{Pointer, Value, read};
use super::shown::{shown, shown_bytes};
use super::{Fault, Hold, Kind, Learned, Probe, Subject};
use crate::code;

/// See the module.
pub(super) const KIND: Kind = Kind {
    name: "docker-inspect",
    about: "an inspect dump of a container: well-formed, and of the container that its file is named after",
    settings: &[],
    facts: &[
        ("container", "the container's name"),
        ("image", "the image that it was started from"),
        ("version", "the version of UCP, from the label com.docker.ucp.version"),
        ("instance", "the id of the cluster, from the label com.docker.ucp.InstanceID"),
        ("advertise-address", "the address or host name that its arguments or environment advertise"),
    ],
    digest: None,
    check: |_| Ok(()),
    start: |subject| Box::new(Inspect { hold: Hold::new(subject), container: container(subject) }),
};

/// The name of the container that the file is named after.
fn container(subject: &Subject<'_>) -> Option<Vec<u8>> {
    let file = subject.path.rsplit(|byte| *byte == b'/').next()?;
    file.strip_suffix(b".json").filter(|name| !name.is_empty()).map(<[u8]>::to_vec)
}

struct Inspect {
    hold: Hold,
    container: Option<Vec<u8>>,
}

/// What is looked for in a dump.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    /// The description of a container.
    Container,
    /// Something that only such a description has.
    Mark,
    Name,
    Fact(&'static str),
    Argument,
}

const WANTED: &[(&str, Wanted)] = &[
    ("", Wanted::Container),
    ("/Id", Wanted::Mark),
    ("/Config", Wanted::Mark),
    ("/State", Wanted::Mark),
    ("/HostConfig", Wanted::Mark),
    ("/Name", Wanted::Name),
    ("/Config/Image", Wanted::Fact("image")),
    ("/Config/Labels/com.docker.ucp.version", Wanted::Fact("version")),
    ("/Config/Labels/com.docker.ucp.InstanceID", Wanted::Fact("instance")),
    ("/Args/*", Wanted::Argument),
    ("/Config/Cmd/*", Wanted::Argument),
    ("/Config/Entrypoint/*", Wanted::Argument),
    ("/Config/Env/*", Wanted::Argument),
];

/// Arguments and variables that tell the address under which others find the node, the best first.
const ADDRESSES: &[&str] = &[
    "advertise-address",
    "advertise-client-urls",
    "initial-advertise-peer-urls",
    "ETCD_ADVERTISE_CLIENT_URLS",
    "ETCD_INITIAL_ADVERTISE_PEER_URLS",
    "ADVERTISE_ADDRESS",
];

/// What was found in a dump.
#[derive(Default)]
struct Found {
    is_marked: bool,
    name: Option<String>,
    facts: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

impl Probe for Inspect {
    fn feed(&mut self, bytes: &[u8]) {
        self.hold.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Learned {
        let mut learned = Learned::default();
        match self.hold.whole() {
            Ok(bytes) => look(&bytes, self.container.as_deref(), &mut learned),
            Err(fault) => learned.add(fault),
        }
        learned
    }
}

fn look(bytes: &[u8], container: Option<&[u8]>, learned: &mut Learned) {
    // The API gives an object, the command an array of one.
    let both = |prefix: &'static str| WANTED.iter().map(move |(path, wanted)| (format!("{prefix}{path}"), *wanted));
    let wanted: Vec<(Pointer, Wanted)> =
        both("").chain(both("/0")).filter_map(|(path, wanted)| Some((Pointer::parse(&path).ok()?, wanted))).collect();
    let (pointers, wanted): (Vec<Pointer>, Vec<Wanted>) = wanted.into_iter().unzip();
    let mut read_as = Learned::default();
    let mut found = Found::default();
    let mut shape = Err("a plain value");
    let is_json = read(bytes, &pointers, &mut read_as, &mut |index, indices, value| {
        let wanted = wanted.get(index).copied().unwrap_or(Wanted::Mark);
        if wanted == Wanted::Container && indices.is_empty() {
            shape = match value {
                Value::Object(_) => Ok(()),
                Value::List(1) => shape,
                Value::List(0) => Err("an empty list"),
                Value::List(_) => Err("a list of several"),
                _ => Err("a plain value"),
            };
        } else if wanted == Wanted::Container {
            // The only element of an array: it comes before its array.
            shape = if matches!(value, Value::Object(_)) { Ok(()) } else { shape };
        } else {
            found.take(wanted, value);
        }
    });
    for fault in read_as.faults() {
        let code = if std::ptr::eq(fault.code, &code::JSON_MALFORMED) { &code::INSPECT_MALFORMED } else { fault.code };
        learned.add(Fault { code, ..fault.clone() });
    }
    if !is_json {
        return;
    }
    if let Err(what) = shape {
        learned.fault(&code::INSPECT_MALFORMED, None, format!("is {what} and not the description of a container"));
    } else if !found.is_marked && found.name.is_none() {
        learned.fault(&code::INSPECT_MALFORMED, None, "is an object, but describes no container");
    } else {
        conclude(found, container, learned);
    }
}

impl Found {
    fn take(&mut self, wanted: Wanted, value: Value<'_>) {
        match (wanted, value) {
            (Wanted::Mark, value) => self.is_marked |= !value.is_empty(),
            (Wanted::Name, Value::Text(name)) => self.name = Some(name.to_owned()),
            (Wanted::Fact(name), Value::Text(text)) if !text.is_empty() => self.facts.push((name, text.to_owned())),
            (Wanted::Argument, Value::Text(text)) => self.arguments.push(text.to_owned()),
            _ => {}
        }
    }

    /// The address that is advertised.
    fn address(&self) -> Option<&str> {
        ADDRESSES.iter().find_map(|name| {
            let mut arguments = self.arguments.iter();
            let value = loop {
                let argument = arguments.next()?;
                let Some(rest) = argument.trim_start_matches('-').strip_prefix(name) else { continue };
                match rest.strip_prefix('=') {
                    Some(value) => break value,
                    None if rest.is_empty() => break arguments.next()?,
                    None => {}
                }
            };
            host(value)
        })
    }
}

/// The host of the first of a list of URLs, or of an address with or without port.
fn host(text: &str) -> Option<&str> {
    let first = text.split(',').next()?.trim();
    let rest = first.split_once("://").map_or(first, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        // An IPv6 address without brackets has no port.
        None if authority.matches(':').count() > 1 => authority,
        None => authority.split(':').next()?,
    };
    (!host.is_empty() && host.len() < 256).then_some(host)
}

fn conclude(found: Found, container: Option<&[u8]>, learned: &mut Learned) {
    let name = found.name.as_deref().map(|name| name.strip_prefix('/').unwrap_or(name)).filter(|name| !name.is_empty());
    if let Some(name) = name {
        if let Some(wanted) = container
            && wanted != name.as_bytes()
        {
            let message = format!("describes the container {}, not {}", shown(name), shown_bytes(wanted));
            learned.fault(&code::INSPECT_WRONG_CONTAINER, None, message);
        }
        learned.fact("container", name);
    }
    if let Some(address) = found.address() {
        learned.fact("advertise-address", address);
    }
    for (name, value) in found.facts {
        learned.fact(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, expected) in [
            ("https://10.0.0.1:12379", Some("10.0.0.1")),
            ("https://10.0.0.1:12379,https://10.0.0.2:12379", Some("10.0.0.1")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("node.example:443/path", Some("node.example")),
            ("https://[fd00::1]:2379", Some("fd00::1")),
            ("fd00::1", Some("fd00::1")),
            ("", None),
            ("https://", None),
        ] {
            assert_eq!(host(text), expected, "{text}");
        }
    }
}
