//! Reduction: rows of one series, in the order of their steps, become buckets.

use std::ops::{Range, RangeInclusive};

use super::bucket::{Bucket, WindowRow};
use super::grid::Grid;
use crate::summary::point_order;
use crate::types::Point;

/// So many rows are looked at one by one before the end of a bucket is searched for by halving.
const NEAR: usize = 16;

/// Columns of some rows, sorted by (step, timestamp).
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// Places on the axis.
    pub(super) x: &'a [i64],
    pub(super) step: &'a [i64],
    /// None where it was not read, as it is only needed where steps repeat.
    pub(super) timestamp_ms: Option<&'a [i64]>,
    pub(super) value: &'a [f64],
    /// Rows that stand for others, in order; their places are counted from `first`.
    pub(super) windows: &'a [WindowRow],
    pub(super) first: usize,
}

/// Steps repeat, so that timestamps decide which point is the last.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TimesNeeded;

/// Puts the rows within `limits` into buckets, which come sorted and once each.
pub(super) fn reduce(rows: &Rows<'_>, grid: &Grid, limits: &RangeInclusive<i64>) -> Result<Vec<Bucket>, TimesNeeded> {
    let sorted = rows.x.is_sorted();
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut start = 0;
    while let Some(&x) = rows.x.get(start) {
        let (slot, shared) = match outside(x, limits) {
            Some(beyond) => (None, beyond),
            None => {
                let (slot, shared) = grid.at(x);
                (
                    Some(slot),
                    *shared.start().max(limits.start())..=*shared.end().min(limits.end()),
                )
            }
        };
        let end = start + run_length(&rows.x[start..], &shared, sorted);
        if let Some(slot) = slot {
            let last = rows.last(start..end)?;
            let mut bucket = Bucket::new(slot, bounds(&rows.x[start..end], sorted), &rows.value[start..end], last);
            for window in rows.windows_of(start..end) {
                bucket.widen(window, rows.value[window.row - rows.first]);
            }
            buckets.push(bucket);
        }
        start = end;
    }
    if !sorted {
        coalesce(&mut buckets);
    }
    Ok(buckets)
}

/// Sorts buckets and merges those that are parts of one.
pub(super) fn coalesce(buckets: &mut Vec<Bucket>) {
    // Stable, so that sums are added in the order of the rows and every call gives the same result.
    buckets.sort_by_key(|bucket| bucket.slot);
    buckets.dedup_by(|later, earlier| {
        let same = later.slot == earlier.slot;
        if same {
            earlier.merge(later);
        }
        same
    });
}

impl<'a> Rows<'a> {
    /// Some of the rows.
    pub(super) fn slice(&self, rows: Range<usize>) -> Rows<'a> {
        Rows {
            x: &self.x[rows.clone()],
            step: &self.step[rows.clone()],
            timestamp_ms: self.timestamp_ms.map(|times| &times[rows.clone()]),
            value: &self.value[rows.clone()],
            windows: self.windows_of(rows.clone()),
            first: self.first + rows.start,
        }
    }

    /// Which of some rows stand for others.
    fn windows_of(&self, rows: Range<usize>) -> &'a [WindowRow] {
        let place = |row: usize| self.windows.partition_point(|window| window.row < self.first + row);
        &self.windows[place(rows.start)..place(rows.end)]
    }

    /// The largest point of some rows by (step, timestamp, value).
    fn last(&self, rows: Range<usize>) -> Result<Point, TimesNeeded> {
        let end = rows.end - 1;
        let step = self.step[end];
        let Some(times) = self.timestamp_ms else {
            if end > rows.start && self.step[end - 1] == step {
                return Err(TimesNeeded);
            }
            // No other point has this step, so its time decides nothing.
            return Ok(self.point(end, i64::MIN));
        };
        let ties = rows
            .rev()
            .take_while(|&row| self.step[row] == step && times[row] == times[end]);
        let largest = ties.map(|row| self.point(row, times[row])).max_by(point_order);
        Ok(largest.unwrap_or(self.point(end, times[end])))
    }

    fn point(&self, row: usize, timestamp_ms: i64) -> Point {
        Point {
            step: self.step[row],
            timestamp_ms,
            value: self.value[row],
        }
    }
}

/// For a place outside the limits, all places on the same side of them.
fn outside(x: i64, limits: &RangeInclusive<i64>) -> Option<RangeInclusive<i64>> {
    if x < *limits.start() {
        Some(i64::MIN..=limits.start() - 1)
    } else if x > *limits.end() {
        Some(limits.end() + 1..=i64::MAX)
    } else {
        None
    }
}

/// How many of the first rows are at the places `shared`; at least one.
fn run_length(x: &[i64], shared: &RangeInclusive<i64>, sorted: bool) -> usize {
    let ends = |x: &i64| !shared.contains(x);
    if !sorted {
        return x.iter().position(ends).unwrap_or(x.len());
    }
    let near = &x[..NEAR.min(x.len())];
    near.iter()
        .position(ends)
        .unwrap_or_else(|| x.partition_point(|x| !ends(x)))
}

/// Smallest and largest of some places; there is at least one.
pub(super) fn bounds(x: &[i64], sorted: bool) -> (i64, i64) {
    if sorted {
        return (x[0], x[x.len() - 1]);
    }
    x.iter()
        .fold((i64::MAX, i64::MIN), |(low, high), x| (low.min(*x), high.max(*x)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

    fn by_step<'a>(step: &'a [i64], timestamp_ms: Option<&'a [i64]>, value: &'a [f64]) -> Rows<'a> {
        Rows {
            x: step,
            step,
            timestamp_ms,
            value,
            windows: &[],
            first: 0,
        }
    }

    fn last(buckets: &[Bucket]) -> Vec<f64> {
        buckets.iter().map(|bucket| bucket.last.value).collect()
    }

    #[test]
    fn times_are_needed_only_where_the_last_step_of_a_bucket_repeats() {
        let value = [1.0, 2.0, 3.0, 4.0];
        let early = by_step(&[0, 0, 1, 2], None, &value);
        assert_eq!(last(&reduce(&early, &Grid::equal(0..10, 1), &ALL).unwrap()), [4.0]);
        let late = by_step(&[0, 1, 2, 2], None, &value);
        assert_eq!(reduce(&late, &Grid::equal(0..10, 1), &ALL).unwrap_err(), TimesNeeded);
        let timed = by_step(&[0, 1, 2, 2], Some(&[0, 0, 5, 5]), &value);
        assert_eq!(last(&reduce(&timed, &Grid::equal(0..10, 1), &ALL).unwrap()), [4.0]);
    }

    #[test]
    fn of_equal_times_the_largest_value_is_the_last_and_nan_the_smallest() {
        let step = [7; 4];
        let value = [9.0, 2.0, 3.0, f64::NAN];
        let rows = by_step(&step, Some(&[0, 1, 1, 1]), &value);
        assert_eq!(last(&reduce(&rows, &Grid::equal(7..8, 1), &ALL).unwrap()), [3.0]);
    }

    #[test]
    fn places_in_any_order_come_together_in_their_buckets() {
        let x: Vec<i64> = (0..100).map(|row| (row * 37) % 100).collect();
        let step: Vec<i64> = (0..100).collect();
        let value: Vec<f64> = x.iter().map(|x| *x as f64).collect();
        let rows = Rows {
            x: &x,
            step: &step,
            timestamp_ms: Some(&x),
            value: &value,
            windows: &[],
            first: 0,
        };
        let buckets = reduce(&rows, &Grid::equal(0..100, 10), &(5..=94)).unwrap();
        let counts: Vec<u64> = buckets.iter().map(|bucket| bucket.count).collect();
        assert_eq!(counts, [5, 10, 10, 10, 10, 10, 10, 10, 10, 5]);
        assert_eq!((buckets[0].first_x, buckets[0].last_x), (5, 9));
        assert_eq!(buckets[9].extremes(), Some((90.0, 94.0, 92.0)));
    }

    #[test]
    fn long_and_short_runs_end_at_the_same_places() {
        let x: Vec<i64> = (0..1000).collect();
        for width in [1, 15, 16, 17, 300] {
            let shared = 0..=width - 1;
            assert_eq!(run_length(&x, &shared, true), width as usize);
            assert_eq!(run_length(&x, &shared, false), width as usize);
        }
    }
}
