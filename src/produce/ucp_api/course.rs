//! One backup, from the question to its bytes.
//!
//! Promises: UCP is asked once; where its answer is lost, the list tells what came of it; trouble on the way is passed over
//! for a while; whatever ends this, the sentence says what becomes of the backup in UCP. Refuses to know: how the options
//! came about.

use std::io::Write;
use std::time::Instant;

use super::api::{self, Api, Described, Kind, No, Wanted, details_path};
use super::{Found, TICK, UcpApi, collect, shown};
use crate::produce::{Made, Trouble, World};

/// Why nothing comes of a backup that is there.
const STOPPED: &str = "veritar was asked to stop before it was read: verify it there";

/// One backup, while it is made.
pub(super) struct Run<'a> {
    pub(super) ucp: &'a UcpApi,
    pub(super) found: &'a Found,
    pub(super) world: &'a World,
}

impl Run<'_> {
    /// Waits until no other backup runs.
    pub(super) fn let_the_other_end(&self) -> Result<(), Trouble> {
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
    pub(super) fn begin(&self) -> Result<String, Trouble> {
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
    pub(super) fn follow(&self, id: &str) -> Result<Described, Trouble> {
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
    pub(super) fn take(&self, id: &str, done: &Described, out: &mut dyn Write) -> Result<Made, Trouble> {
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
pub(super) fn of(api: &Api, described: &Described) -> String {
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
