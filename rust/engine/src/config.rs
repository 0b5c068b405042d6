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
    /// Longest time that one call waits for room before it drops what it was given.
    pub max_block: Duration,
    /// Journal bytes not yet sealed at which calls begin to wait for the sealer.
    pub max_unsealed_bytes: u64,
    /// How points reach the journal; [`Keeping::Mapped`] only where [`crate::FileSystem`] says so.
    pub keeping: Keeping,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            sync_interval: Duration::from_secs(1),
            min_chunk_bytes: 64 << 10,
            max_chunk_bytes: 16 << 20,
            max_block: Duration::from_secs(1),
            max_unsealed_bytes: 4 << 30,
            keeping: Keeping::Mapped,
        }
    }
}
