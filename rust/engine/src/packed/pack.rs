//! Packing: columns of points become bytes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{IpcWriteOptions, StreamWriter};

use super::{MAX_NAME_BYTES, MAX_POINTS, schema};
use crate::error::{Error, Result};
use crate::ledger::Window;
use crate::tail::window_columns;
use crate::types::{Seq, SeriesName, WriterId};

/// Points that follow each other in a writer's stream, as columns of equal length.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    /// Whose.
    pub writer: WriterId,
    /// Number of the first.
    pub first: Seq,
    /// Series, as indices into `names`.
    pub series: &'a [u32],
    /// Names of the series.
    pub names: &'a [Option<SeriesName>],
    /// Steps.
    pub step: &'a [i64],
    /// Times in milliseconds since 1970-01-01 UTC.
    pub timestamp_ms: &'a [i64],
    /// Values.
    pub value: &'a [f64],
    /// What points stand for, in the order of their numbers.
    pub windows: &'a [Window],
}

/// Packs the first of these points, as many as one batch may have, and returns the number of the point after the last.
///
/// # Errors
/// [`Error::UnknownSeries`] for a series without a name.
pub fn pack(points: &Points<'_>) -> Result<(Vec<u8>, Seq)> {
    let mut names = Dictionaries::new(points.names);
    let most = points.series.len().min(MAX_POINTS);
    let (mut runs, mut keys) = (Vec::with_capacity(most), Vec::with_capacity(most));
    for series in &points.series[..most] {
        let (run, key) = names.of(*series)?;
        runs.push(run);
        keys.push(key);
        if names.bytes > MAX_NAME_BYTES {
            break;
        }
    }
    let rows = runs.len();
    let upto = points.first + rows as u64;
    let begin = points.windows.partition_point(|window| window.seq < points.first);
    let end = points.windows.partition_point(|window| window.seq < upto);
    let windows = &points.windows[begin..end];
    let schema = schema(points.writer, points.first, !windows.is_empty());
    let mut columns: Vec<ArrayRef> = vec![
        names.runs.column(runs)?,
        names.keys.column(keys)?,
        Arc::new(Int64Array::from(points.step[..rows].to_vec())),
        Arc::new(Int64Array::from(points.timestamp_ms[..rows].to_vec())),
        Arc::new(Float64Array::from(points.value[..rows].to_vec())),
    ];
    if !windows.is_empty() {
        let seqs: Vec<i64> = (points.first..upto).map(u64::cast_signed).collect();
        columns.extend(window_columns(windows, &seqs));
    }
    let batch = RecordBatch::try_new(schema.clone(), columns)?;
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::ZSTD))?;
    let mut bytes = Vec::with_capacity(rows * 8 + 2048);
    let mut stream = StreamWriter::try_new_with_options(&mut bytes, &schema, options)?;
    stream.write(&batch)?;
    stream.finish()?;
    drop(stream);
    Ok((bytes, upto))
}

/// The names that occur, in the order of their first use.
struct Dictionaries<'a> {
    names: &'a [Option<SeriesName>],
    known: Vec<Option<(i32, i32)>>,
    runs: Dictionary<'a>,
    keys: Dictionary<'a>,
    bytes: usize,
}

impl<'a> Dictionaries<'a> {
    fn new(names: &'a [Option<SeriesName>]) -> Self {
        Self {
            names,
            known: vec![None; names.len()],
            runs: Dictionary::default(),
            keys: Dictionary::default(),
            bytes: 0,
        }
    }

    /// The places of a series' run and key.
    fn of(&mut self, series: u32) -> Result<(i32, i32)> {
        let at = series as usize;
        if let Some(Some(places)) = self.known.get(at) {
            return Ok(*places);
        }
        let Some(Some(name)) = self.names.get(at) else {
            return Err(Error::UnknownSeries(series));
        };
        let places = (
            self.runs.place(&name.run_id, &mut self.bytes),
            self.keys.place(&name.key, &mut self.bytes),
        );
        self.known[at] = Some(places);
        Ok(places)
    }
}

#[derive(Default)]
struct Dictionary<'a> {
    texts: Vec<&'a str>,
    places: HashMap<&'a str, i32>,
}

impl<'a> Dictionary<'a> {
    fn place(&mut self, text: &'a str, bytes: &mut usize) -> i32 {
        let texts = &mut self.texts;
        *self.places.entry(text).or_insert_with(|| {
            texts.push(text);
            *bytes += text.len();
            texts.len() as i32 - 1
        })
    }

    fn column(&self, places: Vec<i32>) -> Result<ArrayRef> {
        let values = Arc::new(StringArray::from_iter_values(&self.texts));
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
            Int32Array::from(places),
            values,
        )?))
    }
}
