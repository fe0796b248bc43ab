//! DTR, later MSR 2: its metadata, by its own program in a container.
//!
//! ```text
//! docker container ls, inspect ──► replica, image:version ──► docker run … backup --existing-replica-id … ──► out
//! ```
//! Promises: the password goes by the environment of the Docker client and stands in no argument; nobody's certificate is
//! taken on trust unless that was asked for; another replica than before is said. Refuses to know: how the archive is
//! sealed, judged and named; what images are in the registry.

mod authority;
mod said;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use serde::Deserialize;

use super::called::called;
use super::container::{self, Container, Version};
use super::run::{Cause, Command};
use super::{Form, Made, Planned, Producer, Survey, Trouble, World, publish};
use crate::report::name;
use crate::secret::Secret;
use authority::Authority;

pub use authority::Trust;

/// What the product is told to do, and why.
const SAYS: &str = "have DTR write its metadata";

/// The variable that the product takes the password from.
const PASSWORD: &str = "UCP_PASSWORD";

/// Digits of a replica's identifier.
const DIGITS: usize = 12;

/// How a DTR backup is to be made.
#[derive(Debug, Clone)]
pub struct Options {
    /// The Docker client, with what it needs to reach the engine, and how long the product may write and say nothing.
    pub docker: Command,
    /// The image without its tag, `docker/dtr` or `mirantis/dtr`; `None` takes that of the replica that runs here.
    pub image: Option<String>,
    /// Its version; `None` takes that of the replica that runs here.
    pub version: Option<String>,
    /// The replica, 12 hexadecimal digits; `None` takes the one that runs here.
    pub replica: Option<String>,
    /// Where UCP is: a host, with a port if need be, or its https address.
    pub ucp_url: String,
    /// An administrator of UCP.
    pub ucp_username: String,
    /// The administrator's password.
    pub ucp_password: Secret,
    /// How UCP is known.
    pub trust: Trust,
    /// The program that fetches UCP's authority where there is none yet: `curl`, or a path.
    pub curl: OsString,
    /// Whether the database is taken down meanwhile, which gives a more consistent backup.
    pub offline: bool,
    /// Whether results of vulnerability scans are left out.
    pub ignore_scan_data: bool,
    /// The folder with the archives before this one, for the replica they were taken from.
    pub earlier: Option<PathBuf>,
}

/// Makes backups of DTR metadata.
#[derive(Debug)]
pub struct Dtr {
    options: Options,
    found: Option<Found>,
}

/// What the survey found.
#[derive(Debug, Clone)]
struct Found {
    image: String,
    version: Version,
    replica: String,
    /// `None` trusts nobody's.
    authority: Option<Authority>,
}

/// A backup that was made before.
#[derive(Debug, Deserialize)]
struct Earlier {
    product: String,
    archive: String,
    facts: BTreeMap<String, String>,
}

impl Earlier {
    fn fact(&self, fact: &str) -> &str {
        self.facts.get(fact).map_or("", String::as_str)
    }
}

impl Dtr {
    /// One that works as `options` say.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, found: None }
    }

    /// What is wrong with what was typed.
    fn check(&self) -> Result<(), Trouble> {
        let Options { image, replica, ucp_url, ucp_username, ucp_password, .. } = &self.options;
        image.as_deref().map_or(Ok(()), container::check_image)?;
        if let Some(replica) = replica.as_deref().filter(|replica| !is_replica(replica)) {
            return Err(Trouble::Usage(format!(
                "{} is no identifier of a replica: give the 12 hexadecimal digits at the end of the name of the container \
                 dtr-rethink-…",
                name(replica.as_bytes())
            )));
        }
        let is_word = |text: &str| {
            !text.is_empty() && !text.starts_with('-') && text.chars().all(|letter| letter.is_ascii_graphic())
        };
        if !is_word(ucp_url) || ucp_url.contains('@') || ucp_url.starts_with("http://") {
            return Err(Trouble::Usage(
                "the URL of UCP must be a host or an https address without user and password, as everybody on the machine can \
                 read it; give it as in https://ucp.example:443"
                    .to_owned(),
            ));
        }
        if ucp_username.is_empty() || ucp_username.starts_with('-') || ucp_username.chars().any(char::is_control) {
            return Err(Trouble::Usage(
                "the name of UCP's administrator cannot be one; give it as UCP has it".to_owned(),
            ));
        }
        let password = ucp_password.reveal();
        if password.is_empty() || password.iter().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
            return Err(Trouble::Usage(
                "the password for UCP is empty, or has a line break or a zero byte, which a variable cannot hold; look at its \
                 file"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    /// The replica, and the containers that run here.
    fn replica(&self, names: &[String], earlier: Option<&Earlier>) -> Result<String, Trouble> {
        if let Some(replica) = &self.options.replica {
            return Ok(replica.clone());
        }
        let mut replicas: Vec<&str> = names.iter().filter_map(|name| replica_of(name, "dtr-rethink-")).collect();
        replicas.sort_unstable();
        replicas.dedup();
        let before = earlier.map(|earlier| earlier.fact("replica"));
        match (replicas.as_slice(), before) {
            ([only], _) => Ok((*only).to_owned()),
            ([], _) => Err(Trouble::Usage(
                "no container dtr-rethink-… runs on this engine, so that the replica is not known; run this on a node of DTR, \
                 or give replica, image and version"
                    .to_owned(),
            )),
            (several, Some(before)) if several.contains(&before) => Ok(before.to_owned()),
            (several, _) => Err(Trouble::Usage(format!(
                "there are several replicas here ({}); give one of them, and always the same",
                several.join(", ")
            ))),
        }
    }

    /// Image and version, from what was typed or what runs.
    fn identify(
        &self,
        world: &World,
        names: &[String],
        replica: &str,
        survey: &mut Survey,
    ) -> Result<(String, Version), Trouble> {
        let typed = self.options.version.as_deref().map(Version::typed).transpose()?;
        let registry = names.iter().find(|name| replica_of(name, "dtr-registry-") == Some(replica));
        let runs = match registry {
            Some(registry) => Some(Container::inspect(&self.options.docker, world, registry)?),
            None => None,
        };
        let running = runs.as_ref().and_then(|container| {
            let variable = container.variable("DTR_VERSION").and_then(Version::parse);
            variable.or_else(|| container.tag().and_then(Version::parse))
        });
        let version = match (typed, running) {
            (Some(typed), running) => {
                if let Some(running) = running.filter(|running| *running != typed) {
                    survey.warnings.push(format!(
                        "the DTR that runs is {}, and its backup is made with {}, as was asked for: only a backup made with \
                         its own version can be restored",
                        running.as_str(),
                        typed.as_str()
                    ));
                }
                typed
            }
            (None, Some(running)) => running,
            (None, None) => {
                return Err(Trouble::Usage(format!(
                    "the version of DTR cannot be found: no container dtr-registry-{replica} that tells it runs on this \
                     engine; run this where the replica is, or give image and version"
                )));
            }
        };
        let image = match self.options.image.clone().or(runs.and_then(|container| container.sibling("dtr"))) {
            Some(image) => image,
            None => {
                let image = if version.is_from((2, 8, 0)) { "mirantis/dtr" } else { "docker/dtr" };
                survey.warnings.push(format!("the image of DTR was not found and not given; {image} was taken"));
                image.to_owned()
            }
        };
        container::check_image(&image)?;
        Ok((image, version))
    }

    /// What can be said of the options once the version is known.
    fn weigh(&self, version: &Version, survey: &mut Survey) -> Result<(), Trouble> {
        let shown = version.as_str();
        if version.is_from((3, 0, 0)) {
            return Err(Trouble::Usage(format!(
                "MSR {shown} is not backed up in this way; take `backup msr`, which asks Kubernetes"
            )));
        }
        if self.options.ignore_scan_data && !version.is_from((2, 9, 18)) {
            return Err(Trouble::Usage(format!(
                "DTR {shown} cannot leave out scan data (--ignore-scan-data came with 2.9.18); leave the option away"
            )));
        }
        if version.is_from((2, 6, 0)) && !version.is_from((2, 6, 4)) {
            survey.warnings.push(format!(
                "DTR {shown} erases tags where this archive is restored with --nfs-storage-url; update to 2.6.4 or later"
            ));
        }
        if self.options.offline {
            survey.warnings.push(
                "DTR's database is down while an offline backup is made; should the backup end early, look whether DTR answers"
                    .to_owned(),
            );
        }
        if self.options.trust == Trust::Nobody {
            survey.warnings.push(
                "UCP's certificate was not checked: the password of its administrator went to whoever answered; give the \
                 authority next time (curl --insecure https://UCP/ca > ucp-ca.pem, and compare its fingerprint with the one an \
                 administrator reads on a manager)"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn earlier(&self) -> Result<Option<Earlier>, Trouble> {
        let Some(folder) = &self.options.earlier else { return Ok(None) };
        let told: Vec<Earlier> = publish::told(folder)?;
        let is_it = |this: &Earlier| this.product == "dtr" && this.fact("ucp-url") == self.ucp();
        Ok(told.into_iter().rfind(is_it))
    }

    /// Host and port of UCP.
    fn host(&self) -> String {
        let url = self.options.ucp_url.trim_end_matches('/');
        url.strip_prefix("https://").unwrap_or(url).to_owned()
    }

    /// The URL in its shortest form.
    fn ucp(&self) -> String {
        let url = self.host();
        name(url.strip_suffix(":443").unwrap_or(&url).to_ascii_lowercase().as_bytes())
    }

    fn command(&self, found: &Found) -> Command {
        let options = &self.options;
        let mut command = options
            .docker
            .clone()
            .guarded()
            .arguments(["run", "--log-driver", "none", "-i", "--rm", "--env", PASSWORD])
            .secret_variable(PASSWORD, options.ucp_password.clone())
            .argument(format!("{}:{}", found.image, found.version.as_str()))
            .arguments(["backup", "--ucp-url", &options.ucp_url, "--ucp-username", &options.ucp_username]);
        command = match &found.authority {
            Some(authority) => command.arguments(["--ucp-ca", authority.pem()]),
            None => command.argument("--ucp-insecure-tls"),
        };
        command = command.arguments(["--existing-replica-id", &found.replica]);
        if options.offline {
            command = command.argument("--offline-backup");
        }
        if options.ignore_scan_data {
            command = command.argument("--ignore-scan-data");
        }
        command
    }
}

impl Producer for Dtr {
    fn word(&self) -> &'static str {
        "dtr"
    }

    fn survey(&mut self, world: &World) -> Result<Survey, Trouble> {
        self.check()?;
        let mut survey = Survey { form: Form::Tar, ..Survey::default() };
        let authority = Authority::of(&self.options.trust, &self.host(), &self.options.curl, world)?;
        let earlier = self.earlier()?;
        let names = container::names(&self.options.docker, world, "dtr-", false)?;
        let replica = self.replica(&names, earlier.as_ref())?;
        let (image, version) = self.identify(world, &names, &replica, &mut survey)?;
        self.weigh(&version, &mut survey)?;
        survey.warnings.extend(authority.as_ref().and_then(Authority::warning));
        if let Some(earlier) = earlier.filter(|earlier| earlier.fact("replica") != replica) {
            let before = name(earlier.fact("replica").as_bytes());
            survey.warnings.push(format!(
                "the archive before this one ({}) is of the replica {before}, and this one of {replica}: DTR is backed up from \
                 the same replica each time, and restored from archives of one; give {before}, unless it is gone",
                name(earlier.archive.as_bytes())
            ));
        }
        survey.name = called(&[self.word(), version.as_str(), &replica], world);
        survey.family = format!("dtr-{replica}");
        survey.facts.extend([
            ("replica", replica.clone()),
            ("version", version.as_str().to_owned()),
            ("image", image.clone()),
            ("ucp-url", self.ucp()),
        ]);
        survey.facts.extend(authority.as_ref().map(|authority| ("ucp-ca-sha256", authority.fingerprints())));
        self.found = Some(Found { image, version, replica, authority });
        Ok(survey)
    }

    fn plan(&self) -> Vec<Planned> {
        let Some(found) = &self.found else { return Vec::new() };
        let kept = found.authority.as_ref().and_then(Authority::is_to_be_kept);
        let keep = kept
            .map(|path| Planned::own(format!("keep UCP's authority in {}", name(path.as_os_str().as_encoded_bytes()))));
        keep.into_iter().chain([Planned::command(SAYS, &self.command(found))]).collect()
    }

    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        let Some(found) = &self.found else {
            return Err(Trouble::Refused("nothing was looked up yet; ask for the survey first".to_owned()));
        };
        found.authority.as_ref().map_or(Ok(()), Authority::keep)?;
        match world.stream(SAYS, &self.command(found), out) {
            Ok(ran) => Ok(Made { warnings: container::complaint(&ran).into_iter().collect(), ..Made::default() }),
            Err(Trouble::Run(trouble)) => {
                if trouble.ran.is_some() && !matches!(trouble.cause, Cause::Exit(_)) {
                    world.say(&format!(
                        "a container of {}:{} may still be at work; look for it with docker container ls",
                        found.image,
                        found.version.as_str()
                    ));
                }
                Err(said::explain(trouble))
            }
            Err(trouble) => Err(trouble),
        }
    }
}

/// The replica that a container of this kind is of.
fn replica_of<'a>(name: &'a str, kind: &str) -> Option<&'a str> {
    // Seen through UCP, a name has the node's before it.
    let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
    name.strip_prefix(kind).filter(|replica| is_replica(replica))
}

fn is_replica(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}
