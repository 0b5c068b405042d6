//! The writer that a run logs to: changed when a forked child gets its own, read without counting references.

#![expect(unsafe_code, reason = "a reference count a point would cost more than the point")]

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};

use parking_lot::Mutex;
use runlake_engine::Writer;

/// The current writer, and every one before it: they are kept as long as this lives, so that a reference to one stays
/// good.
pub struct KeptWriter {
    current: AtomicPtr<Writer>,
    kept: Mutex<Vec<Arc<Writer>>>,
}

impl KeptWriter {
    /// Starts with `writer`.
    pub fn new(writer: Arc<Writer>) -> Self {
        Self {
            current: AtomicPtr::new(Arc::as_ptr(&writer).cast_mut()),
            kept: Mutex::new(vec![writer]),
        }
    }

    /// The current writer.
    #[inline]
    pub fn get(&self) -> &Writer {
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: `current` only ever holds the address of a writer whose Arc was put into `kept` before; nothing is
        // taken out of `kept` while `self` lives, and the reference does not outlive `self`. Only shared references are
        // made of it.
        unsafe { &*current }
    }

    /// Makes `writer` the current one.
    pub fn set(&self, writer: Arc<Writer>) {
        let address = Arc::as_ptr(&writer).cast_mut();
        let mut kept = self.kept.lock();
        kept.push(writer);
        self.current.store(address, Ordering::Release);
    }
}
