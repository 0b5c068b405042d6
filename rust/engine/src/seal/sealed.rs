//! What a seal reports of a new segment: the rows of the catalog's tables.

use crate::segment::{JournalRange, Rows, SegmentInfo, Series};
use crate::summary::{Summary, Totals, extremes};
use crate::types::SeriesName;

/// A new segment, for the catalog.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// 32 hexadecimal digits.
    pub segment_id: String,
    /// The experiment, or [`super::LOST`].
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

/// What is known of rows that come in order, a part at a time: whose they are, and from where to where they reach.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    runs: Vec<(String, u64)>,
    steps: Option<(i64, i64)>,
    timestamps_ms: Option<(i64, i64)>,
}

impl Extent {
    /// Counts rows of one run, which follow those that were counted before.
    pub(crate) fn count(&mut self, run_id: &str, rows: u64) {
        match self.runs.last_mut() {
            Some((last, count)) if last == run_id => *count += rows,
            _ => self.runs.push((run_id.to_owned(), rows)),
        }
    }

    /// Takes in the steps of some rows, by their extremes.
    pub(crate) fn reach_steps(&mut self, smallest: i64, largest: i64) {
        widen(&mut self.steps, smallest, largest);
    }

    /// Takes in the times of some rows, by their extremes.
    pub(crate) fn reach_times(&mut self, earliest_ms: i64, latest_ms: i64) {
        widen(&mut self.timestamps_ms, earliest_ms, latest_ms);
    }

    /// What the catalog is told of a segment that has all of these rows.
    pub(crate) fn sealed(self, info: SegmentInfo, path: String, bytes: u64, summaries: Vec<Summary>) -> Sealed {
        let (min_step, max_step) = self.steps.unwrap_or_default();
        let (min_timestamp_ms, max_timestamp_ms) = self.timestamps_ms.unwrap_or_default();
        Sealed {
            segment_id: info.segment_id,
            experiment_id: info.experiment_id,
            seal_id: info.seal_id,
            path,
            rows: info.rows,
            bytes,
            ranges: info.ranges,
            runs: self.runs,
            summaries,
            min_step,
            max_step,
            min_timestamp_ms,
            max_timestamp_ms,
        }
    }
}

fn widen(extent: &mut Option<(i64, i64)>, smallest: i64, largest: i64) {
    let (low, high) = extent.get_or_insert((smallest, largest));
    (*low, *high) = (smallest.min(*low), largest.max(*high));
}

impl Sealed {
    /// What `rows` became.
    pub(super) fn new(info: SegmentInfo, bytes: u64, folder: &str, rows: Rows<'_>) -> Self {
        let mut extent = Extent::default();
        let mut summaries = Vec::with_capacity(rows.series.len());
        for series in rows.series {
            let summary = summarise(series, rows);
            extent.count(&series.run_id, series.rows.len() as u64);
            extent.reach_steps(summary.first.step, summary.last.step);
            let (earliest_ms, _) = extremes(&rows.timestamp_ms[series.rows.clone()]);
            extent.reach_times(earliest_ms, summary.max_timestamp_ms);
            summaries.push(summary);
        }
        let path = format!("{folder}/{}.parquet", info.segment_id);
        extent.sealed(info, path, bytes, summaries)
    }
}

/// The summary of one series, which has rows.
fn summarise(series: &Series, rows: Rows<'_>) -> Summary {
    let name = SeriesName {
        run_id: series.run_id.clone(),
        key: series.key.clone(),
    };
    let of = series.rows.clone();
    let totals = Totals::of_sorted(&rows.step[of.clone()], &rows.timestamp_ms[of.clone()], &rows.value[of]);
    Summary::new(&name, totals)
}
