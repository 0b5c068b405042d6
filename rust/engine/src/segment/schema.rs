//! Schema: the columns of a segment, in order, and the sizes that shape its file.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::errors::Result;
use parquet::schema::types::{Type, TypePtr};

/// Version of the segment format; a reader refuses a larger one.
pub const FORMAT: u32 = 1;

/// Rows of a row group, the unit that statistics are kept for and that every reader skips.
pub const ROW_GROUP_ROWS: usize = 1 << 17;

/// Row groups that are written as one where their values share a dictionary, which is stored once a row group.
pub(super) const MAX_MERGED_GROUPS: usize = 4;

/// Rows of the largest row group.
pub(crate) const MAX_GROUP_ROWS: usize = ROW_GROUP_ROWS * MAX_MERGED_GROUPS;

/// Rows of a page, the unit that some readers skip within a row group.
pub(super) const PAGE_ROWS: usize = 1 << 15;

/// Rows of a page of byte streams. Compression takes 128 KiB at a time, which is then two streams of one page; with half
/// the rows it mixes four, which costs 0.2 bytes a value.
pub(super) const STREAM_PAGE_ROWS: usize = 1 << 16;

/// What follows Parquet's magic number: our own, whose last byte is the format version, then the crc32c of
/// the file, computed with these four bytes zero.
pub(super) const MAGIC: [u8; 8] = *b"runlake\x01";
pub(super) const MAGIC_OFFSET: usize = 4;
pub(super) const CRC_OFFSET: usize = MAGIC_OFFSET + MAGIC.len();
/// Where the first column chunk begins.
pub(super) const HEADER_BYTES: usize = CRC_OFFSET + 4;

pub(super) const RUN_ID: usize = 0;
pub(super) const KEY: usize = 1;
pub(super) const STEP: usize = 2;
pub(super) const TIMESTAMP: usize = 3;
pub(super) const VALUE: usize = 4;
pub(super) const WRITER: usize = 5;
pub(super) const SEQ: usize = 6;

/// Names and physical types, by position.
pub(super) const COLUMNS: [(&str, Physical); 7] = [
    ("run_id", Physical::BYTE_ARRAY),
    ("key", Physical::BYTE_ARRAY),
    ("step", Physical::INT64),
    ("timestamp", Physical::INT64),
    ("value", Physical::DOUBLE),
    ("writer", Physical::BYTE_ARRAY),
    ("seq", Physical::INT64),
];

/// Smallest, largest and mean value, and the number of the points that a row stands for; behind [`COLUMNS`], in segments that
/// have such rows. Null in the others, and where it was not kept.
pub(super) const COUNT: usize = 7;
pub(super) const MIN: usize = 8;
pub(super) const MAX: usize = 9;
pub(super) const MEAN: usize = 10;

/// Names and physical types of these.
pub(super) const WINDOW_COLUMNS: [(&str, Physical); 4] = [
    ("count", Physical::INT64),
    ("min", Physical::DOUBLE),
    ("max", Physical::DOUBLE),
    ("mean", Physical::DOUBLE),
];

/// Arrow columns and behind them, nullable, those of [`WINDOW_COLUMNS`].
pub(crate) fn with_windows(columns: &Schema) -> Schema {
    let field = |(name, physical): &(&str, Physical)| {
        let kind = match physical {
            Physical::INT64 => DataType::Int64,
            _ => DataType::Float64,
        };
        Arc::new(Field::new(*name, kind, true))
    };
    let of_windows = WINDOW_COLUMNS.iter().map(field);
    Schema::new(columns.fields().iter().cloned().chain(of_windows).collect::<Vec<_>>())
}

/// Name of a column by its place.
pub(super) fn name_of(column: usize) -> &'static str {
    match COLUMNS.get(column) {
        Some((name, _)) => name,
        None => WINDOW_COLUMNS[column - COLUMNS.len()].0,
    }
}

/// A column of a segment; its number is its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "docs/design.md, \"Columns\"")]
pub enum Column {
    RunId = RUN_ID as isize,
    Key = KEY as isize,
    Step = STEP as isize,
    Timestamp = TIMESTAMP as isize,
    Value = VALUE as isize,
    Writer = WRITER as isize,
    Seq = SEQ as isize,
    Count = COUNT as isize,
    Min = MIN as isize,
    Max = MAX as isize,
    Mean = MEAN as isize,
}

impl Column {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::RunId,
        Self::Key,
        Self::Step,
        Self::Timestamp,
        Self::Value,
        Self::Writer,
        Self::Seq,
        Self::Count,
        Self::Min,
        Self::Max,
        Self::Mean,
    ];

    /// The column of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| name_of(*column as usize) == name)
    }
}

/// The columns the rows are sorted by, ascending.
pub(super) const SORTED_BY: [usize; 5] = [RUN_ID, KEY, STEP, TIMESTAMP, SEQ];

/// The Parquet schema: columns of every segment required, byte arrays UTF-8, and those of `windows` optional.
pub(super) fn schema(windows: bool) -> Result<TypePtr> {
    let of_windows = if windows { &WINDOW_COLUMNS[..] } else { &[] };
    let field = |(name, physical): &(&str, Physical), repetition| {
        let text = (*physical == Physical::BYTE_ARRAY).then_some(LogicalType::String);
        Type::primitive_type_builder(name, *physical)
            .with_repetition(repetition)
            .with_logical_type(text)
            .build()
            .map(Arc::new)
    };
    let required = COLUMNS.iter().map(|column| field(column, Repetition::REQUIRED));
    let optional = of_windows.iter().map(|column| field(column, Repetition::OPTIONAL));
    let fields = required.chain(optional).collect::<Result<Vec<_>>>()?;
    let points = Type::group_type_builder("points").with_fields(fields).build()?;
    Ok(Arc::new(points))
}
