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
use api::{Api, Described, Kind, No, Wanted, details_path};
use http::{Client, Patience};
use url::Url;

/// How often is looked whether to stop.
const TICK: Duration = Duration::from_millis(100);

/// Why nothing comes of a backup that is there.
const STOPPED: &str = "veritar was asked to stop before it was read: verify it there";

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

/// One backup, while it is made.
struct Run<'a> {
    ucp: &'a UcpApi,
    found: &'a Found,
    world: &'a World,
}

impl Run<'_> {
    /// Waits until no other backup runs.
    fn let_the_other_end(&self) -> Result<(), Trouble> {
        let (Some(first), Some(most)) = (&self.found.running, self.ucp.options.wait) else { return Ok(()) };
        let Found { api, .. } = self.found;
        self.world.say(&format!("UCP makes {} already, which is waited for", of(api, first)));
        let (since, mut good, mut said) = (Instant::now(), Instant::now(), String::new());
        loop {
            match api.list() {
                Ok(list) => {
                    good = Instant::now();
                    let Some(other) = list.iter().find(|one| one.is_in_progress()) else { return Ok(()) };
                    if since.elapsed() >= most {
                        return Err(Trouble::Refused(format!(
                            "{} is still running after {} seconds, and UCP makes one backup at a time; wait longer, or look \
                             at the log of ucp-controller on that node",
                            of(api, other),
                            most.as_secs_f64()
                        )));
                    }
                }
                Err(no) if no.kind == Kind::Passing && good.elapsed() < self.ucp.options.pace.patience => {
                    self.say_once(no, &mut said);
                }
                Err(no) => return Err(no.into()),
            }
            UcpApi::sleep(self.world, self.ucp.options.pace.poll)?;
        }
    }

    /// Asks for the backup, once, and finds out what came of it where the answer does not say.
    fn begin(&self) -> Result<String, Trouble> {
        let Found { api, passphrase, file_name, .. } = self.found;
        let options = &self.ucp.options;
        let wanted = Wanted {
            file_name,
            passphrase: passphrase.as_ref().and_then(|secret| std::str::from_utf8(secret.reveal()).ok()),
            include_logs: options.include_logs,
            host_path: options.host_path.as_deref(),
        };
        let no = match api.begin(&wanted) {
            Ok(id) => return Ok(id),
            Err(no) => no,
        };
        if !no.may_be_done {
            return Err(no.into());
        }
        let list = api.shown("GET", "/api/ucp/backups");
        let unknown = format!("whether UCP has begun a backup is not known: look at {list} before you run it again");
        if no.kind == Kind::Stopped {
            return Err(Trouble::Refused(format!("{}; {unknown}", no.sentence)));
        }
        let Ok(all) = api.list() else {
            return Err(Trouble::Refused(format!("{}; {unknown}", no.sentence)));
        };
        // Nobody else has a file of this name.
        if let Some(ours) = all.iter().find(|one| one.file_name == *file_name && api::is_identifier(&one.id)) {
            self.world.say(&no.sentence);
            return Ok(ours.id.clone());
        }
        Err(Trouble::Refused(match all.iter().find(|one| one.is_in_progress()) {
            Some(other) => format!(
                "{}; {list} says that {} is running, and UCP makes one backup at a time: wait for it (--wait)",
                no.sentence,
                of(api, other)
            ),
            None => format!("{}; {list} shows none of ours, so none has begun", no.sentence),
        }))
    }

    /// Looks at the backup until it is done.
    fn follow(&self, id: &str) -> Result<Described, Trouble> {
        let (api, pace) = (&self.found.api, &self.ucp.options.pace);
        let look = api.shown("GET", &details_path(id));
        let goes_on = format!("the backup {id} goes on in UCP by itself: {look} tells what becomes of it");
        let stopped = || Trouble::Refused(format!("veritar was asked to stop; {goes_on}"));
        let (since, mut good, mut said) = (Instant::now(), Instant::now(), String::new());
        loop {
            match api.details(id) {
                Ok(now) => {
                    good = Instant::now();
                    match now.backup_state.as_str() {
                        "SUCCESS" => return Ok(now),
                        "FAILED" => return Err(self.failed(id, &now)),
                        "IN_PROGRESS" => {}
                        other => {
                            return Err(Trouble::Refused(format!(
                                "{look} says that the backup is in a state `{}`, which veritar does not know; look at it in \
                                 UCP's own interface, and report this",
                                api.said(other)
                            )));
                        }
                    }
                }
                Err(No { kind: Kind::Stopped, .. }) => return Err(stopped()),
                Err(no) if no.kind == Kind::Passing && good.elapsed() < pace.patience => self.say_once(no, &mut said),
                Err(no) => return Err(Trouble::Refused(format!("{}; {goes_on}", no.sentence))),
            }
            if since.elapsed() >= pace.backup {
                return Err(Trouble::Refused(format!(
                    "{look} says after {} seconds that the backup is still running; {goes_on}",
                    pace.backup.as_secs_f64()
                )));
            }
            UcpApi::sleep(self.world, pace.poll).map_err(|_| stopped())?;
        }
    }

    /// Says what may pass, and not again as long as it stays the same.
    fn say_once(&self, no: No, said: &mut String) {
        if *said != no.sentence {
            self.world.say(&no.sentence);
            *said = no.sentence;
        }
    }

    fn failed(&self, id: &str, described: &Described) -> Trouble {
        let (api, error) = (&self.found.api, described.short_error.to_lowercase());
        let next = if error.contains("permission") || error.contains("denied") {
            "the host path must be a folder that nobody:nogroup may write to (chown nobody:nogroup, on that node), and, with \
             SELinux, one that containers may write to"
        } else if error.contains("space") || error.contains("quota") {
            "make room there, and run it again"
        } else if error.contains("no such file") || error.contains("not exist") {
            "the host path must be there on that node: make the folder, for nobody:nogroup, and run it again"
        } else if error.contains("progress") || error.contains("another") || error.contains("already") {
            "UCP makes one backup at a time: wait for the other (--wait)"
        } else {
            "look at the log of ucp-controller on that node, and run it again"
        };
        let said =
            if error.trim().is_empty() { "nothing about why".to_owned() } else { api.said(&described.short_error) };
        Trouble::Refused(format!(
            "{} says that the backup failed on {}: {said}; {next}",
            api.shown("GET", &details_path(id)),
            node(api, described)
        ))
    }

    /// Takes the bytes of what UCP has made.
    fn take(&self, id: &str, done: &Described, out: &mut dyn Write) -> Result<Made, Trouble> {
        let Found { api, file_name, passphrase, .. } = self.found;
        let there = self.there(done);
        let lies = format!("UCP has made the backup {id}, which lies on {} at {there}, unverified", node(api, done));
        let refused = |why: &str| Err(Trouble::Refused(format!("{lies}; {why}")));
        if !done.file_name.is_empty() && done.file_name != *file_name {
            return refused(
                "its file does not have the name that was asked for: look what UCP made of it, and verify it there",
            );
        }
        if done.encrypted.is_some_and(|encrypted| encrypted != passphrase.is_some()) {
            return refused(
                "UCP says that it is encrypted where that was not asked for, or the other way round: look at it there",
            );
        }
        let Some(path) = self.ucp.here(file_name) else {
            return refused(&format!(
                "there is no folder here to collect it from: run `veritar verify {there}` on that node, or mount the folder \
                 here and say where (--collect)"
            ));
        };
        let since = Instant::now();
        let file = loop {
            match collect::open(&path) {
                Ok(Some(file)) => break file,
                Ok(None) => {}
                Err(trouble) => return refused(&trouble.to_string()),
            }
            if since.elapsed() >= self.ucp.options.pace.appears {
                return refused(&format!(
                    "{} is not there: is that the same folder, of that node? Run `veritar verify {there}` on the node, or \
                     mount its folder here",
                    shown(&path)
                ));
            }
            UcpApi::sleep(self.world, TICK).or_else(|_| refused(STOPPED).map(drop))?;
        };
        self.world.say(&format!("{} is read", shown(&path)));
        // An archive in the clear must not get a name that says otherwise, whatever UCP says of it.
        if passphrase.is_some() && collect::is_in_the_clear(&file) {
            return refused(
                "it is not encrypted, though a passphrase was given to UCP for that: remove it there, and look at UCP",
            );
        }
        let bytes = match collect::copy(self.world, &path, &file, out) {
            Ok(bytes) => bytes,
            Err(trouble) if trouble.is_stop() => return refused(STOPPED),
            Err(trouble) => return Err(trouble),
        };
        let sealed = if passphrase.is_some() { "" } else { ", unencrypted" };
        let said = |text: &str| api.said(text);
        Ok(Made {
            facts: vec![
                ("backup", id.to_owned()),
                ("node", said(&done.node_location)),
                ("path", there.clone()),
                ("begun", said(&done.created)),
                ("completed", said(&done.completed)),
                ("ucp-bytes", bytes.to_string()),
            ],
            warnings: vec![format!(
                "UCP's own copy stays on {} at {there}{sealed}; remove it there when it is no longer wanted",
                node(api, done)
            )],
            troubles: Vec::new(),
        })
    }

    /// Where UCP's file lies on its node.
    fn there(&self, done: &Described) -> String {
        let folder = if done.backup_path.is_empty() {
            self.ucp.options.host_path.as_deref().unwrap_or("UCP's volume for backups")
        } else {
            &done.backup_path
        };
        let file = if done.file_name.is_empty() { &self.found.file_name } else { &done.file_name };
        if folder.ends_with(file.as_str()) {
            return self.found.api.said(folder);
        }
        self.found.api.said(&format!("{}/{file}", folder.trim_end_matches('/')))
    }
}

/// A backup in a sentence.
fn of(api: &Api, described: &Described) -> String {
    let mut sentence = format!("the backup {} on {}", api.said(&described.id), node(api, described));
    if !described.created.is_empty() {
        sentence.push_str(" (begun ");
        sentence.push_str(&api.said(&described.created));
        sentence.push(')');
    }
    sentence
}

fn node(api: &Api, described: &Described) -> String {
    if described.node_location.is_empty() {
        "one of the managers".to_owned()
    } else {
        api.said(&described.node_location)
    }
}

fn shown(path: &Path) -> String {
    name(path.as_os_str().as_encoded_bytes())
}
