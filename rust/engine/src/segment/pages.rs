//! Pages of column chunks, decompressed into memory that is used again.
//!
//! The library makes contexts of zstd for each column chunk, and takes fresh memory for each page. Where few rows of each row
//! group are wanted, these, and the kernel's work for the memory, take as long as all decoding.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use zstd::bulk::Decompressor;
use zstd::zstd_safe::get_frame_content_size;

use super::bytes::{ColumnBytes, Positioned};
use crate::error::Result;

/// What a thread keeps from one column chunk to the next: the file it reads, and what unpacks pages.
#[derive(Default)]
pub(crate) struct Workspace {
    file: Option<(PathBuf, Positioned)>,
    // The library owns readers of pages, so these share it; all are of one thread.
    unpacker: Arc<Mutex<Unpacker>>,
}

impl Workspace {
    /// Opens a file, unless it is the one that was opened last.
    pub(super) fn open(&mut self, path: &Path) -> Result<Positioned> {
        if let Some((opened, file)) = &self.file
            && opened == path
        {
            return Ok(file.clone());
        }
        let file = Positioned::open(path)?;
        self.file = Some((path.to_owned(), file.clone()));
        Ok(file)
    }

    /// The pages of a column chunk, which has `rows` rows.
    pub(super) fn pages(&self, file: &Positioned, chunk: &ColumnChunkMetaData, rows: usize) -> ParquetResult<Pages> {
        let (start, length) = chunk.byte_range();
        let length = usize::try_from(length).map_err(|error| ParquetError::External(error.into()))?;
        let mut bytes = self.unpacker().memory.take();
        file.read(start, length, &mut bytes)?;
        let bytes = self.unpacker().memory.lend(bytes);
        let column = Arc::new(ColumnBytes { start, bytes });
        if !matches!(chunk.compression(), Compression::ZSTD(_)) {
            return Ok(Pages {
                stored: SerializedPageReader::new(column, chunk, rows, None)?,
                unpack: None,
            });
        }
        let as_stored = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED);
        Ok(Pages {
            stored: SerializedPageReader::new(column, &as_stored.build()?, rows, None)?,
            unpack: Some(Unpack {
                unpacker: self.unpacker.clone(),
                most: usize::try_from(chunk.uncompressed_size()).unwrap_or(0),
            }),
        })
    }

    fn unpacker(&self) -> MutexGuard<'_, Unpacker> {
        self.unpacker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pages of one column chunk, one after the other.
pub(super) struct Pages {
    /// Pages as they are in the file.
    stored: SerializedPageReader<ColumnBytes>,
    /// None where that is how they are used.
    unpack: Option<Unpack>,
}

struct Unpack {
    unpacker: Arc<Mutex<Unpacker>>,
    /// Bytes of all pages together, by the footer.
    most: usize,
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> ParquetResult<Option<Page>> {
        let page = self.stored.get_next_page()?;
        match (page, &self.unpack) {
            (Some(page), Some(unpack)) => unpack.page(page).map(Some),
            (page, _) => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> ParquetResult<Option<PageMetadata>> {
        self.stored.peek_next_page()
    }

    fn skip_next_page(&mut self) -> ParquetResult<()> {
        self.stored.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> ParquetResult<bool> {
        self.stored.at_record_boundary()
    }
}

impl Iterator for Pages {
    type Item = ParquetResult<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl Unpack {
    fn page(&self, mut page: Page) -> ParquetResult<Page> {
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                let mut unpacker = self.unpacker.lock().unwrap_or_else(PoisonError::into_inner);
                *buf = unpacker.unpack(buf, self.most)?;
                Ok(page)
            }
            Page::DataPageV2 { .. } => Err(ParquetError::NYI("a data page of version 2".into())),
        }
    }
}

#[derive(Default)]
struct Unpacker {
    zstd: Option<Decompressor<'static>>,
    memory: Memory,
}

impl Unpacker {
    /// Decompresses a frame that has at most `most` bytes then.
    fn unpack(&mut self, frame: &[u8], most: usize) -> ParquetResult<Bytes> {
        let size = get_frame_content_size(frame).ok().flatten();
        let size = size.and_then(|size| usize::try_from(size).ok());
        let Some(size) = size.filter(|size| *size <= most) else {
            return Err(ParquetError::General(format!(
                "a page of {size:?} bytes in a column of {most}"
            )));
        };
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(Decompressor::new()?),
        };
        let mut bytes = self.memory.take();
        bytes.reserve_exact(size);
        zstd.decompress_to_buffer(frame, &mut bytes)?;
        Ok(self.memory.lend(bytes))
    }
}

/// Memory that is used again when nobody has a part of it any more.
#[derive(Default)]
struct Memory(Vec<Bytes>);

impl Memory {
    /// Empty, with the capacity that it had.
    fn take(&mut self) -> Vec<u8> {
        let Some(free) = self.0.iter().position(Bytes::is_unique) else {
            return Vec::new();
        };
        let mut free = self.0.swap_remove(free);
        free.truncate(0);
        free.into()
    }

    fn lend(&mut self, bytes: Vec<u8>) -> Bytes {
        let bytes = Bytes::from(bytes);
        self.0.push(bytes.clone());
        bytes
    }
}
