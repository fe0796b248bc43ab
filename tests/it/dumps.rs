//! No core dump is written of the program, and what is read by a descriptor's name can be read all the same.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::cli::scratch;
use crate::produce::swarm::Machine;
use crate::support::{corpus, program};

/// A shell that works in `folder`, lifts the limit on core dumps, and becomes the program that follows.
fn without_limit(folder: &Path) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited && exec \"$@\"", "sh"]).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Sends the signal until the program has ended: the first SIGSEGV that no fault raised is what Rust's own handler lets go.
fn killed(mut child: Child, signal: &str) -> ExitStatus {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let _ = Command::new("kill").args(["-s", signal, &child.id().to_string()]).stderr(Stdio::null()).status();
        std::thread::sleep(Duration::from_millis(20));
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < until, "{signal} does not end it");
    }
}

fn wait_for(path: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < until, "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn killed_with_secrets_in_its_memory_it_leaves_no_core() {
    for (signal, number) in [("ABRT", 6), ("SEGV", 11)] {
        let folder = scratch();
        let control =
            without_limit(folder.path()).args(["sh", "-c", &format!("kill -s {signal} $$")]).status().unwrap();
        if !control.core_dumped() {
            println!("skipped killed_with_secrets_in_its_memory_it_leaves_no_core: no program leaves a core here");
            return;
        }
        let machine = Machine::new();
        machine.script(
            "stop",
            "ulimit -c > \"$ROOT/limit\"; touch \"$ROOT/begun\"; while ! test -e \"$ROOT/go\"; do echo waiting; sleep 0.05; done",
        );
        let folder = scratch();
        let mut command = without_limit(folder.path());
        command.arg(env!("CARGO_BIN_EXE_veritar"));
        machine.arguments(&mut command, &["--name", "a"]);
        let child = command.spawn().unwrap();
        wait_for(&machine.root().join("begun"));
        let status = killed(child, signal);
        std::fs::write(machine.root().join("go"), "").unwrap();
        assert_eq!(status.signal(), Some(number), "{status}");
        assert!(!status.core_dumped(), "{status}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // What it started may leave one.
        assert_eq!(std::fs::read_to_string(machine.root().join("limit")).unwrap(), "unlimited\n");
    }
}

/// `/proc/self` of such a process belongs to root.
#[test]
fn descriptors_are_read_by_name_without_roots_rights() {
    let test = "descriptors_are_read_by_name_without_roots_rights";
    if !program(test, "bash") {
        return;
    }
    let folder = scratch();
    let put = |from: &str, mode: u32| {
        let path = folder.path().join(Path::new(from).file_name().unwrap());
        std::fs::copy(corpus().join(from), &path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    put("good/ucp-mke-3.4.5.tar", 0o644);
    put("kept/ucp-mke-3.4.5.tar.gpg", 0o644);
    put("passphrase", 0o644);
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    if is_root && !program(test, "setpriv") {
        return;
    }
    let bash = |script: &str| {
        let mut command = Command::new(if is_root { "setpriv" } else { "bash" });
        if is_root {
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "bash"]);
        }
        command.args(["-c", script]).current_dir(folder.path()).env("HOME", folder.path()).env_remove("VERITAR_RULES");
        command.env_remove("XDG_CONFIG_HOME").env("V", env!("CARGO_BIN_EXE_veritar")).output().unwrap()
    };
    if !bash("\"$V\" --version").status.success() {
        println!("skipped {test}: nobody else may run {}", env!("CARGO_BIN_EXE_veritar"));
        return;
    }
    for script in [
        "\"$V\" verify - < ucp-mke-3.4.5.tar",
        "cat ucp-mke-3.4.5.tar | \"$V\" verify -",
        "\"$V\" verify /dev/stdin < ucp-mke-3.4.5.tar",
        "cat ucp-mke-3.4.5.tar | \"$V\" verify /dev/stdin",
        "\"$V\" verify /dev/fd/7 7< ucp-mke-3.4.5.tar",
        "\"$V\" verify /proc/self/fd/7 7< <(cat ucp-mke-3.4.5.tar)",
        "\"$V\" verify <(cat ucp-mke-3.4.5.tar)",
        "\"$V\" verify ucp-mke-3.4.5.tar.gpg --passphrase-file <(cat passphrase)",
        "\"$V\" verify ucp-mke-3.4.5.tar.gpg --passphrase-file /dev/stdin < passphrase",
        "\"$V\" verify ucp-mke-3.4.5.tar.gpg --passphrase-fd 9 9< <(cat passphrase)",
        "\"$V\" verify ucp-mke-3.4.5.tar --report json=/dev/fd/8 8> /dev/null",
    ] {
        let output = bash(script);
        let said = [output.stdout, output.stderr].concat();
        assert_eq!(output.status.code(), Some(0), "{script}: {}", String::from_utf8_lossy(&said));
    }
}
