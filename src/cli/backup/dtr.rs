//! `veritar backup dtr`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::args::Common;
use super::client;
use crate::cli::exit::Trouble;
use crate::cli::{plan, secrets};
use crate::produce::Producer;
use crate::produce::dtr::{self, Trust};
use crate::report::escaped;

#[derive(Debug, ClapArgs)]
pub(super) struct Dtr {
    /// Address of an engine, as `docker -H` takes it [default: the client's own]
    #[arg(long, value_name = "URL")]
    host: Option<OsString>,
    /// The docker client
    #[arg(long, value_name = "PROGRAM", default_value = "docker")]
    docker: OsString,
    /// Image of DTR without its tag, as in mirantis/dtr [default: that of the replica that runs]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Version of DTR [default: that of the replica that runs]
    #[arg(long, value_name = "VERSION")]
    dtr_version: Option<String>,
    /// The replica to back up, 12 hexadecimal digits; always the same one [default: the one that runs]
    #[arg(long, value_name = "ID")]
    replica: Option<String>,
    /// Where UCP is, as in `https://ucp.example:443`
    #[arg(long, value_name = "URL")]
    ucp_url: String,
    /// Name of an administrator of UCP
    #[arg(long, value_name = "NAME")]
    ucp_username: String,
    /// File whose first line is the administrator's password
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    ucp_password_file: PathBuf,
    #[command(flatten)]
    trust: TrustArgs,
    /// The program that fetches what --pin-ucp-ca keeps
    #[arg(long, value_name = "PROGRAM", default_value = "curl", help_heading = "Trust")]
    curl: OsString,
    /// Take DTR's database down while it is backed up, which makes the archive more consistent
    #[arg(long)]
    offline_backup: bool,
    /// Leave out the results of vulnerability scans (2.9.18 and later)
    #[arg(long)]
    ignore_scan_data: bool,
    /// How long DTR may write nothing and say nothing
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = clap::value_parser!(u32).range(1..=86400))]
    patience: u32,
    #[command(flatten)]
    pub(super) common: Common,
}

/// How UCP is known.
#[derive(Debug, ClapArgs)]
#[group(required = true, multiple = false)]
struct TrustArgs {
    /// File with the certificate authority that UCP is known by, PEM; `curl --insecure https://UCP/ca` prints it, unproved
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    ucp_ca: Option<PathBuf>,
    /// The same; where the file is not there yet, the authority is fetched from UCP this once, unproved, and kept in it
    #[arg(long, value_name = "FILE", help_heading = "Trust")]
    pin_ucp_ca: Option<PathBuf>,
    /// Do not check who UCP is: the password goes to whoever answers
    #[arg(long, help_heading = "Trust")]
    ucp_insecure_tls: bool,
}

/// Bytes of an authority's file past which it is the wrong file.
const AUTHORITY_BYTES: u64 = 1 << 20;

impl Dtr {
    pub(super) fn producer(&self) -> Result<Box<dyn Producer>, Trouble> {
        Ok(Box::new(dtr::Dtr::new(dtr::Options {
            docker: client(&self.docker, self.host.as_deref(), self.patience),
            image: self.image.clone(),
            version: self.dtr_version.clone(),
            replica: self.replica.clone(),
            ucp_url: self.ucp_url.clone(),
            ucp_username: self.ucp_username.clone(),
            ucp_password: secrets::password_file(&self.ucp_password_file)?,
            trust: self.trust.trust()?,
            curl: self.curl.clone(),
            offline: self.offline_backup,
            ignore_scan_data: self.ignore_scan_data,
            earlier: Some(self.common.to.clone()),
        })))
    }
}

impl TrustArgs {
    fn trust(&self) -> Result<Trust, Trouble> {
        match (&self.ucp_ca, &self.pin_ucp_ca) {
            (Some(path), _) => plan::read_up_to(path, AUTHORITY_BYTES).map(Trust::Authority).map_err(|error| {
                let shown = escaped(path.as_os_str().as_encoded_bytes());
                Trouble::Usage(format!("failed to read UCP's authority {shown}: {error}"))
            }),
            (None, Some(path)) => Ok(Trust::Pinned(path.clone())),
            (None, None) => Ok(Trust::Nobody),
        }
    }
}
