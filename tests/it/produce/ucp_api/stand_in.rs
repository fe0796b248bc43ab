//! A UCP that is none: an HTTPS server which speaks the documented interface for backups, and holds every request
//! against it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub const TOKEN: &str = "8c28a72d-6f42-4953-9b36-658ad26ebb25";
pub const NODE: &str = "ucp-node-ubuntu-0";
pub const ID: &str = "0d0525dd-948a-41b4-9f25-c6b4cd6d9fe4";

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: Vec<u8>,
}

impl Asked {
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub enum Reply {
    /// In order, with its length.
    Json(u16, String),
    /// These bytes, and an orderly end of TLS.
    Raw(Vec<u8>),
    /// These bytes, and the connection is closed without a word.
    Cut(Vec<u8>),
    /// The connection is reset.
    Reset,
    /// Nothing, for so long.
    Hang(Duration),
    /// A byte each 50 ms, without end.
    Trickle,
    /// A head, and bytes without end.
    Endless,
}

impl Reply {
    pub fn status(status: u16, body: &str) -> Self {
        Self::Json(status, body.to_owned())
    }
}

/// What the test makes of a request; `None` leaves it to [`Ucp`].
pub type Hook = Box<dyn FnMut(&Asked, &mut Ucp) -> Option<Reply> + Send>;

/// What stands behind the interface.
pub struct Ucp {
    pub version: &'static str,
    /// What it writes into [`folder`](Self::folder) when a backup is done.
    pub archive: Vec<u8>,
    /// Where its host path leads to.
    pub folder: PathBuf,
    /// Looks at a backup until it is done.
    pub looks: usize,
    pub backups: Vec<serde_json::Value>,
    pub asked: Vec<Asked>,
}

impl Ucp {
    /// All requests of this kind.
    pub fn count(&self, method: &str, path: &str) -> usize {
        self.asked.iter().filter(|asked| asked.is(method, path)).count()
    }

    pub fn described(file_name: &str, state: &str, error: &str) -> serde_json::Value {
        let completed = if state == "IN_PROGRESS" { "0001-01-01T00:00:00Z" } else { "2019-04-10T21:56:01.184Z" };
        serde_json::json!({
            "id": ID, "encrypted": false, "fileName": file_name, "logFileName": "", "backupPath": "/secure-location",
            "backupState": state, "nodeLocation": NODE, "shortError": error,
            "created_at": "2019-04-10T21:55:53.775Z", "completed_at": completed,
        })
    }

    /// Begins a backup, as the interface has it.
    pub fn begin(&mut self, asked: &Asked) -> Reply {
        let wanted = asked.json();
        let wanted = wanted.as_object().unwrap();
        let known = ["passphrase", "noPassphrase", "fileName", "includeLogs", "logFileName", "hostPath"];
        if let Some(unknown) = wanted.keys().find(|key| !known.contains(&key.as_str())) {
            return Reply::status(400, &format!("{{\"message\":\"unknown field {unknown}\"}}"));
        }
        let is_encrypted = wanted.contains_key("passphrase");
        if is_encrypted == wanted.get("noPassphrase").is_some_and(|no| no == true) {
            return Reply::status(400, "{\"message\":\"either passphrase or noPassphrase\"}");
        }
        if self.backups.iter().any(|one| one["backupState"] == "IN_PROGRESS") {
            return Reply::status(500, "{\"message\":\"another backup is in progress\"}");
        }
        let mut described = Self::described(wanted["fileName"].as_str().unwrap(), "IN_PROGRESS", "");
        described["encrypted"] = is_encrypted.into();
        described["backupPath"] = wanted["hostPath"].clone();
        self.backups.push(described);
        Reply::Json(200, format!("{{\"backupId\":\"{ID}\"}}"))
    }

    /// Ends what runs.
    pub fn end(&mut self) {
        let running = self.backups.iter_mut().find(|one| one["backupState"] == "IN_PROGRESS").unwrap();
        running["backupState"] = "SUCCESS".into();
        running["completed_at"] = "2019-04-10T21:56:01.184Z".into();
        std::fs::write(self.folder.join(running["fileName"].as_str().unwrap()), &self.archive).unwrap();
    }

    fn answer(&mut self, asked: &Asked) -> Reply {
        match (asked.method.as_str(), asked.path.as_str()) {
            ("GET", "/version") => Reply::Json(200, format!("{{\"Version\":\"ucp/{}\"}}", self.version)),
            ("GET", "/api/ucp/backups") => {
                let list = (!self.backups.is_empty()).then_some(&self.backups);
                Reply::Json(200, serde_json::to_string(&list).unwrap())
            }
            ("POST", "/api/ucp/backup") => self.begin(asked),
            ("GET", path) if path == format!("/api/ucp/backup/{ID}") => {
                if self.count("GET", path) > self.looks {
                    self.end();
                }
                Reply::Json(200, self.backups.last().unwrap().to_string())
            }
            _ => Reply::status(404, "{\"message\":\"not found\"}"),
        }
    }
}

/// A server that runs as long as the tests do.
pub struct StandIn {
    pub url: String,
    pub ca: Vec<u8>,
    pub ucp: Arc<Mutex<Ucp>>,
}

/// What a server shows, and what it is checked with.
pub struct Identity {
    /// The authority's certificate, in PEM.
    pub ca: String,
    pub certificate: CertificateDer<'static>,
    pub key: KeyPair,
}

impl Identity {
    /// Issued for `names` by an authority of its own, which is called `authority`.
    pub fn issued(names: &[&str], authority: &str) -> Self {
        let (params, authority_key) = (authority_params(&[], authority), KeyPair::generate().unwrap());
        let ca = params.self_signed(&authority_key).unwrap().pem();
        let issuer = Issuer::new(params, authority_key);
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
        Self { ca, certificate: certificate.der().clone(), key }
    }

    /// An authority that shows its own certificate.
    pub fn self_signed(names: &[&str]) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = authority_params(names, "ucp").self_signed(&key).unwrap();
        Self { ca: certificate.pem(), certificate: certificate.der().clone(), key }
    }
}

fn authority_params(names: &[&str], called: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, called);
    params
}

impl StandIn {
    pub fn start(identity: Identity, folder: &Path, archive: &[u8], hook: Hook) -> Self {
        let Identity { ca, certificate, key } = identity;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let ucp = Arc::new(Mutex::new(Ucp {
            version: "3.4.5",
            archive: archive.to_vec(),
            folder: folder.to_owned(),
            looks: 2,
            backups: Vec::new(),
            asked: Vec::new(),
        }));
        let (shared, hook) = (Arc::clone(&ucp), Arc::new(Mutex::new(hook)));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (config, ucp, hook) = (Arc::clone(&config), Arc::clone(&shared), Arc::clone(&hook));
                std::thread::spawn(move || serve(socket, config, &ucp, &hook));
            }
        });
        Self { url, ca: ca.into_bytes(), ucp }
    }

    pub fn ucp(&self) -> std::sync::MutexGuard<'_, Ucp> {
        self.ucp.lock().unwrap()
    }
}

fn serve(socket: TcpStream, config: Arc<ServerConfig>, ucp: &Mutex<Ucp>, hook: &Mutex<Hook>) {
    let mut stream = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
    // A client that does not like the certificate says nothing.
    let Some(asked) = request(&mut stream) else { return };
    let reply = {
        let mut ucp = ucp.lock().unwrap();
        ucp.asked.push(asked.clone());
        let is_known = asked.head.contains(&format!("\r\nAuthorization: Bearer {TOKEN}\r\n"));
        let hooked = hook.lock().unwrap()(&asked, &mut ucp);
        match hooked {
            Some(reply) => reply,
            None if !is_known => Reply::status(401, "{\"message\":\"invalid token\"}"),
            None => ucp.answer(&asked),
        }
    };
    let _ = write(&mut stream, reply);
}

fn request(stream: &mut impl Read) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    let head = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&piece[..count]),
            _ => return None,
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("Content-Length: ")).map_or(0, |n| n.parse().unwrap());
    while bytes.len() < head + length {
        let count = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..count]);
    }
    let mut words = text.split_ascii_whitespace();
    let (method, path) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    assert!(text.contains("\r\nHost: 127.0.0.1:") && text.contains("\r\nConnection: close\r\n"), "{text}");
    assert_eq!(length > 0, text.contains("\r\nContent-Type: application/json\r\n"), "{text}");
    Some(Asked { method, path, head: text, body: bytes[head..].to_vec() })
}

fn write(stream: &mut StreamOwned<ServerConnection, TcpStream>, reply: Reply) -> std::io::Result<()> {
    match reply {
        Reply::Json(status, body) => {
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes())?;
            stream.write_all(body.as_bytes())?;
        }
        Reply::Raw(bytes) => stream.write_all(&bytes)?,
        Reply::Cut(bytes) => {
            stream.write_all(&bytes)?;
            return stream.flush();
        }
        Reply::Reset => {
            rustix::net::sockopt::set_socket_linger(&stream.sock, Some(Duration::ZERO))?;
            return Ok(());
        }
        Reply::Hang(time) => std::thread::sleep(time),
        Reply::Trickle => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")?;
            loop {
                stream.write_all(b" ")?;
                stream.flush()?;
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                stream.write_all(&[b' '; 65536])?;
            }
        }
    }
    stream.conn.send_close_notify();
    stream.flush()
}
