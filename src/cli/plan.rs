//! What the options mean: numbers, limits, digests, rule sets, archives.
//!
//! Promises: everything that can be wrong with an option is found before an archive is opened.

use std::path::Path;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::args;
use super::exit::Trouble;
use super::{explain, output};
use crate::code::Severity;
use crate::digest::Hashes;
use crate::envelope::{Trust, openpgp};
use crate::limits::Limits;
use crate::report::escaped;
use crate::rule::{self, Choice, RuleSet, catalog};
use crate::verify::{Archive, Reading, Severities};

/// Threads that can be asked for.
pub(super) const THREADS: std::ops::RangeInclusive<usize> = 1..=1024;

/// How to read, from the options every reading command shares, with these digests of members and of the archive file.
pub(super) fn reading(typed: &args::Reading, hash: &str, archive_hash: &str) -> Result<Reading, Trouble> {
    let mut reading = Reading {
        limits: limits(&typed.effort.limit)?,
        trust: trust(typed)?,
        hashes: hashes(hash)?,
        archive_hashes: hashes(archive_hash)?,
        now: Some(jiff::Timestamp::now().as_second()),
        ..Reading::default()
    };
    threads(typed.effort.threads, &mut reading)?;
    Ok(reading)
}

/// Takes over how many threads are wanted.
pub(super) fn threads(typed: Option<usize>, reading: &mut Reading) -> Result<(), Trouble> {
    if let Some(threads) = typed {
        if !THREADS.contains(&threads) {
            return Err(Trouble::Usage(format!("--threads takes a number from 1 to 1024, not {threads}")));
        }
        reading.threads = threads;
    }
    Ok(())
}

/// What is taken for granted; certificates are read here, so that a wrong name is found before an archive is opened.
fn trust(typed: &args::Reading) -> Result<Trust, Trouble> {
    Ok(Trust {
        allow_unauthenticated: typed.allow_unauthenticated,
        certificates: typed.certificate.iter().map(|path| certificate(path)).collect::<Result<_, _>>()?,
    })
}

/// Bytes of a certificate file past which it is the wrong file; whole keyrings stay below.
pub(super) const CERTIFICATE_BYTES: u64 = 64 << 20;

fn certificate(path: &Path) -> Result<Vec<u8>, Trouble> {
    let shown = escaped(path.as_os_str().as_encoded_bytes());
    // A secret key is a certificate too: nothing of it but the public part is kept.
    let bytes = read_up_to(path, CERTIFICATE_BYTES)
        .map(Zeroizing::new)
        .map_err(|error| Trouble::Usage(format!("failed to read certificate {shown}: {error}")))?;
    let certificates = openpgp::public_certificates(&bytes);
    if certificates.is_empty() {
        return Err(Trouble::Usage(format!("{shown} holds no OpenPGP certificate")));
    }
    Ok(certificates)
}

/// The first bytes of a file, `most` at most.
pub(super) fn read_up_to(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read as _;
    // Room for a key at once: a buffer that grows leaves copies behind.
    let mut bytes = Vec::with_capacity(64 << 10);
    std::fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Limits, with those set by `NAME=VALUE`.
pub(super) fn limits(typed: &[String]) -> Result<Limits, Trouble> {
    let mut limits = Limits::default();
    for setting in typed {
        let (name, value) = setting
            .split_once('=')
            .ok_or_else(|| Trouble::Usage(format!("--limit takes NAME=VALUE, not {setting:?}")))?;
        let value = number(value).ok_or_else(|| {
            Trouble::Usage(format!(
                "--limit {name} takes a number, with K, M, G or T after it if you like, not {value:?}"
            ))
        })?;
        limits.set(name, value).map_err(|unknown| Trouble::Usage(unknown.to_string()))?;
    }
    Ok(limits)
}

pub(super) fn number(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(['K', 'M', 'G', 'T']);
    let unit = match text.strip_prefix(digits)? {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1_u64 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

pub(super) fn hashes(names: &str) -> Result<Hashes, Trouble> {
    let mut hashes = Hashes::NONE;
    for name in names.split(',') {
        match name {
            "sha256" => hashes.sha256 = true,
            "blake3" => hashes.blake3 = true,
            "none" if names == "none" => {}
            _ => {
                return Err(Trouble::Usage(format!(
                    "--hash and --archive-hash take sha256, blake3, both with a comma, or none, not {names:?}"
                )));
            }
        }
    }
    Ok(hashes)
}

/// Severities, as `CODE=SEVERITY` sets them.
pub(super) fn severities(typed: &[String]) -> Result<Severities, Trouble> {
    let mut severities = Severities::default();
    for setting in typed {
        let wrong = || Trouble::Usage(format!("--severity takes CODE=error, =warning or =info, not {setting:?}"));
        let (id, word) = setting.split_once('=').ok_or_else(wrong)?;
        let severity = Severity::from_word(word).ok_or_else(wrong)?;
        severities.set(explain::find(id)?, severity).map_err(|fixed| Trouble::Usage(fixed.to_string()))?;
    }
    Ok(severities)
}

/// The second meant by `typed`: a day in UTC, or a time with its offset.
pub(super) fn day(typed: &str) -> Result<i64, Trouble> {
    let day = typed.parse::<jiff::civil::Date>().ok().filter(|_| typed.len() == DAY_CHARACTERS);
    let midnight = day.map(|day| jiff::tz::Offset::UTC.to_timestamp(day.to_datetime(jiff::civil::Time::midnight())));
    let time = midnight.unwrap_or_else(|| typed.parse::<jiff::Timestamp>());
    time.map(jiff::Timestamp::as_second).map_err(|_| {
        Trouble::Usage(format!("--at takes a day as 2026-03-01 or a time as 2026-03-01T08:00:00Z, not {typed:?}"))
    })
}

/// Characters of a day: what has more is a time, and must say in which zone.
const DAY_CHARACTERS: usize = 10;

/// Bytes of a JSON report past which it is the wrong file.
const REPORT_BYTES: u64 = 256 << 20;

/// Bytes of the archive meant by `path`: its own size, or what a JSON report says of it.
pub(super) fn previous(path: &Path) -> Result<u64, Trouble> {
    let shown = escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let unreadable = |error: std::io::Error| Trouble::Usage(format!("failed to read --previous {shown}: {error}"));
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(unreadable(std::io::Error::other("is no regular file")));
    }
    if metadata.len() > REPORT_BYTES || read_up_to(path, 1).map_err(unreadable)? != b"{" {
        return Ok(metadata.len());
    }
    let bytes = read_up_to(path, REPORT_BYTES).map_err(unreadable)?;
    let Ok(report) = serde_json::from_slice::<serde_json::Value>(&bytes) else { return Ok(metadata.len()) };
    let archive = report.get("archives").and_then(|archives| archives.get(0));
    let told =
        archive.filter(|archive| archive.get("error").is_none()).and_then(|archive| archive.get("bytes")?.as_u64());
    told.ok_or_else(|| {
        Trouble::Usage(format!("--previous {shown} is no report of veritar that tells an archive's bytes"))
    })
}

/// The rule sets meant by `names`, and whether one is to be found among them.
pub(super) fn rules(names: &[String], limits: &Limits) -> Result<(Vec<Arc<RuleSet>>, Choice), Trouble> {
    if names.is_empty() || names.iter().any(|name| name == "auto") {
        if names.len() > 1 {
            return Err(Trouble::Usage(
                "--rules auto stands alone; name the rule sets or leave them all out".to_owned(),
            ));
        }
        return Ok((catalog::all().to_vec(), Choice::Auto));
    }
    let sets: Result<Vec<_>, _> = names.iter().map(|name| rule_set(name, limits)).collect();
    Ok((sets?, Choice::Named))
}

/// A rule set by identifier, or else by file.
pub(super) fn rule_set(name: &str, limits: &Limits) -> Result<Arc<RuleSet>, Trouble> {
    if let Some(set) = catalog::find(name) {
        return Ok(Arc::clone(set));
    }
    let path = Path::new(name);
    if !path.exists() {
        let ids: Vec<&str> = catalog::all().iter().map(|set| set.id()).collect();
        let shown = escaped(name.as_bytes());
        return Err(Trouble::Usage(format!(
            "no rule set is called {shown}, and there is no such file; the rule sets are {}",
            ids.join(", ")
        )));
    }
    rule_file(path, limits).map(Arc::new)
}

/// Reads a rule file, and those that it extends: a name that ends in `.toml` is a file beside it.
pub(super) fn rule_file(path: &Path, limits: &Limits) -> Result<RuleSet, Trouble> {
    extended(path, limits, EXTENDED)
}

/// Files that may extend each other in a row.
const EXTENDED: usize = 8;

fn extended(path: &Path, limits: &Limits, left: usize) -> Result<RuleSet, Trouble> {
    let shown = escaped(path.as_os_str().as_encoded_bytes()).to_string();
    let bytes = read_up_to(path, limits.rule_file_bytes.saturating_add(1))
        .map_err(|error| Trouble::Usage(format!("failed to read rule file {shown}: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Trouble::Usage(format!("rule file {shown} is not UTF-8 from byte {at} on"))
    })?;
    let base = |id: &str| {
        if !id.ends_with(".toml") {
            return catalog::base(id);
        }
        let Some(left) = left.checked_sub(1) else {
            return Err(format!("more than {EXTENDED} rule files extend each other: do they go round in a circle?"));
        };
        let beside = path.parent().unwrap_or(Path::new("")).join(id);
        extended(&beside, limits, left).map(Arc::new).map_err(|trouble| match trouble {
            Trouble::Rules(errors) => format!("`{id}` has problems of its own: {}", first_line(&errors.to_string())),
            Trouble::Usage(message) | Trouble::InputOutput(message) => message,
            _ => format!("`{id}` could not be read"),
        })
    };
    rule::parse_with(&shown, &text, limits, &base).map_err(Trouble::Rules)
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The members to go into, outermost first.
pub(super) fn inside(typed: &args::Reading) -> Vec<Vec<u8>> {
    typed.inside.iter().map(|member| member.as_encoded_bytes().to_vec()).collect()
}

/// The archive meant by `path`.
pub(super) fn archive(path: &Path) -> Archive {
    if path.as_os_str() == "-" { Archive::from_reader("standard input", std::io::stdin()) } else { Archive::at(path) }
}

/// Warns where one name was given twice: it would be read twice, and standard input would be empty.
pub(super) fn check_archives(paths: &[std::path::PathBuf]) -> Result<(), Trouble> {
    if paths.iter().filter(|path| path.as_os_str() == "-").count() > 1 {
        return Err(Trouble::Usage("standard input can be read once only: give - once".to_owned()));
    }
    for (index, path) in paths.iter().enumerate() {
        if paths.iter().take(index).any(|before| before == path) {
            output::warn(&format!("{} is given twice", escaped(path.as_os_str().as_encoded_bytes())));
        }
    }
    Ok(())
}
