//! Latch: the lock of the hot path, for sections of a few instructions.
//!
//! Taking it is one atomic exchange and releasing it one plain store, which is half of what a lock that can park its
//! waiters costs. Who holds it makes no system call; work that takes longer happens under an ordinary mutex.
#![expect(unsafe_code, reason = "a raw lock is an unsafe trait; a signal mask is a C call")]

use std::sync::atomic::Ordering;

use lock_api::{GuardSend, RawMutex};

use crate::platform::sync::{AtomicBool, nap, spin_loop, yield_now};

/// A mutex whose lock is one word.
pub type Latch<T> = lock_api::Mutex<RawLatch, T>;

/// The lock word.
pub struct RawLatch(AtomicBool);

// SAFETY: `lock` returns only after this caller changed the word from false to true with Acquire, and only its owner
// stores false, with Release; so at most one caller is inside, and sees what the one before wrote.
unsafe impl RawMutex for RawLatch {
    const INIT: Self = Self(AtomicBool::new(false));
    type GuardMarker = GuardSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        !self.0.swap(true, Ordering::Acquire)
    }

    #[inline]
    unsafe fn unlock(&self) {
        self.0.store(false, Ordering::Release);
    }
}

impl RawLatch {
    /// Spins for the usual case, then gives the processor to the owner, in the end even to one of lower priority.
    #[cold]
    fn wait(&self) {
        let mut tries = 0_u32;
        while self.0.load(Ordering::Relaxed) || !self.try_lock() {
            tries += 1;
            match tries {
                0..100 => spin_loop(),
                100..200 => yield_now(),
                _ => nap(),
            }
        }
    }
}

/// Keeps the program's signal handlers off the calling thread, so that they run where the program expects them.
pub fn block_signals() {
    // SAFETY: the set is written by sigfillset before it is read, and both calls touch only it and this thread's mask.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigfillset(&raw mut set);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
    }
}
