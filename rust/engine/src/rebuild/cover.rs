//! Cover: sets chosen so that each element is in one of them, and in no other.
//!
//! What only one open set holds forces that set, and a set that is taken closes those that share an element with it. Where nothing is forced,
//! the open set with the most elements is taken. A cover exists, and the sets that do not belong to it are what a few crashes left, so
//! this finds one; it does not search on where it would not, as the problem at large is NP-complete.

use std::cmp::Reverse;

/// Sets of elements, of which some are taken.
pub(super) struct Cover {
    sets: Vec<Vec<usize>>,
    state: Vec<State>,
    /// For each element, the sets that hold it.
    holders: Vec<Vec<usize>>,
    /// For each element, how many of them are open.
    open: Vec<usize>,
    /// Elements, not covered, that had one open holder when they were put here.
    forced: Vec<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Taken,
    Closed,
}

impl Cover {
    /// Starts with nothing taken. A set holds an element once.
    pub(super) fn new(sets: Vec<Vec<usize>>) -> Self {
        let elements = sets.iter().flatten().max().map_or(0, |last| last + 1);
        let mut holders = vec![Vec::new(); elements];
        for (set, of_set) in sets.iter().enumerate() {
            for &element in of_set {
                holders[element].push(set);
            }
        }
        let open: Vec<usize> = holders.iter().map(Vec::len).collect();
        Self {
            forced: (0..elements).filter(|&element| open[element] == 1).collect(),
            state: vec![State::Open; sets.len()],
            sets,
            holders,
            open,
        }
    }

    /// Takes a set, unless it shares an element with one that is taken.
    pub(super) fn take(&mut self, set: usize) {
        if self.state[set] != State::Open {
            return;
        }
        self.state[set] = State::Taken;
        for element in self.sets[set].clone() {
            for other in self.holders[element].clone() {
                self.close(other);
            }
        }
    }

    fn close(&mut self, set: usize) {
        if self.state[set] != State::Open {
            return;
        }
        self.state[set] = State::Closed;
        for &element in &self.sets[set] {
            self.open[element] -= 1;
            if self.open[element] == 1 {
                self.forced.push(element);
            }
        }
    }

    /// Takes sets as long as there are any to take, and tells which are.
    ///
    /// `order` decides between open sets with as many elements: the smallest first.
    pub(super) fn complete<K: Ord>(mut self, order: impl Fn(usize) -> K) -> Vec<bool> {
        let mut by_size: Vec<usize> = (0..self.sets.len()).collect();
        by_size.sort_by_cached_key(|&set| (Reverse(self.sets[set].len()), order(set)));
        self.take_forced();
        for set in by_size {
            self.take(set);
            self.take_forced();
        }
        self.state.into_iter().map(|state| state == State::Taken).collect()
    }

    fn take_forced(&mut self) {
        while let Some(element) = self.forced.pop() {
            let holders = &self.holders[element];
            if holders.iter().any(|&set| self.state[set] == State::Taken) {
                continue;
            }
            if let Some(&set) = holders.iter().find(|&&set| self.state[set] == State::Open) {
                self.take(set);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(sets: &[&[usize]]) -> Vec<usize> {
        let cover = Cover::new(sets.iter().map(|set| set.to_vec()).collect());
        let chosen = cover.complete(|set| set);
        (0..sets.len()).filter(|&set| chosen[set]).collect()
    }

    #[test]
    fn larger_sets_are_preferred() {
        assert_eq!(chosen(&[&[0], &[1], &[0, 1]]), [2]);
    }

    #[test]
    fn a_set_that_alone_holds_something_comes_before_larger_ones() {
        assert_eq!(chosen(&[&[0], &[1], &[2], &[0, 1, 2], &[2, 3]]), [0, 1, 4]);
    }

    #[test]
    fn nothing_is_covered_twice_even_if_something_is_left_over() {
        assert_eq!(chosen(&[&[0, 1], &[1, 2], &[]]), [1, 2]);
    }
}
