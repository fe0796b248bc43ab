//! MSR 3: the metadata, as the installation's own command writes it within the cluster.
//!
//! ```text
//! kubectl exec -i deployment/NAME-api -- msr backup [--ignore-scan-data] -  ──►  out
//! ```
//! A connection that `kubectl` loses near the end can look to it like an end: what comes is verified all the same, and an
//! archive that is cut never gets its name.
//!
//! Promises: nothing is run in the cluster but that one command, without a terminal, and nothing is read by it; where the
//! images lie is told, because they are not in this backup. Refuses to know: what is in the archive.

use std::io::Write;

use super::called::called;
use super::kubernetes::{Cluster, advise, check, lines, unread};
use super::run::Command;
use super::{Form, Made, Planned, Producer, Survey, Trouble, World};
use crate::report::name;

/// What is backed up, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the cluster is reached.
    pub cluster: Cluster,
    /// The name of the installation: its API is the deployment of this name with `-api` at its end.
    pub name: String,
    /// Whether the results of scans are left out.
    pub ignore_scan_data: bool,
    /// The claim of the volume with the images; `None` is the one called as the installation. It is only looked up.
    pub claim: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { cluster: Cluster::default(), name: "msr".to_owned(), ignore_scan_data: false, claim: None }
    }
}

/// Backs up the metadata of MSR 3.
#[derive(Debug)]
pub struct Msr {
    options: Options,
}

/// The namespace, and the image of each container: a line each.
const DEPLOYMENT: &str = r#"{.metadata.namespace}{"\n"}{range .spec.template.spec.containers[*]}{.image}{"\n"}{end}"#;

const SAYS: &str = "back up the metadata of MSR";

impl Msr {
    /// A backup with these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    fn deployment(&self) -> String {
        format!("{}-api", self.options.name)
    }

    fn backup(&self) -> Command {
        let scans = self.options.ignore_scan_data.then_some("--ignore-scan-data");
        let command = self.options.cluster.command().guarded().arguments(["exec", "-i"]);
        let command = command.argument(format!("deployment/{}", self.deployment()));
        command.arguments(["--", "msr", "backup"]).arguments(scans).argument("-")
    }

    /// Where the images are, for whoever has to back them up too.
    fn images(&self, world: &World) -> Result<String, Trouble> {
        let claim = self.options.claim.as_ref().unwrap_or(&self.options.name);
        let found = match self.options.cluster.volume(claim, world) {
            Ok(volume) => volume.directory(),
            Err(trouble) if trouble.is_stop() => return Err(trouble),
            Err(trouble) => Err(trouble.to_string()),
        };
        Ok(match found {
            Ok(path) => {
                let path = name(path.as_os_str().as_encoded_bytes());
                let images = Command::new("veritar").arguments(["backup", "images", "--claim", claim]);
                let images = self.options.cluster.leading_to(images).describe();
                format!("not in this backup: {path} on this machine, to be backed up with `{images}`")
            }
            Err(why) => format!("not in this backup, and to be backed up apart: {why}"),
        })
    }
}

impl Producer for Msr {
    fn word(&self) -> &'static str {
        "msr"
    }

    fn survey(&mut self, world: &World) -> Result<Survey, Trouble> {
        let Options { cluster, name: installation, .. } = &self.options;
        check(installation, "MSR installation")?;
        let context = cluster.context(world)?;
        let command = cluster.get("deployment", &self.deployment(), DEPLOYMENT);
        let printed = world.look("find out the version", &command).map_err(|trouble| {
            advise(trouble, "`kubectl get deployments --all-namespaces` lists what is deployed: give the installation's name with --installation (its API is NAME-api), --namespace and --context")
        })?;
        let lines = lines(&printed);
        let [namespace, images @ ..] = lines.as_slice() else { return Err(unread(&command)) };
        let image = api_image(images).ok_or_else(|| unread(&command))?;
        let version = version(image);
        let image = name(image.as_bytes());
        if image.contains("harbor") || version.starts_with("4.") {
            return Err(Trouble::Refused(format!(
                "{} runs {image}: MSR 4 is Harbor, which has no `msr backup`; back it up with Velero, as its manual says",
                self.deployment()
            )));
        }
        let namespace = name(namespace.as_bytes());
        let mut survey = Survey {
            name: called(&["msr", version, installation], world),
            family: ["msr", context.as_deref().unwrap_or_default(), &namespace, installation].join("/"),
            facts: vec![("image", image), ("installation", installation.clone()), ("namespace", namespace)],
            form: Form::Tar,
            ..Survey::default()
        };
        survey.facts.extend(context.map(|context| ("context", context)));
        if version.is_empty() {
            survey.warnings.push(
                "the version of MSR does not stand in the name of its image: write it down, because only the same major.minor restores this backup"
                    .to_owned(),
            );
        } else {
            survey.facts.push(("version", version.to_owned()));
        }
        survey.facts.push(("images", self.images(world)?));
        Ok(survey)
    }

    fn plan(&self) -> Vec<Planned> {
        vec![Planned::command(SAYS, &self.backup())]
    }

    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        world.stream(SAYS, &self.backup(), out)?;
        Ok(Made::default())
    }
}

/// The image of the container with the API: the one that says so, or else the first.
fn api_image(images: &[String]) -> Option<&String> {
    let mut images = images.iter().filter(|image| !image.is_empty());
    let is_api = |image: &&String| image.rsplit('/').next().is_some_and(|last| last.contains("api"));
    images.clone().find(is_api).or_else(|| images.next())
}

/// The tag of an image, where it is a version.
fn version(image: &str) -> &str {
    let named = image.split('@').next().unwrap_or_default();
    let last = named.rsplit('/').next().unwrap_or_default();
    let tag = last.split_once(':').map_or("", |(_, tag)| tag);
    let version = tag.strip_prefix('v').unwrap_or(tag);
    let is_plain = version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte));
    if version.starts_with(|first: char| first.is_ascii_digit()) && is_plain { version } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_the_tag_of_the_image() {
        for (image, found) in [
            ("registry.mirantis.com/msr/msr-api:3.1.5", "3.1.5"),
            ("localhost:5000/msr-api:v3.0.1", "3.0.1"),
            ("localhost:5000/msr-api", ""),
            ("msr-api:3.1.5@sha256:00ff", "3.1.5"),
            ("msr-api@sha256:00ff", ""),
            ("msr-api:latest", ""),
            ("msr-api:3.1 x", ""),
        ] {
            assert_eq!(version(image), found, "{image}");
        }
    }

    #[test]
    fn a_container_beside_the_api_is_not_asked() {
        let images = ["istio/proxyv2:1.20.0", "msr/msr-api:3.1.5", ""].map(str::to_owned);
        assert_eq!(api_image(&images), Some(&images[1]));
        assert_eq!(api_image(&images[..1]), Some(&images[0]));
        assert_eq!(api_image(&images[2..]), None);
    }
}
