//! Memory of a chunk that is being written, and the cursor that puts points into it.
//!
//! A *mapped* chunk is the file itself: its blocks are allocated before it is mapped, so that a store into the mapping cannot
//! meet a full disk. Of a *written* chunk it is a copy, and all that changes in it is written to the file with `pwrite`,
//! which can fail. Nothing in this process reads the mapping: readers use `pread`, which sees the same page cache.
#![expect(unsafe_code, reason = "stores into mapped memory")]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{Advice, MmapOptions, MmapRaw};

use crate::failpoint::failpoint;
use crate::journal::layout::{
    BLOCK_BYTES, BLOCK_COUNT_AT, COMMITTED_AT, MAGIC, POINTS_PER_BLOCK, STEP_AT, TIMESTAMP_AT, VALUE_AT, blocks_of,
};
use crate::journal::slots::{SLOT_BYTES, SLOT_WORDS};
use crate::platform::{Disk, Keeping, OfThisProcess, Registered};
use crate::types::Point;

/// Blocks that one `pwrite` brings to the file at most: 1 MiB.
const BLOCKS_A_WRITE: u64 = 256;

/// A whole chunk file, as memory. Forked children do not have it.
#[derive(Debug)]
pub struct Map {
    raw: OfThisProcess<MmapRaw>,
    /// `None` where the memory is the file.
    file: Option<WrittenFile>,
}

/// Where a written map's changes go.
#[derive(Debug)]
struct WrittenFile {
    file: Registered,
    disk: Arc<dyn Disk>,
}

impl Map {
    /// Takes the first `bytes` of a file into memory, as `keeping` says. To be mapped, all of them must be allocated; to be
    /// written, the file must hold zeros.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File, bytes: u64, keeping: Keeping, disk: &Arc<dyn Disk>) -> io::Result<Self> {
        match keeping {
            Keeping::Mapped => Self::new(file, bytes),
            Keeping::Written => Self::written(file, bytes, disk),
        }
    }

    /// Maps the first `bytes` of a file, all of which must be allocated.
    ///
    /// # Errors
    /// What `mmap` or `madvise` say.
    pub fn new(file: &File, bytes: u64) -> io::Result<Self> {
        let raw = MmapOptions::new().len(bytes as usize).map_raw(file)?;
        // Reading around a fault costs milliseconds at the first touch of a large file and brings zeros only.
        raw.advise(Advice::Random)?;
        raw.advise(Advice::DontFork)?;
        Ok(Self {
            raw: OfThisProcess::new(raw),
            file: None,
        })
    }

    fn written(file: &File, bytes: u64, disk: &Arc<dyn Disk>) -> io::Result<Self> {
        let raw = MmapRaw::from(MmapOptions::new().len(bytes as usize).map_anon()?);
        raw.advise(Advice::DontFork)?;
        Ok(Self {
            raw: OfThisProcess::new(raw),
            file: Some(WrittenFile {
                file: Registered::new(file.try_clone()?),
                disk: Arc::clone(disk),
            }),
        })
    }

    /// Whether changes are written, and nobody but this process sees them in memory.
    pub fn is_written(&self) -> bool {
        self.file.is_some()
    }

    /// Brings a range of the memory to the file, where the memory is not the file itself.
    ///
    /// # Errors
    /// What the system says; a part of the range, from the front, may be in the file then.
    pub fn write_out(&self, range: Range<usize>) -> io::Result<()> {
        let Some(written) = &self.file else { return Ok(()) };
        assert!(
            range.start <= range.end && range.end <= self.raw.len(),
            "a range beyond the chunk"
        );
        // SAFETY: the range lies within the mapping, which is private to this process and lives as long as `self`. Who
        // writes out a range does so under the lock under which it is changed, so that nobody changes it meanwhile.
        let bytes = unsafe { std::slice::from_raw_parts(self.raw.as_ptr().add(range.start), range.len()) };
        written.disk.write(&written.file, bytes, range.start as u64)
    }

    /// Copies `bytes` to `offset`. Readers must not have been told of that place yet.
    ///
    /// # Errors
    /// Of a written map as [`Map::write_out`]; of a mapped one never.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = offset as usize;
        self.put(offset, bytes);
        self.write_out(offset..offset + bytes.len())
    }

    fn put(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.raw.len(), "a write beyond the chunk");
        // SAFETY: the target lies within the mapping, which lives as long as `self`, and is no Rust object that anybody
        // holds a reference to; `bytes` is ordinary memory, so that the two do not overlap.
        unsafe {
            self.raw
                .as_mut_ptr()
                .add(offset)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len())
        };
    }

    /// Publishes one of the counters of the header, after everything that was written before.
    ///
    /// # Errors
    /// As [`Map::write`].
    pub fn publish(&self, offset: usize, value: u64) -> io::Result<()> {
        self.counter(offset).store(value, Ordering::Release);
        self.write_out(offset..offset + 8)
    }

    /// Writes a header, magic last, upon which the chunk has begun for everybody. A written one is in the file as a whole, or
    /// not at all.
    ///
    /// # Errors
    /// As [`Map::write`].
    pub fn begin(&self, header: &[u8]) -> io::Result<()> {
        self.put(MAGIC.len(), &header[MAGIC.len()..]);
        failpoint!(HeaderWritten);
        self.counter(0).store(u64::from_le_bytes(MAGIC), Ordering::Release);
        self.write_out(0..header.len())
    }

    /// A place of [`SLOT_BYTES`], which must lie within the mapping and begin at a multiple of its size.
    pub fn slot(map: &Arc<Self>, offset: usize) -> Slot {
        let fits = offset.is_multiple_of(SLOT_BYTES) && offset + SLOT_BYTES <= map.raw.len();
        assert!(fits, "no slot there");
        let base = NonNull::new(map.raw.as_mut_ptr()).unwrap_or(NonNull::dangling());
        Slot {
            // SAFETY: the place lies within the mapping, as asserted.
            base: unsafe { base.add(offset) }.cast(),
            offset,
            map: Arc::clone(map),
        }
    }

    fn counter(&self, offset: usize) -> &AtomicU64 {
        assert!(
            offset.is_multiple_of(8) && offset + 8 <= BLOCK_BYTES,
            "no counter there"
        );
        // SAFETY: the place is aligned, lies within the first page of the mapping, which lives as long as the reference, and
        // is accessed by this process as an atomic only.
        unsafe { AtomicU64::from_ptr(self.raw.as_mut_ptr().add(offset).cast()) }
    }
}

/// A place in a mapping that one thread at a time changes, word by word. Who reads it, be it after a kill, sees what was
/// written before what was committed.
///
/// Invariant: `base` leads to [`SLOT_WORDS`] words of the mapping that `map` keeps alive, aligned, at `offset`.
#[derive(Debug)]
pub struct Slot {
    base: NonNull<AtomicU64>,
    offset: usize,
    map: Arc<Map>,
}

// SAFETY: the pointer leads into the mapping that `map` keeps alive, which any thread may use; the words are atomics.
unsafe impl Send for Slot {}

impl Slot {
    /// Stores words from number `at` on.
    #[inline]
    pub fn write(&self, at: usize, words: &[u64]) {
        assert!(at + words.len() <= SLOT_WORDS, "words beyond the slot");
        for (i, word) in words.iter().enumerate() {
            // SAFETY: the word lies within the slot, as asserted, which is mapped, by the invariant.
            unsafe { self.base.add(at + i).as_ref() }.store(*word, Ordering::Relaxed);
        }
    }

    /// Stores one word after everything that was written before. Over a written map the slot goes to the file as a whole; where
    /// the system refuses that, the next commit brings it there.
    #[inline]
    pub fn commit(&self, at: usize, word: u64) {
        assert!(at < SLOT_WORDS, "a word beyond the slot");
        // SAFETY: as in `write`.
        unsafe { self.base.add(at).as_ref() }.store(word, Ordering::Release);
        let _ = self.map.write_out(self.offset..self.offset + SLOT_BYTES);
    }
}

/// Where the next point goes.
///
/// Invariant: if `slot < end` or `blocks_left > 0`, then `map` is there, and `block` (or, at the end of one, the blocks that
/// follow it) lie within it; `committed` points to the counter in its header. Over a written map `end` is 0, so that
/// [`Cursor::push`] has room for nothing: there, points are for [`Cursor::write`], which may wait for the system.
#[derive(Debug)]
pub struct Cursor {
    block: NonNull<u8>,
    slot: usize,
    end: usize,
    blocks_left: u64,
    count: u64,
    /// `end` while the cursor is paused.
    paused: Option<usize>,
    committed: NonNull<AtomicU64>,
    map: Option<Arc<Map>>,
}

// SAFETY: the pointers lead into the mapping that `map` keeps alive, which any thread may use; a cursor is not `Sync`-shared:
// `push` takes it exclusively, so only one thread at a time stores through it.
unsafe impl Send for Cursor {}

impl Cursor {
    /// A cursor without any room.
    pub fn detached() -> Self {
        Self {
            block: NonNull::dangling(),
            slot: 0,
            end: 0,
            blocks_left: 0,
            count: 0,
            paused: None,
            committed: NonNull::dangling(),
            map: None,
        }
    }

    /// A cursor behind the first `count` points of a chunk, with room up to the end of its first `blocks` blocks of points.
    pub fn new(map: Arc<Map>, count: u64, blocks: u64) -> Self {
        let used = blocks_of(count);
        assert!(
            used <= blocks && (1 + blocks) as usize * BLOCK_BYTES <= map.raw.len(),
            "room beyond the chunk"
        );
        let slot = count as usize - used.saturating_sub(1) as usize * POINTS_PER_BLOCK;
        let (slot, end) = match used {
            _ if map.is_written() => (0, 0),
            0 => (0, 0),
            _ => (slot, POINTS_PER_BLOCK),
        };
        let base = NonNull::new(map.raw.as_mut_ptr()).unwrap_or(NonNull::dangling());
        // SAFETY: block `used` lies within the mapping, as asserted; with `used` 0 it is the header, where `end` 0 keeps
        // everybody from writing. The counter lies in the header.
        let (block, committed) = unsafe { (base.add(used as usize * BLOCK_BYTES), base.add(COMMITTED_AT).cast()) };
        Self {
            block,
            slot,
            end,
            blocks_left: blocks - used,
            count,
            paused: None,
            committed,
            map: Some(map),
        }
    }

    /// Points in the chunk.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Blocks that may still be begun.
    pub fn blocks_left(&self) -> u64 {
        self.blocks_left
    }

    /// Makes sure that there is room for one point which nobody takes back; false where there is none.
    pub fn secure(&mut self) -> bool {
        if self.is_written() {
            return self.is_within_a_block() || self.blocks_left > 0;
        }
        self.slot < self.end || self.next_block()
    }

    /// Lets nobody store a point until [`Self::resume`], so that the number of the next one stays what it is.
    pub fn pause(&mut self) {
        self.paused = Some(self.end);
        self.end = self.slot;
    }

    /// Ends a pause.
    pub fn resume(&mut self) {
        if let Some(end) = self.paused.take() {
            self.end = end;
        }
    }

    /// Takes back room that was granted: blocks that nobody has begun.
    pub fn revoke(&mut self, blocks: u64) {
        self.blocks_left = self.blocks_left.saturating_sub(blocks);
    }

    /// Stores one point and publishes it; returns its place in the chunk, or `None` when there is no room.
    #[inline]
    pub fn push(&mut self, series: u32, point: Point) -> Option<u64> {
        if self.slot == self.end && !self.next_block() {
            return None;
        }
        let slot = self.slot;
        // SAFETY: slot < end <= POINTS_PER_BLOCK, so by the invariant the block is mapped; every column starts at a multiple
        // of its width and holds POINTS_PER_BLOCK values within the block. Readers are told of the slot by the store below.
        unsafe {
            self.block.cast::<u32>().add(slot).write(series);
            self.block.add(STEP_AT).cast::<i64>().add(slot).write(point.step);
            self.block
                .add(TIMESTAMP_AT)
                .cast::<i64>()
                .add(slot)
                .write(point.timestamp_ms);
            self.block
                .add(VALUE_AT)
                .cast::<u64>()
                .add(slot)
                .write(point.value.to_bits());
        }
        failpoint!(PointStored);
        let place = self.count;
        self.slot = slot + 1;
        self.count = place + 1;
        // SAFETY: the counter is in the mapping, by the invariant.
        unsafe { self.committed.as_ref() }.store(self.count, Ordering::Release);
        failpoint!(PointPublished);
        Some(place)
    }

    /// Whether points are for [`Cursor::write`].
    pub fn is_written(&self) -> bool {
        self.map.as_ref().is_some_and(|map| map.is_written())
    }

    /// Stores points of a written map as far as there is room, and says how many are in the file, and why not more if the
    /// system has refused some: a point is there as a whole or does not count.
    ///
    /// The points of a block and, as its last eight bytes, their count are one `pwrite`. Only with another block does the
    /// counter in the header follow: it is the number of the first point of the last block that has one, 0 from the beginning.
    pub fn write(&mut self, mut points: impl Iterator<Item = (u32, Point)>) -> (usize, io::Result<()>) {
        let Some(map) = self.map.clone().filter(|map| map.is_written()) else {
            return (0, Ok(()));
        };
        let mut stored = 0;
        loop {
            let from = self.count;
            let count = self.fill(&map, &mut points);
            if count == from {
                return (stored, Ok(()));
            }
            if let Err(e) = self.bring_out(&map, count) {
                return (stored, Err(e));
            }
            stored += (count - from) as usize;
        }
    }

    /// Puts points behind the others, into memory alone, as far as one write and the room go; returns the count with them.
    fn fill(&self, map: &Map, points: &mut impl Iterator<Item = (u32, Point)>) -> u64 {
        let begun = blocks_of(self.count);
        let more = match self.is_watched() {
            true => blocks_of(self.count + 1) - begun,
            false => BLOCKS_A_WRITE,
        };
        let end = (begun + more.min(self.blocks_left)) * POINTS_PER_BLOCK as u64;
        let mut count = self.count;
        while count < end
            && let Some((series, point)) = points.next()
        {
            let (block, slot) = place(count);
            map.put(block + 4 * slot, &series.to_le_bytes());
            map.put(block + STEP_AT + 8 * slot, &point.step.to_le_bytes());
            map.put(block + TIMESTAMP_AT + 8 * slot, &point.timestamp_ms.to_le_bytes());
            map.put(block + VALUE_AT + 8 * slot, &point.value.to_bits().to_le_bytes());
            count += 1;
        }
        count
    }

    /// Whether the next point goes to the block whose count readers look at: one that has begun, or the chunk's first. It is
    /// written alone: of a write of several blocks that fails in the middle, nobody must see a part. Nor does the counter in
    /// the header follow, which leads to it already and might be refused when the points are there for everybody.
    fn is_watched(&self) -> bool {
        self.count == 0 || self.is_within_a_block()
    }

    fn is_within_a_block(&self) -> bool {
        !self.count.is_multiple_of(POINTS_PER_BLOCK as u64)
    }

    /// Writes the points up to `count` and publishes them; after an error, none of them counts.
    fn bring_out(&mut self, map: &Map, count: u64) -> io::Result<()> {
        let (first, slot) = place(self.count);
        let (last, _) = place(count - 1);
        for block in (first..=last).step_by(BLOCK_BYTES) {
            let full = (block / BLOCK_BYTES * POINTS_PER_BLOCK) as u64;
            map.put(block + BLOCK_COUNT_AT, &full.min(count).to_le_bytes());
        }
        failpoint!(PointStored);
        map.write_out(first + 4 * slot..last + BLOCK_BYTES)?;
        failpoint!(BlocksWritten);
        if !self.is_watched() {
            let first_of_last = (last / BLOCK_BYTES - 1) * POINTS_PER_BLOCK;
            map.publish(COMMITTED_AT, first_of_last as u64)?;
        }
        failpoint!(PointPublished);
        self.blocks_left -= blocks_of(count) - blocks_of(self.count);
        self.count = count;
        Ok(())
    }

    #[cold]
    fn next_block(&mut self) -> bool {
        if self.blocks_left == 0 || self.is_written() || self.paused.is_some() {
            return false;
        }
        // SAFETY: the invariant says that the next block lies within the mapping.
        self.block = unsafe { self.block.add(BLOCK_BYTES) };
        (self.slot, self.end) = (0, POINTS_PER_BLOCK);
        self.blocks_left -= 1;
        true
    }
}

/// Byte offset of the block of point `index`, and its slot there.
fn place(index: u64) -> (usize, usize) {
    let index = index as usize;
    ((1 + index / POINTS_PER_BLOCK) * BLOCK_BYTES, index % POINTS_PER_BLOCK)
}
