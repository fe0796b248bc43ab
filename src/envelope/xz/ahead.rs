//! The data of blocks behind the one being read, decoded at the same time by threads of their own.
//!
//! ```text
//! block 1 │ block 2 │ block 3 │ block 4      read in place: 1 and 4, on three threads
//!    in place   └─ thread ──┐     in place
//!                  └─ thread ┴─► pieces, as they would have come in place, when it is their turn
//! ```
//! `xz -T` writes the sizes of each block into its header, so it is known where the next one begins and how full the buffer
//! will be by then. A thread takes the very steps that would be taken in place, with the same windows and the same room, and
//! notes what each took and gave. Nothing is consumed and nothing is said before the block's turn has come.
//!
//! Promises: the same bytes, findings and proof as in place; what is held is bounded by [`AHEAD_BYTES`]; once a header has
//! given a wrong size, everything is decoded in place. Refuses to know: what stands between blocks.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::State;
use super::block::{Block, Moved, Next};
use super::check::{Check, Kind};
use super::header::BlockHeader;
use crate::envelope::codec::{Desk, WINDOW_BYTES, count};
use crate::source::{Buffer, CHUNK_BYTES};

/// Bytes of the blocks that are decoded ahead: dictionary, and compressed or decompressed data, whichever is more, as one is
/// let go while the other comes. Where the input is not in memory anyway, what lies before them counts, too. `xz -6` makes
/// blocks of 24 MiB with a dictionary of 8 MiB.
const AHEAD_BYTES: usize = 64 << 20;

/// Decompressed bytes of a block that is worth a thread: about a millisecond.
const LEAST_BYTES: usize = 64 << 10;

/// The blocks that are decoded ahead, in order.
pub(super) struct Ahead {
    threads: usize,
    running: VecDeque<Running>,
}

/// A block that a thread decodes. Once this is dropped, the thread ends.
pub(super) struct Running {
    /// Where its header begins.
    at: u64,
    /// Bytes in the buffer that its data goes into, when it begins.
    used: usize,
    pieces: Receiver<Piece>,
}

/// What came of one step.
struct Piece {
    taken: usize,
    given: Vec<u8>,
    /// The block, with the last step that was taken ahead.
    ended: Option<(Box<Block>, Next)>,
}

impl Ahead {
    pub(super) fn new(threads: usize) -> Self {
        Self { threads, running: VecDeque::new() }
    }

    /// The block that begins at `at`, where it is being decoded; `used` bytes stand in the buffer.
    pub(super) fn take(&mut self, at: u64, used: usize) -> Option<Running> {
        let running = self.running.pop_front()?;
        let is_met = running.at == at && running.used == used;
        if !is_met {
            self.stop();
        }
        is_met.then_some(running)
    }

    /// Decodes in place from here on: headers do not tell the truth, and looking ahead by them may cost more than it saves.
    pub(super) fn stop(&mut self) {
        self.running.clear();
        self.threads = 1;
    }

    /// Starts with the blocks behind `block`, whose data comes next and is decoded in place, with `used` bytes in the buffer.
    pub(super) fn start(
        &mut self,
        block: &Block,
        kind: Kind,
        used: usize,
        memory: u64,
        desk: &mut Desk,
    ) -> io::Result<()> {
        if self.threads < 2 {
            return Ok(());
        }
        let Some(extent) = block.header.extent(kind).filter(|extent| extent.given >= LEAST_BYTES) else {
            return Ok(());
        };
        let is_mapped = desk.is_mapped();
        let (mut begin, mut used, mut number) = (extent.bytes, filled(used, extent.given), block.number);
        let mut held: usize = 0;
        while self.running.len() < self.threads.saturating_sub(1) {
            let most = if is_mapped { usize::MAX } else { AHEAD_BYTES };
            let Some(header) = header_at(begin, most, desk)? else { break };
            let Some(extent) = header.extent(kind).filter(|extent| extent.given >= LEAST_BYTES) else { break };
            let data = begin.saturating_add(header.bytes);
            let end = data.saturating_add(extent.bytes);
            // Of a dictionary, no more is touched than there is content.
            let dictionary = usize::try_from(header.dictionary).unwrap_or(usize::MAX).min(extent.given);
            held = held.saturating_add(extent.stored.max(extent.given)).saturating_add(dictionary);
            let before = if is_mapped { 0 } else { end };
            if held.saturating_add(before) > AHEAD_BYTES || u64::from(header.dictionary) > memory {
                break;
            }
            let at = desk.position().saturating_add(count(begin));
            let data_at = at.saturating_add(count(header.bytes));
            // With one byte more: where the data ends the input does not.
            let lent = desk.peek(end.saturating_add(1))?;
            let behind = data.saturating_add(extent.stored).saturating_add(1);
            let Some(data) = lent.get(data..behind).filter(|_| lent.len() > end) else { break };
            number = number.saturating_add(1);
            let Some(block) = Block::new(header, number, at, Check::new(kind)) else { break };
            let Ok(pieces) = run(block, windows(data, data_at), used, extent.given) else { break };
            self.running.push_back(Running { at, used, pieces });
            (begin, used) = (end, filled(used, extent.given));
        }
        Ok(())
    }
}

impl Running {
    /// The next piece into `output`, as [`Block::data`] gives it.
    pub(super) fn data(self, desk: &mut Desk, output: &mut Buffer) -> io::Result<State> {
        let gone = || io::Error::other("a decoding thread ended unexpectedly");
        let Piece { taken, given, ended } = self.pieces.recv().map_err(|_| gone())?;
        desk.skip(taken)?;
        output.free().get_mut(..given.len()).ok_or_else(gone)?.copy_from_slice(&given);
        output.advance(given.len());
        match ended {
            None => Ok(State::Ahead(self)),
            Some((block, next)) => block.then(next, desk),
        }
    }
}

/// Bytes in the buffer after so many more: a full one is handed on.
fn filled(used: usize, given: usize) -> usize {
    used.saturating_add(given).checked_rem(CHUNK_BYTES).unwrap_or(0)
}

/// The header of the block that begins `ahead` bytes from here, within `most`; `None` where there is none.
fn header_at(ahead: usize, most: usize, desk: &mut Desk) -> io::Result<Option<BlockHeader>> {
    let Some(behind) = ahead.checked_add(1).filter(|behind| *behind < most) else { return Ok(None) };
    let Some(size @ 1..) = desk.peek(behind)?.get(ahead).copied() else { return Ok(None) };
    let end = ahead.saturating_add(usize::from(size).saturating_add(1).saturating_mul(4));
    let header = desk.peek(end)?.get(ahead..end);
    Ok(header.and_then(|header| BlockHeader::parse(header).ok()))
}

/// The data of a block that begins at `at`, in the windows a decoder is lent.
fn windows(data: &[u8], at: u64) -> VecDeque<Vec<u8>> {
    let into = usize::try_from(at.checked_rem(count(WINDOW_BYTES)).unwrap_or(0)).unwrap_or(0);
    let (first, rest) = data.split_at_checked(WINDOW_BYTES.saturating_sub(into)).unwrap_or((data, &[]));
    std::iter::once(first).chain(rest.chunks(WINDOW_BYTES)).map(<[u8]>::to_vec).collect()
}

/// Decodes `block` on a thread of its own, from `windows` into buffers of which the first has `used` bytes in it, up to
/// `most` bytes.
fn run(block: Block, windows: VecDeque<Vec<u8>>, used: usize, most: usize) -> io::Result<Receiver<Piece>> {
    let (sender, receiver) = channel();
    let thread = std::thread::Builder::new().name("xz-ahead".to_owned());
    thread.spawn(move || decode(block, windows, used, most, &sender))?;
    Ok(receiver)
}

fn decode(block: Block, mut windows: VecDeque<Vec<u8>>, used: usize, most: usize, sender: &Sender<Piece>) {
    let mut block = Box::new(block);
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut room = CHUNK_BYTES.saturating_sub(used);
    let (mut passed, mut total): (usize, usize) = (0, 0);
    loop {
        if windows.front().is_some_and(|window| passed >= window.len()) {
            windows.pop_front();
            passed = 0;
        }
        let window = windows.front().and_then(|window| window.get(passed..)).unwrap_or_default();
        let output = buffer.get_mut(..room).unwrap_or_default();
        let Moved { taken, given, next } = block.step(window, output);
        let given = output.get(..given).unwrap_or_default().to_vec();
        passed = passed.saturating_add(taken);
        room = room.saturating_sub(given.len());
        if room == 0 {
            room = CHUNK_BYTES;
        }
        total = total.saturating_add(given.len());
        // More than the header says is not held: the block goes on in place.
        if next != Next::More || total > most {
            // Nobody may be there any more.
            let _ = sender.send(Piece { taken, given, ended: Some((block, next)) });
            return;
        }
        if sender.send(Piece { taken, given, ended: None }).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of zeros in chunks that are not compressed, and what follows; its header says what it gives.
    fn block(given: usize, said: u64) -> (Block, Vec<u8>) {
        let mut data = Vec::new();
        for chunk in vec![0; given].chunks(1 << 16) {
            data.push(1);
            data.extend_from_slice(&u16::try_from(chunk.len().saturating_sub(1)).expect("a chunk").to_be_bytes());
            data.extend_from_slice(chunk);
        }
        data.push(0);
        let stored = u64::try_from(data.len()).expect("a length");
        data.push(0xEE);
        let (stored, given) = (Some(stored), Some(said));
        let header = BlockHeader { bytes: 12, stored, given, filters: Vec::new(), dictionary: 1 << 16 };
        (Block::new(header, 1, 0, Check::new(Kind::Crc32)).expect("a block"), data)
    }

    #[test]
    fn no_more_is_held_than_a_header_says() {
        for (given, said) in [(900_000, 900_000), (900_000, 300_000), (5_000_000, 65_536)] {
            let (decoded, data) = block(given, u64::try_from(said).expect("a length"));
            let (sender, receiver) = channel();
            decode(decoded, windows(&data, 24), 1_000, said, &sender);
            drop(sender);
            let pieces: Vec<Piece> = receiver.into_iter().collect();
            let held: usize = pieces.iter().map(|piece| piece.given.len()).sum();
            assert!(held >= said && held <= said + CHUNK_BYTES, "{held} bytes held of {said}");
            let ended = pieces.last().and_then(|piece| piece.ended.as_ref()).map(|(_, next)| *next);
            assert_eq!(ended, Some(if given == said { Next::Over } else { Next::More }));
        }
    }

    #[test]
    fn windows_end_where_those_of_the_input_do() {
        let data: Vec<u8> = (0..200_000_u32).map(|at| at.to_le_bytes()[1]).collect();
        for (at, first) in [(0, WINDOW_BYTES), (1, WINDOW_BYTES - 1), (65_535, 1), (70_000, 61_072)] {
            let windows = windows(&data, at);
            assert_eq!(windows.front().map(Vec::len), Some(first), "{at}");
            assert!(windows.iter().rev().skip(1).rev().skip(1).all(|window| window.len() == WINDOW_BYTES), "{at}");
            assert_eq!(Vec::from(windows).concat(), data, "{at}");
        }
    }
}
