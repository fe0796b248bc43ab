//! The command line: what was typed, what it means, and what is printed.
//!
//! ```text
//! args (what was typed) ──► config (what is set) ──► plan (what it means) ──► verify | list | cat | backup | rules | explain | config | schema ──► exit
//! ```
//! Promises: data on standard output, everything else on standard error; exit codes as in [`exit`]. The only place that
//! prints. Refuses to know: how anything is read or judged.

mod args;
mod backup;
mod cases;
mod cat;
mod config;
mod dumps;
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
mod rules_init;
mod schema;
mod secrets;
mod verify;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command, RulesCommand};
use config::Config;
use exit::{Exit, Trouble};

/// Runs the program with `arguments`, the first of which is its own name. From then on the process leaves no core dump.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    dumps::forbid();
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
    match perform(args.command) {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            trouble.print();
            trouble.exit().into()
        }
    }
}

fn perform(command: Command) -> Result<Exit, Trouble> {
    match command {
        Command::Verify(mut args) => {
            let config = Config::read()?;
            config.reading(&mut args.reading);
            config.judging(&mut args.judging);
            verify::run(&args)
        }
        Command::List(mut args) => {
            Config::read()?.reading(&mut args.reading);
            list::run(&args)
        }
        Command::Cat(mut args) => {
            Config::read()?.reading(&mut args.reading);
            cat::run(&args)
        }
        Command::Rules(mut args) => {
            if let RulesCommand::Init(init) = &mut args.command {
                Config::read()?.reading(&mut init.reading);
            }
            rules::run(&args)
        }
        Command::Backup(args) => backup::run(*args, &Config::read()?),
        Command::Explain(args) => explain::run(&args),
        Command::Config(args) => config::run(&args.command),
        Command::Schema(args) => schema::run(&args),
    }
}
