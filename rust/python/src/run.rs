//! A run as its loggers and handles share it: the writer, the series of each key, and whether it has ended.
//!
//! Locks here are held for a moment and by holders of the GIL only; no Python code runs under one, so a fork never
//! copies one that is taken.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use std::collections::HashMap;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyString;
use runlake_engine::{Error as EngineError, SeriesId, Writer as EngineWriter};

use crate::errors::{BoundaryError, BoundaryResult, run_ended};
use crate::identity::Identity;
use crate::kept::KeptWriter;
use crate::key;
use crate::writer::Writer;

/// Epoch of a run that has ended.
const ENDED: u32 = 0;

/// One run in this process.
pub struct Run {
    run_id: String,
    /// [`ENDED`], or how many writers the run has had. Series numbers belong to one epoch.
    epoch: AtomicU32,
    writer: KeptWriter,
    /// The Python object of the writer, which knows what to do after a fork.
    owner: Mutex<Py<Writer>>,
    next_step: AtomicI64,
    series: Mutex<HashMap<Box<str>, SeriesId>>,
    identity: Identity,
}

/// A series number and the epoch in which it is good; as one word, so that a handle reads it at once.
#[derive(Clone, Copy)]
pub struct Binding(u64);

impl Binding {
    fn new(epoch: u32, series: SeriesId) -> Self {
        Self(u64::from(epoch) << 32 | u64::from(series.0))
    }

    /// From the word that a handle keeps.
    #[inline]
    pub fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The word to keep.
    #[inline]
    pub fn word(self) -> u64 {
        self.0
    }

    #[inline]
    fn epoch(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The series number.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the series")]
    pub fn series(self) -> SeriesId {
        SeriesId(self.0 as u32)
    }
}

impl Run {
    /// A run that goes on at `next_step`.
    pub fn new(run_id: String, owner: Py<Writer>, next_step: i64) -> Self {
        Self {
            run_id,
            epoch: AtomicU32::new(1),
            writer: KeptWriter::new(owner.get().engine().clone()),
            owner: Mutex::new(owner),
            next_step: AtomicI64::new(next_step),
            series: Mutex::new(HashMap::new()),
            identity: Identity::new(),
        }
    }

    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Ends the run in this process.
    pub fn close(&self) {
        self.epoch.store(ENDED, Ordering::Relaxed);
    }

    /// Whether the run has ended in this process.
    #[inline]
    pub fn closed(&self) -> bool {
        self.epoch.load(Ordering::Relaxed) == ENDED
    }

    /// The step for a row that brings none.
    #[inline]
    pub fn next_step(&self) -> i64 {
        self.next_step.load(Ordering::Relaxed)
    }

    /// Notes that a row was logged at `step`.
    #[inline]
    pub fn passed(&self, step: i64) {
        self.next_step.fetch_max(step.saturating_add(1), Ordering::Relaxed);
    }

    /// The writer, if `binding` is still good: the run goes on, with the writer that gave the series number.
    #[inline]
    pub fn writer_of(&self, binding: Binding) -> Option<&EngineWriter> {
        (self.epoch.load(Ordering::Relaxed) == binding.epoch()).then(|| self.writer.get())
    }

    /// The writer, unless the run has ended.
    #[inline]
    pub fn writer(&self) -> Option<&EngineWriter> {
        (!self.closed()).then(|| self.writer.get())
    }

    /// The series of a key that was passed before as the very same object.
    #[inline]
    pub fn known(&self, key: &Bound<'_, PyAny>) -> Option<SeriesId> {
        self.identity.find(key.as_ptr())
    }

    /// The series of `key`, made at its first use.
    pub fn bind(&self, key: &Bound<'_, PyString>) -> BoundaryResult<Binding> {
        // NOTE: before the look-up, which may run Python: a binding made while the run ends is of the epoch before.
        let epoch = self.epoch.load(Ordering::Relaxed);
        let series = match self.identity.find(key.as_ptr()) {
            Some(series) => series,
            None => {
                let series = self.series(key.py(), key::text(key)?)?;
                self.identity.remember(key, series);
                series
            }
        };
        Ok(Binding::new(epoch, series))
    }

    /// The series of a key that is no Python string.
    pub fn series(&self, py: Python<'_>, key: &str) -> BoundaryResult<SeriesId> {
        if let Some(series) = self.series.lock().get(key) {
            return Ok(*series);
        }
        key::check(py, key)?;
        let series = self.writer.get().series(&self.run_id, key)?;
        self.series.lock().insert(key.into(), series);
        Ok(series)
    }

    /// Calls `log` with the current writer. In a forked child the first call fails, the run moves to the child's
    /// writer, and `log` is called again; so it has to look up its series itself.
    pub fn with_writer<T>(
        &self,
        py: Python<'_>,
        mut log: impl FnMut(&EngineWriter) -> BoundaryResult<T>,
    ) -> BoundaryResult<T> {
        let epoch = self.epoch.load(Ordering::Relaxed);
        if epoch == ENDED {
            return Err(run_ended(&self.run_id));
        }
        let mut result = log(self.writer.get());
        if let Err(Some(EngineError::Forked)) = result.as_ref().map_err(BoundaryError::engine) {
            self.move_from(py, epoch)?;
            result = log(self.writer.get());
        }
        match result {
            Err(error) if matches!(error.engine(), Some(EngineError::Closed)) => Err(run_ended(&self.run_id)),
            result => result,
        }
    }

    /// Moves to the writer of this process, unless another thread has done so since `epoch`.
    fn move_from(&self, py: Python<'_>, epoch: u32) -> BoundaryResult<()> {
        let owner = self.owner.lock().clone_ref(py);
        let heir = owner.get().after_fork(py, &self.run_id)?;
        if self.epoch.load(Ordering::Relaxed) != epoch {
            return Ok(());
        }
        self.series.lock().clear();
        self.identity.clear();
        self.writer.set(heir.get().engine().clone());
        let former = std::mem::replace(&mut *self.owner.lock(), heir);
        drop(former);
        self.epoch.store(epoch + 1, Ordering::Relaxed);
        Ok(())
    }
}
