//! One row of `RunLogger.log`: a value for each of several keys, read from a mapping before anything is stored.

use std::cell::Cell;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};
use runlake_engine::{SeriesId, Writer};

use crate::errors::{BoundaryResult, invalid_type};
use crate::run::{Binding, Run};
use crate::{key, number, plain};

/// Series and values, in the order of the mapping.
pub type Points = Vec<(SeriesId, f64)>;

thread_local! {
    /// Memory of the last row, so that the next one allocates nothing.
    static SPARE: Cell<Points> = const { Cell::new(Vec::new()) };
}

/// Memory for one row; given back when dropped.
pub struct Row(Points);

impl Row {
    /// An empty row.
    pub fn new() -> Self {
        Self(SPARE.try_with(Cell::take).unwrap_or_default())
    }

    /// What was read.
    pub fn points(&self) -> &[(SeriesId, f64)] {
        &self.0
    }

    /// Reads a dict of plain numbers, and gives the writer for them. Nothing when there is anything else in it, a key
    /// is illegal, or the run has ended.
    #[inline]
    pub fn read_plain<'a>(&mut self, run: &'a Run, metrics: &Bound<'_, PyDict>) -> Option<&'a Writer> {
        self.0.clear();
        let writer = run.writer()?;
        let plain = plain::each_item(metrics, |key, value| {
            let Some(value) = plain::value(value) else { return false };
            let Some(series) = run.known(key).or_else(|| first_use(run, key)) else {
                return false;
            };
            self.0.push((series, value));
            true
        });
        plain.then_some(writer)
    }

    /// Takes values that were converted before.
    pub fn bind(&mut self, run: &Run, pairs: &[(Bound<'_, PyString>, f64)]) -> BoundaryResult<()> {
        self.0.clear();
        for (key, value) in pairs {
            self.0.push((run.bind(key)?.series(), *value));
        }
        Ok(())
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        let _ = SPARE.try_with(|spare| spare.set(std::mem::take(&mut self.0)));
    }
}

/// The series of a key that is new, or the same text in another object. Python code may run when the key looks illegal,
/// so the key is kept alive.
#[cold]
fn first_use(run: &Run, key: &Bound<'_, PyAny>) -> Option<SeriesId> {
    let key = key.clone();
    Python::attach(|_| run.bind(key.cast_exact::<PyString>().ok()?).ok().map(Binding::series))
}

/// Converts the items of any mapping; `__float__`, `items` and whatever else it has may run.
pub fn convert<'py>(metrics: &Bound<'py, PyAny>) -> BoundaryResult<Vec<(Bound<'py, PyString>, f64)>> {
    let Ok(metrics) = metrics.cast::<PyMapping>() else {
        let kind = metrics.get_type().name()?.to_string();
        return Err(invalid_type(format!(
            "metrics have type {kind}; log takes a mapping of keys to numbers"
        )));
    };
    let items = metrics.items()?;
    let mut pairs = Vec::with_capacity(items.len());
    for item in items {
        let (key, value): (Bound<'py, PyAny>, Bound<'py, PyAny>) = item.extract()?;
        let key = key::string(&key)?;
        pairs.push((key.clone(), number::value(&value, key::text(key)?)?));
    }
    Ok(pairs)
}
