//! A swarm of Docker's own engine, backed up by the program and restored into a second engine.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::engine::{Engine, port};
use crate::support::program;

const PASSPHRASE: &str = "seven brave otters";

/// The program, with everything a backup of `engine` needs.
fn backup(engine: &Engine, target: &Path, more: &[&str]) -> Output {
    backup_with(engine, engine.start_script().to_str().unwrap(), target, more)
}

fn backup_with(engine: &Engine, start: &str, target: &Path, more: &[&str]) -> Output {
    let passphrase = target.parent().unwrap().join("passphrase");
    std::fs::write(&passphrase, format!("{PASSPHRASE}\n")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_veritar"))
        .args(["backup", "swarm", "--prefix", "swarm", "--compress", "gzip", "--read-back"])
        .arg("--host")
        .arg(engine.host())
        .arg("--stop-command")
        .arg(engine.stop_script())
        .arg("--start-command")
        .arg(start)
        .arg("--to")
        .arg(target)
        .arg("--passphrase-file")
        .arg(&passphrase)
        .args(more)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What lies in the folder under names that are not hidden.
fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<PathBuf> =
        entries.filter(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.')).collect();
    names.sort();
    names
}

/// Restores as the manual says, with gpg and tar: into an empty root, with the first engine gone and its address taken
/// over, unlocked where it was locked, a new cluster of one. What the second engine then has; the first is back afterwards.
fn restored(engine: &mut Engine, archive: &Path, root: &Path, address: &str, key: Option<&str>) -> Vec<String> {
    engine.halt();
    let data = root.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let home = root.join("gnupg");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let script = format!(
        "gpg --homedir '{}' --batch --quiet --pinentry-mode loopback --passphrase-file '{}' --decrypt '{}' | tar -xzf - -C '{}'",
        home.display(),
        archive.parent().unwrap().parent().unwrap().join("passphrase").display(),
        archive.display(),
        data.display(),
    );
    assert!(Command::new("sh").arg("-c").arg(script).status().unwrap().success());
    let second = Engine::start(root).unwrap();
    if let Some(key) = key {
        second.patiently(&["swarm", "unlock"], &format!("{key}\n"));
        // The engine (20.10.24) makes no new cluster of a swarm that is locked at its start, as this one would be again.
        second.patiently(&["swarm", "update", "--autolock=false"], "");
    }
    let init = ["swarm", "init", "--force-new-cluster", "--advertise-addr", address, "--listen-addr", address];
    second.patiently(&init, "");
    let objects = objects(&second);
    second.stop();
    engine.resume();
    if let Some(key) = key {
        engine.patiently(&["swarm", "unlock"], &format!("{key}\n"));
    }
    objects
}

/// All objects of a swarm, by kind, identifier and name.
fn objects(engine: &Engine) -> Vec<String> {
    let mut objects = Vec::new();
    for kind in ["secret", "config", "service"] {
        let listed = engine.patiently(&[kind, "ls", "--format", "{{.ID}} {{.Name}}"], "");
        objects.extend(listed.lines().map(|line| format!("{kind} {line}")));
    }
    objects.sort();
    objects
}

#[test]
fn a_swarm_that_was_backed_up_is_restored_by_a_second_engine() {
    let test = "swarm_live::a_swarm_that_was_backed_up_is_restored_by_a_second_engine";
    if !["dockerd", "docker", "gpg", "setsid"].iter().all(|name| program(test, name)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (target, first) = (folder.path().join("backups"), folder.path().join("first"));
    std::fs::create_dir(&target).unwrap();
    let Some(mut engine) = Engine::start(&first) else {
        println!("skipped {test}: dockerd does not run here");
        return;
    };
    let address = format!("127.0.0.1:{}", port());
    engine.patiently(&["swarm", "init", "--advertise-addr", &address, "--listen-addr", &address], "");
    engine.patiently(&["secret", "create", "database-password", "-"], "swordfish");
    engine.patiently(&["config", "create", "site", "-"], "listen 80");
    engine.patiently(
        &["service", "create", "--detach", "--no-resolve-image", "--replicas", "0", "--name", "web", "nginx"],
        "",
    );
    let known = objects(&engine);
    assert_eq!(known.len(), 3, "{known:?}");

    // Unlocked.
    let output = backup(&engine, &target, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(objects(&engine), known, "the engine runs again");
    let published = names(&target);
    assert_eq!(published.len(), 2, "{published:?}");
    let name = published[0].file_name().unwrap().to_str().unwrap();
    let version = engine.patiently(&["version", "--format", "{{.Server.Version}}"], "");
    assert!(name.starts_with(&format!("swarm-{}-", version.trim())) && name.ends_with(".tar.gz.gpg"), "{name}");
    let receipt: serde_json::Value = serde_json::from_slice(&std::fs::read(&published[1]).unwrap()).unwrap();
    assert_eq!(receipt["facts"]["engine"], version.trim());
    assert_eq!(receipt["facts"]["advertise-address"], "127.0.0.1");
    assert_eq!(receipt["verdict"], "pass");
    assert_eq!(receipt["read_back"], true);
    let second = restored(&mut engine, &published[0], &folder.path().join("second"), &address, None);
    assert_eq!(second, known);

    locked(&mut engine, folder.path(), &target, &address, &known);
    start_fails(&engine, folder.path(), &target, &known);
    engine.stop();
}

/// Autolocked: a key that is missing or wrong is told before anything is stopped; the right one unlocks the swarm again.
fn locked(engine: &mut Engine, folder: &Path, target: &Path, address: &str, known: &[String]) {
    engine.patiently(&["swarm", "update", "--autolock=true"], "");
    let key = engine.patiently(&["swarm", "unlock-key", "-q"], "").trim().to_owned();
    let before = names(target);
    let output = backup(engine, target, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("--unlock-key-file"), "{}", text(&output));
    let file = folder.join("unlock-key");
    let mut wrong = key.clone().into_bytes();
    wrong[20] = if wrong[20] == b'A' { b'B' } else { b'A' };
    std::fs::write(&file, &wrong).unwrap();
    let options = ["--unlock-key-file", file.to_str().unwrap()];
    let output = backup(engine, target, &options);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("no unlock key opens"), "{}", text(&output));
    assert!(!text(&output).contains("stop the engine:"), "{}", text(&output));
    assert_eq!(names(target), before);
    assert_eq!(objects(engine), known, "nothing was stopped");

    std::fs::write(&file, format!("{key}\n")).unwrap();
    let output = backup(engine, target, &options);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(!text(&output).contains(&key[20..]), "the key is in the output");
    assert_eq!(objects(engine), known, "the swarm is unlocked again");
    let after: Vec<_> = names(target).into_iter().filter(|path| !before.contains(path)).collect();
    let sidecar = std::fs::read_to_string(&after[1]).unwrap();
    assert!(!sidecar.contains(&key[20..]) && !sidecar.contains(PASSPHRASE), "a secret is in the receipt");
    assert_eq!(restored(engine, &after[0], &folder.join("third"), address, Some(&key)), known);
    engine.patiently(&["swarm", "update", "--autolock=false"], "");
}

/// The engine does not start again: the archive is good and has its name, and nobody can overlook the rest.
fn start_fails(engine: &Engine, folder: &Path, target: &Path, known: &[String]) {
    let before = names(target);
    let broken = folder.join("does not start");
    let output = backup_with(engine, &format!("sh -c 'exit 7' '{}'", broken.display()), target, &[]);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains("FAILED TO START THE ENGINE AGAIN"), "{text}");
    assert!(text.contains(&format!("\n    sh -c 'exit 7' '{}'\n", broken.display())), "{text}");
    assert_eq!(engine.docker(&["version"], ""), None, "it stands still");
    let after: Vec<_> = names(target).into_iter().filter(|path| !before.contains(path)).collect();
    let receipt: serde_json::Value = serde_json::from_slice(&std::fs::read(&after[1]).unwrap()).unwrap();
    assert_eq!(receipt["verdict"], "pass");
    assert!(receipt["troubles"][0].as_str().unwrap().contains("exit code 7"), "{receipt}");
    assert!(Command::new(engine.start_script()).status().unwrap().success());
    assert_eq!(objects(engine), known);
}
