//! Metric keys: which texts are legal. `runlake.names` decides; what is plainly legal does not go there.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::errors::{BoundaryError, BoundaryResult};

/// Longest key in characters.
const LONGEST: usize = 250;

/// The string that names a metric, or a complaint about its type.
pub fn string<'a, 'py>(key: &'a Bound<'py, PyAny>) -> BoundaryResult<&'a Bound<'py, PyString>> {
    if let Ok(key) = key.cast::<PyString>() {
        return Ok(key);
    }
    ask_python(key)?;
    Err(PyTypeError::new_err("metric key is not a string").into())
}

/// The text of a key; a lone surrogate has none.
pub fn text<'a>(key: &'a Bound<'_, PyString>) -> BoundaryResult<&'a str> {
    key.to_str().map_err(|cause| {
        BoundaryError::from_conversion(
            key.py(),
            cause,
            "metric key is not valid Unicode; it holds a lone surrogate",
        )
    })
}

/// Refuses a key that MLflow would refuse.
pub fn check(py: Python<'_>, key: &str) -> BoundaryResult<()> {
    if is_plain(key) {
        Ok(())
    } else {
        ask_python(PyString::new(py, key).as_any())
    }
}

/// Whether a key is legal at first sight.
fn is_plain(key: &str) -> bool {
    let legal = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b':' | b'/' | b' ');
    key.len() <= LONGEST && key.bytes().all(legal) && !key.split('/').any(|part| matches!(part, "" | "." | ".."))
}

fn ask_python(key: &Bound<'_, PyAny>) -> BoundaryResult<()> {
    key.py().import("runlake.names")?.call_method1("check_key", (key,))?;
    Ok(())
}
