//! Rebuild: which of the segments that are found in a folder hold every sealed point once.
//!
//! A crash leaves segments that no catalog ever listed: of a seal or a compaction whose commit failed, or may have. They hold points that
//! others hold as well, or that are in a journal still. What was listed covers everything exactly once, so such a choice exists; two
//! covers are looked for, of the ranges of journals by seals, and of what each seal gave to each experiment by files.

mod cover;

use std::collections::HashMap;

use crate::segment::{JournalRange, Seal, SegmentInfo};
use crate::types::WriterId;
use cover::Cover;

/// What [`choose`] came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Segments to list, in the order of ids: each point of `ranges` is in one of them, once.
    pub taken: Vec<String>,
    /// The others whose points are all in a segment that was taken, in the order of ids.
    pub superfluous: Vec<String>,
    /// The rest: segments of seals that are not complete, or that overlap with one that was taken. Their points are in a journal still,
    /// or a sibling was lost.
    pub unsettled: Vec<String>,
    /// What is sealed, in order; of one writer no two meet.
    pub ranges: Vec<JournalRange>,
    /// Siblings, by seal and experiment, of seals that were taken and are nowhere: their points are lost.
    pub missing: Vec<(String, String)>,
}

/// Chooses from segments that verify those that a catalog is to list.
///
/// 1. A seal that a compacted segment names was committed: it is taken. Of others that are complete, each sibling they name being in
///    some segment, those are taken that cover the ranges of all of them, none twice.
/// 2. Of segments whose seals are all taken, those are listed that hold what each seal gave to its experiment, none of it twice; first
///    those that hold the most, and of two that hold the same, the one with fewer rows, from which deleted runs have been removed.
pub fn choose(infos: &[SegmentInfo]) -> Choice {
    let mut files: Vec<File<'_>> = infos.iter().map(File::new).collect();
    files.sort_unstable_by(|a, b| a.info.segment_id.cmp(&b.info.segment_id));
    let seals = Seals::of(&files);
    let taken = seals.choose();
    let chosen = choose_files(&files, &taken);
    let mut choice = Choice {
        ranges: ranges_of(&taken),
        missing: missing(&files, &chosen, &taken),
        ..Choice::default()
    };
    for (file, chosen) in files.iter().zip(chosen) {
        let settled = file.seals.iter().all(|seal| taken.contains_key(&*seal.seal_id));
        let into = match (chosen, settled) {
            (true, _) => &mut choice.taken,
            (false, true) => &mut choice.superfluous,
            (false, false) => &mut choice.unsettled,
        };
        into.push(file.info.segment_id.clone());
    }
    choice
}

struct File<'a> {
    info: &'a SegmentInfo,
    seals: Vec<Seal>,
}

impl<'a> File<'a> {
    fn new(info: &'a SegmentInfo) -> Self {
        Self {
            info,
            seals: info.origins(),
        }
    }
}

/// What a seal gave to an experiment: its id and the experiment's.
type Part<'a> = (&'a str, &'a str);

/// The seals that any file names.
struct Seals<'a> {
    by_id: HashMap<&'a str, &'a Seal>,
    /// Those that a compacted segment names, in order.
    committed: Vec<&'a str>,
    /// Others that are complete, in order.
    complete: Vec<&'a str>,
}

impl<'a> Seals<'a> {
    fn of(files: &'a [File<'a>]) -> Self {
        let mut by_id = HashMap::new();
        let mut compacted = HashMap::new();
        let mut parts = std::collections::HashSet::new();
        for file in files {
            for seal in &file.seals {
                by_id.insert(&*seal.seal_id, seal);
                *compacted.entry(&*seal.seal_id).or_insert(false) |= !file.info.seals.is_empty();
                parts.insert((&*seal.seal_id, &*file.info.experiment_id));
            }
        }
        let mut ids: Vec<&str> = by_id.keys().copied().collect();
        ids.sort_unstable();
        let is_complete = |id: &str| {
            let mut siblings = by_id[id].siblings.iter();
            siblings.all(|sibling| parts.contains(&(id, &*sibling.experiment_id)))
        };
        let (committed, others): (Vec<&str>, Vec<&str>) = ids.into_iter().partition(|id| compacted[id]);
        let complete = others.into_iter().filter(|id| is_complete(id)).collect();
        Self {
            by_id,
            committed,
            complete,
        }
    }

    fn choose(&self) -> HashMap<&'a str, &'a Seal> {
        let ids: Vec<&str> = self.committed.iter().chain(&self.complete).copied().collect();
        let mut cover = Cover::new(elements(ids.iter().map(|id| self.by_id[id])));
        for committed in 0..self.committed.len() {
            cover.take(committed);
        }
        let chosen = cover.complete(|seal| ids[seal]);
        let taken = ids.iter().zip(chosen).filter(|(_, chosen)| *chosen);
        taken.map(|(id, _)| (*id, self.by_id[id])).collect()
    }
}

/// For each seal the pieces of streams that it holds: between two neighbouring ends of ranges of a writer is a piece.
fn elements<'a>(seals: impl Iterator<Item = &'a Seal> + Clone) -> Vec<Vec<usize>> {
    let mut ends: Vec<(WriterId, u64)> = seals
        .clone()
        .flat_map(|seal| &seal.ranges)
        .flat_map(|range| [(range.writer, range.from), (range.writer, range.to)])
        .collect();
    ends.sort_unstable();
    ends.dedup();
    let place = |writer, end| ends.partition_point(|known| *known < (writer, end));
    let pieces = |range: &JournalRange| place(range.writer, range.from)..place(range.writer, range.to);
    seals
        .map(|seal| seal.ranges.iter().flat_map(pieces).collect())
        .collect()
}

/// Whether each file is to be listed.
fn choose_files(files: &[File<'_>], taken: &HashMap<&str, &Seal>) -> Vec<bool> {
    let usable: Vec<usize> = (0..files.len())
        .filter(|&file| files[file].seals.iter().all(|seal| taken.contains_key(&*seal.seal_id)))
        .collect();
    let mut numbers: HashMap<Part<'_>, usize> = HashMap::new();
    let mut parts_of = |file: &'_ usize| -> Vec<usize> {
        let file = &files[*file];
        let mut number = |seal| {
            let next = numbers.len();
            *numbers.entry((seal, &*file.info.experiment_id)).or_insert(next)
        };
        file.seals.iter().map(|seal| number(&*seal.seal_id)).collect()
    };
    let cover = Cover::new(usable.iter().map(&mut parts_of).collect());
    let chosen = cover.complete(|file| (files[usable[file]].info.rows, &*files[usable[file]].info.segment_id));
    let mut all = vec![false; files.len()];
    for (file, chosen) in usable.into_iter().zip(chosen) {
        all[file] = chosen;
    }
    all
}

/// The ranges of some seals, those that meet as one.
fn ranges_of(taken: &HashMap<&str, &Seal>) -> Vec<JournalRange> {
    let mut ranges: Vec<JournalRange> = taken.values().flat_map(|seal| &seal.ranges).copied().collect();
    ranges.sort_unstable_by_key(|range| (range.writer, range.from));
    let mut joined: Vec<JournalRange> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if last.writer == range.writer && range.from <= last.to => last.to = last.to.max(range.to),
            _ => joined.push(range),
        }
    }
    joined
}

fn missing(files: &[File<'_>], chosen: &[bool], taken: &HashMap<&str, &Seal>) -> Vec<(String, String)> {
    let there: std::collections::HashSet<Part<'_>> = files
        .iter()
        .zip(chosen)
        .filter(|(_, chosen)| **chosen)
        .flat_map(|(file, _)| {
            file.seals
                .iter()
                .map(|seal| (&*seal.seal_id, &*file.info.experiment_id))
        })
        .collect();
    let mut missing: Vec<(String, String)> = taken
        .values()
        .flat_map(|seal| {
            seal.siblings
                .iter()
                .map(|sibling| (&*seal.seal_id, &*sibling.experiment_id))
        })
        .filter(|part| !there.contains(part))
        .map(|(seal, experiment)| (seal.to_owned(), experiment.to_owned()))
        .collect();
    missing.sort_unstable();
    missing
}

#[cfg(test)]
mod tests;
