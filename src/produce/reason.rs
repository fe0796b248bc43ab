//! Reasons that programs give for ending badly, told from their words.
//!
//! Promises: only what a program that ended with an exit code of its own said counts, and of that not what it said by the
//! way. Refuses to know: whose words they are, but for those of the Docker client.

use super::run::{self, Cause, Ran};

/// Words that all stand in one line, in small letters, and what they mean with what to do.
pub(super) type Reason = (&'static [&'static str], &'static str);

/// What the Docker client says of an engine that did not run a container.
const DOCKER: &[Reason] = &[
    (
        &["docker", "daemon", "permission denied"],
        "the engine does not talk to this user; run this as root, or as a member of the group docker",
    ),
    (&["cannot connect to the docker daemon"], "the engine is not there; start it, and run this again"),
    (
        &["unable to find image"],
        "the image of this version is not there and could not be fetched; load it (docker image load), or give image and \
         version",
    ),
    (
        &["manifest", "not found"],
        "there is no image of this version; give image and version as those that run have them",
    ),
    (&["pull access denied"], "the image could not be fetched; load it (docker image load), or log in to its registry"),
    (&["flag provided but not defined"], "this version does not know an option; look that the version is right"),
];

/// The last line that gives a reason which is known, and what it means.
pub(super) fn find(trouble: &run::Trouble, own: &[Reason]) -> Option<(String, &'static str)> {
    lines(trouble).into_iter().rev().find_map(|line| {
        let mut reasons = own.iter().chain(DOCKER);
        let (_, meaning) = reasons.find(|(words, _)| has(&line, words))?;
        Some((line, *meaning))
    })
}

/// The last line with all these words.
pub(super) fn line_with(trouble: &run::Trouble, words: &[&str]) -> Option<String> {
    lines(trouble).into_iter().rev().find(|line| has(line, words))
}

fn has(line: &str, words: &[&str]) -> bool {
    let line = line.to_ascii_lowercase();
    words.iter().all(|word| line.contains(word))
}

/// What was said of it, without what was said by the way.
fn lines(trouble: &run::Trouble) -> Vec<String> {
    if !matches!(trouble.cause, Cause::Exit(_)) {
        return Vec::new();
    }
    let by_the_way = ["level=info", "level=debug", r#""level":"info""#, r#""level":"debug""#, "info[", "debu["];
    let lines = trouble.ran.as_ref().map(Ran::errors).unwrap_or_default();
    lines.into_iter().filter(|line| !by_the_way.iter().any(|mark| has(line, &[*mark]))).collect()
}
