//! `veritar explain`.

use std::io::Write as _;

use super::args::Explain;
use super::exit::{Exit, Trouble};
use super::output;
use crate::code::{self, Code};
use crate::report;

pub(super) fn run(args: &Explain) -> Result<Exit, Trouble> {
    let mut out = output::standard();
    let written = match &args.code {
        Some(id) => report::explain(&mut out, find(id)?),
        None => code::ALL
            .iter()
            .try_for_each(|code| writeln!(out, "{:<28} {:<8} {}", code.id, code.severity.as_str(), code.title)),
    };
    written.and_then(|()| out.flush()).map_err(|error| Trouble::output(&error))?;
    Ok(Exit::Pass)
}

/// The code called `id`, or what may have been meant.
pub(super) fn find(id: &str) -> Result<&'static Code, Trouble> {
    code::find(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Trouble {
    let area = id.split('/').next().unwrap_or_default();
    let close: Vec<&str> = code::ALL
        .iter()
        .map(|code| code.id)
        .filter(|known| known.split('/').next() == Some(area) || known.ends_with(&format!("/{id}")))
        .collect();
    let hint = if close.is_empty() {
        "`veritar explain` lists all codes".to_owned()
    } else {
        format!("did you mean {}?", close.join(", "))
    };
    Trouble::Usage(format!("no finding has the code {id:?}; {hint}"))
}
