//! Every property over every archive of the corpus and every rule file: what a fuzzer starts from, without the fuzzer.

use std::path::{Path, PathBuf};

#[path = "../../tests/it/build/bbolt.rs"]
#[expect(dead_code, reason = "the tests of the probe use the rest of it")]
mod bbolt;

/// The files below `folder`, named from the project's root.
fn files(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut found: Vec<PathBuf> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_none_or(|extension| extension != "expect"));
    found.sort();
    assert!(!found.is_empty(), "{folder} is empty");
    found
}

fn over(folders: &[&str], suffixes: &[&str], property: fn(&[u8])) {
    let mut held = 0;
    for path in folders.iter().flat_map(|folder| files(folder)) {
        let bytes = std::fs::read(&path).unwrap();
        let wanted = suffixes.is_empty() || suffixes.iter().any(|suffix| path.to_string_lossy().ends_with(suffix));
        // The fuzzer's own bound on what it tries.
        if wanted && bytes.len() <= 1 << 16 {
            property(&bytes);
            held += 1;
        }
    }
    assert!(held > 0);
}

const CORPUS: &[&str] = &["corpus/good", "corpus/odd", "corpus/bad", "corpus/kept"];

#[test]
fn tar_frames() {
    over(CORPUS, &[".tar"], veritar_fuzz::tar_frames);
}

#[test]
fn tar_differential() {
    over(CORPUS, &[".tar"], veritar_fuzz::tar_differential);
}

#[test]
fn gzip() {
    over(CORPUS, &[".gz", ".tgz"], veritar_fuzz::gzip);
}

#[test]
fn wrappers() {
    over(CORPUS, &[".zst", ".xz", ".bz2", ".lz", ".Z"], veritar_fuzz::wrappers);
}

#[test]
fn openpgp() {
    over(CORPUS, &[".gpg", ".pgp", ".asc"], veritar_fuzz::openpgp);
}

#[test]
fn armor() {
    over(CORPUS, &[".gpg", ".pgp", ".asc"], veritar_fuzz::armor);
}

#[test]
fn road() {
    over(CORPUS, &[], veritar_fuzz::road);
}

/// Every file of the key material, whole, cut, and with a byte changed.
#[test]
fn probe_pki() {
    let material = ["ucp-client-root-ca", "ucp-cluster-root-ca", "ucp-controller-server-certs"];
    let folders: Vec<String> = material.iter().map(|name| format!("tests/it/parts/pki/{name}")).collect();
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    over(&folders, &[".pem"], |content| {
        veritar_fuzz::probe_pki(content);
        for at in (0..content.len()).step_by(5) {
            veritar_fuzz::probe_pki(&content[..at]);
            let mut changed = content.to_vec();
            changed[at] ^= 4;
            veritar_fuzz::probe_pki(&changed);
        }
        let body: String = content
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.starts_with(b"-"))
            .map(String::from_utf8_lossy)
            .collect();
        veritar_fuzz::probe_pki(&base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap());
    });
    over(&["corpus/bad"], &[".tar"], veritar_fuzz::probe_pki);
}

/// Databases of the project's own tests, and copies of them with bytes changed here and there.
#[test]
fn probe_bbolt() {
    let kept = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/it/parts/etcd.backup.db")).unwrap();
    for good in [bbolt::small(), kept] {
        let mut state = 1_u64;
        for mode in 0..60 {
            let mut bytes = good.clone();
            for _ in 0..mode / 3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let place = (state >> 33) as usize;
                // Most of it in the first bytes of a page, where structure is.
                let at = (place / 128 % (good.len() / bbolt::PAGE)) * bbolt::PAGE + place % 128;
                bytes[at] = (state >> 20) as u8;
            }
            bytes.push(mode);
            veritar_fuzz::probe_bbolt(&bytes);
        }
    }
}

/// Any archive, and the same with the other form of the input.
#[test]
fn probe_raft() {
    over(CORPUS, &[], |bytes| {
        veritar_fuzz::probe_raft(bytes);
        veritar_fuzz::probe_raft(&[bytes, &[1]].concat());
    });
}

#[test]
fn probe_nested() {
    over(CORPUS, &[], veritar_fuzz::probe_nested);
}

#[test]
fn rule_file() {
    over(&["rules"], &[".toml"], veritar_fuzz::rule_file);
}

/// What stands inside archives of the corpus, without the fuzzer.
fn over_members(archives: &[&str], property: fn(&[u8])) {
    let mut held = 0;
    for archive in archives {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus").join(archive);
        let mut archive = tar::Archive::new(std::fs::File::open(path).unwrap());
        for member in archive.entries().unwrap() {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut member.unwrap(), &mut bytes).unwrap();
            property(&bytes);
            held += 1;
        }
    }
    assert!(held > 0);
}

#[test]
fn probe_json() {
    over_members(&["good/dtr-2.9.4-metadata.tar", "good/ucp-mke-3.4.5.tar"], veritar_fuzz::probe_json);
}

#[test]
fn probe_registry() {
    over_members(&["kept/registry-2.8.2.tar"], veritar_fuzz::probe_registry);
}
