//! Programs that stand in for `docker` and `kubectl`: shell scripts that take the documented arguments and no others.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use veritar::produce::World;
use veritar::produce::flow::{Failed, Order};
use veritar::produce::seal::Seal;

use crate::support::{executable, options};

/// Writes a script called `name` into `folder`.
///
/// The script knows `$here`, the folder; what it was given is in `NAME.log` there, a line a run, with all of the
/// environment; what it does not take it answers with 64.
pub fn script(folder: &Path, name: &str, cases: &str) -> PathBuf {
    let path = folder.join(name);
    let here = folder.display();
    let text = format!(
        "#!/bin/sh\nhere='{here}'\nprintf '%s\\n' \"$*\" >> \"$here/{name}.log\"\ntr '\\0' '\\n' < /proc/$$/cmdline >> \"$here/{name}.seen\"\n\
         env >> \"$here/{name}.seen\"\ncase \"$*\" in\n{cases}\n*) echo \"{name}: not documented: $*\" >&2; exit 64;;\nesac\n"
    );
    executable(&path, &text);
    path
}

/// What a script was asked, a line a run.
pub fn asked(folder: &Path, name: &str) -> Vec<String> {
    let log = std::fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
    log.lines().map(str::to_owned).collect()
}

/// A world of 2021-09-13 16:11:50 UTC, two hours east.
pub fn world() -> World {
    let now = jiff::Timestamp::new(1_631_549_510, 0).unwrap();
    let now = now.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(2)));
    World::new(Arc::default(), now, Arc::new(|_| {}))
}

/// An archive for `folder`, open, judged by the rules that fit.
pub fn order(folder: &Path) -> Order {
    Order {
        folder: folder.to_owned(),
        name: None,
        seal: Seal::default(),
        options: options(1),
        can_open: true,
        read_back: true,
        keep: None,
        failed: Failed::Keep,
    }
}

/// Names in a folder, without the file of the lock.
pub fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != ".veritar.lock").collect();
    names.sort();
    names
}
