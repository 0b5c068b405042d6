//! Verification: whether a segment is whole, sorted, and holds what it says.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, Float64Array, Int64Array, RecordBatch, StringArray};
use hashbrown::HashMap;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder};
use parquet::schema::types::SchemaDescriptor;

use super::schema::{
    COLUMNS, COUNT, CRC_OFFSET, FORMAT, HEADER_BYTES, KEY, MAGIC, MAGIC_OFFSET, MAX, MEAN, MIN, RUN_ID, SEQ, STEP,
    TIMESTAMP, VALUE, WINDOW_COLUMNS, WRITER,
};
use super::write::parquet_error;
use super::{JournalRange, SegmentInfo};
use crate::error::{Error, Result};

const PARQUET_MAGIC: &[u8; 4] = b"PAR1";
const READ_BYTES: usize = 1 << 20;
const BATCH_ROWS: usize = 1 << 16;

/// Reads what a segment says about itself, without looking at its rows or its checksum.
///
/// # Errors
/// [`Error::Damaged`] names the file and what is wrong with it; [`Error::NewerFormat`] is a segment of a later version.
pub fn info(path: &Path) -> Result<SegmentInfo> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let bytes = check_header(path, &mut file)?;
    let metadata = ArrowReaderMetadata::load(&file, Default::default()).map_err(parquet_error("read", path))?;
    let file_metadata = metadata.metadata().file_metadata();
    check_schema(file_metadata.schema_descr()).map_err(|problem| Error::damaged(path, problem))?;
    let entries = file_metadata.key_value_metadata().map_or(&[][..], |v| &v[..]);
    let rows = file_metadata.num_rows().unsigned_abs();
    SegmentInfo::from_key_values(entries, rows, bytes).map_err(|problem| Error::damaged(path, problem))
}

/// Reads a whole segment and checks its checksum, its metadata, the order of its rows and that each is
/// of the ranges it names, once.
///
/// # Errors
/// As [`info`].
pub fn verify(path: &Path) -> Result<SegmentInfo> {
    verified(path, |_| Ok(()))
}

/// The same, and hands the rows on, a batch at a time and in their order; what `sink` finds wrong is an error of the file.
///
/// # Errors
/// As [`info`].
pub(crate) fn verified(
    path: &Path,
    mut sink: impl FnMut(&RecordBatch) -> std::result::Result<(), String>,
) -> Result<SegmentInfo> {
    let info = checked_info(path)?;
    let file = File::open(path).map_err(Error::io("open", path))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(parquet_error("read", path))?
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(parquet_error("read", path))?;
    let mut checker = Checker::new(&info);
    for batch in reader {
        let batch = batch.map_err(|error| Error::damaged(path, error.to_string()))?;
        let checked = checker.check(&batch).and_then(|()| sink(&batch));
        checked.map_err(|problem| Error::damaged(path, problem))?;
    }
    if checker.rows != info.rows {
        let problem = format!("it holds {} rows, not {}", checker.rows, info.rows);
        return Err(Error::damaged(path, problem));
    }
    Ok(info)
}

/// Reads what a segment says about itself, once its checksum has been found right; its rows are not decoded.
///
/// # Errors
/// As [`info`].
pub(crate) fn checked_info(path: &Path) -> Result<SegmentInfo> {
    check_crc(path)?;
    let info = info(path)?;
    check_siblings(&info).map_err(|problem| Error::damaged(path, problem))?;
    Ok(info)
}

/// Checks both ends of the file and returns its size.
fn check_header(path: &Path, file: &mut File) -> Result<u64> {
    let bytes = file.metadata().map_err(Error::io("read", path))?.len();
    if bytes < (HEADER_BYTES + 12) as u64 {
        return Err(Error::damaged(path, format!("{bytes} bytes are too few for a segment")));
    }
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).map_err(Error::io("read", path))?;
    let (magic, version) = header[MAGIC_OFFSET..CRC_OFFSET].split_at(MAGIC.len() - 1);
    if !header.starts_with(PARQUET_MAGIC) || magic != &MAGIC[..MAGIC.len() - 1] {
        return Err(Error::damaged(path, "it does not begin like a segment"));
    }
    if u32::from(version[0]) > FORMAT {
        return Err(Error::NewerFormat {
            path: path.to_owned(),
            found: u32::from(version[0]),
            known: FORMAT,
        });
    }
    let mut end = [0; 4];
    file.seek(SeekFrom::End(-4)).map_err(Error::io("read", path))?;
    file.read_exact(&mut end).map_err(Error::io("read", path))?;
    if &end != PARQUET_MAGIC {
        return Err(Error::damaged(path, "it ends before its footer does"));
    }
    Ok(bytes)
}

/// Compares the checksum in the header with that of the file.
fn check_crc(path: &Path) -> Result<()> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    check_header(path, &mut file)?;
    file.rewind().map_err(Error::io("read", path))?;
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).map_err(Error::io("read", path))?;
    let mut stored = [0; HEADER_BYTES - CRC_OFFSET];
    stored.copy_from_slice(&header[CRC_OFFSET..]);
    header[CRC_OFFSET..].fill(0);
    let mut crc = crc32c::crc32c(&header);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let read = file.read(&mut buffer).map_err(Error::io("read", path))?;
        if read == 0 {
            break;
        }
        crc = crc32c::crc32c_append(crc, &buffer[..read]);
    }
    if crc != u32::from_le_bytes(stored) {
        return Err(Error::damaged(path, "its checksum does not match its content"));
    }
    Ok(())
}

pub(super) fn check_schema(schema: &SchemaDescriptor) -> std::result::Result<(), String> {
    let columns: Vec<_> = schema
        .columns()
        .iter()
        .map(|column| (column.name(), column.physical_type()))
        .collect();
    let (always, windows) = columns.split_at(COLUMNS.len().min(columns.len()));
    if always == COLUMNS && (windows.is_empty() || windows == WINDOW_COLUMNS) {
        Ok(())
    } else {
        Err(format!("its columns are not those of a segment: {columns:?}"))
    }
}

fn check_siblings(info: &SegmentInfo) -> std::result::Result<(), String> {
    let own = info
        .siblings
        .iter()
        .find(|sibling| sibling.segment_id == info.segment_id);
    match own {
        None => Err("its metadata does not list itself among its siblings".into()),
        Some(own) if own.rows != info.rows || own.experiment_id != info.experiment_id => {
            Err(format!("its metadata speaks of {} rows", own.rows))
        }
        Some(_) => Ok(()),
    }
}

/// Goes through the rows in order.
struct Checker {
    ranges: Ranges,
    rows: u64,
    last: Option<(String, String, i64, i64, i64)>,
}

/// The ranges of a segment by their writers, as rows have these: a segment may hold points of thousands of writers.
struct Ranges {
    of_writer: HashMap<String, Vec<Range>>,
}

/// A range, and which of its points have come.
struct Range {
    from: u64,
    to: u64,
    seen: Seen,
}

impl Checker {
    fn new(info: &SegmentInfo) -> Self {
        Self {
            ranges: Ranges::new(&info.ranges),
            rows: 0,
            last: None,
        }
    }

    fn check(&mut self, batch: &RecordBatch) -> std::result::Result<(), String> {
        let rows = Columns::new(batch).ok_or("its columns have other types than a segment's")?;
        let mut previous = self
            .last
            .as_ref()
            .map(|(run, key, step, timestamp, seq)| (run.as_str(), key.as_str(), *step, *timestamp, *seq));
        for row in 0..batch.num_rows() {
            let key = rows.sort_key(row);
            if previous.is_some_and(|previous| previous > key) {
                return Err(format!("row {} is out of order", self.rows));
            }
            previous = Some(key);
            self.ranges.take(rows.writer.value(row), key.4)?;
            if !rows.window.as_ref().is_none_or(|window| window.is_sound(row)) {
                return Err(format!("row {} stands for points that cannot be", self.rows));
            }
            self.rows += 1;
        }
        let owned = |(run, key, step, timestamp, seq): (&str, &str, _, _, _)| {
            (run.to_owned(), key.to_owned(), step, timestamp, seq)
        };
        self.last = previous.map(owned);
        Ok(())
    }
}

impl Ranges {
    fn new(ranges: &[JournalRange]) -> Self {
        let mut of_writer = HashMap::<String, Vec<Range>>::new();
        for range in ranges {
            of_writer.entry(range.writer.to_string()).or_default().push(Range {
                from: range.from,
                to: range.to,
                seen: Seen::default(),
            });
        }
        Self { of_writer }
    }

    /// Notes that a point has come; the error says why it should not have.
    fn take(&mut self, writer: &str, seq: i64) -> std::result::Result<(), String> {
        let position = u64::try_from(seq).unwrap_or(u64::MAX);
        let holds = |range: &&mut Range| (range.from..range.to).contains(&position);
        let Some(range) = self.of_writer.get_mut(writer).and_then(|r| r.iter_mut().find(holds)) else {
            return Err(format!(
                "it holds point {seq} of writer {writer}, which is in none of its ranges"
            ));
        };
        if range.seen.insert(position - range.from) {
            Ok(())
        } else {
            Err(format!("it holds point {seq} of writer {writer} twice"))
        }
    }
}

/// A set of small numbers.
#[derive(Default)]
struct Seen(Vec<u64>);

impl Seen {
    /// Whether `number` is new.
    fn insert(&mut self, number: u64) -> bool {
        let (word, bit) = ((number / 64) as usize, 1 << (number % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

struct Columns<'a> {
    run_id: &'a StringArray,
    key: &'a StringArray,
    step: &'a [i64],
    timestamp: &'a [i64],
    seq: &'a [i64],
    writer: &'a StringArray,
    window: Option<WindowColumns<'a>>,
}

/// What rows stand for.
struct WindowColumns<'a> {
    count: &'a Int64Array,
    min: &'a Float64Array,
    max: &'a Float64Array,
}

impl<'a> WindowColumns<'a> {
    fn new(batch: &'a RecordBatch) -> Option<Self> {
        let double = |index: usize| batch.column(index).as_primitive_opt::<Float64Type>();
        double(MEAN)?;
        Some(Self {
            count: batch.column(COUNT).as_primitive_opt::<Int64Type>()?,
            min: double(MIN)?,
            max: double(MAX)?,
        })
    }

    /// Whether a window has more than one point, and its smallest value is none of the largest.
    fn is_sound(&self, row: usize) -> bool {
        let both = self.min.is_valid(row) && self.max.is_valid(row);
        let ordered = || self.min.value(row).total_cmp(&self.max.value(row)).is_le();
        (self.count.is_null(row) || self.count.value(row) > 1) && (!both || ordered())
    }
}

impl<'a> Columns<'a> {
    fn new(batch: &'a RecordBatch) -> Option<Self> {
        let text = |index: usize| batch.column(index).as_string_opt::<i32>();
        let integers = |index: usize| {
            let array = batch.column(index).as_primitive_opt::<Int64Type>()?;
            Some(&array.values()[..])
        };
        batch.column(VALUE).as_primitive_opt::<Float64Type>()?;
        Some(Self {
            run_id: text(RUN_ID)?,
            key: text(KEY)?,
            step: integers(STEP)?,
            timestamp: integers(TIMESTAMP)?,
            seq: integers(SEQ)?,
            writer: text(WRITER)?,
            window: match batch.num_columns() > COLUMNS.len() {
                true => Some(WindowColumns::new(batch)?),
                false => None,
            },
        })
    }

    fn sort_key(&self, row: usize) -> (&'a str, &'a str, i64, i64, i64) {
        (
            self.run_id.value(row),
            self.key.value(row),
            self.step[row],
            self.timestamp[row],
            self.seq[row],
        )
    }
}
