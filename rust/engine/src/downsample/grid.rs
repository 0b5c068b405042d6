//! Grid: how an axis is cut into buckets.
//!
//! Places on the axis are `i64`, but the cut is computed in 128 bits: the axis may be as long as all of them, and a range that
//! is asked for may begin or end beyond.

use std::ops::{Range, RangeInclusive};

/// The buckets of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grid {
    /// Equally wide ones, the first at `low`.
    Equal { low: i128, width: u128 },
    /// One for each of these places, in order.
    Each(Vec<i64>),
}

impl Grid {
    /// Cuts `range` into at most `buckets` of equal width, the last of which may reach beyond it.
    pub(super) fn equal(range: Range<i128>, buckets: u64) -> Self {
        let length = u128::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
        Self::Equal {
            low: range.start,
            width: length.div_ceil(u128::from(buckets.max(1))).max(1),
        }
    }

    /// The bucket that `x` is in, and the places that share it. `x` is not below the grid and, where each place has a bucket
    /// of its own, one of them.
    pub(super) fn at(&self, x: i64) -> (u64, RangeInclusive<i64>) {
        match self {
            Self::Equal { low, width } => {
                let slot = quotient((i128::from(x) - low).unsigned_abs(), *width);
                let first = low.saturating_add_unsigned(u128::from(slot).saturating_mul(*width));
                let last = first.saturating_add_unsigned(width - 1);
                (slot, clamped(first)..=clamped(last))
            }
            Self::Each(places) => (places.partition_point(|place| *place < x) as u64, x..=x),
        }
    }

    /// Whether no two places share a bucket.
    pub(super) fn is_finest(&self) -> bool {
        matches!(self, Self::Equal { width: 1, .. } | Self::Each(_))
    }
}

/// Division that is ten times faster where both numbers are small, which they nearly always are.
fn quotient(a: u128, b: u128) -> u64 {
    match (u64::try_from(a), u64::try_from(b)) {
        (Ok(a), Ok(b)) => a / b,
        _ => u64::try_from(a / b).unwrap_or(u64::MAX),
    }
}

/// The place on the axis that is nearest.
pub(super) fn clamped(x: i128) -> i64 {
    i64::try_from(x).unwrap_or(if x < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Range<i128> = i64::MIN as i128..i64::MAX as i128 + 1;

    #[test]
    fn buckets_are_equally_wide_and_begin_where_the_range_does() {
        let grid = Grid::equal(0..20_000, 50);
        assert_eq!(grid.at(0), (0, 0..=399));
        assert_eq!(grid.at(7777), (19, 7600..=7999));
        assert_eq!(grid.at(19_999), (49, 19_600..=19_999));
    }

    #[test]
    fn the_whole_axis_can_be_cut() {
        for buckets in [1, 2, 3, 1000, u64::MAX] {
            let grid = Grid::equal(ALL, buckets);
            let (first, covered) = grid.at(i64::MIN);
            assert_eq!((first, *covered.start()), (0, i64::MIN));
            let (last, covered) = grid.at(i64::MAX);
            assert!(last < buckets && *covered.end() == i64::MAX, "{buckets}: {last}");
        }
    }

    #[test]
    fn a_short_range_has_a_bucket_for_each_place() {
        let grid = Grid::equal(5..8, 1000);
        assert!(grid.is_finest());
        assert_eq!(grid.at(7), (2, 7..=7));
    }

    #[test]
    fn chosen_places_have_buckets_of_their_own() {
        let grid = Grid::Each(vec![i64::MIN, 3, 1 << 40]);
        assert_eq!(grid.at(3), (1, 3..=3));
        assert_eq!(grid.at(1 << 40), (2, 1 << 40..=1 << 40));
    }
}
