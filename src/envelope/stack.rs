//! Puts layer on layer until what comes out is no wrapper that is known.
//!
//! Promises: any nesting in any order up to `Limits::layers`; with several threads every layer gets its own. Refuses to
//! know: what the innermost bytes are.

use std::io;

use super::mangled::{Told, Trace, Watched};
use super::{Format, Layer, Opening, Proof, Raw, Trust, bzip2, compress, gzip, lzip, openpgp, sniff, stage, xz, zstd};
use crate::code;
use crate::finding::Finding;
use crate::limits::Limits;
use crate::place::{Depth, Place};
use crate::secret::Unlock;
use crate::source::Source;

/// Bytes looked at to tell a wrapper: text may stand before an armored message.
const HEAD_BYTES: usize = 4096;

/// An unwrapped archive.
pub struct Stack {
    /// The innermost layer: read the archive here, then close it.
    pub layer: Box<dyn Layer>,
    /// The depth of what reads from it.
    pub depth: Depth,
    /// The wrappers, outermost first.
    pub formats: Vec<Format>,
}

/// What came of unwrapping.
pub enum Unwrapped {
    /// The archive can be read.
    Open(Stack),
    /// A wrapper could not be opened; everything is closed, and these are the proofs.
    Closed(Vec<Proof>),
}

/// Unwraps `source`.
///
/// # Errors
/// The input could not be read, or a secret not be fetched.
pub fn open(
    source: Box<dyn Source>,
    limits: &Limits,
    trust: &Trust,
    unlock: &mut dyn Unlock,
    threads: usize,
) -> io::Result<Unwrapped> {
    let staged = threads > 1;
    let mapped = source.lies_ready();
    let mut layer: Box<dyn Layer> = Box::new(Raw::new(source));
    if staged && !mapped {
        layer = stage(layer, "read")?;
    }
    let mut depth = Depth::default();
    let mut formats = Vec::new();
    loop {
        let head = layer.peek(HEAD_BYTES)?;
        let Some(format) = sniff(head.get(..HEAD_BYTES).unwrap_or(head)) else {
            return Ok(Unwrapped::Open(Stack { layer, depth, formats }));
        };
        if u64::from(depth.0) >= limits.layers {
            let message = format!(
                "{format} inside {} wrappers, at most {} allowed (--limit layers={})",
                formats.len(),
                limits.layers,
                u64::from(depth.0).saturating_add(1)
            );
            return refuse(layer, format, Finding::new(&code::LIMIT_REACHED, Place::at(depth, 0), message));
        }
        // What goes into the wrapper is watched, so that its failure can be told with the cause.
        let trace = Trace::default();
        let watched = |layer| Box::new(Watched::new(layer, &trace));
        let opening = match format {
            Format::Gzip => Opening::Layer(gzip::open(watched(layer), depth, limits)),
            Format::Zstd => Opening::Layer(zstd::open(watched(layer), depth, limits)),
            Format::Xz => Opening::Layer(xz::open(watched(layer), depth, limits, threads)),
            Format::Bzip2 => Opening::Layer(bzip2::open(watched(layer), depth, limits)),
            Format::Lzip => Opening::Layer(lzip::open(watched(layer), depth, limits)),
            Format::Compress => Opening::Layer(compress::open(watched(layer), depth, limits)),
            Format::OpenPgp => openpgp::open(watched(layer), depth, limits, trust, unlock, threads)?,
            Format::Tar => {
                let message = format!("wrapped in {format}, which this version does not read");
                return refuse(layer, format, Finding::new(&code::WRAPPER_UNSUPPORTED, Place::at(depth, 0), message));
            }
        };
        match opening {
            Opening::Layer(inner) => layer = Box::new(Told::new(inner, trace)),
            Opening::Closed(mut proofs) => {
                Told::tell(&trace, &mut proofs);
                return Ok(Unwrapped::Closed(proofs));
            }
        }
        if staged {
            layer = stage(layer, format.as_str())?;
        }
        formats.push(format);
        depth = depth.inner();
    }
}

/// Closes everything beneath a wrapper that is not opened.
fn refuse(layer: Box<dyn Layer>, format: Format, finding: Finding) -> io::Result<Unwrapped> {
    let depth = finding.place.depth;
    let mut proofs = layer.close()?;
    let mut proof = Proof::new(format, depth);
    proof.findings.push(finding);
    proofs.push(proof);
    Ok(Unwrapped::Closed(proofs))
}
