//! Standard output and standard error, with colours or without.

use std::io::{self, BufWriter, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use super::args::When;
use crate::rule::RuleErrors;

/// Sets for the whole process whether colours are used.
pub(super) fn choose_colour(when: When) {
    match when {
        When::Auto => ColorChoice::Auto,
        When::Always => ColorChoice::Always,
        When::Never => ColorChoice::Never,
    }
    .write_global();
}

/// Standard output, buffered; styles are taken out where they are not wanted.
pub(super) fn standard() -> BufWriter<AutoStream<io::StdoutLock<'static>>> {
    BufWriter::with_capacity(64 << 10, AutoStream::auto(io::stdout().lock()))
}

/// Standard output as it is, buffered, for documents.
pub(super) fn buffered() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}

/// Standard output as it is, for bytes.
pub(super) fn raw() -> io::StdoutLock<'static> {
    io::stdout().lock()
}

/// Says `message` as an error on standard error.
pub(super) fn complain(message: &str) {
    say(AnsiColor::Red.on_default().bold(), "error", message);
}

/// Says `message` as a warning on standard error.
pub(super) fn warn(message: &str) {
    say(AnsiColor::Yellow.on_default().bold(), "warning", message);
}

/// Says `message` on standard error as it is.
pub(super) fn say_plainly(message: &str) {
    let mut stream = AutoStream::auto(io::stderr().lock());
    let _ = writeln!(stream, "{message}");
}

/// Says all that is wrong with a rule file.
pub(super) fn complain_at_length(errors: &RuleErrors) {
    let mut stream = AutoStream::auto(io::stderr().lock());
    let _ = writeln!(stream, "{errors}");
}

fn say(style: Style, word: &str, message: &str) {
    let mut stream = AutoStream::auto(io::stderr().lock());
    // There is nobody left to tell that standard error is gone.
    let _ = writeln!(stream, "{style}{word}{style:#}: {message}");
}
