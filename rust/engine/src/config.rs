//! Configuration of a writer; every field with its unit.

use std::time::Duration;

use crate::platform::Keeping;

/// How a writer spends disk, time and memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Time from the start of one sync to the start of the next.
    pub sync_interval: Duration,
    /// Size of the first chunk file, rounded up to 4 KiB blocks; each next one is twice as large.
    pub min_chunk_bytes: u64,
    /// Largest chunk file.
    pub max_chunk_bytes: u64,
    /// Longest time that one call waits at a limit, be it the disk's or `max_unsealed_bytes`, before points are merged or
    /// dropped. For a chunk that is only late, it waits 1 s or that time.
    pub max_block: Duration,
    /// Journal bytes not yet sealed beyond which points are merged or dropped.
    pub max_unsealed_bytes: u64,
    /// Whether points for which there is no room are merged with those that follow them, as long as there are slots to keep
    /// them in; if not, they are dropped at once.
    pub merge_without_room: bool,
    /// Bytes that are left free in the file system: the journal does not grow into them.
    pub min_free_bytes: u64,
    /// How points reach the journal; [`Keeping::Mapped`] only where [`crate::FileSystem`] says so.
    pub keeping: Keeping,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sync_interval: Duration::from_secs(1),
            min_chunk_bytes: 64 << 10,
            max_chunk_bytes: 16 << 20,
            max_block: Duration::ZERO,
            max_unsealed_bytes: 4 << 30,
            merge_without_room: true,
            min_free_bytes: 0,
            keeping: Keeping::Mapped,
        }
    }
}
