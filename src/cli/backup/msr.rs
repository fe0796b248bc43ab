//! `veritar backup msr`.

use std::time::Duration;

use clap::Args as ClapArgs;

use super::args::Common;
use super::kubernetes::Cluster;
use crate::produce::{Producer, msr};

#[derive(Debug, ClapArgs)]
pub(super) struct Msr {
    /// Name of the installation: its API is the deployment NAME-api
    #[arg(long, value_name = "NAME", default_value = "msr")]
    installation: String,
    /// Leave the results of scans out; they are large, and can be made again
    #[arg(long)]
    ignore_scan_data: bool,
    /// The PersistentVolumeClaim of the images, to tell where they lie [default: named as the installation]
    #[arg(long, value_name = "NAME")]
    claim: Option<String>,
    /// How long the backup may write nothing before it is given up
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = clap::value_parser!(u32).range(1..=86400))]
    patience: u32,
    #[command(flatten)]
    cluster: Cluster,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Msr {
    pub(super) fn producer(&self) -> Box<dyn Producer> {
        let mut cluster = self.cluster.reached();
        cluster.kubectl = cluster.kubectl.stall(Duration::from_secs(self.patience.into()));
        Box::new(msr::Msr::new(msr::Options {
            cluster,
            name: self.installation.clone(),
            ignore_scan_data: self.ignore_scan_data,
            claim: self.claim.clone(),
        }))
    }
}
