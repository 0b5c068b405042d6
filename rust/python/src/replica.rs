//! `Replica`: the stream of another store's writer, in a journal here.

use std::path::Path;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyType;
use runlake_engine::{Config, Error as EngineError, Replica as EngineReplica, Seq};

use crate::errors::BoundaryResult;
use crate::file_system::keeping;
use crate::packed::PackedPoints;
use crate::writer::{WriterStats, flush, parse_store_id};

/// The stream of another store's writer.
#[pyclass(frozen, module = "runlake._engine")]
pub struct Replica(EngineReplica);

#[pymethods]
impl Replica {
    #[classmethod]
    #[pyo3(signature = (
        journals, store_id, writer_id, sealed, *, sync_interval_ms=1000, max_block_ms=1000, max_unsealed_bytes=None,
        written=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "the settings of a writer, by keyword")]
    fn open(
        _class: &Bound<'_, PyType>,
        py: Python<'_>,
        journals: &str,
        store_id: &str,
        writer_id: &str,
        sealed: Seq,
        sync_interval_ms: u64,
        max_block_ms: u64,
        max_unsealed_bytes: Option<u64>,
        written: bool,
    ) -> BoundaryResult<Option<Self>> {
        let defaults = Config::default();
        let config = Config {
            sync_interval: Duration::from_millis(sync_interval_ms),
            max_block: Duration::from_millis(max_block_ms),
            max_unsealed_bytes: max_unsealed_bytes.unwrap_or(defaults.max_unsealed_bytes),
            keeping: keeping(written),
            ..defaults
        };
        let (store_id, writer_id) = (parse_store_id(store_id)?, writer_id.parse()?);
        let opened = py.detach(|| EngineReplica::open(Path::new(journals), store_id, writer_id, sealed, config))?;
        Ok(opened.map(Self))
    }

    #[getter]
    fn id(&self) -> String {
        self.0.id().to_string()
    }

    fn append(&self, py: Python<'_>, points: &PackedPoints) -> BoundaryResult<Option<Seq>> {
        match py.detach(|| self.0.append(points.engine())) {
            Ok(have) => Ok(Some(have)),
            Err(EngineError::Ahead { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    #[pyo3(signature = (timeout_ms=None))]
    fn flush(&self, py: Python<'_>, timeout_ms: Option<u64>) -> BoundaryResult<Seq> {
        flush(py, timeout_ms, |slice| self.0.flush(slice))
    }

    fn stats(&self, py: Python<'_>) -> WriterStats {
        py.detach(|| self.0.stats()).into()
    }

    fn trim(&self, py: Python<'_>, sealed: Seq) -> BoundaryResult<()> {
        Ok(py.detach(|| self.0.trim(sealed))?)
    }

    fn close(&self, py: Python<'_>) -> BoundaryResult<()> {
        Ok(py.detach(|| self.0.close())?)
    }
}
