//! Storing points under the GIL, and without it when that would wait.
//!
//! Nearly every point needs no more than a latch. What does (a new chunk, a new series, a full journal) waits for other
//! threads, and the one that makes room may need the GIL: so the GIL is released first.

use pyo3::prelude::*;
use runlake_engine::{Point, SeriesId, Writer};

use crate::errors::BoundaryResult;

/// Stores one point.
pub fn point(py: Python<'_>, writer: &Writer, series: SeriesId, point: Point) -> BoundaryResult<()> {
    if writer.try_append(series, point).is_none() {
        py.detach(|| writer.append(series, point))?;
    }
    Ok(())
}

/// Stores points of one step and time.
pub fn row(
    py: Python<'_>,
    writer: &Writer,
    step: i64,
    timestamp_ms: i64,
    values: &[(SeriesId, f64)],
) -> BoundaryResult<()> {
    let stored = writer.try_append_row(step, timestamp_ms, values);
    if stored < values.len() {
        py.detach(|| writer.append_row(step, timestamp_ms, &values[stored..]))?;
    }
    Ok(())
}
