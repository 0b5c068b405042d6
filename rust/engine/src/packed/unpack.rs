//! Unpacking: bytes from the network become columns of points, or an error.

use std::collections::HashMap;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type, Int64Type};
use arrow_array::{Array, DictionaryArray, RecordBatch};
use arrow_ipc::reader::StreamReader;
use arrow_schema::Schema;

use super::{FIRST, MAX_POINTS, WRITER, check, columns, windows};
use crate::error::{Error, Result};
use crate::ledger::Window;
use crate::segment::with_windows;
use crate::types::{MAX_KEY_BYTES, MAX_RUN_BYTES, Seq, SeriesName, WriterId};

/// Columns that every batch has, none with nulls.
const ALWAYS: usize = 5;

/// Points that follow each other in a writer's stream.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Whose.
    pub writer: WriterId,
    /// Number of the first.
    pub first: Seq,
    /// The series that occur, each once.
    pub names: Vec<SeriesName>,
    /// Series, as indices into `names`.
    pub series: Vec<u32>,
    /// Steps.
    pub step: Vec<i64>,
    /// Times in milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: Vec<i64>,
    /// Values, bit for bit.
    pub value: Vec<f64>,
    /// What points stand for, in the order of their numbers.
    pub windows: Vec<Window>,
}

/// Reads what [`super::pack`] has made, here or elsewhere.
///
/// # Errors
/// [`Error::NotPoints`].
pub fn unpack(bytes: &[u8]) -> Result<Packed> {
    check::sizes(bytes).map_err(refuse)?;
    // What is checked above is what is known to make the library panic.
    catch_unwind(AssertUnwindSafe(|| read(bytes))).unwrap_or_else(|_| Err(refuse("it cannot be decoded")))
}

impl Packed {
    /// Number of the point after the last.
    pub fn upto(&self) -> Seq {
        self.first + self.series.len() as u64
    }
}

fn refuse(reason: impl Into<String>) -> Error {
    Error::NotPoints { reason: reason.into() }
}

fn read(bytes: &[u8]) -> Result<Packed> {
    let decode = |error| refuse(format!("{error}"));
    let reader = StreamReader::try_new(Cursor::new(bytes), None).map_err(decode)?;
    let schema = reader.schema();
    if !has_columns(&schema) {
        return Err(refuse(
            "its columns are not run_id, key, step, timestamp and value of a batch of points",
        ));
    }
    let mut packed = Packed {
        writer: metadata(&schema, WRITER)?.parse()?,
        first: number(metadata(&schema, FIRST)?)?,
        names: Vec::new(),
        series: Vec::new(),
        step: Vec::new(),
        timestamp_ms: Vec::new(),
        value: Vec::new(),
        windows: Vec::new(),
    };
    let mut table = SeriesTable::default();
    for batch in reader {
        let batch = batch.map_err(decode)?;
        if packed.series.len() + batch.num_rows() > MAX_POINTS {
            return Err(refuse(format!("it has more than {MAX_POINTS} points")));
        }
        packed.extend(&batch, &mut table)?;
    }
    packed.names = table.names;
    Ok(packed)
}

/// Whether the columns are those of a batch, nullable or not: some libraries know no other.
fn has_columns(schema: &Schema) -> bool {
    [columns(), with_windows(&columns())].iter().any(|expected| {
        let mut pairs = expected.fields().iter().zip(schema.fields());
        expected.fields().len() == schema.fields().len()
            && pairs.all(|(wanted, found)| wanted.name() == found.name() && wanted.data_type() == found.data_type())
    })
}

fn metadata<'a>(schema: &'a Schema, name: &str) -> Result<&'a str> {
    let text = schema.metadata().get(name);
    text.map(String::as_str)
        .ok_or_else(|| refuse(format!("its schema has no metadata '{name}'")))
}

/// A number of a point; those that `i64` does not hold are no numbers in segments.
fn number(text: &str) -> Result<Seq> {
    let number = text
        .parse::<u64>()
        .ok()
        .filter(|n| *n <= (i64::MAX as u64) - MAX_POINTS as u64);
    number.ok_or_else(|| refuse(format!("'{FIRST}' is '{text}'")))
}

impl Packed {
    fn extend(&mut self, batch: &RecordBatch, table: &mut SeriesTable) -> Result<()> {
        let (always, of_windows) = batch.columns().split_at(ALWAYS);
        if let Some(column) = always.iter().find(|column| column.logical_null_count() > 0) {
            return Err(refuse(format!("it has {} nulls", column.logical_null_count())));
        }
        let [runs, keys] = [0, 1].map(|i| batch.column(i).as_dictionary::<Int32Type>());
        if let [count, doubles @ ..] = of_windows {
            let [min, max, mean] = [0, 1, 2].map(|i| doubles[i].as_primitive::<Float64Type>());
            let first = self.first + self.series.len() as u64;
            self.windows
                .extend(windows(first, count.as_primitive::<Int64Type>(), [min, max, mean]));
        }
        table.extend(runs, keys, &mut self.series)?;
        self.step.extend(batch.column(2).as_primitive::<Int64Type>().values());
        self.timestamp_ms
            .extend(batch.column(3).as_primitive::<Int64Type>().values());
        self.value
            .extend(batch.column(4).as_primitive::<Float64Type>().values());
        match self.timestamp_ms.iter().find(|time| **time < 0) {
            Some(time) => Err(refuse(format!("a timestamp is {time}"))),
            None => Ok(()),
        }
    }
}

/// The pairs of run and key that have occurred.
#[derive(Default)]
struct SeriesTable {
    names: Vec<SeriesName>,
    numbers: HashMap<SeriesName, u32>,
}

impl SeriesTable {
    /// Appends the series of each row.
    fn extend(
        &mut self,
        runs: &DictionaryArray<Int32Type>,
        keys: &DictionaryArray<Int32Type>,
        series: &mut Vec<u32>,
    ) -> Result<()> {
        let (run_texts, key_texts) = (
            texts(runs, "a run id", MAX_RUN_BYTES)?,
            texts(keys, "a metric key", MAX_KEY_BYTES)?,
        );
        let mut known = HashMap::<(i32, i32), u32, hashbrown::DefaultHashBuilder>::default();
        let mut last = None;
        for places in runs
            .keys()
            .values()
            .iter()
            .copied()
            .zip(keys.keys().values().iter().copied())
        {
            if let Some((_, number)) = last.filter(|(before, _)| *before == places) {
                series.push(number);
                continue;
            }
            let number = *known
                .entry(places)
                .or_insert_with(|| self.number(&run_texts[places.0 as usize], &key_texts[places.1 as usize]));
            series.push(number);
            last = Some((places, number));
        }
        Ok(())
    }

    fn number(&mut self, run_id: &Arc<str>, key: &Arc<str>) -> u32 {
        let name = SeriesName {
            run_id: run_id.clone(),
            key: key.clone(),
        };
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            self.names.len() as u32 - 1
        })
    }
}

/// The texts of a dictionary; each is as long as a journal can hold. Those that no row has are checked all the same.
fn texts(column: &DictionaryArray<Int32Type>, what: &str, limit: usize) -> Result<Vec<Arc<str>>> {
    let texts = column.values().as_string::<i32>();
    match texts
        .iter()
        .flatten()
        .find(|text| text.len() > limit || text.is_empty())
    {
        Some(text) => Err(refuse(format!("{what} has {} bytes; the limit is {limit}", text.len()))),
        None => Ok(texts.iter().map(|text| text.unwrap_or_default().into()).collect()),
    }
}
