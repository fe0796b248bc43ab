//! What a Docker engine says of itself and of its containers, asked through its client.
//!
//! Promises: nothing asked for here changes anything; what is said is checked before it becomes an argument or part of a
//! name. Of a container's description only what is asked for is kept: secrets can stand in the rest. Refuses to know: what
//! the containers are for.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::run::{Command, Ran};
use super::{Trouble, World};
use crate::report::name;

/// An engine, as `docker info` has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
pub(super) struct Engine {
    /// The machine's name.
    pub(super) name: String,
    pub(super) server_version: String,
    security_options: Option<Vec<String>>,
    server_errors: Option<Vec<String>>,
    swarm: Option<Swarm>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Swarm {
    control_available: Option<bool>,
    cluster: Option<Cluster>,
}

#[derive(Debug, Clone, Deserialize)]
struct Cluster {
    #[serde(rename = "ID", default)]
    id: String,
}

impl Engine {
    /// Asks the engine that `docker` talks to.
    pub(super) fn ask(docker: &Command, world: &World) -> Result<Self, Trouble> {
        let command = docker.clone().arguments(["info", "--format", "{{json .}}"]);
        let engine: Self = read(&world.look("learn about the engine", &command)?, &command)?;
        // The client exits with 0 where it could not ask anybody.
        if engine.name.is_empty() || engine.server_version.is_empty() {
            let errors = engine.server_errors.unwrap_or_default();
            let said = if errors.is_empty() { "it gave no reason".to_owned() } else { errors.join(" | ") };
            return Err(Trouble::Refused(format!(
                "`{}` reached no engine: {}; start the engine, run this where it is, or as a user who may talk to it",
                command.describe(),
                name(said.as_bytes())
            )));
        }
        Ok(engine)
    }

    /// Whether it keeps containers apart by SELinux.
    pub(super) fn has_selinux(&self) -> bool {
        let mut options = self.security_options.iter().flatten();
        options.any(|option| option.split(',').any(|part| part == "name=selinux" || part == "selinux"))
    }

    /// Whether it is a manager of a swarm; `None` where it does not say.
    pub(super) fn is_manager(&self) -> Option<bool> {
        self.swarm.as_ref().and_then(|swarm| swarm.control_available)
    }

    /// The swarm's identifier.
    pub(super) fn cluster(&self) -> Option<&str> {
        let cluster = self.swarm.as_ref().and_then(|swarm| swarm.cluster.as_ref());
        cluster.map(|cluster| cluster.id.as_str()).filter(|id| !id.is_empty())
    }
}

/// Names of containers that contain `part`, those that have ended included where `all` says so. A client that talks to UCP
/// itself puts the node's name and a slash before them.
pub(super) fn names(docker: &Command, world: &World, part: &str, all: bool) -> Result<Vec<String>, Trouble> {
    let filter = format!("name={part}");
    let mut command = docker.clone().arguments(["container", "ls"]);
    if all {
        command = command.argument("--all");
    }
    let command = command.arguments(["--filter", &filter, "--format", "{{.Names}}"]);
    let printed = world.look("find the containers", &command)?;
    let text = String::from_utf8_lossy(&printed);
    // Links of other containers to this one are names, too, behind commas.
    let names = text.lines().flat_map(|line| line.split(',').map(str::trim));
    Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// A container, as `docker container inspect` has it.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    /// What it was made from, as it was asked for.
    image: String,
    labels: BTreeMap<String, String>,
    environment: Vec<String>,
    is_running: bool,
}

impl Container {
    pub(super) fn inspect(docker: &Command, world: &World, container: &str) -> Result<Self, Trouble> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Inspected {
            config: Config,
            state: Option<State>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Config {
            image: Option<String>,
            labels: Option<BTreeMap<String, String>>,
            env: Option<Vec<String>>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct State {
            running: Option<bool>,
        }
        let command = docker.clone().arguments(["container", "inspect", container]);
        let printed = world.look(&format!("look at the container {container}"), &command)?;
        let mut inspected: Vec<Inspected> = read(&printed, &command)?;
        match (inspected.pop(), inspected.is_empty()) {
            (Some(Inspected { config, state }), true) => Ok(Self {
                image: config.image.unwrap_or_default(),
                labels: config.labels.unwrap_or_default(),
                environment: config.env.unwrap_or_default(),
                is_running: state.and_then(|state| state.running).unwrap_or(true),
            }),
            _ => Err(Trouble::Refused(format!(
                "`{}` does not describe one container; give what it was asked for by options",
                command.describe()
            ))),
        }
    }

    pub(super) fn label(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(String::as_str)
    }

    /// The value of a variable of its environment.
    pub(super) fn variable(&self, variable: &str) -> Option<&str> {
        self.environment.iter().find_map(|line| line.strip_prefix(variable)?.strip_prefix('='))
    }

    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// The image's tag, where it has one.
    pub(super) fn tag(&self) -> Option<&str> {
        split(&self.image).1
    }

    /// The image `name` of the same registry and organisation; `None` where the image is known by a digest alone.
    pub(super) fn sibling(&self, name: &str) -> Option<String> {
        let (folder, _) = split(&self.image).0.rsplit_once('/')?;
        Some(format!("{folder}/{name}"))
    }
}

/// An image without its tag and digest, and the tag.
pub(super) fn split(image: &str) -> (&str, Option<&str>) {
    let image = image.split_once('@').map_or(image, |(image, _)| image);
    match image.rsplit_once(':') {
        // What stands before a slash is a port.
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (image, None),
    }
}

/// Checks that `image` is the name of one, without tag and digest.
pub(super) fn check_image(image: &str) -> Result<(), Trouble> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
    let is_name = image.bytes().all(is_fine) && image.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    if is_name && split(image).1.is_none() {
        return Ok(());
    }
    Err(Trouble::Usage(format!(
        "{} is no name of an image: give it without tag and digest, as in registry.example/docker/ucp, and the version by \
         itself",
        name(image.as_bytes())
    )))
}

/// A product's version: three numbers, and what may come behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    text: String,
    numbers: (u32, u32, u32),
}

impl Version {
    /// `None` where it is none, and could not stand in the name of an image or a file.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let mut numbers = numbers.split('.').map(|number| number.parse::<u32>().ok());
        let numbers = (numbers.next()??, numbers.next()??, numbers.next()??);
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let is_short = text.len() <= 40 && rest.bytes().all(is_fine) && (rest.is_empty() || rest.starts_with('-'));
        is_short.then(|| Self { text: text.to_owned(), numbers })
    }

    /// The same for what was typed.
    pub(super) fn typed(text: &str) -> Result<Self, Trouble> {
        Self::parse(text).ok_or_else(|| {
            let shown = name(text.as_bytes());
            Trouble::Usage(format!("{shown} is no version: give three numbers with dots, as in 3.4.5"))
        })
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is this one or a later one.
    pub(super) fn is_from(&self, least: (u32, u32, u32)) -> bool {
        self.numbers >= least
    }
}

/// What a program that did well complained of all the same: how many lines, and the last.
pub(super) fn complaint(ran: &Ran) -> Option<String> {
    let errors = ran.errors();
    let is_grave = |line: &&String| {
        let line = line.to_ascii_lowercase();
        [r"level=error", r"level=fatal", r#""level":"error""#, r#""level":"fatal""#, "erro[", "fata["]
            .iter()
            .any(|mark| line.contains(mark))
    };
    let grave: Vec<&String> = errors.iter().filter(is_grave).collect();
    let last = grave.last()?;
    Some(format!(
        "it ended well, but reported errors on the way ({}), the last: {last}; read its lines in `ran`",
        grave.len()
    ))
}

fn read<T: for<'de> Deserialize<'de>>(printed: &[u8], command: &Command) -> Result<T, Trouble> {
    serde_json::from_slice(printed).map_err(|error| {
        // The error of the parser names a place; the text itself may hold secrets.
        Trouble::Refused(format!(
            "`{}` printed something that is not what was asked for (line {}, column {}); is this program the Docker client?",
            command.describe(),
            error.line(),
            error.column()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_fall_into_their_parts() {
        for (image, parts) in [
            ("docker/ucp-agent:3.2.4", ("docker/ucp-agent", Some("3.2.4"))),
            ("r.example:5000/docker/ucp", ("r.example:5000/docker/ucp", None)),
            ("r.example:5000/a/b:1@sha256:00", ("r.example:5000/a/b", Some("1"))),
        ] {
            assert_eq!(split(image), parts);
        }
        let sibling = |image: &str| Container { image: image.to_owned(), ..Container::default() }.sibling("ucp");
        assert_eq!(sibling("r.example:5000/mirantis/ucp-proxy:3.4.5").unwrap(), "r.example:5000/mirantis/ucp");
        assert_eq!(sibling("sha256:0123"), None);
        for bad in ["", "-v", "a b", "a:1", "a@sha256:00", "$(id)", "--privileged"] {
            check_image(bad).unwrap_err();
        }
        check_image("r.example:5000/mirantis/ucp").unwrap();
    }

    #[test]
    fn versions_are_three_numbers_and_fit_a_name() {
        let version = Version::parse("3.10.2-beta4\n").unwrap();
        assert!(version.is_from((3, 2, 0)) && version.is_from((3, 10, 2)) && !version.is_from((3, 10, 3)));
        assert_eq!(version.as_str(), "3.10.2-beta4");
        for bad in ["", "latest", "3", "3.2", "3.2.1/../x", "3.2.1 --privileged", "3..1", "3.2.1x", "-3.2.1"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }
}
