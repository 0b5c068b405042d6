//! Writer: one process's stream of points into its journal.
//!
//! A call stores its points under a latch held for some instructions; whatever takes longer happens under the cold lock
//! or on one of two threads. The syncer brings to the disk what is new; the preparer makes chunks ahead and unmaps old ones.
//! Lock order: turn (one sync at a time) or making (one chunk at a time), then cold and hot, or progress; signals last.

mod column;
mod ending;
mod gate;
mod gated;
mod gates;
mod lane;
mod ledger;
mod names;
mod outbox;
mod prepare;
mod rescue;
mod resume;
mod room;
mod signals;
mod slow;
mod sync;
mod windows;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::platform::{Condvar, Mutex};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::journal::chunk::{Chunk, Identity};
use crate::journal::files::lock_path;
use crate::journal::layout::{BLOCK_BYTES, MIN_CHUNK_BYTES};
use crate::journal::map::Map;
use crate::ledger::Tally;
use crate::platform::{self, Disk, Keeping, Latch, LinuxDisk, LockFile, OfThisProcess};
use crate::types::{DropReason, Outcome, Point, Seq, SeriesId, Stats, Times, WriterId};
use column::{Batch, Which};
use lane::{Cold, Hot, Prepared};
use room::{Patience, after};
use signals::Signals;
use sync::Progress;

/// One process's stream of points; every method may be called from any thread.
///
/// A forked child must open a writer of its own: here, every call gives [`Error::Forked`] without touching a lock.
#[derive(Debug)]
pub struct Writer {
    hot: OfThisProcess<Latch<Hot>>,
    inner: OfThisProcess<Inner>,
}

/// What the hot path does not touch.
#[derive(Debug)]
struct Inner {
    identity: Identity,
    journals: PathBuf,
    config: Config,
    disk: Arc<dyn Disk>,
    signals: Arc<Signals>,
    /// Held during a sync, so that there is one at a time.
    turn: Mutex<()>,
    /// Held while a chunk is being made ahead.
    making: Mutex<()>,
    cold: Mutex<Cold>,
    /// Goes with `cold`: there may be room.
    room: Condvar,
    /// Goes with `cold`: there may be more unsealed bytes.
    grown: Condvar,
    progress: Progress,
    lock: Mutex<Option<LockFile>>,
}

impl Writer {
    /// Opens a new writer in an existing folder: takes its lock, makes its first chunk, starts its threads.
    ///
    /// # Errors
    /// [`Error::Io`], above all where the folder is missing, read-only or full.
    pub fn open(journals: &Path, store_id: u128, config: Config) -> Result<Arc<Self>> {
        Self::open_on(journals, store_id, config, Arc::new(LinuxDisk))
    }

    /// As [`Writer::open`], with a disk that can be made to fail.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open_on(journals: &Path, store_id: u128, config: Config, disk: Arc<dyn Disk>) -> Result<Arc<Self>> {
        platform::watch_forks();
        let identity = Identity {
            store_id,
            writer: WriterId::random()?,
            boot_id: platform::boot_id()?,
        };
        let lock = LockFile::create(&lock_path(journals, identity.writer))?;
        Self::start(journals, identity, lock, config, disk, Cold::new(), 0)
    }

    /// Begins a chunk with point `first_seq`, behind the chunks that `cold` knows, and starts the threads.
    fn start(
        journals: &Path,
        identity: Identity,
        lock: LockFile,
        config: Config,
        disk: Arc<dyn Disk>,
        cold: Cold,
        first_seq: Seq,
    ) -> Result<Arc<Self>> {
        let writer = Self {
            hot: OfThisProcess::new(Latch::new(Hot::at(first_seq))),
            inner: OfThisProcess::new(Inner {
                identity,
                journals: journals.to_owned(),
                config: in_blocks(config),
                disk,
                signals: Arc::new(Signals::default()),
                turn: Mutex::new(()),
                making: Mutex::new(()),
                cold: Mutex::new(cold),
                room: Condvar::new(),
                grown: Condvar::new(),
                progress: Progress::default(),
                lock: Mutex::new(Some(lock)),
            }),
        };
        writer.begin()?;
        let writer = Arc::new(writer);
        writer.start_threads()?;
        Ok(writer)
    }

    fn begin(&self) -> Result<()> {
        let mut cold = self.inner.cold.lock();
        let first = self.make_chunk(cold.next_number, self.inner.config.min_chunk_bytes, false);
        match first {
            Ok(prepared) => {
                cold.next_number += 1;
                if self.switch(&mut cold, prepared) {
                    return Ok(());
                }
                let reason = cold.last_error.take().unwrap_or_default();
                self.give_up(&mut cold).and(Err(Error::NoRoom { reason }))
            }
            Err(e) => self.give_up(&mut cold).and(Err(e)),
        }
    }

    /// Removes what a writer that could not begin has made.
    fn give_up(&self, cold: &mut Cold) -> Result<()> {
        if let Some(prepared) = cold.prepared.take() {
            Chunk::remove(prepared.chunk.path())?;
        }
        let lock = self.inner.lock.lock().take();
        let needless = lock.filter(|_| cold.past.is_empty());
        needless.map_or(Ok(()), LockFile::remove)
    }

    fn make_chunk(&self, number: u64, bytes: u64, warm: bool) -> Result<Prepared> {
        let Inner {
            journals,
            identity,
            disk,
            config,
            ..
        } = &*self.inner;
        self.leave_free(bytes)?;
        let chunk = Chunk::create(journals, identity.writer, number, bytes, config.keeping, &**disk)?;
        if warm && config.keeping == Keeping::Mapped {
            chunk.warm();
        }
        let map = Map::of(chunk.file(), bytes, config.keeping, disk).map_err(Error::io("map", chunk.path()));
        match map {
            Ok(map) => Ok(Prepared {
                chunk: Arc::new(chunk),
                map: Arc::new(map),
            }),
            Err(e) => Chunk::remove(chunk.path()).and(Err(e)),
        }
    }

    /// Refuses to take `bytes` of the bytes that are to be left free.
    fn leave_free(&self, bytes: u64) -> Result<()> {
        let Inner {
            journals, config, disk, ..
        } = &*self.inner;
        if config.min_free_bytes == 0 {
            return Ok(());
        }
        let free = disk
            .free_bytes(journals)
            .map_err(Error::io("ask for the free space of", journals))?;
        if free >= bytes.saturating_add(config.min_free_bytes) {
            return Ok(());
        }
        let reason = format!("{free} bytes are free, and {} are to be left", config.min_free_bytes);
        Err(Error::io("grow the journal in", journals)(io::Error::new(
            io::ErrorKind::StorageFull,
            reason,
        )))
    }

    /// This writer's id.
    pub fn id(&self) -> WriterId {
        self.inner.identity.writer
    }

    /// The number of a series, given at its first use and good as long as the writer.
    ///
    /// # Errors
    /// [`Error::TooLong`], [`Error::TooManySeries`], [`Error::Forked`].
    pub fn series(&self, run_id: &str, key: &str) -> Result<SeriesId> {
        self.in_this_process()?;
        let mut cold = self.inner.cold.lock();
        let series = cold.names.intern(run_id, key)?;
        self.fit_new_gate(&mut cold, series)?;
        Ok(series)
    }

    /// Stores a point. It survives the end of this process when this returns, and a power cut after the next sync.
    ///
    /// # Errors
    /// [`Error::Forked`], [`Error::Closed`], [`Error::UnknownSeries`]. A point for which there is no room is no error.
    #[inline]
    pub fn append(&self, series: SeriesId, point: Point) -> Result<Outcome> {
        match self.try_append(series, point) {
            Some(outcome) => Ok(outcome),
            None => self.append_after_all(series, point),
        }
    }

    /// Stores a point, or holds it back as its policy says, if that needs no waiting at all. After `None` nothing is stored or
    /// counted; [`Writer::append`] does what is needed, or says why it cannot.
    #[inline]
    pub fn try_append(&self, series: SeriesId, point: Point) -> Option<Outcome> {
        if !self.hot.is_ours() {
            return None;
        }
        self.hot.lock().push(series, point)
    }

    /// As [`Writer::try_append`] for a point of now.
    #[inline]
    pub fn try_append_now(&self, series: SeriesId, step: i64, value: f64) -> Option<Outcome> {
        if !self.hot.is_ours() {
            return None;
        }
        self.hot.lock().push_now(series, step, value)
    }

    #[cold]
    fn append_after_all(&self, series: SeriesId, point: Point) -> Result<Outcome> {
        self.in_this_process()?;
        self.append_slowly(series, point, &mut Patience::new(&self.inner.config))
    }

    /// Stores one point a series, at the same step and time; returns how many were not dropped for lack of room.
    ///
    /// # Errors
    /// As [`Writer::append`]; the points before the offending one are stored.
    pub fn append_row(&self, step: i64, timestamp_ms: i64, values: &[(SeriesId, f64)]) -> Result<usize> {
        self.in_this_process()?;
        let mut stored = self.try_append_row(step, timestamp_ms, values);
        if stored == values.len() {
            return Ok(stored);
        }
        if self.inner.config.keeping == Keeping::Written {
            return Ok(stored + self.write_row(step, timestamp_ms, &values[stored..])?);
        }
        let mut patience = Patience::new(&self.inner.config);
        for &(series, value) in &values[stored..] {
            let outcome = self.append_slowly(
                series,
                Point {
                    step,
                    timestamp_ms,
                    value,
                },
                &mut patience,
            )?;
            stored += usize::from(outcome != Outcome::Dropped);
        }
        Ok(stored)
    }

    /// Stores the first points of a row that need no waiting at all, and returns how many these are; [`Writer::append_row`]
    /// does what is needed for the others, or says why it cannot.
    #[inline]
    pub fn try_append_row(&self, step: i64, timestamp_ms: i64, values: &[(SeriesId, f64)]) -> usize {
        if !self.hot.is_ours() {
            return 0;
        }
        let mut hot = self.hot.lock();
        let mut fails = |&(series, value): &_| {
            hot.push(
                series,
                Point {
                    step,
                    timestamp_ms,
                    value,
                },
            )
            .is_none()
        };
        values.iter().position(&mut fails).unwrap_or(values.len())
    }

    /// Stores points of one series; returns how many were not dropped for lack of room.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], and as [`Writer::append`].
    pub fn append_column(&self, series: SeriesId, steps: &[i64], times: Times<'_>, values: &[f64]) -> Result<u64> {
        self.in_this_process()?;
        self.append_batch(Batch {
            series: Which::One(series),
            steps,
            times,
            values,
        })
    }

    /// Stores points of many series; returns how many were not dropped for lack of room.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`], and as [`Writer::append`].
    pub fn append_columns(&self, series: &[SeriesId], steps: &[i64], times: &[i64], values: &[f64]) -> Result<u64> {
        self.in_this_process()?;
        self.append_batch(Batch {
            series: Which::Each(series),
            steps,
            times: Times::Slice(times),
            values,
        })
    }

    /// Stores the first points of many series, as far as there is room within the bound, and returns how many these are.
    /// The others stay the caller's: they are not counted as dropped.
    ///
    /// # Errors
    /// As [`Writer::append_columns`].
    pub fn append_columns_that_fit(
        &self,
        series: &[SeriesId],
        steps: &[i64],
        times: &[i64],
        values: &[f64],
    ) -> Result<u64> {
        self.in_this_process()?;
        let batch = Batch {
            series: Which::Each(series),
            steps,
            times: Times::Slice(times),
            values,
        };
        self.store_batch(batch, false)
    }

    /// Number of the next point.
    ///
    /// # Errors
    /// [`Error::Forked`].
    pub fn committed(&self) -> Result<Seq> {
        self.in_this_process()?;
        Ok(self.next_seq(&self.inner.cold.lock()))
    }

    /// Counters at this moment.
    pub fn stats(&self) -> Stats {
        if self.in_this_process().is_err() {
            return Stats::default();
        }
        let cold = self.inner.cold.lock();
        let committed = self.next_seq(&cold);
        let (mut merged, mut throttled, mut pending) = (0, 0, 0);
        let mut add = |tally: &Tally| {
            merged += tally.merged;
            throttled += tally.dropped[DropReason::Throttled.index()];
        };
        cold.ledger.tallies().for_each(|(_, tally)| add(tally));
        for (_, gate) in self.hot.lock().gates.iter() {
            add(&gate.tally());
            pending += u64::from(gate.pending().is_some());
        }
        let dropped = cold.ledger.dropped();
        Stats {
            accepted: committed + merged + throttled + dropped + pending,
            stored: committed,
            merged,
            throttled,
            pending,
            dropped,
            met_no_room: cold.ledger.met_no_room(),
            committed,
            durable: cold.durable(),
            sealed: cold.sealed,
            unsealed_bytes: self.unsealed_bytes(&cold),
            poisoned_chunks: cold.poisoned,
            last_error: cold.last_error.clone(),
        }
    }

    /// Waits until the journal holds `bytes` of points that are not sealed, and of records since the last trim; false when the
    /// time is over or the writer closed.
    ///
    /// It notices at every new chunk and every sync, not at every point.
    pub fn wait_unsealed(&self, bytes: u64, timeout: Duration) -> bool {
        if self.in_this_process().is_err() {
            return false;
        }
        let until = after(timeout);
        let mut cold = self.inner.cold.lock();
        while self.bytes_to_let_go(&cold) < bytes {
            if cold.closed_at.is_some() || self.inner.grown.wait_until(&mut cold, until) {
                return self.bytes_to_let_go(&cold) >= bytes;
            }
        }
        true
    }

    fn in_this_process(&self) -> Result<()> {
        if self.hot.is_ours() { Ok(()) } else { Err(Error::Forked) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if self.hot.is_ours() {
            // Whoever wants to know calls close; what is in the journal is safe either way.
            let _ = self.close();
        }
    }
}

/// No disk has room for more; beyond it, sizes could not be added up in 64 bits.
const MOST_CHUNK_BYTES: u64 = 1 << 60;

fn in_blocks(config: Config) -> Config {
    let round = |bytes: u64| {
        bytes
            .clamp(MIN_CHUNK_BYTES, MOST_CHUNK_BYTES)
            .next_multiple_of(BLOCK_BYTES as u64)
    };
    let min_chunk_bytes = round(config.min_chunk_bytes);
    Config {
        min_chunk_bytes,
        max_chunk_bytes: round(config.max_chunk_bytes).max(min_chunk_bytes),
        ..config
    }
}
