//! Rescue of a chunk whose sync failed.
//!
//! After a failed sync the system may call pages clean that never reached the disk, so a second sync proves nothing. What the
//! chunk holds beyond its last good sync is copied, from the page cache, into a new chunk with the same sequence numbers; only
//! then is the old one cut back to what is durable. A reader that meets both takes the newer one. What the page cache no longer
//! has, because such pages may be dropped, is noticed by the checksums of frames and marked as lost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::balance::{newest, supersede_by};
use crate::journal::chunk::Chunk;
use crate::journal::chunk_file::{self, ChunkFile, u32s};
use crate::journal::entry::Entry;
use crate::journal::layout::{
    BLOCK_BYTES, COLUMNS, COMMITTED_AT, POINTS_PER_BLOCK, SIDE_COMMITTED_AT, block_offset, blocks_of,
};
use crate::journal::record::Record;
use crate::journal::replay::replay;
use crate::journal::side::Side;
use crate::types::{Seq, SeriesId, SeriesName};
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

/// What of it is copied.
struct Estate {
    /// Definitions, ledger, windows and outbox, behind the record that says whose they are.
    records: Vec<Record>,
    /// The points that are what was logged, by their place in the old chunk.
    whole: Vec<Range<u64>>,
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
        // The block more is for what the copy says of points that are lost.
        let (bytes, disk) = (job.old.bytes() + BLOCK_BYTES as u64, &*self.inner.disk);
        let new = Chunk::create_hidden(
            &self.inner.journals,
            self.id(),
            new_number,
            bytes,
            self.inner.config.keeping,
            disk,
        )?;
        match self.copy(&job, &new) {
            Ok(copied) => {
                self.replace(number, &job, &Arc::new(new), copied);
                Ok(())
            }
            Err(e) => {
                let cause = Error::io("rescue", job.old.path())(e);
                Chunk::remove(&new.temporary())
                    .and(Chunk::remove(new.path()))
                    .and(Err(cause))
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
        let estate = self.estate(job).map_err(io::Error::other)?;
        for record in &estate.records {
            copied.side = new.append_side(copied.side, &record.encode())?;
        }
        let count = points - book.durable;
        copy_points(old, book.durable..*points, new)?;
        new.file().write_all_at(&count.to_le_bytes(), COMMITTED_AT as u64)?;
        for whole in &estate.whole {
            let (from, to) = (whole.start - book.durable, whole.end - book.durable);
            copied.side = new.append_side(copied.side, &frame(new, from, to)?)?;
        }
        if *closing {
            copied.side = new.append_side(copied.side, &Record::Closed(count).encode())?;
        }
        new.file()
            .write_all_at(&copied.side.to_le_bytes(), SIDE_COMMITTED_AT as u64)?;
        new.cut(&*self.inner.disk, blocks_of(count), side_blocks(copied.side));
        let header = new.header(&self.inner.identity, first_seq).encode();
        new.file().write_all_at(&header, 0)?;
        failpoint!(RescueCopied);
        // The name makes the chunk visible, so it comes when all is there.
        new.sync_content(&*self.inner.disk)?;
        new.give_name()?;
        failpoint!(RescueNamed);
        new.sync(&*self.inner.disk)?;
        failpoint!(RescueSynced);
        (copied.framed, copied.durable, copied.side_synced) = (count, count, copied.side);
        Ok(copied)
    }

    /// Reads what is to be copied. The system may have dropped pages from memory that it calls clean though they never reached
    /// the disk, the header among them: so the header is the writer's own, and points are checked by their frames once more.
    fn estate(&self, job: &Job) -> Result<Estate> {
        let Job { old, book, points, .. } = job;
        let file = ChunkFile::with_header(old.path(), old.header(&self.inner.identity, book.first_seq))?;
        let side = Side::parse(&file.side_bytes(0..book.side)?, book.side as usize);
        let verdict = replay(&file, &side, *points, true)?;
        let behind = |range: &Range<u64>| book.durable.max(range.start)..range.end;
        let whole: Vec<_> = verdict.whole.iter().map(behind).filter(|r| !r.is_empty()).collect();
        let mut records = vec![Record::Replaces(old.number())];
        for range in verdict
            .doubts
            .iter()
            .map(|doubt| behind(&doubt.points))
            .filter(|r| !r.is_empty())
        {
            self.note_loss(old, book.first_seq + range.start..book.first_seq + range.end);
            records.push(Record::Lost(range.start - book.durable..range.end - book.durable));
        }
        records.extend(self.definitions(&file, &side, &whole)?);
        let ledger = accounts(&file, &side, book)?.into_values();
        records.extend(ledger.map(|entry| Record::Ledger(Box::new(entry))));
        records.extend(side.windows.into_iter().map(Record::Window));
        records.extend(side.outbox.into_iter().map(|(id, payload)| Record::Outbox(id, payload)));
        records.extend((side.outbox_done > 0).then_some(Record::OutboxDone(side.outbox_done)));
        Ok(Estate { records, whole })
    }

    /// The definitions of a chunk, and from memory those that are gone from it.
    fn definitions(&self, file: &ChunkFile, side: &Side, points: &[Range<u64>]) -> Result<Vec<Record>> {
        let mut series: BTreeMap<u32, SeriesName> = side.series.iter().cloned().collect();
        for range in points.iter().filter(|_| !side.damaged.is_empty()) {
            let mut used = BTreeSet::new();
            file.blocks(range.clone(), |block| used.extend(u32s(block.series)))?;
            let cold = self.inner.cold.lock();
            let named = used
                .into_iter()
                .filter_map(|id| Some((id, cold.names.get(SeriesId(id)).ok()?.clone())));
            series.extend(named);
        }
        Ok(series.into_iter().map(|(id, name)| Record::Series(id, name)).collect())
    }

    fn note_loss(&self, old: &Chunk, points: Range<Seq>) {
        self.inner.cold.lock().last_error = Some(format!(
            "points {}..{} are lost: a sync of '{}' failed and the system no longer had them in memory",
            points.start,
            points.end,
            old.path().display()
        ));
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
        if past.points < job.points {
            let _ = job.old.lower_committed(past.points);
        }
        failpoint!(RescueDone);
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

/// The newest entry of each series as of the points that are not copied: they may be gone from the journal when it is read, and
/// then nobody could tell whether one of them is what was pending.
fn accounts(file: &ChunkFile, side: &Side, book: &Book) -> Result<BTreeMap<u32, Entry>> {
    let mut entries = newest(side.ledger.iter());
    let end = book.first_seq + book.durable;
    let older = entries.values_mut().filter(|entry| entry.at < end);
    let mut from: HashMap<u32, Seq> = older
        .map(|entry| (entry.series, std::mem::replace(&mut entry.at, end)))
        .collect();
    if let Some(start) = from.values().min().copied() {
        let mut first = start.max(book.first_seq);
        file.blocks(first - book.first_seq..book.durable, |block| {
            supersede_by(&mut entries, &mut from, first, &block);
            first += block.len() as u64;
        })?;
    }
    Ok(entries)
}

/// Copies points to the front of another chunk.
fn copy_points(old: &Chunk, points: Range<u64>, new: &Chunk) -> io::Result<()> {
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
