//! Seal: journal ranges become sorted segments, one for each experiment.
//!
//! Nothing here changes a journal or the catalog. Until the catalog has committed what [`seal`] returns the
//! new files are orphans: a crash leaves temporary files, or segments that nobody lists.

mod again;
mod folder;
mod sealed;
mod sort;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::reader::{Columns, Folder as Journals};
pub use crate::segment::JournalRange;
use crate::segment::{Account, FORMAT, SegmentFile, SegmentInfo, Sibling};
use crate::types::WriterId;
pub use again::summarise_segment;
pub(crate) use folder::Folder;
pub(crate) use sealed::Extent;
pub use sealed::Sealed;
use sort::{Experiment, Sorted};

/// The experiment of points whose run is in no catalog.
pub const LOST: &str = "lost";

/// A step of [`seal`] that has just been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealStep {
    /// The journals have been read.
    Read,
    /// The points are in order.
    Sorted,
    /// The segments are written, under temporary names.
    Written,
    /// Their content is on the disk.
    Synced,
    /// They have their names, and the names are on the disk.
    Renamed,
}

/// How to seal.
#[derive(Default, Clone, Copy)]
pub struct SealOptions<'a> {
    /// Called after each step, on the calling thread.
    pub hook: Option<&'a dyn Fn(SealStep)>,
    /// Threads that encode; 0 is one.
    pub threads: usize,
    /// What writers have not stored by now, to be kept in the segments of the runs' experiments.
    pub ledger: &'a [Account],
}

impl SealOptions<'_> {
    fn done(&self, step: SealStep) {
        if let Some(hook) = self.hook {
            hook(step);
        }
    }
}

/// Lists the runs of `ranges`, in byte order, from what their journals define; some may have their points elsewhere in them.
///
/// # Errors
/// Those of reading a journal.
pub fn runs_in(journals: &Path, ranges: &[JournalRange]) -> Result<Vec<String>> {
    let journals = Journals::list(journals)?;
    let mut runs = BTreeSet::new();
    for range in ranges {
        let names = journals.journal(range.writer)?.names(|_| true);
        runs.extend(names.into_iter().flatten().map(|name| name.run_id));
    }
    Ok(runs.iter().map(ToString::to_string).collect())
}

/// Writes the points of `ranges` into new segments below `segments`, one for each experiment.
///
/// `experiment_of` gives the experiment of a run; runs it does not know go to [`LOST`]. When this returns the
/// segments are on the disk under their names. On an error no temporary file is left; segments that
/// had their name already are orphans.
///
/// # Errors
/// Those of reading a journal and of writing a file; [`Error::Unsealable`] for ranges that overlap and
/// for an experiment id that cannot be a folder's name.
pub fn seal(
    journals: &Path,
    segments: &Path,
    ranges: &[JournalRange],
    experiment_of: &HashMap<String, String>,
    options: SealOptions<'_>,
) -> Result<Vec<Sealed>> {
    check_disjoint(ranges)?;
    let columns = read(journals, ranges)?;
    options.done(SealStep::Read);
    write(columns, segments, ranges, experiment_of, options)
}

fn read(journals: &Path, ranges: &[JournalRange]) -> Result<Vec<Columns>> {
    let journals = Journals::list(journals)?;
    ranges
        .iter()
        .filter(|range| !range.is_empty())
        .map(|range| journals.read_range(range.writer, range.from, range.to))
        .collect()
}

/// What [`seal`] does once the journals are in memory.
fn write(
    columns: Vec<Columns>,
    segments: &Path,
    ranges: &[JournalRange],
    experiment_of: &HashMap<String, String>,
    options: SealOptions<'_>,
) -> Result<Vec<Sealed>> {
    let sorted = sort::sort(columns, experiment_of)?;
    options.done(SealStep::Sorted);
    let mut infos = describe(&sorted, ranges)?;
    for info in &mut infos {
        info.ledger = ledger_of(info, experiment_of, options.ledger);
    }
    let mut written = Vec::with_capacity(infos.len());
    for (info, experiment) in infos.into_iter().zip(&sorted.experiments) {
        let folder = Folder::create(segments, &info.experiment_id)?;
        let rows = sorted.rows(experiment);
        let file = SegmentFile::write(folder.path(), &info, rows, options.threads)?;
        let sealed = Sealed::new(info, file.bytes(), folder.name(), rows);
        written.push((folder, file, sealed));
    }
    failpoint!(SegmentWritten);
    options.done(SealStep::Written);
    publish(written, options)
}

/// Syncs the files, then gives them their names.
fn publish(written: Vec<(Folder, SegmentFile, Sealed)>, options: SealOptions<'_>) -> Result<Vec<Sealed>> {
    for (_, file, _) in &written {
        file.sync()?;
    }
    failpoint!(SegmentSynced);
    options.done(SealStep::Synced);
    let mut all = Vec::with_capacity(written.len());
    for (folder, file, sealed) in written {
        file.rename()?;
        failpoint!(SegmentNamed);
        folder.sync()?;
        failpoint!(SegmentNameSynced);
        all.push(sealed);
    }
    options.done(SealStep::Renamed);
    Ok(all)
}

fn check_disjoint(ranges: &[JournalRange]) -> Result<()> {
    let mut ordered: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).collect();
    ordered.sort_unstable_by_key(|range| (range.writer.0, range.from));
    for pair in ordered.windows(2) {
        if pair[0].writer == pair[1].writer && pair[0].to > pair[1].from {
            let [JournalRange { writer, from, to }, next] = [*pair[0], *pair[1]];
            let reason = format!(
                "the ranges from {from} to {to} and from {} of writer {writer} overlap",
                next.from
            );
            return Err(Error::Unsealable { reason });
        }
    }
    Ok(())
}

pub(crate) fn random_id() -> Result<String> {
    Ok(WriterId::random()?.to_string())
}

/// The metadata of the segments to be, each of which names all.
fn describe(sorted: &Sorted, ranges: &[JournalRange]) -> Result<Vec<SegmentInfo>> {
    let seal_id = random_id()?;
    let sibling = |experiment: &Experiment| -> Result<Sibling> {
        Ok(Sibling {
            segment_id: random_id()?,
            experiment_id: experiment.id.clone(),
            rows: experiment.rows.len() as u64,
        })
    };
    let siblings = sorted.experiments.iter().map(sibling).collect::<Result<Vec<_>>>()?;
    let ranges: Vec<_> = ranges.iter().filter(|r| !r.is_empty()).copied().collect();
    Ok(siblings
        .iter()
        .map(|sibling| SegmentInfo {
            format: FORMAT,
            segment_id: sibling.segment_id.clone(),
            experiment_id: sibling.experiment_id.clone(),
            seal_id: seal_id.clone(),
            siblings: siblings.clone(),
            ranges: ranges.clone(),
            replaces: Vec::new(),
            seals: Vec::new(),
            ledger: Vec::new(),
            rows: sibling.rows,
            bytes: 0,
        })
        .collect())
}

/// The accounts that belong into a segment: of its writers and of runs of its experiment.
fn ledger_of(info: &SegmentInfo, experiment_of: &HashMap<String, String>, ledger: &[Account]) -> Vec<Account> {
    let writers: BTreeSet<u128> = info.ranges.iter().map(|range| range.writer.0).collect();
    let experiment = |run_id: &str| experiment_of.get(run_id).map_or(LOST, String::as_str);
    let belongs = |account: &&Account| {
        writers.contains(&account.writer.0)
            && account.entry.tally.points() > 0
            && experiment(&account.entry.name.run_id) == info.experiment_id
    };
    ledger.iter().filter(belongs).cloned().collect()
}

#[cfg(test)]
mod tests;
