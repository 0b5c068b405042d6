//! What points of another store stand for, written before them into the side log.

use crate::error::Result;
use crate::journal::record::Record;
use crate::ledger::Window;
use crate::writer::Writer;
use crate::writer::room::{Patience, Use};

/// Bytes that a chunk has to have for a record.
const LEAST_BYTES: u64 = 64 << 10;

impl Writer {
    /// Says what points stand for that are stored next. Returns the number of the chunk that has the last record; `None` when
    /// there was no room for all.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Forked`].
    pub fn append_windows(&self, windows: &[Window]) -> Result<Option<u64>> {
        self.in_this_process()?;
        let mut patience = Patience::new(&self.inner.config);
        let mut cold = self.inner.cold.lock();
        for window in windows {
            let record = Record::Window(*window).encode();
            while !self.append_side(&mut cold, &record, Use::Ordinary) {
                if self.wait_for_room(&mut cold, &mut patience, LEAST_BYTES)?.is_some() {
                    return Ok(None);
                }
            }
        }
        Ok(cold.current.as_ref().map(|current| current.chunk.number()))
    }

    /// Number of the chunk that points go to; `None` before the first.
    ///
    /// # Errors
    /// [`crate::Error::Forked`].
    pub fn chunk(&self) -> Result<Option<u64>> {
        self.in_this_process()?;
        let cold = self.inner.cold.lock();
        Ok(cold.current.as_ref().map(|current| current.chunk.number()))
    }
}
