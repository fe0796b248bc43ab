//! Several backups from one plan.

use std::process::Output;

use super::swarm::Machine;

/// Two swarms stand in for two products: what is tried here is the order, and who begins after whom.
fn all(machine: &Machine, plan: &str, more: &[&str]) -> Output {
    let file = machine.root().join("plan.toml");
    let root = machine.root().display();
    std::fs::write(&file, plan.replace("ROOT", &root.to_string())).unwrap();
    let mut command = machine.program();
    command.args(["backup", "all", "--plan"]).arg(&file).args(more).output().unwrap()
}

const COMMON: &str = "[common]\nto = \"ROOT/backups\"\npassphrase-file = [\"ROOT/passphrase\"]\nthreads = 2\n";
const FIRST: &str =
    "[[swarm]]\nname = \"first\"\nstop-command = \"stop\"\nstart-command = \"start\"\nprefix = \"swarm\"\n";
const SECOND: &str = "[[swarm]]\nname = \"second\"\nlive = true\nleave-locked = false\n";

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_stands_in_a_plan_is_done_in_its_order() {
    let machine = Machine::new();
    let output = all(&machine, &format!("{COMMON}{FIRST}{SECOND}"), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["verdict"], "pass");
    assert_eq!(report["backups"][0]["archive"], "first.tar.gpg");
    assert_eq!(report["backups"][1]["archive"], "second.tar.gpg");
    assert!(report["backups"][1]["warnings"][0].as_str().unwrap().contains("--live"));
    assert_eq!(machine.log(), ["stop", "start"]);
    assert_eq!(machine.names().len(), 4);
}

#[test]
fn after_a_failure_nothing_begins_unless_asked_for() {
    let machine = Machine::new();
    let plan = format!("{COMMON}{FIRST}{SECOND}");
    machine.script("stop", "exit 1");
    let output = all(&machine, &plan, &[]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).contains("not begun: swarm"), "{}", text(&output));
    assert_eq!(machine.names(), ["first.tar.gpg.failed.json"]);
    let output = all(&machine, &plan, &["--keep-going"]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output));
    assert!(text(&output).starts_with("ERROR 1 of 2 backups published"), "{}", text(&output));
    let names: Vec<_> = machine.names().into_iter().filter(|name| name.starts_with("second")).collect();
    assert_eq!(names, ["second.tar.gpg", "second.tar.gpg.manifest.json"]);
}

#[test]
fn a_plan_takes_how_many_failed_archives_are_kept() {
    let machine = Machine::new();
    machine.script("stop", "exit 1");
    // A name that no earlier run has taken is not needed: reports of one name are numbered.
    let plan = format!("{COMMON}keep-failed = 2\n{FIRST}discard-failed = false\n");
    for _ in 0..4 {
        assert_eq!(all(&machine, &plan, &[]).status.code(), Some(4));
    }
    assert_eq!(machine.names().len(), 2, "{:?}", machine.names());
    let output = all(&machine, &plan.replace("keep-failed = 2", "keep-failed = 1"), &["--dry-run"]);
    assert!(text(&output).contains(".failed"), "{}", text(&output));
}

#[test]
fn a_plan_is_sound_before_anything_begins() {
    let machine = Machine::new();
    for (plan, said) in [
        (format!("{COMMON}{FIRST}[[swarm]]\nnmae = \"x\"\n"), "[swarm]: unexpected argument '--nmae' found"),
        (format!("{FIRST}{COMMON}[dtr2]\n"), "there is no backup \"dtr2\""),
        (COMMON.to_owned(), "holds no backup"),
        (format!("{COMMON}{FIRST}dry-run = true\n"), "--dry-run on the command line"),
        (format!("{FIRST}to = \"ROOT/backups\"\n"), "[swarm]: a backup holds keys and passwords"),
        ("[swarm".to_owned(), "is no TOML"),
        (format!("{COMMON}{FIRST}keep-failed = 0\n"), "'0' for '--keep-failed"),
        (format!("{COMMON}keep-failed = 2\n{FIRST}discard-failed = true\n"), "cannot be used with"),
        (format!("{COMMON}{FIRST}keep = 1.5\n"), "keep takes text, a number, true, or a list of them"),
    ] {
        let output = all(&machine, &plan, &[]);
        assert_eq!(output.status.code(), Some(2), "{plan}: {}", text(&output));
        assert!(text(&output).contains(said), "{plan}: {}", text(&output));
    }
    let output = all(&machine, &format!("{COMMON}{FIRST}{SECOND}"), &["--dry-run"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("second.tar.gpg"), "{}", text(&output));
    assert_eq!(machine.log(), [""; 0]);
    assert_eq!(machine.names(), [""; 0]);
}
