//! `veritar backup ucp`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::args::Common;
use super::client;
use crate::cli::exit::Trouble;
use crate::produce::{Producer, ucp};
use crate::secret::Secret;

#[derive(Debug, ClapArgs)]
pub(super) struct Ucp {
    /// Address of the manager's engine, as `docker -H` takes it [default: the client's own]
    #[arg(long, value_name = "URL")]
    host: Option<OsString>,
    /// The docker client
    #[arg(long, value_name = "PROGRAM", default_value = "docker")]
    docker: OsString,
    /// Image of UCP without its tag, as in mirantis/ucp [default: that of the UCP that runs]
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Version of UCP [default: that of the UCP that runs]
    #[arg(long, value_name = "VERSION")]
    ucp_version: Option<String>,
    /// Identifier of the UCP, which versions before 3.2 ask for [default: that of the UCP that runs]
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Whether UCP's container needs leave from SELinux
    #[arg(long, value_name = "WHETHER", default_value = "auto")]
    selinux: Selinux,
    /// Have UCP (3.2 and later) write a file into this folder of the manager, writable for nobody:nogroup, instead of to
    /// standard output; it is read from there and removed
    #[arg(long, value_name = "FOLDER")]
    via_folder: Option<PathBuf>,
    /// Have UCP itself encrypt the archive with the passphrase, as its own restore takes it
    #[arg(long, help_heading = "Seal", conflicts_with_all = ["recipient", "unencrypted"])]
    encrypt_by_product: bool,
    /// How long UCP may write nothing and say nothing
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = clap::value_parser!(u32).range(1..=86400))]
    patience: u32,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Selinux {
    /// As the engine says
    Auto,
    Yes,
    No,
}

impl Ucp {
    /// `passphrase` is the one that closes the archive.
    pub(super) fn producer(&self, passphrase: Option<&Secret>) -> Result<Box<dyn Producer>, Trouble> {
        if self.encrypt_by_product && passphrase.is_none() {
            return Err(Trouble::Usage("--encrypt-by-product needs a passphrase: give --passphrase-file".to_owned()));
        }
        if self.encrypt_by_product && self.common.compress != "none" {
            return Err(Trouble::Usage(
                "what UCP encrypts cannot be compressed any more: leave out --compress or --encrypt-by-product"
                    .to_owned(),
            ));
        }
        Ok(Box::new(ucp::Ucp::new(ucp::Options {
            docker: client(&self.docker, self.host.as_deref(), self.patience),
            image: self.image.clone(),
            version: self.ucp_version.clone(),
            id: self.id.clone(),
            selinux: match self.selinux {
                Selinux::Auto => None,
                Selinux::Yes => Some(true),
                Selinux::No => Some(false),
            },
            passphrase: passphrase.filter(|_| self.encrypt_by_product).cloned(),
            folder: self.via_folder.clone(),
        })))
    }
}
