//! Arrow data through the PyCapsule protocol, in both directions, with no Arrow library on the Python side.

#![expect(unsafe_code, reason = "capsules carry C structures by address")]

use std::ffi::CStr;
use std::ptr::NonNull;

use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{FFI_ArrowArrayStream, RecordBatchStreamReader};
use arrow_array::{RecordBatch, RecordBatchIterator, RecordBatchReader, StructArray};
use arrow_schema::{ArrowError, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::errors::{BoundaryError, BoundaryResult, invalid_input, invalid_type};

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// Batches as they come.
pub type Reader = Box<dyn RecordBatchReader + Send>;

/// Reads what an object exports by `__arrow_c_stream__` or `__arrow_c_array__`.
pub fn read(table: &Bound<'_, PyAny>) -> BoundaryResult<Reader> {
    if let Some(export) = table.getattr_opt("__arrow_c_stream__")? {
        let capsule = export.call0()?;
        let mut stream = capsule_content::<FFI_ArrowArrayStream>(&capsule, STREAM)?;
        // SAFETY: the protocol says that the capsule holds a valid stream; `from_raw` moves it out and leaves it marked
        // as released, so that the capsule's destructor does not release it again. The capsule is alive, and nobody
        // else uses it.
        let reader = unsafe { RecordBatchStreamReader::from_raw(stream.as_mut()) };
        return Ok(Box::new(reader.map_err(|error| unreadable(&error))?));
    }
    if let Some(export) = table.getattr_opt("__arrow_c_array__")? {
        let capsules = export.call0()?.cast_into::<PyTuple>().map_err(PyErr::from)?;
        let batch = read_array(&capsules.get_item(0)?, &capsules.get_item(1)?)?;
        let schema = batch.schema();
        return Ok(Box::new(RecordBatchIterator::new([Ok(batch)], schema)));
    }
    let kind = table.get_type().name()?.to_string();
    Err(invalid_type(format!(
        "a {kind} is no Arrow data; log_points takes what has __arrow_c_stream__ or __arrow_c_array__"
    ))
    .hint("polars, pyarrow, pandas and DuckDB tables have it; dict columns go through polars.DataFrame(...)"))
}

fn read_array(schema: &Bound<'_, PyAny>, array: &Bound<'_, PyAny>) -> BoundaryResult<RecordBatch> {
    let schema = capsule_content::<FFI_ArrowSchema>(schema, SCHEMA)?;
    let array = capsule_content::<FFI_ArrowArray>(array, ARRAY)?;
    // SAFETY: the protocol says that the capsules hold a valid schema and a valid array of it. The array is moved out
    // and left marked as released; the schema is only read. The capsules are alive, and nobody else uses them.
    let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
    let data = data.map_err(|error| unreadable(&error))?;
    if !matches!(data.data_type(), arrow_schema::DataType::Struct(_)) {
        return Err(invalid_type(format!(
            "the Arrow array has type {}; log_points takes a table or a record batch",
            data.data_type()
        )));
    }
    match data.null_count() {
        0 => Ok(RecordBatch::from(StructArray::from(data))),
        nulls => Err(
            invalid_input(format!("the Arrow array has {nulls} nulls; every row is a point"))
                .hint("drop those rows first"),
        ),
    }
}

/// The C structure that a capsule of that name holds, or a complaint.
fn capsule_content<T>(capsule: &Bound<'_, PyAny>, name: &CStr) -> BoundaryResult<NonNull<T>> {
    let capsule = capsule.cast::<PyCapsule>().map_err(PyErr::from)?;
    Ok(capsule.pointer_checked(Some(name))?.cast())
}

/// What the exporter's library says, in one sentence.
pub fn unreadable(error: &ArrowError) -> BoundaryError {
    invalid_input(format!("the Arrow data cannot be read: {error}"))
}

/// Record batches for any Arrow library; each export starts from the first one.
#[pyclass(frozen, module = "runlake._engine")]
pub struct ArrowStream {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl ArrowStream {
    /// A stream of batches that all have `schema`.
    pub fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }
}

#[pymethods]
impl ArrowStream {
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let _ = requested_schema;
        let batches = self.batches.clone().into_iter().map(Ok);
        let reader = RecordBatchIterator::new(batches, self.schema.clone());
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), STREAM)
    }
}
