//! Keys, certificates and issuers of one folder, held against each other by a rule on the whole road.

use veritar::finding::Severity;
use veritar::rule::Choice;
use veritar::source::MemorySource;
use veritar::verify::{Archive, Outcome, verify};

use super::openssl::part;
use crate::build::tarball::Tarball;
use crate::rule::set;
use crate::support::{corpus, options, secrets};

const RULES: &str = "schema = 1\nid = \"own\"\ntitle = \"own\"\nproduct = \"own\"\n\
    [[entry]]\nid = \"key\"\npath = \"**/key.pem\"\nprobe = \"private-key\"\nwhy = \"x\"\n\
    [[entry]]\nid = \"certificate\"\npath = \"**/cert.pem\"\nprobe = \"certificate\"\nwhy = \"x\"\n\
    [[entry]]\nid = \"issuer\"\npath = \"**/ca.pem\"\nprobe = \"certificate\"\nwhy = \"x\"\n\
    [[pair]]\nid = \"pair\"\nkey = \"key\"\ncertificate = \"certificate\"\nissuer = \"issuer\"\nwhy = \"x\"\n";

/// 2026-12-15: within the 90 days of the Swarm's certificates.
const DAY: i64 = 1_797_292_800;

fn judged(rules: &str, archive: Archive) -> Outcome {
    judged_at(rules, archive, DAY)
}

fn judged_at(rules: &str, archive: Archive, day: i64) -> Outcome {
    let mut options = options(2);
    options.reading.now = Some(day);
    options.rules = vec![set(rules)];
    options.choice = Choice::Named;
    verify(archive, &options, &mut secrets()).unwrap()
}

fn packed(members: &[(&str, Vec<u8>)]) -> Archive {
    let tar = members.iter().fold(Tarball::default(), |tar, (name, content)| tar.file(name, content));
    Archive::from_source("made", Box::new(MemorySource::new(tar.end())))
}

/// The codes of keys and certificates that were found, each with its member.
fn found(outcome: &Outcome) -> Vec<(&'static str, Severity, String)> {
    let of = outcome
        .findings
        .iter()
        .filter(|finding| ["key/", "certificate/"].iter().any(|area| finding.code.id.starts_with(area)));
    of.map(|finding| {
        (finding.code.id, finding.severity, finding.place.entry.as_ref().unwrap().escape_ascii().to_string())
    })
    .collect()
}

#[test]
fn what_lies_in_one_folder_must_belong_together() {
    let server = |name: &str| part(&format!("ucp-controller-server-certs/{name}.pem"));
    let root = |name: &str, file: &str| part(&format!("ucp-{name}-root-ca/{file}.pem"));
    let good = || vec![("a/key.pem", server("key")), ("a/cert.pem", server("cert")), ("a/ca.pem", server("ca"))];
    let outcome = judged(RULES, packed(&good()));
    assert_eq!(found(&outcome), [], "{:?}", outcome.findings);

    // ca.pem is the root of one of the two.
    let other = if root("client", "cert") == server("ca") { "cluster" } else { "client" };
    let exchanged = |place: usize, content: Vec<u8>| {
        let mut members = good();
        members[place].1 = content;
        found(&judged(RULES, packed(&members)))
    };
    let error = |code, member: &str| vec![(code, Severity::Error, member.to_owned())];
    assert_eq!(exchanged(0, root(other, "key")), error("certificate/key-mismatch", "a/cert.pem"));
    assert_eq!(exchanged(2, root(other, "cert")), error("certificate/not-issued", "a/cert.pem"));
    // What cannot be read is told once, and nothing follows from it.
    assert_eq!(exchanged(0, server("key")[..100].to_vec()), error("key/damaged", "a/key.pem"));
    assert_eq!(exchanged(1, server("cert")[..300].to_vec()), error("certificate/damaged", "a/cert.pem"));
    assert_eq!(exchanged(2, Vec::new()), error("certificate/empty", "a/ca.pem"));
    assert_eq!(exchanged(0, server("cert")), error("key/none", "a/key.pem"));

    // Each folder is a pair of its own.
    let mut two = good();
    two.extend([("b/cert.pem", root(other, "cert")), ("b/key.pem", root(other, "key"))]);
    assert_eq!(found(&judged(RULES, packed(&two))), []);
    two.extend([("c/cert.pem", root(other, "cert")), ("c/key.pem", server("key"))]);
    assert_eq!(found(&judged(RULES, packed(&two))), error("certificate/key-mismatch", "c/cert.pem"));
}

#[test]
fn the_certificates_of_a_swarm_belong_together() {
    let rules = RULES
        .replace("key.pem", "certificates/swarm-node.key")
        .replace("cert.pem", "certificates/swarm-node.crt")
        .replace("ca.pem", "certificates/swarm-root-ca.crt");
    assert_eq!(found(&judged(&rules, Archive::at(&corpus().join("kept/swarm-20.10.24.tgz")))), []);
    // A locked one keeps its public half to itself.
    let locked = found(&judged(&rules, Archive::at(&corpus().join("kept/swarm-20.10.24-autolock.tgz"))));
    let codes: Vec<_> = locked.iter().map(|(code, severity, _)| (*code, *severity)).collect();
    assert_eq!(codes, [("key/encrypted", Severity::Info), ("certificate/not-compared", Severity::Info)]);
    // The node's certificate does not last as long as its CA's, nor as the pair.
    let old = judged_at(&rules, Archive::at(&corpus().join("kept/swarm-20.10.24.tgz")), DAY + 365 * 86_400);
    let node = "var/lib/docker/swarm/certificates/swarm-node.crt".to_owned();
    assert_eq!(found(&old), [("certificate/expired", Severity::Error, node)]);
}

#[test]
fn a_name_that_stands_a_thousand_times_is_not_held_against_itself_each_time() {
    let part_of = |name: &str| part(&format!("ucp-controller-server-certs/{name}.pem"));
    let other = part("ucp-client-root-ca/cert.pem");
    // 16 million comparisons, each with something to complain of.
    let copies = |name: &'static str, content: Vec<u8>| vec![(name, content); 4_000];
    for second in [("a/key.pem", part_of("key")), ("a/ca.pem", part_of("cert"))] {
        let members = [copies(second.0, second.1), copies("a/cert.pem", other.clone())].concat();
        let begin = std::time::Instant::now();
        let outcome = judged(RULES, packed(&members));
        assert!(begin.elapsed().as_secs() < 60, "{} took {:?}", second.0, begin.elapsed());
        let mut limits = outcome.findings.iter().filter(|finding| finding.code.id == "limit/reached");
        assert!(limits.any(|finding| finding.message.contains("evidence=N")), "{}: {:?}", second.0, outcome.verdict);
    }
}

#[test]
fn every_change_of_a_root_is_told_even_where_it_is_a_root_no_more() {
    let root = |name: &str| part(&format!("ucp-client-root-ca/{name}.pem"));
    let good = root("cert");
    let grave = |certificate: Vec<u8>| {
        let outcome = judged(RULES, packed(&[("a/key.pem", root("key")), ("a/cert.pem", certificate)]));
        outcome
            .findings
            .iter()
            .any(|finding| finding.severity > Severity::Info && finding.code.id.starts_with("certificate/"))
    };
    assert!(!grave(good.clone()));
    let body = good.windows(2).position(|pair| pair == b"-\n").unwrap() + 2;
    let end = good.len() - b"==\n-----END CERTIFICATE-----\n".len();
    for at in (body..end).filter(|at| good[*at] != b'\n') {
        let mut changed = good.clone();
        changed[at] = if changed[at] == b'A' { b'Q' } else { b'A' };
        assert!(grave(changed), "character {at}: {}", good[at].escape_ascii());
    }
}
