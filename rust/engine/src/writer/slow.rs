//! The slow path of single points: a series new to the chunk, the end of a granted part, a full chunk, the end of a window.

use crate::error::{Error, Result};
use crate::platform::Keeping;
use crate::types::{DropReason, Outcome, Point, SeriesId};
use crate::writer::Writer;
use crate::writer::lane::Cold;
use crate::writer::room::Patience;

impl Writer {
    /// Stores a point, or does what its policy says, waiting for room within the bound.
    #[cold]
    pub(super) fn append_slowly(&self, series: SeriesId, point: Point, patience: &mut Patience) -> Result<Outcome> {
        let mut cold = self.inner.cold.lock();
        loop {
            if cold.closed_at.is_some() {
                return Err(Error::Closed);
            }
            if let Some(outcome) = self.append_now(&mut cold, series, point)? {
                return Ok(outcome);
            }
            if let Some(reason) = self.wait_for_room(&mut cold, patience, 0)? {
                return Ok(self.hold_or_drop(&mut cold, series, point, reason));
            }
        }
    }

    /// The same, as far as the current chunk has room; `None`, and nothing done, where it has none.
    fn append_now(&self, cold: &mut Cold, series: SeriesId, point: Point) -> Result<Option<Outcome>> {
        if self.hot.lock().gates.get(series.0).is_some() {
            return self.append_gated(cold, series, point);
        }
        while self.define(cold, series)? {
            match self.push(cold, series, point) {
                Ok(Some(outcome)) => return Ok(Some(outcome)),
                Ok(None) if self.grant(cold) => {}
                Ok(None) => break,
                Err(reason) => return Ok(Some(self.hold_or_drop(cold, series, point, reason))),
            }
        }
        Ok(None)
    }

    /// Stores a point whose series the chunk defines; `None` where the cursor has no room.
    pub(super) fn push(
        &self,
        cold: &mut Cold,
        series: SeriesId,
        point: Point,
    ) -> std::result::Result<Option<Outcome>, DropReason> {
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
        Ok((stored > 0).then(|| {
            let seq = self.next_seq(cold) - 1;
            self.with_gate(series, |gate| gate.stored(&point, seq));
            Outcome::Stored(seq)
        }))
    }

    /// Keeps what the system said when it refused to write to the current chunk.
    pub(super) fn note_refusal(&self, cold: &mut Cold, error: &std::io::Error) {
        if let Some(current) = &cold.current {
            cold.last_error = Some(format!("cannot write '{}': {error}", current.chunk.path().display()));
        }
    }
}
