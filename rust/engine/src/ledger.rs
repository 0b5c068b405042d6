//! Ledger: what became of the points of a series that are not stored.
//!
//! `accepted = stored + merged + dropped + pending`, for each series of a writer. A [`Tally`] only ever grows, so that of two
//! of one series the one with more points is the newer, and has everything that the older has; they are never added.

use crate::summary::{Summary, Totals};
use crate::types::{DropReason, Point, SeriesName};

/// Stretches that are kept of one series; the last one widens beyond.
pub const MAX_STRETCHES: usize = 64;

/// Points of one series that were dropped one after the other, for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub count: u64,
    /// Step of the first.
    pub first_step: i64,
    /// Step of the last.
    pub last_step: i64,
}

/// Points of one series of one writer that were accepted and are neither stored nor pending. It only ever grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Points for which the stored point of a window stands.
    pub merged: u64,
    /// Points that nothing stands for, by [`DropReason::index`].
    pub dropped: [u64; DropReason::ALL.len()],
    /// Those that were dropped, in the order in which their stretches began.
    pub stretches: Vec<Stretch>,
    /// Of all of them; `None` when there are none.
    pub totals: Option<Totals>,
}

impl Tally {
    /// How many points it counts. Of two tallies of a series, the one with more is the newer.
    pub fn points(&self) -> u64 {
        self.merged + self.dropped.iter().sum::<u64>()
    }

    /// Counts a point that another one stands for.
    pub fn merge(&mut self, point: Point) {
        self.merged += 1;
        self.include(point);
    }

    /// Counts a point that nothing stands for. With `goes_on`, it follows the last one that was dropped for that reason.
    pub fn drop(&mut self, reason: DropReason, point: Point, goes_on: bool) {
        self.dropped[reason.index()] += 1;
        self.include(point);
        let full = self.stretches.len() >= MAX_STRETCHES;
        let same = self.stretches.iter_mut().rev().find(|stretch| stretch.reason == reason);
        match same {
            Some(stretch) if goes_on || full => {
                stretch.count += 1;
                stretch.last_step = point.step;
            }
            // With one of them full of another reason, there is one more stretch than the limit says, for each reason.
            _ => self.stretches.push(Stretch {
                reason,
                count: 1,
                first_step: point.step,
                last_step: point.step,
            }),
        }
    }

    fn include(&mut self, point: Point) {
        match &mut self.totals {
            Some(totals) => totals.push(point),
            none => *none = Some(Totals::of(point)),
        }
    }
}

/// Which aggregates of a window are wanted; bits as a journal has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep(pub u32);

impl Keep {
    /// Smallest value.
    pub const MIN: Self = Self(1);
    /// Largest value.
    pub const MAX: Self = Self(2);
    /// Mean of the values that are no NaN.
    pub const MEAN: Self = Self(4);
    /// The last point, which is always stored.
    pub const LAST: Self = Self(8);
    /// Number of points.
    pub const COUNT: Self = Self(16);
    /// All of them.
    pub const ALL: Self = Self(31);

    /// Whether all of `other` are wanted.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Keep {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What is kept of the points that one stored point stands for, itself included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aggregate {
    /// Points, NaNs included.
    pub count: u64,
    /// Points whose value is NaN.
    pub nan_count: u64,
    /// Smallest value that is no NaN; NaN when all are.
    pub min: f64,
    /// Largest value that is no NaN; NaN when all are.
    pub max: f64,
    /// Sum of the values that are no NaN.
    pub sum: f64,
    /// Which of these were asked for.
    pub keep: Keep,
}

impl Aggregate {
    /// That of one point.
    pub fn of(value: f64, keep: Keep) -> Self {
        let nan = value.is_nan();
        Self {
            count: 1,
            nan_count: u64::from(nan),
            min: value,
            max: value,
            sum: if nan { 0.0 } else { value },
            keep,
        }
    }

    /// Adds one point.
    #[inline]
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        if value.is_nan() {
            self.nan_count += 1;
            return;
        }
        self.sum += value;
        if self.min.is_nan() || value.total_cmp(&self.min).is_lt() {
            self.min = value;
        }
        if self.max.is_nan() || value.total_cmp(&self.max).is_gt() {
            self.max = value;
        }
    }

    /// Adds points, which is cheap where none is NaN.
    pub fn push_all(&mut self, points: &[Point]) {
        // While all are NaN, there are no extremes to compare with.
        let numbers = points.iter().position(|point| !point.value.is_nan());
        let begun = if self.count > self.nan_count {
            0
        } else {
            numbers.map_or(points.len(), |at| at + 1)
        };
        let (first, points) = points.split_at(begun);
        first.iter().for_each(|point| self.push(point.value));
        let (mut plain, mut sum, mut min, mut max) = (true, self.sum, self.min, self.max);
        for &Point { value, .. } in points {
            // Zeros are told apart by their sign, elsewhere.
            let other_zero = |extreme: f64| value == extreme && value.to_bits() != extreme.to_bits();
            plain &= !value.is_nan() && !other_zero(min) && !other_zero(max);
            min = if value < min { value } else { min };
            max = if value > max { value } else { max };
            sum += value;
        }
        if !plain {
            return points.iter().for_each(|point| self.push(point.value));
        }
        self.count += points.len() as u64;
        (self.sum, self.min, self.max) = (sum, min, max);
    }

    /// Mean of the values that are no NaN; NaN when all are.
    pub fn mean(&self) -> f64 {
        self.sum / (self.count - self.nan_count) as f64
    }
}

/// What readers are given: what was asked for and exists, for values that are all NaN have no extremes and no mean.
impl Aggregate {
    /// Number of points.
    pub fn kept_count(&self) -> Option<i64> {
        self.keep.has(Keep::COUNT).then_some(self.count.cast_signed())
    }

    /// Smallest value.
    pub fn kept_min(&self) -> Option<f64> {
        self.kept(Keep::MIN, self.min)
    }

    /// Largest value.
    pub fn kept_max(&self) -> Option<f64> {
        self.kept(Keep::MAX, self.max)
    }

    /// Mean of the values that are no NaN.
    pub fn kept_mean(&self) -> Option<f64> {
        self.kept(Keep::MEAN, self.mean())
    }

    /// Made from what readers were given, up to the last bit of the sum; nothing where that is nothing.
    pub fn from_kept(count: Option<i64>, min: Option<f64>, max: Option<f64>, mean: Option<f64>) -> Option<Self> {
        let of = |there: bool, keep: Keep| if there { keep.0 } else { 0 };
        let keep = of(count.is_some(), Keep::COUNT)
            | of(min.is_some(), Keep::MIN)
            | of(max.is_some(), Keep::MAX)
            | of(mean.is_some(), Keep::MEAN);
        // A number that was not kept is of no meaning, but above that of a point by itself.
        let points = count.map_or(2, i64::cast_unsigned);
        (keep > 0 && points > 1).then(|| Self {
            count: points,
            nan_count: 0,
            min: min.unwrap_or(f64::NAN),
            max: max.unwrap_or(f64::NAN),
            sum: mean.map_or(0.0, |mean| mean * points as f64),
            keep: Keep(keep | Keep::LAST.0),
        })
    }

    fn kept(&self, keep: Keep, value: f64) -> Option<f64> {
        (self.keep.has(keep) && self.count > self.nan_count).then_some(value)
    }
}

/// The stored point of a window and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Sequence number of the point.
    pub seq: u64,
    /// Of the points of the window.
    pub aggregate: Aggregate,
}

/// The latest accepted point of a series, not stored yet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pending {
    /// The point.
    pub point: Point,
    /// What it will stand for when it is stored; `None` for a policy without windows.
    pub aggregate: Option<Aggregate>,
}

/// Ledger of one series of one writer at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    /// Whose points.
    pub name: SeriesName,
    /// Those that are neither stored nor pending.
    pub tally: Tally,
    /// The one that is on hold.
    pub pending: Option<Pending>,
}

impl LedgerEntry {
    /// Summary of the points that are neither stored nor pending.
    pub fn summary(&self) -> Option<Summary> {
        self.tally.totals.map(|totals| Summary::new(&self.name, totals))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(step: i64) -> Point {
        Point {
            step,
            timestamp_ms: step,
            value: step as f64,
        }
    }

    #[test]
    fn what_follows_without_a_break_is_one_stretch_and_the_last_of_many_widens() {
        let mut tally = Tally::default();
        for step in 0..3 {
            tally.drop(DropReason::Backlog, point(step), step > 0);
        }
        assert_eq!((tally.stretches.len(), tally.stretches[0].last_step), (1, 2));
        for step in 10..200 {
            tally.drop(DropReason::Backlog, point(step), false);
        }
        assert_eq!(tally.stretches.len(), MAX_STRETCHES);
        let counted: u64 = tally.stretches.iter().map(|stretch| stretch.count).sum();
        assert_eq!(
            (counted, tally.points(), tally.dropped[DropReason::Backlog.index()]),
            (193, 193, 193)
        );
        assert_eq!(tally.stretches.last().unwrap().last_step, 199);
    }

    #[test]
    fn a_tally_has_the_totals_of_all_of_its_points() {
        let mut tally = Tally::default();
        tally.merge(point(4));
        tally.drop(DropReason::Throttled, point(2), true);
        let totals = tally.totals.unwrap();
        assert_eq!(
            (totals.count, totals.min, totals.max, totals.last.step),
            (2, 2.0, 4.0, 4)
        );
        assert_eq!((tally.merged, tally.points()), (1, 2));
    }

    #[test]
    fn nan_is_counted_in_a_window_and_never_an_aggregate() {
        let mut window = Aggregate::of(f64::NAN, Keep::ALL);
        assert!(window.min.is_nan() && window.mean().is_nan());
        [3.0, f64::NAN, -0.0, 0.0]
            .into_iter()
            .for_each(|value| window.push(value));
        assert_eq!(
            (window.count, window.nan_count, window.max, window.mean()),
            (5, 2, 3.0, 1.0)
        );
        assert!(window.min.is_sign_negative());
    }
}
