//! Arrow data through the PyCapsule protocol, in both directions, with no Arrow library on the Python side.

#![expect(unsafe_code, reason = "capsules carry C structures by address")]

use std::ffi::CStr;
use std::ptr::NonNull;

use arrow_array::cast::AsArray;
use arrow_array::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use arrow_array::ffi_stream::{ArrayStreamReader, FFI_ArrowArrayStream};
use arrow_array::{Array, ArrayReader, ArrayRef, RecordBatch, RecordBatchIterator, make_array};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyTuple};

use crate::errors::{BoundaryError, BoundaryResult, invalid_input, invalid_type};

const STREAM: &CStr = c"arrow_array_stream";
const SCHEMA: &CStr = c"arrow_schema";
const ARRAY: &CStr = c"arrow_array";

/// Batches as they come.
pub struct Reader {
    schema: SchemaRef,
    arrays: Box<dyn Iterator<Item = Result<ArrayRef, ArrowError>> + Send>,
}

impl Reader {
    fn new(
        kind: DataType,
        arrays: impl Iterator<Item = Result<ArrayRef, ArrowError>> + Send + 'static,
    ) -> BoundaryResult<Self> {
        let DataType::Struct(fields) = kind else {
            return Err(invalid_type(format!(
                "the Arrow array has type {kind}; log_points takes a table or a record batch"
            )));
        };
        Ok(Self {
            schema: SchemaRef::new(Schema::new(fields)),
            arrays: Box::new(arrays),
        })
    }

    /// What every batch has.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }
}

impl Iterator for Reader {
    type Item = BoundaryResult<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let array = self.arrays.next()?;
        Some(
            array
                .map_err(|error| unreadable(&error))
                .and_then(|array| batch(&array)),
        )
    }
}

/// The columns of rows of which none is null; what a null row masks is no point.
fn batch(array: &ArrayRef) -> BoundaryResult<RecordBatch> {
    match array.null_count() {
        0 => Ok(RecordBatch::from(array.as_struct())),
        nulls => Err(invalid_input(format!(
            "the Arrow data has {nulls} nulls among its {} rows; every row is a point",
            array.len()
        ))
        .hint("drop those rows first")),
    }
}

/// Reads what an object exports by `__arrow_c_stream__` or `__arrow_c_array__`.
pub fn read(table: &Bound<'_, PyAny>) -> BoundaryResult<Reader> {
    if let Some(export) = table.getattr_opt("__arrow_c_stream__")? {
        let capsule = export.call0()?;
        let mut stream = capsule_content::<FFI_ArrowArrayStream>(&capsule, STREAM)?;
        // SAFETY: the protocol says that the capsule holds a valid stream; `from_raw` moves it out and leaves it marked
        // as released, so that the capsule's destructor does not release it again. The capsule is alive, and nobody
        // else uses it.
        let reader = unsafe { ArrayStreamReader::from_raw(stream.as_mut()) };
        let reader = reader.map_err(|error| unreadable(&error))?;
        return Reader::new(reader.field().data_type().clone(), reader);
    }
    if let Some(export) = table.getattr_opt("__arrow_c_array__")? {
        let capsules = export.call0()?.cast_into::<PyTuple>().map_err(PyErr::from)?;
        let array = read_array(&capsules.get_item(0)?, &capsules.get_item(1)?)?;
        return Reader::new(array.data_type().clone(), std::iter::once(Ok(array)));
    }
    let kind = table.get_type().name()?.to_string();
    Err(invalid_type(format!(
        "a {kind} is no Arrow data; log_points takes what has __arrow_c_stream__ or __arrow_c_array__"
    ))
    .hint("polars, pyarrow, pandas and DuckDB tables have it; dict columns go through polars.DataFrame(...)"))
}

fn read_array(schema: &Bound<'_, PyAny>, array: &Bound<'_, PyAny>) -> BoundaryResult<ArrayRef> {
    let schema = capsule_content::<FFI_ArrowSchema>(schema, SCHEMA)?;
    let array = capsule_content::<FFI_ArrowArray>(array, ARRAY)?;
    // SAFETY: the protocol says that the capsules hold a valid schema and a valid array of it. The array is moved out
    // and left marked as released; the schema is only read. The capsules are alive, and nobody else uses them.
    let data = unsafe { from_ffi(FFI_ArrowArray::from_raw(array.as_ptr()), schema.as_ref()) };
    data.map(make_array).map_err(|error| unreadable(&error))
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
