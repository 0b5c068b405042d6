//! Bytes of a segment, read with `pread`, at places of their own for each thread: a bad disk is an error and no signal, and
//! the position that descriptors share is never moved.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::reader::{ChunkReader, Length};

use crate::error::{Error, Result};

/// A file that is read at places.
#[derive(Clone)]
pub(super) struct Positioned {
    file: Arc<File>,
    len: u64,
}

impl Positioned {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let len = file.metadata().map_err(Error::io("read", path))?.len();
        let file = Arc::new(file);
        Ok(Self { file, len })
    }

    /// Reads bytes into `into`, whose former content goes.
    pub(super) fn read(&self, start: u64, length: usize, into: &mut Vec<u8>) -> ParquetResult<()> {
        if start.saturating_add(length as u64) > self.len {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} are beyond its end"
            )));
        }
        into.clear();
        into.resize(length, 0);
        Ok(self.file.read_exact_at(into, start)?)
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
        let mut bytes = Vec::new();
        self.read(start, length, &mut bytes)?;
        Ok(bytes.into())
    }
}

/// A place in a file.
pub(super) struct At {
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
pub(super) struct ColumnBytes {
    pub(super) start: u64,
    pub(super) bytes: Bytes,
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
