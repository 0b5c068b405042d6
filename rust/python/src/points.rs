//! `read_points`: rows of chosen series in segments.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use pyo3::prelude::*;
use runlake_engine::{Column, PointsRequest, Selection};

use crate::arrow::ArrowStream;
use crate::errors::{BoundaryResult, invalid_input};
use crate::reading::read;

/// Smallest and largest integer wanted; None is no bound.
type Bounds = (Option<i128>, Option<i128>);

/// Reads rows of segments.
#[pyfunction]
#[pyo3(signature = (segments, columns, *, runs=None, keys=None, steps=(None, None), timestamps=(None, None)))]
pub fn read_points(
    py: Python<'_>,
    segments: Vec<PathBuf>,
    columns: Vec<String>,
    runs: Option<Vec<String>>,
    keys: Option<Vec<String>>,
    steps: Bounds,
    timestamps: Bounds,
) -> BoundaryResult<ArrowStream> {
    let request = PointsRequest {
        select: Selection { runs, keys },
        steps: range(steps),
        timestamps: range(timestamps),
        columns: columns.iter().map(|name| column(name)).collect::<BoundaryResult<_>>()?,
    };
    let (schema, batches) = read(py, |keep_going| {
        runlake_engine::read_points(&segments, &request, keep_going)
    })?;
    Ok(ArrowStream::new(schema, batches))
}

fn range((low, high): Bounds) -> RangeInclusive<i64> {
    clamped(low, i64::MIN)..=clamped(high, i64::MAX)
}

fn clamped(bound: Option<i128>, none: i64) -> i64 {
    let clamped = |bound: i128| bound.clamp(i64::MIN.into(), i64::MAX.into());
    bound
        .and_then(|bound| i64::try_from(clamped(bound)).ok())
        .unwrap_or(none)
}

fn column(name: &str) -> BoundaryResult<Column> {
    Column::named(name).ok_or_else(|| invalid_input(format!("a segment has no column '{name}'")))
}
