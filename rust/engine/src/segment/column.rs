//! Column chunks of numbers: one column of one row group, encoded into memory.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::writer::{ColumnCloseResult, ColumnWriterImpl};
use parquet::data_type::{DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::layout::Layout;
use super::schema::{PAGE_ROWS, STREAM_PAGE_ROWS};

/// Level of zstd: level 3 is half as fast and saves 1 %.
pub(super) const ZSTD_LEVEL: i32 = 1;

/// An encoded column chunk, its offsets counted from its own first byte.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    pub(super) close: ColumnCloseResult,
}

/// Encodes steps, timestamps or sequence numbers as differences.
pub(super) fn integers(column: &ColumnDescPtr, values: &[i64]) -> Result<Chunk> {
    let properties = properties(PAGE_ROWS)?.set_encoding(Encoding::DELTA_BINARY_PACKED);
    encode::<Int64Type>(column, properties.build(), values)
}

/// Encodes metric values, bit for bit; without minimum and maximum where there is a NaN.
pub(super) fn doubles(column: &ColumnDescPtr, values: &[f64], layout: Layout) -> Result<Chunk> {
    let mut properties = match layout {
        Layout::Dictionary => properties(PAGE_ROWS)?.set_dictionary_enabled(true),
        Layout::ByteStreams => properties(STREAM_PAGE_ROWS)?.set_encoding(Encoding::BYTE_STREAM_SPLIT),
    };
    if values.iter().any(|value| value.is_nan()) {
        properties = properties.set_statistics_enabled(EnabledStatistics::None);
    }
    encode::<DoubleType>(column, properties.build(), values)
}

/// Encodes numbers of points, as far as rows have one.
pub(super) fn optional_integers(column: &ColumnDescPtr, values: &[Option<i64>]) -> Result<Chunk> {
    let properties = properties(PAGE_ROWS)?.set_encoding(Encoding::DELTA_BINARY_PACKED);
    encode_optional::<Int64Type>(column, properties.build(), values)
}

/// Encodes aggregates of values, as far as rows have one; without minimum and maximum where there is a NaN.
pub(super) fn optional_doubles(column: &ColumnDescPtr, values: &[Option<f64>]) -> Result<Chunk> {
    let mut properties = properties(STREAM_PAGE_ROWS)?.set_encoding(Encoding::BYTE_STREAM_SPLIT);
    if values.iter().flatten().any(|value| value.is_nan()) {
        properties = properties.set_statistics_enabled(EnabledStatistics::None);
    }
    encode_optional::<DoubleType>(column, properties.build(), values)
}

/// What all columns have in common, with pages of so many rows.
pub(super) fn properties(page_rows: usize) -> Result<WriterPropertiesBuilder> {
    let zstd = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
    Ok(WriterProperties::builder()
        .set_compression(zstd)
        .set_dictionary_enabled(false)
        // Whether a dictionary pays has been decided; the writer must not change its mind in the middle.
        .set_dictionary_page_size_limit(usize::MAX)
        .set_data_page_row_count_limit(page_rows)
        .set_data_page_size_limit(usize::MAX)
        .set_write_batch_size(page_rows)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        // Row groups are small enough for their own statistics to do; page headers give the rest.
        .set_offset_index_disabled(true))
}

/// Encodes `values` with the library's column writer.
pub(super) fn encode<T: DataType>(
    column: &ColumnDescPtr,
    properties: WriterProperties,
    values: &[T::T],
) -> Result<Chunk> {
    write::<T>(column, properties, values, None)
}

fn encode_optional<T: DataType>(
    column: &ColumnDescPtr,
    properties: WriterProperties,
    values: &[Option<T::T>],
) -> Result<Chunk> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.iter().flatten().cloned().collect();
    write::<T>(column, properties, &present, Some(&levels))
}

fn write<T: DataType>(
    column: &ColumnDescPtr,
    properties: WriterProperties,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<Chunk> {
    let mut sink = TrackedWrite::new(Vec::new());
    let pages = Box::new(SerializedPageWriter::new(&mut sink));
    let mut writer = ColumnWriterImpl::<T>::new(column.clone(), properties.into(), pages);
    writer.write_batch(values, levels, None)?;
    let close = writer.close()?;
    Ok(Chunk {
        bytes: sink.into_inner()?.into(),
        close,
    })
}
