//! Mutex and condition variable that a forked child can use.
//!
//! They are the standard library's, a futex word each. Locks that keep one table of waiting threads for the whole process
//! leave, in a forked child, entries of threads that it does not have; two threads that wait there can then hang.
//! A panic of one holder does not lock the others out: logging must go on.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::Ordering;
use std::sync::{PoisonError, TryLockError};
use std::time::Instant;

use crate::platform::sync::{self, AtomicU32, yield_now};

/// How often a fair unlock gives way to those who wait.
const YIELDS: usize = 200;

/// Mutual exclusion whose waiters sleep.
#[derive(Default)]
pub struct Mutex<T> {
    inner: sync::Mutex<T>,
    waiting: AtomicU32,
}

impl<T> Mutex<T> {
    /// A free one.
    pub fn new(value: T) -> Self {
        Self {
            inner: sync::Mutex::new(value),
            waiting: AtomicU32::new(0),
        }
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let inner = match self.inner.try_lock() {
            Ok(inner) => inner,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                inner
            }
        };
        MutexGuard {
            inner: Some(inner),
            mutex: self,
        }
    }
}

impl<T> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

/// The right to use what a [`Mutex`] holds.
pub struct MutexGuard<'a, T> {
    /// `None` only within [`Condvar`]'s waits, which nobody outside sees.
    inner: Option<sync::MutexGuard<'a, T>>,
    mutex: &'a Mutex<T>,
}

impl<T> MutexGuard<'_, T> {
    /// Unlocks, and lets a thread that waits have its turn before this one can lock again.
    pub fn unlock_fair(self) {
        let mutex = self.mutex;
        drop(self);
        let mut yields = 0;
        while mutex.waiting.load(Ordering::Relaxed) > 0 && yields < YIELDS {
            yield_now();
            yields += 1;
        }
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match &self.inner {
            Some(inner) => inner,
            None => unreachable!("a guard is without its lock only while it waits"),
        }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.inner {
            Some(inner) => inner,
            None => unreachable!("a guard is without its lock only while it waits"),
        }
    }
}

/// Waiting for a change of what a [`Mutex`] holds.
#[derive(Debug, Default)]
pub struct Condvar(sync::Condvar);

impl Condvar {
    /// Nobody waits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for a notification, with the lock let go meanwhile.
    pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(inner) = guard.inner.take() {
            guard.inner = Some(self.0.wait(inner).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// As [`Condvar::wait`], up to a time; true when the time is over.
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, until: Instant) -> bool {
        if let Some(inner) = guard.inner.take() {
            let left = until.saturating_duration_since(Instant::now());
            let (inner, _) = self.0.wait_timeout(inner, left).unwrap_or_else(PoisonError::into_inner);
            guard.inner = Some(inner);
        }
        Instant::now() >= until
    }

    /// Wakes one that waits.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    /// Wakes all that wait.
    pub fn notify_all(&self) {
        self.0.notify_all();
    }
}
