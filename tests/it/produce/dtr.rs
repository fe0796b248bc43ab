//! DTR's own program, by a stand-in for the Docker client that knows the documented command line and no other.

use std::fs;
use std::path::PathBuf;

use veritar::produce::Trouble;
use veritar::produce::dtr::{Dtr, Options, Trust};
use veritar::produce::run::Command;
use veritar::secret::Secret;
use veritar::verify::Verdict;

use super::stage::{Stage, StandIn, troubles};
use crate::support::corpus;

const REPLICA: &str = "5eb9459a7832";
const OTHER: &str = "0123456789ab";
const NAME: &str = "dtr-2.9.4-5eb9459a7832-1631549510+0000.tar";
const PASSWORD: &[u8] = b"an administrator's password";
const URL: &str = "https://ucp.example:443";
/// SHA-256 of [`authority`], as `openssl x509 -noout -fingerprint -sha256` prints it.
const FINGERPRINT: &str =
    "B5:F1:2C:7A:CF:C2:D0:9A:D1:1C:08:C7:40:C8:D8:44:E8:F0:A2:E2:71:27:3F:7E:40:B7:A1:BE:4B:FA:F3:B9";

fn authority() -> &'static str {
    include_str!("../parts/pki/ucp-cluster-root-ca/cert.pem").trim_end()
}

fn trust() -> [&'static str; 2] {
    ["--ucp-ca", authority()]
}

fn names(stand_in: &mut StandIn, names: &str) {
    stand_in.prints(&["container", "ls", "--filter", "name=dtr-", "--format", "{{.Names}}"], names);
}

fn inspect(stand_in: &mut StandIn, container: &str, image: &str, version: &str) {
    let printed = format!(
        r#"[{{"Name":"/{container}","Config":{{"Image":"{image}","Env":["PATH=/bin","DTR_VERSION={version}"],"Labels":null}}}}]"#
    );
    stand_in.prints(&["container", "inspect", container], &printed);
}

/// A node with one replica of MSR 2.9.4.
fn msr() -> StandIn {
    let mut stand_in = StandIn::new("docker");
    names(&mut stand_in, "dtr-nginx-5eb9459a7832\ndtr-registry-5eb9459a7832\ndtr-rethink-5eb9459a7832\n");
    inspect(&mut stand_in, "dtr-registry-5eb9459a7832", "mirantis/dtr-registry:2.9.4", "2.9.4");
    stand_in
}

fn options(stand_in: &StandIn) -> Options {
    Options {
        docker: Command::new(stand_in.program()),
        image: None,
        version: None,
        replica: None,
        ucp_url: URL.to_owned(),
        ucp_username: "admin".to_owned(),
        ucp_password: Secret::new(PASSWORD.to_vec()),
        trust: Trust::Authority(format!("comment\n{}\n", authority()).into_bytes()),
        offline: false,
        ignore_scan_data: false,
        earlier: None,
        curl: stand_in.folder().join("curl").into(),
    }
}

/// The documented command line for this image and replica.
fn run<'a>(image: &'a str, replica: &'a str, trust: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let begin = ["run", "--log-driver", "none", "-i", "--rm", "--env", "UCP_PASSWORD", image, "backup"];
    let who = ["--ucp-url", URL, "--ucp-username", "admin"];
    [&begin[..], &who, trust, &["--existing-replica-id", replica], more].concat()
}

fn good() -> PathBuf {
    corpus().join("good/dtr-2.9.4-metadata.tar")
}

#[test]
fn what_runs_tells_replica_image_and_version() {
    let (mut docker, stage) = (msr(), Stage::new());
    let value = docker.folder().join("value");
    let script =
        format!("printf %s \"$UCP_PASSWORD\" > '{}'; echo INFO >&2; cat '{}'", value.display(), good().display());
    docker.knows(&run("mirantis/dtr:2.9.4", REPLICA, &trust(), &[]), &script);
    let preview = stage.preview(&mut Dtr::new(options(&docker))).unwrap();
    let [step] = &preview.steps[..] else { panic!("{:?}", preview.steps) };
    assert!(step.command.as_ref().unwrap().starts_with("UCP_PASSWORD='[secret]' "), "{step:?}");
    assert!(!docker.was_run(" backup ") && stage.names().is_empty());
    let backup = stage.back_up(&mut Dtr::new(options(&docker)));
    assert!(backup.troubles.is_empty(), "{}", troubles(&backup));
    assert_eq!(stage.names(), [NAME.to_owned(), format!("{NAME}.manifest.json")]);
    assert_eq!(fs::read(stage.target.path().join(NAME)).unwrap(), fs::read(good()).unwrap());
    let facts = backup.receipt.facts();
    assert_eq!((facts["replica"].as_str(), facts["version"].as_str()), (REPLICA, "2.9.4"));
    assert_eq!((facts["image"].as_str(), facts["ucp-url"].as_str()), ("mirantis/dtr", "ucp.example"));
    assert_eq!(facts["ucp-ca-sha256"], FINGERPRINT);
    assert_eq!(backup.receipt.warnings(), [""; 0]);
    // It came to where it belongs, and to nowhere else.
    assert_eq!(fs::read(value).unwrap(), PASSWORD);
    stage.hides(PASSWORD, &docker, &backup);
}

#[test]
fn options_become_flags_where_the_version_has_them() {
    let (mut docker, stage) = (StandIn::new("docker"), Stage::new());
    // Seen through UCP: names with their node.
    names(&mut docker, "node-2/dtr-rethink-5eb9459a7832\nnode-2/dtr-registry-5eb9459a7832\n");
    inspect(&mut docker, "node-2/dtr-registry-5eb9459a7832", "r.example:5000/m/dtr-registry:2.9.18", "2.9.18");
    let wanted = run(
        "r.example:5000/m/dtr:2.9.18",
        REPLICA,
        &["--ucp-insecure-tls"],
        &["--offline-backup", "--ignore-scan-data"],
    );
    docker.knows(&wanted, &format!("gunzip < '{}'", corpus().join("good/msr-2.9.18-metadata.tar.gz").display()));
    let given = Options { trust: Trust::Nobody, offline: true, ignore_scan_data: true, ..options(&docker) };
    let backup = stage.back_up(&mut Dtr::new(given.clone()));
    assert!(backup.troubles.is_empty(), "{}", troubles(&backup));
    let warnings = backup.receipt.warnings().join("\n");
    assert!(warnings.contains("certificate was not checked") && warnings.contains("database is down"), "{warnings}");
    // An earlier version would stumble over the flag.
    let older = msr();
    let given = Options { docker: Command::new(older.program()), ..given };
    assert!(stage.preview(&mut Dtr::new(given)).unwrap_err().contains("came with 2.9.18"));
}

#[test]
fn versions_with_something_to_know() {
    for (version, said) in [("2.6.2", "erases tags"), ("2.5.3", "docker/dtr was taken")] {
        let (mut docker, stage) = (StandIn::new("docker"), Stage::new());
        names(&mut docker, "");
        let given =
            Options { version: Some(version.to_owned()), replica: Some(REPLICA.to_owned()), ..options(&docker) };
        let preview = stage.preview(&mut Dtr::new(given)).unwrap();
        let warnings = preview.survey.warnings.join("\n");
        assert!(warnings.contains(said), "{warnings}");
    }
    let (mut docker, stage) = (StandIn::new("docker"), Stage::new());
    names(&mut docker, "");
    let given = Options { version: Some("3.1.5".to_owned()), replica: Some(REPLICA.to_owned()), ..options(&docker) };
    assert!(stage.preview(&mut Dtr::new(given)).unwrap_err().contains("backup msr"));
    assert!(stage.preview(&mut Dtr::new(options(&docker))).unwrap_err().contains("replica, image and version"));
    let given = Options { replica: Some(REPLICA.to_owned()), ..options(&docker) };
    assert!(stage.preview(&mut Dtr::new(given)).unwrap_err().contains("give image and version"));
}

#[test]
fn what_cannot_be_right_is_refused_before_anything_runs() {
    type Change = fn(&mut Options);
    let cases: [(&str, Change); 12] = [
        ("a URL with a password", |options| options.ucp_url = "https://admin:geheim123@ucp.example".to_owned()),
        ("a URL without TLS", |options| options.ucp_url = "http://ucp.example".to_owned()),
        ("a URL that is an option", |options| options.ucp_url = "--debug".to_owned()),
        ("no URL", |options| options.ucp_url = String::new()),
        ("a user that is an option", |options| options.ucp_username = "--ucp-insecure-tls".to_owned()),
        ("no password", |options| options.ucp_password = Secret::new(Vec::new())),
        ("a password of two lines", |options| options.ucp_password = Secret::new(b"geheim123\nmore".to_vec())),
        ("a replica that is none", |options| options.replica = Some("--help".to_owned())),
        ("an image that is none", |options| options.image = Some("--privileged".to_owned())),
        ("a version that is none", |options| options.version = Some("latest".to_owned())),
        ("an authority that is a page", |options| options.trust = Trust::Authority(b"<html>".to_vec())),
        ("an authority with its key", |options| {
            let key = format!("{}\n-----BEGIN EC PRIVATE KEY-----\ngeheim123\n", authority());
            options.trust = Trust::Authority(key.into_bytes());
        }),
    ];
    for (what, change) in cases {
        let (docker, stage) = (msr(), Stage::new());
        let mut given = options(&docker);
        change(&mut given);
        let backup = stage.back_up(&mut Dtr::new(given));
        assert!(matches!(backup.troubles[..], [Trouble::Usage(_)]), "{what}: {}", troubles(&backup));
        assert!(!troubles(&backup).contains("geheim123"), "{what}");
        assert!(!docker.was_run(" backup ") && stage.names().is_empty(), "{what}");
    }
}

#[test]
fn what_goes_wrong_leaves_no_archive() {
    let whole = format!("cat '{}'", good().display());
    let fatal = |words: &str| format!("echo 'time=\"…\" level=fatal msg=\"{words}\"' >&2; exit 1");
    for (what, script, said) in [
        ("a short archive and exit 0", format!("head -c 9000 '{}'", good().display()), ""),
        ("nothing and exit 0", "exit 0".to_owned(), ""),
        (
            "a row too few and exit 0",
            format!("gunzip < '{}'", corpus().join("bad/dtr-row-missing.tar.gz").display()),
            "",
        ),
        ("a whole archive and exit 1", format!("{whole}; exit 1"), "exit code 1"),
        ("a whole archive and a death", format!("{whole}; kill -KILL $$"), "signal 9"),
        (
            "another authority",
            fatal("Get https://ucp.example/_ping: x509: certificate signed by unknown authority"),
            "fingerprint",
        ),
        ("a wrong password", fatal("failed to log in: 401 Unauthorized"), "give name and password"),
        ("no UCP", fatal("dial tcp: lookup ucp.example: no such host"), "look at the URL"),
        ("no replica", fatal("replica 5eb9459a7832 not found"), "there is no such replica"),
        ("a password that is given away", "echo half; echo \"bad: $UCP_PASSWORD\" >&2; exit 3".to_owned(), "[secret]"),
    ] {
        let (mut docker, stage) = (msr(), Stage::new());
        docker.knows(&run("mirantis/dtr:2.9.4", REPLICA, &trust(), &[]), &script);
        let backup = stage.back_up(&mut Dtr::new(options(&docker)));
        assert!(backup.published.is_none(), "{what}");
        stage.has_no_archive();
        assert!(troubles(&backup).contains(said), "{what}: {}", troubles(&backup));
        // The authority's lines stand in the receipt's command, where they are to be found, and make no sentence long.
        assert!(!troubles(&backup).contains("CERTIFICATE"), "{what}: {}", troubles(&backup));
        assert!(String::from_utf8(backup.receipt.to_json()).unwrap().contains("BEGIN CERTIFICATE"), "{what}");
        // Of what ended well, the verifier has the word.
        assert_eq!(troubles(&backup).is_empty(), said.is_empty(), "{what}");
        assert!(!said.is_empty() || backup.outcome.as_ref().unwrap().verdict != Verdict::Pass, "{what}");
        stage.hides(PASSWORD, &docker, &backup);
    }
}

#[test]
fn another_replica_than_before_is_said() {
    let stage = Stage::new();
    let script = format!("cat '{}'", good().display());
    let earlier = Some(stage.target.path().to_owned());
    let mut first = msr();
    first.knows(&run("mirantis/dtr:2.9.4", REPLICA, &trust(), &[]), &script);
    let backup = stage.back_up(&mut Dtr::new(Options { earlier: earlier.clone(), ..options(&first) }));
    assert_eq!((troubles(&backup).as_str(), backup.receipt.warnings().len()), ("", 0));
    // The same again: nothing to say.
    let backup = stage.back_up_after(&mut Dtr::new(Options { earlier: earlier.clone(), ..options(&first) }), 60);
    assert_eq!((troubles(&backup).as_str(), backup.receipt.warnings().len()), ("", 0));
    // Two replicas here: the one of before is taken.
    let mut both = StandIn::new("docker");
    names(&mut both, "dtr-rethink-0123456789ab\ndtr-rethink-5eb9459a7832\ndtr-registry-5eb9459a7832\n");
    inspect(&mut both, "dtr-registry-5eb9459a7832", "mirantis/dtr-registry:2.9.4", "2.9.4");
    both.knows(&run("mirantis/dtr:2.9.4", REPLICA, &trust(), &[]), &script);
    let backup = stage.back_up_after(&mut Dtr::new(Options { earlier: earlier.clone(), ..options(&both) }), 120);
    assert_eq!((troubles(&backup).as_str(), backup.receipt.warnings().len()), ("", 0));
    // Nothing tells which.
    let asked = stage.preview(&mut Dtr::new(options(&both))).unwrap_err();
    assert!(asked.contains("0123456789ab, 5eb9459a7832"), "{asked}");
    // Another one: a good archive, and a warning.
    let mut other = StandIn::new("docker");
    names(&mut other, "dtr-rethink-0123456789ab\ndtr-registry-0123456789ab\n");
    inspect(&mut other, "dtr-registry-0123456789ab", "mirantis/dtr-registry:2.9.4", "2.9.4");
    other.knows(&run("mirantis/dtr:2.9.4", OTHER, &trust(), &[]), &script);
    let backup = stage.back_up_after(&mut Dtr::new(Options { earlier: earlier.clone(), ..options(&other) }), 180);
    assert!(backup.published.is_some(), "{}", troubles(&backup));
    let [warning] = backup.receipt.warnings() else { panic!("{:?}", backup.receipt.warnings()) };
    assert!(warning.contains(&format!("of the replica {REPLICA}, and this one of {OTHER}")), "{warning}");
    // The DTR of another UCP is another matter.
    let given = Options { earlier, ucp_url: "ucp.elsewhere.example".to_owned(), ..options(&other) };
    assert_eq!(stage.preview(&mut Dtr::new(given)).unwrap().survey.warnings, [""; 0]);
}

#[test]
fn an_authority_is_fetched_once_and_kept() {
    let (mut docker, mut curl, stage) = (msr(), StandIn::new("curl"), Stage::new());
    docker.knows(&run("mirantis/dtr:2.9.4", REPLICA, &trust(), &[]), &format!("cat '{}'", good().display()));
    let fetch = ["--silent", "--show-error", "--fail", "--insecure", "--max-time", "60", "https://ucp.example:443/ca"];
    curl.prints(&fetch, &format!("{}\r\n", authority().replace('\n', "\r\n")));
    let pin = docker.folder().join("ucp-ca.pem");
    let given = Options { trust: Trust::Pinned(pin.clone()), curl: curl.program().into(), ..options(&docker) };
    // Looking keeps nothing.
    let preview = stage.preview(&mut Dtr::new(given.clone())).unwrap();
    assert_eq!(preview.steps.len(), 2);
    assert!(!pin.exists());
    let backup = stage.back_up(&mut Dtr::new(given.clone()));
    assert!(backup.published.is_some(), "{}", troubles(&backup));
    let [warning] = backup.receipt.warnings() else { panic!("{:?}", backup.receipt.warnings()) };
    assert!(warning.contains(FINGERPRINT) && warning.contains("could not prove"), "{warning}");
    assert_eq!(fs::read_to_string(&pin).unwrap(), format!("{}\n", authority()));
    // From now on it is what was kept.
    let times = curl.seen().lines().count();
    let backup = stage.back_up_after(&mut Dtr::new(given.clone()), 60);
    assert_eq!((troubles(&backup).as_str(), backup.receipt.warnings().len()), ("", 0));
    assert_eq!(curl.seen().lines().count(), times);
    // What cannot be fetched, or is none, is no authority, and nothing goes out.
    for (script, said) in [
        ("echo 'curl: (22) The requested URL returned error: 500' >&2; exit 22", "error: 500"),
        ("echo '<html>'", "holds no certificate"),
        ("echo '-----BEGIN CERTIFICATE-----'; echo 'AAAA'", "holds no certificate"),
    ] {
        let (docker, mut curl, stage) = (msr(), StandIn::new("curl"), Stage::new());
        curl.knows(&fetch, script);
        let pin = docker.folder().join("ucp-ca.pem");
        let given = Options { trust: Trust::Pinned(pin.clone()), curl: curl.program().into(), ..options(&docker) };
        let backup = stage.back_up(&mut Dtr::new(given));
        assert!(troubles(&backup).contains(said), "{}", troubles(&backup));
        assert!(!docker.was_run(" backup ") && !pin.exists() && stage.names().is_empty());
    }
}
