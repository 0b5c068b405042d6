//! The slow path of single points: a series new to the chunk, the end of a granted part, a full chunk.

use crate::platform::MutexGuard;

use crate::error::{Error, Result};
use crate::types::{Outcome, Point, SeriesId};
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
                if let Some(seq) = self.hot.lock().push(series, point) {
                    return Ok(Outcome::Stored(seq));
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
