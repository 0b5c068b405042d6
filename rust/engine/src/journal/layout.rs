//! Layout of a chunk file: header, point blocks and the place of side-log bytes. Everything is little-endian.

use std::path::Path;

use crc32c::crc32c;

use crate::error::{Error, Result};
use crate::types::{Seq, WriterId};

/// Size of a block, which is also the size of a page.
pub const BLOCK_BYTES: usize = 4096;
/// Points in a block.
pub const POINTS_PER_BLOCK: usize = 146;
/// Offset of the steps in a block; the series numbers are at 0.
pub const STEP_AT: usize = 4 * POINTS_PER_BLOCK;
/// Offset of the timestamps in a block.
pub const TIMESTAMP_AT: usize = STEP_AT + 8 * POINTS_PER_BLOCK;
/// Offset of the values in a block.
pub const VALUE_AT: usize = TIMESTAMP_AT + 8 * POINTS_PER_BLOCK;
/// Offset, in a block of a written chunk, of the number of points of the chunk up to and with this block, a u64. It is the end
/// of the block, so that it is the last that a write brings.
pub const BLOCK_COUNT_AT: usize = BLOCK_BYTES - 8;
/// The columns of a block: offset and bytes a point.
pub const COLUMNS: [(usize, usize); 4] = [(0, 4), (STEP_AT, 8), (TIMESTAMP_AT, 8), (VALUE_AT, 8)];

/// First eight bytes of a chunk that has begun.
pub const MAGIC: [u8; 8] = *b"RLJOURN\x01";
/// Newest known format.
pub const FORMAT: u32 = 1;
/// Offset of the number of points, a u64 that is stored with Release after the points.
pub const COMMITTED_AT: usize = 256;
/// Offset of the length of the side log in bytes, a u64.
pub const SIDE_COMMITTED_AT: usize = 320;
/// Offset of the number of points known to be on the disk, a u64; nobody relies on it.
pub const DURABLE_AT: usize = 384;
/// Offset of the number of points for which there was no room since the chunk began, and of those before it that no record
/// has, a u64. What [`crate::journal::entry::Entry::recorded`] of the chunk's latest entry falls short of it, no entry has.
pub const NO_ROOM_AT: usize = 448;
/// Offset of a u64 that is 1 once a sync of the chunk has failed, after which no other sync proves anything.
pub const POISONED_AT: usize = 512;
/// Smallest chunk: the header, two blocks of points, two of the side log.
pub const MIN_CHUNK_BYTES: u64 = 5 * BLOCK_BYTES as u64;

const CRC_AT: usize = 112;
const FLAGS_AT: usize = 12;
/// Flag: points are counted in their blocks as well.
const COUNTED_IN_BLOCKS: u32 = 1;

/// The part of a chunk's header that never changes once the chunk has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Store that the chunk belongs to.
    pub store_id: u128,
    /// Writer that the chunk belongs to.
    pub writer: WriterId,
    /// Number in the file's name.
    pub chunk_no: u64,
    /// Sequence number of the first point.
    pub first_seq: Seq,
    /// Size of the file, which the place of the side log is counted from.
    pub file_len: u64,
    /// Boot during which the chunk was made.
    pub boot_id: u128,
    /// Device that the chunk was made on.
    pub device: u64,
    /// Inode that the chunk was made as.
    pub inode: u64,
    /// Time of making, in milliseconds since 1970-01-01 UTC.
    pub created_ms: i64,
    /// The counter in the header is that of the last block's first point, and the block has the rest.
    pub counted_in_blocks: bool,
}

impl Header {
    /// Bytes 0..116 of the file.
    pub fn encode(&self) -> [u8; CRC_AT + 4] {
        let mut bytes = [0; CRC_AT + 4];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(0, &MAGIC);
        put(8, &FORMAT.to_le_bytes());
        put(
            FLAGS_AT,
            &(u32::from(self.counted_in_blocks) * COUNTED_IN_BLOCKS).to_le_bytes(),
        );
        put(16, &self.store_id.to_le_bytes());
        put(32, &self.writer.0.to_le_bytes());
        put(48, &self.chunk_no.to_le_bytes());
        put(56, &self.first_seq.to_le_bytes());
        put(64, &self.file_len.to_le_bytes());
        put(72, &self.boot_id.to_le_bytes());
        put(88, &self.device.to_le_bytes());
        put(96, &self.inode.to_le_bytes());
        put(104, &self.created_ms.to_le_bytes());
        let crc = crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header in the first block of a file; `None` for a chunk that has not begun.
    ///
    /// # Errors
    /// [`Error::Damaged`], or [`Error::NewerFormat`] for a chunk of a later version.
    pub fn decode(block: &[u8], path: &Path) -> Result<Option<Self>> {
        if block.len() < BLOCK_BYTES {
            return Err(Error::damaged(path, "it is shorter than a header"));
        }
        if block[..8] == [0; 8] {
            return Ok(None);
        }
        if block[..8] != MAGIC {
            return Err(Error::damaged(path, "its header has no journal magic"));
        }
        if u32_at(block, CRC_AT) != crc32c(&block[..CRC_AT]) {
            return Err(Error::damaged(path, "the checksum of its header does not match"));
        }
        let found = u32_at(block, 8);
        if found != FORMAT {
            return Err(Error::NewerFormat {
                path: path.to_owned(),
                found,
                known: FORMAT,
            });
        }
        let header = Self {
            store_id: u128_at(block, 16),
            writer: WriterId(u128_at(block, 32)),
            chunk_no: u64_at(block, 48),
            first_seq: u64_at(block, 56),
            file_len: u64_at(block, 64),
            boot_id: u128_at(block, 72),
            device: u64_at(block, 88),
            inode: u64_at(block, 96),
            created_ms: u64_at(block, 104) as i64,
            counted_in_blocks: u32_at(block, FLAGS_AT) & COUNTED_IN_BLOCKS != 0,
        };
        if header.file_len < MIN_CHUNK_BYTES || !header.file_len.is_multiple_of(BLOCK_BYTES as u64) {
            return Err(Error::damaged(
                path,
                format!("its header gives it {} bytes", header.file_len),
            ));
        }
        Ok(Some(header))
    }
}

/// Most points that a chunk of `file_len` bytes can hold.
pub fn capacity(file_len: u64) -> u64 {
    (file_len / BLOCK_BYTES as u64).saturating_sub(1) * POINTS_PER_BLOCK as u64
}

/// Number of blocks that hold `points`.
pub fn blocks_of(points: u64) -> u64 {
    points.div_ceil(POINTS_PER_BLOCK as u64)
}

/// File offset of the block that holds point `index` of a chunk.
pub fn block_offset(index: u64) -> u64 {
    (1 + index / POINTS_PER_BLOCK as u64) * BLOCK_BYTES as u64
}

/// File offset of the count in the block that holds point `index`.
pub fn block_count_offset(index: u64) -> u64 {
    block_offset(index) + BLOCK_COUNT_AT as u64
}

/// Points of a written chunk, of what its header counts and what the block of that point counts. A block that has none yet
/// counts none.
pub fn count_with_block(in_header: u64, in_block: u64) -> u64 {
    let block_end = (in_header / POINTS_PER_BLOCK as u64 + 1) * POINTS_PER_BLOCK as u64;
    if (in_header..=block_end).contains(&in_block) {
        in_block
    } else {
        in_header
    }
}

/// File offset of byte `at` of the side log, and how many bytes follow it there before the log goes on elsewhere.
pub fn side_place(file_len: u64, at: u64) -> (u64, usize) {
    let block = BLOCK_BYTES as u64;
    (
        file_len - (at / block + 1) * block + at % block,
        (block - at % block) as usize,
    )
}

/// The u32 at byte `at`.
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

/// The u64 at byte `at`.
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

/// The u128 at byte `at`.
pub fn u128_at(bytes: &[u8], at: usize) -> u128 {
    u128::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            store_id: 1 << 100,
            writer: WriterId(7),
            chunk_no: 3,
            first_seq: 1 << 40,
            file_len: 1 << 20,
            boot_id: 9,
            device: 10,
            inode: 11,
            created_ms: -12,
            counted_in_blocks: true,
        }
    }

    fn block(header: &Header) -> Vec<u8> {
        let mut block = vec![0; BLOCK_BYTES];
        block[..116].copy_from_slice(&header.encode());
        block
    }

    #[test]
    fn a_header_comes_back_and_any_changed_bit_is_noticed() {
        let path = Path::new("x");
        let bytes = block(&header());
        assert_eq!(Header::decode(&bytes, path).unwrap(), Some(header()));
        for bit in 0..116 * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&changed, path).is_err(), "bit {bit}");
        }
        assert_eq!(Header::decode(&[0; BLOCK_BYTES], path).unwrap(), None);
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = block(&header());
        bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
        let crc = crc32c(&bytes[..112]);
        bytes[112..116].copy_from_slice(&crc.to_le_bytes());
        assert!(matches!(
            Header::decode(&bytes, Path::new("x")),
            Err(Error::NewerFormat { found: 2, known: 1, .. })
        ));
    }

    #[test]
    fn the_side_log_grows_down_by_blocks_and_up_within_one() {
        assert_eq!(side_place(65536, 0), (61440, 4096));
        assert_eq!(side_place(65536, 4095), (65535, 1));
        assert_eq!(side_place(65536, 4096), (57344, 4096));
        assert_eq!(VALUE_AT + 8 * POINTS_PER_BLOCK, BLOCK_BYTES - 8);
    }
}
