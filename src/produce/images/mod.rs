//! The images of a registry: the directory its storage lies in, as a tar.
//!
//! ```text
//! docker volume ──┐
//! claim ──────────┼──► a directory of this machine ──► looked through ──► pack ──► out
//! directory ──────┘
//! ```
//! The archive of a volume is unpacked where volumes are (`tar -xf FILE -C /var/lib/docker/volumes`), so its members begin
//! with the volume's name. A directory that is no volume's has no other place to go back to than one like itself: its
//! members begin with `./`. The receipt says where to unpack, either way.
//!
//! A push writes blobs first, then the links of layers, of the manifest, of the tag. In descending order of names the archive
//! takes them the other way round (`repositories` before `blobs`, `tags` before `revisions`, `_manifests` before `_layers`), so
//! that whatever a link in it leads to was there before, and is taken after: a registry that goes on taking pushes gives a whole
//! archive. Only what deletes, as garbage collection does, must stand still; where it did not, the verifier finds out.
//!
//! Promises: a directory that is no registry's storage is refused before anything is written; what changed while it was
//! packed is told, with what that means. Refuses to know: whether the blobs are whole; the verifier reads along.

mod docker;
mod storage;

use std::io::Write;
use std::path::{Path, PathBuf};

use super::called::{called, host};
use super::kubernetes::Cluster;
use super::pack::{self, Changed, Skipped, pack};
use super::run::Command;
use super::{Form, Made, Planned, Producer, Survey, Trouble, World};
use crate::report::{escaped, name};

/// Paths in one sentence.
const MOST_PATHS: usize = 3;

/// What is backed up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the images are.
    pub place: Place,
    /// The folder the archive goes to: it must not lie among the images. `None` where that is known.
    pub target: Option<PathBuf>,
}

/// Where images are.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a volume of this node's Docker engine.
    Volume {
        /// `docker`, with what it is always told.
        docker: Command,
        /// The volume; `None` is the one that the replica's registry uses.
        volume: Option<String>,
        /// The replica of DTR, 12 hexadecimal digits; `None` is the one that runs on this node.
        replica: Option<String>,
    },
    /// In a directory that is known.
    Directory {
        /// The one with `docker/registry/v2` in it.
        path: PathBuf,
        /// The volume it is the data of, where it is one's; it is then unpacked like that.
        volume: Option<String>,
    },
    /// In the PersistentVolume of a claim.
    Claim {
        /// How the cluster is reached.
        cluster: Cluster,
        /// The claim: MSR 3 names it as the installation is named.
        claim: String,
    },
}

/// Where images are, and whose.
#[derive(Debug, Clone, Default)]
struct Found {
    /// The directory with `docker/registry/v2` in it.
    directory: PathBuf,
    /// The volume it is the data of.
    volume: Option<String>,
    /// The directory with all volumes.
    volumes: Option<PathBuf>,
    /// Replica, volume, claim or host: for the archive's name.
    whose: String,
    /// What archives are kept together for.
    family: String,
    /// The version of the product.
    version: Option<String>,
    facts: Vec<(&'static str, String)>,
    warnings: Vec<String>,
}

/// Backs up the images of a registry.
#[derive(Debug)]
pub struct Images {
    options: Options,
    found: Option<Found>,
}

impl Images {
    /// A backup with these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, found: None }
    }

    fn find(&self, world: &World) -> Result<Found, Trouble> {
        match &self.options.place {
            Place::Volume { docker, volume, replica } => {
                docker::find(docker, volume.as_deref(), replica.as_deref(), world)
            }
            Place::Directory { path, volume } => {
                volume.as_deref().map_or(Ok(()), docker::check_volume)?;
                // A name that is typed with a link or dots in it is no name for what is kept together.
                let real = path.canonicalize().unwrap_or_else(|_| path.clone());
                let shown = name(real.as_os_str().as_encoded_bytes());
                Ok(Found {
                    whose: volume.clone().unwrap_or_else(host),
                    family: volume.as_deref().map_or_else(|| format!("{}{shown}", host()), docker::family),
                    volume: volume.clone(),
                    ..Found::at(path.clone())
                })
            }
            Place::Claim { cluster, claim } => {
                let context = cluster.context(world)?.unwrap_or_default();
                let volume = cluster.volume(claim, world)?;
                let directory = volume.directory().map_err(Trouble::Refused)?;
                let elsewhere = !volume.nodes.is_empty() && !volume.nodes.contains(&host());
                let warning = format!(
                    "the volume {} belongs to {}, and this machine is called {}: make sure that its directory here is the same one",
                    volume.name,
                    name(volume.nodes.join(", ").as_bytes()),
                    host()
                );
                Ok(Found {
                    whose: claim.clone(),
                    family: format!("{context}/{claim}/{}", volume.name),
                    facts: vec![("claim", claim.clone()), ("persistent-volume", volume.name)],
                    warnings: elsewhere.then_some(warning).into_iter().collect(),
                    ..Found::at(directory)
                })
            }
        }
    }

    /// Whether the archive would be packed into itself.
    fn target_is_apart(&self, directory: &Path) -> Result<(), Trouble> {
        let Some(target) = &self.options.target else { return Ok(()) };
        let (Ok(inside), Ok(outside)) = (target.canonicalize(), directory.canonicalize()) else { return Ok(()) };
        if !inside.starts_with(&outside) {
            return Ok(());
        }
        Err(Trouble::Usage(format!(
            "the target folder {} lies among the images in {}: give one elsewhere, on another disk at best",
            shown(target),
            shown(directory)
        )))
    }
}

impl Found {
    fn at(directory: PathBuf) -> Self {
        Self { directory, ..Self::default() }
    }

    /// What the root is called in the archive.
    fn prefix(&self) -> Vec<u8> {
        self.volume.as_ref().map(|volume| format!("{volume}/_data").into_bytes()).unwrap_or_default()
    }

    /// Where it is to be unpacked.
    fn unpack_into(&self) -> String {
        match (&self.volume, &self.volumes) {
            (Some(_), Some(volumes)) => shown(volumes),
            (Some(_), None) => "/var/lib/docker/volumes".to_owned(),
            (None, _) => format!("{}, or the directory that takes its place", shown(&self.directory)),
        }
    }

    fn options<'a>(&self, world: &'a World) -> pack::Options<'a> {
        pack::Options { prefix: self.prefix(), descending: true, stop: Some(&world.stop), ..pack::Options::default() }
    }

    fn says(&self) -> String {
        let prefix = self.prefix();
        let root = if prefix.is_empty() { b".".to_vec() } else { prefix };
        format!("pack {} as {}", shown(&self.directory), escaped(&root))
    }
}

impl Producer for Images {
    fn word(&self) -> &'static str {
        "images"
    }

    fn survey(&mut self, world: &World) -> Result<Survey, Trouble> {
        let found = self.find(world)?;
        self.target_is_apart(&found.directory)?;
        let layout = storage::layout(&found.directory)?;
        let estimate = pack::estimate(&found.directory, &found.options(world));
        world.may_go_on()?;
        let expected_bytes = estimate.map_err(|error| storage::unreadable(&found.directory, &error))?;
        let version = found.version.clone().unwrap_or_default();
        let mut survey = Survey {
            name: called(&["images", &version, &found.whose], world),
            family: format!("images/{}", found.family),
            facts: vec![
                ("directory", shown(&found.directory)),
                ("layout", layout.to_owned()),
                ("unpack-into", found.unpack_into()),
            ],
            warnings: found.warnings.clone(),
            expected_bytes: Some(expected_bytes),
            form: Form::Tar,
        };
        survey.facts.extend(found.facts.iter().cloned());
        survey.facts.extend(found.volume.clone().map(|volume| ("volume", volume)));
        survey.facts.extend(found.version.clone().map(|version| ("version", version)));
        self.found = Some(found);
        Ok(survey)
    }

    fn plan(&self) -> Vec<Planned> {
        self.found.iter().map(|found| Planned::own(found.says())).collect()
    }

    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        let Some(found) = &self.found else {
            return Err(Trouble::Refused("nobody looked where the images are; please report this".to_owned()));
        };
        world.say(&format!("to {}", found.says()));
        let packed = pack(&found.directory, &found.options(world), out)?;
        let warnings = changes(&packed.changed).into_iter().chain(omissions(&packed.skipped)).collect();
        Ok(Made { facts: vec![("members", packed.members.to_string())], warnings, troubles: Vec::new() })
    }
}

/// What it means that something changed meanwhile.
fn changes(changed: &[Changed]) -> Option<String> {
    let listed = listed(changed.iter().map(|one| format!("{} {}", name(&one.path), one.how)), changed.len())?;
    Some(format!(
        "the registry was in use: {listed}. Images that were pushed meanwhile may not be in this archive, and a metadata backup of another moment may know others; what was deleted meanwhile, an image may miss: take both while nobody pushes, and never while garbage collection runs"
    ))
}

fn omissions(skipped: &[Skipped]) -> Option<String> {
    let listed = listed(skipped.iter().map(|one| format!("{}: {}", name(&one.path), one.why)), skipped.len())?;
    Some(format!(
        "not all of the directory is in the archive: {listed}. No image needs these, as a rule: see that yours do not"
    ))
}

/// The first few, and how many more.
fn listed(all: impl Iterator<Item = String>, count: usize) -> Option<String> {
    let mut listed = all.take(MOST_PATHS).collect::<Vec<_>>().join("; ");
    if count > MOST_PATHS {
        listed = format!("{listed}; and {} more", count - MOST_PATHS);
    }
    (count > 0).then_some(listed)
}

fn shown(path: &Path) -> String {
    name(path.as_os_str().as_encoded_bytes())
}
