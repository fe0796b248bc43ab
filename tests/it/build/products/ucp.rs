//! UCP / MKE backups of every generation: volumes alone, dumps and volumes, dumps and `ucp-backup/`.

use super::{Member, TIME};

/// A volume's folder, and its files with their content.
type Volume = (&'static str, &'static [(&'static str, &'static [u8])]);

const NODE: &str = "k3xq0v9p2m7c5w8t1z6r4y0b3";
const TASK: &str = "a7d1f5h9j3l6n0q4s8u2w6y1c";
const INSTANCE: &str = "dq1o7bmxkq8xbb5o6e7e0e3tz";

/// The containers of a manager with Kubernetes whose inspect dumps are in the backup, in their order.
const SERVICES: [&str; 12] = [
    "ucp-auth-store",
    "ucp-kube-apiserver",
    "ucp-kube-controller-manager",
    "ucp-kubelet",
    "ucp-kube-proxy",
    "ucp-kube-scheduler",
    "ucp-controller",
    "ucp-swarm-manager",
    "ucp-kv",
    "ucp-proxy",
    "ucp-client-root-ca",
    "ucp-cluster-root-ca",
];

/// The 27 members of an MKE 3.4.5 backup of one node, in their order.
pub fn mke() -> Vec<Member> {
    mke_of("3.4.5", 24)
}

/// The same of a later version, with smaller dumps.
pub fn mke_3_8() -> Vec<Member> {
    mke_of("3.8.2", 1)
}

fn mke_of(version: &str, settings: usize) -> Vec<Member> {
    let mut members = dumps(version, settings, &SERVICES);
    let folder = format!("./ucp-backup/{}/", TIME * 1000 + 123);
    let store = include_bytes!("../../parts/auth-store.tar.gz");
    let etcd = include_bytes!("../../parts/etcd.backup.db");
    members.push(Member::new(&folder, None, 0o755, TIME, "nobody"));
    members.push(Member::new(&format!("{folder}auth-store.tar.gz"), Some(store), 0o644, TIME, "nobody"));
    members.push(Member::new(&format!("{folder}etcd.backup.db"), Some(etcd), 0o600, TIME, "nobody"));
    let pki: [Volume; 3] = [
        (
            "./ucp-client-root-ca/",
            &[
                ("cert.pem", include_bytes!("../../parts/pki/ucp-client-root-ca/cert.pem")),
                ("key.pem", include_bytes!("../../parts/pki/ucp-client-root-ca/key.pem")),
            ],
        ),
        (
            "./ucp-cluster-root-ca/",
            &[
                ("cert.pem", include_bytes!("../../parts/pki/ucp-cluster-root-ca/cert.pem")),
                ("key.pem", include_bytes!("../../parts/pki/ucp-cluster-root-ca/key.pem")),
            ],
        ),
        (
            "./ucp-controller-server-certs/",
            &[
                ("ca.pem", include_bytes!("../../parts/pki/ucp-controller-server-certs/ca.pem")),
                ("cert.pem", include_bytes!("../../parts/pki/ucp-controller-server-certs/cert.pem")),
                ("client_ca.pem", b""),
                ("key.pem", include_bytes!("../../parts/pki/ucp-controller-server-certs/key.pem")),
            ],
        ),
    ];
    for (folder, files) in pki {
        members.push(Member::new(folder, None, 0o755, TIME, "nobody"));
        for (name, content) in files {
            let mode = if *name == "key.pem" { 0o600 } else { 0o644 };
            members.push(Member::new(&format!("{folder}{name}"), Some(content), mode, TIME, "nobody"));
        }
    }
    members
}

/// The inspect dumps of these containers and of the agent.
fn dumps(version: &str, settings: usize, services: &[&str]) -> Vec<Member> {
    let agent = match version.as_bytes() {
        [b'3', ..] => "ucp-manager-agent",
        _ => "ucp-agent",
    };
    let agent = format!("{agent}.{NODE}.{TASK}");
    let names = services.iter().copied().chain([agent.as_str()]);
    let dump = |name: &str| inspect(name, version, settings);
    names.map(|name| Member::new(&format!("./{name}.json"), Some(dump(name).as_bytes()), 0o644, 0, "")).collect()
}

/// An inspect dump in the shape docker gives it, about 7 KB with 24 settings.
fn inspect(service: &str, version: &str, settings: usize) -> String {
    let environment: Vec<String> =
        (0..settings).map(|index| format!("\"SETTING_{index:02}=value-{index:02}-of-{service}\"")).collect();
    let mounts: Vec<String> = (0..settings)
        .map(|index| {
            format!(
                "{{\"Type\": \"volume\", \"Name\": \"{service}-{index}\", \"Destination\": \"/data/{index}\", \"Driver\": \"local\", \"RW\": true}}"
            )
        })
        .collect();
    let maker = if version.starts_with("3.4") || version.starts_with("3.8") { "mirantis" } else { "docker" };
    format!(
        "{{\n  \"Name\": \"/{service}\",\n  \"Config\": {{\n    \"Image\": \"{maker}/{service}:{version}\",\n    \"Labels\": {{\n      \
         \"com.docker.ucp.InstanceID\": \"{INSTANCE}\",\n      \"com.docker.ucp.version\": \"{version}\"\n    }},\n    \
         \"Cmd\": [\"--advertise-address\", \"10.0.0.11\"],\n    \"Env\": [\n      {}\n    ]\n  }},\n  \"Mounts\": [\n    {}\n  ]\n}}\n",
        environment.join(",\n      "),
        mounts.join(",\n    ")
    )
}

macro_rules! pem {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../parts/pki/volumes/", $name, "/cert.pem")) as &[u8],
            include_bytes!(concat!("../../parts/pki/volumes/", $name, "/key.pem")) as &[u8],
        )
    };
}

/// Volumes that hold a key and its certificate.
const CERTIFIED: [(&str, &[u8], &[u8]); 9] = [
    pem!("ucp-auth-api-certs"),
    pem!("ucp-auth-store-certs"),
    pem!("ucp-auth-worker-certs"),
    pem!("ucp-client-root-ca"),
    pem!("ucp-cluster-root-ca"),
    pem!("ucp-controller-client-certs"),
    pem!("ucp-controller-server-certs"),
    pem!("ucp-kv-certs"),
    pem!("ucp-node-certs"),
];

/// A key and a certificate that fit nothing else.
pub const OTHER: (&str, &[u8], &[u8]) = pem!("other");

/// Whole volumes, a sorted walk. `files` more in each of those that hold data.
fn volumes(data: &[&str], files: usize) -> Vec<Member> {
    let mut names: Vec<&str> = CERTIFIED.iter().map(|(name, ..)| *name).chain(data.iter().copied()).collect();
    names.sort_unstable();
    let (_, authority, _) = CERTIFIED[4];
    let mut members = Vec::new();
    for name in names {
        members.push(Member::new(&format!("./{name}/"), None, 0o700, TIME, "nobody"));
        let mut file = |file: &str, content: &[u8], mode| {
            members.push(Member::new(&format!("./{name}/{file}"), Some(content), mode, TIME, "nobody"));
        };
        if let Some((_, certificate, key)) = CERTIFIED.iter().find(|(volume, ..)| *volume == name) {
            let root = name.ends_with("-root-ca");
            if !root {
                file("ca.pem", authority, 0o644);
            }
            file("cert.pem", certificate, 0o644);
            if root {
                file("config.json", b"{\"signing\":{\"default\":{\"expiry\":\"26280h\"}}}\n", 0o644);
            }
            file("key.pem", key, 0o600);
        } else {
            for index in 0..files {
                file(&format!("data-{index:02}"), format!("{name}/{index}\n").as_bytes(), 0o600);
            }
        }
    }
    members
}

/// UCP 1.1: volumes alone, as the manual's sample begins.
pub fn ucp_1_1() -> Vec<Member> {
    let mut members = volumes(&["ucp-auth-store-data", "ucp-auth-worker-data", "ucp-kv"], 3);
    // The sample begins with this volume.
    let first = members.iter().position(|member| member.name == "./ucp-client-root-ca/").unwrap();
    members.rotate_left(first);
    members
}

/// A dump of each container that UCP 2 runs on a manager.
const UCP_2: [&str; 9] = [
    "ucp-auth-api",
    "ucp-auth-store",
    "ucp-auth-worker",
    "ucp-client-root-ca",
    "ucp-cluster-root-ca",
    "ucp-controller",
    "ucp-kv",
    "ucp-proxy",
    "ucp-swarm-manager",
];

/// UCP 2.0: inspect dumps and volumes; the manual names no count.
pub fn ucp_2_0() -> Vec<Member> {
    [dumps("2.0.3", 1, &UCP_2), volumes(&["ucp-auth-store-data", "ucp-auth-worker-data", "ucp-kv"], 3)].concat()
}

/// A UCP 2.2 backup: inspect dumps and whole volumes, more than 100 files.
pub fn ucp_2_2() -> Vec<Member> {
    let data = ["ucp-auth-store-data", "ucp-auth-worker-data", "ucp-kv", "ucp-metrics-inventory"];
    [dumps("2.2.4", 1, &UCP_2), volumes(&data, 14)].concat()
}

/// UCP 3.1: Kubernetes' containers among the dumps, and still whole volumes.
pub fn ucp_3_1() -> Vec<Member> {
    let data = ["ucp-auth-store-data", "ucp-auth-worker-data", "ucp-kv", "ucp-metrics-inventory"];
    [dumps("3.1.5", 1, &SERVICES), volumes(&data, 3)].concat()
}
