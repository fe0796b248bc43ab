//! The veritar program: everything is in the library, see [`veritar::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    veritar::cli::run(std::env::args_os())
}
