//! The lab: runs the probes that are wanted of the member that streams by.
//!
//! Promises: each probe gets the whole content in order, holes as zeros; what came to no end is dropped, and not learned
//! from. Refuses to know: why a probe is wanted.

use super::{Kind, Learned, Probe, Settings, Subject};
use crate::source::zeros;

/// A probe with its settings, as a rule asks for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// Which one.
    pub kind: &'static Kind,
    /// What is set for it.
    pub settings: Settings,
}

/// Probes at work on one member.
#[derive(Default)]
pub struct Lab {
    running: Vec<Box<dyn Probe>>,
}

impl Lab {
    /// A member begins, with the probes that are wanted of it. What was running is dropped.
    pub fn begin<'s>(&mut self, wanted: impl Iterator<Item = (&'static Kind, Subject<'s>)>) {
        self.running.clear();
        self.running.extend(wanted.map(|(kind, subject)| (kind.start)(&subject)));
    }

    /// Whether anybody looks at the member.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }

    /// More of the member's content.
    pub fn data(&mut self, bytes: &[u8]) {
        for probe in &mut self.running {
            probe.feed(bytes);
        }
    }

    /// More of the member's content that is zeros and stored nowhere.
    pub fn hole(&mut self, bytes: u64) {
        if self.is_busy() {
            zeros(bytes).for_each(|piece| self.data(&piece));
        }
    }

    /// The member is over: what was learned, in the order of the probes wanted. Nothing of one that is not whole.
    pub fn end(&mut self, whole: bool) -> Vec<Learned> {
        let running = std::mem::take(&mut self.running);
        if whole { running.into_iter().map(Probe::finish).collect() } else { Vec::new() }
    }
}
