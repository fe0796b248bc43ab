//! The receipt of a backup: what ran, what came of it, and what the verifier said, as one JSON document.
//!
//! It is the sidecar of an archive that has its name, and the report beside one that failed.
//!
//! Promises: no secret is in it; text that came from elsewhere is escaped; within a version fields are added, never changed
//! or removed. Refuses to know: how a backup is made.

use std::collections::BTreeMap;
use std::time::SystemTime;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::publish::{MOST_SIDECAR_BYTES, Written};
use super::run::End;
use super::seal::{Compression, Format, Seal};
use super::{Done, Form, Made, Survey, Trouble};
use crate::digest::hex;
use crate::report::{self, Overall, name, sentence};
use crate::verify::{Outcome, Verdict};

/// Lines of a program's standard error that are kept for one that did well; of one that did not, all are.
const MOST_LINES: usize = 20;

/// The receipt of one backup. Times are RFC 3339.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Receipt {
    schema: u32,
    tool: Tool,
    product: &'static str,
    /// The archive's name, without a folder; empty where it never came to one.
    archive: String,
    /// What archives are kept together for.
    family: String,
    /// The how manyth of its family it is.
    sequence: u64,
    /// When the run began.
    created: String,
    /// When it ended; of a sidecar, when the archive was whole.
    finished: Option<String>,
    verdict: &'static str,
    /// Of the archive, once it was written to its end.
    bytes: u64,
    /// Of the archive as it lies in the folder; of one that failed, where somebody read it to its end.
    digests: BTreeMap<&'static str, String>,
    facts: BTreeMap<&'static str, String>,
    sealed: Option<Sealed>,
    /// What the verifier read.
    verified: Option<Verified>,
    /// Whether the archive was read once more from the disk before it got its name.
    read_back: bool,
    ran: Vec<Program>,
    warnings: Vec<String>,
    /// What went wrong; beside a verdict of `pass`, something that does not concern the archive.
    troubles: Vec<String>,
    /// The verifier's report, as `verify --format json` writes it.
    #[schemars(with = "Option<report::json::Document<'static>>")]
    report: Option<serde_json::Value>,
    /// Whether the archive was written to its end.
    #[serde(skip)]
    is_written: bool,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

/// What goes round the archive.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Sealed {
    compression: &'static str,
    /// `none`, or how it is encrypted.
    encryption: &'static str,
    /// Passphrases, each of which opens it.
    passphrases: usize,
    /// The files of the certificates whose owners can open it.
    certificates: Vec<String>,
}

/// What the verifier read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// The archive as it lies in the folder.
    AsWritten,
    /// What went into the seal, which nobody here can open: of the archive in the folder, the digests alone are proved.
    BeforeSealing,
}

/// What a sidecar says that a later archive is held against.
#[derive(Deserialize)]
struct Before {
    verdict: String,
    bytes: u64,
    sealed: SealedBefore,
    verified: Verified,
    report: Option<ReportBefore>,
}

#[derive(Deserialize)]
struct SealedBefore {
    compression: String,
    encryption: String,
}

#[derive(Deserialize)]
struct ReportBefore {
    archives: Vec<ReadBefore>,
}

#[derive(Deserialize)]
struct ReadBefore {
    bytes: u64,
}

/// A program that ran.
#[derive(Debug, Clone, Serialize, JsonSchema)]
struct Program {
    says: String,
    /// As a shell would take it, without secrets.
    command: String,
    started: String,
    seconds: Option<f64>,
    end: String,
    /// Bytes of its standard output.
    bytes: u64,
    /// The end of its standard error.
    said: Vec<String>,
}

impl Receipt {
    pub(super) fn begin(product: &'static str, now: &jiff::Zoned) -> Self {
        Self {
            schema: 1,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            product,
            archive: String::new(),
            family: String::new(),
            sequence: 0,
            created: now.timestamp().to_string(),
            finished: None,
            verdict: Overall::Error.as_str(),
            bytes: 0,
            digests: BTreeMap::new(),
            facts: BTreeMap::new(),
            sealed: None,
            verified: None,
            read_back: false,
            ran: Vec::new(),
            warnings: Vec::new(),
            troubles: Vec::new(),
            report: None,
            is_written: false,
        }
    }

    /// The schema (JSON Schema, draft 2020-12) of the document, version 1. Within a version fields are added: what is not
    /// in it is no error.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        report::schema::of::<Self>()
    }

    /// The archive's name.
    #[must_use]
    pub fn archive(&self) -> &str {
        &self.archive
    }

    /// Facts that were found, by name.
    #[must_use]
    pub fn facts(&self) -> &BTreeMap<&'static str, String> {
        &self.facts
    }

    /// What whoever reads it must know.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What the verifier read, where it came to that.
    #[must_use]
    pub fn what_was_verified(&self) -> Option<Verified> {
        self.verified
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut json = self.json();
        if json.len() as u64 > MOST_SIDECAR_BYTES {
            // Findings are bounded, but a report of millions of members' findings must not cost the archive its name.
            let mut short = self.clone();
            short.report = None;
            short.warnings.push("the verifier's report is too long to stand here".to_owned());
            json = short.json();
        }
        json
    }

    fn json(&self) -> Vec<u8> {
        // Maps with text for keys, numbers and text: nothing here that JSON could not hold.
        let mut json = serde_json::to_vec_pretty(self).unwrap_or_default();
        json.push(b'\n');
        json
    }

    /// Whether a sidecar says that its archive passed.
    pub(super) fn says_passed(sidecar: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Said {
            verdict: String,
        }
        let said = serde_json::from_slice::<Said>(sidecar);
        said.is_ok_and(|said| said.verdict == Overall::Pass.as_str())
    }

    /// Bytes of an earlier archive that this one can be held against, as its sidecar tells them: it passed, is sealed in the
    /// same way, which decides what its name ends in, and was verified in the same way. They are those of what the verifier
    /// read.
    pub(super) fn bytes_before(&self, sidecar: &[u8]) -> Option<u64> {
        let before: Before = serde_json::from_slice(sidecar).ok()?;
        let sealed = self.sealed.as_ref()?;
        let is_alike = before.verdict == Overall::Pass.as_str()
            && before.sealed.compression == sealed.compression
            && before.sealed.encryption == sealed.encryption
            && Some(before.verified) == self.verified;
        match before.verified {
            _ if !is_alike => None,
            Verified::AsWritten => Some(before.bytes),
            // What went into the seal may be much more than what came out, and only the report knows how much.
            Verified::BeforeSealing => Some(before.report?.archives.first()?.bytes),
        }
    }

    /// The archive that this one is held against.
    pub(super) fn previous(&mut self, archive: &str) {
        self.facts.insert("previous", name(archive.as_bytes()));
    }

    pub(super) fn survey(&mut self, survey: &Survey) {
        self.family.clone_from(&survey.family);
        self.facts.extend(survey.facts.iter().cloned());
        self.warnings.extend(survey.warnings.iter().cloned());
    }

    pub(super) fn name(&mut self, archive: &str, sequence: u64) {
        archive.clone_into(&mut self.archive);
        self.sequence = sequence;
    }

    pub(super) fn sealed(&mut self, sealed: Sealed) {
        self.sealed = Some(sealed);
    }

    pub(super) fn verified(&mut self, verified: Verified) {
        self.verified = Some(verified);
        if verified == Verified::BeforeSealing {
            self.warn(
                "the verifier read what went into the encryption, not what came out: only the owners of the certificates \
                 can open the archive"
                    .to_owned(),
            );
        }
    }

    pub(super) fn read_back(&mut self, read_back: bool) {
        self.read_back = read_back;
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    pub(super) fn made(&mut self, made: &Made) {
        self.facts.extend(made.facts.iter().cloned());
        self.warnings.extend(made.warnings.iter().cloned());
    }

    pub(super) fn written(&mut self, written: &Written) {
        self.is_written = true;
        self.bytes = written.bytes();
        let digests = written.digests();
        let named = [("sha256", digests.sha256), ("blake3", digests.blake3)];
        self.digests = named.into_iter().filter_map(|(name, digest)| Some((name, hex(&digest?)))).collect();
    }

    /// Called whenever somebody is going to read it: the last call counts.
    pub(super) fn end(&mut self, ran: &[Done], troubles: &[Trouble], outcome: Option<&Outcome>) {
        self.finished = Some(jiff::Timestamp::now().to_string());
        self.ran = ran.iter().map(Program::of).collect();
        self.troubles = troubles.iter().map(|trouble| sentence(&trouble.to_string())).collect();
        // Half an archive may be well-formed: the verdict on what was not written to its end is none.
        self.verdict = match outcome.filter(|_| self.is_written).map(|outcome| outcome.verdict) {
            Some(Verdict::Pass) => Overall::Pass.as_str(),
            Some(Verdict::Fail) => Overall::Fail.as_str(),
            Some(Verdict::Inconclusive) => Overall::Inconclusive.as_str(),
            None => Overall::Error.as_str(),
        };
        self.report = outcome.and_then(|outcome| {
            let results = [report::Result::Looked(Box::new(outcome.clone()))];
            serde_json::to_value(report::json::document(&results)).ok()
        });
    }
}

impl Sealed {
    pub(super) fn of(seal: &Seal, form: Form) -> Self {
        let lock = seal.lock.as_ref();
        Self {
            compression: match seal.compression {
                Compression::None => "none",
                Compression::Gzip(_) => "gzip",
                Compression::Zstd(_) => "zstd",
            },
            encryption: match (form, lock.map(|lock| lock.format)) {
                (Form::OpenPgp, _) => "OpenPGP, by the product",
                (Form::Tar, None) => "none",
                (Form::Tar, Some(Format::SeipdV1)) => "OpenPGP, SEIPD version 1, AES-256",
                (Form::Tar, Some(Format::SeipdV2)) => "OpenPGP, SEIPD version 2, AES-256 in OCB mode",
            },
            passphrases: lock.map_or(0, |lock| lock.passphrases.len()),
            certificates: lock
                .iter()
                .flat_map(|lock| &lock.certificates)
                .map(|one| name(one.name.as_bytes()))
                .collect(),
        }
    }
}

impl Program {
    fn of(done: &Done) -> Self {
        let ran = done.ran.as_ref();
        let mut said = ran.map(super::run::Ran::errors).unwrap_or_default();
        if done.is_good() {
            said.drain(..said.len().saturating_sub(MOST_LINES));
        }
        Self {
            says: done.says.clone(),
            command: done.command.clone(),
            started: timestamp(done.started),
            seconds: ran.map(|ran| ran.took.as_secs_f64()),
            end: match ran.map(|ran| ran.end) {
                Some(End::Exit(code)) => format!("exit code {code}"),
                Some(End::Signal(signal)) => format!("signal {signal}"),
                Some(End::Unknown) => "unknown".to_owned(),
                None => "not run".to_owned(),
            },
            bytes: ran.map_or(0, |ran| ran.bytes),
            said,
        }
    }
}

fn timestamp(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| String::new(), |time| time.to_string())
}
