//! Lane: the state behind the two locks of a writer.
//!
//! [`Hot`] is what storing a point touches; its latch is held for some instructions. [`Cold`] is everything else: chunks,
//! names, the ledger. The order is cold, then hot. Whoever holds the cold lock may take the cursor out of the hot state for
//! a while; storing then fails for lack of room and comes to the cold lock, which is where it may wait. Nobody lets go of the
//! cold lock with the cursor in hand.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::journal::chunk::Chunk;
use crate::journal::map::{Cursor, Map};
use crate::types::{Point, Seq, SeriesId};
use crate::writer::ledger::Ledger;
use crate::writer::names::Names;

/// What storing one point touches.
#[derive(Debug)]
pub(super) struct Hot {
    /// Where the next point goes.
    pub cursor: Cursor,
    /// Sequence number of the current chunk's first point.
    pub first_seq: Seq,
    /// One bit a series: whether the current chunk defines it.
    defined: Vec<u64>,
}

impl Hot {
    /// Nothing to store into yet; the next point is number `first_seq`.
    pub(super) fn at(first_seq: Seq) -> Self {
        Self {
            cursor: Cursor::detached(),
            first_seq,
            defined: Vec::new(),
        }
    }

    /// Stores a point where that needs nothing but storing.
    #[inline]
    pub(super) fn push(&mut self, series: SeriesId, point: Point) -> Option<Seq> {
        if !self.is_defined(series) {
            return None;
        }
        let place = self.cursor.push(series.0, point)?;
        Some(self.first_seq + place)
    }

    /// Whether the current chunk says what the series is.
    #[inline]
    pub(super) fn is_defined(&self, series: SeriesId) -> bool {
        let word = self.defined.get((series.0 >> 6) as usize).copied().unwrap_or(0);
        word >> (series.0 & 63) & 1 != 0
    }

    /// Notes that the current chunk says what the series is.
    pub(super) fn set_defined(&mut self, series: SeriesId) {
        let word = (series.0 >> 6) as usize;
        if word >= self.defined.len() {
            self.defined.resize(word + 1, 0);
        }
        self.defined[word] |= 1 << (series.0 & 63);
    }

    /// Forgets the definitions, for a new chunk.
    pub(super) fn forget_definitions(&mut self) {
        self.defined.fill(0);
    }

    /// Number of the next point. Wrong while the cursor is out, which nobody sees without the cold lock.
    pub(super) fn next_seq(&self) -> Seq {
        self.first_seq + self.cursor.count()
    }
}

/// Everything of a writer that changes and is not [`Hot`].
#[derive(Debug)]
pub(super) struct Cold {
    /// The chunk that takes points; `None` once closed.
    pub current: Option<Current>,
    /// The chunk after it, when it is ready.
    pub prepared: Option<Prepared>,
    /// Size of the chunk that the preparer is asked for.
    pub wanted_bytes: Option<u64>,
    /// Bytes a second that single points brought to the chunk before the current one.
    pub last_pace: f64,
    /// Why the preparer could not make one.
    pub refused: Option<String>,
    /// Chunk files that nobody needs.
    pub discarded: Vec<PathBuf>,
    /// Number of the next chunk file.
    pub next_number: u64,
    /// Chunks before the current one that are still on disk, oldest first.
    pub past: VecDeque<Past>,
    /// A call has waited for room in vain since there was room last: others do not wait.
    pub starved: bool,
    /// Series.
    pub names: Names,
    /// Points for which there was no room.
    pub ledger: Ledger,
    /// Largest outbox id given, and largest that is done.
    pub outbox: (u64, u64),
    /// Every point below it is in a committed segment.
    pub sealed: Seq,
    /// Number of the next point when the writer was closed.
    pub closed_at: Option<Seq>,
    /// Chunks given up after a failed sync.
    pub poisoned: u64,
    /// Latest failure of a background thread.
    pub last_error: Option<String>,
    /// Block images on their way to `pwrite`.
    pub image: Vec<u8>,
}

/// The chunk that takes points.
#[derive(Debug)]
pub(super) struct Current {
    pub chunk: Arc<Chunk>,
    pub map: Arc<Map>,
    pub book: Book,
    /// Blocks that the cursor may use.
    pub granted: u64,
    /// When it became current.
    pub since: Instant,
    /// Points that went past the mapping.
    pub written_past_map: u64,
}

/// A chunk with no points yet.
#[derive(Debug)]
pub(super) struct Prepared {
    pub chunk: Arc<Chunk>,
    pub map: Arc<Map>,
}

/// A chunk that gets no more points.
#[derive(Debug)]
pub(super) struct Past {
    pub path: PathBuf,
    pub number: u64,
    pub points: u64,
    pub book: Book,
    /// There until the preparer has unmapped it.
    pub map: Option<Arc<Map>>,
    /// There until all of it is on the disk.
    pub unsynced: Option<Arc<Chunk>>,
    /// It gets the record of a clean close.
    pub closing: bool,
}

/// How far a begun chunk has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Book {
    /// Sequence number of its first point.
    pub first_seq: Seq,
    /// Bytes of its side log.
    pub side: u64,
    /// Bytes of its side log that are on the disk.
    pub side_synced: u64,
    /// Points covered by frames.
    pub framed: u64,
    /// Points that are on the disk.
    pub durable: u64,
    /// Largest outbox id in it, 0 for none.
    pub outbox: u64,
    /// A sync of it failed: what is not durable is to be copied elsewhere.
    pub poisoned: bool,
}

impl Cold {
    /// Nothing on disk yet.
    pub(super) fn new() -> Self {
        Self {
            current: None,
            prepared: None,
            wanted_bytes: None,
            last_pace: 0.0,
            refused: None,
            discarded: Vec::new(),
            next_number: 0,
            past: VecDeque::new(),
            starved: false,
            names: Names::default(),
            ledger: Ledger::default(),
            outbox: (0, 0),
            sealed: 0,
            closed_at: None,
            poisoned: 0,
            last_error: None,
            image: Vec::new(),
        }
    }

    /// Whether all side logs are on the disk, as far as they are written.
    pub(super) fn side_logs_are_synced(&self) -> bool {
        let current = self.current.as_ref().is_none_or(|c| c.book.side == c.book.side_synced);
        current && self.past.iter().all(|p| p.unsynced.is_none())
    }

    /// Every point below it is on the disk, in a journal or in a segment.
    pub(super) fn durable(&self) -> Seq {
        let first_open = self.past.iter().find(|p| p.unsynced.is_some()).map(|p| &p.book);
        let book = first_open.or(self.current.as_ref().map(|c| &c.book));
        let journal = match book {
            Some(book) => book.first_seq + book.durable,
            None => self.closed_at.unwrap_or(0),
        };
        journal.max(self.sealed)
    }
}
