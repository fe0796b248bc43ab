//! What was typed behind `veritar backup`: what every backup shares, and the products.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::all::All;
use super::dtr::Dtr;
use super::images::Images;
use super::msr::Msr;
use super::swarm::Swarm;
use super::ucp::Ucp;
use super::ucp_api::UcpApi;
use crate::cli::args::{Effort, Judging, Keys, ReportFormat};

#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Backup {
    #[command(subcommand)]
    pub(super) of: Of,
}

/// What is backed up.
#[derive(Debug, Subcommand)]
pub(super) enum Of {
    #[command(flatten)]
    One(Box<One>),
    /// Several backups in the order Swarm, UCP, DTR, images, from a plan
    All(All),
}

/// One backup.
#[derive(Debug, Subcommand)]
pub(super) enum One {
    /// A manager's Swarm directory, with the engine stopped and started again
    Swarm(Swarm),
    /// UCP / MKE, by its own program in a container of a manager's engine
    Ucp(Ucp),
    /// UCP by its HTTPS interface: it writes a backup into a folder of a manager, which is collected from where that is
    /// mounted
    UcpApi(UcpApi),
    /// Metadata of DTR / MSR 2, by its own program in a container
    Dtr(Dtr),
    /// The metadata of MSR 3, by the installation's own command in its cluster
    Msr(Msr),
    /// The images of a registry: the volume of a DTR replica, a directory, or the volume of a claim
    Images(Images),
}

/// What every backup shares.
#[derive(Debug, ClapArgs)]
pub(super) struct Common {
    /// Folder the archive goes to; it must exist
    #[arg(long, value_name = "FOLDER")]
    pub(super) to: PathBuf,
    /// Name of the archive, without the ending that tells its form [default: product, version, host and time]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Compress: none, gzip, zstd, with `:LEVEL` if you like
    #[arg(long, value_name = "FORMAT", default_value = "none", help_heading = "Seal")]
    pub(super) compress: String,
    /// File with OpenPGP certificates to encrypt to (repeatable); a passphrase, where one is given, opens the archive as well
    #[arg(long, value_name = "FILE", help_heading = "Seal")]
    pub(super) recipient: Vec<PathBuf>,
    /// How OpenPGP encrypts: 1 is what gpg reads, 2 is RFC 9580
    #[arg(long, value_name = "VERSION", default_value = "1", help_heading = "Seal")]
    pub(super) seipd: Seipd,
    /// Do not encrypt: whoever can read the archive has every secret in it
    #[arg(long, help_heading = "Seal", conflicts_with = "recipient")]
    pub(super) unencrypted: bool,
    /// Read the archive once more from the disk before it gets its name
    #[arg(long, help_heading = "Publish")]
    pub(super) read_back: bool,
    /// Keep this many archives that passed, and delete older ones of the same product and host
    #[arg(long, value_name = "N", help_heading = "Publish", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) keep: Option<u32>,
    /// Delete archives older than this, once a newer one has passed
    #[arg(long, value_name = "DAYS", help_heading = "Publish", value_parser = clap::value_parser!(u32).range(1..=36500))]
    pub(super) keep_days: Option<u32>,
    /// Remove an archive that failed, instead of keeping it aside as NAME.failed
    #[arg(long, help_heading = "Publish")]
    pub(super) discard_failed: bool,
    /// Keep this many archives that failed, and delete older ones of the same product and host with their reports
    #[arg(long, value_name = "N", help_heading = "Publish", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "discard_failed")]
    pub(super) keep_failed: Option<u32>,
    /// Say what would be run and written, and do nothing but look
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Format of standard output
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: ReportFormat,
    /// Show what is only good to know, too
    #[arg(long, short)]
    pub(super) verbose: bool,
    #[command(flatten)]
    pub(super) judging: Judging,
    #[command(flatten)]
    pub(super) keys: Keys,
    #[command(flatten)]
    pub(super) effort: Effort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Seipd {
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
}

impl One {
    pub(super) fn common_mut(&mut self) -> &mut Common {
        match self {
            Self::Swarm(args) => &mut args.common,
            Self::Ucp(args) => &mut args.common,
            Self::UcpApi(args) => &mut args.common,
            Self::Dtr(args) => &mut args.common,
            Self::Msr(args) => &mut args.common,
            Self::Images(args) => &mut args.common,
        }
    }

    pub(super) fn common(&self) -> &Common {
        match self {
            Self::Swarm(args) => &args.common,
            Self::Ucp(args) => &args.common,
            Self::UcpApi(args) => &args.common,
            Self::Dtr(args) => &args.common,
            Self::Msr(args) => &args.common,
            Self::Images(args) => &args.common,
        }
    }
}
