//! Compacting: many segments become one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use pyo3::prelude::*;
use runlake_engine::{CompactOptions, CompactStep, Error as EngineError};

use crate::errors::BoundaryResult;
use crate::raised::Raised;
use crate::reading::gone_or;
use crate::sealing::Sealed;

/// Writes the rows of segments into a new one.
#[pyfunction]
#[pyo3(signature = (segments, inputs, *, drop_runs=HashSet::new(), threads=1, progress=None, hook=None))]
pub fn compact(
    py: Python<'_>,
    segments: &str,
    inputs: Vec<PathBuf>,
    drop_runs: HashSet<String>,
    threads: usize,
    progress: Option<Py<PyAny>>,
    hook: Option<Py<PyAny>>,
) -> BoundaryResult<Option<Sealed>> {
    let (compacted, raised) = py.detach(|| {
        let raised = Raised::default();
        let report = |rows| match Python::attach(|py| keep_going(py, progress.as_ref(), rows)) {
            Ok(go_on) => go_on,
            Err(error) => {
                raised.note(error);
                false
            }
        };
        let call = |step| raised.call(hook.as_ref(), step_name(step));
        let options = CompactOptions {
            drop_runs: Some(&drop_runs),
            hook: Some(&call),
            progress: Some(&report),
            threads,
        };
        let compacted = runlake_engine::compact(Path::new(segments), &inputs, options);
        (compacted, raised.into_inner())
    });
    match (raised, compacted) {
        (Some(error), _) => Err(error.into()),
        (None, Err(EngineError::Interrupted)) => Ok(None),
        (None, compacted) => Ok(Some(Sealed::new(py, compacted.map_err(gone_or)?)?)),
    }
}

/// Looks for Ctrl-C, then asks the caller.
fn keep_going(py: Python<'_>, progress: Option<&Py<PyAny>>, rows: u64) -> PyResult<bool> {
    py.check_signals()?;
    match progress {
        Some(progress) => Ok(progress.call1(py, (rows,))?.extract::<Option<bool>>(py)? != Some(false)),
        None => Ok(true),
    }
}

fn step_name(step: CompactStep) -> &'static str {
    match step {
        CompactStep::Checked => "compact.checked",
        CompactStep::Written => "compact.written",
        CompactStep::Synced => "compact.synced",
        CompactStep::Renamed => "compact.renamed",
    }
}
