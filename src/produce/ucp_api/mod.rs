//! UCP by its interface: UCP is asked for a backup over HTTPS, and writes it into a folder of one of its managers.
//!
//! ```text
//! survey   GET /api/ucp/backups ─► is the token good, is one running?  GET /version
//! produce  POST /api/ucp/backup ─► GET /api/ucp/backup/{id} … SUCCESS ─► collect (the file, where its folder is mounted here)
//! ```
//!
//! Promises: the server's certificate is checked; the token and the passphrase go to the server and nowhere else; the file
//! has a name that nothing had before; a backup that was begun is never lost sight of in silence: where it does not come to
//! an archive, the sentence says where it is and how to go on. Refuses to know: what is in the archive, and how it is shown.
//!
//! What it cannot do: UCP has no way to break a backup off, nor to hand one over; its own copy stays where it is.

mod api;
mod collect;
mod course;
mod failure;
mod http;
mod trust;
mod url;

pub use trust::Trust;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;

use super::run::{REDACTED, Redactor};
use super::{Form, Made, Planned, Producer, Survey, Trouble, World};
use crate::report::name;
use crate::secret::Secret;
use api::{Api, Described, Kind, details_path};
use course::{Run, of};
use http::{Client, Patience};
use url::Url;

/// How often is looked whether to stop.
const TICK: Duration = Duration::from_millis(100);

/// How to back up UCP by its interface.
#[derive(Debug, Clone)]
pub struct Options {
    /// `https://HOST[:PORT]` of UCP.
    pub url: String,
    /// What proves that an administrator asks (`auth_token` of `POST /auth/login`).
    pub token: Secret,
    /// Who may have issued UCP's certificate.
    pub trust: Trust,
    /// UCP's version, for the archive's name; `None` asks UCP.
    pub version: Option<String>,
    /// UCP encrypts its backup to this; `None` takes it plain.
    pub passphrase: Option<Secret>,
    /// Whether UCP writes a log beside its backup.
    pub include_logs: bool,
    /// The folder on the manager that UCP writes to; `None` leaves that to UCP.
    pub host_path: Option<String>,
    /// Where that folder can be reached from here; `None` leaves the backup there, unverified and without a name.
    pub collect: Option<PathBuf>,
    /// How long a backup that runs already is waited for; `None` refuses to begin.
    pub wait: Option<Duration>,
    /// How long things may take.
    pub pace: Pace,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Until a connection stands.
    pub connect: Duration,
    /// Nothing coming or going in a request.
    pub silence: Duration,
    /// A whole request.
    pub request: Duration,
    /// From one look at a running backup to the next.
    pub poll: Duration,
    /// No good answer from one look to the next; UCP's managers may be restarted meanwhile.
    pub patience: Duration,
    /// A whole backup.
    pub backup: Duration,
    /// Until a file that UCP has written is seen here: network file systems remember for a while what was not there.
    pub appears: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            silence: Duration::from_mins(1),
            request: Duration::from_mins(3),
            poll: Duration::from_secs(5),
            patience: Duration::from_mins(5),
            backup: Duration::from_hours(4),
            appears: Duration::from_mins(1),
        }
    }
}

/// Backs up UCP by its interface.
pub struct UcpApi {
    options: Options,
    /// What the survey found.
    found: Option<Found>,
}

struct Found {
    api: Api,
    passphrase: Option<Secret>,
    file_name: String,
    /// One that runs already.
    running: Option<Described>,
}

impl UcpApi {
    /// Backs it up like this.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self { options, found: None }
    }

    /// Holds the options against what can be.
    fn api(&self, world: &World) -> Result<Api, Trouble> {
        let usage = |sentence: &str| Err(Trouble::Usage(sentence.to_owned()));
        let options = &self.options;
        let url = Url::parse(&options.url)?;
        let token = options.token.reveal().trim_ascii();
        if token.is_empty() || !token.iter().all(u8::is_ascii_graphic) {
            return usage(
                "the token of UCP is empty, or has something in it that no token has; put `auth_token` of \
                 POST /auth/login into its file, and nothing else",
            );
        }
        let token = Secret::new(token.to_vec());
        if let Some(passphrase) = &options.passphrase {
            let is_line = std::str::from_utf8(passphrase.reveal()).is_ok_and(|text| !text.contains(char::is_control));
            if passphrase.reveal().is_empty() || !is_line {
                return usage("the passphrase for UCP is empty, or no line of UTF-8 text; give another");
            }
        }
        if options.host_path.as_deref().is_some_and(|path| !path.starts_with('/') || path.contains(char::is_control)) {
            return usage(
                "the host path for UCP is no absolute path; give a folder on the manager, such as /var/backups/ucp",
            );
        }
        if options.version.as_deref().is_some_and(|version| !api::is_version(version)) {
            return usage("the version of UCP that was given is none; give one like 3.2.6");
        }
        if let Some(folder) = &options.collect {
            collect::check(folder)?;
        }
        let Ok(name) = ServerName::try_from(url.host.clone()) else {
            let host = name(url.host.as_bytes());
            return Err(Trouble::Usage(format!("`{host}` is no name and no address of a host; give UCP's own")));
        };
        let pace = &options.pace;
        let client = Client {
            url,
            name,
            tls: options.trust.config()?,
            patience: Patience { connect: pace.connect, silence: pace.silence, whole: pace.request },
            stop: Arc::clone(&world.stop),
        };
        let redactor = Redactor::new([&token].into_iter().chain(&options.passphrase));
        Ok(Api { client, token, redactor })
    }

    fn version(&self, api: &Api, warnings: &mut Vec<String>) -> Result<String, Trouble> {
        if let Some(version) = &self.options.version {
            return Ok(version.clone());
        }
        match api.version() {
            Ok(Some(version)) => return Ok(version),
            Ok(None) => warnings.push(format!(
                "{} does not tell UCP's version; give it, for the archive's name",
                api.shown("GET", "/version")
            )),
            Err(no) if no.kind == Kind::Stopped => return Err(no.into()),
            Err(no) => warnings.push(format!("UCP's version is not known: {}", no.sentence)),
        }
        Ok("unknown".to_owned())
    }

    /// The file where it can be reached from here.
    fn here(&self, file_name: &str) -> Option<PathBuf> {
        self.options.collect.as_ref().map(|folder| folder.join(file_name))
    }

    fn sleep(world: &World, most: Duration) -> Result<(), Trouble> {
        let until = Instant::now() + most;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            world.may_go_on()?;
            std::thread::sleep(left.min(TICK));
        }
        world.may_go_on()
    }
}

impl Producer for UcpApi {
    fn word(&self) -> &'static str {
        "ucp"
    }

    fn survey(&mut self, world: &World) -> Result<Survey, Trouble> {
        let api = self.api(world)?;
        let list = api.list()?;
        let running = list.iter().find(|one| one.is_in_progress()).cloned();
        if let Some(running) = running.as_ref().filter(|_| self.options.wait.is_none()) {
            return Err(Trouble::Refused(format!(
                "{} says that {} is running, and UCP makes one backup at a time; wait for it (--wait), or, where it has been \
                 standing there for long, look at the log of ucp-controller on that node",
                api.shown("GET", "/api/ucp/backups"),
                of(&api, running)
            )));
        }
        let mut warnings = Vec::new();
        let version = self.version(&api, &mut warnings)?;
        let (host, begun) = (api.client.url.in_a_name(), &world.now);
        let file_name = format!("ucp-{version}-{host}-{}.tar", begun.strftime("%s"));
        let is_taken = list.iter().any(|one| one.file_name == file_name);
        if is_taken || self.here(&file_name).is_some_and(|path| collect::is_there(&path)) {
            return Err(Trouble::Refused(format!(
                "UCP has a file {file_name} already, and would write over it; look at this machine's clock, and run it again"
            )));
        }
        if self.options.collect.is_none() {
            warnings.push(
                "there is no folder to collect the backup from, so it stays where UCP writes it, unverified and not published"
                    .to_owned(),
            );
        }
        if self.options.host_path.is_none() {
            warnings.push(
                "without a host path UCP writes into a volume on one of its managers, whose disk may be lost with the manager"
                    .to_owned(),
            );
        }
        let form = if self.options.passphrase.is_some() { Form::OpenPgp } else { Form::Tar };
        let survey = Survey {
            name: format!("ucp-{version}-{host}-{}", begun.strftime("%s%z")),
            family: format!("ucp-{host}"),
            facts: vec![("url", api.client.url.to_string()), ("version", version), ("file", file_name.clone())],
            warnings,
            expected_bytes: None,
            form,
        };
        self.found = Some(Found { api, passphrase: self.options.passphrase.clone(), file_name, running });
        Ok(survey)
    }

    fn plan(&self) -> Vec<Planned> {
        let Some(Found { api, file_name, running, .. }) = &self.found else { return Vec::new() };
        let mut steps = Vec::new();
        if let Some(running) = running {
            let path = details_path(&api.said(&running.id));
            steps.push(Planned::own(format!("wait for {}: {}", of(api, running), api.shown("GET", &path))));
        }
        let secret = if self.options.passphrase.is_some() { format!(", passphrase {REDACTED}") } else { String::new() };
        let host_path = self.options.host_path.as_deref().map(|path| format!(", hostPath {}", name(path.as_bytes())));
        steps.push(Planned::own(format!(
            "ask UCP for a backup: {} with fileName {file_name}, includeLogs {}{}{secret}",
            api.shown("POST", "/api/ucp/backup"),
            self.options.include_logs,
            host_path.unwrap_or_default()
        )));
        steps.push(Planned::own(format!(
            "wait until UCP says SUCCESS: {} every {} seconds",
            api.shown("GET", &details_path("ID")),
            self.options.pace.poll.as_secs_f64()
        )));
        steps.push(Planned::own(match self.here(file_name) {
            Some(path) => format!("read {}", shown(&path)),
            None => "say where the backup lies, unverified".to_owned(),
        }));
        steps
    }

    fn produce(&mut self, world: &World, out: &mut dyn Write) -> Result<Made, Trouble> {
        let Some(found) = &self.found else {
            return Err(Trouble::Refused("UCP was not looked at beforehand; please report this".to_owned()));
        };
        let run = Run { ucp: self, found, world };
        run.let_the_other_end()?;
        world.may_go_on()?;
        let id = run.begin()?;
        world.say(&format!("UCP makes the backup {id}"));
        let done = run.follow(&id)?;
        run.take(&id, &done, out)
    }
}

fn shown(path: &Path) -> String {
    name(path.as_os_str().as_encoded_bytes())
}
