//! Backups as the products write them: UCP / MKE, UCP 2.2, DTR metadata.

use tar::{Builder, EntryType, Header};

/// One member of a backup.
#[derive(Clone)]
pub struct Member {
    pub name: String,
    /// `None` for a directory.
    pub content: Option<Vec<u8>>,
    pub mode: u32,
    pub mtime: u64,
    pub owner: &'static str,
}

impl Member {
    fn new(name: &str, content: Option<&[u8]>, mode: u32, mtime: u64, owner: &'static str) -> Self {
        Self { name: name.to_owned(), content: content.map(<[u8]>::to_vec), mode, mtime, owner }
    }
}

/// A volume's folder, and its files with their content.
type Volume = (&'static str, &'static [(&'static str, &'static [u8])]);

const NODE: &str = "k3xq0v9p2m7c5w8t1z6r4y0b3";
const TASK: &str = "a7d1f5h9j3l6n0q4s8u2w6y1c";
const INSTANCE: &str = "dq1o7bmxkq8xbb5o6e7e0e3tz";
/// 2021-09-13 16:11:50 UTC, the time in the documented listing.
const TIME: u64 = 1_631_549_510;

/// The 27 members of an MKE 3.4.5 backup of one node, in their order.
pub fn mke() -> Vec<Member> {
    let mut members = Vec::new();
    let services = [
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
    for service in services {
        members.push(Member::new(&format!("./{service}.json"), Some(inspect(service).as_bytes()), 0o644, 0, ""));
    }
    let agent = format!("ucp-manager-agent.{NODE}.{TASK}");
    members.push(Member::new(&format!("./{agent}.json"), Some(inspect(&agent).as_bytes()), 0o644, 0, ""));
    let folder = format!("./ucp-backup/{}/", TIME * 1000 + 123);
    let store = include_bytes!("../parts/auth-store.tar.gz");
    let etcd = include_bytes!("../parts/etcd.backup.db");
    members.push(Member::new(&folder, None, 0o755, TIME, "nobody"));
    members.push(Member::new(&format!("{folder}auth-store.tar.gz"), Some(store), 0o644, TIME, "nobody"));
    members.push(Member::new(&format!("{folder}etcd.backup.db"), Some(etcd), 0o600, TIME, "nobody"));
    let pki: [Volume; 3] = [
        (
            "./ucp-client-root-ca/",
            &[
                ("cert.pem", include_bytes!("../parts/pki/ucp-client-root-ca/cert.pem")),
                ("key.pem", include_bytes!("../parts/pki/ucp-client-root-ca/key.pem")),
            ],
        ),
        (
            "./ucp-cluster-root-ca/",
            &[
                ("cert.pem", include_bytes!("../parts/pki/ucp-cluster-root-ca/cert.pem")),
                ("key.pem", include_bytes!("../parts/pki/ucp-cluster-root-ca/key.pem")),
            ],
        ),
        (
            "./ucp-controller-server-certs/",
            &[
                ("ca.pem", include_bytes!("../parts/pki/ucp-controller-server-certs/ca.pem")),
                ("cert.pem", include_bytes!("../parts/pki/ucp-controller-server-certs/cert.pem")),
                ("client_ca.pem", b""),
                ("key.pem", include_bytes!("../parts/pki/ucp-controller-server-certs/key.pem")),
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

/// An inspect dump in the shape docker gives it, about 7 KB.
fn inspect(service: &str) -> String {
    let environment: Vec<String> =
        (0..24).map(|index| format!("\"SETTING_{index:02}=value-{index:02}-of-{service}\"")).collect();
    let mounts: Vec<String> = (0..24)
        .map(|index| {
            format!(
                "{{\"Type\": \"volume\", \"Name\": \"{service}-{index}\", \"Destination\": \"/data/{index}\", \"Driver\": \"local\", \"RW\": true}}"
            )
        })
        .collect();
    format!(
        "{{\n  \"Name\": \"/{service}\",\n  \"Config\": {{\n    \"Image\": \"mirantis/{service}:3.4.5\",\n    \"Labels\": {{\n      \
         \"com.docker.ucp.InstanceID\": \"{INSTANCE}\",\n      \"com.docker.ucp.version\": \"3.4.5\"\n    }},\n    \
         \"Cmd\": [\"--advertise-address\", \"10.0.0.11\"],\n    \"Env\": [\n      {}\n    ]\n  }},\n  \"Mounts\": [\n    {}\n  ]\n}}\n",
        environment.join(",\n      "),
        mounts.join(",\n    ")
    )
}

/// A UCP 2.2 backup: inspect dumps and whole volumes, more than 100 files.
pub fn ucp_2_2() -> Vec<Member> {
    let mut members = Vec::new();
    for service in ["ucp-controller", "ucp-kv", "ucp-proxy", "ucp-swarm-manager"] {
        members.push(Member::new(&format!("./{service}.json"), Some(inspect(service).as_bytes()), 0o644, 0, ""));
    }
    let volumes = [
        "ucp-auth-api-certs",
        "ucp-auth-store-certs",
        "ucp-auth-store-data",
        "ucp-client-root-ca",
        "ucp-cluster-root-ca",
        "ucp-controller-client-certs",
        "ucp-controller-server-certs",
        "ucp-kv",
        "ucp-kv-certs",
        "ucp-node-certs",
    ];
    for volume in volumes {
        members.push(Member::new(&format!("./{volume}/"), None, 0o700, TIME, "nobody"));
        let mut names = vec!["ca.pem".to_owned(), "cert.pem".to_owned(), "key.pem".to_owned()];
        names.extend((0..7).map(|index| format!("data-{index}")));
        names.sort();
        for name in names {
            let content = format!("{volume}/{name}\n");
            members.push(Member::new(&format!("./{volume}/{name}"), Some(content.as_bytes()), 0o600, TIME, "nobody"));
        }
    }
    members
}

/// A metadata backup of an empty DTR 2.9.4, cut down to a few tables.
pub fn dtr() -> Vec<Member> {
    let root = "dtr-backup-v2.9.4-online/";
    let mut members =
        vec![Member::new(root, None, 0o700, 0, ""), Member::new(&format!("{root}rethink/"), None, 0o700, 0, "")];
    let tables = [
        ("tags", 0),
        ("manifests", 0),
        ("properties", 4),
        ("namespace_team_access", 0),
        ("repositories", 1),
        ("crons", 3),
        ("private_keys", 0),
    ];
    for (table, rows) in tables {
        members.push(Member::new(&format!("{root}rethink/{table}/"), None, 0o700, 0, ""));
        for row in 0..rows {
            let content = format!("{{\"id\":\"{table}-{row}\",\"value\":\"row {row} of {table}\"}}");
            let name = format!("{root}rethink/{table}/{row}");
            members.push(Member::new(&name, Some(content.as_bytes()), 0o600, 0, ""));
        }
    }
    members
}

/// Writes members as Go's archive/tar does: ustar headers, two blocks of zeros.
pub fn pack(members: &[Member]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for member in members {
        let mut header = Header::new_ustar();
        header.set_path(&member.name).unwrap();
        if member.name.starts_with("./") {
            // The crate drops the leading `./`, which the products write.
            let field = &mut header.as_old_mut().name;
            field.fill(0);
            field[..member.name.len()].copy_from_slice(member.name.as_bytes());
        }
        header.set_mode(member.mode);
        header.set_mtime(member.mtime);
        header.set_uid(if member.owner.is_empty() { 0 } else { 65534 });
        header.set_gid(if member.owner.is_empty() { 0 } else { 65534 });
        header.set_username(member.owner).unwrap();
        header.set_groupname(if member.owner.is_empty() { "" } else { "nogroup" }).unwrap();
        let content = member.content.as_deref().unwrap_or_default();
        header.set_size(content.len() as u64);
        header.set_entry_type(if member.content.is_some() { EntryType::Regular } else { EntryType::Directory });
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }
    builder.into_inner().unwrap()
}
