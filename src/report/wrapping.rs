//! What an archive is wrapped in, for people: a block for each layer, outermost first.
//!
//! Promises: nothing from the archive unescaped; what is not known is said to be unknown. Refuses to know: verdicts.

use std::io::{self, Write};

use super::{escaped, sentence};
use crate::digest::Digests;
use crate::verify::{Form, Wrapper, Wrapping};

/// Writes what is known of `wrapping`.
///
/// # Errors
/// The output could not be written.
pub fn wrapping(out: &mut dyn Write, wrapping: &Wrapping) -> io::Result<()> {
    writeln!(out, "{}: {} bytes", escaped(wrapping.source.as_bytes()), wrapping.bytes)?;
    for (name, digest) in Digests::named(&wrapping.digests) {
        row(out, name, &digest)?;
    }
    for (depth, wrapper) in wrapping.wrappers.iter().enumerate() {
        one(out, depth, wrapper)?;
    }
    match &wrapping.archive {
        Some(form) => archive(out, wrapping.wrappers.len(), form),
        None => writeln!(out, "{} unknown: no archive was reached", wrapping.wrappers.len()),
    }
}

fn one(out: &mut dyn Write, depth: usize, wrapper: &Wrapper) -> io::Result<()> {
    let encrypted = if wrapper.encrypted { ", encrypted" } else { "" };
    writeln!(out, "{depth} {}: {}{encrypted}", wrapper.format, wrapper.integrity.as_str())?;
    match wrapper.flow {
        Some((input, output)) => {
            row(out, "bytes in", &input.to_string())?;
            row(out, "bytes out", &output.to_string())?;
            if let Some(percent) = wrapper.ratio_percent() {
                row(out, "ratio", &format!("{}.{:02}", percent / 100, percent % 100))?;
            }
        }
        None => row(out, "bytes out", "none to rely on")?,
    }
    wrapper.details.iter().try_for_each(|(name, value)| row(out, name, &sentence(value)))
}

fn archive(out: &mut dyn Write, depth: usize, form: &Form) -> io::Result<()> {
    writeln!(out, "{depth} {}: {} members", form.format, form.members)?;
    let totals = &form.totals;
    row(out, "bytes in", &totals.total_bytes().to_string())?;
    row(out, "headers", &totals.header_bytes.to_string())?;
    row(out, "payload", &totals.payload_bytes.to_string())?;
    row(out, "padding", &totals.padding_bytes.to_string())?;
    row(out, "end marker", &format!("{}, {}", totals.end_marker_bytes, form.end_marker))?;
    row(out, "trailer", &totals.trailer_bytes.to_string())?;
    row(out, "lost", &totals.lost_bytes.to_string())
}

fn row(out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
    writeln!(out, "    {name:<12} {value}")
}
