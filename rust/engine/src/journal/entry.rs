//! Ledger entries and windows as bytes of a record.
//!
//! Numbers lie one after the other, eight bytes each but for pairs of u32; doubles are their bits.

use crate::journal::layout::{u32_at, u64_at};
use crate::ledger::{Aggregate, Keep, MAX_STRETCHES, Pending, Stretch, Tally, Window};
use crate::summary::Totals;
use crate::types::{DropReason, Point, Seq};

/// Bytes of [`Totals`].
pub const TOTALS_BYTES: usize = 8 * 14;
/// Bytes of a [`Pending`] point and what it stands for.
pub const PENDING_BYTES: usize = 8 * 9;
const WINDOW_BYTES: usize = 8 * 7;
const ENTRY_BYTES: usize = 8 * 8 + TOTALS_BYTES + PENDING_BYTES;
const STRETCH_BYTES: usize = 8 * 4;

/// No point is pending; the highest bit of the word that says what a window keeps.
const NOTHING: u32 = 1 << 31;
/// A point is pending, and there is no window.
const NO_WINDOW: u32 = 1 << 30;

/// Ledger of one series, as it was at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Series number.
    pub series: u32,
    /// Number of the writer's next point at that moment: a pending point has been stored since, or was superseded, if the series
    /// has a point of that number or a later one.
    pub at: Seq,
    /// Points without room that the records of the chunk have counted up to this one; see
    /// [`crate::journal::layout::NO_ROOM_AT`].
    pub recorded: u64,
    /// What is neither stored nor pending.
    pub tally: Tally,
    /// What is pending.
    pub pending: Option<Pending>,
}

impl Entry {
    /// The payload of a record.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.series.to_le_bytes());
        out.extend((self.tally.stretches.len() as u32).to_le_bytes());
        put(out, &[self.at, self.tally.merged]);
        put(out, &self.tally.dropped);
        put(out, &[self.recorded]);
        put_totals(out, self.tally.totals.as_ref());
        put_pending(out, self.pending.as_ref());
        for stretch in &self.tally.stretches {
            let steps = [stretch.first_step as u64, stretch.last_step as u64];
            put(out, &[stretch.reason as u64, stretch.count, steps[0], steps[1]]);
        }
    }

    /// Reads a payload; `None` for one that is too short or names an unknown reason.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (fixed, stretches) = payload.split_at_checked(ENTRY_BYTES)?;
        let count = u32_at(fixed, 4) as usize;
        if stretches.len() != count.checked_mul(STRETCH_BYTES)? || count > MAX_STRETCHES + DropReason::ALL.len() {
            return None;
        }
        let word = |i: usize| u64_at(fixed, 8 * i);
        let tally = Tally {
            merged: word(2),
            dropped: std::array::from_fn(|i| word(3 + i)),
            stretches: stretches
                .chunks_exact(STRETCH_BYTES)
                .map(stretch)
                .collect::<Option<_>>()?,
            totals: totals_at(&fixed[64..]),
        };
        Some(Self {
            series: u32_at(fixed, 0),
            at: word(1),
            recorded: word(7),
            tally,
            pending: pending_at(&fixed[64 + TOTALS_BYTES..]),
        })
    }
}

/// The payload of a window's record.
pub fn put_window(out: &mut Vec<u8>, window: &Window) {
    put(out, &[window.seq]);
    put(out, &aggregate_words(&window.aggregate));
}

/// Reads a window's payload; `None` for one that is too short.
pub fn window(payload: &[u8]) -> Option<Window> {
    (payload.len() >= WINDOW_BYTES).then(|| Window {
        seq: u64_at(payload, 0),
        aggregate: aggregate_at(&payload[8..]),
    })
}

/// Appends [`TOTALS_BYTES`]; no totals are zeros.
pub fn put_totals(out: &mut Vec<u8>, totals: Option<&Totals>) {
    match totals {
        Some(totals) => put(out, &totals_words(totals)),
        None => out.extend([0; TOTALS_BYTES]),
    }
}

/// The fourteen words of totals.
pub fn totals_words(t: &Totals) -> [u64; TOTALS_BYTES / 8] {
    let ([a, b, c], [d, e, f]) = (point_words(&t.first), point_words(&t.last));
    [
        t.count,
        t.nan_count,
        a,
        b,
        c,
        d,
        e,
        f,
        t.min.to_bits(),
        t.min_step.cast_unsigned(),
        t.max.to_bits(),
        t.max_step.cast_unsigned(),
        t.sum.to_bits(),
        t.max_timestamp_ms.cast_unsigned(),
    ]
}

/// Reads what [`put_totals`] has written.
pub fn totals_at(bytes: &[u8]) -> Option<Totals> {
    let word = |i: usize| u64_at(bytes, 8 * i);
    let double = |i| f64::from_bits(word(i));
    (word(0) > 0).then(|| Totals {
        count: word(0),
        nan_count: word(1),
        first: point_at(&bytes[16..]),
        last: point_at(&bytes[40..]),
        min: double(8),
        min_step: word(9) as i64,
        max: double(10),
        max_step: word(11) as i64,
        sum: double(12),
        max_timestamp_ms: word(13) as i64,
    })
}

/// Appends [`PENDING_BYTES`].
pub fn put_pending(out: &mut Vec<u8>, pending: Option<&Pending>) {
    let Some(pending) = pending else {
        out.extend([0; PENDING_BYTES - 8]);
        return put(out, &[u64::from(NOTHING)]);
    };
    put(out, &point_words(&pending.point));
    match &pending.aggregate {
        Some(aggregate) => put(out, &aggregate_words(aggregate)),
        None => put(out, &[0, 0, 0, 0, 0, u64::from(NO_WINDOW)]),
    }
}

/// Reads what [`put_pending`] has written.
pub fn pending_at(bytes: &[u8]) -> Option<Pending> {
    let flags = u32_at(bytes, PENDING_BYTES - 8);
    (flags & NOTHING == 0).then(|| Pending {
        point: point_at(bytes),
        aggregate: (flags & NO_WINDOW == 0).then(|| aggregate_at(&bytes[24..])),
    })
}

/// The three words of a point.
pub fn point_words(point: &Point) -> [u64; 3] {
    [point.step as u64, point.timestamp_ms as u64, point.value.to_bits()]
}

/// The point in the first three words.
pub fn point_at(bytes: &[u8]) -> Point {
    Point {
        step: u64_at(bytes, 0) as i64,
        timestamp_ms: u64_at(bytes, 8) as i64,
        value: f64::from_bits(u64_at(bytes, 16)),
    }
}

/// The six words of an aggregate.
pub fn aggregate_words(a: &Aggregate) -> [u64; 6] {
    let keep = u64::from(a.keep.0 & Keep::ALL.0);
    [
        a.count,
        a.nan_count,
        a.min.to_bits(),
        a.max.to_bits(),
        a.sum.to_bits(),
        keep,
    ]
}

/// The aggregate in the first six words.
pub fn aggregate_at(bytes: &[u8]) -> Aggregate {
    let double = |i: usize| f64::from_bits(u64_at(bytes, 8 * i));
    Aggregate {
        count: u64_at(bytes, 0),
        nan_count: u64_at(bytes, 8),
        min: double(2),
        max: double(3),
        sum: double(4),
        keep: Keep(u32_at(bytes, 40) & Keep::ALL.0),
    }
}

fn stretch(bytes: &[u8]) -> Option<Stretch> {
    Some(Stretch {
        reason: DropReason::of(u32_at(bytes, 0))?,
        count: u64_at(bytes, 8),
        first_step: u64_at(bytes, 16) as i64,
        last_step: u64_at(bytes, 24) as i64,
    })
}

fn put(out: &mut Vec<u8>, words: &[u64]) {
    words.iter().for_each(|word| out.extend(word.to_le_bytes()));
}
