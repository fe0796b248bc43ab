//! What stands where no member does: where sync was lost, and behind the end.
//!
//! Promises: looks only where something is wrong, and only ahead. Refuses to know: how a cause is told from the bytes.

use std::io;

use crate::envelope::mangled;
use crate::finding::Finding;
use crate::place::Place;
use crate::source::Source;
use crate::tar::{AnomalyKind, Frame, Parser, RawHeader};

/// A frame that is no part of a good archive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strange {
    No,
    Lost,
    Trailer { bytes: usize },
}

impl Strange {
    pub(super) fn of(frame: &Frame<'_>, bytes: usize) -> Self {
        match frame {
            Frame::Lost => Self::Lost,
            Frame::Trailer => Self::Trailer { bytes },
            _ => Self::No,
        }
    }
}

/// What stands where sync was lost, and behind the end.
#[derive(Default)]
pub(super) struct Around {
    lost: mangled::Lost,
    /// Places where sync was lost that were looked at.
    looks: u32,
    /// The log line that what follows the end begins with; `Some(None)` where it is something else.
    trailer: Option<Option<String>>,
}

/// Places where sync was lost that are looked at: each costs a window, and more findings of one kind are only counted.
const MOST_LOOKS: u32 = 100;

/// Bytes behind the end that are looked at.
const TRAILER_BYTES: usize = 256;

impl Around {
    /// Looks at the bytes ahead of `source`, which begin with something strange.
    pub(super) fn look(&mut self, what: Strange, parser: &Parser, source: &mut dyn Source) -> io::Result<()> {
        match what {
            Strange::Lost if parser.has_anomalies() && self.looks >= MOST_LOOKS => self.lost = mangled::Lost::default(),
            Strange::Lost if parser.has_anomalies() => {
                self.looks += 1;
                let window = source.peek(mangled::WINDOW_BYTES)?;
                let window = window.get(..mangled::WINDOW_BYTES).unwrap_or(window);
                self.lost = mangled::at_header(window, &RawHeader::begins);
            }
            Strange::Trailer { bytes } if self.trailer.is_none() => {
                let trailer = source.peek(bytes)?;
                if let Some(first) = trailer.iter().take(bytes).position(|byte| *byte != 0) {
                    let window = source.peek(first + TRAILER_BYTES)?;
                    let text = window.get(first..).unwrap_or_default();
                    self.trailer = Some(mangled::quoted_log(text.get(..TRAILER_BYTES).unwrap_or(text)));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// What there is to add to a finding about it.
    pub(super) fn told(&self, kind: &AnomalyKind) -> String {
        match (kind, self.lost.moved, &self.trailer) {
            (AnomalyKind::BadHeader { .. }, Some(bytes), _) => format!(
                "; the next member header stands {bytes} bytes further on, between two blocks: bytes were put in or taken \
                 out before it"
            ),
            (AnomalyKind::Trailing { .. }, _, Some(Some(line))) => format!("; it is log text, beginning {line}"),
            _ => String::new(),
        }
    }

    /// The cause of it, where it shows.
    pub(super) fn cause(&self, kind: &AnomalyKind, place: &Place) -> Option<Finding> {
        let cause = self.lost.cause.as_ref().filter(|_| matches!(kind, AnomalyKind::BadHeader { .. }))?;
        Some(Finding::new(cause.code, place.clone(), cause.message.clone()))
    }
}
