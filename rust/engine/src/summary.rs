//! Summary of one series: what the run table shows without reading points.
//!
//! Merging is commutative and associative (up to the rounding of `sum`), so that summaries of segments, journals and
//! writers give the same answer in any order.

use std::cmp::Ordering;
use std::ops::Deref;
use std::sync::Arc;

use crate::types::{Point, SeriesName};

/// Count, extremes, first and last of some points, whosever they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Totals {
    /// Points, NaNs included.
    pub count: u64,
    /// Points whose value is NaN.
    pub nan_count: u64,
    /// Smallest (step, timestamp, value).
    pub first: Point,
    /// Largest (step, timestamp, value): the latest value.
    pub last: Point,
    /// Smallest value that is no NaN; NaN when all are.
    pub min: f64,
    /// Smallest step at which `min` was reached; 0 when all are NaN.
    pub min_step: i64,
    /// Largest value that is no NaN; NaN when all are.
    pub max: f64,
    /// Smallest step at which `max` was reached; 0 when all are NaN.
    pub max_step: i64,
    /// Sum of the values that are no NaN.
    pub sum: f64,
    /// Latest time of any point, in milliseconds since 1970-01-01 UTC.
    pub max_timestamp_ms: i64,
}

/// Totals of one metric of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Run id.
    pub run_id: Arc<str>,
    /// Metric key.
    pub key: Arc<str>,
    /// Of its points.
    pub totals: Totals,
}

impl Deref for Summary {
    type Target = Totals;

    fn deref(&self) -> &Totals {
        &self.totals
    }
}

impl Summary {
    /// The summary of one point.
    pub fn of(name: &SeriesName, point: Point) -> Self {
        Self::new(name, Totals::of(point))
    }

    /// Says whose `totals` are.
    pub fn new(name: &SeriesName, totals: Totals) -> Self {
        Self {
            run_id: name.run_id.clone(),
            key: name.key.clone(),
            totals,
        }
    }

    /// Whose it is.
    pub fn name(&self) -> SeriesName {
        SeriesName {
            run_id: self.run_id.clone(),
            key: self.key.clone(),
        }
    }

    /// Adds one point.
    #[inline]
    pub fn push(&mut self, point: Point) {
        self.totals.push(point);
    }

    /// Adds the points that `other` stands for; both are of the same series.
    pub fn merge(&mut self, other: &Summary) {
        self.totals.merge(&other.totals);
    }
}

impl Totals {
    /// Those of one point.
    pub fn of(point: Point) -> Self {
        let nan = point.value.is_nan();
        Self {
            count: 1,
            nan_count: u64::from(nan),
            first: point,
            last: point,
            min: point.value,
            min_step: if nan { 0 } else { point.step },
            max: point.value,
            max_step: if nan { 0 } else { point.step },
            sum: if nan { 0.0 } else { point.value },
            max_timestamp_ms: point.timestamp_ms,
        }
    }

    /// Those of points in the order of (step, timestamp), given by column; at least one, and columns of equal length.
    pub fn of_sorted(step: &[i64], timestamp_ms: &[i64], value: &[f64]) -> Self {
        let point = |row: usize| Point {
            step: step[row],
            timestamp_ms: timestamp_ms[row],
            value: value[row],
        };
        let mut ends = Self::of(point(0));
        let moment = |row: usize| (step[row], timestamp_ms[row]);
        let last = value.len() - 1;
        // Only points of the first and the last moment can be first and last.
        (1..=last)
            .take_while(|row| moment(*row) == moment(0))
            .for_each(|row| ends.widen(&point(row), &point(row)));
        (0..=last)
            .rev()
            .take_while(|row| moment(*row) == moment(last))
            .for_each(|row| ends.widen(&point(row), &point(row)));
        let values = Values::of(value);
        // In this order, where a value comes first it has its smallest step.
        let step_of = |wanted: f64| match value.iter().position(|v| v.to_bits() == wanted.to_bits()) {
            Some(row) if !wanted.is_nan() => step[row],
            _ => 0,
        };
        Self {
            count: value.len() as u64,
            nan_count: values.nan_count,
            min: values.min,
            min_step: step_of(values.min),
            max: values.max,
            max_step: step_of(values.max),
            // One after the other, so that whoever reads the points anew comes to the same bits.
            sum: value[1..]
                .iter()
                .fold(ends.sum, |sum, v| if v.is_nan() { sum } else { sum + v }),
            max_timestamp_ms: extremes(timestamp_ms).1,
            ..ends
        }
    }

    /// Adds one point.
    #[inline]
    pub fn push(&mut self, point: Point) {
        self.count += 1;
        self.max_timestamp_ms = self.max_timestamp_ms.max(point.timestamp_ms);
        self.widen(&point, &point);
        if point.value.is_nan() {
            self.nan_count += 1;
        } else {
            self.lower(point.value, point.step);
            self.raise(point.value, point.step);
            self.sum += point.value;
        }
    }

    /// Adds points that come one after the other, which is cheap where their steps rise and none is NaN.
    pub fn push_all(&mut self, points: &[Point]) {
        let (Some(oldest), Some(newest)) = (points.first(), points.last()) else {
            return;
        };
        let (mut plain, mut before) = (!self.min.is_nan(), oldest.step.saturating_sub(1));
        let (mut sum, mut time) = (self.sum, self.max_timestamp_ms);
        let (mut min, mut min_step, mut max, mut max_step) = (self.min, self.min_step, self.max, self.max_step);
        for &Point {
            step,
            timestamp_ms,
            value,
        } in points
        {
            // An extreme that is reached again keeps its step where that is the smaller one; zeros are told apart by sign.
            let again = |extreme: f64, at: i64| value == extreme && (step < at || value.to_bits() != extreme.to_bits());
            plain &= step > before && !value.is_nan() && !again(min, min_step) && !again(max, max_step);
            (min, min_step) = if value < min { (value, step) } else { (min, min_step) };
            (max, max_step) = if value > max { (value, step) } else { (max, max_step) };
            (before, sum, time) = (step, sum + value, time.max(timestamp_ms));
        }
        if !plain {
            return points.iter().for_each(|point| self.push(*point));
        }
        self.count += points.len() as u64;
        (self.min, self.min_step, self.max, self.max_step) = (min, min_step, max, max_step);
        (self.sum, self.max_timestamp_ms) = (sum, time);
        self.widen(oldest, newest);
    }

    /// Adds the points that `other` stands for.
    pub fn merge(&mut self, other: &Totals) {
        self.count += other.count;
        self.nan_count += other.nan_count;
        self.max_timestamp_ms = self.max_timestamp_ms.max(other.max_timestamp_ms);
        self.widen(&other.first, &other.last);
        if other.count > other.nan_count {
            self.lower(other.min, other.min_step);
            self.raise(other.max, other.max_step);
            self.sum += other.sum;
        }
    }

    fn widen(&mut self, first: &Point, last: &Point) {
        if point_order(first, &self.first).is_lt() {
            self.first = *first;
        }
        if point_order(last, &self.last).is_gt() {
            self.last = *last;
        }
    }

    fn lower(&mut self, value: f64, step: i64) {
        let order = if self.min.is_nan() {
            Ordering::Less
        } else {
            value.total_cmp(&self.min)
        };
        if order.is_lt() || (order.is_eq() && step < self.min_step) {
            (self.min, self.min_step) = (value, step);
        }
    }

    fn raise(&mut self, value: f64, step: i64) {
        let order = if self.max.is_nan() {
            Ordering::Greater
        } else {
            value.total_cmp(&self.max)
        };
        if order.is_gt() || (order.is_eq() && step < self.max_step) {
            (self.max, self.max_step) = (value, step);
        }
    }
}

/// Smallest and largest of some integers, at least one; quickest where they are in order, as times of a series mostly are.
pub(crate) fn extremes(values: &[i64]) -> (i64, i64) {
    if values.is_sorted() {
        return (values[0], values[values.len() - 1]);
    }
    values.iter().fold((i64::MAX, i64::MIN), |(min, max), value| {
        (min.min(*value), max.max(*value))
    })
}

/// Values that are looked at side by side.
const LANES: usize = 8;

/// What [`Totals`] say of values alone.
struct Values {
    nan_count: u64,
    min: f64,
    max: f64,
}

impl Values {
    /// Values are taken side by side in lanes, which the compiler turns into vectors.
    fn of(values: &[f64]) -> Self {
        let (mut nans, mut min, mut max) = ([0; LANES], [f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let mut push = |lane: usize, value: f64| {
            nans[lane] += u64::from(value.is_nan());
            min[lane] = if value < min[lane] { value } else { min[lane] };
            max[lane] = if value > max[lane] { value } else { max[lane] };
        };
        let (blocks, rest) = values.as_chunks::<LANES>();
        for block in blocks {
            (0..LANES).for_each(|lane| push(lane, block[lane]));
        }
        rest.iter().for_each(|value| push(0, *value));
        let all = Self {
            nan_count: nans.iter().sum(),
            min: min.into_iter().fold(f64::INFINITY, f64::min),
            max: max.into_iter().fold(f64::NEG_INFINITY, f64::max),
        };
        all.with_signed_zeros(values)
    }

    /// Comparison takes both zeros for equal, and finds nothing where all values are NaN.
    fn with_signed_zeros(mut self, values: &[f64]) -> Self {
        if self.nan_count == values.len() as u64 {
            (self.min, self.max) = (values[0], values[0]);
        }
        let has_zero = |bits: u64| values.iter().any(|value| value.to_bits() == bits);
        if self.min == 0.0 {
            self.min = if has_zero((-0.0_f64).to_bits()) { -0.0 } else { 0.0 };
        }
        if self.max == 0.0 {
            self.max = if has_zero(0.0_f64.to_bits()) { 0.0 } else { -0.0 };
        }
        self
    }
}

/// Order of (step, timestamp, value), with NaN below every number and -0.0 below 0.0.
pub fn point_order(a: &Point, b: &Point) -> Ordering {
    (a.step, a.timestamp_ms)
        .cmp(&(b.step, b.timestamp_ms))
        .then_with(|| match (a.value.is_nan(), b.value.is_nan()) {
            (false, false) => a.value.total_cmp(&b.value),
            (a_nan, b_nan) => b_nan.cmp(&a_nan),
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::journal::slots::empty_window;
    use crate::ledger::Keep;

    fn name() -> SeriesName {
        SeriesName {
            run_id: "r".into(),
            key: "k".into(),
        }
    }

    fn point(step: i64, value: f64) -> Point {
        Point {
            step,
            timestamp_ms: step * 10,
            value,
        }
    }

    fn of(points: &[Point]) -> Summary {
        let mut summary = Summary::of(&name(), points[0]);
        points[1..].iter().for_each(|p| summary.push(*p));
        summary
    }

    #[test]
    fn nan_is_counted_and_never_an_extreme() {
        let s = of(&[point(0, f64::NAN), point(1, 2.0), point(2, -1.0), point(3, f64::NAN)]);
        assert_eq!(
            (s.count, s.nan_count, s.min, s.min_step, s.max, s.max_step),
            (4, 2, -1.0, 2, 2.0, 1)
        );
        assert_eq!(s.sum, 1.0);
        assert!(s.last.value.is_nan() && s.first.value.is_nan());
        let all_nan = of(&[point(5, f64::NAN), point(6, f64::NAN)]);
        assert!(all_nan.min.is_nan() && all_nan.max.is_nan());
        assert_eq!((all_nan.min_step, all_nan.max_step, all_nan.sum), (0, 0, 0.0));
    }

    #[test]
    fn latest_is_the_largest_step_then_time_then_value() {
        let tie = |value| Point {
            step: 7,
            timestamp_ms: 70,
            value,
        };
        assert_eq!(of(&[tie(1.0), tie(3.0), tie(f64::NAN), point(2, 9.0)]).last.value, 3.0);
        let later = Point {
            step: 7,
            timestamp_ms: 71,
            value: f64::NAN,
        };
        assert!(of(&[tie(1.0), later]).last.value.is_nan());
    }

    #[test]
    fn columns_in_order_give_what_their_points_give_one_by_one() {
        let values = [
            0.0,
            -0.0,
            1.5,
            -2.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.25,
            -1.5,
        ];
        for (seed, kinds) in (0..2000_usize).zip([1, 2, 3, 5, 9].into_iter().cycle()) {
            let mut state = seed as u64;
            let mut draw = |below: usize| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 33) as usize % below
            };
            let first = draw(values.len());
            let mut points: Vec<_> = (0..1 + draw(40))
                .map(|_| Point {
                    step: draw(6) as i64 - 3,
                    timestamp_ms: draw(3) as i64 - 1,
                    value: values[(first + draw(kinds)) % values.len()],
                })
                .collect();
            points.sort_by_key(|point| (point.step, point.timestamp_ms));
            let column = |of: fn(&Point) -> i64| points.iter().map(of).collect::<Vec<_>>();
            let value: Vec<_> = points.iter().map(|point| point.value).collect();
            let by_column = Totals::of_sorted(&column(|p| p.step), &column(|p| p.timestamp_ms), &value);
            assert_eq!(format!("{by_column:?}"), format!("{:?}", of(&points).totals));
        }
    }

    #[test]
    fn many_points_at_once_are_as_good_as_one_by_one() {
        let values = [
            1.0,
            2.0,
            2.0,
            -0.0,
            0.0,
            1.5,
            f64::NAN,
            1.0,
            3.0,
            -1.0,
            0.5,
            0.5,
            0.0,
            f64::INFINITY,
            7.0,
        ];
        let points: Vec<_> = (0..200)
            .map(|i| {
                point(
                    if i % 37 == 0 { 5 } else { i },
                    values[i as usize * i as usize % values.len()],
                )
            })
            .collect();
        for size in [1, 2, 7, 50] {
            let mut totals = Totals::of(points[0]);
            points[1..].chunks(size).for_each(|part| totals.push_all(part));
            assert_eq!(format!("{totals:?}"), format!("{:?}", of(&points).totals));
        }
    }

    #[test]
    fn parts_merge_to_the_whole_in_any_order() {
        let points: Vec<_> = (0..40)
            .map(|i| point((i * 7) % 13, if i % 5 == 0 { f64::NAN } else { (i % 11) as f64 }))
            .collect();
        let whole = of(&points);
        for cut in [1, 5, 6, 20, 39] {
            let (mut a, b) = (of(&points[..cut]), of(&points[cut..]));
            let mut c = b.clone();
            c.merge(&a);
            a.merge(&b);
            assert_eq!(format!("{a:?}"), format!("{whole:?}"));
            assert_eq!(format!("{c:?}"), format!("{whole:?}"));
        }
    }

    proptest! {
        #[test]
        fn points_added_together_are_points_added_one_by_one(
            walk in prop::collection::vec((-2..6_i64, prop::sample::select(ODD.as_slice())), 1..60),
            size in 1..20_usize,
        ) {
            let mut step = 0;
            let points: Vec<_> = walk.iter().map(|(by, value)| { step += by; point(step, *value) }).collect();
            let mut totals = Totals::of(points[0]);
            points[1..].chunks(size).for_each(|part| totals.push_all(part));
            prop_assert_eq!(format!("{totals:?}"), format!("{:?}", of(&points).totals));
            let (mut all, mut each) = (empty_window(Keep::ALL), empty_window(Keep::ALL));
            points.chunks(size).for_each(|part| all.push_all(part));
            points.iter().for_each(|point| each.push(point.value));
            prop_assert_eq!(format!("{all:?}"), format!("{each:?}"));
        }
    }

    const ODD: [f64; 8] = [f64::NAN, -0.0, 0.0, 1.0, -1.0, 0.5, f64::INFINITY, f64::NEG_INFINITY];
}
