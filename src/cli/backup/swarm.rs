//! `veritar backup swarm`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::Common;
use super::command;
use crate::cli::exit::Trouble;
use crate::produce::run::Command;
use crate::produce::{Producer, swarm};
use crate::secret::Secret;

#[derive(Debug, ClapArgs)]
pub(super) struct Swarm {
    /// Address of the engine, as `docker -H` takes it [default: the client's own]
    #[arg(long, value_name = "URL")]
    host: Option<OsString>,
    /// The docker client
    #[arg(long, value_name = "PROGRAM", default_value = "docker")]
    docker: OsString,
    /// What stops the engine; words in quotes as in a shell, which does not run
    #[arg(long, value_name = "COMMAND", default_value = "systemctl stop docker")]
    stop_command: String,
    /// What starts the engine; it is run whatever happens
    #[arg(long, value_name = "COMMAND", default_value = "systemctl start docker")]
    start_command: String,
    /// How long either of them may say nothing, and the engine not answer after its start
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = clap::value_parser!(u32).range(1..=86400))]
    patience: u32,
    /// The swarm's directory [default: `swarm` in the engine's root directory]
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// What the directory is called in the archive [default: its path, without the slash before it]
    #[arg(long, value_name = "PATH")]
    prefix: Option<OsString>,
    /// Do not stop the engine; the archive may hold files of different moments
    #[arg(long)]
    live: bool,
    /// Leave an autolocked swarm locked after the start, to be unlocked by hand
    #[arg(long)]
    leave_locked: bool,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Swarm {
    pub(super) fn producer(&self, unlock_keys: Vec<Secret>) -> Result<Box<dyn Producer>, Trouble> {
        let patience = Duration::from_secs(self.patience.into());
        let mut docker = Command::new(&self.docker).stall(patience);
        if let Some(host) = &self.host {
            docker = docker.argument("-H").argument(host);
        }
        Ok(Box::new(swarm::Swarm {
            docker,
            stop: command("--stop-command", &self.stop_command)?.stall(patience),
            start: command("--start-command", &self.start_command)?.stall(patience),
            directory: self.directory.clone(),
            prefix: self.prefix.as_ref().map(|prefix| prefix.as_encoded_bytes().to_vec()),
            live: self.live,
            unlock_keys,
            leave_locked: self.leave_locked,
            patience,
            ..swarm::Swarm::new()
        }))
    }
}
