//! What the layer says in the end: gathers what was met and decides what of it may be believed.
//!
//! Promises: where the message is encrypted and its check value does not hold, nothing that was read inside it is told,
//! neither a finding nor a name: one finding says that the message is not what was encrypted, the same for every cause
//! (RFC 9580, section 13.7). Refuses to know: how anything was read.

use super::armor::Remarks;
use super::decrypt::{Check, Scheme};
use super::key::Candidate;
use super::level::Mishap;
use super::locks::Locks;
use super::packet::Length;
use super::session::Why;
use super::sniff::guess;
use crate::code::{self, Code};
use crate::envelope::{Format, Integrity, Proof};
use crate::finding::{Finding, Severity};
use crate::place::{Depth, Place};

/// Issuers of signatures that are named; more are counted.
const ISSUERS_NAMED: usize = 4;

/// How the message is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seal {
    /// Not at all.
    None,
    /// Encrypted, and no key opened it.
    Locked,
    /// Encrypted without any check, and not opened.
    Bare,
    /// Encrypted and opened, or known to be damaged; what became of its check, once that is known.
    Opened(Option<Check>),
}

/// What was met in a message.
pub(super) struct Ledger {
    depth: Depth,
    pub(super) seal: Seal,
    /// Where the encrypted packet begins.
    pub(super) sealed_at: u64,
    pub(super) output_bytes: u64,
    /// Findings about what everybody can see.
    outer: Vec<Finding>,
    /// Findings about what is inside.
    inner: Vec<Finding>,
    /// Findings about what follows the message.
    late: Vec<Finding>,
    cipher: Option<&'static str>,
    s2k: Option<String>,
    session_keys: Option<String>,
    pub(super) packet: Option<&'static str>,
    mode: Option<String>,
    framing: Option<&'static str>,
    /// Whether the packet is of a kind that has no check.
    bare: bool,
    /// Whether content without a check is read.
    allowed: bool,
    /// Whether a wrong passphrase may have looked right.
    by_chance: bool,
    pub(super) compression: Vec<&'static str>,
    content: Option<(u8, Vec<u8>, u32)>,
    recipients: Option<String>,
    armored: bool,
    pub(super) signatures: u64,
    signed_at: u64,
    issuers: Vec<String>,
    /// Whether every signature was judged.
    judged: bool,
}

impl Ledger {
    pub(super) fn new(depth: Depth, armored: bool, allowed: bool) -> Self {
        Self {
            depth,
            seal: Seal::None,
            sealed_at: 0,
            output_bytes: 0,
            outer: Vec::new(),
            inner: Vec::new(),
            late: Vec::new(),
            cipher: None,
            s2k: None,
            session_keys: None,
            packet: None,
            mode: None,
            framing: None,
            bare: false,
            allowed,
            by_chance: false,
            compression: Vec::new(),
            content: None,
            recipients: None,
            armored,
            signatures: 0,
            signed_at: 0,
            issuers: Vec::new(),
            judged: false,
        }
    }

    /// Notes something that everybody can see.
    pub(super) fn note(&mut self, code: &'static Code, at: u64, message: impl Into<String>) {
        self.outer.push(self.finding(code, at, message));
    }

    /// Notes something, unless its like was noted before, outside or inside.
    pub(super) fn note_once(&mut self, code: &'static Code, at: u64, message: String, inside: bool) {
        if self.outer.iter().chain(&self.inner).any(|finding| finding.code == code) {
            return;
        }
        let finding = self.finding(code, at, message);
        if inside { self.inner.push(finding) } else { self.outer.push(finding) }
    }

    /// Notes how the content is encrypted.
    pub(super) fn scheme(&mut self, scheme: &dyn Scheme) {
        self.packet = Some(scheme.name());
        self.cipher = scheme.cipher().map(|cipher| cipher.name);
        self.mode = scheme.mode();
    }

    /// Notes how the packet that counts is framed: the encrypted one, or else the content's.
    pub(super) fn framed(&mut self, length: Length) {
        self.framing.get_or_insert(match length {
            Length::Definite(_) => "definite length",
            Length::Partial(_) => "partial lengths",
            Length::Indeterminate => "to the end of the input",
        });
    }

    /// Notes that nothing authenticates the content: an error, unless it is read all the same.
    pub(super) fn unauthenticated(&mut self, what: &str) {
        self.bare = true;
        let finding = self.bare_finding(what);
        self.outer.push(finding);
    }

    fn bare_finding(&self, what: &str) -> Finding {
        let finding = |message| self.finding(&code::OPENPGP_NO_INTEGRITY, self.sealed_at, message);
        if self.allowed {
            finding(format!("{what}: readable, not authenticated")).with_severity(Severity::Warning)
        } else {
            finding(what.to_owned())
        }
    }

    /// Notes what the session-key packets say.
    pub(super) fn locks(&mut self, locks: &Locks) {
        self.cipher = self.cipher.or_else(|| locks.cipher().map(|cipher| cipher.name));
        let kinds = locks.kinds();
        self.session_keys = (!kinds.is_empty()).then_some(kinds);
        self.s2k = locks.s2k();
        let recipients = locks.recipients();
        self.recipients = (!recipients.is_empty()).then(|| recipients.join(", "));
        if let Some(weak) = locks.weak() {
            self.note(&code::OPENPGP_WEAK_S2K, 0, weak);
        }
    }

    /// Notes the key that was found.
    pub(super) fn opened_by(&mut self, found: &Candidate) {
        self.by_chance = !found.certain && self.mode.is_none();
        self.cipher = found.cipher.map(|cipher| cipher.name).or(self.cipher);
        if found.s2k.is_some() {
            self.s2k.clone_from(&found.s2k);
        }
    }

    /// Notes that no key was found.
    pub(super) fn shut(&mut self, why: Why) {
        let (code, message) = match why {
            Why::Unsupported(what) => (&code::OPENPGP_UNSUPPORTED, format!("the session key stands in {what}")),
            Why::Malformed(what) => (&code::OPENPGP_MALFORMED, what),
            Why::PassphraseMissing(what) => (&code::OPENPGP_PASSPHRASE_MISSING, what),
            Why::PassphraseWrong(what) => (&code::OPENPGP_PASSPHRASE_WRONG, what),
            Why::KeyMissing(what) => (&code::OPENPGP_KEY_MISSING, what),
            Why::Limit(what) => (&code::LIMIT_REACHED, what),
        };
        self.note(code, self.sealed_at, message);
    }

    pub(super) fn signed_by(&mut self, at: u64, issuer: Option<String>) {
        if self.signatures == 0 {
            self.signed_at = at;
        }
        self.signatures = self.signatures.saturating_add(1);
        if self.issuers.len() < ISSUERS_NAMED {
            self.issuers.push(issuer.unwrap_or_else(|| "unknown".into()));
        }
    }

    /// Notes what became of the signatures, which were to be checked.
    pub(super) fn signed(&mut self, judged: Vec<(&'static Code, String)>) {
        self.judged = true;
        if judged.is_empty() {
            let message = "certificates were given, and the message has no signature";
            self.inner.push(self.finding(&code::OPENPGP_UNSIGNED, self.sealed_at, message));
        }
        for (code, message) in judged {
            let finding = self.finding(code, self.signed_at, message);
            // That a signature was not checked is graver where it was to be.
            let severity = finding.severity.max(Severity::Warning);
            let good = code == &code::OPENPGP_SIGNATURE_GOOD;
            self.inner.push(if good { finding } else { finding.with_severity(severity) });
        }
    }

    pub(super) fn literal(&mut self, at: u64, mode: u8, name: &[u8], date: u32) {
        self.content = Some((mode, name.to_vec(), date));
        if matches!(mode, b't' | b'u') {
            let message = format!("the content's mode is '{}'; its bytes are taken as they are", mode.escape_ascii());
            self.inner.push(self.finding(&code::OPENPGP_TEXT_MODE, at, message));
        }
    }

    pub(super) fn trailing(&mut self, at: u64, message: String) {
        self.late.push(self.finding(&code::OPENPGP_TRAILING, at, message));
    }

    /// The proof, given the bytes read, the first mishap of the input and of what is inside, and the remarks on the armor.
    pub(super) fn proof(
        mut self,
        input_bytes: u64,
        outer: Option<Mishap>,
        inner: Option<Mishap>,
        armor: Option<Remarks>,
    ) -> Proof {
        if let Some(remarks) = armor {
            self.armor(&remarks, input_bytes);
        }
        let cut = outer.as_ref().is_some_and(|mishap| mishap.code == &code::OPENPGP_TRUNCATED);
        let integrity = match self.seal {
            Seal::None | Seal::Bare | Seal::Opened(Some(Check::Absent)) => Integrity::Absent,
            Seal::Opened(_) if self.bare => Integrity::Absent,
            Seal::Locked if cut => Integrity::Failed,
            Seal::Locked => Integrity::Unchecked,
            Seal::Opened(Some(Check::Holds)) if outer.is_none() => Integrity::Verified,
            Seal::Opened(_) => Integrity::Failed,
        };
        let unprotected = integrity == Integrity::Absent;
        let believed = integrity == Integrity::Verified || (unprotected && self.seal != Seal::Bare);
        let mut proof = Proof::new(Format::OpenPgp, self.depth);
        proof.integrity = integrity;
        proof.encrypted = self.seal != Seal::None;
        proof.authenticated = proof.encrypted && !unprotected;
        proof.input_bytes = input_bytes;
        proof.output_bytes = self.output_bytes;
        proof.details = self.details(believed);
        proof.findings = std::mem::take(&mut self.outer);
        proof.findings.extend(outer.map(|mishap| self.of(mishap)));
        if self.seal == Seal::Opened(Some(Check::Fails)) {
            let mut message = "the check value does not match, or is not there".to_owned();
            if self.by_chance {
                message += "; one wrong passphrase in 65,536 looks like this too";
            }
            proof.findings.push(self.finding(&code::OPENPGP_INTEGRITY, self.sealed_at, message));
        }
        if self.seal == Seal::Opened(Some(Check::Absent)) && !self.bare {
            proof.findings.push(self.bare_finding("the check value at the end of the encrypted data is missing"));
        }
        proof.findings.append(&mut self.late);
        if believed {
            self.signatures();
            proof.findings.append(&mut self.inner);
            proof.findings.extend(inner.map(|mishap| self.of(mishap)));
        }
        proof
    }

    fn armor(&mut self, remarks: &Remarks, input_bytes: u64) {
        if let Some((given, ours)) = remarks.wrong_checksum {
            let message = format!("the armor says {given:06x}, its content has {ours:06x}");
            self.late.push(self.finding(&code::OPENPGP_ARMOR_CHECKSUM, 0, message));
        }
        if let Some((at, line)) = &remarks.leading {
            let message = format!("text stands before the armor, beginning \"{}\"", line.escape_ascii());
            self.late.push(self.finding(&code::OPENPGP_LEADING, *at, message));
        }
        if let Some((at, head)) = &remarks.trailing {
            let (at, bytes, guess) = (*at, input_bytes.saturating_sub(*at), guess(head));
            let message = format!("{bytes} bytes follow the end of the armor, at byte {at} of the text: {guess}");
            self.trailing(at, message);
        }
    }

    fn signatures(&mut self) {
        if self.signatures == 0 || self.judged {
            return;
        }
        let mut issuers = self.issuers.join(", ");
        if self.signatures > u64::try_from(ISSUERS_NAMED).unwrap_or(u64::MAX) {
            issuers += " and more";
        }
        let message = format!("{} signatures, by {issuers}, not checked", self.signatures);
        self.inner.push(self.finding(&code::OPENPGP_SIGNATURE, self.signed_at, message));
    }

    fn details(&self, believed: bool) -> Vec<(&'static str, String)> {
        let content = self.content.as_ref().filter(|_| believed);
        let compression = (believed && !self.compression.is_empty()).then(|| self.compression.join(", "));
        [
            ("cipher", self.cipher.map(str::to_owned)),
            ("aead", self.mode.clone()),
            ("s2k", self.s2k.clone()),
            ("session-keys", self.session_keys.clone()),
            ("packet", self.packet.map(str::to_owned)),
            ("framing", self.framing.filter(|_| believed || self.seal != Seal::None).map(str::to_owned)),
            ("compression", compression),
            ("name", content.map(|(_, name, _)| name.escape_ascii().to_string())),
            ("mode", content.map(|(mode, ..)| mode.escape_ascii().to_string())),
            ("date", content.filter(|(.., date)| *date > 0).and_then(|(.., date)| date_of(*date))),
            ("signers", (believed && !self.issuers.is_empty()).then(|| self.issuers.join(", "))),
            ("recipients", self.recipients.clone()),
            ("armor", self.armored.then(|| "yes; offsets count in the bytes it stands for".to_owned())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
    }

    fn of(&self, mishap: Mishap) -> Finding {
        self.finding(mishap.code, mishap.offset, mishap.message)
    }

    fn finding(&self, code: &'static Code, at: u64, message: impl Into<String>) -> Finding {
        Finding::new(code, Place::at(self.depth, at), message)
    }
}

/// Seconds since 1970 as a date.
fn date_of(seconds: u32) -> Option<String> {
    Some(jiff::Timestamp::from_second(seconds.into()).ok()?.to_string())
}
