//! Writing a table file: tables one after the other, then the directory, then its name.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, StringViewArray};
use arrow_ipc::writer::StreamWriter;
use crc32c::crc32c;

use super::directory::{Entry, encode, trailer};
use super::{ALIGNMENT, MAGIC};
use crate::error::{Error, Result};
use crate::platform::random_u128;

/// A table file under a temporary name, which goes when this is dropped before [`TableFileWriter::finish`].
pub struct TableFileWriter {
    file: BufWriter<File>,
    path: PathBuf,
    temporary: PathBuf,
    at: u64,
    entries: Vec<Entry>,
    finished: bool,
}

impl TableFileWriter {
    /// Begins a file that will be called `path`; its folder exists.
    pub fn create(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let temporary = path.with_file_name(format!("{name}.{:032x}.tmp", random_u128()?));
        let file = File::create_new(&temporary).map_err(Error::io("create", &temporary))?;
        let mut writer = Self {
            file: BufWriter::with_capacity(1 << 20, file),
            path: path.to_owned(),
            temporary,
            at: 0,
            entries: Vec::new(),
            finished: false,
        };
        writer.put(&MAGIC)?;
        Ok(writer)
    }

    /// Appends a table. (section, key) names it.
    pub fn add(&mut self, section: &str, key: &str, batch: &RecordBatch) -> Result<()> {
        let batch = &compacted(batch)?;
        let mut bytes = Vec::with_capacity(batch.get_array_memory_size() + 1024);
        let mut stream = StreamWriter::try_new(&mut bytes, &batch.schema())?;
        stream.write(batch)?;
        stream.finish()?;
        drop(stream);
        self.align()?;
        self.entries.push(Entry {
            section: section.to_owned(),
            key: key.to_owned(),
            rows: batch.num_rows() as u64,
            offset: self.at,
            len: bytes.len() as u64,
            crc: crc32c(&bytes),
        });
        self.put(&bytes)
    }

    /// Ends the file and gives it its name, in place of a file that has it. It is not synced.
    pub fn finish(mut self, metadata: &str) -> Result<()> {
        let directory = encode(metadata, &self.entries);
        let at = self.at;
        self.put(&directory)?;
        self.put(&trailer(at, &directory))?;
        self.file.flush().map_err(Error::io("write", &self.temporary))?;
        fs::rename(&self.temporary, &self.path).map_err(Error::io("rename", &self.temporary))?;
        self.finished = true;
        Ok(())
    }

    fn align(&mut self) -> Result<()> {
        let padding = self.at.next_multiple_of(ALIGNMENT) - self.at;
        self.put(&[0; ALIGNMENT as usize][..padding as usize])
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(Error::io("write", &self.temporary))?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

/// The same rows without text that they do not refer to: a table cut from a larger one still holds all of its text.
fn compacted(batch: &RecordBatch) -> Result<RecordBatch> {
    let compact = |column: &ArrayRef| match column.as_any().downcast_ref::<StringViewArray>() {
        Some(texts) => Arc::new(texts.gc()) as ArrayRef,
        None => column.clone(),
    };
    let columns = batch.columns().iter().map(compact).collect();
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

impl Drop for TableFileWriter {
    fn drop(&mut self) {
        if !self.finished {
            // NOTE: nothing can be done about a failure, and a file of that name means nothing to readers.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
