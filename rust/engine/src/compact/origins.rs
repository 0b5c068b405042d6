//! Origins: what a compacted segment says of the seals that its rows come from.

use std::collections::{BTreeMap, HashSet};

use crate::error::{Error, Result};
use crate::segment::{Account, FORMAT, JournalRange, Seal, SegmentInfo, Sibling};

/// What a segment with the rows of all inputs says of itself, ids and number of rows aside.
///
/// # Errors
/// [`Error::Uncompactable`] for inputs of two experiments, for none, and for ranges that two inputs have.
pub(super) fn joined(inputs: &[SegmentInfo]) -> Result<SegmentInfo> {
    let Some(first) = inputs.first() else {
        return Err(refuse("there is nothing to compact".into()));
    };
    if let Some(other) = inputs.iter().find(|other| other.experiment_id != first.experiment_id) {
        return Err(refuse(format!(
            "segments of two experiments, {} and {}, are to become one",
            first.experiment_id, other.experiment_id
        )));
    }
    let seals: Vec<Seal> = inputs.iter().flat_map(SegmentInfo::origins).collect();
    check_disjoint(&seals)?;
    let mut replaces: Vec<String> = inputs
        .iter()
        .flat_map(|input| std::iter::once(&input.segment_id).chain(&input.replaces))
        .cloned()
        .collect();
    replaces.sort_unstable();
    replaces.dedup();
    Ok(SegmentInfo {
        format: FORMAT,
        segment_id: String::new(),
        experiment_id: first.experiment_id.clone(),
        seal_id: String::new(),
        siblings: Vec::new(),
        ranges: seals.iter().flat_map(|seal| &seal.ranges).copied().collect(),
        replaces,
        seals,
        ledger: newest(inputs),
        rows: 0,
        bytes: 0,
    })
}

/// The accounts of all inputs; of several of one writer and series the one with the most points, which is the latest.
fn newest(inputs: &[SegmentInfo]) -> Vec<Account> {
    let mut newest = BTreeMap::<_, &Account>::new();
    for account in inputs.iter().flat_map(|input| &input.ledger) {
        let known = newest.entry((account.writer, &account.entry.name)).or_insert(account);
        if known.entry.tally.points() < account.entry.tally.points() {
            *known = account;
        }
    }
    newest.into_values().cloned().collect()
}

/// Notes the number of rows, which must be those of the inputs.
pub(super) fn count(info: &mut SegmentInfo, inputs: &[SegmentInfo], rows: u64, dropped: u64) -> Result<()> {
    let expected: u64 = inputs.iter().map(|input| input.rows).sum();
    if rows + dropped != expected {
        return Err(refuse(format!(
            "the inputs have {expected} rows, of which {} came",
            rows + dropped
        )));
    }
    info.rows = rows;
    info.siblings = vec![Sibling {
        segment_id: info.segment_id.clone(),
        experiment_id: info.experiment_id.clone(),
        rows,
    }];
    Ok(())
}

fn check_disjoint(seals: &[Seal]) -> Result<()> {
    let mut ids = HashSet::new();
    if let Some(twice) = seals.iter().find(|seal| !ids.insert(&seal.seal_id)) {
        return Err(refuse(format!(
            "two segments have points of the seal {}",
            twice.seal_id
        )));
    }
    let mut ranges: Vec<&JournalRange> = seals.iter().flat_map(|seal| &seal.ranges).collect();
    ranges.sort_unstable_by_key(|range| (range.writer, range.from));
    match ranges
        .windows(2)
        .find(|pair| pair[0].writer == pair[1].writer && pair[0].to > pair[1].from)
    {
        Some(pair) => Err(refuse(format!(
            "two segments have points from {} on of writer {}",
            pair[1].from, pair[1].writer
        ))),
        None => Ok(()),
    }
}

fn refuse(reason: String) -> Error {
    Error::Uncompactable { reason }
}
