//! A step of a stream that its caller both feeds and drains, on a thread of its own: decryption beside what reads the
//! plaintext.
//!
//! Promises: what was pushed comes back in order, each through the step once; how far ahead it runs is the caller's choice.
//! Refuses to know: what the step does.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// Puts each `I` through a step that changes an `S` and gives an `O`.
pub struct Relay<S, I, O>(Place<S, I, O>);

enum Place<S, I, O> {
    Here { state: S, step: fn(&mut S, I) -> O, done: VecDeque<O> },
    Thread { to: Sender<I>, from: Receiver<O>, worker: JoinHandle<S>, waiting: usize },
}

impl<S: Send + 'static, I: Send + 'static, O: Send + 'static> Relay<S, I, O> {
    /// Starts from `state`, in the caller's thread.
    #[must_use]
    pub fn here(state: S, step: fn(&mut S, I) -> O) -> Self {
        Self(Place::Here { state, step, done: VecDeque::new() })
    }

    /// Starts from `state`, on a thread of this name.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn beside(mut state: S, step: fn(&mut S, I) -> O, name: &str) -> io::Result<Self> {
        let (to, inputs) = channel::<I>();
        let (outputs, from) = channel::<O>();
        let worker = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Ok(input) = inputs.recv() {
                if outputs.send(step(&mut state, input)).is_err() {
                    break;
                }
            }
            state
        })?;
        Ok(Self(Place::Thread { to, from, worker, waiting: 0 }))
    }

    /// Things pushed and not pulled yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        match &self.0 {
            Place::Here { done, .. } => done.len(),
            Place::Thread { waiting, .. } => *waiting,
        }
    }

    /// Hands over the next one.
    pub fn push(&mut self, input: I) {
        match &mut self.0 {
            Place::Here { state, step, done } => done.push_back(step(state, input)),
            Place::Thread { to, waiting, .. } => {
                // A thread that is gone is met again, and reported, by who pulls.
                let _ = to.send(input);
                *waiting += 1;
            }
        }
    }

    /// What came of the one pushed first; `None` where none waits.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn pull(&mut self) -> io::Result<Option<O>> {
        match &mut self.0 {
            Place::Here { done, .. } => Ok(done.pop_front()),
            Place::Thread { waiting: 0, .. } => Ok(None),
            Place::Thread { from, waiting, .. } => {
                *waiting -= 1;
                from.recv().map(Some).map_err(|_| gone())
            }
        }
    }

    /// The state, once nothing more comes.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn finish(self) -> io::Result<S> {
        match self.0 {
            Place::Here { state, .. } => Ok(state),
            Place::Thread { to, worker, .. } => {
                drop(to);
                worker.join().map_err(|_| gone())
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("a decrypting thread ended unexpectedly")
}
