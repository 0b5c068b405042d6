//! `downsample`: long series as few buckets.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray, UInt8Array, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::prelude::*;
use runlake_engine::downsample::{Axis, Bucket, Reduced, Request};
use runlake_engine::{Selection, Seq};

use crate::arrow::ArrowStream;
use crate::errors::{BoundaryResult, invalid_input};
use crate::journals::{Journals, by_writer};
use crate::reading::read;

/// Reduces series to buckets.
#[pyfunction]
#[pyo3(signature = (segments, journals, sealed, buckets, *, runs=None, keys=None, axis="step", origins=None, start=None, end=None))]
#[expect(clippy::too_many_arguments, reason = "keywords in Python")]
pub fn downsample(
    py: Python<'_>,
    segments: Vec<PathBuf>,
    journals: &Journals,
    sealed: HashMap<String, Seq>,
    buckets: u64,
    runs: Option<Vec<String>>,
    keys: Option<Vec<String>>,
    axis: &str,
    origins: Option<HashMap<String, i64>>,
    start: Option<i128>,
    end: Option<i128>,
) -> BoundaryResult<ArrowStream> {
    let request = Request {
        select: Selection { runs, keys },
        axis: axis_of(axis, origins)?,
        start,
        end,
        buckets: NonZeroU64::new(buckets).ok_or_else(|| invalid_input("buckets is 0; it must be at least 1"))?,
    };
    let sealed = by_writer(&sealed)?;
    let batch = read(py, |keep_going| {
        let reduced = runlake_engine::downsample(&segments, journals.snapshot(), &sealed, &request, keep_going)?;
        Ok(batch(&reduced)?)
    })?;
    Ok(ArrowStream::new(batch.schema(), vec![batch]))
}

fn axis_of(axis: &str, origins: Option<HashMap<String, i64>>) -> BoundaryResult<Axis> {
    match (axis, origins) {
        ("step", None) => Ok(Axis::Step),
        ("timestamp", None) => Ok(Axis::Timestamp),
        ("timestamp", Some(origins)) => Ok(Axis::Relative(origins)),
        _ => Err(invalid_input(format!(
            "axis is '{axis}'; it must be 'step' or, with or without origins, 'timestamp'"
        ))),
    }
}

fn schema() -> SchemaRef {
    let field = |name, kind, nullable| Field::new(name, kind, nullable);
    Arc::new(Schema::new(vec![
        field("run_id", DataType::Utf8View, false),
        field("key", DataType::Utf8View, false),
        field("x", DataType::Int64, false),
        field("min", DataType::Float64, true),
        field("max", DataType::Float64, true),
        field("mean", DataType::Float64, true),
        field("last", DataType::Float64, false),
        field("count", DataType::UInt32, false),
        field("non_finite", DataType::UInt8, false),
    ]))
}

/// A row a bucket.
fn batch(all: &[Reduced]) -> Result<RecordBatch, ArrowError> {
    let buckets = || all.iter().flat_map(|series| &series.buckets);
    let text = |get: fn(&Reduced) -> &str| {
        let repeated = |series| std::iter::repeat_n(get(series), series.buckets.len());
        Arc::new(StringViewArray::from_iter_values(all.iter().flat_map(repeated))) as ArrayRef
    };
    let double = |get: fn(&Bucket) -> Option<f64>| Arc::new(Float64Array::from_iter(buckets().map(get))) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        text(|series| &series.name.run_id),
        text(|series| &series.name.key),
        Arc::new(Int64Array::from_iter_values(buckets().map(|bucket| bucket.first_x))),
        double(|bucket| bucket.extremes().map(|(min, _, _)| min)),
        double(|bucket| bucket.extremes().map(|(_, max, _)| max)),
        double(|bucket| bucket.extremes().map(|(_, _, mean)| mean)),
        double(|bucket| Some(bucket.last.value)),
        Arc::new(UInt32Array::from_iter_values(
            buckets().map(|bucket| u32::try_from(bucket.count).unwrap_or(u32::MAX)),
        )),
        Arc::new(UInt8Array::from_iter_values(buckets().map(Bucket::non_finite))),
    ];
    RecordBatch::try_new(schema(), columns)
}
