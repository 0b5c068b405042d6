//! Numbers: what a user may pass as a value, a step or a timestamp.
//!
//! Anything but plain floats and ints may run Python code of the user's when it is read, so it is read before any lock
//! is taken.

use std::fmt::Display;

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyFloat, PyString, PyTuple};

use crate::errors::{BoundaryError, BoundaryResult, invalid_input, invalid_type};
use crate::plain;

/// Two to the 63rd: floats from minus this up to just below it fit an i64.
const I64_END: f64 = 9_223_372_036_854_775_808.0;

/// Converts as `float()` does, and arrays of one element by their element. `of` names the key in complaints.
pub fn value(object: &Bound<'_, PyAny>, of: &str) -> BoundaryResult<f64> {
    match plain::value(object) {
        Some(value) => Ok(value),
        None => unusual_value(object, of),
    }
}

#[cold]
fn unusual_value(object: &Bound<'_, PyAny>, of: &str) -> BoundaryResult<f64> {
    if object.is_none() {
        return Err(invalid_type(format!("value of '{of}' is None; a value is a number")));
    }
    let what = format_args!("value of '{of}'");
    let object = &element(object, &what)?;
    if let Some(value) = plain::value(object) {
        return Ok(value);
    }
    if object.is_instance_of::<PyComplex>() {
        return Err(invalid_type(format!(
            "{what} is complex: {}; a value is a real number",
            shown(object)
        )));
    }
    as_float(object).map_err(|cause| {
        let message = format!("{what} is not a number: {}", shown(object));
        BoundaryError::from_conversion(object.py(), cause, message)
    })
}

/// What `float(object)` gives.
fn as_float(object: &Bound<'_, PyAny>) -> PyResult<f64> {
    // The number protocol is the shorter way, but knows no texts, and takes a float as it is even if its class says otherwise.
    let number = !object.is_instance_of::<PyFloat>() && object.hasattr(intern!(object.py(), "__float__"))?;
    if number {
        return object.extract();
    }
    object.py().get_type::<PyFloat>().call1((object,))?.extract()
}

/// An integer, or an integral float, in 64 bits. `what` names it in complaints.
pub fn integer(object: &Bound<'_, PyAny>, what: &str, fraction: Fraction) -> BoundaryResult<i64> {
    match plain::integer(object) {
        Some(integer) => Ok(integer),
        None => unusual_integer(object, what, fraction),
    }
}

/// A step: an int, or a float without a fraction, in 64 bits.
pub fn step(object: &Bound<'_, PyAny>) -> BoundaryResult<i64> {
    integer(object, "step", Fraction::Refused)
}

/// A timestamp in milliseconds since 1970, from 0 on; a fraction of a millisecond is cut off.
pub fn timestamp(object: &Bound<'_, PyAny>) -> BoundaryResult<i64> {
    non_negative(integer(object, "timestamp", Fraction::CutOff)?)
}

/// Refuses times before 1970, which MLflow's clients cannot show.
pub fn non_negative(timestamp_ms: i64) -> BoundaryResult<i64> {
    if timestamp_ms < 0 {
        return Err(invalid_input(format!(
            "timestamp {timestamp_ms} is negative; it counts milliseconds since 1970"
        )));
    }
    Ok(timestamp_ms)
}

/// The complaint about an integer that does not fit.
pub fn out_of_range(what: impl Display, value: impl Display) -> BoundaryError {
    invalid_input(format!("{what} {value} is outside the range of 64-bit integers"))
}

/// What to do with a number that is not whole.
#[derive(Clone, Copy, PartialEq)]
pub enum Fraction {
    /// It is a mistake.
    Refused,
    /// It is rounded towards zero.
    CutOff,
}

/// Makes a whole number of a float. `what` names it in complaints.
pub fn whole(float: f64, what: impl Display, fraction: Fraction) -> BoundaryResult<i64> {
    if !(-I64_END..I64_END).contains(&float) {
        return Err(out_of_range(what, float));
    }
    if float.fract() != 0.0 && fraction == Fraction::Refused {
        return Err(invalid_input(format!(
            "{what} {float} has a fraction; it must be a whole number"
        )));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked, and the fraction is to be cut"
    )]
    Ok(float as i64)
}

#[cold]
fn unusual_integer(object: &Bound<'_, PyAny>, what: &str, fraction: Fraction) -> BoundaryResult<i64> {
    let py = object.py();
    let object = &element(object, &what)?;
    match object.extract::<i64>() {
        Ok(integer) => return Ok(integer),
        Err(cause) if cause.is_instance_of::<PyOverflowError>(py) => {
            return Err(out_of_range(what, shown(object)));
        }
        Err(cause) if cause.is_instance_of::<PyTypeError>(py) => {}
        Err(cause) => return Err(cause.into()),
    }
    if !object.hasattr(intern!(py, "__float__"))? {
        let kind = object.get_type().name()?.to_string();
        return Err(invalid_type(format!(
            "{what} has type {kind}: {}; it must be an integer",
            shown(object)
        )));
    }
    match as_float(object) {
        Ok(float) => whole(float, what, fraction),
        Err(cause) => {
            let message = format!("{what} is not an integer: {}", shown(object));
            Err(BoundaryError::from_conversion(py, cause, message))
        }
    }
}

/// The one element of an array or tensor, as a Python number; anything without a shape is given back.
fn element<'py>(object: &Bound<'py, PyAny>, what: &dyn Display) -> BoundaryResult<Bound<'py, PyAny>> {
    let usual =
        object.is_instance_of::<PyFloat>() || object.is_instance_of::<PyString>() || object.is_instance_of::<PyBool>();
    let shape = if usual { None } else { shape(object) };
    match shape {
        None => Ok(object.clone()),
        Some(shape) if shape.is_empty() && is_real(object)? => Ok(object.clone()),
        Some(shape) if shape.iter().all(|length| *length == 1) => {
            match object.getattr_opt(intern!(object.py(), "item"))? {
                Some(item) => Ok(item.call0()?),
                None => Ok(object.clone()),
            }
        }
        Some(shape) => Err(
            invalid_input(format!("{what} has shape {}; it must be one number", tuple(&shape)))
                .hint("log_arrays takes whole arrays"),
        ),
    }
}

/// Whether a scalar's dtype is one of NumPy's and not complex: then `float()` loses nothing, and is quicker than `item()`.
fn is_real(scalar: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = scalar.py();
    let Some(dtype) = scalar.getattr_opt(intern!(py, "dtype"))? else {
        return Ok(false);
    };
    let kind = dtype.getattr_opt(intern!(py, "kind"))?;
    Ok(kind.is_some_and(|kind| !kind.eq(intern!(py, "c")).unwrap_or(true)))
}

/// The `shape` of an array-like object; None for other objects.
pub fn shape(object: &Bound<'_, PyAny>) -> Option<Vec<usize>> {
    let shape = object.getattr_opt(intern!(object.py(), "shape")).ok().flatten()?;
    let shape = shape.cast_into::<PyTuple>().ok()?;
    shape.iter().map(|length| length.extract().ok()).collect()
}

/// A shape as Python shows it.
pub fn tuple(shape: &[usize]) -> String {
    match shape {
        [one] => format!("({one},)"),
        many => format!(
            "({})",
            many.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
    }
}

/// The `repr` of an object in at most 60 characters.
pub fn shown(object: &Bound<'_, PyAny>) -> String {
    const LONGEST: usize = 60;
    let text = object
        .repr()
        .map_or_else(|_| "an object without repr".to_owned(), |text| text.to_string());
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
