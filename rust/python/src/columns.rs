//! `RunLogger.log_arrays`: whole columns of one key.
//!
//! Everything is checked before the first point is stored. Then the columns are copied into the journal slice by slice:
//! each one is converted with the GIL, into memory that stays in the cache, and stored without it.

use std::ops::Range;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyString};
use runlake_engine::{Times, now_ms};

use crate::buffer::{Strided, Unfit};
use crate::errors::{BoundaryError, BoundaryResult, invalid_input, invalid_type};
use crate::key;
use crate::number::{self, Fraction};
use crate::run::Run;

/// Points in one slice: its columns take 512 KiB.
const SLICE: usize = 32 << 10;

/// Numbers, where they are or, if they are no buffer, copied.
enum Column<T> {
    Shared(Strided),
    Copied(Vec<T>),
}

/// Timestamps, all the same or one a point.
enum Timestamps {
    Constant(i64),
    Column(Column<i64>),
}

/// Logs columns of equal length and returns how many points were stored.
pub fn log(
    run: &Run,
    key: &Bound<'_, PyString>,
    steps: &Bound<'_, PyAny>,
    values: &Bound<'_, PyAny>,
    timestamps: Option<&Bound<'_, PyAny>>,
) -> BoundaryResult<u64> {
    let py = key.py();
    let columns = Columns::read(key::text(key)?, steps, values, timestamps)?;
    let (mut stored, mut spare) = (0, Spare::default());
    for range in slices(columns.values.len()) {
        if range.start > 0 {
            py.check_signals()?;
        }
        let (steps, times, values) = columns.slice(range, &mut spare);
        stored += run.with_writer(py, |writer| {
            let series = run.bind(key)?.series();
            Ok(py.detach(|| writer.append_column(series, steps, times, values))?)
        })?;
    }
    Ok(stored)
}

/// Parts of `0..len`; one that is empty when there is nothing.
fn slices(len: usize) -> impl Iterator<Item = Range<usize>> {
    (0..len.max(1))
        .step_by(SLICE)
        .map(move |start| start..len.min(start + SLICE))
}

/// What one call logs, checked.
struct Columns {
    steps: Column<i64>,
    timestamps: Timestamps,
    values: Column<f64>,
}

/// Memory for one slice of each column.
#[derive(Default)]
struct Spare {
    steps: Vec<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
}

impl Columns {
    fn read(
        key: &str,
        steps: &Bound<'_, PyAny>,
        values: &Bound<'_, PyAny>,
        timestamps: Option<&Bound<'_, PyAny>>,
    ) -> BoundaryResult<Self> {
        let name = format!("values of '{key}'");
        let values = doubles(values, &name, key)?;
        let steps = integers(steps, "steps", "step", Fraction::Refused)?;
        let timestamps = read_timestamps(timestamps)?;
        equal_length(("steps", steps.len()), (&name, values.len()))?;
        if let Timestamps::Column(timestamps) = &timestamps {
            equal_length(("timestamps", timestamps.len()), (&name, values.len()))?;
        }
        Ok(Self {
            steps,
            timestamps,
            values,
        })
    }

    fn slice<'a>(&'a self, range: Range<usize>, spare: &'a mut Spare) -> (&'a [i64], Times<'a>, &'a [f64]) {
        let times = match &self.timestamps {
            Timestamps::Constant(timestamp_ms) => Times::Constant(*timestamp_ms),
            Timestamps::Column(column) => Times::Slice(column.slice(range.clone(), &mut spare.times)),
        };
        let steps = self.steps.slice(range.clone(), &mut spare.steps);
        (steps, times, self.values.slice(range, &mut spare.values))
    }
}

impl Column<f64> {
    fn slice<'a>(&'a self, range: Range<usize>, spare: &'a mut Vec<f64>) -> &'a [f64] {
        match self {
            Self::Copied(values) => &values[range],
            Self::Shared(buffer) => {
                spare.clear();
                buffer.read_doubles(range, spare);
                spare
            }
        }
    }
}

impl Column<i64> {
    fn slice<'a>(&'a self, range: Range<usize>, spare: &'a mut Vec<i64>) -> &'a [i64] {
        match self {
            Self::Copied(values) => &values[range],
            Self::Shared(buffer) => {
                spare.clear();
                buffer.read_integers(range, spare);
                spare
            }
        }
    }
}

impl<T> Column<T> {
    fn len(&self) -> usize {
        match self {
            Self::Shared(buffer) => buffer.len(),
            Self::Copied(values) => values.len(),
        }
    }
}

fn doubles(object: &Bound<'_, PyAny>, name: &str, key: &str) -> BoundaryResult<Column<f64>> {
    match shared(object, name)? {
        Some(buffer) => Ok(Column::Shared(buffer)),
        None => iterate(object, name, |element| number::value(element, key)).map(Column::Copied),
    }
}

/// `plural` names the column in complaints, `singular` one of its elements.
fn integers(
    object: &Bound<'_, PyAny>,
    plural: &str,
    singular: &'static str,
    fraction: Fraction,
) -> BoundaryResult<Column<i64>> {
    match shared(object, plural)? {
        Some(buffer) => {
            buffer.check_integers(singular, fraction)?;
            Ok(Column::Shared(buffer))
        }
        None => iterate(object, plural, |element| number::integer(element, singular, fraction)).map(Column::Copied),
    }
}

fn read_timestamps(object: Option<&Bound<'_, PyAny>>) -> BoundaryResult<Timestamps> {
    let Some(object) = object else {
        return Ok(Timestamps::Constant(now_ms()));
    };
    let single = object.is_instance_of::<PyInt>() || object.is_instance_of::<PyFloat>();
    if single || number::shape(object).is_some_and(|shape| shape.is_empty()) {
        return number::timestamp(object).map(Timestamps::Constant);
    }
    let column = integers(object, "timestamps", "timestamp", Fraction::CutOff)?;
    let mut spare = Vec::new();
    for range in slices(column.len()) {
        let smallest = column.slice(range, &mut spare).iter().min();
        smallest.map_or(Ok(0), |smallest| number::non_negative(*smallest))?;
    }
    Ok(Timestamps::Column(column))
}

/// The memory of an object that exports a buffer, or can be made into an array that does; None for other objects.
fn shared(object: &Bound<'_, PyAny>, name: &str) -> BoundaryResult<Option<Strided>> {
    if let Ok(buffer) = PyUntypedBuffer::get(object) {
        return Strided::new(buffer)
            .map(Some)
            .map_err(|unfit| complaint(object, name, &unfit));
    }
    let Some(to_array) = object.getattr_opt(intern!(object.py(), "__array__"))? else {
        return Ok(None);
    };
    let array = to_array.call0().map_err(|cause| {
        let message = format!("{name} cannot be read as an array: {cause}");
        BoundaryError::from_conversion(object.py(), cause, message)
    })?;
    match PyUntypedBuffer::get(&array)
        .map_err(|_| Unfit::Shape)
        .and_then(Strided::new)
    {
        Ok(buffer) => Ok(Some(buffer)),
        Err(unfit) => Err(complaint(&array, name, &unfit)),
    }
}

fn iterate<T>(
    object: &Bound<'_, PyAny>,
    name: &str,
    convert: impl Fn(&Bound<'_, PyAny>) -> BoundaryResult<T>,
) -> BoundaryResult<Vec<T>> {
    let no_column = || {
        let kind = object
            .get_type()
            .name()
            .map_or_else(|_| "?".to_owned(), |name| name.to_string());
        invalid_type(format!(
            "{name} have type {kind}; log_arrays takes arrays or sequences of numbers"
        ))
    };
    if object.is_instance_of::<PyString>() || object.is_instance_of::<PyDict>() {
        return Err(no_column());
    }
    let elements = object.try_iter().map_err(|_| no_column())?;
    elements.map(|element| convert(&element?)).collect()
}

/// Names the shape if that is wrong, or else the dtype.
fn complaint(object: &Bound<'_, PyAny>, name: &str, unfit: &Unfit) -> BoundaryError {
    let shape = number::shape(object);
    if let Some(shape) = shape.filter(|shape| shape.len() != 1) {
        return invalid_input(format!(
            "{name} have shape {}; log_arrays takes shape (n,)",
            number::tuple(&shape)
        ));
    }
    let dtype = object
        .getattr("dtype")
        .map_or_else(|_| "that is not of numbers".to_owned(), |dtype| dtype.to_string());
    match unfit {
        Unfit::ByteOrder => invalid_type(format!(
            "{name} have dtype {dtype}, which is not in this machine's byte order"
        ))
        .hint("array.astype(array.dtype.newbyteorder('=')) converts it"),
        Unfit::Shape | Unfit::Kind => {
            let legal = if name == "steps" || name == "timestamps" {
                "integers"
            } else {
                "float64, float32, float16, bool or integers"
            };
            invalid_type(format!("{name} have dtype {dtype}; log_arrays takes {legal}"))
        }
    }
}

fn equal_length((one, one_len): (&str, usize), (other, other_len): (&str, usize)) -> BoundaryResult<()> {
    if one_len == other_len {
        return Ok(());
    }
    Err(invalid_input(format!(
        "{one} have shape ({one_len},) and {other} have shape ({other_len},); they must be equally long"
    )))
}
