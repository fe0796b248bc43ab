//! Backups of a swarm by the program, against stand-ins for docker and systemd that behave well or badly; the folder is
//! looked at after each.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::support::{corpus, executable, program};

const PASSPHRASE: &str = "nine quiet herons";

/// A machine with an engine that is none.
pub struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        let root = machine.root();
        for folder in ["bin", "backups", "docker"] {
            std::fs::create_dir(root.join(folder)).unwrap();
        }
        let archive = corpus().join("good/swarm.tgz");
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(archive).arg("-C").arg(root.join("docker")).arg("--no-same-owner");
        assert!(unpack.status().unwrap().success());
        std::fs::write(root.join("passphrase"), format!("{PASSPHRASE}\n")).unwrap();
        let info = serde_json::json!({
            "Name": "host one", "ServerVersion": "20.10.24", "DockerRootDir": root.join("docker"), "ServerErrors": [],
            "Swarm": {
                "NodeID": "n0de", "NodeAddr": "10.0.0.7", "LocalNodeState": "active", "ControlAvailable": true,
                "Managers": 3, "Cluster": { "ID": "c1uster" },
            },
        });
        std::fs::write(root.join("info.json"), info.to_string()).unwrap();
        // Checks what it is asked.
        machine.script(
            "docker",
            "test \"$*\" = 'info --format {{json .}}' || { echo \"unknown: $*\" >&2; exit 64; }; cat \"$ROOT/info.json\"",
        );
        machine.script("stop", "");
        machine.script("start", "");
        machine
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    pub fn target(&self) -> PathBuf {
        self.root().join("backups")
    }

    /// A program that writes its name into the log and then does this.
    pub fn script(&self, name: &str, body: &str) {
        let path = self.root().join("bin").join(name);
        let root = self.root().display();
        executable(&path, &format!("#!/bin/sh\nROOT='{root}'\necho {name} >> \"$ROOT/log\"\n{body}\n"));
    }

    /// The program, which finds the stand-ins.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
        command.env("PATH", self.path()).env_remove("VERITAR_RULES");
        command
    }

    fn path(&self) -> String {
        format!("{}:{}", self.root().join("bin").display(), std::env::var("PATH").unwrap())
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
        self.arguments(&mut command, more);
        command
    }

    pub fn arguments(&self, command: &mut Command, more: &[&str]) {
        command
            .args(["backup", "swarm", "--prefix", "swarm", "--stop-command", "stop", "--start-command", "start"])
            .args(["--patience", "3", "--threads", "2", "--to"])
            .arg(self.target())
            .arg("--passphrase-file")
            .arg(self.root().join("passphrase"))
            .args(more)
            .env("PATH", self.path())
            .env_remove("VERITAR_RULES");
    }

    pub fn backup(&self, more: &[&str]) -> Output {
        self.command(more).output().unwrap()
    }

    /// Makes the directory one that does not pass.
    pub fn spoil(&self) {
        std::fs::remove_file(self.root().join("docker/swarm/certificates/swarm-node.crt")).unwrap();
    }

    /// What ran, in its order, without questions.
    pub fn log(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.root().join("log")).unwrap_or_default();
        log.lines().filter(|line| *line != "docker").map(str::to_owned).collect()
    }

    /// Everything in the target folder but the lock.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.target()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".veritar.lock");
        names.sort();
        names
    }

    /// Under a final name there is a whole archive that passes, with its sidecar, or nothing.
    fn sound(&self) {
        let names = self.names();
        for name in names.iter().filter(|name| name.ends_with(".gpg")) {
            let verify = Command::new(env!("CARGO_BIN_EXE_veritar"))
                .arg("verify")
                .arg("--passphrase-file")
                .arg(self.root().join("passphrase"))
                .arg(self.target().join(name))
                .output()
                .unwrap();
            assert_eq!(verify.status.code(), Some(0), "{name}: {}", text(&verify));
            // Between the two names a run can die: the archive is good, and the next run says what it lacks.
        }
        for name in names.iter().filter_map(|name| name.strip_suffix(".manifest.json")) {
            assert!(names.iter().any(|other| other == name), "{name} has a sidecar and is not there: {names:?}");
        }
    }
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "never came: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_good_backup_gets_its_name_and_a_receipt() {
    let machine = Machine::new();
    let output = machine.backup(&["--name", "a", "--compress", "zstd:1", "--verbose"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(machine.log(), ["stop", "start"]);
    assert_eq!(machine.names(), ["a.tar.zst.gpg", "a.tar.zst.gpg.manifest.json"]);
    machine.sound();
    let receipt = std::fs::read(machine.target().join("a.tar.zst.gpg.manifest.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
    assert_eq!(receipt["product"], "swarm");
    assert_eq!(receipt["family"], "swarm-host_one");
    assert_eq!(receipt["facts"]["cluster"], "c1uster");
    assert_eq!(receipt["sealed"]["compression"], "zstd");
    assert_eq!(receipt["verified"], "as-written");
    assert_eq!(receipt["ran"][1]["command"], "stop");
    assert_eq!(receipt["ran"][2]["end"], "exit code 0");
    assert_eq!(receipt["report"]["archives"][0]["rules"][0]["id"], "swarm");
    let sha256 = Command::new("sha256sum").arg(machine.target().join("a.tar.zst.gpg")).output().unwrap().stdout;
    assert_eq!(receipt["digests"]["sha256"], String::from_utf8(sha256).unwrap().split(' ').next().unwrap());
    // Said before anything is stopped, for whoever has to put it right by hand.
    assert!(text(&output).contains("should veritar be killed, this starts the engine: start"), "{}", text(&output));
}

#[test]
fn a_name_is_the_product_the_version_the_host_and_the_time() {
    let machine = Machine::new();
    let output = machine.command(&["--unencrypted"]).args(["--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a passphrase and --unencrypted: {}", text(&output));
    let mut command = machine.program();
    command.args(["backup", "swarm", "--to"]).arg(machine.target()).env("TZ", "UTC-3");
    let output = command.args(["--stop-command", "stop", "--start-command", "start"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "nothing to encrypt to: {}", text(&output));
    assert_eq!(machine.log(), [""; 0]);
    let output = command.args(["--unencrypted", "--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let names = machine.names();
    let name = names[0].strip_prefix("swarm-20.10.24-host_one-").unwrap().strip_suffix("+0300.tar").unwrap();
    let seconds = name.parse::<i64>().unwrap() - jiff::Timestamp::now().as_second();
    assert!((-60..=0).contains(&seconds), "{names:?}");
    let printed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["archive"], names[0]);
    // Rooted as the manual's own command roots it.
    let listed = Command::new("tar").arg("-tf").arg(machine.target().join(&names[0])).output().unwrap();
    let first = String::from_utf8(listed.stdout).unwrap();
    let root = machine.root().join("docker/swarm");
    assert_eq!(first.lines().next().unwrap(), format!("{}/", root.to_str().unwrap().trim_start_matches('/')));
}

#[test]
fn a_dry_run_looks_and_touches_nothing() {
    let machine = Machine::new();
    let output = machine.backup(&["--name", "a", "--dry-run", "--read-back"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(machine.log(), [""; 0]);
    assert_eq!(std::fs::read_dir(machine.target()).unwrap().count(), 0);
    let printed = String::from_utf8(output.stdout).unwrap();
    for line in ["stop the engine: stop", "start the engine again, whatever happens: start", "a.tar.gpg", "docker info"]
    {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    assert!(!printed.contains(PASSPHRASE));
}

#[test]
fn what_does_not_pass_never_gets_a_name() {
    let machine = Machine::new();
    std::fs::remove_file(machine.root().join("docker/swarm/certificates/swarm-node.crt")).unwrap();
    let output = machine.backup(&["--name", "a"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(machine.log(), ["stop", "start"]);
    assert_eq!(machine.names(), ["a.tar.gpg.failed", "a.tar.gpg.failed.json"]);
    let report = std::fs::read(machine.target().join("a.tar.gpg.failed.json")).unwrap();
    let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["verdict"], "fail");
    assert_eq!(machine.backup(&["--name", "a", "--discard-failed"]).status.code(), Some(1));
    assert_eq!(machine.names(), ["a.tar.gpg.failed", "a.tar.gpg.failed.json"]);
    // A worker's directory is good for what it is, and no backup of a swarm.
    std::fs::write(machine.root().join("docker/swarm/certificates/swarm-node.crt"), "").unwrap();
    std::fs::remove_dir_all(machine.root().join("docker/swarm/raft")).unwrap();
    assert_eq!(machine.backup(&["--name", "b", "--discard-failed"]).status.code(), Some(1));
    assert_eq!(machine.names().len(), 2);
}

#[test]
fn engines_that_are_no_managers_are_not_stopped() {
    let machine = Machine::new();
    let info = std::fs::read_to_string(machine.root().join("info.json")).unwrap();
    for (from, to, said) in [
        ("\"ControlAvailable\":true", "\"ControlAvailable\":false", "worker"),
        ("\"active\"", "\"inactive\"", "no part of a swarm (inactive)"),
        ("\"ServerErrors\":[]", "\"ServerErrors\":[\"Cannot connect to the Docker daemon\"]", "Cannot connect"),
        ("{", "not JSON", "is this the docker client?"),
    ] {
        std::fs::write(machine.root().join("info.json"), info.replacen(from, to, 1)).unwrap();
        let output = machine.backup(&[]);
        assert_eq!(output.status.code(), Some(4), "{said}: {}", text(&output));
        assert!(text(&output).contains(said), "{said}: {}", text(&output));
        assert_eq!(machine.log(), [""; 0]);
        assert_eq!(machine.names(), [""; 0]);
    }
    machine.script("docker", "exit 3");
    assert_eq!(machine.backup(&[]).status.code(), Some(4));
    assert_eq!(machine.log(), [""; 0]);
}

#[test]
fn an_engine_that_does_not_stop_is_started_again() {
    let machine = Machine::new();
    machine.script("stop", "echo 'no such unit' >&2; exit 5");
    let output = machine.backup(&["--name", "a"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("no such unit"), "{}", text(&output));
    assert_eq!(machine.log(), ["stop", "start"]);
    assert_eq!(machine.names(), ["a.tar.gpg.failed.json"]);
}

#[test]
fn an_engine_that_does_not_come_back_is_told_beside_a_good_archive() {
    let machine = Machine::new();
    // It answers until it is stopped, and not again.
    machine.script("stop", "echo '{}' > \"$ROOT/info.json\"");
    let output = machine.backup(&["--name", "a"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert_eq!(machine.names(), ["a.tar.gpg", "a.tar.gpg.manifest.json"]);
    machine.sound();
    assert!(text(&output).contains("published, but something else went wrong"), "{}", text(&output));
}

#[test]
fn nothing_is_overwritten_and_nothing_stopped_for_it() {
    let machine = Machine::new();
    assert_eq!(machine.backup(&["--name", "a"]).status.code(), Some(0));
    let before = std::fs::read(machine.target().join("a.tar.gpg")).unwrap();
    let output = machine.backup(&["--name", "a"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("exists and is not overwritten"), "{}", text(&output));
    assert_eq!(machine.log(), ["stop", "start"]);
    assert_eq!(std::fs::read(machine.target().join("a.tar.gpg")).unwrap(), before);
}

#[test]
fn one_run_works_in_a_folder_at_a_time() {
    let machine = Machine::new();
    machine.script("stop", "while ! test -e \"$ROOT/go\"; do sleep 0.05; done");
    let first = machine.command(&["--name", "a"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the first stops the engine", || machine.log() == ["stop"]);
    let second = machine.backup(&["--name", "b"]);
    assert_eq!(second.status.code(), Some(4), "{}", text(&second));
    assert!(text(&second).contains("another run works in this folder"), "{}", text(&second));
    assert_eq!(machine.log(), ["stop"]);
    std::fs::write(machine.root().join("go"), "").unwrap();
    assert_eq!(first.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(machine.names(), ["a.tar.gpg", "a.tar.gpg.manifest.json"]);
}

#[test]
fn old_archives_go_once_a_newer_one_has_passed() {
    let machine = Machine::new();
    for name in ["a", "b", "c"] {
        assert_eq!(machine.backup(&["--name", name]).status.code(), Some(0));
    }
    // One that fails deletes nothing.
    let certificate = machine.root().join("docker/swarm/certificates/swarm-node.crt");
    let good = std::fs::read(&certificate).unwrap();
    std::fs::remove_file(&certificate).unwrap();
    assert_eq!(machine.backup(&["--name", "d", "--keep", "1", "--discard-failed"]).status.code(), Some(1));
    assert_eq!(machine.names().len(), 6);
    std::fs::write(&certificate, good).unwrap();
    let foretold = machine.backup(&["--name", "e", "--keep", "2", "--dry-run"]);
    assert!(text(&foretold).contains("delete "), "{}", text(&foretold));
    let output = machine.backup(&["--name", "e", "--keep", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let left: Vec<_> = machine.names().into_iter().filter(|name| name.ends_with(".gpg")).collect();
    assert_eq!(left, ["c.tar.gpg", "e.tar.gpg"]);
}

#[test]
fn a_directory_that_shrank_is_let_pass_once_by_its_severity() {
    let machine = Machine::new();
    let rules = machine.root().join("rules.toml");
    let text_of = "schema = 1\nid = \"mine\"\ntitle = \"mine\"\nproduct = \"swarm\"\n[archive]\nmin-size-ratio = 0.5\n\
                   [[entry]]\nid = \"any\"\npath = \"swarm/**\"\nseverity = \"info\"\n";
    std::fs::write(&rules, text_of).unwrap();
    let rules = ["--rules", rules.to_str().unwrap()];
    // Far more than all the rest.
    let large = machine.root().join("docker/swarm/large");
    std::fs::write(&large, vec![b'l'; 4 << 20]).unwrap();
    let output = machine.backup(&[&["--name", "a"], &rules[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    std::fs::remove_file(large).unwrap();
    for name in ["b", "c"] {
        let output = machine.backup(&[&["--name", name, "--discard-failed"], &rules[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(
            text(&output).contains("rule/shrunk") && text(&output).contains("previous  a.tar.gpg"),
            "{}",
            text(&output)
        );
    }
    let output = machine.backup(&[&["--name", "d", "--severity", "rule/shrunk=warning"], &rules[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = machine.backup(&[&["--name", "e"], &rules[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("previous  d.tar.gpg"), "{}", text(&output));
}

#[test]
fn archives_that_failed_go_once_there_are_newer_ones() {
    let machine = Machine::new();
    assert_eq!(machine.backup(&["--name", "good"]).status.code(), Some(0));
    machine.spoil();
    for name in ["a", "b", "c"] {
        assert_eq!(machine.backup(&["--name", name]).status.code(), Some(1));
    }
    let failed = || machine.names().into_iter().filter(|name| name.contains(".failed")).collect::<Vec<_>>();
    assert_eq!(failed().len(), 6, "nothing goes unless that is asked for");
    let foretold = machine.backup(&["--name", "d", "--keep-failed", "2", "--dry-run"]);
    assert!(
        text(&foretold).contains("delete ") && text(&foretold).contains("a.tar.gpg.failed\n"),
        "{}",
        text(&foretold)
    );
    let foretold = machine.backup(&["--name", "d", "--keep-failed", "1", "--dry-run", "--format", "json"]);
    let foretold: serde_json::Value = serde_json::from_slice(&foretold.stdout).unwrap();
    let at = |name: &str| machine.target().join(name).to_str().unwrap().to_owned();
    assert_eq!(foretold["due"], serde_json::json!([]));
    assert_eq!(foretold["due_failed"], serde_json::json!([at("a.tar.gpg.failed"), at("b.tar.gpg.failed")]));
    assert_eq!(failed().len(), 6, "foretelling deletes nothing");
    // One that fails.
    let output = machine.backup(&["--name", "d", "--keep-failed", "2"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("deleted   "), "{}", text(&output));
    assert_eq!(failed(), ["c.tar.gpg.failed", "c.tar.gpg.failed.json", "d.tar.gpg.failed", "d.tar.gpg.failed.json"]);
    // One that writes nothing and leaves its report.
    machine.script("stop", "exit 5");
    assert_eq!(machine.backup(&["--name", "e", "--keep-failed", "2"]).status.code(), Some(4));
    assert_eq!(failed(), ["d.tar.gpg.failed", "d.tar.gpg.failed.json", "e.tar.gpg.failed.json"]);
    // One that does not come so far leaves nothing, and deletes nothing.
    machine.script("docker", "exit 3");
    assert_eq!(machine.backup(&["--name", "f", "--keep-failed", "1"]).status.code(), Some(4));
    assert_eq!(failed().len(), 3);
    // What passed was never looked at.
    machine.sound();
    assert_eq!(machine.names().len(), 5);
}

#[test]
fn a_backup_that_passes_clears_what_failed_before() {
    let machine = Machine::new();
    let certificate = machine.root().join("docker/swarm/certificates/swarm-node.crt");
    let good = std::fs::read(&certificate).unwrap();
    machine.spoil();
    for name in ["a", "b"] {
        assert_eq!(machine.backup(&["--name", name]).status.code(), Some(1));
    }
    std::fs::write(&certificate, good).unwrap();
    let output = machine.backup(&["--name", "c", "--keep-failed", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let left = ["b.tar.gpg.failed", "b.tar.gpg.failed.json", "c.tar.gpg", "c.tar.gpg.manifest.json"];
    assert_eq!(machine.names(), left);
    for wrong in [&["--keep-failed", "0"][..], &["--keep-failed", "1", "--discard-failed"]] {
        assert_eq!(machine.backup(wrong).status.code(), Some(2), "{wrong:?}");
    }
    assert_eq!(machine.names(), left);
}

/// Killed or declined at each file that it deletes: what is left of an archive that failed has its report, and the next
/// run deletes it.
#[test]
fn faults_while_failed_archives_are_deleted_leave_none_that_nobody_knows() {
    let test = "produce::swarm::faults_while_failed_archives_are_deleted_leave_none_that_nobody_knows";
    if !program(test, "strace") {
        return;
    }
    for fault in ["error=EIO", "signal=KILL"] {
        let mut met = 0;
        for nth in 1..=8 {
            let machine = Machine::new();
            machine.spoil();
            for name in ["a", "b"] {
                assert_eq!(machine.backup(&["--name", name]).status.code(), Some(1));
            }
            let mut strace = Command::new("strace");
            strace
                .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=unlinkat", "-e"])
                .arg(format!("inject=unlinkat:{fault}:when={nth}"))
                .arg(env!("CARGO_BIN_EXE_veritar"));
            machine.arguments(&mut strace, &["--name", "c", "--keep-failed", "1"]);
            let output = strace.output().unwrap();
            let has = |name: &str| machine.names().iter().any(|there| there == name);
            for name in ["a", "b", "c"].map(|name| format!("{name}.tar.gpg.failed")) {
                assert!(!has(&name) || has(&format!("{name}.json")), "{fault} {nth}: {:?}", machine.names());
            }
            let is_whole = !["a", "b"].iter().any(|name| has(&format!("{name}.tar.gpg.failed.json")));
            met += usize::from(!is_whole);
            if output.status.code().is_some() {
                // It is not why there is no archive.
                assert_eq!(output.status.code(), Some(1), "{fault} {nth}: {}", text(&output));
                assert_eq!(
                    text(&output).contains("warning: failed to delete"),
                    !is_whole,
                    "{fault} {nth}: {}",
                    text(&output)
                );
            }
            assert_eq!(machine.backup(&["--name", "d", "--keep-failed", "1"]).status.code(), Some(1));
            assert_eq!(machine.names(), ["d.tar.gpg.failed", "d.tar.gpg.failed.json"], "{fault} {nth}");
        }
        assert!(met >= 3, "{fault}: {met} faults were met: does the injection still hit anything?");
    }
}

/// What failed before goes only once what came of this run is on the disk.
#[test]
fn nothing_that_failed_is_deleted_for_a_run_that_left_nothing_on_the_disk() {
    let test = "produce::swarm::nothing_that_failed_is_deleted_for_a_run_that_left_nothing_on_the_disk";
    if !program(test, "strace") {
        return;
    }
    let mut met = 0;
    for nth in 1..=6 {
        let machine = Machine::new();
        machine.spoil();
        assert_eq!(machine.backup(&["--name", "a"]).status.code(), Some(1));
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "-e"])
            .arg(format!("inject=fsync:error=EIO:when={nth}"))
            .arg(env!("CARGO_BIN_EXE_veritar"));
        machine.arguments(&mut strace, &["--name", "b", "--keep-failed", "1"]);
        let output = strace.output().unwrap();
        let has = |name: &str| machine.names().iter().any(|there| there == name);
        assert!(output.status.code().is_some(), "{nth}: {}", text(&output));
        if output.status.code() == Some(1) {
            assert!(has("b.tar.gpg.failed") && has("b.tar.gpg.failed.json"), "{nth}: {:?}", machine.names());
        } else {
            met += 1;
            assert!(has("a.tar.gpg.failed") && has("a.tar.gpg.failed.json"), "{nth}: {:?}", machine.names());
        }
    }
    assert!(met >= 2, "{met} faults were met: does the injection still hit anything?");
}

/// A signal at each step that a program takes: it comes from that program itself.
#[test]
fn a_signal_at_any_step_leaves_the_engine_running() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        for step in ["stop", "start", "docker"] {
            let machine = Machine::new();
            let at = if step == "docker" { "test -e \"$ROOT/stopped\" && " } else { "" };
            let body = format!("{at}kill -{signal} \"$PPID\"; sleep 0.2; cat \"$ROOT/info.json\"");
            machine.script(step, &body);
            if step == "docker" {
                machine.script("stop", "touch \"$ROOT/stopped\"");
            }
            let output = machine.backup(&["--name", "a"]);
            assert_eq!(output.status.code(), Some(code), "{signal} at {step}: {}", text(&output));
            assert_eq!(machine.log().last().unwrap(), "start", "{signal} at {step}: {:?}", machine.log());
            assert!(
                !machine.names().iter().any(|name| name == "a.tar.gpg"),
                "{signal} at {step}: {:?}",
                machine.names()
            );
            machine.sound();
        }
    }
}

/// Killed on the spot, veritar can do nothing more: its second process starts the engine.
#[test]
fn killed_at_any_step_the_engine_is_started_all_the_same() {
    for step in ["stop", "start"] {
        let machine = Machine::new();
        machine.script(step, "kill -KILL \"$PPID\"; sleep 0.2");
        let output = machine.backup(&["--name", "a"]);
        assert_eq!(output.status.signal(), Some(9), "{step}: {}", text(&output));
        wait_for("the guard starts the engine", || machine.log().iter().any(|line| line == "start"));
        assert!(!machine.names().iter().any(|name| name == "a.tar.gpg"), "{:?}", machine.names());
        machine.sound();
        // The next run removes what this one left.
        machine.script(step, "");
        wait_for("a good run", || machine.backup(&["--name", "b"]).status.code() == Some(0));
        assert_eq!(machine.names(), ["b.tar.gpg", "b.tar.gpg.manifest.json"], "{step}");
        machine.sound();
    }
}

/// The system declines at each call that makes a name or brings bytes to the disk; or veritar is killed there.
#[test]
fn faults_of_the_system_leave_no_partial_archive() {
    let test = "produce::swarm::faults_of_the_system_leave_no_partial_archive";
    if !program(test, "strace") {
        return;
    }
    let mut met = 0;
    for (calls, fault) in
        [("fsync,fdatasync", "error=EIO"), ("renameat2,linkat", "error=EIO"), ("fsync,renameat2,linkat", "signal=KILL")]
    {
        for nth in 1..=5 {
            let machine = Machine::new();
            let mut strace = Command::new("strace");
            strace
                .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")])
                .arg("-e")
                .arg(format!("inject={calls}:{fault}:when={nth}"))
                .arg(env!("CARGO_BIN_EXE_veritar"));
            machine.arguments(&mut strace, &["--name", "a"]);
            let output = strace.output().unwrap();
            let is_named = machine.names().iter().any(|name| name == "a.tar.gpg");
            if output.status.code() == Some(0) {
                assert!(is_named, "{calls} {nth}: {}", text(&output));
            } else {
                met += 1;
            }
            let log = machine.log();
            assert!(log.is_empty() || log.last().unwrap() == "start", "{calls} {fault} {nth}: {log:?}");
            machine.sound();
        }
    }
    assert!(met >= 8, "{met} faults were met: does the injection still hit anything?");
}

#[test]
fn a_file_that_may_not_grow_is_an_error_with_its_place() {
    let machine = Machine::new();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 16; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_veritar")]);
    machine.arguments(&mut command, &["--name", "a"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("ulimit -f"), "{}", text(&output));
    assert_eq!(machine.log(), ["stop", "start"]);
    assert!(!machine.names().iter().any(|name| name.ends_with(".gpg")), "{:?}", machine.names());
}

#[test]
fn no_secret_is_seen_while_it_runs_or_afterwards() {
    let machine = Machine::new();
    // The environment of veritar itself can be read by root alone.
    machine.script("stop", "for p in /proc/[0-9]*; do cat $p/cmdline; done > \"$ROOT/ps\"; cat /proc/$PPID/environ >> \"$ROOT/ps\"; cat /proc/self/environ >> \"$ROOT/ps\"");
    let output = machine.backup(&["--name", "a", "--verbose"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let seen = std::fs::read(machine.root().join("ps")).unwrap();
    assert!(seen.windows(6).any(|window| window == b"backup"), "the program itself is in the list");
    let secret = PASSPHRASE.as_bytes();
    for name in machine.names() {
        let bytes = std::fs::read(machine.target().join(name)).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }
    assert!(!seen.windows(secret.len()).any(|window| window == secret), "the passphrase is in the process list");
    assert!(!text(&output).contains(PASSPHRASE));
}
