//! Packed points: parts of a writer's stream as bytes for the network.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use runlake_engine::{Packed, Points, Seq, SeriesName, Window, WriterId, packed};

use crate::arrow;
use crate::errors::{BoundaryResult, invalid_input};
use crate::key;
use crate::table::{Keys, doubles, integers};

/// A batch of points that was checked.
#[pyclass(frozen, module = "runlake._engine")]
pub struct PackedPoints(Packed);

impl PackedPoints {
    /// As the engine has it.
    pub fn engine(&self) -> &Packed {
        &self.0
    }
}

#[pymethods]
impl PackedPoints {
    #[getter]
    fn writer(&self) -> String {
        self.0.writer.to_string()
    }

    #[getter]
    fn first(&self) -> Seq {
        self.0.first
    }

    #[getter]
    fn upto(&self) -> Seq {
        self.0.upto()
    }

    #[getter]
    fn runs(&self) -> Vec<&str> {
        let mut runs: Vec<&str> = self.0.names.iter().map(|name| &*name.run_id).collect();
        runs.sort_unstable();
        runs.dedup();
        runs
    }
}

/// Checks bytes and makes a batch of them.
#[pyfunction]
pub fn unpack_points(py: Python<'_>, data: &[u8]) -> BoundaryResult<PackedPoints> {
    let packed = py.detach(|| packed::unpack(data))?;
    packed.names.iter().try_for_each(|name| key::check(py, &name.key))?;
    Ok(PackedPoints(packed))
}

/// Packs rows of a table whose `seq` goes up by one.
#[pyfunction]
pub fn pack_points<'py>(
    py: Python<'py>,
    table: &Bound<'py, PyAny>,
    writer: &str,
    first: Seq,
) -> BoundaryResult<(Bound<'py, PyBytes>, Seq)> {
    let mut rows = Rows::new(writer.parse()?, first);
    for batch in arrow::read(table)? {
        rows.extend(&batch?)?;
    }
    let (bytes, upto) = py.detach(|| rows.pack())?;
    Ok((PyBytes::new(py, &bytes), upto))
}

/// The rows of a table that follow each other from `first` on.
struct Rows {
    writer: WriterId,
    first: Seq,
    names: Vec<Option<SeriesName>>,
    series: Vec<u32>,
    step: Vec<i64>,
    timestamp_ms: Vec<i64>,
    value: Vec<f64>,
    windows: Vec<Window>,
}

impl Rows {
    fn new(writer: WriterId, first: Seq) -> Self {
        Self {
            writer,
            first,
            names: Vec::new(),
            series: Vec::new(),
            step: Vec::new(),
            timestamp_ms: Vec::new(),
            value: Vec::new(),
            windows: Vec::new(),
        }
    }

    fn extend(&mut self, batch: &RecordBatch) -> BoundaryResult<()> {
        let column = |name| {
            let column = batch
                .column_by_name(name)
                .filter(|column| column.logical_null_count() == 0);
            column.ok_or_else(|| invalid_input(format!("the table has no column '{name}', or nulls in it")))
        };
        let seqs = integers(column("seq")?, "seq")?;
        let expected = self.first + self.series.len() as u64;
        if let Some((seq, wanted)) = seqs
            .iter()
            .zip(expected..)
            .find(|(seq, wanted)| **seq != wanted.cast_signed())
        {
            return Err(invalid_input(format!(
                "the table has point {seq} where {wanted} should be"
            )));
        }
        self.windows.extend(windows(expected, batch));
        let runs = Keys::of(column("run_id")?)?;
        let keys = Keys::of(column("key")?)?;
        let mut numbers = std::collections::HashMap::new();
        for pair in runs.row.iter().zip(&keys.row) {
            let number = *numbers.entry(pair).or_insert_with(|| {
                self.names.push(Some(SeriesName {
                    run_id: runs.distinct[*pair.0].into(),
                    key: keys.distinct[*pair.1].into(),
                }));
                self.names.len() as u32 - 1
            });
            self.series.push(number);
        }
        self.step.extend(integers(column("step")?, "step")?);
        self.timestamp_ms.extend(integers(column("timestamp")?, "timestamp")?);
        self.value.extend(doubles(column("value")?)?);
        Ok(())
    }

    fn pack(&self) -> runlake_engine::Result<(Vec<u8>, Seq)> {
        packed::pack(&Points {
            writer: self.writer,
            first: self.first,
            series: &self.series,
            names: &self.names,
            step: &self.step,
            timestamp_ms: &self.timestamp_ms,
            value: &self.value,
            windows: &self.windows,
        })
    }
}

/// What the rows of a table stand for, if it says so.
fn windows(first: Seq, batch: &RecordBatch) -> Vec<Window> {
    let double = |name| batch.column_by_name(name)?.as_primitive_opt::<Float64Type>();
    let found = || {
        let count = batch.column_by_name("count")?.as_primitive_opt::<Int64Type>()?;
        Some(packed::windows(
            first,
            count,
            [double("min")?, double("max")?, double("mean")?],
        ))
    };
    found().unwrap_or_default()
}
