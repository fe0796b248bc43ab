//! The digests of every member, on the workers.
//!
//! Small members that lie in one chunk go to the workers in batches; the pieces of a larger one form a strand, which one
//! worker at a time hashes in order while the others do other members.
//!
//! Promises: results come back in the order of the archive, each with the value that was handed in with it; what waits is
//! bounded. Refuses to know: what the values are.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use bytes::Bytes;

use super::{Digests, Hasher, Hashes};
use crate::source::zeros;
use crate::walk::Workers;

/// Bytes up to which a member goes into a batch: hashing them takes less than handing them over alone.
const SMALL_BYTES: u64 = 64 << 10;
/// Bytes of a full batch: about 0.1 ms of hashing.
const BATCH_BYTES: usize = 256 << 10;
/// Members of a full batch.
const BATCH_MEMBERS: usize = 512;
/// Members whose results may wait for the one before them.
const WAITING_MEMBERS: usize = 1 << 16;
/// Bytes of the values that may wait with them.
const WAITING_BYTES: usize = 4 << 20;

/// A member's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// So many bytes of it will come.
    pub bytes: u64,
    /// Whether [`Digests::front`] is wanted of it, without so many bytes at its end.
    pub without: Option<u64>,
}

impl Content {
    /// Content of so many bytes, with no front.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self { bytes, without: None }
    }

    fn hasher(self, hashes: Hashes) -> Hasher {
        match self.without {
            Some(without) => Hasher::with_front(hashes, self.bytes.saturating_sub(without)),
            None => Hasher::new(hashes),
        }
    }

    fn of(self, hashes: Hashes, bytes: &[u8]) -> Digests {
        let mut hasher = self.hasher(hashes);
        hasher.update(bytes);
        hasher.finish()
    }
}

/// Computes the digests of members and gives them back in order, each with a `T`.
pub struct MemberDigests<T> {
    hashes: Hashes,
    workers: Option<Workers>,
    results: Arc<Results<T>>,
    batch: Vec<(u64, Content, Bytes)>,
    batch_bytes: usize,
    open: Open,
    next: u64,
}

/// The member whose content is coming.
enum Open {
    /// None, or none that is hashed.
    Nothing,
    /// Nothing came yet.
    Fresh(u64, Content),
    /// Hashed here.
    Here(u64, Box<Hasher>),
    /// Hashed by the workers.
    Strand(Arc<Strand>),
}

struct Results<T> {
    waiting: Mutex<Waiting<T>>,
    arrived: Condvar,
}

struct Waiting<T> {
    /// Number of the first in `slots`.
    first: u64,
    slots: VecDeque<Slot<T>>,
    /// Bytes of all values in `slots`.
    bytes: usize,
}

struct Slot<T> {
    value: T,
    bytes: usize,
    /// `None` until the result arrives; `Some(None)` where there are no digests.
    result: Option<Option<Digests>>,
}

impl<T> Waiting<T> {
    fn is_full(&self) -> bool {
        self.slots.len() > WAITING_MEMBERS || self.bytes > WAITING_BYTES
    }

    /// Whether the first result has not arrived yet.
    fn is_pending(&self) -> bool {
        self.slots.front().is_some_and(|slot| slot.result.is_none())
    }
}

impl<T> Results<T> {
    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, results: impl IntoIterator<Item = (u64, Option<Digests>)>) {
        let mut waiting = self.lock();
        for (number, digests) in results {
            let index = usize::try_from(number - waiting.first).unwrap_or(usize::MAX);
            if let Some(slot) = waiting.slots.get_mut(index) {
                slot.result = Some(digests);
            }
        }
        drop(waiting);
        self.arrived.notify_all();
    }
}

impl<T: Send + 'static> MemberDigests<T> {
    /// For the digests wanted, on `workers` where there are any.
    #[must_use]
    pub fn new(hashes: Hashes, workers: Option<Workers>) -> Self {
        let waiting = Waiting { first: 0, slots: VecDeque::new(), bytes: 0 };
        Self {
            hashes,
            workers,
            results: Arc::new(Results { waiting: Mutex::new(waiting), arrived: Condvar::new() }),
            batch: Vec::new(),
            batch_bytes: 0,
            open: Open::Nothing,
            next: 0,
        }
    }

    /// A member begins, with a value that takes `value_bytes` of memory. With `content`, that will come and is
    /// hashed; without, its result is `None`. Call [`MemberDigests::ready`] until it has nothing before the next one.
    pub fn begin(&mut self, value: T, value_bytes: usize, content: Option<Content>) {
        // A member that never ended must not keep all behind it waiting.
        self.end(false);
        let number = self.next;
        self.next += 1;
        let result = match content {
            Some(content) => {
                self.open = Open::Fresh(number, content);
                None
            }
            None => Some(None),
        };
        let mut waiting = self.results.lock();
        waiting.slots.push_back(Slot { value, bytes: value_bytes, result });
        waiting.bytes = waiting.bytes.saturating_add(value_bytes);
        if waiting.is_full() {
            drop(waiting);
            self.flush();
        }
    }

    /// More of the member's content.
    pub fn data(&mut self, bytes: &Bytes) {
        if let Open::Fresh(number, content) = self.open {
            match &self.workers {
                None => self.open = Open::Here(number, Box::new(content.hasher(self.hashes))),
                Some(_) if content.bytes == bytes.len() as u64 && content.bytes <= SMALL_BYTES => {
                    self.open = Open::Nothing;
                    return self.small(number, content, bytes.clone());
                }
                Some(workers) => {
                    self.open = Open::Strand(Strand::new(number, content.hasher(self.hashes), workers.clone()))
                }
            }
        }
        match &mut self.open {
            Open::Here(_, hasher) => hasher.update(bytes),
            Open::Strand(strand) => Strand::push(strand, &self.results, bytes.clone()),
            Open::Fresh(..) | Open::Nothing => {}
        }
    }

    /// More of the member's content that is zeros and stored nowhere.
    pub fn hole(&mut self, bytes: u64) {
        zeros(bytes).for_each(|piece| self.data(&piece));
    }

    /// The member is over. One that is not `whole` has no digests.
    pub fn end(&mut self, whole: bool) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Here(number, hasher) => self.results.put([(number, whole.then(|| hasher.finish()))]),
            Open::Strand(strand) => Strand::close(&strand, &self.results, whole),
            // Nothing came: that is all there is of an empty file, and nothing of any other.
            Open::Fresh(number, content) => {
                let digests = (whole && content.bytes == 0).then(|| content.of(self.hashes, &[]));
                self.results.put([(number, digests)]);
            }
            Open::Nothing => {}
        }
    }

    /// The next result, where it has arrived. Where too much waits, waits for it, unless that is the member whose content
    /// is still to come.
    pub fn ready(&mut self) -> Option<(T, Option<Digests>)> {
        let mut waiting = self.results.lock();
        let only_open = waiting.slots.len() <= 1;
        while waiting.is_full() && waiting.is_pending() && !only_open {
            waiting = self.results.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        pop(&mut waiting)
    }

    /// Waits for the next result; `None` when all were given back. A member that is not over counts as not whole.
    pub fn wait(&mut self) -> Option<(T, Option<Digests>)> {
        self.end(false);
        self.flush();
        let mut waiting = self.results.lock();
        while waiting.is_pending() {
            waiting = self.results.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        pop(&mut waiting)
    }

    fn small(&mut self, number: u64, content: Content, bytes: Bytes) {
        if let Some(workers) = &self.workers {
            workers.budget().spend(bytes.len());
        }
        self.batch_bytes += bytes.len();
        self.batch.push((number, content, bytes));
        if self.batch_bytes >= BATCH_BYTES || self.batch.len() >= BATCH_MEMBERS {
            self.flush();
        }
    }

    /// Hands the batch to the workers.
    fn flush(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        let bytes = std::mem::take(&mut self.batch_bytes);
        let (Some(workers), false) = (&self.workers, batch.is_empty()) else { return };
        let (results, hashes, budget) = (Arc::clone(&self.results), self.hashes, workers.budget().clone());
        workers.spawn(move || {
            let digests: Vec<_> =
                batch.iter().map(|(number, content, bytes)| (*number, Some(content.of(hashes, bytes)))).collect();
            drop(batch);
            budget.refund(bytes);
            results.put(digests);
        });
    }
}

fn pop<T>(waiting: &mut Waiting<T>) -> Option<(T, Option<Digests>)> {
    if waiting.is_pending() {
        return None;
    }
    let slot = waiting.slots.pop_front()?;
    waiting.first += 1;
    waiting.bytes = waiting.bytes.saturating_sub(slot.bytes);
    Some((slot.value, slot.result.flatten()))
}

/// The pieces of one member, hashed in order by whichever worker is free.
struct Strand {
    number: u64,
    workers: Workers,
    state: Mutex<StrandState>,
}

struct StrandState {
    pieces: VecDeque<Bytes>,
    hasher: Option<Hasher>,
    /// Whether a worker is at it, or about to be.
    running: bool,
    /// Set when no more pieces come: whether the member is whole.
    closed: Option<bool>,
}

impl Strand {
    fn new(number: u64, hasher: Hasher, workers: Workers) -> Arc<Self> {
        let state = StrandState { pieces: VecDeque::new(), hasher: Some(hasher), running: false, closed: None };
        Arc::new(Self { number, workers, state: Mutex::new(state) })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StrandState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push<T: Send + 'static>(this: &Arc<Self>, results: &Arc<Results<T>>, bytes: Bytes) {
        this.workers.budget().spend(bytes.len());
        let mut state = this.lock();
        state.pieces.push_back(bytes);
        Self::wake(this, &mut state, results);
    }

    fn close<T: Send + 'static>(this: &Arc<Self>, results: &Arc<Results<T>>, whole: bool) {
        let mut state = this.lock();
        state.closed = Some(whole);
        Self::wake(this, &mut state, results);
    }

    fn wake<T: Send + 'static>(this: &Arc<Self>, state: &mut StrandState, results: &Arc<Results<T>>) {
        if !state.running {
            state.running = true;
            let (strand, results) = (Arc::clone(this), Arc::clone(results));
            this.workers.spawn(move || strand.run(&results));
        }
    }

    fn run<T>(&self, results: &Results<T>) {
        let mut hasher = self.lock().hasher.take();
        loop {
            let mut state = self.lock();
            let pieces = std::mem::take(&mut state.pieces);
            if pieces.is_empty() {
                match state.closed {
                    Some(whole) => {
                        drop(state);
                        let digests = hasher.filter(|_| whole).map(Hasher::finish);
                        results.put([(self.number, digests)]);
                    }
                    None => {
                        state.hasher = hasher;
                        state.running = false;
                    }
                }
                return;
            }
            drop(state);
            for piece in pieces {
                if let Some(hasher) = &mut hasher {
                    hasher.update(&piece);
                }
                let bytes = piece.len();
                drop(piece);
                self.workers.budget().refund(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_of_a_content_has_its_own_digest() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| (number % 251) as u8).collect();
        for (length, without) in [(0_usize, 0_usize), (10, 0), (10, 4), (10, 10), (10, 32), (200_000, 32), (65_536, 1)]
        {
            let whole = &bytes[..length];
            let front = Hasher::of(Hashes::SHA256, &whole[..length.saturating_sub(without)]).sha256;
            for workers in [None, Workers::start(2)] {
                for cut in [1_000, 65_536, 200_000] {
                    let content = Content { bytes: length as u64, without: Some(without as u64) };
                    let mut members = MemberDigests::new(Hashes::NONE, workers.clone());
                    members.begin((), 0, Some(content));
                    whole.chunks(cut).for_each(|piece| members.data(&Bytes::copy_from_slice(piece)));
                    members.end(true);
                    let digests = members.wait().and_then(|((), digests)| digests).expect("the content was whole");
                    assert_eq!(digests.front, front, "{length} without {without} in pieces of {cut}");
                    assert_eq!(digests.sha256, Hasher::of(Hashes::SHA256, whole).sha256);
                }
            }
        }
    }

    #[test]
    fn values_that_wait_behind_a_batch_are_bounded_in_bytes() {
        const VALUE_BYTES: usize = 1 << 20;
        let mut members = MemberDigests::new(Hashes::SHA256, Workers::start(2));
        // One small file fills no batch; all behind it waits for its digest.
        members.begin(0, 1, Some(Content::new(1)));
        members.data(&Bytes::from_static(b"x"));
        members.end(true);
        let mut given = Vec::new();
        for number in 1..200 {
            members.begin(number, VALUE_BYTES, None);
            while let Some((value, _)) = members.ready() {
                given.push(value);
            }
            let waiting = members.results.lock().bytes;
            assert!(waiting <= WAITING_BYTES + VALUE_BYTES, "{waiting} bytes wait behind {number} members");
        }
        while let Some((value, _)) = members.wait() {
            given.push(value);
        }
        assert_eq!(given, (0..200).collect::<Vec<_>>());
    }
}
