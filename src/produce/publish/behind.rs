//! Brings what was written to the disk while more is written, so that little is left to wait for at the end.
//!
//! Promises: whoever writes waits for nothing, unless the disk has failed; a failure is told once, and nothing is brought
//! to the disk after it; when it is gone, so is its thread. Refuses to know: what is written, and by whom.

use std::fs::File;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// Bytes after which the disk is asked for again: many enough that asking costs nothing, few enough that the last are
/// brought there in a moment.
pub(super) const STEP_BYTES: u64 = 32 << 20;

/// What follows a file that is being written.
#[derive(Debug, Default)]
pub(super) struct Behind {
    /// Bytes since the disk was asked for last.
    waiting: u64,
    thread: Thread,
}

#[derive(Debug, Default)]
enum Thread {
    /// Too little was written yet.
    #[default]
    Unneeded,
    /// At it, whenever it is woken.
    Running(SyncSender<()>, JoinHandle<io::Result<()>>),
    /// None can be had, or it has told of its failure.
    Over,
}

impl Behind {
    /// So many bytes more were written to `file`.
    ///
    /// # Errors
    /// Bytes written earlier could not be brought to the disk.
    pub(super) fn wrote(&mut self, file: &File, bytes: usize) -> io::Result<()> {
        self.waiting = self.waiting.saturating_add(bytes as u64);
        if self.waiting < STEP_BYTES {
            return Ok(());
        }
        self.waiting = 0;
        if matches!(self.thread, Thread::Unneeded) {
            self.thread = start(file).unwrap_or(Thread::Over);
        }
        match &self.thread {
            Thread::Running(wake, _) => match wake.try_send(()) {
                // It has not come to the last request yet, and will bring these bytes along.
                Ok(()) | Err(TrySendError::Full(())) => Ok(()),
                Err(TrySendError::Disconnected(())) => self.finish(),
            },
            _ => Ok(()),
        }
    }

    /// Waits until it is through with what it was asked for.
    ///
    /// # Errors
    /// It could not be brought to the disk.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.thread, Thread::Over) {
            Thread::Running(wake, thread) => {
                drop(wake);
                thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread ended unexpectedly")))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Behind {
    fn drop(&mut self) {
        // Who drops it wants no archive.
        let _ = self.finish();
    }
}

fn start(file: &File) -> io::Result<Thread> {
    let file = file.try_clone()?;
    let (wake, woken) = sync_channel(1);
    let thread = std::thread::Builder::new().name("to-the-disk".to_owned()).spawn(move || follow(&file, &woken))?;
    Ok(Thread::Running(wake, thread))
}

fn follow(file: &File, woken: &Receiver<()>) -> io::Result<()> {
    while woken.recv().is_ok() {
        file.sync_data()?;
    }
    Ok(())
}
