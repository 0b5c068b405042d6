//! `downsample`: long series as few buckets.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io::ErrorKind;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringViewArray, UInt8Array, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use pyo3::exceptions::PyFileNotFoundError;
use pyo3::prelude::*;
use runlake_engine::downsample::{Axis, Bucket, Reduced, Request};
use runlake_engine::{Error as EngineError, Selection, Seq};

use crate::arrow::ArrowStream;
use crate::errors::{BoundaryError, BoundaryResult, invalid_input};
use crate::journals::{Journals, by_writer};

/// Time between two looks for Ctrl-C.
const SIGNALS_EVERY: Duration = Duration::from_millis(100);

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
    let (batch, raised) = py.detach(|| {
        let signals = Signals::default();
        let keep_going = || signals.keep_going();
        let made = runlake_engine::downsample(&segments, journals.snapshot(), &sealed, &request, &keep_going);
        (made.and_then(|made| Ok(batch(&made)?)), signals.raised.into_inner())
    });
    match (raised, batch) {
        (Some(raised), _) => Err(raised.into()),
        (None, Ok(batch)) => Ok(ArrowStream::new(batch.schema(), vec![batch])),
        (None, Err(error)) => Err(gone_or(error)),
    }
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

/// A segment that is gone is Python's FileNotFoundError, upon which readers start again.
fn gone_or(error: EngineError) -> BoundaryError {
    match &error {
        EngineError::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
            PyFileNotFoundError::new_err(error.to_string()).into()
        }
        _ => error.into(),
    }
}

/// Whether Python's signal handlers have raised something.
struct Signals {
    looked: Cell<Instant>,
    raised: RefCell<Option<PyErr>>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            looked: Cell::new(Instant::now()),
            raised: RefCell::new(None),
        }
    }
}

impl Signals {
    fn keep_going(&self) -> bool {
        if self.looked.get().elapsed() < SIGNALS_EVERY {
            return true;
        }
        let raised = Python::attach(|py| py.check_signals()).err();
        self.looked.set(Instant::now());
        let keep_going = raised.is_none();
        self.raised.replace(raised);
        keep_going
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
