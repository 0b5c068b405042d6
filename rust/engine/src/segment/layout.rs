//! Layout of the values: which rows make a row group, and how their values are encoded.
//!
//! Values that repeat (rounded, quantised, counted) are smallest as a dictionary; values with noise in their last bits as
//! byte streams, one for each of the eight bytes, of which compression takes the quiet ones. The number of distinct
//! values gives the price of the first, the entropy of the bytes that of the second: a trial of both would cost more
//! than the encoding itself.

use std::ops::Range;

use super::schema::{MAX_MERGED_GROUPS, ROW_GROUP_ROWS};

/// How values are laid out before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Distinct values once, and for each row the index of its own.
    Dictionary,
    /// The first bytes of all values, then the second bytes, and so on.
    ByteStreams,
}

/// The rows of one row group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowGroup {
    pub(super) rows: Range<usize>,
    pub(super) layout: Layout,
}

/// Bits of the bitmap that counts distinct values, as many as the rows of the largest row group.
const BITMAP_BITS: usize = ROW_GROUP_ROWS * MAX_MERGED_GROUPS;
const SAMPLE_ROWS: usize = 4096;
/// A value in a dictionary. Compression leaves 3 to 8 bytes of it; the most is counted, so that noise is never taken for a dictionary.
const DICTIONARY_BITS: f64 = 64.0;

/// Divides rows into row groups and picks for each the layout that is estimated to be smaller.
pub(super) fn plan(values: &[f64]) -> Vec<RowGroup> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, block) in values.chunks(ROW_GROUP_ROWS).enumerate() {
        let start = index * ROW_GROUP_ROWS;
        let group = Group::new(start..start + block.len(), block);
        match groups.last_mut().and_then(|last| last.merged(&group)) {
            Some(merged) => {
                groups.pop();
                groups.push(merged);
            }
            None => groups.push(group),
        }
    }
    groups
        .into_iter()
        .map(|group| RowGroup {
            rows: group.rows,
            layout: group.layout,
        })
        .collect()
}

struct Group {
    rows: Range<usize>,
    layout: Layout,
    /// Estimated size in bits as a dictionary.
    bits: f64,
    distinct: Distinct,
}

impl Group {
    fn new(rows: Range<usize>, values: &[f64]) -> Self {
        let distinct = Distinct::of(values);
        let bits = dictionary_bits(values.len(), &distinct);
        let layout = if bits < values.len() as f64 * byte_entropy(values) {
            Layout::Dictionary
        } else {
            Layout::ByteStreams
        };
        Self {
            rows,
            layout,
            bits,
            distinct,
        }
    }

    /// Both groups as one, when one dictionary serves both and is smaller than two.
    fn merged(&self, next: &Self) -> Option<Self> {
        let rows = self.rows.start..next.rows.end;
        let dictionaries = [self.layout, next.layout] == [Layout::Dictionary; 2];
        if !dictionaries || rows.len() > MAX_MERGED_GROUPS * ROW_GROUP_ROWS {
            return None;
        }
        let distinct = self.distinct.union(&next.distinct);
        let bits = dictionary_bits(rows.len(), &distinct);
        (bits < self.bits + next.bits).then_some(Self {
            rows,
            layout: Layout::Dictionary,
            bits,
            distinct,
        })
    }
}

fn dictionary_bits(rows: usize, distinct: &Distinct) -> f64 {
    let distinct = distinct.count();
    rows as f64 * distinct.max(1.0).log2().ceil() + distinct * DICTIONARY_BITS
}

/// An estimate of the set of bit patterns among some values.
///
/// Source: linear counting; Whang, Vander-Zanden and Taylor, 1990.
struct Distinct(Vec<u64>);

impl Distinct {
    fn of(values: &[f64]) -> Self {
        let mut bitmap = vec![0; BITMAP_BITS / 64];
        for value in values {
            let slot = slot(value.to_bits());
            bitmap[slot / 64] |= 1 << (slot % 64);
        }
        Self(bitmap)
    }

    fn union(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a | b).collect())
    }

    fn count(&self) -> f64 {
        let used: u32 = self.0.iter().map(|word| word.count_ones()).sum();
        let size = BITMAP_BITS as f64;
        let free = (size - f64::from(used)).max(1.0);
        size * (size / free).ln()
    }
}

#[inline]
fn slot(bits: u64) -> usize {
    // Multiplicative hashing takes the top bits; folding first lets the exponent reach them.
    let mixed = (bits ^ (bits >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> (64 - BITMAP_BITS.trailing_zeros())) as usize
}

/// Bits a value that remain when each of its eight bytes is coded by frequency, from a sample spread over the rows.
fn byte_entropy(values: &[f64]) -> f64 {
    let mut counts = vec![[0u32; 256]; 8];
    let stride = values.len().div_ceil(SAMPLE_ROWS).max(1);
    for value in values.iter().step_by(stride) {
        for (count, byte) in counts.iter_mut().zip(value.to_le_bytes()) {
            count[usize::from(byte)] += 1;
        }
    }
    counts.iter().map(entropy).sum()
}

fn entropy(counts: &[u32; 256]) -> f64 {
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| f64::from(count) / total)
        .map(|share| -share * share.log2())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(rows: usize) -> impl Iterator<Item = f64> {
        let mut state = 7u64;
        (0..rows).map(move |_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 11) as f64 / (1u64 << 53) as f64
        })
    }

    fn rounded(rows: usize) -> impl Iterator<Item = f64> {
        noise(rows).map(|value| (value * 1e4).round() / 1e4)
    }

    const ROWS: usize = 3 * ROW_GROUP_ROWS + 5;

    #[test]
    fn noise_is_split_into_byte_streams_a_row_group_at_a_time() {
        for values in [
            noise(ROWS).collect::<Vec<_>>(),
            noise(ROWS).map(|v| f64::from(v as f32)).collect(),
        ] {
            let plan = plan(&values);
            assert!(plan.iter().all(|group| group.layout == Layout::ByteStreams));
            let rows: Vec<_> = plan.iter().map(|group| group.rows.len()).collect();
            assert_eq!(rows, [ROW_GROUP_ROWS, ROW_GROUP_ROWS, ROW_GROUP_ROWS, 5]);
        }
    }

    #[test]
    fn row_groups_that_share_rounded_values_become_one_dictionary() {
        let values: Vec<f64> = rounded(5 * ROW_GROUP_ROWS).collect();
        let dictionary = |rows| RowGroup {
            rows,
            layout: Layout::Dictionary,
        };
        let whole = dictionary(0..4 * ROW_GROUP_ROWS);
        let rest = dictionary(4 * ROW_GROUP_ROWS..5 * ROW_GROUP_ROWS);
        assert_eq!(plan(&values), [whole, rest]);
    }

    #[test]
    fn row_groups_with_other_values_keep_dictionaries_of_their_own() {
        let low = rounded(ROW_GROUP_ROWS).map(|value| value * 0.5);
        let high = rounded(ROW_GROUP_ROWS).map(|value| value + 1.0);
        let values: Vec<f64> = low.chain(high).collect();
        assert_eq!(plan(&values).len(), 2);
    }

    #[test]
    fn distinct_values_are_counted_within_a_few_percent() {
        for expected in [1usize, 100, 10_000, 100_000] {
            let values: Vec<f64> = (0..ROW_GROUP_ROWS).map(|i| (i % expected) as f64 / 7.0).collect();
            let counted = Distinct::of(&values).count();
            assert!(
                (counted / expected as f64 - 1.0).abs() < 0.05,
                "{counted} for {expected}"
            );
        }
    }

    #[test]
    fn no_values_make_no_row_group() {
        assert!(plan(&[]).is_empty());
    }
}
