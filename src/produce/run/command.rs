//! What is to be run, in a form that can be shown before anything runs.
//!
//! Promises: arguments are handed over as they are, no shell reads them; a secret goes by standard input or, where a
//! product has no other way, by the environment, and is shown in neither. Refuses to know: what the program does.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::time::Duration;

use crate::report::sentence;
use crate::secret::Secret;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[secret]";

/// How long a program may be silent where nothing else is said.
const STALL: Duration = Duration::from_mins(10);

/// How long a program has to clean up where nothing else is said: what `docker stop` gives.
const GRACE: Duration = Duration::from_secs(10);

/// The value of a variable of the environment.
#[derive(Debug, Clone)]
pub enum Value {
    /// May be seen.
    Plain(OsString),
    /// May not, by anybody but the program: who may read `/proc/PID/environ` (its user and root) can.
    Secret(Secret),
}

/// A program, what it is told, and how long it may take.
#[derive(Debug, Clone)]
pub struct Command {
    /// A name that is looked for in `PATH`, or a path.
    pub program: OsString,
    /// Everybody on the machine can see them.
    pub arguments: Vec<OsString>,
    /// What is set beside the environment of veritar itself; of that, `VERITAR_*` is not handed on, and `LC_ALL` is `C`.
    pub environment: Vec<(OsString, Value)>,
    /// What it reads; without it, nothing (`/dev/null`).
    pub standard_input: Option<Secret>,
    /// How long it may write nothing, to standard output or standard error, before it is stopped.
    pub stall: Duration,
    /// How long it has between SIGTERM and SIGKILL.
    pub grace: Duration,
    /// Whether a second process sends it SIGTERM where veritar itself is killed.
    pub is_guarded: bool,
}

impl Command {
    /// A program without arguments.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            standard_input: None,
            stall: STALL,
            grace: GRACE,
            is_guarded: false,
        }
    }

    /// One more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// More arguments.
    #[must_use]
    pub fn arguments<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// One more variable.
    #[must_use]
    pub fn variable(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), Value::Plain(value.into())));
        self
    }

    /// One more variable that is a secret.
    #[must_use]
    pub fn secret_variable(mut self, name: impl Into<OsString>, value: Secret) -> Self {
        self.environment.push((name.into(), Value::Secret(value)));
        self
    }

    /// What it reads from standard input.
    #[must_use]
    pub fn standard_input(mut self, secret: Secret) -> Self {
        self.standard_input = Some(secret);
        self
    }

    /// How long it may be silent.
    #[must_use]
    pub fn stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// How long it has to clean up.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// It is not to go on where veritar is killed.
    #[must_use]
    pub fn guarded(mut self) -> Self {
        self.is_guarded = true;
        self
    }

    /// The command as a shell would take it, with [`REDACTED`] in the place of secrets: one line, fit for a terminal.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut line = String::new();
        for (name, value) in &self.environment {
            let value = match value {
                Value::Plain(value) => quoted(value),
                Value::Secret(_) => quoted(OsStr::new(REDACTED)),
            };
            // Writing to a string cannot fail.
            let _ = write!(line, "{}={value} ", quoted(name));
        }
        line.push_str(&quoted(&self.program));
        for argument in &self.arguments {
            line.push(' ');
            line.push_str(&quoted(argument));
        }
        if self.standard_input.is_some() {
            // Typed as it stands, a shell finds no such file: better than the wrong passphrase.
            let _ = write!(line, " < {}", quoted(OsStr::new(REDACTED)));
        }
        line
    }

    /// All secrets that the program is given.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &Secret> {
        let variables = self.environment.iter().filter_map(|(_, value)| match value {
            Value::Secret(secret) => Some(secret),
            Value::Plain(_) => None,
        });
        variables.chain(&self.standard_input)
    }
}

/// One word, in quotes where a shell would read anything else than the word itself.
fn quoted(word: &OsStr) -> String {
    let bytes = word.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:,@%+=".contains(byte);
    if let Some(text) = word.to_str() {
        if !text.is_empty() && bytes.iter().all(is_plain) {
            return text.to_owned();
        }
        if sentence(text) == text {
            return format!("'{}'", text.replace('\'', "'\\''"));
        }
    }
    // Line breaks, what moves a cursor or turns text around, and what is no text: by number, as POSIX has it since 2024.
    let mut shown = String::from("$'");
    for byte in bytes {
        let _ = match byte {
            b'\'' | b'\\' => write!(shown, "\\{}", char::from(*byte)),
            b'\n' => write!(shown, "\\n"),
            b' '..=b'~' => write!(shown, "{}", char::from(*byte)),
            // Three octal digits: unlike `\x`, they never swallow what follows.
            _ => write!(shown, "\\{byte:03o}"),
        };
    }
    shown.push('\'');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_something_else() {
        for (word, shown) in [
            (&b"--ucp-url"[..], "--ucp-url"),
            (b"https://a.b:443/c", "https://a.b:443/c"),
            (b"", "''"),
            (b"a b", "'a b'"),
            (b"$(id)", "'$(id)'"),
            (b"it's", "'it'\\''s'"),
            (b"a\\b", "'a\\b'"),
            (b"~/x", "'~/x'"),
            (b"a\nb", "$'a\\nb'"),
            (b"\x1b[31m1", "$'\\033[31m1'"),
            (b"\xff'", "$'\\377\\''"),
            ("Öl".as_bytes(), "'Öl'"),
        ] {
            assert_eq!(quoted(OsStr::from_bytes(word)), shown);
        }
    }
}
