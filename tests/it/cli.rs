//! The contract with scripts: exit codes, what stands on which stream, what the outputs look like.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use veritar::digest::hex;

use crate::support::{corpus, program, root};

pub fn veritar() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
    // What the developer has set must not decide a test.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VERITAR_")) {
        command.env_remove(name);
    }
    command.env("XDG_CONFIG_HOME", "/nonexistent").stdin(Stdio::null());
    command
}

pub fn run(arguments: &[&str]) -> (i32, String, String) {
    ended(veritar().args(arguments).output().unwrap())
}

fn ended(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

pub fn at(name: &str) -> String {
    corpus().join(name).to_str().unwrap().to_owned()
}

pub fn passphrase() -> String {
    at("passphrase")
}

pub fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn the_digest_of_the_file_is_chosen_apart_from_those_of_the_members() {
    let archive = at("good/dtr-2.9.4-metadata.tar");
    let bytes = std::fs::read(&archive).unwrap();
    let told = |options: &[&str]| {
        let (code, lines, _) = run(&[&["verify", &archive, "--format", "json"], options].concat());
        assert_eq!(code, 0);
        let report: Value = serde_json::from_str(&lines).unwrap();
        (report["archives"][0]["digests"].clone(), report["archives"][0]["content"].clone())
    };
    let (both, content) = told(&[]);
    assert_eq!(both["sha256"], hex(&Sha256::digest(&bytes)));
    for (typed, sha256, blake3) in [("none", false, false), ("blake3", false, true), ("sha256,blake3", true, true)] {
        let (digests, same) = told(&["--archive-hash", typed]);
        assert_eq!(digests["sha256"].is_null(), !sha256, "{typed}");
        assert_eq!(digests["blake3"] == blake3::hash(&bytes).to_hex().as_str(), blake3, "{typed}");
        assert_eq!(same, content, "what is inside is hashed all the same");
    }
    assert_eq!(content["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn exit_codes_of_verdicts() {
    for (archive, expected) in [
        ("good/ucp-mke-3.4.5.tar", 0),
        ("kept/ucp-mke-3.4.5.tar.gpg", 0),
        ("good/ucp-mke-3.4.5.tar.pgp", 0),
        ("kept/swarm-20.10.24.tgz", 0),
        ("kept/registry-2.8.2.tar", 0),
        ("bad/gpg-flipped-middle.tar.gpg", 1),
        ("bad/gpg-truncated.tar.gpg", 1),
        ("bad/ucp-cut-between-members.tar.gz", 1),
        ("bad/ucp-26-entries.tar.gz", 1),
        ("bad/ucp-without-key.tar.gz", 1),
        ("bad/ucp-empty-key.tar.gz", 1),
        ("bad/ucp-twice.tar.gz", 1),
        ("bad/empty.tar", 1),
        ("bad/unknown-layout.tar", 3),
        ("bad/pgp-other-passphrase.tar.pgp", 3),
        ("bad/openssl-enc.tar.enc", 3),
    ] {
        let (code, out, error) = run(&["verify", &at(archive), "--passphrase-file", &passphrase()]);
        assert_eq!(code, expected, "{archive}\n{out}{error}");
        let word = ["PASS", "FAIL", "", "INCONCLUSIVE"][usize::try_from(expected).unwrap()];
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].starts_with(word), "{archive}: the first line is no verdict: {out}");
        assert!(lines.last().unwrap().starts_with(word), "{archive}: the last line is no verdict: {out}");
        assert!(!out.contains('\x1b'), "{archive}: colours on a pipe");
    }
}

#[test]
fn exit_codes_of_secrets() {
    let archive = at("kept/ucp-mke-3.4.5.tar.gpg");
    let (code, out, _) = run(&["verify", &archive]);
    assert_eq!(code, 3);
    assert!(out.contains("openpgp/passphrase-missing") && out.contains("--passphrase-file"), "{out}");

    let folder = scratch();
    let wrong = folder.path().join("wrong");
    std::fs::write(&wrong, "not this one\n").unwrap();
    let (code, out, error) = run(&["verify", &archive, "--passphrase-file", wrong.to_str().unwrap()]);
    assert_eq!(code, 3);
    assert!(out.contains("openpgp/passphrase-wrong"), "{out}");
    assert!(error.contains("can be read by others"), "{error}");
    assert!(!format!("{out}{error}").contains("not this one"), "the passphrase is shown");

    // Several are tried.
    let (code, ..) =
        run(&["verify", &archive, "--passphrase-file", wrong.to_str().unwrap(), "--passphrase-file", &passphrase()]);
    assert_eq!(code, 0);

    let command = format!("cat '{}'", passphrase());
    assert_eq!(run(&["verify", &archive, "--passphrase-command", &command]).0, 0);
    assert_eq!(run(&["verify", &archive, "--passphrase-command", "exit 9"]).0, 2);
    // A command is not run for an archive that asks for nothing.
    assert_eq!(run(&["verify", &at("good/ucp-mke-3.4.5.tar"), "--passphrase-command", "exit 9"]).0, 0);

    let output = veritar()
        .args(["verify", &archive, "--passphrase-fd", "0"])
        .stdin(std::fs::File::open(passphrase()).unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));

    let credentials = scratch();
    std::fs::copy(passphrase(), credentials.path().join("backup")).unwrap();
    let output = veritar()
        .args(["verify", &archive, "--passphrase-credential", "backup"])
        .env("CREDENTIALS_DIRECTORY", credentials.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));

    for bad in [
        &["--passphrase-file", "/nonexistent"][..],
        &["--passphrase-credential", "../x"],
        &["--secret-key", "/nonexistent"],
    ] {
        let (code, _, error) = run(&[&["verify", &archive][..], bad].concat());
        assert_eq!(code, 2, "{bad:?}: {error}");
    }
    // Never on the command line.
    assert_eq!(run(&["verify", &archive, "--passphrase", "x"]).0, 2);
}

#[test]
fn exit_codes_of_input() {
    let (code, out, _) = run(&["verify", "/nonexistent/archive.tar"]);
    assert_eq!(code, 4);
    assert!(out.contains("/nonexistent/archive.tar") && out.contains("ERROR"), "{out}");
    let (code, out, _) = run(&["verify", root().to_str().unwrap()]);
    assert_eq!(code, 4);
    assert!(out.contains("directory"), "{out}");
    for command in ["list", "cat"] {
        let more = if command == "cat" { &["x"][..] } else { &[] };
        assert_eq!(run(&[&[command, "/nonexistent"][..], more].concat()).0, 4);
    }
    // Several: 1 before 4 before 3 before 0.
    let (good, bad, odd) = (at("good/ucp-mke-3.4.5.tar"), at("bad/empty.tar"), at("bad/unknown-layout.tar"));
    assert_eq!(run(&["verify", &good, "/nonexistent", &bad, &odd]).0, 1);
    assert_eq!(run(&["verify", &good, "/nonexistent", &odd]).0, 4);
    assert_eq!(run(&["verify", &good, &odd]).0, 3);
    assert_eq!(run(&["verify", &good, &good]).0, 0);
}

#[test]
fn exit_codes_of_usage() {
    let good = at("good/ucp-mke-3.4.5.tar");
    for arguments in [
        &["verify"][..],
        &["verify", &good, "--rules", "ucp-9"],
        &["verify", &good, "--limit", "nonsense=1"],
        &["verify", &good, "--limit", "ratio=many"],
        &["verify", &good, "--threads", "0"],
        &["verify", &good, "--hash", "md5"],
        &["verify", &good, "--report", "pdf=x"],
        &["verify", &good, "--nonsense"],
        &["verify", "-", "-"],
        &["explain", "tar/nonsense"],
    ] {
        let (code, out, error) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}: {out}{error}");
        assert!(!error.is_empty(), "{arguments:?} is refused without a word");
    }
    let (_, _, error) = run(&["verify", &good, "--limit", "nonsense=1"]);
    assert!(error.contains("extension-bytes"), "the names are not listed: {error}");
    let (_, _, error) = run(&["verify", &good, "--rules", "ucp-9"]);
    assert!(error.contains("ucp-3.2"), "the rule sets are not listed: {error}");
}

#[test]
fn a_bad_rule_file_is_shown_with_line_column_and_caret() {
    let folder = scratch();
    let path = folder.path().join("site.toml");
    std::fs::write(&path, "schema = 1\nid = \"site\"\ntitel = \"Site\"\n\n[[entry]]\nid = \"x\"\npath = \"a[\"\n")
        .unwrap();
    let file = path.to_str().unwrap();
    for arguments in [&["rules", "check", file][..], &["verify", &at("good/ucp-mke-3.4.5.tar"), "--rules", file]] {
        let (code, _, error) = run(arguments);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains("site.toml:3:1") && error.contains('^'), "{error}");
        assert!(error.contains("title"), "no hint: {error}");
        assert!(error.contains("site.toml:7"), "only the first problem is told: {error}");
    }
}

#[test]
fn a_rule_file_extends_one_beside_it() {
    let folder = scratch();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("schema = 1\ntitle = \"t\"\nproduct = \"p\"\n{text}")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let needs = |id: &str| format!("[[entry]]\nid = \"{id}\"\npath = \"{id}.json\"\nwhy = \"x\"\n");
    write("base.toml", &format!("id = \"base\"\n{}", needs("ucp-kv")));
    let own = write("own.toml", &format!("id = \"own\"\nextends = \"base.toml\"\n{}", needs("nothing-like-it")));
    assert_eq!(run(&["rules", "check", &own]).0, 0);
    let (exit, out, _) = run(&["verify", &at("good/ucp-mke-3.4.5.tar"), "--rules", &own, "--format", "json"]);
    assert_eq!(exit, 1);
    assert!(out.contains("own#nothing-like-it") && !out.contains("own#ucp-kv"), "{out}");

    let round = write("round.toml", "id = \"round\"\nextends = \"round.toml\"\n");
    let (exit, _, complaint) = run(&["rules", "check", &round]);
    assert_eq!(exit, 2);
    assert!(complaint.contains("round.toml"), "{complaint}");
    let lost = write("lost.toml", "id = \"lost\"\nextends = \"nowhere.toml\"\n");
    let (exit, _, complaint) = run(&["rules", "check", &lost]);
    assert_eq!(exit, 2);
    assert!(complaint.contains("nowhere.toml"), "{complaint}");
}

#[test]
fn fail_on_warning_fails_what_is_not_encrypted() {
    let good = at("good/ucp-mke-3.4.5.tar");
    assert_eq!(run(&["verify", &good, "--fail-on", "warning"]).0, 1);
    let sealed = at("kept/ucp-mke-3.4.5.tar.gpg");
    assert_eq!(run(&["verify", &sealed, "--passphrase-file", &passphrase(), "--fail-on", "warning"]).0, 0);
}

#[test]
fn standard_input_and_a_named_pipe_give_the_same_report() {
    let (code, expected, _) = run(&["verify", &at("kept/swarm-20.10.24.tgz"), "--format", "json"]);
    assert_eq!(code, 0);
    let normal = |text: &str| {
        let mut report: Value = serde_json::from_str(text).unwrap();
        report["archives"][0]["source"] = Value::Null;
        report
    };
    let output = veritar()
        .args(["verify", "-", "--format", "json"])
        .stdin(std::fs::File::open(at("kept/swarm-20.10.24.tgz")).unwrap())
        .output()
        .unwrap();
    assert_eq!(normal(std::str::from_utf8(&output.stdout).unwrap()), normal(&expected));

    if !program("standard_input_and_a_named_pipe_give_the_same_report", "mkfifo") {
        return;
    }
    let folder = scratch();
    let pipe = folder.path().join("swarm-pipe.tgz");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let child = veritar().arg("verify").arg(&pipe).args(["--format", "json"]).stdout(Stdio::piped()).spawn().unwrap();
    let bytes = std::fs::read(at("kept/swarm-20.10.24.tgz")).unwrap();
    std::fs::OpenOptions::new().write(true).open(&pipe).unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(normal(std::str::from_utf8(&output.stdout).unwrap()), normal(&expected));
}

#[test]
fn json_has_the_shape_of_the_contract() {
    let folder = scratch();
    let path = folder.path().join("report.json");
    let report = format!("json={}", path.display());
    let archive = at("bad/ucp-without-key.tar.gz");
    let (code, out, _) = run(&["verify", &archive, "--report", &report]);
    assert_eq!(code, 1);
    assert!(out.starts_with("FAIL"), "text stays on standard output");
    let report: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(report["schema"], 1);
    assert_eq!(report["tool"]["name"], "veritar");
    assert_eq!(report["tool"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(report["verdict"], "fail");
    let one = &report["archives"][0];
    assert_eq!(one["source"], *archive);
    assert_eq!(one["bytes"], std::fs::metadata(&archive).unwrap().len());
    assert_eq!(one["entries"], 26);
    assert_eq!(one["layers"][0]["format"], "gzip");
    assert_eq!(one["layers"][0]["integrity"], "verified");
    assert_eq!(one["layers"][1]["format"], "tar");
    assert_eq!(one["rules"][0]["id"], "ucp-3.2");
    let missing = one["findings"].as_array().unwrap().iter().find(|finding| finding["code"] == "rule/missing").unwrap();
    assert_eq!(missing["severity"], "error");
    assert_eq!(missing["rule"], "ucp-3.2#controller-key");
    for field in ["message", "why", "help"] {
        assert!(missing[field].as_str().is_some_and(|text| text.len() > 10), "{field}");
    }
    let networks = one["coverage"].as_array().unwrap().iter().find(|line| line["data"] == "overlay networks").unwrap();
    assert_eq!(
        (networks["status"].as_str(), networks["covered_by"].as_str()),
        (Some("absent-by-design"), Some("swarm"))
    );
    if program("json_has_the_shape_of_the_contract", "sha256sum") {
        let output = Command::new("sha256sum").arg(&archive).output().unwrap();
        let digest = String::from_utf8(output.stdout).unwrap();
        assert!(digest.starts_with(one["digests"]["sha256"].as_str().unwrap()));
    }
}

#[test]
fn a_list_is_what_gnu_tar_lists() {
    if !program("a_list_is_what_gnu_tar_lists", "tar") {
        return;
    }
    for archive in [
        "good/ucp-mke-3.4.5.tar",
        "good/ucp-2.2.tar.gz",
        "kept/swarm-20.10.24.tgz",
        "kept/registry-2.8.2.tar",
        "odd/gnu-long-name.tar",
        "odd/pax-long-name.tar",
    ] {
        let (code, names, error) = run(&["list", &at(archive), "--format", "names"]);
        assert_eq!(code, 0, "{archive}: {error}");
        let tar = Command::new("tar").args(["-tf", &at(archive)]).output().unwrap();
        assert_eq!(names, String::from_utf8(tar.stdout).unwrap(), "{archive}");
        let (_, verbose, _) = run(&["list", &at(archive)]);
        let tar = Command::new("tar").args(["--utc", "-tvf", &at(archive)]).output().unwrap();
        let squeeze = |text: &str| {
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
        };
        assert_eq!(squeeze(&verbose), squeeze(std::str::from_utf8(&tar.stdout).unwrap()), "{archive}");
    }
}

#[test]
fn listed_digests_are_those_of_the_members() {
    if !program("listed_digests_are_those_of_the_members", "tar") {
        return;
    }
    let archive = at("kept/registry-2.8.2.tar");
    let folder = scratch();
    assert!(Command::new("tar").args(["-xf", &archive, "-C"]).arg(folder.path()).status().unwrap().success());
    let (code, lines, _) = run(&["list", &archive, "--format", "jsonl", "--hash", "sha256,blake3"]);
    assert_eq!(code, 0);
    let mut files = 0;
    for line in lines.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["kind"] != "file" {
            assert!(row.get("digests").is_none(), "{row}");
            continue;
        }
        files += 1;
        let content = std::fs::read(folder.path().join(row["path"].as_str().unwrap())).unwrap();
        assert_eq!(row["digests"]["sha256"], hex(&Sha256::digest(&content)));
        assert_eq!(row["digests"]["blake3"], blake3::hash(&content).to_hex().to_string());
        assert_eq!(row["size"], content.len());
    }
    assert_eq!(files, 17);
}

#[test]
fn a_damaged_archive_is_listed_as_far_as_it_goes() {
    let (code, out, error) = run(&["list", &at("bad/tar-cut-in-header.tar"), "--format", "names"]);
    assert_eq!(code, 1);
    assert_eq!(out.lines().count(), 7);
    assert!(error.contains("tar/truncated"), "{error}");
    let (code, out, error) = run(&["list", &at("bad/gpg-flipped-middle.tar.gpg"), "--passphrase-file", &passphrase()]);
    assert_eq!(code, 1, "{out}");
    assert!(error.contains("openpgp/integrity") && error.contains("do not believe"), "{error}");
    let (code, out, _) = run(&["list", &at("bad/control-characters.tar"), "--format", "names"]);
    assert_eq!(code, 0);
    assert!(out.contains("\\x1b[2Jgone\\n") && !out.contains('\x1b'), "{out}");
}

#[test]
fn cat_writes_one_member() {
    let archive = at("kept/ucp-mke-3.4.5.tar.gpg");
    for member in ["ucp-client-root-ca/cert.pem", "./ucp-client-root-ca/cert.pem", "/ucp-client-root-ca/cert.pem"] {
        let (code, out, error) = run(&["cat", &archive, member, "--passphrase-file", &passphrase()]);
        assert_eq!(code, 0, "{error}");
        assert_eq!(out, include_str!("parts/pki/ucp-client-root-ca/cert.pem"));
    }
    let (code, _, error) = run(&["cat", &at("good/ucp-mke-3.4.5.tar"), "no/such/member"]);
    assert_eq!(code, 1);
    assert!(error.contains("holds no member no/such/member"), "{error}");
    let (code, out, _) =
        run(&["cat", &at("bad/gzip-checksum.tar.gz"), "dtr-backup-v2.9.4-online/rethink/properties/0"]);
    assert_eq!(code, 1);
    assert!(out.contains("row 0 of properties"), "what could be read is shown");
}

#[test]
fn a_closed_pipe_is_quiet() {
    let mut child = veritar()
        .args(["list", &at("good/ucp-2.2.tar.gz"), "--format", "jsonl"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_ne!(output.status.code(), Some(0), "what nobody read is no pass");
}

#[test]
fn a_file_that_is_cut_while_it_is_read_is_an_input_error() {
    let folder = scratch();
    let path: PathBuf = folder.path().join("big.tar");
    // A gigabyte of holes in one member: reading it takes long enough to cut it meanwhile.
    let bytes: u64 = 1 << 30;
    let header = crate::build::tarball::Header {
        name: b"big",
        size: crate::build::tarball::octal(bytes),
        ..crate::build::tarball::Header::default()
    };
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(&header.block()).unwrap();
    // Nobody knows when a busy machine comes to it: cut too early, it is a short archive, and then it is tried again.
    let mut said = Vec::new();
    for wait in [60, 120, 250, 500, 1000] {
        file.set_len(512 + bytes + 1024).unwrap();
        let child = veritar().arg("verify").arg(&path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        file.set_len(4096).unwrap();
        let (code, out, error) = ended(child.wait_with_output().unwrap());
        if code == 4 {
            assert!(out.contains("was cut") || out.contains("written to"), "{out}");
            return;
        }
        // Never a pass: what was read is not what lies there.
        assert_eq!(code, 1, "{out}{error}");
        said.push(out);
    }
    panic!("it was never met while it was read: {said:?}");
}

#[test]
fn rules_and_codes_can_be_read() {
    let (code, out, _) = run(&["rules", "list"]);
    assert_eq!(code, 0);
    for id in ["ucp-2.1", "ucp-3.2", "dtr-2.9", "dtr-images", "swarm"] {
        assert!(out.contains(id), "{id}");
        let (code, text, _) = run(&["rules", "show", id]);
        assert_eq!(code, 0);
        assert!(text.contains(&format!("id = \"{id}\"")), "{text}");
    }
    let folder = scratch();
    let template = folder.path().join("template.toml");
    std::fs::write(&template, run(&["rules", "show", "template"]).1).unwrap();
    assert_eq!(run(&["rules", "check", template.to_str().unwrap()]).0, 0);
    let (code, out, _) = run(&["explain", "tar/end-marker-missing"]);
    assert_eq!(code, 0);
    assert!(out.contains("why") && out.contains("cut exactly between two members"), "{out}");
    assert_eq!(run(&["explain"]).1.lines().count(), veritar::code::ALL.len());
    assert_eq!(run(&["--help"]).0, 0);
    assert_eq!(run(&["--version"]).1, format!("veritar {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_verdict_is_not_lost_to_a_secret_or_a_report() {
    let (bad, sealed) = (at("bad/ucp-without-key.tar.gz"), at("kept/ucp-mke-3.4.5.tar.gpg"));
    let (code, out, error) = run(&["verify", &bad, &sealed, "--passphrase-command", "exit 9"]);
    assert_eq!(code, 1);
    assert!(out.contains("rule/missing") && out.contains("ERROR"), "{out}");
    assert!(!error.contains("panicked"), "{error}");
    let (code, out, error) = run(&["verify", &bad, "--report", "json=/nonexistent/report.json"]);
    assert_eq!(code, 1, "a failed archive is not worth a retry");
    assert!(out.starts_with("FAIL") && error.contains("/nonexistent/report.json"), "{out}{error}");
    let good = at("good/ucp-mke-3.4.5.tar");
    assert_eq!(run(&["verify", &good, "--report", "json=/nonexistent/report.json"]).0, 4);
    // Several archives: the first line and the last are the verdict over all.
    let (_, out, _) = run(&["verify", &good, &bad]);
    assert!(out.lines().next().unwrap().starts_with("FAIL 2 archives"), "{out}");
    assert!(out.lines().last().unwrap().starts_with("FAIL 2 archives"), "{out}");
}

#[test]
fn a_passphrase_cannot_come_from_where_the_archive_comes_from() {
    let (code, _, error) = run(&["verify", "-", "--passphrase-fd", "0"]);
    assert_eq!(code, 2);
    assert!(error.contains("standard input is the archive"), "{error}");
}

#[test]
fn a_missing_passphrase_is_no_failure_even_where_warnings_are() {
    let archive = at("good/ucp-mke-3.4.5.tar.pgp");
    assert_eq!(run(&["verify", &archive, "--fail-on", "warning"]).0, 3);
}

#[test]
fn an_empty_archive_is_no_pass_for_any_command() {
    let archive = at("bad/tar-no-members.tar");
    assert_eq!(run(&["list", &archive]).0, 1);
    assert_eq!(run(&["cat", &archive, "x"]).0, 1);
}

#[test]
fn oddities_stand_with_their_members_on_any_number_of_threads() {
    for (archive, odd) in [("bad/tar-padding.tar", "tar/padding"), ("bad/type-unknown.tar", "tar/unknown-type")] {
        for (threads, hash) in [("1", "none"), ("1", "sha256"), ("4", "sha256"), ("4", "none")] {
            let (code, out, _) =
                run(&["list", &at(archive), "--format", "jsonl", "--hash", hash, "--threads", threads]);
            assert_eq!(code, 0);
            let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert_eq!(rows.len(), 18);
            for row in &rows {
                let expected = row["path"] == "dtr-backup-v2.9.4-online/rethink/properties/4";
                assert_eq!(row.get("anomalies").is_some(), expected, "{archive}: {row}");
                assert!(!expected || row["anomalies"] == serde_json::json!([odd]), "{row}");
            }
        }
    }
}

#[test]
fn names_come_through_json_unchanged() {
    let tar = crate::build::tarball::Tarball::default().file("a\x7fb\u{9b}c\u{202e}d", b"x").end();
    let folder = scratch();
    let path = folder.path().join("names.tar");
    std::fs::write(&path, tar).unwrap();
    let (code, out, _) = run(&["list", path.to_str().unwrap(), "--format", "jsonl"]);
    assert_eq!(code, 0);
    assert!(!out.contains('\x7f') && !out.contains('\u{9b}') && !out.contains('\u{202e}'), "{out}");
    let row: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(row["path"], "a\x7fb\u{9b}c\u{202e}d");
}

#[test]
fn every_block_is_shown_as_it_lies_there() {
    let archive = at("odd/sparse-1.0.tar");
    let (_, shown, _) = run(&["list", "--frames", &archive]);
    let words: Vec<&str> = shown.lines().filter_map(|line| line.split_whitespace().nth(2)).collect();
    for word in ["pax", "sparse", "hole", "payload", "padding", "end", "member"] {
        assert!(words.contains(&word), "no {word} in {shown}");
    }
    // Each line begins where the one before it ended, and the last one ends with the file.
    let mut next = 0;
    for line in shown.lines() {
        let mut columns = line.split_whitespace().map(|column| column.parse::<u64>());
        let (offset, bytes) = (columns.next().unwrap().unwrap(), columns.next().unwrap().unwrap());
        assert_eq!(offset, next, "{line}");
        next += bytes;
    }
    assert_eq!(next, std::fs::metadata(&archive).unwrap().len());
    let (_, rows, _) = run(&["list", "--frames", "--format", "jsonl", &archive]);
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), shown.lines().count());
    assert!(rows.iter().any(|row| row["what"] == "member header" && row["path"].is_string()));
    assert_eq!(run(&["list", "--frames", "--format", "csv", &archive]).0, 2);
}

#[test]
fn salvage_shows_what_is_behind_damage_and_passes_nothing() {
    let archive = at("bad/tar-header-damaged.tar");
    let (plain_exit, plain, _) = run(&["list", &archive]);
    let (exit, shown, _) = run(&["list", "--salvage", &archive]);
    assert_eq!((plain_exit, exit), (1, 1));
    assert!(shown.lines().count() > plain.lines().count(), "{shown}");
    assert!(shown.contains("(found behind damage, whole)") && shown.contains("(partial)"), "{shown}");
    let (_, rows, _) = run(&["list", "--salvage", "--format", "jsonl", &archive]);
    assert!(rows.contains("\"salvage\":\"whole\"") && rows.contains("\"salvage\":\"partial\""), "{rows}");
}

#[test]
fn archives_behind_the_end_marker_are_listed_and_told_apart() {
    let (exit, shown, _) = run(&["list", &at("bad/three-archives.tar")]);
    assert_eq!(exit, 1);
    let lines: Vec<&str> = shown.lines().collect();
    let second = lines.iter().position(|line| line.starts_with("archive 2 of this file")).unwrap();
    assert!(lines[second + 1].ends_with(" second"), "{shown}");
    assert!(
        lines[second + 2].starts_with("archive 3 of this file") && lines[second + 3].ends_with(" third"),
        "{shown}"
    );
}
