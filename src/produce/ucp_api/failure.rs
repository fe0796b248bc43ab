//! Why there is no answer.
//!
//! Promises: what is said fits behind "`GET https://…` ": what happened, and what to do next. Refuses to know: what was
//! asked for.

use std::fmt;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use super::http::MOST_BODY;
use crate::report::sentence;

/// Why there is no answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) cause: Cause,
    /// Whether the server may have got the request.
    pub(super) sent: bool,
}

/// What happened.
#[derive(Debug)]
pub(super) enum Cause {
    /// veritar was asked to stop.
    Stopped,
    /// Nobody knows the host.
    Resolve(io::Error),
    /// Nobody lets us in.
    Connect(io::Error),
    /// TLS does not come about.
    Tls(rustls::Error),
    /// The connection broke.
    Broken(io::Error),
    /// Nothing came for so long.
    Silent(Duration),
    /// It was not through after so long.
    TooSlow(Duration),
    /// The connection was closed without an answer.
    Nothing,
    /// The connection was closed in the middle of the answer.
    Cut,
    /// More than any answer needs.
    TooLong,
    /// No HTTP.
    NotHttp(String),
}

/// What a socket that looks at `stop` says through others.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    Stop,
    Silent(Duration),
    TooSlow(Duration),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "veritar was asked to stop",
            Self::Silent(_) => "nothing came",
            Self::TooSlow(_) => "it took too long",
        })
    }
}

impl std::error::Error for Asked {}

impl From<io::Error> for Cause {
    fn from(error: io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(asked) = inner.and_then(|inner| inner.downcast_ref::<Asked>()) {
            return match *asked {
                Asked::Stop => Self::Stopped,
                Asked::Silent(silence) => Self::Silent(silence),
                Asked::TooSlow(whole) => Self::TooSlow(whole),
            };
        }
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::Tls(tls.clone());
        }
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Cut } else { Self::Broken(error) }
    }
}

impl Cause {
    /// Whether asking again later may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Stopped | Self::TooLong | Self::NotHttp(_) => false,
            Self::Tls(error) => !matches!(error, rustls::Error::InvalidCertificate(_)),
            _ => true,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("was broken off, because veritar was asked to stop; run it again when it suits"),
            Self::Resolve(error) => {
                write!(f, "was not sent: the host was not found ({error}); look at the address, and at this machine's resolver")
            }
            Self::Connect(error) if error.kind() == io::ErrorKind::TimedOut => f.write_str(
                "was not sent: nobody let the connection in before time was up; look at the address, and whether a firewall \
                 stands between",
            ),
            Self::Connect(error) => write!(
                f,
                "was not sent: no connection ({error}); look at the address and the port, and whether the UCP controller runs"
            ),
            Self::Tls(error) => {
                let is_early = matches!(error, rustls::Error::InvalidCertificate(_));
                write!(f, "was not {}: {}", if is_early { "sent" } else { "answered" }, sentence(&tls(error)))
            }
            Self::Broken(error) => write!(
                f,
                "broke off ({error}); look whether the UCP controller or a load balancer before it was restarted, and run it \
                 again"
            ),
            Self::Silent(silence) => write!(
                f,
                "was not answered: nothing came for {} seconds; look at the UCP controller's load and log",
                silence.as_secs_f64()
            ),
            Self::TooSlow(whole) => write!(
                f,
                "was not answered whole within {} seconds; look at the UCP controller's load and the network between",
                whole.as_secs_f64()
            ),
            Self::Nothing => f.write_str(
                "was not answered: the connection was closed; look whether this is the port of the UCP controller, and at its \
                 log",
            ),
            Self::Cut => f.write_str(
                "got half an answer: the connection was closed in the middle; look whether the UCP controller or a load \
                 balancer before it was restarted, and run it again",
            ),
            Self::TooLong => write!(
                f,
                "got an answer of more than {} MiB, which no answer of UCP needs; look whether this is the address of a UCP",
                MOST_BODY >> 20
            ),
            Self::NotHttp(what) => write!(
                f,
                "got an answer that is not HTTP as UCP speaks it ({}); look whether this is the address and the port of a UCP",
                sentence(what)
            ),
        }
    }
}

/// Why TLS did not come about, and what to do.
fn tls(error: &rustls::Error) -> String {
    use CertificateError as Certificate;
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            // Where the name of the authority is right and its key another, the signature does not hold: every UCP calls its
            // own authority the same.
            Certificate::UnknownIssuer | Certificate::BadSignature => {
                "the server's certificate was issued by none of the authorities that are trusted here; get the CA of this UCP \
                 (on a manager, or https://HOST/ca on a way that is safe, compared with what a manager has) and give that file"
                    .to_owned()
            }
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => format!(
                "the server's certificate is for another name ({error}); use a name that stands in it, or have UCP's \
                 certificate made anew with this one (--san)"
            ),
            Certificate::Expired | Certificate::ExpiredContext { .. } => {
                format!("the server's certificate has expired ({error}); renew it, and look at this machine's clock")
            }
            Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
                format!("the server's certificate is not valid yet ({error}); look at the clocks of both machines")
            }
            _ if error.to_string().contains("CaUsedAsEndEntity") => {
                "the server shows an authority's certificate as its own (self-signed); give it one that an authority issued, \
                 and that authority's certificate here"
                    .to_owned()
            }
            _ => format!("the server's certificate is not accepted ({error}); have it replaced by one that is"),
        },
        rustls::Error::InvalidMessage(_) => {
            format!("the server does not speak TLS ({error}); look whether this is the port of the UCP controller")
        }
        rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) => {
            format!("the server will not speak TLS with us ({error}); look at its log and its TLS settings (1.2 or 1.3)")
        }
        _ => format!("TLS did not come about ({error}); look at the server's log"),
    }
}
