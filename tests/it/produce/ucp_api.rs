//! UCP by its interface, against a server that speaks what is documented, and what it should not.
//!
//! Each test looks at the target folder, and for the secrets in everything that was said.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use veritar::produce::flow::{Backup, Failed, Order, back_up, preview};
use veritar::produce::seal::Seal;
use veritar::produce::ucp_api::{Options, Pace, Trust, UcpApi};
use veritar::produce::{Producer as _, Trouble, World};
use veritar::secret::{Known, Secret};

use crate::support::{corpus, options, program};

mod stand_in;

use stand_in::{Hook, ID, Identity, NODE, Reply, StandIn, TOKEN, Ucp};

const CA: &str = "UCP Cluster Root CA";
const LIST: &str = "/api/ucp/backups";
const BEGIN: &str = "/api/ucp/backup";
const LOOK: &str = "/api/ucp/backup/0d0525dd-948a-41b4-9f25-c6b4cd6d9fe4";

/// A UCP, its folder, and the folder for archives.
struct Bench {
    folders: tempfile::TempDir,
    there: PathBuf,
    target: PathBuf,
    ucp: StandIn,
    options: Options,
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<String>>,
    now: jiff::Zoned,
}

/// Quick enough for tests, slow enough for a machine under load.
const PACE: Pace = Pace {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(20),
    request: Duration::from_secs(30),
    poll: Duration::from_millis(20),
    patience: Duration::from_millis(300),
    backup: Duration::from_secs(30),
    appears: Duration::from_millis(300),
};

fn plain() -> Vec<u8> {
    std::fs::read(corpus().join("good/ucp-mke-3.4.5.tar")).unwrap()
}

fn sealed() -> Vec<u8> {
    std::fs::read(corpus().join("good/ucp-mke-3.4.5.tar.pgp")).unwrap()
}

fn by_itself() -> Hook {
    Box::new(|_, _| None)
}

/// Answers like this wherever `method` and `path` are asked for.
fn always(method: &'static str, path: &'static str, reply: Reply) -> Hook {
    Box::new(move |asked, _| asked.is(method, path).then(|| reply.clone()))
}

impl Bench {
    fn new(archive: &[u8], hook: Hook) -> Self {
        Self::of(Identity::issued(&["127.0.0.1"], CA), archive, hook)
    }

    fn of(identity: Identity, archive: &[u8], hook: Hook) -> Self {
        let folders = tempfile::tempdir().unwrap();
        let (there, target) = (folders.path().join("there"), folders.path().join("target"));
        std::fs::create_dir(&there).unwrap();
        std::fs::create_dir(&target).unwrap();
        let ucp = StandIn::start(identity, &there, archive, hook);
        let options = Options {
            url: ucp.url.clone(),
            token: Secret::new(format!("{TOKEN}\n").into_bytes()),
            trust: Trust::File { name: "ca.pem".to_owned(), pem: ucp.ca.clone() },
            version: None,
            passphrase: None,
            include_logs: false,
            host_path: Some("/secure-location".to_owned()),
            collect: Some(there.clone()),
            wait: None,
            pace: PACE,
        };
        let now = "2021-09-13T18:11:50+02:00[Europe/Berlin]".parse().unwrap();
        Self { folders, there, target, ucp, options, stop: Arc::default(), told: Arc::default(), now }
    }

    fn world(&self) -> World {
        let told = Arc::clone(&self.told);
        let tell =
            Arc::new(move |one: &veritar::produce::run::Told<'_>| writeln!(told.lock().unwrap(), "{one}").unwrap());
        World::new(Arc::clone(&self.stop), self.now.clone(), tell)
    }

    fn order(&self) -> Order {
        Order {
            folder: self.target.clone(),
            name: None,
            seal: Seal::default(),
            options: options(1),
            can_open: true,
            read_back: true,
            keep: None,
            failed: Failed::Keep,
        }
    }

    fn run(&self) -> Backup {
        let mut unlock =
            Known { passphrases: self.options.passphrase.clone().into_iter().collect(), ..Known::default() };
        let backup = back_up(&mut UcpApi::new(self.options.clone()), &self.order(), &self.world(), &mut unlock);
        self.no_secret_is_said(&backup);
        // Whatever happens, nothing is asked for twice.
        assert!(self.ucp.ucp().count("POST", BEGIN) <= 1);
        backup
    }

    /// Nothing has a name, and the first trouble is the sentence.
    fn refused(&self) -> String {
        let backup = self.run();
        assert!(backup.published.is_none() && !backup.troubles.is_empty(), "{backup:?}");
        assert_eq!(self.archives(), Vec::<String>::new(), "{backup:?}");
        let sentence = backup.troubles[0].to_string();
        assert!(sentence.contains("; ") && !sentence.contains(['\n', '\x1b']), "no next step: {sentence}");
        sentence
    }

    /// The same without reports of runs that wrote nothing.
    fn archives(&self) -> Vec<String> {
        self.names().into_iter().filter(|name| !(name.contains(".failed.") && name.ends_with(".json"))).collect()
    }

    /// What is in the target folder, but for the lock.
    fn names(&self) -> Vec<String> {
        let names =
            std::fs::read_dir(&self.target).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name != ".veritar.lock").collect();
        names.sort();
        names
    }

    fn no_secret_is_said(&self, backup: &Backup) {
        let mut all = format!("{backup:?}{}", self.told.lock().unwrap());
        all.push_str(&String::from_utf8(backup.receipt.to_json()).unwrap());
        for name in self.names().iter().filter(|name| name.ends_with(".json")) {
            all.push_str(&std::fs::read_to_string(self.target.join(name)).unwrap());
        }
        assert!(!all.contains(TOKEN), "{all}");
        if let Some(passphrase) = self.options.passphrase.as_ref().filter(|secret| !secret.reveal().is_empty()) {
            assert!(!all.contains(std::str::from_utf8(passphrase.reveal()).unwrap()), "{all}");
        }
    }
}

fn contains_all(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "`{word}` is not in: {sentence}");
    }
}

#[test]
fn a_backup_is_asked_for_followed_collected_verified_and_named() {
    let bench = Bench::new(&plain(), by_itself());
    let backup = bench.run();
    assert!(backup.troubles.is_empty(), "{:?}", backup.troubles);
    let name = "ucp-3.4.5-127.0.0.1-1631549510+0200.tar";
    assert_eq!(bench.names(), [name.to_owned(), format!("{name}.manifest.json")]);
    assert_eq!(std::fs::read(bench.target.join(name)).unwrap(), plain());
    let (ucp, facts) = (bench.ucp.ucp(), backup.receipt.facts());
    let asked = ucp.asked.iter().find(|asked| asked.is("POST", BEGIN)).unwrap();
    let file = "ucp-3.4.5-127.0.0.1-1631549510.tar";
    assert_eq!(
        asked.json(),
        serde_json::json!({"noPassphrase": true, "fileName": file, "includeLogs": false, "hostPath": "/secure-location"})
    );
    assert_eq!(ucp.count("GET", LOOK), 3);
    assert_eq!((facts["backup"].as_str(), facts["node"].as_str()), (ID, NODE));
    assert_eq!(
        (facts["version"].as_str(), facts["path"].as_str()),
        ("3.4.5", format!("/secure-location/{file}").as_str())
    );
    // UCP's own copy is not ours to remove, and lies there in the clear.
    assert!(bench.there.join(file).exists());
    let warnings = backup.receipt.warnings().join("\n");
    contains_all(
        &warnings,
        &["UCP's own copy stays on ucp-node-ubuntu-0 at /secure-location/", ", unencrypted; remove it"],
    );
}

#[test]
fn what_ucp_encrypts_stays_as_it_is_and_is_opened_for_the_verdict() {
    let mut bench = Bench::new(&sealed(), by_itself());
    bench.options.passphrase = Some(Secret::new(crate::build::passphrase()));
    bench.options.include_logs = true;
    let backup = bench.run();
    assert!(backup.troubles.is_empty(), "{:?}", backup.troubles);
    let name = "ucp-3.4.5-127.0.0.1-1631549510+0200.tar.gpg";
    assert_eq!(bench.names(), [name.to_owned(), format!("{name}.manifest.json")]);
    assert_eq!(std::fs::read(bench.target.join(name)).unwrap(), sealed());
    let wanted = bench.ucp.ucp().asked.iter().find(|asked| asked.is("POST", BEGIN)).unwrap().json();
    assert_eq!(wanted["passphrase"], "corpus passphrase, thrown away");
    assert_eq!(wanted["logFileName"], "ucp-3.4.5-127.0.0.1-1631549510.log");
    assert!(wanted.get("noPassphrase").is_none());
    assert_eq!(backup.outcome.unwrap().layers.len(), 2);
}

#[test]
fn secrets_that_the_server_throws_back_are_not_shown() {
    let echo = "{\"message\":\"bad passphrase corpus passphrase, thrown away for Bearer 8c28a72d-6f42-4953-9b36-658ad26ebb25\"}";
    let mut bench = Bench::new(&sealed(), always("POST", BEGIN, Reply::status(400, echo)));
    bench.options.passphrase = Some(Secret::new(crate::build::passphrase()));
    contains_all(&bench.refused(), &["was answered with 400 (it says: bad passphrase [secret] for Bearer [secret])"]);
    let not_ours = "[\"8c28a72d-6f42-4953-9b36-658ad26ebb25\"]";
    let mut bench = Bench::new(&sealed(), always("GET", LIST, Reply::status(200, not_ours)));
    bench.options.passphrase = Some(Secret::new(crate::build::passphrase()));
    contains_all(&bench.refused(), &["something that is not UCP's answer", "[secret]"]);
}

/// Every code, wherever it can come.
#[test]
fn every_code_has_its_sentence() {
    for (status, next) in [
        (204_u16, "look whether this is the address of a UCP"),
        (302, "veritar follows no redirect, as the token would go along: give UCP's own address"),
        (400, "UCP takes the request for malformed"),
        (401, "log in again (POST /auth/login)"),
        (403, "backups are for administrators of UCP"),
        (404, ""),
        (418, "look whether this is the address of a UCP"),
        (500, "look at the log of ucp-controller"),
        (503, "look at the log of ucp-controller"),
    ] {
        for (method, path) in [("GET", LIST), ("POST", BEGIN), ("GET", LOOK)] {
            let reply = match status {
                204 => Reply::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
                302 => Reply::Raw(
                    b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere/\x1b[31m\r\nContent-Length: 0\r\n\r\n"
                        .iter()
                        .copied()
                        .filter(|byte| *byte != 0x1b)
                        .collect(),
                ),
                status => Reply::status(status, "{\"message\":\"so \\u001b[31mit is\"}"),
            };
            let bench = Bench::new(&plain(), always(method, path, reply));
            let sentence = bench.refused();
            contains_all(&sentence, &[&format!("`{method} {}{path}` was answered with {status}", bench.ucp.url), next]);
            if !matches!(status, 204 | 302) {
                contains_all(&sentence, &["(it says: so \\x1b[31mit is)"]);
            }
            if path == LOOK {
                contains_all(&sentence, &["the backup 0d0525dd-948a-41b4-9f25-c6b4cd6d9fe4 goes on in UCP by itself"]);
            }
            if status == 404 {
                let absent = if path == LOOK { "UCP knows no such backup" } else { "(they came with 3.2)" };
                contains_all(&sentence, &[if path == BEGIN { "(that came with 3.2)" } else { absent }]);
            }
            if path == BEGIN && status >= 500 {
                contains_all(&sentence, &["shows none of ours, so none has begun"]);
            }
        }
    }
}

/// Every way in which an answer can be none.
#[test]
fn every_broken_answer_has_its_sentence() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{\"id\":\"0d05".to_vec();
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n[{".to_vec();
    let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n[".to_vec();
    let no_end = b"HTTP/1.1 200 OK\r\n\r\nnull".to_vec();
    for (reply, what) in [
        (Reply::Cut(half.clone()), "got half an answer"),
        (Reply::Raw(half), "got half an answer"),
        (Reply::Cut(chunks), "got half an answer"),
        (Reply::Cut(no_end), "got half an answer"),
        (Reply::Cut(Vec::new()), "got half an answer"),
        (Reply::Raw(Vec::new()), "was not answered: the connection was closed"),
        (Reply::Reset, "broke off (Connection reset by peer"),
        (Reply::Hang(Duration::from_secs(30)), "was not answered: nothing came for 0.5 seconds"),
        (Reply::Trickle, "was not answered whole within 1.5 seconds"),
        (Reply::Raw(huge), "got an answer of more than 4 MiB"),
        (Reply::Endless, "got an answer of more than 4 MiB"),
        (Reply::Raw(b"SSH-2.0-OpenSSH_9.2p1\r\n".to_vec()), "got an answer that is not HTTP as UCP speaks it"),
        (Reply::status(200, "<html>login</html>"), "login"),
    ] {
        for (method, path) in [("GET", LIST), ("POST", BEGIN), ("GET", LOOK)] {
            let mut bench = Bench::new(&plain(), always(method, path, reply.clone()));
            bench.options.pace.silence = Duration::from_millis(500);
            bench.options.pace.request = Duration::from_millis(1500);
            let sentence = bench.refused();
            contains_all(&sentence, &[&format!("`{method} {}{path}` ", bench.ucp.url), what]);
            if path == BEGIN {
                contains_all(&sentence, &["shows none of ours, so none has begun"]);
            }
            if path == LOOK {
                contains_all(&sentence, &["goes on in UCP by itself"]);
            }
        }
    }
}

#[test]
fn a_failed_backup_says_why_and_what_to_do() {
    for (error, next) in [
        ("open /backup/x.tar: permission denied", "chown nobody:nogroup"),
        ("write: no space left on device", "make room there"),
        ("stat /x: no such file or directory", "make the folder"),
        ("another backup is running", "--wait"),
        ("", "nothing about why; look at the log of ucp-controller"),
    ] {
        let hook: Hook = Box::new(move |asked, ucp| {
            let file = ucp.backups.last().map(|one| one["fileName"].as_str().unwrap().to_owned());
            asked.is("GET", LOOK).then(|| Reply::Json(200, Ucp::described(&file.unwrap(), "FAILED", error).to_string()))
        });
        let bench = Bench::new(&plain(), hook);
        contains_all(&bench.refused(), &["says that the backup failed on ucp-node-ubuntu-0: ", error, next, LOOK]);
    }
}

#[test]
fn a_state_that_nobody_knows_is_no_success() {
    let hook: Hook = Box::new(|asked, _| {
        asked.is("GET", LOOK).then(|| Reply::Json(200, Ucp::described("", "DEFERRED", "").to_string()))
    });
    contains_all(&Bench::new(&plain(), hook).refused(), &["is in a state `DEFERRED`"]);
}

#[test]
fn one_that_runs_already_is_told_or_waited_for() {
    let running = || Ucp::described("theirs.tar", "IN_PROGRESS", "");
    let bench = Bench::new(&plain(), by_itself());
    bench.ucp.ucp().backups.push(running());
    let sentence = bench.refused();
    contains_all(&sentence, &[LIST, ID, "on ucp-node-ubuntu-0 (begun 2019-04-10T21:55:53.775Z) is running", "--wait"]);
    assert_eq!(bench.ucp.ucp().count("POST", BEGIN), 0);

    // It ends with the fourth look at the list: one is the survey's.
    let hook: Hook = Box::new(|asked, ucp| {
        if asked.is("GET", LIST) && ucp.count("GET", LIST) == 4 {
            ucp.end();
        }
        None
    });
    let mut bench = Bench::new(&plain(), hook);
    bench.options.wait = Some(Duration::from_secs(20));
    bench.ucp.ucp().backups.push(running());
    let backup = bench.run();
    assert!(backup.published.is_some(), "{:?}", backup.troubles);
    let asked: Vec<String> = bench.ucp.ucp().asked.iter().map(|asked| asked.path.clone()).collect();
    assert_eq!(asked[..6], [LIST, "/version", LIST, LIST, LIST, BEGIN]);
    contains_all(&bench.told.lock().unwrap(), &["already, which is waited for"]);

    let mut bench = Bench::new(&plain(), by_itself());
    bench.options.wait = Some(Duration::from_millis(200));
    bench.ucp.ucp().backups.push(running());
    contains_all(&bench.refused(), &["is still running after 0.2 seconds", "wait longer"]);
    assert_eq!(bench.ucp.ucp().count("POST", BEGIN), 0);
}

/// Somebody else was quicker between our look and our question.
#[test]
fn one_that_begins_meanwhile_is_told() {
    let hook: Hook = Box::new(|asked, ucp| {
        if asked.is("POST", BEGIN) {
            ucp.backups.push(Ucp::described("theirs.tar", "IN_PROGRESS", ""));
        }
        None
    });
    let sentence = Bench::new(&plain(), hook).refused();
    contains_all(
        &sentence,
        &["500 (it says: another backup is in progress)", ID, "is running", "wait for it (--wait)"],
    );
}

#[test]
fn trouble_on_the_way_is_passed_over_for_a_while() {
    let replies = [
        Reply::status(500, "no leader"),
        Reply::Reset,
        Reply::Cut(Vec::new()),
        Reply::status(503, ""),
        Reply::Raw(Vec::new()),
    ];
    let mut replies = replies.into_iter();
    let hook: Hook = Box::new(move |asked, _| asked.is("GET", LOOK).then(|| replies.next()).flatten());
    let mut bench = Bench::new(&plain(), hook);
    bench.options.pace.patience = Duration::from_secs(20);
    let backup = bench.run();
    assert!(backup.published.is_some(), "{:?}", backup.troubles);
    contains_all(&bench.told.lock().unwrap(), &["500 (it says: no leader)", "broke off", "got half an answer"]);
}

#[test]
fn trouble_that_stays_is_given_up_after_a_while() {
    let bench = Bench::new(&plain(), always("GET", LOOK, Reply::status(500, "no leader")));
    let clock = Instant::now();
    contains_all(&bench.refused(), &["500 (it says: no leader)", "goes on in UCP by itself"]);
    assert!(clock.elapsed() > PACE.patience && clock.elapsed() < PACE.backup / 2, "{:?}", clock.elapsed());
    assert_eq!(bench.told.lock().unwrap().matches("no leader").count(), 1);
}

/// The answer is lost, and UCP has begun: the backup is found by its file.
#[test]
fn a_lost_answer_does_not_lose_the_backup() {
    for lost in [Reply::Reset, Reply::Cut(Vec::new()), Reply::status(200, "{}"), Reply::status(502, "")] {
        let hook: Hook = Box::new(move |asked, ucp| {
            asked.is("POST", BEGIN).then(|| {
                ucp.begin(asked);
                lost.clone()
            })
        });
        let bench = Bench::new(&plain(), hook);
        let backup = bench.run();
        assert!(backup.published.is_some(), "{:?}", backup.troubles);
        assert_eq!(backup.receipt.facts()["backup"], ID);
    }
}

#[test]
fn what_nobody_knows_is_said_so() {
    let hook: Hook = Box::new(|asked, ucp| {
        let is_after = ucp.count("POST", BEGIN) > 0;
        (asked.is("POST", BEGIN) || (is_after && asked.is("GET", LIST))).then_some(Reply::Reset)
    });
    let sentence = Bench::new(&plain(), hook).refused();
    contains_all(&sentence, &["broke off", "whether UCP has begun a backup is not known: look at `GET https://", LIST]);
}

/// Whom not to speak with: the token never gets there.
#[test]
fn a_server_that_cannot_prove_who_it_is_gets_no_token() {
    let mut bench = Bench::new(&plain(), by_itself());
    // The CA of another UCP has the same name, that of something else another.
    for authority in [CA, "another"] {
        let pem = Identity::issued(&["127.0.0.1"], authority).ca.into_bytes();
        bench.options.trust = Trust::File { name: "ca.pem".to_owned(), pem };
        let sentence = bench.refused();
        contains_all(&sentence, &[LIST, "was not sent: ", "issued by none of the authorities that are trusted here"]);
        assert!(bench.ucp.ucp().asked.is_empty());
    }

    bench.options.trust = Trust::System;
    let sentence = bench.refused();
    assert!(
        sentence.contains("issued by none of the authorities") || sentence.contains("trusts no authority"),
        "{sentence}"
    );
    assert!(bench.ucp.ucp().asked.is_empty());

    let bench = Bench::of(Identity::issued(&["ucp.example.org"], CA), &plain(), by_itself());
    contains_all(&bench.refused(), &["is for another name", "ucp.example.org", "--san"]);
    assert!(bench.ucp.ucp().asked.is_empty());

    let bench = Bench::of(Identity::self_signed(&["127.0.0.1"]), &plain(), by_itself());
    contains_all(&bench.refused(), &["shows an authority's certificate as its own"]);
    assert!(bench.ucp.ucp().asked.is_empty());
}

#[test]
fn who_is_not_there_is_told_apart() {
    let mut bench = Bench::new(&plain(), by_itself());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    bench.options.url = format!("https://{address}");
    contains_all(
        &bench.refused(),
        &["was not sent: no connection (Connection refused", "whether the UCP controller runs"],
    );

    bench.options.url = "https://nobody.invalid".to_owned();
    contains_all(
        &bench.refused(),
        &["`GET https://nobody.invalid/api/ucp/backups` was not sent: the host was not found"],
    );

    // Somebody who waits for us to say more, and somebody who does not speak TLS.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bench.options.url = format!("https://{}", silent.local_addr().unwrap());
    bench.options.pace.silence = Duration::from_millis(300);
    contains_all(&bench.refused(), &["was not answered: nothing came for 0.3 seconds"]);
    bench.options.pace.silence = PACE.silence;
    let clear = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    bench.options.url = format!("https://{}", clear.local_addr().unwrap());
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut socket = clear.accept().unwrap().0;
        let _ = socket.read(&mut [0; 4096]);
        let _ = socket.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
        std::thread::sleep(Duration::from_secs(1));
    });
    contains_all(&bench.refused(), &["the server does not speak TLS"]);
}

#[test]
fn a_stop_ends_it_at_once_wherever_it_is() {
    for (method, path, is_begun) in [("GET", LIST, false), ("POST", BEGIN, true), ("GET", LOOK, true)] {
        let bench = Bench::new(&plain(), always(method, path, Reply::Hang(Duration::from_secs(60))));
        let (stop, ucp) = (Arc::clone(&bench.stop), Arc::clone(&bench.ucp.ucp));
        std::thread::spawn(move || {
            while ucp.lock().unwrap().count(method, path) == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            stop.store(true, Ordering::Relaxed);
        });
        let clock = Instant::now();
        let backup = bench.run();
        assert!(clock.elapsed() < Duration::from_secs(15), "{:?}", clock.elapsed());
        assert!(backup.published.is_none() && bench.archives().is_empty());
        assert!(backup.troubles.iter().any(Trouble::is_stop), "{:?}", backup.troubles);
        if is_begun {
            let known =
                if path == LOOK { "goes on in UCP by itself" } else { "whether UCP has begun a backup is not known" };
            contains_all(&backup.troubles[0].to_string(), &[known]);
        }
    }
    // Between two looks that are far from one another.
    let mut bench = Bench::new(&plain(), by_itself());
    bench.options.pace.poll = Duration::from_secs(60);
    let (stop, ucp) = (Arc::clone(&bench.stop), Arc::clone(&bench.ucp.ucp));
    std::thread::spawn(move || {
        while ucp.lock().unwrap().count("GET", LOOK) == 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(200));
        stop.store(true, Ordering::Relaxed);
    });
    let clock = Instant::now();
    contains_all(&bench.refused(), &["veritar was asked to stop; the backup", "goes on in UCP by itself", LOOK]);
    assert!(clock.elapsed() < Duration::from_secs(15), "{:?}", clock.elapsed());
}

#[test]
fn a_backup_without_end_is_given_up() {
    let mut bench = Bench::new(&plain(), by_itself());
    bench.ucp.ucp().looks = usize::MAX;
    bench.options.pace.backup = Duration::from_millis(300);
    contains_all(
        &bench.refused(),
        &["says after 0.3 seconds that the backup is still running", "goes on in UCP by itself"],
    );
}

#[test]
fn what_cannot_be_reached_is_left_and_said_to_be_unverified() {
    let mut bench = Bench::new(&plain(), by_itself());
    bench.options.collect = None;
    let lies = "lies on ucp-node-ubuntu-0 at /secure-location/ucp-3.4.5-127.0.0.1-1631549510.tar, unverified";
    let verify = "run `veritar verify /secure-location/ucp-3.4.5-127.0.0.1-1631549510.tar`";
    contains_all(&bench.refused(), &[lies, verify, "--collect"]);

    let bench = Bench::new(&plain(), by_itself());
    bench.ucp.ucp().folder = bench.folders.path().to_owned();
    contains_all(&bench.refused(), &[lies, "is not there: is that the same folder", "Run `veritar verify"]);
}

/// The file is put there by `put` when UCP says SUCCESS.
fn put(put: impl Fn(&Path) + Send + 'static) -> Bench {
    let hook: Hook = Box::new(move |asked, ucp| {
        if asked.is("GET", LOOK) && ucp.count("GET", LOOK) == 1 {
            ucp.end();
            let path = ucp.folder.join(ucp.backups[0]["fileName"].as_str().unwrap());
            std::fs::remove_file(&path).unwrap();
            put(&path);
            ucp.looks = usize::MAX;
        }
        None
    });
    Bench::new(&plain(), hook)
}

#[test]
fn what_lies_there_and_is_no_file_is_not_read() {
    let bench = put(|path| std::os::unix::fs::symlink("/etc/passwd", path).unwrap());
    contains_all(&bench.refused(), &["it is a symbolic link", "unverified"]);
    let bench =
        put(|path| rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap());
    contains_all(&bench.refused(), &["it is no regular file", "unverified"]);
    let bench = put(|path| std::fs::create_dir(path).unwrap());
    contains_all(&bench.refused(), &["it is no regular file", "unverified"]);
    let bench = put(|path| std::fs::write(path, b"").unwrap());
    contains_all(&bench.refused(), &["is empty", "nobody:nogroup"]);
}

/// Writes more to the file that is read.
struct Meddler(PathBuf);

impl std::io::Write for Meddler {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut file = std::fs::OpenOptions::new().append(true).open(&self.0)?;
        std::io::Write::write_all(&mut file, b"a").map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let bench = Bench::new(&plain(), by_itself());
    let (mut producer, world) = (UcpApi::new(bench.options.clone()), bench.world());
    producer.survey(&world).unwrap();
    let path = bench.there.join("ucp-3.4.5-127.0.0.1-1631549510.tar");
    let trouble = producer.produce(&world, &mut Meddler(path)).unwrap_err().to_string();
    contains_all(&trouble, &["was written to while it was read", "run it again"]);
}

#[test]
fn a_file_that_appears_late_is_waited_for() {
    let mut bench = put(|path| {
        let path = path.to_owned();
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(300));
            std::fs::write(path.with_extension("new"), plain()).unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        });
    });
    bench.options.pace.appears = Duration::from_secs(20);
    assert!(bench.run().published.is_some());
}

/// UCP says SUCCESS, and the archive is not whole: it does not get its name.
#[test]
fn a_success_that_is_none_is_kept_aside() {
    let whole = plain();
    for (archive, verdict) in
        [(&whole[..whole.len() / 2], "fail"), (&whole[..whole.len() - 2048], "fail"), (&b"<html>"[..], "inconclusive")]
    {
        let archive = archive.to_vec();
        let bench = put(move |path| std::fs::write(path, &archive).unwrap());
        let backup = bench.run();
        assert!(backup.published.is_none() && backup.kept_aside.is_some(), "{verdict}: {backup:?}");
        let name = "ucp-3.4.5-127.0.0.1-1631549510+0200.tar.failed";
        assert_eq!(bench.names(), [name.to_owned(), format!("{name}.json")]);
    }
}

#[test]
fn what_ucp_made_must_be_what_was_asked_for() {
    let changed = |change: fn(&mut serde_json::Value)| -> Hook {
        Box::new(move |asked, ucp| {
            asked.is("GET", LOOK).then(|| {
                ucp.end();
                change(&mut ucp.backups[0]);
                Reply::Json(200, ucp.backups[0].to_string())
            })
        })
    };
    let bench = Bench::new(&plain(), changed(|one| one["fileName"] = "backup.tar".into()));
    contains_all(
        &bench.refused(),
        &["does not have the name that was asked for", "at /secure-location/backup.tar, unverified"],
    );
    let bench = Bench::new(&plain(), changed(|one| one["encrypted"] = true.into()));
    contains_all(&bench.refused(), &["it is encrypted where that was not asked for"]);
}

/// UCP says that it is encrypted, and it is not.
#[test]
fn what_lies_in_the_clear_gets_no_name_that_says_otherwise() {
    let mut bench = Bench::new(&plain(), by_itself());
    bench.options.passphrase = Some(Secret::new(crate::build::passphrase()));
    contains_all(&bench.refused(), &["it is not encrypted, though a passphrase was given to UCP", "unverified"]);
}

#[test]
fn nothing_is_written_over() {
    let file = "ucp-3.4.5-127.0.0.1-1631549510.tar";
    let bench = Bench::new(&plain(), by_itself());
    bench.ucp.ucp().backups.push(Ucp::described(file, "SUCCESS", ""));
    contains_all(&bench.refused(), &[file, "would write over it"]);
    let bench = Bench::new(&plain(), by_itself());
    std::fs::write(bench.there.join(file), b"of old").unwrap();
    contains_all(&bench.refused(), &[file, "would write over it"]);
    assert_eq!(bench.ucp.ucp().count("POST", BEGIN), 0);
}

#[test]
fn a_version_that_is_not_told_costs_only_the_name() {
    let bench = Bench::new(&plain(), always("GET", "/version", Reply::status(200, "{\"Version\":\"20.10.24\"}")));
    let backup = bench.run();
    assert_eq!(bench.names()[0], "ucp-unknown-127.0.0.1-1631549510+0200.tar");
    contains_all(&backup.receipt.warnings().join("\n"), &["does not tell UCP's version; give it"]);
    let mut bench = Bench::new(&plain(), always("GET", "/version", Reply::Reset));
    contains_all(&bench.run().receipt.warnings().join("\n"), &["UCP's version is not known: `GET https://"]);
    bench.options.version = Some("3.2.6".to_owned());
    bench.now = bench.now.checked_add(jiff::Span::new().seconds(1)).unwrap();
    bench.ucp.ucp().backups.clear();
    bench.ucp.ucp().asked.clear();
    assert!(bench.run().published.is_some());
    assert_eq!(bench.ucp.ucp().count("GET", "/version"), 0);
}

#[test]
fn what_is_typed_wrong_is_said_before_anybody_is_asked() {
    type Slip = fn(&mut Options);
    let wrong: [(Slip, &str); 9] = [
        (|options| options.url = "http://ucp".to_owned(), "does not begin with https://"),
        (|options| options.token = Secret::new(b"a b".to_vec()), "auth_token"),
        (|options| options.token = Secret::new(b"a\r\nX: y".to_vec()), "auth_token"),
        (|options| options.token = Secret::new(b"\n".to_vec()), "auth_token"),
        (|options| options.passphrase = Some(Secret::new(Vec::new())), "the passphrase for UCP is empty"),
        (|options| options.host_path = Some("backup".to_owned()), "no absolute path"),
        (|options| options.version = Some("../3".to_owned()), "3.2.6"),
        (|options| options.collect = Some("/nowhere/at/all".into()), "/nowhere/at/all cannot be used to collect"),
        (
            |options| options.trust = Trust::File { name: "key.pem".to_owned(), pem: b"x".to_vec() },
            "key.pem cannot be used",
        ),
    ];
    for (change, what) in wrong {
        let mut bench = Bench::new(&plain(), by_itself());
        change(&mut bench.options);
        let backup = bench.run();
        assert!(matches!(&backup.troubles[..], [Trouble::Usage(_)]), "{:?}", backup.troubles);
        contains_all(&backup.troubles[0].to_string(), &[what, "; "]);
        assert!(bench.ucp.ucp().asked.is_empty());
    }
}

#[test]
fn a_preview_asks_for_nothing_and_shows_no_secret() {
    let mut bench = Bench::new(&sealed(), by_itself());
    bench.options.passphrase = Some(Secret::new(crate::build::passphrase()));
    let preview = preview(&mut UcpApi::new(bench.options.clone()), &bench.order(), &bench.world()).unwrap();
    let steps: Vec<&str> = preview.steps.iter().map(|step| step.says.as_str()).collect();
    let url = &bench.ucp.url;
    assert_eq!(
        steps,
        [
            &format!(
                "ask UCP for a backup: `POST {url}/api/ucp/backup` with fileName ucp-3.4.5-127.0.0.1-1631549510.tar, includeLogs \
                 false, hostPath /secure-location, passphrase [secret]"
            ),
            &format!("wait until UCP says SUCCESS: `GET {url}/api/ucp/backup/ID` every 0.02 seconds"),
            &format!("read {}/ucp-3.4.5-127.0.0.1-1631549510.tar", bench.there.display()),
        ]
    );
    assert_eq!(preview.archive, bench.target.join("ucp-3.4.5-127.0.0.1-1631549510+0200.tar.gpg"));
    assert_eq!(preview.survey.family, "ucp-127.0.0.1");
    assert!(bench.ucp.ucp().asked.iter().all(|asked| asked.method == "GET"));
    assert!(bench.archives().is_empty());
}

/// A server and certificates that we did not write, with every version of TLS that is fit for use, and an old one.
#[test]
fn openssl_is_understood() {
    if !program("openssl_is_understood", "openssl") {
        return;
    }
    let bench = Bench::new(&plain(), by_itself());
    let www = tempfile::tempdir().unwrap();
    let at = |name: &str| www.path().join(name);
    let openssl = |words: &str| {
        let mut command = std::process::Command::new("openssl");
        command.args(words.split_ascii_whitespace()).current_dir(www.path()).stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    };
    std::fs::create_dir_all(at("api/ucp")).unwrap();
    std::fs::write(at("san"), "subjectAltName=IP:127.0.0.1\n").unwrap();
    for words in [
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=UCP",
        "req -newkey rsa:2048 -nodes -keyout key.pem -out server.csr -subj /CN=ucp",
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile san -out server.pem",
    ] {
        assert!(openssl(words).status().unwrap().success(), "{words}");
    }
    let list = format!("[{}]", Ucp::described("of-old.tar", "SUCCESS", ""));
    std::fs::write(at("api/ucp/backups"), format!("HTTP/1.1 200 ok\r\nContent-Type: application/json\r\n\r\n{list}\n"))
        .unwrap();
    std::fs::write(at("version"), "HTTP/1.1 200 ok\r\nContent-Length: 23\r\n\r\n{\"Version\":\"ucp/3.2.6\"}").unwrap();
    for (tls, is_good) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false)] {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = format!(
            "s_server -quiet -HTTP {tls} -cipher DEFAULT:@SECLEVEL=0 -cert server.pem -key key.pem -accept 127.0.0.1:{port}"
        );
        let mut server = openssl(&server).spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut options = bench.options.clone();
        options.url = format!("https://127.0.0.1:{port}");
        options.trust = Trust::File { name: "ca.pem".to_owned(), pem: std::fs::read(at("ca.pem")).unwrap() };
        let seen = preview(&mut UcpApi::new(options), &bench.order(), &bench.world());
        server.kill().unwrap();
        server.wait().unwrap();
        match seen {
            Ok(seen) if is_good => assert_eq!(seen.survey.name, "ucp-3.2.6-127.0.0.1-1631549510+0200"),
            Err(trouble) if !is_good => contains_all(&trouble.to_string(), &["TLS", "(1.2 or 1.3)"]),
            other => panic!("{tls}: {other:?}"),
        }
    }
}

/// `veritar backup ucp-api` with what the bench has, and more.
fn command(bench: &Bench, more: &[&str]) -> std::process::Command {
    use std::os::unix::fs::OpenOptionsExt as _;
    let secret = |name: &str, bytes: &[u8]| {
        let path = bench.folders.path().join(name);
        let mut file =
            std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
        path
    };
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_veritar"));
    command.args(["backup", "ucp-api", "--url", &bench.ucp.url, "--host-path", "/secure-location"]);
    command.arg("--token-file").arg(secret("token", format!("{TOKEN}\n").as_bytes()));
    command.arg("--to").arg(&bench.target);
    let ca = secret("ca.pem", &bench.ucp.ca);
    if more.contains(&"--system-ca") {
        command.env("SSL_CERT_FILE", ca).env_remove("SSL_CERT_DIR");
    } else {
        command.arg("--ca").arg(ca);
    }
    let passphrase = secret("passphrase", &crate::build::passphrase());
    command.args(more.iter().map(|word| if *word == "PASSPHRASE" { passphrase.as_os_str() } else { word.as_ref() }));
    command.env_remove("VERITAR_PASSPHRASE_FILE");
    command
}

fn typed(bench: &Bench, more: &[&str]) -> (Option<i32>, String) {
    let output = command(bench, more).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let mut said = String::from_utf8(said).unwrap();
    for name in bench.names().iter().filter(|name| name.ends_with(".json")) {
        said.push_str(&std::fs::read_to_string(bench.target.join(name)).unwrap());
    }
    assert!(!said.contains(TOKEN) && !said.contains("thrown away"), "{said}");
    (output.status.code(), said)
}

#[test]
fn the_command_line_does_the_same() {
    // In the clear, sealed here, sealed by UCP: each time the archive opens with what was given.
    for (archive, more, ending) in [
        (plain(), &["--unencrypted"][..], ".tar"),
        (plain(), &["--passphrase-file", "PASSPHRASE", "--compress", "gzip"], ".tar.gz.gpg"),
        (sealed(), &["--passphrase-file", "PASSPHRASE", "--encrypt-by-product"], ".tar.gpg"),
    ] {
        let bench = Bench::new(&archive, by_itself());
        bench.ucp.ucp().looks = 0;
        let there = bench.there.to_str().unwrap().to_owned();
        let more = [&["--collect", &there], more].concat();
        let (code, said) = typed(&bench, &[&more[..], &["--dry-run"]].concat());
        assert_eq!((code, bench.names()), (Some(0), Vec::new()), "{said}");
        contains_all(&said, &["ask UCP for a backup: `POST https://127.0.0.1:", "/api/ucp/backup/ID` every 5 seconds"]);
        let (code, said) = typed(&bench, &more);
        assert_eq!(code, Some(0), "{said}");
        let names = bench.names();
        assert!(names[0].starts_with("ucp-3.4.5-127.0.0.1-") && names[0].ends_with(ending), "{names:?}");
        contains_all(&said, &["verified and published", "UCP's own copy stays on ucp-node-ubuntu-0"]);
        let asked = bench.ucp.ucp().asked.iter().find(|asked| asked.method == "POST").unwrap().json();
        assert_eq!(asked.get("passphrase").is_some(), more.contains(&"--encrypt-by-product"));
    }
    let bench = Bench::new(&plain(), by_itself());
    bench.ucp.ucp().looks = 0;
    let (code, said) = typed(&bench, &["--unencrypted"]);
    assert_eq!((code, bench.archives()), (Some(4), Vec::new()), "{said}");
    contains_all(
        &said,
        &["unverified; there is no folder here to collect it from: run `veritar verify /secure-location/ucp-"],
    );
    let (code, said) =
        typed(&bench, &["--passphrase-file", "PASSPHRASE", "--encrypt-by-product", "--compress", "gzip"]);
    assert_eq!(code, Some(2), "{said}");
    assert_eq!(typed(&bench, &["--unencrypted", "--encrypt-by-product"]).0, Some(2));
    assert_eq!(typed(&bench, &["--unencrypted", "--system-ca", "--ca", "ca.pem"]).0, Some(2));
    let bench = Bench::new(&plain(), by_itself());
    let (code, said) = typed(&bench, &["--unencrypted", "--system-ca", "--dry-run"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_plan_can_name_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new(&plain(), by_itself());
    bench.ucp.ucp().looks = 0;
    let folder = bench.folders.path();
    std::fs::write(folder.join("token"), TOKEN).unwrap();
    std::fs::set_permissions(folder.join("token"), std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(folder.join("ca.pem"), &bench.ucp.ca).unwrap();
    let shown = folder.display();
    let plan = format!(
        "[common]\nto = '{shown}/target'\nunencrypted = true\n[ucp-api]\nurl = '{}'\ntoken-file = '{shown}/token'\n\
         ca = '{shown}/ca.pem'\nhost-path = '/secure-location'\ncollect = '{shown}/there'\n",
        bench.ucp.url
    );
    std::fs::write(folder.join("plan.toml"), plan).unwrap();
    let mut all = std::process::Command::new(env!("CARGO_BIN_EXE_veritar"));
    let output = all.args(["backup", "all", "--plan"]).arg(folder.join("plan.toml")).output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!((output.status.code(), bench.names().len()), (Some(0), 2), "{said}");
    assert!(!said.contains(TOKEN), "{said}");
}

#[test]
fn a_signal_ends_it_and_says_what_goes_on() {
    let bench = Bench::new(&plain(), by_itself());
    bench.ucp.ucp().looks = usize::MAX;
    let mut command = command(&bench, &["--unencrypted", "--collect", bench.there.to_str().unwrap()]);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while bench.ucp.ucp().count("GET", LOOK) == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    // What everybody on the machine can see of it.
    let seen = std::fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
    assert!(!String::from_utf8(seen).unwrap().contains(TOKEN));
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!((output.status.code(), bench.archives()), (Some(143), Vec::new()), "{said}");
    contains_all(&said, &["veritar was asked to stop; the backup", "goes on in UCP by itself"]);
    assert!(!said.contains(TOKEN), "{said}");
}
