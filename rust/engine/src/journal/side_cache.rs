//! Side logs that were read before: who reads a journal again parses what was added since.
//!
//! Only trusted chunks are kept, whose side log grows and never changes. A log with damage is parsed anew each time.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Result;
use crate::journal::chunk_file::ChunkFile;
use crate::journal::side::Side;
use crate::platform::Mutex;
use crate::types::WriterId;

/// Chunks whose logs are kept at most; far more than a store has that is sealed now and then.
const MOST_CHUNKS: usize = 1024;

/// What one process has read of the side logs of a store.
#[derive(Debug, Default)]
pub struct SideCache {
    known: Mutex<HashMap<Place, Known>>,
}

/// What tells a chunk from all others, also from one that has its name later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    writer: WriterId,
    chunk_no: u64,
    inode: u64,
    created_ms: i64,
}

#[derive(Debug)]
struct Known {
    /// Bytes of the log that are parsed: whole records.
    bytes: u64,
    side: Arc<Side>,
}

impl SideCache {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The side log of a trusted chunk as it is now.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub(crate) fn read(&self, chunk: &ChunkFile) -> Result<Arc<Side>> {
        let place = Place::of(chunk);
        let mut known = self.known.lock();
        let counted = chunk.side_committed()?;
        if let Some(entry) = known.get_mut(&place)
            && entry.bytes <= counted
        {
            if entry.bytes == counted {
                return Ok(entry.side.clone());
            }
            let added = chunk.side_bytes(entry.bytes..counted)?;
            if Arc::make_mut(&mut entry.side).extend(&added) {
                entry.bytes += added.len() as u64;
                return Ok(entry.side.clone());
            }
        }
        known.remove(&place);
        let side = Arc::new(Side::read(chunk, true)?);
        if side.damaged.is_empty() && side.bytes <= counted {
            if known.len() >= MOST_CHUNKS {
                known.clear();
            }
            let bytes = side.bytes;
            _ = known.insert(
                place,
                Known {
                    bytes,
                    side: side.clone(),
                },
            );
        }
        Ok(side)
    }

    /// Forgets the chunks that `held` does not name: they are sealed.
    pub(crate) fn keep<'a>(&self, held: impl Iterator<Item = &'a ChunkFile>) {
        let places: std::collections::HashSet<Place> = held.map(Place::of).collect();
        self.known.lock().retain(|place, _| places.contains(place));
    }
}

impl Place {
    fn of(chunk: &ChunkFile) -> Self {
        let header = chunk.header();
        Self {
            writer: header.writer,
            chunk_no: header.chunk_no,
            inode: header.inode,
            created_ms: header.created_ms,
        }
    }
}
