//! A progress bar on a terminal for work that lasts; nothing on a pipe.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::args::{Effort, When};
use crate::report::escaped;
use crate::verify::Progress;

/// Work shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_millis(400);
/// Time between two looks.
const PACE: Duration = Duration::from_millis(100);

/// A bar that lives as long as this does.
pub(super) struct Bar(Option<(Sender<()>, JoinHandle<()>)>);

impl Bar {
    /// Starts to watch `progress`, where that is wanted.
    pub(super) fn start(typed: &Effort, name: &str, progress: &Arc<Progress>) -> Self {
        let wanted = match typed.progress {
            When::Always => true,
            When::Never => false,
            When::Auto => !typed.quiet && io::stderr().is_terminal(),
        };
        if !wanted {
            return Self(None);
        }
        let (done, watch) = channel::<()>();
        let (progress, name) = (Arc::clone(progress), escaped(name.as_bytes()).to_string());
        let show = move || {
            if watch.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            // A bar would be drawn over a prompt.
            while !progress.is_walking() {
                if watch.recv_timeout(PACE) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
            let bar = bar(progress.total_bytes(), name);
            while watch.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(progress.read_bytes());
                bar.set_message(format!("{} members, {}", progress.entries(), name_of(&progress.member())));
            }
            bar.finish_and_clear();
        };
        // Work that cannot be watched is done all the same.
        Self(std::thread::Builder::new().name("progress".to_owned()).spawn(show).ok().map(|thread| (done, thread)))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some((done, thread)) = self.0.take() {
            drop(done);
            let _ = thread.join();
        }
    }
}

/// The end of a path, which tells more than its beginning.
fn name_of(path: &[u8]) -> String {
    const MOST_BYTES: usize = 40;
    match path.len().checked_sub(MOST_BYTES) {
        Some(cut) if cut > 0 => format!("…{}", escaped(path.get(cut..).unwrap_or_default())),
        _ => escaped(path).to_string(),
    }
}

fn bar(total: Option<u64>, name: String) -> ProgressBar {
    let (bar, template) = match total {
        Some(bytes) => {
            (ProgressBar::new(bytes), "{prefix} {bar:24} {bytes}/{total_bytes} {bytes_per_sec} eta {eta} {msg}")
        }
        None => (ProgressBar::no_length(), "{prefix} {spinner} {bytes} {bytes_per_sec} {msg}"),
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style).with_prefix(name)
}
