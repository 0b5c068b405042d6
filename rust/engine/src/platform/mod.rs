//! The operating system: everything that is specific to 64-bit Linux.

mod files;
mod fork;
mod identity;
mod latch;
mod memory;
mod mutex;

pub use files::{Disk, LinuxDisk, LockFile, check_filesystem, map_file, renumbers_devices, sync_folder};
pub use fork::{OfThisProcess, Registered, fork_generation, watch_forks};
pub use identity::{boot_id, random_u128};
pub use latch::{Latch, block_signals};
pub use memory::release_memory;
pub use mutex::{Condvar, Mutex, MutexGuard};
