//! What an archive is wrapped in, as a document of its own.
//!
//! ```json
//! { "schema": 1, "tool": {"name": "veritar", "version": "…"}, "source": "…", "bytes": 0, "digests": {},
//!   "layers": [ {"format": "gzip", "integrity": "verified", "encrypted": false, "input_bytes": 0, "output_bytes": 0,
//!                "ratio": 1.0, "details": {}},
//!               {"format": "tar", "input_bytes": 0, "members": 0, "accounts": { … }, "end_marker": "whole|short|missing"} ],
//!   "findings": [ … ] }
//! ```
//! Promises: layers and findings have the words they have in the report of `verify`; where the last layer is no archive
//! format, it was not reached. Refuses to know: verdicts.

use serde::Serialize;
use std::collections::BTreeMap;

use super::v1::{Accounts, Issue, TOOL, Tool};
use crate::verify::{Form, Wrapper, Wrapping};

/// The document.
#[derive(Debug, Serialize)]
pub struct WrappingDocument<'a> {
    schema: u32,
    tool: Tool,
    source: &'a str,
    bytes: u64,
    digests: BTreeMap<&'static str, String>,
    layers: Vec<Layer<'a>>,
    findings: Vec<Issue<'a>>,
}

/// The document on `wrapping`.
#[must_use]
pub fn wrapping(wrapping: &Wrapping) -> WrappingDocument<'_> {
    let wrappers = wrapping.wrappers.iter().map(Layer::of);
    WrappingDocument {
        schema: 1,
        tool: TOOL,
        source: &wrapping.source,
        bytes: wrapping.bytes,
        digests: wrapping.digests.named().collect(),
        layers: wrappers.chain(wrapping.archive.as_ref().map(Layer::of_archive)).collect(),
        findings: wrapping.findings.iter().map(Issue::of).collect(),
    }
}

#[derive(Debug, Default, Serialize)]
struct Layer<'a> {
    format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_bytes: Option<u64>,
    /// Bytes given for each byte read, to two places.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<BTreeMap<&'static str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Accounts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_marker: Option<&'static str>,
}

impl<'a> Layer<'a> {
    fn of(wrapper: &'a Wrapper) -> Self {
        let percent = wrapper.ratio_percent().and_then(|percent| u32::try_from(percent).ok());
        Self {
            format: wrapper.format,
            integrity: Some(wrapper.integrity.as_str()),
            encrypted: Some(wrapper.encrypted),
            input_bytes: wrapper.flow.map(|(input, _)| input),
            output_bytes: wrapper.flow.map(|(_, output)| output),
            ratio: percent.map(|percent| f64::from(percent) / 100.0),
            details: Some(wrapper.details.iter().map(|(name, value)| (*name, value.as_str())).collect()),
            ..Self::default()
        }
    }

    fn of_archive(form: &Form) -> Self {
        Self {
            format: form.format,
            input_bytes: Some(form.totals.total_bytes()),
            members: Some(form.members),
            accounts: Some(Accounts::of(form.totals)),
            end_marker: Some(form.end_marker),
            ..Self::default()
        }
    }
}
