//! A fold over the chunks of a stream, beside whoever reads it: digests and check values.
//!
//! Promises: every byte goes in once and in order; with more than one thread it happens on a thread of its own, a bounded
//! number of chunks behind, and otherwise here. Refuses to know: what is computed.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;

/// Chunks that may wait for the thread.
const QUEUE_CHUNKS: usize = 8;

/// A `T` that sees all bytes of a stream.
pub struct Beside<T> {
    step: fn(&mut T, &[u8]),
    place: Place<T>,
}

enum Place<T> {
    Here(T),
    Thread(SyncSender<Bytes>, JoinHandle<T>),
}

impl<T: Clone + Send + 'static> Beside<T> {
    /// Starts from `state`, which takes bytes in by `step`; `name` is that of the thread, where there may be one.
    #[must_use]
    pub fn new(state: T, step: fn(&mut T, &[u8]), name: &str, threads: usize) -> Self {
        let place = if threads > 1 { start(state.clone(), step, name).ok() } else { None };
        Self { step, place: place.unwrap_or(Place::Here(state)) }
    }

    /// Takes more bytes in.
    pub fn push(&mut self, bytes: Bytes) {
        match &mut self.place {
            Place::Here(state) => (self.step)(state, &bytes),
            // A thread that is gone is met again, and reported, at the end.
            Place::Thread(sender, _) => drop(sender.send(bytes)),
        }
    }

    /// What came of all bytes.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn finish(self) -> io::Result<T> {
        match self.place {
            Place::Here(state) => Ok(state),
            Place::Thread(sender, worker) => {
                drop(sender);
                worker.join().map_err(|_| io::Error::other("a hashing thread ended unexpectedly"))
            }
        }
    }
}

fn start<T: Send + 'static>(mut state: T, step: fn(&mut T, &[u8]), name: &str) -> io::Result<Place<T>> {
    let (sender, receiver) = sync_channel::<Bytes>(QUEUE_CHUNKS);
    let worker = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        while let Ok(bytes) = receiver.recv() {
            step(&mut state, &bytes);
        }
        state
    })?;
    Ok(Place::Thread(sender, worker))
}
