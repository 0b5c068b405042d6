//! Room for points and records in the current chunk, and the roll to the next one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::platform::MutexGuard;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk::side_pieces;
use crate::journal::entry::Entry;
use crate::journal::layout::{BLOCK_BYTES, Header, NO_ROOM_AT, SIDE_COMMITTED_AT, blocks_of};
use crate::journal::map::Cursor;
use crate::journal::record::Record;
use crate::types::{DropReason, Seq, SeriesId};
use crate::writer::Writer;
use crate::writer::lane::{Book, Cold, Current, Past, Prepared};

/// Blocks that only frames and other last records may use.
const RESERVED_BLOCKS: u64 = 1;
/// Bytes that every record leaves for the chunk's last frame and its close, which are written without asking for room.
const LAST_RECORDS_BYTES: u64 = 128;
/// A chunk that is full sooner has its successor prepared at once, and its pages with it.
const FAST: Duration = Duration::from_secs(2);

/// Longest wait for a chunk that is being made, where nothing says that it will not be. Making one takes 0.1 to 2 ms; on a
/// machine with other things to do it can take some of its time slices.
const LATE: Duration = Duration::from_secs(1);

/// How long one call may wait, over all of its waits.
pub(super) struct Patience {
    at_a_limit: Duration,
    began: Option<Instant>,
}

impl Patience {
    /// As the configuration says; the clock starts at the first wait.
    pub(super) fn new(config: &Config) -> Self {
        Self::of(config.max_block)
    }

    /// With a bound of its own.
    pub(super) fn of(at_a_limit: Duration) -> Self {
        Self {
            at_a_limit,
            began: None,
        }
    }

    fn until(&mut self, reason: DropReason) -> Instant {
        let began = *self.began.get_or_insert_with(Instant::now);
        let bound = match reason {
            DropReason::Late => self.at_a_limit.max(LATE),
            _ => self.at_a_limit,
        };
        began.checked_add(bound).unwrap_or_else(|| after(bound))
    }
}

/// The moment when `wait` is over; for a wait that no clock can express, a moment that nobody lives to see.
pub(super) fn after(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait)
        .unwrap_or(now + Duration::from_secs(100 * 365 * 86_400))
}

/// What a record may use of the chunk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// What points could use as well.
    Ordinary,
    /// The reserve too, except for what [`LAST_RECORDS_BYTES`] says.
    Reserve,
}

impl Writer {
    /// Takes the cursor out of the hot state.
    pub(super) fn take_cursor(&self) -> Cursor {
        std::mem::replace(&mut self.hot.lock().cursor, Cursor::detached())
    }

    /// Puts a cursor into the hot state.
    pub(super) fn put_cursor(&self, cursor: Cursor) {
        self.hot.lock().cursor = cursor;
    }

    /// Number of the next point.
    pub(super) fn next_seq(&self, cold: &Cold) -> Seq {
        cold.closed_at.unwrap_or_else(|| self.hot.lock().next_seq())
    }

    /// Journal bytes of points that no committed segment holds.
    pub(super) fn unsealed_bytes(&self, cold: &Cold) -> u64 {
        blocks_of(self.next_seq(cold).saturating_sub(cold.sealed)) * BLOCK_BYTES as u64
    }

    /// The same, and what has come of records since the last trim: as much as the next one can let go of.
    pub(super) fn bytes_to_let_go(&self, cold: &Cold) -> u64 {
        self.unsealed_bytes(cold).saturating_add(cold.records_bytes)
    }

    /// Makes sure that the current chunk says what the series is; false where it has no room for that.
    pub(super) fn define(&self, cold: &mut Cold, series: SeriesId) -> Result<bool> {
        self.define_with(cold, series, Use::Ordinary)
    }

    /// The same, with what the definition may use of the chunk.
    pub(super) fn define_with(&self, cold: &mut Cold, series: SeriesId, purpose: Use) -> Result<bool> {
        let name = cold.names.get(series)?;
        if self.hot.lock().is_defined(series) {
            return Ok(true);
        }
        let record = Record::Series(series.0, name.clone()).encode();
        let written = self.append_side(cold, &record, purpose);
        if written {
            self.hot.lock().set_defined(series);
        }
        Ok(written)
    }

    /// Appends a record to the current chunk's side log; false where it has no room.
    pub(super) fn append_side(&self, cold: &mut Cold, record: &[u8], purpose: Use) -> bool {
        let Some(current) = &mut cold.current else { return false };
        let end = current.book.side + record.len() as u64;
        if !self.reserve_side(current, end, purpose) {
            return false;
        }
        let mut pieces = side_pieces(current.chunk.bytes(), current.book.side, record);
        let written = pieces.try_for_each(|(offset, piece)| current.map.write(offset, piece));
        failpoint!(RecordWritten);
        if let Err(e) = written.and_then(|()| current.map.publish(SIDE_COMMITTED_AT, end)) {
            self.note_refusal(cold, &e);
            return false;
        }
        current.book.side = end;
        cold.records_bytes += record.len() as u64;
        failpoint!(RecordPublished);
        let used = current.granted - self.hot.lock().cursor.blocks_left() + side_blocks(end);
        if used >= current.chunk.blocks() * 3 / 4 {
            // A slow run fills a chunk with frames, and may never need the second half of its blocks for points.
            self.ask_for_chunk(cold, 0);
        }
        true
    }

    /// Takes the blocks that a side log of `end` bytes needs away from the points.
    fn reserve_side(&self, current: &mut Current, end: u64, purpose: Use) -> bool {
        let side = side_blocks(end);
        let blocks = current.chunk.blocks();
        let mut hot = self.hot.lock();
        let used = current.granted - hot.cursor.blocks_left();
        let needed = match purpose {
            Use::Ordinary => used + side + RESERVED_BLOCKS,
            Use::Reserve => used + side_blocks(end + LAST_RECORDS_BYTES),
        };
        if needed > blocks {
            return false;
        }
        let grantable = blocks.saturating_sub(side + RESERVED_BLOCKS).max(used);
        if current.granted > grantable {
            hot.cursor.revoke(current.granted - grantable);
            current.granted = grantable;
        }
        true
    }

    /// Gives the cursor more blocks of the current chunk; false where there are none.
    ///
    /// The first half comes without a successor, whose making starts here.
    pub(super) fn grant(&self, cold: &mut Cold) -> bool {
        let Some(current) = &mut cold.current else { return false };
        let blocks = current.chunk.blocks();
        let grantable = blocks.saturating_sub(side_blocks(current.book.side) + RESERVED_BLOCKS);
        if current.granted >= grantable {
            return false;
        }
        let half = blocks / 2;
        let first = current.granted < half.min(grantable);
        current.granted = if first { half.min(grantable) } else { grantable };
        let mut hot = self.hot.lock();
        let count = hot.cursor.count();
        hot.cursor = Cursor::new(Arc::clone(&current.map), count, current.granted);
        drop(hot);
        if !first {
            self.ask_for_chunk(cold, 0);
        }
        true
    }

    /// Asks for the next chunk, of at least `least_bytes`, unless there is one.
    pub(super) fn ask_for_chunk(&self, cold: &mut Cold, least_bytes: u64) {
        if cold.prepared.as_ref().is_some_and(|p| p.chunk.bytes() >= least_bytes) {
            return;
        }
        let len = cold.current.as_ref().map_or(0, |c| c.chunk.bytes());
        let doubled = (2 * len).min(self.inner.config.max_chunk_bytes);
        let wanted = doubled.max(least_bytes).next_multiple_of(BLOCK_BYTES as u64);
        if cold.wanted_bytes.is_some_and(|already| already >= wanted) {
            return;
        }
        cold.least_bytes = least_bytes.max(self.inner.config.min_chunk_bytes);
        cold.wanted_bytes = Some(wanted);
        self.inner.signals.ask_to_prepare();
    }

    /// Makes the next chunk the current one; false, and a chunk asked for, if none is ready.
    pub(super) fn try_roll(&self, cold: &mut Cold, least_bytes: u64) -> bool {
        match cold.prepared.take() {
            Some(prepared) if prepared.chunk.bytes() >= least_bytes => {
                return self.switch(cold, prepared);
            }
            Some(small) => cold.discarded.push(small.chunk.path().to_owned()),
            None => {}
        }
        self.ask_for_chunk(cold, least_bytes);
        false
    }

    /// Waits for a roll, by this or another thread, within the call's patience. `Some` says why there is no room.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub(super) fn wait_for_room(
        &self,
        cold: &mut MutexGuard<'_, Cold>,
        patience: &mut Patience,
        least_bytes: u64,
    ) -> Result<Option<DropReason>> {
        if cold.closed_at.is_some() {
            return Err(Error::Closed);
        }
        if !self.is_over_the_cap(cold) && self.try_roll(cold, least_bytes) {
            return Ok(None);
        }
        let reason = self.why_no_room(cold);
        if cold.starved {
            return Ok(Some(reason));
        }
        let until = patience.until(reason);
        if until <= Instant::now() || self.inner.room.wait_until(cold, until) {
            cold.starved = true;
            return Ok(Some(self.why_no_room(cold)));
        }
        Ok(None)
    }

    pub(super) fn is_over_the_cap(&self, cold: &Cold) -> bool {
        self.unsealed_bytes(cold) >= self.inner.config.max_unsealed_bytes
    }

    fn why_no_room(&self, cold: &Cold) -> DropReason {
        if self.is_over_the_cap(cold) {
            DropReason::Backlog
        } else if cold.refused.is_some() {
            DropReason::NoSpace
        } else {
            DropReason::Late
        }
    }

    /// Starts a chunk and retires the one before. False where the system refuses to write the header of a chunk that is
    /// written: it stays prepared, and nothing has changed.
    pub(super) fn switch(&self, cold: &mut Cold, prepared: Prepared) -> bool {
        let cursor = self.take_cursor();
        let first_seq = self.hot.lock().first_seq + cursor.count();
        let header = Header {
            counted_in_blocks: prepared.map.is_written(),
            ..prepared.chunk.header(&self.inner.identity, first_seq)
        };
        let begun = prepared.map.publish(NO_ROOM_AT, cold.ledger.unrecorded());
        if let Err(e) = begun.and_then(|()| prepared.map.begin(&header.encode())) {
            self.put_cursor(cursor);
            cold.last_error = Some(format!("cannot write '{}': {e}", prepared.chunk.path().display()));
            cold.prepared = Some(prepared);
            return false;
        }
        failpoint!(ChunkBegun);
        cold.ledger.begin_chunk();
        let Prepared { chunk, map } = prepared;
        let fast = cold.current.as_ref().is_some_and(|c| c.since.elapsed() < FAST);
        cold.last_pace = cold.current.as_ref().map_or(0.0, |c| self.pace(c, cursor.count()));
        self.retire_at(cold, cursor.count());
        failpoint!(ChunkRetired);
        let book = Book {
            first_seq,
            ..Book::default()
        };
        self.hot.lock().cursor = Cursor::new(Arc::clone(&map), 0, 0);
        let since = Instant::now();
        cold.current = Some(Current {
            chunk,
            map,
            book,
            granted: 0,
            since,
            written_past_map: 0,
        });
        cold.starved = false;
        self.write_ledger(cold, Use::Ordinary);
        if fast {
            self.ask_for_chunk(cold, 0);
        }
        self.inner.room.notify_all();
        self.inner.grown.notify_all();
        true
    }

    /// Ends the current chunk: it gets no more points.
    pub(super) fn retire(&self, cold: &mut Cold) {
        let cursor = self.take_cursor();
        self.retire_at(cold, cursor.count());
    }

    /// As [`Writer::retire`], with the cursor taken out, which counted `points`.
    fn retire_at(&self, cold: &mut Cold, points: u64) {
        let Some(current) = cold.current.take() else { return };
        let mut hot = self.hot.lock();
        hot.first_seq += points;
        hot.forget_definitions();
        drop(hot);
        cold.past.push_back(Past {
            path: current.chunk.path().to_owned(),
            number: current.chunk.number(),
            points,
            book: current.book,
            map: Some(current.map),
            unsynced: Some(current.chunk),
            closing: false,
        });
        self.inner.signals.ask_to_prepare();
    }

    /// Writes what the ledger holds and the journal does not, as far as there is room; false where something is left.
    pub(super) fn write_ledger(&self, cold: &mut Cold, purpose: Use) -> bool {
        let unwritten = cold.ledger.unwritten();
        unwritten
            .into_iter()
            .all(|series| self.write_account(cold, series, purpose))
    }

    /// Writes the tally of one series, if the journal does not have it.
    pub(super) fn write_account(&self, cold: &mut Cold, series: u32, purpose: Use) -> bool {
        if !cold.ledger.is_unwritten(series) {
            return true;
        }
        let defined = self.define_with(cold, SeriesId(series), purpose).unwrap_or(false) || purpose == Use::Reserve;
        let entry = Entry {
            series,
            at: self.next_seq(cold),
            recorded: cold.ledger.recorded_with(series),
            tally: cold.ledger.tally(series),
            pending: None,
        };
        let written = defined && self.append_side(cold, &Record::Ledger(Box::new(entry)).encode(), purpose);
        if written {
            cold.ledger.note_recorded(series);
        }
        written
    }
}

/// Blocks of a side log of `bytes`.
pub(super) fn side_blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK_BYTES as u64)
}
