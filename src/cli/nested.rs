//! How a command reads and ends that shows an archive without judging it, inside others or not.
//!
//! Promises: what is wrong with each archive is said on standard error, outermost first, with its name where there are
//! several; nothing is said of what was inside one that must not be believed. Refuses to know: what is shown.

use super::exit::{Exit, Trouble};
use super::output;
use super::secrets::Secrets;
use crate::code::Decides;
use crate::finding::Severity;
use crate::report::{escaped, sentence};
use crate::verify::{Archive, Journey, Nest, Reading};

/// Goes into the members `inside` of `archive` and has `show` read the innermost; the exit code of all of them, and what
/// `show` answered, where that may be believed.
pub(super) fn read<T>(
    archive: Archive,
    inside: &[Vec<u8>],
    reading: &Reading,
    secrets: &mut Secrets,
    show: impl FnOnce(Archive, &mut Secrets) -> Result<(Journey, T), Trouble>,
) -> Result<(Exit, Option<T>), Trouble> {
    let (innermost, nest) = Nest::enter(archive, inside, reading, false, secrets)?;
    let innermost = innermost.map(|archive| {
        let name = archive.name().to_owned();
        show(archive, secrets).map(|(journey, shown)| (name, journey, shown))
    });
    // Nobody waits for what is left of the outer archives where nobody reads any more.
    if let Some(Err(Trouble::ClosedPipe)) = innermost {
        return Err(Trouble::ClosedPipe);
    }
    let mut exit = Exit::Pass;
    for outer in nest.leave()? {
        let (closed, believed) = close(outer.journey, Some(&outer.name));
        exit = worse(exit, closed);
        if !believed || !outer.found {
            return Ok((exit, None));
        }
    }
    let Some((name, journey, shown)) = innermost.transpose()? else { return Ok((exit, None)) };
    let (closed, _) = close(journey, (!inside.is_empty()).then_some(&name));
    Ok((worse(exit, closed), Some(shown)))
}

fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Pass => 0,
        Exit::Inconclusive => 1,
        Exit::InputOutput => 2,
        Exit::Usage => 3,
        Exit::Fail => 4,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Says on standard error what was wrong with an archive; its exit code, and whether what was read of it may be believed.
fn close(mut journey: Journey, name: Option<&String>) -> (Exit, bool) {
    let believed = journey.settle();
    let mut exit = Exit::Pass;
    if !believed {
        output::warn("what was shown above comes from data that fails its integrity check: do not believe it");
    }
    let name = name.map_or_else(String::new, |name| format!("{}: ", escaped(name.as_bytes())));
    for finding in journey.all_findings() {
        let place = finding.place.offset.map_or_else(String::new, |offset| format!(" at byte {offset}"));
        let message = format!("{name}{}{place}: {}", finding.code.id, sentence(&finding.message));
        match finding.severity {
            Severity::Error => {
                output::complain(&message);
                exit = match (finding.code.decides, exit) {
                    (Decides::Fail, _) | (_, Exit::Fail) => Exit::Fail,
                    (Decides::Inconclusive, _) => Exit::Inconclusive,
                };
            }
            Severity::Warning => output::warn(&message),
            Severity::Info => {}
        }
    }
    (exit, believed)
}
