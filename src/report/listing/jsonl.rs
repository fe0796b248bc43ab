//! One JSON object for each entry.
//!
//! Promises: paths that are not UTF-8 stay bytes; fields are added, never changed. An object that holds `finding` is no
//! member: it concerns the member before it, or none where it names no `entry`. Refuses to know: who reads it.

use std::io::{self, Write};

use serde::Serialize;

use super::{Format, Line, Tail, rfc3339};
use crate::entry::Entry;
use crate::finding::Finding;
use crate::report::json::{self, Issue, Text};

pub(super) struct Jsonl;

impl Format for Jsonl {
    fn line(&mut self, entry: &Entry<'_>) -> Line {
        let mut head = Vec::new();
        // Writing to memory cannot fail. The closing brace comes with the tail.
        let _ = json::write(&mut head, &Row::of(entry)).inspect(|()| {
            head.pop();
        });
        Line { head, salvaged: entry.salvaged, ..Line::default() }
    }

    /// The object was closed too early for its last fields: they go before the brace.
    fn write(&self, out: &mut dyn Write, line: &Line, tail: &Tail) -> io::Result<()> {
        out.write_all(&line.head)?;
        if let Some(digests) = &tail.digests {
            let digests: std::collections::BTreeMap<_, _> = digests.named().collect();
            out.write_all(b",\"digests\":")?;
            serde_json::to_writer(&mut *out, &digests)?;
        }
        if line.salvaged || tail.is_partial() {
            out.write_all(if tail.is_partial() { b",\"salvage\":\"partial\"" } else { b",\"salvage\":\"whole\"" })?;
        }
        if !tail.anomalies.is_empty() {
            out.write_all(b",\"anomalies\":")?;
            serde_json::to_writer(&mut *out, &tail.anomalies)?;
        }
        out.write_all(b"}\n")
    }

    fn finding(&self, out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
        json::write(out, &Found { finding: Issue::of(finding) })?;
        out.write_all(b"\n")
    }
}

#[derive(Serialize)]
struct Found<'a> {
    finding: Issue<'a>,
}

/// One object of the listing, without its last fields.
#[derive(Serialize)]
struct Row<'a> {
    path: Text<'a>,
    kind: &'static str,
    size: u64,
    stored_size: u64,
    mode: String,
    uid: u64,
    gid: u64,
    uname: Text<'a>,
    gname: Text<'a>,
    mtime: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<[u64; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attributes: Vec<[Text<'a>; 2]>,
    offset: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive: Option<u64>,
}

impl<'a> Row<'a> {
    fn of(entry: &Entry<'a>) -> Self {
        Self {
            path: Text::of(entry.path),
            kind: entry.kind.as_str(),
            size: entry.size,
            stored_size: entry.stored_size,
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            uname: Text::of(entry.uname),
            gname: Text::of(entry.gname),
            mtime: rfc3339(entry.mtime),
            link: (!entry.link.is_empty()).then(|| Text::of(entry.link)),
            device: entry.device.map(|(major, minor)| [major, minor]),
            attributes: entry
                .attributes
                .iter()
                .map(|attribute| [Text::of(&attribute.name), Text::of(&attribute.value)])
                .collect(),
            offset: entry.offset,
            archive: (entry.archive > 0).then(|| entry.archive.saturating_add(1)),
        }
    }
}
