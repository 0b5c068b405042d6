//! Mapping of a chunk that is being written, and the cursor that puts points into it.
//!
//! A chunk's blocks are allocated before it is mapped, so that a store into the mapping cannot meet a full disk. Nothing
//! in this process reads the mapping: readers use `pread`, which sees the same page cache.
#![expect(unsafe_code, reason = "stores into mapped memory")]

use std::fs::File;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{Advice, MmapOptions, MmapRaw};

use crate::failpoint::failpoint;
use crate::journal::layout::{
    BLOCK_BYTES, COMMITTED_AT, MAGIC, POINTS_PER_BLOCK, STEP_AT, TIMESTAMP_AT, VALUE_AT, blocks_of,
};
use crate::platform::OfThisProcess;
use crate::types::Point;

/// A whole chunk file, mapped shared and writable. Forked children do not have it.
#[derive(Debug)]
pub struct Map {
    raw: OfThisProcess<MmapRaw>,
}

impl Map {
    /// Maps the first `bytes` of a file, all of which must be allocated.
    ///
    /// # Errors
    /// What `mmap` or `madvise` say.
    pub fn new(file: &File, bytes: u64) -> std::io::Result<Self> {
        let raw = MmapOptions::new().len(bytes as usize).map_raw(file)?;
        // Reading around a fault costs milliseconds at the first touch of a large file and brings zeros only.
        raw.advise(Advice::Random)?;
        raw.advise(Advice::DontFork)?;
        Ok(Self {
            raw: OfThisProcess::new(raw),
        })
    }

    /// Copies `bytes` to `offset`. Readers must not have been told of that place yet.
    pub fn write(&self, offset: u64, bytes: &[u8]) {
        let offset = offset as usize;
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
    pub fn publish(&self, offset: usize, value: u64) {
        self.counter(offset).store(value, Ordering::Release);
    }

    /// Writes a header, magic last, upon which the chunk has begun for everybody.
    pub fn begin(&self, header: &[u8]) {
        self.write(MAGIC.len() as u64, &header[MAGIC.len()..]);
        failpoint!(HeaderWritten);
        self.publish(0, u64::from_le_bytes(MAGIC));
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

/// Where the next point goes.
///
/// Invariant: if `slot < end` or `blocks_left > 0`, then `_map` is there, and `block` (or, at the end of one, the blocks that
/// follow it) lie within it; `committed` points to the counter in its header.
#[derive(Debug)]
pub struct Cursor {
    block: NonNull<u8>,
    slot: usize,
    end: usize,
    blocks_left: u64,
    count: u64,
    committed: NonNull<AtomicU64>,
    /// Only keeps the mapping alive.
    _map: Option<Arc<Map>>,
}

// SAFETY: the pointers lead into the mapping that `_map` keeps alive, which any thread may use; a cursor is not `Sync`-shared:
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
            committed: NonNull::dangling(),
            _map: None,
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
        let (slot, end) = if used == 0 { (0, 0) } else { (slot, POINTS_PER_BLOCK) };
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
            committed,
            _map: Some(map),
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

    #[cold]
    fn next_block(&mut self) -> bool {
        if self.blocks_left == 0 {
            return false;
        }
        // SAFETY: the invariant says that the next block lies within the mapping.
        self.block = unsafe { self.block.add(BLOCK_BYTES) };
        (self.slot, self.end) = (0, POINTS_PER_BLOCK);
        self.blocks_left -= 1;
        true
    }
}
