//! Reading of segments: without the GIL, until Ctrl-C.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyFileNotFoundError;
use pyo3::prelude::*;
use runlake_engine::{Error as EngineError, Result};

use crate::errors::{BoundaryError, BoundaryResult};

/// Time between two looks for Ctrl-C.
const SIGNALS_EVERY: Duration = Duration::from_millis(100);

/// Calls what reads segments; it asks its argument whether to keep going. What a signal handler raises is raised.
pub fn read<T: Send>(py: Python<'_>, reading: impl FnOnce(&dyn Fn() -> bool) -> Result<T> + Send) -> BoundaryResult<T> {
    let (read, raised) = py.detach(|| {
        let signals = Signals::default();
        let read = reading(&|| signals.keep_going());
        (read, signals.raised.into_inner())
    });
    match raised {
        Some(raised) => Err(raised.into()),
        None => read.map_err(gone_or),
    }
}

/// A segment that is gone is Python's FileNotFoundError, upon which readers start again.
pub fn gone_or(error: EngineError) -> BoundaryError {
    match &error {
        EngineError::Io { source, .. } if source.kind() == ErrorKind::NotFound => {
            PyFileNotFoundError::new_err(error.to_string()).into()
        }
        _ => error.into(),
    }
}

/// Whether Python's signal handlers have raised something.
struct Signals {
    looked: Cell<Instant>,
    raised: RefCell<Option<PyErr>>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            looked: Cell::new(Instant::now()),
            raised: RefCell::new(None),
        }
    }
}

impl Signals {
    fn keep_going(&self) -> bool {
        if self.looked.get().elapsed() < SIGNALS_EVERY {
            return true;
        }
        let raised = Python::attach(|py| py.check_signals()).err();
        self.looked.set(Instant::now());
        let keep_going = raised.is_none();
        self.raised.replace(raised);
        keep_going
    }
}
