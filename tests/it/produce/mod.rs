//! What is written: read back by ourselves and by others, and never found under a name that it does not deserve.

mod all;
mod by_command;
mod dtr;
mod flow;
mod images;
mod msr;
mod pack;
mod products_live;
mod publish;
mod publish_failed;
mod publish_faults;
mod publish_retire;
mod run;
mod seal;
mod stage;
mod stand_in;
pub mod swarm;
mod swarm_live;
mod ucp;
mod ucp_api;
mod write;
