//! Probe `docker-inspect`.

use veritar::probe::{Learned, Settings};

use super::{codes, learn};

fn inspect(path: &str, content: &str) -> Learned {
    learn("docker-inspect", path, content.as_bytes(), &Settings::new(), None)
}

fn facts(learned: &Learned) -> Vec<(&str, &str)> {
    learned.facts().iter().map(|(name, value)| (&**name, &**value)).collect()
}

/// In the order and with the names that Docker's API gives.
const KV: &str = r#"{
    "Id": "3f1c", "Created": "2023-01-01T00:00:00Z", "Path": "/bin/etcd",
    "Args": ["--data-dir", "/data", "--advertise-client-urls", "https://10.0.0.11:12379", "--name=orca-kv-10.0.0.11"],
    "State": {"Status": "running"}, "Name": "/ucp-kv", "HostConfig": {},
    "Config": {
        "Env": ["PATH=/bin", "SECRET=hunter2", "ETCD_ADVERTISE_CLIENT_URLS=https://10.9.9.9:1"],
        "Cmd": null, "Image": "docker/ucp-etcd:3.2.3",
        "Labels": {"com.docker.ucp.InstanceID": "qxz0", "com.docker.ucp.version": "3.2.3", "other": "x"}
    }
}"#;

#[test]
fn a_dump_tells_version_cluster_image_and_address() {
    let expected = [
        ("container", "ucp-kv"),
        ("advertise-address", "10.0.0.11"),
        ("image", "docker/ucp-etcd:3.2.3"),
        ("instance", "qxz0"),
        ("version", "3.2.3"),
    ];
    for text in [KV.to_owned(), format!(" [{KV}]\n")] {
        let learned = inspect("ucp-kv.json", &text);
        assert_eq!(codes(&learned), [""; 0]);
        let mut told = facts(&learned);
        told[2..].sort_unstable();
        assert_eq!(told, expected);
        assert!(!format!("{learned:?}").contains("hunter2"));
    }
    for (field, told) in [
        (r#""Config": {"Env": ["ETCD_ADVERTISE_CLIENT_URLS=https://[fd00::1]:1"]}"#, Some("fd00::1")),
        (r#""Config": {"Cmd": ["--advertise-address=node-1.example"]}"#, Some("node-1.example")),
        (r#""Config": {"Cmd": ["--advertise-address"]}"#, None),
        (r#""Config": {"Cmd": ["--advertise-address-not", "x"]}"#, None),
        (r#""Config": null"#, None),
    ] {
        let learned = inspect("a.json", &format!("{{\"Name\": \"/a\", {field}}}"));
        assert_eq!(codes(&learned), [""; 0], "{field}");
        let address = facts(&learned).into_iter().find(|(name, _)| *name == "advertise-address").map(|fact| fact.1);
        assert_eq!(address, told, "{field}");
    }
}

#[test]
fn a_dump_is_of_the_container_that_its_file_is_named_after() {
    let agent = "ucp-manager-agent.k9z0w4jmgxcqbr8m2pz3h7dta.x1y2z3a4b5c6d7e8f9g0h1i2j";
    let text = format!("{{\"Id\": \"1\", \"Name\": \"/{agent}\"}}");
    assert_eq!(codes(&inspect(&format!("{agent}.json"), &text)), [""; 0]);
    assert_eq!(codes(&inspect(&format!("folder/{agent}.json"), &text)), [""; 0]);
    let learned = inspect("folder/ucp-proxy.json", KV);
    assert_eq!(codes(&learned), ["inspect/wrong-container"]);
    assert_eq!(learned.faults()[0].message, "describes the container ucp-kv, not ucp-proxy");
    // Where one of both tells no name there is nothing to compare.
    assert_eq!(codes(&inspect("ucp-proxy", KV)), [""; 0]);
    assert_eq!(codes(&inspect("ucp-proxy.json", r#"{"Id": "1", "Config": {"Image": "x"}}"#)), [""; 0]);
}

#[test]
fn what_describes_no_container_says_so() {
    for text in [
        "",
        "{",
        "[]",
        "{}",
        "null",
        "\"x\"",
        "[1]",
        "[{}]",
        "Error: No such object: ucp-kv\n",
        &KV[..KV.len() / 2],
        &format!("[{KV},{KV}]"),
        &format!("{KV}{KV}"),
        r#"{"message": "No such container: ucp-kv"}"#,
        r#"{"Name": 7, "Id": ""}"#,
    ] {
        let learned = inspect("ucp-kv.json", text);
        assert_eq!(codes(&learned), ["inspect/malformed"], "{text}");
        assert_eq!(facts(&learned), [], "{text}");
    }
    assert_eq!(codes(&inspect("a.json", r#"{"Name": "/a", "Name": "/a"}"#)), ["json/duplicate-key"]);
}
