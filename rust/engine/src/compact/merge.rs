//! Merge: the rows of all cursors in the order of a segment, a stretch at a time.
//!
//! Series are ordered by their names, a heap entry a series and input; rows within a series by integers alone. Most series are in one
//! input, and of one that is in several each mostly has a stretch of steps of its own: both are copied whole.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::cursor::{Cursor, RowKey, Slices};
use crate::error::Result;
use crate::segment::Workspace;

/// Takes so many rows of a cursor, all of one series, without moving it.
pub(super) type Take<'t> = dyn FnMut(&mut Cursor<'_>, usize) -> Result<()> + 't;

/// Hands over the rows of all cursors in order.
pub(super) fn merge(cursors: &mut [Cursor<'_>], workspace: &mut Workspace, take: &mut Take<'_>) -> Result<()> {
    let mut next = BinaryHeap::new();
    for (index, cursor) in cursors.iter_mut().enumerate() {
        cursor.settle(workspace)?;
        next.extend(entry(cursor, index));
    }
    while let Some(Reverse((run_id, key, index))) = next.pop() {
        let mut same = vec![index];
        while let Some(Reverse((other_run, other_key, _))) = next.peek()
            && *other_run == run_id
            && *other_key == key
        {
            same.extend(next.pop().map(|Reverse((_, _, index))| index));
        }
        if let [only] = same[..] {
            copy_series(&mut cursors[only], workspace, take)?;
        } else {
            merge_series(cursors, &same, workspace, take)?;
        }
        next.extend(same.into_iter().filter_map(|index| entry(&cursors[index], index)));
    }
    Ok(())
}

type Entry = Reverse<(Arc<str>, Arc<str>, usize)>;

fn entry(cursor: &Cursor<'_>, index: usize) -> Option<Entry> {
    let name = cursor.name()?;
    Some(Reverse((name.run_id.clone(), name.key.clone(), index)))
}

fn copy_series(cursor: &mut Cursor<'_>, workspace: &mut Workspace, take: &mut Take<'_>) -> Result<()> {
    let name = cursor.name().cloned();
    while name.is_some() && cursor.name() == name.as_ref() {
        let rows = cursor.rows().len();
        take(cursor, rows)?;
        cursor.advance(rows, workspace)?;
    }
    Ok(())
}

/// Merges the rows of one series, which each of `same` is at.
fn merge_series(
    cursors: &mut [Cursor<'_>],
    same: &[usize],
    workspace: &mut Workspace,
    take: &mut Take<'_>,
) -> Result<()> {
    let name = cursors[same[0]].name().cloned();
    let head = |cursor: &Cursor<'_>, index| Reverse((cursor.rows().key(0), index));
    let mut next: BinaryHeap<_> = same.iter().map(|&index| head(&cursors[index], index)).collect();
    while let Some(Reverse((_, index))) = next.pop() {
        let cursor = &mut cursors[index];
        let rows = match next.peek() {
            Some(Reverse((bound, _))) => rows_up_to(&cursor.rows(), *bound),
            None => cursor.rows().len(),
        };
        take(cursor, rows)?;
        cursor.advance(rows, workspace)?;
        if cursor.name() == name.as_ref() {
            next.push(head(cursor, index));
        }
    }
    Ok(())
}

/// How many rows are not beyond `bound`; the first one is not.
///
/// The search doubles its reach, so that inputs which take turns row by row cost a comparison or two each.
fn rows_up_to(rows: &Slices<'_>, bound: RowKey) -> usize {
    let mut reach = 1;
    while reach < rows.len() && rows.key(reach) <= bound {
        reach *= 2;
    }
    let (mut low, mut high) = (reach / 2 + 1, reach.min(rows.len()));
    low = low.min(high);
    while low < high {
        let middle = low + (high - low) / 2;
        if rows.key(middle) <= bound {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_up_to_a_bound_are_counted_wherever_it_lies() {
        for length in 1..40 {
            let step: Vec<i64> = (0..length).map(|row| row / 2).collect();
            let zeros = vec![0; step.len()];
            let rows = Slices {
                step: &step,
                timestamp_ms: &zeros,
                value: &[],
                seq: &zeros,
            };
            for bound in 0..length {
                let expected = step.iter().filter(|step| **step <= bound).count();
                assert_eq!(
                    rows_up_to(&rows, (bound, 0, 0)),
                    expected,
                    "{length} rows, bound {bound}"
                );
            }
        }
    }
}
