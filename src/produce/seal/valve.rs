//! The valve between the encoders and the writer below them.
//!
//! Encoders write when they are dropped, and what they make of an error is theirs; so the writer stands behind a valve
//! that they share with the sealer.
//!
//! Promises: all of a piece is written or the valve closes for good, and the error is kept as the writer gave it; once
//! shut, nothing passes. Refuses to know: who writes, and what.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One of several handles to the writer below.
pub(super) struct Valve<W>(Arc<Mutex<State<W>>>);

struct State<W> {
    /// `None` once it was shut or the writer was given back.
    out: Option<W>,
    /// What the first error is told as again.
    fault: Option<Fault>,
    /// The first error itself, until it is fetched.
    first: Option<io::Error>,
}

/// What can be told of an error more than once.
#[derive(Clone, Copy)]
struct Fault {
    kind: io::ErrorKind,
    number: Option<i32>,
}

impl Fault {
    fn of(error: &io::Error) -> Self {
        Self { kind: error.kind(), number: error.raw_os_error() }
    }

    fn error(self) -> io::Error {
        self.number.map_or_else(|| self.kind.into(), io::Error::from_raw_os_error)
    }
}

impl<W: Write> Valve<W> {
    pub(super) fn new(out: W) -> Self {
        Self(Arc::new(Mutex::new(State { out: Some(out), fault: None, first: None })))
    }

    /// One more handle.
    pub(super) fn share(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Lets nothing pass any more, and drops the writer.
    pub(super) fn shut(&self) {
        let out = self.state().out.take();
        drop(out);
    }

    /// Closes because of `error` of an encoder, unless the writer's own is the reason: that is what is returned then.
    pub(super) fn fail(&self, error: io::Error) -> io::Error {
        let mut state = self.state();
        if let Some(first) = state.first.take() {
            return first;
        }
        let fault = *state.fault.get_or_insert_with(|| Fault::of(&error));
        if fault.kind == error.kind() { error } else { fault.error() }
    }

    /// Why nothing passes.
    pub(super) fn refusal(&self) -> io::Error {
        self.state().refusal()
    }

    pub(super) fn flush_below(&self) -> io::Result<()> {
        self.state().pass(Write::flush)
    }

    /// Gives the writer back; nothing passes afterwards.
    pub(super) fn take(&self) -> io::Result<W> {
        let mut state = self.state();
        match (state.fault, state.out.take()) {
            (None, Some(out)) => Ok(out),
            _ => Err(state.refusal()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<W>> {
        // Whoever panicked while it wrote left a fault behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> State<W> {
    fn refusal(&self) -> io::Error {
        self.fault.map_or_else(|| io::ErrorKind::BrokenPipe.into(), Fault::error)
    }

    fn pass(&mut self, act: impl FnOnce(&mut W) -> io::Result<()>) -> io::Result<()> {
        if self.fault.is_some() {
            return Err(self.refusal());
        }
        let Some(out) = self.out.as_mut() else { return Err(self.refusal()) };
        // Stands while the writer is at work: were it to panic, nothing would pass afterwards.
        self.fault = Some(Fault { kind: io::ErrorKind::Other, number: None });
        match act(out) {
            Ok(()) => {
                self.fault = None;
                Ok(())
            }
            Err(error) => {
                let fault = Fault::of(&error);
                self.fault = Some(fault);
                self.first = Some(error);
                Err(fault.error())
            }
        }
    }
}

impl<W: Write> Write for Valve<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.state().pass(|out| out.write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.flush_below()
    }
}
