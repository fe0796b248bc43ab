//! What leads to a Kubernetes cluster.

use std::ffi::OsString;

use clap::Args as ClapArgs;

use crate::produce::kubernetes;
use crate::produce::run::Command;

#[derive(Debug, ClapArgs)]
pub(super) struct Cluster {
    /// The kubectl client
    #[arg(long, value_name = "PROGRAM", default_value = "kubectl", help_heading = "Kubernetes")]
    kubectl: OsString,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", help_heading = "Kubernetes")]
    context: Option<String>,
    /// Namespace [default: that of the context]
    #[arg(long, value_name = "NAME", help_heading = "Kubernetes")]
    namespace: Option<String>,
}

impl Cluster {
    pub(super) fn reached(&self) -> kubernetes::Cluster {
        kubernetes::Cluster {
            kubectl: Command::new(&self.kubectl),
            context: self.context.clone(),
            namespace: self.namespace.clone(),
        }
    }
}
