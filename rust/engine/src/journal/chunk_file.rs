//! One chunk file, opened for reading.
//!
//! Everything is read with `pread`, never through a mapping, so that a bad disk is an error and not a signal. `committed` is
//! one aligned u64 of the header: a page-cache copy of it is never torn in practice, and the points before it are whole.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crc32c::crc32c_append;

use crate::error::{Error, Result};
use crate::journal::layout::{
    BLOCK_BYTES, COLUMNS, COMMITTED_AT, DURABLE_AT, Header, MIN_CHUNK_BYTES, NO_ROOM_AT, POINTS_PER_BLOCK, POISONED_AT,
    SIDE_COMMITTED_AT, STEP_AT, TIMESTAMP_AT, VALUE_AT, block_count_offset, block_offset, blocks_of, capacity,
    count_with_block, side_place, u64_at,
};
use crate::platform::{self, Numbering};
use crate::types::WriterId;

/// Blocks read at once: 1 MiB.
const SLICE_BLOCKS: u64 = 256;
/// A header is written body first and magic last; a reader that sees the middle of that looks again.
const HEADER_TRIES: usize = 3;

/// A chunk that has begun, and a file descriptor that keeps its content readable after it is unlinked.
#[derive(Debug)]
pub struct ChunkFile {
    source: Source,
    path: PathBuf,
    header: Header,
    len: u64,
    same_place: bool,
}

/// Where the bytes come from.
#[derive(Debug)]
enum Source {
    File(File),
    /// The front of the file, up to the last block of points.
    Memory(Vec<u8>),
}

impl ReadAt for Source {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        match self {
            Source::File(file) => file.read_exact_at(bytes, offset),
            Source::Memory(all) => {
                let from = offset as usize;
                let part = all.get(from..from + bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
                bytes.copy_from_slice(part);
                Ok(())
            }
        }
    }
}

/// Bytes by their place in a chunk file.
pub trait ReadAt {
    /// Fills `bytes` from `offset` on.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }
}

/// Points of one block in a range: four columns of equal length, as little-endian bytes.
pub struct Block<'a> {
    /// u32 series numbers.
    pub series: &'a [u8],
    /// i64 steps.
    pub step: &'a [u8],
    /// i64 timestamps in milliseconds.
    pub timestamp_ms: &'a [u8],
    /// f64 values.
    pub value: &'a [u8],
}

impl ChunkFile {
    /// Opens a chunk; `None` for one that has not begun.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Damaged`] for a header that is not what it should be, [`Error::NewerFormat`].
    pub fn open(path: &Path, writer: WriterId) -> Result<Option<Self>> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let metadata = file.metadata().map_err(Error::io("stat", path))?;
        let Some(header) = read_header(&file, path)? else {
            return Ok(None);
        };
        if header.writer != writer {
            return Err(Error::damaged(
                path,
                format!("its header names writer {}", header.writer),
            ));
        }
        let same_inode = metadata.ino() == header.inode;
        let same_place = match platform::numbering(&file) {
            Numbering::DeviceAndInode => same_inode && metadata.dev() == header.device,
            Numbering::Inode => same_inode,
            Numbering::Nothing => true,
        };
        Ok(Some(Self {
            source: Source::File(file),
            path: path.to_owned(),
            header,
            len: metadata.len(),
            same_place,
        }))
    }

    /// Opens a chunk of which the caller knows what its header says, or said.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn with_header(path: &Path, header: Header) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("open", path))?;
        let len = file.metadata().map_err(Error::io("stat", path))?.len();
        Ok(Self {
            source: Source::File(file),
            path: path.to_owned(),
            header,
            len,
            same_place: true,
        })
    }

    /// What the chunk says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether memory that never reached the disk can be believed: same boot, and the same file as far as its file system
    /// can tell.
    pub fn is_trusted(&self, boot_id: u128) -> bool {
        self.same_place && self.header.boot_id == boot_id
    }

    /// Whether the file has the size that its header gives it.
    pub fn has_its_size(&self) -> bool {
        self.len == self.header.file_len
    }

    /// Points that the file has room for.
    pub fn capacity(&self) -> u64 {
        capacity(self.len.min(self.header.file_len))
    }

    /// `committed` at this moment.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn committed(&self) -> Result<u64> {
        let in_header = self.counter(COMMITTED_AT)?;
        // A full chunk has no block that could count on; more than full is a garbled counter.
        if !self.header.counted_in_blocks || in_header >= capacity(self.header.file_len) {
            return Ok(in_header);
        }
        let mut bytes = [0; 8];
        match self.source.read_at(&mut bytes, block_count_offset(in_header)) {
            Ok(()) => Ok(count_with_block(in_header, u64::from_le_bytes(bytes))),
            // A file that was cut off.
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(in_header),
            Err(e) => Err(Error::io("read", &self.path)(e)),
        }
    }

    /// Length of the side log at this moment, in bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn side_committed(&self) -> Result<u64> {
        self.counter(SIDE_COMMITTED_AT)
    }

    /// Points that its writer knows to be on the disk. It is noted after the sync, so that only who runs on the same boot
    /// may believe it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn durable(&self) -> Result<u64> {
        self.counter(DURABLE_AT)
    }

    /// Whether its writer has met a sync of it that failed, on this boot.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn is_poisoned(&self) -> Result<bool> {
        Ok(self.counter(POISONED_AT)? != 0)
    }

    /// Points for which there was no room; see [`NO_ROOM_AT`].
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn met_no_room(&self) -> Result<u64> {
        self.counter(NO_ROOM_AT)
    }

    fn counter(&self, at: usize) -> Result<u64> {
        let mut bytes = [0; 8];
        self.source
            .read_at(&mut bytes, at as u64)
            .map_err(Error::io("read", &self.path))?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// A range of bytes of the side log, fewer where the file is too short.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn side_bytes(&self, bytes: Range<u64>) -> Result<Vec<u8>> {
        let largest = self.header.file_len - BLOCK_BYTES as u64;
        let (from, upto) = (bytes.start as usize, bytes.end.min(largest) as usize);
        if !self.has_its_size() || from >= upto {
            return Ok(Vec::new());
        }
        let (first, end) = (from / BLOCK_BYTES, upto.div_ceil(BLOCK_BYTES));
        let (start, _) = side_place(self.header.file_len, ((end - 1) * BLOCK_BYTES) as u64);
        let mut backwards = vec![0; (end - first) * BLOCK_BYTES];
        self.source
            .read_at(&mut backwards, start)
            .map_err(Error::io("read", &self.path))?;
        let mut log: Vec<u8> = backwards.rchunks_exact(BLOCK_BYTES).flatten().copied().collect();
        log.truncate(upto - first * BLOCK_BYTES);
        Ok(log.split_off(from - first * BLOCK_BYTES))
    }

    /// Hands every block of a range of points to `sink`, in order.
    ///
    /// # Errors
    /// [`Error::Io`]; the range must lie within [`Self::capacity`].
    pub fn blocks(&self, points: Range<u64>, sink: impl FnMut(Block<'_>)) -> Result<()> {
        blocks(&self.source, points, sink).map_err(Error::io("read", &self.path))
    }

    /// Reads the first `points` points into memory and closes the file.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn load(&mut self, points: u64) -> Result<()> {
        let mut bytes = vec![0; (1 + blocks_of(points.min(self.capacity()))) as usize * BLOCK_BYTES];
        self.source
            .read_at(&mut bytes, 0)
            .map_err(Error::io("read", &self.path))?;
        self.source = Source::Memory(bytes);
        Ok(())
    }

    /// crc32c of a range of points, as a sync frame has it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn crc(&self, points: Range<u64>) -> Result<u32> {
        crc(&self.source, points).map_err(Error::io("read", &self.path))
    }
}

/// Reads points of a chunk file, 1 MiB at a time.
///
/// # Errors
/// What the system says.
pub fn blocks(file: &impl ReadAt, points: Range<u64>, mut sink: impl FnMut(Block<'_>)) -> io::Result<()> {
    let per_block = POINTS_PER_BLOCK as u64;
    let last_block = blocks_of(points.end);
    let mut block = points.start / per_block;
    let mut buffer = Vec::new();
    while block < last_block && !points.is_empty() {
        let count = SLICE_BLOCKS.min(last_block - block);
        buffer.resize(count as usize * BLOCK_BYTES, 0);
        file.read_at(&mut buffer, block_offset(block * per_block))?;
        for (bytes, number) in buffer.chunks_exact(BLOCK_BYTES).zip(block..) {
            let first = number * per_block;
            let from = points.start.max(first) - first;
            let to = points.end.min(first + per_block) - first;
            sink(Block::of(bytes, from as usize..to as usize));
        }
        block += count;
    }
    Ok(())
}

/// crc32c of points of a chunk file: block by block, column by column, the slots in the range.
///
/// # Errors
/// What the system says.
pub fn crc(file: &impl ReadAt, points: Range<u64>) -> io::Result<u32> {
    let mut crc = 0;
    blocks(file, points, |block| {
        for column in [block.series, block.step, block.timestamp_ms, block.value] {
            crc = crc32c_append(crc, column);
        }
    })?;
    Ok(crc)
}

impl<'a> Block<'a> {
    /// Points in it.
    #[expect(clippy::len_without_is_empty, reason = "a reader hands out blocks with points only")]
    pub fn len(&self) -> usize {
        self.series.len() / COLUMNS[0].1
    }

    fn of(bytes: &'a [u8], slots: Range<usize>) -> Self {
        let column = |i: usize| {
            let (at, width) = COLUMNS[i];
            &bytes[at + slots.start * width..at + slots.end * width]
        };
        debug_assert_eq!(
            [COLUMNS[1].0, COLUMNS[2].0, COLUMNS[3].0],
            [STEP_AT, TIMESTAMP_AT, VALUE_AT]
        );
        Self {
            series: column(0),
            step: column(1),
            timestamp_ms: column(2),
            value: column(3),
        }
    }
}

/// The u32s of a column.
pub fn u32s(column: &[u8]) -> impl Iterator<Item = u32> {
    column.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b))
}

/// The i64s of a column.
pub fn i64s(column: &[u8]) -> impl Iterator<Item = i64> {
    column.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b))
}

/// The doubles of a column, bit for bit.
pub fn f64s(column: &[u8]) -> impl Iterator<Item = f64> {
    column
        .as_chunks()
        .0
        .iter()
        .map(|b| f64::from_bits(u64::from_le_bytes(*b)))
}

fn read_header(file: &File, path: &Path) -> Result<Option<Header>> {
    let mut tries = 0;
    loop {
        let mut block = [0; BLOCK_BYTES];
        let result = match file.read_exact_at(&mut block, 0) {
            Ok(()) => Header::decode(&block, path),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Error::damaged(path, "it is shorter than a header"))
            }
            Err(e) => Err(Error::io("read", path)(e)),
        };
        tries += 1;
        if tries == HEADER_TRIES || !matches!(result, Err(Error::Damaged { .. })) {
            // A chunk that counts points has a header, or is about to get its magic, or has lost it.
            let lost = block[..COMMITTED_AT].iter().all(|b| *b == 0) && u64_at(&block, COMMITTED_AT) != 0;
            return match result {
                Ok(None) if lost => Err(Error::damaged(path, "its header is empty")),
                other => other,
            };
        }
    }
}

/// Points that a chunk counts whose header cannot be believed, at most as many as the file has room for.
///
/// # Errors
/// [`Error::Io`].
pub fn counted(path: &Path) -> Result<u64> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let len = file.metadata().map_err(Error::io("stat", path))?.len();
    if len < MIN_CHUNK_BYTES {
        return Ok(0);
    }
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, COMMITTED_AT as u64)
        .map_err(Error::io("read", path))?;
    let in_header = u64::from_le_bytes(bytes).min(capacity(len));
    // Whether the block counts as well was said in the header. Where it does not it is zero, or part of the side log.
    let in_block = match file.read_exact_at(&mut bytes, block_count_offset(in_header)) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    };
    Ok(count_with_block(in_header, in_block).min(capacity(len)))
}

/// Whether a chunk that has not begun holds nothing: its counters, the first block of points and the first of the side log
/// are zeros. What its header says else does not matter: it may have been about to begin.
///
/// # Errors
/// [`Error::Io`].
pub fn is_untouched(path: &Path) -> Result<bool> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let len = file.metadata().map_err(Error::io("stat", path))?.len();
    let mut front = vec![0; (2 * BLOCK_BYTES).min(len as usize)];
    let mut back = vec![0; BLOCK_BYTES.min(len as usize)];
    let back_at = len - back.len() as u64;
    let read = file
        .read_exact_at(&mut front, 0)
        .and_then(|()| file.read_exact_at(&mut back, back_at));
    read.map_err(Error::io("read", path))?;
    // What was dropped before a chunk begins is said in it before it does.
    let dropped = NO_ROOM_AT..NO_ROOM_AT + 8;
    let front = front.iter().enumerate().skip(COMMITTED_AT);
    let front = front.filter(|(at, _)| !dropped.contains(at)).map(|(_, byte)| byte);
    Ok(front.chain(&back).all(|byte| *byte == 0))
}
