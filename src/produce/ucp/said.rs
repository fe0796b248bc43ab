//! What UCP says when there is no backup, and what to do then.
//!
//! Promises: what was said stands in the sentence; what is not known is handed on as it came. Refuses to know: how it was
//! run.

use std::path::Path;

use crate::produce::reason::{self, Reason};
use crate::produce::{Trouble, run};
use crate::report::name;

const REASONS: &[Reason] = &[
    (&["conflict", "container name", "in use"], IN_PROGRESS),
    (&["backup", "in progress"], IN_PROGRESS),
    (&["another backup"], IN_PROGRESS),
    (&["backup", "already running"], IN_PROGRESS),
    (&["passphrase", "at least"], "UCP asks for a longer passphrase; take another one"),
];

const IN_PROGRESS: &str = "another backup is in progress, and UCP makes one at a time; look at it (docker container ls \
                           --all --filter name=ucp), and run this again when it has ended";

/// The trouble with what is known of its reason. `folder` is where the product was to write its file.
pub(super) fn explain(trouble: run::Trouble, folder: Option<&Path>) -> Trouble {
    let refused = |line: &str, reason: &str| {
        Trouble::Refused(format!("`{}` failed, and said: {line}; {reason}", trouble.command))
    };
    if let Some((line, reason)) = reason::find(&trouble, REASONS) {
        return refused(&line, reason);
    }
    let mut cannot_write = [&["permission denied"][..], &["read-only file system"][..]].into_iter();
    let line = cannot_write.find_map(|words| reason::line_with(&trouble, words));
    match (folder, line) {
        (Some(folder), Some(line)) => {
            let shown = name(folder.as_os_str().as_encoded_bytes());
            let reason = format!(
                "UCP may not write into {shown}: the folder must be writable for nobody:nogroup (chown nobody:nogroup {shown}), \
                 on a file system that is not read-only"
            );
            refused(&line, &reason)
        }
        _ => trouble.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::produce::run::{Cause, End, Ran};

    fn explained(said: &str, folder: Option<&str>) -> Trouble {
        let ran = Ran {
            end: End::Exit(1),
            process: 1,
            bytes: 0,
            started: std::time::SystemTime::UNIX_EPOCH,
            took: std::time::Duration::ZERO,
            errors_tail: format!("time=\"…\" level=info msg=\"backup in progress\"\n{said}\nsee --help\n").into_bytes(),
            left_behind: false,
        };
        let trouble = run::Trouble { command: "docker".to_owned(), cause: Cause::Exit(1), ran: Some(ran) };
        explain(trouble, folder.map(Path::new))
    }

    #[test]
    fn known_reasons_get_a_next_step() {
        for (said, folder, next) in [
            ("time=\"…\" level=fatal msg=\"Backup already in progress\"", None, "another backup"),
            (
                "docker: Error response from daemon: Conflict. The container name \"/ucp\" is already in use by container \
                 \"0a\".",
                None,
                "another backup",
            ),
            ("open /backup/a.tar: permission denied", Some("/srv"), "chown nobody:nogroup /srv"),
            ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", None, "start it"),
        ] {
            let Trouble::Refused(sentence) = explained(said, folder) else { panic!("{said}") };
            assert!(sentence.contains(next), "{sentence}");
        }
        assert!(matches!(explained("open /data: permission denied", None), Trouble::Run(_)));
        assert!(matches!(explained("panic: nil", Some("/srv")), Trouble::Run(_)));
    }
}
