//! UCP, later MKE, by its own program in a container of the manager's engine.
//!
//! ```text
//! docker info, container ls, container inspect ──► image:version, SELinux, instance ──► docker container run … backup ──► out
//!                                                                                        or --file in a folder  ──► out
//! ```
//! Promises: a passphrase goes by the environment of the Docker client and stands in no argument; standard error is never
//! mixed with the archive and there is no terminal; a file that the product writes has a name that was never there and is
//! removed again; a container that was left behind is ended. Refuses to know: how the archive is sealed, judged and named.

mod dropped;
mod said;
mod typed;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use super::called::called;
use super::container::{self, Container, Engine, Version};
use super::run::{Cause, Command};
use super::{Form, Made, Planned, Producer, Survey, Trouble, World};
use crate::report::name;
use crate::secret::Secret;
use dropped::Shelf;
use typed::{check_id, check_passphrase};

/// The name that the product's container must have.
const CONTAINER: &str = "ucp";

/// Containers that every manager runs, and that tell the version.
const KNOWN: [&str; 2] = ["ucp-proxy", "ucp-controller"];

/// What the product is told to do, and why.
const SAYS: &str = "have UCP write its backup";

/// The variable that the product takes a passphrase from.
const PASSPHRASE: &str = "UCP_PASSPHRASE";

/// How a UCP backup is to be made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Docker client, with what it needs to reach the engine, and how long the product may write and say nothing.
    pub docker: Command,
    /// The image without its tag, `docker/ucp` or `mirantis/ucp`; `None` takes that of the UCP that runs.
    pub image: Option<String>,
    /// Its version; `None` takes that of the UCP that runs.
    pub version: Option<String>,
    /// The identifier of the UCP, for versions before 3.2; `None` takes that of the one that runs.
    pub id: Option<String>,
    /// Whether SELinux must be told to let the container work; `None` asks the engine.
    pub selinux: Option<bool>,
    /// Has the product encrypt the archive with this passphrase; `None` takes it plain.
    pub passphrase: Option<Secret>,
    /// A folder that UCP writes its file into, which is then read and removed; `None` has it write to standard output.
    pub folder: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            docker: Command::new("docker"),
            image: None,
            version: None,
            id: None,
            selinux: None,
            passphrase: None,
            folder: None,
        }
    }
}

/// Makes UCP backups.
#[derive(Debug)]
pub struct Ucp {
    options: Options,
    found: Option<Found>,
}

/// What the survey found.
#[derive(Debug, Clone)]
struct Found {
    image: String,
    version: Version,
    id: Option<String>,
    has_selinux: bool,
    /// The folder, and the name of the file in it.
    shelf: Option<(Shelf, String)>,
}

impl Ucp {
    /// One that works as `options` say.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, found: None }
    }

    /// Image and version, and the identifier where the version asks for it.
    fn identify(
        &self,
        world: &World,
        names: &[String],
        survey: &mut Survey,
    ) -> Result<(String, Version, Option<String>), Trouble> {
        let docker = &self.options.docker;
        let typed = self.options.version.as_deref().map(Version::typed).transpose()?;
        self.options.image.as_deref().map_or(Ok(()), container::check_image)?;
        self.options.id.as_deref().map_or(Ok(()), check_id)?;
        let runs = match KNOWN.iter().find(|known| names.iter().any(|name| name == **known)) {
            Some(known) => Some((*known, Container::inspect(docker, world, known)?)),
            None => None,
        };
        if let Some((known, container)) = &runs
            && !container.is_running()
        {
            survey.warnings.push(format!(
                "the container {known} does not run: a backup of a UCP that is down may lack things; see that UCP is healthy"
            ));
        }
        let runs = runs.map(|(_, container)| container);
        let running = runs.as_ref().and_then(|container| {
            let label = container.label("com.docker.ucp.version").and_then(Version::parse);
            label.or_else(|| container.tag().and_then(Version::parse))
        });
        let version = match (typed, running) {
            (Some(typed), running) => {
                if let Some(running) = running.filter(|running| *running != typed) {
                    let (typed, running) = (typed.as_str(), running.as_str());
                    survey.warnings.push(format!(
                        "the UCP that runs is {running}, and its backup is made with {typed}, as was asked for: only a \
                         backup made with its own version can be restored"
                    ));
                }
                typed
            }
            (None, Some(running)) => running,
            (None, None) => {
                return Err(Trouble::Usage(format!(
                    "the version of UCP cannot be found: no container ucp-proxy or ucp-controller of the engine of {} tells \
                     it; run this on a manager, or give image and version",
                    docker.describe()
                )));
            }
        };
        let found = runs.as_ref().and_then(|container| container.sibling("ucp"));
        let image = match self.options.image.clone().or(found) {
            Some(image) => image,
            None => {
                let image = if version.is_from((3, 3, 0)) { "mirantis/ucp" } else { "docker/ucp" };
                survey.warnings.push(format!("the image of UCP was not found and not given; {image} was taken"));
                image.to_owned()
            }
        };
        container::check_image(&image)?;
        let label = runs.as_ref().and_then(|container| container.label("com.docker.ucp.InstanceID"));
        let id = match self.options.id.as_deref().or(label) {
            Some(id) => {
                check_id(id)?;
                Some(id.to_owned())
            }
            None if version.is_from((3, 2, 0)) => None,
            None => {
                return Err(Trouble::Usage(format!(
                    "UCP {} asks for its identifier, and no container tells it; give it (`docker container run --rm --name ucp \
                     -v /var/run/docker.sock:/var/run/docker.sock {image}:{} id` prints it)",
                    version.as_str(),
                    version.as_str()
                )));
            }
        };
        Ok((image, version, id))
    }

    /// What can be said of the options once the version is known.
    fn weigh(&self, version: &Version, survey: &mut Survey) -> Result<(), Trouble> {
        let shown = version.as_str();
        if self.options.folder.is_some() && !version.is_from((3, 2, 0)) {
            return Err(Trouble::Usage(format!(
                "UCP {shown} cannot write a file (--file came with 3.2); have it write to standard output"
            )));
        }
        if !version.is_from((3, 2, 0)) {
            survey.warnings.push(format!(
                "UCP {shown} stops its own containers on this node while it backs up; should the backup end early, look \
                 whether they run again: docker container ls --all --filter name=ucp-"
            ));
        }
        if self.options.passphrase.is_none() && !version.is_from((3, 1, 0)) {
            survey.warnings.push(format!(
                "UCP {shown} does not know --no-passphrase, and encrypts nothing where it is given no passphrase; the archive \
                 was asked for in that way"
            ));
        }
        if let Some(passphrase) = &self.options.passphrase {
            check_passphrase(passphrase)?;
            survey.warnings.push(
                "UCP encrypted the archive itself: until its container was gone, whoever may talk to the engine could read \
                 the passphrase from it (docker container inspect)"
                    .to_owned(),
            );
        } else if let Some(folder) = &self.options.folder {
            survey.warnings.push(format!(
                "the archive lay unencrypted in {} until it had been read from there",
                name(folder.as_os_str().as_encoded_bytes())
            ));
        }
        Ok(())
    }

    fn command(&self, found: &Found) -> Command {
        let socket = "/var/run/docker.sock:/var/run/docker.sock";
        let mut command = self.options.docker.clone().guarded().arguments([
            "container",
            "run",
            "--rm",
            "--log-driver",
            "none",
            "--name",
            CONTAINER,
            "-v",
            socket,
        ]);
        if let Some((shelf, _)) = &found.shelf {
            command = command.argument("-v").argument(shelf.volume());
        }
        if found.has_selinux {
            command = command.arguments(["--security-opt", "label=disable"]);
        }
        if let Some(passphrase) = &self.options.passphrase {
            // The name alone: the client takes the value from its own environment.
            command = command.arguments(["--env", PASSPHRASE]).secret_variable(PASSPHRASE, passphrase.clone());
        }
        command = command.argument(format!("{}:{}", found.image, found.version.as_str())).argument("backup");
        if let Some(id) = found.id.as_ref().filter(|_| !found.version.is_from((3, 2, 0))) {
            command = command.arguments(["--id", id]);
        }
        if self.options.passphrase.is_none() && found.version.is_from((3, 1, 0)) {
            command = command.argument("--no-passphrase");
        }
        if let Some((_, file)) = &found.shelf {
            // With `=`: with a space, the product takes the value for something else and writes its logs.
            command = command.arguments(["--file", file, "--include-logs=false"]);
        }
        command
    }

    /// Ends the container where the client was ended and could not.
    fn clear(&self, world: &World) {
        // Whoever asks veritar to stop wants nothing left behind all the more.
        let mut world = world.clone();
        world.stop = Arc::default();
        let command = self.options.docker.clone().arguments(["container", "stop", CONTAINER]);
        let left = container::names(&self.options.docker, &world, CONTAINER, true);
        let is_left = left.map_or(true, |names| names.iter().any(|name| name == CONTAINER));
        if is_left && world.look("end the container that was left behind", &command).is_err() {
            world.say(&format!(
                "the container {CONTAINER} may be there still, and the next backup cannot begin before it is gone; type {}",
                command.describe()
            ));
        }
    }

    /// Runs the product. A container of its name was not there before, so that one that is there afterwards is its own.
    fn run(&self, world: &World, command: &Command, out: &mut dyn Write, made: &mut Made) -> Result<(), Trouble> {
        match world.stream(SAYS, command, out) {
            Ok(ran) => {
                made.warnings.extend(container::complaint(&ran));
                Ok(())
            }
            Err(Trouble::Run(trouble)) => {
                let did_run = trouble.ran.is_some();
                if did_run && !matches!(trouble.cause, Cause::Exit(_)) {
                    self.clear(world);
                }
                Err(said::explain(trouble, self.options.folder.as_deref()))
            }
            Err(trouble) => Err(trouble),
        }
    }
}

impl Producer for Ucp {
    fn word(&self) -> &'static str {
        "ucp"
    }

    fn survey(&mut self, world: &World) -> Result<Survey, Trouble> {
        let docker = &self.options.docker;
        let mut survey = Survey::default();
        let engine = Engine::ask(docker, world)?;
        if engine.is_manager() == Some(false) {
            return Err(Trouble::Refused(format!(
                "{} is no manager of a swarm, and only managers can back up UCP; run this on a manager",
                name(engine.name.as_bytes())
            )));
        }
        let names = container::names(docker, world, CONTAINER, true)?;
        if let Some(far) = names.iter().find(|name| name.contains('/')) {
            return Err(Trouble::Refused(format!(
                "the Docker client talks to UCP, not to an engine (it calls a container {}): unset DOCKER_HOST and leave the \
                 client bundle, and run this on a manager",
                name(far.as_bytes())
            )));
        }
        if names.iter().any(|name| name == CONTAINER) {
            return Err(Trouble::Refused(format!(
                "a container with the name {CONTAINER} is there already, which UCP's program must have for itself: another \
                 backup may be in progress; look at it (docker container ls --all --filter name={CONTAINER}), and run this \
                 again when it is gone"
            )));
        }
        let (image, version, id) = self.identify(world, &names, &mut survey)?;
        self.weigh(&version, &mut survey)?;
        let shelf = match &self.options.folder {
            None => None,
            Some(folder) => {
                let (shelf, advice) = Shelf::at(folder)?;
                survey.warnings.extend(advice);
                let file = Shelf::fresh_name(world);
                shelf.file(&file)?.forget();
                Some((shelf, file))
            }
        };
        let has_selinux = self.options.selinux.unwrap_or_else(|| engine.has_selinux());
        survey.name = called(&[self.word(), version.as_str(), &engine.name], world);
        survey.family = format!("ucp-{}", name(engine.name.as_bytes()));
        survey.form = if self.options.passphrase.is_some() { Form::OpenPgp } else { Form::Tar };
        survey.facts.extend([
            ("host", name(engine.name.as_bytes())),
            ("engine", name(engine.server_version.as_bytes())),
            ("version", version.as_str().to_owned()),
            ("image", image.clone()),
        ]);
        survey.facts.extend(engine.cluster().map(|cluster| ("cluster", name(cluster.as_bytes()))));
        survey.facts.extend(id.clone().map(|id| ("ucp-instance", id)));
        self.found = Some(Found { image, version, id, has_selinux, shelf });
        Ok(survey)
    }

    fn plan(&self) -> Vec<Planned> {
        let Some(found) = &self.found else { return Vec::new() };
        let mut planned = vec![Planned::command(SAYS, &self.command(found))];
        if let Some((shelf, file)) = &found.shelf {
            let path = shelf.path().join(file);
            planned.push(Planned::own(format!("read {} and remove it", name(path.as_os_str().as_encoded_bytes()))));
        }
        planned
    }

    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        let Some(found) = &self.found else {
            return Err(Trouble::Refused("nothing was looked up yet; ask for the survey first".to_owned()));
        };
        let command = self.command(found);
        let mut made = Made::default();
        let Some((shelf, file)) = &found.shelf else {
            self.run(world, &command, out, &mut made)?;
            return Ok(made);
        };
        let file = shelf.file(file)?;
        let done =
            self.run(world, &command, &mut io::sink(), &mut made).and_then(|()| file.read_into(world, out).map(drop));
        let removed = file.remove();
        match (done, removed) {
            (Ok(()), removed) => made.troubles.extend(removed.err()),
            (Err(trouble), removed) => {
                if let Err(left) = removed {
                    world.say(&left.to_string());
                }
                return Err(trouble);
            }
        }
        Ok(made)
    }
}
