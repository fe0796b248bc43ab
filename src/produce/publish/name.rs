//! Names in the target folder: of archives, of what stands beside them, and of what is not finished.
//!
//! Promises: an archive's name can be told from every other name of ours, and leaves room for what is added to it.
//! Refuses to know: what exists.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

use super::Trouble;

/// The file whose lock is the folder's.
pub(super) const LOCK: &str = ".veritar.lock";

/// What is added to an archive's name for its sidecar.
const SIDECAR: &str = ".manifest.json";

/// What is added for an archive that failed.
const FAILED: &str = ".failed";

/// What stands between a hidden name and the digits that make it unique.
const PARTIAL: &str = ".partial-";

/// Digits that make a name unique.
const DIGITS: usize = 8;

/// Bytes of a name that leave room in the 255 of most file systems for all that is added.
const MOST_BYTES: usize = 200;

/// Checks that `name` can be an archive's.
pub(super) fn check(name: &str) -> Result<(), Trouble> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.contains('/') {
        "it must be a name in the folder, without slashes"
    } else if name.starts_with('.') {
        "it must not be hidden (begin with a dot)"
    } else if name.chars().any(char::is_control) {
        "it must be without control characters"
    } else if name.len() > MOST_BYTES {
        "it must have 200 bytes at most, for what is added to it"
    } else if name.ends_with(SIDECAR) {
        "it must not end in .manifest.json, as sidecars do"
    } else if is_failed(name) {
        "it must not end in .failed, as archives that failed do"
    } else {
        return Ok(());
    };
    Err(Trouble::Name { name: name.to_owned(), why })
}

/// Whether this is what [`failed`] or [`failed_report`] give.
fn is_failed(name: &str) -> bool {
    let name = name.strip_suffix(".json").unwrap_or(name);
    let numbered = name.rsplit_once('.').filter(|(_, digits)| digits.bytes().all(|digit| digit.is_ascii_digit()));
    name.ends_with(FAILED) || numbered.is_some_and(|(name, _)| name.ends_with(FAILED))
}

/// The sidecar of the archive `name`.
pub(super) fn sidecar(name: &str) -> String {
    format!("{name}{SIDECAR}")
}

/// The archive that a sidecar of this name stands beside.
pub(super) fn archive_of(sidecar: &str) -> Option<&str> {
    sidecar.strip_suffix(SIDECAR).filter(|name| check(name).is_ok())
}

/// Where the `nth` archive of this name that failed is kept.
pub(super) fn failed(name: &str, nth: u32) -> String {
    if nth <= 1 { format!("{name}{FAILED}") } else { format!("{name}{FAILED}.{nth}") }
}

/// Where its report is kept.
pub(super) fn failed_report(name: &str, nth: u32) -> String {
    format!("{}.json", failed(name, nth))
}

/// The archive that a report of this name is about, and the how manyth of that name it was that failed.
pub(super) fn failed_of(report: &str) -> Option<(&str, u32)> {
    let kept = report.strip_suffix(".json")?;
    let (name, nth) = match kept.strip_suffix(FAILED) {
        Some(name) => (name, 1),
        None => {
            let (kept, digits) = kept.rsplit_once('.')?;
            (kept.strip_suffix(FAILED)?, digits.parse().ok()?)
        }
    };
    // What counts otherwise, as in `.failed.1` or `.failed.02`, is none of ours.
    (check(name).is_ok() && failed_report(name, nth) == report).then_some((name, nth))
}

/// A hidden name for what will be `name`, another at each call.
pub(super) fn partial(name: &str) -> String {
    // Each state hashes with keys of its own that nobody can guess.
    let digits = RandomState::new().hash_one(name) & 0xffff_ffff;
    format!(".{name}{PARTIAL}{digits:08x}")
}

/// Whether this is what [`partial`] gives.
pub(super) fn is_partial(name: &str) -> bool {
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once(PARTIAL));
    parts.is_some_and(|(name, digits)| {
        !name.is_empty()
            && digits.len() == DIGITS
            && digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_archives_are_told_from_all_others() {
        for good in
            ["a", "swarm-20.10.24-host-1700000000Z.tar.gz.gpg", "failed", "a.failed.tar", "a.1", &"x".repeat(200)]
        {
            check(good).unwrap();
            assert_eq!(archive_of(&sidecar(good)), Some(good));
            assert!(is_partial(&partial(good)) && is_partial(&partial(&sidecar(good))));
            assert!(partial(&sidecar(good)).len() <= 255 && failed_report(good, u32::MAX).len() <= 255);
            for ours in
                [sidecar(good), failed(good, 1), failed(good, 2), failed_report(good, 1), failed_report(good, 12)]
            {
                assert!(check(&ours).is_err(), "{ours}");
            }
            for nth in [1, 2, 12, u32::MAX] {
                assert_eq!(failed_of(&failed_report(good, nth)), Some((good, nth)));
                assert_eq!(failed_of(&failed(good, nth)), None);
            }
            assert_eq!(failed_of(&sidecar(good)), None);
        }
        for bad in ["", ".", "..", ".hidden", "a/b", "/a", "a\nb", "a\u{0}", &"x".repeat(201), LOCK] {
            assert!(check(bad).is_err(), "{bad}");
        }
        for other in
            [".a.partial-", ".a.partial-0123456", ".a.partial-0123456X", "a.partial-01234567", ".partial-01234567"]
        {
            assert!(!is_partial(other), "{other}");
        }
        for other in [
            ".failed.json",
            "a.failed.0.json",
            "a.failed.1.json",
            "a.failed.02.json",
            "a.failed.+2.json",
            "a.failed.4294967296.json",
            "a.failed.x.json",
            "a.failed.json.failed.json",
            "a.failed.2.failed.json",
            "a.manifest.json.failed.json",
            ".a.failed.json",
            "a.json",
        ] {
            assert_eq!(failed_of(other), None, "{other}");
        }
        assert_ne!(partial("a"), partial("a"));
        assert_eq!(archive_of(".manifest.json"), None);
    }
}
