//! The slow path of single points: a series new to the chunk, the end of a granted part, a full chunk.

use crate::platform::{Keeping, MutexGuard};

use crate::error::{Error, Result};
use crate::types::{DropReason, Outcome, Point, Seq, SeriesId};
use crate::writer::Writer;
use crate::writer::lane::Cold;
use crate::writer::room::Patience;

impl Writer {
    /// Stores a point, waiting for room within the bound; counts it as dropped where there is none.
    #[cold]
    pub(super) fn append_slowly(&self, series: SeriesId, point: Point, patience: &mut Patience) -> Result<Outcome> {
        let mut cold = self.inner.cold.lock();
        loop {
            if cold.closed_at.is_some() {
                return Err(Error::Closed);
            }
            if self.define(&mut cold, series)? {
                match self.push(&mut cold, series, point) {
                    Ok(Some(seq)) => return Ok(Outcome::Stored(seq)),
                    Ok(None) => {}
                    Err(reason) => {
                        cold.ledger.add(series, reason, 1, point.step, point.step);
                        return Ok(Outcome::Dropped);
                    }
                }
                if self.grant(&mut cold) {
                    continue;
                }
            }
            if let Some(outcome) = self.wait_or_drop(&mut cold, series, point, patience)? {
                return Ok(outcome);
            }
        }
    }

    /// Stores a point whose series the chunk defines; `None` where the cursor has no room.
    fn push(&self, cold: &mut Cold, series: SeriesId, point: Point) -> std::result::Result<Option<Seq>, DropReason> {
        if self.inner.config.keeping == Keeping::Mapped {
            return Ok(self.hot.lock().push(series, point));
        }
        // Out of the hot state, so that nobody spins while this thread waits for the system.
        let mut cursor = self.take_cursor();
        let (stored, written) = cursor.write(std::iter::once((series.0, point)));
        self.put_cursor(cursor);
        if let Err(e) = written {
            self.note_refusal(cold, &e);
            return Err(DropReason::NoSpace);
        }
        Ok((stored > 0).then(|| self.next_seq(cold) - 1))
    }

    /// Keeps what the system said when it refused to write to the current chunk.
    pub(super) fn note_refusal(&self, cold: &mut Cold, error: &std::io::Error) {
        if let Some(current) = &cold.current {
            cold.last_error = Some(format!("cannot write '{}': {error}", current.chunk.path().display()));
        }
    }

    fn wait_or_drop(
        &self,
        cold: &mut MutexGuard<'_, Cold>,
        series: SeriesId,
        point: Point,
        patience: &mut Patience,
    ) -> Result<Option<Outcome>> {
        let Some(reason) = self.wait_for_room(cold, patience, 0)? else {
            return Ok(None);
        };
        cold.ledger.add(series, reason, 1, point.step, point.step);
        Ok(Some(Outcome::Dropped))
    }
}
