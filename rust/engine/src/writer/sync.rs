//! Syncer: frames what is new and brings it to the disk.
//!
//! A pass takes the retired chunks first, oldest first, then the current one. The checksum is made over `pread`, which keeps
//! the mapping's pages out of this process's resident memory, and without a lock.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::platform::{Condvar, Mutex};

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk::Chunk;
use crate::journal::chunk_file;
use crate::journal::entry::Entry;
use crate::journal::layout::blocks_of;
use crate::journal::record::{Frame, Record};
use crate::journal::slots::Commit;
use crate::types::Seq;
use crate::writer::Writer;
use crate::writer::gates::MOST_RECORDS;
use crate::writer::lane::{Book, Cold, Past};
use crate::writer::room::{Patience, Use, after, side_blocks};

/// A middle smaller than this is not given back when a chunk retires.
const CUT_BLOCKS: u64 = 16;
/// A pass that finds the current chunk retired under its hands looks again this often; the rest is for the next pass. So often
/// do chunks double until the largest, where each is too small for the records of all gates.
const ROUNDS: usize = 12;
/// How often a pass that somebody waits for takes news of gates at most: of 32,000 gates all.
const MOST_TURNS: usize = 32;

/// What passes have achieved, for those who wait for it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    state: Mutex<Passes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Passes {
    begun: u64,
    /// The latest pass that has ended, as the count at its beginning.
    ended: u64,
    failure: Option<String>,
    /// Somebody waits for the next one.
    awaited: bool,
}

/// The current chunk at one moment.
struct Moment {
    chunk: Arc<Chunk>,
    points: u64,
    book: Book,
    /// What gates have counted at that moment and no record has.
    news: Vec<(Entry, Commit)>,
}

impl Moment {
    fn has_nothing_new(&self) -> bool {
        let Self { points, book, news, .. } = self;
        *points == book.framed && book.side == book.side_synced && book.durable == *points && news.is_empty()
    }
}

/// What the current chunk has of what gates have counted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recorded {
    /// A record of every gate.
    All,
    /// Not of all: they take turns.
    Some,
    /// There is no room for one, and no other chunk can be made.
    NoRoom,
}

impl Writer {
    /// Waits until every point committed before the call is on the disk, and the side log with it.
    ///
    /// # Errors
    /// [`Error::NotDurable`] after a sync that failed or when the time is over, [`Error::Forked`], [`Error::Closed`].
    pub fn flush(&self, timeout: Option<Duration>) -> Result<Seq> {
        self.in_this_process()?;
        let until = timeout.map(after);
        let wanted = {
            let cold = self.inner.cold.lock();
            let wanted = self.next_seq(&cold);
            if cold.durable() >= wanted && cold.side_logs_are_synced() && !self.has_news() {
                return Ok(wanted);
            }
            if cold.closed_at.is_some() {
                return Err(Error::Closed);
            }
            wanted
        };
        let failure = self.await_pass(until);
        let durable = self.inner.cold.lock().durable();
        if durable >= wanted && failure.is_none() {
            return Ok(durable);
        }
        Err(Error::NotDurable {
            wanted,
            durable,
            last_error: failure.flatten(),
        })
    }

    /// Waits for a pass that begins after this call. `Some` with its failure, or with `None` when the time was over.
    fn await_pass(&self, until: Option<Instant>) -> Option<Option<String>> {
        let Progress { state, changed } = &self.inner.progress;
        let mut passes = state.lock();
        let asked_after = passes.begun;
        passes.awaited = true;
        self.inner.signals.ask_to_sync();
        while passes.ended <= asked_after {
            match until {
                None => changed.wait(&mut passes),
                Some(until) if changed.wait_until(&mut passes, until) => return Some(None),
                Some(_) => {}
            }
        }
        passes.failure.clone().map(Some)
    }

    /// One pass over everything that is not on the disk yet.
    pub(super) fn sync_pass(&self) {
        let turn = self.inner.turn.lock();
        let (begun, awaited) = {
            let mut passes = self.inner.progress.state.lock();
            passes.begun += 1;
            (passes.begun, std::mem::take(&mut passes.awaited))
        };
        self.release_overdue();
        let failure = self.sync_everything(awaited).err().map(|e| e.to_string());
        if let Some(failure) = &failure {
            self.inner.cold.lock().last_error = Some(failure.clone());
        }
        let mut passes = self.inner.progress.state.lock();
        (passes.ended, passes.failure) = (begun, failure);
        drop(passes);
        drop(turn);
        self.inner.progress.changed.notify_all();
        // A notification without the lock would get lost between a waiter's look and its sleep.
        let _cold = self.inner.cold.lock();
        self.inner.grown.notify_all();
    }

    /// Stores pending points that wait for nothing but room.
    fn release_overdue(&self) {
        let mut cold = self.inner.cold.lock();
        if cold.closed_at.is_none()
            && let Err(e) = self.release_due(&mut cold)
        {
            cold.last_error = Some(e.to_string());
        }
    }

    /// Syncs all chunks, going on behind one that fails.
    ///
    /// Oldest first, unless points are held back: who believes the last frame of a retired chunk must have the ledger that
    /// goes with it, which is in the next one. And who believes the next one must have the records of series that have ended
    /// since, which are in the retired one: these go first, without the frame. `awaited` asks for the ledger of all gates and
    /// not of some.
    pub(super) fn sync_everything(&self, awaited: bool) -> Result<()> {
        let mut outcome = Ok(());
        for _ in 0..ROUNDS {
            let mut pasts = self.unsynced_pasts();
            let ledger_first = self.inner.cold.lock().slots.file.is_some();
            if ledger_first {
                self.sync_records(&pasts);
                pasts.reverse();
            } else {
                outcome = self.sync_pasts(&pasts);
            }
            let current = self.sync_current(awaited);
            if ledger_first && !matches!(current, Ok(true)) {
                outcome = self.sync_pasts(&pasts);
            }
            match current {
                Ok(true) => {}
                // One that retired while this looked elsewhere.
                Ok(false) if self.unsynced_pasts().iter().any(|number| !pasts.contains(number)) => {}
                Ok(false) => break,
                Err(e) => return outcome.and(Err(e)),
            }
        }
        outcome
    }

    fn unsynced_pasts(&self) -> Vec<u64> {
        let cold = self.inner.cold.lock();
        let unsynced = cold.past.iter().filter(|past| past.unsynced.is_some());
        unsynced.map(|past| past.number).collect()
    }

    fn sync_pasts(&self, numbers: &[u64]) -> Result<()> {
        let mut outcome = Ok(());
        for number in numbers {
            outcome = outcome.and(self.sync_past(*number));
        }
        outcome
    }

    /// Syncs the records of retired chunks that have no last frame yet; one that fails is rescued later.
    fn sync_records(&self, numbers: &[u64]) {
        for number in numbers {
            let unsynced = self.past(*number, |past| {
                let is_behind = !past.book.poisoned && past.book.side > past.book.side_synced;
                let chunk = past.unsynced.clone().filter(|_| is_behind)?;
                Some((chunk, past.book, past.points))
            });
            if let Some((chunk, mut book, points)) = unsynced {
                self.sync_without_frame(&chunk, &mut book, points);
                self.past(*number, |past| {
                    past.book = book;
                    Some(())
                });
            }
        }
    }

    fn sync_without_frame(&self, chunk: &Chunk, book: &mut Book, points: u64) {
        // Made before the sync, and written if that fails: it says what the points were.
        let Ok(frame) = frame(chunk, book.framed, points) else {
            return; // the last sync says why
        };
        let Err(e) = chunk.sync(&*self.inner.disk) else {
            book.side_synced = book.side;
            return;
        };
        self.poison(chunk, &e);
        book.poisoned = true;
        if book.framed < points
            && let Ok(side) = chunk.append_side(book.side, &frame)
        {
            (book.side, book.framed) = (side, points);
        }
    }

    /// Syncs a retired chunk for the last time, or rescues it after a sync that failed.
    fn sync_past(&self, number: u64) -> Result<()> {
        let Some((chunk, mut book, points, closing)) = self.past(number, |past| {
            past.unsynced
                .clone()
                .map(|chunk| (chunk, past.book, past.points, past.closing))
        }) else {
            return Ok(());
        };
        if book.poisoned {
            return self.rescue(number);
        }
        match self.finish_chunk(&chunk, &mut book, points, closing) {
            Ok(()) => {
                self.past(number, |past| {
                    (past.book, past.unsynced) = (book, None);
                    Some(())
                });
                Ok(())
            }
            Err(e) => {
                self.poison(&chunk, &e);
                // With the frame that was written before the sync: it says what the points were.
                self.past(number, |past| {
                    past.book = Book { poisoned: true, ..book };
                    Some(())
                });
                self.rescue(number)
            }
        }
    }

    fn finish_chunk(&self, chunk: &Chunk, book: &mut Book, points: u64, closing: bool) -> io::Result<()> {
        if book.framed < points {
            let frame = frame(chunk, book.framed, points)?;
            book.side = chunk.append_side(book.side, &frame)?;
            book.framed = points;
            failpoint!(LastFrameWritten);
        }
        if closing {
            book.side = chunk.append_side(book.side, &Record::Closed(points).encode())?;
            failpoint!(CloseWritten);
        }
        let unused = chunk.blocks() - blocks_of(points) - side_blocks(book.side);
        if closing || unused >= CUT_BLOCKS {
            chunk.cut(&*self.inner.disk, blocks_of(points), side_blocks(book.side));
        }
        chunk.sync(&*self.inner.disk)?;
        (book.durable, book.side_synced) = (points, book.side);
        chunk.note_durable(points);
        Ok(())
    }

    /// Syncs the current chunk; true when it has retired meanwhile and the pass must go on.
    fn sync_current(&self, awaited: bool) -> Result<bool> {
        let mut turns = if awaited { self.turns() } else { 1 };
        let (moment, recorded) = loop {
            let Some(mut moment) = self.moment() else {
                return Ok(false);
            };
            if moment.book.poisoned {
                return self.retire_poisoned(moment.chunk.number());
            }
            if moment.has_nothing_new() {
                self.note_accounted(&moment.chunk, Recorded::All);
                return Ok(false);
            }
            let news = std::mem::take(&mut moment.news);
            turns = if news.len() < MOST_RECORDS { 0 } else { turns - 1 };
            // Before the frame: who believes the frame has the ledger that goes with it.
            let Some(recorded) = self.append_records(&moment.chunk, news)? else {
                return Ok(true);
            };
            if turns == 0 || recorded == Recorded::NoRoom {
                break (moment, recorded);
            }
        };
        let Moment {
            chunk, points, book, ..
        } = &moment;
        if *points > book.framed {
            let frame = frame(chunk, book.framed, *points).map_err(Error::io("read", chunk.path()))?;
            if !self.append_frame(chunk, *points, &frame)? {
                return Ok(true);
            }
        }
        failpoint!(FrameWritten);
        // What the side log holds by now is on the disk after this.
        let side = self.book(chunk.number(), |book| book.side).unwrap_or(book.side);
        if let Err(e) = chunk.sync(&*self.inner.disk) {
            self.poison(chunk, &e);
            self.book(chunk.number(), |book| book.poisoned = true);
            return self.retire_poisoned(chunk.number());
        }
        chunk.note_durable(*points);
        self.book(chunk.number(), |book| {
            (book.durable, book.side_synced) = (*points, side)
        });
        self.note_accounted(chunk, recorded);
        match recorded {
            Recorded::NoRoom => {
                let what = "points that are held back have no record on the disk";
                Err(no_room(&self.inner.cold.lock(), what))
            }
            _ => Ok(false),
        }
    }

    /// How often news has to be taken until each gate had its turn.
    fn turns(&self) -> usize {
        let gates = self.hot.lock().gates.len();
        gates.div_ceil(MOST_RECORDS).clamp(1, MOST_TURNS)
    }

    /// Notes that the chunk has, on the disk, records of all gates, if it does.
    fn note_accounted(&self, chunk: &Chunk, recorded: Recorded) {
        if recorded == Recorded::All {
            self.inner.cold.lock().accounted = chunk.number();
        }
    }

    fn moment(&self) -> Option<Moment> {
        let cold = self.inner.cold.lock();
        let current = cold.current.as_ref()?;
        let mut hot = self.hot.lock();
        let (points, at) = (hot.cursor.count(), hot.next_seq());
        Some(Moment {
            chunk: Arc::clone(&current.chunk),
            points,
            book: current.book,
            news: self.news(&mut hot, cold.ledger_turn, at),
        })
    }

    /// Appends the ledger's records to the current chunk; `None` when the chunk has retired, be it for lack of room for them.
    fn append_records(&self, chunk: &Chunk, news: Vec<(Entry, Commit)>) -> Result<Option<Recorded>> {
        let mut cold = self.inner.cold.lock();
        if cold.current.as_ref().is_none_or(|c| c.chunk.number() != chunk.number()) {
            return Ok(None);
        }
        // What was dropped has to wait for the next chunk: the room that is left is for the outbox.
        if self.append_news(&mut cold, news) {
            let all = self.hot.lock().gates.iter().all(|(_, gate)| gate.is_in_chunk());
            return Ok(Some(if all { Recorded::All } else { Recorded::Some }));
        }
        let rolled = self.try_roll(&mut cold, 0)
            || self
                .wait_for_room(&mut cold, &mut Patience::of(Duration::ZERO), 0)?
                .is_none();
        // Where no chunk can be made, points go to the disk without their ledger.
        Ok((!rolled).then_some(Recorded::NoRoom))
    }

    /// Appends a frame to the current chunk; false when the chunk has retired, be it for lack of room for the frame.
    fn append_frame(&self, chunk: &Chunk, points: u64, frame: &[u8]) -> Result<bool> {
        let mut cold = self.inner.cold.lock();
        if cold.current.as_ref().is_none_or(|c| c.chunk.number() != chunk.number()) {
            return Ok(false);
        }
        if self.append_side(&mut cold, frame, Use::Reserve) {
            if let Some(current) = &mut cold.current {
                current.book.framed = points;
            }
            return Ok(true);
        }
        if self.try_roll(&mut cold, 0) {
            return Ok(false);
        }
        Err(no_room(&cold, "the frame needs the next chunk"))
    }

    /// Makes the next chunk current, so that the poisoned one can be rescued.
    fn retire_poisoned(&self, number: u64) -> Result<bool> {
        let mut cold = self.inner.cold.lock();
        if cold.current.as_ref().is_none_or(|c| c.chunk.number() != number) {
            return Ok(true);
        }
        if cold.past.iter().any(|p| p.book.poisoned && p.unsynced.is_some()) {
            // The disk refuses everything; one chunk to copy is enough until it recovers.
            return Err(not_rescued(&cold, "an earlier chunk waits for the same".to_owned()));
        }
        if self.try_roll(&mut cold, 0) {
            return Ok(true);
        }
        Err(not_rescued(&cold, not_ready(&cold)))
    }

    fn poison(&self, chunk: &Chunk, error: &io::Error) {
        chunk.note_poisoned();
        failpoint!(ChunkPoisoned);
        let mut cold = self.inner.cold.lock();
        cold.poisoned += 1;
        cold.last_error = Some(format!("cannot sync '{}': {error}", chunk.path().display()));
        cold.sync_failure = cold.last_error.clone();
    }

    /// Changes a retired chunk's entry, if it is still there.
    pub(super) fn past<T>(&self, number: u64, change: impl FnOnce(&mut Past) -> Option<T>) -> Option<T> {
        let mut cold = self.inner.cold.lock();
        cold.past.iter_mut().find(|p| p.number == number).and_then(change)
    }

    /// Changes a chunk's book, be it current or retired.
    fn book<T>(&self, number: u64, change: impl FnOnce(&mut Book) -> T) -> Option<T> {
        let mut cold = self.inner.cold.lock();
        let Cold { current, past, .. } = &mut *cold;
        let current = current
            .as_mut()
            .filter(|c| c.chunk.number() == number)
            .map(|c| &mut c.book);
        let book = current.or_else(|| past.iter_mut().find(|p| p.number == number).map(|p| &mut p.book));
        book.map(change)
    }
}

/// A frame over points `[from, to)` of a chunk.
pub(super) fn frame(chunk: &Chunk, from: u64, to: u64) -> io::Result<Vec<u8>> {
    let crc = chunk_file::crc(chunk.file(), from..to)?;
    Ok(Record::Frame(Frame {
        from,
        to,
        synced_ms: now_ms(),
        crc,
    })
    .encode())
}

fn no_room(cold: &Cold, what: &str) -> Error {
    let reason = format!("{what}; {}", not_ready(cold));
    Error::NoRoom { reason }
}

fn not_rescued(cold: &Cold, state: String) -> Error {
    Error::NotRescued {
        cause: cold.sync_failure.clone().unwrap_or_default(),
        state,
    }
}

/// Why there is no next chunk.
pub(super) fn not_ready(cold: &Cold) -> String {
    match &cold.refused {
        Some(refused) => format!("the next chunk cannot be made: {refused}"),
        None => "the next chunk is not ready".to_owned(),
    }
}
