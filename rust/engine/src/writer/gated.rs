//! The slow path of points behind a gate: windows that are over, and what there is no room for.

use crate::error::Result;
use crate::failpoint::failpoint;
use crate::journal::layout::NO_ROOM_AT;
use crate::journal::record::Record;
use crate::ledger::{Aggregate, Keep, Window};
use crate::throttle::Verdict;
use crate::types::{DropReason, Outcome, Point, Seq, SeriesId};
use crate::writer::Writer;
use crate::writer::lane::Cold;
use crate::writer::room::Use;

/// What can be done with the pending point of a gate.
enum Next {
    /// There is none.
    Nothing,
    /// It is to be stored under this number; nobody stores a point until then.
    Store(Point, Option<Aggregate>, Seq),
    /// The current chunk has no room in the part that is granted.
    NoRoom,
}

impl Writer {
    /// Does with a point what its gate says; `None` where there is no room, and nothing was done.
    pub(super) fn append_gated(&self, cold: &mut Cold, series: SeriesId, point: Point) -> Result<Option<Outcome>> {
        loop {
            let mut hot = self.hot.lock();
            let Some(gate) = hot.gates.get(series.0) else {
                return Ok(None);
            };
            let verdict = gate.judge(point.step);
            let ready = match verdict {
                Verdict::Hold => {
                    gate.hold(point, false);
                    return Ok(Some(Outcome::Held));
                }
                Verdict::Store if !gate.has_window() => None,
                Verdict::Store | Verdict::Close => Some(()),
            };
            drop(hot);
            if ready.is_some() {
                if !self.release(cold, series)? {
                    return Ok(None);
                }
                continue;
            }
            if !self.define(cold, series)? {
                return Ok(None);
            }
            match self.push(cold, series, point) {
                Ok(Some(outcome)) => return Ok(Some(outcome)),
                Ok(None) if self.grant(cold) => {}
                Ok(None) => return Ok(None),
                Err(reason) => return Ok(Some(self.hold_or_drop(cold, series, point, reason))),
            }
        }
    }

    /// Stores the pending point of a series with what it stands for; false where there is no room in the current chunk.
    pub(super) fn release(&self, cold: &mut Cold, series: SeriesId) -> Result<bool> {
        loop {
            if !self.define(cold, series)? {
                return Ok(false);
            }
            match self.begin_release(series) {
                Next::Nothing => return Ok(true),
                Next::NoRoom if self.grant(cold) => {}
                Next::NoRoom => return Ok(false),
                Next::Store(point, aggregate, seq) => {
                    // With the series' first points, or where only the last is kept, the point says it all.
                    let told = aggregate.filter(|a| a.count > 1 && a.keep.0 & !Keep::LAST.0 != 0);
                    let recorded = told.is_none_or(|aggregate| {
                        let window = Record::Window(Window { seq, aggregate });
                        self.append_side(cold, &window.encode(), Use::Ordinary)
                    });
                    failpoint!(WindowRecorded);
                    return Ok(self.end_release(cold, series, recorded.then_some(point)));
                }
            }
        }
    }

    fn begin_release(&self, series: SeriesId) -> Next {
        let mut hot = self.hot.lock();
        let seq = hot.next_seq();
        let Some(gate) = hot.gates.get(series.0) else {
            return Next::Nothing;
        };
        let Some(pending) = gate.pending_whole() else {
            return Next::Nothing;
        };
        gate.busy = true;
        if hot.cursor.secure() {
            hot.cursor.pause();
            return Next::Store(pending.point, pending.aggregate, seq);
        }
        if let Some(gate) = hot.gates.get(series.0) {
            gate.busy = false;
        }
        Next::NoRoom
    }

    /// Stores the pending point, or lets it wait where that is `None`; returns whether it is stored.
    fn end_release(&self, cold: &mut Cold, series: SeriesId, point: Option<Point>) -> bool {
        let mut cursor = self.take_cursor();
        cursor.resume();
        let stored = point.is_some_and(|point| match cursor.is_written() {
            false => cursor.push(series.0, point).is_some(),
            true => {
                let (stored, written) = cursor.write(std::iter::once((series.0, point)));
                if let Err(e) = written {
                    self.note_refusal(cold, &e);
                }
                stored > 0
            }
        });
        failpoint!(PendingStored);
        let mut hot = self.hot.lock();
        hot.cursor = cursor;
        let seq = hot.next_seq();
        if let Some(gate) = hot.gates.get(series.0) {
            gate.busy = false;
            if stored {
                gate.released(seq - 1);
            }
        }
        stored
    }

    /// Merges a point for which there is no room with those to come, or drops it where its series has no slot.
    pub(super) fn hold_or_drop(&self, cold: &mut Cold, series: SeriesId, point: Point, reason: DropReason) -> Outcome {
        if self.can_hold(cold, series) {
            cold.ledger.note_merged();
            self.with_gate(series, |gate| gate.hold(point, true));
            return Outcome::Held;
        }
        let at = self.next_seq(cold);
        cold.ledger.drop(series, reason, point, at);
        self.count_what_has_no_record(cold);
        Outcome::Dropped
    }

    /// Says in the current chunk how many points were dropped that no record has.
    pub(super) fn count_what_has_no_record(&self, cold: &mut Cold) {
        if let Some(current) = &cold.current {
            // Where that is refused, the next point that is dropped says it, or the next chunk, or the close.
            let _ = current.map.publish(NO_ROOM_AT, cold.ledger.in_chunk());
        }
    }

    /// Whether there is a gate, or one can be put there. Its series needs a name in the journal.
    fn can_hold(&self, cold: &mut Cold, series: SeriesId) -> bool {
        if !self.inner.config.merge_without_room {
            return false;
        }
        let known = self.hot.lock().gates.get(series.0).is_some();
        known || (self.define_with(cold, series, Use::Reserve).unwrap_or(false) && self.give_gate(cold, series, None))
    }
}
