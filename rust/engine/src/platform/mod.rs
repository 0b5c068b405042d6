//! The operating system: everything that is specific to 64-bit Linux.

mod file_system;
mod files;
mod fork;
mod identity;
mod latch;
mod memory;
mod mutex;
mod sync;

pub use file_system::{FileSystem, Keeping, Numbering, keeps_mappings, numbering, probe_locks};
pub use files::{Disk, LinuxDisk, LockFile, is_unsupported, map_file, sync_folder, sync_names};
pub use fork::{OfThisProcess, Registered, fork_generation, watch_forks};
pub use identity::{boot_id, random_u128};
pub use latch::{Latch, block_signals};
pub use memory::{prefer_large_pages, release_memory};
pub use mutex::{Condvar, Mutex, MutexGuard};
pub use sync::Builder;
