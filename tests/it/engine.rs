//! Docker's own engine, for tests that need a real swarm.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::executable;

/// An engine on a folder of its own; a test that fails leaves none behind.
pub struct Engine {
    root: PathBuf,
}

impl Engine {
    /// Starts an engine on `root`, which may hold a swarm already; `None` where the machine does not let it run.
    pub fn start(root: &Path) -> Option<Self> {
        std::fs::create_dir_all(root).unwrap();
        let engine = Self { root: root.to_owned() };
        engine.scripts();
        assert!(Command::new(engine.start_script()).status().unwrap().success());
        for _ in 0..300 {
            if engine.docker(&["version"], "").is_some() {
                return Some(engine);
            }
            if engine.log().contains("failed to start daemon") || engine.log().contains("Error starting daemon") {
                break;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        None
    }

    /// Two programs that start and stop the engine, as systemd would.
    fn scripts(&self) {
        let root = self.root.display();
        let start = format!(
            "#!/bin/sh\nsetsid dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=vfs --data-root \
             {root}/data --exec-root {root}/exec --pidfile {root}/pid --host {host} < /dev/null >> {root}/log 2>&1 &\n",
            host = self.host(),
        );
        // The pid file goes when the engine does.
        let stop = format!(
            "#!/bin/sh\npid=$(cat {root}/pid 2> /dev/null) || exit 0\nkill \"$pid\"\n\
             while test -e /proc/\"$pid\" && ! grep -q '^State:.Z' /proc/\"$pid\"/status; do sleep 0.05; done\n"
        );
        for (path, script) in [(self.start_script(), start), (self.stop_script(), stop)] {
            executable(&path, &script);
        }
    }

    pub fn start_script(&self) -> PathBuf {
        self.root.join("start")
    }

    pub fn stop_script(&self) -> PathBuf {
        self.root.join("stop")
    }

    /// Its address, as `docker --host` takes it.
    pub fn host(&self) -> String {
        format!("unix://{}", self.root.join("socket").display())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.root.join("log")).unwrap_or_default()
    }

    /// What a command prints, where it succeeds.
    pub fn docker(&self, words: &[&str], input: &str) -> Option<String> {
        let mut docker = Command::new("docker")
            .arg("--host")
            .arg(self.host())
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        docker.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = docker.wait_with_output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// The same, tried until the node leads its swarm.
    pub fn patiently(&self, words: &[&str], input: &str) -> String {
        for _ in 0..100 {
            if let Some(printed) = self.docker(words, input) {
                return printed;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        panic!("docker {words:?}: {}", self.log());
    }

    /// Stops it and waits for its end.
    pub fn stop(self) {
        self.halt();
        assert!(!self.root.join("pid").exists(), "{}", self.log());
    }

    /// Starts it again.
    pub fn resume(&self) {
        assert!(Command::new(self.start_script()).status().unwrap().success());
        self.patiently(&["version"], "");
    }

    /// Stops it.
    pub fn halt(&self) {
        let begun = Instant::now();
        let _ = Command::new(self.stop_script()).status();
        // What a script of ours only just started has no pid file yet.
        while self.root.join("pid").exists() && begun.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.halt();
        // What the engine mounted for its networks stays when it goes.
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        for mounted in mounts.lines().filter_map(|line| line.split(' ').nth(1)) {
            if Path::new(mounted).starts_with(&self.root) {
                let _ = Command::new("umount").arg(mounted).status();
            }
        }
    }
}

/// A port of this machine that nobody listens at now.
pub fn port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
