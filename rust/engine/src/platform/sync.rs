//! Locks, atomics and threads of a writer: the standard library's, or those of a test that chooses what runs next.

#[cfg(not(feature = "shuttle"))]
pub use std::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU32},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{Builder, yield_now},
};

#[cfg(feature = "shuttle")]
pub use shuttle::{
    sync::atomic::{AtomicBool, AtomicU32},
    sync::{Condvar, Mutex, MutexGuard},
    thread::{Builder, yield_now},
};

/// Where time does not pass, others go on instead.
#[cfg(feature = "shuttle")]
pub use shuttle::thread::yield_now as spin_loop;

/// Sleeps as short as the system can.
#[cfg(not(feature = "shuttle"))]
pub fn nap() {
    std::thread::park_timeout(std::time::Duration::from_micros(50));
}

#[cfg(feature = "shuttle")]
pub use shuttle::thread::yield_now as nap;
