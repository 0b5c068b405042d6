//! `Journals`: what segments do not hold yet.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::ArrowError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use runlake_engine::{LiveSummaries, Selection, Seq, SideCache, Snapshot, Summary, WriterId, tail};

use crate::arrow::ArrowStream;
use crate::errors::BoundaryResult;
use crate::throttle::LedgerEntry;

/// What one process has read of a store's journals.
#[pyclass(frozen, module = "runlake._engine")]
pub struct JournalCache(Arc<Known>);

#[derive(Default)]
struct Known {
    sides: SideCache,
    live: LiveSummaries,
}

#[pymethods]
impl JournalCache {
    #[new]
    fn new() -> Self {
        Self(Arc::default())
    }
}

/// Open files of journals.
#[pyclass(frozen, module = "runlake._engine")]
pub struct Journals {
    snapshot: Snapshot,
    known: Option<Arc<Known>>,
}

#[pymethods]
impl Journals {
    #[new]
    #[pyo3(signature = (journals, writers=None, known=None))]
    fn new(
        py: Python<'_>,
        journals: &str,
        writers: Option<Vec<String>>,
        known: Option<&JournalCache>,
    ) -> BoundaryResult<Self> {
        let writers = writers
            .map(|ids| ids.iter().map(|id| id.parse()).collect::<Result<Vec<WriterId>, _>>())
            .transpose()?;
        let known = known.map(|known| known.0.clone());
        let snapshot = py.detach(|| {
            let sides = known.as_ref().map(|known| &known.sides);
            let snapshot = Snapshot::open_again(Path::new(journals), writers.as_deref(), sides)?;
            if let (Some(known), None) = (&known, writers) {
                let held = snapshot.writers().into_iter().map(|(writer, ..)| writer).collect();
                known.live.keep(&held);
            }
            Ok::<_, runlake_engine::Error>(snapshot)
        })?;
        Ok(Self { snapshot, known })
    }

    fn writers(&self) -> Vec<(String, Seq, Seq)> {
        self.snapshot
            .writers()
            .into_iter()
            .map(|(writer, from, to)| (writer.to_string(), from, to))
            .collect()
    }

    fn keys(&self, py: Python<'_>) -> BTreeSet<String> {
        py.detach(|| {
            self.snapshot
                .names()
                .into_iter()
                .map(|name| name.key.to_string())
                .collect()
        })
    }

    fn ledger(&self, py: Python<'_>) -> BoundaryResult<HashMap<String, Vec<Py<LedgerEntry>>>> {
        let ledger = py.detach(|| self.snapshot.ledger())?;
        let entries = ledger
            .iter()
            .map(|(writer, entries)| Ok((writer.to_string(), LedgerEntry::all(py, entries)?)));
        Ok(entries.collect::<PyResult<_>>()?)
    }

    #[pyo3(signature = (sealed, runs=None, keys=None, *, windows=false))]
    fn read(
        &self,
        py: Python<'_>,
        sealed: HashMap<String, Seq>,
        runs: Option<Vec<String>>,
        keys: Option<Vec<String>>,
        windows: bool,
    ) -> BoundaryResult<ArrowStream> {
        let (sealed, select) = (by_writer(&sealed)?, Selection { runs, keys });
        if windows {
            let batches = py.detach(|| self.snapshot.read_with_windows(&sealed, &select))?;
            return Ok(ArrowStream::new(tail::schema_with_windows(), batches));
        }
        let batches = py.detach(|| self.snapshot.read(&sealed, &select))?;
        Ok(ArrowStream::new(tail::schema(), batches))
    }

    #[pyo3(signature = (writer, first, max_points=262_144))]
    fn pack<'py>(
        &self,
        py: Python<'py>,
        writer: &str,
        first: Seq,
        max_points: usize,
    ) -> BoundaryResult<(Bound<'py, PyBytes>, Seq)> {
        let writer = writer.parse()?;
        let (bytes, upto) = py.detach(|| self.snapshot.pack(writer, first, max_points))?;
        Ok((PyBytes::new(py, &bytes), upto))
    }

    #[pyo3(signature = (sealed, runs=None))]
    fn summaries(
        &self,
        py: Python<'_>,
        sealed: HashMap<String, Seq>,
        runs: Option<Vec<String>>,
    ) -> BoundaryResult<ArrowStream> {
        let sealed = by_writer(&sealed)?;
        let batch = py.detach(|| {
            let found = match (&runs, &self.known) {
                (Some(runs), Some(known)) => self.snapshot.summaries_again(&sealed, runs, &known.live),
                _ => self.snapshot.summaries(&sealed, runs.as_deref()),
            };
            found.and_then(|summaries| Ok(summary_batch(&summaries)?))
        })?;
        Ok(ArrowStream::new(batch.schema(), vec![batch]))
    }
}

impl Journals {
    /// The open files, for other functions of the engine.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// Ids as the engine has them.
pub fn by_writer(sealed: &HashMap<String, Seq>) -> BoundaryResult<HashMap<WriterId, Seq>> {
    sealed.iter().map(|(id, seq)| Ok((id.parse()?, *seq))).collect()
}

/// The columns have the names and the order of the attributes of `Summary`.
fn summary_batch(summaries: &[Summary]) -> Result<RecordBatch, ArrowError> {
    fn text<'a>(all: &'a [Summary], get: impl Fn(&'a Summary) -> &'a str) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(all.iter().map(get)))
    }
    let integer =
        |get: fn(&Summary) -> i64| Arc::new(Int64Array::from_iter_values(summaries.iter().map(get))) as ArrayRef;
    let double =
        |get: fn(&Summary) -> f64| Arc::new(Float64Array::from_iter_values(summaries.iter().map(get))) as ArrayRef;
    RecordBatch::try_from_iter_with_nullable(
        [
            ("run_id", text(summaries, |s| &s.run_id)),
            ("key", text(summaries, |s| &s.key)),
            ("count", integer(|s| s.count.cast_signed())),
            ("nan_count", integer(|s| s.nan_count.cast_signed())),
            ("first_step", integer(|s| s.first.step)),
            ("first_timestamp", integer(|s| s.first.timestamp_ms)),
            ("first_value", double(|s| s.first.value)),
            ("last_step", integer(|s| s.last.step)),
            ("last_timestamp", integer(|s| s.last.timestamp_ms)),
            ("last_value", double(|s| s.last.value)),
            ("min", double(|s| s.min)),
            ("min_step", integer(|s| s.min_step)),
            ("max", double(|s| s.max)),
            ("max_step", integer(|s| s.max_step)),
            ("sum", double(|s| s.sum)),
            ("max_timestamp", integer(|s| s.max_timestamp_ms)),
        ]
        .map(|(name, column)| (name, column, false)),
    )
}
