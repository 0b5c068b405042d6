//! A segment that is there already, read anew: what a catalog that has lost it takes.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};

use super::{Extent, Sealed};
use crate::error::{Error, Result};
use crate::segment::{Column, SegmentInfo, verified};
use crate::summary::Summary;
use crate::types::{Point, SeriesName};

/// Reads a segment once, checks it as [`crate::verify`] does, and reports it as the seal that made it did.
///
/// Memory goes with its series, not with its rows, of which one bit each is kept.
///
/// # Errors
/// [`Error::Damaged`], [`Error::NewerFormat`], [`Error::Io`].
pub fn summarise_segment(path: &Path) -> Result<Sealed> {
    let within = path.parent().and_then(Path::file_name).map(Path::new);
    let place = within.zip(path.file_name()).map(|(folder, file)| folder.join(file));
    let Some(place) = place.as_deref().and_then(Path::to_str) else {
        return Err(Error::damaged(path, "it is not in a folder of segments"));
    };
    let mut summaries = Summaries::default();
    let info = verified(path, |batch| {
        summaries
            .push(batch)
            .ok_or_else(|| "its columns have other types than a segment's".to_owned())
    })?;
    Ok(summaries.report(info, place.to_owned()))
}

/// Summaries of the series that have come, in the order of the rows.
#[derive(Default)]
struct Summaries {
    of_series: Vec<Summary>,
    min_timestamp_ms: Option<i64>,
}

impl Summaries {
    /// Adds rows; `None` where a column is of another type.
    fn push(&mut self, batch: &RecordBatch) -> Option<()> {
        let text = |column: Column| batch.column(column as usize).as_string_opt::<i32>();
        let integers = |column: Column| batch.column(column as usize).as_primitive_opt::<Int64Type>();
        let (run_ids, keys) = (text(Column::RunId)?, text(Column::Key)?);
        let (steps, timestamps) = (integers(Column::Step)?, integers(Column::Timestamp)?);
        let values = batch.column(Column::Value as usize).as_primitive_opt::<Float64Type>()?;
        self.min_timestamp_ms = timestamps.values().iter().copied().chain(self.min_timestamp_ms).min();
        for row in 0..batch.num_rows() {
            let point = Point {
                step: steps.value(row),
                timestamp_ms: timestamps.value(row),
                value: values.value(row),
            };
            self.add(run_ids.value(row), keys.value(row), point);
        }
        Some(())
    }

    fn add(&mut self, run_id: &str, key: &str, point: Point) {
        match self.of_series.last_mut() {
            Some(last) if *last.run_id == *run_id && *last.key == *key => last.push(point),
            last => {
                // One text for all series of a run.
                let run_id = match last {
                    Some(last) if *last.run_id == *run_id => last.run_id.clone(),
                    _ => run_id.into(),
                };
                let name = SeriesName {
                    run_id,
                    key: key.into(),
                };
                self.of_series.push(Summary::of(&name, point));
            }
        }
    }

    fn report(self, info: SegmentInfo, path: String) -> Sealed {
        let mut extent = Extent::default();
        for summary in &self.of_series {
            extent.count(&summary.run_id, summary.count);
            extent.reach_steps(summary.first.step, summary.last.step);
            // Of each series the latest time is known, and of all together the earliest.
            let latest_ms = summary.max_timestamp_ms;
            extent.reach_times(self.min_timestamp_ms.unwrap_or(latest_ms), latest_ms);
        }
        let bytes = info.bytes;
        extent.sealed(info, path, bytes, self.of_series)
    }
}
