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

use crate::clock::now_ms;
use crate::journal::chunk::Chunk;
use crate::journal::map::{Cursor, Map};
use crate::throttle::Verdict;
use crate::types::{Outcome, Point, Seq, SeriesId};
use crate::writer::gate::{Gate, Gates};
use crate::writer::gates::{Rules, Slots};
use crate::writer::ledger::Ledger;
use crate::writer::names::Names;

/// What storing one point touches.
#[derive(Debug)]
pub(super) struct Hot {
    /// Where the next point goes.
    pub cursor: Cursor,
    /// Sequence number of the current chunk's first point.
    pub first_seq: Seq,
    /// One bit a series: whether the current chunk defines it. Of one with a gate, the gate knows, and the bit is 0.
    defined: Vec<u64>,
    /// What stands before series whose points are not all stored.
    pub gates: Gates,
}

impl Hot {
    /// Nothing to store into yet; the next point is number `first_seq`.
    pub(super) fn at(first_seq: Seq) -> Self {
        Self {
            cursor: Cursor::detached(),
            first_seq,
            defined: Vec::new(),
            gates: Gates::default(),
        }
    }

    /// Stores a point, or keeps it pending, where that needs nothing else.
    #[inline(always)]
    pub(super) fn push(&mut self, series: SeriesId, point: Point) -> Option<Outcome> {
        if !self.is_ungated(series) {
            return self.push_gated(series, point.step, point.timestamp_ms, point.value);
        }
        let place = self.cursor.push(series.0, point)?;
        Some(Outcome::Stored(self.first_seq + place))
    }

    /// The same for a point of now.
    #[inline(always)]
    pub(super) fn push_now(&mut self, series: SeriesId, step: i64, value: f64) -> Option<Outcome> {
        let point = |timestamp_ms| Point {
            step,
            timestamp_ms,
            value,
        };
        if !self.is_ungated(series) {
            return self.push_gated_now(series, step, value);
        }
        let place = self.cursor.push(series.0, point(now_ms()))?;
        Some(Outcome::Stored(self.first_seq + place))
    }

    /// As [`Hot::push_now`] for a series that has a gate. NOTE: whatever is inlined into these costs the other series registers
    /// to save: a fifth of a call.
    #[cold]
    #[inline(never)]
    fn push_gated_now(&mut self, series: SeriesId, step: i64, value: f64) -> Option<Outcome> {
        let gate = self.gates.get(series.0)?;
        if gate.holds(step) && !gate.busy {
            // Most of these are never stored: a cheaper clock will do.
            let timestamp_ms = gate.about_now_ms();
            gate.add(Point {
                step,
                timestamp_ms,
                value,
            });
            return Some(Outcome::Held);
        }
        self.push_gated(series, step, now_ms(), value)
    }

    /// As [`Hot::push`] for a series that has a gate.
    #[cold]
    #[inline(never)]
    fn push_gated(&mut self, series: SeriesId, step: i64, timestamp_ms: i64, value: f64) -> Option<Outcome> {
        let point = Point {
            step,
            timestamp_ms,
            value,
        };
        let gate = self.gates.get(series.0)?;
        if gate.holds(point.step) && !gate.busy {
            gate.add(point);
            return Some(Outcome::Held);
        }
        if gate.busy {
            return None;
        }
        match gate.judge(point.step) {
            Verdict::Hold => {
                gate.hold(point, false);
                Some(Outcome::Held)
            }
            Verdict::Store if gate.defined && !gate.has_window() => {
                let seq = self.first_seq + self.cursor.push(series.0, point)?;
                gate.stored(&point, seq);
                Some(Outcome::Stored(seq))
            }
            _ => None,
        }
    }

    /// Puts a gate before a series.
    pub(super) fn put_gate(&mut self, series: SeriesId, mut gate: Gate) {
        gate.defined = self.is_ungated(series);
        if gate.defined {
            self.defined[(series.0 >> 6) as usize] &= !(1 << (series.0 & 63));
        }
        self.gates.insert(series.0, gate);
    }

    /// Takes a gate away.
    pub(super) fn take_gate(&mut self, series: SeriesId) -> Option<Gate> {
        let gate = self.gates.remove(series.0)?;
        if gate.defined {
            self.set_defined(series);
        }
        Some(gate)
    }

    /// Whether the current chunk says what the series is.
    pub(super) fn is_defined(&mut self, series: SeriesId) -> bool {
        self.is_ungated(series) || self.gates.get(series.0).is_some_and(|gate| gate.defined)
    }

    /// Whether the current chunk says what the series is, and no gate is before it.
    #[inline]
    fn is_ungated(&self, series: SeriesId) -> bool {
        let word = self.defined.get((series.0 >> 6) as usize).copied().unwrap_or(0);
        word >> (series.0 & 63) & 1 != 0
    }

    /// Notes that the current chunk says what the series is.
    pub(super) fn set_defined(&mut self, series: SeriesId) {
        if let Some(gate) = self.gates.get(series.0) {
            gate.defined = true;
            return;
        }
        let word = (series.0 >> 6) as usize;
        if word >= self.defined.len() {
            self.defined.resize(word + 1, 0);
        }
        self.defined[word] |= 1 << (series.0 & 63);
    }

    /// Forgets the definitions, for a new chunk.
    pub(super) fn forget_definitions(&mut self) {
        self.defined.fill(0);
        self.gates.iter_mut().for_each(|(_, gate)| gate.forget_chunk());
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
    /// What it must have at least.
    pub least_bytes: u64,
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
    /// Points that are not stored, of series without a gate.
    pub ledger: Ledger,
    /// What is throttled.
    pub rules: Rules,
    /// Where gates keep what they hold.
    pub slots: Slots,
    /// Series with which the next pass begins to write records of gates.
    pub ledger_turn: u32,
    /// Number of a chunk that has records of all gates on the disk, so that those in chunks before it are not needed.
    pub accounted: u64,
    /// Largest outbox id given, and largest that is done.
    pub outbox: (u64, u64),
    /// Every point below it is in a committed segment.
    pub sealed: Seq,
    /// Bytes of records since the last trim: frames and ledger entries come at every sync, also where no point is stored.
    pub records_bytes: u64,
    /// Number of the next point when the writer was closed.
    pub closed_at: Option<Seq>,
    /// Chunks given up after a failed sync.
    pub poisoned: u64,
    /// What the latest sync that failed met.
    pub sync_failure: Option<String>,
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
            least_bytes: 0,
            last_pace: 0.0,
            refused: None,
            discarded: Vec::new(),
            next_number: 0,
            past: VecDeque::new(),
            starved: false,
            names: Names::default(),
            ledger: Ledger::default(),
            rules: Rules::default(),
            slots: Slots::default(),
            ledger_turn: 0,
            accounted: 0,
            outbox: (0, 0),
            sealed: 0,
            records_bytes: 0,
            closed_at: None,
            poisoned: 0,
            sync_failure: None,
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
