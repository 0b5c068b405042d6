//! Resuming: a writer that goes on with the stream that another process of this boot has left.
//!
//! What is left stays where it is: its chunks become retired chunks of the new writer, which syncs those that are not on the
//! disk for the last time, and removes all when they are sealed. Only a journal that is as a writer leaves it, be it closed or killed, is gone on
//! with; any other goes through recovery first.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk::{Chunk, Identity};
use crate::journal::chunk_file::is_untouched;
use crate::journal::files::{self, Name, lock_path};
use crate::journal::reader::{Folder, Held, WriterJournal};
use crate::platform::{self, LinuxDisk, LockFile};
use crate::types::{Seq, WriterId};
use crate::writer::Writer;
use crate::writer::lane::{Book, Cold, Past};
use crate::writer::names::Names;

impl Writer {
    /// Goes on with a stream of which points below `sealed` are in segments: behind the last point of its journal, or at
    /// `sealed` where it has none. `None` while somebody holds the writer's lock.
    ///
    /// # Errors
    /// [`Error::Unresumable`] for a journal that is to be adopted first; nothing has changed then. [`Error::Io`].
    pub fn resume(
        journals: &Path,
        store_id: u128,
        writer: WriterId,
        sealed: Seq,
        config: Config,
    ) -> Result<Option<Arc<Self>>> {
        platform::watch_forks();
        let Some(lock) = LockFile::acquire(&lock_path(journals, writer))? else {
            return Ok(None);
        };
        failpoint!(ResumeLocked);
        let identity = Identity {
            store_id,
            writer,
            boot_id: platform::boot_id()?,
        };
        let left = Left::find(journals, writer, sealed)?;
        let (cold, next) = left.take_over(sealed)?;
        Self::start(journals, identity, lock, config, Arc::new(LinuxDisk), cold, next).map(Some)
    }
}

/// What a writer has left in the folder.
struct Left {
    journal: WriterJournal,
    /// Files that hold nothing: chunks made ahead, and what was being made.
    empty: Vec<PathBuf>,
    next_number: u64,
}

impl Left {
    /// Looks at all of it and changes nothing.
    fn find(journals: &Path, writer: WriterId, sealed: Seq) -> Result<Self> {
        let files = files::list_of(journals, writer)?;
        let journal = Folder::of(&files).journal(writer)?;
        let unresumable = |reason: String| Error::Unresumable { writer, reason };
        if let Some((_, why)) = journal.unreadable.first() {
            return Err(unresumable(why.to_string()));
        }
        let (mut empty, mut next_number) = (Vec::new(), 0);
        for (name, path) in &files {
            match name {
                Name::Chunk(_, number) => {
                    next_number = next_number.max(number + 1);
                    if !journal.chunks.iter().any(|chunk| chunk.file.path() == path) {
                        if !is_untouched(path)? {
                            return Err(unresumable(format!("'{}' has lost its header", path.display())));
                        }
                        empty.push(path.clone());
                    }
                }
                Name::Temporary(_) => empty.push(path.clone()),
                Name::Slots(_) if journal.slots.is_empty() => empty.push(path.clone()),
                Name::Slots(_) => return Err(unresumable(format!("'{}' holds points", path.display()))),
                Name::Lock(_) | Name::Damaged(_) => {}
            }
        }
        let mut doubts = journal
            .chunks
            .iter()
            .map(doubt)
            .collect::<Result<Vec<_>>>()?
            .into_iter();
        let doubt = doubts.find_map(|doubt| doubt).or_else(|| hole(&journal, sealed));
        match doubt {
            Some(reason) => Err(unresumable(reason)),
            None => Ok(Self {
                journal,
                empty,
                next_number,
            }),
        }
    }

    /// The state of a writer that has just retired the last of these chunks, and the number of its next point.
    fn take_over(self, sealed: Seq) -> Result<(Cold, Seq)> {
        let mut past = VecDeque::new();
        for held in &self.journal.chunks {
            past.push_back(retired(held)?);
        }
        // Items with the numbers of delivered ones would count as delivered.
        let done = self
            .journal
            .chunks
            .iter()
            .map(|chunk| chunk.side.outbox_done)
            .max()
            .unwrap_or(0);
        self.empty.iter().try_for_each(|path| Chunk::remove(path))?;
        failpoint!(ResumeTidied);
        let cold = Cold {
            past,
            sealed,
            outbox: (done, done),
            next_number: self.next_number,
            names: Names::given(self.journal.names(|_| true)),
            ..Cold::new()
        };
        Ok((cold, self.journal.bounds().end.max(sealed)))
    }
}

/// Why a chunk is not as a writer of this boot leaves it.
fn doubt(held: &Held) -> Result<Option<String>> {
    let points = held.range.end - held.range.start;
    let reason = if !held.trusted {
        "was written before the machine started, or copied from elsewhere"
    } else if !held.file.has_its_size() || points > held.file.capacity() || held.side.framed() > points {
        "is shorter than it says"
    } else if !held.side.damaged.is_empty() {
        "has a damaged side log"
    } else if held.file.is_poisoned()? {
        "has met a sync that failed"
    } else if held.side.replaces.is_some() {
        "replaces one whose sync failed"
    } else if !held.side.outbox.is_empty() || !held.side.ledger.is_empty() {
        "holds more than points"
    } else {
        return Ok(None);
    };
    Ok(Some(format!("'{}' {reason}", held.file.path().display())))
}

/// The first points that are neither sealed nor in a chunk.
fn hole(journal: &WriterJournal, sealed: Seq) -> Option<String> {
    let mut end = sealed;
    for range in journal
        .chunks
        .iter()
        .map(|chunk| &chunk.range)
        .filter(|r| !r.is_empty())
    {
        if range.start > end {
            return Some(format!("points {end}..{} are missing", range.start));
        }
        end = end.max(range.end);
    }
    None
}

fn retired(held: &Held) -> Result<Past> {
    let header = held.file.header();
    let (path, number) = (held.file.path(), header.chunk_no);
    let points = held.range.end - held.range.start;
    let (framed, side) = (held.side.framed(), held.file.side_committed()?);
    // A stream that is opened and closed again and again has many chunks: what is synced needs no open file.
    let durable = held.file.durable()?.min(points);
    let is_synced = durable == points;
    Ok(Past {
        path: path.to_owned(),
        number,
        points,
        book: Book {
            first_seq: header.first_seq,
            side,
            side_synced: if is_synced { side } else { 0 },
            framed,
            // A frame says what was to be synced, not that it was.
            durable,
            ..Book::default()
        },
        map: None,
        unsynced: match is_synced {
            true => None,
            false => Some(Arc::new(Chunk::reopen(path, number)?)),
        },
        closing: false,
    })
}
