//! Snapshots of etcd.
