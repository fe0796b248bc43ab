//! UCP and DTR by Docker's own engine and client: their programs are small scripts in real containers.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::engine::{Engine, port};
use crate::support::{corpus, program, root};

const SECRET: &str = "an administrator's passphrase";

/// Does what UCP's program and DTR's are documented to do with these arguments, and says what it was given.
const SCRIPT: &str = r#"#!/bin/sh
echo "level=info msg=\"$*\"" >&2
file=/dev/stdout
for argument; do
    test "$before" = --file && file=/backup/$argument
    before=$argument
done
case "$UCP_PASSPHRASE$UCP_PASSWORD" in
    '') cat /data/ucp.tar > "$file" ;;
    "an administrator's passphrase") cat /data/dtr.tar ;;
    *) echo 'level=fatal msg="401 Unauthorized"' >&2; exit 1 ;;
esac
# The first process of a container does not hear SIGTERM.
test ! -e /data/slow || sleep 100
"#;

/// A system of a shell and three programs, as an image of this name.
fn image(engine: &Engine, folder: &Path, name: &str, slow: bool) -> Option<()> {
    let system = tempfile::tempdir_in(folder).unwrap();
    let put = |path: &Path, from: &Path| {
        let to = system.path().join(path.strip_prefix("/").unwrap());
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    for tool in ["sh", "cat", "sleep"] {
        let found = std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|folder| folder.join(tool))
            .find(|path| path.is_file())?;
        put(&Path::new("/bin").join(tool), &found);
        let libraries = Command::new("ldd").arg(&found).output().ok()?;
        for word in String::from_utf8(libraries.stdout).ok()?.split_whitespace().filter(|word| word.starts_with('/')) {
            put(Path::new(word), Path::new(word));
        }
    }
    put(Path::new("/data/ucp.tar"), &corpus().join("good/ucp-mke-3.4.5.tar"));
    put(Path::new("/data/dtr.tar"), &corpus().join("good/dtr-2.9.4-metadata.tar"));
    let script = folder.join("script");
    fs::write(&script, SCRIPT).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    put(Path::new("/bin/product"), &script);
    if slow {
        put(Path::new("/data/slow"), &script);
    }
    let archive = folder.join("system.tar");
    let mut builder = tar::Builder::new(fs::File::create(&archive).unwrap());
    builder.append_dir_all(".", system.path()).unwrap();
    builder.finish().unwrap();
    engine.docker(&["import", "-c", r#"ENTRYPOINT ["/bin/product"]"#, archive.to_str()?, name], "").map(drop)
}

/// An engine makes a folder of what it is to show to a container and is not there: it goes again.
struct Socket(bool);

impl Socket {
    const PATH: &str = "/var/run/docker.sock";

    fn remember() -> Self {
        Self(Path::new(Self::PATH).exists())
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.0 {
            // Where it is an empty folder no more, it is somebody else's.
            let _ = fs::remove_dir(Self::PATH);
        }
    }
}

/// The containers of an engine: they are removed before it ends, for what is mounted for them would stay.
struct Containers<'a>(&'a Engine);

impl Drop for Containers<'_> {
    fn drop(&mut self) {
        let listed = self.0.docker(&["container", "ls", "--all", "--quiet"], "").unwrap_or_default();
        let words: Vec<&str> = ["container", "rm", "--force"].into_iter().chain(listed.lines()).collect();
        if words.len() > 3 {
            self.0.docker(&words, "");
        }
    }
}

/// The program, against this engine.
fn veritar(engine: &Engine, folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_veritar"))
        .arg("backup")
        .args(arguments)
        .args(["--to", "target", "--host", &engine.host()])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(child: Child) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let said = String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap();
    assert!(!said.contains(SECRET));
    (status.code(), said)
}

/// The archives in the folder.
fn archives(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("target")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|ending| ending == "tar")).collect()
}

fn take(folder: &Path, good: &str) {
    let [archive] = &archives(folder)[..] else { panic!("{:?}", archives(folder)) };
    assert_eq!(fs::read(archive).unwrap(), fs::read(corpus().join(good)).unwrap());
    fs::remove_file(archive).unwrap();
}

#[test]
fn real_containers_are_found_run_and_ended() {
    const TEST: &str = "real_containers_are_found_run_and_ended";
    if !["dockerd", "docker", "ldd"].iter().all(|name| program(TEST, name)) {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let folder = home.path();
    let Some(engine) = Engine::start(&folder.join("engine")) else {
        println!("skipped {TEST}: no engine runs here");
        return;
    };
    let _socket = Socket::remember();
    let _containers = Containers(&engine);
    let runs = ["run", "--rm", "--entrypoint", "/bin/cat", "mirantis/ucp:3.4.5", "/dev/null"];
    if image(&engine, folder, "mirantis/ucp:3.4.5", false).is_none() || engine.docker(&runs, "").is_none() {
        println!("skipped {TEST}: no container runs here");
        return;
    }
    let address = format!("127.0.0.1:{}", port());
    engine.patiently(&["swarm", "init", "--advertise-addr", &address, "--listen-addr", &address], "");
    for tag in ["mirantis/ucp-agent:3.4.5", "mirantis/dtr:2.9.4", "mirantis/dtr-registry:2.9.4"] {
        engine.docker(&["tag", "mirantis/ucp:3.4.5", tag], "").unwrap();
    }
    for (name, image, more) in [
        ("ucp-proxy", "mirantis/ucp-agent:3.4.5", ["--label", "com.docker.ucp.version=3.4.5"]),
        ("dtr-registry-5eb9459a7832", "mirantis/dtr-registry:2.9.4", ["--env", "DTR_VERSION=2.9.4"]),
        ("dtr-rethink-5eb9459a7832", "mirantis/dtr-registry:2.9.4", ["--env", "HIDDEN=1"]),
    ] {
        let words =
            [&["run", "--detach", "--name", name], &more[..], &["--entrypoint", "/bin/sleep", image, "10000"]].concat();
        engine.docker(&words, "").unwrap();
    }
    fs::create_dir(folder.join("target")).unwrap();
    fs::create_dir(folder.join("shelf")).unwrap();
    for (file, content) in [("password", SECRET), ("wrong", "another password")] {
        fs::write(folder.join(file), content).unwrap();
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o600)).unwrap();
    }

    let (code, said) = end(veritar(&engine, folder, &["ucp", "--unencrypted", "--name", "one"]));
    assert_eq!(code, Some(0), "{said}");
    take(folder, "good/ucp-mke-3.4.5.tar");

    let (code, said) =
        end(veritar(&engine, folder, &["ucp", "--unencrypted", "--name", "two", "--via-folder", "shelf"]));
    assert_eq!(code, Some(0), "{said}");
    take(folder, "good/ucp-mke-3.4.5.tar");
    assert_eq!(fs::read_dir(folder.join("shelf")).unwrap().count(), 0);

    // The script takes the passphrase, and does not encrypt: no archive.
    let (code, said) = end(veritar(
        &engine,
        folder,
        &["ucp", "--name", "three", "--encrypt-by-product", "--passphrase-file", "password"],
    ));
    assert!(code != Some(0) && archives(folder).is_empty(), "{said}");

    let authority = root().join("tests/it/parts/pki/ucp-cluster-root-ca/cert.pem");
    let dtr = ["dtr", "--unencrypted", "--ucp-url", "ucp.example", "--ucp-username", "admin", "--ucp-ca"];
    for (password, wanted) in [("wrong", 4), ("password", 0)] {
        let more = [authority.to_str().unwrap(), "--ucp-password-file", password, "--name", password];
        let (code, said) = end(veritar(&engine, folder, &[&dtr[..], &more].concat()));
        assert_eq!(code, Some(wanted), "{said}");
        assert_eq!(said.contains("did not let this user in"), wanted == 4, "{said}");
    }
    take(folder, "good/dtr-2.9.4-metadata.tar");

    // A container that does not hear that it is to end is ended by the engine, and nothing of it stays.
    image(&engine, folder, "mirantis/ucp:3.4.6", true).unwrap();
    let child = veritar(&engine, folder, &["ucp", "--unencrypted", "--name", "five", "--ucp-version", "3.4.6"]);
    let begun = Instant::now();
    let is_there = || {
        engine
            .docker(&["container", "ls", "--all", "--format", "{{.Names}}"], "")
            .unwrap()
            .lines()
            .any(|name| name == "ucp")
    };
    while !is_there() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no container came");
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let (code, said) = end(child);
    assert_eq!(code, Some(143), "{said}");
    assert!(said.contains("container stop ucp"), "{said}");
    let begun = Instant::now();
    while is_there() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the container stays");
    }
    assert!(archives(folder).is_empty());
}
