//! A Kubernetes cluster, asked through `kubectl`: what is deployed there, and where a volume's data lies.
//!
//! Promises: what is asked changes nothing; names that `kubectl` could take for options are refused before it runs; a
//! volume that cannot be reached from here is explained. Refuses to know: what the volume holds.

use std::path::{Path, PathBuf};

use super::called::host;
use super::run::{self, Cause, Command};
use super::{Trouble, World};
use crate::report::{escaped, name};

/// How a cluster is reached.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// `kubectl`, with what it is always told.
    pub kubectl: Command,
    /// The context of the kubeconfig; `None` is the current one.
    pub context: Option<String>,
    /// The namespace; `None` is that of the context.
    pub namespace: Option<String>,
}

impl Default for Cluster {
    fn default() -> Self {
        Self { kubectl: Command::new("kubectl"), context: None, namespace: None }
    }
}

/// Where the data of a claim lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The PersistentVolume that is bound to the claim.
    pub name: String,
    /// The nodes it can be used on; none where any can.
    pub nodes: Vec<String>,
    /// What it is made of.
    pub kind: Kind,
}

/// What a PersistentVolume is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A directory of a node: `hostPath` or `local`.
    Directory(PathBuf),
    /// A directory that a server exports.
    Nfs {
        /// The server.
        server: String,
        /// Its path there.
        path: String,
    },
    /// A driver keeps it, where no path tells.
    Driver(String),
    /// A kind that is not known here.
    Other,
}

/// A line each, empty where the volume has none of it. What has only one of the fields is printed all the same.
const VOLUME: &str = r#"{.spec.hostPath.path}{"\n"}{.spec.local.path}{"\n"}{.spec.nfs.server}{"\n"}{.spec.nfs.path}{"\n"}{.spec.csi.driver}{"\n"}{.spec.nodeAffinity.required.nodeSelectorTerms[*].matchExpressions[*].values[*]}{"\n"}"#;

impl Cluster {
    /// `kubectl` with what leads to the cluster.
    pub(super) fn command(&self) -> Command {
        self.leading_to(self.kubectl.clone())
    }

    /// `command` with what leads to the cluster: the options of veritar are called as those of `kubectl`.
    pub(super) fn leading_to(&self, command: Command) -> Command {
        let mut command = command;
        for (option, value) in [("--context", &self.context), ("--namespace", &self.namespace)] {
            if let Some(value) = value {
                command = command.argument(option).argument(value);
            }
        }
        command
    }

    /// `kubectl get`, printed by a template.
    pub(super) fn get(&self, kind: &str, name: &str, template: &str) -> Command {
        self.command().arguments(["get", kind, name, "-o"]).argument(format!("jsonpath={template}"))
    }

    /// The context that is in force; `None` where there is none, as inside of a cluster.
    ///
    /// # Errors
    /// veritar was asked to stop, or there is no `kubectl`.
    pub(super) fn context(&self, world: &World) -> Result<Option<String>, Trouble> {
        if let Some(context) = &self.context {
            return Ok(Some(name(context.as_bytes())));
        }
        let command = self.kubectl.clone().arguments(["config", "current-context"]);
        match world.look("find out the current context", &command) {
            Ok(printed) => Ok(Some(name(printed.trim_ascii())).filter(|context| !context.is_empty())),
            Err(trouble) if has_answered(&trouble) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// Where the data of `claim` lies.
    ///
    /// # Errors
    /// It could not be found out, or the claim has no volume.
    pub fn volume(&self, claim: &str, world: &World) -> Result<Volume, Trouble> {
        check(claim, "PersistentVolumeClaim")?;
        let command = self.get("persistentvolumeclaim", claim, r#"{.spec.volumeName}{"\n"}{.status.phase}{"\n"}"#);
        let printed = world.look("find the volume of the claim", &command).map_err(|trouble| {
            advise(trouble, "`kubectl get persistentvolumeclaim --all-namespaces` lists the claims: give the right --claim and --namespace")
        })?;
        let lines = lines(&printed);
        let [volume, phase, ..] = lines.as_slice() else { return Err(unread(&command)) };
        if volume.is_empty() {
            return Err(Trouble::Refused(format!(
                "the PersistentVolumeClaim {claim} has no volume (it is {}): see with `kubectl describe persistentvolumeclaim {claim}` what it waits for",
                escaped(phase.as_bytes())
            )));
        }
        check(volume, "PersistentVolume")?;
        let command = self.get("persistentvolume", volume, VOLUME);
        let printed = world.look("find out where the volume lies", &command).map_err(|trouble| {
            advise(trouble, "volumes belong to no namespace: ask an administrator of the cluster to look, and give the directory itself with --directory")
        })?;
        Volume::parse(volume, &printed).ok_or_else(|| unread(&command))
    }
}

impl Volume {
    fn parse(volume: &str, printed: &[u8]) -> Option<Self> {
        let lines = lines(printed);
        let [host_path, local, server, path, driver, nodes, ..] = lines.as_slice() else { return None };
        let kind = match (host_path.as_str(), local.as_str(), server.as_str(), driver.as_str()) {
            ("", "", "", "") => Kind::Other,
            ("", "", "", driver) => Kind::Driver(driver.to_owned()),
            ("", "", server, _) => Kind::Nfs { server: server.to_owned(), path: path.clone() },
            ("", path, _, _) | (path, _, _, _) => Kind::Directory(path.into()),
        };
        let nodes = nodes.split_ascii_whitespace().map(str::to_owned).collect();
        Some(Self { name: volume.to_owned(), nodes, kind })
    }

    /// The directory with its data, as this machine has it.
    ///
    /// # Errors
    /// It cannot be reached from here: a sentence that says why, and the next step.
    pub fn directory(&self) -> Result<PathBuf, String> {
        self.directory_among(&std::fs::read("/proc/self/mountinfo").unwrap_or_default())
    }

    fn directory_among(&self, mounts: &[u8]) -> Result<PathBuf, String> {
        let volume = escaped(self.name.as_bytes());
        match &self.kind {
            Kind::Directory(path) if path.is_dir() => Ok(path.clone()),
            Kind::Directory(path) => {
                let nodes = if self.nodes.is_empty() { "one node".to_owned() } else { name(self.nodes.join(", ").as_bytes()) };
                let path = escaped(path.as_os_str().as_encoded_bytes());
                Err(format!(
                    "the volume {volume} is the directory {path} of {nodes}, which this machine ({}) does not have: run this on that node, or mount the directory here and give its path with --directory",
                    host()
                ))
            }
            Kind::Nfs { server, path } => mounted(mounts, server, path).ok_or_else(|| {
                let share = name(format!("{server}:{path}").as_bytes());
                format!(
                    "the volume {volume} is the NFS share {share}, which is not mounted here: mount it (`mount -t nfs -o ro {share} /mnt`) and give the path with --directory"
                )
            }),
            Kind::Driver(driver) => Err(format!(
                "the volume {volume} is kept by the driver {}, which tells no path: take a snapshot with its own means, or find where a node that runs the registry has it mounted, and give that path there with --directory",
                name(driver.as_bytes())
            )),
            Kind::Other => Err(format!(
                "the volume {volume} is neither a directory of a node nor an NFS share: see `kubectl describe persistentvolume {volume}`, and follow the best practices for that kind of storage"
            )),
        }
    }
}

/// Where the export of `server` that holds `path` is mounted, from the lines of proc(5)'s mountinfo.
fn mounted(mounts: &[u8], server: &str, path: &str) -> Option<PathBuf> {
    let wanted = Path::new(path);
    let mut best: Option<(usize, PathBuf)> = None;
    for line in mounts.split(|byte| *byte == b'\n') {
        let line = std::str::from_utf8(line).unwrap_or_default();
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let mut before = before.split(' ').skip(3);
        let (Some(root), Some(point)) = (before.next(), before.next()) else { continue };
        let mut after = after.split(' ');
        let (Some(kind), Some(source)) = (after.next(), after.next()) else { continue };
        let Some(export) = source.strip_prefix(server).and_then(|rest| rest.strip_prefix(':')) else { continue };
        // The root of a whole mount is `/`; of one folder of it that is mounted elsewhere, that folder.
        if !kind.starts_with("nfs") {
            continue;
        }
        let export = format!("{}{}", unescaped(export).trim_end_matches('/'), unescaped(root).trim_end_matches('/'));
        let Ok(rest) = wanted.strip_prefix(if export.is_empty() { "/" } else { &export }) else { continue };
        if best.as_ref().is_none_or(|(length, _)| *length < export.len()) {
            let point = PathBuf::from(unescaped(point));
            best = Some((export.len(), if rest.as_os_str().is_empty() { point } else { point.join(rest) }));
        }
    }
    best.map(|(_, path)| path)
}

/// Blanks and backslashes stand in octal there.
fn unescaped(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |field, (code, letter)| field.replace(code, letter))
}

/// Holds a name against what Kubernetes takes: lower-case letters, digits, dashes and dots, a letter or digit first.
pub(super) fn check(name: &str, what: &str) -> Result<(), Trouble> {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if name.bytes().all(is_good) && name.starts_with(|first: char| first.is_ascii_alphanumeric()) && name.len() <= 253 {
        return Ok(());
    }
    Err(Trouble::Usage(format!(
        "\"{}\" is no name of a {what}: give one of lower-case letters, digits, dashes and dots",
        crate::report::name(name.as_bytes())
    )))
}

/// Whether a program ran and said no, rather than that it could not be asked.
pub(super) fn has_answered(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Run(run::Trouble { cause: Cause::Exit(_), .. }))
}

/// Adds what to do to what a program said.
pub(super) fn advise(trouble: Trouble, next: &str) -> Trouble {
    if has_answered(&trouble) { Trouble::Refused(format!("{trouble}; {next}")) } else { trouble }
}

/// Lines, fit for nothing yet.
pub(super) fn lines(printed: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(printed).split('\n').map(|line| line.trim().to_owned()).collect()
}

pub(super) fn unread(command: &Command) -> Trouble {
    Trouble::Refused(format!("what `{}` printed is not what it was asked for: run it by hand", command.describe()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(printed: &[&str]) -> Volume {
        Volume::parse("pv", format!("{}\n", printed.join("\n")).as_bytes()).unwrap()
    }

    #[test]
    fn a_volume_is_what_its_fields_say() {
        for (printed, nodes, kind) in [
            (["/data", "", "", "", "", ""], 0, Kind::Directory("/data".into())),
            (["", "/disk", "", "", "", "node-1 node-2"], 2, Kind::Directory("/disk".into())),
            (
                ["", "", "10.0.0.1", "/export", "", ""],
                0,
                Kind::Nfs { server: "10.0.0.1".into(), path: "/export".into() },
            ),
            (["", "", "", "", "ebs.csi.aws.com", ""], 0, Kind::Driver("ebs.csi.aws.com".into())),
            (["", "", "", "", "", ""], 0, Kind::Other),
        ] {
            let volume = volume(&printed);
            assert_eq!((volume.nodes.len(), volume.kind), (nodes, kind));
        }
        assert_eq!(Volume::parse("pv", b""), None);
    }

    #[test]
    fn a_share_is_found_where_it_is_mounted() {
        let mounts = b"23 28 0:21 / /proc rw,nosuid - proc proc rw\n\
            60 28 0:50 / /mnt/all rw,relatime shared:7 - nfs4 nas:/export rw,vers=4.2\n\
            61 28 0:51 / /mnt/with\\040blank rw - nfs nas:/export/msr rw\n\
            62 28 0:50 /other /srv/other rw - nfs4 nas:/export rw\n\
            63 28 8:1 / /mnt/fake rw - ext4 nas:/export/msr/deep rw\n";
        for (server, path, found) in [
            ("nas", "/export/msr", Some("/mnt/with blank")),
            ("nas", "/export/msr/registry", Some("/mnt/with blank/registry")),
            ("nas", "/export/msr2", Some("/mnt/all/msr2")),
            ("nas", "/export", Some("/mnt/all")),
            ("nas", "/export/other/x", Some("/srv/other/x")),
            ("nas", "/elsewhere", None),
            ("na", "/export", None),
            ("nas2", "/export", None),
        ] {
            assert_eq!(mounted(mounts, server, path).as_deref(), found.map(Path::new), "{server}:{path}");
        }
    }

    #[test]
    fn what_cannot_be_reached_is_explained() {
        for (printed, said) in [
            (["/veritar/nowhere", "", "", "", "", "node-7"], "node-7"),
            (["", "", "nas", "/export", "", ""], "mount -t nfs -o ro nas:/export"),
            (["", "", "", "", "rbd.csi.ceph.com", ""], "rbd.csi.ceph.com"),
            (["", "", "", "", "", ""], "kubectl describe persistentvolume pv"),
        ] {
            let why = volume(&printed).directory_among(b"").unwrap_err();
            assert!(why.contains(said), "{why}");
        }
        assert_eq!(volume(&["/", "", "", "", "", ""]).directory_among(b""), Ok("/".into()));
    }

    #[test]
    fn names_that_are_options_are_refused() {
        for name in ["", "-n", "--all", "a b", "a/b", "A", "ä", "a\n"] {
            assert!(check(name, "claim").is_err(), "{name:?}");
        }
        for name in ["msr", "my-msr.2", "0"] {
            assert!(check(name, "claim").is_ok(), "{name:?}");
        }
    }
}
