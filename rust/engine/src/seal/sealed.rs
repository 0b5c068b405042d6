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

impl Sealed {
    /// What `rows` became.
    pub(super) fn new(info: SegmentInfo, bytes: u64, folder: &str, rows: Rows<'_>) -> Self {
        let summaries: Vec<_> = rows.series.iter().map(|series| summarise(series, rows)).collect();
        let steps = summaries.iter().map(|of| (of.first.step, of.last.step));
        let times = rows.series.iter().map(|series| &rows.timestamp_ms[series.rows.clone()]);
        let earliest = times.map(|of_series| extremes(of_series).0).min();
        let (min_step, max_step) = steps.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
        Self {
            path: format!("{}/{}.parquet", folder, info.segment_id),
            segment_id: info.segment_id,
            experiment_id: info.experiment_id,
            seal_id: info.seal_id,
            rows: info.rows,
            bytes,
            ranges: info.ranges,
            runs: run_rows(rows.series),
            min_step,
            max_step,
            min_timestamp_ms: earliest.unwrap_or_default(),
            max_timestamp_ms: summaries.iter().map(|of| of.max_timestamp_ms).max().unwrap_or_default(),
            summaries,
        }
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
    let of = series.rows.clone();
    let totals = Totals::of_sorted(&rows.step[of.clone()], &rows.timestamp_ms[of.clone()], &rows.value[of]);
    Summary::new(&name, totals)
}
