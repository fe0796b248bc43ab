//! A small HTTP client: one request over one TLS connection, and its answer.
//!
//! ```text
//! request ──► TLS ──► Patient (a socket that looks at `stop`) ──► server
//! Answer  ◄── head (httparse) ◄── body: by its length, in chunks, or up to an orderly end
//! ```
//!
//! Promises: the server's certificate is always checked; nothing is sent twice, and no redirect is followed; an answer is
//! whole or a [`Failure`]; its size and its time are bounded; whether anything was sent is known. Refuses to know: what is
//! asked, and what the answers mean.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use zeroize::Zeroizing;

use super::failure::{Asked, Cause, Failure};
use super::url::Url;

/// How often `stop` is looked at.
const TICK: Duration = Duration::from_millis(100);

/// Bytes of an answer's head past which it is none.
const MOST_HEAD: usize = 64 << 10;

/// Fields of an answer's head past which it is none.
const MOST_FIELDS: usize = 100;

/// Bytes of an answer's body past which it is none: a list of thousands of backups needs one.
pub(super) const MOST_BODY: usize = 4 << 20;

/// Bytes read at a time.
const PIECE: usize = 16 << 10;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until a connection stands.
    pub(super) connect: Duration,
    /// Nothing coming or going.
    pub(super) silence: Duration,
    /// A whole request.
    pub(super) whole: Duration,
}

/// Who is asked, and how.
pub(super) struct Client {
    pub(super) url: Url,
    pub(super) name: ServerName<'static>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) patience: Patience,
    pub(super) stop: Arc<AtomicBool>,
}

/// What a server answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Where a redirect leads.
    pub(super) location: Option<Vec<u8>>,
    pub(super) body: Vec<u8>,
}

impl Client {
    /// Sends one request, which is closed off by its own length.
    pub(super) fn ask(&self, request: &Zeroizing<Vec<u8>>) -> Result<Answer, Failure> {
        let until = Instant::now() + self.patience.whole;
        let unsent = |cause| Failure { cause, sent: false };
        let socket = self.connect().map_err(unsent)?;
        let patient = Patient::new(socket, self, until).map_err(|error| unsent(error.into()))?;
        let connection = ClientConnection::new(Arc::clone(&self.tls), self.name.clone());
        let mut stream = StreamOwned::new(connection.map_err(|error| unsent(Cause::Tls(error)))?, patient);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| unsent(error.into()))?;
        }
        let answer = stream.write_all(request).and_then(|()| stream.flush()).map_err(Cause::from);
        answer.and_then(|()| read(&mut stream)).map_err(|cause| Failure { cause, sent: true })
    }

    /// A connection. Resolving a name and connecting cannot be stopped, so they are waited for from beside.
    fn connect(&self) -> Result<TcpStream, Cause> {
        let (to, from) = sync_channel(1);
        let (host, port, most) = (self.url.host.clone(), self.url.port, self.patience.connect);
        let dial = move || {
            // Nobody may be waiting any more.
            let _ = to.send(dial(&host, port, most));
        };
        std::thread::Builder::new().name("connect".to_owned()).spawn(dial).map_err(Cause::Connect)?;
        let since = Instant::now();
        loop {
            match from.recv_timeout(TICK) {
                Ok(dialled) => return dialled,
                Err(_) if self.stop.load(Ordering::Relaxed) => return Err(Cause::Stopped),
                Err(RecvTimeoutError::Timeout) if since.elapsed() < most => {}
                Err(RecvTimeoutError::Timeout) => return Err(Cause::Connect(io::ErrorKind::TimedOut.into())),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Cause::Connect(io::Error::other("the thread that connects broke down")));
                }
            }
        }
    }
}

fn dial(host: &str, port: u16, most: Duration) -> Result<TcpStream, Cause> {
    let mut last = None;
    for address in (host, port).to_socket_addrs().map_err(Cause::Resolve)? {
        match TcpStream::connect_timeout(&address, most) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| Cause::Resolve(io::Error::other("no address")), Cause::Connect))
}

/// A socket that waits for long, and looks at `stop` meanwhile.
struct Patient {
    socket: TcpStream,
    stop: Arc<AtomicBool>,
    silence: Duration,
    whole: Duration,
    until: Instant,
}

impl Patient {
    fn new(socket: TcpStream, client: &Client, until: Instant) -> io::Result<Self> {
        socket.set_read_timeout(Some(TICK))?;
        socket.set_write_timeout(Some(TICK))?;
        socket.set_nodelay(true)?;
        let Patience { silence, whole, .. } = client.patience;
        Ok(Self { socket, stop: Arc::clone(&client.stop), silence, whole, until })
    }

    fn wait<T>(&mut self, mut act: impl FnMut(&mut TcpStream) -> io::Result<T>) -> io::Result<T> {
        let since = Instant::now();
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(io::Error::other(Asked::Stop));
            }
            if Instant::now() >= self.until {
                return Err(io::Error::other(Asked::TooSlow(self.whole)));
            }
            match act(&mut self.socket) {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if since.elapsed() >= self.silence {
                        return Err(io::Error::other(Asked::Silent(self.silence)));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.wait(|socket| socket.read(buffer))
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(|socket| socket.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How an answer's body ends.
enum Ends {
    After(usize),
    InChunks,
    WithTheConnection,
}

/// Reads one answer.
fn read(from: &mut dyn Read) -> Result<Answer, Cause> {
    let mut incoming = Incoming { from, bytes: Vec::new() };
    let (status, location, ends) = loop {
        let head = incoming.head()?;
        // Word that the request goes on; the answer comes after it.
        if !(100..200).contains(&head.0) {
            break head;
        }
    };
    let body = match ends {
        Ends::After(length) if length > MOST_BODY => return Err(Cause::TooLong),
        Ends::After(length) => incoming.take(length)?,
        Ends::InChunks => incoming.chunks()?,
        Ends::WithTheConnection => incoming.rest()?,
    };
    Ok(Answer { status, location, body })
}

/// What came, and what is yet to come.
struct Incoming<'a> {
    from: &'a mut dyn Read,
    /// Came and was not used.
    bytes: Vec<u8>,
}

impl Incoming<'_> {
    /// Whether there was more.
    fn more(&mut self) -> Result<bool, Cause> {
        let used = self.bytes.len();
        self.bytes.resize(used + PIECE, 0);
        let read = self.from.read(self.bytes.get_mut(used..).unwrap_or_default());
        self.bytes.truncate(used + read.as_ref().copied().unwrap_or(0));
        Ok(read? > 0)
    }

    fn head(&mut self) -> Result<(u16, Option<Vec<u8>>, Ends), Cause> {
        loop {
            let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
            let mut response = httparse::Response::new(&mut fields);
            let parsed = response.parse(&self.bytes).map_err(|error| Cause::NotHttp(error.to_string()))?;
            if let httparse::Status::Complete(used) = parsed {
                let status = response.code.unwrap_or(0);
                let location = field(&response, "location").next().map(<[u8]>::to_vec);
                let ends = ends(status, &response)?;
                self.bytes.drain(..used);
                return Ok((status, location, ends));
            }
            if self.bytes.len() > MOST_HEAD {
                return Err(Cause::TooLong);
            }
            if !self.more()? {
                return Err(if self.bytes.is_empty() { Cause::Nothing } else { Cause::Cut });
            }
        }
    }

    /// The next `count` bytes.
    fn take(&mut self, count: usize) -> Result<Vec<u8>, Cause> {
        while self.bytes.len() < count {
            if !self.more()? {
                return Err(Cause::Cut);
            }
        }
        let rest = self.bytes.split_off(count);
        Ok(std::mem::replace(&mut self.bytes, rest))
    }

    fn rest(&mut self) -> Result<Vec<u8>, Cause> {
        // Without the end that TLS has for it this is an error: anybody could have cut it.
        while self.more()? {
            if self.bytes.len() > MOST_BODY {
                return Err(Cause::TooLong);
            }
        }
        Ok(std::mem::take(&mut self.bytes))
    }

    fn chunks(&mut self) -> Result<Vec<u8>, Cause> {
        let mut body = Vec::new();
        loop {
            let size = self.chunk_size()?;
            if size == 0 {
                // Fields may follow, which nobody needs: the connection is not used again.
                return Ok(body);
            }
            if size > MOST_BODY.saturating_sub(body.len()) {
                return Err(Cause::TooLong);
            }
            body.extend(self.take(size)?);
            if self.take(2)? != b"\r\n" {
                return Err(Cause::NotHttp("a chunk is longer than it says".to_owned()));
            }
        }
    }

    fn chunk_size(&mut self) -> Result<usize, Cause> {
        loop {
            match httparse::parse_chunk_size(&self.bytes) {
                Ok(httparse::Status::Complete((used, size))) => {
                    self.bytes.drain(..used);
                    return usize::try_from(size).map_err(|_| Cause::TooLong);
                }
                Ok(httparse::Status::Partial) if self.bytes.len() > MOST_HEAD => return Err(Cause::TooLong),
                Ok(httparse::Status::Partial) if self.more()? => {}
                Ok(httparse::Status::Partial) => return Err(Cause::Cut),
                Err(_) => return Err(Cause::NotHttp("a chunk does not say how long it is".to_owned())),
            }
        }
    }
}

/// The values of a field.
fn field<'r>(response: &'r httparse::Response<'_, '_>, name: &str) -> impl Iterator<Item = &'r [u8]> {
    let is_it = move |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
    response.headers.iter().filter(is_it).map(|header| header.value)
}

fn ends(status: u16, response: &httparse::Response<'_, '_>) -> Result<Ends, Cause> {
    let no = |why: &str| Err(Cause::NotHttp(why.to_owned()));
    let mut lengths = field(response, "content-length");
    let mut codings = field(response, "transfer-encoding");
    if field(response, "content-encoding").any(|coding| !coding.eq_ignore_ascii_case(b"identity")) {
        return no("its body is compressed, which nobody asked for");
    }
    if (100..200).contains(&status) || matches!(status, 204 | 304) {
        return Ok(Ends::After(0));
    }
    match (codings.next(), codings.next(), lengths.next()) {
        (None, None, None) => Ok(Ends::WithTheConnection),
        (Some(coding), None, None) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Ends::InChunks),
        (None, None, Some(length)) if lengths.all(|other| other == length) => {
            let is_number = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let number = std::str::from_utf8(length).ok().filter(|_| is_number);
            match number.map(str::parse::<usize>) {
                Some(Ok(length)) => Ok(Ends::After(length)),
                Some(Err(_)) => Err(Cause::TooLong),
                None => no("its length is no number"),
            }
        }
        _ => no("it does not say in one way how long its body is"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An answer in pieces of `size` bytes, and then the end.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(self.1).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    /// The same, however it comes.
    fn answer(bytes: &[u8]) -> Result<Answer, String> {
        let all: Vec<_> = [1, 2, 7, 100_000]
            .into_iter()
            .map(|size| read(&mut Pieces(bytes, size)).map_err(|cause| format!("{cause:?}")))
            .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0].clone()
    }

    fn body(bytes: &[u8]) -> Result<Vec<u8>, String> {
        answer(bytes).map(|answer| answer.body)
    }

    /// Expectations from RFC 9112, sections 6 and 7.
    #[test]
    fn a_body_ends_where_the_standard_says() {
        assert_eq!(body(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef"), Ok(b"abc".to_vec()));
        assert_eq!(body(b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\ncontent-length: 3\r\n\r\nabc"), Ok(b"abc".to_vec()));
        assert_eq!(body(b"HTTP/1.0 200 OK\r\n\r\nabc"), Ok(b"abc".to_vec()));
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nWiki\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(body(chunked), Ok(b"Wiki0123456789".to_vec()));
        assert_eq!(body(b"HTTP/1.1 204 No Content\r\n\r\n"), Ok(Vec::new()));
        assert_eq!(
            body(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"),
            Ok(b"a".to_vec())
        );
        let moved = answer(b"HTTP/1.1 302 Found\r\nLocation: https://a/\r\nContent-Length: 0\r\n\r\n").unwrap();
        assert_eq!((moved.status, moved.location), (302, Some(b"https://a/".to_vec())));
    }

    #[test]
    fn what_is_cut_is_no_answer() {
        for cut in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"[..],
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWik",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP",
        ] {
            assert_eq!(body(cut), Err("Cut".to_owned()));
        }
        assert_eq!(body(b""), Err("Nothing".to_owned()));
        assert_eq!(body(b"HTTP/1.1 100 Continue\r\n\r\n"), Err("Nothing".to_owned()));
    }

    #[test]
    fn what_is_ambiguous_or_something_else_is_no_answer() {
        for other in [
            &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            b"HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\na",
        ] {
            let answered = body(other);
            assert!(answered.as_ref().is_err_and(|error| error.starts_with("NotHttp")), "{answered:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_read() {
        let most = MOST_BODY + 1;
        let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n").into_bytes();
        assert_eq!(body(&head(&format!("Content-Length: {most}"))), Err("TooLong".to_owned()));
        assert_eq!(body(&head("Content-Length: 99999999999999999999999")), Err("TooLong".to_owned()));
        assert_eq!(
            body(&[head("Transfer-Encoding: chunked"), b"fffffff\r\n".to_vec()].concat()),
            Err("TooLong".to_owned())
        );
        let endless = |bytes: &[u8]| format!("{:?}", read(&mut bytes.chain(io::repeat(b'a'))).unwrap_err());
        assert_eq!(endless(&head("Server: a")), "TooLong");
        assert_eq!(endless(b"HTTP/1.1 200 OK\r\nServer: "), "TooLong");
    }

    fn parts() -> impl Strategy<Value = Vec<u8>> {
        let known: [&[u8]; 12] = [
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.0 204 X\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: 5\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Server:\r\n",
            b"\r\n",
            b"3\r\nabc\r\n",
            b"2;x\r\nab\r\n",
            b"0\r\n\r\n",
            b"\n",
        ];
        let part = prop_oneof![6 => prop::sample::select(known.to_vec()).prop_map(<[u8]>::to_vec), 1 => any::<[u8; 3]>().prop_map(Vec::from)];
        prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
    }

    proptest! {
        /// No panic, and the same in every cut, which `answer` holds.
        #[test]
        fn whatever_comes_is_an_answer_or_none(bytes in parts()) {
            if let Ok(answer) = answer(&bytes) {
                prop_assert!(answer.body.len() <= bytes.len() && answer.status >= 100);
            }
        }
    }
}
