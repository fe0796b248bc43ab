//! Version 1 of the JSON document.
//!
//! ```json
//! { "schema": 1, "tool": {"name": "veritar", "version": "…"}, "verdict": "pass|fail|inconclusive|error", "archives": [ … ] }
//! ```
//! Promises: text that is not UTF-8 is `{"bytes": "<base64>"}` in the place of a string. Refuses to know: outcomes that
//! are not handed in.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::report::{Overall, Result};
use crate::verify::{self, Outcome};

/// The document.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Document<'a> {
    schema: u32,
    tool: Tool,
    verdict: &'static str,
    archives: Vec<Archive<'a>>,
}

/// The document on `results`.
#[must_use]
pub fn document(results: &[Result]) -> Document<'_> {
    Document {
        schema: 1,
        tool: TOOL,
        verdict: Overall::over(results).as_str(),
        archives: results.iter().map(Archive::of).collect(),
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// This program.
pub(super) const TOOL: Tool = Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") };

/// One archive. What could not be looked at has `error` and nothing else.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Archive<'a> {
    source: &'a str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    bytes: u64,
    entries: u64,
    digests: BTreeMap<&'static str, String>,
    /// Digest over what the members are and hold, whatever they are wrapped in.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<BTreeMap<&'static str, String>>,
    layers: Vec<Layer<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inventory: Option<Inventory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secrets: Option<Secrets<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Accounts>,
    rules: Vec<Rule<'a>>,
    findings: Vec<Issue<'a>>,
    coverage: Vec<Coverage<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Layer<'a> {
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<&'static str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    details: BTreeMap<&'static str, &'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Inventory {
    files: u64,
    directories: u64,
    links: u64,
    others: u64,
    content_bytes: u64,
}

/// Members that hold private keys or tokens: `members` counts them all, `list` names the first hundred.
#[derive(Debug, Serialize, JsonSchema)]
struct Secrets<'a> {
    members: u64,
    /// Whether the archive around them is encrypted.
    encrypted: bool,
    list: Vec<SecretMember<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SecretMember<'a> {
    entry: Text<'a>,
    /// Kinds, in words.
    what: &'a [&'static str],
}

/// Where the bytes of the innermost layer went.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Accounts {
    header_bytes: u64,
    payload_bytes: u64,
    padding_bytes: u64,
    end_marker_bytes: u64,
    trailer_bytes: u64,
    lost_bytes: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Rule<'a> {
    id: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    captures: BTreeMap<&'a str, &'a str>,
    why: &'a str,
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Issue<'a> {
    code: &'static str,
    severity: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// The layer whose input `offset` counts in: an index into `layers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    why: &'a str,
    help: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Coverage<'a> {
    data: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    covered_by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
}

/// Text that may not be UTF-8.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Text<'a> {
    /// It is.
    Text(&'a str),
    /// It is not.
    Bytes {
        /// In base64.
        bytes: String,
    },
}

impl<'a> Text<'a> {
    pub(crate) fn of(bytes: &'a [u8]) -> Self {
        std::str::from_utf8(bytes).map_or_else(|_| Self::Bytes { bytes: BASE64_STANDARD.encode(bytes) }, Self::Text)
    }
}

impl<'a> Archive<'a> {
    fn of(result: &'a Result) -> Self {
        let verdict = Overall::of(result).as_str();
        match result {
            Result::Error { source, message } => Self { source, verdict, error: Some(message), ..Self::default() },
            Result::Looked(outcome) => Self::looked(outcome, verdict),
        }
    }

    fn looked(outcome: &'a Outcome, verdict: &'static str) -> Self {
        Self {
            source: &outcome.source,
            verdict,
            error: None,
            bytes: outcome.bytes,
            entries: outcome.inventory.entries,
            digests: outcome.digests.named().collect(),
            content: outcome.content_hex().map(|hex| BTreeMap::from([("sha256", hex)])),
            layers: outcome.layers.iter().map(Layer::of).collect(),
            inventory: outcome.totals.map(|_| Inventory::of(&outcome.inventory)),
            secrets: outcome.totals.map(|_| Secrets::of(&outcome.secrets)),
            accounts: outcome.totals.map(Accounts::of),
            rules: outcome.rules.iter().map(Rule::of).collect(),
            findings: outcome.findings.iter().map(Issue::of).collect(),
            coverage: outcome.coverage.iter().map(Coverage::of).collect(),
        }
    }
}

impl<'a> Layer<'a> {
    fn of(layer: &'a verify::Layer) -> Self {
        Self {
            format: layer.format,
            integrity: layer.integrity.map(|integrity| integrity.as_str()),
            details: layer.details.iter().map(|(name, value)| (*name, value.as_str())).collect(),
        }
    }
}

impl Inventory {
    fn of(inventory: &verify::Inventory) -> Self {
        let verify::Inventory { files, directories, links, others, content_bytes, .. } = *inventory;
        Self { files, directories, links, others, content_bytes }
    }
}

impl<'a> Secrets<'a> {
    fn of(secrets: &'a verify::Secrets) -> Self {
        let member =
            |member: &'a verify::SecretMember| SecretMember { entry: Text::of(&member.path), what: &member.what };
        let list = secrets.list.iter().map(member).collect();
        Self { members: secrets.members, encrypted: secrets.encrypted, list }
    }
}

impl Accounts {
    pub(super) fn of(totals: verify::Totals) -> Self {
        let verify::Totals { header_bytes, payload_bytes, padding_bytes, end_marker_bytes, trailer_bytes, lost_bytes } =
            totals;
        Self { header_bytes, payload_bytes, padding_bytes, end_marker_bytes, trailer_bytes, lost_bytes }
    }
}

impl<'a> Rule<'a> {
    fn of(judged: &'a crate::rule::Judged) -> Self {
        let captures: BTreeMap<&str, &str> =
            judged.captures.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        Self {
            id: &judged.id,
            title: &judged.title,
            version: captures.get("version").copied(),
            captures,
            why: &judged.why,
        }
    }
}

impl<'a> Issue<'a> {
    pub(crate) fn of(finding: &'a Finding) -> Self {
        Self {
            code: finding.code.id,
            severity: finding.severity.as_str(),
            message: &finding.message,
            entry: finding.place.entry.as_deref().map(Text::of),
            offset: finding.place.offset,
            layer: finding.place.offset.map(|_| finding.place.depth.0),
            rule: finding.rule.as_deref(),
            why: finding.why.as_deref().unwrap_or(finding.code.why),
            help: finding.fix.as_deref().unwrap_or(finding.code.fix),
        }
    }
}

impl<'a> Coverage<'a> {
    fn of(line: &'a crate::rule::Coverage) -> Self {
        Self {
            data: &line.data,
            status: line.status.as_str(),
            covered_by: line.covered_by.as_deref(),
            note: line.note.as_deref(),
        }
    }
}
