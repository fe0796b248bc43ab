//! `veritar backup ucp-api`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::Common;
use crate::cli::exit::Trouble;
use crate::cli::{plan, secrets};
use crate::produce::Producer;
use crate::produce::ucp_api::{Options, Pace, Trust, UcpApi as Api};
use crate::report::escaped;
use crate::secret::Secret;

#[derive(Debug, ClapArgs)]
pub(super) struct UcpApi {
    /// Address of UCP: https://HOST or https://HOST:PORT
    #[arg(long, value_name = "URL")]
    url: String,
    /// File whose first line is the token of an administrator (`auth_token` of POST /auth/login)
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// File with the authorities that may have issued UCP's certificate, in PEM, as UCP itself gives them at /ca
    #[arg(long, value_name = "FILE", required_unless_present = "system_ca")]
    ca: Option<PathBuf>,
    /// Trust the authorities that this system trusts, instead of --ca
    #[arg(long, conflicts_with = "ca")]
    system_ca: bool,
    /// UCP's version, for the archive's name [default: UCP is asked]
    #[arg(long, value_name = "VERSION")]
    ucp_version: Option<String>,
    /// Have UCP encrypt its backup to the passphrase, which is sent to it for that; otherwise UCP writes it in the clear, and
    /// the archive is encrypted here
    #[arg(long, conflicts_with_all = ["unencrypted", "recipient"])]
    encrypt_by_product: bool,
    /// Folder on the manager that UCP writes to; nobody:nogroup must be able to write there [default: left to UCP]
    #[arg(long, value_name = "PATH")]
    host_path: Option<String>,
    /// That folder, as it can be reached from here; without it the backup stays there, unverified
    #[arg(long, value_name = "FOLDER")]
    collect: Option<PathBuf>,
    /// Have UCP write a log beside its backup
    #[arg(long)]
    include_logs: bool,
    /// Wait as long for a backup that is running already [default: do not begin]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    wait: Option<u32>,
    /// How long UCP may take for the backup
    #[arg(long, value_name = "SECONDS", default_value = "14400", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    timeout: u32,
    /// How long UCP may give no good answer while it makes the backup
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = clap::value_parser!(u32).range(1..=86400))]
    patience: u32,
    #[command(flatten)]
    pub(super) common: Common,
}

impl UcpApi {
    pub(super) fn producer(&self, passphrase: Option<Secret>) -> Result<Box<dyn Producer>, Trouble> {
        let seconds = |count: u32| Duration::from_secs(count.into());
        if self.encrypt_by_product && self.common.compress != "none" {
            let sentence =
                "--encrypt-by-product and --compress contradict each other: what is encrypted cannot be made smaller";
            return Err(Trouble::Usage(sentence.to_owned()));
        }
        let trust = match &self.ca {
            Some(path) => {
                let shown = escaped(path.as_os_str().as_encoded_bytes());
                let pem = plan::read_up_to(path, plan::CERTIFICATE_BYTES)
                    .map_err(|error| Trouble::Usage(format!("failed to read the CA of UCP {shown}: {error}")))?;
                Trust::File { name: path.to_string_lossy().into_owned(), pem }
            }
            None => Trust::System,
        };
        Ok(Box::new(Api::new(Options {
            url: self.url.clone(),
            token: secrets::first_line_of("token file", &self.token_file)?,
            trust,
            version: self.ucp_version.clone(),
            passphrase: passphrase.filter(|_| self.encrypt_by_product),
            include_logs: self.include_logs,
            host_path: self.host_path.clone(),
            collect: self.collect.clone(),
            wait: self.wait.map(seconds),
            pace: Pace { backup: seconds(self.timeout), patience: seconds(self.patience), ..Pace::default() },
        })))
    }
}
