//! `Writer`: the journal of this process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::prelude::*;
use runlake_engine::{Config, Error as EngineError, Seq, Stats, Writer as EngineWriter};

use crate::errors::{BoundaryResult, invalid_input};
use crate::file_system::keeping;
use crate::logger::RunLogger;
use crate::run::Run;
use crate::throttle::{self, LedgerEntry, PythonRule};

/// How long the first part of a wait is, before a look at signals. Each part takes twice as long as the one before, because a
/// sync has to begin and end in one of them.
const PATIENCE: Duration = Duration::from_millis(50);

/// The journal of this process.
#[pyclass(frozen, module = "runlake._engine")]
pub struct Writer {
    engine: Arc<EngineWriter>,
    after_fork: Mutex<Option<Py<PyAny>>>,
}

impl Writer {
    /// The engine's writer.
    pub fn engine(&self) -> &Arc<EngineWriter> {
        &self.engine
    }

    /// The writer of this process, which is a child of the one that made this writer, with `run_id` attached.
    pub fn after_fork(&self, py: Python<'_>, run_id: &str) -> BoundaryResult<Py<Writer>> {
        let hook = self.after_fork.lock().as_ref().map(|hook| hook.clone_ref(py));
        match hook {
            Some(hook) => Ok(hook
                .bind(py)
                .call1((run_id,))?
                .cast_into::<Writer>()
                .map_err(PyErr::from)?
                .unbind()),
            None => Err(EngineError::Forked.into()),
        }
    }
}

#[pymethods]
impl Writer {
    #[new]
    #[pyo3(signature = (
        journals, store_id, *, sync_interval_ms=1000, max_block_ms=0, max_chunk_bytes=None,
        max_unsealed_bytes=None, min_free_bytes=0, merge_without_room=false, written=false, after_fork=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "the settings of a writer, by keyword")]
    fn new(
        py: Python<'_>,
        journals: &str,
        store_id: &str,
        sync_interval_ms: u64,
        max_block_ms: u64,
        max_chunk_bytes: Option<u64>,
        max_unsealed_bytes: Option<u64>,
        min_free_bytes: u64,
        merge_without_room: bool,
        written: bool,
        after_fork: Option<Py<PyAny>>,
    ) -> BoundaryResult<Self> {
        let defaults = Config::default();
        let max_chunk_bytes = max_chunk_bytes.unwrap_or(defaults.max_chunk_bytes);
        let config = Config {
            sync_interval: Duration::from_millis(sync_interval_ms),
            max_block: Duration::from_millis(max_block_ms),
            min_chunk_bytes: defaults.min_chunk_bytes.min(max_chunk_bytes),
            max_chunk_bytes,
            max_unsealed_bytes: max_unsealed_bytes.unwrap_or(defaults.max_unsealed_bytes),
            min_free_bytes,
            merge_without_room,
            keeping: keeping(written),
        };
        let store_id = parse_store_id(store_id)?;
        let engine = py.detach(|| EngineWriter::open(Path::new(journals), store_id, config))?;
        Ok(Self {
            engine,
            after_fork: Mutex::new(after_fork),
        })
    }

    #[getter]
    fn id(&self) -> String {
        self.engine.id().to_string()
    }

    #[pyo3(signature = (run_id, *, next_step=0))]
    fn run(slf: Bound<'_, Self>, run_id: String, next_step: i64) -> RunLogger {
        RunLogger::new(Run::new(run_id, slf.unbind(), next_step))
    }

    #[pyo3(signature = (timeout_ms=None))]
    fn flush(&self, py: Python<'_>, timeout_ms: Option<u64>) -> BoundaryResult<()> {
        flush(py, timeout_ms, |slice| self.engine.flush(slice)).map(drop)
    }

    fn set_throttle(&self, py: Python<'_>, rules: Vec<PythonRule>) -> BoundaryResult<()> {
        let rules = throttle::rules(rules);
        Ok(py.detach(|| self.engine.set_throttle(rules))?)
    }

    fn finish_run(&self, py: Python<'_>, run_id: &str) -> BoundaryResult<()> {
        Ok(py.detach(|| self.engine.finish_run(run_id))?)
    }

    fn ledger(&self, py: Python<'_>) -> BoundaryResult<Vec<Py<LedgerEntry>>> {
        let ledger = py.detach(|| self.engine.ledger())?;
        Ok(LedgerEntry::all(py, &ledger)?)
    }

    fn stats(&self, py: Python<'_>) -> WriterStats {
        py.detach(|| self.engine.stats()).into()
    }

    fn wait_unsealed(&self, py: Python<'_>, bytes: u64, timeout_ms: u64) -> bool {
        py.detach(|| self.engine.wait_unsealed(bytes, Duration::from_millis(timeout_ms)))
    }

    fn push_outbox(&self, py: Python<'_>, payload: &[u8]) -> BoundaryResult<u64> {
        Ok(py.detach(|| self.engine.push_outbox(payload))?)
    }

    fn finish_outbox(&self, py: Python<'_>, upto: u64) -> BoundaryResult<()> {
        Ok(py.detach(|| self.engine.finish_outbox(upto))?)
    }

    fn trim(&self, py: Python<'_>, sealed: u64) -> BoundaryResult<()> {
        Ok(py.detach(|| self.engine.trim(sealed))?)
    }

    fn close(&self, py: Python<'_>) -> BoundaryResult<()> {
        let hook = self.after_fork.lock().take();
        drop(hook);
        Ok(py.detach(|| self.engine.close())?)
    }
}

/// Counters of a writer.
#[pyclass(frozen, get_all, module = "runlake._engine")]
pub struct WriterStats {
    accepted: u64,
    stored: u64,
    merged: u64,
    throttled: u64,
    pending: u64,
    dropped: u64,
    met_no_room: u64,
    committed: u64,
    durable: u64,
    sealed: u64,
    unsealed_bytes: u64,
    poisoned_chunks: u64,
    last_error: Option<String>,
}

impl From<Stats> for WriterStats {
    fn from(stats: Stats) -> Self {
        Self {
            accepted: stats.accepted,
            stored: stats.stored,
            merged: stats.merged,
            throttled: stats.throttled,
            pending: stats.pending,
            dropped: stats.dropped,
            met_no_room: stats.met_no_room,
            committed: stats.committed,
            durable: stats.durable,
            sealed: stats.sealed,
            unsealed_bytes: stats.unsealed_bytes,
            poisoned_chunks: stats.poisoned_chunks,
            last_error: stats.last_error,
        }
    }
}

/// Calls what waits for the disk, until the time is over or a signal handler raises.
pub fn flush(
    py: Python<'_>,
    timeout_ms: Option<u64>,
    engine: impl Fn(Option<Duration>) -> Result<Seq, EngineError> + Sync,
) -> BoundaryResult<Seq> {
    let end = timeout_ms.map(|timeout_ms| Instant::now() + Duration::from_millis(timeout_ms));
    let mut patience = PATIENCE;
    loop {
        let left = end.map_or(patience, |end| {
            end.saturating_duration_since(Instant::now()).min(patience)
        });
        match py.detach(|| engine(Some(left))) {
            Ok(durable) => return Ok(durable),
            // A sync that failed has a reason; without one, only the slice of time is over.
            Err(EngineError::NotDurable { last_error: None, .. }) if end.is_none_or(|end| Instant::now() < end) => {
                py.check_signals()?;
                patience *= 2;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The number that a store's id stands for.
pub fn parse_store_id(store_id: &str) -> BoundaryResult<u128> {
    let digits = store_id.len() == 32 && store_id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let parsed = if digits {
        u128::from_str_radix(store_id, 16).ok()
    } else {
        None
    };
    parsed.ok_or_else(|| {
        invalid_input(format!(
            "'{store_id}' is not a store id of 32 lower-case hexadecimal digits"
        ))
    })
}
