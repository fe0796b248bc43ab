//! UCP's own program, by a stand-in for the Docker client that knows the documented command line and no other.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use veritar::produce::run::Command;
use veritar::produce::ucp::{Options, Ucp};
use veritar::produce::{Form, Trouble};
use veritar::secret::Secret;
use veritar::verify::Verdict;

use super::stage::{NOW, Stage, StandIn, troubles};
use crate::support::corpus;

const SOCKET: &str = "/var/run/docker.sock:/var/run/docker.sock";
const NAME: &str = "ucp-3.4.5-node_1-1631549510+0000.tar";

/// Names as `container ls` prints them on a manager.
const NAMES: &str = "ucp-manager-agent.k3xq.a7d1\nucp-proxy\nucp-controller\nucp-kv\n";

fn info(stand_in: &mut StandIn, security: &str, manager: bool) {
    let printed = format!(
        r#"{{"Name":"node 1","ServerVersion":"20.10.24","SecurityOptions":[{security}],"Swarm":{{"ControlAvailable":{manager},"Cluster":{{"ID":"cl1"}}}}}}"#
    );
    stand_in.prints(&["info", "--format", "{{json .}}"], &printed);
}

fn names(stand_in: &mut StandIn, names: &str) {
    stand_in.prints(&["container", "ls", "--all", "--filter", "name=ucp", "--format", "{{.Names}}"], names);
}

fn inspect(stand_in: &mut StandIn, container: &str, image: &str, version: &str) {
    let printed = format!(
        r#"[{{"Name":"/{container}","State":{{"Running":true}},"Config":{{"Image":"{image}","Env":["HIDDEN=never-to-be-shown"],
            "Labels":{{"com.docker.ucp.version":"{version}","com.docker.ucp.InstanceID":"dq1o7bmxkq8xbb5o6e7e0e3tz"}}}}}}]"#
    );
    stand_in.prints(&["container", "inspect", container], &printed);
}

/// An engine with MKE 3.4.5.
fn mke() -> StandIn {
    let mut stand_in = StandIn::new("docker");
    info(&mut stand_in, r#""name=seccomp,profile=default""#, true);
    names(&mut stand_in, NAMES);
    inspect(&mut stand_in, "ucp-proxy", "mirantis/ucp-agent:3.4.5", "3.4.5");
    stand_in
}

fn options(stand_in: &StandIn) -> Options {
    Options { docker: Command::new(stand_in.program()), ..Options::default() }
}

const RUN: [&str; 9] = ["container", "run", "--rm", "--log-driver", "none", "--name", "ucp", "-v", SOCKET];

fn run(more: &[&'static str]) -> Vec<&'static str> {
    [&RUN[..], more].concat()
}

fn good() -> PathBuf {
    corpus().join("good/ucp-mke-3.4.5.tar")
}

#[test]
fn what_runs_tells_image_and_version() {
    let (mut docker, stage) = (mke(), Stage::new());
    let script = format!("echo 'time=\"…\" level=info msg=\"working\"' >&2; cat '{}'", good().display());
    docker.knows(&run(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"]), &script);
    let mut ucp = Ucp::new(options(&docker));
    let preview = stage.preview(&mut ucp).unwrap();
    assert_eq!(preview.steps.len(), 1);
    assert!(
        preview.steps[0]
            .command
            .as_ref()
            .unwrap()
            .ends_with(&run(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"]).join(" "))
    );
    assert!(!docker.was_run("backup") && stage.names().is_empty());
    let backup = stage.back_up(&mut ucp);
    assert!(backup.troubles.is_empty(), "{}", troubles(&backup));
    assert_eq!(stage.names(), [NAME.to_owned(), format!("{NAME}.manifest.json")]);
    assert_eq!(fs::read(stage.target.path().join(NAME)).unwrap(), fs::read(good()).unwrap());
    let facts = backup.receipt.facts();
    assert_eq!((facts["version"].as_str(), facts["image"].as_str()), ("3.4.5", "mirantis/ucp"));
    assert_eq!((facts["host"].as_str(), facts["engine"].as_str()), ("node 1", "20.10.24"));
    assert_eq!(facts["cluster"], "cl1");
    assert_eq!(facts["ucp-instance"], "dq1o7bmxkq8xbb5o6e7e0e3tz");
    assert_eq!(backup.receipt.warnings(), [""; 0]);
    assert!(stage.told().contains("level=info"));
    stage.hides(b"never-to-be-shown", &docker, &backup);
}

#[test]
fn the_engine_and_the_version_decide_on_the_options() {
    for (version, security, image, found, wanted) in [
        (
            "3.2.4",
            r#""name=selinux""#,
            "docker/ucp-agent:3.2.4",
            "docker/ucp:3.2.4",
            &["backup", "--no-passphrase"][..],
        ),
        (
            "3.1.5",
            r#""name=apparmor""#,
            "r.example:5000/docker/ucp-agent@sha256:00",
            "r.example:5000/docker/ucp:3.1.5",
            &["backup", "--id", "dq1o7bmxkq8xbb5o6e7e0e3tz", "--no-passphrase"],
        ),
        ("2.2.4", "", "sha256:00", "docker/ucp:2.2.4", &["backup", "--id", "dq1o7bmxkq8xbb5o6e7e0e3tz"]),
    ] {
        let (mut docker, stage) = (StandIn::new("docker"), Stage::new());
        info(&mut docker, security, true);
        names(&mut docker, "ucp-controller\n");
        inspect(&mut docker, "ucp-controller", image, version);
        let preview = stage.preview(&mut Ucp::new(options(&docker))).unwrap();
        let command = preview.steps[0].command.as_ref().unwrap();
        let selinux: &[&str] = if version == "3.2.4" { &["--security-opt", "label=disable"] } else { &[] };
        let wanted = [&RUN[..], selinux, &[found], wanted].concat().join(" ");
        assert_eq!(command.split_once(' ').unwrap().1, wanted);
        let warnings = preview.survey.warnings.join("\n");
        assert_eq!(warnings.contains("does not know --no-passphrase"), version == "2.2.4", "{warnings}");
        assert_eq!(warnings.contains("stops its own containers"), version != "3.2.4", "{warnings}");
        assert_eq!(warnings.contains("docker/ucp was taken"), version == "2.2.4", "{warnings}");
        assert!(!docker.was_run(" run "));
    }
}

#[test]
fn an_older_version_is_backed_up_with_its_identifier() {
    let (mut docker, stage) = (StandIn::new("docker"), Stage::new());
    info(&mut docker, r#""name=seccomp""#, true);
    names(&mut docker, "ucp-proxy\n");
    inspect(&mut docker, "ucp-proxy", "docker/ucp-agent:3.1.5", "3.1.5");
    let arguments = run(&["docker/ucp:3.1.5", "backup", "--id", "dq1o7bmxkq8xbb5o6e7e0e3tz", "--no-passphrase"]);
    docker.knows(&arguments, &format!("gunzip < '{}'", corpus().join("good/ucp-3.1.tar.gz").display()));
    let backup = stage.back_up(&mut Ucp::new(options(&docker)));
    assert!(backup.troubles.is_empty(), "{}", troubles(&backup));
    assert_eq!(stage.names()[0], "ucp-3.1.5-node_1-1631549510+0000.tar");
}

#[test]
fn what_is_given_needs_no_running_ucp() {
    let (mut docker, stage) = (StandIn::new("docker"), Stage::new());
    info(&mut docker, r#""name=selinux""#, true);
    names(&mut docker, "");
    docker.knows(&run(&["r.example/m/ucp:3.4.5", "backup", "--no-passphrase"]), &format!("cat '{}'", good().display()));
    let mut given = options(&docker);
    // Without a version there is nothing to go by.
    let nothing = stage.preview(&mut Ucp::new(given.clone())).unwrap_err();
    assert!(nothing.contains("give image and version"), "{nothing}");
    given.image = Some("r.example/m/ucp".to_owned());
    given.version = Some("3.4.5".to_owned());
    given.selinux = Some(false);
    let backup = stage.back_up(&mut Ucp::new(given.clone()));
    assert!(backup.troubles.is_empty(), "{}", troubles(&backup));
    for (image, version) in
        [("--privileged", "3.4.5"), ("m/ucp:3.4.5", "3.4.5"), ("m/ucp", "latest"), ("m/ucp", "3.4.5 -t")]
    {
        given.image = Some(image.to_owned());
        given.version = Some(version.to_owned());
        let stage = Stage::new();
        let backup = stage.back_up(&mut Ucp::new(given.clone()));
        assert!(matches!(backup.troubles[..], [Trouble::Usage(_)]), "{image} {version}: {}", troubles(&backup));
    }
}

#[test]
fn a_passphrase_for_the_product_goes_by_the_environment() {
    let (mut docker, stage) = (mke(), Stage::new());
    let passphrase = crate::build::passphrase();
    let archive = corpus().join("good/ucp-mke-3.4.5.tar.pgp");
    let value = docker.folder().join("value");
    let script = format!("printf %s \"$UCP_PASSPHRASE\" > '{}'; cat '{}'", value.display(), archive.display());
    docker.knows(&run(&["--env", "UCP_PASSPHRASE", "mirantis/ucp:3.4.5", "backup"]), &script);
    let given = Options { passphrase: Some(Secret::new(passphrase.clone())), ..options(&docker) };
    let preview = stage.preview(&mut Ucp::new(given.clone())).unwrap();
    assert_eq!(preview.survey.form, Form::OpenPgp);
    assert!(preview.steps[0].command.as_ref().unwrap().starts_with("UCP_PASSPHRASE='[secret]' "));
    let backup = stage.back_up(&mut Ucp::new(given));
    assert!(backup.troubles.is_empty(), "{}", troubles(&backup));
    assert_eq!(stage.names()[0], NAME.replace(".tar", ".tar.gpg"));
    assert_eq!(fs::read(stage.target.path().join(&stage.names()[0])).unwrap(), fs::read(&archive).unwrap());
    // It came to where it belongs, and to nowhere else.
    assert_eq!(fs::read(value).unwrap(), passphrase);
    assert!(docker.has_variable("UCP_PASSPHRASE"));
    stage.hides(&passphrase, &docker, &backup);
}

#[test]
fn a_product_that_does_not_encrypt_makes_no_archive() {
    let (mut docker, stage) = (mke(), Stage::new());
    let script = format!("cat '{}'", good().display());
    docker.knows(&run(&["--env", "UCP_PASSPHRASE", "mirantis/ucp:3.4.5", "backup"]), &script);
    let given = Options { passphrase: Some(Secret::new(crate::build::passphrase())), ..options(&docker) };
    let backup = stage.back_up(&mut Ucp::new(given));
    assert!(backup.published.is_none() && troubles(&backup).contains("and did not"), "{}", troubles(&backup));
    stage.has_no_archive();
}

#[test]
fn a_secret_that_the_product_gives_away_is_not_written_down() {
    let (mut docker, stage) = (mke(), Stage::new());
    let script =
        "head -c 5000000 /dev/zero; echo \"level=fatal msg=\\\"bad passphrase $UCP_PASSPHRASE\\\"\" >&2; exit 1";
    docker.knows(&run(&["--env", "UCP_PASSPHRASE", "mirantis/ucp:3.4.5", "backup"]), script);
    let passphrase = b"twelve or more, by all means";
    let given = Options { passphrase: Some(Secret::new(passphrase.to_vec())), ..options(&docker) };
    let backup = stage.back_up(&mut Ucp::new(given));
    assert!(troubles(&backup).contains("[secret]"), "{}", troubles(&backup));
    let failed = NAME.replace(".tar", ".tar.gpg.failed");
    assert_eq!(stage.names(), [failed.clone(), format!("{failed}.json")]);
    stage.hides(passphrase, &docker, &backup);
}

#[test]
fn what_goes_wrong_leaves_no_archive() {
    let whole = format!("cat '{}'", good().display());
    let half = format!("head -c 50000 '{}'", good().display());
    let without_key = format!("gunzip < '{}'", corpus().join("bad/ucp-without-key.tar.gz").display());
    for (what, script, said) in [
        ("a short archive and exit 0", half.clone(), ""),
        ("less than the manual asks for and exit 0", without_key, ""),
        ("nothing and exit 0", "exit 0".to_owned(), ""),
        ("no archive and exit 0", "echo 'error: no such command'".to_owned(), ""),
        ("words before the archive and exit 0", format!("echo 'level=info msg=hello'; {whole}"), ""),
        ("carriage returns and exit 0", format!("sed 's/$/\\r/' '{}'", good().display()), ""),
        ("a whole archive and exit 1", format!("{whole}; exit 1"), "exit code 1"),
        ("a whole archive and a death", format!("{whole}; kill -KILL $$"), "signal 9"),
        ("a whole archive and usage", format!("{whole}; exit 64"), "exit code 64"),
        (
            "another backup",
            "echo 'level=fatal msg=\"Backup already in progress\"' >&2; exit 1".to_owned(),
            "another backup is in progress",
        ),
        (
            "another container",
            "echo 'docker: Error response from daemon: Conflict. The container name \"/ucp\" is already in use by container \
             \"0a\". You have to remove (or rename) that container.' >&2; exit 125"
                .to_owned(),
            "another backup is in progress",
        ),
        (
            "no image",
            "echo \"Unable to find image 'mirantis/ucp:3.4.5' locally\" >&2; exit 125".to_owned(),
            "docker image load",
        ),
    ] {
        let (mut docker, stage) = (mke(), Stage::new());
        docker.knows(&run(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"]), &script);
        docker.knows(&["container", "stop", "ucp"], "exit 0");
        let backup = stage.back_up(&mut Ucp::new(options(&docker)));
        assert!(backup.published.is_none(), "{what}");
        stage.has_no_archive();
        let troubles = troubles(&backup);
        assert!(troubles.contains(said), "{what}: {troubles}");
        if said.is_empty() {
            let verdict = backup.outcome.as_ref().unwrap().verdict;
            assert_ne!(verdict, Verdict::Pass, "{what}");
        } else {
            assert!(!troubles.is_empty(), "{what}");
        }
        // What a program that ended well has written is kept for whoever wants to look.
        let has_ended_well = said.is_empty() && script != "exit 0";
        assert!(!has_ended_well || backup.kept_aside.is_some_and(|kept| kept.exists()), "{what}");
    }
}

#[test]
fn complaints_of_a_good_run_stand_in_the_receipt() {
    let (mut docker, stage) = (mke(), Stage::new());
    let script =
        format!("echo 'time=\"…\" level=error msg=\"failed to reach a node\"' >&2; cat '{}'", good().display());
    docker.knows(&run(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"]), &script);
    let backup = stage.back_up(&mut Ucp::new(options(&docker)));
    assert!(backup.published.is_some());
    let [warning] = backup.receipt.warnings() else { panic!("{:?}", backup.receipt.warnings()) };
    assert!(warning.contains("failed to reach a node"), "{warning}");
}

#[test]
fn what_speaks_against_it_is_found_before_anything_runs() {
    type Case = (&'static str, fn(&mut StandIn), &'static str);
    let cases: [Case; 6] = [
        ("a worker", |docker| info(docker, "", false), "run this on a manager"),
        (
            "no engine",
            |docker| {
                docker.prints(
                    &["info", "--format", "{{json .}}"],
                    r#"{"Name":"","SecurityOptions":null,"ServerErrors":["Cannot connect to the Docker daemon"]}"#,
                );
            },
            "reached no engine: Cannot connect",
        ),
        (
            "another backup",
            |docker| {
                info(docker, "", true);
                names(docker, "ucp-proxy\nucp\n");
            },
            "another backup may be in progress",
        ),
        (
            "a client bundle",
            |docker| {
                info(docker, "", true);
                names(docker, "node-1/ucp-proxy\n");
            },
            "unset DOCKER_HOST",
        ),
        ("no Docker client", |docker| docker.prints(&["info", "--format", "{{json .}}"], "hello"), "is this program"),
        (
            "a version that is none",
            |docker| {
                info(docker, "", true);
                names(docker, NAMES);
                inspect(docker, "ucp-proxy", "mirantis/ucp-agent:latest", "$(id)");
            },
            "give image and version",
        ),
    ];
    for (what, prepare, said) in cases {
        let (mut docker, stage) = (StandIn::new("docker"), Stage::new());
        prepare(&mut docker);
        let backup = stage.back_up(&mut Ucp::new(options(&docker)));
        assert!(troubles(&backup).contains(said), "{what}: {}", troubles(&backup));
        assert!(!docker.was_run("backup") && stage.names().is_empty(), "{what}");
    }
    let (docker, stage) = (StandIn::new("docker"), Stage::new());
    let missing = Options { docker: Command::new(docker.folder().join("none")), ..Options::default() };
    assert!(troubles(&stage.back_up(&mut Ucp::new(missing))).contains("there is no such program"));
}

/// The file that the product writes, and the folder it is in.
fn by_file(script: impl Fn(&str) -> String) -> (StandIn, Stage, tempfile::TempDir, PathBuf) {
    let (mut docker, stage, shelf) = (mke(), Stage::new(), tempfile::tempdir().unwrap());
    let file = format!("veritar-{NOW}000000000.tar");
    let path = shelf.path().canonicalize().unwrap().join(&file);
    let volume = format!("{}:/backup", path.parent().unwrap().display());
    let wanted: Vec<&str> = [
        &RUN[..],
        &["-v", &volume, "mirantis/ucp:3.4.5", "backup", "--no-passphrase", "--file", &file, "--include-logs=false"],
    ]
    .concat();
    docker.knows(&wanted, &script(path.to_str().unwrap()));
    (docker, stage, shelf, path)
}

#[test]
fn a_file_of_the_product_is_taken_and_removed() {
    let (docker, stage, shelf, path) =
        by_file(|path| format!("test ! -e '{path}' && cat '{}' > '{path}'; echo not the archive", good().display()));
    let given = Options { folder: Some(shelf.path().to_owned()), ..options(&docker) };
    // Of a run that was killed; and something that is none.
    let left = shelf.path().join("veritar-1631549000000000000.tar");
    fs::write(&left, "whole").unwrap();
    fs::write(shelf.path().join("veritar-.tar"), "").unwrap();
    let backup = stage.back_up(&mut Ucp::new(given));
    assert!(backup.troubles.is_empty(), "{}", troubles(&backup));
    assert_eq!(fs::read(stage.target.path().join(NAME)).unwrap(), fs::read(good()).unwrap());
    assert!(!path.exists() && left.exists());
    let said = backup.receipt.warnings().iter().filter(|warning| warning.contains("was killed"));
    assert!(said.eq([&format!(
        "{} was left there by a run that was killed, and holds a whole backup; remove it, unless \
                               another run is at work",
        left.canonicalize().unwrap().display()
    )]));
    let warnings = backup.receipt.warnings().join("\n");
    assert!(warnings.contains("lay unencrypted in") && warnings.contains("chown nobody:nogroup"), "{warnings}");
}

#[test]
fn a_file_that_was_there_is_neither_added_to_nor_removed() {
    let (docker, stage, shelf, path) = by_file(|path| format!("cat '{}' >> '{path}'", good().display()));
    fs::write(&path, "somebody else's").unwrap();
    let given = Options { folder: Some(shelf.path().to_owned()), ..options(&docker) };
    let backup = stage.back_up(&mut Ucp::new(given.clone()));
    assert!(troubles(&backup).contains("exists already"), "{}", troubles(&backup));
    assert_eq!(fs::read(&path).unwrap(), b"somebody else's");
    assert!(!docker.was_run("--file") && stage.names().is_empty());
    // Nor is a link followed.
    fs::remove_file(&path).unwrap();
    let elsewhere = shelf.path().join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    let backup = stage.back_up(&mut Ucp::new(given));
    assert!(troubles(&backup).contains("exists already"), "{}", troubles(&backup));
    assert!(!elsewhere.exists());
}

#[test]
fn a_file_that_is_not_good_is_no_archive_and_does_not_stay() {
    for (what, script, said) in [
        ("half and exit 0", "head -c 50000 'GOOD' > 'PATH'", ""),
        ("whole and exit 1", "cat 'GOOD' > 'PATH'; exit 1", "exit code 1"),
        ("empty and exit 0", ": > 'PATH'", ""),
        ("none and exit 0", "exit 0", "cannot be read at"),
        ("a link", "ln -s 'GOOD' 'PATH'", "cannot be read at"),
        ("a pipe", "mkfifo 'PATH'", "is no regular file"),
        (
            "no leave to write",
            "echo 'level=fatal msg=\"open /backup/a.tar: permission denied\"' >&2; exit 1",
            "chown nobody:nogroup",
        ),
    ] {
        let (docker, stage, shelf, path) =
            by_file(|path| script.replace("GOOD", good().to_str().unwrap()).replace("PATH", path));
        let given = Options { folder: Some(shelf.path().to_owned()), ..options(&docker) };
        let backup = stage.back_up(&mut Ucp::new(given));
        assert!(backup.published.is_none() && troubles(&backup).contains(said), "{what}: {}", troubles(&backup));
        stage.has_no_archive();
        assert!(path.symlink_metadata().is_err(), "{what}");
    }
}

#[test]
fn a_folder_that_will_not_do_is_said_beforehand() {
    let (docker, stage) = (mke(), Stage::new());
    let colon = docker.folder().join("a:b");
    fs::create_dir(&colon).unwrap();
    for (folder, said) in [
        (docker.folder().join("none"), "failed to look at"),
        (docker.program(), "is no folder"),
        (colon, "has a colon"),
    ] {
        let given = Options { folder: Some(folder), ..options(&docker) };
        let sentence = stage.preview(&mut Ucp::new(given)).unwrap_err();
        assert!(sentence.contains(said), "{sentence}");
    }
    let (mut docker, shelf) = (StandIn::new("docker"), tempfile::tempdir().unwrap());
    info(&mut docker, "", true);
    names(&mut docker, NAMES);
    inspect(&mut docker, "ucp-proxy", "docker/ucp-agent:3.1.5", "3.1.5");
    let given = Options { folder: Some(shelf.path().to_owned()), ..options(&docker) };
    assert!(stage.preview(&mut Ucp::new(given)).unwrap_err().contains("--file came with 3.2"));
}

#[test]
fn a_stop_ends_the_client_and_the_container() {
    let (mut docker, stage) = (mke(), Stage::new());
    let left = docker.folder().join("left");
    let script = format!(
        "head -c 50000 '{}'; echo ucp > '{}'; echo 'please stop now' >&2; exec sleep 60",
        good().display(),
        left.display()
    );
    docker.knows(&run(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"]), &script);
    // From now on the container is there.
    let listed = docker.keep("listed.sh", format!("cat '{}' 2>/dev/null; printf '{NAMES}'", left.display()).as_bytes());
    let again = ["container", "ls", "--all", "--filter", "name=ucp", "--format", "{{.Names}}"];
    // The first that fits counts: it is the one of `mke`.
    fs::copy(listed, docker.folder().join("1.sh")).unwrap();
    docker.knows(&again, "exit 70");
    docker.knows(&["container", "stop", "ucp"], "exit 0");
    let backup = stage.back_up(&mut Ucp::new(options(&docker)));
    assert!(stage.stop.load(Ordering::Relaxed));
    assert!(backup.troubles.iter().any(Trouble::is_stop), "{}", troubles(&backup));
    assert!(docker.was_run("container stop ucp"), "{}", docker.seen());
    stage.has_no_archive();
}

#[test]
fn silence_ends_the_client_and_what_cannot_be_ended_is_said() {
    for (stopping, said) in [("exit 0", ""), ("echo 'no such container' >&2; exit 1", "may be there still")] {
        let (mut docker, stage) = (mke(), Stage::new());
        let script = "touch \"$here/left\"; exec sleep 60";
        docker.knows(&run(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"]), script);
        let listed = format!("if test -e \"$here/left\"; then echo ucp; fi; printf '{NAMES}'");
        docker.keep("1.sh", listed.as_bytes());
        docker.knows(&["container", "stop", "ucp"], stopping);
        let program = Command::new(docker.program()).stall(Duration::from_secs(2)).grace(Duration::from_millis(500));
        let backup = stage.back_up(&mut Ucp::new(Options { docker: program, ..Options::default() }));
        assert!(troubles(&backup).contains("it wrote nothing for 2 seconds"), "{}", troubles(&backup));
        assert!(docker.was_run("container stop ucp") && stage.told().contains(said), "{}", stage.told());
        // It stands in the receipt, too.
        let receipt = String::from_utf8(backup.receipt.to_json()).unwrap();
        assert!(receipt.contains("end the container that was left behind"), "{receipt}");
        stage.has_no_archive();
    }
}
