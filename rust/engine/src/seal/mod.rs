//! Seal: journal ranges become sorted segments, one for each experiment.
//!
//! Nothing here changes a journal or the catalog. Until the catalog has committed what [`seal`] returns the
//! new files are orphans: a crash leaves temporary files, or segments that nobody lists.

mod folder;
mod sort;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use crate::error::{Error, Result};
use crate::journal::reader::{Columns, Folder as Journals};
pub use crate::segment::JournalRange;
use crate::segment::{FORMAT, Rows, SegmentFile, SegmentInfo, Series, Sibling};
use crate::summary::Summary;
use crate::types::{Point, SeriesName, WriterId};
use folder::Folder;
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
}

impl SealOptions<'_> {
    fn done(&self, step: SealStep) {
        if let Some(hook) = self.hook {
            hook(step);
        }
    }
}

/// A new segment, for the catalog.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// 32 hexadecimal digits.
    pub segment_id: String,
    /// The experiment, or [`LOST`].
    pub experiment_id: String,
    /// Of all segments of the same call.
    pub seal_id: String,
    /// Relative to the folder of segments, with `/`.
    pub path: String,
    /// Number of points.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
    /// All ranges of the call; each point of them is in one of its segments.
    pub ranges: Vec<JournalRange>,
    /// Run ids in byte order, each with its number of points here.
    pub runs: Vec<(String, u64)>,
    /// One a series, in the order of the rows.
    pub summaries: Vec<Summary>,
    /// Smallest step.
    pub min_step: i64,
    /// Largest step.
    pub max_step: i64,
    /// Earliest timestamp, milliseconds since 1970.
    pub min_timestamp_ms: i64,
    /// Latest timestamp, milliseconds since 1970.
    pub max_timestamp_ms: i64,
}

/// Lists the runs that have points in `ranges`, in byte order.
///
/// # Errors
/// Those of reading a journal.
pub fn runs_in(journals: &Path, ranges: &[JournalRange]) -> Result<Vec<String>> {
    let mut runs = BTreeSet::new();
    for columns in read(journals, ranges)? {
        let mut used = vec![false; columns.names.len()];
        for &series in &columns.series {
            if let Some(used) = used.get_mut(series as usize) {
                *used = true;
            }
        }
        let names = columns.names.into_iter().zip(used);
        runs.extend(names.filter_map(|(name, used)| used.then_some(name?.run_id)));
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
    let sorted = sort::sort(columns, experiment_of)?;
    options.done(SealStep::Sorted);
    let infos = describe(&sorted, ranges)?;
    let mut written = Vec::with_capacity(infos.len());
    for (info, experiment) in infos.into_iter().zip(&sorted.experiments) {
        let folder = Folder::create(segments, &info.experiment_id)?;
        let rows = sorted.rows(&experiment.rows);
        let series = localise(&sorted.series[experiment.series.clone()]);
        let rows = Rows {
            series: &series,
            ..rows
        };
        let file = SegmentFile::write(folder.path(), &info, rows, options.threads)?;
        let sealed = report(info, file.bytes(), &folder, rows);
        written.push((folder, file, sealed));
    }
    options.done(SealStep::Written);
    publish(written, options)
}

/// Syncs the files, then gives them their names.
fn publish(written: Vec<(Folder, SegmentFile, Sealed)>, options: SealOptions<'_>) -> Result<Vec<Sealed>> {
    for (_, file, _) in &written {
        file.sync()?;
    }
    options.done(SealStep::Synced);
    let mut all = Vec::with_capacity(written.len());
    for (folder, file, sealed) in written {
        file.rename()?;
        folder.sync()?;
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

fn read(journals: &Path, ranges: &[JournalRange]) -> Result<Vec<Columns>> {
    let journals = Journals::list(journals)?;
    ranges
        .iter()
        .filter(|range| !range.is_empty())
        .map(|range| journals.read_range(range.writer, range.from, range.to))
        .collect()
}

fn random_id() -> Result<String> {
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
            rows: sibling.rows,
            bytes: 0,
        })
        .collect())
}

/// The same series, counted from the first row of the first.
fn localise(series: &[Series]) -> Vec<Series> {
    let start = series.first().map_or(0, |first| first.rows.start);
    series
        .iter()
        .map(|series| Series {
            rows: series.rows.start - start..series.rows.end - start,
            ..series.clone()
        })
        .collect()
}

fn report(info: SegmentInfo, bytes: u64, folder: &Folder, rows: Rows<'_>) -> Sealed {
    let extent = |values: &[i64]| {
        let min = values.iter().copied().min().unwrap_or_default();
        (min, values.iter().copied().max().unwrap_or_default())
    };
    let (min_step, max_step) = extent(rows.step);
    let (min_timestamp_ms, max_timestamp_ms) = extent(rows.timestamp_ms);
    Sealed {
        path: format!("{}/{}.parquet", folder.name(), info.segment_id),
        segment_id: info.segment_id,
        experiment_id: info.experiment_id,
        seal_id: info.seal_id,
        rows: info.rows,
        bytes,
        ranges: info.ranges,
        runs: run_rows(rows.series),
        summaries: rows.series.iter().map(|series| summarise(series, rows)).collect(),
        min_step,
        max_step,
        min_timestamp_ms,
        max_timestamp_ms,
    }
}

fn run_rows(series: &[Series]) -> Vec<(String, u64)> {
    series
        .chunk_by(|a, b| a.run_id == b.run_id)
        .map(|of_run| {
            let rows = of_run.iter().map(|series| series.rows.len() as u64).sum();
            (of_run[0].run_id.to_string(), rows)
        })
        .collect()
}

/// The summary of one series, which has rows.
fn summarise(series: &Series, rows: Rows<'_>) -> Summary {
    let name = SeriesName {
        run_id: series.run_id.clone(),
        key: series.key.clone(),
    };
    let point = |row: usize| Point {
        step: rows.step[row],
        timestamp_ms: rows.timestamp_ms[row],
        value: rows.value[row],
    };
    let range = series.rows.clone();
    let mut summary = Summary::of(&name, point(range.start));
    for row in range.skip(1) {
        summary.push(point(row));
    }
    summary
}
