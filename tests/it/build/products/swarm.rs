//! Directories of a Swarm, made of those that dockerd 20.10.24 wrote (`corpus/kept/`).

use std::io::Read;

use super::Member;

/// The members of a kept archive, below `swarm/`. The log is cut down to its records and some of the zeros that etcd makes
/// room with: what comes after a record of no length is never read.
fn kept(name: &str) -> Vec<Member> {
    let packed = crate::build::cases::kept(name);
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(&packed[..]));
    let mut members = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().replace("var/lib/docker/swarm", "swarm");
        let (mode, mtime) = (entry.header().mode().unwrap() & 0o7777, entry.header().mtime().unwrap());
        if entry.header().entry_type().is_dir() {
            members.push(Member::directory(&format!("{}/", path.trim_end_matches('/')), mode, mtime));
            continue;
        }
        // Behind the records, 64 MB of zeros.
        let mut content = Vec::new();
        entry.by_ref().take(256 << 10).read_to_end(&mut content).unwrap();
        if path.ends_with(".wal") {
            let used = content.iter().rposition(|byte| *byte != 0).unwrap() + 1;
            content.truncate(used.next_multiple_of(4096) + 4096);
        }
        members.push(Member::file(&path, content, mode, mtime));
    }
    members
}

/// A manager, not locked.
pub fn manager() -> Vec<Member> {
    kept("swarm-20.10.24.tgz")
}

/// A manager with autolock on: its keys are encrypted.
pub fn locked() -> Vec<Member> {
    kept("swarm-20.10.24-autolock.tgz")
}

/// A manager of an engine before the log was encrypted: other folders, and no key of the log beside the node's key.
pub fn legacy() -> Vec<Member> {
    let mut members = manager();
    for member in &mut members {
        member.name = member.name.replace("-v3-encrypted", "");
        if member.name.ends_with("swarm-node.key") {
            let text = String::from_utf8(member.content.take().unwrap()).unwrap();
            let plain: Vec<&str> = text.lines().filter(|line| !line.is_empty() && !line.contains(": ")).collect();
            member.content = Some(format!("{}\n", plain.join("\n")).into_bytes());
        }
    }
    members
}

/// A worker: the same without a raft log.
pub fn worker() -> Vec<Member> {
    let mut members = manager();
    members.retain(|member| !member.name.starts_with("swarm/raft/"));
    members
}
