//! Reading a table file: mapped as a whole, checked a table at a time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use bytes::Bytes;
use crc32c::crc32c;

use super::directory::{Entry, decode, find, slice};
use crate::error::{Error, Result};
use crate::platform::map_file;

/// An open table file. What it has handed out keeps the mapping alive, also when the file is replaced or removed.
#[derive(Debug)]
pub struct TableFile {
    path: PathBuf,
    bytes: Bytes,
    metadata: String,
    entries: Vec<Entry>,
    places: HashMap<(String, String), usize>,
}

impl TableFile {
    /// Maps a file and reads its directory.
    ///
    /// Fails with [`Error::Damaged`] where the file is not whole; a table that is damaged is found when it is asked for.
    pub fn open(path: &Path) -> Result<Self> {
        let bytes = map_file(path)?;
        let damaged = |reason: &str| Error::damaged(path, reason);
        let directory = find(&bytes).map_err(damaged)?;
        let (metadata, entries) = decode(directory).ok_or_else(|| damaged("its directory cannot be read"))?;
        let names = entries.iter().map(|entry| (entry.section.clone(), entry.key.clone()));
        Ok(Self {
            path: path.to_owned(),
            places: names.zip(0..).collect(),
            bytes: bytes.clone(),
            metadata,
            entries,
        })
    }

    /// What the writer said of the whole.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The tables, in the order in which they were written.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A table, whose columns are the mapped bytes themselves; None if there is none of that name.
    ///
    /// Fails with [`Error::Damaged`] where its bytes are not those that were written.
    pub fn table(&self, section: &str, key: &str) -> Result<Option<RecordBatch>> {
        let name = (section.to_owned(), key.to_owned());
        let Some(&place) = self.places.get(&name) else {
            return Ok(None);
        };
        let entry = &self.entries[place];
        let damaged = |reason: String| Error::damaged(&self.path, format!("table {section}/{key}: {reason}"));
        let found = slice(&self.bytes, entry.offset, entry.len).ok_or_else(|| damaged("it is not there".into()))?;
        if crc32c(found) != entry.crc {
            return Err(damaged("the checksum does not match".into()));
        }
        let mut buffer = Buffer::from(self.bytes.slice_ref(found));
        let batch = StreamDecoder::new().decode(&mut buffer);
        match batch {
            Ok(Some(batch)) if batch.num_rows() as u64 == entry.rows => Ok(Some(batch)),
            Ok(_) => Err(damaged("it has another number of rows".into())),
            Err(error) => Err(damaged(error.to_string())),
        }
    }
}
