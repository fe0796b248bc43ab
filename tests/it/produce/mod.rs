//! What is written: read back by ourselves and by others, and never found under a name that it does not deserve.

mod all;
mod pack;
mod publish;
mod publish_faults;
mod publish_retire;
mod run;
mod seal;
mod swarm;
mod swarm_live;
mod ucp_api;
mod write;
