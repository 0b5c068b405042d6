//! Recovery: what writers left behind.

use std::path::Path;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use runlake_engine::{Adopted as EngineAdopted, Error, Gap as EngineGap, WriterFiles as EngineFiles, WriterId};

use crate::errors::{BoundaryResult, invalid_input};
use crate::throttle::LedgerEntry;

/// The journal files of one writer.
#[pyclass(frozen, get_all, module = "runlake._engine")]
pub struct WriterFiles {
    id: String,
    alive: bool,
    closed_cleanly: bool,
    bytes: u64,
    committed: u64,
    damaged: Vec<String>,
}

/// Points that a journal no longer gives back.
#[pyclass(frozen, get_all, module = "runlake._engine")]
pub struct Gap {
    first: u64,
    upto: u64,
    reason: String,
    file: String,
}

/// A dead writer's journal, locked.
#[pyclass(frozen, module = "runlake._engine")]
pub struct Adopted {
    engine: Mutex<Option<EngineAdopted>>,
    #[pyo3(get)]
    writer: String,
    #[pyo3(get)]
    first: u64,
    #[pyo3(get)]
    upto: u64,
    #[pyo3(get)]
    missing: u64,
    #[pyo3(get)]
    whole: Vec<(String, u64, u64)>,
    #[pyo3(get)]
    gaps: Vec<Py<Gap>>,
    #[pyo3(get)]
    outbox: Vec<(u64, Py<PyBytes>)>,
    #[pyo3(get)]
    runs: Vec<(String, u64, i64)>,
    #[pyo3(get)]
    ledger: Vec<Py<LedgerEntry>>,
    #[pyo3(get)]
    unrecorded: u64,
    #[pyo3(get)]
    last_verified_ms: Option<i64>,
    #[pyo3(get)]
    closed_cleanly: bool,
    #[pyo3(get)]
    faults: Vec<(String, String)>,
    #[pyo3(get)]
    unreadable: Vec<String>,
    #[pyo3(get)]
    store_id: Option<String>,
}

#[pymethods]
impl Adopted {
    fn finish(&self, py: Python<'_>, sealed_all: bool) -> BoundaryResult<()> {
        match self.engine.lock().take() {
            Some(engine) => Ok(py.detach(|| engine.finish(sealed_all))?),
            None => Err(invalid_input("this journal was finished before")),
        }
    }
}

/// Lists what lies in a folder of journals.
#[pyfunction]
pub fn survey(py: Python<'_>, journals: &str) -> BoundaryResult<Vec<WriterFiles>> {
    let found = py.detach(|| runlake_engine::survey(Path::new(journals)))?;
    Ok(found.into_iter().map(WriterFiles::from).collect())
}

/// Takes over a dead writer's journal.
#[pyfunction]
pub fn adopt(py: Python<'_>, journals: &str, writer: &str) -> BoundaryResult<Option<Adopted>> {
    let writer = writer.parse()?;
    let adopted = py.detach(|| runlake_engine::adopt(Path::new(journals), writer))?;
    Ok(adopted.map(|engine| Adopted::new(py, engine)).transpose()?)
}

/// Takes over the journals of those of some writers that are dead.
#[pyfunction]
pub fn adopt_all(py: Python<'_>, journals: &str, writers: Vec<String>) -> BoundaryResult<Vec<Adopted>> {
    let ids = parsed(&writers)?;
    let adopted = py.detach(|| runlake_engine::adopt_all(Path::new(journals), &ids))?;
    Ok(adopted
        .into_iter()
        .map(|engine| Adopted::new(py, engine))
        .collect::<PyResult<_>>()?)
}

/// Those of some writers whose lock nobody holds.
#[pyfunction]
pub fn dead(py: Python<'_>, journals: &str, writers: Vec<String>) -> BoundaryResult<Vec<String>> {
    let ids = parsed(&writers)?;
    let found = py.detach(|| runlake_engine::dead(Path::new(journals), &ids))?;
    Ok(found.iter().map(ToString::to_string).collect())
}

fn parsed(writers: &[String]) -> Result<Vec<WriterId>, Error> {
    writers.iter().map(|writer| writer.parse()).collect()
}

/// Checks a journal and leaves it as it is.
#[pyfunction]
pub fn inspect(py: Python<'_>, journals: &str, writer: &str) -> BoundaryResult<Adopted> {
    let writer = writer.parse()?;
    let seen = py.detach(|| runlake_engine::inspect(Path::new(journals), writer))?;
    Ok(inspected(py, seen)?)
}

/// Checks the journals of some writers and leaves them as they are.
#[pyfunction]
pub fn inspect_all(py: Python<'_>, journals: &str, writers: Vec<String>) -> BoundaryResult<Vec<Adopted>> {
    let ids = parsed(&writers)?;
    let seen = py.detach(|| runlake_engine::inspect_all(Path::new(journals), &ids))?;
    Ok(seen
        .into_iter()
        .map(|seen| inspected(py, seen))
        .collect::<PyResult<_>>()?)
}

fn inspected(py: Python<'_>, seen: EngineAdopted) -> PyResult<Adopted> {
    let inspected = Adopted::new(py, seen)?;
    inspected.engine.lock().take();
    Ok(inspected)
}

impl From<EngineFiles> for WriterFiles {
    fn from(files: EngineFiles) -> Self {
        Self {
            id: files.id.to_string(),
            alive: files.alive,
            closed_cleanly: files.closed_cleanly,
            bytes: files.bytes,
            committed: files.committed,
            damaged: files.damaged.iter().map(|file| file.display().to_string()).collect(),
        }
    }
}

impl Adopted {
    fn new(py: Python<'_>, engine: EngineAdopted) -> PyResult<Self> {
        let writer = engine.writer.to_string();
        let whole = engine
            .whole
            .iter()
            .map(|range| (writer.clone(), range.start, range.end))
            .collect();
        let runs = engine
            .runs
            .iter()
            .map(|run| (run.run_id.clone(), run.points, run.last_timestamp_ms))
            .collect();
        let payload = |(id, payload): &(u64, Vec<u8>)| (*id, PyBytes::new(py, payload).unbind());
        Ok(Self {
            whole,
            writer,
            first: engine.from,
            upto: engine.upto,
            missing: engine.missing,
            gaps: engine
                .gaps
                .iter()
                .map(|gap| Py::new(py, Gap::from(gap)))
                .collect::<PyResult<_>>()?,
            outbox: engine.outbox.iter().map(payload).collect(),
            runs,
            ledger: LedgerEntry::all(py, &engine.ledger)?,
            unrecorded: engine.unrecorded,
            last_verified_ms: engine.last_verified_ms,
            closed_cleanly: engine.closed_cleanly,
            faults: engine
                .faults
                .iter()
                .map(|(file, fault)| (file.display().to_string(), fault.clone()))
                .collect(),
            unreadable: engine
                .unreadable
                .iter()
                .map(|file| file.display().to_string())
                .collect(),
            store_id: engine.store_id.map(|id| format!("{id:032x}")),
            engine: Mutex::new(Some(engine)),
        })
    }
}

impl From<&EngineGap> for Gap {
    fn from(gap: &EngineGap) -> Self {
        Self {
            first: gap.from,
            upto: gap.to,
            reason: gap.reason.clone(),
            file: gap.file.display().to_string(),
        }
    }
}
