//! Replica: the stream of a writer of another store, in the journals of this one, under the same numbers.
//!
//! What the sender may send again is known by its number, so that a batch is stored once however often it comes, and what
//! would leave a hole is refused. A replica is a [`Writer`] that goes on where its journal ends, and drops nothing: what
//! finds no room is the sender's still.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::ledger::Window;
use crate::packed::Packed;
use crate::platform::Mutex;
use crate::types::{Seq, SeriesId, Stats, WriterId};
use crate::writer::Writer;

/// Points whose windows are written at a time: 300 KiB of records at most.
const SLICE_POINTS: usize = 1 << 12;

/// The stream of one writer of another store. Lock order: turn, then what the writer takes.
#[derive(Debug)]
pub struct Replica {
    writer: Arc<Writer>,
    /// Held while a batch is stored, so that its points follow each other.
    turn: Mutex<()>,
}

/// Points on their way, by column.
#[derive(Clone, Copy)]
struct Part<'a> {
    series: &'a [SeriesId],
    step: &'a [i64],
    time: &'a [i64],
    value: &'a [f64],
}

impl<'a> Part<'a> {
    fn slice(&self, rows: Range<usize>) -> Part<'a> {
        Part {
            series: &self.series[rows.clone()],
            step: &self.step[rows.clone()],
            time: &self.time[rows.clone()],
            value: &self.value[rows],
        }
    }
}

impl Replica {
    /// Opens the stream of a writer of which points below `sealed` are in segments; see [`Writer::resume`].
    ///
    /// # Errors
    /// As [`Writer::resume`].
    pub fn open(
        journals: &Path,
        store_id: u128,
        writer: WriterId,
        sealed: Seq,
        config: Config,
    ) -> Result<Option<Self>> {
        let writer = Writer::resume(journals, store_id, writer, sealed, config)?;
        Ok(writer.map(|writer| Self {
            writer,
            turn: Mutex::new(()),
        }))
    }

    /// Stores the points of a batch that are not here yet, as many as find room, and returns the number of the next one.
    /// What is stored survives the end of this process when this returns, and a power cut after the next sync.
    ///
    /// # Errors
    /// [`Error::Ahead`] for a batch that begins behind the next point, [`Error::Closed`], [`Error::Forked`],
    /// [`Error::TooManySeries`]; nothing is stored then.
    pub fn append(&self, packed: &Packed) -> Result<Seq> {
        let _turn = self.turn.lock();
        let have = self.writer.committed()?;
        if packed.writer != self.id() || packed.first > have {
            return Err(Error::Ahead {
                writer: packed.writer,
                first: packed.first,
                have,
            });
        }
        if packed.upto() <= have {
            return Ok(have);
        }
        let ids = packed
            .names
            .iter()
            .map(|name| self.writer.series(&name.run_id, &name.key));
        let ids = ids.collect::<Result<Vec<SeriesId>>>()?;
        let new = (have - packed.first) as usize;
        let series: Vec<SeriesId> = packed.series[new..]
            .iter()
            .map(|number| ids[*number as usize])
            .collect();
        let whole = Part {
            series: &series,
            step: &packed.step[new..],
            time: &packed.timestamp_ms[new..],
            value: &packed.value[new..],
        };
        let windows = &packed.windows[packed.windows.partition_point(|window| window.seq < have)..];
        if windows.is_empty() {
            return Ok(have + self.store(whole)?);
        }
        self.store_with(have, whole, windows)
    }

    fn store(&self, part: Part<'_>) -> Result<u64> {
        self.writer
            .append_columns_that_fit(part.series, part.step, part.time, part.value)
    }

    /// Stores points from number `next` on, and before them what they stand for; returns the number of the next one.
    fn store_with(&self, mut next: Seq, whole: Part<'_>, mut windows: &[Window]) -> Result<Seq> {
        for start in (0..whole.series.len()).step_by(SLICE_POINTS) {
            let part = whole.slice(start..whole.series.len().min(start + SLICE_POINTS));
            let upto = next + part.series.len() as u64;
            let (own, others) = windows.split_at(windows.partition_point(|window| window.seq < upto));
            windows = others;
            let Some(chunk) = self.writer.append_windows(own)? else {
                return Ok(next);
            };
            let stored = self.store(part)?;
            next += stored;
            // Points in a later file than what they stand for would lose that when the earlier file is sealed and removed.
            if self.writer.chunk()? != Some(chunk) {
                self.writer.append_windows(own)?;
            }
            if next < upto {
                break;
            }
        }
        Ok(next)
    }

    /// Whose stream it is.
    pub fn id(&self) -> WriterId {
        self.writer.id()
    }

    /// Waits until what is stored is on the disk; see [`Writer::flush`].
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub fn flush(&self, timeout: Option<Duration>) -> Result<Seq> {
        self.writer.flush(timeout)
    }

    /// Counters at this moment.
    pub fn stats(&self) -> Stats {
        self.writer.stats()
    }

    /// Removes what the catalog has committed to segments; see [`Writer::trim`].
    ///
    /// # Errors
    /// As [`Writer::trim`].
    pub fn trim(&self, sealed: Seq) -> Result<()> {
        self.writer.trim(sealed)
    }

    /// Lets go of the stream; see [`Writer::close`]. A batch that is being stored is stored first.
    ///
    /// # Errors
    /// As [`Writer::close`].
    pub fn close(&self) -> Result<()> {
        let _turn = self.turn.lock();
        self.writer.close()
    }
}
