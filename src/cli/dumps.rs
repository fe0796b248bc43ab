//! Core dumps: none are written of this program, for passphrases and keys would be in them.
//!
//! It is said of the process and not by a limit (`RLIMIT_CORE`), which the programs that are started would inherit. Nor
//! can other processes of the same user read this one's memory and environment any more, unless they have root's rights.

/// From now on no core dump is written, whatever ends the program.
#[cfg(target_os = "linux")]
pub(super) fn forbid() {
    // Where the system declines, the work is no worse than it was.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Other systems are left as they are.
#[cfg(not(target_os = "linux"))]
pub(super) fn forbid() {}
