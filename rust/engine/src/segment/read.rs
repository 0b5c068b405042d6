//! Segment reader: what the footer says of each row group, and single columns of it, decoded.
//!
//! Pages without wanted rows are neither decompressed nor decoded, and in the others decoders pass over what is between
//! wanted rows: byte streams at once, differences a block at a time.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::column::reader::ColumnReaderImpl;
use parquet::data_type::{DataType as ParquetType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{
    ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataOptions, ParquetMetaDataReader, ParquetStatisticsPolicy,
};
use parquet::file::statistics::Statistics;

use super::bytes::Positioned;
use super::pages::{Pages, Workspace};
use super::schema::{
    COLUMNS, COUNT, KEY, MAX, MEAN, MIN, RUN_ID, SEQ, STEP, TIMESTAMP, VALUE, WRITER, name_of, with_windows,
};
use super::texts::{SeriesRows, TextRun, push_runs_of_batch, runs_of_pages, series, sliced};
use super::verify::check_schema;
use super::write::parquet_error;
use crate::error::{Error, Result};
use crate::types::SeriesName;

/// Rows beyond which a row group is taken for damage: 32 times as many as the largest one that is written. Memory is asked for
/// by what the footer says.
const MOST_ROWS: i64 = 1 << 24;

/// A segment whose footer has been read. Its file is open only where a [`Workspace`] has it, so that a query may look at
/// more segments than a process may have open.
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

/// An aggregate of values that is a column where some rows have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubles {
    /// Smallest value.
    Min,
    /// Largest value.
    Max,
    /// Mean of the values.
    Mean,
}

/// What the footer says of a row group.
#[derive(Clone, Copy)]
pub(crate) struct RowGroup<'a> {
    columns: &'a [ColumnChunkMetaData],
    /// Number of rows.
    pub(crate) rows: usize,
}

impl SegmentReader {
    /// Opens a segment and reads its footer.
    ///
    /// # Errors
    /// [`Error::Io`], also where the file is gone; [`Error::Damaged`].
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = Positioned::open(path)?;
        let options = ParquetMetaDataOptions::new()
            .with_column_stats_policy(ParquetStatisticsPolicy::skip_except(&[
                RUN_ID, KEY, STEP, TIMESTAMP, WRITER,
            ]))
            .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
            .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll);
        let metadata = ParquetMetaDataReader::new()
            .with_metadata_options(Some(options))
            .parse_and_finish(&file)
            .map_err(parquet_error("read", path))?;
        check_schema(metadata.file_metadata().schema_descr()).map_err(|problem| Error::damaged(path, problem))?;
        let mut rows = metadata.row_groups().iter().map(|group| group.num_rows());
        if let Some(rows) = rows.find(|rows| !(0..=MOST_ROWS).contains(rows)) {
            return Err(Error::damaged(path, format!("a row group has {rows} rows")));
        }
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

    /// Decodes integers of some rows of a row group into `into`, whose former content goes. Rows ascend.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn integers(
        &self,
        group: usize,
        column: Integers,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
        into: &mut Vec<i64>,
    ) -> Result<()> {
        self.decode::<Int64Type>(group, column.index(), rows, workspace, into)
    }

    /// Decodes sequence numbers of some rows of a row group into `into`, whose former content goes. Rows ascend.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn seqs(
        &self,
        group: usize,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
        into: &mut Vec<i64>,
    ) -> Result<()> {
        self.decode::<Int64Type>(group, SEQ, rows, workspace, into)
    }

    /// Decodes values of some rows of a row group into `into`, whose former content goes. Rows ascend.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn values(
        &self,
        group: usize,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
        into: &mut Vec<f64>,
    ) -> Result<()> {
        self.decode::<DoubleType>(group, VALUE, rows, workspace, into)
    }

    /// Whether some rows stand for more points than themselves.
    pub(crate) fn has_windows(&self) -> bool {
        self.metadata.file_metadata().schema_descr().num_columns() > COLUMNS.len()
    }

    /// Decodes how many points some rows of a row group stand for, where they do and it was kept. Rows ascend.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn counts(
        &self,
        group: usize,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
    ) -> Result<Vec<Option<i64>>> {
        self.decode_optional::<Int64Type>(group, COUNT, rows, workspace)
    }

    /// Decodes an aggregate of the points that some rows of a row group stand for. Rows ascend.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn aggregates(
        &self,
        group: usize,
        column: Doubles,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
    ) -> Result<Vec<Option<f64>>> {
        self.decode_optional::<DoubleType>(group, column.index(), rows, workspace)
    }

    /// Finds the rows of each series of a row group whose run and key are wanted, in the order of the rows.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn series(
        &self,
        group: usize,
        workspace: &mut Workspace,
        wanted: impl Fn(&str, &str) -> bool,
    ) -> Result<Vec<SeriesRows>> {
        let run_ids = self.texts(group, RUN_ID, workspace)?;
        let keys = self.texts(group, KEY, workspace)?;
        Ok(series(&run_ids, &keys, wanted))
    }

    /// Decodes the writers of some rows of a row group. Rows ascend.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`].
    pub(crate) fn writers(
        &self,
        group: usize,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
    ) -> Result<Vec<TextRun>> {
        Ok(sliced(self.texts(group, WRITER, workspace)?, rows))
    }

    /// A column of texts, all rows.
    fn texts(&self, group: usize, column: usize, workspace: &mut Workspace) -> Result<Vec<TextRun>> {
        let file = workspace.open(&self.path)?;
        let chunk = self.metadata.row_group(group).column(column);
        let rows = self.row_group(group).rows;
        let runs = self.careful(|| match runs_of_pages(&mut workspace.pages(&file, chunk, rows)?)? {
            Some(runs) => Ok(runs),
            None => self.decode_texts(file, group, column),
        })?;
        self.require(runs.iter().map(|(_, rows)| rows).sum(), rows, name_of(column))?;
        Ok(runs)
    }

    /// A column of texts that is not of runs alone, decoded by the library as dictionaries.
    fn decode_texts(&self, file: Positioned, group: usize, column: usize) -> ParquetResult<Vec<TextRun>> {
        let options = ArrowReaderOptions::new().with_schema(dictionary_schema(self.has_windows()));
        let metadata = ArrowReaderMetadata::try_new(self.metadata.clone(), options)?;
        let mask = ProjectionMask::leaves(self.metadata.file_metadata().schema_descr(), [column]);
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
            .with_row_groups(vec![group])
            .with_projection(mask)
            .with_batch_size(self.row_group(group).rows)
            .build()?;
        let mut runs = Vec::new();
        for batch in batches {
            push_runs_of_batch(&batch?, &mut runs)
                .ok_or_else(|| ParquetError::General(format!("{} is no text", name_of(column))))?;
        }
        Ok(runs)
    }

    fn decode<T: ParquetType>(
        &self,
        group: usize,
        column: usize,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
        into: &mut Vec<T::T>,
    ) -> Result<()> {
        into.clear();
        into.reserve(count(rows));
        let file = workspace.open(&self.path)?;
        let chunk = self.metadata.row_group(group).column(column);
        self.careful(|| {
            let pages = workspace.pages(&file, chunk, self.row_group(group).rows)?;
            decode_rows::<T>(pages, chunk, rows, into)
        })?;
        self.require(into.len(), count(rows), name_of(column))
    }

    /// A column that has no value in some rows, and none at all where the segment has no such column.
    fn decode_optional<T: ParquetType>(
        &self,
        group: usize,
        column: usize,
        rows: &[Range<usize>],
        workspace: &mut Workspace,
    ) -> Result<Vec<Option<T::T>>> {
        if !self.has_windows() {
            return Ok(vec![None; count(rows)]);
        }
        let file = workspace.open(&self.path)?;
        let chunk = self.metadata.row_group(group).column(column);
        let found = self.careful(|| {
            let pages = workspace.pages(&file, chunk, self.row_group(group).rows)?;
            decode_optional_rows::<T>(pages, chunk, rows)
        })?;
        self.require(found.len(), count(rows), name_of(column))?;
        Ok(found)
    }

    /// Calls what reads pages. The library panics at some pages that are not what was written.
    fn careful<T>(&self, read: impl FnOnce() -> ParquetResult<T>) -> Result<T> {
        // What `read` borrows is thrown away with the error, or is memory whose content does not matter.
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(read) => read.map_err(parquet_error("read", &self.path)),
            Err(_) => Err(Error::damaged(&self.path, "a page is not what was written")),
        }
    }

    fn require(&self, found: usize, rows: usize, what: &str) -> Result<()> {
        if found == rows {
            return Ok(());
        }
        let problem = format!("a row group has {found} of {rows} wanted rows of {what}");
        Err(Error::damaged(&self.path, problem))
    }
}

fn count(rows: &[Range<usize>]) -> usize {
    rows.iter().map(ExactSizeIterator::len).sum()
}

/// Adds some rows of a column chunk to `into`, as far as it has them.
fn decode_rows<T: ParquetType>(
    pages: Pages,
    chunk: &ColumnChunkMetaData,
    rows: &[Range<usize>],
    into: &mut Vec<T::T>,
) -> ParquetResult<()> {
    let mut reader = ColumnReaderImpl::<T>::new(chunk.column_descr_ptr(), Box::new(pages));
    let mut place = 0;
    for rows in rows {
        place += reader.skip_records(rows.start - place)?;
        if place < rows.start {
            break;
        }
        place += reader.read_records(rows.len(), None, None, into)?.0;
    }
    Ok(())
}

/// Some rows of a column chunk with nulls, as far as it has them.
fn decode_optional_rows<T: ParquetType>(
    pages: Pages,
    chunk: &ColumnChunkMetaData,
    rows: &[Range<usize>],
) -> ParquetResult<Vec<Option<T::T>>> {
    let mut reader = ColumnReaderImpl::<T>::new(chunk.column_descr_ptr(), Box::new(pages));
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut place = 0;
    for rows in rows {
        place += reader.skip_records(rows.start - place)?;
        if place < rows.start {
            break;
        }
        place += reader.read_records(rows.len(), Some(&mut levels), None, &mut values)?.0;
    }
    let mut values = values.into_iter();
    let value = |level: i16| if level > 0 { values.next() } else { None };
    Ok(levels.into_iter().map(value).collect())
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

    /// The series that has all rows, where the footer says so.
    pub(crate) fn only_series(&self) -> Option<SeriesName> {
        Some(SeriesName {
            run_id: self.run_ids()?.only()?.into(),
            key: self.keys()?.only()?.into(),
        })
    }

    /// The writer of all rows, where the footer says so.
    pub(crate) fn only_writer(&self) -> Option<&'a str> {
        TextBounds::of(self.columns[WRITER].statistics()?)?.only()
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

impl Doubles {
    fn index(self) -> usize {
        match self {
            Self::Min => MIN,
            Self::Max => MAX,
            Self::Mean => MEAN,
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

/// The columns as Arrow, with texts as dictionaries.
fn dictionary_schema(windows: bool) -> SchemaRef {
    let text = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |(name, physical): &(&str, parquet::basic::Type)| {
        let kind = match physical {
            parquet::basic::Type::INT64 => DataType::Int64,
            parquet::basic::Type::DOUBLE => DataType::Float64,
            _ => text.clone(),
        };
        Field::new(*name, kind, false)
    };
    let columns = Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>());
    Arc::new(if windows { with_windows(&columns) } else { columns })
}
