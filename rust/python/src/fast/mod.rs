//! The shortcut: `Metric.log`, `RunLogger.log` and `log_metric` for the calls that a training loop makes.
//!
//! PyO3's own entry costs 19 ns a call of `Metric.log` and 45 ns a call of `log_metric` more than these functions,
//! which is more than the journal itself. They are registered as METH_FASTCALL | METH_KEYWORDS, the form that the
//! specialising interpreter calls directly, and are quick where values, steps and times are exact floats and ints,
//! keywords are interned, and keys were seen before. A call is either stored, or nothing was done; then it goes, with the
//! same arguments, to PyO3's `log` of the class, or to the Python function given to `set_slow_path`.

mod arguments;
mod entry;

use std::cell::RefCell;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use runlake_engine::{Point, SeriesId, Writer, now_ms};

use crate::errors::{BoundaryError, BoundaryResult};
use crate::logger::{Metric, RunLogger};
use crate::row::Row;
use crate::run::Run;
use crate::{append, number, plain};
use arguments::{Arguments, Name};
pub use entry::register;

/// Parameters of `Metric.log`, of `RunLogger.log` and of `log_metric`.
static METRIC_LOG: [Name; 3] = [Name::new("value"), Name::new("step"), Name::new("timestamp")];
static ROW_LOG: [Name; 3] = [Name::new("metrics"), Name::new("step"), Name::new("timestamp")];
static LOG_METRIC: [Name; 8] = [
    Name::new("key"),
    Name::new("value"),
    Name::new("step"),
    Name::new("synchronous"),
    Name::new("timestamp"),
    Name::new("run_id"),
    Name::new("model_id"),
    Name::new("dataset"),
];

/// What takes the calls that `log_metric` does not.
static SLOW_PATH: Mutex<Option<Py<PyAny>>> = Mutex::new(None);

thread_local! {
    /// What `log_metric` logs to in this thread.
    static ACTIVE: RefCell<Option<Arc<Run>>> = const { RefCell::new(None) };
}

fn slow_path(py: Python<'_>) -> Option<Py<PyAny>> {
    SLOW_PATH.lock().as_ref().map(|slow| slow.clone_ref(py))
}

/// Sets the run of the calling thread.
#[pyfunction]
pub fn set_active_logger(logger: Option<&Bound<'_, RunLogger>>) {
    let run = logger.map(|logger| logger.get().run().clone());
    // A thread that is past its thread-locals logs no more.
    let former = ACTIVE.try_with(|active| active.replace(run));
    drop(former);
}

/// Sets what takes the calls that the shortcut does not.
#[pyfunction]
pub fn set_slow_path(function: Py<PyAny>) {
    let former = SLOW_PATH.lock().replace(function);
    drop(former);
}

/// What came of a call.
enum Attempt {
    Stored,
    /// Nothing was done.
    NotTaken,
    /// To be raised as it is.
    Raised(PyErr),
}

/// For `log_metric` and handles: what is no error but an interrupt (KeyboardInterrupt, SystemExit) is raised, and everything
/// else is left to whoever takes the call next.
impl From<BoundaryError> for Attempt {
    fn from(error: BoundaryError) -> Self {
        match error {
            BoundaryError::Python(error) if Python::attach(|py| !error.is_instance_of::<PyException>(py)) => {
                Self::Raised(*error)
            }
            _ => Self::NotTaken,
        }
    }
}

#[inline(always)]
fn log_to_metric(metric: &Metric, arguments: Arguments<'_>) -> Attempt {
    let point = match arguments.pair() {
        Some([value, step]) => match (plain::value(&value), plain::integer(&step)) {
            (Some(value), Some(step)) => return log_now(metric, step, value),
            _ => point(&value, Some(&step), None),
        },
        None => match arguments.sort(&METRIC_LOG) {
            Some([Some(value), Some(step), timestamp]) => point(&value, Some(&step), timestamp.as_deref()),
            _ => return Attempt::NotTaken,
        },
    };
    let point = match point {
        Ok(point) => point,
        Err(error) => return error.into(),
    };
    match metric.bound().map(|(writer, series)| writer.try_append(series, point)) {
        Some(Some(_)) => Attempt::Stored,
        _ => Attempt::NotTaken,
    }
}

/// Most calls: the clock is read where the point is stored, for one that is held back has a cheaper one.
#[inline(always)]
fn log_now(metric: &Metric, step: i64, value: f64) -> Attempt {
    match metric
        .bound()
        .map(|(writer, series)| writer.try_append_now(series, step, value))
    {
        Some(Some(_)) => Attempt::Stored,
        _ => Attempt::NotTaken,
    }
}

#[inline]
fn log_row(logger: &RunLogger, arguments: Arguments<'_>) -> Attempt {
    let Some([Some(metrics), step, timestamp]) = arguments.sort(&ROW_LOG) else {
        return Attempt::NotTaken;
    };
    let Ok(metrics) = metrics.cast_exact::<PyDict>() else {
        return Attempt::NotTaken;
    };
    let given = match (step.as_deref().map(plain::integer), timestamp) {
        (None, None) => None,
        (Some(Some(step)), None) => Some(step),
        _ => return Attempt::NotTaken,
    };
    let timestamp_ms = now_ms();
    let mut row = Row::new();
    let Some(writer) = row.read_plain(logger.run(), &metrics) else {
        return row_unhurried(logger, &metrics, given, timestamp_ms);
    };
    let points = row.points();
    if points.is_empty() {
        return Attempt::Stored;
    }
    let step = given.unwrap_or_else(|| logger.run().next_step());
    let stored = writer.try_append_row(step, timestamp_ms, points);
    if stored == 0 {
        return row_unhurried(logger, &metrics, given, timestamp_ms);
    }
    logger.run().passed(step);
    if stored < points.len() {
        rest_of_row(writer, step, timestamp_ms, &points[stored..])
    } else {
        Attempt::Stored
    }
}

/// Values that are no plain numbers, illegal keys, a run that ended, a writer of a parent process.
#[cold]
fn row_unhurried(logger: &RunLogger, metrics: &Bound<'_, PyDict>, step: Option<i64>, timestamp_ms: i64) -> Attempt {
    let stored = Python::attach(|_| logger.log_row(metrics, step, timestamp_ms));
    stored.map_or_else(|error| Attempt::Raised(error.into()), |()| Attempt::Stored)
}

#[cold]
fn rest_of_row(writer: &Writer, step: i64, timestamp_ms: i64, points: &[(SeriesId, f64)]) -> Attempt {
    let stored = Python::attach(|py| append::row(py, writer, step, timestamp_ms, points));
    stored.map_or_else(|error| Attempt::Raised(error.into()), |()| Attempt::Stored)
}

#[inline]
fn log_to_active(arguments: Arguments<'_>) -> Attempt {
    let Some([Some(key), Some(value), step, synchronous, timestamp, None, None, None]) = arguments.sort(&LOG_METRIC)
    else {
        return Attempt::NotTaken;
    };
    if synchronous.is_some_and(|synchronous| !synchronous.is(&*PyBool::new(arguments.py(), true))) {
        return Attempt::NotTaken;
    }
    let point = match point(&value, step.as_deref(), timestamp.as_deref()) {
        Ok(point) => point,
        Err(error) => return error.into(),
    };
    let stored = ACTIVE.try_with(|active| {
        let active = active.borrow();
        let run = active.as_ref()?;
        run.writer()?.try_append(run.known(&key)?, point)
    });
    match stored {
        Ok(Some(_)) => Attempt::Stored,
        _ => log_unhurried(&key, point),
    }
}

/// A key that is new, or the same text in another object; a point that has to wait; the first one after a fork.
#[cold]
fn log_unhurried(key: &Bound<'_, PyAny>, point: Point) -> Attempt {
    Python::attach(|py| {
        let run = ACTIVE.try_with(|active| active.borrow().clone()).ok().flatten();
        let (Some(run), Ok(key)) = (run, key.cast::<PyString>()) else {
            return Attempt::NotTaken;
        };
        let stored = run.with_writer(py, |writer| append::point(py, writer, run.bind(key)?.series(), point));
        stored.map_or_else(Attempt::from, |()| Attempt::Stored)
    })
}

#[inline(always)]
fn point(
    value: &Bound<'_, PyAny>,
    step: Option<&Bound<'_, PyAny>>,
    timestamp: Option<&Bound<'_, PyAny>>,
) -> BoundaryResult<Point> {
    let value = match plain::value(value) {
        Some(value) => value,
        None => unusual(|| number::value(value, ""))?,
    };
    let step = match step.map(|step| (step, plain::integer(step))) {
        None => 0,
        Some((_, Some(step))) => step,
        Some((step, None)) => unusual(|| number::step(step))?,
    };
    let timestamp_ms = match timestamp {
        None => now_ms(),
        Some(timestamp) => unusual(|| number::timestamp(timestamp))?,
    };
    Ok(Point {
        step,
        timestamp_ms,
        value,
    })
}

/// Runs what may call Python, and so needs PyO3 to know that this thread holds the GIL.
#[cold]
fn unusual<T>(convert: impl FnOnce() -> BoundaryResult<T>) -> BoundaryResult<T> {
    Python::attach(|_| convert())
}
