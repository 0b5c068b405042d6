//! Bucket: what is kept of the points of one series that share a stretch of the axis.
//!
//! Buckets merge exactly and in any order, up to the rounding of the sum, so that row groups can be reduced on different
//! threads and segments written by different processes.

use crate::ledger::Aggregate;
use crate::summary::point_order;
use crate::types::Point;

/// Values are compared and added in so many independent lanes, which the compiler turns into vectors.
const LANES: usize = 8;
/// Keeps a sum of any finite values finite; multiplying by a power of two loses no bit of a number that is large enough to matter.
const SCALE: f64 = 1.0 / 18_446_744_073_709_551_616.0;

/// Bit of [`Bucket::non_finite`] for NaN.
pub const HAS_NAN: u8 = 1;
/// Bit of [`Bucket::non_finite`] for positive infinity.
pub const HAS_INFINITY: u8 = 2;
/// Bit of [`Bucket::non_finite`] for negative infinity.
pub const HAS_NEGATIVE_INFINITY: u8 = 4;

/// The points of one bucket, reduced.
#[derive(Clone, Debug)]
pub struct Bucket {
    /// Number of the bucket on its grid.
    pub(super) slot: u64,
    /// Smallest place of a point on the axis.
    pub first_x: i64,
    /// Largest place of a point on the axis.
    pub last_x: i64,
    /// Number of points.
    pub count: u64,
    /// The largest point by (step, timestamp, value), NaN being below every number.
    pub last: Point,
    values: Values,
}

/// What a row stands for besides its own value, as far as it was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct WindowRow {
    /// Place of the row.
    pub(super) row: usize,
    /// Number of points, the row's own included.
    pub(super) count: Option<i64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    pub(super) mean: Option<f64>,
}

impl WindowRow {
    /// What a point of a journal stands for.
    pub(super) fn of(window: &Aggregate) -> Self {
        Self {
            row: 0,
            count: window.kept_count(),
            min: window.kept_min(),
            max: window.kept_max(),
            mean: window.kept_mean(),
        }
    }

    /// Whether it stands for itself alone, as far as is known.
    pub(super) fn is_empty(&self) -> bool {
        self.count.is_none() && [self.min, self.max, self.mean].iter().all(Option::is_none)
    }
}

/// Extremes and sum of finite values, and which other values there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Values {
    finite: u64,
    min: f64,
    max: f64,
    sum: f64,
    /// The sum once more, in a unit in which it cannot overflow.
    scaled_sum: f64,
    non_finite: u8,
}

impl Bucket {
    pub(super) fn new(slot: u64, (first_x, last_x): (i64, i64), values: &[f64], last: Point) -> Self {
        Self {
            slot,
            first_x,
            last_x,
            count: values.len() as u64,
            last,
            values: Values::of(values),
        }
    }

    /// Adds the points that a row stands for besides itself; `value` is its own.
    pub(super) fn widen(&mut self, window: &WindowRow, value: f64) {
        let others = window.count.map_or(0, |count| count.max(1).unsigned_abs() - 1);
        self.count += others;
        for extreme in [window.min, window.max].into_iter().flatten() {
            self.values.widen(extreme);
        }
        if let Some(mean) = window.mean.filter(|mean| mean.is_finite() && others > 0) {
            self.values.add_others(mean, others, value);
        }
    }

    /// Adds the points of `other`, which has the same slot.
    pub(super) fn merge(&mut self, other: &Self) {
        self.first_x = self.first_x.min(other.first_x);
        self.last_x = self.last_x.max(other.last_x);
        self.count += other.count;
        if point_order(&other.last, &self.last).is_gt() {
            self.last = other.last;
        }
        self.values.merge(&other.values);
    }

    /// Smallest and largest finite value and mean of the finite values, in this order; None when there is none.
    pub fn extremes(&self) -> Option<(f64, f64, f64)> {
        let Values { min, max, finite, .. } = self.values;
        (finite > 0).then(|| (min, max, self.values.mean()))
    }

    /// Which values are not finite: [`HAS_NAN`], [`HAS_INFINITY`], [`HAS_NEGATIVE_INFINITY`].
    pub fn non_finite(&self) -> u8 {
        self.values.non_finite
    }
}

impl Values {
    const NONE: Self = Self {
        finite: 0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
        sum: 0.0,
        scaled_sum: 0.0,
        non_finite: 0,
    };

    fn of(values: &[f64]) -> Self {
        let (min, max, sum) = in_lanes(values);
        // A sum that met a NaN or an infinity never becomes finite again.
        if !sum.is_finite() {
            return Self::one_by_one(values);
        }
        Self {
            finite: values.len() as u64,
            min: signed_zero(min, values, true),
            max: signed_zero(max, values, false),
            sum,
            scaled_sum: sum * SCALE,
            non_finite: 0,
        }
    }

    fn one_by_one(values: &[f64]) -> Self {
        let mut all = Self::NONE;
        for &value in values {
            if value.is_finite() {
                all.merge(&Self {
                    finite: 1,
                    min: value,
                    max: value,
                    sum: value,
                    scaled_sum: value * SCALE,
                    non_finite: 0,
                });
            } else {
                all.non_finite |= match value {
                    f64::INFINITY => HAS_INFINITY,
                    f64::NEG_INFINITY => HAS_NEGATIVE_INFINITY,
                    _ => HAS_NAN,
                };
            }
        }
        all
    }

    /// Takes up an extreme of points that are not counted here.
    fn widen(&mut self, extreme: f64) {
        let mut one = Self::one_by_one(&[extreme]);
        (one.finite, one.sum, one.scaled_sum) = (0, 0.0, 0.0);
        self.merge(&one);
    }

    /// Counts the others of the points whose mean this is; `own` is among them and counted already, if it is a number.
    fn add_others(&mut self, mean: f64, others: u64, own: f64) {
        let (own, all) = if own.is_finite() {
            (own, others + 1)
        } else {
            (0.0, others)
        };
        self.finite += others;
        self.sum += mean * all as f64 - own;
        self.scaled_sum += mean * SCALE * all as f64 - own * SCALE;
    }

    fn merge(&mut self, other: &Self) {
        self.finite += other.finite;
        if other.min.total_cmp(&self.min).is_lt() {
            self.min = other.min;
        }
        if other.max.total_cmp(&self.max).is_gt() {
            self.max = other.max;
        }
        self.sum += other.sum;
        self.scaled_sum += other.scaled_sum;
        self.non_finite |= other.non_finite;
    }

    /// Between the extremes, which rounding could leave.
    fn mean(&self) -> f64 {
        let count = self.finite as f64;
        let mean = if self.sum.is_finite() {
            self.sum / count
        } else {
            self.scaled_sum / count / SCALE
        };
        mean.clamp(self.min, self.max)
    }
}

/// An extreme that is zero, with the sign that comparisons do not see: -0.0 is the smaller one.
fn signed_zero(extreme: f64, values: &[f64], smallest: bool) -> f64 {
    if extreme != 0.0 {
        return extreme;
    }
    let found = values.iter().any(|v| *v == 0.0 && v.is_sign_negative() == smallest);
    if found == smallest { -0.0 } else { 0.0 }
}

/// Smallest and largest value, and the sum; of no meaning unless the sum is finite.
fn in_lanes(values: &[f64]) -> (f64, f64, f64) {
    let (mut min, mut max, mut sum) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES], [0.0; LANES]);
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for lane in 0..LANES {
            min[lane] = if block[lane] < min[lane] {
                block[lane]
            } else {
                min[lane]
            };
            max[lane] = if block[lane] > max[lane] {
                block[lane]
            } else {
                max[lane]
            };
            sum[lane] += block[lane];
        }
    }
    for (lane, &value) in rest.iter().enumerate() {
        min[lane] = min[lane].min(value);
        max[lane] = max[lane].max(value);
        sum[lane] += value;
    }
    (
        min.into_iter().fold(f64::INFINITY, f64::min),
        max.into_iter().fold(f64::NEG_INFINITY, f64::max),
        sum.into_iter().sum(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(values: &[f64]) -> Bucket {
        let last = Point {
            step: 0,
            timestamp_ms: 0,
            value: values[values.len() - 1],
        };
        Bucket::new(0, (0, 0), values, last)
    }

    #[test]
    fn extremes_and_mean_are_of_finite_values_alone() {
        let made = bucket(&[f64::NAN, 4.0, f64::INFINITY, -2.0, 1.0]);
        assert_eq!(made.extremes(), Some((-2.0, 4.0, 1.0)));
        assert_eq!((made.count, made.non_finite()), (5, HAS_NAN | HAS_INFINITY));
        let none = bucket(&[f64::NEG_INFINITY]);
        assert_eq!((none.extremes(), none.non_finite()), (None, HAS_NEGATIVE_INFINITY));
    }

    #[test]
    fn zeros_keep_their_signs_in_any_lane() {
        let bits = |values: &[f64]| {
            bucket(values)
                .extremes()
                .map(|(min, max, _)| (min.to_bits(), max.to_bits()))
        };
        let (plus, minus) = (0.0f64.to_bits(), (-0.0f64).to_bits());
        for place in 0..11 {
            let mut values = [0.0; 11];
            values[place] = -0.0;
            assert_eq!(bits(&values), Some((minus, plus)));
        }
        assert_eq!(bits(&[-0.0; 11]), Some((minus, minus)));
        assert_eq!(bits(&[0.0; 11]), Some((plus, plus)));
    }

    #[test]
    fn the_mean_of_the_largest_doubles_is_one_of_them() {
        assert_eq!(
            bucket(&[f64::MAX; 100]).extremes(),
            Some((f64::MAX, f64::MAX, f64::MAX))
        );
        let mut merged = bucket(&[f64::MAX]);
        merged.merge(&bucket(&[f64::MAX]));
        merged.merge(&bucket(&[-f64::MAX, -f64::MAX, f64::NAN]));
        assert_eq!(merged.extremes(), Some((-f64::MAX, f64::MAX, 0.0)));
    }

    #[test]
    fn a_row_brings_what_it_stands_for() {
        let mut made = bucket(&[1.0, 2.0]);
        let window = WindowRow {
            row: 1,
            count: Some(4),
            min: Some(-7.0),
            max: Some(9.0),
            mean: Some(1.5),
        };
        made.widen(&window, 2.0);
        assert_eq!((made.count, made.extremes()), (5, Some((-7.0, 9.0, 7.0 / 5.0))));
        let mut infinite = bucket(&[1.0]);
        let beyond = WindowRow {
            max: Some(f64::INFINITY),
            min: None,
            count: None,
            mean: Some(f64::INFINITY),
            row: 0,
        };
        infinite.widen(&beyond, 1.0);
        assert_eq!(infinite.extremes(), Some((1.0, 1.0, 1.0)));
        assert_eq!((infinite.count, infinite.non_finite()), (1, HAS_INFINITY));
    }

    #[test]
    fn the_mean_never_leaves_the_extremes() {
        for count in 1..40 {
            assert_eq!(bucket(&vec![0.1; count]).extremes(), Some((0.1, 0.1, 0.1)));
        }
    }
}
