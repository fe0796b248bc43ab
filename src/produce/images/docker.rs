//! The volume of a DTR replica, found through the Docker engine of the node it runs on.
//!
//! ```text
//! container dtr-rethink…-ID ──► replica ──► container dtr-registry-ID: version, mounts ──► volume ──► mountpoint
//! ```
//! The manual names three volumes: `dtr-registry-ID`, and with NFS `dtr-nfs-registry-ID` or `dtr-registry-nfs-ID`. A replica
//! that was moved to NFS may have an old one beside the one in use: what the registry has mounted counts.
//!
//! Promises: what is asked changes nothing; names that `docker` could take for options are refused before it runs; a volume
//! that this machine does not have is explained. Refuses to know: what the volume holds.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Found;
use crate::produce::called::host;
use crate::produce::kubernetes::{advise, has_answered, lines, unread};
use crate::produce::run::Command;
use crate::produce::{Trouble, World};
use crate::report::name;

/// What `docker volume inspect` prints of a volume.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Volume {
    name: String,
    mountpoint: PathBuf,
    #[serde(default)]
    driver: String,
    /// `null` where there are none.
    options: Option<std::collections::BTreeMap<String, String>>,
}

/// What `docker container inspect` prints of a container, as far as it matters.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Container {
    config: Config,
    mounts: Option<Vec<Mount>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Config {
    env: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Mount {
    name: String,
}

/// Finds the volume that was given, or that of the replica.
pub(super) fn find(
    docker: &Command,
    volume: Option<&str>,
    replica: Option<&str>,
    world: &World,
) -> Result<Found, Trouble> {
    let engine = Engine { docker, world };
    if let Some(replica) = replica
        && !is_replica(replica)
    {
        return Err(Trouble::Usage(format!(
            "\"{}\" is no replica of DTR: give its 12 hexadecimal digits, as in the name of the container dtr-registry-…",
            name(replica.as_bytes())
        )));
    }
    if let Some(volume) = volume {
        check_volume(volume)?;
        let Some(replica) = replica.or_else(|| replica_of(volume)) else {
            return Ok(Found { whose: volume.to_owned(), family: family(volume), ..engine.volume(volume)? });
        };
        let registry = engine.registry(replica)?;
        return engine.found(volume, replica, registry.as_ref());
    }
    let replica = replica.map_or_else(|| engine.replica(), |replica| Ok(replica.to_owned()))?;
    let registry = engine.registry(&replica)?;
    let volume = engine.volume_of(&replica, registry.as_ref())?;
    engine.found(&volume, &replica, registry.as_ref())
}

struct Engine<'a> {
    docker: &'a Command,
    world: &'a World,
}

impl Engine<'_> {
    fn command<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Command {
        self.docker.clone().arguments(words)
    }

    /// The replica that runs on this node.
    fn replica(&self) -> Result<String, Trouble> {
        let command = self.command(["ps", "--filter", "name=dtr-rethink", "--format", "{{.Names}}"]);
        let printed = self.world.look("find the replica of DTR", &command)?;
        let mut replicas: Vec<String> =
            lines(&printed).iter().filter_map(|line| Some(replica_of(line)?.to_owned())).collect();
        replicas.sort_unstable();
        replicas.dedup();
        match replicas.as_slice() {
            [replica] => Ok(replica.clone()),
            [] => Err(Trouble::Refused(
                "no container named dtr-rethink… runs here: run this on a node with a replica of DTR, or give --replica, --volume or --directory".to_owned(),
            )),
            several => Err(Trouble::Usage(format!(
                "several replicas of DTR are seen from here ({}): give the one whose images are meant with --replica, on the node it runs on",
                several.join(", ")
            ))),
        }
    }

    /// The registry of the replica; `None` where it does not exist any more, or not here.
    fn registry(&self, replica: &str) -> Result<Option<Container>, Trouble> {
        let command = self.command(["container", "inspect", &format!("dtr-registry-{replica}")]);
        match self.world.look("look at the registry of the replica", &command) {
            Ok(printed) => {
                let containers: Vec<Container> = serde_json::from_slice(&printed).map_err(|_| unread(&command))?;
                Ok(containers.into_iter().next())
            }
            // A volume outlives its container.
            Err(trouble) if has_answered(&trouble) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The name of the replica's volume.
    fn volume_of(&self, replica: &str, registry: Option<&Container>) -> Result<String, Trouble> {
        let candidates = names(replica);
        let mut mounted = registry.iter().flat_map(|registry| registry.mounts.iter().flatten());
        if let Some(mount) = mounted.find(|mount| candidates.contains(&mount.name)) {
            return Ok(mount.name.clone());
        }
        let command = self.command(["volume", "ls", "--quiet", "--filter", &format!("name={replica}")]);
        let printed = self.world.look("find the volume with the images", &command)?;
        let there: Vec<String> = lines(&printed).into_iter().filter(|line| candidates.contains(line)).collect();
        match there.as_slice() {
            [volume] => Ok(volume.clone()),
            [] => Err(Trouble::Refused(format!(
                "the replica {replica} has no volume with images here ({}): run this on the node of the replica; if DTR has its images in the storage of a cloud provider, back them up by that provider's means",
                candidates.join(", ")
            ))),
            several => Err(Trouble::Usage(format!(
                "the replica {replica} has several volumes ({}), and its registry does not run to tell which one it uses: give the volume with --volume",
                several.join(", ")
            ))),
        }
    }

    /// The volume of a replica.
    fn found(&self, volume: &str, replica: &str, registry: Option<&Container>) -> Result<Found, Trouble> {
        let mut found = self.volume(volume)?;
        found.version = registry.and_then(Container::version);
        replica.clone_into(&mut found.whose);
        found.family = family(volume);
        found.facts.push(("replica", replica.to_owned()));
        Ok(found)
    }

    /// Where the data of a volume lies on this machine.
    fn volume(&self, volume: &str) -> Result<Found, Trouble> {
        let command = self.command(["volume", "inspect", volume]);
        let printed = self.world.look("find where the volume lies", &command).map_err(|trouble| {
            advise(
                trouble,
                "`docker volume ls` lists the volumes of this node: give the right one, or the directory itself",
            )
        })?;
        let volumes: Vec<Volume> = serde_json::from_slice(&printed).map_err(|_| unread(&command))?;
        let Some(found) = volumes.into_iter().find(|found| found.name == volume) else { return Err(unread(&command)) };
        found.is_here()?;
        let shown = |text: &str| name(text.as_bytes());
        let mut facts = vec![("volume-driver", shown(&found.driver))];
        let options = found.options.unwrap_or_default();
        facts.extend(options.get("device").map(|device| ("volume-device", shown(device))));
        // Where the driver is another than Docker's own, nothing says where volumes are.
        let parent = found.mountpoint.parent().filter(|parent| parent.file_name() == Some(OsStr::new(volume)));
        Ok(Found {
            volumes: parent.and_then(Path::parent).map(Path::to_path_buf),
            volume: Some(found.name),
            facts,
            ..Found::at(found.mountpoint)
        })
    }
}

impl Volume {
    /// Whether its data can be read on this machine.
    fn is_here(&self) -> Result<(), Trouble> {
        let (volume, path) = (name(self.name.as_bytes()), name(self.mountpoint.as_os_str().as_encoded_bytes()));
        let found = self.mountpoint.metadata().map_err(|error| {
            Trouble::Refused(match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    format!("failed to look at {path}, where the volume {volume} lies: {error}; run this as root")
                }
                _ => format!(
                    "the volume {volume} lies in {path}, which this machine does not have ({error}): docker speaks with the engine of another machine (DOCKER_HOST, a context, a client bundle); run this on the node of the replica"
                ),
            })
        })?;
        let is_share = self.options.as_ref().is_some_and(|options| {
            options.get("type").is_some_and(|kind| kind.starts_with("nfs") || kind.starts_with("cifs"))
        });
        let above = self.mountpoint.parent().and_then(|parent| parent.metadata().ok());
        if is_share && above.is_some_and(|above| above.dev() == found.dev()) {
            return Err(Trouble::Refused(format!(
                "the volume {volume} is a share, which Docker mounts on {path} only while a container uses it, and none does: start DTR, or mount the share and give --directory and --volume"
            )));
        }
        Ok(())
    }
}

impl Container {
    /// What it was told to be.
    fn version(&self) -> Option<String> {
        let variables = self.config.env.iter().flatten();
        let version = variables.filter_map(|variable| variable.strip_prefix("DTR_VERSION=")).next()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte);
        (!version.is_empty() && version.bytes().all(is_plain)).then(|| version.to_owned())
    }
}

/// What the manual calls the volumes of a replica.
fn names(replica: &str) -> [String; 3] {
    ["dtr-registry", "dtr-nfs-registry", "dtr-registry-nfs"].map(|kind| format!("{kind}-{replica}"))
}

/// What archives of a volume are kept together for: one of a replica's is known by its name, any other by its machine as well.
pub(super) fn family(volume: &str) -> String {
    replica_of(volume).map_or_else(|| format!("{}/{volume}", host()), |_| volume.to_owned())
}

/// The replica at the end of a name.
fn replica_of(name: &str) -> Option<&str> {
    name.rsplit('-').next().filter(|last| is_replica(last))
}

fn is_replica(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Holds a name against what Docker takes for a volume.
pub(super) fn check_volume(volume: &str) -> Result<(), Trouble> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if volume.bytes().all(is_good) && volume.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(Trouble::Usage(format!(
        "\"{}\" is no name of a volume: give it as `docker volume ls` lists it",
        name(volume.as_bytes())
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_the_end_of_a_name() {
        for (name, found) in [
            ("dtr-rethinkdb-1a2b3c4d5e6f", Some("1a2b3c4d5e6f")),
            ("node-1/dtr-rethinkdb-1a2b3c4d5e6f", Some("1a2b3c4d5e6f")),
            ("dtr-rethinkdb", None),
            ("dtr-rethinkdb-1A2B3C4D5E6F", None),
            ("", None),
        ] {
            assert_eq!(replica_of(name), found, "{name}");
        }
    }

    #[test]
    fn the_version_stands_in_the_environment() {
        for (variables, found) in [
            (r#"["PATH=/bin","DTR_VERSION=2.9.4"]"#, Some("2.9.4")),
            (r#"["DTR_VERSION="]"#, None),
            (r#"["DTR_VERSION=2.9\n4"]"#, None),
            ("null", None),
        ] {
            let text = format!(r#"{{"Id":"x","Config":{{"Env":{variables}}},"Mounts":[]}}"#);
            let container: Container = serde_json::from_str(&text).unwrap();
            assert_eq!(container.version().as_deref(), found, "{variables}");
        }
        assert!(serde_json::from_str::<Container>("{}").unwrap().version().is_none());
    }
}
