//! Choices among segments that exist on paper only; those that crashes leave on a disk are in `compact/tests.rs`.

use super::*;
use crate::segment::{FORMAT, Sibling};

fn range(writer: u128, from: u64, to: u64) -> JournalRange {
    JournalRange {
        writer: WriterId(writer),
        from,
        to,
    }
}

/// The segments of a seal, named by it and their experiment.
fn seal(id: &str, experiments: &[&str], ranges: &[JournalRange]) -> Vec<SegmentInfo> {
    let sibling = |experiment: &&str| Sibling {
        segment_id: format!("{id}{experiment}"),
        experiment_id: (*experiment).into(),

        rows: 1,
    };
    let siblings: Vec<Sibling> = experiments.iter().map(sibling).collect();
    let info = |sibling: &Sibling| SegmentInfo {
        format: FORMAT,
        segment_id: sibling.segment_id.clone(),
        experiment_id: sibling.experiment_id.clone(),
        seal_id: id.into(),
        siblings: siblings.clone(),
        ranges: ranges.to_vec(),
        replaces: Vec::new(),
        seals: Vec::new(),
        ledger: Vec::new(),
        rows: 1,
        bytes: 1,
    };
    siblings.iter().map(info).collect()
}

fn compacted(id: &str, inputs: &[&SegmentInfo], rows: u64) -> SegmentInfo {
    let seals: Vec<Seal> = inputs.iter().flat_map(|input| input.origins()).collect();
    SegmentInfo {
        segment_id: id.into(),
        seal_id: id.into(),
        siblings: Vec::new(),
        ranges: seals.iter().flat_map(|seal| seal.ranges.clone()).collect(),
        replaces: inputs.iter().map(|input| input.segment_id.clone()).collect(),
        seals,
        rows,
        ..inputs[0].clone()
    }
}

fn taken(infos: &[&SegmentInfo]) -> Vec<String> {
    let infos: Vec<SegmentInfo> = infos.iter().copied().cloned().collect();
    let choice = choose(&infos);
    let all = choice.taken.len() + choice.superfluous.len() + choice.unsettled.len();
    assert_eq!(all, infos.len(), "{choice:?}");
    choice.taken
}

#[test]
fn the_segments_of_a_seal_are_taken_when_all_are_there() {
    let both = seal("s", &["a", "b"], &[range(1, 0, 9)]);
    let [a, b] = &both[..] else { unreachable!() };
    let choice = choose(&both);
    assert_eq!(choice.taken, ["sa", "sb"]);
    assert_eq!(choice.ranges, [range(1, 0, 9)]);
    for alone in [a, b] {
        let choice = choose(std::slice::from_ref(alone));
        assert_eq!(
            (choice.taken, choice.unsettled),
            (vec![], vec![alone.segment_id.clone()])
        );
    }
}

#[test]
fn of_two_seals_of_a_range_the_one_that_goes_further_is_taken() {
    let early = &seal("early", &["a"], &[range(1, 0, 100)])[0];
    let late = &seal("late", &["a"], &[range(1, 0, 150)])[0];
    let (first, second) = (
        &seal("x", &["a"], &[range(1, 0, 50)])[0],
        &seal("y", &["a"], &[range(1, 50, 120)])[0],
    );
    assert_eq!(taken(&[early, late]), ["latea"]);
    assert_eq!(taken(&[early, first, second]), ["xa", "ya"]);
}

#[test]
fn a_compacted_segment_stands_for_its_inputs_and_for_siblings_elsewhere() {
    let one = seal("1", &["a", "b"], &[range(1, 0, 10)]);
    let two = seal("2", &["a"], &[range(1, 10, 20)]);
    let both = compacted("c", &[&one[0], &two[0]], 2);
    assert_eq!(taken(&[&one[0], &one[1], &two[0], &both]), ["1b", "c"]);
    assert_eq!(taken(&[&one[1], &both]), ["1b", "c"]);
    assert_eq!(taken(&[&one[0], &one[1], &both]), ["1b", "c"]);
    let choice = choose(&[one[1].clone(), both.clone()]);
    assert_eq!((choice.ranges, choice.missing), (vec![range(1, 0, 20)], vec![]));
    let choice = choose(&[both]);
    assert_eq!(choice.missing, [("1".to_owned(), "b".to_owned())]);
}

#[test]
fn an_orphan_of_a_compaction_does_not_hide_what_only_another_holds() {
    let seals: Vec<SegmentInfo> = (0..4)
        .flat_map(|n| seal(&n.to_string(), &["a"], &[range(1, n * 10, n * 10 + 10)]))
        .collect();
    let orphan = compacted("orphan", &[&seals[0], &seals[1]], 2);
    let listed = compacted("listed", &[&seals[1], &seals[2]], 2);
    // Its inputs are past their grace.
    assert_eq!(taken(&[&seals[0], &orphan, &listed, &seals[3]]), ["0a", "3a", "listed"]);
    let all = compacted("all", &[&seals[0], &listed, &seals[3]], 4);
    assert_eq!(taken(&[&all, &orphan, &listed, &seals[0], &seals[3]]), ["all"]);
}

#[test]
fn a_seal_that_was_compacted_comes_before_others_of_its_range() {
    let lost = &seal("0", &["a"], &[range(1, 0, 30)])[0];
    let won = &seal("1", &["a"], &[range(1, 0, 20)])[0];
    let next = &seal("2", &["a"], &[range(1, 20, 25)])[0];
    let both = compacted("c", &[won, next], 2);
    assert_eq!(taken(&[lost, &both]), ["c"]);
    assert_eq!(taken(&[lost, won, next, &both]), ["c"]);
}

#[test]
fn of_two_with_the_same_seals_the_one_without_deleted_runs_is_taken() {
    let one = &seal("1", &["a"], &[range(1, 0, 10)])[0];
    let rid = compacted("z", &[one], 0);
    assert_eq!(taken(&[one, &rid]), ["z"]);
}
