//! A Swarm of Docker's own engine, made for the test: what it writes holds, with autolock and without; what is damaged in it
//! is found; and what is found whole, a second engine restores.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::raft::{Files, Node};
use crate::engine::{Engine, port};
use crate::support::program;

/// The files of the Swarm below `root`.
fn files(root: &Path) -> Files {
    let swarm = root.join("data/swarm");
    let mut files = Files::new();
    let mut folders = vec![swarm.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let mut content = std::fs::read(&path).unwrap();
                if path.extension().is_some_and(|extension| extension == "wal") {
                    let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                    content.truncate((used + 4096).next_multiple_of(512).min(content.len()));
                }
                files.insert(path.strip_prefix(&swarm).unwrap().to_str().unwrap().to_owned(), content);
            }
        }
    }
    files
}

fn secrets(engine: &Engine, from: usize, to: usize) {
    for number in from..to {
        engine.patiently(&["secret", "create", &format!("secret-{number}"), "-"], &format!("{number}").repeat(999));
    }
}

#[test]
fn a_swarm_of_docker_holds_and_its_damage_is_found() {
    let test = "swarm_live::a_swarm_of_docker_holds_and_its_damage_is_found";
    if !program(test, "dockerd") || !program(test, "docker") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("first");
    std::fs::create_dir(&root).unwrap();
    let Some(engine) = Engine::start(&root) else {
        println!("skipped {test}: dockerd does not run here");
        return;
    };
    let address = format!("127.0.0.1:{}", port());
    engine.patiently(&["swarm", "init", "--advertise-addr", &address, "--listen-addr", &address], "");
    secrets(&engine, 0, 3);
    engine.stop();

    // Young and unlocked: one file, no snapshot.
    let node = Node::read(&files(&root));
    assert_eq!(node.alone, ["swarm/key-in-clear"]);
    assert_eq!(node.found(&[]), []);
    assert!(node.fact(&[], "opened").unwrap() > 5);
    assert_eq!(node.fact(&[], "snapshot-index"), None);

    // Locked: a snapshot, and another key to the log.
    let engine = Engine::start(&root).unwrap();
    engine.patiently(&["swarm", "update", "--autolock=true"], "");
    let key = engine.patiently(&["swarm", "unlock-key", "-q"], "").trim().to_owned();
    secrets(&engine, 3, 5);
    std::thread::sleep(Duration::from_secs(2));
    engine.stop();
    let node = Node::read(&files(&root));
    assert_eq!(node.alone, [""; 0]);
    assert_eq!(node.found(&[&key]), []);
    assert!(node.fact(&[&key], "snapshot-index").unwrap() > 5);
    assert_eq!(node.found(&[]), [("swarm/unlock-key-needed", "swarm-node.key")]);
    let mut wrong = key.clone().into_bytes();
    wrong[20] = if wrong[20] == b'A' { b'B' } else { b'A' };
    let wrong = String::from_utf8(wrong).unwrap();
    assert_eq!(node.found(&[&wrong]), [("swarm/unlock-key-wrong", "swarm-node.key")]);

    // Many snapshots, and entries behind the last.
    let engine = Engine::start(&root).unwrap();
    engine.patiently(&["swarm", "unlock"], &format!("{key}\n"));
    engine.patiently(&["swarm", "update", "--snapshot-interval", "5"], "");
    secrets(&engine, 5, 20);
    engine.patiently(&["swarm", "update", "--snapshot-interval", "10000"], "");
    secrets(&engine, 20, 22);
    engine.stop();
    let whole = files(&root);
    let node = Node::read(&whole);
    assert_eq!(node.alone, [""; 0]);
    assert_eq!(node.found(&[&key]), []);
    let snapshot = node.fact(&[&key], "snapshot-index").unwrap();
    assert!(snapshot > 20 && node.fact(&[&key], "last-index").unwrap() > snapshot);

    damaged(&whole, &key);
    restored(&root, &folder.path().join("second"), &key);
}

/// One bit in each of many places, cuts and exchanges: each is found.
fn damaged(whole: &Files, key: &str) {
    let wal = whole.keys().find(|path| path.ends_with(".wal")).unwrap();
    let snap = whole.keys().find(|path| path.ends_with(".snap")).unwrap();
    let end = whole[wal].iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut small = whole.clone();
    small.retain(|path, _| path.starts_with("raft/") || path.ends_with(".key"));
    for (path, bytes, stride) in [(wal, end + 100, 509), (snap, whole[snap].len(), 251)] {
        for bit in (0..bytes * 8).step_by(stride) {
            let mut bad = small.clone();
            bad.get_mut(path).unwrap()[bit / 8] ^= 1 << (bit % 8);
            let node = Node::read(&bad);
            assert!(!node.alone.is_empty(), "{path}: bit {} of byte {}", bit % 8, bit / 8);
        }
    }
    for cut in (1000..end - 1).step_by(997) {
        let mut bad = small.clone();
        bad.get_mut(wal).unwrap().truncate(cut);
        let node = Node::read(&bad);
        assert!(!node.alone.is_empty() || !node.found(&[key]).is_empty(), "cut at {cut}");
    }
    let mut bad = small.clone();
    bad.remove(snap);
    assert!(!Node::read(&bad).found(&[key]).is_empty());
}

/// A second engine takes the folder that was found whole.
fn restored(root: &Path, second: &Path, key: &str) {
    std::fs::create_dir_all(second.join("data")).unwrap();
    let copied =
        Command::new("cp").arg("-a").arg(root.join("data/swarm")).arg(second.join("data/swarm")).status().unwrap();
    assert!(copied.success());
    let engine = Engine::start(second).unwrap();
    engine.patiently(&["swarm", "unlock"], &format!("{key}\n"));
    let listed = engine.patiently(&["secret", "ls", "--format", "{{.Name}}"], "");
    assert_eq!(listed.lines().count(), 22, "{listed}");
    engine.stop();
    let node = Node::read(&files(second));
    assert_eq!(node.found(&[key]), []);
}
