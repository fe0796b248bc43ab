//! DTR / MSR metadata archives: one JSON document a row.

use super::Member;
use super::images::{self, Image};

/// A metadata backup of an empty DTR 2.9.4, cut down to a few tables.
pub fn dtr() -> Vec<Member> {
    let root = "dtr-backup-v2.9.4-online/";
    let tables = [
        ("tags", 0),
        ("manifests", 0),
        ("properties", 4),
        ("namespace_team_access", 0),
        ("repositories", 1),
        ("crons", 3),
        ("private_keys", 0),
    ];
    let tables = tables.map(|(table, rows)| (table, (0..rows).map(|row| plain(table, row)).collect()));
    let mut members = vec![Member::directory(root, 0o700, 0)];
    rethink(&mut members, root, &tables);
    members
}

fn plain(table: &str, row: usize) -> String {
    format!("{{\"id\":\"{table}-{row}\",\"value\":\"row {row} of {table}\"}}")
}

/// The folder of tables with their rows.
fn rethink(members: &mut Vec<Member>, root: &str, tables: &[(&str, Vec<String>)]) {
    members.push(Member::directory(&format!("{root}rethink/"), 0o700, 0));
    for (table, rows) in tables {
        members.push(Member::directory(&format!("{root}rethink/{table}/"), 0o700, 0));
        for (row, content) in rows.iter().enumerate() {
            members.push(Member::file(&format!("{root}rethink/{table}/{row}"), content, 0o600, 0));
        }
    }
}

/// The rows that tie tags to manifests and manifests to blobs.
fn content(images: &[Image]) -> [(&'static str, Vec<String>); 4] {
    let manifest = |image: &Image| format!("{}@sha256:{}", image.repository, image.manifest.hex);
    let repositories = images.iter().map(|image| {
        let (namespace, name) = image.repository.split_once('/').unwrap();
        format!(
            "{{\"id\":\"{}\",\"namespaceName\":\"{namespace}\",\"name\":\"{name}\",\"visibility\":\"public\"}}",
            image.repository
        )
    });
    let tags = images.iter().map(|image| {
        let (repository, tag) = (image.repository, image.tag);
        format!(
            "{{\"pk\":\"{repository}:{tag}\",\"name\":\"{tag}\",\"repository\":\"{repository}\",\"digestPK\":\"{}\"}}",
            manifest(image)
        )
    });
    let manifests = images.iter().map(|image| {
        let layers: Vec<String> = image
            .layers
            .iter()
            .map(|layer| {
                let (size, kind) = (layer.content.len(), layer.media_type);
                format!("{{\"digest\":\"sha256:{}\",\"size\":{size},\"mediaType\":\"{kind}\"}}", layer.hex)
            })
            // A foreign layer: it is fetched from its own place, and no blob holds it.
            .chain([format!(
                "{{\"digest\":\"sha256:{}\",\"size\":1048576,\"mediaType\":\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\",\"urls\":[\"https://example.com/layer\"]}}",
                "0f".repeat(32)
            )])
            .collect();
        format!(
            "{{\"pk\":\"{}\",\"digest\":\"sha256:{}\",\"repository\":\"{}\",\"mediaType\":\"{}\",\"configDigest\":\"sha256:{}\",\"layers\":[{}]}}",
            manifest(image), image.manifest.hex, image.repository, image.manifest.media_type, image.config.hex, layers.join(",")
        )
    });
    let blobs = images::blobs(images)
        .into_values()
        .map(|blob| {
            let (id, kind, size) = (&blob.id, blob.media_type, blob.content.len());
            format!(
                "{{\"id\":\"{id}\",\"sha256sum\":\"sha256:{}\",\"mediaType\":\"{kind}\",\"size\":{size}}}",
                blob.hex
            )
        })
        .collect();
    [
        ("repositories", repositories.collect()),
        ("tags", tags.collect()),
        ("manifests", manifests.collect()),
        ("blobs", blobs),
    ]
}

/// The tables of MSR 2.9.4, in the order of one real archive.
pub const TABLES: [&str; 26] = [
    "client_tokens",
    "poll_mirroring_policies",
    "promotion_policies",
    "content_caches",
    "webhooks",
    "tags",
    "events",
    "manifests",
    "scanned_layers",
    "layer_vuln_overrides",
    "changefeed",
    "scanned_images",
    "blob_links",
    "namespace_team_access",
    "tuf_files",
    "properties",
    "helm_charts",
    "pruning_policies",
    "repository_team_access",
    "push_mirroring_policies",
    "repositories",
    "user_settings",
    "metrics",
    "blobs",
    "crons",
    "private_keys",
];

/// MSR 2.9.18 with two images, all tables, and neither scans nor events: `--ignore-scan-data`.
pub fn full() -> Vec<Member> {
    let images = images::all();
    let content = content(&images);
    let tables: Vec<(&str, Vec<String>)> = TABLES
        .iter()
        .map(|table| {
            let rows = match (content.iter().find(|(name, _)| name == table), *table) {
                (Some((_, rows)), _) => rows.clone(),
                (None, "properties") => (0..5).map(|row| plain(table, row)).collect(),
                (None, "crons") => (0..3).map(|row| plain(table, row)).collect(),
                (None, "private_keys" | "metrics" | "client_tokens") => vec![plain(table, 0)],
                _ => Vec::new(),
            };
            (*table, rows)
        })
        .collect();
    let root = "dtr-backup-v2.9.18-offline/";
    let mut members = vec![Member::directory(root, 0o700, 0)];
    rethink(&mut members, root, &tables);
    members
}

/// Tables of every version, with a row or two where there are any.
const COMMON: [(&str, usize); 6] = [
    ("properties", 3),
    ("repositories", 1),
    ("tags", 0),
    ("manifests", 0),
    ("namespace_team_access", 1),
    ("repository_team_access", 0),
];

fn common() -> Vec<(&'static str, Vec<String>)> {
    COMMON.iter().map(|(table, rows)| (*table, (0..*rows).map(|row| plain(table, row)).collect())).collect()
}

/// DTR 2.0.1 to 2.1: the settings still stand in etcd.
pub fn with_etcd(version: &str) -> Vec<Member> {
    let root = format!("dtr-backup-v{version}/");
    let mut members = vec![Member::directory(&root, 0o700, 0), Member::directory(&format!("{root}etcd/"), 0o700, 0)];
    for (name, content) in [
        ("hub.yml", "load_balancer_http_port: 80\n"),
        ("storage.yml", "filesystem:\n  rootdirectory: /storage\n"),
        ("garant.yml", "provider: dtr\n"),
        ("license.json", "{\"key_id\":\"none\"}\n"),
        ("ha.json", "{\"replicaConfig\":{}}\n"),
    ] {
        members.push(Member::file(&format!("{root}etcd/{name}"), content, 0o600, 0));
    }
    rethink(&mut members, &root, &common());
    members
}

/// DTR 2.0.0: a root without version, rows in base64.
pub fn dtr_2_0_0() -> Vec<Member> {
    let mut members = with_etcd("2.0.0");
    for member in &mut members {
        let row = member.name.contains("/rethink/");
        if let (true, Some(content)) = (row, &mut member.content) {
            *content = crate::build::base64(content).into_bytes();
        }
        member.name = member.name.replace("dtr-backup-v2.0.0/", "dtr-backup/");
    }
    members
}

/// DTR 2.2 to 2.8, MSR 3: rows alone, a root without suffix.
pub fn plain_root(version: &str) -> Vec<Member> {
    let root = format!("dtr-backup-v{version}/");
    let mut members = vec![Member::directory(&root, 0o700, 0)];
    rethink(&mut members, &root, &common());
    members
}
