//! Swarm: a manager's directory, packed while its engine stands still.
//!
//! The steps are those of the engine's manual, "Back up the swarm": stop the engine, archive the directory, start the
//! engine again; and `docker swarm unlock` where the swarm is autolocked.
//!
//! Promises: the engine is started again whatever happens, before anything else is waited for; an unlock key is proved
//! right before anything is stopped; what changes while the engine stands still ends the backup. Refuses to know: how the
//! archive is sealed and judged.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::called::{called, plain};
use super::pack::{self, Packed, pack};
use super::run::{Command, Steps, Undo};
use super::{Made, Planned, Producer, Survey, Trouble, World};
use crate::probe::raft::{Key, UnlockKey};
use crate::report::{name, sentence};
use crate::secret::Secret;

/// Bytes of a node's key file past which it is something else.
const KEY_FILE_BYTES: u64 = 1 << 20;

/// How a Swarm is backed up.
#[derive(Debug, Clone)]
pub struct Swarm {
    /// The program that asks the engine, with what it always needs: `docker`, `docker -H unix:///…`.
    pub docker: Command,
    /// What stops the engine.
    pub stop: Command,
    /// What starts it.
    pub start: Command,
    /// The directory; `None` asks the engine.
    pub directory: Option<PathBuf>,
    /// What the directory is called in the archive; `None` for its path, as the manual's `tar` has it.
    pub prefix: Option<Vec<u8>>,
    /// Whether the engine goes on while its directory is read.
    pub live: bool,
    /// Unlock keys of an autolocked swarm: the one that opens it is taken.
    pub unlock_keys: Vec<Secret>,
    /// Whether an autolocked swarm may stay locked after the engine was started again.
    pub leave_locked: bool,
    /// How long the engine may take to answer after its start.
    pub patience: Duration,
    /// What the survey found.
    pub(crate) found: Option<Found>,
}

/// What the survey found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    directory: PathBuf,
    prefix: Vec<u8>,
    /// What the engine must be unlocked with after its start, where it is to be.
    unlock: Option<Secret>,
}

impl Swarm {
    /// As the manual has it: the engine of this machine, stopped and started by systemd.
    #[must_use]
    pub fn new() -> Self {
        Self {
            docker: Command::new("docker"),
            stop: Command::new("systemctl").arguments(["stop", "docker"]),
            start: Command::new("systemctl").arguments(["start", "docker"]),
            directory: None,
            prefix: None,
            live: false,
            unlock_keys: Vec::new(),
            leave_locked: false,
            patience: Duration::from_mins(2),
            found: None,
        }
    }

    fn info(&self) -> Command {
        self.docker.clone().arguments(["info", "--format", "{{json .}}"])
    }

    fn unlock(&self, key: &Secret) -> Command {
        let mut line = key.reveal().to_vec();
        line.push(b'\n');
        self.docker.clone().arguments(["swarm", "unlock"]).standard_input(Secret::new(line))
    }

    fn steps(&self) -> Steps {
        let undo = Undo { says: "start the engine again".to_owned(), command: self.start.clone() };
        Steps::new().step_and_undo("stop the engine", self.stop.clone(), undo)
    }

    fn options<'a>(&self, found: &Found, world: &'a World) -> pack::Options<'a> {
        pack::Options { prefix: found.prefix.clone(), stop: Some(&world.stop), ..pack::Options::default() }
    }

    /// Packs with the engine stopped, and has it running again before anything else.
    fn pack_at_rest(
        &self,
        found: &Found,
        world: &World,
        out: &mut dyn Write,
        made: &mut Made,
    ) -> Result<Packed, Trouble> {
        world.say(&format!("should veritar be killed, this starts the engine: {}", self.start.describe()));
        let undoing = world.steps(&self.steps())?;
        let packed = pack(&found.directory, &self.options(found, world), out);
        let started = undoing.now();
        let back = match started {
            // Who asked veritar to stop wants the engine back all the more.
            Ok(_) => self.come_back(found, &world.undisturbed()),
            Err(trouble) => Err(trouble.into()),
        };
        match (packed, back) {
            (Ok(packed), back) => {
                made.troubles.extend(back.err());
                if let Some(first) = packed.changed.first() {
                    return Err(Trouble::Refused(format!(
                        "{} in the archive: {}; the engine was to stand still ({} such changes): see whether something starts \
                         it again, as docker.socket does, and stop that too with --stop-command",
                        name(&first.path),
                        first.how,
                        packed.changed.len(),
                    )));
                }
                Ok(packed)
            }
            (Err(trouble), Ok(())) => Err(trouble.into()),
            (Err(packed), Err(trouble)) => {
                // An engine that stands still is the worse of the two.
                world.say(&sentence(&packed.to_string()));
                Err(trouble)
            }
        }
    }

    /// Waits until the engine answers, and unlocks it.
    fn come_back(&self, found: &Found, world: &World) -> Result<(), Trouble> {
        let info = self.info();
        let state = world.wait("see the engine back", &info, self.patience, |printed| {
            Info::read(printed).filter(|info| !info.swarm.state.is_pending()).map(|info| info.swarm.state)
        })?;
        match (state, &found.unlock) {
            (State::Active, _) => return Ok(()),
            (State::Locked, Some(key)) => {
                world.stream("unlock the swarm", &self.unlock(key), &mut std::io::sink())?;
            }
            (State::Locked, _) => return Ok(()),
            (other, _) => {
                return Err(Trouble::Refused(format!(
                    "the engine was started again, and is no part of a swarm now ({}): look at its log, and do not restore \
                     anything over its directory",
                    other.word()
                )));
            }
        }
        world.wait("see the swarm unlocked", &info, self.patience, |printed| {
            Info::read(printed).filter(|info| info.swarm.state == State::Active).map(drop)
        })
    }

    /// Whether an unlock key is needed, from the key file itself, and the one that is right.
    fn check_keys(&self, directory: &Path) -> Result<(bool, Option<Secret>), Trouble> {
        let path = directory.join("certificates/swarm-node.key");
        let shown = name(path.as_os_str().as_encoded_bytes());
        let bytes = read_secret(&path).map_err(|error| {
            Trouble::Refused(format!(
                "failed to read {shown}: {error}; this must be the directory of a swarm's node, read as root"
            ))
        })?;
        let Some(key) = Key::read(bytes.reveal()) else {
            return Err(Trouble::Refused(format!(
                "{shown} is no key file of a swarm's node: the node could not be restored from a backup of it"
            )));
        };
        if !key.is_locked() {
            return Ok((false, None));
        }
        let opens = |unlock: &&Secret| UnlockKey::parse(unlock).is_some_and(|unlock| key.is_opened_by(&unlock));
        if let Some(unlock) = self.unlock_keys.iter().find(opens) {
            return Ok((true, Some(unlock.clone())));
        }
        if !self.unlock_keys.is_empty() {
            return Err(Trouble::Usage(format!(
                "no unlock key opens {shown}: was it rotated? `docker swarm unlock-key` on a manager shows the one in force"
            )));
        }
        if self.live || self.leave_locked {
            return Ok((true, None));
        }
        Err(Trouble::Usage(
            "the swarm is autolocked: after its start the engine takes no part in it until it is unlocked; give the key with \
             --unlock-key-file, or --leave-locked to unlock it by hand"
                .to_owned(),
        ))
    }
}

impl Default for Swarm {
    fn default() -> Self {
        Self::new()
    }
}

impl Producer for Swarm {
    fn word(&self) -> &'static str {
        "swarm"
    }

    fn survey(&mut self, world: &World) -> Result<Survey, Trouble> {
        let printed = world.look("ask the engine about its swarm", &self.info())?;
        let info = Info::read(&printed).ok_or_else(|| {
            Trouble::Refused(format!(
                "`{}` does not answer as an engine does: {}",
                self.info().describe(),
                Info::why_not(&printed)
            ))
        })?;
        let swarm = &info.swarm;
        if !matches!(swarm.state, State::Active | State::Locked) {
            return Err(Trouble::Refused(format!(
                "this engine is no part of a swarm ({}): run this on a manager; `docker node ls` there names them",
                swarm.state.word()
            )));
        }
        if swarm.state == State::Active && !swarm.is_manager {
            return Err(Trouble::Refused(
                "this node is a worker, and has nothing a swarm could be restored from: run this on a manager"
                    .to_owned(),
            ));
        }
        let directory = self.directory.clone().unwrap_or_else(|| info.root.join("swarm"));
        let (is_locked, unlock) = self.check_keys(&directory)?;
        let prefix = self.prefix.clone().unwrap_or_else(|| rooted(&directory));
        let expected_bytes = pack::estimate(&directory, &pack::Options::default()).ok();
        let mut warnings = Vec::new();
        if self.live {
            warnings.push(
                "the engine went on while its directory was read (--live): files may be of different moments, and the \
                 manual restores only what was taken with the engine stopped"
                    .to_owned(),
            );
        } else if swarm.managers > 1 && swarm.managers - 1 <= swarm.managers / 2 {
            warnings.push(format!(
                "of {} managers one stood still: a swarm of {} loses its quorum by that, and changes nothing meanwhile",
                swarm.managers, swarm.managers
            ));
        }
        if swarm.state == State::Locked {
            warnings.push("the swarm was locked when the backup began, and is no part of its cluster".to_owned());
        }
        if is_locked && unlock.is_none() && !self.live {
            warnings.push(
                "the engine was started again and stays locked: `docker swarm unlock` asks for the key".to_owned(),
            );
        }
        let host = plain(&info.name);
        let version = plain(&info.version);
        let mut facts = vec![
            ("engine", version.clone()),
            ("host", host.clone()),
            ("node", name(swarm.node.as_bytes())),
            ("advertise-address", name(swarm.address.as_bytes())),
            ("directory", name(directory.as_os_str().as_encoded_bytes())),
            ("autolock", if is_locked { "yes" } else { "no" }.to_owned()),
        ];
        if let Some(cluster) = &swarm.cluster {
            facts.push(("cluster", name(cluster.id.as_bytes())));
        }
        if swarm.managers > 0 {
            facts.push(("managers", swarm.managers.to_string()));
        }
        self.found = Some(Found { directory, prefix, unlock });
        Ok(Survey {
            name: called(&["swarm", &version, &host], world),
            family: format!("swarm-{host}"),
            facts,
            warnings,
            expected_bytes,
            ..Survey::default()
        })
    }

    fn plan(&self) -> Vec<Planned> {
        let Some(found) = &self.found else { return Vec::new() };
        let directory = name(found.directory.as_os_str().as_encoded_bytes());
        let archive = Planned::own(format!("pack {directory} as {}", name(&found.prefix)));
        if self.live {
            return vec![archive];
        }
        let mut plan = vec![
            Planned::command("stop the engine", &self.stop),
            archive,
            Planned::command("start the engine again, whatever happens", &self.start),
            Planned::command("see the engine back", &self.info()),
        ];
        if let Some(key) = &found.unlock {
            plan.push(Planned::command("unlock the swarm", &self.unlock(key)));
        }
        plan
    }

    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        let Some(found) = self.found.clone() else {
            return Err(Trouble::Refused("the engine was not asked; please report this".to_owned()));
        };
        let mut made = Made::default();
        let packed = if self.live {
            pack(&found.directory, &self.options(&found, world), out)?
        } else {
            self.pack_at_rest(&found, world, out, &mut made)?
        };
        made.tell(&packed);
        Ok(made)
    }
}

/// A path as GNU tar roots it: without its leading slash.
fn rooted(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_encoded_bytes();
    let start = bytes.iter().position(|byte| *byte != b'/').unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default().to_vec()
}

fn read_secret(path: &Path) -> std::io::Result<Secret> {
    use std::io::Read as _;
    let file = std::fs::File::open(path)?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let length = file.metadata()?.len().min(KEY_FILE_BYTES);
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1));
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Secret::new(std::mem::take(&mut *bytes)))
}

/// What an engine tells of itself; of its answer, what is needed.
#[derive(Debug, Deserialize)]
struct Info {
    #[serde(rename = "Name", default)]
    name: String,
    #[serde(rename = "ServerVersion", default)]
    version: String,
    #[serde(rename = "DockerRootDir", default)]
    root: PathBuf,
    #[serde(rename = "Swarm")]
    swarm: Membership,
    #[serde(rename = "ServerErrors", default)]
    errors: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct Membership {
    #[serde(rename = "NodeID", default)]
    node: String,
    #[serde(rename = "NodeAddr", default)]
    address: String,
    #[serde(rename = "LocalNodeState", default)]
    state: State,
    #[serde(rename = "ControlAvailable", default)]
    is_manager: bool,
    #[serde(rename = "Managers", default)]
    managers: u64,
    #[serde(rename = "Cluster", default)]
    cluster: Option<Cluster>,
}

#[derive(Debug, Deserialize)]
struct Cluster {
    #[serde(rename = "ID", default)]
    id: String,
}

/// What an engine is in a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Inactive,
    Pending,
    Active,
    Error,
    Locked,
    #[default]
    #[serde(other)]
    Unknown,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Error => "error",
            Self::Locked => "locked",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it may yet become another: a node that was just started is in error until it finds its peers.
    fn is_pending(self) -> bool {
        matches!(self, Self::Pending | Self::Error | Self::Unknown)
    }
}

impl Info {
    /// `None` where no engine answered: the client prints what it knows of itself then.
    fn read(printed: &[u8]) -> Option<Self> {
        let info: Self = serde_json::from_slice(printed).ok()?;
        let answered = info.errors.as_ref().is_none_or(Vec::is_empty) && !info.version.is_empty();
        answered.then_some(info)
    }

    fn why_not(printed: &[u8]) -> String {
        match serde_json::from_slice::<Self>(printed) {
            Ok(info) => match info.errors.unwrap_or_default().first() {
                Some(error) => sentence(error),
                None => "it tells no version; is the engine running?".to_owned(),
            },
            Err(error) => format!("{error}; is this the docker client?"),
        }
    }
}
