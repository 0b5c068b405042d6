//! Rescue of a chunk whose sync failed.
//!
//! After a failed sync the system may call pages clean that never reached the disk, so a second sync proves nothing. What the
//! chunk holds beyond its last good sync is copied, from the page cache, into a new chunk with the same sequence numbers; only
//! then is the old one cut back to what is durable. A reader that meets both takes the newer one.

use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::journal::chunk::Chunk;
use crate::journal::chunk_file::{self, ChunkFile};
use crate::journal::layout::{
    BLOCK_BYTES, COLUMNS, COMMITTED_AT, MAGIC, POINTS_PER_BLOCK, SIDE_COMMITTED_AT, block_offset, blocks_of,
};
use crate::journal::record::Record;
use crate::journal::side::Side;
use crate::writer::Writer;
use crate::writer::lane::{Book, Past};
use crate::writer::room::side_blocks;
use crate::writer::sync::frame;

/// What is to be rescued.
struct Job {
    old: Arc<Chunk>,
    book: Book,
    points: u64,
    closing: bool,
}

impl Job {
    fn of(past: &mut Past) -> Option<Self> {
        let old = past.unsynced.clone()?;
        Some(Self {
            old,
            book: past.book,
            points: past.points,
            closing: past.closing,
        })
    }
}

impl Writer {
    /// Copies what is not durable of a retired chunk into a new one, and syncs that.
    ///
    /// # Errors
    /// [`Error::Io`]; the chunk stays as it is, and the next pass tries again with another new file.
    pub(super) fn rescue(&self, number: u64) -> Result<()> {
        let Some(job) = self.past(number, Job::of) else {
            return Ok(());
        };
        let new_number = {
            let mut cold = self.inner.cold.lock();
            cold.next_number += 1;
            cold.next_number - 1
        };
        let new = self.make_chunk(new_number, job.old.bytes(), false)?.chunk;
        match self.copy(&job, &new) {
            Ok(copied) => {
                self.replace(number, &job, &new, copied);
                Ok(())
            }
            Err(e) => {
                let cause = Error::io("rescue", job.old.path())(e);
                Chunk::remove(new.path()).and(Err(cause))
            }
        }
    }

    fn copy(&self, job: &Job, new: &Chunk) -> io::Result<Book> {
        let Job {
            old,
            book,
            points,
            closing,
        } = job;
        let first_seq = book.first_seq + book.durable;
        let mut copied = Book {
            first_seq,
            outbox: book.outbox,
            ..Book::default()
        };
        for record in self.records_to_keep(old)? {
            copied.side = new.append_side(copied.side, &record.encode())?;
        }
        let count = points - book.durable;
        copy_points(old, book.durable..*points, new)?;
        new.file().write_all_at(&count.to_le_bytes(), COMMITTED_AT as u64)?;
        if count > 0 {
            copied.side = new.append_side(copied.side, &frame(new, 0, count)?)?;
        }
        if *closing {
            copied.side = new.append_side(copied.side, &Record::Closed(count).encode())?;
        }
        new.file()
            .write_all_at(&copied.side.to_le_bytes(), SIDE_COMMITTED_AT as u64)?;
        new.cut(&*self.inner.disk, blocks_of(count), side_blocks(copied.side));
        // The magic makes the chunk visible, so it comes last.
        let header = new.header(&self.inner.identity, first_seq).encode();
        new.file().write_all_at(&header[MAGIC.len()..], MAGIC.len() as u64)?;
        new.file().write_all_at(&MAGIC, 0)?;
        new.sync(&*self.inner.disk)?;
        (copied.framed, copied.durable, copied.side_synced) = (count, count, copied.side);
        Ok(copied)
    }

    /// Definitions, ledger, windows and outbox of a chunk, behind the record that says whose they are.
    fn records_to_keep(&self, old: &Chunk) -> io::Result<Vec<Record>> {
        let file = ChunkFile::open(old.path(), self.inner.identity.writer).map_err(io::Error::other)?;
        let file = file.ok_or_else(|| io::Error::other("the header is gone"))?;
        let side = Side::read(&file, true).map_err(io::Error::other)?;
        let series = side.series.into_iter().map(|(id, name)| Record::Series(id, name));
        let dropped = side.dropped.into_iter().map(Record::Dropped);
        let outbox = side.outbox.into_iter().map(|(id, payload)| Record::Outbox(id, payload));
        let ledger = side.ledger.into_iter().map(|entry| Record::Ledger(Box::new(entry)));
        let windows = side.windows.into_iter().map(Record::Window);
        let done = (side.outbox_done > 0).then_some(Record::OutboxDone(side.outbox_done));
        let replaces = std::iter::once(Record::Replaces(old.number()));
        Ok(replaces
            .chain(series)
            .chain(dropped)
            .chain(ledger)
            .chain(windows)
            .chain(outbox)
            .chain(done)
            .collect())
    }

    fn replace(&self, number: u64, job: &Job, new: &Arc<Chunk>, book: Book) {
        let durable = book.first_seq;
        let mut cold = self.inner.cold.lock();
        let Some(at) = cold.past.iter().position(|p| p.number == number) else {
            // Sealed and trimmed meanwhile, and so is the copy.
            cold.discarded.push(new.path().to_owned());
            self.inner.signals.ask_to_prepare();
            return;
        };
        let past = &mut cold.past[at];
        past.points = durable - past.book.first_seq;
        past.unsynced = None;
        // A record that a reader skips costs nothing; a range that two chunks claim is settled by the order of chunks. So
        // nothing depends on this reaching the bad disk.
        let _ = job
            .old
            .file()
            .write_all_at(&past.points.to_le_bytes(), COMMITTED_AT as u64);
        let path = new.path().to_owned();
        let copy = Past {
            path,
            number: new.number(),
            points: book.durable,
            book,
            map: None,
            unsynced: None,
            closing: false,
        };
        cold.past.insert(at + 1, copy);
    }
}

/// Copies points to the front of another chunk.
fn copy_points(old: &Chunk, points: std::ops::Range<u64>, new: &Chunk) -> io::Result<()> {
    let mut image = vec![0; BLOCK_BYTES * blocks_of(points.end - points.start) as usize];
    let mut place = 0;
    chunk_file::blocks(old.file(), points, |block| {
        let columns = [block.series, block.step, block.timestamp_ms, block.value];
        let count = block.series.len() / COLUMNS[0].1;
        for i in 0..count {
            let target = &mut image[place / POINTS_PER_BLOCK * BLOCK_BYTES..];
            for ((at, width), column) in COLUMNS.iter().zip(columns) {
                let to = at + place % POINTS_PER_BLOCK * width;
                target[to..to + width].copy_from_slice(&column[i * width..][..*width]);
            }
            place += 1;
        }
    })?;
    new.file().write_all_at(&image, block_offset(0))
}
