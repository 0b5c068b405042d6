//! Identity cache: the series of a key that was passed before as the very same string object.
//!
//! Keys in a training loop are constants, so one pointer comparison replaces hashing. Each cached string is kept alive,
//! or another one could appear at its address. Strings are immutable; subclasses of `str` may not be, and are not
//! cached.

use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use parking_lot::Mutex;
use pyo3::ffi::PyObject;
use pyo3::prelude::*;
use pyo3::types::PyString;
use runlake_engine::SeriesId;

/// Number of places; a key has two of them.
const PLACES: usize = 256;

/// Places by address. A place's string is in `owners` as long as its pointer is here; both change only under the GIL.
pub struct Identity {
    places: [Place; PLACES],
    owners: Mutex<Vec<Option<Py<PyString>>>>,
}

struct Place {
    key: AtomicPtr<PyObject>,
    series: AtomicU32,
}

impl Identity {
    /// An empty cache.
    pub fn new() -> Self {
        let empty = |_| Place {
            key: AtomicPtr::new(null_mut()),
            series: AtomicU32::new(0),
        };
        Self {
            places: std::array::from_fn(empty),
            owners: Mutex::new(Vec::new()),
        }
    }

    /// The series of the key at this address.
    #[inline]
    pub fn find(&self, key: *mut PyObject) -> Option<SeriesId> {
        let first = first_place(key);
        [first, first ^ 1]
            .into_iter()
            .map(|at| &self.places[at])
            .find_map(|place| {
                (place.key.load(Ordering::Relaxed) == key).then(|| SeriesId(place.series.load(Ordering::Relaxed)))
            })
    }

    /// Remembers the series of `key`; the string that had its place is forgotten.
    pub fn remember(&self, key: &Bound<'_, PyString>, series: SeriesId) {
        if !key.is_exact_instance_of::<PyString>() {
            return;
        }
        let first = first_place(key.as_ptr());
        let taken = !self.places[first].key.load(Ordering::Relaxed).is_null();
        let at = if taken { first ^ 1 } else { first };
        let mut owners = self.owners.lock();
        owners.resize_with(PLACES, || None);
        let forgotten = owners[at].replace(key.clone().unbind());
        self.places[at].series.store(series.0, Ordering::Relaxed);
        self.places[at].key.store(key.as_ptr(), Ordering::Relaxed);
        drop(owners);
        drop(forgotten);
    }

    /// Forgets every key, because their series have other numbers now.
    pub fn clear(&self) {
        for place in &self.places {
            place.key.store(null_mut(), Ordering::Relaxed);
        }
        let forgotten = std::mem::take(&mut *self.owners.lock());
        drop(forgotten);
    }
}

/// Strings are aligned to 16 bytes; the multiplication spreads neighbours.
#[inline]
fn first_place(key: *mut PyObject) -> usize {
    (((key as usize) >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) % PLACES
}
