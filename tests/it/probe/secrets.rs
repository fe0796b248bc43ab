//! The watch for private keys and tokens: held against keys that other programs wrote, and against text that only speaks
//! of them.

use std::path::Path;
use std::process::{Command, Stdio};

use veritar::probe::{HEAD_BYTES, Settings};
use veritar::report;
use veritar::verify::{Outcome, Verdict};

use super::learn;
use crate::build::mangled::random;
use crate::build::products::{self, pack};
use crate::build::tarball::{Header, Tarball, octal};
use crate::support::{corpus, pieces, program, verify_file, verify_source, whole};

fn found(content: &[u8]) -> Vec<&'static str> {
    let learned = learn("secrets", "x", content, &Settings::new(), None);
    let facts: Vec<&str> = learned.facts().iter().map(|(_, value)| &**value).collect();
    assert_eq!(facts, learned.secrets);
    assert_eq!(learned.faults(), []);
    learned.secrets
}

fn made(folder: &Path, program: &str, arguments: &[&str]) {
    let done = Command::new(program).current_dir(folder).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn keys_that_openssl_wrote() {
    if !program("keys_that_openssl_wrote", "openssl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| made(folder.path(), "openssl", arguments);
    let pass = ["-passout", "pass:x"];
    run(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "ec"]);
    run(&["genrsa", "-traditional", "-out", "rsa", "1024"]);
    run(&[&["rsa", "-in", "rsa", "-traditional", "-aes128", "-out", "rsa-locked"][..], &pass].concat());
    run(&["pkcs8", "-topk8", "-nocrypt", "-in", "ec", "-out", "pkcs8"]);
    run(&[&["pkcs8", "-topk8", "-in", "ec", "-out", "pkcs8-locked"][..], &pass].concat());
    run(&["ec", "-in", "ec", "-pubout", "-out", "public"]);
    for (file, expected) in [
        ("ec", &["EC private key"][..]),
        ("rsa", &["RSA private key"]),
        ("rsa-locked", &["RSA private key, encrypted"]),
        ("pkcs8", &["private key"]),
        ("pkcs8-locked", &["private key, encrypted"]),
        ("public", &[]),
    ] {
        let text = std::fs::read_to_string(folder.path().join(file)).unwrap();
        assert_eq!(found(text.as_bytes()), expected, "{file}");
        assert_eq!(found(text.replace('\n', "\r\n").as_bytes()), expected, "{file} with CRLF");
        // As a value in JSON, where line ends are written out.
        let json = serde_json::json!({ "id": "7", "key": text }).to_string();
        assert_eq!(found(json.as_bytes()), expected, "{file} in JSON");
        let json = serde_json::json!({ "key": text.replace('\n', "\r\n") }).to_string();
        assert_eq!(found(json.as_bytes()), expected, "{file} in JSON with CRLF");
    }
}

#[test]
fn keys_that_ssh_and_gpg_wrote() {
    if program("keys_that_ssh_and_gpg_wrote", "ssh-keygen") {
        let folder = tempfile::tempdir().unwrap();
        for (file, phrase, expected) in
            [("open", "", "OpenSSH private key"), ("locked", "x1y2z3", "OpenSSH private key, encrypted")]
        {
            made(folder.path(), "ssh-keygen", &["-q", "-t", "ed25519", "-N", phrase, "-f", file]);
            assert_eq!(found(&std::fs::read(folder.path().join(file)).unwrap()), [expected]);
            assert_eq!(found(&std::fs::read(folder.path().join(format!("{file}.pub"))).unwrap()), [""; 0]);
        }
    }
    if program("keys_that_ssh_and_gpg_wrote", "gpg") {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().to_str().unwrap();
        let common = ["--homedir", at, "--batch", "--pinentry-mode", "loopback", "--passphrase", ""];
        made(home.path(), "gpg", &[&common[..], &["--quick-generate-key", "someone", "ed25519"]].concat());
        made(home.path(), "gpg", &[&common[..], &["--armor", "--output", "key", "--export-secret-keys"]].concat());
        made(home.path(), "gpg", &[&common[..], &["--armor", "--output", "public", "--export"]].concat());
        let _ = Command::new("gpgconf").args(["--homedir", at, "--kill", "all"]).status();
        assert_eq!(found(&std::fs::read(home.path().join("key")).unwrap()), ["OpenPGP secret key"]);
        assert_eq!(found(&std::fs::read(home.path().join("public")).unwrap()), [""; 0]);
    }
}

fn listed(outcome: &Outcome) -> Vec<String> {
    let line = |path: &[u8], what: &[&str]| format!("{}: {}", String::from_utf8_lossy(path), what.join("; "));
    outcome.secrets.list.iter().map(|member| line(&member.path, &member.what)).collect()
}

#[test]
fn what_real_swarms_and_products_hold() {
    let swarm = verify_file(&corpus().join("kept/swarm-20.10.24.tgz"), 2);
    assert_eq!(listed(&swarm), ["var/lib/docker/swarm/certificates/swarm-node.key: private key; Swarm raft key"]);
    assert!(!swarm.secrets.encrypted);
    let locked = verify_file(&corpus().join("kept/swarm-20.10.24-autolock.tgz"), 2);
    assert_eq!(
        listed(&locked),
        ["var/lib/docker/swarm/certificates/swarm-node.key: private key, encrypted; Swarm raft key, encrypted"]
    );
    let mke = verify_source("mke", whole(&pack(&products::mke())), 1);
    assert_eq!(mke.secrets.members, 3);
    assert!(listed(&mke).iter().all(|line| line.contains("/key.pem: ")), "{mke:?}");
    let sealed = verify_file(&corpus().join("kept/ucp-mke-3.4.5.tar.gpg"), 1);
    assert!(sealed.secrets.encrypted && sealed.secrets.members == 3, "{:?}", sealed.secrets);
    let dtr = verify_source("dtr", whole(&pack(&products::dtr())), 1);
    assert_eq!((dtr.secrets.members, dtr.verdict), (0, Verdict::Pass));
}

#[test]
fn tokens_of_the_right_shape_only() {
    let key = "SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8";
    let token = "SWMTKN-1-49nj1cmql0jkz5s954yi3oex3nedyz0fb0xx14ie39trti4wxv-8vxv8rssmk743ojnwacrr2e7c";
    assert_eq!(found(format!("docker swarm unlock\n{key}\n").as_bytes()), ["Swarm unlock key"]);
    assert_eq!(found(format!("{{\"Worker\":\"{token}\",\"Manager\":\"{token}\"}}").as_bytes()), ["Swarm join token"]);
    assert_eq!(found(format!("{token} {key}").as_bytes()), ["Swarm join token", "Swarm unlock key"]);
    for text in [
        &key[..40],
        "the unlock key begins with SWMKEY-1- and",
        &token[..70],
        "SWMTKN-1-<digest>-<secret>",
        "if strings.Contains(text, \"-----BEGIN RSA PRIVATE KEY-----\") {",
        "-----BEGIN PRIVATE KEY-----\n<your key here>\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIBkTCCATegAwIBAgIUBQ0FgLx2\n",
        "-----BEGIN PRIVATE KEY----",
    ] {
        assert_eq!(found(text.as_bytes()), [""; 0], "{text}");
    }
}

#[test]
fn only_the_beginning_is_looked_at() {
    let key = include_bytes!("../parts/pki/ucp-cluster-root-ca/key.pem");
    let behind = |bytes: usize| [&vec![b'\n'; bytes][..], key].concat();
    let expected = found(key);
    assert_eq!(expected.len(), 1);
    assert_eq!(found(&behind(HEAD_BYTES - key.len())), expected);
    assert_eq!(found(&behind(HEAD_BYTES)), [""; 0]);
    let hostile = b"-----BEGIN PRIVATE KEY-----\n".repeat(4_000);
    assert_eq!(found(&hostile), [""; 0]);
    assert_eq!(found(&random(200_000, 9)), [""; 0]);
}

#[test]
fn the_report_counts_and_lists_them_and_shows_none() {
    let key = include_str!("../parts/pki/ucp-cluster-root-ca/key.pem");
    let body = key.lines().nth(1).unwrap();
    let mut tar = Tarball::default();
    for index in 0..150 {
        tar = tar.file(&format!("keys/{index}\u{1b}[m"), key.as_bytes()).file(&format!("notes/{index}"), b"nothing");
    }
    // A key that the archive cuts short lies open all the same.
    let cut = Header { name: b"last", size: octal(100_000), ..Header::default() };
    let bytes = tar.header(&cut).content(key.as_bytes()).0;
    let outcome = verify_source("keys", whole(&bytes), 1);
    assert_eq!((outcome.secrets.members, outcome.secrets.list.len()), (151, 100));
    assert_eq!(outcome, verify_source("keys", pieces(&bytes, &[513, 7]), 3));
    let results = [report::Result::Looked(Box::new(outcome))];
    let text = |verbose: bool| {
        let mut out = Vec::new();
        report::text(&mut out, &results, verbose).unwrap();
        String::from_utf8(out).unwrap()
    };
    let line = "secrets   151 members hold private keys or tokens; the archive around them is not encrypted";
    assert!(text(false).contains(line) && !text(false).contains("keys/7"), "{}", text(false));
    assert!(text(true).contains("- keys/7\\x1b[m: ") && text(true).contains("- 51 more"), "{}", text(true));
    let mut json = Vec::new();
    report::json::write(&mut json, &report::json::document(&results)).unwrap();
    let json = String::from_utf8(json).unwrap();
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    let secrets = &document["archives"][0]["secrets"];
    assert_eq!((&secrets["members"], &secrets["encrypted"]), (&151.into(), &false.into()));
    assert_eq!(secrets["list"][1]["entry"], "keys/1\u{1b}[m");
    assert!(secrets["list"][0]["what"][0].as_str().unwrap().ends_with("private key"), "{secrets}");
    assert!(![text(true), json].concat().contains(&body[..12]), "the key itself is in a report");
}
