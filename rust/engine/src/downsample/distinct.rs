//! Distinct places on the axis, as long as they are few.

use std::ops::RangeInclusive;

/// Places seen so far; sorted out when there are many, given up when there are too many.
#[derive(Debug)]
pub(super) struct Distinct {
    most: usize,
    places: Vec<i64>,
    over: bool,
}

impl Distinct {
    /// None yet, and at most `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            places: Vec::new(),
            over: false,
        }
    }

    /// Too many from the beginning.
    pub(super) fn over() -> Self {
        Self {
            most: 0,
            places: Vec::new(),
            over: true,
        }
    }

    /// Whether there are more than were asked for.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Adds the places within `limits`.
    pub(super) fn extend(&mut self, x: &[i64], limits: &RangeInclusive<i64>) {
        for x in x.iter().filter(|x| limits.contains(x)) {
            if self.over {
                return;
            }
            if self.places.last() != Some(x) {
                self.places.push(*x);
                self.tidy();
            }
        }
    }

    /// Adds what others have seen.
    pub(super) fn merge(&mut self, other: Self) {
        self.over |= other.over;
        if !self.over {
            self.places.extend(other.places);
            self.tidy();
        }
    }

    /// The places in order; None when there are too many.
    pub(super) fn into_sorted(mut self) -> Option<Vec<i64>> {
        self.sort_out();
        (!self.over).then_some(self.places)
    }

    /// Sorts repeats out when there is as much of them as of places.
    fn tidy(&mut self) {
        if self.places.len() > self.most.saturating_mul(2).saturating_add(64) {
            self.sort_out();
        }
    }

    fn sort_out(&mut self) {
        self.places.sort_unstable();
        self.places.dedup();
        if self.places.len() > self.most {
            self.over = true;
            self.places = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: RangeInclusive<i64> = i64::MIN..=i64::MAX;

    #[test]
    fn few_places_are_found_among_many_rows_in_any_order() {
        let rows: Vec<i64> = (0..100_000).map(|row| (row * 7919) % 10).collect();
        let mut distinct = Distinct::new(10);
        distinct.extend(&rows, &ALL);
        assert_eq!(distinct.into_sorted(), Some((0..10).collect()));
    }

    #[test]
    fn one_place_too_many_is_noticed() {
        let mut distinct = Distinct::new(3);
        distinct.extend(&[1, 2, 3, 9], &(0..=5));
        let mut other = Distinct::new(3);
        other.extend(&[2, 4], &ALL);
        assert!(!distinct.is_over() && !other.is_over());
        distinct.merge(other);
        assert_eq!(distinct.into_sorted(), None);
        let mut many = Distinct::new(3);
        many.extend(&(0..1000).collect::<Vec<_>>(), &ALL);
        assert!(many.is_over());
    }
}
