//! `RunLogger.log_points`: an Arrow table with a key a row.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use pyo3::prelude::*;
use runlake_engine::{SeriesId, now_ms};

use crate::arrow;
use crate::errors::{BoundaryError, BoundaryResult, invalid_input, invalid_type};
use crate::number::{non_negative, out_of_range};
use crate::run::Run;

const COLUMNS: [&str; 4] = ["key", "step", "value", "timestamp"];

/// Logs every batch of `table` and returns how many points were stored.
pub fn log(run: &Run, table: &Bound<'_, PyAny>) -> BoundaryResult<u64> {
    let py = table.py();
    let mut reader = arrow::read(table)?;
    let default_time_ms = now_ms();
    let mut stored = 0;
    run.with_writer(py, |_| Ok(()))?;
    while let Some(batch) = py.detach(|| reader.next()) {
        stored += log_batch(py, run, &batch?, default_time_ms)?;
        py.check_signals()?;
    }
    Ok(stored)
}

fn log_batch(py: Python<'_>, run: &Run, batch: &RecordBatch, default_time_ms: i64) -> BoundaryResult<u64> {
    check_columns(batch)?;
    let steps = integers(column(batch, "step")?, "step")?;
    let values = doubles(column(batch, "value")?)?;
    let timestamps = match batch.column_by_name("timestamp") {
        Some(_) => timestamps(column(batch, "timestamp")?)?,
        None => vec![default_time_ms; batch.num_rows()],
    };
    let keys = Keys::of(column(batch, "key")?)?;
    run.with_writer(py, |writer| {
        let series = keys.series(py, run)?;
        Ok(py.detach(|| writer.append_columns(&series, &steps, &timestamps, &values))?)
    })
}

fn check_columns(batch: &RecordBatch) -> BoundaryResult<()> {
    let schema = batch.schema();
    match schema
        .fields()
        .iter()
        .find(|field| !COLUMNS.contains(&field.name().as_str()))
    {
        None => Ok(()),
        Some(stranger) => Err(invalid_input(format!(
            "the table has a column '{}'; log_points takes key, step, value and, if you like, timestamp",
            stranger.name()
        ))),
    }
}

/// A column that is there and has no nulls.
fn column<'a>(batch: &'a RecordBatch, name: &str) -> BoundaryResult<&'a dyn Array> {
    let Some(column) = batch.column_by_name(name) else {
        return Err(invalid_input(format!(
            "the table has no column '{name}'; log_points needs key, step and value"
        )));
    };
    match column.logical_null_count() {
        0 => Ok(column.as_ref()),
        nulls => Err(
            invalid_input(format!("column '{name}' has {nulls} nulls; every point has a {name}"))
                .hint("drop those rows first, or log NaN for a value that is not a number"),
        ),
    }
}

fn wrong_type(column: &dyn Array, name: &str, legal: &str) -> BoundaryError {
    invalid_type(format!(
        "column '{name}' has type {}; log_points takes {legal}",
        column.data_type()
    ))
}

fn collect<T: ArrowPrimitiveType, U>(column: &dyn Array, convert: impl Fn(T::Native) -> U) -> Vec<U> {
    column
        .as_primitive::<T>()
        .values()
        .iter()
        .map(|value| convert(*value))
        .collect()
}

pub fn doubles(column: &dyn Array) -> BoundaryResult<Vec<f64>> {
    Ok(match column.data_type() {
        DataType::Float64 => collect::<Float64Type, _>(column, |v| v),
        DataType::Float32 => collect::<Float32Type, _>(column, f64::from),
        DataType::Float16 => collect::<Float16Type, _>(column, |v| v.to_f64()),
        DataType::Int64 => collect::<Int64Type, _>(column, |v| v as f64),
        DataType::UInt64 => collect::<UInt64Type, _>(column, |v| v as f64),
        DataType::Boolean => (0..column.len())
            .map(|row| f64::from(u8::from(column.as_boolean().value(row))))
            .collect(),
        kind if kind.is_integer() => integers(column, "value")?.into_iter().map(|v| v as f64).collect(),
        _ => {
            return Err(wrong_type(
                column,
                "value",
                "float64, float32, float16, bool or integers",
            ));
        }
    })
}

pub fn integers(column: &dyn Array, name: &str) -> BoundaryResult<Vec<i64>> {
    Ok(match column.data_type() {
        DataType::Int64 => collect::<Int64Type, _>(column, |v| v),
        DataType::Int32 => collect::<Int32Type, _>(column, i64::from),
        DataType::Int16 => collect::<Int16Type, _>(column, i64::from),
        DataType::Int8 => collect::<Int8Type, _>(column, i64::from),
        DataType::UInt32 => collect::<UInt32Type, _>(column, i64::from),
        DataType::UInt16 => collect::<UInt16Type, _>(column, i64::from),
        DataType::UInt8 => collect::<UInt8Type, _>(column, i64::from),
        DataType::UInt64 => {
            let fits = |v: &u64| i64::try_from(*v).map_err(|_| out_of_range(name, v));
            column
                .as_primitive::<UInt64Type>()
                .values()
                .iter()
                .map(fits)
                .collect::<BoundaryResult<_>>()?
        }
        _ => return Err(wrong_type(column, name, "integers")),
    })
}

/// Milliseconds since 1970, of whatever unit; zones do not matter, since Arrow keeps UTC.
fn timestamps(column: &dyn Array) -> BoundaryResult<Vec<i64>> {
    let times = match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => {
            collect::<TimestampSecondType, _>(column, |v| v.saturating_mul(1_000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => collect::<TimestampMillisecondType, _>(column, |v| v),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            collect::<TimestampMicrosecondType, _>(column, |v| v.div_euclid(1_000))
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            collect::<TimestampNanosecondType, _>(column, |v| v.div_euclid(1_000_000))
        }
        kind if kind.is_integer() => integers(column, "timestamp")?,
        _ => return Err(wrong_type(column, "timestamp", "timestamps or integer milliseconds")),
    };
    times.iter().min().map_or(Ok(0), |smallest| non_negative(*smallest))?;
    Ok(times)
}

/// The distinct keys of a batch, and which of them each row has. A dictionary may hold keys that no row has.
pub struct Keys<'a> {
    pub distinct: Vec<&'a str>,
    pub row: Vec<usize>,
}

impl<'a> Keys<'a> {
    /// Of a column of texts.
    pub fn of(column: &'a dyn Array) -> BoundaryResult<Self> {
        match column.data_type() {
            DataType::Dictionary(..) if column.is_empty() => Ok(Self {
                distinct: Vec::new(),
                row: Vec::new(),
            }),
            DataType::Utf8 => Ok(Self::number(column.as_string::<i32>().iter())),
            DataType::LargeUtf8 => Ok(Self::number(column.as_string::<i64>().iter())),
            DataType::Utf8View => Ok(Self::number(column.as_string_view().iter())),
            DataType::Dictionary(..) => {
                let dictionary = column.as_any_dictionary();
                let values = Self::of(dictionary.values().as_ref())?;
                let row = dictionary
                    .normalized_keys()
                    .into_iter()
                    .map(|key| values.row[key])
                    .collect();
                Ok(Self {
                    distinct: values.distinct,
                    row,
                })
            }
            _ => Err(wrong_type(
                column,
                "key",
                "utf8, large_utf8, utf8_view or a dictionary of them",
            )),
        }
    }

    /// A null (in the unused part of a dictionary) counts as an empty text.
    fn number(texts: impl Iterator<Item = Option<&'a str>>) -> Self {
        let mut distinct: Vec<&'a str> = Vec::new();
        let mut numbers: HashMap<&'a str, usize> = HashMap::new();
        let row = texts
            .map(|text| {
                let text = text.unwrap_or_default();
                *numbers.entry(text).or_insert_with(|| {
                    distinct.push(text);
                    distinct.len() - 1
                })
            })
            .collect();
        Self { distinct, row }
    }

    fn series(&self, py: Python<'_>, run: &Run) -> BoundaryResult<Vec<SeriesId>> {
        let mut series: Vec<Option<SeriesId>> = vec![None; self.distinct.len()];
        let mut of = |number: usize| match series[number] {
            Some(series) => Ok(series),
            None => run
                .series(py, self.distinct[number])
                .map(|found| *series[number].insert(found)),
        };
        self.row.iter().map(|number| of(*number)).collect()
    }
}
