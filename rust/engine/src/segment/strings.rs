//! Column chunks of strings: run, key and writer, which are the same for many rows.
//!
//! The library's writer hashes the string of every row, which costs three times as much as all the
//! numbers of the row. Where rows come in runs the pages are made here instead: the distinct strings as
//! a dictionary, and a run-length pair for each run. Rows that change too often go through the library.

use bytes::Bytes;
use hashbrown::HashMap;
use parquet::basic::{Compression, Encoding, PageType, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{ByteArray, ByteArrayType};
use parquet::errors::Result;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

use super::column::{Chunk, ZSTD_LEVEL, encode, properties};
use super::schema::PAGE_ROWS;

/// Below this many rows a run, on average, the library's bit-packed indices are smaller.
const MIN_ROWS_A_RUN: usize = 8;
/// Dictionary size, in bytes, at which the library stores the rest of the strings plainly.
const DICTIONARY_BYTES: usize = 1 << 20;

/// The strings of a column as runs of rows, in row order.
#[derive(Default)]
pub(super) struct Runs<'a> {
    names: Vec<&'a str>,
    indices: HashMap<&'a str, u32>,
    /// Index of the name, number of rows.
    runs: Vec<(u32, u32)>,
    rows: usize,
}

impl<'a> Runs<'a> {
    /// Adds `rows` rows that hold `name`.
    pub(super) fn push(&mut self, name: &'a str, rows: usize) {
        self.rows += rows;
        if let Some((last, count)) = self.runs.last_mut()
            && self.names[*last as usize] == name
        {
            *count += rows as u32;
            return;
        }
        let index = *self.indices.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() as u32 - 1
        });
        self.runs.push((index, rows as u32));
    }

    /// Encodes the column.
    pub(super) fn encode(&self, column: &ColumnDescPtr) -> Result<Chunk> {
        if self.runs.len().saturating_mul(MIN_ROWS_A_RUN) > self.rows {
            self.encode_rows(column)
        } else {
            self.encode_runs(column)
        }
    }

    fn encode_rows(&self, column: &ColumnDescPtr) -> Result<Chunk> {
        let names: Vec<ByteArray> = self.names.iter().map(|&name| name.into()).collect();
        let mut rows = Vec::with_capacity(self.rows);
        for &(index, count) in &self.runs {
            rows.extend(std::iter::repeat_n(&names[index as usize], count as usize).cloned());
        }
        let properties = properties(PAGE_ROWS)?
            .set_dictionary_enabled(true)
            .set_dictionary_page_size_limit(DICTIONARY_BYTES)
            .set_statistics_truncate_length(None);
        encode::<ByteArrayType>(column, properties.build(), &rows)
    }

    fn encode_runs(&self, column: &ColumnDescPtr) -> Result<Chunk> {
        let pages = Pages::compress(self.dictionary(), self.indices())?;
        let mut sink = TrackedWrite::new(Vec::new());
        let (dictionary, data) = pages.write(&mut sink, self)?;
        let close = self.close(column, pages.compression, &dictionary, &data)?;
        Ok(Chunk {
            bytes: sink.into_inner()?.into(),
            close,
        })
    }

    /// The PLAIN dictionary page: each string behind its length in four bytes.
    fn dictionary(&self) -> Vec<u8> {
        let mut page = Vec::new();
        for name in &self.names {
            page.extend_from_slice(&(name.len() as u32).to_le_bytes());
            page.extend_from_slice(name.as_bytes());
        }
        page
    }

    /// The RLE_DICTIONARY data page: the width of an index in bits, then for each run its length, doubled,
    /// as a variable-length integer, and its index in whole bytes.
    ///
    /// Source: Parquet's "Run Length Encoding / Bit-Packing Hybrid"; an even header is a run.
    fn indices(&self) -> Vec<u8> {
        let largest = self.names.len().saturating_sub(1);
        let bits = (usize::BITS - largest.leading_zeros()).max(1);
        let width = bits.div_ceil(8) as usize;
        let mut page = vec![bits as u8];
        for &(index, rows) in &self.runs {
            push_varint(&mut page, u64::from(rows) << 1);
            page.extend_from_slice(&index.to_le_bytes()[..width]);
        }
        page
    }

    fn close(
        &self,
        column: &ColumnDescPtr,
        compression: Compression,
        dictionary: &PageWriteSpec,
        data: &PageWriteSpec,
    ) -> Result<ColumnCloseResult> {
        let compressed = dictionary.compressed_size + data.compressed_size;
        let uncompressed = dictionary.uncompressed_size + data.uncompressed_size;
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY])
            .set_page_encoding_stats(vec![
                encoding_stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN),
                encoding_stats(PageType::DATA_PAGE, Encoding::RLE_DICTIONARY),
            ])
            .set_compression(compression)
            .set_num_values(self.rows as i64)
            .set_total_compressed_size(compressed as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_dictionary_page_offset(Some(dictionary.offset as i64))
            .set_data_page_offset(data.offset as i64)
            .set_statistics(self.statistics())
            .build()?;
        Ok(ColumnCloseResult {
            bytes_written: dictionary.bytes_written + data.bytes_written,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        })
    }

    fn statistics(&self) -> Statistics {
        let min = self.names.iter().min().map(|&name| name.into());
        let max = self.names.iter().max().map(|&name| name.into());
        Statistics::byte_array(min, max, Some(self.names.len() as u64), Some(0), false)
    }
}

fn encoding_stats(page_type: PageType, encoding: Encoding) -> PageEncodingStats {
    PageEncodingStats {
        page_type,
        encoding,
        count: 1,
    }
}

fn push_varint(page: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        page.push(value as u8 | 0x80);
        value >>= 7;
    }
    page.push(value as u8);
}

/// The two pages of a chunk, both compressed or, where that saves nothing, both as they are.
struct Pages {
    compression: Compression,
    dictionary: Bytes,
    dictionary_bytes: usize,
    data: Bytes,
    data_bytes: usize,
}

impl Pages {
    fn compress(dictionary: Vec<u8>, data: Vec<u8>) -> Result<Self> {
        let (dictionary_bytes, data_bytes) = (dictionary.len(), data.len());
        let small = zstd::bulk::compress(&dictionary, ZSTD_LEVEL)?;
        let small_data = zstd::bulk::compress(&data, ZSTD_LEVEL)?;
        let saves = small.len() + small_data.len() < dictionary_bytes + data_bytes;
        let (compression, dictionary, data) = if saves {
            let zstd = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
            (zstd, small, small_data)
        } else {
            (Compression::UNCOMPRESSED, dictionary, data)
        };
        Ok(Self {
            compression,
            dictionary: dictionary.into(),
            dictionary_bytes,
            data: data.into(),
            data_bytes,
        })
    }

    fn write(&self, sink: &mut TrackedWrite<Vec<u8>>, runs: &Runs<'_>) -> Result<(PageWriteSpec, PageWriteSpec)> {
        let dictionary = Page::DictionaryPage {
            buf: self.dictionary.clone(),
            num_values: runs.names.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        let data = Page::DataPage {
            buf: self.data.clone(),
            num_values: runs.rows as u32,
            encoding: Encoding::RLE_DICTIONARY,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let mut pages = SerializedPageWriter::new(sink);
        Ok((
            pages.write_page(CompressedPage::new(dictionary, self.dictionary_bytes))?,
            pages.write_page(CompressedPage::new(data, self.data_bytes))?,
        ))
    }
}
