//! Writing a segment: sorted rows into a temporary file, then onto the disk, then to its name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{SchemaDescriptor, TypePtr};
use rustix::fs::{FlockOperation, flock};

use super::SegmentInfo;
use super::column::{Chunk, doubles, integers, optional_doubles, optional_integers};
use super::layout::{RowGroup, plan};
use super::schema::{
    COUNT, CRC_OFFSET, HEADER_BYTES, KEY, MAGIC, MAX, MEAN, MIN, RUN_ID, SEQ, SORTED_BY, STEP, TIMESTAMP, VALUE,
    WRITER, schema,
};
use super::strings::Runs;
use crate::error::{Error, Result};
use crate::ledger::Aggregate;
use crate::types::WriterId;

const WRITE_BYTES: usize = 1 << 20;

/// Sorted points of one experiment, by column; all slices are equally long.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// In order; their rows add up to the length of the columns.
    pub(crate) series: &'a [Series],
    pub(crate) step: &'a [i64],
    pub(crate) timestamp_ms: &'a [i64],
    pub(crate) value: &'a [f64],
    pub(crate) seq: &'a [i64],
    /// Index into `writer_names` of each row; empty when all rows are of the first.
    pub(crate) writer: &'a [u32],
    /// Writers as text.
    pub(crate) writer_names: &'a [String],
    /// What rows stand for besides themselves.
    pub(crate) windows: Windows<'a>,
}

/// What the points of windows stand for.
#[derive(Clone, Copy)]
pub(crate) enum Windows<'a> {
    /// All rows stand for themselves alone.
    None,
    /// For each row the number of its aggregate, from 1; 0 where it stands for itself alone.
    Numbered(&'a [u32], &'a [Aggregate]),
    /// As a segment has it.
    Columns(&'a WindowValues),
}

/// The columns of what points of windows stand for.
#[derive(Default)]
pub(crate) struct WindowValues {
    pub(crate) count: Vec<Option<i64>>,
    pub(crate) min: Vec<Option<f64>>,
    pub(crate) max: Vec<Option<f64>>,
    pub(crate) mean: Vec<Option<f64>>,
}

/// The rows of one metric of one run.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) run_id: Arc<str>,
    pub(crate) key: Arc<str>,
    pub(crate) rows: Range<usize>,
}

/// A segment under its temporary name, which goes when this is dropped before [`SegmentFile::rename`].
pub(crate) struct SegmentFile {
    file: File,
    temporary: PathBuf,
    path: PathBuf,
    bytes: u64,
}

impl SegmentFile {
    /// Writes a segment into `folder` under a temporary name, encoding `threads` row groups at a time.
    pub(crate) fn write(folder: &Path, info: &SegmentInfo, rows: Rows<'_>, threads: usize) -> Result<Self> {
        Self::write_blocks(
            folder,
            &info.segment_id,
            "",
            !matches!(rows.windows, Windows::None),
            threads,
            |blocks| {
                blocks.push(rows)?;
                Ok(info.clone())
            },
        )
    }

    /// Writes a segment whose rows come in blocks; `fill` hands them over and returns what the segment says of itself.
    ///
    /// With a `suffix` its name begins with a dot and ends with that, so that it is there for those only who are told. With
    /// `window` it has the columns of what points of windows stand for.
    pub(crate) fn write_blocks(
        folder: &Path,
        segment_id: &str,
        suffix: &str,
        window: bool,
        threads: usize,
        fill: impl FnOnce(&mut Blocks<'_>) -> Result<SegmentInfo>,
    ) -> Result<Self> {
        let dot = if suffix.is_empty() { "" } else { "." };
        let path = folder.join(format!("{dot}{segment_id}.parquet{suffix}"));
        let random = WriterId::random()?;
        // Readers of whole folders pass over names that begin with a dot.
        let temporary = folder.join(format!(".{segment_id}.parquet.{random}.tmp"));
        let file = File::create_new(&temporary).map_err(Error::io("create", &temporary))?;
        // Tells who tidies up that somebody is writing; a file system without locks has it told by the file's age.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        let mut segment = Self {
            file,
            temporary,
            path,
            bytes: 0,
        };
        segment.bytes = segment.fill(window, threads, fill)?;
        Ok(segment)
    }

    /// Size of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the content onto the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        self.file.sync_all().map_err(Error::io("sync", &self.temporary))
    }

    /// Gives the file its name. The name is on the disk when the folder has been synced.
    pub(crate) fn rename(self) -> Result<()> {
        fs::rename(&self.temporary, &self.path).map_err(Error::io("rename to", &self.path))
    }

    fn fill(
        &self,
        window: bool,
        threads: usize,
        fill: impl FnOnce(&mut Blocks<'_>) -> Result<SegmentInfo>,
    ) -> Result<u64> {
        let error = parquet_error("write", &self.temporary);
        let mut blocks = Blocks::begin(self, window, threads).map_err(&error)?;
        let info = fill(&mut blocks)?;
        blocks.finish(&info).map_err(error)
    }
}

/// Where the rows of a segment go, a block after the other, in order. Each block begins a row group.
pub(crate) struct Blocks<'a> {
    segment: &'a SegmentFile,
    writer: SerializedFileWriter<Sink<'a>>,
    schema: TypePtr,
    threads: usize,
}

impl<'a> Blocks<'a> {
    fn begin(segment: &'a SegmentFile, window: bool, threads: usize) -> ParquetResult<Self> {
        let schema = schema(window)?;
        let sink = Sink::new(&segment.file);
        let mut writer = SerializedFileWriter::new(sink, schema.clone(), file_properties().into())?;
        writer.write_all(&MAGIC)?;
        writer.write_all(&[0; HEADER_BYTES - CRC_OFFSET])?;
        Ok(Self {
            segment,
            writer,
            schema,
            threads,
        })
    }

    /// Writes rows that come after those before.
    pub(crate) fn push(&mut self, rows: Rows<'_>) -> Result<()> {
        write_groups(&mut self.writer, &self.schema, rows, self.threads)
            .map_err(parquet_error("write", &self.segment.temporary))
    }

    fn finish(mut self, info: &SegmentInfo) -> ParquetResult<u64> {
        for entry in info.to_key_values() {
            self.writer.append_key_value_metadata(entry);
        }
        let mut sink = self.writer.into_inner()?;
        sink.flush()?;
        let (crc, bytes) = (sink.crc, sink.bytes);
        let mut file = &self.segment.file;
        file.seek(SeekFrom::Start(CRC_OFFSET as u64))?;
        file.write_all(&crc.to_le_bytes())?;
        Ok(bytes)
    }
}

impl Drop for SegmentFile {
    fn drop(&mut self) {
        // After the rename there is nothing under this name; and a file that cannot be removed is found by its suffix.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn file_properties() -> WriterProperties {
    let sorting = SORTED_BY.map(|column| SortingColumn {
        column_idx: column as i32,
        descending: false,
        nulls_first: false,
    });
    WriterProperties::builder()
        .set_sorting_columns(Some(sorting.to_vec()))
        .set_offset_index_disabled(true)
        .build()
}

fn write_groups(
    writer: &mut SerializedFileWriter<Sink<'_>>,
    schema: &TypePtr,
    rows: Rows<'_>,
    threads: usize,
) -> ParquetResult<()> {
    let schema = SchemaDescriptor::new(schema.clone());
    let groups = plan(rows.value);
    for batch in groups.chunks(threads.max(1)) {
        for group in encode_batch(&schema, rows, batch) {
            let mut row_group = writer.next_row_group()?;
            for chunk in group? {
                row_group.append_column(&chunk.bytes, chunk.close)?;
            }
            row_group.close()?;
        }
    }
    Ok(())
}

/// Encodes the first row group here and each other one on a thread of its own.
fn encode_batch(schema: &SchemaDescriptor, rows: Rows<'_>, batch: &[RowGroup]) -> Vec<ParquetResult<Vec<Chunk>>> {
    let Some((first, others)) = batch.split_first() else {
        return Vec::new();
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = others
            .iter()
            .map(|group| scope.spawn(move || encode_group(schema, rows, group)))
            .collect();
        let first = encode_group(schema, rows, first);
        let others = others
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        std::iter::once(first).chain(others).collect()
    })
}

fn encode_group(schema: &SchemaDescriptor, rows: Rows<'_>, row_group: &RowGroup) -> ParquetResult<Vec<Chunk>> {
    let group = row_group.rows.clone();
    let column = |index: usize| schema.column(index);
    let mut run_ids = Runs::default();
    let mut keys = Runs::default();
    let first = rows.series.partition_point(|series| series.rows.end <= group.start);
    for series in &rows.series[first..] {
        let count = series.rows.end.min(group.end) - series.rows.start.max(group.start);
        run_ids.push(&series.run_id, count);
        keys.push(&series.key, count);
        if series.rows.end >= group.end {
            break;
        }
    }
    let mut chunks = vec![
        run_ids.encode(&column(RUN_ID))?,
        keys.encode(&column(KEY))?,
        integers(&column(STEP), &rows.step[group.clone()])?,
        integers(&column(TIMESTAMP), &rows.timestamp_ms[group.clone()])?,
        doubles(&column(VALUE), &rows.value[group.clone()], row_group.layout)?,
        writers(rows, group.clone()).encode(&column(WRITER))?,
        integers(&column(SEQ), &rows.seq[group.clone()])?,
    ];
    match rows.windows {
        Windows::None => {}
        Windows::Numbered(numbers, aggregates) => {
            let values = WindowValues::of(&numbers[group.clone()], aggregates);
            chunks.extend(values.encode(schema, 0..group.len())?);
        }
        Windows::Columns(values) => chunks.extend(values.encode(schema, group)?),
    }
    Ok(chunks)
}

impl WindowValues {
    fn of(numbers: &[u32], aggregates: &[Aggregate]) -> Self {
        fn column<T>(numbers: &[u32], aggregates: &[Aggregate], get: fn(&Aggregate) -> Option<T>) -> Vec<Option<T>> {
            let window = |number: &u32| (*number as usize).checked_sub(1).map(|place| &aggregates[place]);
            numbers.iter().map(|number| get(window(number)?)).collect()
        }
        Self {
            count: column(numbers, aggregates, Aggregate::kept_count),
            min: column(numbers, aggregates, Aggregate::kept_min),
            max: column(numbers, aggregates, Aggregate::kept_max),
            mean: column(numbers, aggregates, Aggregate::kept_mean),
        }
    }

    fn encode(&self, schema: &SchemaDescriptor, rows: Range<usize>) -> ParquetResult<[Chunk; 4]> {
        let doubles = |column, values: &[Option<f64>]| optional_doubles(&schema.column(column), values);
        Ok([
            optional_integers(&schema.column(COUNT), &self.count[rows.clone()])?,
            doubles(MIN, &self.min[rows.clone()])?,
            doubles(MAX, &self.max[rows.clone()])?,
            doubles(MEAN, &self.mean[rows])?,
        ])
    }

    /// Adds some of other rows, which are none where `from` has no such columns.
    pub(crate) fn extend(&mut self, from: &Self, rows: Range<usize>) {
        fn extend<T: Copy>(into: &mut Vec<Option<T>>, from: &[Option<T>], rows: &Range<usize>) {
            match from.is_empty() {
                true => into.resize(into.len() + rows.len(), None),
                false => into.extend_from_slice(&from[rows.clone()]),
            }
        }
        extend(&mut self.count, &from.count, &rows);
        extend(&mut self.min, &from.min, &rows);
        extend(&mut self.max, &from.max, &rows);
        extend(&mut self.mean, &from.mean, &rows);
    }

    /// Empties it and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.count.clear();
        self.min.clear();
        self.max.clear();
        self.mean.clear();
    }
}

fn writers(rows: Rows<'_>, group: Range<usize>) -> Runs<'_> {
    let mut runs = Runs::default();
    if rows.writer.is_empty() {
        runs.push(&rows.writer_names[0], group.len());
    } else {
        for same in rows.writer[group].chunk_by(|a, b| a == b) {
            runs.push(&rows.writer_names[same[0] as usize], same.len());
        }
    }
    runs
}

/// Counts what goes into the file and keeps its checksum.
struct Sink<'a> {
    file: BufWriter<&'a File>,
    crc: u32,
    bytes: u64,
}

impl<'a> Sink<'a> {
    fn new(file: &'a File) -> Self {
        Self {
            // The library hands over 8 KiB at a time.
            file: BufWriter::with_capacity(WRITE_BYTES, file),
            crc: 0,
            bytes: 0,
        }
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.crc = crc32c::crc32c_append(self.crc, &buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What the library could not do: an operating system's error as it is, anything else as a fault of the file.
pub(super) fn parquet_error(action: &'static str, path: &Path) -> impl Fn(ParquetError) -> Error {
    let path = path.to_owned();
    move |error| match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) if source.raw_os_error().is_some() => Error::io(action, &path)(*source),
            // Such as what zstd says of a frame.
            Ok(other) => Error::damaged(&path, other.to_string()),
            Err(other) => Error::damaged(&path, other.to_string()),
        },
        other => Error::damaged(&path, other.to_string()),
    }
}
