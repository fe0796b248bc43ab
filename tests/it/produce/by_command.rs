//! `veritar backup ucp` and `dtr` as they are typed, with stand-ins for `docker` and `curl` in PATH.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::stage::StandIn;
use crate::support::{corpus, program};

const PASSPHRASE: &str = "twelve or more, by all means";
const PASSWORD: &str = "an administrator's password";
const RUN: [&str; 9] = [
    "container",
    "run",
    "--rm",
    "--log-driver",
    "none",
    "--name",
    "ucp",
    "-v",
    "/var/run/docker.sock:/var/run/docker.sock",
];

/// A manager's machine: a folder for archives, files with secrets, and programs.
struct Machine {
    docker: StandIn,
    home: tempfile::TempDir,
}

impl Machine {
    /// With MKE 3.4.5, whose program does what `script` says.
    fn ucp(more: &[&str], script: &str) -> Self {
        let mut docker = StandIn::new("docker");
        docker.prints(
            &["info", "--format", "{{json .}}"],
            r#"{"Name":"node-1","ServerVersion":"20.10.24","SecurityOptions":["name=selinux"]}"#,
        );
        docker.prints(
            &["container", "ls", "--all", "--filter", "name=ucp", "--format", "{{.Names}}"],
            "ucp-proxy\nucp-controller\n",
        );
        docker.prints(
            &["container", "inspect", "ucp-proxy"],
            r#"[{"Config":{"Image":"mirantis/ucp-agent:3.4.5","Labels":{"com.docker.ucp.version":"3.4.5"}}}]"#,
        );
        docker.knows(&[&RUN[..], &["--security-opt", "label=disable"], more].concat(), script);
        Self::with(docker)
    }

    /// With a replica of MSR 2.9.4.
    fn dtr(trust: &[&str], script: &str) -> Self {
        let mut docker = StandIn::new("docker");
        Self::add_dtr(&mut docker, trust, script);
        Self::with(docker)
    }

    fn add_dtr(docker: &mut StandIn, trust: &[&str], script: &str) {
        docker.prints(
            &["container", "ls", "--filter", "name=dtr-", "--format", "{{.Names}}"],
            "dtr-registry-5eb9459a7832\ndtr-rethink-5eb9459a7832\n",
        );
        docker.prints(
            &["container", "inspect", "dtr-registry-5eb9459a7832"],
            r#"[{"Config":{"Image":"mirantis/dtr-registry:2.9.4","Env":["DTR_VERSION=2.9.4"]}}]"#,
        );
        let begin =
            ["run", "--log-driver", "none", "-i", "--rm", "--env", "UCP_PASSWORD", "mirantis/dtr:2.9.4", "backup"];
        let who = ["--ucp-url", "https://ucp.example", "--ucp-username", "admin"];
        docker.knows(&[&begin[..], &who, trust, &["--existing-replica-id", "5eb9459a7832"]].concat(), script);
    }

    fn with(docker: StandIn) -> Self {
        let machine = Self { docker, home: tempfile::tempdir().unwrap() };
        for (file, secret) in [("passphrase", PASSPHRASE), ("password", PASSWORD)] {
            let path = machine.home.path().join(file);
            fs::write(&path, format!("{secret}\n")).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::create_dir(machine.target()).unwrap();
        machine
    }

    fn target(&self) -> std::path::PathBuf {
        self.home.path().join("target")
    }

    /// What is in the target folder, but for the lock.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.target()).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".veritar.lock");
        names.sort_unstable();
        names
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.command_with(arguments);
        command.args(["--to", "target"]);
        command
    }

    fn command_with(&self, arguments: &[&str]) -> Command {
        let mut path = std::ffi::OsString::from(self.docker.folder());
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_veritar"));
        command.arg("backup").args(arguments).current_dir(self.home.path()).env("PATH", path);
        command.env("HOME", self.home.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String) {
        self.end(self.command(arguments).spawn().unwrap())
    }

    /// The exit code (128 and its number for a signal that killed) and all that was said, in which no secret is.
    fn end(&self, child: Child) -> (i32, String) {
        use std::os::unix::process::ExitStatusExt as _;
        let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
        let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
        let written = self.names().into_iter().map(|name| fs::read(self.target().join(name)).unwrap());
        for bytes in written.chain([said.clone().into_bytes(), self.docker.seen().into_bytes()]) {
            for secret in [PASSPHRASE, PASSWORD] {
                assert!(memchr::memmem::find(&bytes, secret.as_bytes()).is_none());
            }
        }
        (status.code().unwrap_or_else(|| 128 + status.signal().unwrap()), said)
    }
}

/// What everybody can see of all processes while this one waits.
fn nobody_shows(secrets: &[&str]) {
    let mut seen = 0;
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        if !entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit) {
            continue;
        }
        let Ok(line) = fs::read(entry.path().join("cmdline")) else { continue };
        seen += 1;
        for secret in secrets {
            let shown = String::from_utf8_lossy(&line);
            assert!(memchr::memmem::find(&line, secret.as_bytes()).is_none(), "{shown}");
        }
    }
    assert!(seen > 1);
}

fn wait_for(path: &Path) {
    let until = Instant::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(Instant::now() < until, "{} never came", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// It says that it began, and waits until it may go on.
const WAITS: &str = "touch \"$here/begun\"; while ! test -e \"$here/go\"; do sleep 0.05; done; ";

fn good() -> String {
    format!("cat '{}'", corpus().join("good/ucp-mke-3.4.5.tar").display())
}

#[test]
fn ucp_is_sealed_here_and_opened_by_gpg() {
    let machine = Machine::ucp(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"], &good());
    let (code, said) = machine.run(&["ucp", "--passphrase-file", "passphrase", "--read-back"]);
    assert_eq!(code, 0, "{said}");
    let names = machine.names();
    assert!(names[0].starts_with("ucp-3.4.5-node-1-") && names[0].ends_with(".tar.gpg"), "{names:?}");
    assert_eq!(names[1], format!("{}.manifest.json", names[0]));
    if !program("ucp_is_sealed_here_and_opened_by_gpg", "gpg") {
        return;
    }
    let gnupg = machine.home.path().join("gnupg");
    fs::create_dir(&gnupg).unwrap();
    fs::set_permissions(&gnupg, fs::Permissions::from_mode(0o700)).unwrap();
    let opened = Command::new("gpg")
        .arg("--homedir")
        .arg(&gnupg)
        .args(["--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase-file"])
        .arg(machine.home.path().join("passphrase"))
        .arg("--decrypt")
        .arg(machine.target().join(&names[0]))
        .output()
        .unwrap();
    assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
    assert_eq!(opened.stdout, fs::read(corpus().join("good/ucp-mke-3.4.5.tar")).unwrap());
}

#[test]
fn no_process_shows_a_secret_while_the_product_works() {
    let product = "mirantis/ucp:3.4.5";
    let machine = Machine::ucp(
        &["--env", "UCP_PASSPHRASE", product, "backup"],
        &format!("{WAITS}head -c 5000000 /dev/zero; echo \"bad: $UCP_PASSPHRASE\" >&2; exit 1"),
    );
    let child = machine.command(&["ucp", "--encrypt-by-product", "--passphrase-file", "passphrase"]).spawn().unwrap();
    wait_for(&machine.docker.folder().join("begun"));
    nobody_shows(&[PASSPHRASE]);
    machine.docker.keep("go", b"");
    let (code, said) = machine.end(child);
    assert!(code == 4 && said.contains("bad: [secret]"), "{code}: {said}");
    let [failed, report] = &machine.names()[..] else { panic!("{:?}", machine.names()) };
    assert!(failed.ends_with(".tar.gpg.failed") && report.ends_with(".tar.gpg.failed.json"));

    let machine = Machine::dtr(
        &["--ucp-insecure-tls"],
        &format!("{WAITS}cat '{}'", corpus().join("good/dtr-2.9.4-metadata.tar").display()),
    );
    let child = machine
        .command(&["dtr", "--ucp-url", "https://ucp.example", "--ucp-username", "admin", "--ucp-insecure-tls"])
        .args(["--ucp-password-file", "password", "--passphrase-file", "passphrase"])
        .spawn()
        .unwrap();
    wait_for(&machine.docker.folder().join("begun"));
    nobody_shows(&[PASSPHRASE, PASSWORD]);
    machine.docker.keep("go", b"");
    let (code, said) = machine.end(child);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("certificate was not checked"), "{said}");
    assert!(machine.names()[0].starts_with("dtr-2.9.4-5eb9459a7832-"));
}

#[test]
fn the_product_encrypts_where_that_is_asked_for() {
    let archive = corpus().join("good/ucp-mke-3.4.5.tar.pgp");
    let machine = Machine::ucp(
        &["--env", "UCP_PASSPHRASE", "mirantis/ucp:3.4.5", "backup"],
        &format!("cat '{}'", archive.display()),
    );
    fs::copy(corpus().join("passphrase"), machine.home.path().join("passphrase")).unwrap();
    let (code, said) = machine.run(&["ucp", "--encrypt-by-product", "--passphrase-file", "passphrase"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(fs::read(machine.target().join(&machine.names()[0])).unwrap(), fs::read(archive).unwrap());
}

#[test]
fn a_dry_run_runs_nothing_and_writes_nothing() {
    let machine = Machine::ucp(&["--env", "UCP_PASSPHRASE", "mirantis/ucp:3.4.5", "backup"], "exit 70");
    let (code, said) = machine.run(&["ucp", "--encrypt-by-product", "--passphrase-file", "passphrase", "--dry-run"]);
    assert_eq!(code, 0, "{said}");
    let line =
        [&["UCP_PASSPHRASE='[secret]'", "docker"], &RUN[..], &["--security-opt", "label=disable"]].concat().join(" ");
    assert!(said.contains(&format!("{line} --env UCP_PASSPHRASE mirantis/ucp:3.4.5 backup")), "{said}");
    assert!(machine.names().is_empty() && !machine.docker.was_run(" run "));
}

#[test]
fn options_that_contradict_are_usage() {
    let machine = Machine::ucp(&[], "exit 70");
    let dtr = [
        "dtr",
        "--unencrypted",
        "--ucp-url",
        "u.example",
        "--ucp-username",
        "admin",
        "--ucp-password-file",
        "password",
    ];
    let cases: [(&[&str], &[&str]); 7] = [
        (&["ucp", "--encrypt-by-product", "--unencrypted"], &[]),
        (&["ucp", "--encrypt-by-product", "--passphrase-file", "passphrase", "--compress", "gzip"], &[]),
        (&["ucp"], &[]),
        (&dtr, &[]),
        (&dtr, &["--ucp-insecure-tls", "--ucp-ca", "passphrase"]),
        (&dtr, &["--ucp-ca", "none"]),
        (&dtr, &["--ucp-ca", "password"]),
    ];
    for (arguments, more) in cases {
        let (code, said) = machine.run(&[arguments, more].concat());
        assert_eq!(code, 2, "{arguments:?} {more:?}: {said}");
        assert!(
            machine.names().is_empty() && machine.docker.seen().is_empty(),
            "{arguments:?}: {}",
            machine.docker.seen()
        );
    }
}

#[test]
fn exit_codes_tell_a_bad_archive_from_a_program_that_failed() {
    let half = format!("head -c 50000 '{}'", corpus().join("good/ucp-mke-3.4.5.tar").display());
    for (script, wanted) in [
        (half.clone(), 1),
        ("exit 0".to_owned(), 1),
        (format!("{}; exit 1", good()), 4),
        (format!("{}; kill -KILL $$", good()), 4),
    ] {
        let machine = Machine::ucp(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"], &script);
        let (code, said) = machine.run(&["ucp", "--unencrypted"]);
        assert_eq!(code, wanted, "{script}: {said}");
        for name in machine.names() {
            assert!(name.contains(".tar.failed"), "{name}");
        }
    }
}

#[test]
fn a_plan_backs_up_ucp_before_dtr() {
    let mut machine = Machine::ucp(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"], &good());
    let metadata = format!("cat '{}'", corpus().join("good/dtr-2.9.4-metadata.tar").display());
    Machine::add_dtr(&mut machine.docker, &["--ucp-insecure-tls"], &metadata);
    let plan = "[dtr]\nucp-url = \"https://ucp.example\"\nucp-username = \"admin\"\nucp-password-file = \"password\"\n\
                ucp-insecure-tls = true\n[ucp]\nselinux = \"yes\"\n[common]\nto = \"target\"\npassphrase-file = \"passphrase\"\n";
    fs::write(machine.home.path().join("plan.toml"), plan).unwrap();
    let child = machine.command_with(&["all", "--plan", "plan.toml"]).spawn().unwrap();
    let (code, said) = machine.end(child);
    assert_eq!(code, 0, "{said}");
    let (ucp, dtr) = (said.find("have UCP write its backup"), said.find("have DTR write its metadata"));
    assert!(ucp.is_some() && ucp < dtr, "{said}");
    assert_eq!(machine.names().iter().filter(|name| name.ends_with(".tar.gpg")).count(), 2);
}

#[test]
fn a_signal_ends_the_product_and_leaves_no_archive() {
    for (signal, wanted) in [("TERM", 143), ("INT", 130), ("KILL", 137)] {
        let script = format!("echo $$ > \"$here/product\"; {}; {WAITS}", good());
        let machine = Machine::ucp(&["mirantis/ucp:3.4.5", "backup", "--no-passphrase"], &script);
        let child = machine.command(&["ucp", "--unencrypted"]).spawn().unwrap();
        wait_for(&machine.docker.folder().join("begun"));
        let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let (code, said) = machine.end(child);
        assert_eq!(code, wanted, "{signal}: {said}");
        for name in machine.names() {
            assert!(name.contains(".tar.failed") || name.starts_with('.'), "{signal}: {name}");
        }
        // Even where veritar itself could not end it.
        let product = fs::read_to_string(machine.docker.folder().join("product")).unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while Path::new("/proc").join(product.trim()).exists() {
            assert!(Instant::now() < until, "{signal}: the product goes on");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
