//! Every limit has an archive that reaches it, and says so by its name.

use std::collections::BTreeSet;

use veritar::code::{self, Code};
use veritar::limits::Limits;
use veritar::source::MemorySource;
use veritar::verify::{Archive, Outcome, verify};

use crate::build::cases::with_checksum;
use crate::build::depth::gnu_sparse;
use crate::build::tarball::{Header, Tarball, octal};
use crate::support::{corpus, options, secrets};

fn judged(archive: Archive, limit: &str, value: u64) -> Outcome {
    let mut options = options(2);
    options.reading.limits.set(limit, value).unwrap();
    verify(archive, &options, &mut secrets()).unwrap()
}

fn kept(name: &str) -> Archive {
    Archive::at(&corpus().join(name))
}

fn made(bytes: Vec<u8>) -> Archive {
    Archive::from_source("made", Box::new(MemorySource::new(bytes)))
}

/// An old GNU sparse member whose map goes on in a second block: five regions.
fn sparse() -> Vec<u8> {
    let regions: Vec<(u64, u64)> = (0..4).map(|index| (index * 8, 2)).collect();
    let mut block = gnu_sparse("sparse", &regions, 64);
    block[482] = 1;
    let mut more = [0; 512];
    more[..11].copy_from_slice(&octal(64));
    more[12..23].copy_from_slice(&octal(0));
    let mut tar = Tarball::default();
    tar.0.extend_from_slice(&with_checksum(block));
    tar.0.extend_from_slice(&more);
    tar.content(b"{\"a\":1}").end()
}

/// A message whose passphrase is stretched by Argon2 with 2 GiB of memory, and garbage for content.
fn argon2() -> Vec<u8> {
    let mut packet = vec![4, 9, 4];
    packet.extend_from_slice(&[7; 16]);
    packet.extend_from_slice(&[1, 4, 21]);
    let mut message = vec![0xC3, u8::try_from(packet.len()).unwrap()];
    message.extend_from_slice(&packet);
    message.extend_from_slice(&[0xD2, 101, 1]);
    message.extend_from_slice(&[0xA5; 100]);
    message
}

/// A message in chunks of 2 KiB, and garbage for content.
fn sealed_chunks() -> Vec<u8> {
    let mut message = vec![0xC3, 4, 4, 9, 0, 8, 0xD2, 100, 2, 9, 2, 5];
    message.extend_from_slice(&[0xA5; 96]);
    message
}

#[test]
fn every_limit_is_reached_by_an_archive() {
    let dtr = "good/dtr-2.9.4-metadata.tar";
    let swarm = "kept/swarm-20.10.24.tgz";
    let cases: Vec<(&str, u64, Archive, &Code)> = vec![
        ("extension-bytes", 10, kept("odd/pax-long-name.tar"), &code::LIMIT_REACHED),
        ("extension-headers", 1, kept("bad/pax-twice.tar"), &code::LIMIT_REACHED),
        ("group-numbers", 1, kept("good/dtr-2.9.4-metadata.tar"), &code::LIMIT_REACHED),
        ("evidence", 1, kept("good/ucp-mke-3.4.5.tar"), &code::LIMIT_REACHED),
        ("hole-bytes", 4093, kept("odd/sparse.tar"), &code::LIMIT_REACHED),
        ("sparse-regions", 4, made(sparse()), &code::LIMIT_REACHED),
        ("path-bytes-warn", 30, kept(dtr), &code::TAR_LONG_PATH),
        ("path-bytes", 30, kept(dtr), &code::LIMIT_REACHED),
        ("path-depth", 2, kept(dtr), &code::LIMIT_REACHED),
        ("layers", 1, kept("good/ucp-mke-3.4.5.tar.gz.pgp"), &code::LIMIT_REACHED),
        ("openpgp-nesting", 1, kept("kept/ucp-mke-3.4.5.tar.gpg"), &code::LIMIT_REACHED),
        ("openpgp-session-keys", 0, kept("good/ucp-mke-3.4.5.tar.pgp"), &code::LIMIT_REACHED),
        ("openpgp-chunk-bytes", 1 << 10, made(sealed_chunks()), &code::LIMIT_REACHED),
        ("openpgp-packet-bytes", 4, kept("good/ucp-mke-3.4.5.tar.pgp"), &code::LIMIT_REACHED),
        ("ratio-after-bytes", 0, kept(swarm), &code::LIMIT_REACHED),
        ("output-bytes", 1000, kept(swarm), &code::LIMIT_REACHED),
        ("decoder-memory", 4095, kept("kept/dtr-2.9.4-metadata.tar.zst"), &code::LIMIT_REACHED),
        ("decoder-memory", 4095, kept("kept/dtr-2.9.4-metadata.tar.xz"), &code::LIMIT_REACHED),
        ("decoder-memory", 4095, kept("kept/dtr-2.9.4-metadata.tar.lz"), &code::LIMIT_REACHED),
        ("findings-per-code", 1, kept("bad/ucp-without-key.tar.gz"), &code::RULE_MISSING),
        ("unique-paths", 3, kept("good/ucp-mke-3.4.5.tar"), &code::LIMIT_REACHED),
        ("symlink-bytes", 100, kept("bad/symlink-outside.tar"), &code::LIMIT_REACHED),
        ("symlink-steps", 1, kept("bad/symlink-chain-outside.tar"), &code::ENTRY_LINK_LOOP),
        ("argon2-bytes", 1 << 30, made(argon2()), &code::LIMIT_REACHED),
    ];
    let mut met: BTreeSet<&str> = cases.iter().map(|(limit, ..)| *limit).collect();
    for (limit, value, archive, expected) in cases {
        let name = archive.name().to_owned();
        let outcome = judged(archive, limit, value);
        let found = outcome.findings.iter().find(|finding| finding.code == expected);
        let found = found.unwrap_or_else(|| panic!("{limit}={value} on {name}: {:?}", outcome.findings));
        if expected == &code::LIMIT_REACHED {
            assert!(
                found.message.contains(&format!("--limit {limit}")) || limit == "ratio-after-bytes",
                "{}",
                found.message
            );
            assert_ne!(outcome.verdict, veritar::verify::Verdict::Pass, "{limit}={value} on {name}");
        }
    }
    // Reached by tests of their own: below, in `rule`, in `rules_init`, in `nested`, and in `probe`.
    met.extend(["ratio", "rule-file-bytes", "nested-archives", "bbolt-pages", "bbolt-overlaps"]);
    met.extend(["probe-bytes", "references", "certificates"]);
    met.extend(["raft-held-bytes"]);
    met.insert("draft-bytes");
    let all: BTreeSet<&str> = Limits::ALL.iter().map(|(name, ..)| *name).collect();
    assert_eq!(met, all);
}

#[test]
fn members_are_looked_into_and_followed_up_to_the_limits() {
    let inspect = r#"
schema = 1
id = "dumps"
title = "inspect dumps"
product = "ucp"
versions = "3"
[detect]
any = ["*.json"]
[[entry]]
id = "dumps"
path = "*.json"
probe = "docker-inspect"
why = "each tells how its container was set up"
"#;
    let registry = crate::probe::registry::RULES;
    for (limit, name, rules, enough, too_few, expected) in [
        ("probe-bytes", "good/ucp-mke-3.4.5.tar", inspect, 16 << 10, 1 << 10, &code::PROBE_TOO_LARGE),
        ("references", "kept/registry-2.8.2.tar", registry, 200, 10, &code::LIMIT_REACHED),
    ] {
        let judged = |value| {
            let mut options = options(2);
            options.rules =
                vec![std::sync::Arc::new(veritar::rule::parse("own.toml", rules, &Limits::default()).unwrap())];
            options.choice = veritar::rule::Choice::Named;
            options.reading.limits.set(limit, value).unwrap();
            verify(kept(name), &options, &mut secrets()).unwrap()
        };
        let outcome = judged(enough);
        assert_eq!(outcome.verdict, veritar::verify::Verdict::Pass, "{limit}={enough}: {:?}", outcome.findings);
        let outcome = judged(too_few);
        assert_eq!(outcome.verdict, veritar::verify::Verdict::Inconclusive, "{limit}={too_few}");
        let found = outcome.findings.iter().find(|finding| finding.code == expected);
        let found = found.unwrap_or_else(|| panic!("{limit}={too_few}: {:?}", outcome.findings));
        assert!(found.message.contains(&format!("--limit {limit}")), "{}", found.message);
    }
}

#[test]
fn a_bomb_ends_at_the_ratio_and_honest_zeros_below_it_do_not() {
    // 256 MiB of zeros: gzip makes about a thousandth of them, so a ratio of 900 is passed and one of 1,100 is not.
    let bytes: u64 = 256 << 20;
    let mut tar = Tarball::default().header(&Header { name: b"zeros", size: octal(bytes), ..Header::default() });
    tar.0.resize(tar.0.len() + usize::try_from(bytes).unwrap(), 0);
    let packed = crate::build::gzip(&tar.end());
    let reached = judged(made(packed.clone()), "ratio", 900);
    assert!(
        reached
            .findings
            .iter()
            .any(|finding| finding.code == &code::LIMIT_REACHED && finding.message.contains("--limit ratio"))
    );
    assert!(reached.inventory.content_bytes > 0);
    let whole = judged(made(packed), "ratio", 1_100);
    assert!(!whole.findings.iter().any(|finding| finding.code == &code::LIMIT_REACHED), "{:?}", whole.findings);
    assert_eq!(whole.layers[0].integrity, Some(veritar::envelope::Integrity::Verified));
}

#[test]
fn repeated_findings_are_counted() {
    let mut options = options(1);
    options.reading.limits.set("path-bytes-warn", 10).unwrap();
    options.reading.limits.set("findings-per-code", 5).unwrap();
    let outcome = verify(kept("kept/registry-2.8.2.tar"), &options, &mut secrets()).unwrap();
    let of = |code: &Code| outcome.findings.iter().filter(|finding| finding.code == code).count();
    assert_eq!(of(&code::TAR_LONG_PATH), 5);
    // All 71 paths are longer than 10 bytes.
    let note = outcome.findings.iter().find(|finding| finding.code == &code::LIMIT_FINDINGS).unwrap();
    assert!(note.message.starts_with("66 further"), "{}", note.message);
}
