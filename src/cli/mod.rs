//! The command line: what was typed, what it means, and what is printed.
//!
//! ```text
//! args (what was typed) ──► plan (what it means) ──► verify | list | cat | rules | explain ──► exit
//! ```
//! Promises: data on standard output, everything else on standard error; exit codes as in [`exit`]. The only place that
//! prints. Refuses to know: how anything is read or judged.

mod args;
mod cat;
pub mod exit;
mod explain;
mod frames;
mod layers;
mod list;
mod nested;
mod output;
mod plan;
mod progress;
mod rules;
mod secrets;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};
use exit::Exit;

/// Runs the program with `arguments`, the first of which is its own name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // Help and version go to standard output and are no error; a closed pipe is quiet.
            let code = if error.use_stderr() { Exit::Usage } else { Exit::Pass };
            let _ = error.print();
            return code.into();
        }
    };
    output::choose_colour(args.global.color);
    let done = match args.command {
        Command::Verify(args) => verify::run(&args),
        Command::List(args) => list::run(&args),
        Command::Cat(args) => cat::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Explain(args) => explain::run(&args),
    };
    match done {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            trouble.print();
            trouble.exit().into()
        }
    }
}
