//! Settling: what a dead writer had pending becomes points of its journal.
//!
//! They go into a chunk of their own behind its last one. It is written under a temporary name, with its frame and a ledger
//! without pending points, and synced before it gets its name; so a crash in between changes nothing, and one after it leaves
//! points that the next adopter finds.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::failpoint::failpoint;
use crate::journal::chunk::side_pieces;
use crate::journal::chunk_file;
use crate::journal::entry::Entry;
use crate::journal::files::chunk_path;
use crate::journal::layout::{
    BLOCK_BYTES, COMMITTED_AT, Header, MIN_CHUNK_BYTES, POINTS_PER_BLOCK, SIDE_COMMITTED_AT, STEP_AT, TIMESTAMP_AT,
    VALUE_AT, block_offset, blocks_of,
};
use crate::journal::record::{Frame, Record};
use crate::ledger::{Aggregate, Keep, Window};
use crate::platform::{self, Disk, sync_folder};
use crate::types::{Point, Seq, SeriesName};

/// Stores the pending points of `entries` as chunk `number` of a journal whose chunks have headers like `like`, from number
/// `first_seq` on. Only for who holds the writer's lock.
///
/// # Errors
/// [`Error::Io`]; nothing is left behind.
pub fn settle(
    journals: &Path,
    like: &Header,
    number: u64,
    first_seq: Seq,
    entries: &BTreeMap<u32, Entry>,
    names: &[Option<SeriesName>],
    disk: &dyn Disk,
) -> Result<()> {
    let path = chunk_path(journals, like.writer, number);
    let temporary = path.with_extension("journal.tmp");
    let (records, points) = content(first_seq, entries, names);
    let written = write(&temporary, like, number, first_seq, &records, &points, disk);
    let named = written.and_then(|()| fs::rename(&temporary, &path));
    if let Err(e) = named {
        // The error matters more than a leftover, which the next adopter removes.
        let _ = fs::remove_file(&temporary);
        return Err(Error::io("make", &path)(e));
    }
    failpoint!(SettleNamed);
    sync_folder(journals)?;
    failpoint!(SettleNameSynced);
    Ok(())
}

/// The records, in their order, and the points with their series.
fn content(
    first_seq: Seq,
    entries: &BTreeMap<u32, Entry>,
    names: &[Option<SeriesName>],
) -> (Vec<Record>, Vec<(u32, Point)>) {
    let (mut records, mut points) = (vec![Record::Settled], Vec::new());
    for (series, entry) in entries {
        let Some(name) = names.get(*series as usize).and_then(Option::as_ref) else {
            continue;
        };
        records.push(Record::Series(*series, name.clone()));
        if let Some(pending) = &entry.pending {
            let seq = first_seq + points.len() as u64;
            // One that stands for itself alone says so: the writer may have died with the number promised to another.
            let kept = pending
                .aggregate
                .filter(|aggregate| aggregate.keep.0 & !Keep::LAST.0 != 0);
            let aggregate = kept.unwrap_or_else(|| Aggregate::of(pending.point.value, Keep::LAST));
            records.push(Record::Window(Window { seq, aggregate }));
            points.push((*series, pending.point));
        }
    }
    let at = first_seq + points.len() as u64;
    for (series, entry) in entries {
        if names.get(*series as usize).is_some_and(Option::is_some) && entry.tally.points() > 0 {
            let settled = Entry {
                at,
                recorded: 0,
                pending: None,
                ..entry.clone()
            };
            records.push(Record::Ledger(Box::new(settled)));
        }
    }
    (records, points)
}

fn write(
    path: &Path,
    like: &Header,
    number: u64,
    first_seq: Seq,
    records: &[Record],
    points: &[(u32, Point)],
    disk: &dyn Disk,
) -> io::Result<()> {
    let count = points.len() as u64;
    let mut side: Vec<u8> = records.iter().flat_map(Record::encode).collect();
    // With room for the frame.
    let side_blocks = (side.len() as u64 + 64).div_ceil(BLOCK_BYTES as u64);
    let file_len = ((1 + blocks_of(count) + side_blocks) * BLOCK_BYTES as u64).max(MIN_CHUNK_BYTES);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)?;
    match disk.allocate(&file, file_len) {
        Err(e) if platform::is_unsupported(&e) => file.set_len(file_len)?,
        allocated => allocated?,
    }
    file.write_all_at(&image(points), block_offset(0))?;
    if count > 0 {
        let crc = chunk_file::crc(&file, 0..count)?;
        let frame = Frame {
            from: 0,
            to: count,
            synced_ms: now_ms(),
            crc,
        };
        side.extend(Record::Frame(frame).encode());
    }
    for (offset, piece) in side_pieces(file_len, 0, &side) {
        file.write_all_at(piece, offset)?;
    }
    file.write_all_at(&count.to_le_bytes(), COMMITTED_AT as u64)?;
    file.write_all_at(&(side.len() as u64).to_le_bytes(), SIDE_COMMITTED_AT as u64)?;
    let metadata = file.metadata()?;
    let header = Header {
        chunk_no: number,
        first_seq,
        file_len,
        boot_id: platform::boot_id().map_err(io::Error::other)?,
        device: metadata.dev(),
        inode: metadata.ino(),
        created_ms: now_ms(),
        counted_in_blocks: false,
        ..*like
    };
    file.write_all_at(&header.encode(), 0)?;
    failpoint!(SettleWritten);
    disk.sync(&file)?;
    failpoint!(SettleSynced);
    Ok(())
}

fn image(points: &[(u32, Point)]) -> Vec<u8> {
    let mut image = vec![0; blocks_of(points.len() as u64) as usize * BLOCK_BYTES];
    for (place, (series, point)) in points.iter().enumerate() {
        let block = &mut image[place / POINTS_PER_BLOCK * BLOCK_BYTES..];
        let slot = place % POINTS_PER_BLOCK;
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(4 * slot, &series.to_le_bytes());
        put(STEP_AT + 8 * slot, &point.step.to_le_bytes());
        put(TIMESTAMP_AT + 8 * slot, &point.timestamp_ms.to_le_bytes());
        put(VALUE_AT + 8 * slot, &point.value.to_bits().to_le_bytes());
    }
    image
}
