//! A layer on a thread of its own, joined by a bounded queue of shared chunks.
//!
//! Promises: the same bytes, errors and proofs as the layer itself would give, only sooner; never more than
//! [`QUEUE_CHUNKS`] chunks ahead. Refuses to know: which layer it is.

use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use bytes::Bytes;

use super::{Decoder, Layer, Proof};
use crate::source::{Buffered, CHUNK_BYTES, Feed};

/// Chunks that wait between two stages: 8 of 256 KiB hide the jitter of both sides and stay in the second-level cache.
const QUEUE_CHUNKS: usize = 8;

/// Moves `layer` to a thread of its own.
///
/// # Errors
/// No thread could be started.
pub fn stage(mut layer: Box<dyn Layer>, name: &str) -> io::Result<Box<dyn Layer>> {
    let (sender, receiver) = sync_channel::<io::Result<Bytes>>(QUEUE_CHUNKS);
    let worker = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        loop {
            match layer.take(CHUNK_BYTES) {
                Ok(Some(chunk)) => {
                    if sender.send(Ok(chunk.bytes)).is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                // The one who reads is told; closing again would only meet the same error.
                Err(error) => {
                    let kind = error.kind();
                    let _ = sender.send(Err(error));
                    return Err(kind.into());
                }
            }
        }
        drop(sender);
        layer.close()
    })?;
    Ok(Box::new(Buffered::new(Staged { receiver: Some(receiver), worker })))
}

struct Staged {
    receiver: Option<Receiver<io::Result<Bytes>>>,
    worker: JoinHandle<io::Result<Vec<Proof>>>,
}

impl Feed for Staged {
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.receiver.as_ref().and_then(|receiver| receiver.recv().ok()).transpose()
    }
}

impl Decoder for Staged {
    fn conclude(mut self) -> io::Result<Vec<Proof>> {
        self.receiver = None;
        self.worker.join().map_err(|_| io::Error::other("a reading thread ended unexpectedly"))?
    }
}
