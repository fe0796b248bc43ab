//! The interface of UCP for backups: begin one, look at one, list them.
//!
//! ```text
//! POST /api/ucp/backup       {passphrase | noPassphrase, fileName, includeLogs, hostPath} ─► an identifier
//! GET  /api/ucp/backup/{id}  ─► Described
//! GET  /api/ucp/backups      ─► [Described]
//! GET  /version              ─► what the engine's interface says of UCP
//! ```
//!
//! Promises: whatever is answered instead becomes a sentence that names the address and the next step; what the server
//! says stands in it escaped, cut and without secrets. Refuses to know: when to ask.

use serde::Deserialize;
use zeroize::Zeroizing;

use super::failure::Cause;
use super::http::{Answer, Client};
use crate::produce::Trouble;
use crate::produce::run::Redactor;
use crate::report::name;
use crate::secret::Secret;

/// Bytes of an identifier past which it is none.
const MOST_ID: usize = 64;

/// Characters of what a server says that a sentence takes.
const MOST_SAID: usize = 300;

/// UCP, as somebody who has a token sees it.
pub(super) struct Api {
    pub(super) client: Client,
    pub(super) token: Secret,
    pub(super) redactor: Redactor,
}

/// A backup, as UCP describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Described {
    pub(super) id: String,
    pub(super) encrypted: Option<bool>,
    pub(super) file_name: String,
    /// On the node.
    pub(super) backup_path: String,
    pub(super) backup_state: String,
    pub(super) node_location: String,
    pub(super) short_error: String,
    #[serde(rename = "created_at")]
    pub(super) created: String,
    #[serde(rename = "completed_at")]
    pub(super) completed: String,
}

impl Described {
    pub(super) fn is_in_progress(&self) -> bool {
        self.backup_state == "IN_PROGRESS"
    }
}

/// What is to be backed up, and to where.
pub(super) struct Wanted<'a> {
    pub(super) file_name: &'a str,
    pub(super) passphrase: Option<&'a str>,
    pub(super) include_logs: bool,
    pub(super) host_path: Option<&'a str>,
}

/// Why a question has no answer.
#[derive(Debug)]
pub(super) struct No {
    pub(super) kind: Kind,
    /// The whole sentence.
    pub(super) sentence: String,
    /// Whether UCP may have done what was asked all the same.
    pub(super) may_be_done: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// veritar was asked to stop.
    Stopped,
    /// It may help to ask again later.
    Passing,
    /// It will not.
    Final,
}

impl From<No> for Trouble {
    fn from(no: No) -> Self {
        if no.kind == Kind::Stopped { Self::Stopped } else { Self::Refused(no.sentence) }
    }
}

impl Api {
    /// `GET https://…`, for sentences.
    pub(super) fn shown(&self, method: &str, path: &str) -> String {
        format!("`{method} {}{path}`", self.client.url)
    }

    /// All backups.
    pub(super) fn list(&self) -> Result<Vec<Described>, No> {
        let path = "/api/ucp/backups";
        let body = self.get(path, "this UCP has no backups by its interface (they came with 3.2), or it is none")?;
        // A list of nothing is `null` where Go writes it.
        let list: Option<Vec<Described>> = self.parse("GET", path, &body)?;
        Ok(list.unwrap_or_default())
    }

    /// One backup.
    pub(super) fn details(&self, id: &str) -> Result<Described, No> {
        let path = details_path(id);
        let body = self.get(&path, "UCP knows no such backup; its list is at /api/ucp/backups")?;
        self.parse("GET", &path, &body)
    }

    /// The version of UCP, where it tells.
    pub(super) fn version(&self) -> Result<Option<String>, No> {
        let body = self.get("/version", "the version is not told")?;
        Ok(version(&body))
    }

    /// Begins a backup, and gives its identifier.
    pub(super) fn begin(&self, wanted: &Wanted<'_>) -> Result<String, No> {
        let path = "/api/ucp/backup";
        let body = wanted.to_json();
        let answer = self.ask("POST", path, Some(&body))?;
        if !matches!(answer.status, 200..=202) {
            let absent = "this UCP makes no backups by its interface (that came with 3.2), or it is none";
            return Err(self.refused("POST", path, &answer, absent));
        }
        identifier(&answer.body).ok_or_else(|| No {
            kind: Kind::Final,
            sentence: format!(
                "{} was answered with {} and no identifier of a backup{}; look at the list of backups",
                self.shown("POST", path),
                answer.status,
                self.in_brackets(&answer.body)
            ),
            may_be_done: true,
        })
    }

    /// What a server wrote, fit for a sentence: without secrets, escaped, and not long.
    pub(super) fn said(&self, text: &str) -> String {
        let clean = self.redactor.redact(text.trim().as_bytes());
        name(String::from_utf8_lossy(&clean).chars().take(MOST_SAID).collect::<String>().as_bytes())
    }

    fn get(&self, path: &str, absent: &str) -> Result<Vec<u8>, No> {
        let answer = self.ask("GET", path, None)?;
        if answer.status == 200 { Ok(answer.body) } else { Err(self.refused("GET", path, &answer, absent)) }
    }

    fn parse<'b, T: Deserialize<'b>>(&self, method: &str, path: &str, body: &'b [u8]) -> Result<T, No> {
        serde_json::from_slice(body).map_err(|error| No {
            kind: Kind::Final,
            sentence: format!(
                "{} was answered with 200 and something that is not UCP's answer ({}){}; look whether this is the address of \
                 a UCP",
                self.shown(method, path),
                self.said(&error.to_string()),
                self.in_brackets(body)
            ),
            may_be_done: true,
        })
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Zeroizing<Vec<u8>>>) -> Result<Answer, No> {
        self.client.ask(&self.request(method, path, body)).map_err(|failure| No {
            kind: match failure.cause {
                Cause::Stopped => Kind::Stopped,
                _ if failure.cause.may_pass() => Kind::Passing,
                _ => Kind::Final,
            },
            sentence: format!("{} {}", self.shown(method, path), failure.cause),
            may_be_done: failure.sent,
        })
    }

    /// A request as it goes over the wire; it has the token in it.
    fn request(&self, method: &str, path: &str, body: Option<&Zeroizing<Vec<u8>>>) -> Zeroizing<Vec<u8>> {
        let length = body.map_or(0, |body| body.len());
        // Room for all of it: what grows leaves copies behind.
        let mut request = Zeroizing::new(Vec::with_capacity(1024 + path.len() + self.token.reveal().len() + length));
        let authority = self.client.url.authority();
        let version = env!("CARGO_PKG_VERSION");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: veritar/{version}\r\nAccept: application/json\r\n\
             Connection: close\r\n"
        );
        request.extend_from_slice(head.as_bytes());
        if body.is_some() {
            let fields = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
            request.extend_from_slice(fields.as_bytes());
        }
        request.extend_from_slice(b"Authorization: Bearer ");
        request.extend_from_slice(self.token.reveal());
        request.extend_from_slice(b"\r\n\r\n");
        request.extend_from_slice(body.map_or(&[][..], |body| body.as_slice()));
        request
    }

    /// An answer that is not the one hoped for.
    fn refused(&self, method: &str, path: &str, answer: &Answer, absent: &str) -> No {
        let mut kind = Kind::Final;
        let next = match answer.status {
            300..=399 => {
                let to = answer.location.as_deref().map(String::from_utf8_lossy);
                let to = to.map_or_else(|| "elsewhere".to_owned(), |to| format!("to {}", self.said(&to)));
                format!(
                    "it leads {to}, and veritar follows no redirect, as the token would go along: give UCP's own address"
                )
            }
            400 => "UCP takes the request for malformed: do what it says; a passphrase may be too short for it, a host path \
                    must be absolute"
                .to_owned(),
            401 => "the token is not valid, or no longer: log in again (POST /auth/login) and put the new one in its file"
                .to_owned(),
            403 => "the token's user may not do this: backups are for administrators of UCP, so use a token of one".to_owned(),
            404 => absent.to_owned(),
            408 | 429 | 500..=599 => {
                kind = Kind::Passing;
                "look at the log of ucp-controller on UCP's managers, and run it again".to_owned()
            }
            _ => "look whether this is the address of a UCP".to_owned(),
        };
        let sentence = format!(
            "{} was answered with {}{}; {next}",
            self.shown(method, path),
            answer.status,
            self.in_brackets(&answer.body)
        );
        No { kind, sentence, may_be_done: kind == Kind::Passing }
    }

    /// What a body says, as ` (it says: …)`, or nothing.
    fn in_brackets(&self, body: &[u8]) -> String {
        let said = message(body).map(|message| self.said(&message)).filter(|said| !said.is_empty());
        said.map_or_else(String::new, |said| format!(" (it says: {said})"))
    }
}

impl Wanted<'_> {
    fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let passphrase = self.passphrase.unwrap_or_default();
        // Every byte of it escaped takes six.
        let mut json =
            Zeroizing::new(Vec::with_capacity(1024 + 6 * (passphrase.len() + self.host_path.map_or(0, str::len))));
        json.push(b'{');
        if self.passphrase.is_some() {
            json.extend_from_slice(b"\"passphrase\":");
            quoted(&mut json, passphrase);
        } else {
            json.extend_from_slice(b"\"noPassphrase\":true");
        }
        json.extend_from_slice(b",\"fileName\":");
        quoted(&mut json, self.file_name);
        json.extend_from_slice(format!(",\"includeLogs\":{}", self.include_logs).as_bytes());
        if self.include_logs {
            json.extend_from_slice(b",\"logFileName\":");
            quoted(&mut json, &log_name(self.file_name));
        }
        if let Some(host_path) = self.host_path {
            json.extend_from_slice(b",\"hostPath\":");
            quoted(&mut json, host_path);
        }
        json.push(b'}');
        json
    }
}

/// The path of one backup.
pub(super) fn details_path(id: &str) -> String {
    format!("/api/ucp/backup/{id}")
}

/// The log beside a file.
pub(super) fn log_name(file_name: &str) -> String {
    format!("{}.log", file_name.strip_suffix(".tar").unwrap_or(file_name))
}

fn quoted(json: &mut Vec<u8>, text: &str) {
    // Writing to memory cannot fail, nor text be anything but a string.
    let _ = serde_json::to_writer(json, text);
}

/// The identifier in an answer: by itself, in quotes, or in an object as `backupId` or `id`.
fn identifier(body: &[u8]) -> Option<String> {
    let text = match serde_json::from_slice(body) {
        Ok(serde_json::Value::String(id)) => id,
        Ok(serde_json::Value::Object(object)) => {
            ["backupId", "id"].iter().find_map(|key| object.get(*key)?.as_str())?.to_owned()
        }
        Ok(_) => return None,
        Err(_) => std::str::from_utf8(body).ok()?.trim().to_owned(),
    };
    is_identifier(&text).then_some(text)
}

/// Whether this can go into an address.
pub(super) fn is_identifier(text: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text.len() <= MOST_ID && text.bytes().all(may_stand)
}

/// What a body that is no answer has to say.
fn message(body: &[u8]) -> Option<String> {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return Some(String::from_utf8_lossy(body.get(..body.len().min(4096)).unwrap_or_default()).into_owned());
    };
    let of = |value: &serde_json::Value| {
        ["message", "error", "shortError"].iter().find_map(|key| value.get(*key)?.as_str().map(str::to_owned))
    };
    let first = value.get("errors").and_then(|errors| errors.get(0));
    let found = of(&value).or_else(|| first.and_then(of)).or_else(|| value.as_str().map(str::to_owned));
    Some(found.unwrap_or_else(|| value.to_string()))
}

/// UCP's version in what the engine's interface says of versions, where it stands there.
fn version(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let is_ucp = |component: &&serde_json::Value| {
        let name = component.get("Name").and_then(serde_json::Value::as_str).unwrap_or_default();
        ["Universal Control Plane", "Mirantis Kubernetes Engine"].iter().any(|ours| name.contains(ours))
    };
    let whole =
        value.get("Version").and_then(serde_json::Value::as_str).and_then(|version| version.strip_prefix("ucp/"));
    let component = value.get("Components").and_then(serde_json::Value::as_array);
    let component = component.and_then(|all| all.iter().find(is_ucp)).and_then(|one| one.get("Version")?.as_str());
    let version = whole.or(component)?;
    is_version(version).then(|| version.to_owned())
}

/// Whether this can be a version, and a part of a file's name.
pub(super) fn is_version(text: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    text.len() <= 32 && text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(may_stand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_found_in_every_dress_and_nothing_else_is_one() {
        let id = Some("76f4db71-d556-41cf-bf10-a3181234515e".to_owned());
        for body in [
            r#"{"backupId":"76f4db71-d556-41cf-bf10-a3181234515e"}"#,
            r#"{"id":"76f4db71-d556-41cf-bf10-a3181234515e","backupState":"IN_PROGRESS"}"#,
            "\"76f4db71-d556-41cf-bf10-a3181234515e\"\n",
            "76f4db71-d556-41cf-bf10-a3181234515e\n",
        ] {
            assert_eq!(identifier(body.as_bytes()), id, "{body}");
        }
        for body in ["", "null", "{}", "[]", "\"\"", "{\"id\":\"../x\"}", "\"a b\"", "<html>", "\"a\\r\\nb\""] {
            assert_eq!(identifier(body.as_bytes()), None, "{body}");
        }
        assert_eq!(identifier("a".repeat(MOST_ID + 1).as_bytes()), None);
    }

    #[test]
    fn a_version_is_ucps_or_none() {
        let found = |body: &str| version(body.as_bytes());
        assert_eq!(found(r#"{"Version":"ucp/3.2.6"}"#), Some("3.2.6".to_owned()));
        let components = r#"{"Version":"19.03.5","Components":[{"Name":"Engine","Version":"19.03.5"},
            {"Name":"Universal Control Plane","Version":"3.2.6"}]}"#;
        assert_eq!(found(components), Some("3.2.6".to_owned()));
        for body in [r#"{"Version":"19.03.5"}"#, r#"{"Version":"ucp/../../etc"}"#, r#"{"Version":"ucp/"}"#, "[]", "x"] {
            assert_eq!(found(body), None, "{body}");
        }
    }

    #[test]
    fn what_is_wanted_is_json() {
        let mut wanted =
            Wanted { file_name: "a.tar", passphrase: Some("p\"\\\u{1}ä"), include_logs: true, host_path: Some("/b") };
        let read = |wanted: &Wanted<'_>| serde_json::from_slice::<serde_json::Value>(&wanted.to_json()).unwrap();
        assert_eq!(
            read(&wanted),
            serde_json::json!({"passphrase": "p\"\\\u{1}ä", "fileName": "a.tar", "includeLogs": true,
                "logFileName": "a.log", "hostPath": "/b"})
        );
        wanted = Wanted { passphrase: None, include_logs: false, host_path: None, ..wanted };
        assert_eq!(read(&wanted), serde_json::json!({"noPassphrase": true, "fileName": "a.tar", "includeLogs": false}));
    }

    #[test]
    fn what_an_error_says_is_found() {
        let found = |body: &str| message(body.as_bytes()).unwrap();
        assert_eq!(found(r#"{"message":"no"}"#), "no");
        assert_eq!(found(r#"{"errors":[{"code":"X","message":"no"}]}"#), "no");
        assert_eq!(found("\"no\""), "no");
        assert_eq!(found("no\n"), "no\n");
        assert_eq!(found("{\"a\":1}"), "{\"a\":1}");
    }
}
