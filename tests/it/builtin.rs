//! The built-in rule sets: which archive each recognises, what breaks each of its rules, and what each says of the manual's
//! tables. Archives are those of the generator; nothing here is read off the rule files.

use std::collections::BTreeSet;

use veritar::finding::Severity;
use veritar::rule::{Status, catalog};
use veritar::verify::Outcome;

use crate::build::products::{self, Member, dtr, images, pack, swarm, ucp};
use crate::support::{verify_source, whole};

fn verify(members: &[Member]) -> Outcome {
    verify_source("builtin", whole(&pack(members)), 1)
}

/// Makes the members of an archive.
type Good = fn() -> Vec<Member>;

/// For each set an archive that it finds nothing wrong with; but a worker's directory never is a backup of the swarm.
const GOOD: [(&str, Good); 16] = [
    ("dtr-2.0", || dtr::with_etcd("2.0.3")),
    ("dtr-2.1", || dtr::with_etcd("2.1.4")),
    ("dtr-2.2", || dtr::plain_root("2.5.3")),
    ("dtr-2.9", dtr::full),
    ("dtr-images", || images::classic(images::VOLUME)),
    ("dtr-images-id", || images::by_id(images::VOLUME)),
    ("msr-3", || dtr::plain_root("3.1.5")),
    ("swarm", swarm::manager),
    ("swarm-legacy", swarm::legacy),
    ("swarm-worker", swarm::worker),
    ("ucp-1.1", ucp::ucp_1_1),
    ("ucp-2.0", ucp::ucp_2_0),
    ("ucp-2.1", products::ucp_2_2),
    ("ucp-3.0", ucp::ucp_3_1),
    ("ucp-3.2", products::mke),
    ("ucp-3.2", ucp::mke_3_8),
];

/// Sets that only say that they do not judge, and an archive for each.
const DECLINING: [(&str, &str); 4] = [
    ("mke-4", "k0s.yaml"),
    ("mke-4", "backup/mke4.yaml"),
    ("msr-4", "resources/deployments.apps/namespaces/registry/msr-harbor-core.json"),
    ("msr-4", "harbor/harbor.yml"),
];

fn grave(outcome: &Outcome) -> Vec<(&str, Option<&str>)> {
    let grave = outcome.findings.iter().filter(|finding| finding.severity > Severity::Info);
    grave.map(|finding| (finding.code.id, finding.rule.as_deref())).collect()
}

#[test]
fn each_good_archive_is_recognised_by_its_set_alone() {
    let mut met = BTreeSet::new();
    for (set, good) in GOOD {
        let outcome = verify(&good());
        let judged: Vec<&str> = outcome.rules.iter().map(|judged| judged.id.as_str()).collect();
        assert_eq!(judged, [set]);
        assert!(outcome.findings.iter().all(|finding| finding.code.id != "rules/several-fit"), "{set}");
        met.insert(set);
        let mut left = grave(&outcome);
        // The generator's archives are not encrypted, and image content need not be.
        left.retain(|(code, _)| *code != "rule/not-encrypted");
        let expected: &[_] = if set == "swarm-worker" { &[("rule/missing", Some("swarm-worker#raft"))] } else { &[] };
        assert_eq!(left, expected, "{set}: {:#?}", outcome.findings);
    }
    for (set, member) in DECLINING {
        let outcome = verify(&[Member {
            name: member.to_owned(),
            content: Some(b"kind: ClusterConfig\n".to_vec()),
            mode: 0o600,
            mtime: products::TIME,
            owner: "",
        }]);
        assert_eq!(outcome.verdict.to_string(), "inconclusive", "{member}");
        assert_eq!(grave(&outcome), [("rules/declined", Some(format!("{set}#declines").as_str()))]);
        met.insert(set);
    }
    // Every set that recognises anything was met here.
    let all: BTreeSet<&str> = catalog::all().iter().filter(|set| set.is_detectable()).map(|set| set.id()).collect();
    assert_eq!(met, all);
}

#[test]
fn a_stale_check_does_not_fail_and_an_empty_client_authority_is_no_fault() {
    let members = products::mke();
    assert!(members.iter().all(|member| !member.name.contains("ucp-node-certs")));
    assert!(members.iter().any(|member| member.name.ends_with("client_ca.pem") && member.content == Some(Vec::new())));
    assert_eq!(verify(&members).verdict.to_string(), "pass");
}

// --- each rule of each set, broken ---

/// What breaks a rule, and the code of what the rule then says.
struct Case {
    /// Sets, with `*` at the end for all that begin so.
    sets: &'static [&'static str],
    rule: &'static str,
    code: &'static str,
    change: fn(&mut Vec<Member>),
}

impl Case {
    fn is_of(&self, set: &str, rule: &str) -> bool {
        let of = |pattern: &&str| pattern.strip_suffix('*').map_or(set == *pattern, |start| set.starts_with(start));
        self.rule == rule && self.sets.iter().any(of)
    }
}

const fn case(
    sets: &'static [&'static str],
    rule: &'static str,
    code: &'static str,
    change: fn(&mut Vec<Member>),
) -> Case {
    Case { sets, rule, code, change }
}

fn without(members: &mut Vec<Member>, part: &str) {
    let before = members.len();
    members.retain(|member| !member.name.contains(part));
    assert!(members.len() < before, "nothing is called {part}");
}

fn each(members: &mut [Member], end: &str, mut change: impl FnMut(&mut Member)) {
    let mut met = false;
    for member in members.iter_mut().filter(|member| member.name.ends_with(end)) {
        change(member);
        met = true;
    }
    assert!(met, "nothing ends in {end}");
}

fn put(members: &mut [Member], end: &str, content: &[u8]) {
    each(members, end, |member| member.content = Some(content.to_vec()));
}

fn edit(members: &mut [Member], end: &str, from: &str, to: &str) {
    each(members, end, |member| {
        let text = String::from_utf8(member.content.take().unwrap()).unwrap();
        assert!(text.contains(from), "{end} does not say {from}");
        member.content = Some(text.replace(from, to).into_bytes());
    });
}

fn add(members: &mut Vec<Member>, name: &str, content: &[u8]) {
    let content = (!name.ends_with('/')).then(|| content.to_vec());
    members.push(Member { name: name.to_owned(), content, mode: 0o600, mtime: products::TIME, owner: "" });
}

fn rename(members: &mut [Member], from: &str, to: &str) {
    members.iter_mut().for_each(|member| member.name = member.name.replace(from, to));
}

const UCP: &[&str] = &["ucp*"];
const VOLUMES: &[&str] = &["ucp-1.1", "ucp-2*", "ucp-3.0"];
const ROWS: &[&str] = &["dtr-2.*", "msr-3"];
const IMAGES: &[&str] = &["dtr-images*"];
const SWARM: &[&str] = &["swarm*"];
const MANAGER: &[&str] = &["swarm", "swarm-legacy"];

const CASES: &[Case] = &[
    // UCP and MKE.
    case(UCP, "inspect-dumps", "rule/size", |members| put(members, "ucp-controller.json", b"")),
    case(UCP, "keys", "rule/size", |members| put(members, "server-certs/key.pem", b"")),
    case(UCP, "keys", "rule/mode", |members| each(members, "server-certs/key.pem", |key| key.mode = 0o644)),
    case(UCP, "keys", "rule/kind", |members| each(members, "server-certs/key.pem", |key| key.content = None)),
    case(UCP, "certificates", "rule/size", |members| put(members, "server-certs/cert.pem", b"")),
    case(UCP, "authorities", "rule/size", |members| put(members, "server-certs/ca.pem", b"")),
    case(VOLUMES, "client-root-ca", "rule/missing", |members| without(members, "/ucp-client-root-ca/")),
    case(VOLUMES, "cluster-root-ca", "rule/missing", |members| without(members, "/ucp-cluster-root-ca/")),
    case(VOLUMES, "controller-server-certs", "rule/missing", |members| without(members, "/ucp-controller-server-")),
    case(VOLUMES, "node-certs", "rule/missing", |members| without(members, "/ucp-node-certs/")),
    case(VOLUMES, "kv-store", "rule/missing", |members| without(members, "/ucp-kv/")),
    case(VOLUMES, "auth-store", "rule/missing", |members| without(members, "/ucp-auth-store-data/")),
    case(&["ucp-1.1"], "client-root-ca-files", "rule/missing", |members| {
        without(members, "client-root-ca/config.json")
    }),
    case(&["ucp-2.1"], "node-key", "rule/missing", |members| without(members, "ucp-node-certs/key.pem")),
    case(&["ucp-3.2"], "controller-key", "rule/missing", |members| without(members, "server-certs/key.pem")),
    case(&["ucp-3.2"], "controller-certificate", "rule/missing", |members| without(members, "server-certs/cert.pem")),
    case(&["ucp-3.2"], "controller-ca", "rule/missing", |members| without(members, "server-certs/ca.pem")),
    case(&["ucp-3.2"], "controller-client-ca", "rule/kind", |members| {
        each(members, "client_ca.pem", |member| member.content = None);
    }),
    case(&["ucp-3.2"], "client-root-ca", "rule/missing", |members| without(members, "client-root-ca/cert.pem")),
    case(&["ucp-3.2"], "cluster-root-ca", "rule/missing", |members| without(members, "cluster-root-ca/cert.pem")),
    case(&["ucp-3.2"], "root-ca-keys", "rule/missing", |members| without(members, "cluster-root-ca/key.pem")),
    case(&["ucp-3.2"], "etcd-snapshot", "rule/missing", |members| without(members, "etcd.backup.db")),
    case(&["ucp-3.2"], "auth-store", "rule/missing", |members| without(members, "auth-store.tar.gz")),
    case(&["ucp-3.2"], "backup-time", "rule/capture-conflict", |members| {
        add(members, "./ucp-backup/1631549599999/", b"");
    }),
    case(&["ucp-3.2"], "node", "rule/capture-conflict", |members| {
        let mut other = members.iter().find(|member| member.name.contains("manager-agent")).unwrap().clone();
        other.name = other.name.replace("k3xq0v9p2m7c5w8t1z6r4y0b3", "z9z9z9z9z9z9z9z9z9z9z9z9z");
        members.push(other);
    }),
    case(UCP, "inspect-dumps", "inspect/malformed", |members| put(members, "ucp-controller.json", b"{")),
    case(UCP, "keys", "key/none", |members| put(members, "server-certs/key.pem", b"no key\n")),
    case(UCP, "certificates", "certificate/none", |members| put(members, "server-certs/cert.pem", b"none\n")),
    case(UCP, "authorities", "certificate/none", |members| put(members, "server-certs/ca.pem", b"none\n")),
    case(UCP, "certified", "certificate/key-mismatch", |members| put(members, "server-certs/key.pem", ucp::OTHER.2)),
    case(UCP, "certified", "certificate/not-issued", |members| put(members, "server-certs/ca.pem", ucp::OTHER.1)),
    case(&["ucp-2.1", "ucp-3*"], "version", "rule/capture-conflict", |members| {
        edit(members, "/ucp-proxy.json", "com.docker.ucp.version\": \"", "com.docker.ucp.version\": \"1");
    }),
    case(UCP, "cluster", "rule/capture-conflict", |members| {
        edit(members, "/ucp-proxy.json", "com.docker.ucp.InstanceID\": \"", "com.docker.ucp.InstanceID\": \"x");
    }),
    case(UCP, "address", "rule/capture-conflict", |members| edit(members, "/ucp-proxy.json", "10.0.0.11", "10.0.0.12")),
    case(&["ucp-3.2"], "controller-client-ca", "certificate/none", |members| put(members, "client_ca.pem", b"none\n")),
    case(&["ucp-3.2"], "etcd-snapshot", "etcd/digest", |members| {
        each(members, "etcd.backup.db", |member| member.content.as_mut().unwrap()[9_000] ^= 1);
    }),
    case(&["ucp-3.2"], "auth-store", "gzip/truncated", |members| {
        each(members, "auth-store.tar.gz", |member| member.content.as_mut().unwrap().truncate(100));
    }),
    case(&["ucp-3.2"], "volumes-never-came", "rule/forbidden", |members| edit(members, ".json", "3.4.5", "3.0.2")),
    // DTR and MSR.
    case(ROWS, "row-content", "json/malformed", |members| put(members, "rethink/properties/1", b"{")),
    case(&["dtr-2.9"], "tags", "json/member-missing", |members| put(members, "rethink/tags/0", b"{\"pk\":\"x\"}")),
    case(&["dtr-2.9"], "manifests", "json/member-missing", |members| put(members, "rethink/manifests/0", b"{}")),
    case(&["dtr-2.9"], "blobs", "json/member-missing", |members| put(members, "rethink/blobs/0", b"{}")),
    case(&["dtr-2.9"], "tag-manifests", "reference/missing", |members| {
        edit(members, "rethink/tags/0", "@sha256:", "@sha256:0");
    }),
    case(&["dtr-2.9"], "manifest-blobs", "reference/missing", |members| {
        members.retain(|member| !member.name.contains("rethink/blobs/") || member.content.is_none());
    }),
    case(ROWS, "properties", "rule/missing", |members| without(members, "rethink/properties/0")),
    case(ROWS, "rows", "rule/size", |members| put(members, "rethink/properties/1", b"")),
    case(ROWS, "root", "rule/too-many", |members| add(members, "other-backup-of-today/", b"")),
    case(ROWS, "table-repositories", "rule/missing", |members| without(members, "rethink/repositories/")),
    case(ROWS, "table-tags", "rule/missing", |members| without(members, "rethink/tags/")),
    case(ROWS, "table-manifests", "rule/missing", |members| without(members, "rethink/manifests/")),
    case(ROWS, "table-team-access", "rule/missing", |members| without(members, "_team_access/")),
    case(ROWS, "version", "rule/capture-conflict", |members| {
        // 2.0.3 and 2.0.30: another version that the same set is for.
        let mut other = members.last().unwrap().clone();
        let root = other.name.split('/').next().unwrap().to_owned();
        other.name = other.name.replace(&root, &format!("{}0", root.trim_end_matches("-offline")));
        members.push(other);
    }),
    case(ROWS, "numbers", "rule/gap", |members| without(members, "rethink/properties/1")),
    case(ROWS, "numbers", "rule/missing", |members| {
        members.retain(|member| !member.name.contains("rethink/properties/") || member.content.is_none());
    }),
    case(&["dtr-2.0", "dtr-2.1"], "etcd", "rule/missing", |members| without(members, "etcd/hub.yml")),
    case(&["dtr-2.0", "dtr-2.1"], "etcd-json", "rule/size", |members| put(members, "etcd/ha.json", b"")),
    case(&["dtr-2.0", "dtr-2.1"], "etcd-yaml", "rule/size", |members| put(members, "etcd/hub.yml", b"")),
    case(&["dtr-2.2"], "restore-erases-tags", "rule/forbidden", |members| rename(members, "2.5.3", "2.6.0")),
    case(&["dtr-2.2"], "restore-erases-tags", "rule/forbidden", |members| rename(members, "2.5.3", "2.6.3")),
    case(&["dtr-2.9"], "tables", "rule/missing", |members| without(members, "rethink/crons/")),
    // Image content.
    case(IMAGES, "blobs", "rule/missing", |members| without(members, "/data")),
    case(IMAGES, "blob-content", "rule/size", |members| put(members, "/data", b"")),
    case(IMAGES, "uploads", "rule/forbidden", |members| {
        add(
            members,
            "dtr-registry-1a2b3c4d5e6f/_data/docker/registry/v2/repositories/library/web/_uploads/1-2-3/",
            b"",
        );
    }),
    case(IMAGES, "nested-by-the-restore", "rule/forbidden", |members| {
        members.iter_mut().for_each(|member| member.name = format!("var/lib/docker/volumes/{}", member.name));
    }),
    case(IMAGES, "replica", "rule/capture-conflict", |members| add(members, "dtr-registry-ffffffffffff/", b"")),
    case(&["dtr-images"], "repositories", "rule/missing", |members| without(members, "/repositories/")),
    case(&["dtr-images"], "tag-links", "rule/size", |members| put(members, "current/link", b"sha256:1e93")),
    case(&["dtr-images"], "revision-links", "rule/size", |members| {
        let links = members.iter_mut().filter(|member| member.name.contains("_manifests/revisions/"));
        links.filter(|member| member.content.is_some()).for_each(|member| member.content = Some(b"sha256:".to_vec()));
    }),
    case(&["dtr-images"], "layer-links", "rule/size", |members| {
        let links = members.iter_mut().filter(|member| member.name.contains("_layers/"));
        links.filter(|member| member.content.is_some()).for_each(|member| member.content = Some(b"sha256:".to_vec()));
    }),
    case(&["dtr-images"], "blobs", "registry/blob-digest", |members| {
        each(members, "/data", |member| member.content.as_mut().unwrap().push(b' '));
    }),
    case(&["dtr-images"], "tag-links", "registry/link-malformed", |members| put(members, "current/link", &[b'x'; 71])),
    case(&["dtr-images"], "revision-links", "registry/link-malformed", |members| {
        let links = members.iter_mut().filter(|member| member.name.contains("_manifests/revisions/"));
        links.filter(|member| member.content.is_some()).for_each(|member| member.content = Some(vec![b'x'; 71]));
    }),
    case(&["dtr-images"], "layer-links", "registry/link-malformed", |members| {
        let links = members.iter_mut().filter(|member| member.name.contains("_layers/"));
        links.filter(|member| member.content.is_some()).for_each(|member| member.content = Some(vec![b'x'; 71]));
    }),
    case(&["dtr-images"], "images", "reference/missing", |members| {
        put(members, "current/link", format!("sha256:{}", "0".repeat(64)).as_bytes());
    }),
    case(&["dtr-images"], "layers", "reference/missing", |members| {
        let nowhere = "0".repeat(64);
        let place = "dtr-registry-1a2b3c4d5e6f/_data/docker/registry/v2/repositories/library/web/_layers/sha256";
        add(members, &format!("{place}/{nowhere}/link"), format!("sha256:{nowhere}").as_bytes());
    }),
    case(&["dtr-images-id"], "blobs-by-id", "registry/blob-empty", |members| put(members, "/data", b"")),
    case(&["dtr-images-id"], "blobs-by-digest", "registry/blob-digest", |members| {
        let root = "dtr-registry-1a2b3c4d5e6f/_data/docker/registry/v2/blobs/sha256/00";
        add(members, &format!("{root}/{}/data", "0".repeat(64)), b"something else");
    }),
    // Swarm.
    case(SWARM, "root-ca", "certificate/none", |members| put(members, "swarm-root-ca.crt", b"none\n")),
    case(SWARM, "node-certificate", "certificate/none", |members| put(members, "swarm-node.crt", b"none\n")),
    case(SWARM, "node-key", "swarm/key-damaged", |members| put(members, "swarm-node.key", b"none\n")),
    case(SWARM, "node-pair", "certificate/not-issued", |members| put(members, "swarm-root-ca.crt", ucp::OTHER.1)),
    case(SWARM, "docker-state", "swarm/state-damaged", |members| put(members, "docker-state.json", b"{")),
    case(SWARM, "peers", "swarm/state-damaged", |members| put(members, "swarm/state.json", b"{")),
    case(SWARM, "tasks", "bbolt/meta", |members| {
        each(members, "worker/tasks.db", |member| member.content.as_mut().unwrap()[..8_192].fill(0));
    }),
    case(MANAGER, "raft-log", "raft/log-damaged", |members| {
        each(members, ".wal", |member| member.content.as_mut().unwrap()[300] ^= 1);
    }),
    case(&["swarm"], "raft-snapshot", "raft/snapshot-damaged", |members| {
        add(members, "swarm/raft/snap-v3-encrypted/0000000000000002-0000000000000010.snap", b"\x08\x01\x12\x01x");
    }),
    case(&["swarm-legacy"], "raft-snapshot", "raft/snapshot-damaged", |members| {
        add(members, "swarm/raft/snap/0000000000000002-0000000000000010.snap", b"\x08\x01\x12\x01x");
    }),
    // Autolock changed the key of the log and took a snapshot: without that, the entries before are closed for good.
    case(&["swarm"], "raft", "raft/not-authentic", |members| {
        let locked = swarm::locked();
        *members = locked.into_iter().filter(|member| !member.name.ends_with(".snap")).collect();
    }),
    case(SWARM, "root-ca", "rule/missing", |members| without(members, "swarm-root-ca.crt")),
    case(SWARM, "node-certificate", "rule/missing", |members| without(members, "swarm-node.crt")),
    case(SWARM, "node-key", "rule/missing", |members| without(members, "swarm-node.key")),
    case(SWARM, "node-key", "rule/mode", |members| each(members, "swarm-node.key", |key| key.mode = 0o640)),
    case(SWARM, "docker-state", "rule/missing", |members| without(members, "docker-state.json")),
    case(SWARM, "peers", "rule/missing", |members| without(members, "swarm/state.json")),
    case(SWARM, "tasks", "rule/kind", |members| each(members, "worker/tasks.db", |member| member.content = None)),
    case(&["swarm-worker"], "raft", "rule/missing", |_| {}),
    case(MANAGER, "raft-log", "rule/missing", |members| without(members, ".wal")),
    case(&["swarm"], "raft-snapshot", "rule/size", |members| {
        add(members, "swarm/raft/snap-v3-encrypted/0000000000000002-0000000000000010.snap", b"");
    }),
    case(&["swarm-legacy"], "raft-snapshot", "rule/size", |members| {
        add(members, "swarm/raft/snap/0000000000000002-0000000000000010.snap", b"");
    }),
    case(MANAGER, "broken-snapshot", "rule/forbidden", |members| {
        add(members, "swarm/raft/snap-x/0000000000000002-0000000000000010.snap.broken", b"");
    }),
    case(&["swarm"], "engine-was-running", "rule/forbidden", |members| {
        add(members, "swarm/raft/wal-v3-encrypted/0.tmp", b"");
    }),
    case(&["swarm-legacy"], "engine-was-running", "rule/forbidden", |members| {
        add(members, "swarm/raft/wal/0.tmp", b"");
    }),
    case(&["swarm-legacy"], "plain-raft-log", "rule/forbidden", |_| {}),
];

/// Rules that nothing in an archive's content can break: the name of the file is told, and has one value; and where two versions
/// are told, 2.1 is taken before 2.0.
const UNBREAKABLE: &[(&[&str], &str)] = &[(SWARM, "file-name"), (&["ucp-2.0"], "version")];

#[test]
fn every_rule_has_an_archive_that_breaks_it() {
    let mut wrong = Vec::new();
    for set in catalog::all().iter().filter(|set| set.is_detectable()) {
        for rule in set.rule_ids() {
            let unbreakable = UNBREAKABLE.iter().any(|(sets, id)| case(sets, id, "", |_| {}).is_of(set.id(), rule));
            let cases: Vec<&Case> = CASES.iter().filter(|case| case.is_of(set.id(), rule)).collect();
            if cases.is_empty() && !unbreakable {
                wrong.push(format!("{}#{rule}: no archive breaks it", set.id()));
            }
            for case in cases {
                let (_, good) = GOOD.iter().find(|(id, _)| *id == set.id()).unwrap();
                let mut members = good();
                (case.change)(&mut members);
                let outcome = verify(&members);
                let id = format!("{}#{rule}", set.id());
                let found = outcome.findings.iter().any(|f| f.rule.as_deref() == Some(&id) && f.code.id == case.code);
                if !found {
                    let all: Vec<_> = outcome.findings.iter().map(|f| (f.code.id, &f.rule, &f.message)).collect();
                    wrong.push(format!("{id}: {} was not found among {all:#?}", case.code));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_case_is_of_a_rule() {
    for case in CASES {
        let sets = || catalog::all().iter().filter(|set| set.is_detectable());
        let met = sets().any(|set| set.rule_ids().any(|rule| case.is_of(set.id(), rule)));
        assert!(met, "{:?} have no rule {}", case.sets, case.rule);
    }
}

// --- what holds of the archive as a whole ---

#[test]
fn every_policy_of_every_set_is_in_force() {
    for (set, good) in GOOD {
        let members = good();
        let packed = pack(&members);
        let without_end = packed[..packed.len() - 1024].to_vec();
        let with_more = [&packed[..], b"INFO[0003] Operation completed"].concat();
        let twice = pack(&[&members[..], &members[members.len() - 1..]].concat());
        let outside = {
            let mut members = members.clone();
            add(&mut members, "../outside", b"x");
            pack(&members)
        };
        let strict = if set == "ucp-3.2" { Severity::Error } else { Severity::Warning };
        for (bytes, key, code, severity) in [
            (without_end, "end-marker", "rule/archive-form", Severity::Error),
            (with_more, "trailing-data", "rule/archive-form", Severity::Error),
            (twice, "unique", "entry/duplicate", strict),
            (outside, "paths", "entry/unsafe-path", Severity::Error),
            (packed, "encryption", "rule/not-encrypted", Severity::Warning),
        ] {
            // What an image holds is handed out anyway.
            if key == "encryption" && set.starts_with("dtr-images") {
                continue;
            }
            let outcome = verify_source("builtin", whole(&bytes), 1);
            let id = format!("{set}#archive.{key}");
            let found = outcome.findings.iter().find(|f| f.rule.as_deref() == Some(&id) && f.code.id == code);
            assert_eq!(found.map(|finding| finding.severity), Some(severity), "{id}: {:#?}", outcome.findings);
        }
    }
}

#[test]
fn the_counts_of_the_manuals_are_those_of_the_sets() {
    // 2.1, 2.2: "over 100 files". 3.2 and later: "27 or more". The others name none.
    for (set, good, least) in [
        ("ucp-2.1", products::ucp_2_2 as Good, Some(101)),
        ("ucp-3.2", products::mke, Some(27)),
        ("ucp-1.1", ucp::ucp_1_1, None),
        ("ucp-2.0", ucp::ucp_2_0, None),
        ("ucp-3.0", ucp::ucp_3_1, None),
    ] {
        let mut members = good();
        let id = format!("{set}#archive.entries");
        let fails = |members: &[Member]| {
            verify(members).findings.iter().any(|f| f.code.id == "rule/entries" && f.rule.as_deref() == Some(&id))
        };
        // Files that no rule asks for make up the number.
        while members.len() < least.unwrap_or(0) {
            let name = format!("./ucp-kv/more-{}", members.len());
            add(&mut members, &name, b"x");
        }
        members.truncate(least.unwrap_or(members.len()));
        assert!(!fails(&members), "{set} with {} entries", members.len());
        members.pop();
        assert_eq!(fails(&members), least.is_some(), "{set} with {} entries", members.len());
    }
}

// --- what is in a backup and what is not: the manuals' own tables ---

const IN: Status = Status::Included;
const NOT: Status = Status::AbsentByDesign;

/// UCP and MKE: "data managed by UCP", and the notes below it. The one table calls metrics data backed up and their volume not.
const UCP_TABLE: [(&str, Status); 11] = [
    ("configurations (licence, Swarm and client certificate authorities)", IN),
    ("access control", IN),
    ("certificates and keys", IN),
    ("organisations", IN),
    ("metrics data", IN),
    ("volume ucp-metrics-data", NOT),
    ("volume ucp-node-certs", NOT),
    ("overlay networks", NOT),
    ("configs and secrets", NOT),
    ("services and stacks", NOT),
    ("routing mesh and Interlock settings", NOT),
];

/// With Kubernetes, from 3.0 on.
const KUBERNETES_TABLE: [(&str, Status); 2] =
    [("Kubernetes declarative objects, secrets included", IN), ("Kubernetes volumes and node labels", NOT)];

/// DTR and MSR: "data managed by DTR".
const DTR_TABLE: [(&str, Status); 8] = [
    ("configurations", IN),
    ("repository metadata", IN),
    ("access control to repositories", IN),
    ("Notary data", IN),
    ("scan results", IN),
    ("certificates and keys", IN),
    ("image content", NOT),
    ("vulnerability database", NOT),
];

/// The Swarm directory.
const SWARM_TABLE: [(&str, Status); 6] = [
    ("raft keys", IN),
    ("membership", IN),
    ("services", IN),
    ("overlay networks", IN),
    ("configs and secrets", IN),
    ("unlock key of an autolocked swarm", NOT),
];

#[test]
fn what_is_in_a_backup_is_what_the_manuals_say() {
    let users = "users, organisations and teams";
    for (set, good) in GOOD {
        let expected: BTreeSet<(&str, bool)> = match set {
            "ucp-3.0" | "ucp-3.2" => [&UCP_TABLE[..], &KUBERNETES_TABLE].concat(),
            "ucp-1.1" | "ucp-2.0" | "ucp-2.1" => UCP_TABLE.to_vec(),
            // The backup of MSR 3 holds its users; that of 2 leaves them to UCP's.
            "msr-3" => [&DTR_TABLE[..], &[(users, IN)]].concat(),
            "dtr-2.0" | "dtr-2.1" | "dtr-2.2" | "dtr-2.9" => [&DTR_TABLE[..], &[(users, NOT)]].concat(),
            "dtr-images" | "dtr-images-id" => {
                vec![("image content", IN), ("repository metadata, access control, Notary data and scan results", NOT)]
            }
            "swarm" | "swarm-legacy" => SWARM_TABLE.to_vec(),
            _ => vec![("membership, services, networks, configs and secrets", NOT)],
        }
        .into_iter()
        .map(|(data, status)| (data, status == IN))
        .collect();
        let outcome = verify(&good());
        let found: BTreeSet<(&str, bool)> =
            outcome.coverage.iter().map(|line| (line.data.as_str(), line.status == IN)).collect();
        assert_eq!(found, expected, "{set}");
        assert_eq!(outcome.coverage.len(), expected.len(), "{set}: a line stands twice");
        for line in &outcome.coverage {
            // Where the manual contradicts itself, the line says so.
            if ["metrics data", "volume ucp-metrics-data"].contains(&line.data.as_str()) {
                assert!(line.note.as_deref().is_some_and(|note| note.contains("same page")), "{set}");
            }
            if line.data == "volume ucp-node-certs" && set != "ucp-3.2" {
                assert!(line.note.as_deref().is_some_and(|note| note.contains("contradicts itself")), "{set}");
            }
            // Another backup that is named is one that there is a set for, and that holds it.
            if let Some(other) = &line.covered_by {
                assert!(catalog::find(other).is_some_and(|set| set.is_detectable()), "{set}: {other}");
            }
        }
    }
}

#[test]
fn what_ignored_scans_and_events_leave_empty_is_legitimate() {
    let members = dtr::full();
    for table in ["events", "scanned_images", "scanned_layers", "layer_vuln_overrides"] {
        let inside = format!("/rethink/{table}/");
        assert_eq!(members.iter().filter(|member| member.name.contains(&inside)).count(), 1, "only the folder");
    }
    assert_eq!(verify(&members).verdict.to_string(), "pass");
}
