//! The pages of a mapped file, brought in before the reader comes to them and let go of behind it, on a thread of its own.
//!
//! Where members are small, the system's work for each page takes as long as reading it: half of the time of a listing.
//!
//! Promises: the bytes are the same with it and without; a reader that overtakes it brings its pages in itself. Refuses to
//! know: what is read, and whether it is worth it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::guard::Guarded;

/// Bytes that the reader has passed when it is heard of again, or so: it brings those pages in itself.
const NEAR_BYTES: usize = 1 << 20;

/// Bytes brought in at most before the reader comes to them.
const FAR_BYTES: usize = 16 << 20;

/// Bytes brought in, or let go of, at a time: the latter interrupts the reader.
const STEP_BYTES: usize = 4 << 20;

/// A thread that brings pages in.
pub(super) struct Ahead(Sender<usize>);

impl Ahead {
    /// Starts it; `None` where no thread could be started, and where so little is left that it would not pay.
    pub(super) fn start(map: &Arc<Guarded>, at: usize) -> Option<Self> {
        let bytes = (**map).as_ref().len();
        if bytes.saturating_sub(at) < FAR_BYTES {
            return None;
        }
        let (reader, reached) = channel();
        let map = Arc::clone(map);
        std::thread::Builder::new().name("pages-ahead".to_owned()).spawn(move || follow(&map, bytes, &reached)).ok()?;
        Some(Self(reader))
    }

    /// Says how far the reader is.
    pub(super) fn reached(&self, at: usize) {
        // A thread that is gone has nothing left to do.
        let _ = self.0.send(at);
    }
}

fn follow(map: &Guarded, bytes: usize, reached: &Receiver<usize>) {
    let (mut gone, mut front) = (0, 0);
    while let Ok(at) = reached.recv() {
        let at = reached.try_iter().last().unwrap_or(at);
        front = at.saturating_add(NEAR_BYTES).max(front);
        let end = at.saturating_add(FAR_BYTES).min(front.saturating_add(STEP_BYTES)).min(bytes);
        if front < end {
            if !map.bring(front..end) {
                return;
            }
            front = end;
        }
        let behind = at.saturating_sub(NEAR_BYTES);
        if behind.saturating_sub(gone) >= STEP_BYTES {
            map.let_go(gone..behind);
            gone = behind;
        }
    }
}
