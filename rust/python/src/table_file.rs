//! `TableFile` and `write_table_file`: Arrow tables in one file.

use std::path::Path;

use arrow_array::RecordBatch;
use pyo3::prelude::*;
use pyo3::types::PyIterator;
use runlake_engine::{TableFile as EngineFile, TableFileWriter};

use crate::arrow::{self, ArrowStream};
use crate::errors::BoundaryResult;

/// A mapped file of tables.
#[pyclass(frozen, module = "runlake._engine")]
pub struct TableFile(EngineFile);

#[pymethods]
impl TableFile {
    #[new]
    fn new(py: Python<'_>, path: &str) -> BoundaryResult<Self> {
        Ok(Self(py.detach(|| EngineFile::open(Path::new(path)))?))
    }

    #[getter]
    fn metadata(&self) -> &str {
        self.0.metadata()
    }

    fn tables(&self, section: &str) -> Vec<(&str, u64)> {
        let of_section = self.0.entries().iter().filter(|entry| entry.section == section);
        of_section.map(|entry| (entry.key.as_str(), entry.rows)).collect()
    }

    fn table(&self, py: Python<'_>, section: &str, key: &str) -> BoundaryResult<Option<ArrowStream>> {
        let batch = py.detach(|| self.0.table(section, key))?;
        Ok(batch.map(|batch| ArrowStream::new(batch.schema(), vec![batch])))
    }
}

/// Writes what an iterable gives; an exception of its own leaves nothing behind.
#[pyfunction]
pub fn write_table_file(py: Python<'_>, path: &str, metadata: &str, tables: &Bound<'_, PyAny>) -> BoundaryResult<()> {
    let mut writer = py.detach(|| TableFileWriter::create(Path::new(path)))?;
    for table in PyIterator::from_object(tables)? {
        let (section, key, content) = table?.extract::<(String, String, Bound<'_, PyAny>)>()?;
        let batch = whole(arrow::read(&content)?)?;
        py.detach(|| writer.add(&section, &key, &batch))?;
    }
    Ok(py.detach(|| writer.finish(metadata))?)
}

/// All rows of a table as one batch.
fn whole(reader: arrow::Reader) -> BoundaryResult<RecordBatch> {
    let schema = reader.schema();
    let batches = reader.collect::<BoundaryResult<Vec<_>>>()?;
    match <[RecordBatch; 1]>::try_from(batches) {
        Ok([batch]) => Ok(batch),
        Err(batches) => {
            arrow_select::concat::concat_batches(&schema, &batches).map_err(|error| arrow::unreadable(&error))
        }
    }
}
