//! `veritar backup images`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::args::Common;
use super::kubernetes::Cluster;
use crate::produce::run::Command;
use crate::produce::{Producer, images};

/// Where the images are: nothing of it stands for the volume of the replica of DTR that runs on this node.
#[derive(Debug, ClapArgs)]
pub(super) struct Images {
    /// Docker volume with the images [default: the one that the replica's registry uses]
    #[arg(long, value_name = "NAME")]
    volume: Option<String>,
    /// Replica of DTR, 12 hexadecimal digits [default: the one that runs on this node]
    #[arg(long, value_name = "ID")]
    replica: Option<String>,
    /// Folder with docker/registry/v2 in it; with --volume, it is unpacked as that volume's, and docker is not asked
    #[arg(long, value_name = "FOLDER", conflicts_with = "replica")]
    directory: Option<PathBuf>,
    /// PersistentVolumeClaim of the images, as MSR 3 has it; its volume must be within reach of this machine
    #[arg(long, value_name = "NAME", conflicts_with_all = ["volume", "replica", "directory"])]
    claim: Option<String>,
    /// Address of the engine, as `docker -H` takes it [default: the client's own]
    #[arg(long, value_name = "URL")]
    host: Option<OsString>,
    /// The docker client
    #[arg(long, value_name = "PROGRAM", default_value = "docker")]
    docker: OsString,
    #[command(flatten)]
    cluster: Cluster,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Images {
    pub(super) fn producer(&self) -> Box<dyn Producer> {
        let mut docker = Command::new(&self.docker);
        if let Some(host) = &self.host {
            docker = docker.argument("-H").argument(host);
        }
        let volume = self.volume.clone();
        let place = match (&self.claim, &self.directory) {
            (Some(claim), _) => images::Place::Claim { cluster: self.cluster.reached(), claim: claim.clone() },
            (None, Some(path)) => images::Place::Directory { path: path.clone(), volume },
            (None, None) => images::Place::Volume { docker, volume, replica: self.replica.clone() },
        };
        Box::new(images::Images::new(images::Options { place, target: Some(self.common.to.clone()) }))
    }
}
