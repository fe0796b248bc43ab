//! Threads for work that can be done beside the walk, and a bound on what waits for them.
//!
//! Promises: no more than [`Budget`] bytes wait at a time, whatever the archive's size; with one thread there is none but
//! the caller's. Refuses to know: what the work is.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// Bytes that may wait: enough to keep several workers busy, little beside the 64 MiB the whole program may use.
const WAITING_BYTES: usize = 8 << 20;

/// A pool of workers.
#[derive(Clone)]
pub struct Workers {
    pool: Arc<ThreadPool>,
    budget: Budget,
}

impl Workers {
    /// `threads` workers; `None` for one thread or fewer, when the caller does the work itself.
    #[must_use]
    pub fn start(threads: usize) -> Option<Self> {
        if threads <= 1 {
            return None;
        }
        let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|index| format!("hash-{index}"));
        // A system that gives no threads leaves the work to the caller.
        let pool = pool.build().ok()?;
        Some(Self { pool: Arc::new(pool), budget: Budget::new(WAITING_BYTES) })
    }

    /// The bound on what waits.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Has a worker do `job` some time.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.pool.spawn_fifo(job);
    }
}

/// A count of bytes that may be waiting.
#[derive(Clone)]
pub struct Budget(Arc<(Mutex<usize>, Condvar, usize)>);

impl Budget {
    /// A budget of `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new((Mutex::new(0), Condvar::new(), bytes)))
    }

    /// Waits until `bytes` fit, or nothing else is waiting, and books them.
    pub fn spend(&self, bytes: usize) {
        let (spent, freed, bound) = &*self.0;
        let mut spent = spent.lock().unwrap_or_else(PoisonError::into_inner);
        while *spent > 0 && spent.saturating_add(bytes) > *bound {
            spent = freed.wait(spent).unwrap_or_else(PoisonError::into_inner);
        }
        *spent = spent.saturating_add(bytes);
    }

    /// Gives `bytes` back.
    pub fn refund(&self, bytes: usize) {
        let (spent, freed, _) = &*self.0;
        let mut spent = spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent = spent.saturating_sub(bytes);
        freed.notify_all();
    }
}
