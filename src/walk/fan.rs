//! Threads for work that can be done beside the walk, and a bound on what waits for them.
//!
//! Promises: no more than [`Budget`] bytes wait at a time, whatever the archive's size; with one thread there is none but
//! the caller's. Refuses to know: what the work is.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Bytes that may wait: enough to keep several workers busy, little beside the 64 MiB the whole program may use.
const WAITING_BYTES: usize = 8 << 20;

/// A pool of workers that sleep when there is nothing to do. A pool that looks around for work meanwhile takes a tenth of
/// the processor from the threads that decrypt and inflate, where there is one for each of them and no more.
#[derive(Clone)]
pub struct Workers {
    pool: Arc<Pool>,
    budget: Budget,
}

type Job = Box<dyn FnOnce() + Send>;

/// The threads, joined when the last who may give them work is gone.
struct Pool {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Queue {
    jobs: Mutex<Jobs>,
    came: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    closed: bool,
}

impl Workers {
    /// `threads` workers; `None` for one thread or fewer, when the caller does the work itself.
    #[must_use]
    pub fn start(threads: usize) -> Option<Self> {
        if threads <= 1 {
            return None;
        }
        let queue = Arc::<Queue>::default();
        let start = |index: usize| {
            let queue = Arc::clone(&queue);
            std::thread::Builder::new().name(format!("hash-{index}")).spawn(move || queue.work()).ok()
        };
        // A system that gives fewer threads gets fewer, and one that gives none leaves the work to the caller.
        let threads: Vec<_> = (0..threads).map_while(start).collect();
        if threads.is_empty() {
            return None;
        }
        Some(Self { pool: Arc::new(Pool { queue, threads }), budget: Budget::new(WAITING_BYTES) })
    }

    /// The bound on what waits.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Has a worker do `job` some time; jobs begin in the order they were given.
    pub fn spawn(&self, job: impl FnOnce() + Send + 'static) {
        self.pool.queue.lock().waiting.push_back(Box::new(job));
        self.pool.queue.came.notify_one();
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what comes, until nothing more can.
    fn work(&self) {
        let mut jobs = self.lock();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                drop(jobs);
                // Somebody waits for what a job that panics owes: better no program than one that hangs.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
                    std::process::abort();
                }
                jobs = self.lock();
            } else if jobs.closed {
                return;
            } else {
                jobs = self.came.wait(jobs).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.came.notify_all();
        let here = std::thread::current().id();
        for thread in self.threads.drain(..) {
            // The last who could give work may be a job itself.
            if thread.thread().id() != here {
                let _ = thread.join();
            }
        }
    }
}

/// A count of bytes that may be waiting.
#[derive(Clone)]
pub struct Budget(Arc<Account>);

struct Account {
    spent: Mutex<Spent>,
    freed: Condvar,
    bound: usize,
}

#[derive(Default)]
struct Spent {
    bytes: usize,
    /// Whether somebody waits for room.
    wanted: bool,
}

impl Budget {
    /// A budget of `bytes`.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Account { spent: Mutex::default(), freed: Condvar::new(), bound: bytes }))
    }

    /// Books `bytes`; where they do not fit beside what is waiting, waits until half of all is free, or nothing waits: to
    /// be woken for each piece costs more than the piece.
    pub fn spend(&self, bytes: usize) {
        let mut spent = self.0.lock();
        if spent.bytes > 0 && spent.bytes.saturating_add(bytes) > self.0.bound {
            while spent.bytes > 0 && spent.bytes.saturating_add(bytes) > self.0.bound / 2 {
                spent.wanted = true;
                spent = self.0.freed.wait(spent).unwrap_or_else(PoisonError::into_inner);
            }
        }
        spent.bytes = spent.bytes.saturating_add(bytes);
    }

    /// Gives `bytes` back.
    pub fn refund(&self, bytes: usize) {
        let mut spent = self.0.lock();
        spent.bytes = spent.bytes.saturating_sub(bytes);
        if spent.wanted && (spent.bytes <= self.0.bound / 4) {
            spent.wanted = false;
            drop(spent);
            self.0.freed.notify_all();
        }
    }
}

impl Account {
    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
