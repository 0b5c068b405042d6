//! Replica: the stream of a writer of another store, in the journals of this one, under the same numbers.
//!
//! What the sender may send again is known by its number, so that a batch is stored once however often it comes, and what
//! would leave a hole is refused. A replica is a [`Writer`] that goes on where its journal ends, and drops nothing: what
//! finds no room is the sender's still.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::packed::Packed;
use crate::platform::Mutex;
use crate::types::{Seq, SeriesId, Stats, WriterId};
use crate::writer::Writer;

/// The stream of one writer of another store. Lock order: turn, then what the writer takes.
#[derive(Debug)]
pub struct Replica {
    writer: Arc<Writer>,
    /// Held while a batch is stored, so that its points follow each other.
    turn: Mutex<()>,
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
        let (step, time, value) = (&packed.step[new..], &packed.timestamp_ms[new..], &packed.value[new..]);
        let stored = self.writer.append_columns_that_fit(&series, step, time, value)?;
        Ok(have + stored)
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
