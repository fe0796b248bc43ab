//! The one unsafe place: mapping a file that somebody may cut while it is read, and a word to the processor about what
//! is read next.
//!
//! A page of a map that lies beyond the file's end raises SIGBUS when touched. The guard installs one handler for that
//! signal; where the fault lies in a map of ours it puts pages of zeros there, remembers that the file changed, and lets
//! the reader go on; [`Guarded::was_cut`] tells afterwards, so that nothing read that way is ever believed. A fault
//! anywhere else goes to the handler that was there before.
//!
//! Promises: reading a guarded map never kills the process. Refuses to know: what is read, and what a cut file means.
#![expect(
    unsafe_code,
    reason = "mapping memory and answering SIGBUS cannot be said in safe Rust; nothing else here is"
)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use memmap2::{Advice, Mmap, UncheckedAdvice};

/// Maps that can be guarded at a time; past that, [`Guarded::map`] declines and the caller reads instead.
const SLOTS: usize = 64;

/// Bytes that Linux maps around a page that is touched, where they are in memory.
#[cfg(target_os = "linux")]
const AROUND_BYTES: usize = 64 << 10;

struct Slot {
    taken: AtomicBool,
    /// Odd while `start` and `end` are being changed: the handler believes them only when it is even and stays the same.
    generation: AtomicUsize,
    start: AtomicUsize,
    end: AtomicUsize,
    cut: AtomicBool,
}

impl Slot {
    fn set(&self, start: usize, end: usize) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.start.store(start, Ordering::SeqCst);
        self.end.store(end, Ordering::SeqCst);
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    fn holds(&self, address: usize) -> bool {
        let before = self.generation.load(Ordering::SeqCst);
        let range = self.start.load(Ordering::SeqCst)..self.end.load(Ordering::SeqCst);
        before.is_multiple_of(2) && range.contains(&address) && self.generation.load(Ordering::SeqCst) == before
    }
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        taken: AtomicBool::new(false),
        generation: AtomicUsize::new(0),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        cut: AtomicBool::new(false),
    }
}; SLOTS];

static PREVIOUS: OnceLock<libc::sigaction> = OnceLock::new();
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(4096);

/// A read-only map of a regular file that survives the file's being cut.
#[derive(Debug)]
pub(super) struct Guarded {
    map: Mmap,
    slot: usize,
}

impl Guarded {
    /// Maps the first `bytes` of `file`; `None` where the system or the table of guards does not allow it.
    pub(super) fn map(file: &File, bytes: usize) -> Option<Self> {
        install().ok()?;
        let slot = TABLE
            .iter()
            .position(|slot| slot.taken.compare_exchange(false, true, Ordering::AcqRel, Ordering::Relaxed).is_ok())?;
        // SAFETY: the map is read-only and private to this module's users, who see it as plain bytes. Another process
        // may change them under our eyes; no parser here relies on reading the same byte twice, and the caller checks
        // the file's size and time at the end.
        let map = unsafe { memmap2::MmapOptions::new().len(bytes).map(file) };
        let (Ok(map), Some(entry)) = (map, TABLE.get(slot)) else {
            if let Some(entry) = TABLE.get(slot) {
                entry.taken.store(false, Ordering::Release);
            }
            return None;
        };
        let page = PAGE_BYTES.load(Ordering::Relaxed);
        let start = map.as_ptr() as usize;
        entry.cut.store(false, Ordering::Relaxed);
        entry.set(start, start.saturating_add(map.len()).next_multiple_of(page));
        // Advice only: a system that declines it reads all the same.
        let _ = map.advise(Advice::Sequential);
        Some(Self { map, slot })
    }

    /// Asks the system to bring the pages of this range in, and says whether it knows how to. It maps those around a page as
    /// well, so that one of each group is enough; a page that is missing from the file raises no signal here.
    pub(super) fn bring(&self, range: Range<usize>) -> bool {
        #[cfg(target_os = "linux")]
        return range.step_by(AROUND_BYTES).all(|at| match self.map.advise_range(Advice::PopulateRead, at, 1) {
            Ok(()) => true,
            Err(error) => error.kind() != io::ErrorKind::InvalidInput,
        });
        #[cfg(not(target_os = "linux"))]
        return range.is_empty();
    }

    /// Lets the pages of this range go; who touches them again gets them back.
    pub(super) fn let_go(&self, range: Range<usize>) {
        // SAFETY: the map is shared with the file and never written to, so that its pages come back as the file has them;
        // where the guard has put zeros, zeros come back.
        let _ = unsafe { self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, range.start, range.len()) };
    }

    /// Whether a page that the file no longer had was touched.
    pub(super) fn was_cut(&self) -> bool {
        TABLE.get(self.slot).is_some_and(|slot| slot.cut.load(Ordering::Acquire))
    }
}

impl AsRef<[u8]> for Guarded {
    fn as_ref(&self) -> &[u8] {
        &self.map
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        if let Some(slot) = TABLE.get(self.slot) {
            slot.set(0, 0);
            slot.taken.store(false, Ordering::Release);
        }
    }
}

/// Asks the processor to fetch the beginning of `bytes`, as much as padding and a header have: from one small member of a
/// mapped file to the next, waiting for memory takes longer than everything else.
pub fn prefetch(bytes: &[u8]) {
    // A length known beforehand halves what the loop takes. What is nearer to the end of the file than that is left out.
    #[cfg(target_arch = "x86_64")]
    for line in bytes.first_chunk::<AHEAD_BYTES>().map(|ahead| ahead.as_chunks::<LINE_BYTES>().0).unwrap_or_default() {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a hint has no effect on what the program does, wherever the pointer leads; this one leads to a byte.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

/// Bytes fetched ahead.
#[cfg(target_arch = "x86_64")]
const AHEAD_BYTES: usize = 1024;

/// Bytes of a line of the cache.
#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = 64;

/// Installs the handler once for the process.
fn install() -> io::Result<()> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = *DONE.get_or_init(|| {
        // SAFETY: sysconf has no preconditions; both sigaction calls get valid, zeroed structures, and the handler only
        // does what a signal handler may: atomics and plain system calls.
        unsafe {
            if let Ok(page) = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)) {
                PAGE_BYTES.store(page, Ordering::Relaxed);
            }
            let mut action: libc::sigaction = std::mem::zeroed();
            let mut previous: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(libc::SIGBUS, std::ptr::null(), &raw mut previous) != 0 {
                return false;
            }
            let _ = PREVIOUS.set(previous);
            action.sa_sigaction = on_sigbus as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigemptyset(&raw mut action.sa_mask);
            libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) == 0
        }
    });
    if done { Ok(()) } else { Err(io::Error::other("cannot answer SIGBUS")) }
}

extern "C" fn on_sigbus(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
    // SAFETY: the kernel hands a valid siginfo to an SA_SIGINFO handler.
    let fault = unsafe { (*info).si_addr() } as usize;
    let page = PAGE_BYTES.load(Ordering::Relaxed);
    for slot in TABLE.iter().filter(|slot| slot.holds(fault)) {
        // SAFETY: the page lies inside a live map of ours (its slot is cleared before it is unmapped), so no memory of
        // anybody else is replaced; MAP_FIXED swaps the missing page for zeros in one step. errno, which belongs to the
        // code that was interrupted, changes only where this fails, and then the process ends.
        let placed = unsafe {
            libc::mmap(
                (fault - fault % page) as *mut libc::c_void,
                page,
                libc::PROT_READ,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                -1,
                0,
            )
        };
        if placed != libc::MAP_FAILED {
            slot.cut.store(true, Ordering::Release);
            return;
        }
    }
    // Not ours: whoever was there before answers, or the default does when the instruction faults again.
    if let Some(previous) = PREVIOUS.get() {
        if previous.sa_sigaction != libc::SIG_DFL
            && previous.sa_sigaction != libc::SIG_IGN
            && previous.sa_flags & libc::SA_SIGINFO != 0
        {
            // SAFETY: with SA_SIGINFO the system's own record says that this is a handler of three arguments.
            let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) =
                unsafe { std::mem::transmute(previous.sa_sigaction) };
            return handler(signal, info, context);
        }
        // SAFETY: the structure was filled by sigaction itself.
        unsafe { libc::sigaction(signal, previous, std::ptr::null_mut()) };
    }
}
