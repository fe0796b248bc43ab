//! How a command reads and ends that shows an archive without judging it, inside others or not.
//!
//! Promises: what is wrong with each archive is said on standard error, outermost first, with its name where there are
//! several; nothing is said of what was inside one that must not be believed. Refuses to know: what is shown.

use super::exit::{Exit, Trouble};
use super::output;
use super::secrets::Secrets;
use crate::code::Decides;
use crate::finding::{Finding, Severity};
use crate::report::{escaped, sentence};
use crate::verify::{Archive, Journey, Nest, Reading};

/// The innermost archive, once it was shown.
pub(super) struct Innermost<T> {
    /// Its name, where it stands inside another.
    name: Option<String>,
    pub(super) journey: Journey,
    /// What showing it answered.
    pub(super) shown: T,
}

/// Goes into the members `inside` of `archive` and has `show` read the innermost; the exit code of those around it, and the
/// innermost itself, where that may be believed.
pub(super) fn read<T>(
    archive: Archive,
    inside: &[Vec<u8>],
    reading: &Reading,
    secrets: &mut Secrets,
    show: impl FnOnce(Archive, &mut Secrets) -> Result<(Journey, T), Trouble>,
) -> Result<(Exit, Option<Innermost<T>>), Trouble> {
    let (innermost, nest) = Nest::enter(archive, inside, reading, false, secrets)?;
    let innermost = innermost.map(|archive| {
        let name = (!inside.is_empty()).then(|| archive.name().to_owned());
        show(archive, secrets).map(|(journey, shown)| Innermost { name, journey, shown })
    });
    // Nobody waits for what is left of the outer archives where nobody reads any more.
    if let Some(Err(Trouble::ClosedPipe)) = innermost {
        return Err(Trouble::ClosedPipe);
    }
    let mut outside = Exit::Pass;
    for mut outer in nest.leave()? {
        let believed = settle(&mut outer.journey);
        complain_about(outer.journey.all_findings(), Some(&outer.name));
        outside = worse(outside, exit(outer.journey.all_findings()));
        if !believed || !outer.found {
            return Ok((outside, None));
        }
    }
    Ok((outside, innermost.transpose()?))
}

/// Says what was wrong with the innermost archive; the exit code of all, and what showing it answered.
pub(super) fn conclude<T>(outside: Exit, innermost: Option<Innermost<T>>) -> (Exit, Option<T>) {
    let Some(Innermost { name, mut journey, shown }) = innermost else { return (outside, None) };
    settle(&mut journey);
    complain_about(journey.all_findings(), name.as_ref());
    (worse(outside, exit(journey.all_findings())), Some(shown))
}

/// Throws out what may not be believed, and warns where that was shown already; whether the rest may be.
pub(super) fn settle(journey: &mut Journey) -> bool {
    let believed = journey.settle();
    if !believed {
        output::warn("what was shown above comes from data that fails its integrity check: do not believe it");
    }
    believed
}

/// Says errors and warnings on standard error, with the archive's name where there are several.
pub(super) fn complain_about<'a>(findings: impl Iterator<Item = &'a Finding>, name: Option<&String>) {
    let name = name.map_or_else(String::new, |name| format!("{}: ", escaped(name.as_bytes())));
    for finding in findings {
        let place = finding.place.offset.map_or_else(String::new, |offset| format!(" at byte {offset}"));
        let message = format!("{name}{}{place}: {}", finding.code.id, sentence(&finding.message));
        match finding.severity {
            Severity::Error => output::complain(&message),
            Severity::Warning => output::warn(&message),
            Severity::Info => {}
        }
    }
}

/// The exit code of an archive that was read without being judged.
pub(super) fn exit<'a>(findings: impl Iterator<Item = &'a Finding>) -> Exit {
    findings.filter(|finding| finding.severity == Severity::Error).fold(Exit::Pass, |exit, finding| {
        match (finding.code.decides, exit) {
            (Decides::Fail, _) | (_, Exit::Fail) => Exit::Fail,
            (Decides::Inconclusive, _) => Exit::Inconclusive,
        }
    })
}

/// The graver of two exit codes.
pub(super) fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Pass => 0,
        Exit::Inconclusive => 1,
        Exit::InputOutput => 2,
        Exit::Usage => 3,
        Exit::Fail => 4,
        Exit::Signal(_) => 5,
    };
    if rank(other) > rank(one) { other } else { one }
}
