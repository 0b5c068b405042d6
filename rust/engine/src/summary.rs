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
    use super::*;

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
}
