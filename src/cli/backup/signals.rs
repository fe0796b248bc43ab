//! Signals that ask veritar to stop: noticed, never obeyed on the spot, so that what was stopped is started again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGXFSZ};
use signal_hook::flag;

use crate::cli::exit::Trouble;

/// Whether a signal came, and which.
#[derive(Debug)]
pub(super) struct Signals {
    pub(super) stop: Arc<AtomicBool>,
    last: Arc<AtomicUsize>,
}

impl Signals {
    /// From now on they are noticed.
    pub(super) fn watch() -> Result<Self, Trouble> {
        let signals = Self { stop: Arc::default(), last: Arc::default() };
        let register = || -> io::Result<()> {
            for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
                // In this order: whoever sees the flag finds the number.
                let number = usize::try_from(signal).unwrap_or_default();
                flag::register_usize(signal, Arc::clone(&signals.last), number)?;
                flag::register(signal, Arc::clone(&signals.stop))?;
            }
            // A limit on file sizes is an error of a write, with its place and the next step, and no end on the spot.
            flag::register(SIGXFSZ, Arc::default())?;
            Ok(())
        };
        register().map_err(|error| Trouble::InputOutput(format!("failed to prepare for signals: {error}")))?;
        Ok(signals)
    }

    /// The number of the one that came.
    pub(super) fn came(&self) -> Option<u8> {
        let is_set = self.stop.load(Ordering::Relaxed);
        is_set.then(|| u8::try_from(self.last.load(Ordering::Relaxed)).unwrap_or_default())
    }
}
