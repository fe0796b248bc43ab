//! The probe `certificate`: one file that should hold certificates.
//!
//! Promises: every certificate in the file is read, held against the day of the restore, and its signature computed where its
//! issuer stands in the same file, itself included; no more are kept than the limit `certificates`. Refuses to know: other
//! files.

use super::super::{Evidence, Fault, Hold, Kind, Learned, Probe, Settings, Subject};
use super::form::{self, Form};
use super::pem::{Pem, Piece};
use super::signature::Checked;
use super::x509::{Certificate, hex};
use super::{der, name};
use crate::code::{self, Code, Severity};

/// The line of the catalog.
pub static CERTIFICATE: Kind = Kind {
    name: "certificate",
    about: "a file with one or more X.509 certificates, in PEM or DER: whether each can be read, whether it is valid on the day \
            of the restore, and whether its signature holds where its issuer stands in the same file",
    settings: &[
        ("empty", "`allowed`: a file of no bytes is good"),
        ("min-days", "warn of a certificate that expires less than so many days after the day of the restore"),
    ],
    facts: &[
        ("encoding", "`PEM` or `DER`"),
        ("certificates", "how many there are"),
        ("subject", "of each of the first 16, in order: whom it is for"),
        ("issuer", "of each: who issued it"),
        ("serial", "of each: its number, in hexadecimal digits"),
        ("name", "of each: every alternative name, `DNS:example.org`"),
        ("not-before", "of each: when it becomes valid"),
        ("not-after", "of each: when it expires"),
        ("authority", "of each: `yes` where it is a CA, else `no`"),
        ("key-algorithm", "of each: `RSA`, `P-256`, …"),
        ("key-bits", "of each: the size of the key, where that is known"),
        ("signature-algorithm", "of each: `ECDSA with SHA-256`, …"),
        ("sha256", "of each: SHA-256 of the certificate in DER"),
        ("public-key", "of each: SHA-256 of its key (SubjectPublicKeyInfo in DER)"),
    ],
    digest: None,
    check: settings,
    start,
};

/// Certificates whose facts are told.
const TOLD: usize = 16;
/// Certificates of the right name that are tried as the issuer of another.
const CANDIDATES: usize = 4;
const DAY: i64 = 86_400;

fn settings(settings: &Settings) -> Result<(), String> {
    match settings.get("empty").map(Vec::as_slice) {
        None => {}
        Some([value]) if value == "allowed" => {}
        Some(_) => return Err("`empty` can only be \"allowed\"".into()),
    }
    min_days(settings).map(drop)
}

fn min_days(settings: &Settings) -> Result<Option<i64>, String> {
    let Some(values) = settings.get("min-days") else { return Ok(None) };
    let number = match values.as_slice() {
        [value] => value.parse::<u16>().ok(),
        _ => None,
    };
    number.map(|days| Some(i64::from(days))).ok_or_else(|| "`min-days` must be a number of days up to 65535".into())
}

fn start(subject: &Subject<'_>) -> Box<dyn Probe> {
    let empty_allowed =
        subject.settings.get("empty").is_some_and(|values| values.iter().any(|value| value == "allowed"));
    let min_days = min_days(subject.settings).unwrap_or_default();
    let most = usize::try_from(subject.limits.certificates).unwrap_or(usize::MAX);
    let reading = Reading { at: subject.at, min_days, most, ..Reading::default() };
    Box::new(Certificates { hold: Hold::new(subject), empty_allowed, reading })
}

struct Certificates {
    hold: Hold,
    empty_allowed: bool,
    reading: Reading,
}

impl Probe for Certificates {
    fn feed(&mut self, bytes: &[u8]) {
        self.hold.feed(bytes);
    }

    fn finish(self: Box<Self>) -> Learned {
        let Self { hold, empty_allowed, mut reading } = *self;
        match hold.whole() {
            Ok(content) if content.is_empty() && empty_allowed => reading.learned.fact("certificates", "0"),
            Ok(content) => reading.read(&content),
            Err(fault) => reading.learned.add(fault),
        }
        reading.learned
    }
}

#[derive(Default)]
struct Reading {
    learned: Learned,
    at: Option<i64>,
    min_days: Option<i64>,
    most: usize,
    /// Each with its place in the file.
    certificates: Vec<(usize, Certificate)>,
    is_over: bool,
    /// The first could not be read: it is the one in use, so nothing is said of the file beside others.
    is_headless: bool,
}

impl Reading {
    fn read(&mut self, content: &[u8]) {
        if content.is_empty() {
            return self.learned.fault(&code::CERTIFICATE_EMPTY, None, "the file is empty");
        }
        if memchr::memmem::find(content, b"-----").is_some() {
            self.learned.fact("encoding", "PEM");
            self.pem(content);
        } else if form::is_der(content) {
            self.learned.fact("encoding", "DER");
            self.der(content);
        } else {
            let what = format!("it holds {}", form::foreign(content));
            return self.learned.fault(&code::CERTIFICATE_NONE, None, what);
        }
        self.judge();
        for (_, certificate) in self.certificates.iter().take(TOLD) {
            tell(&mut self.learned, certificate);
        }
        self.learned.fact("certificates", self.certificates.len().to_string());
        let certificates: Vec<Certificate> = self.certificates.drain(..).map(|(_, certificate)| certificate).collect();
        if !certificates.is_empty() && !self.is_headless {
            self.learned.evidence.push(Evidence::Certificates(certificates));
        }
    }

    fn pem(&mut self, content: &[u8]) {
        let mut others: Vec<String> = Vec::new();
        let (mut announced, mut damaged) = (false, false);
        for piece in Pem::new(content) {
            let block = match piece {
                Piece::Block(block) => block,
                Piece::Broken(at, what) => {
                    damaged = true;
                    self.fault(&code::CERTIFICATE_DAMAGED, at, what);
                    continue;
                }
                Piece::Irregular(at, what) => {
                    self.fault(&code::CERTIFICATE_IRREGULAR, at, what);
                    continue;
                }
            };
            if !matches!(block.label, "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE") {
                if form::is_private_label(block.label) {
                    self.fault(&code::CERTIFICATE_IRREGULAR, block.at, "a private key stands among the certificates");
                }
                if others.len() < 4 {
                    others.push(form::labelled(block.label));
                }
                continue;
            }
            announced = true;
            if block.label != "CERTIFICATE" {
                let what = "a label of OpenSSL's own: other programs pass the certificate by";
                self.fault(&code::CERTIFICATE_IRREGULAR, block.at, what);
            }
            match Form::of(&block.der) {
                Form::Certificate | Form::Unknown => match Certificate::read(&block.der) {
                    // OpenSSL keeps whom to trust for what behind the certificate.
                    Ok((_, used)) if used < block.der.len() && block.label != "TRUSTED CERTIFICATE" => {
                        let what = format!(
                            "{} bytes follow the certificate in its block",
                            block.der.len().saturating_sub(used)
                        );
                        self.fault(&code::CERTIFICATE_DAMAGED, block.place(used), what);
                    }
                    Ok((certificate, _)) => self.keep(block.at, certificate),
                    Err(broken) => self.fault(&code::CERTIFICATE_DAMAGED, block.place(broken.at), broken.what),
                },
                other => {
                    let what = format!("the block is labelled as a certificate and holds {}", other.name());
                    self.fault(&code::CERTIFICATE_DAMAGED, block.at, what);
                }
            }
        }
        if !announced && !damaged {
            let what = if others.is_empty() { form::foreign(content).to_owned() } else { others.join(", ") };
            self.learned.fault(&code::CERTIFICATE_NONE, None, format!("it holds {what}"));
        }
    }

    fn der(&mut self, content: &[u8]) {
        let form = Form::of(content);
        let outer = der::Der::new(content).take(der::SEQUENCE, "the certificate");
        match (outer, form) {
            (Err(broken), _) => self.fault(&code::CERTIFICATE_DAMAGED, broken.at, broken.what),
            (Ok(_), Form::Certificate | Form::Unknown) => match Certificate::read(content) {
                Ok((certificate, used)) => {
                    if used < content.len() {
                        let what = format!("{} bytes follow the certificate", content.len().saturating_sub(used));
                        self.fault(&code::CERTIFICATE_DAMAGED, used, what);
                    }
                    self.keep(0, certificate);
                }
                Err(broken) => self.fault(&code::CERTIFICATE_DAMAGED, broken.at, broken.what),
            },
            (Ok(_), other) => {
                self.learned.fault(&code::CERTIFICATE_NONE, None, format!("it holds {}, in DER", other.name()));
            }
        }
    }

    fn keep(&mut self, at: usize, certificate: Certificate) {
        if self.certificates.len() < self.most {
            self.certificates.push((at, certificate));
        } else if !self.is_over {
            self.is_over = true;
            let what = format!("more than {} certificates in one file", self.most);
            self.fault(&code::CERTIFICATE_TOO_MANY, at, what);
        }
    }

    /// What is wrong with each by itself, and beside those in the same file.
    fn judge(&mut self) {
        let mut faults = Vec::new();
        for (index, (at, certificate)) in self.certificates.iter().enumerate() {
            let mut fault = |code: &'static Code, severity: Option<Severity>, message: String| {
                faults.push(Fault { code, severity, message, offset: u64::try_from(*at).ok() });
            };
            self.validity(index, certificate, &mut fault);
            self.signature(index, certificate, &mut fault);
            if let Some(weakness) = certificate.key().weakness() {
                fault(&code::CERTIFICATE_WEAK, None, format!("{}: {weakness}", certificate.subject()));
            }
            let scheme = certificate.scheme();
            if scheme.is_weak() {
                // Nobody relies on the signature of a root.
                let severity = certificate.is_self_issued().then_some(Severity::Info);
                let what = format!("{}: signed by {}, which can be forged", certificate.subject(), scheme.name());
                fault(&code::CERTIFICATE_WEAK, severity, what);
            }
        }
        faults.into_iter().for_each(|fault| self.learned.add(fault));
    }

    /// The certificate on the day of the restore.
    fn validity(
        &self,
        index: usize,
        certificate: &Certificate,
        fault: &mut impl FnMut(&'static Code, Option<Severity>, String),
    ) {
        let (from, until) = (certificate.not_before(), certificate.not_after());
        let subject = certificate.subject();
        if from > until {
            let what =
                format!("{subject}: it expires ({}) before it becomes valid ({})", name::day(until), name::day(from));
            fault(&code::CERTIFICATE_EXPIRED, None, what);
            return;
        }
        let Some(at) = self.at else { return };
        // The one in use must be valid; of several to choose from, one must.
        let is_leaf = index == 0 && !certificate.is_authority();
        let none_is_valid =
            || self.certificates.iter().all(|(_, other)| at < other.not_before() || at > other.not_after());
        let severity = || if is_leaf || none_is_valid() { None } else { Some(Severity::Warning) };
        if at > until {
            fault(&code::CERTIFICATE_EXPIRED, severity(), format!("{subject}: it expired on {}", name::day(until)));
        } else if at < from {
            let what = format!("{subject}: it is valid only from {}", name::day(from));
            fault(&code::CERTIFICATE_NOT_YET_VALID, severity(), what);
        } else if let Some(days) = self.min_days
            && until.saturating_sub(at) < days.saturating_mul(DAY)
        {
            let left = until.saturating_sub(at).checked_div(DAY).unwrap_or(0);
            let what = format!("{subject}: it expires on {}, {left} days after the day asked about", name::day(until));
            fault(&code::CERTIFICATE_EXPIRES_SOON, None, what);
        }
    }

    /// The certificate's signature, where its issuer stands in the file.
    fn signature(
        &self,
        index: usize,
        certificate: &Certificate,
        fault: &mut impl FnMut(&'static Code, Option<Severity>, String),
    ) {
        let mut refused = None;
        let mut unknown = None;
        let issuers = self.certificates.iter().map(|(_, other)| other);
        let issuers =
            issuers.filter(|other| certificate.names_as_issuer(other) && certificate.identifies(other) != Some(false));
        for issuer in issuers.take(CANDIDATES) {
            match certificate.signed_by(issuer) {
                Checked::Good => return,
                Checked::Bad => {
                    // A CA that changed its key goes on under its old name, and signs the new key with the old one.
                    let may_be_another =
                        !certificate.identifies_its_issuer() && (index > 0 || !certificate.is_self_issued());
                    let certain = certificate.identifies(issuer) == Some(true) || !may_be_another;
                    refused = Some(refused.unwrap_or(false) || certain);
                }
                Checked::Unknown(why) => unknown = Some(why),
            }
        }
        let subject = certificate.subject();
        match (refused, unknown) {
            (_, Some(why)) => fault(&code::CERTIFICATE_UNKNOWN_ALGORITHM, None, format!("{subject}: {why}")),
            (Some(certain), None) => {
                let severity = if certain { None } else { Some(Severity::Warning) };
                let own = if certificate.is_self_issued() {
                    "its own key"
                } else {
                    "its issuer's key, which stands in the file"
                };
                fault(
                    &code::CERTIFICATE_SIGNATURE,
                    severity,
                    format!("{subject}: the signature was not made by {own}"),
                );
            }
            (None, None) => {}
        }
    }

    fn fault(&mut self, code: &'static Code, at: usize, what: impl Into<String>) {
        self.is_headless |= code == &code::CERTIFICATE_DAMAGED && self.certificates.is_empty();
        self.learned.add(Fault { code, severity: None, message: what.into(), offset: u64::try_from(at).ok() });
    }
}

fn tell(learned: &mut Learned, certificate: &Certificate) {
    learned.fact("subject", certificate.subject());
    learned.fact("issuer", certificate.issuer());
    learned.fact("serial", certificate.serial());
    for name in certificate.names() {
        learned.fact("name", name.as_str());
    }
    learned.fact("not-before", name::day(certificate.not_before()));
    learned.fact("not-after", name::day(certificate.not_after()));
    learned.fact("authority", if certificate.is_authority() { "yes" } else { "no" });
    learned.fact("key-algorithm", certificate.key().algorithm());
    if let Some(bits) = certificate.key().bits() {
        learned.fact("key-bits", bits.to_string());
    }
    learned.fact("signature-algorithm", certificate.scheme().name());
    learned.fact("sha256", hex(&certificate.fingerprint()));
    learned.fact("public-key", hex(&certificate.key().fingerprint()));
}
