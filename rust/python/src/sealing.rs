//! Sealing: journal ranges become segments, and segments are checked.

use std::collections::HashMap;
use std::path::Path;

use pyo3::prelude::*;
use runlake_engine::segment::{Seal as EngineSeal, SegmentInfo as EngineInfo, Sibling};
use runlake_engine::{Account, JournalRange, SealOptions, SealStep, Sealed as EngineSealed, Summary as EngineSummary};

use crate::errors::BoundaryResult;
use crate::raised::Raised;
use crate::throttle::LedgerEntry;

/// A range as Python passes it: writer, from, to.
pub type Range = (String, u64, u64);

/// A segment that no catalog knows yet.
#[pyclass(frozen, get_all, module = "runlake._engine")]
pub struct Sealed {
    segment_id: String,
    experiment_id: String,
    seal_id: String,
    path: String,
    rows: u64,
    bytes: u64,
    ranges: Vec<Range>,
    runs: Vec<(String, u64)>,
    summaries: Vec<Py<Summary>>,
    min_step: i64,
    max_step: i64,
    min_timestamp: i64,
    max_timestamp: i64,
}

/// What is known of one key of one run.
#[pyclass(frozen, module = "runlake._engine")]
pub struct Summary(EngineSummary);

/// A seal as Python gets it: id, siblings, ranges.
type Seal = (String, Vec<(String, String, u64)>, Vec<Range>);
impl Summary {
    /// From the engine's.
    pub fn new(summary: EngineSummary) -> Self {
        Self(summary)
    }

    /// The engine's.
    pub fn engine(&self) -> &EngineSummary {
        &self.0
    }
}

/// What a segment says of itself.
#[pyclass(frozen, module = "runlake._engine")]
pub struct SegmentInfo {
    pub engine: EngineInfo,
}

/// Lists the runs that have points in `ranges`.
#[pyfunction]
pub fn runs_in(py: Python<'_>, journals: &str, ranges: Vec<Range>) -> BoundaryResult<Vec<String>> {
    let ranges = journal_ranges(&ranges)?;
    Ok(py.detach(|| runlake_engine::runs_in(Path::new(journals), &ranges))?)
}

/// Writes the points of `ranges` into new segments.
#[pyfunction]
#[pyo3(signature = (journals, segments, ranges, experiment_of, *, ledger=None, threads=1, hook=None))]
#[expect(clippy::too_many_arguments, reason = "what sealing needs, most of it by keyword")]
pub fn seal(
    py: Python<'_>,
    journals: &str,
    segments: &str,
    ranges: Vec<Range>,
    experiment_of: HashMap<String, String>,
    ledger: Option<HashMap<String, Vec<Py<LedgerEntry>>>>,
    threads: usize,
    hook: Option<Py<PyAny>>,
) -> BoundaryResult<Vec<Sealed>> {
    let ranges = journal_ranges(&ranges)?;
    let ledger = accounts(ledger.unwrap_or_default())?;
    let (sealed, raised) = py.detach(|| {
        let raised = Raised::default();
        let call = |step| raised.call(hook.as_ref(), step_name(step));
        let options = SealOptions {
            hook: Some(&call),
            threads,
            ledger: &ledger,
        };
        let sealed = runlake_engine::seal(
            Path::new(journals),
            Path::new(segments),
            &ranges,
            &experiment_of,
            options,
        );
        (sealed, raised.into_inner())
    });
    match raised {
        Some(error) => Err(error.into()),
        None => sealed?.into_iter().map(|sealed| Ok(Sealed::new(py, sealed)?)).collect(),
    }
}

/// Reads a whole segment and checks it.
#[pyfunction]
pub fn verify_segment(py: Python<'_>, path: &str) -> BoundaryResult<SegmentInfo> {
    Ok(py.detach(|| runlake_engine::segment::verify(Path::new(path)))?.into())
}

/// Reads what a segment says of itself, and none of its rows.
#[pyfunction]
pub fn segment_info(py: Python<'_>, path: &str) -> BoundaryResult<SegmentInfo> {
    Ok(py.detach(|| runlake_engine::segment::info(Path::new(path)))?.into())
}

/// Reads a whole segment, checks it, and reports it as the seal that made it did.
#[pyfunction]
pub fn summarise_segment(py: Python<'_>, path: &str) -> BoundaryResult<Sealed> {
    let sealed = py.detach(|| runlake_engine::summarise_segment(Path::new(path)))?;
    Ok(Sealed::new(py, sealed)?)
}

fn step_name(step: SealStep) -> &'static str {
    match step {
        SealStep::Read => "read",
        SealStep::Sorted => "sorted",
        SealStep::Written => "written",
        SealStep::Synced => "synced",
        SealStep::Renamed => "renamed",
    }
}

fn accounts(ledger: HashMap<String, Vec<Py<LedgerEntry>>>) -> BoundaryResult<Vec<Account>> {
    let mut accounts = Vec::new();
    for (writer, entries) in ledger {
        let writer = writer.parse()?;
        accounts.extend(entries.iter().map(|entry| entry.get().account(writer)));
    }
    // So that one seal gives the same file as another.
    accounts.sort_by_cached_key(|account| (account.writer, account.entry.name.clone()));
    Ok(accounts)
}

fn journal_ranges(ranges: &[Range]) -> BoundaryResult<Vec<JournalRange>> {
    let range = |(writer, from, to): &Range| {
        Ok(JournalRange {
            writer: writer.parse()?,
            from: *from,
            to: *to,
        })
    };
    ranges.iter().map(range).collect()
}

pub fn python_ranges(ranges: &[JournalRange]) -> Vec<Range> {
    ranges
        .iter()
        .map(|range| (range.writer.to_string(), range.from, range.to))
        .collect()
}

impl Sealed {
    pub fn new(py: Python<'_>, sealed: EngineSealed) -> PyResult<Self> {
        let summaries = sealed
            .summaries
            .into_iter()
            .map(|summary| Py::new(py, Summary(summary)));
        Ok(Self {
            segment_id: sealed.segment_id,
            experiment_id: sealed.experiment_id,
            seal_id: sealed.seal_id,
            path: sealed.path,
            rows: sealed.rows,
            bytes: sealed.bytes,
            ranges: python_ranges(&sealed.ranges),
            runs: sealed.runs,
            summaries: summaries.collect::<PyResult<_>>()?,
            min_step: sealed.min_step,
            max_step: sealed.max_step,
            min_timestamp: sealed.min_timestamp_ms,
            max_timestamp: sealed.max_timestamp_ms,
        })
    }
}

impl From<EngineInfo> for SegmentInfo {
    fn from(engine: EngineInfo) -> Self {
        Self { engine }
    }
}

fn python_siblings(siblings: &[Sibling]) -> Vec<(String, String, u64)> {
    siblings
        .iter()
        .map(|sibling| (sibling.segment_id.clone(), sibling.experiment_id.clone(), sibling.rows))
        .collect()
}

#[pymethods]
impl SegmentInfo {
    #[getter]
    fn segment_id(&self) -> &str {
        &self.engine.segment_id
    }

    #[getter]
    fn experiment_id(&self) -> &str {
        &self.engine.experiment_id
    }

    #[getter]
    fn seal_id(&self) -> &str {
        &self.engine.seal_id
    }

    #[getter]
    fn siblings(&self) -> Vec<(String, String, u64)> {
        python_siblings(&self.engine.siblings)
    }

    #[getter]
    fn rows(&self) -> u64 {
        self.engine.rows
    }

    #[getter]
    fn bytes(&self) -> u64 {
        self.engine.bytes
    }

    #[getter]
    fn ranges(&self) -> Vec<Range> {
        python_ranges(&self.engine.ranges)
    }

    #[getter]
    fn replaces(&self) -> Vec<String> {
        self.engine.replaces.clone()
    }

    #[getter]
    fn seals(&self) -> Vec<Seal> {
        let seal = |seal: &EngineSeal| {
            (
                seal.seal_id.clone(),
                python_siblings(&seal.siblings),
                python_ranges(&seal.ranges),
            )
        };
        self.engine.seals.iter().map(seal).collect()
    }

    #[getter]
    fn ledger(&self, py: Python<'_>) -> PyResult<Vec<(String, Py<LedgerEntry>)>> {
        let account = |account: &Account| Ok((account.writer.to_string(), LedgerEntry::new(py, &account.entry)?));
        self.engine.ledger.iter().map(account).collect()
    }
}

/// One getter a line: each reads one field.
macro_rules! summary_getters {
    ($($name:ident: $kind:ty = $get:expr;)*) => {
        #[pymethods]
        impl Summary {
            $(
                #[getter]
                fn $name(&self) -> $kind {
                    let get: fn(&EngineSummary) -> $kind = $get;
                    get(&self.0)
                }
            )*
        }
    };
}

summary_getters! {
    run_id: String = |s| s.run_id.to_string();
    key: String = |s| s.key.to_string();
    count: u64 = |s| s.count;
    nan_count: u64 = |s| s.nan_count;
    first_step: i64 = |s| s.first.step;
    first_timestamp: i64 = |s| s.first.timestamp_ms;
    first_value: f64 = |s| s.first.value;
    last_step: i64 = |s| s.last.step;
    last_timestamp: i64 = |s| s.last.timestamp_ms;
    last_value: f64 = |s| s.last.value;
    min: f64 = |s| s.min;
    min_step: i64 = |s| s.min_step;
    max: f64 = |s| s.max;
    max_step: i64 = |s| s.max_step;
    sum: f64 = |s| s.sum;
    max_timestamp: i64 = |s| s.max_timestamp_ms;
}
