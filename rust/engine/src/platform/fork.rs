//! Forks: a child process must neither use nor hold what belongs to its parent.
//!
//! A counter tells a child from its parent for the price of one load. In the child, before `fork` returns there, the
//! counter goes up and the registered file descriptors are closed; closing does not unlock, because the parent still has
//! the same open file description. Nothing else may happen: a lock may be held by a thread that the child does not have.
#![expect(
    unsafe_code,
    reason = "pthread_atfork and the closing of file descriptors are C calls"
)]

use std::fs::File;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::os::fd::AsRawFd;
use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

static GENERATION: AtomicU64 = AtomicU64::new(0);
static DESCRIPTORS: [AtomicI32; 1024] = [const { AtomicI32::new(FREE) }; 1024];
const FREE: i32 = -1;

/// How many forks lie between this process and the one that loaded the engine.
#[inline]
pub fn fork_generation() -> u64 {
    GENERATION.load(Ordering::Relaxed)
}

/// Installs the handler for forked children, once a process tree.
pub fn watch_forks() {
    static ONCE: Once = Once::new();
    // SAFETY: the handler stays valid for the life of the process, and does only what is allowed between fork and exec:
    // atomics and close.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
    });
}

extern "C" fn in_child() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
    for slot in &DESCRIPTORS {
        let descriptor = slot.swap(FREE, Ordering::Relaxed);
        if descriptor != FREE {
            // SAFETY: the descriptor was open when the process forked, since it is taken out of the table before it is
            // closed; its owner never touches it again in this process (see `Registered`).
            unsafe { libc::close(descriptor) };
        }
    }
}

/// A file that forked children close by themselves.
///
/// In a child its drop does nothing: the number may by then be another file's.
#[derive(Debug)]
pub struct Registered {
    file: OfThisProcess<File>,
    slot: Option<usize>,
}

impl Registered {
    /// Registers a file; where the table is full, a child keeps it open until it ends.
    pub fn new(file: File) -> Self {
        let raw = file.as_raw_fd();
        let take = |slot: &AtomicI32| {
            slot.compare_exchange(FREE, raw, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        Self {
            slot: DESCRIPTORS.iter().position(take),
            file: OfThisProcess::new(file),
        }
    }
}

impl Deref for Registered {
    type Target = File;

    fn deref(&self) -> &File {
        &self.file
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if self.file.is_ours()
            && let Some(slot) = self.slot
        {
            DESCRIPTORS[slot].store(FREE, Ordering::Relaxed);
        }
    }
}

/// A value that is dropped by the process that made it, and forgotten by every other.
///
/// A forked child has a copy that another thread may have been changing at that moment, mappings that are gone and file
/// descriptors that are closed; running destructors on them would be wrong, so it leaks them.
#[derive(Debug)]
pub struct OfThisProcess<T> {
    generation: u64,
    value: ManuallyDrop<T>,
}

impl<T> OfThisProcess<T> {
    /// Binds a value to this process.
    pub fn new(value: T) -> Self {
        Self {
            generation: fork_generation(),
            value: ManuallyDrop::new(value),
        }
    }

    /// Whether this is the process that made it.
    #[inline]
    pub fn is_ours(&self) -> bool {
        self.generation == fork_generation()
    }
}

impl<T> Deref for OfThisProcess<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for OfThisProcess<T> {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: the value is dropped here only, and `self` is not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) };
        }
    }
}
