//! Segment reader: what the footer says of each row group, and single columns of it, decoded.
//!
//! Files are read with `pread`, at places of their own for each thread: a bad disk is an error and no signal, and the
//! position that descriptors share is never moved.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{DataType as ParquetType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::file::statistics::Statistics;

use super::schema::{COLUMNS, KEY, RUN_ID, STEP, TIMESTAMP, VALUE};
use super::verify::check_schema;
use super::write::parquet_error;
use crate::error::{Error, Result};
use crate::types::SeriesName;

/// A segment whose footer has been read. Its file is open only while something is read from it, so that a query may
/// look at more segments than a process may have open.
pub(crate) struct SegmentReader {
    path: PathBuf,
    metadata: Arc<ParquetMetaData>,
}

/// A column of integers that readers decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Integers {
    /// Steps.
    Step,
    /// Milliseconds since 1970-01-01 UTC.
    Timestamp,
}

/// What the footer says of a row group.
#[derive(Clone, Copy)]
pub(crate) struct RowGroup<'a> {
    columns: &'a [ColumnChunkMetaData],
    /// Number of rows.
    pub(crate) rows: usize,
}

/// Rows of one series within a row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeriesRows {
    pub(crate) name: SeriesName,
    pub(crate) rows: Range<usize>,
}

impl SegmentReader {
    /// Opens a segment and reads its footer.
    ///
    /// # Errors
    /// [`Error::Io`], also where the file is gone; [`Error::Damaged`].
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = Positioned::open(path)?;
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(&[RUN_ID, KEY, STEP, TIMESTAMP]))
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let metadata = ParquetMetaDataReader::new()
            .with_metadata_options(Some(options))
            .parse_and_finish(&file)
            .map_err(parquet_error("read", path))?;
        check_schema(metadata.file_metadata().schema_descr()).map_err(|problem| Error::damaged(path, problem))?;
        Ok(Self {
            path: path.to_owned(),
            metadata: Arc::new(metadata),
        })
    }

    /// Number of row groups.
    pub(crate) fn row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    /// A row group of this segment.
    pub(crate) fn row_group(&self, index: usize) -> RowGroup<'_> {
        let group = self.metadata.row_group(index);
        RowGroup {
            columns: group.columns(),
            rows: usize::try_from(group.num_rows()).unwrap_or(0),
        }
    }

    /// Decodes integers of some rows of a row group into `into`, whose former content goes.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn integers(
        &self,
        group: usize,
        column: Integers,
        rows: Range<usize>,
        into: &mut Vec<i64>,
    ) -> Result<()> {
        self.decode::<Int64Type>(group, column.index(), rows, into)
    }

    /// Decodes values of some rows of a row group into `into`, whose former content goes.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn values(&self, group: usize, rows: Range<usize>, into: &mut Vec<f64>) -> Result<()> {
        self.decode::<DoubleType>(group, VALUE, rows, into)
    }

    /// Finds the rows of each series of a row group whose run and key are wanted, in the order of the rows.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn series(&self, group: usize, wanted: impl Fn(&str, &str) -> bool) -> Result<Vec<SeriesRows>> {
        let file = Positioned::open(&self.path)?;
        let batches = self.names(file, group).map_err(parquet_error("read", &self.path))?;
        let mut found: Vec<SeriesRows> = Vec::new();
        let mut start = 0;
        for batch in &batches {
            let names = Names::new(batch).ok_or_else(|| Error::damaged(&self.path, "its names are no texts"))?;
            names.push(start, &wanted, &mut found);
            start += batch.num_rows();
        }
        if start == self.row_group(group).rows {
            Ok(found)
        } else {
            Err(self.too_short("names", start, self.row_group(group).rows))
        }
    }

    fn names(&self, file: Positioned, group: usize) -> ParquetResult<Vec<RecordBatch>> {
        let options = ArrowReaderOptions::new().with_schema(dictionary_schema());
        let metadata = ArrowReaderMetadata::try_new(self.metadata.clone(), options)?;
        let columns = ProjectionMask::leaves(self.metadata.file_metadata().schema_descr(), [RUN_ID, KEY]);
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![group])
            .with_projection(columns)
            .with_batch_size(self.row_group(group).rows)
            .build()?
            .map(|batch| batch.map_err(ParquetError::from))
            .collect()
    }

    fn decode<T: ParquetType>(
        &self,
        group: usize,
        column: usize,
        rows: Range<usize>,
        into: &mut Vec<T::T>,
    ) -> Result<()> {
        into.clear();
        let file = Positioned::open(&self.path)?;
        let chunk = self.metadata.row_group(group).column(column);
        let read = file
            .column(chunk)
            .and_then(|bytes| decode_rows::<T>(bytes, chunk, self.row_group(group).rows, rows.clone(), into))
            .map_err(parquet_error("read", &self.path))?;
        if read == rows.len() {
            Ok(())
        } else {
            Err(self.too_short(COLUMNS[column].0, rows.start + read, rows.end))
        }
    }

    fn too_short(&self, what: &str, rows: usize, expected: usize) -> Error {
        Error::damaged(
            &self.path,
            format!("a row group has {rows} rows of {what}, not {expected}"),
        )
    }
}

/// Adds some rows of a column chunk to `into` and returns how many there were.
fn decode_rows<T: ParquetType>(
    bytes: ColumnBytes,
    chunk: &ColumnChunkMetaData,
    all_rows: usize,
    rows: Range<usize>,
    into: &mut Vec<T::T>,
) -> ParquetResult<usize> {
    let pages = SerializedPageReader::new(Arc::new(bytes), chunk, all_rows, None)?;
    let mut reader = ColumnReaderImpl::<T>::new(chunk.column_descr_ptr(), Box::new(pages));
    if reader.skip_records(rows.start)? < rows.start {
        return Ok(0);
    }
    let (read, _, _) = reader.read_records(rows.len(), None, None, into)?;
    Ok(read)
}

impl<'a> RowGroup<'a> {
    /// Bounds of the run ids: nothing is outside them. None where the footer does not say.
    pub(crate) fn run_ids(&self) -> Option<TextBounds<'a>> {
        TextBounds::of(self.columns[RUN_ID].statistics()?)
    }

    /// Bounds of the keys.
    pub(crate) fn keys(&self) -> Option<TextBounds<'a>> {
        TextBounds::of(self.columns[KEY].statistics()?)
    }

    /// Smallest and largest integer; both are there.
    pub(crate) fn integers(&self, column: Integers) -> Option<(i64, i64)> {
        match self.columns[column.index()].statistics()? {
            Statistics::Int64(found) => Some((*found.min_opt()?, *found.max_opt()?)),
            _ => None,
        }
    }
}

impl Integers {
    fn index(self) -> usize {
        match self {
            Self::Step => STEP,
            Self::Timestamp => TIMESTAMP,
        }
    }
}

/// Bounds of a column of texts, as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextBounds<'a> {
    pub(crate) min: &'a [u8],
    pub(crate) max: &'a [u8],
    exact: bool,
}

impl<'a> TextBounds<'a> {
    fn of(statistics: &'a Statistics) -> Option<Self> {
        // The old fields were compared as signed bytes.
        if statistics.is_min_max_deprecated() {
            return None;
        }
        Some(Self {
            min: statistics.min_bytes_opt()?,
            max: statistics.max_bytes_opt()?,
            exact: statistics.min_is_exact() && statistics.max_is_exact(),
        })
    }

    /// The text that every row has.
    pub(crate) fn only(&self) -> Option<&'a str> {
        let same = self.exact && self.min == self.max;
        same.then(|| std::str::from_utf8(self.min).ok()).flatten()
    }
}

/// Columns `run_id` and `key` of a batch.
struct Names<'a> {
    run_id: &'a DictionaryArray<Int32Type>,
    key: &'a DictionaryArray<Int32Type>,
}

impl<'a> Names<'a> {
    fn new(batch: &'a RecordBatch) -> Option<Self> {
        let column = |index: usize| {
            let column = batch.column(index).as_dictionary_opt::<Int32Type>()?;
            let texts = column.values().as_string_opt::<i32>()?;
            (column.null_count() == 0 && texts.null_count() == 0).then_some(column)
        };
        Some(Self {
            run_id: column(0)?,
            key: column(1)?,
        })
    }

    /// Adds the rows of each wanted series; `start` is the number of the first row.
    fn push(&self, start: usize, wanted: impl Fn(&str, &str) -> bool, found: &mut Vec<SeriesRows>) {
        let (runs, keys) = (self.run_id.keys().values(), self.key.keys().values());
        let (run_texts, key_texts) = (
            self.run_id.values().as_string::<i32>(),
            self.key.values().as_string::<i32>(),
        );
        let mut first = 0;
        while first < runs.len() {
            let (run, key) = (runs[first], keys[first]);
            let rows = start + first..start + first + same_pairs(&runs[first..], &keys[first..]);
            first += rows.len();
            let (run_id, key) = (run_texts.value(run as usize), key_texts.value(key as usize));
            if wanted(run_id, key) {
                let (run_id, key) = (run_id.into(), key.into());
                let name = SeriesName { run_id, key };
                found.push(SeriesRows { name, rows });
            }
        }
    }
}

/// How many of the first pairs are equal to the very first; whole blocks are compared at once.
fn same_pairs(a: &[i32], b: &[i32]) -> usize {
    const BLOCK: usize = 64;
    let (first_a, first_b) = (a[0], b[0]);
    let differ = |(a, b): (&i32, &i32)| (a ^ first_a) | (b ^ first_b);
    let same_block = |(a, b): &(&[i32], &[i32])| a.iter().zip(*b).map(differ).fold(0, |all, one| all | one) == 0;
    let blocks = a
        .chunks_exact(BLOCK)
        .zip(b.chunks_exact(BLOCK))
        .take_while(same_block)
        .count();
    let sure = blocks * BLOCK;
    let rest = a[sure..].iter().zip(&b[sure..]);
    sure + rest.take_while(|pair| differ(*pair) == 0).count()
}

/// The columns as Arrow, with texts as dictionaries, which is how the file has them.
fn dictionary_schema() -> SchemaRef {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |(name, physical): &(&str, parquet::basic::Type)| {
        let kind = match physical {
            parquet::basic::Type::INT64 => DataType::Int64,
            parquet::basic::Type::DOUBLE => DataType::Float64,
            _ => text.clone(),
        };
        Field::new(*name, kind, false)
    };
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
}

/// A file that is read at places.
struct Positioned {
    file: Arc<File>,
    len: u64,
}

impl Positioned {
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let len = file.metadata().map_err(Error::io("read", path))?.len();
        let file = Arc::new(file);
        Ok(Self { file, len })
    }

    /// The bytes of a column chunk, read at once.
    fn column(&self, chunk: &ColumnChunkMetaData) -> ParquetResult<ColumnBytes> {
        let (start, length) = chunk.byte_range();
        let length = usize::try_from(length).map_err(|error| ParquetError::External(error.into()))?;
        Ok(ColumnBytes {
            start,
            bytes: self.get_bytes(start, length)?,
        })
    }
}

impl Length for Positioned {
    fn len(&self) -> u64 {
        self.len
    }
}

impl ChunkReader for Positioned {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(BufReader::new(At {
            file: self.file.clone(),
            offset: start,
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        if start.saturating_add(length as u64) > self.len {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} are beyond its end"
            )));
        }
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}

/// A place in a file.
struct At {
    file: Arc<File>,
    offset: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// The bytes of a column chunk, addressed as in the file.
struct ColumnBytes {
    start: u64,
    bytes: Bytes,
}

impl ColumnBytes {
    fn slice(&self, start: u64, length: Option<usize>) -> ParquetResult<Bytes> {
        let from = start
            .checked_sub(self.start)
            .and_then(|from| usize::try_from(from).ok());
        let rest = from
            .filter(|from| *from <= self.bytes.len())
            .map(|from| self.bytes.slice(from..));
        match (rest, length) {
            (Some(rest), None) => Ok(rest),
            (Some(rest), Some(length)) if length <= rest.len() => Ok(rest.slice(..length)),
            _ => Err(ParquetError::EOF(format!("a page at {start} is beyond its column"))),
        }
    }
}

impl Length for ColumnBytes {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for ColumnBytes {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(bytes::Buf::reader(self.slice(start, None)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        self.slice(start, Some(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_equal_pairs_end_where_either_changes() {
        for end in [1, 2, 63, 64, 65, 128, 200] {
            let (mut a, b) = (vec![7; 200], vec![3; 200]);
            a[end..].fill(8);
            assert_eq!(same_pairs(&a, &b), end);
            assert_eq!(same_pairs(&b, &a), end);
        }
    }
}
