//! Points: the rows of chosen series in segments, as Arrow.
//!
//! ```text
//!   footers ──► row groups that may hold wanted rows      pruned by run, key, step and time
//!                 │ names are decoded to find the rows, unless the footer says that all are of one series
//!                 ▼
//!   rows ───────► the columns asked for, of these rows    a row group at a time on each thread; texts a series, not a row
//! ```

use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, PrimitiveArray, RecordBatch, RecordBatchOptions, StringViewArray,
    UInt32Array,
};
use arrow_schema::SchemaRef;
use arrow_select::take::take;

use crate::error::Result;
use crate::pool::Pool;
use crate::segment::{Choice, Column, Doubles, Integers, RowGroup, SegmentReader, SeriesRows, Workspace};
use crate::tail::{Selection, schema_with_windows};
use crate::types::SeriesName;

/// Which rows to read, and what of them.
#[derive(Clone, Debug)]
pub struct PointsRequest {
    /// Which series.
    pub select: Selection,
    /// Row groups without a step in here are left out.
    pub steps: RangeInclusive<i64>,
    /// Row groups without a timestamp in here are left out.
    pub timestamps: RangeInclusive<i64>,
    /// What is read of them, in this order.
    pub columns: Vec<Column>,
}

/// Reads all rows of the selected series from row groups that reach into both ranges.
///
/// # Arguments
/// * `keep_going`: asked now and then, in the calling thread.
///
/// # Returns
/// The schema and a batch for each row group with such rows, in the order of segments and rows.
///
/// # Errors
/// [`crate::Error::Io`], of kind `NotFound` where a segment is gone; [`crate::Error::Damaged`];
/// [`crate::Error::Interrupted`] when `keep_going` said no.
pub fn read_points(
    segments: &[PathBuf],
    request: &PointsRequest,
    keep_going: &dyn Fn() -> bool,
) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let columns: Vec<usize> = request.columns.iter().map(|column| *column as usize).collect();
    let schema = Arc::new(schema_with_windows().project(&columns)?);
    let pool = Pool::new(keep_going);
    let choice = request.select.choice();
    let readers = pool.run(segments.len(), |_: &mut (), index| {
        SegmentReader::open(&segments[index])
    })?;
    let places: Vec<(&SegmentReader, usize)> = readers
        .iter()
        .flat_map(|segment| (0..segment.row_groups()).map(move |group| (segment, group)))
        .filter(|(segment, group)| request.meets(&choice, &segment.row_group(*group)))
        .collect();
    let batches = pool.run(places.len(), |desk: &mut Desk, place| {
        let (segment, group) = places[place];
        match Rows::find(segment, group, &choice, &mut desk.workspace)? {
            Some(rows) => rows.batch(&schema, &request.columns, desk).map(Some),
            None => Ok(None),
        }
    })?;
    Ok((schema, batches.into_iter().flatten().collect()))
}

impl PointsRequest {
    /// Whether a row group may have rows that are asked for, by what the footer says.
    fn meets(&self, choice: &Choice<'_>, group: &RowGroup<'_>) -> bool {
        let within = |column, range: &RangeInclusive<i64>| {
            group
                .integers(column)
                .is_none_or(|(low, high)| low <= *range.end() && high >= *range.start())
        };
        choice.meets(group) && within(Integers::Step, &self.steps) && within(Integers::Timestamp, &self.timestamps)
    }
}

/// The wanted rows of a row group.
struct Rows<'a> {
    segment: &'a SegmentReader,
    group: usize,
    series: Vec<SeriesRows>,
    /// Those of all series; no two meet.
    ranges: Vec<Range<usize>>,
    count: usize,
}

impl<'a> Rows<'a> {
    /// Finds them; None where there are none.
    fn find(
        segment: &'a SegmentReader,
        group: usize,
        choice: &Choice<'_>,
        workspace: &mut Workspace,
    ) -> Result<Option<Self>> {
        let footer = segment.row_group(group);
        let series = match footer.only_series() {
            Some(name) if choice.has(&name.run_id, &name.key) => vec![SeriesRows {
                name,
                rows: 0..footer.rows,
            }],
            Some(_) => Vec::new(),
            None => segment.series(group, workspace, |run_id, key| choice.has(run_id, key))?,
        };
        let count = series.iter().map(|series| series.rows.len()).sum();
        Ok((count > 0).then(|| Self {
            segment,
            group,
            ranges: joined(&series),
            series,
            count,
        }))
    }

    fn batch(&self, schema: &SchemaRef, columns: &[Column], desk: &mut Desk) -> Result<RecordBatch> {
        let columns = columns.iter().map(|column| self.column(*column, desk));
        let columns = columns.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.count));
        Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
    }

    fn column(&self, column: Column, desk: &mut Desk) -> Result<ArrayRef> {
        let (segment, group, rows) = (self.segment, self.group, &self.ranges[..]);
        let workspace = &mut desk.workspace;
        let integers =
            |column, workspace| numbers::<Int64Type>(|into| segment.integers(group, column, rows, workspace, into));
        let aggregates = |column, workspace| {
            let found = segment.aggregates(group, column, rows, workspace)?;
            Ok(Arc::new(Float64Array::from(found)) as ArrayRef)
        };
        match column {
            Column::RunId => desk.run_id.repeated(self.texts(|name| &name.run_id)),
            Column::Key => desk.key.repeated(self.texts(|name| &name.key)),
            Column::Step => integers(Integers::Step, workspace),
            Column::Timestamp => integers(Integers::Timestamp, workspace),
            Column::Value => numbers::<Float64Type>(|into| segment.values(group, rows, workspace, into)),
            Column::Seq => numbers::<Int64Type>(|into| segment.seqs(group, rows, workspace, into)),
            Column::Count => Ok(Arc::new(Int64Array::from(segment.counts(group, rows, workspace)?))),
            Column::Min => aggregates(Doubles::Min, workspace),
            Column::Max => aggregates(Doubles::Max, workspace),
            Column::Mean => aggregates(Doubles::Mean, workspace),
            Column::Writer => match segment.row_group(group).only_writer() {
                Some(writer) => desk.writer.repeated([(writer, self.count)]),
                None => {
                    let writers = segment.writers(group, rows, workspace)?;
                    desk.writer
                        .repeated(writers.iter().map(|(writer, rows)| (&**writer, *rows)))
                }
            },
        }
    }

    fn texts(&self, get: fn(&SeriesName) -> &str) -> impl Iterator<Item = (&str, usize)> {
        self.series
            .iter()
            .map(move |series| (get(&series.name), series.rows.len()))
    }
}

/// What a thread keeps between row groups.
#[derive(Default)]
struct Desk {
    workspace: Workspace,
    run_id: Texts,
    key: Texts,
    writer: Texts,
}

/// The last array of a column of texts whose rows are all the same: the next one is often a part of it.
#[derive(Default)]
struct Texts(Option<StringViewArray>);

impl Texts {
    /// Each text so many times. Rows share the bytes of their text.
    fn repeated<'t>(&mut self, runs: impl IntoIterator<Item = (&'t str, usize)>) -> Result<ArrayRef> {
        let mut merged: Vec<(&str, usize)> = Vec::new();
        for (text, rows) in runs {
            match merged.last_mut() {
                Some((last, count)) if *last == text => *count += rows,
                _ => merged.push((text, rows)),
            }
        }
        if let ([(text, rows)], Some(kept)) = (&merged[..], &self.0)
            && kept.len() >= *rows
            && kept.value(0) == *text
        {
            return Ok(Arc::new(kept.slice(0, *rows)));
        }
        let mut indices = Vec::with_capacity(merged.iter().map(|(_, rows)| rows).sum());
        for ((_, rows), index) in merged.iter().zip(0u32..) {
            indices.resize(indices.len() + rows, index);
        }
        let texts = StringViewArray::from_iter_values(merged.iter().map(|(text, _)| text));
        let array = take(&texts, &UInt32Array::from(indices), None)?;
        if merged.len() == 1 {
            self.0 = array.as_string_view_opt().cloned();
        }
        Ok(array)
    }
}

/// What `decode` puts into its argument.
fn numbers<T: ArrowPrimitiveType>(decode: impl FnOnce(&mut Vec<T::Native>) -> Result<()>) -> Result<ArrayRef> {
    let mut numbers = Vec::new();
    decode(&mut numbers)?;
    Ok(Arc::new(PrimitiveArray::<T>::new(numbers.into(), None)))
}

/// The rows of series that are sorted by them, those that meet as one.
fn joined(series: &[SeriesRows]) -> Vec<Range<usize>> {
    series
        .chunk_by(|a, b| a.rows.end == b.rows.start)
        .map(|chunk| chunk[0].rows.start..chunk[chunk.len() - 1].rows.end)
        .collect()
}
